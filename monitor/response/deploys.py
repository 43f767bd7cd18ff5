"""Marked deploys: which there were lately, what marking one writes down, and what an incident is told of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from monitor.core.baseline import AFTER_DEPLOY
from monitor.core.incident import duration_text
from monitor.ledger.records import LedgerEvent
from monitor.response.triage import utc

MARKED: Final = "deploy.marked"
KEPT: Final = timedelta(days=2)
"""A day before a first failure a deploy may still speak for a mitigation, and incidents last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploy:
    """
    Attributes:
        at: When it was made, by the wall clock, UTC.
        by: Who marked it: a person, a pipeline, or "watchkeeper", which saw it in Prometheus.
    """

    service: str
    version: str
    at: datetime
    by: str

    def __str__(self) -> str:
        return f"{self.service} {self.version} was deployed at {utc(self.at)}"


def deploys_of(events: Iterable[LedgerEvent]) -> list[Deploy]:
    """Those that the ledger keeps."""
    return [
        Deploy(
            service=event.service,
            version=str(event.attributes["version"]),
            at=datetime.fromisoformat(str(event.attributes["deployed_at"])),
            by=event.author,
        )
        for event in events
        if event.name == MARKED
    ]


def marked(deploy: Deploy, now: datetime, wall: datetime) -> LedgerEvent:
    """What is written down of it."""
    return LedgerEvent(
        name=MARKED,
        at=now,
        wall=wall,
        text=str(deploy),
        author=deploy.by,
        service=deploy.service,
        attributes={"version": deploy.version, "deployed_at": deploy.at.isoformat()},
    )


class Versions:
    """What was last seen to run of each service, and by which query: another query's answers are no news."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[str, frozenset[str]]] = {}

    def see(self, service: str, query: str, running: frozenset[str]) -> str:
        """
        The version that was not there before, in words; empty when nothing is new.

        Nothing running is no news either: between the last old and the first new instance there may be a scrape that
        met neither. And a version that is gone was replaced by one that is told when it comes.
        """
        known_by, before = self._of.get(service, ("", frozenset()))
        if not running:
            return ""
        self._of[service] = (query, running)
        return ", ".join(sorted(running - before)) if known_by == query else ""

    def to_json(self) -> dict[str, object]:
        return {service: [query, *sorted(running)] for service, (query, running) in self._of.items()}

    def restore(self, kept: object) -> None:
        """What `to_json` gave; what does not fit is not known."""
        for service, seen in kept.items() if isinstance(kept, dict) else ():
            if isinstance(seen, list) and seen and all(isinstance(text, str) for text in seen):
                self._of[str(service)] = (seen[0], frozenset(seen[1:]))


class RecentDeploys:
    """Of each service, those that may explain what goes wrong now."""

    def __init__(self) -> None:
        self._of: dict[str, list[Deploy]] = {}

    def restore(self, deploys: Iterable[Deploy], wall: datetime) -> None:
        for deploy in deploys:
            self.add(deploy, wall)

    def add(self, deploy: Deploy, wall: datetime) -> bool:
        """False of one that is known: a pipeline that marks twice, or that marks what Prometheus showed as well."""
        kept = [known for known in self._of.get(deploy.service, ()) if wall - known.at <= KEPT]
        recent = (known for known in kept if wall - known.at <= AFTER_DEPLOY)
        latest = max(recent, key=lambda known: known.at, default=None)
        is_new = latest is None or latest.version != deploy.version
        if is_new:
            kept.append(deploy)
        self._of[deploy.service] = kept
        return is_new

    def known(self, service: str) -> tuple[Deploy, ...]:
        """Of the last two days, and maybe some older ones."""
        return tuple(self._of.get(service, ()))

    def are_told(self, service: str) -> bool:
        """Whether a deploy of it was ever marked."""
        return service in self._of

    def before(self, services: Sequence[str], wall: datetime) -> list[Deploy]:
        """Of the last two hours before *wall*, oldest first."""
        found = [deploy for name in services for deploy in self._of.get(name, ())]
        recent = (deploy for deploy in found if wall - AFTER_DEPLOY <= deploy.at <= wall)
        return sorted(recent, key=lambda deploy: deploy.at)

    def told(
        self, service: str, depends_on: Mapping[str, tuple[str, ...]], first_failure: datetime, wall: datetime
    ) -> list[str]:
        """
        For the timeline of an incident that opens: deploys of its service, and of those that it depends on.

        Args:
            first_failure: By the wall clock.
        """
        return [
            f"{deploy} by {deploy.by}, {_distance(deploy.at, first_failure)}"
            for deploy in self.before((service, *depends_on.get(service, ())), wall)
        ]


def _distance(deployed: datetime, failed: datetime) -> str:
    if deployed <= failed:
        return f"{duration_text(failed - deployed)} before the first failure"
    return f"{duration_text(deployed - failed)} after the first failure"

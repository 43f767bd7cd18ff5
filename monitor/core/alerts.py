"""
Alerts that other systems raised: which of two tellings is the newer one, whose service an alert is of, how bad it says
that it is, and when one that nobody repeats counts as over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from monitor.core.severity import Criticality, Severity

OVERTAKEN: Final = timedelta(minutes=5)
"""Alertmanager's default group_interval: sooner it says nothing new of a group, so what comes sooner was overtaken."""
RESOLVE_TIMEOUT: Final = timedelta(minutes=5)
"""Alertmanager's default: how long after the end that a firing alert announces it is waited for more."""


OWN_LABEL: Final = "watchkeeper_incident"
"""Has the alerts that are made of incidents. One that comes back to us, or to another Watchkeeper, is no news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """
    An alert as another system tells of it once.

    Attributes:
        source: Who tells: `alertmanager` or `grafana`.
        fingerprint: The same for the same labels, whoever of several tells.
        starts_at, ends_at: By the sender's clock. Of a firing one the end is mostly not told.
        links: Addresses for people, by what is found there: `generator`, `dashboard`, ...
    """

    source: str
    fingerprint: str
    firing: bool
    starts_at: datetime
    ends_at: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.source}:{self.fingerprint}"

    @property
    def name(self) -> str:
        return self.labels.get("alertname") or self.fingerprint

    @property
    def summary(self) -> str:
        """Its name, and what whoever wrote the rule says to people."""
        said = self.annotations.get("summary") or self.annotations.get("description") or ""
        return f"{self.name}: {' '.join(said.split())}" if said.strip() else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """
    What one webhook tells.

    Attributes:
        left_out: Alerts of the group that the sender did not send along.
    """

    source: str
    alerts: tuple[Alert, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """
    What was last told of an alert.

    Attributes:
        ends_at: When it ended; of a firing one, when it would end if nobody repeated it, if that was told.
        heard_at: When it was last told, by our own timeline.
        expired: Nobody said that it is over: nobody said anything any more.
    """

    firing: bool
    starts_at: datetime
    ends_at: datetime | None
    heard_at: datetime
    expired: bool = False


class News(StrEnum):
    """What one more telling of an alert is."""

    FIRING = "firing"  # it fires, and did not before
    REPEATED = "repeated"  # known already
    RESOLVED = "resolved"  # it fired and is over
    UNSEEN = "unseen"  # it is over, and nobody had told that it fires
    LATE = "late"  # what was told since is newer


def news(known: Known | None, alert: Alert, now: datetime) -> News:
    """
    Told by the spans of time in which the alert says that it fired. Two senders of one alert may put its beginning some
    seconds apart, so a beginning alone tells nothing.
    """
    if alert.firing:
        return _news_of_firing(known, alert, now)
    if known is None:
        return News.UNSEEN
    if alert.ends_at is not None and alert.ends_at < known.starts_at:
        return News.LATE  # the end of an earlier time
    return News.RESOLVED if known.firing else News.REPEATED


def _news_of_firing(known: Known | None, alert: Alert, now: datetime) -> News:
    if known is None:
        return News.FIRING
    if known.firing:
        return News.REPEATED
    began_before_the_end = known.ends_at is not None and alert.starts_at <= known.ends_at
    # Alertmanager also says "over" of what it only lost sight of, and later "firing" since the same beginning.
    if began_before_the_end and not known.expired and now - known.heard_at < OVERTAKEN:
        return News.LATE
    return News.FIRING


def is_silent(known: Known, expires_after: timedelta, watching_since: datetime, now: datetime, wall: datetime) -> bool:
    """
    Whether a firing alert counts as over though nobody said so: it was not repeated.

    Args:
        expires_after: Longer than its sender takes to repeat it.
        watching_since: When we began to listen: nobody could tell us anything before.
        wall: What clocks say *now*, the sender's as well.
    """
    if now - max(known.heard_at, watching_since) >= expires_after:
        return True
    if known.ends_at is None:
        return False
    ahead = wall - now
    return wall - max(known.ends_at, watching_since + ahead, known.heard_at + ahead) >= RESOLVE_TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """
    Whose service an alert is of.

    Attributes:
        services: Those that we watch.
        service_labels: Labels whose value may be the name of one; the first that fits decides.
        alert_labels: Service -> the labels, all of which an alert of it has. They come first.
        default: Whose an alert is that belongs to no other; empty for nobody's.
        expires_after: By source; see `is_silent`.
    """

    services: Mapping[str, Criticality] = field(default_factory=dict)
    service_labels: tuple[str, ...] = ()
    alert_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    default: str = ""
    expires_after: Mapping[str, timedelta] = field(default_factory=dict)

    def service_of(self, labels: Mapping[str, str]) -> str:
        """Empty where it is of none."""
        fitting = [
            (len(wanted), name)
            for name, wanted in self.alert_labels.items()
            if wanted and all(labels.get(label) == value for label, value in wanted.items())
        ]
        if fitting:
            most = max(count for count, _ in fitting)
            return next(name for count, name in fitting if count == most)
        named = (labels.get(label, "") for label in self.service_labels)
        return next((name for name in named if name in self.services), self.default)


# As the table rates what is like it: some checks fail, slower than usual, to be watched.
_BY_LABEL: Final[Mapping[str, str]] = {
    "critical": "2334",
    "page": "2334",
    "warning": "3344",
    "ticket": "3344",
    "info": "4444",
    "none": "4444",
}
_NAMED: Final = {f"{letter}{n}": Severity(n) for letter in ("sev", "p") for n in (1, 2, 3, 4)}
UNGRADED: Final = Severity.SEV3
"""Of an alert that does not say how bad it is, as of a report of a person who does not."""


def severity_of(labels: Mapping[str, str], criticality: Criticality) -> Severity:
    """What its label `severity` means for a service of that criticality."""
    said = labels.get("severity", "").strip().lower()
    if said in _NAMED:
        return _NAMED[said]
    column = list(Criticality).index(criticality)
    return Severity(int(_BY_LABEL[said][column])) if said in _BY_LABEL else UNGRADED

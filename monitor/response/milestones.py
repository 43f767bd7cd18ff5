"""
How an incident was detected and answered: when each thing happened, how long it took, and where that leaves a gap.

Computed from the incident's own log, so that whoever writes the postmortem has numbers to argue about. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from monitor.core.incident import duration_text
from monitor.ledger.records import LedgerEvent
from monitor.response.case import Case
from monitor.response.mitigation_runs import ENDED, runs

UPDATE: Final = "incident.update_due"


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestones:
    """
    Instants of the steady timeline. None: it did not happen, or is not known.

    Attributes:
        failed: The first failed probe, or the onset that a detector found.
        told: When somebody else said so first: a report of a person, an alert of another system.
        opened: When the incident did.
        recovered: The beginning of the calm that lasted, not of one that did not.
        ahead: From the steady timeline to the wall clock, which people read, at the opening.
    """

    failed: datetime | None = None
    told: datetime | None = None
    opened: datetime | None = None
    acknowledged: datetime | None = None
    updated: datetime | None = None
    mitigated: datetime | None = None
    recovered: datetime | None = None
    resolved: datetime | None = None
    ahead: timedelta = timedelta(0)

    @property
    def began(self) -> datetime | None:
        """When users may first have felt it."""
        return min((at for at in (self.failed, self.told, self.opened) if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class Span:
    """`Time to detect: 1m30s, from the first failure to the incident`."""

    name: str
    took: timedelta
    meaning: str

    def __str__(self) -> str:
        return f"{self.name}: {duration_text(self.took)}, {self.meaning}"


_SPANS: Final = (
    ("Time to detect", "failed", "opened", "from the first failure to the incident"),
    ("Time to acknowledge", "opened", "acknowledged", "from the opening until somebody took it"),
    ("Time to the first update", "opened", "updated", "from the opening"),
    (
        "Time to mitigate",
        "opened",
        "mitigated",
        "from the opening until somebody said so, or else the last mitigation had ended well",
    ),
    ("Time to recover", "began", "recovered", "from the beginning until it was calm for good"),
    ("Time to resolve", "began", "resolved", "from the beginning until that was proven or said"),
)

_SETBACKS: Final = {
    "incident.relapsed": "It seemed over and failed again",
    "incident.reopened": "It was resolved and came back",
    "incident.flapping": "Its trouble came and went",
    "incident.recovery_restarted": "A gap in the results put the proof of recovery back to its beginning",
    "incident.evidence_wait": "Recovery could not be proven for too long",
}


def milestones(case: Case) -> Milestones:
    opened = case.first("incident.opened")
    failed = case.incident.first_failure_at
    if opened is not None and isinstance(kept := opened.attributes.get("failed_at"), str):
        # Of the incident as it is now, a relapse would be told as the beginning.
        failed = datetime.fromisoformat(kept)
    return Milestones(
        failed=failed,
        told=_told(case, opened),
        opened=opened.at if opened is not None else case.incident.opened_at,
        acknowledged=_at(case.first("incident.acknowledged")),
        updated=_at(case.first(UPDATE)),
        mitigated=_mitigated(case.events),
        recovered=_at(_calm_for_good(case.events)),
        resolved=_at(case.newest("incident.resolved")),
        ahead=opened.wall - opened.at if opened is not None else timedelta(0),
    )


def spans(reached: Milestones) -> list[Span]:
    """What can be told of it. What came before that from which it is counted took no time, and is left out."""
    found = []
    for name, first, last, meaning in _SPANS:
        begin, end = getattr(reached, first), getattr(reached, last)
        if begin is not None and end is not None and end >= begin:
            found.append(Span(name, end - begin, meaning))
    return found


def gaps(case: Case, reached: Milestones) -> list[str]:
    """What did not go as the playbook has it, a sentence each. Empty: nothing that the log shows."""
    return [
        *_of_detection(case, reached),
        *_of_response(case, reached),
        *_of_updates(case.events),
        *_of_recovery(case.events),
    ]


def _of_detection(case: Case, reached: Milestones) -> Iterable[str]:
    if reached.failed is None and case.incident.declared_by:
        yield f"None of our checks ever failed: {case.reporter} told of it."
    elif reached.told is not None:
        first = f"Others knew first: told at {reached.told + reached.ahead:%H:%M:%S} UTC"
        if reached.failed is not None and reached.told < reached.failed:
            yield f"{first}, {duration_text(reached.failed - reached.told)} before a check of ours failed."
        elif reached.opened is not None and reached.told < reached.opened:
            yield f"{first}, {duration_text(reached.opened - reached.told)} before the incident opened."


def _of_response(case: Case, reached: Milestones) -> Iterable[str]:
    if reached.acknowledged is None and reached.opened is not None:
        lasted = f" in {duration_text(reached.resolved - reached.opened)}" if reached.resolved is not None else ""
        yield f"Nobody acknowledged it{lasted}."
    if reached.mitigated is None:
        yield "Nobody said what mitigated it."
    machines = {"watchkeeper", *(link.source for link in case.alerts.values())}
    if all(event.author in machines for event in case.events):
        yield "The log holds no word of a person."


def _of_updates(events: Iterable[LedgerEvent]) -> Iterable[str]:
    late = [event for event in events if event.name == UPDATE and _missed(event)]
    if late:
        missed = sum(map(_missed, late))
        count = "1 update was missed" if missed == 1 else f"{missed} updates were missed"
        yield f"{count}; the first that made up for it came at {late[0].wall:%H:%M:%S} UTC."


def _of_recovery(events: Sequence[LedgerEvent]) -> Iterable[str]:
    for name, text in _SETBACKS.items():
        times = sum(event.name == name for event in events)
        if times:
            yield f"{text}, {'once' if times == 1 else f'{times} times'}."


def _told(case: Case, opened: LedgerEvent | None) -> datetime | None:
    """The first word of somebody else, the opening by a person included."""
    others = [link.at for link in case.alerts.values()]
    if opened is not None and case.incident.declared_by:
        others.append(opened.at)
    return min(others, default=None)


def _mitigated(events: Sequence[LedgerEvent]) -> datetime | None:
    """
    A person's word. Without one, the last run that was begun before it was calm for good and that ended well, or the
    calm where that came before its end: of those before it nobody can say that they helped.
    """
    said = next((event for event in events if event.name == "incident.mitigated"), None)
    if said is not None:
        return said.at
    calm = _calm_for_good(events)
    well = {event.attributes.get("run"): event.at for event in events if event.name == ENDED and _is_well(event)}
    helped = [well[run.id] for run in runs(events) if run.id in well and (calm is None or run.at <= calm.at)]
    return min(helped[-1], calm.at) if helped and calm is not None else helped[-1] if helped else None


def _is_well(event: LedgerEvent) -> bool:
    return event.attributes.get("exit_code") == 0


def _calm_for_good(events: Sequence[LedgerEvent]) -> LedgerEvent | None:
    calm = None
    for event in events:
        if event.name in ("incident.recovering", "incident.recovery_restarted"):
            calm = event
        elif event.name in ("incident.relapsed", "incident.reopened"):
            calm = None
    return calm


def _missed(event: LedgerEvent) -> int:
    missed = event.attributes.get("missed")
    return missed if isinstance(missed, int) else 0


def _at(event: LedgerEvent | None) -> datetime | None:
    return event.at if event is not None else None

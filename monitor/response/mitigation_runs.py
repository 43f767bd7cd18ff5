"""
That a person approved a mitigation, what came of it, and what it did to the numbers. All of it is told from the
incident's own log, so a restart knows as much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from monitor.core.incident import Incident, duration_text
from monitor.core.mitigations import Figures, Measure, Mitigation, Reading, compared, look_due
from monitor.ledger.records import Commit, LedgerEvent
from monitor.response.case import Case
from monitor.response.entries import Told, entry

if TYPE_CHECKING:
    from monitor.response.casebook import Casebook

APPROVED: Final = "incident.mitigation_approved"
STARTED: Final = "incident.mitigation_started"
ENDED: Final = "incident.mitigation_ended"
EFFECT: Final = "incident.mitigation_effect"

MeasuredNow = Callable[[str], Figures]
"""What a service shows now."""


def nothing_measured(_service: str) -> Figures:
    """Where there is nobody who measures."""
    return Figures()


class Ran(StrEnum):
    """Whether a program was run."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"  # it had our yes, and nobody told what came of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """
    A mitigation that a person approved, as its approval in the log has it.

    Attributes:
        id: Its own.
        before: What the service showed when it was approved.
        begun: When it had our yes, and who runs it; None before that.
    """

    id: str
    service: str
    name: str
    by: str
    before: Figures
    at: datetime
    begun: Begun | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """
    What a monitor that is started meanwhile has to know to hear what comes of it.

    Attributes:
        word: The digest of what only the runner knows.
        pid, born: The runner's process, and the ticks at which that was started; 0 where they are not known.
        timeout: Seconds.
    """

    at: datetime
    word: str
    pid: int = 0
    born: int = 0
    timeout: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    What came of a run.

    Attributes:
        ran: Whether it was run.
        words: `ended with exit code 0`.
        code: Its exit code; None where it did not end by itself, was not run, or its end was not seen.
        took: Seconds; None where that is not known.
        output: The last of what it printed.
    """

    ran: Ran
    words: str
    code: int | None = None
    took: float | None = None
    output: str = ""


# -- from its approval to its end ------------------------------------------------------------------------------------


def approved(
    book: Casebook, case: Case, mitigation: Mitigation, by: str, run_id: str, now: datetime, wall: datetime
) -> tuple[Run, Commit]:
    """That a person approved it: to be durable before anybody is asked to run it."""
    case.has_runs = True
    before = book.measured(mitigation.service)
    run = Run(id=run_id, service=mitigation.service, name=mitigation.name, by=by, before=before, at=now)
    attributes = {
        "mitigation": mitigation.name,
        "mitigated_service": mitigation.service,
        "run": run_id,
        "command": list(mitigation.run),
        "before": as_attribute(before),
    }
    text = f"{mitigation.name} of {mitigation.service}, approved by {by}: {mitigation.command}"
    return run, _written(book, case.incident, APPROVED, text, by, now, wall, attributes)


def started(book: Casebook, incident: Incident, run: Run, begun: Begun, wall: datetime) -> Commit:
    """
    That it may be run: to be durable before whoever runs it is told so. What has this and no end may have been run;
    what has an approval alone surely was not.
    """
    attributes = {**_of(run), "word": begun.word, "pid": begun.pid, "born": begun.born, "timeout": begun.timeout}
    text = f"{run.name} of {run.service} is begun"
    return _written(book, incident, STARTED, text, "watchkeeper", begun.at, wall, attributes)


def ended(book: Casebook, incident: Incident, run: Run, outcome: Outcome, now: datetime, wall: datetime) -> Commit:
    """What came of it; nothing where that is known already."""
    case = book.cases.get(incident.id)
    if case is not None and run.id not in {other.id for other in under_way(case.events)}:
        return Commit()
    took = f" after {duration_text(timedelta(seconds=outcome.took))}" if outcome.took is not None else ""
    first = f"{run.name} of {run.service} for {run.by} {outcome.words}{took}"
    attributes = {**_of(run), "ran": str(outcome.ran), "exit_code": outcome.code, "seconds": outcome.took}
    lines = [first, *outcome.output.splitlines()]
    return _written(book, incident, ENDED, "\n".join(lines), "watchkeeper", now, wall, attributes)


def _of(run: Run) -> dict[str, object]:
    return {"mitigation": run.name, "mitigated_service": run.service, "run": run.id}


def _written(
    book: Casebook, incident: Incident, name: str, text: str, by: str, now: datetime, wall: datetime,
    attributes: Mapping[str, object],
) -> Commit:  # fmt: skip
    """Of an incident that is over for long there is no case any more, and its subject may have another one."""
    case, subject = book.cases.get(incident.id), book.subjects.get(incident.service)
    event = entry(case.incident if case else incident, name, text, by, now, wall, attributes=attributes)
    if case is not None:
        case.events.append(event)
        if subject is not None and subject.incident.id == incident.id:
            return book.commit(subject, [event], ()) or Commit(events=(event,))
    return Commit(events=(event,))


def runs(events: Sequence[LedgerEvent]) -> Iterator[Run]:
    """All that were approved."""
    begun = {event.attributes.get("run"): _begun(event) for event in events if event.name == STARTED}
    for event in events:
        if event.name == APPROVED:
            of = event.attributes
            yield Run(
                id=str(of.get("run")),
                service=str(of.get("mitigated_service")),
                name=str(of.get("mitigation")),
                by=event.author,
                before=from_attribute(of.get("before")),
                at=event.at,
                begun=begun.get(of.get("run")),
            )


def _begun(event: LedgerEvent) -> Begun:
    of = event.attributes
    pid, born, timeout = of.get("pid"), of.get("born"), of.get("timeout")
    return Begun(
        at=event.at,
        word=str(of.get("word")),
        pid=pid if isinstance(pid, int) else 0,
        born=born if isinstance(born, int) else 0,
        timeout=float(timeout) if isinstance(timeout, int | float) else 0.0,
    )


def under_way(events: Sequence[LedgerEvent]) -> list[Run]:
    """Those whose end is not in the log."""
    over = {event.attributes.get("run") for event in events if event.name == ENDED}
    return [run for run in runs(events) if run.id not in over]


# -- what it did ----------------------------------------------------------------------------------------------------


def effects_seen(case: Case, measured: MeasuredNow, now: datetime) -> list[Told]:
    """Some minutes after each run: the numbers of now beside those of before."""
    if not case.has_runs:
        return []
    told = []
    ends = {str(event.attributes.get("run")): event for event in case.events if event.name == ENDED}
    for run in runs(case.events):
        end = ends.get(run.id)
        if end is None or end.attributes.get("ran") == Ran.NO:
            continue  # it goes on, or there is nothing whose effect it could be
        looked = [_minutes(e) for e in case.events if e.name == EFFECT and e.attributes.get("run") == run.id]
        after = look_due(end.at, max(looked, default=None), now)
        if after is None:
            continue
        minutes = round(after.total_seconds() / 60)
        text = f"{minutes} min after {run.name} for {run.by}: {compared(run.before, measured(run.service))}"
        told.append(Told(EFFECT, text, {**_of(run), "minutes": minutes}))
    return told


def _minutes(event: LedgerEvent) -> timedelta:
    minutes = event.attributes.get("minutes")
    return timedelta(minutes=minutes if isinstance(minutes, int) else 0)


def as_attribute(figures: Figures) -> dict[str, object]:
    readings = {str(measure): reading.value for measure, reading in figures.readings.items()}
    return {"failing": figures.failing, "checks": figures.checks, **readings}


def from_attribute(kept: object) -> Figures:
    """What is not of that shape, as of another version, is not known."""
    if not isinstance(kept, Mapping):
        return Figures()
    numbers = {key: value for key, value in kept.items() if isinstance(value, int | float)}
    return Figures(
        failing=int(numbers.get("failing", 0)),
        checks=int(numbers.get("checks", 0)),
        readings={measure: Reading(numbers[measure]) for measure in Measure if measure in numbers},
    )

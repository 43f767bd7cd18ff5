"""Which mitigations the evidence speaks for: a deploy shortly before, a number above what is usual at this hour."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from monitor.core.incident import duration_text
from monitor.core.recovery import percent

NOTICED_WITHIN: Final = timedelta(minutes=1)
"""What Prometheus shows of a deploy is read up to half a minute after a scrape: its failure may be known first."""


class Measure(StrEnum):
    """What has a number and a baseline, by the key of its query in `traffic`."""

    ERRORS = "errors"
    LATENCY = "latency"
    QUEUE_DEPTH = "queue_depth"


NAMES: Final[Mapping[Measure, str]] = {
    Measure.ERRORS: "error rate",
    Measure.LATENCY: "latency",
    Measure.QUEUE_DEPTH: "queue depth",
}


class RunBy(StrEnum):
    """Who runs it once a person has approved."""

    COPY = "copy"  # nobody: people copy the command
    DAEMON = "daemon"  # the monitor, with its own rights
    UNIT = "unit"  # monitor-mitigate@, with the rights that it was granted


@dataclass(frozen=True, slots=True, kw_only=True)
class Mitigation:
    """
    Attributes:
        run: The program, absolute where it is no name to be looked for in PATH, and its arguments. No shell reads it.
        deployed_within, above_baseline: What speaks for it, one at most; with neither it is always an option.
        timeout: Seconds.
    """

    service: str
    name: str
    run: tuple[str, ...]
    deployed_within: timedelta | None = None
    above_baseline: Measure | None = None
    run_by: RunBy = RunBy.COPY
    timeout: float = 300.0
    description: str = ""

    @property
    def command(self) -> str:
        """As it is typed into a shell."""
        return shlex.join(self.run)


@dataclass(frozen=True, slots=True)
class Reading:
    """A number, and the most that is usual by its baseline; None without one."""

    value: float
    limit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one service shows at an instant. A measure that is not known is left out."""

    failing: int = 0
    checks: int = 0
    readings: Mapping[Measure, Reading] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MitigationEvidence:
    """
    Of one service.

    Attributes:
        failed_at: The first failure, by the wall clock.
        deploys: Version and instant of each that is known, by the wall clock.
        deploys_are_told: Somebody or something marks its deploys, so that one which is not marked was not made.
    """

    failed_at: datetime
    figures: Figures = field(default_factory=Figures)
    deploys: tuple[tuple[str, datetime], ...] = ()
    deploys_are_told: bool = False


@dataclass(frozen=True, slots=True)
class Ranked:
    """`holds`: the evidence speaks for it, or against it; None where it says nothing."""

    mitigation: Mitigation
    holds: bool | None
    reason: str


def rank(mitigations: Iterable[Mitigation], evidence: Mapping[str, MitigationEvidence]) -> tuple[Ranked, ...]:
    """
    What the evidence speaks for, then what is always an option, then what is not known, then what surely does not hold.
    Among their like they stay as they were given, which is as an operator wrote them.

    Args:
        evidence: By service, of each that has a mitigation.
    """
    ranked = [_weighed(mitigation, evidence[mitigation.service]) for mitigation in mitigations]
    return tuple(sorted(ranked, key=_place))


def _place(ranked: Ranked) -> int:
    if ranked.holds is not None:
        return 0 if ranked.holds else 3
    always = ranked.mitigation.deployed_within is None and ranked.mitigation.above_baseline is None
    return 1 if always else 2


def _weighed(mitigation: Mitigation, evidence: MitigationEvidence) -> Ranked:
    if mitigation.deployed_within is not None:
        return Ranked(mitigation, *_deployed(mitigation.service, mitigation.deployed_within, evidence))
    if mitigation.above_baseline is not None:
        return Ranked(mitigation, *_above(mitigation.above_baseline, evidence.figures))
    return Ranked(mitigation, None, "always an option")


def _deployed(service: str, within: timedelta, evidence: MitigationEvidence) -> tuple[bool | None, str]:
    failed = evidence.failed_at
    recent = [(version, at) for version, at in evidence.deploys if failed - within <= at <= failed + NOTICED_WITHIN]
    if recent:
        version, at = max(recent, key=lambda deploy: deploy[1])
        side = "before" if at <= failed else "after"
        return True, f"deployed {service} {version} {duration_text(abs(failed - at))} {side} the first failure"
    span = f"in the {duration_text(within)} before the first failure"
    if not evidence.deploys_are_told:
        return None, f"not known whether anything was deployed {span}: no deploy of {service} was ever marked"
    return False, f"nothing was deployed {span}"


def _above(measure: Measure, figures: Figures) -> tuple[bool | None, str]:
    name, reading = NAMES[measure], figures.readings.get(measure)
    if reading is None:
        return None, f"{name} is not known now"
    value = shown(measure, reading.value)
    if reading.limit is None:
        return None, f"{name} {value}, and no baseline yet to compare it with"
    limit = shown(measure, reading.limit)
    return reading.value > reading.limit, f"{name} {value} against at most {limit} by its baseline"


def shown(measure: Measure, value: float) -> str:
    """With its unit, as people read it."""
    match measure:
        case Measure.ERRORS:
            return percent(value)
        case Measure.LATENCY:
            return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"
        case Measure.QUEUE_DEPTH:
            return f"{value:,.0f}"


def compared(before: Figures, after: Figures) -> str:
    """`error rate 12 % => 0.3 %, queue depth 1,240 => 300, failing checks 2 of 2 => 0 of 2`."""
    texts = []
    for measure, name in NAMES.items():
        first, last = before.readings.get(measure), after.readings.get(measure)
        if first is not None or last is not None:
            texts.append(f"{name} {_or_unknown(measure, first)} => {_or_unknown(measure, last)}")
    texts.append(f"failing checks {before.failing} of {before.checks} => {after.failing} of {after.checks}")
    return ", ".join(texts)


def _or_unknown(measure: Measure, reading: Reading | None) -> str:
    return "not known" if reading is None else shown(measure, reading.value)


FOLLOWED: Final = tuple(timedelta(minutes=minutes) for minutes in (2, 5, 10))
"""After its end: when the effect of a mitigation is looked at."""


def look_due(ended: datetime, looked: timedelta | None, now: datetime) -> timedelta | None:
    """
    The look at the effect that is due now, the latest of those that are: of what was missed while we were away nobody
    is told, as the numbers are those of now.

    Args:
        looked: The last that was told; None before the first.
    """
    due = [after for after in FOLLOWED if now - ended >= after and (looked is None or after > looked)]
    return max(due, default=None)

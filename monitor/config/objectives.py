"""
Rules of `slos`: what an entry needs, what it is called, and whether its alarm can fire at all, or fires by one failure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from monitor.config import indicators
from monitor.config.config import Slo
from monitor.config.indicators import DEFAULT_WINDOW, indicator_of, is_measured
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape.service import ServiceShape
from monitor.config.shape.slo import SloShape
from monitor.config.times import DEFAULT_INTERVAL, default_timeout
from monitor.config.values import meant, show
from monitor.core.counting import Slices
from monitor.core.leak import leak_detection_time, threshold_of
from monitor.core.period import Calendar
from monitor.core.slo import BURN_WINDOWS, Objective, can_fire, detection_time

DEFAULT_PERIOD = timedelta(days=30)
DEFAULT_SLICE = timedelta(minutes=1)
_QUICK = BURN_WINDOWS[0]
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)


def names_of(slos: Sequence[SloShape]) -> list[str]:
    """What each is called: as it says, else by what it counts, with its window where that alone would not tell."""
    plain = [_named(slo) for slo in slos]
    often = Counter(plain)
    return [
        name if slo.name is not None or often[name] == 1 else f"{name}-{_shown(slo)}"
        for slo, name in zip(slos, plain, strict=True)
    ]


def _named(slo: SloShape) -> str:
    if slo.name is not None:
        return slo.name
    if slo.composite is not None:
        return "composite"
    parts = [slo.check, slo.sli, show(slo.under) if slo.under is not None else None, "slices" if slo.slice else None]
    if slo.budgeting == "timeslices" and not slo.slice:
        parts.append("slices")
    return "-".join(part for part in parts if part)


def _shown(slo: SloShape) -> str:
    over = slo.over or DEFAULT_PERIOD
    return over if isinstance(over, str) else show(over)


def slo_of(service: str, slo: SloShape, name: str) -> Slo:
    given: dict[str, Any] = {
        key: getattr(slo, key)
        for key in ("sli", "objective", "over", "check", "under")
        if getattr(slo, key) is not None
    }
    slices = None
    if slo.budgeting == "timeslices":
        slices = Slices(slo.slice or _default_slice(slo), slo.slice_target or 1.0)
    return Slo(name=name, slices=slices, indicator=indicator_of(service, slo, slices), **given)


def _default_slice(slo: SloShape) -> timedelta:
    """Prometheus needs some scrapes within one."""
    return DEFAULT_WINDOW if is_measured(slo) else DEFAULT_SLICE


def enforce(service: ServiceShape, has_prometheus: bool, path: Path, reading: Reading) -> None:
    """Tells *reading* every problem. *path*: of the service's `slos`."""
    slos = service.slos or ()
    names = names_of(slos)
    for position, slo in enumerate(slos):
        here: Path = (*path, position)
        first = names.index(names[position])
        if first != position and not reading.is_wrong(here) and not reading.is_wrong((*path, first)):
            found = f"is called {names[position]} as slos[{first}] is"
            reading.tell(here, found, "Give one of them another name:, or remove it.")
        if slo.composite is not None:
            _composite(slo, names, slos, here, reading)
        else:
            indicators.enforce(slo, has_prometheus, here, reading)
            _slo(slo, service, here, reading)


def _composite(slo: SloShape, names: list[str], slos: Sequence[SloShape], path: Path, reading: Reading) -> None:
    for key in sorted(slo.model_fields_set - {"name", "composite"}):
        reading.tell((*path, key), "is not for a composite", "Remove it: a composite has what its members have.")
    known = {name: other for name, other in zip(names, slos, strict=True) if other.composite is None}
    members = [known[name] for name in slo.composite or {} if name in known]
    for name in slo.composite or {}:
        if name not in known:
            where = (*path, "composite", name)
            reading.tell(where, "is not an objective of this service", meant(name, list(known)))
    if len({_shown(member) for member in members}) > 1:
        found = "its members have different windows: " + ", ".join(_shown(member) for member in members)
        reading.tell((*path, "composite"), found, "Give them all the same over.")


def _slo(slo: SloShape, service: ServiceShape, path: Path, reading: Reading) -> None:
    for key in ("sli", "objective"):
        if getattr(slo, key) is None and not reading.is_wrong((*path, key)):
            reading.tell((*path, key), "is missing", f"Add {key}: it has no default.")
    if slo.check is not None and not is_measured(slo) and slo.check not in (service.checks or {}):
        known = [str(key) for key in reading.keys((*path[:2], "checks"))]
        if slo.check not in known:
            reading.tell((*path, "check"), f"{slo.check} is not a check of this service", meant(slo.check, known))
        return
    _latency(slo, service, path, reading)
    _slices(slo, service, path, reading)
    if slo.objective is None or slo.sli is None or reading.is_wrong(path):
        return
    _firing(slo, slo.objective, service, path, reading)


def _latency(slo: SloShape, service: ServiceShape, path: Path, reading: Reading) -> None:
    if slo.sli == "latency" and slo.under is None and not reading.is_wrong((*path, "under")):
        reading.tell((*path, "under"), "is missing", "Add under: what is fast, for example 300ms.")
    if slo.under is None:
        return
    if slo.sli is not None and slo.sli != "latency":
        reading.tell((*path, "under"), "is for latency only", "Write sli: latency, or remove it.")
        return
    timeouts = [
        check.timeout or default_timeout(check.interval or DEFAULT_INTERVAL) for check in _counted(slo, service)
    ]
    if timeouts and slo.under >= max(timeouts):
        found = f"{show(slo.under)} is not shorter than the timeout, {show(max(timeouts))}: it can never be missed"
        reading.tell((*path, "under"), found, "What takes as long has failed by then. Use less.")


def _slices(slo: SloShape, service: ServiceShape, path: Path, reading: Reading) -> None:
    if slo.budgeting != "timeslices":
        for key in ("slice", "slice_target"):
            if getattr(slo, key) is not None and not reading.is_wrong((*path, "budgeting")):
                reading.tell((*path, key), "is for timeslices only", "Add budgeting: timeslices, or remove it.")
        return
    length = slo.slice or _default_slice(slo)
    where: Path = (*path, "slice" if slo.slice else "budgeting")
    if length % _MINUTE or length > _HOUR or _HOUR % length:
        found = f"{show(length)} does not divide the hour into whole minutes"
        reading.tell(where, found, "Use 1m, 2m, 3m, 4m, 5m, 6m, 10m, 12m, 15m, 20m, 30m or 1h.")
        return
    interval = min((check.interval or DEFAULT_INTERVAL for check in _counted(slo, service)), default=None)
    if interval is not None and interval > length:
        found = f"most slices of {show(length)} hold no probe: the quickest check is asked every {show(interval)}"
        reading.tell(where, found, f"Use a slice of at least {show(interval)}, or a shorter interval.")


def _firing(slo: SloShape, share: float, service: ServiceShape, path: Path, reading: Reading) -> None:
    period, objective = _length(slo), Objective(share)
    threshold = threshold_of(_QUICK, period)
    if not can_fire(objective, threshold):
        lowest = 1 - 1 / threshold
        reading.tell(
            (*path, "objective"),
            f"can never fire: a total outage burns {1 / objective.error_budget:.3g} times the budget, "
            f"and an alarm over {show(period)} needs {threshold:.3g}",
            f"Use more than {_rounded_up(lowest * 100)}%, or a shorter over.",
        )
    elif _counted(slo, service) and not reading.is_wrong((*path[:2], "checks")) and not _per_window(slo, service):
        found = f"can never fire: no check is asked within the {show(_QUICK.long)} that it looks at"
        reading.tell((*path, "objective"), found, f"Give one check an interval below {show(_QUICK.long)}.")


def warnings(service: ServiceShape, path: Path, open_after: timedelta, reading: Reading) -> Iterator[str]:
    for position, slo in enumerate(service.slos or ()):
        intervals = [check.interval or DEFAULT_INTERVAL for check in _counted(slo, service)]
        if slo.composite is not None or not slo.objective or not intervals:
            continue
        place = reading.where((*path, position, "objective"))
        objective, period = Objective(slo.objective), _length(slo)
        threshold, results = threshold_of(_QUICK, period), _per_window(slo, service)
        found_in = _found_in(slo, objective, period, min(intervals), open_after)
        gone_in = period * objective.error_budget
        found = f"{_outage(slo)} is found after {show(found_in)}"
        too_late = f"{found}, and the whole budget is spent after {show(gone_in)}" if found_in > gone_in else ""
        if results and 1 / results > objective.error_budget * threshold:
            what = "bad slice" if slo.budgeting == "timeslices" else "failed probe"
            yield (
                f"{place}: one {what} of the {results} in an hour already burns more than {threshold:.3g} times the "
                f"budget; probe more often. {too_late or found}."
            )
        elif too_late:
            yield f"{place}: {too_late[0].lower()}{too_late[1:]}; probe more often."


def _outage(slo: SloShape) -> str:
    return "A service that is always too slow" if slo.sli == "latency" else "A total outage"


def _found_in(
    slo: SloShape, objective: Objective, period: timedelta, interval: timedelta, open_after: timedelta
) -> timedelta:
    """How long it must last until it is found: success by the detector of failures, latency by its proven burn."""
    if slo.sli == "latency":
        width = interval if slo.budgeting != "timeslices" else slo.slice or DEFAULT_SLICE
        return leak_detection_time(objective, period, width) or timedelta.max
    return detection_time(objective, interval.total_seconds(), open_after)


def _length(slo: SloShape) -> timedelta:
    over = slo.over or DEFAULT_PERIOD
    return Calendar(over).length if isinstance(over, str) else over


def _counted(slo: SloShape, service: ServiceShape) -> list[Any]:
    """The checks whose probes are counted; none where Prometheus counts."""
    if is_measured(slo):
        return []
    return [check for name, check in (service.checks or {}).items() if slo.check in (None, name)]


def _per_window(slo: SloShape, service: ServiceShape) -> int:
    """How many results fall into the quick window."""
    if slo.budgeting == "timeslices":
        return _QUICK.long // (slo.slice or DEFAULT_SLICE)
    return sum(_QUICK.long // (check.interval or DEFAULT_INTERVAL) for check in _counted(slo, service))


def _rounded_up(percent: float) -> str:
    """Two decimals, upwards: what is suggested must be accepted."""
    return f"{int(percent * 100 + 1) / 100:.2f}".rstrip("0").rstrip(".")

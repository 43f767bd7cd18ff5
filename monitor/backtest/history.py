"""What was recorded of each check, and what Prometheus knows of it and of traffic, as the past that a replay plays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge
from statistics import median
from typing import TYPE_CHECKING, Final, Protocol

from checks.check import Check
from checks.result import Confirmation, Outcome
from monitor.backtest.replay import Probe, Reading
from monitor.config import Config, Service
from monitor.sources.prometheus import Prometheus
from monitor.sources.recorded import Samples, samples
from monitor.sources.traffic import range_length

if TYPE_CHECKING:
    import pandas as pd

    from monitor.sources.ranges import Ranges

STEP: Final = 60.0
"""Seconds between two readings of the traffic."""
SUCCESS, DURATION = "probe_success", "probe_duration_seconds"


class CheckPast(Protocol):
    """What is known of one check's past, wherever it was found."""

    @property
    def check(self) -> Check: ...

    @property
    def interval(self) -> float:
        """Of the replay, in seconds."""
        ...

    @property
    def began(self) -> float:
        """When the first probe was due, in seconds since the Unix epoch."""
        ...

    def described(self) -> dict[str, object]:
        """What was found, for machines."""
        ...

    def unsharp_at(self, at: float, /) -> float:
        """By how many seconds what happened at that instant may have happened earlier or later."""
        ...

    def probes(self) -> Iterator[Probe]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """
    What was found of one check.

    Attributes:
        selector: The series that stands for it.
        interval: Of the replay, in seconds: the check's own, or the samples' where they are further apart.
    """

    check: Check
    selector: str
    interval: float
    success: Samples
    duration: Mapping[float, float]

    @property
    def began(self) -> float:
        return self.success.at[0]

    def described(self) -> dict[str, object]:
        samples = len(self.success.at)
        return {"check": self.check.id, "series": self.selector, "interval": self.interval, "samples": samples}

    def unsharp_at(self, _at: float, /) -> float:
        return 0.0

    def probes(self) -> Iterator[Probe]:
        """One for each interval; nobody knows of a failure whether a re-probe would have confirmed it."""
        due, name, seconds = 0.0, self.check.id, self.duration.get
        good, bad = (Outcome.OK, Confirmation.NONE), (Outcome.FAILED, Confirmation.UNASKED)
        late = 0.75 * self.interval
        for at, value in zip(self.success.at, self.success.values, strict=True):
            if at < due:
                continue
            # A little early is in time: a scrape is never exactly on its grid.
            due = at + late
            yield Probe(at, name, *good, seconds(at)) if value >= 0.5 else Probe(at, name, *bad)


def candidates(check: Check) -> tuple[str, ...]:
    """The series that may stand for *check*, the likeliest first: blackbox_exporter's, then our own over OTLP."""
    own = f'{{synthetic_check_service="{_escaped(check.service)}",synthetic_check_name="{_escaped(check.name)}"}}'
    return (
        f'{SUCCESS}{{instance="{_escaped(check.question.url)}"}}',
        f"synthetic_check_up{own}",
        f"synthetic_check_up_ratio{own}",
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def recorded(
    prometheus: Prometheus,
    check: Check,
    selectors: tuple[str, ...],
    start: datetime,
    end: datetime,
    tell: Callable[[datetime], object] = lambda _: None,
) -> Recorded | None:
    """The first of *selectors* that has samples of that time; None when none has. Raises SourceAway."""
    for selector in selectors:
        success = samples(prometheus, selector, start, end, tell)
        if not success.at:
            continue
        duration: Mapping[float, float] = {}
        if selector.startswith(SUCCESS):
            found = samples(prometheus, DURATION + selector.removeprefix(SUCCESS), start, end, tell)
            duration = dict(zip(found.at, found.values, strict=True))
        apart = [later - at for at, later in zip(success.at, success.at[1:], strict=False)]
        spacing = median(apart) if apart else check.interval
        interval = check.interval if spacing <= check.interval * 1.05 else float(round(spacing))
        return Recorded(check=check, selector=selector, interval=interval, success=success, duration=duration)
    return None


def as_recorded(config: Config, found: Mapping[str, CheckPast], with_traffic: frozenset[str]) -> Config:
    """*config* with what was recorded alone: checks at the interval of their samples, traffic where there is some."""
    services = {}
    for name, service in config.services.items():
        checks = tuple(
            replace(
                check, interval=found[check.id].interval, timeout=min(check.timeout, 0.8 * found[check.id].interval)
            )
            for check in service.checks
            if check.id in found
        )
        if checks:
            traffic = service.traffic if name in with_traffic else None
            depends_on = tuple(p for p in service.depends_on if any(c.id in found for c in config.services[p].checks))
            services[name] = service.model_copy(update={"checks": checks, "traffic": traffic, "depends_on": depends_on})
    return config.model_copy(update={"services": services})


def readings(ranges: Ranges, service: Service, start: datetime, end: datetime) -> list[Reading]:
    """A reading a minute of the service's traffic, and a latency once per range length. Raises SourceAway."""
    traffic = service.traffic
    if traffic is None or traffic.requests is None:
        return []
    asked = _by_instant(ranges.series(traffic.requests, start, end, STEP))
    errors = _by_instant(ranges.series(traffic.errors, start, end, STEP)) if traffic.errors else None
    latencies: dict[float, float] = {}
    if traffic.latency:
        step = max(STEP, range_length(traffic.latency).total_seconds() // STEP * STEP)
        latencies = _by_instant(ranges.series(traffic.latency, start, end, step))
    return [
        Reading(
            at,
            service.name,
            requests if requests > 0 else None,
            None if errors is None else max(0.0, errors.get(at, 0.0)),
            latencies.get(at),
        )
        for at, requests in asked.items()
    ]


def _by_instant(series: pd.Series[float]) -> dict[float, float]:
    return dict(zip(series.index.to_list(), series.to_list(), strict=True))


def past_of(found: Mapping[str, CheckPast], traffic: list[list[Reading]]) -> Iterator[Probe | Reading]:
    """Everything in the order of its instants."""
    streams = [one.probes() for one in found.values()]
    if len(streams) == 1 and not any(traffic):
        return iter(streams[0])
    return merge(*streams, *traffic, key=lambda seen: seen.at)

"""
Invented pasts of one check: what happens to it, drawn as arrays, and what the daemon would know before it begins.

Latency is log-normal with a day and a week in it, and 1 % outliers of 3 to 10 times. In a flake of minutes all probes
fail together and so do their re-probes, as a broken path makes them. An independent flake's re-probe is ok.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from checks.check import Check, HttpQuestion
from checks.result import Confirmation, Outcome
from monitor.backtest.learning import Baselines
from monitor.backtest.replay import Probe, Reading
from monitor.config.config import Config, Incidents, Monitor, Service, Slo, Tracker, Traffic
from monitor.core.baseline import Baseline, Quality, Signal
from monitor.core.severity import POLICIES, Criticality

T0: Final = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
CHECK: Final = "orders/ready"
KEY: Final = ("orders", Signal.PROBE_LATENCY, "ready")
MONTH: Final = 30 * 86_400.0
NEVER: Final = float("inf")
READ_EVERY: Final = 30.0
KEPT_OF_AN_HOUR: Final = 360
"""Values of an hour of the week: six weeks of sketches."""

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """
    What happens to one check, and how it is configured.

    Attributes:
        flake: Share of independent failures.
        bursts: Correlated flakes in 30 days, each of one to three minutes.
        excused: In these no reference target answers either, so our probes are unknown. Other monitors' are failed.
        traffic: Prometheus tells of users who see no errors.
        failing: Share of failures from `breaks_at` on (seconds).
        slower: Factor on latency from `breaks_at` on.
        measured: With latency.
        sigma: Of the latency's logarithm.
    """

    interval: float = 60.0
    objective: float = 0.999
    flake: float = 0.0005
    bursts: float = 0.0
    excused: bool = False
    traffic: bool = False
    failing: float = 0.0
    slower: float = 1.0
    breaks_at: float = NEVER
    seconds: float = MONTH
    measured: bool = False
    open_after: float = 60.0
    sigma: float = 0.35

    @property
    def promised(self) -> float:
        """Seconds within which a total outage is found: four intervals, or `open_after` and one, whichever is later."""
        return max(4 * self.interval, self.open_after + self.interval)

    @property
    def breaks(self) -> bool:
        return self.breaks_at < NEVER


@dataclass(frozen=True)
class Past:
    """
    A row per slot.

    Attributes:
        since: Seconds since T0.
        failed: What a monitor without references sees.
        unknown: Of the failed, those that are excused.
        latency: Seconds, NaN where the probe failed; None where nobody measures.
        bursts: Begin and length of the correlated flakes, in seconds.
        breaks_at: Seconds since T0, somewhere between two probes.
    """

    since: Numbers
    failed: Flags
    confirmed: Flags
    unknown: Flags
    latency: Numbers | None
    bursts: tuple[tuple[float, float], ...]
    breaks_at: float

    def probes(self, first: int, last: int) -> Iterator[Probe]:
        """Of the slots first..last, both included."""
        part = slice(first, last + 1)
        seconds = [None] * (last + 1 - first) if self.latency is None else self.latency[part].tolist()
        rows = zip(
            (self.since[part] + T0).tolist(), self.failed[part].tolist(), self.confirmed[part].tolist(),
            self.unknown[part].tolist(), seconds, strict=True,
        )  # fmt: skip
        for at, failed, confirmed, unknown, latency in rows:
            if unknown:
                yield Probe(at, CHECK, Outcome.UNKNOWN)
            elif failed:
                yield Probe(
                    at, CHECK, Outcome.FAILED, Confirmation.CONFIRMED if confirmed else Confirmation.UNCONFIRMED
                )
            else:
                yield Probe(at, CHECK, Outcome.OK, Confirmation.NONE, latency)

    def seen(self, first: int, last: int, traffic: bool) -> Iterator[Probe | Reading]:
        """The same with what Prometheus tells between them."""
        if not traffic:
            return self.probes(first, last)
        instants = np.arange(self.since[first], self.since[last], READ_EVERY) + T0 + 5
        readings = (Reading(at, "orders", 10.0, 0.0) for at in instants.tolist())
        return merge(self.probes(first, last), readings, key=lambda seen: seen.at)


def invent(world: World, rng: np.random.Generator) -> Past:
    since = np.arange(int(world.seconds / world.interval)) * world.interval
    failed = rng.random(len(since)) < world.flake
    confirmed, unknown = np.zeros_like(failed), np.zeros_like(failed)
    begins = np.sort(rng.uniform(0, world.seconds, rng.poisson(world.bursts * world.seconds / MONTH)))
    bursts = tuple(zip(begins.tolist(), rng.uniform(60, 180, len(begins)).tolist(), strict=True))
    for begin, length in bursts:
        first, last = np.searchsorted(since, [begin, begin + length])
        failed[first:last] = confirmed[first:last] = True
        unknown[first:last] = world.excused
    # At any instant between two probes: else what is found after N intervals would depend on the bench.
    breaks_at = world.breaks_at + rng.uniform(0, world.interval)
    after = since >= breaks_at
    if world.failing:
        failed |= after & (rng.random(len(since)) < world.failing)
        confirmed |= after & failed & (rng.random(len(since)) < world.failing)
    seconds = None
    if world.measured:
        seconds = latency(rng, since, world.sigma) * np.where(after, world.slower, 1.0)
        seconds[failed] = np.nan
    return Past(since, failed, confirmed, unknown, seconds, bursts, breaks_at)


def usual(since: Numbers) -> Numbers:
    """Seconds at the median: busier by day, quieter at weekends. T0 is a Monday."""
    weekend = (since // 86_400) % 7 >= 5
    return 0.120 * (1 + 0.25 * np.sin((since / 3600 - 9) / 24 * 2 * np.pi)) * np.where(weekend, 0.85, 1.0)


def latency(rng: np.random.Generator, since: Numbers, sigma: float) -> Numbers:
    seconds = rng.lognormal(np.log(usual(since)), sigma)
    return np.where(rng.random(since.shape) < 0.01, seconds * rng.uniform(3, 10, since.shape), seconds)


def fitted(world: World, rng: np.random.Generator) -> Baselines:
    """As six weeks of minute medians would have given it."""
    if not world.measured:
        return Baselines(learns=False)
    a_minute = max(1, round(60 / world.interval))
    begins = np.arange(168.0)[:, None, None] * 3600
    instants = begins + rng.uniform(0, 3600, (168, KEPT_OF_AN_HOUR, 1)) + np.zeros(a_minute)
    medians = np.median(latency(rng, instants, world.sigma), axis=2)
    began = datetime.fromtimestamp(T0, UTC)
    baseline = Baseline(
        service="orders", check="ready", signal=Signal.PROBE_LATENCY, time_zone="UTC", fitted_at=began,
        since=began - timedelta(weeks=6), quality=Quality.FITTED, slots=dict(enumerate(medians.tolist())),
    )  # fmt: skip
    return Baselines(given={KEY: baseline}, learns=False)


def config_of(world: World) -> Config:
    """Of a critical service, whose incidents page the most easily."""
    check = Check(
        service="orders", name="ready", question=HttpQuestion(url="http://x/"), interval=world.interval,
        timeout=min(10.0, world.interval * 0.8),
    )  # fmt: skip
    service = Service(
        name="orders", checks=(check,), slos=(Slo(sli="success", objective=world.objective),),
        criticality=Criticality.CRITICAL,
        traffic=Traffic(requests="requests", errors="errors") if world.traffic else None,
    )  # fmt: skip
    return Config(
        monitor=Monitor(state=Path("/nowhere")), services={"orders": service}, tracker=Tracker(), contacts={},
        incidents=Incidents(open_after=timedelta(seconds=world.open_after)), policy=dict(POLICIES),
    )  # fmt: skip

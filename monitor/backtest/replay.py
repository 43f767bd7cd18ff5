"""
The past once more, through the judge, the watches and the casebook of the daemon, told the time.

No ledger, no outlet, no socket. While every service is at rest nothing can happen between two probes until a minute's
latency settles or a silence grows too long, so the ticks before that are left out: most of a year. And what says no
more than that all is well is held back until something happens, an hour at most, and applied at once (`calm.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from math import ceil, floor
from typing import Final

from checks.check import Check
from checks.result import Attempt, CheckResult, Confirmation, Outcome, Reason
from monitor.backtest.calm import Calm
from monitor.backtest.learning import Baselines, Key
from monitor.backtest.objectives import ReplayedObjectives
from monitor.backtest.seen import Probe as Probe
from monitor.backtest.seen import Reading as Reading
from monitor.config import Config
from monitor.core.baseline import SEASON, Signal
from monitor.core.incident import State, gap_limit
from monitor.core.slo import Objective
from monitor.core.slots import slot_instant
from monitor.daemon.judge import Judge
from monitor.daemon.wiring import rules_of
from monitor.ledger.records import Commit, LedgerEvent
from monitor.response.case import Case
from monitor.response.casebook import Casebook
from monitor.response.minutes import MINUTE as A_MINUTE
from monitor.response.observe import Surroundings
from monitor.response.service_watch import objective_of
from monitor.response.tracks import LatencyTrack, shift_of
from monitor.response.watch import SETTLE, CheckWatch
from monitor.sources.traffic import TrafficSample, view

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 86_400.0
WEEK: Final = 7 * DAY
REFIT_AT: Final = 3 * HOUR + 17 * MINUTE
"""Of a day, when the daemon fits its baselines anew. It does so daily; here weekly once they are no longer young: a day
more or less of six weeks changes little, and a year of daily fits takes longer than the rest of its replay."""
NEVER: Final = float("inf")
NO_TIME: Final = timedelta(0)
"""By which the wall clock is ahead: of the past only one clock is known."""
ROUNDING: Final = 1e-3
"""More than an instant loses as a datetime, in seconds: no tick is left out for it."""


@dataclass(slots=True)
class Replay:
    """
    Args:
        began_at: When watching begins, in seconds since the Unix epoch.
        every_tick: Leave no tick out. Finds the same, and takes longer.

    Attributes:
        leaks: Whether slow leaks open incidents. They are proven over days: a past that is played in pieces has none.
        cases: Every incident that opened, in that order, as it was left.
        log: What happened to them.
    """

    config: Config
    began_at: float
    baselines: Baselines = field(default_factory=Baselines)
    every_tick: bool = False
    leaks: bool = True
    cases: list[Case] = field(default_factory=list)
    log: list[LedgerEvent] = field(default_factory=list)
    judge: Judge = field(init=False)
    _watches: dict[str, CheckWatch] = field(init=False)
    _well: dict[str, tuple[CheckWatch, CheckResult]] = field(init=False)
    _heard: dict[str, float] = field(init=False)
    _silences: list[list[tuple[str, float]]] = field(init=False)
    _tracks: dict[tuple[str, Signal, str], LatencyTrack] = field(init=False, default_factory=dict)
    _traffic: dict[str, Reading] = field(init=False, default_factory=dict)
    objectives: ReplayedObjectives = field(init=False)
    _calm: Calm = field(init=False)
    _now: datetime = field(init=False)
    _every: float = field(init=False)
    _tick: float = field(init=False)
    _due: float = field(init=False)
    _minute: float = field(init=False)
    _settling: float = field(init=False)
    _silent_at: float = field(init=False, default=0.0)
    _hour: float = field(init=False)
    _refit: float = field(init=False)
    _edge: float = field(init=False, default=0.0)  # when the next planned window begins or ends
    _planned: bool = field(init=False, default=False)
    _turned: float = field(init=False, default=0.0)  # the edge that the judge has not been told of yet

    def __post_init__(self) -> None:
        config, began = self.config, slot_instant(self.began_at)
        ids, numbers = count(1), count(1)
        book = Casebook(
            replace(rules_of(config), outlets=()), new_id=lambda: f"{next(ids):026d}", new_number=lambda: next(numbers)
        )
        self._now = began
        self.judge = Judge(config, book, began, self._around, self._adopt, lambda _: None, self._measured)
        self._watches = {w.check.id: w for service in self.judge.watches.values() for w in service.checks.values()}
        self._well = {
            name: (watch, _result(Probe(self.began_at, name, Outcome.OK), began, watch))
            for name, watch in self._watches.items()
        }
        self.objectives = ReplayedObjectives(config, self.judge.watches, self.began_at, self._adopt)
        self._calm = Calm(self._well, self._tracks, self.baselines, self.objectives.daemon)
        # As the watches know it, but as numbers: it is looked at in each minute.
        self._heard = dict.fromkeys(self._watches, self.began_at)
        self._silences = [
            [(w.check.id, gap_limit(w.check.interval).total_seconds() - ROUNDING) for w in service.checks.values()]
            for service in self.judge.watches.values()
        ]
        self._every = self.judge.every.total_seconds()
        self._tick = self._due = self.began_at + self._every
        self._minute = floor(self.began_at / MINUTE) * MINUTE
        # Of a minute whose last result did not come, once it must have, as the daemon does it.
        timeout = max((watch.check.timeout for watch in self._watches.values()), default=0.0)
        self._settling = MINUTE + timeout + SETTLE.total_seconds()
        self._hour = (floor(self.began_at / HOUR) + 1) * HOUR
        self._refit = ceil((self.began_at - REFIT_AT) / DAY) * DAY + REFIT_AT
        self._look_at_windows(self.began_at)

    def play(self, past: Iterable[Probe | Reading]) -> None:
        """Args: past: In the order of its instants. May be called again with what came after."""
        heard, ok, slow = self._heard, Outcome.OK, self.objectives.slow
        held: list[Probe | Reading] = []
        until = self._calm_until()
        for seen in past:
            at = seen.at
            if at >= self._edge:
                if held:
                    self._let_go(held)
                    held = []
                self._look_at_windows(at)
                until = self._calm_until()
            if at >= until and held:
                until = self._calm_until()
            if at < until:
                if type(seen) is Probe:
                    if seen.outcome is ok and (
                        seen.latency is None or not slow or seen.latency < slow.get(seen.check, NEVER)
                    ):
                        heard[seen.check] = at
                        held.append(seen)
                        continue
                elif type(seen) is Reading and not seen.speaks:
                    held.append(seen)
                    continue
            if held:
                self._let_go(held)
                held = []
            self._play_one(seen)
            until = self._calm_until()
        if held:
            self._let_go(held)

    def _calm_until(self) -> float:
        """Before which nothing but trouble calls for an evaluation; 0.0 where one is due at each tick."""
        if self.every_tick or self._planned or not self._rests():
            return 0.0
        return min(self._edge, self._hour, self._refit, self.objectives.due, self._earliest_silence())

    def _let_go(self, held: list[Probe | Reading]) -> None:
        """What was held back, as if it had been played one by one."""
        last = held[-1].at
        ticked, settled = self._next_tick(last) - self._every, self._minute
        while settled + self._settling <= ticked:
            settled += MINUTE
        if not self._calm.apply(held, floor(settled / MINUTE)):
            for seen in held:
                self._play_one(seen)
            return
        for seen in held:
            if type(seen) is Reading:
                self._traffic[seen.service] = seen
        if settled > self._minute:
            self._minute = settled
            self.objectives.daemon.minute_over(slot_instant(settled))
        self._due = self._tick = self._next_tick(last)

    def _play_one(self, seen: Probe | Reading) -> None:
        at = seen.at
        if at >= self._due:
            self._advance(at)
        if isinstance(seen, Reading):
            self._read(seen)
        elif seen.outcome is Outcome.OK and not self._planned:
            watch, result = self._well[seen.check]
            slot = slot_instant(at)
            watch.well(result, slot, seen.latency)
            self._heard[seen.check] = at
            for counter in self.objectives.daemon.counting(seen.check):
                counter.count(slot, Outcome.OK, seen.latency)
            if seen.latency is not None and seen.latency >= self.objectives.slow.get(seen.check, NEVER):
                self.objectives.was_bad(at)
                self._due = self._tick = self._next_tick(at)
            for minute, latency in watch.latencies.complete_with(slot, watch.check.interval):
                self._measured(watch.check, minute, latency)
                if not self.judge.at_rest:
                    self._due = self._tick = self._next_tick(at)
        else:
            self._take(seen)

    def _take(self, probe: Probe) -> None:
        at = probe.at
        self._now = slot_instant(at)
        results = [_result(probe, self._now, self._watches[probe.check])]
        results = [*self.judge.maintenance.mark(results, NO_TIME)]
        self.objectives.daemon.take(results)
        self.judge.take(results, self._now, self._now)
        if probe.outcome is not Outcome.UNKNOWN:
            self._heard[probe.check] = at
        if probe.outcome is Outcome.FAILED:
            self.objectives.was_bad(at)
        self._due = self._tick = self._next_tick(at)

    def finish(self, until: float) -> None:
        """The time that is left without a result."""
        self._advance(until)

    def _advance(self, until: float) -> None:
        """Every tick up to *until*, or those of them that may find something."""
        while self._due <= until:
            rests = self._turn(self._due)
            self._tick = self._due = self._due + self._every
            if rests and not self.every_tick:
                due = min(self._minute + self._settling, self._silent_at, self._hour, self._refit, self.objectives.due)
                due = min(due, self._turned)
                if due > self._tick:
                    self._due = self.began_at + ceil((due - self.began_at) / self._every) * self._every

    def _next_tick(self, at: float) -> float:
        """The first after *at*. One at that very instant would have come before what is seen then."""
        return max(self._tick, self.began_at + (floor((at - self.began_at) / self._every) + 1) * self._every)

    def _rests(self) -> bool:
        if not self._traffic or not self.judge.at_rest:
            return self.judge.at_rest
        subjects = self.judge.casebook.subjects
        return not any(
            reading.speaks or (name in subjects and subjects[name].incident.state is not State.CLEAR)
            for name, reading in self._traffic.items()
        )

    def _turn(self, tick: float) -> bool:
        """Whether everything is at rest after it."""
        if tick >= self._minute + self._settling:
            self._settle(tick)
        self._look_at_objectives(tick)
        if tick >= self._refit:
            now = slot_instant(tick)
            self.baselines.refit(now, [(_begun(c), c.incident.resolved_at or now) for c in self.cases])
            self._refit += DAY if tick - self.began_at < SEASON.total_seconds() else WEEK
        if tick + MINUTE >= self._silent_at:  # a minute early, so that no turn is needed for this alone
            self._silent_at = self._earliest_silence()
        if not self.every_tick and tick < self._silent_at and tick < self._turned and self._rests():
            return True
        now = self._now = slot_instant(tick)
        edge = self.judge.maintenance.edge_after(now)
        self._turned = NEVER if edge is None else edge.timestamp()
        self.judge.tick(now, now)
        return self._rests()

    def _look_at_windows(self, at: float) -> None:
        """While work is planned nothing is held back: what is seen then is counted, and learned, in another way."""
        windows, now = self.judge.maintenance, slot_instant(at)
        edge = windows.edge_after(now)
        self._edge = NEVER if edge is None else edge.timestamp()
        self._planned = any(windows.of(name, now) is not None for name in self.judge.watches)

    def _look_at_objectives(self, tick: float) -> None:
        cases = self.judge.casebook.cases
        if tick < self._hour and tick < self.objectives.due and not cases:
            return
        troubled = {name for case in cases.values() for name in case.services()}
        self.judge.stir(self.objectives.read(tick, troubled, to_draw=tick >= self._hour))
        if tick >= self._hour:
            self._hour = (floor(tick / HOUR) + 1) * HOUR

    def _earliest_silence(self) -> float:
        """Before which no service can be silent for too long: results only move it away."""
        earliest, heard = NEVER, self._heard
        for service in self._silences:
            # Silent is a service only when all its checks are.
            latest = 0.0
            for name, limit in service:
                silent = heard[name] + limit
                if silent > latest:
                    latest = silent
            if 0.0 < latest < earliest:
                earliest = latest
        return earliest

    def _settle(self, tick: float) -> None:
        while self._minute + self._settling <= tick:
            minute = slot_instant(self._minute)
            for watch in self._watches.values():
                if not watch.latencies.kept:
                    continue
                for begin, latency in watch.latencies.complete_until(minute + A_MINUTE):
                    self._measured(watch.check, begin, latency)
                watch.latencies.take(minute)
            self._minute += MINUTE
            self.objectives.daemon.minute_over(slot_instant(self._minute))

    def _measured(self, check: Check, minute: datetime, latency: float) -> None:
        self._judge_latency((check.service, Signal.PROBE_LATENCY, check.name), minute, latency)

    def _judge_latency(self, key: Key, at: datetime, seconds: float) -> None:
        track = self._tracks.get(key)
        if track is None:
            track = self._tracks[key] = LatencyTrack()
        track.take(at, seconds, self.baselines.get(key))
        self.baselines.learn(key, at, seconds)
        if track.shift:
            self.judge.stir((key[0],))

    def _read(self, reading: Reading) -> None:
        at = slot_instant(reading.at)
        self._traffic[reading.service] = reading
        if reading.speaks:
            self._due = self._tick = self._next_tick(reading.at)
        if self._planned and self.judge.maintenance.of(reading.service, at) is not None:
            return  # no word on what is usual
        if reading.error_ratio is not None:
            self.baselines.learn((reading.service, Signal.ERROR_RATIO, ""), at, reading.error_ratio)
        if reading.latency is not None and reading.requests:
            self._judge_latency((reading.service, Signal.LATENCY, ""), at, reading.latency)

    def _around(self, name: str) -> Surroundings:
        service, reading = self.config.services[name], self._traffic.get(name)
        seen = None
        if reading is not None:
            baseline = self.baselines.get((name, Signal.ERROR_RATIO, ""))
            normal = baseline.sample(self._now) if baseline is not None else None
            budget = Objective(objective_of(service)).error_budget
            quality = baseline.quality_at(self._now) if baseline is not None else None
            sample = TrafficSample(
                at=slot_instant(reading.at), requests=reading.requests or None, errors=reading.errors
            )
            seen = view(sample, normal, budget, self._now, quality)
        tracks = [track for (of, _, _), track in self._tracks.items() if of == name]
        shift = shift_of(tracks)
        alarm, burn = self.objectives.daemon.alarm(name) if self.leaks else ("", None)
        return Surroundings(
            traffic=seen,
            traffic_configured=service.traffic is not None,
            latency_shift=shift.text,
            shifted_since=shift.since,
            budget_alarm=alarm,
            burn=burn,
        )

    def _adopt(self, commit: Commit) -> None:
        self.log.extend(commit.events)
        for event in commit.events:
            if event.name == "incident.opened":
                self.cases.append(self.judge.casebook.cases[event.incident])


def _begun(case: Case) -> datetime:
    incident = case.incident
    return incident.first_failure_at or incident.opened_at or incident.since


def _result(probe: Probe, at: datetime, watch: CheckWatch) -> CheckResult:
    """As the prober would have told it."""
    reason = {Outcome.OK: None, Outcome.FAILED: Reason.ASSERTION, Outcome.UNKNOWN: Reason.BLIND}[probe.outcome]
    detail = "recorded as failed" if probe.outcome is Outcome.FAILED else ""
    first = Attempt(started_at=at, outcome=probe.outcome, reason=reason, detail=detail, latency=probe.latency)
    again: tuple[Attempt, ...] = ()
    if probe.outcome is Outcome.FAILED and probe.confirmation is Confirmation.CONFIRMED:
        again = (first,)
    elif probe.outcome is Outcome.FAILED and probe.confirmation is Confirmation.UNCONFIRMED:
        again = (Attempt(started_at=at, outcome=Outcome.OK),)
    check = watch.check
    return CheckResult(service=check.service, check=check.name, scheduled_at=at, attempts=(first, *again))

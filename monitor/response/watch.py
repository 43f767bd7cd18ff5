"""
What we know of a check right now: results in, evidence out. Mutable, but without a clock or I/O.

The first attempt of a scheduled probe alone enters the SLI and the detector; extra probes and further attempts only say
whether a failure is confirmed, and count as proof while an incident recovers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from checks.check import Check
from checks.result import CheckResult, Confirmation, Outcome
from monitor.core.sequential import FailureCusum, Trouble
from monitor.core.sli import SliWindow, Tally, window_start
from monitor.core.slots import slot_instant, slots_between
from monitor.response.maintained import Maintained
from monitor.response.minutes import MinuteLatencies
from monitor.response.okrun import OkRun

SETTLE = timedelta(seconds=5)
"""How long an excuse may hold a result back; slots younger than timeout + this are not missing yet."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time (since, until] during which a check was asked at an interval that it no longer has."""

    since: datetime
    until: datetime
    interval: float


MOST_STRETCHES = 16
"""Kept of one check. With more, the results of the oldest are not expected any more, and none of them is missing."""


@dataclass(slots=True)
class CheckWatch:
    """
    Attributes:
        began_at: Since when it is asked at its present interval.
        before: The times before that at other intervals, oldest first.
        s: The CUSUM's evidence of failure, 0 to h.
        trouble: The run of failures whose evidence `s` is: `open_after` is counted from its first. None while `s` is 0.
        failing: Confirmed failing now; unknown results leave it as it is.
        well_since: When it last ceased to be; not kept over a restart.
        heard_at: When the last ok or failed result was scheduled.
        last: Of its former target, if it was scheduled before `retargeted_at`.
        left_out: Its results of maintenance that does not count; None before the first. They are no part of `window`.
        counted_in: Those of maintenance that counts; they are in `window` as well.
        proved, disproved: Probes that were ok and that failed, extra ones included, since `proof_since`.
    """

    check: Check
    cusum: FailureCusum
    began_at: datetime
    window: SliWindow
    s: float = 0.0
    trouble: Trouble | None = None
    failing: bool = False
    failing_since: datetime | None = None
    well_since: datetime | None = None
    last_two: tuple[bool, bool] = (False, False)
    heard_at: datetime | None = None
    last: CheckResult | None = None
    retargeted_at: datetime | None = None
    proved: int = 0
    disproved: int = 0
    proof_since: datetime | None = None
    latencies: MinuteLatencies = field(default_factory=MinuteLatencies)
    before: tuple[Stretch, ...] = ()
    left_out: Maintained | None = None
    counted_in: Maintained | None = None

    @property
    def id(self) -> str:
        return self.check.id

    @property
    def timeout(self) -> float:
        return self.check.timeout

    def replace(self, check: Check, cusum: FailureCusum, now: datetime) -> None:
        """The same check as it is configured from *now* on: what was counted stays counted."""
        if check.interval != self.check.interval:
            stretch = Stretch(self.began_at, now, self.check.interval)
            self.before = (*self.before, stretch)[-MOST_STRETCHES:]
            self.began_at = now
        if check.question != self.check.question:
            # What the old target did says nothing of the new one. Whether it fails, its next probe tells.
            self.retargeted_at = now
            self.reset_detector()
            self.last_two = (False, False)
            self.proved = self.disproved = 0
            self.latencies.clear()
        if check != self.check:
            self.check = check
        self.cusum = cusum

    def observe(self, result: CheckResult) -> None:
        if result.outcome is Outcome.OK and not result.extra and not result.maintenance:
            self.well(result, result.scheduled_at, result.latency)
            return
        self.last = result
        if result.outcome is not Outcome.UNKNOWN:
            self.heard_at = result.scheduled_at
        self._confirm(result)
        if result.outcome is not Outcome.UNKNOWN:
            failed = result.outcome is Outcome.FAILED
            self.proved += int(not failed)
            self.disproved += int(failed)
        if result.extra:
            return
        if not result.left_out:
            self.window.add(result.scheduled_at, result.outcome)
        if result.maintenance:
            self.maintained(result.left_out).window.add(result.scheduled_at, result.outcome)
        if result.outcome is Outcome.UNKNOWN:
            return
        failed = result.outcome is Outcome.FAILED
        self.last_two = (self.last_two[1], failed)
        if failed:
            self._fail(result.scheduled_at)
        else:
            self._succeed()  # in maintenance, whose latency is no word on what is usual

    def maintained(self, left_out: bool) -> Maintained:
        """What is kept of maintenance, from its first result on."""
        name = Maintained.name_of(self.id, left_out)
        if left_out:
            self.left_out = self.left_out or Maintained(name)
            return self.left_out
        self.counted_in = self.counted_in or Maintained(name)
        return self.counted_in

    def give_maintenance(self, windows: Mapping[str, SliWindow]) -> None:
        """The pasts that were kept of it, by their names."""
        for left_out in (True, False):
            if (known := windows.get(Maintained.name_of(self.id, left_out))) is not None:
                self.maintained(left_out).window = known

    def kept_of_maintenance(self) -> list[Maintained]:
        return [kept for kept in (self.left_out, self.counted_in) if kept is not None]

    def well(self, result: CheckResult, at: datetime, latency: float | None) -> None:
        """
        A scheduled probe whose first attempt was ok: nearly all of them, so it does no more than that needs.

        Args:
            result: What `last` is from now on. Whoever replays a year has one for all probes that were ok.
            at: The slot that it answers.
            latency: In seconds.
        """
        self.last = result
        self.heard_at = at
        if self.failing:
            self.failing, self.failing_since, self.well_since = False, None, at
        self.proved += 1
        self.window.add(at, Outcome.OK)
        self.last_two = (self.last_two[1], False)
        if self.s > 0.0 or self.trouble is not None:
            self._succeed()
        if latency is not None:
            self.latencies.add(at, latency)

    def _succeed(self) -> None:
        if self.s > 0.0:
            self.s = self.cusum.step(self.s, False)
        if self.s <= 0.0:
            self.trouble = None

    def well_throughout(self, result: CheckResult, run: OkRun) -> None:
        """As `well` for each probe of *run*, but for the latencies: `run.leave` knows of those."""
        if not run.count:
            return
        self.last = result
        self.heard_at = slot_instant(run.last)
        self.failing, self.failing_since = False, None
        self.proved += run.count
        self.window.add_minutes(run.minutes, Outcome.OK)
        self.last_two = (run.count == 1 and self.last_two[1], False)
        for _ in range(run.count):
            if self.s <= 0.0:
                break
            self.s = self.cusum.step(self.s, False)
        if self.s <= 0.0:
            self.trouble = None

    def _fail(self, at: datetime) -> None:
        run = self.trouble or Trouble(at, at)
        if run.is_over(at, self.check.interval):
            run, self.s = Trouble(at, at), 0.0
        elif run.came_to_nothing(at, self.check.interval):
            run, self.s = Trouble(run.since, at), 0.0
        self.s = self.cusum.step(self.s, True)
        self.trouble = Trouble(run.since, at, run.alarmed or self.cusum.alarmed(self.s))

    def _confirm(self, result: CheckResult) -> None:
        if result.outcome is Outcome.UNKNOWN:
            return
        match result.confirmation:
            case Confirmation.CONFIRMED:
                failing = True
            case Confirmation.UNASKED:
                # No re-probe fitted before the next slot: the slot before it must have failed as well.
                failing = self.failing or self.last_two[1]
            case _:
                failing = False
        if failing and not self.failing:
            self.failing_since = result.scheduled_at
        if not failing:
            self.failing_since = None
            if self.failing:
                self.well_since = result.scheduled_at
        self.failing = failing

    @property
    def proof(self) -> Tally:
        return Tally(expected=self.proved + self.disproved, good=self.proved, bad=self.disproved)

    @property
    def alarmed(self) -> bool:
        """The detector's word: enough evidence, and a failure among the last two scheduled probes."""
        return any(self.last_two) and self.cusum.alarmed(self.s)

    def reset_detector(self) -> None:
        self.s = 0.0
        self.trouble = None

    def state(self) -> dict[str, object]:
        """What a restart continues from; JSON values."""
        return {
            "s": self.s,
            "trouble": [run.since.isoformat(), run.last.isoformat(), run.alarmed] if (run := self.trouble) else None,
            "failing_since": self.failing_since.isoformat() if self.failing_since else None,
            "last_two": list(self.last_two),
            "proof": [self.proved, self.disproved],
            "proof_since": self.proof_since.isoformat() if self.proof_since else None,
            "latencies": self.latencies.state(),
        }

    def restore(self, state: Mapping[str, object]) -> None:
        """Takes back what `state` gave; what does not fit begins anew, and results rebuild it."""
        s, proof, last_two = state.get("s"), state.get("proof"), state.get("last_two")
        self.s = float(s) if isinstance(s, int | float) else 0.0
        self.trouble = _trouble(state.get("trouble"))
        self.failing_since = _instant(state.get("failing_since"))
        self.failing = self.failing_since is not None
        if isinstance(last_two, list) and len(last_two) == 2:
            self.last_two = (bool(last_two[0]), bool(last_two[1]))
        if isinstance(proof, list) and len(proof) == 2:
            self.proved, self.disproved = (int(n) for n in proof)
            self.proof_since = _instant(state.get("proof_since"))
        if isinstance(latencies := state.get("latencies"), dict):
            self.latencies.restore(latencies)

    def tally(self, now: datetime, window: timedelta) -> Tally:
        settled = now - timedelta(seconds=self.check.timeout) - SETTLE
        return self.window.tally(now, window, self.expected(window_start(now, window), settled))

    def expected(self, start: datetime, end: datetime) -> int:
        """How many slots the timetable had in (start, end], at the intervals of their time, outside of maintenance."""
        return max(0, self._slots(start, end) - self._taken(start, end))

    def _slots(self, start: datetime, end: datetime) -> int:
        stretches = (*self.before, Stretch(self.began_at, end, self.check.interval))
        return sum(slots_between(self.check.id, s.interval, max(start, s.since), min(end, s.until)) for s in stretches)

    def _taken(self, start: datetime, end: datetime) -> int:
        """By maintenance that does not count: nothing is expected there, or a window would leave a hole."""
        return 0 if self.left_out is None else self.left_out.taken(start, end)

    def scheduled(self, start: datetime, end: datetime) -> int:
        """As `expected`, also of the time before this run, at the oldest interval that is known."""
        oldest = (*self.before, Stretch(self.began_at, end, self.check.interval))[0]
        earlier = slots_between(self.check.id, oldest.interval, start, min(end, oldest.since))
        return max(0, earlier + self._slots(start, end) - self._taken(start, end))

    def silent_since(self) -> datetime:
        """Not before its present interval began: a shorter one would call the longer one's pause a silence."""
        return max(self.heard_at or self.began_at, self.began_at)


def _trouble(kept: object) -> Trouble | None:
    match kept:
        case [str(since), str(last), *alarmed]:
            return Trouble(datetime.fromisoformat(since), datetime.fromisoformat(last), True in alarmed)
    return None


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None

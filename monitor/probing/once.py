"""Every check once, in the calling process: what `check-once` does, with the engine and the probes of the daemon."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from math import inf

from checks.check import Check
from checks.result import Attempt, CheckResult, Outcome, Reason
from monitor.clock import Clock
from monitor.probing.alarms import Alarms
from monitor.probing.engine import Engine
from monitor.probing.probe import Means, Probe
from monitor.probing.rooms import Rooms

AT_ONCE = 64  # probes; a pipeline's runner is small, and so may be what it has just deployed
_LONGEST_TURN = 1.0  # seconds


def run_once(
    checks: Sequence[Check],
    references: Sequence[str],
    clock: Clock,
    deadline: float | None = None,
    samples: int = 1,
) -> list[CheckResult]:
    """
    Args:
        references: URLs that tell whether we are online at all.
        deadline: Seconds for everything. What has no result by then is unknown, and says so.
        samples: Probes of each check, one after the other.

    Returns:
        In the order of *checks*, the samples of one check side by side: `len(checks) * samples` results.

    Raises:
        Whatever bug of ours the engine met: a run that lost a result must not look complete.
    """
    run = _Run(references, clock)
    try:
        return run.of(checks, samples, inf if deadline is None else deadline)
    finally:
        run.close()


class _Run:
    def __init__(self, references: Sequence[str], clock: Clock) -> None:
        self._clock = clock
        self._alarms = Alarms()
        self._bugs: list[BaseException] = []
        self._engine = Engine(self._bugs.append)
        self._means = Means.on(self._engine, clock, self._alarms, set(), Rooms(AT_ONCE))
        self._means.references.replace(references)
        self._waiting: deque[int] = deque()
        self._results: list[list[CheckResult]] = []
        self._probing: dict[int, Probe] = {}

    def of(self, checks: Sequence[Check], samples: int, deadline: float) -> list[CheckResult]:
        self._results = [[] for _ in checks]
        self._waiting.extend(range(len(checks)))
        end = self._seconds() + deadline
        while (self._waiting or self._probing) and self._seconds() < end and not self._bugs:
            while self._waiting and len(self._probing) < AT_ONCE:
                self._begin(checks, self._waiting.popleft(), samples)
            self._engine.turn(self._patience(end))
            self._alarms.ring(self._seconds())
        if self._bugs:
            raise self._bugs[0]
        for probe in list(self._probing.values()):
            probe.cut()
        for check, results in zip(checks, self._results, strict=True):
            results.extend(self._unfinished(check, deadline) for _ in range(samples - len(results)))
        return [result for results in self._results for result in results]

    def close(self) -> None:
        self._engine.close()

    def _begin(self, checks: Sequence[Check], place: int, samples: int) -> None:
        done = partial(self._done, place, samples)
        probe = self._probing[place] = Probe(self._means, checks[place], self._clock.now(), done)
        probe.begin()

    def _done(self, place: int, samples: int, result: CheckResult | None) -> None:
        del self._probing[place]
        if result is None:
            raise AssertionError("only an extra probe may be cut short")
        self._results[place].append(result)
        if len(self._results[place]) < samples:
            # Behind all others: the samples of one check then lie as far apart as the run allows.
            self._waiting.append(place)

    def _patience(self, end: float) -> float:
        alarm = self._alarms.next_at()
        until = min(end, alarm if alarm is not None else inf)
        return min(max(0.0, until - self._seconds()), _LONGEST_TURN)

    def _seconds(self) -> float:
        return self._clock.now().timestamp()

    def _unfinished(self, check: Check, deadline: float) -> CheckResult:
        now = self._clock.now()
        detail = f"no result within the {deadline:g} s that the whole run was given"
        attempt = Attempt(started_at=now, outcome=Outcome.UNKNOWN, reason=Reason.INTERNAL, detail=detail)
        return CheckResult(service=check.service, check=check.name, scheduled_at=now, attempts=(attempt,))

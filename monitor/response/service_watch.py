"""What we know of a service right now: its checks together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.result import CheckResult
from monitor.config import Service
from monitor.core.incident import gap_limit
from monitor.core.sequential import FailureCusum
from monitor.core.sli import SliWindow, Tally
from monitor.core.slo import DETECTION_OBJECTIVE, Objective
from monitor.response.watch import CheckWatch


@dataclass(slots=True)
class ServiceWatch:
    """A service's checks together."""

    name: str
    objective: float
    checks: dict[str, CheckWatch]

    def replace(self, service: Service, now: datetime) -> None:
        """Its checks as they are configured from *now* on: those that stay keep what is known of them."""
        known, self.checks = self.checks, {}
        self.objective = objective_of(service)
        cusum = FailureCusum.for_budget(Objective(self.objective).error_budget)
        for check in service.checks:
            watch = known.get(check.name)
            if watch is None:
                watch = CheckWatch(check=check, cusum=cusum, began_at=now, window=SliWindow())
            else:
                watch.replace(check, cusum, now)
            self.checks[check.name] = watch

    def failing(self) -> tuple[str, ...]:
        return tuple(name for name, watch in self.checks.items() if watch.failing)

    def recedes(self) -> bool:
        """One check is well again, and none of those that still fail was asked since."""
        last = max((w.heard_at for w in self.checks.values() if w.failing and w.heard_at), default=None)
        return last is not None and any(
            not w.failing and w.well_since is not None and w.well_since > last for w in self.checks.values()
        )

    def failing_texts(self) -> tuple[str, ...]:
        texts = []
        for name, watch in self.checks.items():
            if watch.failing and watch.last is not None:
                texts.append(f"{name}: {watch.last.reason or 'failed'}: {watch.last.detail}")
        return tuple(texts)

    def alarmed(self) -> tuple[str, ...]:
        return tuple(name for name, watch in self.checks.items() if watch.alarmed)

    def forget_what_is_over(self) -> None:
        """A planned window has ended: the failures of a check that is well again were those of the planned work."""
        for watch in self.checks.values():
            if not watch.failing and not watch.last_two[1]:
                watch.reset_detector()

    def first_failure_at(self) -> datetime | None:
        """When the present trouble began: the earliest beginning among failing and alarmed checks."""
        instants = [
            instant
            for watch in self.checks.values()
            if watch.failing or watch.alarmed
            for instant in (watch.trouble.since if watch.alarmed and watch.trouble else watch.failing_since,)
            if instant is not None
        ]
        return min(instants, default=None)

    def gap(self, now: datetime) -> bool:
        """No ok or failed result of any check for longer than the gap limit."""
        return bool(self.checks) and all(
            now - watch.silent_since() > gap_limit(watch.check.interval) for watch in self._asked()
        )

    def silent_since(self) -> datetime:
        return max(watch.silent_since() for watch in self._asked())

    def _asked(self) -> list[CheckWatch]:
        """What tells by itself is heard though nobody can ask any more, so it counts only where nothing is asked."""
        watches = list(self.checks.values())
        return [watch for watch in watches if watch.check.question.kind != "push"] or watches

    def tally(self, now: datetime, window: timedelta) -> Tally:
        return total(watch.tally(now, window) for watch in self.checks.values())

    def counted(self, now: datetime, window: timedelta) -> Tally:
        """As `tally`, without what the timetable expected: all that a ratio needs."""
        return SliWindow.tally_of_all((watch.window for watch in self.checks.values()), now, window)

    def proof(self) -> Tally:
        return total(watch.proof for watch in self.checks.values())

    def prove_since(self, since: datetime) -> None:
        """Proof is counted from *since* on; once it is, saying so again changes nothing."""
        for watch in self.checks.values():
            if watch.proof_since != since:
                watch.proof_since, watch.proved, watch.disproved = since, 0, 0

    def reset_detectors(self) -> None:
        for watch in self.checks.values():
            watch.reset_detector()

    def cause(self) -> CheckResult | None:
        """The result that best explains the trouble: the last one of a failing check, else of an alarmed one."""
        for wanted in (self.failing(), self.alarmed()):
            for name in wanted:
                if (last := self.checks[name].last) is not None:
                    return last
        return None


def total(tallies: Iterable[Tally]) -> Tally:
    result: Tally | None = None
    for tally in tallies:
        result = tally if result is None else result + tally
    return result or Tally()


def watch_of(service: Service, now: datetime) -> ServiceWatch:
    objective = objective_of(service)
    cusum = FailureCusum.for_budget(Objective(objective).error_budget)
    checks = {
        check.name: CheckWatch(check=check, cusum=cusum, began_at=now, window=SliWindow()) for check in service.checks
    }
    return ServiceWatch(service.name, objective, checks)


def objective_of(service: Service) -> float:
    """The strictest success objective; without one the detection objective, which gives no budget."""
    return max((slo.objective for slo in service.slos if slo.sli == "success"), default=DETECTION_OBJECTIVE.ratio)

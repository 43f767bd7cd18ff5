"""
The daemon's objectives in a replay: read by the hour, and by the minute while one of them may begin to burn or burns.

Of two failures in six hours no burn is proven, so in between nothing is missed; only that a budget will soon be spent
may be noticed up to an hour later than by a daemon, which asks each minute.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from monitor.config import Config
from monitor.core.leak import FEWEST, SLOW_WINDOWS
from monitor.core.slots import slot_instant
from monitor.daemon.objectives import Objectives
from monitor.ledger.records import Commit
from monitor.response.objectives import ObjectiveWatch
from monitor.response.service_watch import ServiceWatch
from monitor.response.watch import SETTLE

MINUTE: Final = 60.0
NEVER: Final = float("inf")
LOOKED_BACK: Final = max(window.short for window in SLOW_WINDOWS)


@dataclass(frozen=True, slots=True)
class BudgetPoint:
    """The share of an objective's error budget that was unspent at that instant; negative when overspent."""

    at: datetime
    service: str
    objective: str
    left: float


@dataclass(slots=True)
class ReplayedObjectives:
    """
    Attributes:
        due: When one of them must be read again, in seconds since the Unix epoch.
        curve: Their budgets by the hour.
        slow: Check -> the least latency in seconds that an objective calls bad.
    """

    config: Config
    watches: dict[str, ServiceWatch]
    began_at: float
    adopt: Callable[[Commit], None]
    due: float = NEVER
    curve: list[BudgetPoint] = field(default_factory=list)
    slow: dict[str, float] = field(init=False)
    daemon: Objectives = field(init=False)
    _awake_until: float = 0.0
    _lasting: float = field(init=False)

    def __post_init__(self) -> None:
        began = slot_instant(self.began_at)
        self.daemon = Objectives(_of_probes(self.config), self.watches, began, self.adopt, lambda _: None)
        unders = {
            check.id: [c.counting.under for c in self.daemon.counting(check.id) if c.counting.under is not None]
            for check in self.config.all_checks()
        }
        self.slow = {check: min(under).total_seconds() for check, under in unders.items() if under}
        slices = [slo.slices.length for service in self.config.services.values() for slo in service.slos if slo.slices]
        settling = max((check.timeout for check in self.config.all_checks()), default=0.0) + SETTLE.total_seconds()
        # A bad slice is counted when it is over, and its last results must have come.
        self._lasting = 2 * MINUTE + (max(slices).total_seconds() + settling if slices else 0.0)

    def was_bad(self, at: float) -> None:
        """A probe failed, or was too slow for one of them."""
        self._awake_until = max(self._awake_until, at + self._lasting)
        self.due = min(self.due, at)

    def read(self, tick: float, troubled: Collection[str], to_draw: bool = False) -> list[str]:
        """
        The services of which one burns, and asks to be judged.

        Args:
            troubled: Services with an incident that is live, or may reopen.
            to_draw: An hour is over, and its point of the curve is wanted.
        """
        now = slot_instant(tick)
        is_due = to_draw or tick >= self.due
        burning = self.daemon.read(self.daemon.all if is_due else (), now, now, troubled)
        if is_due:
            awake = tick < self._awake_until or any(one.leaking or self._may_burn(one, now) for one in self.daemon.all)
            self.due = tick + MINUTE if awake else NEVER
        for one in self.daemon.all if to_draw else ():
            reading = one.reading
            if reading is not None and (left := reading.budget.left) is not None:
                self.curve.append(BudgetPoint(now, one.service, one.slo.name, left))
        return burning

    def _may_burn(self, one: ObjectiveWatch, now: datetime) -> bool:
        return sum(window.tally(now, LOOKED_BACK).bad for window in one.windows()) >= FEWEST


def _of_probes(config: Config) -> Config:
    """Without the objectives that Prometheus counts: the probes say nothing of them."""
    services = {
        name: service.model_copy(update={"slos": tuple(slo for slo in service.slos if slo.indicator is None)})
        for name, service in config.services.items()
    }
    return config.model_copy(update={"services": services})

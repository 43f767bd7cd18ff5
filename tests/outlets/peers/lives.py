"""
One incident's effects through a real lane and a real ledger to a peer that fails, in a time that is told. A process
that is killed loses its lane and its outlet, and the next one finds the ledger and the peer as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from faults import Clock

from monitor.ledger.records import Commit, Effect, EffectKind
from monitor.ledger.store import Ledger
from monitor.outlets import lane as lane_module
from monitor.outlets.lane import Lane
from monitor.outlets.outlet import Message, Outlet

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CREATE, UPDATE, CLOSE, REOPEN = EffectKind.CREATE, EffectKind.UPDATE, EffectKind.CLOSE, EffectKind.REOPEN
STORY = (CREATE, UPDATE, CLOSE, REOPEN, UPDATE, CLOSE)
KILLS = ("before-send", "after-send", "before-confirm")
PATIENCE = 6 * 3600.0
"""Seconds after which an effect that is neither taken nor given up counts as lost."""


class Killed(BaseException):
    """As SIGKILL: nothing of the process cleans up after it."""


@dataclass
class Life:
    """
    Attributes:
        deaths: Of the instants at which a process may be killed, how many are passed before it is.
    """

    ledger: Ledger
    clock: Clock
    make: Callable[[], Outlet]
    incident: str
    deaths: dict[str, int] = field(default_factory=dict)
    killed: int = 0

    def __post_init__(self) -> None:
        self._lane = self._born()

    def _born(self) -> Lane:
        return Lane(
            self.make(),
            ledger=self.ledger,
            compose=self._compose,
            now=self._now,
            told=lambda _effect, _delivery: None,
            random=lambda: 0.0,
            poll=PATIENCE,
        )

    def _now(self) -> datetime:
        return T0 + timedelta(seconds=self.clock())

    def _compose(self, effect: Effect) -> Message:
        return Message(
            incident=effect.incident, number=1, service="orders", title="INC-0001 SEV2 orders", severity="SEV2",
            status="resolved" if effect.kind is CLOSE else "open", markdown=f"# INC-0001\n\nas of {effect.order}\n",
            update=f"update {effect.order}", document={},
        )  # fmt: skip

    def reach(self, point: str) -> None:
        """Stands where the ledger's crash points are."""
        left = self.deaths.get(point)
        if left == 0:
            del self.deaths[point]
            raise Killed
        if left is not None:
            self.deaths[point] = left - 1

    def tell(self, kinds: tuple[EffectKind, ...], *, at_once: bool) -> None:
        """Each effect is asked for and carried until it is taken, or given up, or PATIENCE is over; or all together."""
        for order, kind in enumerate(kinds, len(self.effects()) + 1):
            effect = Effect(
                key=f"{self.incident}/tracker/{order:04d}/{kind}", incident=self.incident, service="orders",
                outlet=self._lane.outlet.name, kind=kind, order=order, created_at=self._now(), next_at=self._now(),
            )  # fmt: skip
            self.ledger.commit(Commit(effects=(effect,))).result(60)
            if not at_once:
                self._carry()
                self.clock.seconds += 60.0
        self._carry()

    def _carry(self) -> None:
        end = self.clock() + PATIENCE
        while self._unfinished() and self.clock() < end:
            try:
                wait = self._lane._turn()
            except Killed:
                self.killed += 1
                self._lane = self._born()
                continue
            self.clock.seconds += wait or 0.0

    def _unfinished(self) -> list[Effect]:
        found = self.ledger.unfinished(self._lane.outlet.name)
        return [effect for effect in found if effect.incident == self.incident]

    def effects(self) -> list[Effect]:
        return list(self.ledger.effects(self.incident))


REACH = f"{lane_module.__name__}.reach"
"""Where the crash points are, to be replaced by a life's own."""

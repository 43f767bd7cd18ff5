"""Carries effects to their outlets, a lane for each: once where the other side has keys, at least once elsewhere."""

from __future__ import annotations

import random as random_module
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from loguru import logger

from monitor.ledger.records import EffectState
from monitor.ledger.store import Ledger
from monitor.outlets.lane import Compose, Lane, Pause, Told
from monitor.outlets.outlet import Delivery, Found, Outlet, Tracked


class EffectsWorker:
    """
    Args:
        outlets: By name. Their order is the order in which an incident is closed across them.
        compose: Called in a lane's thread, at the moment of sending. Of an urgent effect it is called also while the
            ledger is held, and then the ledger may not know the incident yet.
        now: The steady timeline.
        told: Called in a lane's thread after each attempt; of an outlet that stays paused only the first time.
        random: From [0, 1).
        poll: Longest sleep of a lane, seconds: how late it notices that the ledger is held.
    """

    def __init__(
        self,
        ledger: Ledger,
        outlets: Mapping[str, Outlet],
        compose: Compose,
        now: Callable[[], datetime],
        told: Told,
        *,
        random: Callable[[], float] = random_module.random,
        poll: float = 1.0,
    ) -> None:
        self._ledger = ledger
        self._now = now
        self._lane_of = partial(Lane, ledger=ledger, compose=compose, now=now, told=told, random=random, poll=poll)
        self._lanes: dict[str, Lane] = {}
        # Lanes of outlets that were removed: what they know and the ledger does not is needed should they come back.
        self._parted: dict[str, Lane] = {}
        self._assign(outlets)

    def start(self) -> None:
        self._warn_of_orphans()
        for lane in self._lanes.values():
            lane.start()

    def replace(self, outlets: Mapping[str, Outlet]) -> None:
        """
        From now on these. A lane whose outlet stays goes on with the new address and secret, and is paused no longer;
        one whose outlet went ends what it is sending, and what still waits for it waits until it is back.
        """
        self._assign(outlets)
        self._warn_of_orphans()
        for lane in self._parted.values():
            lane.stop()
        for lane in self._lanes.values():
            lane.start()
            lane.wake()

    def _assign(self, outlets: Mapping[str, Outlet]) -> None:
        known = self._parted | self._lanes
        names = list(outlets)
        self._lanes = {name: known.get(name) or self._lane_of(outlet) for name, outlet in outlets.items()}
        self._parted = {name: lane for name, lane in known.items() if name not in outlets}
        for place, (name, outlet) in enumerate(outlets.items()):
            self._lanes[name].use(outlet, closing_before=names[:place])

    def _warn_of_orphans(self) -> None:
        unfinished = self._ledger.effects(states=(EffectState.WAITING, EffectState.SENDING))
        for name in sorted({effect.outlet for effect in unfinished} - set(self._lanes)):
            logger.bind(outlet=name).warning(
                "outlet {}: has unsent effects and is not configured any more; they wait until it is again", name
            )

    def wake(self) -> None:
        """New effects were committed. Without it they are found within `poll`."""
        for lane in self._lanes.values():
            lane.wake()

    def drain(self, timeout: float) -> bool:
        """Wait until nothing is due any more. What waits for a retry does not count: it is found at the next start."""
        deadline = time.monotonic() + timeout
        wakes = [(lane, lane.wake()) for lane in self._lanes.values()]
        return all(lane.wait_quiet(wake, max(deadline - time.monotonic(), 0.0)) for lane, wake in wakes)

    def stop(self, timeout: float = 15.0) -> bool:
        """Let each lane finish what it is sending. False: one did not in time, and its effect will be asked about."""
        lanes = [*self._lanes.values(), *self._parted.values()]
        for lane in lanes:
            lane.stop()
        deadline = time.monotonic() + timeout
        ended = [lane.join(max(deadline - time.monotonic(), 0.0)) for lane in lanes]
        return all(ended)

    @property
    def outlets(self) -> tuple[str, ...]:
        return tuple(self._lanes)

    @property
    def trackers(self) -> tuple[str, ...]:
        """Outlets whose tickets people share with us, and that take our credentials now."""
        return tuple(
            name for name, lane in self._lanes.items() if isinstance(lane.outlet, Tracked) and lane.pause is None
        )

    def look(self, name: str, incident: str, external_id: str) -> Found | Delivery | None:
        """How a ticket stands; in any thread. None where the outlet went meanwhile."""
        outlet = lane.outlet if (lane := self._lanes.get(name)) is not None else None
        return outlet.look(incident, external_id) if isinstance(outlet, Tracked) else None

    @property
    def paused(self) -> Mapping[str, Pause]:
        """Outlets that refuse our credentials."""
        return {name: lane.pause for name, lane in self._lanes.items() if lane.pause is not None}

"""Carries effects to their outlets, a lane for each: once where the other side has keys, at least once elsewhere."""

from __future__ import annotations

import random as random_module
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from loguru import logger

from monitor.ledger.records import EffectState
from monitor.ledger.store import Ledger
from monitor.outlets.lane import Compose, Lane, Pause, Told
from monitor.outlets.outlet import Outlet


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
        names = list(outlets)
        self._lanes = {
            name: Lane(outlet, names[:place], ledger, compose, now, told, random, poll)
            for place, (name, outlet) in enumerate(outlets.items())
        }

    def start(self) -> None:
        unfinished = self._ledger.effects(states=(EffectState.WAITING, EffectState.SENDING))
        for name in sorted({effect.outlet for effect in unfinished} - set(self._lanes)):
            logger.bind(outlet=name).warning(
                "outlet {}: has unsent effects and is not configured any more; they wait until it is again", name
            )
        for lane in self._lanes.values():
            lane.start()

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
        for lane in self._lanes.values():
            lane.stop()
        deadline = time.monotonic() + timeout
        ended = [lane.join(max(deadline - time.monotonic(), 0.0)) for lane in self._lanes.values()]
        return all(ended)

    @property
    def outlets(self) -> tuple[str, ...]:
        return tuple(self._lanes)

    @property
    def paused(self) -> Mapping[str, Pause]:
        """Outlets that refuse our credentials."""
        return {name: lane.pause for name, lane in self._lanes.items() if lane.pause is not None}

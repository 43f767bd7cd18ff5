"""
Tickets that stay open though their incident is over, because their close was refused: a workflow, a right, a field that
was asked for. What stood in the way may be gone, so the same close is tried again, at the start and each hour.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Iterable
from concurrent.futures import wait
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from loguru import logger

from monitor.daemon.house import House
from monitor.ledger.records import Effect, EffectKind, EffectState

TRIED_FOR: Final = timedelta(days=3)
"""Since it was asked for. Who has not made way by then has read the log often enough."""


def due_again(dead: Iterable[Effect], latest: Iterable[Effect], outlets: Container[str], now: datetime) -> list[Effect]:
    """
    Args:
        dead: Effects that were refused for good.
        latest: All effects of the incidents of those; what came after a close speaks for itself.
        outlets: Those that are configured; for another one it would only wait.
    """
    closes = [effect for effect in dead if effect.kind is EffectKind.CLOSE and effect.outlet in outlets]
    last: dict[tuple[str, str], int] = {}
    for effect in latest:
        if effect.kind is not EffectKind.UPDATE:
            place = effect.incident, effect.outlet
            last[place] = max(last.get(place, 0), effect.order)
    return [
        replace(close, state=EffectState.WAITING, next_at=now)
        for close in closes
        if now - close.created_at < TRIED_FOR and last.get((close.incident, close.outlet)) == close.order
    ]


def try_again(house: House) -> None:
    """In any thread."""
    now, ledger = house.clock.now(), house.ledger
    try:
        dead = [e for e in ledger.effects(states=(EffectState.DEAD,)) if e.kind is EffectKind.CLOSE]
        recent = {effect.incident for effect in dead if now - effect.created_at < TRIED_FOR}
        latest = [effect for incident in recent for effect in ledger.effects(incident)]
    except sqlite3.Error as error:  # the ledger tells of its own troubles
        logger.debug("effects: refused closes cannot be read: {}", error)
        return
    again = due_again(dead, latest, house.worker.outlets, now)
    if again:
        logger.info("effects: {} closes that were refused are tried again", len(again))
        # Woken before they are written, the lanes would find nothing. Held, they are found at the next look.
        wait([ledger.record(close) for close in again], timeout=60.0)
        house.worker.wake()

"""
What next for an effect? Pure: the answer, the number of tries and the instant go in, the effect's next state comes out.

An effect whose outcome is unknown stays SENDING, with `next_at` when to look again. So a crash and a lost answer are
one case: whoever finds an effect SENDING asks the other side by its key before sending again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from monitor.ledger.records import Effect, EffectKind, EffectState
from monitor.outlets.outlet import Delivery, DeliveryOutcome

FIRST_RETRY: Final = timedelta(seconds=1)
LAST_RETRY: Final = timedelta(minutes=5)
LONGEST_ASKED: Final = timedelta(hours=1)
"""Of a Retry-After: a wrong one must not silence an outlet for a day."""
PAUSE: Final = timedelta(minutes=1)
"""Between two tries of an outlet that refuses our credentials."""
CLOSE_PATIENCE: Final = timedelta(seconds=60)
"""How long a close waits for each outlet that is to close before it."""

NEXT_STATE: Final[Mapping[DeliveryOutcome, EffectState]] = {
    DeliveryOutcome.CONFIRMED: EffectState.CONFIRMED,
    DeliveryOutcome.REFUSED: EffectState.DEAD,
    DeliveryOutcome.UNAUTHORISED: EffectState.WAITING,
    DeliveryOutcome.RETRY: EffectState.WAITING,
    DeliveryOutcome.AMBIGUOUS: EffectState.SENDING,
}

NEXT_STATE_ASKED: Final[Mapping[DeliveryOutcome, EffectState]] = {
    # After asking by key. What could not be asked is still unknown, so it stays SENDING. AMBIGUOUS is not here: the
    # other side can never tell, and the effect is sent again under its key.
    DeliveryOutcome.CONFIRMED: EffectState.CONFIRMED,
    DeliveryOutcome.REFUSED: EffectState.DEAD,
    DeliveryOutcome.UNAUTHORISED: EffectState.SENDING,
    DeliveryOutcome.RETRY: EffectState.SENDING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    What one outlet does next.

    Attributes:
        superseded: Updates that a newer one makes outdated, in their new state.
        next: To be carried now; None when nothing is due.
        wake_at: When something becomes due if nothing new is asked for.
    """

    superseded: tuple[Effect, ...] = ()
    next: Effect | None = None
    wake_at: datetime | None = None


def plan(
    unfinished: Iterable[Effect],
    now: datetime,
    *,
    closing_before: Sequence[Effect] = (),
    urgent_only: bool = False,
) -> Plan:
    """
    Args:
        unfinished: Of this outlet, of all incidents, in any order.
        closing_before: Unfinished closes in the outlets that close before this one.
        urgent_only: The ledger cannot record: what can wait waits, and still blocks what comes after it.
    """
    superseded: list[Effect] = []
    due: list[Effect] = []
    later: list[datetime] = []
    by_place = sorted(unfinished, key=lambda effect: (effect.incident, effect.order, effect.key))
    for incident, group in groupby(by_place, key=lambda effect: effect.incident):
        old, kept = supersede(tuple(group))
        superseded.extend(old)
        head = kept[0]
        waiting_for = [close for close in closing_before if close.incident == incident]
        due_at = max(head.next_at, close_due_at(head, waiting_for))
        if due_at > now:
            later.append(due_at)
        elif head.urgent or not urgent_only:
            due.append(head)
    first = min(due, key=lambda effect: (not effect.urgent, effect.next_at, effect.key), default=None)
    return Plan(superseded=tuple(superseded), next=first, wake_at=min(later, default=None))


def supersede(of_one_incident: Sequence[Effect]) -> tuple[tuple[Effect, ...], tuple[Effect, ...]]:
    """Those made outdated, in their new state, and those left. In order in, in order out."""
    old = tuple(
        replace(effect, state=EffectState.SUPERSEDED, detail=f"superseded by {newer.key}")
        for effect in of_one_incident
        if effect.state is EffectState.WAITING and (newer := newer_update(effect, of_one_incident))
    )
    gone = {effect.key for effect in old}
    return old, tuple(effect for effect in of_one_incident if effect.key not in gone)


def newer_update(effect: Effect, others: Iterable[Effect]) -> Effect | None:
    """The update that makes this one outdated. A creation, a reopening or a close never is."""
    if effect.kind is not EffectKind.UPDATE:
        return None
    newer = [
        other
        for other in others
        if other.kind is EffectKind.UPDATE and other.incident == effect.incident and other.order > effect.order
    ]
    return max(newer, key=lambda other: other.order, default=None)


def close_due_at(effect: Effect, waiting_for: Sequence[Effect]) -> datetime:
    """A close waits for those before it, at most CLOSE_PATIENCE for each; anything else waits for nobody."""
    if effect.kind is not EffectKind.CLOSE or not waiting_for:
        return effect.next_at
    return effect.created_at + CLOSE_PATIENCE * len(waiting_for)


def claim(effect: Effect) -> Effect:
    """To be committed before anything leaves: found again after a crash, it says that something may have left."""
    return replace(effect, state=EffectState.SENDING, attempts=effect.attempts + 1)


def after_delivery(effect: Effect, delivery: Delivery, now: datetime, jitter: float) -> Effect:
    """*jitter*: from [0, 1)."""
    return _turned(effect, NEXT_STATE[delivery.outcome], delivery, now, jitter)


def after_asking(effect: Effect, found: Delivery | None, now: datetime, jitter: float) -> Effect | None:
    """What the other side says of an effect with an unknown outcome. None: send it, under the same key."""
    if found is None or found.outcome not in NEXT_STATE_ASKED:
        return None
    return _turned(effect, NEXT_STATE_ASKED[found.outcome], found, now, jitter)


def backoff(attempts: int, jitter: float, asked: float | None = None) -> timedelta:
    """
    How long to wait after the *attempts*-th try: 1 s doubling to 5 min, of which *jitter* takes up to a half, so that
    those that failed together do not come back together. Never sooner than the other side *asked* for (seconds).
    """
    doublings = min(max(attempts - 1, 0), 16)
    whole = min(FIRST_RETRY * (1 << doublings), LAST_RETRY)
    wait = whole * (1 - jitter / 2)
    if asked is None:
        return wait
    return max(wait, min(timedelta(seconds=max(asked, 0.0)), LONGEST_ASKED))


def _turned(effect: Effect, state: EffectState, delivery: Delivery, now: datetime, jitter: float) -> Effect:
    wait = (
        PAUSE
        if delivery.outcome is DeliveryOutcome.UNAUTHORISED
        else backoff(effect.attempts, jitter, delivery.retry_after)
    )
    is_over = state in (EffectState.CONFIRMED, EffectState.DEAD)
    return replace(
        effect,
        state=state,
        next_at=effect.next_at if is_over else now + wait,
        external_id=delivery.external_id or effect.external_id,
        detail=delivery.detail,
    )

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ledger.records import Effect, EffectKind, EffectState
from monitor.outlets.delivery import after_asking, after_delivery, backoff, claim, plan
from monitor.outlets.outlet import Delivery, DeliveryOutcome

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CREATE, UPDATE, CLOSE, REOPEN = EffectKind.CREATE, EffectKind.UPDATE, EffectKind.CLOSE, EffectKind.REOPEN


def effect(order: int, kind: EffectKind = UPDATE, incident: str = "A", **changes: object) -> Effect:
    made = Effect(
        key=f"{incident}/o/{order:04d}/{kind}",
        incident=incident,
        service="s",
        outlet="o",
        kind=kind,
        order=order,
        created_at=T0,
        next_at=T0,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # changes are written out by each test


def orders(effects: tuple[Effect, ...]) -> list[int]:
    return [effect.order for effect in effects]


def test_the_first_of_an_incident_goes_first_whatever_order_they_come_in() -> None:
    assert plan([effect(3, CLOSE), effect(1, CREATE), effect(2)], T0).next == effect(1, CREATE)


def test_an_update_that_was_not_sent_gives_way_to_the_newest() -> None:
    decided = plan([effect(4), effect(2), effect(3)], T0)

    assert orders(decided.superseded) == [2, 3]
    assert {e.state for e in decided.superseded} == {EffectState.SUPERSEDED}
    assert decided.superseded[0].detail == "superseded by A/o/0004/update"
    assert decided.next == effect(4)


def test_a_creation_a_reopening_and_a_close_are_never_superseded() -> None:
    story = [effect(1, CREATE), effect(2), effect(3, CLOSE), effect(4, REOPEN), effect(5), effect(6, CLOSE)]

    decided = plan(story, T0)

    assert orders(decided.superseded) == [2]
    assert decided.next == effect(1, CREATE)


def test_an_update_of_unknown_outcome_is_asked_about_before_it_may_be_superseded() -> None:
    maybe_sent = effect(2, state=EffectState.SENDING, attempts=1)

    decided = plan([maybe_sent, effect(3)], T0)

    assert decided.superseded == ()
    assert decided.next == maybe_sent


def test_what_waits_for_its_retry_holds_back_its_own_incident_and_no_other() -> None:
    later = effect(1, CREATE, next_at=T0 + 8 * SECOND)

    decided = plan([later, effect(2), effect(1, CREATE, incident="B")], T0)

    assert decided.next == effect(1, CREATE, incident="B")
    assert decided.wake_at == T0 + 8 * SECOND
    assert plan([later], T0 + 7 * SECOND).next is None
    assert plan([later], T0 + 8 * SECOND).next == later


def test_urgent_effects_of_one_incident_go_before_older_ones_of_others() -> None:
    old = effect(1, CREATE, incident="A", next_at=T0 - 60 * SECOND)
    urgent = effect(1, CREATE, incident="B", urgent=True)

    assert plan([old, urgent], T0).next == urgent


def test_while_the_ledger_is_held_only_urgent_effects_go_and_none_overtakes_its_own_incident() -> None:
    calm = effect(1, CREATE, incident="A")
    urgent_behind_calm = effect(2, incident="A", urgent=True)
    urgent = effect(1, CREATE, incident="B", urgent=True)

    assert plan([calm, urgent_behind_calm, urgent], T0, urgent_only=True).next == urgent
    assert plan([calm, urgent_behind_calm], T0, urgent_only=True).next is None


def test_a_close_waits_for_the_outlets_before_it_at_most_a_minute_for_each() -> None:
    close = effect(5, CLOSE)
    ticket, chat = effect(7, CLOSE, outlet="ticket"), effect(6, CLOSE, outlet="chat")
    other = effect(1, CLOSE, incident="B", outlet="ticket")

    def due(seconds: int, *before: Effect) -> Effect | None:
        return plan([close], T0 + seconds * SECOND, closing_before=before).next

    assert due(0) == close
    assert due(0, other) == close
    assert due(59, ticket) is None
    assert due(60, ticket) == close
    assert due(119, ticket, chat) is None
    assert due(120, ticket, chat) == close
    assert plan([effect(4)], T0, closing_before=(ticket,)).next == effect(4), "an update waits for nobody"


@pytest.mark.parametrize(
    ("outcome", "state", "waits"),
    [
        (DeliveryOutcome.CONFIRMED, EffectState.CONFIRMED, 0),
        (DeliveryOutcome.REFUSED, EffectState.DEAD, 0),
        (DeliveryOutcome.UNAUTHORISED, EffectState.WAITING, 60),
        (DeliveryOutcome.RETRY, EffectState.WAITING, 1),
        (DeliveryOutcome.AMBIGUOUS, EffectState.SENDING, 1),
    ],
)
def test_what_follows_from_a_delivery(outcome: DeliveryOutcome, state: EffectState, waits: int) -> None:
    claimed = claim(effect(1, CREATE))
    assert (claimed.state, claimed.attempts) == (EffectState.SENDING, 1)

    after = after_delivery(claimed, Delivery(outcome=outcome, detail="said", external_id="X"), T0, 0.0)

    assert (after.state, after.detail, after.external_id) == (state, "said", "X")
    assert after.next_at == T0 + waits * SECOND


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (None, None),
        (DeliveryOutcome.AMBIGUOUS, None),
        (DeliveryOutcome.CONFIRMED, EffectState.CONFIRMED),
        (DeliveryOutcome.REFUSED, EffectState.DEAD),
        (DeliveryOutcome.UNAUTHORISED, EffectState.SENDING),
        (DeliveryOutcome.RETRY, EffectState.SENDING),
    ],
)
def test_what_follows_from_asking_by_key(found: DeliveryOutcome | None, state: EffectState | None) -> None:
    """None of a state means: send it. What could not be asked stays unknown, and is asked again."""
    after = after_asking(claim(effect(1)), None if found is None else Delivery(outcome=found), T0, 0.0)

    assert (None if after is None else after.state) == state


def test_the_wait_doubles_from_one_second_to_five_minutes() -> None:
    waits = [backoff(attempts, 0.0).total_seconds() for attempts in range(1, 12)]

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_what_the_other_side_asks_for_is_honoured_within_an_hour() -> None:
    assert backoff(1, 0.9, asked=30).total_seconds() == 30
    assert backoff(10, 0.0, asked=30).total_seconds() == 300
    assert backoff(1, 0.0, asked=86_400).total_seconds() == 3600
    assert backoff(1, 0.0, asked=-5).total_seconds() == 1


@given(st.integers(-3, 10**9), st.floats(0, 1, exclude_max=True), st.one_of(st.none(), st.floats(-10, 1e9)))
def test_no_wait_is_shorter_than_half_a_second_or_longer_than_an_hour(
    attempts: int, jitter: float, asked: float | None
) -> None:
    assert 0.5 <= backoff(attempts, jitter, asked).total_seconds() <= 3600


EFFECTS = st.lists(
    st.builds(
        effect,
        st.integers(1, 8),
        st.sampled_from(EffectKind),
        st.sampled_from("AB"),
        state=st.sampled_from([EffectState.WAITING, EffectState.SENDING]),
        urgent=st.booleans(),
        next_at=st.integers(-5, 5).map(lambda n: T0 + n * SECOND),
    ),
    unique_by=lambda e: (e.incident, e.order),
)


@given(EFFECTS, st.booleans())
def test_a_plan_keeps_the_order_and_loses_nothing(unfinished: list[Effect], urgent_only: bool) -> None:
    decided = plan(unfinished, T0, urgent_only=urgent_only)

    gone = {e.key for e in decided.superseded}
    assert all(e.kind is UPDATE for e in decided.superseded)
    for incident in {e.incident for e in unfinished}:
        updates = [e for e in unfinished if e.incident == incident and e.kind is UPDATE]
        if updates:
            assert max(updates, key=lambda e: e.order).key not in gone, "the newest update is always sent"
    if decided.next is not None:
        before = [e for e in unfinished if e.incident == decided.next.incident and e.order < decided.next.order]
        assert {e.key for e in before} <= gone, "nothing is overtaken"
        assert decided.next.next_at <= T0
        assert decided.next.urgent or not urgent_only
    elif unfinished and not urgent_only:
        assert decided.wake_at is not None, "what is unfinished is either due or has a time"
        assert decided.wake_at > T0


@given(EFFECTS, st.randoms(use_true_random=False))
def test_whatever_the_outlet_answers_every_effect_ends(unfinished: list[Effect], chance: object) -> None:
    """Carried by the decisions alone, with an outlet that fails at random and at last recovers."""
    waiting = {e.key: e for e in unfinished}
    ended: dict[str, EffectState] = {}
    now, turns = T0, 0
    while waiting:
        turns += 1
        decided = plan(waiting.values(), now)
        for old in decided.superseded:
            del waiting[old.key]
            ended[old.key] = old.state
        if decided.next is None:
            assert decided.wake_at is not None
            now = decided.wake_at
            continue
        outcome = DeliveryOutcome.CONFIRMED if turns > 60 else chance.choice(list(DeliveryOutcome))  # type: ignore[attr-defined]
        after = after_delivery(claim(decided.next), Delivery(outcome=outcome), now, 0.5)
        if after.state in (EffectState.CONFIRMED, EffectState.DEAD):
            del waiting[after.key]
            ended[after.key] = after.state
        else:
            waiting[after.key] = after
        assert turns < 500
    assert ended.keys() == {e.key for e in unfinished}

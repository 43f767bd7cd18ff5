from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from monitor.ledger.records import Commit, Effect, EffectKind, EffectState, TicketLink
from monitor.ledger.store import Ledger
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message
from monitor.outlets.worker import EffectsWorker

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CREATE, UPDATE, CLOSE = EffectKind.CREATE, EffectKind.UPDATE, EffectKind.CLOSE
OK = Delivery(outcome=DeliveryOutcome.CONFIRMED, detail="taken", external_id="T-1", url="https://t.example/1")


def no(outcome: DeliveryOutcome, **more: object) -> Delivery:
    return Delivery(outcome=outcome, detail=str(outcome), **more)  # type: ignore[arg-type]  # written out by each test


class Tracker:
    """An outlet that writes down what it was given and answers as the test says; by default it takes everything."""

    def __init__(self, name: str = "tracker") -> None:
        self.name = name
        self.sent: list[tuple[str, str, str]] = []  # (key, external id, degraded)
        self.asked: list[str] = []
        self.answers: dict[str, list[Delivery]] = {}  # key -> answers, the last one stays
        self.found: dict[str, Delivery | None] = {}
        self.gate = threading.Event()
        self.gate.set()

    def deliver(self, effect: Effect, message: Message, external_id: str) -> Delivery:
        self.gate.wait(600)
        self.sent.append((effect.key, external_id, message.degraded))
        answers = self.answers.get(effect.key, [OK])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def reconcile(self, effect: Effect, external_id: str) -> Delivery | None:
        self.asked.append(effect.key)
        return self.found.get(effect.key)

    def was_sent(self, times: int) -> bool:
        return len(self.sent) == times

    @property
    def keys(self) -> list[str]:
        return [key for key, _, _ in self.sent]


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = T0

    def __call__(self) -> datetime:
        return self.at


def compose(effect: Effect) -> Message:
    return Message(
        incident=effect.incident,
        number=1,
        service=effect.service,
        title="",
        severity="",
        status="open",
        markdown="",
        update="",
        document={},
    )


def effect(
    order: int, kind: EffectKind = UPDATE, incident: str = "A", outlet: str = "tracker", **more: object
) -> Effect:
    made = Effect(
        key=f"{incident}/{outlet}/{order}",
        incident=incident,
        service="orders",
        outlet=outlet,
        kind=kind,
        order=order,
        created_at=T0,
        next_at=T0,
    )
    return replace(made, **more)  # type: ignore[arg-type]  # written out by each test


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.005)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path, slow_after=60.0, wall=lambda: T0)
    yield opened
    opened.close()


@pytest.fixture
def impatient_ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Notices after 0.2 s that its file is locked; a disk that is slow on a busy machine is waited for."""
    opened = Ledger.open(tmp_path, slow_after=60.0, wall=lambda: T0)
    opened._writer.connection.execute("PRAGMA busy_timeout = 200")
    yield opened
    opened.close()


@contextmanager
def working(
    ledger: Ledger,
    *outlets: Tracker,
    now: Callable[[], datetime] = lambda: T0,
    told: Callable[[Effect, Delivery], None] = lambda _effect, _delivery: None,
    compose: Callable[[Effect], Message] = compose,
) -> Iterator[EffectsWorker]:
    by_name = {outlet.name: outlet for outlet in outlets}
    worker = EffectsWorker(ledger, by_name, compose, now, told, random=lambda: 0.0, poll=0.02)
    worker.start()
    try:
        yield worker
    finally:
        for outlet in outlets:
            outlet.gate.set()
        assert worker.stop(60)


def ask(ledger: Ledger, *effects: Effect) -> None:
    ledger.commit(Commit(effects=effects)).result(60)


def states(ledger: Ledger) -> list[EffectState]:
    return [e.state for e in ledger.effects()]


def test_effects_go_out_in_order_and_the_ticket_is_known_from_the_first_answer_on(ledger: Ledger) -> None:
    tracker, told = Tracker(), []
    ask(ledger, effect(3, CLOSE), effect(1, CREATE), effect(2))

    with working(ledger, tracker, told=lambda e, d: told.append((e.key, e.state, d.outcome))) as worker:
        assert worker.drain(60)

    assert tracker.sent == [("A/tracker/1", "", ""), ("A/tracker/2", "T-1", ""), ("A/tracker/3", "T-1", "")]
    assert states(ledger) == [EffectState.CONFIRMED] * 3
    assert {(e.attempts, e.external_id, e.detail) for e in ledger.effects()} == {(1, "T-1", "taken")}
    assert ledger.tickets("A") == (
        TicketLink(incident="A", outlet="tracker", external_id="T-1", url="https://t.example/1"),
    )
    assert told == [(f"A/tracker/{n}", EffectState.CONFIRMED, DeliveryOutcome.CONFIRMED) for n in (1, 2, 3)]
    assert ledger.backlogs() == ()


def test_a_ticket_is_known_also_from_an_answer_that_refused_the_rest(ledger: Ledger) -> None:
    tracker = Tracker()
    tracker.answers["A/tracker/1"] = [no(DeliveryOutcome.REFUSED, external_id="T-9")]
    ask(ledger, effect(1, CLOSE), effect(2, EffectKind.REOPEN))

    with working(ledger, tracker) as worker:
        assert worker.drain(60)

    assert tracker.sent == [("A/tracker/1", "", ""), ("A/tracker/2", "T-9", "")]


def test_updates_that_pile_up_behind_a_slow_outlet_leave_only_the_newest(ledger: Ledger) -> None:
    tracker = Tracker()
    tracker.gate.clear()
    with working(ledger, tracker) as worker:
        ask(ledger, effect(1, CREATE))
        until(lambda: states(ledger) == [EffectState.SENDING])
        ask(ledger, effect(2), effect(3))
        ask(ledger, effect(4))
        tracker.gate.set()
        assert worker.drain(60)

    assert tracker.keys == ["A/tracker/1", "A/tracker/4"]
    assert states(ledger) == [EffectState.CONFIRMED, *[EffectState.SUPERSEDED] * 2, EffectState.CONFIRMED]


def test_one_slow_outlet_keeps_no_other_waiting(ledger: Ledger) -> None:
    slow, quick = Tracker("slow"), Tracker("quick")
    slow.gate.clear()
    ask(ledger, effect(1, CREATE, outlet="slow"), effect(1, CREATE, outlet="quick"))

    with working(ledger, slow, quick):
        until(lambda: quick.keys == ["A/quick/1"])
        assert slow.keys == []


def test_a_close_goes_to_the_outlets_in_their_order(ledger: Ledger) -> None:
    ticket, chat = Tracker("ticket"), Tracker("chat")
    ticket.gate.clear()
    hand = Hand()
    with working(ledger, ticket, chat, now=hand) as worker:
        ask(ledger, effect(1, CLOSE, outlet="chat"), effect(1, CLOSE, outlet="ticket"))
        until(lambda: EffectState.SENDING in states(ledger))
        hand.at = T0 + 59 * SECOND
        ask(ledger, effect(1, CREATE, incident="B", outlet="chat"))
        until(lambda: chat.keys)
        assert worker.drain(0.0) is False, "the ticket is still being closed"
        assert chat.keys == ["B/chat/1"], "whoever came later passes it by"

        ticket.gate.set()
        until(lambda: chat.keys == ["B/chat/1", "A/chat/1"])
        assert ticket.keys == ["A/ticket/1"]
        assert worker.drain(60)


def test_a_close_waits_no_longer_than_a_minute_for_an_outlet_that_is_away(ledger: Ledger) -> None:
    ticket, chat = Tracker("ticket"), Tracker("chat")
    ticket.gate.clear()
    hand = Hand()
    with working(ledger, ticket, chat, now=hand):
        ask(ledger, effect(1, CLOSE, outlet="chat"), effect(1, CLOSE, outlet="ticket"))
        hand.at = T0 + 60 * SECOND
        until(lambda: chat.keys == ["A/chat/1"])
        assert ticket.keys == []


def test_an_effect_that_was_not_taken_comes_again_when_its_time_has_come(ledger: Ledger) -> None:
    tracker, hand = Tracker(), Hand()
    tracker.answers["A/tracker/1"] = [
        no(DeliveryOutcome.RETRY),
        no(DeliveryOutcome.RETRY, retry_after=30.0),
        OK,
    ]
    ask(ledger, effect(1, CREATE))
    with working(ledger, tracker, now=hand) as worker:
        until(lambda: ledger.effects()[0].next_at == T0 + 1 * SECOND)
        assert worker.drain(60)
        assert len(tracker.sent) == 1
        assert [(b.waiting, b.oldest_at) for b in ledger.backlogs()] == [(1, T0)]

        hand.at = T0 + 1 * SECOND
        until(lambda: ledger.effects()[0].next_at == T0 + 31 * SECOND)
        hand.at = T0 + 31 * SECOND
        until(lambda: states(ledger) == [EffectState.CONFIRMED])

    assert ledger.effects()[0].attempts == 3
    assert tracker.asked == [], "it was surely not taken: there is nothing to ask"


def test_after_a_lost_answer_the_other_side_is_asked_before_anything_is_sent_again(ledger: Ledger) -> None:
    tracker, hand = Tracker(), Hand()
    tracker.answers = {
        "A/tracker/1": [no(DeliveryOutcome.AMBIGUOUS)],
        "B/tracker/1": [no(DeliveryOutcome.AMBIGUOUS), OK],
    }
    tracker.found = {"A/tracker/1": OK, "B/tracker/1": None}
    ask(ledger, effect(1, CREATE), effect(1, CREATE, incident="B"))
    with working(ledger, tracker, now=hand):
        until(lambda: all(e.next_at > T0 for e in ledger.effects()))  # both are sent, and their next try is at hand
        assert len(tracker.sent) == 2
        hand.at = T0 + 2 * SECOND
        until(lambda: states(ledger) == [EffectState.CONFIRMED] * 2)

    assert sorted(tracker.keys) == ["A/tracker/1", "B/tracker/1", "B/tracker/1"]
    assert sorted(tracker.asked) == ["A/tracker/1", "B/tracker/1"]
    assert ledger.tickets("A")[0].external_id == "T-1"


def test_an_outdated_update_of_unknown_outcome_is_not_sent_again(ledger: Ledger) -> None:
    tracker, hand = Tracker(), Hand()
    tracker.answers["A/tracker/1"] = [no(DeliveryOutcome.AMBIGUOUS)]
    ask(ledger, effect(1))
    with working(ledger, tracker, now=hand) as worker:
        until(lambda: ledger.effects()[0].next_at > T0)
        assert len(tracker.sent) == 1
        ask(ledger, effect(2))
        hand.at = T0 + 2 * SECOND
        until(lambda: states(ledger) == [EffectState.SUPERSEDED, EffectState.CONFIRMED])
        assert worker.drain(60)

    assert tracker.keys == ["A/tracker/1", "A/tracker/2"]
    assert tracker.asked == ["A/tracker/1"]


def test_what_is_refused_for_good_is_kept_for_people_and_blocks_nothing(ledger: Ledger, said: list[str]) -> None:
    tracker = Tracker()
    tracker.answers["A/tracker/1"] = [no(DeliveryOutcome.REFUSED)]
    ask(ledger, effect(1, CREATE), effect(2))

    with working(ledger, tracker) as worker:
        assert worker.drain(60)

    assert states(ledger) == [EffectState.DEAD, EffectState.CONFIRMED]
    assert said == ["outlet tracker: A/tracker/1 was refused for good and is given up: refused"]


def test_an_outlet_that_refuses_our_credentials_pauses_says_so_once_and_resumes(
    ledger: Ledger, said: list[str]
) -> None:
    tracker, hand, told = Tracker(), Hand(), []
    locked_out = no(DeliveryOutcome.UNAUTHORISED)
    tracker.answers = {"A/tracker/1": [locked_out, locked_out, OK], "B/tracker/1": [locked_out, OK]}
    ask(ledger, effect(1, CREATE))
    with working(ledger, tracker, now=hand, told=lambda _, d: told.append(d.outcome)) as worker:
        until(lambda: worker.paused)
        ask(ledger, effect(1, CREATE, incident="B"))
        assert worker.drain(60)
        assert len(tracker.sent) == 1, "nothing else is tried meanwhile"
        assert worker.paused["tracker"].since == T0

        hand.at = T0 + 59 * SECOND
        worker.wake()
        assert worker.drain(60)
        assert len(tracker.sent) == 1
        for tries in (2, 3):
            hand.at = T0 + (tries - 1) * 60 * SECOND
            until(partial(tracker.was_sent, tries))
            assert worker.drain(60)
            assert worker.paused["tracker"].since == T0
        hand.at = T0 + 180 * SECOND
        until(lambda: states(ledger) == [EffectState.CONFIRMED] * 2)
        assert worker.drain(60)
        assert not worker.paused

    assert told == [DeliveryOutcome.UNAUTHORISED, DeliveryOutcome.CONFIRMED, DeliveryOutcome.CONFIRMED]
    assert [line.split(",")[0] for line in said] == ["outlet tracker: paused", "outlet tracker: resumed"]


def test_a_restart_asks_about_what_was_under_way_and_sends_what_was_not(ledger: Ledger) -> None:
    taken = effect(1, CREATE, state=EffectState.SENDING, attempts=1)
    not_taken = effect(1, CREATE, incident="B", state=EffectState.SENDING, attempts=1)
    ask(ledger, taken, not_taken, effect(1, CREATE, incident="C"))
    tracker = Tracker()
    tracker.found = {taken.key: OK}

    with working(ledger, tracker) as worker:
        assert worker.drain(60)

    assert sorted(tracker.asked) == [taken.key, not_taken.key]
    assert sorted(tracker.keys) == [not_taken.key, "C/tracker/1"]
    assert states(ledger) == [EffectState.CONFIRMED] * 3


def test_two_restarts_send_nothing_twice(ledger: Ledger) -> None:
    tracker = Tracker()
    ask(ledger, effect(1, CREATE))
    for order in (2, 3, 4):
        with working(ledger, tracker) as worker:
            assert worker.drain(60)
        ask(ledger, effect(order))

    assert tracker.keys == ["A/tracker/1", "A/tracker/2", "A/tracker/3"]
    assert [external for _, external, _ in tracker.sent] == ["", "T-1", "T-1"]


def test_a_message_that_cannot_be_composed_is_tried_again_and_the_lane_lives(ledger: Ledger) -> None:
    tracker, hand = Tracker(), Hand()
    broken = {"A/tracker/1"}

    def sometimes(effect: Effect) -> Message:
        if effect.key in broken:
            raise KeyError("no such case")
        return compose(effect)

    ask(ledger, effect(1, CREATE), effect(1, CREATE, incident="B"))
    with working(ledger, tracker, now=hand, compose=sometimes):
        until(lambda: "could not be composed: KeyError" in {e.detail for e in ledger.effects()})
        until(lambda: sorted(states(ledger)) == [EffectState.CONFIRMED, EffectState.WAITING])
        broken.clear()
        hand.at = T0 + 2 * SECOND
        until(lambda: states(ledger) == [EffectState.CONFIRMED] * 2)


def test_an_outlet_that_raises_leaves_an_unknown_outcome(ledger: Ledger) -> None:
    class Broken(Tracker):
        def deliver(self, effect: Effect, message: Message, external_id: str) -> Delivery:
            raise RuntimeError("bug")

    with working(ledger, Broken()):
        ask(ledger, effect(1, CREATE))
        until(lambda: ledger.effects()[0].detail == "broke off: RuntimeError")
        assert states(ledger) == [EffectState.SENDING]


def test_effects_of_an_outlet_that_is_no_longer_configured_are_named(ledger: Ledger, said: list[str]) -> None:
    ask(ledger, effect(1, CREATE, outlet="jira"))
    with working(ledger, Tracker()):
        pass
    assert said == ["outlet jira: has unsent effects and is not configured any more; they wait until it is again"]


@contextmanager
def ledger_held(ledger: Ledger) -> Iterator[None]:
    intruder = sqlite3.connect(ledger.path, isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")
    probe = ledger.set_meta("probe", "1")
    try:
        until(lambda: not ledger.healthy)
        yield
    finally:
        intruder.execute("ROLLBACK")
        intruder.close()
        probe.result(60)
        until(lambda: ledger.healthy)


def test_while_the_ledger_is_held_urgent_notices_go_out_marked_and_once_and_are_recorded_later(
    impatient_ledger: Ledger,
) -> None:
    ledger, tracker = impatient_ledger, Tracker()
    with working(ledger, tracker) as worker:
        with ledger_held(ledger):
            urgent = ledger.commit(Commit(effects=(effect(1, CREATE, urgent=True), effect(2, urgent=True))))
            calm = ledger.commit(Commit(effects=(effect(1, CREATE, incident="B"),)))
            until(lambda: "A/tracker/2" in tracker.keys)
            later = ledger.commit(Commit(effects=(effect(1, CREATE, incident="C", urgent=True),)))
            until(lambda: "C/tracker/1" in tracker.keys)
            assert tracker.keys == ["A/tracker/1", "A/tracker/2", "C/tracker/1"], "what can wait waits"
            assert tracker.sent[0][2].startswith("Ledger unavailable since 2026-03-01 12:00:00 UTC: sent at once")
            assert tracker.sent[1][1] == "T-1", "the ticket's id is remembered though it is not recorded"
            assert ledger.effects() == ()
        for commit in (urgent, calm, later):
            commit.result(60)
        until(lambda: states(ledger) == [EffectState.CONFIRMED] * 4)
        assert worker.drain(60)

    assert tracker.keys == ["A/tracker/1", "A/tracker/2", "C/tracker/1", "B/tracker/1"]
    assert tracker.asked == []
    assert ledger.tickets("A")[0].external_id == "T-1"


def test_an_urgent_effect_that_was_recorded_before_the_ledger_was_held_goes_out_too(impatient_ledger: Ledger) -> None:
    ledger, tracker = impatient_ledger, Tracker()
    ask(ledger, effect(1, CREATE, urgent=True), effect(1, CREATE, incident="B"))
    with ledger_held(ledger), working(ledger, tracker):
        until(lambda: tracker.keys == ["A/tracker/1"])
        assert tracker.sent[0][2].startswith("Ledger unavailable")
    until(lambda: ledger.effects("A")[0].state is EffectState.CONFIRMED)

    with working(ledger, tracker) as worker:
        assert worker.drain(60)
    assert tracker.keys == ["A/tracker/1", "B/tracker/1"]


# -- the outlets are replaced while it works -------------------------------------------------------------------------


def test_an_outlet_that_was_removed_leaves_its_effects_waiting_and_sends_them_when_it_is_back(ledger: Ledger) -> None:
    tracker, other = Tracker(), Tracker("other")
    with working(ledger, tracker, other) as worker:
        worker.replace({"other": other})
        ledger.commit(Commit(effects=(effect(1, CREATE), effect(1, CREATE, outlet="other")))).result(60)
        worker.wake()
        until(lambda: other.was_sent(1))
        assert ledger.effects("A", states=(EffectState.WAITING,))[0].outlet == "tracker"
        assert tracker.sent == []

        worker.replace({"tracker": tracker, "other": other})
        until(lambda: tracker.was_sent(1))

    assert other.was_sent(1)


def test_an_outlet_that_is_removed_while_it_sends_and_comes_back_at_once_sends_nothing_twice(ledger: Ledger) -> None:
    tracker = Tracker()
    tracker.gate.clear()
    with working(ledger, tracker) as worker:
        ledger.commit(Commit(effects=(effect(1, CREATE),))).result(60)
        worker.wake()
        until(lambda: ledger.effects("A")[0].state is EffectState.SENDING)
        worker.replace({})
        worker.replace({"tracker": tracker})
        tracker.gate.set()
        until(lambda: ledger.effects("A")[0].state is EffectState.CONFIRMED)
        assert worker.drain(60)

    assert tracker.keys == ["A/tracker/1"]
    assert tracker.asked == []


def test_a_new_secret_is_tried_at_once_by_what_comes_next_though_the_old_one_had_paused_the_outlet(
    ledger: Ledger,
) -> None:
    refusing, taking = Tracker(), Tracker()
    refusing.answers["A/tracker/1"] = [no(DeliveryOutcome.UNAUTHORISED)]
    with working(ledger, refusing) as worker:
        ledger.commit(Commit(effects=(effect(1, CREATE),))).result(60)
        worker.wake()
        until(lambda: "tracker" in worker.paused)
        worker.replace({"tracker": taking})
        ledger.commit(Commit(effects=(effect(1, CREATE, incident="B"),))).result(60)
        worker.wake()
        until(lambda: taking.keys == ["B/tracker/1"])

    assert worker.paused == {}

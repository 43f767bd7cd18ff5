"""A close that a tracker refused is tried again, and no other effect is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.daemon.refused_closes import TRIED_FOR, due_again, try_again
from monitor.ledger.records import Commit, Effect, EffectKind, EffectState
from monitor.ledger.store import Ledger
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message
from monitor.outlets.worker import EffectsWorker

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CREATE, UPDATE, CLOSE, REOPEN = EffectKind.CREATE, EffectKind.UPDATE, EffectKind.CLOSE, EffectKind.REOPEN
DEAD, DONE = EffectState.DEAD, EffectState.CONFIRMED


def effect(order: int, kind: EffectKind, state: EffectState, incident: str = "A", outlet: str = "jira") -> Effect:
    return Effect(
        key=f"{incident}/{outlet}/{order:04d}/{kind}", incident=incident, service="orders", outlet=outlet, kind=kind,
        order=order, created_at=T0, next_at=T0, state=state, attempts=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("effects", "again"),
    [
        ([effect(1, CREATE, DONE), effect(2, CLOSE, DEAD)], ["A/jira/0002/close"]),
        ([effect(1, CREATE, DONE), effect(2, CLOSE, DEAD), effect(3, UPDATE, DONE)], ["A/jira/0002/close"]),
        ([effect(2, CLOSE, DEAD), effect(3, REOPEN, DONE)], []),
        ([effect(2, CLOSE, DEAD), effect(3, REOPEN, DONE), effect(4, CLOSE, DONE)], []),
        ([effect(2, CLOSE, DONE)], []),
        ([effect(1, CREATE, DEAD), effect(2, UPDATE, DEAD)], []),
        ([effect(2, CLOSE, DEAD, outlet="gone")], []),
        ([effect(2, CLOSE, DEAD), effect(3, REOPEN, DONE, outlet="webhook")], ["A/jira/0002/close"]),
        ([effect(2, CLOSE, DEAD), effect(3, REOPEN, DONE, incident="B")], ["A/jira/0002/close"]),
    ],
    ids=[
        "a close that was refused",
        "an update after it changes nothing",
        "the incident was reopened",
        "and closed again",
        "it was taken",
        "what else was refused",
        "an outlet that is not configured any more",
        "another outlet's reopening",
        "another incident's reopening",
    ],
)
def test_the_last_close_of_an_incident_is_tried_again(effects: list[Effect], again: list[str]) -> None:
    dead = [one for one in effects if one.state is DEAD]

    found = due_again(dead, effects, {"jira", "webhook"}, T0 + HOUR)

    assert [one.key for one in found] == again
    assert all((one.state, one.next_at) == (EffectState.WAITING, T0 + HOUR) for one in found)


def test_it_is_tried_for_three_days() -> None:
    dead = [effect(2, CLOSE, DEAD)]

    assert len(due_again(dead, dead, {"jira"}, T0 + TRIED_FOR - timedelta(seconds=1))) == 1
    assert due_again(dead, dead, {"jira"}, T0 + TRIED_FOR) == []


class Workflow:
    """A tracker that lets nobody close until somebody makes way."""

    name = "jira"

    def __init__(self) -> None:
        self.lets = False
        self.tries = 0

    def deliver(self, effect: Effect, message: Message, external_id: str) -> Delivery:
        self.tries += 1
        may = self.lets or effect.kind is not CLOSE
        return Delivery(outcome=DeliveryOutcome.CONFIRMED if may else DeliveryOutcome.REFUSED, external_id="OPS-1")

    def reconcile(self, effect: Effect, external_id: str) -> Delivery | None:
        return None


@dataclass
class Office:
    """What trying again needs of a house."""

    ledger: Ledger
    worker: EffectsWorker
    at: datetime = T0

    @property
    def clock(self) -> Office:
        return self

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def workflow() -> Workflow:
    return Workflow()


@pytest.fixture
def office(tmp_path: Path, workflow: Workflow) -> Iterator[Office]:
    ledger = Ledger.open(tmp_path, slow_after=60.0)
    message = Message(
        incident="A", number=1, service="orders", title="", severity="", status="", markdown="", update="", document={}
    )
    worker = EffectsWorker(ledger, {"jira": workflow}, lambda _: message, lambda: T0, lambda *_: None)
    worker.start()
    yield Office(ledger, worker)
    assert worker.stop(60)
    ledger.close()


def test_once_somebody_has_made_way_the_ticket_is_closed(office: Office, workflow: Workflow) -> None:
    asked = [
        replace(effect(1, CREATE, EffectState.WAITING), attempts=0),
        replace(effect(2, CLOSE, EffectState.WAITING)),
    ]
    office.ledger.commit(Commit(effects=tuple(asked))).result(60)
    assert office.worker.drain(60)
    assert [one.state for one in office.ledger.effects("A")] == [DONE, DEAD]

    try_again(office)  # type: ignore[arg-type]
    assert office.worker.drain(60)
    assert (workflow.tries, office.ledger.effects("A")[1].state) == (3, DEAD)

    workflow.lets = True
    try_again(office)  # type: ignore[arg-type]
    assert office.worker.drain(60)
    assert (workflow.tries, office.ledger.effects("A")[1].state) == (4, DONE)

    try_again(office)  # type: ignore[arg-type]
    assert office.worker.drain(60)
    assert workflow.tries == 4

"""An incident's page in PagerDuty: every event is one that it takes, and what was triggered is resolved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fake_pagerduty import FakePagerduty, problem
from faults import Fault
from pydantic import SecretStr

from monitor.config import Pagerduty
from monitor.ledger.records import Effect, EffectKind
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message
from monitor.outlets.pagerduty.event import event_of
from monitor.outlets.pagerduty.outlet import PagerdutyOutlet
from monitor.outlets.settling import SETTLING

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ULID = "01JNQ0000000000000000000ZZ"
KEY = "0123456789abcdef0123456789abcdef"
CREATE, UPDATE, CLOSE, REOPEN = EffectKind.CREATE, EffectKind.UPDATE, EffectKind.CLOSE, EffectKind.REOPEN
CONFIRMED, REFUSED, RETRY = DeliveryOutcome.CONFIRMED, DeliveryOutcome.REFUSED, DeliveryOutcome.RETRY
AMBIGUOUS, UNAUTHORISED = DeliveryOutcome.AMBIGUOUS, DeliveryOutcome.UNAUTHORISED

MESSAGE = Message(
    incident=ULID, number=1, service="orders", title="INC-0001 SEV2 orders: HTTP 503", severity="SEV2", status="open",
    markdown="# INC-0001\n", update="orders does not answer",
    document={"reference": "INC-0001", "symptoms": ["answered 503"], "acknowledged_by": ""},
)  # fmt: skip


def effect(order: int, kind: EffectKind) -> Effect:
    return Effect(
        key=f"{ULID}/pagerduty/{order:04d}/{kind}", incident=ULID, service="orders", outlet="pagerduty", kind=kind,
        order=order, created_at=T0, next_at=T0, attempts=1,
    )  # fmt: skip


class Desk:
    """An outlet to a PagerDuty of its own, and an incident that goes on effect by effect."""

    def __init__(self) -> None:
        self.pagerduty = FakePagerduty()
        settings = Pagerduty(routing_key=SecretStr(KEY), url="https://events.example")
        self.outlet = PagerdutyOutlet(settings, connect=self.pagerduty.connect, now=self.pagerduty.now)
        self.order = 0

    def send(self, kind: EffectKind, again: bool = False, **more: Any) -> Delivery:
        self.order += 0 if again else 1
        return self.outlet.deliver(effect(self.order, kind), replace(MESSAGE, **more), "")

    @property
    def alerts(self) -> list[str]:
        return [alert.state for alert in self.pagerduty.alerts.get(f"watchkeeper/{ULID}", [])]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_from_its_opening_to_its_end_and_its_relapse(desk: Desk) -> None:
    taken = {**MESSAGE.document, "acknowledged_by": "Ada"}

    opened = desk.send(CREATE)
    assert (opened.outcome, opened.external_id) == (CONFIRMED, f"watchkeeper/{ULID}")
    assert opened.detail == "events.example: trigger"
    assert desk.send(UPDATE, severity="SEV1").outcome is CONFIRMED
    assert desk.alerts == ["triggered"]
    desk.send(UPDATE, document=taken)
    assert desk.alerts == ["acknowledged"]
    desk.send(CLOSE, document=taken)
    assert desk.alerts == ["resolved"]
    desk.send(REOPEN)
    assert desk.alerts == ["resolved", "triggered"]
    assert desk.pagerduty.woken == 2
    severities = [p["severity"] for p in desk.pagerduty.alerts[f"watchkeeper/{ULID}"][0].payloads]
    assert severities == ["error", "critical", "error", "error"]


@pytest.mark.parametrize(
    ("severity", "told"), [("SEV1", "critical"), ("SEV2", "error"), ("SEV3", "warning"), ("SEV4", "info"), ("", "info")]
)
def test_every_severity_has_its_own(severity: str, told: str) -> None:
    event: Any = event_of(effect(1, CREATE), replace(MESSAGE, severity=severity), KEY)
    assert event["payload"]["severity"] == told


def test_somebody_who_took_it_before_it_was_told_is_told_by_the_next_event(desk: Desk) -> None:
    """PagerDuty acknowledges nothing that was never triggered."""
    desk.send(CREATE, document={"acknowledged_by": "Ada"})
    assert desk.alerts == ["triggered"]
    desk.send(UPDATE, document={"acknowledged_by": "Ada"})
    assert desk.alerts == ["acknowledged"]


HOSTILE = "<img src=x> @channel \x00\x1b[31m \ud800 𝔘\n" * 30_000


@pytest.mark.parametrize("kind", EffectKind)
def test_a_megabyte_of_hostile_words_is_cut_to_what_is_taken(kind: EffectKind) -> None:
    lists = ("services", "symptoms", "why", "conditions", "alerts")
    document: dict[str, object] = {name: [HOSTILE] * 300 for name in lists}
    document |= dict.fromkeys(("reference", "status", "opened_at", "reporter", "acknowledged_by"), "𝔘" * 1_000_000)
    message = replace(
        MESSAGE, title=HOSTILE, service=HOSTILE, update=HOSTILE, degraded="Ledger unavailable", document=document
    )
    event: Any = event_of(effect(1, kind), message, KEY)

    assert problem(event) == ""
    assert len(event["payload"]["summary"]) == 1024
    assert event["payload"]["custom_details"]["symptoms"][-1] == "and 280 more"
    assert "\x1b" not in str(event)


def test_the_check_of_what_it_takes_can_fail() -> None:
    event: Any = event_of(effect(1, CREATE), MESSAGE, KEY)
    assert problem(event) == ""
    assert "is not one of" in problem({**event, "event_action": "open"})
    assert "too long" in problem({**event, "payload": {**event["payload"], "summary": "x" * 1025}})
    assert "required" in problem({key: value for key, value in event.items() if key != "payload"})
    assert "size" in problem({**event, "payload": {**event["payload"], "custom_details": {"a": "x" * 524_288}}})


@pytest.mark.parametrize(
    ("fault", "outcome", "opened"),
    [
        (Fault.REFUSED, RETRY, 0),
        (Fault.BAD, REFUSED, 0),
        (Fault.LIMITED, RETRY, 0),
        (Fault.BEFORE, AMBIGUOUS, 0),
        (Fault.AFTER, AMBIGUOUS, 1),
        (Fault.DROPPED, AMBIGUOUS, 1),
        (Fault.TIMEOUT, AMBIGUOUS, 0),
    ],
)
def test_what_went_wrong_is_sent_again_under_the_same_key(
    desk: Desk, fault: Fault, outcome: DeliveryOutcome, opened: int
) -> None:
    faults = iter([fault])
    desk.pagerduty.plan = lambda _asked: next(faults, None)
    assert desk.send(CREATE).outcome is outcome
    assert len(desk.alerts) == opened
    desk.pagerduty.now.seconds += 5.0

    asked = desk.outlet.reconcile(effect(1, CREATE), "")
    assert asked is not None
    assert asked.outcome is AMBIGUOUS, "it cannot be asked, so it is sent again"
    assert desk.send(CREATE, again=True).outcome is CONFIRMED
    assert desk.alerts == ["triggered"]
    assert desk.pagerduty.woken == 1


@pytest.mark.parametrize(("before", "turn"), [(UPDATE, CLOSE), (CLOSE, REOPEN)])
def test_a_turn_waits_for_what_may_still_arrive_and_nothing_else_does(
    desk: Desk, before: EffectKind, turn: EffectKind
) -> None:
    desk.send(CREATE)
    faults = iter([Fault.LATE])
    desk.pagerduty.plan = lambda _asked: next(faults, None)
    assert desk.send(before).outcome is AMBIGUOUS
    assert desk.send(before, again=True).outcome is CONFIRMED, "the same under the same key may arrive twice"

    waits = desk.send(turn)
    assert (waits.outcome, waits.retry_after) == (RETRY, SETTLING)
    desk.pagerduty.now.seconds += SETTLING - 0.001
    assert desk.send(turn, again=True).outcome is RETRY
    desk.pagerduty.now.seconds += 0.001
    assert desk.send(turn, again=True).outcome is CONFIRMED
    assert desk.alerts[-1] == ("resolved" if turn is CLOSE else "triggered")


def test_another_incident_waits_for_nothing(desk: Desk) -> None:
    faults = iter([Fault.LATE])
    desk.pagerduty.plan = lambda _asked: next(faults, None)
    assert desk.send(UPDATE).outcome is AMBIGUOUS
    other = replace(effect(1, CLOSE), key="01JNQ0000000000000000000AA/pagerduty/0001/close", incident="01JNQ0AA")
    assert desk.outlet.deliver(other, MESSAGE, "").outcome is CONFIRMED


def test_a_wrong_key_is_told_without_saying_it(desk: Desk) -> None:
    desk.pagerduty.known_key = lambda _key: False
    refused = desk.send(CREATE)
    assert refused.outcome is REFUSED
    assert refused.detail == "events.example answered 400: Event object is invalid; Invalid routing key ***"
    assert KEY not in repr(desk.outlet)

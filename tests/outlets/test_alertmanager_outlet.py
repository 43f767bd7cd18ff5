"""An incident's alert in an Alertmanager: it fires while the incident is open, and is repeated before it would end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_alertmanager import FakeAlertmanager
from faults import Fault
from jsonschema import Draft4Validator
from loguru import logger
from pydantic import SecretStr

from monitor.config import Alertmanager
from monitor.core.incident import Incident, State
from monitor.core.severity import Severity
from monitor.ledger.records import Commit, Effect, EffectKind, EffectState
from monitor.ledger.store import Ledger
from monitor.outlets.alertmanager.alert import STANDS_FOR, told
from monitor.outlets.alertmanager.outlet import AlertmanagerOutlet
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message
from monitor.outlets.refreshing import Refresher

SPEC = Path(__file__).parents[3] / "shared" / "specs" / "alertmanager-v2.yaml"
T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ULID = "01JNQ0000000000000000000ZZ"
TOKEN = "s3cr3t-of-alertmanager"
CREATE, UPDATE, CLOSE, REOPEN = EffectKind.CREATE, EffectKind.UPDATE, EffectKind.CLOSE, EffectKind.REOPEN
CONFIRMED, AMBIGUOUS = DeliveryOutcome.CONFIRMED, DeliveryOutcome.AMBIGUOUS

MESSAGE = Message(
    incident=ULID, number=1, service="orders", title="INC-0001 SEV2 orders: HTTP 503", severity="SEV2", status="open",
    markdown="# INC-0001\n", update="orders does not answer",
    document={"opened_at": "2026-03-01 11:58:30 UTC", "status": "open, SEV2, for 1 min 30 s"},
)  # fmt: skip


def effect(order: int, kind: EffectKind, incident: str = ULID) -> Effect:
    return Effect(
        key=f"{incident}/alertmanager/{order:04d}/{kind}", incident=incident, service="orders", outlet="alertmanager",
        kind=kind, order=order, created_at=T0, next_at=T0, attempts=1,
    )  # fmt: skip


class Desk:
    """An outlet to an Alertmanager of its own, and an incident that goes on effect by effect."""

    def __init__(self, token: str = "") -> None:
        self.peer = FakeAlertmanager()
        self.set_back = 0.0
        self.peer.wall = lambda: T0.timestamp() + self.peer.now() - self.set_back
        settings = Alertmanager(url="http://alerts.example/am", token=SecretStr(token))
        self.peer.obey, self._obey = self._under_a_path, self.peer.obey  # type: ignore[method-assign]
        self.outlet = AlertmanagerOutlet(settings, connect=self.peer.connect, now=self.peer.now, wall=self.peer.wall)
        self.order = 0

    def _under_a_path(self, asked: Any) -> Any:
        return self._obey(replace(asked, path=asked.path.removeprefix("/am")))

    def send(self, kind: EffectKind, **more: Any) -> Delivery:
        self.order += 1
        return self.outlet.deliver(effect(self.order, kind), replace(MESSAGE, **more), "")

    @property
    def firing(self) -> list[str]:
        now = datetime.fromtimestamp(self.peer.wall(), UTC)
        return [severity for severity, alert in self.peer.of(ULID).items() if alert.ends_at > now]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_from_its_opening_to_its_end_and_its_relapse(desk: Desk) -> None:
    opened = desk.send(CREATE)
    assert (opened.outcome, opened.detail) == (CONFIRMED, "alerts.example: fires")
    assert desk.firing == ["critical"]
    desk.send(CLOSE)
    assert desk.firing == []
    desk.peer.now.seconds += 60.0
    desk.send(REOPEN)
    assert desk.firing == ["critical"]
    assert desk.peer.of(ULID)["critical"].fired == 2


@pytest.mark.parametrize(
    ("before", "after", "labels"),
    [
        ("SEV2", "SEV1", ["critical"]),
        ("SEV3", "SEV1", ["critical"]),
        ("SEV1", "SEV3", ["warning"]),
        ("SEV3", "SEV4", ["info"]),
    ],
)
def test_a_changed_severity_is_another_alert_and_ends_the_one_before(
    desk: Desk, before: str, after: str, labels: list[str]
) -> None:
    desk.send(CREATE, severity=before)
    desk.peer.now.seconds += 1.0
    desk.send(UPDATE, severity=after)
    assert desk.firing == labels
    assert all(alert.fired == 1 for alert in desk.peer.of(ULID).values())
    desk.peer.now.seconds += 1.0
    desk.send(CLOSE, severity=after)
    assert desk.firing == []


def test_what_it_says() -> None:
    alerts: Any = told(MESSAGE, T0, is_over=False)
    assert alerts[0] == {
        "labels": {
            "alertname": "WatchkeeperIncident", "service": "orders", "severity": "critical",
            "watchkeeper_incident": ULID,
        },
        "annotations": {
            "summary": "INC-0001 SEV2 orders: HTTP 503", "description": "orders does not answer",
            "status": "open, SEV2, for 1 min 30 s",
        },
        "startsAt": "2026-03-01T11:58:30.000000Z",
        "endsAt": "2026-03-01T13:00:00.000000Z",
    }  # fmt: skip
    assert [one["labels"]["severity"] for one in alerts] == ["critical", "warning", "info"]
    assert [one["endsAt"] for one in alerts[1:]] == ["2026-03-01T12:00:00.000000Z"] * 2


def test_a_wall_clock_that_was_set_back_before_the_opening_ends_it_all_the_same(desk: Desk) -> None:
    desk.send(CREATE)
    desk.set_back = 600.0
    assert desk.send(CLOSE).outcome is CONFIRMED
    assert desk.firing == []


def test_an_alert_stands_for_an_hour_and_a_refresh_makes_it_another_one(desk: Desk) -> None:
    desk.send(CREATE)
    desk.peer.now.seconds += STANDS_FOR.total_seconds() - 1.0
    assert desk.firing == ["critical"]
    assert desk.outlet.refresh([MESSAGE]).outcome is CONFIRMED
    desk.peer.now.seconds += STANDS_FOR.total_seconds() - 1.0
    assert desk.firing == ["critical"]
    desk.peer.now.seconds += 1.0
    assert desk.firing == []


def test_many_are_refreshed_in_requests_of_a_hundred_and_the_first_trouble_ends_it(desk: Desk) -> None:
    messages = [replace(MESSAGE, incident=f"I{number}") for number in range(250)]
    assert desk.outlet.refresh(messages).outcome is CONFIRMED
    assert [len(asked.body) for asked in desk.peer.log] == [100, 100, 50]  # type: ignore[arg-type]
    assert len(desk.peer.alerts) == 250

    desk.peer.log.clear()
    desk.peer.plan = lambda _asked: Fault.BEFORE
    assert desk.outlet.refresh(messages).outcome is AMBIGUOUS
    assert len(desk.peer.log) == 1


def test_a_token_is_shown_to_it_and_to_nobody_else() -> None:
    desk = Desk(TOKEN)
    desk.send(CREATE)
    assert desk.peer.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in repr(desk.outlet)


def test_a_refusal_is_told_in_its_words(desk: Desk) -> None:
    desk.peer.obey = lambda _asked: (400, 'invalid label set: "\ud800"')  # type: ignore[method-assign]
    refused = desk.send(CREATE)
    assert refused.outcome is DeliveryOutcome.REFUSED
    assert refused.detail.startswith('alerts.example answered 400: invalid label set: "')


def test_every_request_is_as_the_vendor_describes_it() -> None:
    if not SPEC.exists():
        pytest.skip(f"there is no {SPEC}: Alertmanager's description is not part of this project")
    spec = yaml.safe_load(SPEC.read_text())
    validator = Draft4Validator({"$ref": "#/definitions/postableAlerts", "definitions": spec["definitions"]})
    hostile = "<b>@channel \x00\ud800" * 60_000
    said = [MESSAGE, replace(MESSAGE, title=hostile, service=hostile, update=hostile, document={"status": hostile})]
    for message in said:
        for is_over in (False, True):
            alerts = told(message, T0, is_over=is_over)
            validator.validate(alerts)
            assert len(str(alerts)) < 20_000
    with pytest.raises(Exception, match="required"):
        validator.validate([{"annotations": {}}])


# -- the lane repeats it ----------------------------------------------------------------------------------------


class Repeated:
    """A refresher over a ledger, whose outlet only counts."""

    refresh_every = 60.0

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.told: list[list[str]] = []
        self.outcome = CONFIRMED
        self.refresher = Refresher(ledger, self.compose, logger)

    def compose(self, effect: Effect) -> Message:
        return replace(MESSAGE, incident=effect.incident)

    def refresh(self, messages: Any) -> Delivery:
        self.told.append([message.incident for message in messages])
        return Delivery(outcome=self.outcome, detail="alerts.example answered 503")

    def turn(self, seconds: float) -> list[list[str]]:
        self.told.clear()
        self.refresher.turn("alertmanager", self, T0 + timedelta(seconds=seconds))
        return list(self.told)

    def keep(self, incident: str, state: State, *effects: tuple[EffectKind, EffectState]) -> None:
        kept = Incident(
            service=incident, id=incident, number=len(incident), state=state, since=T0, opened_at=T0,
            severity=Severity.SEV1,
        )  # fmt: skip
        made = tuple(replace(effect(order, kind, incident), state=how) for order, (kind, how) in enumerate(effects, 1))
        self.ledger.commit(Commit(incidents=(kept,), effects=made)).result(60)


@pytest.fixture
def repeated(tmp_path: Path) -> Any:
    ledger = Ledger.open(tmp_path)
    yield Repeated(ledger)
    ledger.close()


WAITING, DONE, DEAD = EffectState.WAITING, EffectState.CONFIRMED, EffectState.DEAD


@pytest.mark.parametrize(
    ("state", "effects", "stands"),
    [
        (State.OPEN, [(CREATE, DONE)], True),
        (State.RECOVERING, [(CREATE, DONE), (UPDATE, WAITING)], True),
        (State.OPEN, [(CREATE, DONE), (UPDATE, DEAD)], True),
        (State.OPEN, [(CREATE, DONE), (CLOSE, DONE), (REOPEN, DONE)], True),
        (State.OPEN, [(CREATE, WAITING)], False),
        (State.OPEN, [(CREATE, DEAD)], False),
        (State.OPEN, [(CREATE, DONE), (CLOSE, WAITING)], False),
        (State.RESOLVED, [(CREATE, DONE)], False),
        (State.OPEN, [], False),
    ],
)
def test_what_stands_is_repeated(
    repeated: Repeated, state: State, effects: list[tuple[EffectKind, EffectState]], stands: bool
) -> None:
    repeated.keep("one", state, *effects)
    assert repeated.turn(0.0) == ([["one"]] if stands else [])


def test_it_is_repeated_each_minute_and_at_once_after_a_start(repeated: Repeated) -> None:
    repeated.keep("one", State.OPEN, (CREATE, DONE))
    repeated.keep("three", State.OPEN, (CREATE, DONE))
    assert repeated.turn(7.0) == [["one", "three"]]
    assert repeated.turn(66.999) == []
    assert repeated.turn(67.0) == [["one", "three"]]


def test_trouble_is_said_once_and_its_end_too(repeated: Repeated, said: list[str]) -> None:
    repeated.keep("one", State.OPEN, (CREATE, DONE))
    repeated.outcome = AMBIGUOUS
    for minute in range(3):
        repeated.turn(60.0 * minute)
    repeated.outcome = CONFIRMED
    for minute in range(3, 6):
        repeated.turn(60.0 * minute)
    assert said == [
        "outlet alertmanager: 1 open incidents were not refreshed: alerts.example answered 503",
        "outlet alertmanager: open incidents are refreshed again",
    ]

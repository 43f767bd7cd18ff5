"""An outlet that takes nothing: an event when it begins and when it is over, a gauge, and a line in the status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.daemon.arrears import Arrears, effects_part
from monitor.ledger.records import Commit, Effect, EffectKind, EffectState
from monitor.ledger.store import Ledger
from monitor.outlets.folder import FolderOutlet
from monitor.outlets.worker import EffectsWorker

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EFFECT = Effect(
    key="A/folder/0001/create", incident="A", service="orders", outlet="folder", kind=EffectKind.CREATE, order=1,
    created_at=T0, next_at=T0, detail="no space left",
)  # fmt: skip


@dataclass
class Office:
    """What `Arrears` needs of a house: a real ledger, a worker that stands still, and an ear for what it measures."""

    ledger: Ledger
    worker: EffectsWorker
    at: datetime = T0
    adopted: list[Commit] = field(default_factory=list)
    gauges: dict[str, float] = field(default_factory=dict)

    @property
    def clock(self) -> Office:
        return self

    @property
    def telemetry(self) -> Office:
        return self

    def now(self) -> datetime:
        return self.at

    def adopt(self, commit: Commit) -> None:
        self.adopted.append(commit)
        self.ledger.commit(commit).result(5)

    def gauge(self, name: str, value: float, attributes: Mapping[str, str]) -> None:
        assert name == "watchkeeper.effects.oldest_age"
        self.gauges[attributes["watchkeeper.outlet"]] = value

    def events(self) -> list[str]:
        return [event.name for commit in self.adopted for event in commit.events]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    ledger = Ledger.open(tmp_path)
    outlet = FolderOutlet(tmp_path / "tickets")
    yield Office(ledger, EffectsWorker(ledger, {"folder": outlet}, lambda _: None, lambda: T0, lambda *_: None))  # type: ignore[arg-type,return-value]
    ledger.close()


def test_what_grows_old_is_told_measured_and_told_to_be_over(office: Office) -> None:
    arrears = Arrears(office)  # type: ignore[arg-type]
    arrears.tick(T0, T0)
    assert office.gauges == {"folder": 0.0}

    office.ledger.commit(Commit(effects=(EFFECT,))).result(5)
    arrears.tick(T0 + 4 * MINUTE, T0)
    assert (office.gauges, office.events()) == ({"folder": 240.0}, [])

    arrears.tick(T0 + 5 * MINUTE, T0)
    arrears.tick(T0 + 10 * MINUTE, T0)
    assert office.events() == ["effect.overdue"]
    (event,) = office.ledger.events()
    assert event.attributes == {
        "outlet": "folder", "waiting": 1, "oldest_age_seconds": 300.0, "error": "no space left",
    }  # fmt: skip
    assert event.text.startswith("outlet folder: 1 effect waits, the oldest for 5m0s: no space left: see that")

    office.ledger.record(replace(EFFECT, state=EffectState.CONFIRMED)).result(5)
    arrears.tick(T0 + 11 * MINUTE, T0)
    assert office.gauges == {"folder": 0.0}
    assert office.events() == ["effect.overdue", "effect.caught_up"]


def test_an_outlet_that_left_the_configuration_is_measured_too_until_nothing_waits_for_it(office: Office) -> None:
    office.ledger.commit(Commit(effects=(replace(EFFECT, key="k", outlet="jira"),))).result(5)
    arrears = Arrears(office)  # type: ignore[arg-type]
    arrears.tick(T0 + MINUTE, T0)
    assert office.gauges == {"folder": 0.0, "jira": 60.0}

    office.ledger.record(replace(EFFECT, key="k", outlet="jira", state=EffectState.DEAD)).result(5)
    arrears.tick(T0 + 2 * MINUTE, T0)
    assert office.gauges == {"folder": 0.0, "jira": 0.0}


def test_the_status_counts_what_waits_and_what_was_given_up_by_outlet(office: Office) -> None:
    quiet = {"oldest_waiting_seconds": None, "waiting": 0, "dead": 0, "paused": "", "by_outlet": {}}
    assert effects_part(office) == quiet  # type: ignore[arg-type]

    dead = replace(EFFECT, key="k2", order=2, state=EffectState.DEAD, detail="answered 410")
    other = replace(EFFECT, key="k3", outlet="jira", created_at=T0 + MINUTE, detail="")
    office.ledger.commit(Commit(effects=(EFFECT, dead, other))).result(5)
    office.at = T0 + 3 * MINUTE

    assert effects_part(office) == {  # type: ignore[arg-type]
        "oldest_waiting_seconds": 180.0,
        "waiting": 2,
        "dead": 1,
        "paused": "",
        "by_outlet": {
            "folder": {
                "waiting": 1,
                "dead": 1,
                "oldest_waiting_seconds": 180.0,
                "last_error": "no space left",
                "last_refusal": "answered 410",
            },
            "jira": {"waiting": 1, "dead": 0, "oldest_waiting_seconds": 120.0, "last_error": "", "last_refusal": ""},
        },
    }

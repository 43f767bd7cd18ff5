from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from monitor.core.incident import Incident, State
from monitor.core.severity import Severity
from monitor.ledger.database import SchemaTooNew
from monitor.ledger.records import (
    AlertLink,
    Backlog,
    BudgetCheckpoint,
    Commit,
    Effect,
    EffectKind,
    EffectState,
    LedgerEvent,
    MemberLink,
    TicketLink,
)
from monitor.ledger.schema import LEDGER_STEPS
from monitor.ledger.store import Ledger
from monitor.ledger.writer import LedgerClosed

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ULID = "01JNQ0000000000000000000A1"

OPENED = LedgerEvent(
    name="incident.opened",
    at=T0,
    wall=T0 + 3 * SECOND,
    text="orders: pending => open, two probes refused",
    incident=ULID,
    service="orders",
    attributes={"checks": ["orders/http"], "burn": 14.4, "größe": None},
    trace_id="0af7651916cd43dd8448eb211c80319c",
    span_id="b7ad6b7169203331",
)
INCIDENT = Incident(
    service="orders",
    since=T0,
    state=State.OPEN,
    id=ULID,
    number=1,
    first_failure_at=T0 - 60 * SECOND,
    opened_at=T0,
    severity=Severity.SEV2,
    lowered_from=Severity.SEV1,
    reason="refused",
    acknowledged_by="ada",
    acknowledged_at=T0 + SECOND,
    declared_by="bob",
    mitigated_by="cy",
    reopened=2,
    trace_id="t",
    span_id="s",
)
CREATE = Effect(
    key=f"{ULID}/folder/0001/create",
    incident=ULID,
    service="orders",
    outlet="folder",
    kind=EffectKind.CREATE,
    order=1,
    created_at=T0,
    next_at=T0,
    urgent=True,
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "state")
    yield opened
    opened.close()


def test_what_was_committed_is_read_back_as_it_was(ledger: Ledger) -> None:
    member = MemberLink(incident=ULID, service="orders", joined_at=T0, why="subject", left_at=T0 + SECOND)
    alert = AlertLink(
        incident=ULID, fingerprint="alertmanager:f1", source="alertmanager", summary="OrdersDown", firing=True, at=T0,
        service="orders", starts_at=T0, ends_at=T0 + timedelta(minutes=9), heard_at=T0 + timedelta(minutes=1),
        expired=True, labels={"alertname": "OrdersDown"}, annotations={"summary": "no orders"},
        links={"generator": "http://prometheus/graph"},
    )  # fmt: skip
    commit = Commit(events=(OPENED,), incidents=(INCIDENT,), effects=(CREATE,), members=(member,), alerts=(alert,))

    ledger.commit(commit).result(60)

    assert ledger.events(ULID) == (replace(OPENED, seq=1),)
    assert ledger.incidents() == (INCIDENT,)
    assert ledger.incident(ULID) == ledger.incident(1) == ledger.incident("1") == INCIDENT
    assert ledger.effects(ULID) == (CREATE,)
    assert ledger.members(ULID) == (member,)
    assert ledger.alerts(ULID) == (alert,)
    assert ledger.incident("unknown") is None


def test_events_keep_the_order_in_which_they_were_handed_over(ledger: Ledger) -> None:
    commits = [Commit(events=(replace(OPENED, at=T0 - n * SECOND, text=str(n)),)) for n in range(500)]

    for future in [ledger.commit(commit) for commit in commits]:
        future.result(60)

    assert [event.text for event in ledger.events()] == [str(n) for n in range(500)]
    assert [event.text for event in ledger.events(after=498, limit=1)] == ["498"]


def test_a_commit_that_breaks_a_rule_leaves_nothing_and_does_not_stop_its_neighbours(
    ledger: Ledger, said: list[str]
) -> None:
    nameless = replace(OPENED, name=None)  # type: ignore[arg-type]  # the rule it breaks is the ledger's own
    futures = [
        ledger.commit(Commit(events=(replace(OPENED, text="before"),))),
        ledger.commit(Commit(events=(replace(OPENED, text="half"), nameless), incidents=(INCIDENT,))),
        ledger.commit(Commit(events=(replace(OPENED, text="after"),))),
    ]

    assert futures[0].result(60) is None
    with pytest.raises(sqlite3.IntegrityError, match="name"):
        futures[1].result(60)
    assert futures[2].result(60) is None
    assert [event.text for event in ledger.events()] == ["before", "after"]
    assert ledger.incidents() == ()
    assert ledger.healthy
    assert len(said) == 1


def test_an_instant_without_a_zone_is_refused_where_it_was_made(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        ledger.commit(Commit(events=(replace(OPENED, at=T0.replace(tzinfo=None)),)))


def test_attributes_that_are_no_json_are_refused_where_they_were_made(ledger: Ledger) -> None:
    with pytest.raises(TypeError):
        ledger.commit(Commit(events=(replace(OPENED, attributes={"at": T0}),)))
    with pytest.raises(ValueError, match="JSON"):
        ledger.commit(Commit(events=(replace(OPENED, attributes={"ratio": float("nan")}),)))


def test_an_instant_of_another_zone_is_kept_in_utc(ledger: Ledger) -> None:
    in_tokyo = T0.astimezone(timezone(timedelta(hours=9)))
    ledger.commit(Commit(events=(replace(OPENED, at=in_tokyo),))).result(60)

    assert ledger.events()[0].at == T0
    assert ledger.events()[0].at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("change", ["UPDATE events SET text = 'nothing happened'", "DELETE FROM events"])
def test_the_log_refuses_to_be_changed_even_by_hand(ledger: Ledger, change: str) -> None:
    ledger.commit(Commit(events=(OPENED,))).result(60)
    by_hand = sqlite3.connect(ledger.path)

    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        by_hand.execute(change)

    by_hand.close()


def test_an_effect_is_asked_for_once_however_often_its_key_is_committed(ledger: Ledger) -> None:
    ledger.commit(Commit(effects=(CREATE,))).result(60)
    done = replace(CREATE, state=EffectState.CONFIRMED, attempts=1, external_id="INC-1", detail="written")
    link = TicketLink(incident=ULID, outlet="folder", external_id="INC-1", url="file:///INC-1")
    ledger.record(done, link).result(60)

    ledger.commit(Commit(effects=(CREATE,))).result(60)

    assert ledger.effects() == (done,)
    assert ledger.tickets(ULID) == (link,)
    assert ledger.unfinished("folder") == ()
    assert ledger.backlogs() == ()
    assert ledger.effect_counts() == {}


def test_effects_are_given_in_the_order_in_which_they_go_out(ledger: Ledger) -> None:
    third = replace(CREATE, key="k3", order=3, created_at=T0 - SECOND)
    second = replace(CREATE, key="k2", order=2, state=EffectState.SENDING)
    dead = replace(CREATE, key="k4", order=4, state=EffectState.DEAD, detail="answered 410")
    ledger.commit(Commit(effects=(third, dead, CREATE, second))).result(60)

    assert [e.order for e in ledger.effects(ULID)] == [1, 2, 3, 4]
    assert ledger.effects(ULID, states=(EffectState.DEAD,)) == (dead,)
    assert ledger.unfinished("folder") == (CREATE, second, third)
    assert ledger.unfinished("webhook") == ()
    assert ledger.backlogs() == (
        Backlog(outlet="folder", waiting=3, dead=1, oldest_at=T0 - SECOND, error="", refusal="answered 410"),
    )
    counts = {EffectState.WAITING: 2, EffectState.SENDING: 1, EffectState.DEAD: 1}
    assert ledger.effect_counts() == {("folder", state): count for state, count in counts.items()}


def test_of_what_was_refused_the_newest_reason_is_told(ledger: Ledger) -> None:
    dead = replace(CREATE, state=EffectState.DEAD)
    newest = replace(dead, key="k2", order=2, created_at=T0 + SECOND, detail="answered 410")
    older = replace(dead, key="k3", order=3, created_at=T0, detail="z: answered 400")
    ledger.commit(Commit(effects=(older, newest, dead))).result(60)

    assert [backlog.refusal for backlog in ledger.backlogs()] == ["answered 410"]


def test_a_services_place_is_its_pending_row_or_else_its_newest_incident(ledger: Ledger) -> None:
    pending = Incident(service="orders", since=T0, state=State.PENDING, first_failure_at=T0)
    ledger.commit(Commit(incidents=(pending,))).result(60)
    assert ledger.places() == (pending,)
    assert ledger.incidents() == ()

    ledger.commit(Commit(incidents=(INCIDENT,))).result(60)
    assert ledger.places() == (INCIDENT,)

    resolved = replace(INCIDENT, state=State.RESOLVED)
    clear = Incident(service="orders", since=T0 + 3600 * SECOND)
    ledger.commit(Commit(incidents=(resolved, clear))).result(60)
    assert ledger.places() == (clear,)
    assert ledger.incidents() == (resolved,)
    assert ledger.incidents(live_only=True) == ()

    second = replace(INCIDENT, id="01JNQ0000000000000000000B2", number=2)
    ledger.commit(Commit(incidents=(second,))).result(60)
    assert ledger.places() == (second,)
    assert ledger.incidents() == (resolved, second)
    assert ledger.incidents(live_only=True) == (second,)


def test_numbers_go_on_after_the_highest_that_was_ever_committed(tmp_path: Path) -> None:
    first = Ledger.open(tmp_path)
    assert [first.next_number(), first.next_number()] == [1, 2]
    first.commit(Commit(incidents=(replace(INCIDENT, number=7),))).result(60)
    assert first.next_number() == 8
    first.close()

    second = Ledger.open(tmp_path)

    assert second.next_number() == 8
    second.close()


def test_budget_checkpoints_are_replaced_hour_by_hour(ledger: Ledger) -> None:
    hour = BudgetCheckpoint(check="orders/http", hour=T0, expected=120, good=100, bad=1, unknown=0)
    whole = replace(hour, good=119)
    later = replace(hour, hour=T0 + timedelta(hours=1))
    ledger.write_checkpoints((later, hour)).result(60)
    ledger.write_checkpoints((whole,)).result(60)

    assert ledger.checkpoints(T0, T0 + timedelta(hours=1)) == (whole,)
    assert ledger.checkpoints(T0, T0 + timedelta(hours=1, seconds=1)) == (whole, later)

    ledger.forget_checkpoints(before=T0 + timedelta(hours=1)).result(60)
    assert ledger.checkpoints(T0, T0 + timedelta(hours=2)) == (later,)


def test_meta_is_kept_over_a_restart(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    assert ledger.meta("boot_id") is None
    ledger.set_meta("boot_id", "one")
    ledger.set_meta("boot_id", "two")
    ledger.close()

    again = Ledger.open(tmp_path)

    assert again.meta("boot_id") == "two"
    again.close()


def test_a_closed_ledger_takes_nothing_more_and_says_so(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    last = ledger.commit(Commit(events=(OPENED,)))
    ledger.close()

    assert last.result(0) is None
    with pytest.raises(LedgerClosed):
        ledger.commit(Commit(events=(OPENED,))).result(0)


def test_others_can_read_neither_the_folder_nor_a_file_in_it(ledger: Ledger) -> None:
    ledger.commit(Commit(events=(OPENED,))).result(60)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in ledger.path.parent.iterdir()}

    assert stat.S_IMODE(ledger.path.parent.stat().st_mode) == 0o700
    assert modes == {"ledger.sqlite": 0o600, "ledger.sqlite-wal": 0o600, "ledger.sqlite-shm": 0o600}


def test_a_ledger_of_a_newer_version_is_refused_in_one_line_and_left_as_it_is(tmp_path: Path) -> None:
    Ledger.open(tmp_path).close()
    path = tmp_path / "ledger.sqlite"
    newer = sqlite3.connect(path)
    known = len(LEDGER_STEPS)
    newer.execute(f"PRAGMA user_version = {known + 1}")
    newer.close()
    before = path.read_bytes()

    for opening in (Ledger.open, Ledger.open_read_only):
        with pytest.raises(
            SchemaTooNew, match=f"sqlite has schema {known + 1}, this version knows {known}: .+"
        ) as caught:
            opening(tmp_path)
        assert "\n" not in str(caught.value)

    assert path.read_bytes() == before


def test_the_disk_has_it_when_the_future_is_done(ledger: Ledger) -> None:
    settings = {
        name: ledger._writer.connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous")
    }

    assert settings == {"journal_mode": "wal", "synchronous": 2}

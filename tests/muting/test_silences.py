"""Silences: incidents open and tickets are kept, people are not told; and they are as soon as a silence is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from monitor.core.muting import Silence
from monitor.daemon.kept import case_from
from monitor.ledger.records import Commit
from monitor.ledger.store import Ledger
from monitor.response.silences import NAMES, Muting, added, expired, silences_of

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
SHOP = """
services:
  shop:
    checks: {live: {http: "http://shop.test/", interval: 30s, timeout: 5s}}
    slos: [{sli: success, objective: 99%, over: 30d}]
  bank:
    depends_on: [shop]
    checks: {live: {http: "http://bank.test/", interval: 30s, timeout: 5s}}
incidents: {stable_for: 5m, reopen_within: 10m}
tracker: {folder: tickets, webhook: {url: "http://hook.test/", secret: hunter2hunter2}}
"""


def silence(night: Any, subject: str, length: timedelta = HOUR) -> Silence:
    """A person says it at this moment."""
    wall = night.now + night.ahead
    muting = night.book.muting
    made = Silence(
        number=muting.last + 1, subject=subject, author="grace", comment="known", since=wall, until=wall + length
    )
    muting.add(made)
    night.commits += [Commit(events=(added(made, night.now, wall),)), *night.book.due(night.now, wall)]
    return made


def end(night: Any, number: int) -> None:
    ended = night.book.muting.active.pop(number)
    wall = night.now + night.ahead
    night.commits += [Commit(events=(expired(ended, "ada", night.now, wall),)), *night.book.due(night.now, wall)]


def test_an_incident_opens_and_has_its_ticket_but_nobody_is_told(begin) -> None:
    night = begin(SHOP, NOON)
    silence(night, "shop")

    assert night.play("FFFFFF") == "pppOOO"

    assert night.told == []
    assert night.kept == ["create"]
    assert night.names == ["silence.added", "incident.pending", "incident.opened", "incident.muted"]
    [case] = night.book.live()
    assert case.muted_by == "silence 1 of grace until 2026-11-29 13:00 UTC: known"


def test_when_it_is_over_and_the_incident_is_not_people_are_told_at_once(begin) -> None:
    night = begin(SHOP, NOON)
    silence(night, "shop", 10 * MINUTE)
    night.play("F" * 20)  # the last one at 12:10:00, which is outside

    assert night.names[-2:] == ["silence.expired", "incident.unmuted"]
    assert night.told == ["create"]
    assert [event.author for event in night.events if event.name == "silence.expired"] == ["watchkeeper"]


def test_and_when_a_person_ends_it_before_its_time(begin) -> None:
    night = begin(SHOP, NOON)
    made = silence(night, "shop")
    night.play("FFFFFF")

    end(night, made.number)

    assert night.told == ["create"]
    assert night.names[-2:] == ["silence.expired", "incident.unmuted"]


def test_updates_are_left_out_while_it_lasts_and_go_on_afterwards(begin) -> None:
    night = begin(SHOP, NOON)
    night.play("F" * 4)
    assert night.told == ["create"]

    made = silence(night, "shop")
    night.play("F" * 80)
    assert night.told == ["create"]

    end(night, made.number)
    night.play("F" * 20)  # from 12:42 on; one of the grid is 12:47
    assert night.told == ["create", "update", "update"]


def test_what_was_told_to_have_opened_is_told_to_be_over_also_while_it_is_muted(begin) -> None:
    night = begin(SHOP, NOON)
    night.play("FFFF")
    silence(night, "shop")

    assert night.play("." * 16)[-1] == "R"

    assert night.told == ["create", "close"]


def test_what_opened_and_ended_within_a_silence_nobody_hears_of(begin) -> None:
    night = begin(SHOP, NOON)
    silence(night, "shop")

    assert night.play("FFFF" + "." * 16)[-1] == "R"

    assert night.told == []
    assert night.kept == ["create", "update", "close"]


def test_a_silence_of_one_check_does_not_hide_another(begin) -> None:
    text = SHOP.replace(
        'checks: {live: {http: "http://shop.test/"',
        'checks: {ready: {http: "http://shop.test/ready", interval: 30s, timeout: 5s}, live: {http: "http://shop.test/"',
    )
    night = begin(text, NOON)
    silence(night, "shop/live")
    night.play("FFFF")
    assert night.told == []

    for check in ("ready",) * 4:
        night.now += timedelta(seconds=30)
        failed = night.result("shop", "F")
        object.__setattr__(failed, "check", check)
        night.judge.take([failed], night.now, night.now)
        night.judge.tick(night.now, night.now)

    assert night.told == ["create"]
    assert night.names[-1] == "incident.unmuted"


def test_a_member_that_is_not_silenced_lets_people_hear(begin) -> None:
    night = begin(SHOP, NOON)
    silence(night, "shop")
    night.play("FFFFFF", "......")
    assert night.told == []

    night.play("FFFFFF", "FFFFFF")  # the bank depends on the shop, and joins its incident

    assert [case.services() for case in night.book.live()] == [("shop", "bank")]
    assert night.told == ["create"]


def test_a_clock_that_is_stepped_over_its_end_ends_it(begin) -> None:
    night = begin(SHOP, NOON)
    silence(night, "shop")
    night.play("FFFFFF")

    night.ahead = 2 * HOUR
    night.play("F")

    assert night.told == ["create"]


def test_what_the_ledger_has_of_them_is_what_was_said(begin) -> None:
    night = begin(SHOP, NOON)
    first, second = silence(night, "shop"), silence(night, "tag:checkout", 2 * HOUR)
    end(night, first.number)
    events = [event for event in night.events if event.name in NAMES]

    assert silences_of(events)[2] == second
    assert (silences_of(events)[1].expired_by, silences_of(events)[1].expired_at) == ("ada", NOON)
    muting = Muting()
    muting.restore(events)
    assert (list(muting.active), muting.last) == ([2], 2)


def test_a_case_comes_back_from_the_ledger_as_muted_as_it_was(begin, tmp_path: Path) -> None:
    night = begin(SHOP, NOON)
    silence(night, "shop/live")
    night.play("FFFFF")
    [case] = night.book.live()
    ledger = Ledger.open(tmp_path / "state")
    try:
        for commit in night.commits:
            ledger.commit(commit).result(5)

        restored = case_from(ledger, case.incident.id)
    finally:
        ledger.close()

    assert restored.muted_by == case.muted_by != ""
    assert restored.failed == {"shop": {"live"}}


def test_what_was_reopened_while_it_was_muted_is_reopened_for_people_when_it_is_over(begin) -> None:
    night = begin(SHOP, NOON)
    assert night.play("FFFF" + "." * 16)[-1] == "R"
    assert night.told == ["create", "update", "close"]

    made = silence(night, "shop")
    assert night.play("F")[-1] == "O"
    assert night.told == ["create", "update", "close"]

    end(night, made.number)
    assert night.told == ["create", "update", "close", "reopen"]


def test_a_service_is_muted_by_its_name_and_by_each_of_its_tags(begin) -> None:
    text = SHOP.replace("  shop:\n", "  shop:\n    tags: [backend, eu]\n")
    night = begin(text, NOON)
    silence(night, "tag:eu")
    silence(night, "bank/live")

    muted_by = night.book.muting.of_services(night.now)

    assert muted_by("shop") == "silence 1 of grace until 2026-11-29 13:00 UTC: known"
    assert muted_by("bank") == ""
    assert night.book.muting.of_services(night.now + HOUR)("shop") == ""

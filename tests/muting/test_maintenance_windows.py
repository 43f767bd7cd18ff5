"""
Planned work, told instant by instant: Sunday 02:00 to 04:00, a probe every 30 seconds.

`.` ok and `F` failed, in columns of 30 seconds; the states are those of the shop after each column.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
STEP = timedelta(seconds=30)
BEGIN = datetime(2026, 11, 29, 2, 0, tzinfo=UTC)  # a Sunday
END = BEGIN + 2 * HOUR
SHOP = """
services:
  shop:
    checks: {live: {http: "http://shop.test/", interval: 30s, timeout: 5s}}
    slos: [{sli: success, objective: 99%, over: 30d}]
    MAINTENANCE
  bank:
    depends_on: [shop]
    checks: {live: {http: "http://bank.test/", interval: 30s, timeout: 5s}}
incidents: {stable_for: 5m, reopen_within: 10m}
tracker: {folder: tickets, webhook: {url: "http://hook.test/", secret: hunter2hunter2}}
"""
SUNDAYS = SHOP.replace("MAINTENANCE", 'maintenance: [{weekly: "Sun 02:00-04:00"}]')
COUNTING = SHOP.replace("MAINTENANCE", 'maintenance: [{weekly: "Sun 02:00-04:00", counts: true}]')
NEVER = SHOP.replace("    MAINTENANCE\n", "")


def test_an_outage_within_the_window_opens_nothing_and_leaves_no_evidence(begin) -> None:
    night = begin(SUNDAYS, BEGIN)

    states = night.play("." * 10 + "F" * 100 + "." * (240 - 110) + "F" + "." * 10)

    assert states == "-" * 10 + "p" * 101 + "-" * 128 + "-p" + "p" + "-" * 9
    assert night.names == ["incident.pending", "incident.cleared", "incident.pending", "incident.cleared"]
    assert night.effects == []


def test_one_that_outlives_the_window_opens_at_once_when_it_ends(begin) -> None:
    night = begin(SUNDAYS, END - 10 * MINUTE)

    states = night.play("....FFFFFFFFFFFFFFFF")  # the last one is due at 04:00:00, and outside

    assert states == "----" + "p" * 15 + "O"
    (opened,) = [event for event in night.events if event.name == "incident.opened"]
    assert opened.wall == END + timedelta(seconds=0.1)
    assert "breached for 7m30s" in opened.text
    assert night.told == ["create"]


def test_one_that_began_less_than_open_after_before_the_end_is_held_as_ever(begin) -> None:
    night = begin(SUNDAYS, END - 2 * MINUTE)

    # It fails since 03:59:30. Four failures are the alarm, and the fourth is 90 seconds after the first.
    assert night.play("..FFFFF") == "--pppOO"


def test_a_window_that_begins_in_the_middle_of_pending_keeps_it_pending(begin) -> None:
    night = begin(SUNDAYS, BEGIN - 90 * timedelta(seconds=1))

    assert night.play("FFFFFFFF") == "pppppppp"
    assert night.play("....") == "p---"
    assert night.told == []


def test_the_very_first_instant_is_inside_and_the_last_is_not(begin) -> None:
    night = begin(SUNDAYS, BEGIN - MINUTE)
    night.play("FF")  # due at 01:59:30 and at 02:00:00

    assert night.live.window.counts(BEGIN - HOUR, BEGIN) == (0, 1, 0)
    assert night.live.left_out is not None
    assert night.live.left_out.window.counts(BEGIN - HOUR, BEGIN) == (0, 1, 0)


def test_an_incident_that_was_open_stays_open_whatever_is_seen_and_nobody_is_told(begin) -> None:
    night = begin(SUNDAYS, BEGIN - 3 * MINUTE)
    assert night.play("FFFFFF") == "pppOOO"  # the last one at 02:00:00

    assert set(night.play("." * 120)) == {"O"}
    assert set(night.play("F" * 60)) == {"O"}
    assert night.told == ["create"]
    assert night.kept == ["create", "update"]  # that it is muted stands in the ticket
    [case] = night.book.live()
    assert case.muted_by == "maintenance Sun 02:00-04:00 UTC until 2026-11-29 04:00 UTC"

    assert night.play("." * 60)[-2:] == "Or"  # well at 04:00:00: recovering begins then and not before
    assert night.names[-2:] == ["incident.recovering", "incident.unmuted"]
    assert night.told == ["create", "update"]


def test_recovering_begins_anew_after_the_window(begin) -> None:
    night = begin(SUNDAYS, BEGIN - 5 * MINUTE)
    assert night.play("FFFF......") == "pppOrrrrrr"  # recovering since 01:57:30

    assert set(night.play("." * 239)) == {"r"}
    # Five minutes since the last look before 04:00, which was at 03:59:30: not since 01:57:30.
    assert night.play("." * 12) == "r" * 9 + "RRR"
    assert "incident.relapsed" not in night.names


def test_a_relapse_within_the_window_is_none_and_one_that_outlives_it_is(begin) -> None:
    night = begin(SUNDAYS, BEGIN - 5 * MINUTE)
    night.play("FFFF......")

    assert set(night.play("F" * 239)) == {"r"}
    assert night.play("F") == "O"
    assert night.names[-2:] == ["incident.relapsed", "incident.unmuted"]


def test_what_was_resolved_is_not_reopened_by_planned_work(begin) -> None:
    night = begin(SUNDAYS, BEGIN - 10 * MINUTE)
    assert night.play("FFFF" + "." * 16)[-2:] == "RR"

    assert set(night.play("F" * 10)) == {"R"}
    assert set(night.play("." * 40)) <= {"R", "-"}
    assert "incident.reopened" not in night.names


def test_a_window_that_ends_within_reopen_within_reopens_what_is_still_broken(begin) -> None:
    text = SHOP.replace("MAINTENANCE", 'maintenance: [{weekly: "Sun 02:00-02:05"}]')
    night = begin(text, BEGIN - 9 * MINUTE)
    night.play("FFFF" + "." * 14)

    assert night.play("F" * 10) == "R" * 9 + "O"
    assert night.names[-1] == "incident.reopened"


def test_results_of_the_window_are_recorded_beside_the_others_and_nothing_is_expected_there(begin) -> None:
    night = begin(SUNDAYS, BEGIN - HOUR)
    night.play("." * 120 + "F" * 10 + "." * 230 + "." * 60)

    whole = night.tally(5 * HOUR)
    assert (whole.good, whole.bad, whole.missing) == (119 + 61, 0, 0)
    assert night.live.left_out is not None
    assert night.live.left_out.window.counts(BEGIN - HOUR, END) == (230, 10, 0)
    assert night.live.counted_in is None
    # Three and a half hours of slots, less the two hours' 240.
    assert night.live.expected(BEGIN - HOUR, END + 30 * MINUTE) == 420 - 240


def test_the_budget_is_a_share_of_what_is_left_of_the_period(begin) -> None:
    night, without = begin(SUNDAYS, BEGIN - HOUR), begin(NEVER, BEGIN - HOUR)
    for one in (night, without):
        one.play("." * 420)

    start = night.now - timedelta(days=30)
    assert without.live.scheduled(start, night.now) - night.live.scheduled(start, night.now) == 240


def test_with_counts_they_are_good_and_bad_as_ever_and_the_mark_is_kept_too(begin) -> None:
    night = begin(COUNTING, BEGIN - HOUR)
    states = night.play("." * 120 + "F" * 10 + "." * 230)

    assert "O" not in states
    assert (night.tally(5 * HOUR).good, night.tally(5 * HOUR).bad) == (350, 10)
    assert night.live.left_out is None
    assert night.live.counted_in is not None
    assert sum(night.live.counted_in.window.counts(BEGIN - HOUR, END)) == 240


def test_latencies_of_the_window_are_not_learned(begin) -> None:
    night = begin(SUNDAYS, BEGIN - 2 * MINUTE)
    night.play("...")
    before = dict(night.live.latencies.kept)

    night.play("." * 20)

    assert night.live.latencies.kept == before


def test_a_reload_that_takes_the_window_away_ends_it_and_one_that_adds_it_begins_it(begin, read) -> None:
    night = begin(SUNDAYS, BEGIN + 30 * MINUTE)
    assert night.play("FFFFFF") == "pppppp"

    night.reload(read(NEVER))
    assert night.play("F") == "O"

    night.reload(read(SUNDAYS))
    assert night.play("....") == "OOOO"
    windows = [(e.name, e.attributes["services"]) for e in night.events if e.name.startswith("maintenance.")]
    assert windows == [
        ("maintenance.began", ["shop"]),
        ("maintenance.ended", ["shop"]),
        ("maintenance.began", ["shop"]),
    ]


def test_a_wall_clock_that_is_stepped_takes_the_window_with_it(begin) -> None:
    night = begin(SUNDAYS, BEGIN - HOUR)
    assert night.play("FF") == "pp"

    night.ahead = 90 * MINUTE  # it is 02:31 now, says the wall
    assert night.play("FFFFFF") == "pppppp"

    night.ahead = timedelta(0)
    assert night.play("F") == "O"


def test_a_restart_within_the_window_tells_of_it_once(begin) -> None:
    first, second = begin(SUNDAYS, BEGIN - STEP), begin(SUNDAYS, BEGIN + HOUR)
    first.play("..")
    second.judge.maintenance.restore([e for e in first.events if e.name.startswith("maintenance.")])

    second.play("." * 121)

    assert [event.name for event in first.events + second.events] == ["maintenance.began", "maintenance.ended"]


def test_what_ended_while_nobody_ran_is_told_at_the_next_start(begin) -> None:
    first, second = begin(SUNDAYS, BEGIN - STEP), begin(SUNDAYS, END + HOUR)
    first.play("..")
    second.judge.maintenance.restore(first.events)

    second.play(".")

    assert [event.name for event in second.events] == ["maintenance.ended"]
    assert second.events[0].attributes["services"] == ["shop"]


def test_who_depends_on_planned_work_is_not_muted_with_it(begin) -> None:
    night = begin(SUNDAYS, BEGIN + MINUTE)

    assert night.play("FFFFFF", "FFFFFF") == "pppppp"

    assert [case.incident.service for case in night.book.live()] == ["bank"]
    assert night.told == ["create"]


def test_windows_by_tag_open_for_each_service_that_has_it(begin) -> None:
    text = NEVER.replace("  shop:\n", "  shop:\n    tags: [backend]\n").replace(
        "  bank:\n", "  bank:\n    tags: [backend]\n"
    )
    night = begin(text + 'maintenance: [{weekly: "Sun 02:00-04:00", tags: [backend]}]\n', BEGIN + MINUTE)

    assert night.play("FFFFFF", "FFFFFF") == "pppppp"

    assert night.book.live() == []
    (began,) = [event for event in night.events if event.name == "maintenance.began"]
    assert began.attributes["services"] == ["bank", "shop"]


def test_severity_does_not_rise_by_what_is_planned(begin) -> None:
    night = begin(SUNDAYS, BEGIN - 3 * MINUTE)
    night.play("FFFFFF")
    [case] = night.book.live()
    severity = case.incident.severity
    night.judge.watches["shop"] = replace(night.judge.watches["shop"], objective=0.9)

    night.play("F" * 60)

    assert case.incident.severity == severity
    assert "incident.severity_changed" not in night.names

"""Maintenance windows: both sides of each edge, and the two nights on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.moments import weekly
from monitor.core.cron import parse
from monitor.core.maintenance import (
    ByCron,
    MaintenanceWindow,
    Once,
    Span,
    Stand,
    instant_on_the_wall,
    on_the_wall,
    stand,
)

BERLIN = "Europe/Berlin"
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def by_week(text: str, zone: str = "UTC", counts: bool = False) -> MaintenanceWindow:
    return MaintenanceWindow(text=text, when=weekly(text)[1], zone=ZoneInfo(zone), counts=counts)


def by_cron(expression: str, hours: float, zone: str = "UTC", counts: bool = False) -> MaintenanceWindow:
    when = ByCron(parse(expression), timedelta(hours=hours))
    return MaintenanceWindow(text=f"{expression} for {hours} h", when=when, zone=ZoneInfo(zone), counts=counts)


def once(start: str, end: str) -> MaintenanceWindow:
    return MaintenanceWindow(text="once", when=Once(Span(utc(start), utc(end))), zone=ZoneInfo("UTC"))


TODAY = once("2026-11-25T10:00", "2026-11-25T11:00")


def shown(span: Span | None, zone: str = "UTC") -> str:
    """As the clock on the wall shows it."""
    if span is None:
        return "never"
    start, end = (at.astimezone(ZoneInfo(zone)) for at in (span.start, span.end))
    return f"{start:%a %m-%d %H:%M%z} {end:%a %m-%d %H:%M%z}"


@pytest.mark.parametrize(
    ("window", "at", "wanted"),
    [
        # 2026-11-29 is a Sunday.
        (by_week("Sun 02:00-04:00"), "2026-11-25T12:00", "Sun 11-29 02:00+0000 Sun 11-29 04:00+0000"),
        (by_week("Sun 02:00-04:00"), "2026-11-29T03:59:59", "Sun 11-29 02:00+0000 Sun 11-29 04:00+0000"),
        (by_week("Sun 02:00-04:00"), "2026-11-29T04:00", "Sun 12-06 02:00+0000 Sun 12-06 04:00+0000"),
        (by_week("Mon,Wed 22:00-02:00"), "2026-11-24T02:00", "Wed 11-25 22:00+0000 Thu 11-26 02:00+0000"),
        (by_week("Mon,Wed 22:00-02:00"), "2026-11-24T01:59", "Mon 11-23 22:00+0000 Tue 11-24 02:00+0000"),
        (by_week("22:00-02:00"), "2026-11-25T00:30", "Tue 11-24 22:00+0000 Wed 11-25 02:00+0000"),
        (by_week("Fri-Mon 01:00-02:00"), "2026-11-30T01:30", "Mon 11-30 01:00+0000 Mon 11-30 02:00+0000"),
        (by_week("Fri-Mon 01:00-02:00"), "2026-11-30T02:00", "Fri 12-04 01:00+0000 Fri 12-04 02:00+0000"),
        # Days that touch are one window.
        (by_week("Sat,Sun 00:00-24:00"), "2026-11-28T12:00", "Sat 11-28 00:00+0000 Mon 11-30 00:00+0000"),
        (by_cron("0 2 * * 0", 2), "2026-11-29T01:59:59", "Sun 11-29 02:00+0000 Sun 11-29 04:00+0000"),
        (by_cron("0 2 * * 0", 2), "2026-11-29T03:59:59", "Sun 11-29 02:00+0000 Sun 11-29 04:00+0000"),
        (by_cron("0 2 * * 0", 2), "2026-11-29T04:00", "Sun 12-06 02:00+0000 Sun 12-06 04:00+0000"),
        (by_cron("0,30 2 * * 0", 0.75), "2026-11-29T02:10", "Sun 11-29 02:00+0000 Sun 11-29 03:15+0000"),
        (TODAY, "2026-11-25T10:59:59", "Wed 11-25 10:00+0000 Wed 11-25 11:00+0000"),
        (TODAY, "2026-11-25T11:00", "never"),
    ],
)  # fmt: skip
def test_the_window_that_is_open_or_comes_next(window: MaintenanceWindow, at: str, wanted: str) -> None:
    assert shown(window.span_at(utc(at))) == wanted


@pytest.mark.parametrize(
    ("window", "at", "wanted"),
    [
        # Forward in Berlin, 2026-03-29: 02:00 is 03:00. A begin that does not exist is the moment of the change.
        (by_week("Sun 02:30-03:30", BERLIN), "2026-03-28T12:00", "Sun 03-29 03:00+0200 Sun 03-29 03:30+0200"),
        (by_week("Sun 01:30-02:30", BERLIN), "2026-03-28T12:00", "Sun 03-29 01:30+0100 Sun 03-29 03:00+0200"),
        (by_week("Sun 01:00-04:00", BERLIN), "2026-03-28T12:00", "Sun 03-29 01:00+0100 Sun 03-29 04:00+0200"),
        # Nothing of it would be left: its whole length, from the change on.
        (by_week("Sun 02:15-02:45", BERLIN), "2026-03-28T12:00", "Sun 03-29 03:00+0200 Sun 03-29 03:30+0200"),
        (by_cron("30 2 * * *", 1, BERLIN), "2026-03-28T12:00", "Sun 03-29 03:00+0200 Sun 03-29 04:00+0200"),
        # Back, 2026-10-25: 03:00 is 02:00. It begins with the first 02:30 and ends with the second.
        (by_week("Sun 01:00-04:00", BERLIN), "2026-10-24T12:00", "Sun 10-25 01:00+0200 Sun 10-25 04:00+0100"),
        (by_week("Sun 02:30-03:30", BERLIN), "2026-10-24T12:00", "Sun 10-25 02:30+0200 Sun 10-25 03:30+0100"),
        (by_week("Sun 01:30-02:30", BERLIN), "2026-10-24T12:00", "Sun 10-25 01:30+0200 Sun 10-25 02:30+0100"),
        (by_week("Sun 02:15-02:45", BERLIN), "2026-10-24T12:00", "Sun 10-25 02:15+0200 Sun 10-25 02:45+0100"),
        (by_cron("30 2 * * *", 1, BERLIN), "2026-10-24T12:00", "Sun 10-25 02:30+0200 Sun 10-25 02:30+0100"),
        # Over midnight into such a day, and a midnight that does not exist (Cairo, 2026-04-24).
        (by_week("Sat 22:00-03:30", BERLIN), "2026-03-28T22:00", "Sat 03-28 22:00+0100 Sun 03-29 03:30+0200"),
        (by_week("Fri 00:00-01:30", "Africa/Cairo"), "2026-04-23T12:00", "Fri 04-24 01:00+0300 Fri 04-24 01:30+0300"),
    ],
)
def test_on_the_days_on_which_clocks_change(window: MaintenanceWindow, at: str, wanted: str) -> None:
    assert shown(window.span_at(utc(at)), window.zone.key) == wanted


@pytest.mark.parametrize(
    ("at", "is_inside"),
    [
        ("2026-03-29T00:59:59", False),  # 01:59:59, the last second before the clocks change
        ("2026-03-29T01:00:00", True),  # 03:00:00
        ("2026-03-29T01:29:59", True),
        ("2026-03-29T01:30:00", False),
        ("2026-10-25T00:29:59", False),  # the first 02:29:59
        ("2026-10-25T00:30:00", True),
        ("2026-10-25T01:15:00", True),  # the second 02:15, between a first and a second 02:30
        ("2026-10-25T02:29:59", True),
        ("2026-10-25T02:30:00", False),
    ],
)
def test_both_sides_of_each_edge_where_02_30_does_not_exist_or_comes_twice(at: str, is_inside: bool) -> None:
    found = stand([by_week("Sun 02:30-03:30", BERLIN)], utc(at))

    assert (found.inside is not None) == is_inside


def test_a_service_without_windows_has_no_edge() -> None:
    at = utc("2026-11-25T12:00")

    assert stand([], at) == Stand(at, None, None)
    assert stand([TODAY], at) == Stand(at, None, None)


def test_a_stand_holds_up_to_the_next_edge_of_any_window() -> None:
    windows = [by_week("Wed 10:00-12:00"), by_week("Wed 11:00-11:30", counts=True), by_week("Wed 14:00-15:00")]

    found = stand(windows, utc("2026-11-25T10:30"))

    assert found.inside is not None
    assert found.inside.until == utc("2026-11-25T12:00")
    assert found.until == utc("2026-11-25T11:00")
    assert found.holds_at(utc("2026-11-25T10:59:59"))
    assert not found.holds_at(utc("2026-11-25T11:00"))
    assert not found.holds_at(utc("2026-11-25T10:29:59"))


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [(False, False, False), (True, False, False), (False, True, False), (True, True, True)],
)
def test_results_count_only_if_each_window_that_is_open_says_so(first: bool, second: bool, counts: bool) -> None:
    windows = [by_week("Wed 10:00-12:00", counts=first), by_week("Wed 11:00-13:00", counts=second)]

    inside = stand(windows, utc("2026-11-25T11:30")).inside

    assert inside is not None
    assert inside.counts is counts
    assert inside.text == "maintenance Wed 11:00-13:00 UTC until 2026-11-25 13:00 UTC"


def test_what_is_always_open_is_told_with_an_end_that_is_only_near() -> None:
    at = utc("2026-11-25T12:00:30")

    span = by_cron("* * * * *", 2).span_at(at)

    assert span is not None
    assert span.start <= at < span.end


ZONES = st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu"])
INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds the zone
CLOCKS = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda t: f"{t[0]:02}:{t[1]:02}")
WEEKLY = st.builds(
    lambda days, begin, end, zone: by_week(f"{','.join(days)} {begin}-{'24:00' if end == begin else end}", zone),
    st.lists(st.sampled_from(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]), min_size=1),
    CLOCKS.filter(lambda clock: clock != "00:00"),
    CLOCKS,
    ZONES,
)
CRON = st.builds(
    lambda minute, hour, day, hours, zone: by_cron(f"{minute} {hour} * * {day}", hours, zone),
    st.integers(0, 59),
    st.integers(0, 23),
    st.sampled_from(["*", "0", "1-5"]),
    st.sampled_from([0.25, 1, 5, 30]),
    ZONES,
)
WINDOWS = st.lists(WEEKLY | CRON, min_size=1, max_size=3)


@given(WINDOWS, INSTANTS)
def test_the_next_edge_is_never_in_the_past_and_nothing_changes_before_it(
    windows: list[MaintenanceWindow], at: datetime
) -> None:
    found = stand(windows, at)

    assert found.until is not None
    assert found.until > at
    before = stand(windows, found.until - timedelta(microseconds=1))
    assert (before.inside is None) == (found.inside is None)
    # Later only of what has no pause, whose end is told as far as it is looked for.
    assert before.until is not None
    assert before.until >= found.until


@given(WEEKLY | CRON, INSTANTS)
def test_inside_if_and_only_if_between_the_edges(window: MaintenanceWindow, at: datetime) -> None:
    span = window.span_at(at)

    assert span is not None
    assert span.start < span.end
    assert at < span.end
    assert (stand([window], at).inside is not None) == (span.start <= at)
    assert stand([window], span.start).inside is not None
    assert stand([window], span.end).inside is None or window.span_at(span.end) is not None


@given(WEEKLY, INSTANTS)
def test_a_weekly_window_holds_what_the_clock_on_the_wall_shows_between_its_times(
    window: MaintenanceWindow, at: datetime
) -> None:
    """On days without a change, which are all but two of a year."""
    wall = at.astimezone(window.zone)
    offsets = {(wall + timedelta(days=n)).utcoffset() for n in (-2, -1, 0, 1, 2)}
    if len(offsets) > 1:
        return
    begin, end = window.text.rpartition(" ")[2].split("-")
    days = window.text.partition(" ")[0].split(",")
    shown = f"{wall:%H:%M}"
    today, yesterday = f"{wall:%a}" in days, f"{wall - timedelta(days=1):%a}" in days
    wanted = (
        (today and begin <= shown < end) if begin < end else (today and shown >= begin) or (yesterday and shown < end)
    )

    assert (stand([window], at).inside is not None) == wanted


def test_a_time_on_the_wall_is_the_first_or_the_last_of_two() -> None:
    zone, day = ZoneInfo(BERLIN), datetime(2026, 10, 25).date()  # noqa: DTZ001 - a day has no zone

    assert on_the_wall(day, 150, zone) == utc("2026-10-25T00:30")
    assert on_the_wall(day, 150, zone, last=True) == utc("2026-10-25T01:30")
    assert on_the_wall(day, 24 * 60, zone) == utc("2026-10-25T23:00")
    assert instant_on_the_wall(datetime(2026, 3, 29, 2, 30), zone) == utc("2026-03-29T01:00")  # noqa: DTZ001

"""When people meet about what happened: in their working hours, soon, and not at once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.maintenance import Weekly
from monitor.core.meeting import FARTHEST, NOTICE, WorkingHours, meeting_after

BERLIN = WorkingHours(zone=ZoneInfo("Europe/Berlin"))
TWO_DAYS = timedelta(hours=48)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("ended", "begins", "why"),
    [
        ("2026-03-02 03:12", "2026-03-02 08:00", "Monday before dawn: as work begins, which is 09:00 in Berlin"),
        ("2026-03-02 04:00", "2026-03-02 08:00", "four hours before that"),
        ("2026-03-02 04:00:01", "2026-03-02 08:30", "and a second later: the next half hour"),
        ("2026-03-02 11:00", "2026-03-02 15:00", "the last hour of the day still fits"),
        ("2026-03-02 11:00:01", "2026-03-03 08:00", "the next day"),
        ("2026-03-06 12:30", "2026-03-09 08:00", "Friday afternoon: Monday"),
        ("2026-03-27 18:00", "2026-03-30 07:00", "the clocks were changed in between"),
    ],
)
def test_the_first_time_that_fits(ended: str, begins: str, why: str) -> None:
    found = meeting_after(at(ended), TWO_DAYS, BERLIN)

    assert found is not None, why
    assert found.span.start == at(begins), why
    assert found.span.end - found.span.start == timedelta(hours=1)


def test_a_weekend_makes_it_late_and_that_is_said() -> None:
    for ended, late in (("2026-03-06 12:30", True), ("2026-03-07 08:00", False), ("2026-03-07 07:59", True)):
        found = meeting_after(at(ended), TWO_DAYS, BERLIN)
        assert found is not None
        assert (found.span.start, found.late) == (at("2026-03-09 08:00"), late)


def test_nobody_works_on_a_holiday() -> None:
    hours = WorkingHours(zone=ZoneInfo("Europe/Berlin"), holidays={date(2026, 12, 25), date(2026, 12, 28)})

    found = meeting_after(at("2026-12-24 20:00"), TWO_DAYS, hours)

    assert found is not None
    assert found.span.start == at("2026-12-29 08:00")


def test_a_meeting_that_never_fits_is_none() -> None:
    assert meeting_after(at("2026-03-02 03:12"), TWO_DAYS, WorkingHours(length=timedelta(hours=9))) is None


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])


@given(
    ended=st.integers(0, 2 * 366 * 86_400).map(lambda seconds: at("2026-01-01") + timedelta(seconds=seconds)),
    zone=ZONES,
    weekdays=st.sets(st.integers(0, 6), min_size=1),
    begin=st.integers(0, 1439),
    length=st.sampled_from([15, 30, 60, 90]),
)
def test_it_lies_within_working_hours_and_not_before_the_notice(
    ended: datetime, zone: str, weekdays: set[int], begin: int, length: int
) -> None:
    weekly = Weekly(frozenset(weekdays), begin, (begin + 8 * 60) % 1440)
    hours = WorkingHours(weekly=weekly, zone=ZoneInfo(zone), length=timedelta(minutes=length))

    found = meeting_after(ended, TWO_DAYS, hours)

    assert found is not None
    assert ended + NOTICE <= found.span.start <= ended + FARTHEST
    assert found.late == (found.span.start > ended + TWO_DAYS)
    assert any(
        span.start <= found.span.start and found.span.end <= span.end
        for span, _ in zip(weekly.spans(found.span.start, hours.zone), range(2), strict=False)
    )

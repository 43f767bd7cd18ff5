"""Who is on call at an instant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from monitor.core.rotation import Shift, on_call


def shift(start: str, end: str, who: str) -> Shift:
    return Shift(*(datetime.fromisoformat(f"2026-03-{text}:00").replace(tzinfo=UTC) for text in (start, end)), who)


WEEK = shift("02T09:00", "09T09:00", "Ada")
NEXT = shift("09T09:00", "16T09:00", "Lin")
NIGHT = shift("04T20:00", "05T08:00", "Grace")
HOUR = shift("04T20:00", "04T21:00", "Alan")


@pytest.mark.parametrize(
    ("at", "who"),
    [
        ("02T08:59:59", ""),
        ("02T09:00:00", "Ada"),
        ("04T19:59:59", "Ada"),
        ("04T20:00:00", "Alan"),  # both begin now, and the shorter one is the more particular
        ("04T21:00:00", "Grace"),
        ("05T07:59:59", "Grace"),
        ("05T08:00:00", "Ada"),
        ("09T08:59:59", "Ada"),
        ("09T09:00:00", "Lin"),
        ("16T09:00:00", ""),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_the_shift_that_began_last(at: str, who: str, backwards: bool) -> None:
    shifts = [WEEK, NEXT, NIGHT, HOUR]
    at_ = datetime.fromisoformat(f"2026-03-{at}").replace(tzinfo=UTC)
    assert on_call(reversed(shifts) if backwards else shifts, at_) == who

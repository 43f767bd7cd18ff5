"""Trouble that comes and goes: when that is flapping, and when it no longer is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.flapping import BEGINS_AT, ENDS_BELOW, STATES, Flaps, changes_share, span_of
from monitor.core.incident import Timing

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SPAN = timedelta(minutes=10)


def play(script: str, before: Flaps | None = None) -> tuple[Flaps, datetime]:
    """One column is one span, evaluated at its beginning: `T` trouble, `.` none."""
    flaps, now = before or Flaps(), T0
    for column, letter in enumerate(script):
        now = T0 + column * SPAN
        flaps = flaps.after(letter == "T", now, SPAN)
    return flaps, now


def share(script: str) -> float:
    flaps, now = play(script)
    return changes_share(flaps.troubled, now, SPAN)


def test_newer_changes_weigh_more_from_0_8_to_1_2_as_nagios_counts() -> None:
    oldest = "T" + "." * 20  # the only change is between the first two of 21 states
    assert share(oldest) == pytest.approx(0.8 / 20)
    assert share("." * 20 + "T") == pytest.approx(1.2 / 20)
    assert share("T." * 10 + "T") == pytest.approx(1.0)
    assert share("." * 30) == 0
    assert share("T" * 30) == 0


def test_what_is_older_than_21_states_is_forgotten() -> None:
    flaps, _ = play("T" + "." * 21)
    assert flaps == Flaps((), False)


def test_a_span_that_goes_on_is_trouble_at_once_and_calm_only_when_it_is_over() -> None:
    assert share("T.") == share("." * 21 + "T.")
    flaps = Flaps().after(True, T0, SPAN)
    half_later = T0 + SPAN * 1.5
    assert changes_share(flaps.troubled, half_later, SPAN) == changes_share(flaps.troubled, T0 + SPAN, SPAN)
    assert changes_share(flaps.troubled, T0 + 2 * SPAN, SPAN) > changes_share(flaps.troubled, half_later, SPAN)


@pytest.mark.parametrize(
    ("script", "flapping"),
    [
        ("T..", False),
        ("T.T..", False),  # two outages are not flapping, however close
        ("T.....T.", False),
        ("T.T.T", True),  # the third is
        ("T......T......T", True),
        ("T........T........T", False),  # three, an hour and a half apart: five changes weigh 0.245
        ("T........T........T..", True),  # and the sixth makes it
        ("TTTTTTT.TTTTTTT", False),
    ],
)
def test_three_outages_within_three_hours_are_flapping(script: str, flapping: bool) -> None:
    assert play(script)[0].flapping is flapping


def test_it_begins_at_the_one_threshold_and_ends_below_the_other() -> None:
    flaps, _ = play("T......T......T")
    calm, shares = flaps, []
    for column in range(15, 40):
        now = T0 + column * SPAN
        before, calm = calm, calm.after(False, now, SPAN)
        shares.append(changes_share(calm.troubled, now, SPAN))
        assert calm.flapping is (before.flapping and shares[-1] >= ENDS_BELOW)
    assert any(ENDS_BELOW <= s < BEGINS_AT for s in shares), "between the two it goes on as it was"
    assert not calm.flapping


def test_the_condition_says_how_much_and_until_when() -> None:
    flaps, now = play("T......T......T")
    condition = flaps.condition(now, SPAN)
    assert condition is not None
    assert (condition.name, condition.met) == ("not flapping", False)
    assert condition.text == "flapping: 25.8 % changes within 3h30m0s, over below 15 %"
    assert Flaps().condition(now, SPAN) is None


@pytest.mark.parametrize(
    ("timing", "span"),
    [
        (Timing(), timedelta(minutes=10)),
        (Timing(stable_for=timedelta(seconds=10), reopen_within=timedelta(0)), timedelta(seconds=10)),
    ],
)
def test_a_span_is_a_sixth_of_what_an_incident_takes_to_close_for_good(timing: Timing, span: timedelta) -> None:
    assert span_of(timing) == span


@given(st.text("T.", max_size=80))
def test_the_share_is_a_share_and_memory_is_bounded(script: str) -> None:
    flaps, now = play(script)
    assert 0 <= changes_share(flaps.troubled, now, SPAN) <= 1
    assert len(flaps.troubled) <= STATES
    assert list(flaps.troubled) == sorted(flaps.troubled)

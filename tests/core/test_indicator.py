"""What is asked of Prometheus and when, and requests that come in fractions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from monitor.core.indicator import HOUR, MINUTE, Carry, Increment, Indicator, Progress, Span, is_measured

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MONTH = timedelta(days=30)


def test_fractions_wait_until_they_are_whole_and_none_is_lost() -> None:
    carry = Carry()

    counted = [carry.whole(Increment(NOON + n * MINUTE, 10.3, 0.25)) for n in range(8)]

    assert [bad for _, bad in counted] == [0, 0, 0, 1, 0, 0, 0, 1]
    assert sum(good for good, _ in counted) == 82, "of 82.4"
    assert carry.good == pytest.approx(0.4)


def test_tenths_make_a_whole_one_though_they_are_none_in_a_float() -> None:
    carry = Carry()

    assert sum(carry.whole(Increment(NOON, 0.0, 0.1))[1] for _ in range(10)) == 1


def test_a_start_reads_the_last_hours_by_the_minute_and_then_the_past_by_the_hour() -> None:
    progress, now = Progress(), NOON + timedelta(minutes=10, seconds=30)

    first = progress.next(now, MONTH)
    assert first == Span(NOON - 5 * HOUR + MINUTE, NOON + 10 * MINUTE, MINUTE)
    assert progress.next(now, MONTH) == first, "until it is answered"
    progress.answered(first)

    spans = []
    while (span := progress.next(now, MONTH)) is not None:
        progress.answered(span)
        spans.append(span)

    assert spans[0] == Span(NOON - 5 * HOUR - 23 * HOUR, NOON - 5 * HOUR, HOUR), "the newest first"
    assert all(span.last == former.first - HOUR for former, span in pairwise(spans))
    assert spans[-1].first == NOON - MONTH + HOUR


def test_a_minute_is_asked_for_half_a_minute_after_its_end() -> None:
    progress = Progress(read_until=NOON, searched_to=NOON - MONTH)

    assert progress.next(NOON + timedelta(seconds=89), MONTH) is None
    assert progress.next(NOON + timedelta(seconds=90), MONTH) == Span(NOON + MINUTE, NOON + MINUTE, MINUTE)


def test_a_long_absence_is_caught_up_with_in_pieces_of_six_hours() -> None:
    progress, now = Progress(read_until=NOON, searched_to=NOON - MONTH), NOON + timedelta(hours=7, seconds=30)

    first = progress.next(now, MONTH)
    assert first == Span(NOON + MINUTE, NOON + 6 * HOUR, MINUTE)
    progress.answered(first)

    assert progress.next(now, MONTH) == Span(NOON + 6 * HOUR + MINUTE, NOON + 7 * HOUR, MINUTE)


def test_without_an_answer_it_is_asked_again_after_a_minute() -> None:
    progress, now = Progress(read_until=NOON, searched_to=NOON - MONTH), NOON + timedelta(seconds=90)
    span = progress.next(now, MONTH)

    progress.away(now)

    assert progress.next(now + timedelta(seconds=59), MONTH) is None
    assert progress.next(now + MINUTE, MONTH) == Span(NOON + MINUTE, NOON + 2 * MINUTE, MINUTE)
    assert span is not None


def test_what_is_refused_is_missing_and_of_the_past_no_more_is_asked() -> None:
    progress, now = Progress(read_until=NOON, searched_to=NOON - HOUR), NOON + timedelta(seconds=90)
    minute = progress.next(now, MONTH)
    assert minute is not None
    progress.refused(minute, now, MONTH)
    past = progress.next(now, MONTH)
    assert past is not None
    assert past.step == HOUR

    progress.refused(past, now, MONTH)

    assert progress.next(now, MONTH) is None
    assert progress.next(now + MINUTE, MONTH) == Span(NOON + 2 * MINUTE, NOON + 2 * MINUTE, MINUTE)


def test_a_count_is_kept_under_all_that_decides_what_it_means() -> None:
    one = Indicator(service="shop", total="a", bad="b")
    others = [
        Indicator(service="shop", total="a", good="b"),
        Indicator(service="shop", total="b", bad="b"),
        Indicator(service="shop", total="a", bad="b", window=timedelta(minutes=6)),
        Indicator(service="shop", histogram="h_bucket", under=timedelta(seconds=1)),
        Indicator(service="shop", histogram="h_bucket", under=timedelta(seconds=2)),
        Indicator(service="cart", total="a", bad="b"),
    ]

    assert one.id == Indicator(service="shop", total="a", bad="b").id
    assert len({one.id, *(other.id for other in others)}) == 7
    assert is_measured(one.id)
    assert not is_measured("shop:*:under=0.3s")
    assert not is_measured("shop/prometheus=live")

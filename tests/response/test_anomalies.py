"""A series that is unlike its past: a line for people, in the timeline of what goes on, and no alarm."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.core.unusual import Unusual
from monitor.ledger.records import LedgerEvent
from monitor.response.anomalies import detected, told_of, unusual_text
from monitor.response.people import People
from monitor.sources.series import Series
from monitor.sources.series_thread import SeriesReading

SINCE = datetime(2026, 3, 1, 11, 58, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
UNUSUAL = Unusual(since=SINCE, value=86.21, expected=172.94, score=0.9371)
READING = SeriesReading(
    series=Series("payments", "requests", "sum(rate(payments_total[5m]))"),
    at=SINCE + 4 * MINUTE, value=90.08, score=0.0, unusual=UNUSUAL, known_since=SINCE - timedelta(days=15),
    learning=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("reading", "text"),
    [
        (READING, "requests/s 86.21 at 11:58 UTC where 172.9 was expected, 90.08 now"),
        (replace(READING, at=SINCE, value=86.21), "requests/s 86.21 at 11:58 UTC where 172.9 was expected"),
        (
            replace(READING, series=Series("payments", "queue_depth", "sum(waiting)")),
            "queue depth 86.21 at 11:58 UTC where 172.9 was expected, 90.08 now",
        ),
        (replace(READING, unusual=None), ""),
    ],
    ids=["later", "in its first row", "a queue", "nothing unusual"],
)
def test_it_says_what_was_and_what_should_have_been(reading: SeriesReading, text: str) -> None:
    assert unusual_text(reading) == text


def test_without_an_incident_it_is_an_event_and_nothing_else(begin) -> None:
    evening = begin()

    commit = People(evening.book).unusual(READING, evening.now, evening.now)

    (event,) = commit.events
    assert (event.name, event.service, event.incident) == ("metric.anomaly.detected", "payments", "")
    assert event.text == ("payments: requests/s 86.21 at 11:58 UTC where 172.9 was expected, 90.08 now (score 0.94)")
    assert event.attributes == {
        "series": "requests", "since": "2026-03-01T11:58:00+00:00", "value": 86.21, "expected": 172.94, "score": 0.937,
    }  # fmt: skip
    assert (commit.incidents, commit.effects) == ((), ())
    assert evening.book.live() == []


def test_within_an_incident_it_is_a_line_of_its_timeline_and_changes_no_severity(begin) -> None:
    evening = begin()
    evening.play(payments="FFFF")
    (case,) = evening.book.live()
    before = case.incident

    commit = People(evening.book).unusual(READING, evening.now, evening.now)

    (event,) = commit.events
    assert event.incident == before.id
    assert case.events[-1] == event
    assert [(effect.outlet, str(effect.kind)) for effect in commit.effects] == [("folder", "update")]
    assert case.incident == before


def test_it_alone_opens_nothing_and_what_opens_tells_of_it(begin) -> None:
    evening = begin()
    evening.around = replace(evening.around, unusual=(unusual_text(READING),))

    evening.play(payments="." * 20)
    assert evening.commits == []
    evening.play(payments="FFFF")

    (case,) = evening.book.live()
    assert f"unusual: {unusual_text(READING)}" in case.why


def test_what_the_ledger_keeps_is_the_last_that_was_told_of_each_series() -> None:
    later = replace(READING, unusual=replace(UNUSUAL, since=SINCE + 9 * MINUTE))
    queue = replace(READING, series=Series("payments", "queue_depth", "sum(waiting)"))
    other = LedgerEvent(name="deploy.marked", at=SINCE, wall=SINCE, text="", service="payments")

    found = told_of(
        [detected(READING, SINCE, SINCE), detected(queue, SINCE, SINCE), other, detected(later, SINCE, SINCE)]
    )

    assert found == {"payments/requests": SINCE + 9 * MINUTE, "payments/queue_depth": SINCE}

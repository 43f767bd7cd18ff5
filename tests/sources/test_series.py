"""The rows of a series: asked from where they were last read, in pieces, and never twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from monitor.sources.prometheus import Prometheus, QueryRefused, SourceAway
from monitor.sources.series import LEARN_FROM, LEAST, MINUTE, PIECE, RowReader

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
QUERY = "sum(rate(requests_total[5m]))"


def matrix(values: dict[datetime, object]) -> dict[str, Any]:
    pairs = [[at.timestamp(), str(value)] for at, value in values.items()]
    return {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": pairs}]}}


EMPTY = {"status": "success", "data": {"resultType": "matrix", "result": []}}


def spans(peer: Any) -> list[tuple[datetime, datetime]]:
    return [
        tuple(datetime.fromtimestamp(float(parameters[key]), UTC) for key in ("start", "end"))
        for path, parameters in peer.asked
        if path == "/api/v1/query_range"
    ]


@pytest.mark.parametrize(("second", "newest"), [(29.9, NOON - MINUTE), (30.0, NOON)], ids=["not settled", "settled"])
def test_a_minute_is_read_half_a_minute_after_it(peer: Any, second: float, newest: datetime) -> None:
    peer.answer = lambda *_: (200, matrix({NOON - MINUTE: 3, NOON: 4}))
    reader = RowReader(QUERY, Prometheus(peer.url), NOON - 3 * MINUTE)

    reader.read(NOON + timedelta(seconds=second))

    assert spans(peer) == [(NOON - 2 * MINUTE, newest)]
    assert peer.asked[0][1]["step"] == "60"
    assert reader.read_until == newest
    assert not reader.is_behind(NOON + timedelta(seconds=second))
    assert reader.is_behind(newest + timedelta(seconds=90))


def test_nothing_is_asked_before_the_next_minute_is_over(peer: Any) -> None:
    reader = RowReader(QUERY, Prometheus(peer.url), NOON)

    assert reader.read(NOON + timedelta(seconds=89)) == []
    assert peer.asked == []


def test_rows_come_in_order_and_without_what_is_not_known(peer: Any) -> None:
    found = {NOON - MINUTE: "NaN", NOON: 0, NOON - 2 * MINUTE: 7.5}
    peer.answer = lambda *_: (200, matrix(found))
    reader = RowReader(QUERY, Prometheus(peer.url), NOON - 5 * MINUTE)

    assert reader.read(NOON + timedelta(seconds=30)) == [(NOON - 2 * MINUTE, 7.5), (NOON, 0.0)]


def test_a_first_start_reads_fifteen_days_a_day_at_a_time_with_or_without_rows(peer: Any) -> None:
    peer.answer = lambda *_: (200, EMPTY)
    reader, wall = RowReader(QUERY, Prometheus(peer.url)), NOON + timedelta(seconds=30)

    while reader.is_behind(wall):
        assert reader.read(wall) == []

    asked = spans(peer)
    assert asked[0] == (NOON - LEARN_FROM, NOON - LEARN_FROM + (PIECE - 1) * MINUTE)
    assert all(second[0] - first[1] == MINUTE for first, second in pairwise(asked))
    assert (len(asked), asked[-1]) == (16, (NOON, NOON))


def test_what_was_missed_for_longer_than_that_is_left_out(peer: Any) -> None:
    peer.answer = lambda *_: (200, EMPTY)
    reader = RowReader(QUERY, Prometheus(peer.url), NOON - timedelta(days=40))

    reader.read(NOON + timedelta(seconds=30))

    assert spans(peer)[0][0] == NOON - LEARN_FROM


def test_after_a_prometheus_that_was_away_the_same_is_asked_in_smaller_pieces_then_in_whole_ones(peer: Any) -> None:
    reader, wall = RowReader(QUERY, Prometheus(peer.url)), NOON + timedelta(seconds=30)
    peer.answer = lambda *_: (503, {"status": "error", "errorType": "timeout", "error": "query timed out"})
    for _ in range(7):
        with pytest.raises(SourceAway, match="query timed out"):
            reader.read(wall)
    peer.answer = lambda *_: (200, EMPTY)
    for _ in range(3):
        reader.read(wall)

    lengths = [(until - since) // MINUTE + 1 for since, until in spans(peer)]

    assert lengths == [1440, 720, 360, 180, 90, LEAST, LEAST, LEAST, 2 * LEAST, 4 * LEAST]
    assert {since for since, _ in spans(peer)[:8]} == {NOON - LEARN_FROM}, "nothing is left out"


def test_a_query_for_several_series_is_refused(peer: Any) -> None:
    two = [{"metric": {"i": str(i)}, "values": [[NOON.timestamp(), "1"]]} for i in range(2)]
    answer = {"status": "success", "data": {"resultType": "matrix", "result": two}}
    peer.answer = lambda *_: (200, answer)

    with pytest.raises(QueryRefused, match=r"gives 2 series and must give one: wrap it in sum\(\.\.\.\)"):
        RowReader(QUERY, Prometheus(peer.url)).read(NOON)

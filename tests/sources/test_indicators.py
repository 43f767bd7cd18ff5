"""Answers to an indicator that a real Prometheus gives only when something is wrong, or is about to be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.core.counting import Slices
from monitor.core.indicator import HOUR, MINUTE, Indicator, Span
from monitor.sources.indicator_threads import IndicatorThreads
from monitor.sources.indicators import IndicatorReader, grown
from monitor.sources.prometheus import Prometheus, QueryRefused, SourceAway

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SPAN = Span(NOON, NOON + 2 * MINUTE, MINUTE)
BAD = Indicator(service="shop", total="total[$window]", bad="bad[$window]")
GOOD = Indicator(service="shop", total="total[$window]", good="good[$window]")


def matrix(*values: object) -> tuple[int, dict]:
    pairs = [[(NOON + n * MINUTE).timestamp(), str(value)] for n, value in enumerate(values) if value is not None]
    result = [{"metric": {}, "values": pairs}] if pairs else []
    return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}


def answering(peer, **series):
    """Each range query is answered by its first word; times and steps stay in `peer.asked`."""
    peer.answer = lambda _, parameters: series[parameters["query"].partition("[")[0]]
    return Prometheus(peer.url, timeout=60)


def read(indicator, prometheus, ahead=timedelta(0)):
    return [(one.good, one.bad) for one in IndicatorReader(indicator, prometheus).read(SPAN, ahead)]


def test_a_minute_is_a_fifth_of_its_five(peer):
    prometheus = answering(peer, total=matrix(500, 1000, 0), bad=matrix(5, 10, 0))

    assert read(BAD, prometheus) == [(99, 1), (198, 2), (0, 0)]
    path, parameters = peer.asked[0]
    assert path == "/api/v1/query_range"
    assert parameters["query"] == "total[300s]"
    assert parameters["step"] == "60"


def test_a_minute_without_a_total_is_missing(peer):
    assert read(BAD, answering(peer, total=matrix(500, "NaN", None), bad=matrix(5, 5, 5))) == [(99, 1)]


def test_errors_that_never_happened_have_no_series(peer):
    assert read(BAD, answering(peer, total=matrix(500), bad=matrix())) == [(100, 0)]


def test_more_errors_than_requests_are_as_many(peer):
    assert read(BAD, answering(peer, total=matrix(500), bad=matrix(505))) == [(0, 100)]


def test_good_requests_that_are_not_there_at_all_are_a_typing_error_and_no_outage(peer):
    with pytest.raises(QueryRefused, match="good gives no series while total counts: is it spelled right"):
        read(GOOD, answering(peer, total=matrix(500), good=matrix()))


def test_good_requests_that_were_there_and_end_are_an_outage(peer):
    reader = IndicatorReader(GOOD, answering(peer, total=matrix(500, 500), good=matrix(495)))
    assert [(one.good, one.bad) for one in reader.read(SPAN, timedelta(0))] == [(99, 1), (0, 100)]

    answering(peer, total=matrix(500), good=matrix())

    assert [(one.good, one.bad) for one in reader.read(SPAN, timedelta(0))] == [(0, 100)]


def test_without_requests_nothing_is_good_and_nothing_is_bad(peer):
    assert read(GOOD, answering(peer, total=matrix(0), good=matrix())) == [(0, 0)]


def test_prometheus_is_asked_by_the_wall_clock_and_answers_on_our_timeline(peer):
    prometheus = answering(peer, total=matrix(500), bad=matrix(5))
    ahead = timedelta(seconds=-120)

    (found,) = IndicatorReader(BAD, prometheus).read(SPAN, ahead)

    assert float(peer.asked[0][1]["start"]) == (NOON + ahead).timestamp()
    assert found.at == NOON - ahead


def test_no_range_is_told(peer):
    scalar = {"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}}
    prometheus = answering(peer, total=(200, scalar))

    with pytest.raises(SourceAway, match="answered without a series"):
        read(BAD, prometheus)


def test_a_slice_is_asked_for_as_a_whole_and_only_where_one_ends(peer):
    ten = timedelta(minutes=10)
    sliced = replace(BAD, window=ten, slices=Slices(ten, 0.9))
    prometheus = answering(peer, total=matrix(500), bad=matrix(50))

    found = IndicatorReader(sliced, prometheus).read(Span(NOON - 3 * MINUTE, NOON + 2 * MINUTE, MINUTE), timedelta(0))

    assert [(one.at, one.good, one.bad) for one in found] == [(NOON, 450, 50)]
    assert peer.asked[0][1] == {
        "query": "total[600s]",
        "start": f"{NOON.timestamp():.3f}",
        "end": f"{NOON.timestamp():.3f}",
        "step": "600",
    }
    asked = len(peer.asked)
    assert IndicatorReader(sliced, prometheus).read(Span(NOON + MINUTE, NOON + 9 * MINUTE, MINUTE), timedelta(0)) == []
    assert len(peer.asked) == asked


SLOTH = Indicator(service="shop", recorded='{sloth_service="shop",sloth_slo="availability"}')


def test_a_recorded_ratio_has_the_weight_of_its_time_and_none_without_requests(peer):
    peer.answer = lambda *_: matrix(0.25, "NaN", None, 1.5, -0.1)
    span = Span(NOON, NOON + 4 * MINUTE, MINUTE)

    found = IndicatorReader(SLOTH, Prometheus(peer.url, timeout=2)).read(span, timedelta(0))

    # More errors than requests, or fewer than none, are the rounding of two counters that were scraped at two instants.
    assert [((one.at - NOON) // MINUTE, one.good, one.bad) for one in found] == [
        (0, 750, 250),
        (1, 0, 0),
        (3, 0, 1000),
        (4, 1000, 0),
    ]
    assert peer.asked[0][1]["query"] == (
        'slo:sli_error:ratio_rate5m{sloth_service="shop",sloth_slo="availability",sloth_window="5m"}'
    )


def test_an_hour_of_the_past_is_read_from_the_window_of_an_hour(peer):
    peer.answer = lambda *_: matrix(0.25)

    (hour,) = IndicatorReader(SLOTH, Prometheus(peer.url, timeout=2)).read(Span(NOON, NOON, HOUR), timedelta(0))

    assert (hour.good, hour.bad) == (45_000, 15_000)
    assert peer.asked[0][1]["query"].startswith("slo:sli_error:ratio_rate1h{")
    assert peer.asked[0][1]["query"].endswith(',sloth_window="1h"}')


@pytest.mark.parametrize(
    ("histogram", "query"),
    [
        ("h_bucket", 'sum(increase(h_bucket{le=~"0\\\\.3"}[$window]))'),
        ("h_bucket{}", 'sum(increase(h_bucket{le=~"0\\\\.3"}[$window]))'),
        ('h_bucket{job="a"}', 'sum(increase(h_bucket{job="a",le=~"0\\\\.3"}[$window]))'),
        ('h_bucket {path="/{id}", }', 'sum(increase(h_bucket{path="/{id}",le=~"0\\\\.3"}[$window]))'),
    ],
)
def test_the_boundary_is_added_to_the_selector(histogram, query):
    assert grown(histogram, ["0.3"]) == query


def test_the_threads_bring_every_answer_and_every_reason(peer, until):
    prometheus_of = {"total": matrix(500), "bad": matrix(5)}
    answering(peer, **prometheus_of)
    threads = IndicatorThreads(peer.url, lambda: timedelta(0))
    odd = Indicator(service="shop", total="total[$window]", good="nothing[$window]")
    peer.answer = lambda _, parameters: (
        matrix() if "nothing" in parameters["query"] else prometheus_of[parameters["query"].partition("[")[0]]
    )

    threads.ask(BAD, SPAN)
    threads.ask(odd, SPAN)
    found = []
    until(lambda: found.extend(threads.answers()) or len(found) == 2)
    threads.stop()

    by_id = {answer.indicator: answer for answer in found}
    assert [(one.good, one.bad) for one in by_id[BAD.id].increments] == [(99, 1)]
    assert (by_id[BAD.id].problem, by_id[odd.id].refused) == ("", True)
    assert by_id[odd.id].problem.startswith("good gives no series")

"""What users see of a service: what a reading says, and what it leaves open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.core.baseline import Level, Quality, Sample
from monitor.sources.losses import read_losses
from monitor.sources.prometheus import Prometheus
from monitor.sources.traffic import (
    FRESH_FOR,
    TrafficQueries,
    TrafficReader,
    TrafficSample,
    losses_in,
    range_length,
    view,
)

T0 = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
QUERIES = TrafficQueries(requests="requests[5m]", errors="errors[5m]", latency="latency[2m]")
BUDGET = 0.001


@pytest.fixture
def reader(peer):
    return TrafficReader("orders", QUERIES, Prometheus(peer.url, timeout=60))


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("sum(rate(x[5m]))", 300),
        ("sum(rate(x[ 90s ]))", 90),
        ("rate(x[1h30m])", 5400),
        ("max_over_time(rate(x[1m])[10m:30s])", 600),
        ('rate(x{path="/[1d]"}[2m])', 120),
        ("rate(x{path='/\\'[1d]'}[2m])", 120),
        ("rate(x[500ms])", 0.5),
        ("node_load1", 300),
        ("rate(x[0s])", 300),
        ("", 300),
    ],
)
def test_the_range_length_is_read_from_the_query(query, seconds):
    assert range_length(query) == timedelta(seconds=seconds)


def test_a_reading_holds_rates_and_their_ratio(peer, reader):
    peer.values |= {"requests[5m]": 20, "errors[5m]": 0.1, "latency[2m]": 0.12}

    sample = reader.read(T0)

    assert (sample.requests, sample.errors, sample.latency) == (20.0, 0.1, 0.12)
    assert sample.error_ratio == pytest.approx(0.005)
    assert sample.requests_in_window == 6000
    assert (sample.away, sample.missed, sample.away_since) == ("", 0, None)


def test_no_errors_series_with_requests_there_is_no_error(peer, reader):
    peer.values |= {"requests[5m]": 20}

    assert reader.read(T0).error_ratio == 0.0


@pytest.mark.parametrize("requests", [None, "NaN", 0, -1])
def test_no_requests_is_no_traffic_and_no_ratio(peer, reader, requests):
    peer.values |= {"requests[5m]": requests, "errors[5m]": 3}

    sample = reader.read(T0)

    assert (sample.requests, sample.errors, sample.error_ratio, sample.away) == (None, None, None, "")
    assert "errors[5m]" not in peer.queries()


def test_more_errors_than_requests_for_a_moment_are_all_of_them(peer, reader):
    peer.values |= {"requests[5m]": 1, "errors[5m]": 1.2}

    assert reader.read(T0).error_ratio == 1.0


def test_latency_is_read_once_per_range_length(peer, reader):
    peer.values |= {"requests[5m]": 20, "latency[2m]": 0.12}

    counts = [len(reader.read(T0 + n * 30 * SECOND).latencies) for n in range(9)]

    assert counts == [1, 1, 1, 1, 2, 2, 2, 2, 3]
    assert [r.at for r in reader.read(T0 + 270 * SECOND).latencies] == [T0 + n * 120 * SECOND for n in range(3)]


def test_the_latency_of_no_traffic_is_not_kept(peer, reader):
    peer.values |= {"latency[2m]": 0.12}

    assert reader.read(T0).latencies == ()


def test_a_broken_latency_query_costs_the_latency_alone(peer, reader):
    peer.values |= {"requests[5m]": 20}
    plain = peer.answer
    peer.answer = lambda path, q: (500, b"") if "latency" in q["query"] else plain(path, q)

    sample = reader.read(T0)

    assert (sample.requests, sample.away) == (20.0, "")
    assert "500" in sample.latency_problem


def test_away_is_counted_from_the_first_missed_reading_and_forgotten_with_the_first_answer(peer, reader):
    peer.values |= {"requests[5m]": 20}
    healthy = peer.answer
    peer.answer = lambda *_: (503, b"")
    missed = [reader.read(T0 + n * 30 * SECOND) for n in range(3)]
    peer.answer = healthy

    assert [(s.missed, s.away_since) for s in missed] == [(1, T0), (2, T0), (3, T0)]
    assert missed[-1].requests is None
    back = reader.read(T0 + 90 * SECOND)
    assert (back.missed, back.away_since, back.away, back.requests) == (0, None, "", 20.0)


def test_without_a_query_for_requests_only_latency_is_known(peer):
    peer.values |= {"l": 0.12}
    reader = TrafficReader("orders", TrafficQueries(latency="l"), Prometheus(peer.url))

    sample = reader.read(T0)

    assert (sample.latency, sample.requests) == (0.12, None)
    assert view(sample, None, BUDGET, T0).text == "requests are not measured"


LOSSES = TrafficQueries(requests="requests", data_loss={"lost": "lost", "other": "other"})


@pytest.mark.parametrize(
    ("answer", "lost"),
    [(3, ("lost is 3",)), (0.25, ("lost is 0.25",)), (0, ()), (-1, ()), ("NaN", ()), (None, ())],
    ids=["above", "a little", "zero", "below", "not a number", "no series"],
)
def test_data_is_lost_above_0_and_not_where_prometheus_has_nothing_to_say(peer, answer, lost):
    peer.values |= {"requests": 20, "lost": answer, "other": 0}
    sample = TrafficReader("orders", LOSSES, Prometheus(peer.url)).read(T0)

    assert losses_in(sample, LOSSES.data_loss, T0 + FRESH_FOR) == (lost, ())


def test_a_refused_query_is_not_known_and_hides_no_other(peer):
    peer.values |= {"requests": 20, "other": 2}
    plain = peer.answer
    refusal = 400, {"status": "error", "errorType": "bad_data", "error": "parse error"}
    peer.answer = lambda path, q: refusal if q["query"] == "lost" else plain(path, q)

    sample = TrafficReader("orders", LOSSES, Prometheus(peer.url)).read(T0)

    why = "Prometheus refuses the query: parse error"
    assert losses_in(sample, LOSSES.data_loss, T0) == (("other is 2",), (f"lost: {why}",))
    assert (sample.away, sample.requests, sample.problems) == ("", 20.0, {"queries.lost": why})


def test_what_was_read_too_long_ago_or_never_is_not_known(peer):
    peer.values |= {"requests": 20, "lost": 3}
    sample = TrafficReader("orders", LOSSES, Prometheus(peer.url)).read(T0)

    unknown = tuple(f"{name}: Prometheus unavailable since 09:00:00 UTC" for name in ("lost", "other"))
    assert losses_in(sample, LOSSES.data_loss, T0 + FRESH_FOR + SECOND) == ((), unknown)
    assert losses_in(None, LOSSES.data_loss, T0) == ((), ("lost: not read yet", "other: not read yet"))
    assert losses_in(None, {}, T0) == ((), ())


def test_away_with_traffic_no_loss_is_known_and_none_is_asked_for(peer):
    peer.answer = lambda *_: (503, b"")

    sample = TrafficReader("orders", LOSSES, Prometheus(peer.url)).read(T0)

    lost, unknown = losses_in(sample, LOSSES.data_loss, T0)
    assert (lost, len(unknown), peer.queries()) == ((), 2, ["requests"])


@pytest.mark.parametrize(
    "queries",
    [
        TrafficQueries(data_loss={"a": "a", "b": "b"}),
        TrafficQueries(queue_depth="queue"),
        TrafficQueries(deploys="versions"),
        TrafficQueries(queue_depth="queue", deploys="versions", data_loss={"a": "a"}),
    ],
    ids=["data loss", "queue", "deploys", "all"],
)
def test_without_requests_away_is_when_nothing_is_answered(peer, queries):
    reader = TrafficReader("orders", queries, Prometheus(peer.url))
    healthy = peer.answer
    peer.answer = lambda *_: (503, b"")
    missed = [reader.read(T0 + n * 30 * SECOND) for n in range(3)]
    peer.answer = healthy
    back = reader.read(T0 + 90 * SECOND)

    assert [(s.missed, s.away_since) for s in missed] == [(1, T0), (2, T0), (3, T0)]
    assert "503" in missed[0].away
    assert (back.missed, back.away, back.away_since, back.problems) == (0, "", None, {})


def test_one_answer_of_several_queries_is_no_absence_and_the_others_are_told(peer):
    plain = peer.answer
    peer.answer = lambda path, q: (503, b"") if q["query"] in ("queue", "versions") else plain(path, q)
    queries = TrafficQueries(queue_depth="queue", deploys="versions", data_loss={"a": "a"})

    sample = TrafficReader("orders", queries, Prometheus(peer.url)).read(T0)

    assert (sample.away, sample.missed) == ("", 0)
    assert list(sample.problems) == ["queue_depth", "deploys"]
    assert all("503" in why for why in sample.problems.values())


def test_a_prometheus_that_is_away_is_asked_for_one_loss_only(peer):
    peer.answer = lambda *_: (503, b"")
    losses = read_losses(Prometheus(peer.url), {"a": "a", "b": "b", "c": "c"})

    assert [loss.name for loss in losses if "503" in loss.problem] == ["a", "b", "c"]
    assert peer.queries() == ["a"]


@pytest.mark.parametrize(("answer", "depth"), [(12, 12.0), (0, 0.0), ("NaN", None), (-1, None), (None, None)])
def test_what_waits_is_read_with_and_without_requests(peer, answer, depth):
    peer.values |= {"requests": 20, "queue": answer}
    prometheus = Prometheus(peer.url)

    for queries in (TrafficQueries(requests="requests", queue_depth="queue"), TrafficQueries(queue_depth="queue")):
        assert TrafficReader("orders", queries, prometheus).read(T0).queue_depth == depth


def test_a_broken_query_for_the_queue_costs_the_queue_alone(peer):
    plain = peer.answer
    peer.values |= {"requests": 20}
    peer.answer = lambda path, asked: (500, b"") if asked["query"] == "queue" else plain(path, asked)

    sample = TrafficReader("o", TrafficQueries(requests="requests", queue_depth="queue"), Prometheus(peer.url)).read(T0)

    assert (sample.requests, sample.queue_depth, sample.away) == (20.0, None, "")


def test_what_runs_is_read_beside_the_traffic_and_without_any(peer):
    peer.values |= {"requests": 20, "info": 1}
    prometheus = Prometheus(peer.url)
    beside = TrafficReader("orders", TrafficQueries(requests="requests", deploys="info"), prometheus).read(T0)
    alone = TrafficReader("orders", TrafficQueries(deploys="info"), prometheus).read(T0)

    assert beside.versions == alone.versions == {"i=0"}
    assert (beside.requests, alone.requests, alone.measured) == (20.0, None, False)


def test_a_broken_query_for_deploys_costs_the_deploys_alone(peer):
    plain = peer.answer
    refusal = {"status": "error", "errorType": "bad_data", "error": "parse error"}
    peer.values |= {"requests": 20}
    peer.answer = lambda path, asked: (400, refusal) if asked["query"] == "info(" else plain(path, asked)

    sample = TrafficReader("orders", TrafficQueries(requests="requests", deploys="info("), Prometheus(peer.url)).read(
        T0
    )

    assert (sample.requests, sample.versions, sample.away) == (20.0, frozenset(), "")
    assert "parse error" in sample.deploys_problem


def busy(errors: float | None, requests: float = 20.0) -> TrafficSample:
    return TrafficSample(at=T0, requests=requests, errors=errors)


def test_within_baseline_up_to_what_is_usual_at_this_hour():
    normal = Sample((0.0,) * 50 + (0.02,) * 50)

    assert view(busy(0.4), normal, BUDGET, T0).within_baseline is True
    assert view(busy(2.0), normal, BUDGET, T0).within_baseline is False
    assert view(busy(0.4), normal, BUDGET, T0).text == (
        "2.00 % errors of 20 requests/s; limit 2.00 % (baseline of this hour of week)"
    )


def test_one_crossing_is_chance_and_staying_there_is_not_and_both_say_how_likely_it_was():
    normal = Sample(tuple(k / 50 for k in [0] * 60 + [1] * 30 + [2] * 10), Level.HOUR_OF_WEEK)
    sample = TrafficSample(at=T0, requests=50 / 300, errors=3 / 300)

    first = view(sample, normal, BUDGET, T0)
    still = view(sample, normal, BUDGET, T0, crossed_since=T0 - timedelta(minutes=6))
    more = view(TrafficSample(at=T0, requests=50 / 300, errors=9 / 300), normal, BUDGET, T0)

    assert (first.within_baseline, still.within_baseline, more.within_baseline) == (True, False, False)
    assert first.text == (
        "6.00 % errors of 0.167 requests/s; limit 4.00 % (baseline of this hour of week), so many by chance: 1.86 %"
    )
    assert more.text.endswith("so many by chance: less than 0.001 %")


def test_one_error_among_few_requests_is_within():
    few = busy(errors=1 / 300, requests=50 / 300)  # 1 of 50 in five minutes

    assert view(few, None, BUDGET, T0).within_baseline is True
    assert view(busy(2 / 300, 50 / 300), None, BUDGET, T0).within_baseline is False


def test_a_baseline_that_is_not_the_best_is_named_as_it_is():
    normal = Sample((0.0,) * 50, Level.GLOBAL)

    assert view(busy(0.0), normal, BUDGET, T0, Quality.YOUNG).text.endswith("(baseline of all hours, young)")
    assert view(busy(0.0), None, BUDGET, T0).text.endswith("(no baseline yet)")


def test_errors_that_nobody_measures_judge_nothing():
    seen = view(busy(None), None, BUDGET, T0)

    assert (seen.error_ratio, seen.within_baseline, seen.requests) == (None, None, 20.0)
    assert "errors are not measured" in seen.text


def test_no_traffic_judges_nothing():
    seen = view(TrafficSample(at=T0), None, BUDGET, T0)

    assert (seen.error_ratio, seen.within_baseline, seen.requests, seen.fresh) == (None, None, None, True)
    assert seen.text == "no traffic"


def test_a_reading_is_fresh_for_ninety_seconds():
    assert view(busy(0.0), None, BUDGET, T0 + FRESH_FOR).fresh
    old = view(busy(0.0), None, BUDGET, T0 + FRESH_FOR + SECOND)
    assert not old.fresh
    assert "read 91 s ago" in old.text


def test_prometheus_away_says_since_when_and_why():
    away = TrafficSample(at=T0 + 60 * SECOND, away="connection refused", away_since=T0, missed=3)

    seen = view(away, None, BUDGET, T0 + 61 * SECOND)

    assert seen.text == "Prometheus unavailable since 09:00:00 UTC: connection refused"
    assert (seen.error_ratio, seen.requests, seen.within_baseline, seen.fresh) == (None, None, None, False)

"""Prometheus itself: what it answers, what it refuses, fifteen days of it, and how it goes away and comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.core.baseline import Level, Quality, Signal
from monitor.sources.fitting import BaselineStore, Fitter
from monitor.sources.job import FitJob, ServiceJob
from monitor.sources.poller import TrafficPoller
from monitor.sources.prometheus import Prometheus, QueryRefused, SourceAway
from monitor.sources.traffic import TrafficQueries, TrafficReader, view

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("prometheus")]

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = 15
STEP = 60
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
INCIDENT = NOW - timedelta(days=5, hours=3)
LIVE = TrafficQueries(
    requests="sum(rate(http_requests_total[2s]))",
    errors='sum(rate(http_requests_total{code="500"}[2s]))',
    latency="histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[2s])))",
)


def usual_latency(at: datetime) -> float:
    """Seconds, by the clock of Berlin: slow in working hours, worst on Monday at nine, quick at the weekend."""
    local = at.astimezone(BERLIN)
    if local.weekday() == 0 and local.hour == 9:
        return 0.300
    if local.weekday() < 5 and 8 <= local.hour < 18:
        return 0.120
    return 0.060


def usual_errors(at: datetime) -> float:
    """As a ratio of 20 requests a second."""
    local = at.astimezone(BERLIN)
    return 0.02 if local.weekday() == 0 and local.hour == 9 else 0.002


def openmetrics() -> str:
    names = ("past_requests", "past_errors", "past_latency_seconds")
    requests, errors, latency = ([f"# TYPE {name} gauge"] for name in names)
    begin = NOW - timedelta(days=DAYS)
    for n in range(DAYS * 86_400 // STEP):
        at = begin + timedelta(seconds=n * STEP)
        noise = 0.9 + 0.2 * (n * 7919 % 1000) / 1000  # the same in every run, and no pattern within an hour
        trouble = INCIDENT <= at < INCIDENT + timedelta(hours=1)
        stamp = int(at.timestamp())
        requests.append(f"past_requests 20 {stamp}")
        errors.append(f"past_errors {20 * (0.5 if trouble else usual_errors(at)) * noise:.6g} {stamp}")
        latency.append(f"past_latency_seconds {(2.0 if trouble else usual_latency(at)) * noise:.6g} {stamp}")
    return "\n".join([*requests, *errors, *latency, "# EOF", ""])


@pytest.fixture(scope="module")
def past(prometheus_with_past):
    return prometheus_with_past(openmetrics())


def test_answers_and_refusals_of_the_real_one(past):
    client = Prometheus(past.url)

    assert client.instant("vector(2)") == 2.0
    assert client.instant("scalar(vector(2))") == 2.0
    assert client.instant("no_such_metric") is None
    assert client.instant("vector(0) / vector(0)") is None
    assert client.instant("vector(1) / vector(0)") is None
    assert client.instant("histogram_quantile(0.95, sum by (le) (rate(no_such_bucket[5m])))") is None
    for query, said in {
        "sum(": "parse error",
        "up[5m]": "gives a matrix",
        '"text"': "gives a string",
        'label_replace(vector(1), "a", "1", "", "") or label_replace(vector(1), "a", "2", "", "")': "gives 2 series",
    }.items():
        with pytest.raises(QueryRefused, match=said):
            client.instant(query)


def test_a_range_of_more_points_than_prometheus_gives_comes_in_pieces(past):
    ranges = pytest.importorskip("monitor.sources.ranges").Ranges(past.url, 20)
    ranges.piece = 40_000

    series = ranges.series("past_latency_seconds", NOW - timedelta(days=DAYS), NOW - timedelta(minutes=1), STEP)

    assert ranges.piece == 10_000
    assert len(series) == DAYS * 1440
    assert series.index.is_monotonic_increasing
    assert series.index.is_unique


def fit(past, folder, wait_until, **changed) -> BaselineStore:
    service = ServiceJob(
        requests="sum(past_requests)", errors="sum(past_errors)", latency="max(avg_over_time(past_latency_seconds[5m]))"
    )
    job = FitJob(now=NOW, time_zone="Europe/Berlin", prometheus=past.url, services={"orders": service}, **changed)
    fitter = Fitter(folder)
    assert fitter.start(job, NOW)
    said = wait_until(lambda: fitter.poll(NOW))
    assert said.startswith("2 fitted"), said
    return BaselineStore(folder)


@pytest.mark.parametrize("labelled", [False, True], ids=["the incident guessed", "the incident in our log"])
def test_fifteen_days_become_what_is_normal_for_each_hour_of_the_week(past, tmp_path, waiting, labelled):
    known = {"exclude": ((INCIDENT, INCIDENT + timedelta(hours=1)),), "labelled_since": NOW - timedelta(days=30)}
    store = fit(past, tmp_path / "baselines", waiting, **(known if labelled else {}))

    latency, errors = store.get("orders", Signal.LATENCY), store.get("orders", Signal.ERROR_RATIO)
    assert latency.quality is errors.quality is (Quality.FITTED if labelled else Quality.UNLABELLED)
    checked = 0
    for n in range(1, 168):
        at = NOW - timedelta(hours=n) + timedelta(days=7)
        here = latency.sample(at)
        if here.level is Level.HOUR_OF_WEEK:
            checked += 1
            # The five-minute mean at a full hour still holds the hour before: 2 of 24 values, at most.
            assert here.median == pytest.approx(usual_latency(at), rel=0.05)
            assert errors.sample(at).median == pytest.approx(usual_errors(at), rel=0.05)
    assert checked > 150
    assert max(max(values) for values in errors.slots.values()) < 0.03, "nothing of the incident is left"
    assert max(max(values) for values in latency.slots.values()) < 0.4


def test_traffic_turns_bad_and_good_again_and_the_view_says_so(prometheus, service, waiting):
    server = prometheus(service.target)
    reader = TrafficReader("orders", LIVE, Prometheus(server.url, timeout=30))

    def seen(condition):
        def look():
            sample = reader.read(now := datetime.now(UTC))
            found = view(sample, None, 0.001, now)
            return found if condition(found) else None

        return waiting(look)

    healthy = seen(lambda v: v.requests is not None and 40 < v.requests < 60)
    assert (healthy.error_ratio, healthy.within_baseline, healthy.fresh) == (0.0, True, True)
    service.change(errors=0.6, latency=0.2)
    bad = seen(lambda v: v.error_ratio is not None and v.error_ratio >= 0.5)
    assert bad.within_baseline is False
    # The histogram's buckets end at 0.1 and 0.25 s: the quantile lies between them.
    assert waiting(lambda: 0.1 < (reader.read(datetime.now(UTC)).latency or 0) <= 0.25)
    service.change(errors=0.0)
    assert seen(lambda v: v.error_ratio == 0.0).within_baseline is True
    service.change(rate=0)
    assert seen(lambda v: v.requests is None).text == "no traffic"


def test_probes_of_a_blackbox_exporter_are_traffic_too(prometheus, blackbox, service, waiting):
    service.change(latency=0.05)
    server = prometheus(f"{service.url}/healthz", blackbox=blackbox().url.removeprefix("http://"))
    queries = TrafficQueries(
        requests="sum(count_over_time(probe_success[2s])) / 2",
        errors="sum(count_over_time(probe_success[2s]) - sum_over_time(probe_success[2s])) / 2",
        latency="max(avg_over_time(probe_duration_seconds[1s]))",
    )
    reader = TrafficReader("orders", queries, Prometheus(server.url, timeout=30))

    waiting(lambda: reader.read(datetime.now(UTC)).error_ratio == 0.0)
    waiting(lambda: reader.read(datetime.now(UTC)).latency == pytest.approx(0.05, abs=0.04))
    service.change(healthy=0)
    waiting(lambda: (reader.read(datetime.now(UTC)).error_ratio or 0) >= 0.5)


def test_prometheus_stops_hangs_and_returns(prometheus, service, waiting):
    server = prometheus(service.target)
    poller = TrafficPoller(lambda: datetime.now(UTC), every=timedelta(seconds=0.2), workers=2)
    poller.watch([TrafficReader("orders", LIVE, Prometheus(server.url, timeout=0.5))])
    poller.start()

    def sample():
        return poller.snapshot()["orders"]

    try:
        waiting(lambda: "orders" in poller.snapshot() and sample().requests)
        server.freeze()
        hung = waiting(lambda: sample().missed >= 2 and sample())
        assert hung.away == "no answer within 0.5 s"
        server.thaw()
        waiting(lambda: sample().away == "")
        server.stop()
        gone = waiting(lambda: sample().missed >= 2 and sample())
        assert gone.away == "connection refused"
        assert gone.away_since < gone.at
        server.start()
        assert waiting(lambda: sample().requests and sample()).away_since is None
    finally:
        poller.stop()


def test_a_stopped_prometheus_keeps_the_baselines_of_before(prometheus, service, tmp_path, waiting):
    server = prometheus(service.target)
    server.stop()
    job = FitJob(
        now=NOW, time_zone="UTC", prometheus=server.url, services={"orders": ServiceJob(latency="l")}, timeout=2
    )
    fitter = Fitter(tmp_path / "baselines")
    fitter.start(job, NOW)

    assert waiting(lambda: fitter.poll(NOW)).endswith("the baselines of before are kept")
    with pytest.raises(SourceAway, match="connection refused"):
        Prometheus(server.url).instant("vector(1)")

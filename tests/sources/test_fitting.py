"""The fitting process as the daemon starts it: what it reads, writes, keeps and says."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from monitor.core.baseline import Level, Quality, Signal
from monitor.ledger.history import History, MinuteRow
from monitor.sources.fitting import BaselineStore, Fitter, file_name
from monitor.sources.job import FitJob, ServiceJob

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday
MINUTE = timedelta(minutes=1)
ORDERS = ServiceJob(requests="requests", errors="errors", latency="latency")
DAY = 86_400


def level(query: str, at: float) -> float | None:
    """What the server below knows of 15 days."""
    if not NOW.timestamp() - 15 * DAY <= at <= NOW.timestamp():
        return None
    noise = (at // 60 * 2_654_435_761 % 1000) / 1000  # the same for the same minute, and no pattern
    hour = datetime.fromtimestamp(at, UTC).hour
    return {"requests": 10.0, "errors": 0.01 + 0.02 * noise, "latency": 0.1 + 0.01 * hour + 0.02 * noise}.get(query)


def matrix(parameters: dict[str, str]) -> tuple[int, object]:
    start, end, step = (float(parameters[name]) for name in ("start", "end", "step"))
    count = int((end - start) // step) + 1
    if count > 11_000:
        said = "exceeded maximum resolution of 11,000 points per timeseries."
        return 400, {"status": "error", "errorType": "bad_data", "error": said}
    points = ((at, level(parameters["query"], at)) for at in (start + i * step for i in range(count)))
    values = [[at, str(value)] for at, value in points if value is not None]
    result = [{"metric": {}, "values": values}] if values else []
    return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}


@pytest.fixture
def prometheus(peer):
    peer.answer = lambda _, parameters: matrix(parameters)
    return peer


@pytest.fixture
def fitted(tmp_path, until):
    """Runs one job to its end; the folder stays, so that a second job finds what the first left."""
    fitter = Fitter(tmp_path / "baselines", timeout=60)

    def run(job: FitJob) -> str:
        assert fitter.start(job, NOW)
        return until(lambda: fitter.poll(NOW))

    yield run
    fitter.stop()


@pytest.fixture
def store(tmp_path):
    return lambda: BaselineStore(tmp_path / "baselines")


def job(url: str | None = None, /, **changed) -> FitJob:
    return FitJob(**({"now": NOW, "time_zone": "UTC", "prometheus": url, "services": {"orders": ORDERS}} | changed))


def test_a_job_comes_back_from_json_as_it_went():
    full = job(
        "http://127.0.0.1:9090",
        history="/tmp/history.sqlite",
        exclude=((NOW - MINUTE, NOW),),
        labelled_since=NOW - timedelta(days=40),
        services={
            "orders": ServiceJob(latency="l", queue_depth="q", checks=("live",), exclude=((NOW, NOW),), since=NOW)
        },
    )

    assert FitJob.from_json(full.to_json()) == full


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"now": 1}', "[" * 50_000, '{"now":"2026-01-01T00:00:00","time_zone":"UTC","services":{}}'],
)
def test_what_is_no_job_is_refused(text):
    with pytest.raises(ValueError, match="not a fitting job"):
        FitJob.from_json(text)


def test_file_names_hold_any_name_and_never_meet():
    names = {
        file_name("a.b", Signal.PROBE_LATENCY, "c"),
        file_name("a", Signal.PROBE_LATENCY, "b.c"),
        file_name("a", Signal.PROBE_LATENCY, "b"),
        file_name("a/../b", Signal.LATENCY),
        file_name("..", Signal.LATENCY),
    }

    assert len(names) == 5
    assert all(re.fullmatch(r"[\w%-][\w.%-]*\.json", name) for name in names)


def test_fifteen_days_become_two_baselines_of_the_hour_of_the_week(prometheus, fitted, store):
    said = fitted(job(prometheus.url))

    assert re.fullmatch(r"2 fitted in \d+ s", said)
    errors, latency = (store().get("orders", signal) for signal in (Signal.ERROR_RATIO, Signal.LATENCY))
    at_nine = latency.sample(datetime(2026, 11, 30, 9, 30, tzinfo=UTC))
    assert at_nine.level is Level.HOUR_OF_WEEK
    assert at_nine.median == pytest.approx(0.20, abs=0.005)
    assert 0.001 <= errors.sample(NOW).quantile(0.99) <= 0.003
    assert latency.quality is Quality.UNLABELLED
    assert latency.since == NOW - timedelta(days=15)


def test_the_past_is_asked_for_in_pieces_that_prometheus_agrees_to(prometheus, fitted):
    small = 2_600

    def answer(_, parameters):
        count = (float(parameters["end"]) - float(parameters["start"])) / float(parameters["step"]) + 1
        return (422, {"status": "error", "error": "too many samples"}) if count > small else matrix(parameters)

    prometheus.answer = answer

    assert fitted(job(prometheus.url, weeks=2)).startswith("2 fitted")
    lengths = [(float(q["end"]) - float(q["start"])) / float(q["step"]) + 1 for _, q in prometheus.asked]
    assert [int(n) for n in lengths[:3]] == [10_000, 5_000, 2_500]
    assert max(lengths[3:]) <= 2_500


def test_incidents_that_were_logged_are_left_out_and_nothing_is_guessed(prometheus, fitted, store):
    incident = (NOW - timedelta(days=7, minutes=20), NOW - timedelta(days=7))
    plain = prometheus.answer

    def answer(path, parameters):
        status, body = plain(path, parameters)
        for series in body["data"]["result"]:
            for point in series["values"]:
                if incident[0].timestamp() <= point[0] <= incident[1].timestamp():
                    point[1] = "9"
        return status, body

    prometheus.answer = answer
    fitted(job(prometheus.url, exclude=(incident,), labelled_since=NOW - timedelta(days=90)))

    latency = store().get("orders", Signal.LATENCY)
    assert latency.quality is Quality.FITTED
    assert max(max(values) for values in latency.slots.values()) < 1


def test_an_hour_of_trouble_before_we_kept_a_log_is_guessed_for_all_signals(prometheus, fitted, store):
    hour = (NOW - timedelta(days=6, hours=4)).timestamp()
    plain = prometheus.answer

    def answer(path, parameters):
        status, body = plain(path, parameters)
        for series in body["data"]["result"]:
            for point in series["values"]:
                if parameters["query"] == "errors" and hour <= point[0] < hour + 3600:
                    point[1] = "5"
        return status, body

    prometheus.answer = answer
    fitted(job(prometheus.url))

    errors, latency = (store().get("orders", signal) for signal in (Signal.ERROR_RATIO, Signal.LATENCY))
    assert max(max(values) for values in errors.slots.values()) < 0.01
    tuesday_eight, wednesday_eight = 24 + 8, 48 + 8
    assert len(latency.slots[tuesday_eight]) == len(latency.slots[wednesday_eight]) // 2


def test_one_bad_week_and_a_holiday_do_not_change_what_is_normal(prometheus, fitted, store):
    """Nobody opened an incident, and the log of incidents reaches back over all of it."""

    def answer(_, parameters):
        start, end, step = (float(parameters[name]) for name in ("start", "end", "step"))
        values = []
        for at in (start + i * step for i in range(int((end - start) // step) + 1)):
            age = (NOW.timestamp() - 1 - at) // DAY
            slow = 3.0 if 14 <= age < 21 else 0.4 if age == 5 else 1.0
            noise = (at // 300 * 2_654_435_761 % 1000) / 1000
            values.append([at, str((0.1 + 0.02 * noise) * slow)])
        return 200, {
            "status": "success",
            "data": {"resultType": "matrix", "result": [{"metric": {}, "values": values}]},
        }

    prometheus.answer = answer

    fitted(job(prometheus.url, services={"orders": ServiceJob(latency="l")}, labelled_since=NOW - timedelta(days=90)))

    latency = store().get("orders", Signal.LATENCY)
    for hour in range(168):
        sample = latency.of_hour(hour)
        assert sample.quantile(0.99) <= 0.121, hour
        assert sample.quantile(0.01) >= 0.099, hour
        assert sample.level is Level.HOUR_OF_WEEK
    assert latency.quality is Quality.FITTED


def test_a_new_level_that_a_person_accepted_begins_the_past_anew(prometheus, fitted, store):
    since = NOW - timedelta(days=3, minutes=30)
    fitted(job(prometheus.url, services={"orders": ServiceJob(latency="latency", since=since)}))

    latency = store().get("orders", Signal.LATENCY)
    assert latency.since == NOW - timedelta(days=3)
    assert latency.quality is Quality.YOUNG
    assert latency.sample(NOW).level is Level.HOUR_OF_DAY


def test_a_baseline_outgrows_what_prometheus_keeps(prometheus, fitted, store):
    fitted(job(prometheus.url))
    later = NOW + timedelta(days=10)
    plain = prometheus.answer

    def forgetful(path, parameters):
        status, body = plain(path, parameters)
        for series in body["data"]["result"]:
            series["values"] = [p for p in series["values"] if p[0] > (NOW - timedelta(days=2)).timestamp()]
        return status, body

    prometheus.answer = forgetful
    fitted(job(prometheus.url, now=later))

    assert store().get("orders", Signal.LATENCY).since == NOW - timedelta(days=15)


def test_a_queue_has_its_baseline_of_each_minute(prometheus, fitted, store):
    prometheus.answer = lambda _, parameters: matrix(parameters | {"query": "requests"})

    assert fitted(job(prometheus.url, services={"orders": ServiceJob(queue_depth="sum(waiting)")})).startswith(
        "1 fitted"
    )

    queue = store().get("orders", Signal.QUEUE_DEPTH)
    assert queue.sample(NOW).median == 10.0
    assert {parameters["step"] for _, parameters in prometheus.asked} == {"60"}


def test_another_query_does_not_inherit_the_past_of_the_old_one(prometheus, fitted, store):
    fitted(job(prometheus.url, services={"orders": ServiceJob(latency="latency")}))
    a_day_ago = NOW.timestamp() - DAY
    prometheus.answer = lambda _, q: matrix(q | {"start": str(max(float(q["start"]), a_day_ago))})

    fitted(job(prometheus.url, services={"orders": ServiceJob(latency="errors")}))

    assert store().get("orders", Signal.LATENCY).since == NOW - timedelta(days=1)


def test_a_query_that_has_nothing_to_say_any_more_replaces_nothing(prometheus, fitted, store):
    fitted(job(prometheus.url, services={"orders": ServiceJob(latency="latency")}))
    before = store().get("orders", Signal.LATENCY)

    assert fitted(job(prometheus.url, services={"orders": ServiceJob(latency="absent")})).startswith("0 fitted")

    assert store().get("orders", Signal.LATENCY) == before


def test_prometheus_away_is_said_once_and_the_old_baselines_stay(prometheus, fitted, store):
    fitted(job(prometheus.url))
    before = store().get("orders", Signal.LATENCY)
    prometheus.answer = lambda *_: (503, b"")
    asked = len(prometheus.asked)

    said = fitted(job(prometheus.url, services={"orders": ORDERS, "payments": ORDERS}))

    assert said.startswith("0 fitted")
    assert "503" in said
    assert said.endswith("the baselines of before are kept")
    assert len(prometheus.asked) - asked <= 5, "the second service does not wait for the same"
    assert store().get("orders", Signal.LATENCY) == before


def test_a_refused_query_costs_its_own_signal_alone(prometheus, fitted, store):
    plain = prometheus.answer
    refused = {"status": "error", "errorType": "bad_data", "error": "parse error"}
    prometheus.answer = lambda path, q: (400, refused) if q["query"] == "errors" else plain(path, q)

    said = fitted(job(prometheus.url))

    assert said.startswith("1 fitted")
    assert "parse error" in said
    assert store().get("orders", Signal.LATENCY) is not None
    assert store().get("orders", Signal.ERROR_RATIO) is None


def test_several_series_are_refused_with_a_remedy(prometheus, fitted):
    two = [{"metric": {}, "values": []}] * 2
    prometheus.answer = lambda *_: (200, {"status": "success", "data": {"resultType": "matrix", "result": two}})

    assert "wrap it in sum(...)" in fitted(job(prometheus.url))


@pytest.mark.parametrize("body", [b"<html>", b'{"status":"success"}', b'{"data":{"result":[{"values":[["x"]]}]}}'])
def test_an_answer_that_is_none_is_away(prometheus, fitted, body):
    prometheus.answer = lambda *_: (200, body)

    assert "0 fitted" in fitted(job(prometheus.url))


@pytest.fixture
def history(tmp_path):
    path = tmp_path / "history.sqlite"
    opened = History.open(path)
    rows = [
        MinuteRow(
            check="orders/live",
            minute=NOW - n * MINUTE,
            expected=2,
            good=2 if n % 10 else 1,
            bad=0 if n % 10 else 1,
            unknown=0,
            latency=0.050 + 0.0001 * (n % 7) if n % 10 else 9.0,
        )
        for n in range(1, 600)
    ]
    opened.write_minutes(rows)
    opened.close()
    return path


def test_probe_latencies_come_from_our_own_minutes_without_a_failed_probe(history, fitted, store):
    services = {"orders": ServiceJob(checks=("live", "ready"))}

    assert fitted(job(services=services, history=str(history))).startswith("1 fitted")

    baseline = store().get("orders", Signal.PROBE_LATENCY, "live")
    assert (baseline.check, baseline.quality) == ("live", Quality.YOUNG)
    assert baseline.sample(NOW - 60 * MINUTE).median == pytest.approx(0.0503, abs=0.0002)
    assert max(max(values) for values in baseline.slots.values()) < 0.06
    assert store().get("orders", Signal.PROBE_LATENCY, "ready") is None


def test_probes_have_their_baseline_although_prometheus_is_away(history, prometheus, fitted, store):
    prometheus.answer = lambda *_: (503, b"")
    both = ServiceJob(requests="requests", errors="errors", checks=("live",))

    assert "503" in fitted(job(prometheus.url, services={"orders": both}, history=str(history)))
    assert store().get("orders", Signal.PROBE_LATENCY, "live") is not None


def test_a_history_that_is_missing_or_none_harms_nobody(tmp_path, fitted):
    services = {"orders": ServiceJob(checks=("live",))}
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"not a database, although it is long enough to look" * 100)

    assert fitted(job(services=services, history=str(tmp_path / "absent"))).startswith("0 fitted")
    assert "the history cannot be read" in fitted(job(services=services, history=str(broken)))
    assert not (tmp_path / "absent").exists()


def test_the_history_is_only_read(history, fitted):
    def rows() -> list[object]:
        with closing(sqlite3.connect(history)) as connection:
            return connection.execute("SELECT * FROM minutes").fetchall()

    before = rows()

    fitted(job(services={"orders": ServiceJob(checks=("live",))}, history=str(history)))

    assert rows() == before


def test_one_fitting_at_a_time_and_one_that_hangs_is_ended(prometheus, tmp_path, until):
    held = Event()
    prometheus.answer = lambda *_: (int(held.wait(600)) + 199, b"")
    fitter = Fitter(tmp_path / "baselines", timeout=5)

    assert fitter.start(job(prometheus.url), NOW)
    assert not fitter.start(job(prometheus.url), NOW)
    until(lambda: prometheus.asked)
    assert fitter.poll(NOW + timedelta(seconds=5)) is None
    said = fitter.poll(NOW + timedelta(seconds=5.1))
    held.set()

    assert said.startswith("fitting was ended after 5 s, which is too long; the baselines of before are kept")
    assert fitter.poll(NOW) is None
    fitter.stop()


def test_a_folder_that_cannot_be_made_is_logged_and_not_raised(tmp_path):
    (tmp_path / "file").write_text("")

    assert Fitter(tmp_path / "file" / "baselines").start(job(), NOW) is False


def test_secrets_of_the_environment_do_not_reach_the_fitting_process(prometheus, fitted, monkeypatch, tmp_path):
    seen = []
    monkeypatch.setenv("SLACK_TOKEN", "xoxb-secret")

    def answer(_, parameters):
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # others come and go
                if str(tmp_path).encode() in (process / "cmdline").read_bytes():
                    seen.append((process / "environ").read_bytes())
        return matrix(parameters)

    prometheus.answer = answer
    fitted(job(prometheus.url))

    assert seen
    assert not any(b"xoxb-secret" in environment for environment in seen)


def test_a_damaged_baseline_is_no_baseline_and_a_repaired_one_is_seen(prometheus, fitted, store, tmp_path, until):
    fitted(job(prometheus.url))
    kept = store()
    path = tmp_path / "baselines" / file_name("orders", Signal.LATENCY)
    whole = path.read_bytes()
    assert kept.get("orders", Signal.LATENCY) is not None

    path.write_bytes(whole[:100])
    until(lambda: kept.get("orders", Signal.LATENCY) is None)
    path.write_bytes(whole)
    until(lambda: kept.get("orders", Signal.LATENCY) is not None)


def test_one_that_the_kernel_ends_leaves_what_was_there_and_says_of_what_it_probably_died(
    prometheus, fitted, store, tmp_path, until
):
    assert "fitted" in fitted(job(prometheus.url))
    before = store().get("orders", Signal.ERROR_RATIO)
    asked, answer = Event(), Event()

    def hang(_path: str, parameters: dict[str, str]) -> tuple[int, object]:
        asked.set()
        answer.wait(600)
        return matrix(parameters)

    prometheus.answer = hang
    fitter = Fitter(tmp_path / "baselines", timeout=60)
    assert fitter.start(job(prometheus.url), NOW)
    assert asked.wait(300)
    (child,) = children()
    assert Path(f"/proc/{child}/oom_score_adj").read_text().strip() == "1000", "the kernel takes it first"
    os.kill(child, signal.SIGKILL)
    said = until(lambda: fitter.poll(NOW))
    answer.set()
    assert said.startswith("fitting was ended by SIGKILL, probably for want of memory after 0 s: give the service more")
    assert said.endswith("tried again at the next refresh; the baselines of before are kept")
    assert fitter.trouble == said
    assert store().get("orders", Signal.ERROR_RATIO) == before

    prometheus.answer = lambda _, parameters: matrix(parameters)
    assert fitter.start(job(prometheus.url), NOW)
    assert "fitted" in until(lambda: fitter.poll(NOW))
    assert fitter.trouble == ""


def test_one_that_meets_its_own_limit_says_so_and_harms_nothing(prometheus, fitted, store, tmp_path, until):
    assert "fitted" in fitted(job(prometheus.url))
    before = store().get("orders", Signal.ERROR_RATIO)
    fitter = Fitter(tmp_path / "baselines", timeout=60, memory=1_000_000)  # less than it has when it begins
    assert fitter.start(job(prometheus.url), NOW)
    said = until(lambda: fitter.poll(NOW))
    assert said.startswith("fitting was ended for want of memory after 0 s: give the service more memory (MemoryMax=)")
    assert fitter.trouble == said
    assert store().get("orders", Signal.ERROR_RATIO) == before


def children() -> list[int]:
    found = []
    for task in Path("/proc/self/task").iterdir():
        found += [int(pid) for pid in (task / "children").read_text().split()]
    return [pid for pid in found if b"monitor.sources.fit" in Path(f"/proc/{pid}/cmdline").read_bytes()]

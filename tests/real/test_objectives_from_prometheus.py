"""Objectives that a real Prometheus counts: its past of three days, read by the reader and by a running daemon."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.core.counting import Slices
from monitor.core.indicator import HOUR, MINUTE, Increment, Indicator, Span
from monitor.sources.indicators import IndicatorReader
from monitor.sources.losses import read_losses
from monitor.sources.prometheus import Prometheus, QueryRefused

DAYS = 3
PER_MINUTE = 1200
ERRORS = 12
"""Per minute, all the time: one request of a hundred."""
SLOW = 60
"""Per minute, all the time, slower than 300 ms: one of twenty."""
NOW = timedelta(0)

RATIO = Indicator(
    service="shop", total="sum(increase(app_requests_total[$window]))", bad="sum(increase(app_errors_total[$window]))"
)
RATIO_IN_SLICES = {"sli": "ratio", "total": RATIO.total, "bad": RATIO.bad, "budgeting": "timeslices"}
FAST = Indicator(
    service="shop", histogram='app_seconds_bucket{job="shop"}', under=timedelta(milliseconds=300)
)  # fmt: skip


def openmetrics(until: int) -> str:
    """
    Scraped seven seconds past each minute. `app_rare_total` counts once, two hours before the end. Sloth has recorded
    the errors as `availability`, and of another service that was asked nothing within the last hour; beside them stands
    what we publish under the same name.
    """
    lines: dict[str, list[str]] = {"app_requests": [], "app_errors": [], "app_rare": [], "app_seconds": []}
    recorded: dict[str, list[str]] = {}
    for minute in range(DAYS * 1440 + 1):
        at = until - (DAYS * 1440 - minute) * 60 - 53
        job = 'job="shop"'
        lines["app_requests"].append(f"app_requests_total{{{job}}} {1e6 + minute * PER_MINUTE} {at}")
        lines["app_errors"].append(f"app_errors_total{{{job}}} {1e6 + minute * ERRORS} {at}")
        lines["app_rare"].append(f"app_rare_total{{{job}}} {1000 + (minute > DAYS * 1440 - 120)} {at}")
        for le, share in (("0.1", 0.5), ("0.3", 0.95), ("1.0", 1), ("+Inf", 1)):
            count = round((1e6 + minute * PER_MINUTE) * share)
            lines["app_seconds"].append(f'app_seconds_bucket{{{job},le="{le}"}} {count} {at}')
        for window in ("5m", "1h"):
            lines_of = recorded.setdefault(f"slo:sli_error:ratio_rate{window}", [])
            ours = 'sloth_id="shop-availability",sloth_service="shop",sloth_slo="availability"'
            others = 'sloth_id="shop-night",sloth_service="shop",sloth_slo="night"'
            asleep = minute > DAYS * 1440 - 60
            for labels, ratio in (
                (f'{ours},sloth_window="{window}"', ERRORS / PER_MINUTE),
                (f'{ours},job="watchkeeper"', 0.5),
                (f'{others},sloth_window="{window}"', "NaN" if asleep else 0.25),
            ):
                lines_of.append(f"slo:sli_error:ratio_rate{window}{{{labels}}} {ratio} {at}")
    # A family's series must stand one after the other.
    for family in (lines["app_seconds"], *recorded.values()):
        family.sort(key=lambda line: line.partition("}")[0])
    kinds = {"app_requests": "counter", "app_errors": "counter", "app_rare": "counter", "app_seconds": "histogram"}
    lines, kinds = lines | recorded, kinds | dict.fromkeys(recorded, "gauge")
    return "\n".join("\n".join([f"# TYPE {name} {kinds[name]}", *lines[name]]) for name in kinds) + "\n# EOF\n"


class Counted:
    """
    A Prometheus with the past alone.

    Attributes:
        until: The end of the past, a whole minute.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.until = datetime.fromtimestamp(time.time() // 60 * 60, UTC)
        (folder / "past.om").write_text(openmetrics(int(self.until.timestamp())))
        command = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=240h", "-q", "openmetrics"]
        made = subprocess.run([*command, "past.om", "data"], cwd=folder, capture_output=True, text=True, timeout=600)
        assert made.returncode == 0, made.stderr
        (folder / "prometheus.yml").write_text("{}")
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
        flags = ["--storage.tsdb.retention.time=60d", f"--web.listen-address=127.0.0.1:{self.port}"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, *flags], cwd=self.folder, stdout=log, stderr=log)
        deadline = time.monotonic() + 300
        while not self._ready():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.1)

    def _ready(self) -> bool:
        try:
            query = urllib.parse.urlencode({"query": "app_requests_total", "time": self.until.timestamp()})
            with urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=30) as answer:
                return bool(json.load(answer)["data"]["result"])
        except OSError:
            return False

    def end(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Counted]:
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        pytest.skip("prometheus and promtool are not installed (Debian: apt install prometheus)")
    made = Counted(tmp_path_factory.mktemp("counted"), free_port())
    try:
        made.start()
        yield made
    finally:
        made.end()


def read(counted: Counted, indicator: Indicator, span: Span) -> list[Increment]:
    return IndicatorReader(indicator, Prometheus(counted.url)).read(span, NOW)


def last(counted: Counted, length: timedelta, step: timedelta = MINUTE) -> Span:
    """The span of so many minutes before the end of the past."""
    end = counted.until if step == MINUTE else counted.until.replace(minute=0)
    return Span(end - length + step, end, step)


def test_the_requests_of_each_minute_are_counted(counted: Counted) -> None:
    found = read(counted, RATIO, last(counted, 2 * HOUR))

    assert [one.at for one in found] == [counted.until - n * MINUTE for n in range(119, -1, -1)]
    for one in found:
        assert one.good + one.bad == pytest.approx(PER_MINUTE)
        assert one.bad == pytest.approx(ERRORS)


def test_a_single_error_is_counted_as_one(counted: Counted) -> None:
    rare = Indicator(service="shop", total=RATIO.total, bad="sum(increase(app_rare_total[$window]))")

    found = read(counted, rare, last(counted, 3 * HOUR))

    assert sum(one.bad for one in found) == pytest.approx(1.0, abs=1e-6), "each pair of samples lies in four windows"
    assert len([one for one in found if one.bad]) == 4


def test_good_and_bad_say_the_same(counted: Counted) -> None:
    good = Indicator(
        service="shop",
        total=RATIO.total,
        good="sum(increase(app_requests_total[$window])) - sum(increase(app_errors_total[$window]))",
    )

    by_good, by_bad = (read(counted, one, last(counted, HOUR)) for one in (good, RATIO))

    assert [(one.at, round(one.bad, 6)) for one in by_good] == [(one.at, round(one.bad, 6)) for one in by_bad]


def test_the_hours_of_the_past_are_counted_to_its_beginning(counted: Counted) -> None:
    found = read(counted, RATIO, last(counted, timedelta(days=DAYS + 1), HOUR))

    assert len(found) in (DAYS * 24, DAYS * 24 + 1), "before that Prometheus knows nothing, and so do we"
    for one in found[1:]:
        assert one.good + one.bad == pytest.approx(60 * PER_MINUTE, rel=1e-6)
        assert one.bad == pytest.approx(60 * ERRORS, rel=1e-6)


def test_what_is_not_slower_than_a_boundary_is_good(counted: Counted) -> None:
    found = read(counted, FAST, last(counted, HOUR))

    assert len(found) == 60
    for one in found:
        assert one.good + one.bad == pytest.approx(PER_MINUTE, rel=1e-3)
        assert one.bad == pytest.approx(SLOW, rel=1e-2)


def test_slices_are_asked_for_as_a_whole_now_as_in_the_past(counted: Counted) -> None:
    ten = Slices(timedelta(minutes=10), 0.98)
    sliced = replace(RATIO, window=ten.length, slices=ten)

    for span in (last(counted, 2 * HOUR), last(counted, 2 * HOUR, HOUR)):
        found = read(counted, sliced, span)

        assert len(found) == 12
        assert all(one.at.minute % 10 == 0 for one in found)
        for one in found:
            assert one.good + one.bad == pytest.approx(10 * PER_MINUTE)
            assert one.bad == pytest.approx(10 * ERRORS)


def sloth(slo: str, service: str = "shop") -> Indicator:
    return Indicator(service="shop", recorded=f'{{sloth_service="{service}",sloth_slo="{slo}"}}')


@pytest.mark.parametrize(("step", "minutes"), [(MINUTE, 1), (HOUR, 60)])
def test_each_minute_of_what_sloth_recorded_has_the_same_weight(
    counted: Counted, step: timedelta, minutes: int
) -> None:
    found = read(counted, sloth("availability"), last(counted, 3 * HOUR, step))

    assert len(found) == 3 * HOUR // step
    for one in found:
        assert (one.good, one.bad) == pytest.approx((990 * minutes, 10 * minutes))


def test_without_requests_sloth_has_recorded_that_there_is_no_ratio(counted: Counted) -> None:
    found = read(counted, sloth("night"), last(counted, 2 * HOUR))

    assert len(found) == 120
    assert [(one.good, one.bad) for one in found[:59]] == [(750, 250)] * 59
    assert [(one.good, one.bad) for one in found[-59:]] == [(0, 0)] * 59


def test_a_slice_of_what_sloth_recorded_is_one_of_its_windows(counted: Counted) -> None:
    five = Slices(timedelta(minutes=5))

    found = read(counted, replace(sloth("availability"), slices=five), last(counted, HOUR))

    assert [(one.at.minute % 5, round(one.bad)) for one in found] == [(0, 50)] * 12


def test_what_sloth_has_not_recorded_is_nothing_and_no_zero(counted: Counted) -> None:
    assert read(counted, sloth("availabilty"), last(counted, HOUR)) == []


def test_labels_of_several_objectives_are_refused(counted: Counted) -> None:
    both = Indicator(service="shop", recorded='{sloth_service="shop"}')

    with pytest.raises(QueryRefused, match="the query gives 2 series and must give one: add labels to recorded"):
        read(counted, both, last(counted, HOUR))


def test_a_boundary_may_be_written_as_another_number(counted: Counted) -> None:
    second = Indicator(service="shop", histogram="app_seconds_bucket", under=timedelta(seconds=1))

    found = read(counted, second, last(counted, HOUR))

    assert len(found) == 60, "the label is 1.0"
    assert sum(one.bad for one in found) == 0


def test_no_boundary_is_told_with_those_that_there_are(counted: Counted) -> None:
    between = Indicator(service="shop", histogram="app_seconds_bucket", under=timedelta(milliseconds=250))

    with pytest.raises(QueryRefused) as caught:
        read(counted, between, last(counted, HOUR))

    assert str(caught.value) == (
        "0.25 s is no boundary of app_seconds_bucket; there are 0.1, 0.3, 1 (seconds): use one of them as under"
    )


def test_a_histogram_that_is_not_there_is_nothing(counted: Counted) -> None:
    nothing = Indicator(service="shop", histogram="other_bucket", under=timedelta(seconds=1))

    assert read(counted, nothing, last(counted, HOUR)) == []


def test_two_series_are_refused(counted: Counted) -> None:
    two = Indicator(service="shop", total="increase(app_seconds_bucket[$window])", bad=RATIO.bad)

    with pytest.raises(QueryRefused, match="the query gives 4 series and must give one: wrap it in sum"):
        read(counted, two, last(counted, HOUR))


def test_what_was_lost_within_the_range_is_read(counted: Counted) -> None:
    asked = {
        "within": f"sum(increase(app_rare_total[3h] @ {counted.until.timestamp():.0f}))",
        "before": f"sum(increase(app_rare_total[1h] @ {counted.until.timestamp():.0f}))",
        "filtered": "app_lost_total > 0",
        "odd": "sum(app_seconds_bucket",
    }

    within, before, filtered, odd = read_losses(Prometheus(counted.url), asked)

    assert (within.is_lost, within.value) == (True, pytest.approx(1.0, abs=0.02))
    assert (before.is_lost, before.value) == (False, 0.0)
    assert (filtered.is_lost, filtered.value, filtered.problem) == (False, None, "")
    assert (odd.is_lost, odd.problem.startswith("Prometheus refuses the query")) == (False, True)


class Watched:
    """`monitor run` over the objectives, as a process of its own."""

    def __init__(self, folder: Path, prometheus: str) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        slos = [
            {"sli": "ratio", "total": RATIO.total, "bad": RATIO.bad, "objective": "98%", "over": "7d"},
            {"sli": "latency", "histogram": FAST.histogram, "under": "300ms", "objective": "99%", "over": "7d"},
            # One of a hundred fails all the time: of slices none is good enough for 99.5 %, and each for 98 %.
            {"name": "strict", **RATIO_IN_SLICES, "slice_target": "99.5%", "objective": "97%", "over": "7d"},
            {"name": "lenient", **RATIO_IN_SLICES, "slice_target": "98%", "objective": "97%", "over": "7d"},
            {"sli": "sloth", "recorded": sloth("availability").recorded, "objective": "98%", "over": "7d"},
            {"name": "mistyped", "sli": "sloth", "recorded": sloth("availabilty").recorded, "objective": "98%"},
            {"name": "odd", "sli": "latency", "histogram": FAST.histogram, "under": "250ms", "objective": "99%"},
        ]
        document = {
            "monitor": {"state": str(folder / "state"), "listen": "127.0.0.1:0"},
            "sources": {"prometheus": prometheus},
            "services": {"shop": {"checks": {"live": "http://127.0.0.1:9/"}, "slos": slos}},
            "incidents": {"open": "suggest"},
        }
        (folder / "config.yaml").write_text(json.dumps(document))

    def start(self) -> None:
        (self.folder / "log").write_bytes(b"")
        with (self.folder / "log").open("ab") as log:
            command = [sys.executable, "-m", "monitor", "-c", str(self.folder / "config.yaml"), "run"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def slos(self) -> dict[str, dict[str, Any]]:
        line = next((line for line in self.log.splitlines() if "watching " in line and "http://" in line), "")
        if not line:
            return {}
        with urllib.request.urlopen(f"{line.split('; ')[-1].strip()}/api/v1/slos", timeout=60) as answer:
            return {one["name"]: one for one in json.load(answer)["slos"]}

    def end(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None


@pytest.fixture
def watched(counted: Counted, tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path, counted.url)
    yield made
    made.end()


def test_a_daemon_has_the_budget_of_the_past_at_once_and_after_a_restart_without_prometheus(
    counted: Counted, watched: Watched, waiting: Callable[[str, Callable[[], Any], float], Any]
) -> None:
    watched.start()

    def whole() -> Any:
        found = watched.slos()
        since = [found[name]["counted_since"] for name in ("ratio", "strict", "lenient", "sloth") if found]
        oldest = counted.until - timedelta(days=DAYS, hours=-2)
        return since and all(one and datetime.fromisoformat(one) < oldest for one in since) and found

    found = waiting("the past is counted", whole, 120)

    ratio, latency, odd = found["ratio"], found["latency-300ms"], found["odd"]
    minutes = DAYS * 1440
    assert ratio["source"] == "prometheus"
    assert ratio["good"] + ratio["bad"] == pytest.approx(minutes * PER_MINUTE, rel=0.05)
    assert ratio["bad"] / (ratio["good"] + ratio["bad"]) == pytest.approx(0.01, rel=1e-3)
    # Three days of the seven are known, and the four before them are taken to have been alike. Of the oldest hour
    # Prometheus may have only a part, which counts as the whole: up to 1 in 72.
    assert ratio["allowed"] == pytest.approx(0.02 * 7 * 1440 * PER_MINUTE, rel=0.02)
    assert ratio["budget_spent"] == pytest.approx(0.5 * 3 / 7, rel=0.05)
    assert ratio["burn_rates"]["1d"] == pytest.approx(0.5, rel=0.01)
    slow = latency["bad"] / (latency["good"] + latency["bad"])
    assert slow == pytest.approx(SLOW / PER_MINUTE, rel=0.01)
    # Of the last hour the newest minute or two may not be read yet, and count as if they had been well.
    burns = re.match(r"latency-300ms burns its budget (\S+) times too fast", latency["burning"])
    assert burns is not None, latency
    assert float(burns[1]) == pytest.approx(5, rel=0.06)
    strict, lenient = found["strict"], found["lenient"]
    assert (strict["budgeting"], strict["slice_seconds"], strict["source"]) == ("timeslices", 300, "prometheus")
    assert (strict["good"], lenient["bad"]) == (0, 0)
    assert strict["bad"] == pytest.approx(minutes / 5, abs=13)
    assert lenient["good"] == pytest.approx(strict["bad"], abs=1), "one of them may have read a slice more"
    assert strict["allowed"] == pytest.approx(0.03 * 7 * 1440 / 5)
    assert strict["burn_rates"]["1d"] == pytest.approx(1 / 0.03)
    recorded, mistyped = found["sloth"], found["mistyped"]
    assert recorded["bad"] / (recorded["good"] + recorded["bad"]) == pytest.approx(0.01, rel=1e-3)
    assert recorded["good"] + recorded["bad"] == pytest.approx(1000 * minutes, rel=0.05)
    assert recorded["allowed"] == pytest.approx(0.02 * 7 * 1440 * 1000, rel=0.02)
    assert recorded["burn_rates"]["1h"] == pytest.approx(0.5, rel=0.02)
    assert mistyped["state"] == "no data"
    assert mistyped["trouble"] == (
        'no data yet: Prometheus has no slo:sli_error:ratio_rate5m{sloth_service="shop",sloth_slo="availabilty"}; '
        "are sloth's rules loaded, and is it called so?"
    )
    assert odd["state"] == "no data"
    assert odd["trouble"] == (
        "no data yet: 0.25 s is no boundary of app_seconds_bucket; there are 0.1, 0.3, 1 (seconds): "
        "use one of them as under"
    )
    assert "shop: objective odd cannot be read: 0.25 s is no boundary" in watched.log

    before = watched.slos()["ratio"]
    watched.end()
    document = json.loads((watched.folder / "config.yaml").read_text())
    document["sources"]["prometheus"] = "http://127.0.0.1:9"
    (watched.folder / "config.yaml").write_text(json.dumps(document))
    watched.start()
    away = waiting("it says why", lambda: (one := watched.slos().get("ratio")) and one["trouble"] and one, 60)

    # A minute may have been over between the last look and the end.
    assert 0 <= away["good"] - before["good"] <= 2 * PER_MINUTE
    assert 0 <= away["bad"] - before["bad"] <= 2 * ERRORS
    assert away["trouble"].startswith("no data since 20")
    assert away["trouble"].endswith(" UTC: connection refused")

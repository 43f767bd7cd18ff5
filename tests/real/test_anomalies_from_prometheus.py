"""A queue that jumps in a real Prometheus: seen by a daemon that had never run before, told once, killed, and known."""

from __future__ import annotations

import json
import math
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.unusual import SeriesWatch
from monitor.demo.otlp_receiver import OtlpReceiver
from monitor.sources.prometheus import Prometheus
from monitor.sources.series import RowReader

pytestmark = [pytest.mark.real, pytest.mark.slow]

DAYS = 9
AHEAD = 30
"""Minutes of the future that are stored already, so that a test finds a new row in each minute."""
REQUESTS = "sum(rate(app_requests_total[5m]))"
QUEUE = "sum(app_waiting)"
MINUTE = timedelta(minutes=1)

Wait = Callable[[str, Callable[[], Any], float], Any]


def openmetrics(now: int, jump: int) -> str:
    """Busy by day and quiet by night; from *jump* on 200 more wait, and twice as many requests come."""
    chance = random.Random(7)
    requests, lines = 0.0, {"app_requests": [], "app_waiting": []}  # type: dict[str, list[str]]
    for at in range(now - DAYS * 86_400, now + AHEAD * 60 + 1, 60):
        usual = 40 * (1 + 0.5 * math.sin((at - now) / 86_400 * 2 * math.pi)) * chance.uniform(0.97, 1.03)
        requests += 60 * usual * (2 if at > jump else 1)
        waiting = chance.randint(15, 25) + (200 if at >= jump else 0)
        lines["app_requests"].append(f'app_requests_total{{job="shop"}} {requests:.1f} {at}')
        lines["app_waiting"].append(f'app_waiting{{job="shop"}} {waiting} {at}')
    kinds = {"app_requests": "counter", "app_waiting": "gauge"}
    return "\n".join("\n".join([f"# TYPE {name} {kinds[name]}", *lines[name]]) for name in kinds) + "\n# EOF\n"


class Source:
    """
    A Prometheus with what promtool loaded.

    Attributes:
        jump: The minute in which the series jumped.
    """

    def __init__(self, folder: Path, port: int) -> None:
        now = int(time.time()) // 60 * 60
        self.jump = datetime.fromtimestamp(now, UTC) - 20 * MINUTE
        (folder / "past.om").write_text(openmetrics(now, int(self.jump.timestamp())))
        command = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=240h", "-q", "openmetrics"]
        made = subprocess.run([*command, "past.om", "data"], cwd=folder, capture_output=True, text=True, timeout=300)
        assert made.returncode == 0, made.stderr
        (folder / "prometheus.yml").write_text("{}")
        self.url = f"http://127.0.0.1:{port}"
        with (folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
                    "--storage.tsdb.retention.time=60d", f"--web.listen-address=127.0.0.1:{port}",
                ],
                cwd=folder, stdout=log, stderr=log,
            )  # fmt: skip

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1):
                return True
        except OSError:
            return False

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(120)


@pytest.fixture
def source(tmp_path: Path, waiting: Wait, free_port: Callable[[], int]) -> Iterator[Source]:
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        pytest.skip("prometheus and promtool are not installed (Debian: apt install prometheus)")
    folder = tmp_path / "prometheus"
    folder.mkdir()
    made = Source(folder, free_port())
    try:
        waiting("Prometheus is ready", made.ready, 180)
        yield made
    finally:
        made.close()


class Watched:
    """`monitor run`, and what it says of its one service."""

    def __init__(self, folder: Path, prometheus: str, otlp: str) -> None:
        self.folder, self.process = folder, None  # type: Path, subprocess.Popen[bytes] | None
        document = {
            "monitor": {"state": str(folder / "state"), "listen": "127.0.0.1:0"},
            "telemetry": {"otlp": otlp},
            "sources": {"prometheus": prometheus},
            "services": {
                "shop": {
                    "checks": {"live": {"http": f"{prometheus}/-/ready"}},
                    "traffic": {"requests": REQUESTS, "queue_depth": QUEUE},
                }
            },
        }
        (folder / "config.yaml").write_text(json.dumps(document))

    def start(self) -> None:
        (self.folder / "log").write_bytes(b"")
        with (self.folder / "log").open("ab") as log:
            command = [sys.executable, "-m", "monitor", "-c", str(self.folder / "config.yaml"), "run"]
            environ = {"OTEL_METRIC_EXPORT_INTERVAL": "1000", "PATH": "/usr/bin:/bin"}
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environ, cwd=Path.cwd())

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def status(self) -> Any:
        line = next((line for line in self.log.splitlines() if "watching " in line and "http://" in line), "")
        if not line:
            return None
        with urllib.request.urlopen(f"{line.split('; ')[-1].strip()}/api/v1/status", timeout=10) as answer:
            return json.load(answer)

    def series(self) -> dict[str, dict[str, Any]]:
        status = self.status()
        return {one["name"]: one for one in status["services"][0]["series"]} if status else {}

    def end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(120)
            self.process = None


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as started:
        yield started


@pytest.fixture
def watched(source: Source, receiver: OtlpReceiver, tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path, source.url, receiver.url)
    yield made
    made.end(signal.SIGTERM)


def undisturbed(source: Source, query: str, until: datetime) -> SeriesWatch:
    """What a detector says that nobody ever killed, of the rows up to *until*."""
    reader, watch = RowReader(query, Prometheus(source.url)), SeriesWatch(ZoneInfo("UTC"))
    while reader.is_behind(until + timedelta(seconds=30)):
        for at, value in reader.read(until + timedelta(seconds=30)):
            watch.take(at, value)
    return watch


def test_a_jump_is_known_at_the_first_start_told_once_and_goes_on_after_kill_9(
    source: Source, receiver: OtlpReceiver, watched: Watched, waiting: Wait
) -> None:
    watched.start()
    first = waiting("both series are learned", lambda: learned(watched.series()), 180)

    assert first["queue_depth"]["unusual_since"] == stamp(source.jump)
    assert first["queue_depth"]["unusual_value"] >= 215
    assert 14 <= first["queue_depth"]["expected"] <= 26
    requests_since = datetime.fromisoformat(first["requests"]["unusual_since"])
    assert source.jump < requests_since <= source.jump + 5 * MINUTE, "the rate is one of five minutes"
    for name, query in (("queue_depth", QUEUE), ("requests", REQUESTS)):
        expected = undisturbed(source, query, datetime.fromisoformat(first[name]["at"]))
        assert expected.unusual is not None
        assert first[name]["score"] == round(expected.score, 4)
        assert first[name]["unusual_score"] == round(expected.unusual.score, 4)
    assert first["queue_depth"]["known_since"] == stamp(source.jump - timedelta(days=DAYS) + 20 * MINUTE)

    def told() -> list[Any]:
        return [log for log in list(receiver.received.logs) if log.event_name == "metric.anomaly.detected"]

    waiting("both were told", lambda: len(told()) == 2, 120)
    assert {log.attributes["metric.series"] for log in told()} == {"queue_depth", "requests"}
    scores = waiting(
        "the gauges",
        lambda: {
            point.attributes["watchkeeper.series"]: point.value
            for point in list(receiver.received.points)
            if point.metric == "watchkeeper.anomaly.score" and point.value > 0.5
        },
        120,
    )
    assert scores["queue_depth"] == pytest.approx(first["queue_depth"]["unusual_score"], abs=1e-3)
    assert watched.status()["incidents"] == [], "it is evidence, and no alarm"

    watched.end(signal.SIGKILL)
    watched.start()
    before = first["queue_depth"]["at"]
    second = waiting(
        "a newer row", lambda: (s := learned(watched.series())) and s["queue_depth"]["at"] > before and s, 300
    )

    for name, query in (("queue_depth", QUEUE), ("requests", REQUESTS)):
        expected = undisturbed(source, query, datetime.fromisoformat(second[name]["at"]))
        assert second[name]["score"] == round(expected.score, 4)
        assert second[name]["unusual_since"] == first[name]["unusual_since"]
        assert second[name]["known_since"] == first[name]["known_since"]
    assert len(told()) == 2, "nobody is told again"


def learned(series: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]] | None:
    return series if len(series) == 2 and not any(one["learning"] for one in series.values()) else None


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"

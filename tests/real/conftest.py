"""A real Prometheus with two weeks of past, a real service that it scrapes, and the daemon as a process of its own."""

from __future__ import annotations

import json
import math
import random
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

DAYS, STEP = 15, 300
REQUESTS = 40.0
"""Per second, now as in the past."""
USUAL_ERRORS, USUAL_LATENCY = 0.002, 0.120
SCRAPE_EVERY = "500ms"

TRAFFIC = {
    # The short range is for what is scraped now, the long one for the past, whose samples are five minutes apart.
    name: f'sum(rate(app_{name}_total{{job="orders"}}[3s])) or sum(rate(app_{name}_total{{job="orders"}}[15m]))'
    for name in ("requests", "errors")
} | {"latency": 'max(avg_over_time(app_latency_seconds{job="orders"}[1s]))'}


def wait_for(what: str, fact: Callable[[], T], within: float) -> T:
    """The first answer of *fact* that is true. A busy machine is given as long again, and two minutes."""
    within = 2 * within + 120
    deadline = time.monotonic() + within
    while not (found := fact()):
        assert time.monotonic() < deadline, f"{what}: not within {within:g} s"
        threading.Event().wait(0.1)
    return found


def stays(what: str, fact: Callable[[], bool], seconds: float) -> None:
    """*fact* is true now and each time it is looked at, until *seconds* have passed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert fact(), f"{what}: no longer"
        threading.Event().wait(0.2)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30):
            return True
    except OSError:
        return False


class Service:
    """Orders: two health endpoints and its metrics, whose error ratio, latency and health a test may change."""

    def __init__(self) -> None:
        self.healthy, self.error_ratio, self.latency = True, USUAL_ERRORS / 2, USUAL_LATENCY
        self.version = "1.4.2"
        self._counted_at, self._requests, self._errors = time.monotonic(), 0.0, 0.0
        self._lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = service._answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def degrade(self, error_ratio: float, latency: float = USUAL_LATENCY) -> None:
        self.error_ratio, self.latency = error_ratio, latency

    def mend(self) -> None:
        self.healthy, self.error_ratio, self.latency = True, USUAL_ERRORS / 2, USUAL_LATENCY

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, path: str) -> tuple[int, bytes]:
        if path == "/metrics":
            return 200, self._metrics()
        if path not in ("/healthz", "/healthz/ready"):
            return 404, b"no such path\n"
        return (200, b"ok\n") if self.healthy else (503, b"connection pool exhausted\n")

    def _metrics(self) -> bytes:
        """Counted up to this very instant, so that the rate is right whenever the scrape comes."""
        with self._lock:
            now = time.monotonic()
            came = REQUESTS * (now - self._counted_at)
            self._counted_at = now
            self._requests += came
            self._errors += came * self.error_ratio
            return (
                f"# TYPE app_requests_total counter\napp_requests_total {self._requests}\n"
                f"# TYPE app_errors_total counter\napp_errors_total {self._errors}\n"
                f"# TYPE app_latency_seconds gauge\napp_latency_seconds {self.latency}\n"
                f'# TYPE app_info gauge\napp_info{{version="{self.version}"}} 1\n'
            ).encode()


@dataclass
class Prometheus:
    """Its own process on a port of its own; what it stored stays when it is ended and begun again."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [
            "prometheus",
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            "--storage.tsdb.retention.time=60d",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        with (self.folder / "prometheus.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for("Prometheus is ready", lambda: answers(f"{self.url}/-/ready"), 20)
        wait_for("Prometheus has scraped", self._has_scraped, 10)

    def _has_scraped(self) -> bool:
        return bool(get(f"{self.url}/api/v1/query?query=rate(app_requests_total[3s])")["data"]["result"])

    def end(self) -> None:
        if self.process is not None:
            end(self.process)
            self.process = None


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass
class Daemon:
    """`monitor run`, asked over its own API."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    url: str = ""

    @property
    def log(self) -> str:
        return (self.folder / "daemon.log").read_text()

    def start(self) -> None:
        command = [sys.executable, "-m", "monitor", "-c", str(self.folder / "config.yaml"), "run"]
        with (self.folder / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        said = wait_for("the daemon watches", self._said_where, 20)
        self.url = said.split("; ")[-1].strip()

    def _said_where(self) -> str:
        return next((line for line in self.log.splitlines() if "watching " in line and "http://" in line), "")

    def status(self) -> Any:
        return get(f"{self.url}/api/v1/status")

    def incident(self) -> Any:
        """The one incident whole, None while there is none."""
        found = get(f"{self.url}/api/v1/incidents?state=all")["incidents"]
        assert len(found) <= 1, found
        return get(f"{self.url}/api/v1/incidents/{found[0]['id']}") if found else None

    def events(self, name: str) -> list[Any]:
        incident = self.incident()
        return [event for event in incident["events"] if event["name"] == name] if incident else []

    def ticket(self) -> str:
        (path,) = (self.folder / "state" / "tickets").glob("*.md")
        return path.read_text()

    def baselines(self) -> set[str]:
        return {path.name for path in (self.folder / "state" / "baselines").glob("*.json")}


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of blocks that promtool made of two weeks and a day."""
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        pytest.skip("prometheus and promtool are not installed (Debian: apt install prometheus)")
    folder = tmp_path_factory.mktemp("past")
    source, blocks = folder / "past.om", folder / "data"
    source.write_text(openmetrics(int(time.time()) // STEP * STEP - STEP))
    command = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=240h", "-q", "openmetrics"]
    made = subprocess.run([*command, str(source), str(blocks)], capture_output=True, text=True, check=False, timeout=60)
    assert made.returncode == 0, made.stderr
    return blocks


def openmetrics(until: int) -> str:
    """The same past each time: busy by day, quiet by night, and rougher than the minutes of a test."""
    chance = random.Random(7)
    requests = errors = 0.0
    lines: dict[str, list[str]] = {"app_requests": [], "app_errors": [], "app_latency_seconds": []}
    for at in range(until - DAYS * 86_400, until + 1, STEP):
        came = REQUESTS * (1 + 0.5 * math.sin(at / 86_400 * 2 * math.pi)) * STEP
        requests += came
        errors += came * USUAL_ERRORS * chance.uniform(0.6, 1.4)
        latency = USUAL_LATENCY * chance.lognormvariate(0, 0.1)
        lines["app_requests"].append(f"app_requests_total{LABELS} {requests:.3f} {at}")
        lines["app_errors"].append(f"app_errors_total{LABELS} {errors:.3f} {at}")
        lines["app_latency_seconds"].append(f"app_latency_seconds{LABELS} {latency:.6f} {at}")
    kinds = {"app_requests": "counter", "app_errors": "counter", "app_latency_seconds": "gauge"}
    families = ("\n".join([f"# TYPE {name} {kind}", *lines[name]]) for name, kind in kinds.items())
    return "\n".join([*families, "# EOF"]) + "\n"


LABELS = '{job="orders",instance="before"}'


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.close()


@pytest.fixture
def prometheus(past: Path, service: Service, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Prometheus]:
    folder = tmp_path / "prometheus"
    shutil.copytree(past, folder / "data")
    scrapes = [{"job_name": "orders", "static_configs": [{"targets": [service.address]}]}]
    times = {"scrape_interval": SCRAPE_EVERY, "scrape_timeout": SCRAPE_EVERY}
    (folder / "prometheus.yml").write_text(json.dumps({"global": times, "scrape_configs": scrapes}))
    made = Prometheus(folder, free_port())
    try:
        made.start()
        yield made
    finally:
        made.end()


@pytest.fixture
def watch(service: Service, prometheus: Prometheus, tmp_path: Path) -> Iterator[Callable[[str], Daemon]]:
    """Starts the daemon with so many stable seconds, and returns it once it has baselines and first results."""
    daemon = Daemon(tmp_path)

    def begin(stable_for: str) -> Daemon:
        def check(path: str) -> dict[str, str]:
            return {"http": f"http://{service.address}{path}", "interval": "1s", "timeout": "900ms"}

        document = {
            "monitor": {"environment": "test", "location": "here", "state": "./state", "listen": "127.0.0.1:0"},
            "sources": {"prometheus": prometheus.url},
            "services": {
                "orders": {
                    "criticality": "critical",
                    "checks": {"live": check("/healthz"), "ready": check("/healthz/ready")},
                    "traffic": TRAFFIC,
                    "deploys": "count by (version) (app_info)",
                }
            },
            "incidents": {"open_after": "2s", "stable_for": stable_for, "update_every": "2s"},
        }
        (tmp_path / "config.yaml").write_text(json.dumps(document))
        daemon.start()
        fitted = {"orders.error_ratio.json", "orders.latency.json"}
        wait_for("baselines are fitted", lambda: fitted <= daemon.baselines(), 30)
        wait_for("the daemon is ready and has read them", lambda: reads_baselines(daemon), 10)
        return daemon

    try:
        yield begin
    finally:
        if daemon.process is not None:
            end(daemon.process)


def reads_baselines(daemon: Daemon) -> bool:
    status = daemon.status()
    return bool(status["ready"] and "orders" in status["parts"]["baselines"])


@pytest.fixture
def waiting() -> Callable[[str, Callable[[], T], float], T]:
    return wait_for


@pytest.fixture
def staying() -> Callable[[str, Callable[[], bool], float], None]:
    return stays

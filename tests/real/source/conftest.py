"""
Debian's Prometheus and blackbox_exporter on loopback with their data in a temporary folder, and a service to watch.

    prometheus(targets)            a factory; each call returns a running `Server`, stopped after the test
    prometheus_with_past(text)     likewise, with what an OpenMetrics text says happened before
    blackbox()                     likewise
    service                        a process whose health, errors and latency a test changes

A server that is not installed skips the test and says so.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

import pytest

T = TypeVar("T")

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url: str) -> str:
    with DIRECT.open(url, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def wait_until(condition: Callable[[], T], seconds: float = 300.0) -> T:
    """The first true value of *condition*; a connection that fails is not true yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if found := condition():
                return found
        except OSError:
            found = None
        assert time.monotonic() < deadline, f"did not come true within {seconds:g} s"
        time.sleep(0.05)


@dataclass
class Server:
    """A server of ours; only what we started is ever signalled."""

    argv: Sequence[str]
    port: int
    ready: str
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Server:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(self._is_ready)
        return self

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"{self.argv[0]} ended:\n{self.log.read_text()[-2000:]}"
        get(self.url + self.ready)
        return True

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)  # a frozen process cannot hear that it shall end
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def freeze(self) -> None:
        """It accepts connections and answers nothing: the kernel does the former."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@dataclass
class WatchedService:
    port: int

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.target}"

    def change(self, **settings: float) -> None:
        """rate, errors, latency, healthy, ready: see service.py."""
        get(f"{self.url}/control?{urlencode(settings)}")


def needs(program: str) -> str:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    return program


def prometheus_server(folder: Path, port: int, scrape_configs: str = "[]") -> Server:
    """Not started yet; it scrapes twice a second and keeps what is in *folder*/data."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "prometheus.yml"
    config.write_text(f"global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}\nscrape_configs: {scrape_configs}\n")
    argv = [
        needs("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=90d",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    return Server(argv, port, "/-/ready", folder / "prometheus.log")


@pytest.fixture
def started() -> Iterator[Callable[[Server], Server]]:
    """Starts servers, and stops them after the test, the last one first."""
    running: list[Server] = []

    def start(server: Server) -> Server:
        running.append(server)
        return server.start()

    yield start
    for server in reversed(running):
        server.stop()


@pytest.fixture
def prometheus(
    tmp_path: Path, started: Callable[[Server], Server], free_port: Callable[[], int]
) -> Callable[..., Server]:
    def make(*targets: str, blackbox: str = "") -> Server:
        """*targets* are scraped; through the blackbox exporter at that address where one is given."""
        relabel = (
            "metrics_path: /probe, params: {module: [http_2xx]}, relabel_configs: ["
            "{source_labels: [__address__], target_label: __param_target}, "
            f"{{target_label: __address__, replacement: '{blackbox}'}}], "
        )
        scrape = f"[{{job_name: orders, {relabel if blackbox else ''}static_configs: [{{targets: {list(targets)}}}]}}]"
        return started(prometheus_server(tmp_path / "prometheus", free_port(), scrape))

    return make


@pytest.fixture(scope="session")
def prometheus_with_past(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Callable[[str], Server]]:
    """For all tests of a run, as filling it takes seconds."""
    running: list[Server] = []

    def make(openmetrics: str) -> Server:
        folder = tmp_path_factory.mktemp("past")
        server = prometheus_server(folder, free_port())
        (folder / "past.txt").write_text(openmetrics)
        fill = [needs("promtool"), "tsdb", "create-blocks-from", "--max-block-duration=240h", "openmetrics"]
        subprocess.run([*fill, "past.txt", "data"], cwd=folder, check=True, capture_output=True)
        running.append(server)
        return server.start()

    yield make
    for server in running:
        server.stop()


@pytest.fixture
def blackbox(tmp_path: Path, started: Callable[[Server], Server], free_port: Callable[[], int]) -> Callable[[], Server]:
    """With its module `http_2xx`, over IPv4."""

    def make() -> Server:
        port = free_port()
        config = tmp_path / "blackbox.yml"
        config.write_text("modules: {http_2xx: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}}\n")
        program = needs("prometheus-blackbox-exporter")
        argv = [program, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", "--timeout-offset=0.1"]
        return started(Server(argv, port, "/-/healthy", config.with_suffix(".log")))

    return make


@pytest.fixture
def service() -> Iterator[WatchedService]:
    argv = [sys.executable, str(Path(__file__).with_name("service.py"))]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield WatchedService(int(process.stdout.readline()))
        process.kill()


@pytest.fixture
def waiting() -> Callable[..., object]:
    """`wait_until`, for test modules."""
    return wait_until

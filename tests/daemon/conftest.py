"""The real daemon as a process of its own, a service to watch that can be broken, and what both of them left behind."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from monitor.demo.otlp_receiver import OtlpReceiver

PATIENCE = 120.0
"""Seconds for one thing to happen on a busy machine; nothing waits longer than it takes."""

SERVICE = "orders-service"


def wait_until(fact: Callable[[], Any], what: str, within: float = PATIENCE) -> Any:
    """What *fact* answers, as soon as it is true."""
    deadline = time.monotonic() + within
    while not (found := fact()):
        assert time.monotonic() < deadline, f"{what}: not within {within:g} s"
        time.sleep(0.05)
    return found


def ended(pid: int) -> bool:
    """Whether a process is gone, or only waits for whoever inherited it to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


class Target:
    """
    Attributes:
        status: What it answers from now on.
        delay: Seconds that it takes for an answer.
        answers: While it is not set, requests are held.
        seen: The traceparent of each request, empty where there was none, with the status that it got.
        asked_at: time.monotonic() of each request.
    """

    def __init__(self) -> None:
        target = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status = target.status
                target.asked_at.append(time.monotonic())
                target.seen.append((self.headers.get("traceparent", ""), status))
                target.answers.wait(PATIENCE)
                if target.delay:
                    time.sleep(target.delay)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own parameter
                """Quiet: `seen` tells."""

        self.status = 200
        self.delay = 0.0
        self.answers = threading.Event()
        self.answers.set()
        self.seen: list[tuple[str, int]] = []
        self.asked_at: list[float] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Daemon:
    """`monitor run`, from its start to its end, with every line that it logged."""

    def __init__(self, config: Path, environ: Mapping[str, str]) -> None:
        self.config = config
        self.document: dict[str, Any] = json.loads(config.read_text())  # of its start; tests change the file
        self.state = Path(self.document["monitor"]["state"])
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            _command(config, "run"), stderr=subprocess.PIPE, text=True, cwd=config.parent, env=_environ() | environ
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())

    def log(self) -> str:
        return "\n".join(self.lines)

    def wait_for_line(self, pattern: str) -> re.Match[str]:
        def found() -> re.Match[str] | None:
            assert self.process.poll() is None or self._reader.is_alive() or re.search(pattern, self.log()), self.log()
            return re.search(pattern, self.log())

        match: re.Match[str] = wait_until(found, f"a log line with {pattern!r}")
        return match

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of somebody who knows the port; the configuration leaves it to the system."""
        port = int(self.wait_for_line(r"http://127\.0\.0\.1:(\d+)")[1])
        document = self.document
        document["monitor"]["listen"] = f"127.0.0.1:{port}"
        known = self.config.with_name("known-port.yaml")
        known.write_text(json.dumps(document))
        return subprocess.run(
            _command(known, *arguments),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            cwd=known.parent,
            env=_environ(),
            check=False,
        )

    def ask(self, *arguments: str) -> dict[str, Any]:
        """What a command shows as JSON, from the daemon and not from the ledger that it holds."""
        answer = self.cli(*arguments, "--format", "json")
        assert answer.returncode == 0, answer.stderr
        document: dict[str, Any] = json.loads(answer.stdout)
        return document

    def incidents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("incident", "list", "--state", "all")["incidents"]
        return found

    def prober(self) -> dict[str, Any]:
        status = self.ask("status")
        assert status["source"] == "daemon"
        prober: dict[str, Any] = status["parts"]["prober"]
        return prober

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)

    def terminate(self, within: float) -> tuple[int, float]:
        """Its status, and how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within), time.monotonic() - began

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        self._reader.join(5)
        assert self.process.stderr is not None
        self.process.stderr.close()


def _command(config: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "monitor", "-c", str(config), *arguments]


def _environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("WATCHKEEPER", "OTEL"))}


@pytest.fixture
def target() -> Iterator[Target]:
    target = Target()
    yield target
    target.close()


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as started:
        yield started


@dataclass(frozen=True, slots=True)
class Post:
    """
    Attributes:
        key: Its Idempotency-Key.
        status: What it was answered.
        at: time.monotonic() when it came.
        signed_at: What its signature says, seconds since the Unix epoch.
    """

    key: str
    body: dict[str, Any]
    status: int
    at: float
    signed_at: float


class Hook:
    """
    The other side of the webhook: takes what is signed rightly, and answers 401 to anything else.

    Attributes:
        refusing: Answers 503, and takes nothing.
    """

    SECRET = "s3cr3t-of-the-hook"

    def __init__(self, server: HTTPServer) -> None:
        self.refusing = False
        self.posts: list[Post] = []
        self.url = server.url_for("/hook")
        server.expect_request("/hook", method="POST").respond_with_handler(self._take)

    def _take(self, request: Request) -> Response:
        body, stamp = request.get_data(), request.headers["X-Watchkeeper-Timestamp"]
        signed = hmac.new(self.SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        status = 503 if self.refusing else 200
        if not hmac.compare_digest(request.headers["X-Watchkeeper-Signature"], f"v1={signed}"):
            status = 401
        key = request.headers["Idempotency-Key"]
        self.posts.append(Post(key, json.loads(body), status, time.monotonic(), float(stamp)))
        return Response("{}", status, content_type="application/json")

    @property
    def tracker(self) -> dict[str, Any]:
        """The section of the configuration that makes it an outlet."""
        return {"webhook": {"url": self.url, "secret": self.SECRET}}

    def taken(self) -> list[str]:
        """The keys of what was taken, in the order of arrival."""
        return [post.key for post in list(self.posts) if post.status == 200]


@pytest.fixture
def hook() -> Iterator[Hook]:
    with HTTPServer(port=0, threaded=True) as server:
        yield Hook(server)


Write = Callable[..., Path]
Start = Callable[..., Daemon]


@pytest.fixture
def write_config(tmp_path: Path, target: Target) -> Write:
    """
    `write_config(otlp, **sections)`: one service with one check; without an argument no telemetry is configured.
    What *sections* hold is merged into the document, section by section.
    """

    def write(otlp: str = "", **sections: Mapping[str, Any]) -> Path:
        document: dict[str, Any] = {
            "monitor": {"environment": "test", "state": str(tmp_path / "state"), "listen": "127.0.0.1:0"},
            "services": {
                SERVICE: {
                    "criticality": "high",
                    # Of the second nearly all is left to a target that a busy machine keeps from answering.
                    "checks": {"ready": {"http": f"{target.url}/healthz", "interval": "1s", "timeout": "900ms"}},
                }
            },
            "incidents": {"open_after": "2s", "stable_for": "10s"},
        }
        if otlp:
            document["telemetry"] = {"otlp": otlp}
        for name, section in sections.items():
            document[name] = {**document.get(name, {}), **section}
        path = tmp_path / "config.yaml"
        path.write_text(json.dumps(document))
        return path

    return write


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Start:
    """`start(config, environ)`: the daemon; whatever becomes of the test, it ends with it."""

    def start(config: Path, environ: Mapping[str, str] = {}) -> Daemon:
        daemon = Daemon(config, environ)
        request.addfinalizer(daemon.close)
        return daemon

    return start


@pytest.fixture(name="wait_until")
def _wait_until() -> Callable[..., Any]:
    return wait_until


@pytest.fixture(name="ended")
def _ended() -> Callable[[int], bool]:
    return ended

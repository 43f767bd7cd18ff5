"""What the demo watches: services and a collector's health port, real HTTP on loopback, breakable on request."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

Answer = Callable[[str, Mapping[str, str]], tuple[int, dict[str, object]]]
"""From a path and its parameters to a status and a JSON document."""


@dataclass
class Traffic:
    """What real users meet at a service, as the history server reports it: rates per second and seconds."""

    requests: float = 40.0
    error_ratio: float = 0.002
    latency: float = 0.120


@dataclass
class DemoService:
    """
    Attributes:
        broken: While set, every answer is 503 with a reason in its body.
    """

    name: str
    broken: str = ""
    traffic: Traffic = field(default_factory=Traffic)

    def break_down(self, why: str) -> None:
        self.broken = why
        self.traffic = Traffic(requests=self.traffic.requests, error_ratio=0.97, latency=2.4)

    def mend(self) -> None:
        self.broken = ""
        self.traffic = Traffic()

    def answer(self, path: str, _: Mapping[str, str]) -> tuple[int, dict[str, object]]:
        if path not in ("/healthz", "/healthz/ready"):
            return 404, {"error": f"no such path: {path}"}
        if self.broken:
            return 503, {"status": "unavailable", "service": self.name, "reason": self.broken}
        return 200, {"status": "ok", "service": self.name}


class CollectorHealth:
    """The health extension of an OpenTelemetry Collector, first version, as it answers on :13133."""

    def __init__(self) -> None:
        self._since = datetime.now(UTC)
        self._begun = time.monotonic()

    def answer(self, _path: str, _: Mapping[str, str]) -> tuple[int, dict[str, object]]:
        """Any path answers the same, as there."""
        uptime = time.monotonic() - self._begun
        return 200, {"status": "Server available", "upSince": self._since.isoformat(), "uptime": f"{uptime:.6f}s"}


class JsonServer:
    """Serves one `answer(path, parameters)` on a free loopback port, in a thread of its own."""

    def __init__(self, answer: Answer) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                self._answer(url.path, url.query)

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                self._answer(urlsplit(self.path).path, form)

            def _answer(self, path: str, form: str) -> None:
                status, document = answer(path, dict(parse_qsl(form)))
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own parameter
                """Quiet: the demo tells its own story."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

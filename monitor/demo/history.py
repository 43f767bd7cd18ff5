"""
An embedded history that speaks Prometheus' query API, enough for three queries: a month with days and weeks in it.

It stands in for a Prometheus in the demo alone, so that the demo needs nothing installed. Tests use the real one.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from monitor.demo.services import DemoService

POINTS_LIMIT = 11_000
"""As a real Prometheus has it; the fitting process asks in chunks."""


def shape(at: float) -> float:
    """Busy by day, quiet by night, quieter at weekends; around 1.0."""
    hour = at / 3600 % 24
    day = int(at / 86400 + 3) % 7
    return (1.0 + 0.5 * math.sin((hour - 9) / 24 * 2 * math.pi)) * (0.6 if day >= 5 else 1.0)


def ripple(at: float) -> float:
    """The same small deviation each time it is asked for: -1 to 1."""
    return math.sin(at * 12.9898) * 0.7 + math.sin(at * 0.0131) * 0.3


class History:
    def __init__(self, services: dict[str, DemoService], began_at: float) -> None:
        self._services = services
        self._began_at = began_at

    def value(self, query: str, at: float) -> float | None:
        """The series `demo_<signal>{service="<name>"}` at one instant; None for any other query."""
        signal, _, rest = query.partition("{service=")
        service = self._services.get(rest.strip('"}'))
        if service is None:
            return None
        live = at >= self._began_at
        ratio = service.traffic.error_ratio if live else 0.002
        latency = service.traffic.latency if live else 0.120
        requests = 40.0 * shape(at) * (1 + 0.05 * ripple(at))
        values: dict[str, Callable[[], float]] = {
            "demo_requests": lambda: requests,
            # The past is rougher than the minutes of the demo, so that chance does not add a relapse to the story.
            "demo_errors": lambda: requests * ratio * (1 + (0.1 if live else 0.3) * ripple(at + 1)),
            "demo_latency": lambda: latency * (1 + 0.08 * ripple(at + 2)),
        }
        return values[signal]() if signal in values else None


class HistoryServer:
    def __init__(self, history: History) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                self._answer(url.path, parse_qs(url.query))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                self._answer(urlsplit(self.path).path, parse_qs(body))

            def _answer(self, path: str, parameters: dict[str, list[str]]) -> None:
                status, document = answer(history, path, {k: v[0] for k, v in parameters.items()})
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


def answer(history: History, path: str, parameters: dict[str, str]) -> tuple[int, dict[str, object]]:
    query = parameters.get("query", "")
    if path == "/api/v1/query":
        at = float(parameters.get("time") or time.time())
        value = history.value(query, at)
        result = [] if value is None else [{"metric": {}, "value": [at, repr(value)]}]
        return 200, _success("vector", result)
    if path == "/api/v1/query_range":
        start, end = float(parameters["start"]), float(parameters["end"])
        step = float(parameters["step"].rstrip("s"))
        points = int((end - start) / step) + 1
        if points > POINTS_LIMIT:
            return 400, {"status": "error", "errorType": "bad_data", "error": "exceeded maximum resolution"}
        values = [
            [at, repr(value)]
            for at in (start + i * step for i in range(points))
            if (value := history.value(query, at)) is not None
        ]
        return 200, _success("matrix", [{"metric": {}, "values": values}] if values else [])
    return 404, {"status": "error", "errorType": "not_found", "error": path}


def _success(kind: str, result: object) -> dict[str, object]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}

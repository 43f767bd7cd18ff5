"""
A small service to watch, with the standard library alone.

    python3 orders.py serve 0.0.0.0:8080                the service: /healthz, /healthz/ready, /orders, /metrics
    python3 orders.py customers http://host:8080/orders  people who order, ten a second
    python3 orders.py ask http://host:8080/healthz      exit 0 when the answer is a 2xx

POST /break makes everything but /metrics answer 503; POST /mend ends that.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class Figures:
    """What /metrics tells of the orders that were taken: how many by status, and how long they took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._codes: Counter[int] = Counter()
        self._buckets: Counter[float] = Counter()
        self._seconds = 0.0

    def count(self, code: int, seconds: float) -> None:
        with self._lock:
            self._codes[code] += 1
            self._seconds += seconds
            self._buckets.update(limit for limit in BUCKETS if seconds <= limit)

    def text(self) -> str:
        with self._lock:
            total = sum(self._codes.values())
            name = "http_requests_total"
            lines = [f"# HELP {name} Orders by the status of their answer.", f"# TYPE {name} counter"]
            lines += [f'{name}{{code="{code}"}} {n}' for code, n in sorted(self._codes.items())]
            name = "http_request_duration_seconds"
            lines += [f"# HELP {name} How long an order took.", f"# TYPE {name} histogram"]
            lines += [f'{name}_bucket{{le="{limit}"}} {self._buckets[limit]}' for limit in BUCKETS]
            lines += [f'{name}_bucket{{le="+Inf"}} {total}', f"{name}_sum {self._seconds}", f"{name}_count {total}"]
        return "\n".join([*lines, ""])


class Orders(BaseHTTPRequestHandler):
    figures = Figures()
    broken = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/metrics":
            self._answer(200, self.figures.text(), "text/plain; version=0.0.4")
            return
        began = time.monotonic()
        if self.path not in ("/healthz", "/healthz/ready", "/orders"):
            code, document = 404, {"error": "no such path"}
        elif self.broken.is_set():
            code, document = 503, {"status": "unavailable", "reason": "the database does not answer"}
        else:
            code, document = 200, {"status": "ok"}
        if self.path == "/orders":
            time.sleep(random.lognormvariate(-4.0, 0.4))
            self.figures.count(code, time.monotonic() - began)
        self._answer(code, json.dumps(document), "application/json")
        if code >= 500:
            # The trace of whoever asked: a probe of Watchkeeper finds its own line by it.
            trace = (self.headers.get("traceparent") or "").split("-")
            line = {"level": "error", "path": self.path, "status": code}
            print(json.dumps(line | {"trace_id": trace[1] if len(trace) == 4 else ""}), flush=True)

    def do_POST(self) -> None:
        if self.path == "/break":
            self.broken.set()
        elif self.path == "/mend":
            self.broken.clear()
        self._answer(204 if self.path in ("/break", "/mend") else 404, "", "text/plain")

    def _answer(self, code: int, text: str, kind: str) -> None:
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """No access log: errors are told above."""


def customers(url: str) -> None:
    while True:
        ask(url)
        time.sleep(0.1)


def ask(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=4):
            return True
    except (urllib.error.URLError, OSError):
        return False


def main(action: str, argument: str) -> int:
    if action == "serve":
        host, _, port = argument.rpartition(":")
        ThreadingHTTPServer((host, int(port)), Orders).serve_forever()
    elif action == "customers":
        customers(argument)
    return 0 if ask(argument) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""
A service to watch, as a process of its own: `python service.py`, prints its port, ends when its stdin is closed.

    /healthz, /healthz/ready       200 or 503, after `latency` seconds
    /metrics                       http_requests_total{code}, http_request_duration_seconds (histogram), app_build_info
    /control?errors=0.5&latency=.2 changes what it does: rate, errors, latency, healthy, ready

Its customers are imaginary: `rate` requests a second, a share `errors` of them with a 500, each taking `latency`.
"""

from __future__ import annotations

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Service:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.settings = {"rate": 50.0, "errors": 0.0, "latency": 0.02, "healthy": 1.0, "ready": 1.0}
        self.requests = {"200": 0.0, "500": 0.0}
        self.buckets = dict.fromkeys(BUCKETS, 0.0)
        self.seconds = 0.0

    def serve_customers(self) -> None:
        before = time.monotonic()
        while True:
            time.sleep(0.05)
            with self.lock:
                now = time.monotonic()
                self._count(self.settings["rate"] * (now - before))
                before = now

    def _count(self, served: float) -> None:
        errors, latency = self.settings["errors"], self.settings["latency"]
        self.requests["200"] += served * (1 - errors)
        self.requests["500"] += served * errors
        self.seconds += served * latency
        for bucket in BUCKETS:
            self.buckets[bucket] += served if latency <= bucket else 0

    def metrics(self) -> str:
        with self.lock:
            lines = ["# TYPE http_requests_total counter"]
            lines += [f'http_requests_total{{code="{code}"}} {count}' for code, count in self.requests.items() if count]
            total = sum(self.requests.values())
            name = "http_request_duration_seconds"
            lines.append(f"# TYPE {name} histogram")
            lines += [f'{name}_bucket{{le="{bucket}"}} {count}' for bucket, count in self.buckets.items()]
            lines += [f'{name}_bucket{{le="+Inf"}} {total}', f"{name}_sum {self.seconds}", f"{name}_count {total}"]
            lines += ["# TYPE app_build_info gauge", 'app_build_info{version="1"} 1']
            return "\n".join(lines) + "\n"


SERVICE = Service()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        target = urlsplit(self.path)
        if target.path == "/control":
            with SERVICE.lock:
                SERVICE.settings.update({name: float(value) for name, value in parse_qsl(target.query)})
            self._answer(200, "changed\n")
        elif target.path == "/metrics":
            self._answer(200, SERVICE.metrics())
        elif target.path in ("/healthz", "/healthz/ready"):
            time.sleep(SERVICE.settings["latency"])
            well = SERVICE.settings["healthy"] and (SERVICE.settings["ready"] or target.path == "/healthz")
            self._answer(200 if well else 503, '{"status": "ok"}\n' if well else '{"status": "down"}\n')
        else:
            self._answer(404, "nothing here\n")

    def _answer(self, status: int, body: str) -> None:
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=SERVICE.serve_customers, daemon=True).start()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()  # whoever started us closed it, or is gone


if __name__ == "__main__":
    main()

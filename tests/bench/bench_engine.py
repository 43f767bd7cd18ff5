"""
CPU of the probe engine per check, with everything that an attempt takes: request, judgement, `Attempt`.

The server is one nginx worker on the last CPU, the engine runs on the first. Two columns that must never be mixed:
saturated (32 in flight: each wake-up serves many) and paced (each wake-up serves one, with cold caches).
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import trustme

from checks.check import Check, HttpQuestion
from checks.exchange import HttpRequest
from monitor.probing.asking import Asked, ask, requests_of
from monitor.probing.engine import Engine

ROUNDS = 3
IN_FLIGHT = 32
NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; ssl_protocols TLSv1.3;
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{secure} ssl;
    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;
    location / {{ default_type application/json; return 200 '{{"status":"ok"}}'; }}
  }}
}}
"""


@contextmanager
def nginx() -> Iterator[tuple[str, str, str]]:
    """The plain URL, the https URL, the CA's file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = trustme.CA()
        leaf = authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA)
        authority.cert_pem.write_to_path(folder / "ca.pem")
        (folder / "server.pem").write_bytes(
            leaf.private_key_pem.bytes() + b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        )
        plain, secure = free_port(), free_port()
        (folder / "conf").write_text(NGINX.format(folder=folder, plain=plain, secure=secure))
        last = max(os.sched_getaffinity(0))
        with subprocess.Popen(
            ["nginx", "-p", name, "-c", str(folder / "conf")],
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, {last}),
        ) as server:
            try:
                wait_for(plain)
                yield f"http://127.0.0.1:{plain}/healthz", f"https://127.0.0.1:{secure}/healthz", str(folder / "ca.pem")
            finally:
                server.terminate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("nginx did not start")


class Load:
    """Asks one check again and again, and keeps how long each took and what it cost."""

    def __init__(self, engine: Engine, question: HttpQuestion) -> None:
        self._engine = engine
        self._check = Check(service="bench", name="check", question=question, timeout=5.0)
        self._requests = requests_of(self._check, self._check.timeout)
        self.latencies: list[float] = []
        self.failures: list[str] = []

    def ask(self) -> None:
        ask(
            self._engine,
            self._check,
            self._requests,
            trace_id=os.urandom(16).hex(),
            span_id=os.urandom(8).hex(),
            previous={},
            now=lambda: datetime.now(UTC),
            done=self._done,
        )

    def _done(self, asked: Asked) -> None:
        self.latencies.append(asked.attempt.latency or 0.0)
        if asked.attempt.reason is not None:
            self.failures.append(asked.attempt.detail)

    def saturated(self, checks: int) -> float:
        before = cpu()
        sent = 0
        while len(self.latencies) < checks:
            while sent < checks and sent - len(self.latencies) < IN_FLIGHT:
                self.ask()
                sent += 1
            self._engine.turn(1.0)
        return (cpu() - before) / checks * 1e6

    def paced(self, rate: float, seconds: float) -> float:
        before, start = cpu(), time.monotonic()
        checks = round(rate * seconds)
        sent = 0
        while len(self.latencies) < checks:
            now = time.monotonic()
            while sent < checks and start + sent / rate <= now:
                self.ask()
                sent += 1
            self._engine.turn(max(0.0, start + sent / rate - now) if sent < checks else 1.0)
        return (cpu() - before) / checks * 1e6


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def report(name: str, engine: Engine, question: HttpQuestion, checks: int, rate: float) -> None:
    fast, slow, latencies, failures = [], [], [], []
    for _ in range(ROUNDS):
        load = Load(engine, question)
        fast.append(load.saturated(checks))
        failures += load.failures
        load = Load(engine, question)
        slow.append(load.paced(rate, 3.0))
        latencies += load.latencies
        failures += load.failures
    latencies.sort()
    middle, late = latencies[len(latencies) // 2] * 1e6, latencies[len(latencies) * 99 // 100] * 1e6
    print(
        f"{name:6} saturated {median(fast):5.0f} [{min(fast):.0f}-{max(fast):.0f}] µs CPU/check"
        f"   paced {rate:.0f}/s {median(slow):5.0f} [{min(slow):.0f}-{max(slow):.0f}] µs"
        f"   measured p50/p99 {middle:.0f}/{late:.0f} µs"
        f"   failures {len(failures)}{': ' + failures[0] if failures else ''}",
        flush=True,
    )


def main() -> int:
    if shutil.which("nginx") is None:
        print("nginx is not installed: nothing measured")
        return 0
    bugs: list[BaseException] = []
    with nginx() as (plain, secure, ca_file):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        engine = Engine(bugs.append)
        report("http", engine, HttpQuestion(url=plain), 10_000, 1000.0)
        report("https", engine, HttpQuestion(url=secure, ca_file=ca_file), 2_000, 300.0)
        bare = []
        for _ in range(ROUNDS):
            answers: list[object] = []
            before = cpu()
            for start in range(0, 10_000, IN_FLIGHT):
                for _ in range(IN_FLIGHT):
                    engine.submit(HttpRequest(url=plain), answers.append)
                while len(answers) < start + IN_FLIGHT:
                    engine.turn(1.0)
            bare.append((cpu() - before) / len(answers) * 1e6)
        print(f"engine alone, http, bursts of {IN_FLIGHT}: {median(bare):.0f} µs CPU/check")
        print(f"max RSS {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB, our bugs {len(bugs)}")
        engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

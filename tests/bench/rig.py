"""
What the benches share: a lean target, a receiver that swallows, the real daemon, and what /proc says of it.

    python tests/bench/rig.py target|names|swallow   # each prints the port it listens on
"""

from __future__ import annotations

import http.client
import json
import math
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
ANSWER_TO_NAME = b"\x85\x80\0\1\0\1\0\0\0\0"
ADDRESS = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"
FITTING = b"monitor.sources.fit"
STARTS_WITHIN = 120.0
PER_SERVICE = 10


# -- the other side, in processes of their own ------------------------------------------------------------------------


def serve_target(switch: Path | None = None) -> None:
    """Answers everything at once with 200; while the file `switch` exists, with 503."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    print(listener.getsockname()[1], flush=True)
    poll, clients = select.epoll(), dict[int, socket.socket]()
    poll.register(listener, select.EPOLLIN)
    broken = ANSWER.replace(b"200 OK", b"503 No")
    while True:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                _accept_all(listener, poll, clients)
                continue
            client = clients.pop(fd)
            try:
                if client.recv(65536):
                    client.send(broken if switch is not None and switch.exists() else ANSWER)
            except OSError:
                continue  # the one who asked has gone
            finally:
                client.close()


def _accept_all(listener: socket.socket, poll: select.epoll, clients: dict[int, socket.socket]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            return
        client.setblocking(False)
        clients[client.fileno()] = client
        poll.register(client, select.EPOLLIN)


def serve_names() -> None:
    """Answers each question for an address with one."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    server.bind(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    while True:
        query, peer = server.recvfrom(512)
        server.sendto(query[:2] + ANSWER_TO_NAME + query[12:] + ADDRESS, peer)


class Swallow(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Nothing: its log would be most of its work."""


def serve_swallow() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Swallow)
    print(server.server_address[1], flush=True)
    server.serve_forever()


@contextmanager
def helper(*what: str) -> Iterator[int]:
    """A process of this file; yields its port."""
    with subprocess.Popen([sys.executable, __file__, *what], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


# -- the daemon -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Daemon:
    pid: int
    port: int

    def status(self) -> dict[str, Any]:
        return get(self.port, "/api/v1/status")[1]


@contextmanager
def daemon(
    checks: int,
    interval: str,
    target: int,
    otlp: int | None = None,
    started: Callable[[int], None] | None = None,
    asks: str = 'http: "http://127.0.0.1:{target}/ready/{n}"',
) -> Iterator[Daemon]:
    """
    The real daemon with defaults, ten checks to a service. Yields once every check has answered.

    Args:
        asks: What each check asks of the port `target`, by its number.
        started: Is called in a thread with the process id, long before that.
    """
    folder = Path(tempfile.mkdtemp(prefix="watchkeeper-bench-"))
    port = free_port()
    lines = ["monitor:", f"  state: {folder}/state", f'  listen: "127.0.0.1:{port}"']
    if otlp is not None:
        lines += ["telemetry:", f"  otlp: http://127.0.0.1:{otlp}"]
    lines.append("services:")
    for n in range(checks):
        if n % PER_SERVICE == 0:
            lines += [f"  service-{n // PER_SERVICE}:", "    checks:"]
        lines.append(f"      ready-{n}: {{{asks.format(target=target, n=n)}, interval: {interval}}}")
    (folder / "config.yaml").write_text("\n".join(lines) + "\n")
    log = (folder / "log").open("wb")
    command = [sys.executable, "-m", "monitor", "-c", str(folder / "config.yaml"), "run", "--log-level", "WARNING"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    if started is not None:
        threading.Thread(target=started, args=(process.pid,), daemon=True).start()
    try:
        wait_for(lambda: process.poll() is not None or get(port, "/healthz/ready")[0] == 200, "the daemon to be ready")
        if process.poll() is not None:
            raise SystemExit((folder / "log").read_text())
        yield Daemon(process.pid, port)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def get(port: int, path: str) -> tuple[int, dict[str, Any]]:
    """Status 0 while nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, ValueError):
        return 0, {}
    finally:
        connection.close()


def wait_for(done: Callable[[], bool], what: str, within: float = STARTS_WITHIN) -> float:
    """Seconds it took."""
    begun = time.monotonic()
    while not done():
        if time.monotonic() - begun > within:
            raise SystemExit(f"waited {within:.0f} s for {what}")
        time.sleep(0.2)
    return time.monotonic() - begun


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


# -- what /proc says --------------------------------------------------------------------------------------------------


def tree(pid: int) -> list[int]:
    found = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += tree(int(child))
    except OSError:
        return found  # it has ended meanwhile
    return found


def is_fitting(pid: int) -> bool:
    try:
        return FITTING in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def cpu(pid: int, *, children: bool = True) -> float:
    """Seconds, user and system, of the process and all its children; also of those that ended and were waited for."""
    total = 0.0
    for one in tree(pid) if children else [pid]:
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11 : 15 if children else 13])) / TICKS
    return total


def cpu_over(pid: int, seconds: float) -> tuple[float, float]:
    """CPU seconds spent, and the seconds that really passed."""
    before, begun = cpu(pid), time.monotonic()
    time.sleep(seconds)
    return cpu(pid) - before, time.monotonic() - begun


def wait_for_fitting(pid: int) -> None:
    """The first fitting runs at the start; it belongs to no window."""
    wait_for(lambda: not any(is_fitting(one) for one in tree(pid)), "the fitting process to end")


def memory(pid: int, field: str = "Pss") -> float:
    """MB of one process, its shared pages divided among those who share them; 0 when it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{field}:")), 0) / 1024


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def machine() -> str:
    return f"({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start)"


if __name__ == "__main__":
    if sys.argv[1] == "target":
        serve_target(Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    elif sys.argv[1] == "names":
        serve_names()
    else:
        serve_swallow()

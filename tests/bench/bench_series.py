"""
What it costs to look at the series of a hundred services, two of each, for anomalies.

Printed are the bytes of one series in memory and in the history, rows a second, what a minute of all of them costs, and
how late a loop that wants to turn every 10 ms is while a thread beside it learns fifteen days of each series.

    python tests/bench/bench_series.py [SERIES]
"""

from __future__ import annotations

import json
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from monitor.core.unusual import SeriesWatch
from monitor.sources.series import Series
from monitor.sources.series_thread import SeriesThread

NOW = datetime(2026, 3, 16, 12, 0, 30, tzinfo=UTC)
DAYS = 15
ZONE = ZoneInfo("UTC")
TURN = 0.01


def rows() -> list[tuple[datetime, float]]:
    random = Random(1)
    begin = NOW.replace(second=0) - timedelta(days=DAYS)
    return [(begin + timedelta(minutes=i), random.gauss(100, 5)) for i in range(DAYS * 1440)]


def serve(send: Callable[[int], None]) -> None:
    """A Prometheus that has every minute of every series; in a process of its own."""
    random = Random(1)
    values = [f"{random.gauss(100, 5):.6f}" for _ in range(1440)]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            start, end = (int(float(asked[key][0])) for key in ("start", "end"))
            pairs = [[at, values[at // 60 % 1440]] for at in range(start, end + 1, 60)]
            result = [{"metric": {}, "values": pairs}]
            body = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    send(server.server_address[1])
    server.serve_forever()


def main(series: int = 200) -> None:
    memory_of_one()
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    peer = context.Process(target=serve, args=(theirs.send,), daemon=True)
    peer.start()
    url = f"http://127.0.0.1:{ours.recv()}"
    try:
        learn_all(url, series)
    finally:
        peer.terminate()


def memory_of_one() -> None:
    known = SeriesWatch(ZONE)
    series = rows()
    for at, value in series[:2000]:
        known.take(at, value)  # what all of them share is made once
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    watch = SeriesWatch(ZONE)
    for at, value in series:
        watch.take(at, value)
    kept = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    watch = SeriesWatch(ZONE)
    began = time.process_time()
    for at, value in series:
        watch.take(at, value)
    took = time.process_time() - began
    state = len(json.dumps(watch.state()))
    print(f"one series after {DAYS} days: {kept:,} bytes in memory, {state:,} in the history")
    print(f"{len(series) / took:,.0f} rows a second", flush=True)


def learn_all(url: str, count: int) -> None:
    wall = [NOW]
    kept: dict[str, Any] = {}
    alone = lateness(lambda: False, 5.0)
    print(f"a loop alone: late by {text(alone)}", flush=True)
    thread = SeriesThread(url, lambda: wall[0], ZONE, kept.get, kept.update)
    names = [Series(f"service-{i // 2}", ("requests", "queue_depth")[i % 2], "sum(x)") for i in range(count)]
    began, used = time.monotonic(), time.process_time()
    thread.watch(names)

    def is_done() -> bool:
        known = thread.readings()
        return len(known) == count and not any(one.learning for one in known.values())

    late = lateness(is_done, 3600.0)
    took, used = time.monotonic() - began, time.process_time() - used
    print(f"{count} series of {DAYS} days learned in {took:.0f} s, CPU {used:.1f} s")
    print(f"a loop beside it: late by {text(late)}", flush=True)
    used = time.process_time()
    wall[0] += timedelta(minutes=1)
    late = lateness(lambda: False, 60.0)
    print(
        f"one minute of all of them: CPU {time.process_time() - used:.2f} s; the loop beside it: late by {text(late)}"
    )
    thread.stop()


def lateness(is_done: Callable[[], bool], at_most: float) -> list[float]:
    """How much later than wanted each turn was, in seconds."""
    late = []
    ended, turn = threading.Event(), 0
    until = time.monotonic() + at_most
    while time.monotonic() < until and not (turn % 20 == 0 and is_done()):
        wanted = time.monotonic() + TURN
        ended.wait(TURN)
        late.append(time.monotonic() - wanted)
        turn += 1
    return sorted(late)


def text(late: list[float]) -> str:
    middle, high = late[len(late) // 2], late[int(len(late) * 0.99)]
    return f"{middle * 1e3:.2f} ms at the median, {high * 1e3:.1f} ms in 1 of 100, {late[-1] * 1e3:.0f} ms at most"


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))

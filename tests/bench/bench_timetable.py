"""
The prober under load: how late its probes begin, what a check costs, how much memory it takes, what the wire adds.

    python tests/bench/bench_timetable.py [SECONDS] [ROUNDS]

10,000 checks every 10 s against 1,000 checks every second: the same rate, so the ratio of CPU is what the number of
checks alone costs. The target is a process of its own; both probers are real children. Asserts nothing about time.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from checks.check import Check, HttpQuestion  # noqa: E402  # run as a script: the path comes first
from checks.result import Attempt, CheckResult, Outcome, Timings  # noqa: E402
from monitor.clock import SteadyClock  # noqa: E402
from monitor.probing.lag import Lag  # noqa: E402
from monitor.probing.wire import Batch, Finish, Frames, Heartbeat, configure, encode  # noqa: E402

WARM_UP = 12.0  # seconds: more than one interval, so that every check was asked once
TARGET = """
import asyncio
class Ok(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok")
        self.transport.close()
async def main():
    server = await asyncio.get_running_loop().create_server(Ok, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@dataclass(frozen=True)
class Measured:
    """CPU in microseconds per result, lag in seconds, memory in bytes (proportional set size)."""

    results: int
    bad: int
    dropped: int
    missed: int
    cpu: float
    lag: Lag
    pss: int


@contextmanager
def target() -> Iterator[str]:
    with subprocess.Popen([sys.executable, "-c", TARGET], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/healthz"
        finally:
            process.terminate()


class Prober:
    def __init__(self) -> None:
        self.channel, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "monitor.probing.prober", str(theirs.fileno())]
            self.process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), cwd=ROOT)
        self.frames = Frames()
        self.results = self.bad = self.dropped = 0
        self.beat: Heartbeat | None = None

    def listen(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.channel], [], [], left)[0]:
                return
            for message in self.frames.feed(self.channel.recv(1 << 20)):
                if isinstance(message, Batch):
                    self.results += len(message.results)
                    self.bad += sum(result.outcome is not Outcome.OK for result in message.results)
                    self.dropped += message.dropped
                elif isinstance(message, Heartbeat):
                    self.beat = message

    def cpu(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def pss(self) -> int:
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))

    def end(self) -> None:
        self.channel.sendall(encode(Finish()))
        self.process.wait(timeout=10)
        self.channel.close()


def measure(url: str, checks: int, interval: float, seconds: float) -> Measured:
    clock = SteadyClock.begin()
    watched = [
        Check(
            service=f"service-{n}",
            name="ready",
            question=HttpQuestion(url=url),
            interval=interval,
            timeout=interval * 0.8,
        )
        for n in range(checks)
    ]
    prober = Prober()
    prober.channel.sendall(encode(configure(watched, [], clock.origin, clock.boot_id)))
    prober.listen(WARM_UP)
    cpu, results, bad = prober.cpu(), prober.results, prober.bad
    prober.listen(seconds)
    cpu, results, bad = prober.cpu() - cpu, prober.results - results, prober.bad - bad
    assert prober.beat is not None
    beat, pss = prober.beat, prober.pss()
    prober.end()
    return Measured(results, bad, prober.dropped, beat.missed, cpu / max(1, results) * 1e6, beat.lag, pss)


def show(name: str, m: Measured) -> None:
    lag = f"p50 {m.lag.p50 * 1e3:.1f} p99 {m.lag.p99 * 1e3:.1f} max {m.lag.max * 1e3:.1f} ms"
    print(
        f"{name:>20}: {m.results:6} results ({m.bad} not ok, {m.dropped} dropped, {m.missed} missed)  "
        f"{m.cpu:6.0f} us CPU each  lag {lag}  PSS {m.pss / 1e6:.1f} MB",
        flush=True,
    )


def wire_cost() -> tuple[float, float, float]:
    """Microseconds to encode and to decode one result in a full batch, and its bytes."""
    at = datetime.now(UTC)
    results = tuple(
        CheckResult(
            service=f"service-{n}",
            check="ready",
            scheduled_at=at,
            trace_id=os.urandom(16).hex(),
            attempts=(
                Attempt(
                    started_at=at,
                    outcome=Outcome.OK,
                    latency=0.0123,
                    timings=Timings(name_lookup=0.0001, connect=0.0002, first_byte=0.012, transfer=0.0001),
                    status=200,
                    address="127.0.0.1",
                    span_id=os.urandom(8).hex(),
                ),
            ),
        )
        for n in range(200)
    )
    batch, rounds = Batch(results, 0, Lag()), 50
    began = time.process_time()
    for _ in range(rounds):
        frame = encode(batch)
    encoded = time.process_time()
    for _ in range(rounds):
        Frames().feed(frame)
    decoded = time.process_time()
    scale = 1e6 / (rounds * len(results))
    return (encoded - began) * scale, (decoded - encoded) * scale, len(frame) / len(results)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    encode_us, decode_us, size = wire_cost()
    print(f"wire: {encode_us:.1f} us to encode, {decode_us:.1f} us to decode, {size:.0f} bytes a result")
    ratios = []
    with target() as url:
        show("10 at 10 s", measure(url, 10, 10.0, min(seconds, 10.0)))
        for _ in range(rounds):
            few = measure(url, 1_000, 1.0, seconds)
            show("1,000 at 1 s", few)
            many = measure(url, 10_000, 10.0, seconds)
            show("10,000 at 10 s", many)
            ratios.append(many.cpu / few.cpu)
    print(f"CPU per result, 10,000 at 10 s over 1,000 at 1 s: {median(ratios):.2f}")


if __name__ == "__main__":
    main()

"""
Memory of the whole daemon with 10 checks and with 10,000: the greatest sum of PSS that was seen.

    python tests/bench/bench_memory.py [--seconds 60]

Seen from the start on, for each size as long as asked: a minute, so that the writing of a minute is in it. The fitting
process lives for seconds and is told apart. Pages shared with a Python that is none of ours make PSS smaller; the sum
of private pages, which nobody else can lower, is printed too.
"""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

import rig

SIZES = ((10, 10), (10_000, 10))
EVERY = 0.5


class Watcher:
    """Looks every half second, in a thread, from before the daemon is ready."""

    def __init__(self) -> None:
        self.highest, self.private, self.fitting = 0.0, 0.0, 0.0
        self.parts: dict[str, float] = {}
        self._done = threading.Event()

    def watch(self, pid: int) -> None:
        while not self._done.wait(EVERY):
            pids = rig.tree(pid)
            fitting = [one for one in pids if rig.is_fitting(one)]
            parts = {name_of(one, pid): rig.memory(one) for one in pids if one not in fitting}
            self.fitting = max(self.fitting, sum(map(rig.memory, fitting)))
            if sum(parts.values()) > self.highest:
                self.highest, self.parts = sum(parts.values()), parts
                self.private = sum(
                    rig.memory(one, field)
                    for one in pids
                    if one not in fitting
                    for field in ("Private_Clean", "Private_Dirty")
                )

    def stop(self) -> None:
        self._done.set()


def name_of(pid: int, daemon: int) -> str:
    if pid == daemon:
        return "daemon"
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return str(pid)
    return next((word for word in words if word.startswith("monitor")), words[-1] or str(pid))


def measure(checks: int, interval: int, seconds: float, target: int, otlp: int) -> None:
    watcher = Watcher()
    with rig.daemon(checks, f"{interval}s", target, otlp, started=watcher.watch) as watched:
        rig.wait_for_fitting(watched.pid)
        threading.Event().wait(seconds)
        settled = sum(rig.memory(one) for one in rig.tree(watched.pid) if not rig.is_fitting(one))
        watcher.stop()
    parts = ", ".join(f"{name} {size:.1f}" for name, size in watcher.parts.items())
    print(
        f"{checks:6,} checks: at most {watcher.highest:.1f} MB PSS ({parts}), at the end {settled:.1f} MB; "
        f"private {watcher.private:.1f} MB; fitting, for seconds: {watcher.fitting:.1f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each size is watched (default 60)")
    seconds = parser.parse_args().seconds
    print(f"each size for {seconds:.0f} s {rig.machine()}")
    with rig.helper("target") as target, rig.helper("swallow") as otlp:
        for checks, interval in SIZES:
            measure(checks, interval, seconds, target, otlp)


if __name__ == "__main__":
    main()

"""
Does anything grow? Memory, descriptors, threads and files of the real daemon over time, at a pace that stands for more.

    python tests/bench/bench_soak.py [--minutes 10] [--checks 300]
    python tests/bench/bench_soak.py --injected 24 [--checks 60]

Every check each second instead of every 30 s: ten minutes are five hours of probes. Every twentieth service breaks and
heals by turns, with short times, so that incidents open, resolve and are forgotten; the web is asked all the while.
The slope is that of a straight line through the last two thirds, when everything has been used once.

Memory is what no file holds (`Anonymous` in smaps_rollup). Pages of libraries are shared with every other Python of the
machine: PSS and private pages grow by megabytes whenever one of those ends.

With --injected the judging path runs through hours of injected time at hundreds of times its speed (`injected.py`),
and what is kept is counted as well. Its line begins when the windows of six hours are full.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import rig

EVERY = 10.0
BREAKS_FOR = 20.0
"""Seconds that the broken services stay broken, and then healed."""
FILLED = 6
"""Hours after which the windows of minutes are full, each check's past was packed, and stretches are at their limit."""


def config(folder: Path, checks: int, good: int, shaky: int, otlp: int, web: int) -> Path:
    services: dict[str, dict[str, dict[str, dict[str, str]]]] = {}
    for n in range(checks):
        service = n // rig.PER_SERVICE
        port = shaky if service % 20 == 0 else good
        check = {"http": f"http://127.0.0.1:{port}/ready/{n}", "interval": "1s", "timeout": "500ms"}
        services.setdefault(f"service-{service}", {"checks": {}})["checks"][f"ready-{n}"] = check
    document = {
        "monitor": {"state": str(folder / "state"), "listen": f"127.0.0.1:{web}"},
        "telemetry": {"otlp": f"http://127.0.0.1:{otlp}"},
        "tracker": {"folder": str(folder / "tickets")},
        "incidents": {"open_after": "2s", "stable_for": "10s", "reopen_within": "5s"},
        "services": services,
    }
    path = folder / "config.yaml"
    path.write_text(json.dumps(document))
    return path


def look(pid: int, folder: Path) -> dict[str, float]:
    """What there is now. The fitting process lives for seconds and is left out."""
    found: dict[str, float] = {}
    for one in rig.tree(pid):
        if rig.is_fitting(one):
            continue
        name = "daemon" if one == pid else "prober"
        found[f"{name} memory, MB"] = rig.memory(one, "Anonymous")
        found[f"{name} descriptors"] = count(one, "fd")
        found[f"{name} threads"] = count(one, "task")
    for file in ("ledger.sqlite", "ledger.sqlite-wal", "history.sqlite", "history.sqlite-wal"):
        path = folder / "state" / file
        found[f"{file}, MB"] = path.stat().st_size / 1e6 if path.exists() else 0.0
    found["tickets"] = len(list((folder / "tickets").glob("*.md")))
    return found


def count(pid: int, what: str) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/{what}").iterdir()))
    except OSError:
        return 0


def slope(at: Sequence[float], values: Sequence[float]) -> float:
    """Per hour, least squares."""
    n = len(at)
    mean_at, mean = sum(at) / n, sum(values) / n
    spread = sum((t - mean_at) ** 2 for t in at)
    return 3600 * sum((t - mean_at) * (v - mean) for t, v in zip(at, values, strict=True)) / spread if spread else 0.0


def report(at: list[float], seen: list[dict[str, float]]) -> None:
    draw(at, seen, len(seen) // 3, "a third in")


def draw(at: list[float], seen: list[dict[str, float]], begin: int, named: str) -> None:
    """*begin*: where the line begins, and *named* how that column is called."""
    print(f"{'':28} {'first':>10} {named:>10} {'last':>10} {'most':>10} {'per hour':>10}")
    for name in seen[-1]:
        values = [one.get(name, 0.0) for one in seen]
        per_hour = slope(at[begin:], values[begin:])
        columns = (values[0], values[begin], values[-1], max(values))
        print(f"{name:28} {' '.join(f'{value:10.1f}' for value in columns)} {per_hour:+10.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default 10)")
    parser.add_argument("--checks", type=int, help="each once a second (default 300; injected: every 30 s, default 60)")
    parser.add_argument("--injected", type=int, metavar="HOURS", help="of injected time, in place of the real daemon")
    options = parser.parse_args()
    if options.injected:
        soak_injected(options.injected, options.checks or 60)
    else:
        soak(options.minutes, options.checks or 300)


def soak(minutes: float, checks: int) -> None:
    print(f"{checks} checks at 1 s for {minutes:g} minutes {rig.machine()}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="watchkeeper-soak-")))
        switch, web = folder / "broken", rig.free_port()
        good, shaky = stack.enter_context(rig.helper("target")), stack.enter_context(rig.helper("target", str(switch)))
        otlp = stack.enter_context(rig.helper("swallow"))
        path = config(folder, checks, good, shaky, otlp, web)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "monitor", "-c", str(path), "run"], cwd=rig.ROOT, stdout=log, stderr=log
            )
            try:
                rig.wait_for(lambda: rig.get(web, "/healthz/ready")[0] == 200, "the daemon to be ready")
                rig.wait_for_fitting(process.pid)
                watch(process.pid, folder, switch, web, minutes * 60)
                results = rig.get(web, "/api/v1/status")[1]["parts"]["results"]
                print(", ".join(f"{name} {number:,}" for name, number in results.items()))
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(30)
        lines = (folder / "log").read_text(errors="replace").splitlines()
        shutil.rmtree(folder / "state", ignore_errors=True)
        opened = sum("pending => open" in line for line in lines)
        troubles = [line for line in lines if "ERROR" in line or "Traceback" in line]
        print(
            f"{opened} incidents opened, {len(lines):,} log lines, of them {len(troubles)} errors",
            *troubles[:5],
            sep="\n",
        )


def watch(pid: int, folder: Path, switch: Path, web: int, seconds: float) -> None:
    begun = time.monotonic()
    at: list[float] = []
    seen: list[dict[str, float]] = []
    while (passed := time.monotonic() - begun) < seconds:
        if passed // BREAKS_FOR % 2:
            switch.touch()
        else:
            switch.unlink(missing_ok=True)
        rig.get(web, "/api/v1/status")
        at.append(passed)
        seen.append(look(pid, folder))
        time.sleep(max(0.0, begun + len(at) * EVERY - time.monotonic()))
    report(at, seen)


def soak_injected(hours: int, checks: int) -> None:
    """Incidents, the ledger, the history, effects, log lines, telemetry, and a reload every twenty minutes."""
    sys.path.insert(0, str(rig.ROOT))
    import injected

    from monitor import logs

    at: list[float] = []
    seen: list[dict[str, float]] = []
    begun = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="watchkeeper-soak-")))
        logs.begin(stream=stack.enter_context((folder / "log").open("w")))
        otlp = stack.enter_context(rig.helper("swallow"))
        playing = injected.InjectedHouse(folder, checks, f"http://127.0.0.1:{otlp}")
        for hour in range(hours + 1):
            for interval in (30, 20, 40) if hour else ():
                playing.play(timedelta(minutes=20))
                playing.reload(interval)
            playing.settle()
            gc.collect()
            at.append(hour * 3600.0)
            kept = injected.kept(playing.house)
            seen.append(
                {
                    "memory, MB": rig.memory(os.getpid(), "Anonymous"),
                    "things kept": kept.total(),
                    "cases": len(playing.house.casebook.cases),
                    "incidents": playing.house.ledger.highest_number(),
                    "results": playing.results,
                    "descriptors": count(os.getpid(), "fd"),
                    "threads": count(os.getpid(), "task"),
                    "ledger.sqlite, MB": (folder / "state" / "ledger.sqlite").stat().st_size / 1e6,
                    "history.sqlite, MB": (folder / "state" / "history.sqlite").stat().st_size / 1e6,
                }
            )
        playing.close()
        logs.end()
    took = time.monotonic() - begun
    print(f"{checks} checks at 30 s for {hours} hours of injected time in {took:.0f} s {rig.machine()}")
    draw(at, seen, min(FILLED, hours // 3), f"{min(FILLED, hours // 3)} h in")


if __name__ == "__main__":
    main()

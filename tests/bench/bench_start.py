"""
How long the daemon takes to begin, to end, and to be back with everything it knew.

    python tests/bench/bench_start.py [--rounds 5] [--checks 10000] [--days 90]

Beginning: from the start of the process to the first connection that the target accepts, with thirty checks at
1 s, of which one is always about to be due.
Ending: SIGTERM to exit, at rest and with a target and a webhook that take connections and never answer. Being back: a
state folder with so many days of so many checks, written through the ledger's and the history's own doors; until the
web answers, and until every check has had its first result. The CPU is the daemon's own: on a busy machine it tells
more than the clock.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import rig

sys.path.insert(0, str(rig.ROOT))

BAD_SHARE = 0.001
PATTERNS = 60
"""Different pasts; each check has one of them."""


class Hang:
    """Takes every connection, tells when the first came, and never answers."""

    def __init__(self) -> None:
        self.first_at: float | None = None
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self._listener.getsockname()[1]
        self._held: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.first_at = self.first_at or time.monotonic()
            self._held.append(connection)

    def close(self) -> None:
        self._listener.close()


@contextmanager
def running(config: dict[str, Any], folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """The daemon and when it was started (monotonic)."""
    path = folder / "config.yaml"
    path.write_text(json.dumps(config))
    with (folder / "log").open("ab") as log:
        began = time.monotonic()
        command = [sys.executable, "-m", "monitor", "-c", str(path), "run"]
        process = subprocess.Popen(command, cwd=rig.ROOT, stdout=log, stderr=log)
        try:
            yield process, began
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)


def small(folder: Path, target: int, web: int, webhook: int | None = None) -> dict[str, Any]:
    config: dict[str, Any] = {
        "monitor": {"state": str(folder / "state"), "listen": f"127.0.0.1:{web}"},
        "services": {
            f"service-{n}": {
                "checks": {
                    f"ready-{m}": {"http": f"http://127.0.0.1:{target}/", "interval": "1s", "timeout": "800ms"}
                    for m in range(rig.PER_SERVICE)
                }
            }
            for n in range(3)
        },
        "incidents": {"open_after": "2s"},
    }
    if webhook is not None:
        config["tracker"] = {"webhook": {"url": f"http://127.0.0.1:{webhook}/", "secret": "s3cret"}}
    return config


def begin_and_end(rounds: int, hanging: bool) -> None:
    begun, ended, spent = [], [], []
    for _ in range(rounds):
        target, webhook = Hang(), Hang()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            web = rig.free_port()
            port = target.port
            with running(small(folder, port, web, webhook.port if hanging else None), folder) as (process, started):
                rig.wait_for(lambda target=target: target.first_at is not None, "the first probe", 30)  # type: ignore[misc]
                begun.append((target.first_at or 0.0) - started)
                spent.append(rig.cpu(process.pid, children=False))
                if hanging:
                    rig.wait_for(lambda webhook=webhook: webhook.first_at is not None, "the webhook to be asked", 60)  # type: ignore[misc]
                else:
                    rig.wait_for(lambda web=web: rig.get(web, "/healthz")[0] == 200, "the web", 30)  # type: ignore[misc]
                process.send_signal(signal.SIGTERM)
                at = time.monotonic()
                process.wait(60)
                ended.append(time.monotonic() - at)
        target.close()
        webhook.close()
    what = "a target and a webhook that hang" if hanging else "at rest"
    if not hanging:
        print(f"start to first probe: median {median(begun):.2f} s, {spread(begun)}; {median(spent):.2f} s of CPU")
    print(f"SIGTERM to exit, {what}: median {median(ended):.2f} s, {spread(ended)}")


def spread(values: list[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"


def fill(state: Path, checks: list[str], days: int) -> None:
    """What the daemon leaves after such days at 30 s, one failure in a thousand: hours packed, six hours of minutes."""
    from monitor.ledger.history import History
    from monitor.ledger.records import BudgetCheckpoint, BudgetPast
    from monitor.ledger.store import Ledger

    now = datetime.now(UTC)
    minute = now.replace(second=0, microsecond=0)
    hour = minute.replace(minute=0)
    packed = [hour - timedelta(hours=back) for back in range(1, 7)]
    patterns = [pattern(random.Random(n), minute, hour, days) for n in range(PATTERNS)]
    ledger, history = Ledger.open(state), History.open(state / "history.sqlite")
    pasts = [[window.hours_before(until) for until in packed] for window in patterns]
    minutes = [window.minutes_before(minute) for window in patterns]
    for begin in range(0, len(checks), 500):
        some = list(enumerate(checks))[begin : begin + 500]
        ledger.write_pasts(
            [BudgetPast(check=check, until=packed[n % 6], hours=pasts[n % PATTERNS][n % 6]) for n, check in some]
        ).result(60)
        history.put_windows(minute, {check: minutes[n % PATTERNS] for n, check in some})
    for h in range(30, 0, -1):
        at = hour - timedelta(hours=h)
        rows = [BudgetCheckpoint(check=c, hour=at, expected=120, good=120, bad=0, unknown=0) for c in checks]
        ledger.write_checkpoints(rows).result(60)
    ledger.close()
    history.close()


def pattern(rng: random.Random, minute: datetime, hour: datetime, days: int) -> Any:
    from monitor.core.sli import SliWindow

    window = SliWindow()
    for h in range(days * 24, 0, -1):
        bad = sum(rng.random() < BAD_SHARE for _ in range(120))
        window.put_hour(hour - timedelta(hours=h), (120 - bad, bad, 0))
    for m in range(360, 0, -1):
        bad = sum(rng.random() < BAD_SHARE for _ in range(2))
        window.put_minute(minute - timedelta(minutes=m), (2 - bad, bad, 0))
    return window


def back_again(count: int, days: int, rounds: int) -> None:
    with rig.helper("target") as target, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        web = rig.free_port()
        checks = {f"ready-{n}": f"service-{n // rig.PER_SERVICE}" for n in range(count)}
        services: dict[str, Any] = {}
        for check, service in checks.items():
            question = {"http": f"http://127.0.0.1:{target}/{check}", "interval": "30s"}
            services.setdefault(service, {"checks": {}})["checks"][check] = question
        monitor = {"state": str(folder / "state"), "listen": f"127.0.0.1:{web}"}
        began = time.monotonic()
        fill(folder / "state", [f"{service}/{check}" for check, service in checks.items()], days)
        size = sum(path.stat().st_size for path in (folder / "state").iterdir()) / 1e6
        print(f"{count:,} checks, {days} days: {size:.0f} MB of state, made in {time.monotonic() - began:.0f} s")
        for _ in range(rounds):
            with running({"monitor": monitor, "services": services}, folder) as (process, started):

                def knows(process: subprocess.Popen[bytes] = process) -> bool:
                    if process.poll() is not None:
                        raise SystemExit((folder / "log").read_text())
                    return rig.get(web, "/healthz")[0] == 200

                rig.wait_for(knows, "the web")
                answers, spent = time.monotonic() - started, rig.cpu(process.pid, children=False)
                rig.wait_for(lambda: rig.get(web, "/healthz/ready")[0] == 200, "every check's first result")
                ready = time.monotonic() - started
                results = rig.get(web, "/api/v1/status")[1]["parts"]["results"]
                memory = sum(rig.memory(one) for one in rig.tree(process.pid) if not rig.is_fitting(one))
                process.send_signal(signal.SIGTERM)
                at = time.monotonic()
                process.wait(60)
                print(
                    f"windows filled, web answers: {answers:.2f} s ({spent:.2f} s of CPU); "
                    f"every check has answered: {ready:.1f} s; {results['good']:,} good in 30 days; "
                    f"{memory:.0f} MB PSS; exit {time.monotonic() - at:.2f} s"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="starts and ends of each kind (default 5)")
    parser.add_argument("--checks", type=int, default=10_000, help="for being back (default 10000)")
    parser.add_argument("--days", type=int, default=90, help="of history (default 90)")
    options = parser.parse_args()
    print(f"begin, end, be back {rig.machine()}")
    begin_and_end(options.rounds, hanging=False)
    begin_and_end(options.rounds, hanging=True)
    back_again(options.checks, options.days, max(1, options.rounds // 2))


if __name__ == "__main__":
    main()

"""
What people and programs wait for with a long past: every call of the API and every command, next to an empty ledger.

    python tests/bench/bench_incidents.py [--past 10000] [--open 500] [--times 200] [--commands 20] [--openings 5]

And from an incident's opening until its ticket and its thread are on their way: how long after the opening's event a
webhook and Slack, both on loopback, have the request.

The past is written by the casebook itself, through the ledger's own door. A command is measured from its start to its
exit, so most of it is the interpreter's start; what the same command costs with an empty ledger tells that.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import rig
import yaml

sys.path.insert(0, str(rig.ROOT))
sys.path.insert(0, str(rig.ROOT / "tests" / "outlets" / "peers"))

CONCURRENT_FILLS = 500
SYMPTOMS = "customers cannot pay: the page says that something went wrong, and the order stays in the cart"


@dataclass(frozen=True)
class World:
    """A daemon with a past. *live*: numbers of open incidents."""

    config: Path
    port: int
    token: str
    live: list[int]


def document(folder: Path, port: int, target: int, services: int) -> dict[str, Any]:
    check = {"http": f"http://127.0.0.1:{target}/", "interval": "30s"}
    return {
        "monitor": {"state": str(folder / "state"), "listen": f"127.0.0.1:{port}"},
        "tracker": {"folder": str(folder / "tickets")},
        "contacts": {"incident_commander": {"primary": "Ada", "backup": "Lin"}},
        "services": {f"service-{n}": {"checks": {"ready": check}} for n in range(services)},
    }


def fill(config: Path, past: int, live: int) -> list[int]:
    """*past* incidents, the last *live* of which are still open; one an hour before those. Their numbers."""
    from ulid import ULID

    from monitor.config import load
    from monitor.core.severity import Severity
    from monitor.daemon.wiring import rules_of
    from monitor.ledger.records import Commit, EffectState
    from monitor.ledger.store import Ledger
    from monitor.response.casebook import Casebook
    from monitor.response.people import People

    read = load([config], {})
    numbers = count(1)
    ledger = Ledger.open(read.monitor.state)
    book = Casebook(rules_of(read), new_id=lambda: str(ULID()), new_number=lambda: next(numbers))
    people = People(book)
    now = datetime.now(UTC)

    def keep(commit: Commit) -> None:
        done = tuple(replace(effect, state=EffectState.CONFIRMED) for effect in commit.effects)
        pending.append(ledger.commit(replace(commit, effects=done)))
        while len(pending) > CONCURRENT_FILLS:
            pending.pop(0).result(120)

    pending: list[Any] = []
    severities = (Severity.SEV3, Severity.SEV2, Severity.SEV4, Severity.SEV1)
    opened = []
    for n in range(past):
        service = f"service-{n % live}"
        at = now - timedelta(hours=past - n) if n < past - live else now - timedelta(seconds=past - n)
        case, commit = people.declare(service, "Mia", SYMPTOMS, severities[n % 4], f"report-{n}", at, at)
        keep(commit)
        for line in range(3):
            at += timedelta(minutes=2)
            keep(people.note(case.incident.id, "Ada", f"note {line}: {SYMPTOMS}", at, at)[1])
        if n < past - live:
            keep(people.acknowledge(case.incident.id, "Ada", at, at)[1])
            keep(people.resolve(case.incident.id, "Ada", "rolled back", at + timedelta(minutes=9), at)[1])
        else:
            opened.append(case.incident.number)
    for future in pending:
        future.result(120)
    ledger.close()
    return opened


@contextmanager
def world(past: int, live: int, target: int) -> Iterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="watchkeeper-bench-"))
    port = rig.free_port()
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(document(folder, port, target, max(live, 10))))
    opened: list[int] = []
    if past:
        began = time.monotonic()
        opened = fill(config, past, live)
        size = sum(path.stat().st_size for path in (folder / "state").iterdir()) / 1e6
        print(f"{past:,} incidents, {len(opened)} open: {size:.0f} MB, made in {time.monotonic() - began:.0f} s")
    with (folder / "log").open("ab") as log:
        began = time.monotonic()
        command = [sys.executable, "-m", "monitor", "-c", str(config), "run", "--log-level", "WARNING"]
        process = subprocess.Popen(command, cwd=rig.ROOT, stdout=log, stderr=log)
        try:
            rig.wait_for(lambda: process.poll() is not None or rig.get(port, "/healthz")[0] == 200, "the web")
            print(f"  the web answers {time.monotonic() - began:.1f} s after the start")
            rig.wait_for(lambda: process.poll() is not None or rig.get(port, "/healthz/ready")[0] == 200, "ready")
            if process.poll() is not None:
                raise SystemExit((folder / "log").read_text())
            token = (folder / "state" / "token").read_text().strip()
            yield World(config, port, token, opened)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            shutil.rmtree(folder, ignore_errors=True)


def call(world: World, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """A connection of its own, as curl and the commands have."""
    connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=60)
    headers = {"Authorization": f"Bearer {world.token}", "Content-Type": "application/json"}
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status >= 400:
        raise SystemExit(f"{method} {path}: {answer.status} {text[:300]!r}")
    return json.loads(text) if "json" in (answer.headers["content-type"] or "") else text


def calls(world: World) -> dict[str, Callable[[int], object]]:
    """By name: what is asked, the n-th time."""
    live = world.live or [call(world, "POST", "/api/v1/incidents", report(0))["number"]]

    def act(path: str, body: dict[str, Any]) -> Callable[[int], object]:
        return lambda n: call(world, "POST", f"/api/v1/incidents/{live[n % len(live)]}/{path}", {"by": "Ada", **body})

    def look(path: str) -> Callable[[int], object]:
        return lambda n: call(world, "GET", path.format(n=live[n % len(live)]))

    return {
        "GET status": look("/api/v1/status"),
        "GET slos": look("/api/v1/slos"),
        "GET metrics": look("/metrics"),
        "GET incidents, live": look("/api/v1/incidents?limit=1000"),
        "GET incidents, the last 100": look("/api/v1/incidents?state=all&limit=100"),
        "GET incident": look("/api/v1/incidents/{n}"),
        "GET severity": look("/api/v1/incidents/{n}/severity"),
        "GET postmortem": look("/api/v1/incidents/{n}/postmortem"),
        "GET silences": look("/api/v1/silences"),
        "POST report": lambda n: call(world, "POST", "/api/v1/incidents", report(n)),
        "POST ack": act("ack", {}),
        "POST note": act("note", {"text": SYMPTOMS}),
        "POST role": act("role", {"role": "scribe", "holder": "Lin"}),
        "POST deploy": lambda n: call(
            world, "POST", "/api/v1/deploys", {"service": f"service-{n % 10}", "version": f"1.{n}", "by": "ci"}
        ),
        "POST silence": lambda n: call(
            world, "POST", "/api/v1/silences",
            {"subject": f"service-{n % 10}", "by": "Ada", "comment": "a bench", "for": "2m"},
        ),
        "POST action": act("actions", {"what": "an alert on the queue", "owner": "Lin", "due": "2030-01-31"}),
        "POST mitigated": act("mitigated", {}),
        "POST resolve": lambda n: call(
            world, "POST",
            f"/api/v1/incidents/{call(world, 'POST', '/api/v1/incidents', report(n))['number']}/resolve",
            {"by": "Ada", "why": "rolled back"},
        ),
    }  # fmt: skip


def report(n: int) -> dict[str, Any]:
    return {"reporter": "Mia", "symptoms": f"{n}: {SYMPTOMS}", "service": f"service-{n % 10}"}


COMMANDS = (
    ("status",),
    ("incident", "list"),
    ("incident", "list", "--state", "all"),
    ("incident", "show", "{n}"),
    ("incident", "ack", "{n}", "--by", "Ada"),
    ("incident", "note", "{n}", "a note", "--by", "Ada"),
    ("incident", "postmortem", "{n}"),
    ("silence", "list"),
)


def run(world: World, words: tuple[str, ...], number: int) -> None:
    command = [sys.executable, "-m", "monitor", "-c", str(world.config), *(w.format(n=number) for w in words)]
    done = subprocess.run(command, cwd=rig.ROOT, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    # `status` says by its code how things stand.
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(words)}: {done.returncode} {done.stderr}")


def seconds(act: Callable[[int], object], times: int) -> list[float]:
    taken = []
    for n in range(times):
        began = time.perf_counter()
        act(n)
        taken.append(time.perf_counter() - began)
    return taken


def measure(world: World, times: int, commands: int) -> dict[str, list[float]]:
    found = {name: seconds(act, times) for name, act in calls(world).items()}
    number = call(world, "POST", "/api/v1/incidents", report(0))["number"]  # those that were asked about are resolved
    for words in COMMANDS:
        found[f"$ monitor {' '.join(words)}"] = seconds(lambda _, words=words: run(world, words, number), commands)  # type: ignore[misc]
    return found


def openings(rounds: int) -> None:
    from fake_slack import FakeSlack
    from over_http import served

    class Slack(FakeSlack):
        """Also tells when the first message of each thread came."""

        def post(self, body: Any) -> dict[str, Any]:
            if "thread_ts" not in body:
                posted_at.append(time.time())
            return super().post(body)

    posted_at: list[float] = []
    slack, came = Slack(), Arrivals()
    with tempfile.TemporaryDirectory() as name, served(slack, "xoxb", {"ok": False}) as url:
        folder, port, switch = Path(name), rig.free_port(), Path(name) / "broken"
        with rig.helper("target", str(switch)) as target:
            wanted = document(folder, port, target, 1)
            wanted["services"]["service-0"] |= {"criticality": "critical"}
            wanted["services"]["service-0"]["checks"]["ready"] |= {"interval": "1s", "timeout": "900ms"}
            wanted["incidents"] = {"open_after": "1s", "stable_for": "1s", "reopen_within": "0s"}
            wanted["tracker"] = {"webhook": {"url": came.url, "secret": "s3cret"}}
            wanted["chat"] = {"slack": {"token": "xoxb", "channel": "#incidents", "url": url}}
            (folder / "config.yaml").write_text(yaml.safe_dump(wanted))
            command = [
                sys.executable,
                "-m",
                "monitor",
                "-c",
                str(folder / "config.yaml"),
                "run",
                "--log-level",
                "ERROR",
            ]
            with subprocess.Popen(command, cwd=rig.ROOT) as process:
                rig.wait_for(lambda: rig.get(port, "/healthz/ready")[0] == 200, "the daemon")
                taken = [opening(port, switch, came, posted_at, n) for n in range(1, rounds + 1)]
                process.send_signal(signal.SIGTERM)
    for place, seconds_taken in zip(("webhook", "Slack"), zip(*taken, strict=True), strict=True):
        middle, most = median(seconds_taken) * 1000, max(seconds_taken) * 1000
        print(f"opening to {place}: median {middle:.0f} ms, at most {most:.0f} ms")


def opening(port: int, switch: Path, came: Arrivals, posted_at: list[float], number: int) -> tuple[float, float]:
    """Seconds until the webhook and Slack had the request."""
    switch.touch()
    rig.wait_for(lambda: len(came.at) >= number and len(posted_at) >= number, "an opening")
    switch.unlink()
    events = rig.get(port, f"/api/v1/incidents/{number}")[1]["events"]
    (opened,) = [event["at"] for event in events if event["name"] == "incident.opened"]
    since = datetime.fromisoformat(opened).timestamp()
    rig.wait_for(lambda: rig.get(port, f"/api/v1/incidents/{number}")[1]["state"] == "resolved", "its end")
    return came.at[number - 1] - since, posted_at[number - 1] - since


class Arrivals:
    """A webhook's other side: when the first request of each incident came."""

    def __init__(self) -> None:
        self.at: list[float] = []
        arrivals = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                if self.headers["Idempotency-Key"].endswith("/create"):
                    arrivals.at.append(time.time())
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet: `at` tells."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}/"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--past", type=int, default=10_000, help="incidents in the ledger (default 10000)")
    parser.add_argument("--open", type=int, default=500, help="of them still open (default 500)")
    parser.add_argument("--times", type=int, default=200, help="each call (default 200)")
    parser.add_argument("--commands", type=int, default=20, help="each command (default 20)")
    parser.add_argument("--openings", type=int, default=5, help="incidents that open (default 5)")
    options = parser.parse_args()
    print(f"incidents {rig.machine()}")
    openings(options.openings)
    with rig.helper("target") as target:
        with world(0, 0, target) as empty:
            without = measure(empty, options.times, options.commands)
        with world(options.past, options.open, target) as full:
            found = measure(full, options.times, options.commands)
    print(f"{'':42}{'empty p50':>11}{'p99':>8}{'full p50':>11}{'p99':>8}   ms")
    for name, taken in found.items():
        columns = [rig.percentile(t, share) * 1000 for t in (without[name], taken) for share in (0.5, 0.99)]
        print(f"{name:42}{columns[0]:11.1f}{columns[1]:8.1f}{columns[2]:11.1f}{columns[3]:8.1f}")


if __name__ == "__main__":
    main()

"""
The demo's story: what is set up, what breaks, what must be seen, in which order. Waits for facts, never for a while.

Everything is real but small: the daemon is the daemon, in a process of its own; only the times are shortened, and it
says so.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TextIO

from monitor.demo.history import History, answer
from monitor.demo.otlp_receiver import OtlpReceiver
from monitor.demo.services import CollectorHealth, DemoService, JsonServer

PATIENCE = 75.0
"""Seconds that one milestone may take at the default pace before the demo gives up and says which it was."""


class MilestoneMissed(Exception):
    """Something that had to happen did not."""


@dataclass
class Narrator:
    """Prints each line with the seconds since the start, and keeps it for the transcript."""

    out: TextIO
    transcript: list[str] = field(default_factory=list)
    colour: bool = False
    began: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, who: str, text: str, style: str = "") -> None:
        with self._lock:
            for line in text.splitlines() or [""]:
                stamped = f"{time.monotonic() - self.began:6.1f}s  {who:<9} {line}"
                self.transcript.append(stamped)
                shown = f"\x1b[{style}m{stamped}\x1b[0m" if self.colour and style else stamped
                print(shown, file=self.out, flush=True)


class Sightings:
    """The events that arrived over OTLP, by name; what the story waits for."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._changed = threading.Condition()

    def saw(self, name: str) -> None:
        with self._changed:
            self._counts[name] = self._counts.get(name, 0) + 1
            self._changed.notify_all()

    def count(self, name: str) -> int:
        with self._changed:
            return self._counts.get(name, 0)

    def wait_for(self, name: str, count: int, within: float) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._counts.get(name, 0) >= count, timeout=within):
                raise MilestoneMissed(f"no {name} within {within:.0f} s")


@dataclass
class Stage:
    """Where the story plays: the servers, the daemon, and what was seen of it."""

    out: Path
    speed: float
    narrator: Narrator
    sightings: Sightings = field(default_factory=Sightings)
    services: dict[str, DemoService] = field(
        default_factory=lambda: {name: DemoService(name) for name in ("orders-service", "payments-service")}
    )

    def patience(self) -> float:
        # At any speed programs must start and a baseline be fitted, which a busy machine takes its time for.
        return max(180.0, PATIENCE * 60 / self.speed)

    def set_up(self, stack: ExitStack) -> None:
        urls = {}
        for name, service in self.services.items():
            server = JsonServer(service.answer)
            stack.callback(server.close)
            urls[name] = server.url
        collector = JsonServer(CollectorHealth().answer)
        stack.callback(collector.close)
        history = JsonServer(partial(answer, History(self.services, time.time())))
        stack.callback(history.close)
        receiver = OtlpReceiver(on_item=self._arrived)
        receiver.start()
        stack.callback(receiver.stop)
        config = self.out / "config.yaml"
        config.write_text(_config(self, urls, collector.url, history.url, receiver.url))
        process = subprocess.Popen(
            [sys.executable, "-m", "monitor", "-c", str(config), "run", "--log-level", "INFO", "--log-format", "text"],
            stderr=subprocess.PIPE,
            text=True,
        )
        stack.callback(_end, process)
        threading.Thread(target=self._retell, args=(process,), daemon=True).start()

    def _retell(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.narrator.say("monitor", line.rstrip().partition(" ")[2].strip())

    def _arrived(self, kind: str, item: object) -> None:
        if kind == "log":
            name = str(getattr(item, "event_name", ""))
            self.narrator.say("OTLP", f"event {name}  trace {getattr(item, 'trace_id', '') or '-'}", "36")
            self.sightings.saw(name)
        elif kind == "span":
            self.sightings.saw("span")


def play(stage: Stage) -> None:
    """The whole life of one incident; raises MilestoneMissed when a part of it does not come."""
    say, seen = stage.narrator.say, stage.sightings
    say(
        "demo",
        f"Times are shortened {stage.speed:g} times: the playbook's 15 minutes last {900 / stage.speed:g} s here,",
    )
    say("demo", f"its 30 stable minutes {1800 / stage.speed:g} s. Everything else is the real thing, on loopback.")
    with ExitStack() as stack:
        stage.set_up(stack)
        seen.wait_for("span", 6, stage.patience())
        say("demo", f"Probes run: {seen.count('span')} spans have arrived at the OTLP receiver so far.")
        fitted = stage.out / "state" / "baselines" / "payments-service.latency.json"
        wait_until(fitted.exists, stage.patience(), "no baseline")
        say("demo", "A month of history was fetched and fitted: this is what normal looks like at this hour.")
        say("demo", "Now payments-service breaks: every answer is 503.", "1;31")
        stage.services["payments-service"].break_down("connection pool exhausted")
        seen.wait_for("incident.opened", 1, stage.patience())
        ticket = the_only(stage.out / "state" / "tickets", stage.patience())
        say("demo", f"An incident is open and has a ticket: {ticket}", "1")
        seen.wait_for("incident.update_due", 1, stage.patience())
        say("demo", "That was the 15-minute update. Somebody mends the service.", "1;32")
        stage.services["payments-service"].mend()
        seen.wait_for("incident.recovering", 1, stage.patience())
        say("demo", "Recovering; the incident closes only once the numbers stayed well for the whole stable time.")
        seen.wait_for("incident.resolved", 1, stage.patience())
        seen.wait_for("postmortem.scheduled", 1, stage.patience())
        postmortem = the_only(stage.out / "state" / "postmortems", stage.patience())
        wait_until(lambda: "resolved" in ticket.read_text(), stage.patience(), "the ticket was not closed")
        say("demo", f"Resolved. The ticket, as it stands now ({ticket}):", "1")
        say("", ticket.read_text())
        say("demo", f"And the first draft of the postmortem ({postmortem}):", "1")
        say("", postmortem.read_text())


def wait_until(fact: Callable[[], bool], within: float, otherwise: str) -> None:
    deadline = time.monotonic() + within
    while not fact():
        if time.monotonic() > deadline:
            raise MilestoneMissed(f"{otherwise} within {within:.0f} s")
        time.sleep(0.1)


def the_only(folder: Path, within: float) -> Path:
    """The Markdown file in *folder*, once it is there."""
    wait_until(lambda: any(folder.glob("*.md")), within, f"no file in {folder}")
    return next(iter(sorted(folder.glob("*.md"))))


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()


def _config(stage: Stage, urls: dict[str, str], collector: str, history: str, receiver: str) -> str:
    def traffic(name: str) -> dict[str, str]:
        return {key: f'demo_{key}{{service="{name}"}}' for key in ("requests", "errors", "latency")}

    def shortened(minutes: float) -> str:
        return f"{max(1, round(minutes * 60 / stage.speed * 1000))}ms"

    document = {
        "monitor": {"environment": "demo", "location": "here", "state": "./state", "listen": "127.0.0.1:0"},
        "telemetry": {"otlp": receiver},
        "sources": {"prometheus": history},
        "services": {
            "orders-service": {
                "criticality": "high",
                "depends_on": ["payments-service"],
                "checks": {
                    "live": {"http": f"{urls['orders-service']}/healthz", "interval": "1s", "timeout": "900ms"},
                    "ready": {"http": f"{urls['orders-service']}/healthz/ready", "interval": "1s", "timeout": "900ms"},
                },
                "traffic": traffic("orders-service"),
            },
            "payments-service": {
                "criticality": "critical",
                "checks": {
                    "live": {"http": f"{urls['payments-service']}/healthz", "interval": "1s", "timeout": "900ms"},
                    "ready": {
                        "http": f"{urls['payments-service']}/healthz/ready",
                        "interval": "1s",
                        "timeout": "900ms",
                    },
                },
                "slos": [{"sli": "success", "objective": "99.9%", "over": "30d"}],
                "traffic": traffic("payments-service"),
            },
            "otel-collector": {
                "criticality": "high",
                "checks": {"health": {"collector": collector, "interval": "2s", "timeout": "1s"}},
            },
        },
        "incidents": {
            "open_after": shortened(1),
            "stable_for": shortened(30),
            "update_every": shortened(15),
        },
        "contacts": {
            "incident_commander": {"primary": "SRE on-call", "backup": "Engineering Manager"},
            "scribe": {"primary": "SRE secondary", "backup": "Engineering Manager"},
        },
    }
    # JSON is YAML too, and needs nothing to be written.
    return json.dumps(document, indent=2) + "\n"

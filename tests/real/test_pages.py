"""
One incident that pages: a real daemon, Debian's Alertmanager, which also sends its webhook back to the daemon, and a
PagerDuty on loopback. Both lose the daemon in between, and Alertmanager forgets all that it knew.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "outlets" / "peers"))
from fake_pagerduty import FakePagerduty
from faults import Asked

Waiting = Callable[[str, Callable[[], Any], float], Any]
SECRET, KEY = "s3cr3t-of-the-hook", "0123456789abcdef0123456789abcdef"


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30):
            return True
    except OSError:
        return False


@pytest.fixture
def pagerduty() -> Iterator[tuple[FakePagerduty, str]]:
    kept = FakePagerduty()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, document = kept.obey(Asked("POST", self.path, {}, body))
            sent = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield kept, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class Parts:
    """The daemon and Alertmanager, each on a port of its own that stays over its restarts."""

    def __init__(self, folder: Path, target: str, pagerduty: str, ports: tuple[int, int], stack: ExitStack) -> None:
        self.folder, self._stack = folder, stack
        self.address, self.alertmanager = (f"http://127.0.0.1:{port}" for port in ports)
        check = {"http": f"http://{target}/healthz", "interval": "1s", "timeout": "900ms"}
        self._write("config.yaml", {
            "monitor": {"state": "./state", "listen": f"127.0.0.1:{ports[0]}"},
            "services": {"orders": {"criticality": "critical", "checks": {"live": check}}},
            "incidents": {"open_after": "2s", "stable_for": "3s"},
            "intake": {"alertmanager": {"secret": SECRET}, "default_service": "orders"},
            "pages": {
                "pagerduty": {"routing_key": KEY, "url": pagerduty},
                "alertmanager": {"url": self.alertmanager},
            },
        })  # fmt: skip
        hook = {
            "url": f"{self.address}/api/v1/alerts/alertmanager",
            "http_config": {"authorization": {"credentials": SECRET}},
        }
        self._write("alertmanager.yml", {
            "route": {"receiver": "w", "group_wait": "0s", "group_interval": "1s", "repeat_interval": "2s"},
            "receivers": [{"name": "w", "webhook_configs": [hook]}],
        })  # fmt: skip

    def _write(self, name: str, document: object) -> None:
        (self.folder / name).write_text(json.dumps(document))

    def start_daemon(self, waiting: Waiting) -> subprocess.Popen[bytes]:
        daemon = self._run(sys.executable, "-m", "monitor", "-c", "config.yaml", "run")
        waiting("the daemon is ready", lambda: answers(f"{self.address}/healthz/ready"), 20)
        return daemon

    def start_alertmanager(self, waiting: Waiting, storage: str) -> subprocess.Popen[bytes]:
        listen = self.alertmanager.removeprefix("http://")
        process = self._run(
            "prometheus-alertmanager", "--config.file=alertmanager.yml", f"--storage.path={storage}",
            f"--web.listen-address={listen}", "--cluster.listen-address=",
        )  # fmt: skip
        waiting("Alertmanager is ready", lambda: answers(f"{self.alertmanager}/-/ready"), 20)
        return process

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        self._stack.callback(end, process)
        return process

    def firing(self) -> list[Any]:
        found = get(f"{self.alertmanager}/api/v2/alerts?active=true&silenced=true")
        return [alert for alert in found if alert["labels"]["alertname"] == "WatchkeeperIncident"]

    def incident(self) -> Any:
        found = get(f"{self.address}/api/v1/incidents?state=all")["incidents"]
        assert len(found) <= 1, "our own alert must open nothing"
        return get(f"{self.address}/api/v1/incidents/{found[0]['id']}") if found else None

    def own(self) -> float:
        """Alerts of ours that came back."""
        with urllib.request.urlopen(f"{self.address}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if 'watchkeeper_alert_news="own"' in line)

    def command(self, *arguments: str) -> None:
        command = (sys.executable, "-m", "monitor", "-c", "config.yaml", *arguments)
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True, timeout=120)


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture
def parts(
    tmp_path: Path, service: Any, pagerduty: tuple[FakePagerduty, str], free_port: Callable[[], int]
) -> Iterator[Parts]:
    if shutil.which("prometheus-alertmanager") is None:
        pytest.skip("prometheus-alertmanager is not installed (Debian: apt install prometheus-alertmanager)")
    with ExitStack() as stack:
        yield Parts(tmp_path, service.address, pagerduty[1], (free_port(), free_port()), stack)


def test_a_page_from_its_opening_to_its_end(
    parts: Parts, service: Any, pagerduty: tuple[FakePagerduty, str], waiting: Waiting
) -> None:
    alertmanager = parts.start_alertmanager(waiting, "first")
    daemon = parts.start_daemon(waiting)
    service.healthy = False

    (alert,) = waiting("it fires in Alertmanager", parts.firing, 30)
    assert (alert["labels"]["service"], alert["labels"]["severity"]) == ("orders", "critical")
    assert alert["labels"]["watchkeeper_incident"] == parts.incident()["id"]
    assert alert["annotations"]["summary"].startswith("INC-0001 SEV1 orders: ")
    (alerts,) = waiting("it is triggered in PagerDuty", lambda: list(pagerduty[0].alerts.values()), 30)
    waiting("Alertmanager sends it back to us", lambda: parts.own() >= 2, 60)

    parts.command("incident", "ack", "1", "--by", "Ada")
    waiting("PagerDuty knows that somebody took it", lambda: alerts[-1].state == "acknowledged", 30)

    daemon.kill()
    end(alertmanager)
    parts.start_alertmanager(waiting, "second")
    assert parts.firing() == []
    parts.start_daemon(waiting)
    (again,) = waiting("a daemon that was killed tells it an Alertmanager that knows nothing", parts.firing, 60)
    assert (again["fingerprint"], again["startsAt"]) == (alert["fingerprint"], alert["startsAt"])

    service.healthy = True
    waiting("it is over in Alertmanager", lambda: not parts.firing(), 60)
    waiting("and in PagerDuty", lambda: alerts[-1].state == "resolved", 60)
    assert parts.incident()["state"] == "resolved"
    assert parts.incident()["alerts"] == [], "what came back kept nothing open"
    assert (len(alerts), pagerduty[0].woken) == (1, 1)
    assert KEY not in (parts.folder / "log").read_text()

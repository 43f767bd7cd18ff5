"""
What the public is told of one incident: a real daemon, a Statuspage on loopback that obeys the first request and hangs
up, and a daemon that is killed before it knows. A person approves each text; nothing goes out without.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "outlets" / "peers"))
from fake_statuspage import COMPONENTS, PAGE, FakeStatuspage
from faults import Asked

Waiting = Callable[[str, Callable[[], Any], float], Any]
KEY = "k3y-of-statuspage"


@pytest.fixture
def statuspage() -> Iterator[tuple[FakeStatuspage, str]]:
    kept, hangs_up = FakeStatuspage(), [True]

    class Handler(BaseHTTPRequestHandler):
        def _obey(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            asked = Asked(self.command, parts.path, query, body)
            is_known = self.headers.get("Authorization") == f"OAuth {KEY}"
            status, document = kept.obey(asked) if is_known else (401, {"error": "Could not authenticate"})
            if asked.changes and hangs_up:
                hangs_up.clear()
                self.close_connection = True
                return
            sent = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def do_GET(self) -> None:
            self._obey()

        def do_POST(self) -> None:
            self._obey()

        def do_PATCH(self) -> None:
            self._obey()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield kept, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class Public:
    """The daemon, and a person who approves."""

    def __init__(self, folder: Path, target: str, statuspage: str, port: int, stack: ExitStack) -> None:
        self.folder, self._stack, self.address = folder, stack, f"http://127.0.0.1:{port}"
        check = {"http": f"http://{target}/healthz", "interval": "1s", "timeout": "900ms"}
        place = {"page": PAGE, "api_key": KEY, "url": statuspage, "components": {"orders": COMPONENTS[0]}}
        config = {
            "monitor": {"state": "./state", "listen": f"127.0.0.1:{port}"},
            "services": {"orders": {"criticality": "critical", "checks": {"live": check}}},
            "incidents": {"open_after": "2s", "stable_for": "3s"},
            "status_page": {"folder": "./www", "statuspage": place},
        }
        (folder / "config.yaml").write_text(json.dumps(config))

    def start(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            command = (sys.executable, "-m", "monitor", "-c", "config.yaml", "run")
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    def is_ready(self) -> bool:
        return self._get("/healthz/ready") is not None

    def waits_for_a_yes(self, stage: str) -> bool:
        found = self._get("/api/v1/incidents?state=all") or {"incidents": []}
        told = [self._get(f"/api/v1/incidents/{one['id']}/announcements") for one in found["incidents"]]
        return any(one and one["public"] and one["public"]["stage"] == stage for one in told)

    def _get(self, path: str) -> Any:
        try:
            with urllib.request.urlopen(self.address + path, timeout=30) as answer:
                return json.load(answer)
        except OSError:
            return None

    def approve(self, *more: str) -> None:
        words = ("-c", "config.yaml", "incident", "publish", "1", "--yes", "--by", "Ada", *more)
        command = (sys.executable, "-m", "monitor", *words)
        subprocess.run(command, cwd=self.folder, capture_output=True, timeout=120, check=True)

    def stages(self) -> list[str]:
        """As the files have them, oldest first."""
        file = self.folder / "www" / "status.json"
        incidents = json.loads(file.read_text())["incidents"] if file.exists() else []
        return [text["status"] for one in incidents for text in reversed(one["updates"])]


def test_the_public_is_told_what_was_approved_and_each_text_once(
    tmp_path: Path,
    service: Any,
    statuspage: tuple[FakeStatuspage, str],
    free_port: Callable[[], int],
    waiting: Waiting,
) -> None:
    page, url = statuspage
    with ExitStack() as stack:
        public = Public(tmp_path, service.address, url, free_port(), stack)
        daemon = public.start()
        service.healthy = False
        waiting("a text waits for a yes", lambda: public.waits_for_a_yes("investigating"), 30)
        assert (page.incidents, public.stages()) == ({}, []), "nothing is published without it"

        public.approve("--notify")
        waiting("Statuspage has it", lambda: len(page.incidents) == 1, 30)
        waiting("and so have the files", lambda: public.stages() == ["investigating"], 30)
        daemon.kill()
        public.start()
        waiting("it is up again", public.is_ready, 30)
        service.healthy = True
        waiting("the end waits for a yes", lambda: public.waits_for_a_yes("resolved"), 60)
        public.approve("--no-notify")

        (made,) = page.incidents.values()
        waiting("it is over there", lambda: made["status"] == "resolved", 60)
        waiting("and in the files", lambda: public.stages() == ["investigating", "resolved"], 60)
        assert len(page.incidents) == 1
        updates = [(one["status"], one["deliver_notifications"]) for one in reversed(made["incident_updates"])]
        assert updates == [("investigating", True), ("resolved", False)]
        assert page.components[COMPONENTS[0]] == "operational"
        assert KEY not in (tmp_path / "log").read_text()

"""What is imported from blackbox_exporter says of the same targets what blackbox_exporter itself says."""

from __future__ import annotations

import json
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest
import yaml

pytestmark = [pytest.mark.real, pytest.mark.slow]

HTTP = {
    "plain": {},
    "not_found": {"valid_status_codes": [404]},
    "several": {"valid_status_codes": [204, 404]},
    "post": {"method": "POST", "body": "price: 5$", "fail_if_body_not_matches_regexp": ["^POST price: 5\\$$"]},
    "headers": {"headers": {"X-Probe": "a$b"}, "fail_if_body_not_matches_regexp": ["probe=a\\$b"]},
    "follows": {"fail_if_body_not_matches_regexp": ["GET"]},
    "stays": {"no_follow_redirects": True, "valid_status_codes": [302]},
    "body_bad": {"fail_if_body_matches_regexp": ["(?i)agent:"]},
    "body_good": {"fail_if_body_matches_regexp": ['"no" (such|text)', "^x$"]},
    "body_wanted": {"fail_if_body_not_matches_regexp": ["GET", "nothing of it"]},
    "header_bad": {"fail_if_header_matches": [{"header": "X-Mode", "regexp": "de(bug|v)"}]},
    "header_good": {"fail_if_header_matches": [{"header": "X-Mode", "regexp": "^prod"}]},
    "header_away": {"fail_if_header_matches": [{"header": "X-Absent", "regexp": "a"}]},
    "header_may_be_away": {"fail_if_header_matches": [{"header": "X-Absent", "regexp": "a", "allow_missing": True}]},
    "header_wanted": {"fail_if_header_not_matches": [{"header": "X-Mode", "regexp": "debug"}]},
    "header_wanted_away": {"fail_if_header_not_matches": [{"header": "X-Absent", "regexp": "a"}]},
    "header_not_there": {"fail_if_header_not_matches": [{"header": "X-Absent", "regexp": "a", "allow_missing": True}]},
    "login": {"basic_auth": {"username": "u", "password": "p w"}, "fail_if_body_not_matches_regexp": ["dTpwIHc="]},
    "bearer": {"bearer_token": "a.b", "fail_if_body_not_matches_regexp": ["Bearer a\\.b"]},
    "in_the_clear": {"fail_if_ssl": True},
    "must_be_secure": {"fail_if_not_ssl": True},
}
PATHS = {"not_found": "/404", "several": "/404", "follows": "/302", "stays": "/302"}
GREETING = "^220 (\\S+) ready$"
TCP = {
    "connects": {},
    "greeted": {"query_response": [{"expect": GREETING, "send": "EHLO ${1}"}, {"expect": "^250 mx1$"}]},
    "dollars": {"query_response": [{"expect": GREETING, "send": "EHLO $$ 5$"}, {"expect": "^250 \\$ 5\\$$"}]},
    "unfilled": {
        "query_response": [{"expect": GREETING}, {"send": "EHLO ${1} $$"}, {"expect": "^250 \\$\\{1} \\$\\$$"}]
    },
    "greeted_wrongly": {"query_response": [{"expect": GREETING}, {"send": "EHLO"}, {"expect": "^250 mx1$"}]},
    "other": {"query_response": [{"expect": "^SSH-"}]},
}


class Service(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def do_GET(self) -> None:
        status = {"/404": 404, "/302": 302}.get(self.path, 200)
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        login, agent = self.headers.get("Authorization", ""), "agent: x"
        body = (
            f"{self.command} {sent}" if sent else f"{self.command}\n{agent}\n{login}\nprobe={self.headers['X-Probe']}"
        )
        self.send_response(status)
        self.send_header("X-Mode", "debug")
        self.send_header("Content-Length", str(len(body)))
        if status == 302:
            self.send_header("Location", "/")
        self.end_headers()
        self.wfile.write(body.encode())

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


class Lines(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        try:
            self.wfile.write(b"220 mx1 ready\r\n")
            self.wfile.write(b"250 " + self.rfile.readline().partition(b" ")[2].strip() + b"\r\n")
        except OSError:
            pass  # who only connects is gone by then


@pytest.fixture(scope="module")
def places() -> Iterator[dict[str, str]]:
    """HOST:PORT of an HTTP server and of one that speaks in lines."""
    servers = {
        "http": ThreadingHTTPServer(("127.0.0.1", 0), Service),
        "tcp": socketserver.ThreadingTCPServer(("127.0.0.1", 0), Lines),
    }
    for server in servers.values():
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {kind: f"127.0.0.1:{server.server_address[1]}" for kind, server in servers.items()}
    for server in servers.values():
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = {
        name: {"prober": prober, "timeout": "5s", prober: {"preferred_ip_protocol": "ip4", **of}}
        for prober, these in (("http", HTTP), ("tcp", TCP))
        for name, of in these.items()
    }
    path = tmp_path_factory.mktemp("blackbox") / "blackbox.yml"
    path.write_text(yaml.safe_dump({"modules": found}))
    return path


def target_of(name: str, places: dict[str, str]) -> str:
    return f"http://{places['http']}{PATHS.get(name, '/')}" if name in HTTP else places["tcp"]


@pytest.fixture(scope="module")
def theirs(modules: Path, places: dict[str, str]) -> Iterator[dict[str, bool]]:
    """What blackbox_exporter says, by module."""
    program = shutil.which("prometheus-blackbox-exporter")
    if program is None:
        pytest.skip("prometheus-blackbox-exporter is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    argv = [program, f"--config.file={modules}", f"--web.listen-address={listen}", "--timeout-offset=0.1"]
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while True:
            try:
                direct.open(f"http://{listen}/-/healthy", timeout=30).close()
                break
            except OSError:
                assert process.poll() is None, "blackbox_exporter has ended"
                assert time.monotonic() < deadline, "blackbox_exporter does not answer"
                time.sleep(0.05)
        said = {}
        for name in (*HTTP, *TCP):
            query = urlencode({"module": name, "target": target_of(name, places)})
            with direct.open(f"http://{listen}/probe?{query}", timeout=60) as answer:
                said[name] = "\nprobe_success 1\n" in answer.read().decode()
        process.terminate()
        yield said


def test_each_module_judges_as_it_did(
    modules: Path, places: dict[str, str], theirs: dict[str, bool], tmp_path: Path
) -> None:
    named = [part for name in theirs for part in ("--target", f"{name}={target_of(name, places)}")]
    ours = tmp_path / "ours.yaml"
    run = [sys.executable, "-m", "monitor"]
    imported = subprocess.run(
        [*run, "import", "blackbox", str(modules), *named, "-o", str(ours)], capture_output=True, text=True, check=False
    )
    assert imported.returncode == 1, imported.stderr  # the login and the token are to be set
    secrets = {"LOGIN_PASSWORD": "p w", "BEARER_TOKEN": "a.b"}
    asked = subprocess.run(
        [*run, "check-once", "-c", str(ours), "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", **secrets},
    )

    said = {check["check"]: check["outcome"] for check in json.loads(asked.stdout)["checks"]}
    assert said == {name: "ok" if succeeded else "failed" for name, succeeded in theirs.items()}
    assert {name for name, succeeded in theirs.items() if not succeeded} == {
        "body_bad", "body_wanted", "header_bad", "header_away", "header_wanted_away", "must_be_secure",
        "greeted_wrongly", "other",
    }  # fmt: skip

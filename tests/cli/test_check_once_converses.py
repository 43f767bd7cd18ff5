"""check-once against servers that speak no HTTP: a cache that answers, a certificate that runs out."""

from __future__ import annotations

import datetime
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner, Result

from monitor.cli.main import monitor

Serve = Callable[[Callable[[socket.socket], None]], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A port at which each connection is one talk."""
    listeners: list[socket.socket] = []

    def accept(listener: socket.socket, talk: Callable[[socket.socket], None]) -> None:
        with suppress(OSError):
            while True:
                peer, _ = listener.accept()
                with suppress(OSError), peer:
                    peer.settimeout(20)
                    talk(peer)

    def start(talk: Callable[[socket.socket], None]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=accept, args=(listener, talk), daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def cache(peer: socket.socket) -> None:
    answers = {b"PING\r\n": b"+PONG\r\n"}
    peer.sendall(answers.get(peer.recv(100), b"-ERR unknown command\r\n"))


def check_once(folder: Path, check: str, *arguments: str) -> Result:
    config = folder / "config.yaml"
    config.write_text(f"monitor: {{state: {folder}/state}}\nservices:\n  shop:\n    checks:\n      it: {check}\n")
    return CliRunner().invoke(monitor, ["check-once", "-c", str(config), *arguments])


def test_a_cache_that_answers_is_ok_and_one_that_refuses_is_quoted(serve: Serve, tmp_path: Path) -> None:
    port = serve(cache)
    script = """[{send: "PING\\r\\n"}, {expect: '^\\+PONG', refuse: "^-"}]"""

    well = check_once(tmp_path, f"{{tcp: 'localhost:{port}', script: {script}}}")
    badly = check_once(tmp_path, f"{{tcp: 'localhost:{port}', script: {script.replace('PING', 'GNIP')}}}")

    assert well.exit_code == 0, well.output
    assert badly.exit_code == 2, badly.output
    assert r"body: localhost:" in badly.output
    assert r"said '-ERR unknown command', wanted a line that matches ^\+PONG" in " ".join(badly.output.split())


def test_a_certificate_that_runs_out_is_a_warning(serve: Serve, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=12, hours=1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", not_after=soon).configure_cert(context)

    def secure(peer: socket.socket) -> None:
        with context.wrap_socket(peer, server_side=True) as private:
            private.recv(1)

    port = serve(secure)

    ended = check_once(tmp_path, f"{{tls: {{target: 'localhost:{port}', ca: ca.pem}}}}", "--format", "json")

    assert ended.exit_code == 1, ended.output
    (found,) = json.loads(ended.stdout)["checks"]
    assert found["status"] == "warning"
    assert found["warnings"] == ["the certificate expires in 12 days"]


def test_a_socket_of_this_machine_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    ended = check_once(tmp_path, "{unix: gone.sock}")

    assert ended.exit_code == 2, ended.output
    assert "No such file or directory" in " ".join(ended.output.split())

"""
What is wrong with a certificate is told alike, whatever kind asks: of nginx, a gRPC server and a WebSocket server.

STARTTLS has its own table, beside the servers that speak it (`test_starttls_servers.py`).
"""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2_grpc
from websockets.sync.server import serve as serve_websocket

from checks import grpc as grpc_check
from checks import tcp, tls, websocket
from checks.check import Check, Finding, HttpQuestion, Question
from checks.result import Outcome, Reason
from checks.stream import Security, Step
from checks.way import Way
from monitor.probing.asking import Asked, ask, requests_of
from monitor.probing.engine import Engine

pytestmark = pytest.mark.real

DAY = timedelta(days=1)

DEFECTS = {
    "expired": ("127.0.0.1", -30, -1, True, "the certificate has expired"),
    "not yet valid": ("127.0.0.1", 1, 90, True, "the certificate is not valid yet: compare the clocks"),
    "wrong name": ("other.example", -1, 90, True, "for another"),
    "unknown CA": ("127.0.0.1", -1, 90, False, "issued by a CA that is not known here"),
}
"""Its name, the days of its beginning and its end, whether its CA is known, and what is said of it."""


@dataclass(frozen=True)
class Files:
    chain: Path
    key: Path


Asks = Callable[[int, str | None], Question]


def secured(ca: str | None) -> Security:
    return Security(ca_file=ca)


TWO = Way(version="2")
KINDS: dict[str, tuple[str, Asks]] = {
    "http": ("nginx", lambda port, ca: HttpQuestion(url=f"https://127.0.0.1:{port}/", ca_file=ca)),
    "http/2": (
        "nginx",
        lambda port, ca: HttpQuestion(url=f"https://127.0.0.1:{port}/", ca_file=ca, way=Way(version="2")),
    ),
    "tls": ("nginx", lambda port, ca: tls.Question(url=f"tcp://127.0.0.1:{port}", security=secured(ca))),
    "tcp": (
        "nginx",
        lambda port, ca: tcp.Question(
            url=f"tcp://127.0.0.1:{port}",
            security=secured(ca),
            script=(Step(send=b"GET / HTTP/1.0\r\n\r\n"), Step(expect="^HTTP/1.1 200")),
        ),
    ),
    "grpc": ("grpc", lambda port, ca: grpc_check.Question(url=f"https://127.0.0.1:{port}", ca_file=ca)),
    "websocket": (
        "websocket",
        lambda port, ca: websocket.Question(url=f"wss://127.0.0.1:{port}/", security=secured(ca)),
    ),
}


@contextmanager
def nginx(files: Files, folder: Path, port: int) -> Iterator[int]:
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed (Debian: apt install nginx-light)")
    (folder / "index.html").write_text("hello")
    places = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\nevents {{}}\n"
        f"http {{ access_log off; {places} server {{ listen 127.0.0.1:{port} ssl http2; root {folder};\n"
        f"ssl_certificate {files.chain}; ssl_certificate_key {files.key}; }} }}\n"
    )
    log = folder / "out"
    with log.open("wb") as out:
        process = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(folder / "conf")], stderr=out)
    try:
        deadline = time.monotonic() + 60
        with socket.socket() as knock:
            while knock.connect_ex(("127.0.0.1", port)):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline
                time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def grpc_server(files: Files, _folder: Path, _port: int) -> Iterator[int]:
    server = grpc.server(ThreadPoolExecutor(1))
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    credentials = grpc.ssl_server_credentials([(files.key.read_bytes(), files.chain.read_bytes())])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait(20)


@contextmanager
def websocket_server(files: Files, _folder: Path, _port: int) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.chain, files.key)
    server = serve_websocket(lambda peer: peer.recv(), "127.0.0.1", 0, ssl=context)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
        thread.join()


SERVERS = {"nginx": nginx, "grpc": grpc_server, "websocket": websocket_server}


@pytest.fixture(params=KINDS)
def judge(
    request: pytest.FixtureRequest,
    authority: Any,
    tmp_path: Path,
    free_port: Callable[[], int],
    engine: Engine,
    turn_until: Callable[..., None],
) -> Callable[..., tuple[Finding, int]]:
    """What a kind finds where a real server shows a certificate of that name and these dates, and the server's port."""
    server, asks = KINDS[request.param]

    def judge(name: str, begins: int, ends: int, is_known: bool) -> tuple[Finding, int]:
        now = datetime.now(UTC)
        key, chain = authority.pem(name, begins=now + begins * DAY, ends=now + ends * DAY)
        files = Files(tmp_path / "chain.pem", tmp_path / "key.pem")
        files.chain.write_bytes(chain)
        files.key.write_bytes(key)
        with SERVERS[server](files, tmp_path, free_port()) as port:
            question = asks(port, authority.file if is_known else None)
            check = Check(service="shop", name="secured", question=question, timeout=20.0)
            found: list[Asked] = []
            ask(
                engine,
                check,
                requests_of(check, check.timeout),
                trace_id="0" * 32,
                span_id="1" * 16,
                previous={},
                now=lambda: datetime.now(UTC),
                done=found.append,
            )
            turn_until(engine, lambda: bool(found))
        return found[0].finding, port

    return judge


def test_a_good_one_is_good(judge: Callable[..., tuple[Finding, int]]) -> None:
    finding, _ = judge("127.0.0.1", -1, 90, True)

    assert (finding.outcome, finding.detail) == (Outcome.OK, "")


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_bad_one_is_refused_for_what_is_bad_of_it(judge: Callable[..., tuple[Finding, int]], defect: str) -> None:
    *shown, words = DEFECTS[defect]

    finding, port = judge(*shown)

    assert (finding.outcome, finding.reason, finding.excusable) == (Outcome.FAILED, Reason.CERTIFICATE, False)
    assert finding.detail.startswith(f"certificate of 127.0.0.1:{port} refused: ")
    assert words in finding.detail

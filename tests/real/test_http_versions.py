"""HTTP/2 by nginx and HTTP/3 by aioquic: what is asked for is spoken, and an answer by another version has failed."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent

from checks.check import Finding, HttpQuestion
from checks.exchange import HttpAnswer
from checks.http import judge, requests
from checks.result import Outcome, Reason
from checks.way import Way
from monitor.probing.engine import Engine

pytestmark = pytest.mark.real

Ask = Callable[..., tuple[Finding, HttpAnswer]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, chain.pem and key.pem."""
    folder = tmp_path_factory.mktemp("authority")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    leaf = ca.issue_cert("127.0.0.1", "localhost")
    leaf.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "chain.pem").write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
    return folder


@pytest.fixture
def ask(authority: Path) -> Iterator[Ask]:
    bugs: list[BaseException] = []
    engine = Engine(bugs.append)

    def ask(url: str, version: str, **more: object) -> tuple[Finding, HttpAnswer]:
        question = HttpQuestion(
            url=url,
            way=Way(version=version, **more),
            ca_file=str(authority / "ca.pem"),  # type: ignore[arg-type]
        )
        answers: list[HttpAnswer] = []
        engine.submit(requests(question, 20.0)[0], answers.append)
        deadline = time.monotonic() + 30
        while not answers:
            assert time.monotonic() < deadline
            engine.turn(0.1)
        return judge(question, tuple(answers), {}), answers[0]

    yield ask
    engine.close()
    assert bugs == []


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(type=kind) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class TestHttp2:
    @pytest.fixture
    def nginx(self, authority: Path, tmp_path: Path) -> Iterator[tuple[int, int, int]]:
        """Ports: HTTP/2 over TLS, HTTP/2 in the clear, HTTP/1.1 over TLS."""
        if shutil.which("nginx") is None:
            pytest.skip("nginx is not installed")
        ports = free_port(), free_port(), free_port()
        (tmp_path / "index.html").write_text("hello " * 1000)
        listens = [f"{ports[0]} ssl http2", f"{ports[1]} http2", f"{ports[2]} ssl"]
        servers = "".join(
            f"server {{ listen 127.0.0.1:{listen}; root {tmp_path}; gzip on; gzip_proxied any; gzip_min_length 1; "
            f"ssl_certificate {authority}/chain.pem; ssl_certificate_key {authority}/key.pem; }}\n"
            for listen in listens
        )
        (tmp_path / "conf").write_text(
            f"daemon off; master_process off; pid {tmp_path}/pid; error_log {tmp_path}/error.log;\n"
            f"events {{}}\nhttp {{ access_log off; default_type text/html; client_body_temp_path {tmp_path}/b;\n"
            f"proxy_temp_path {tmp_path}/p; fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u;\n"
            f"scgi_temp_path {tmp_path}/s;\n{servers}}}\n"
        )
        with (tmp_path / "out").open("wb") as out:
            process = subprocess.Popen(["nginx", "-p", str(tmp_path), "-c", str(tmp_path / "conf")], stderr=out)
        try:
            _wait_for(ports, process, tmp_path / "out")
            yield ports
        finally:
            process.terminate()
            process.wait(20)

    def test_it_is_agreed_on_over_tls_and_spoken_at_once_in_the_clear(
        self, nginx: tuple[int, int, int], ask: Ask
    ) -> None:
        for url in (f"https://127.0.0.1:{nginx[0]}/", f"http://127.0.0.1:{nginx[1]}/"):
            finding, answer = ask(url, "2")

            assert finding.outcome is Outcome.OK, finding
            assert (answer.version, answer.body[:5]) == ("2", b"hello")

    def test_one_that_answers_by_another_version_has_failed(self, nginx: tuple[int, int, int], ask: Ask) -> None:
        finding, answer = ask(f"https://127.0.0.1:{nginx[2]}/", "2")

        assert (answer.status, answer.version) == (200, "1.1")
        assert finding.reason is Reason.PROTOCOL
        assert finding.detail == f"https://127.0.0.1:{nginx[2]}/ answered by HTTP/1.1, wanted HTTP/2"

    def test_1_1_is_spoken_to_one_that_could_more(self, nginx: tuple[int, int, int], ask: Ask) -> None:
        finding, answer = ask(f"https://127.0.0.1:{nginx[0]}/", "1.1", compressed=True)

        assert (finding.outcome, answer.version) == (Outcome.OK, "1.1")
        assert answer.body == b"hello " * 1000


def _wait_for(ports: tuple[int, ...], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    for port in ports:
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                break


class Http3(QuicConnectionProtocol):
    """Says hello to each request."""

    connection: H3Connection | None = None

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ProtocolNegotiated):
            self.connection = H3Connection(self._quic)
        if self.connection is None:
            return
        for happened in self.connection.handle_event(event):
            if isinstance(happened, HeadersReceived):
                self.connection.send_headers(happened.stream_id, [(b":status", b"200"), (b"content-length", b"5")])
                self.connection.send_data(happened.stream_id, b"hello", end_stream=True)
                self.transmit()


class TestHttp3:
    @pytest.fixture
    def port(self, authority: Path) -> Iterator[int]:
        found: list[int] = []
        loop, ready = asyncio.new_event_loop(), threading.Event()

        async def start() -> None:
            configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
            configuration.load_cert_chain(authority / "chain.pem", authority / "key.pem")
            port = free_port(socket.SOCK_DGRAM)
            await serve("127.0.0.1", port, configuration=configuration, create_protocol=Http3)
            found.append(port)
            ready.set()

        def run() -> None:
            loop.run_until_complete(start())
            loop.run_forever()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        assert ready.wait(60)
        yield found[0]
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)

    def test_it_is_spoken_over_quic(self, port: int, ask: Ask) -> None:
        finding, answer = ask(f"https://127.0.0.1:{port}/", "3")

        assert finding.outcome is Outcome.OK, finding
        assert (answer.version, answer.body) == ("3", b"hello")
        assert answer.timings is not None
        assert answer.timings.total > 0

    def test_one_that_does_not_listen_there_is_no_answer(self, ask: Ask) -> None:
        finding, _ = ask(f"https://127.0.0.1:{free_port(socket.SOCK_DGRAM)}/", "3")

        assert finding.outcome is Outcome.FAILED
        assert finding.reason in (Reason.REFUSED, Reason.RESET, Reason.UNREACHABLE, Reason.TIMEOUT)

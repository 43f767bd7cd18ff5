"""Certificates behind STARTTLS, as a real SMTP server and PostgreSQL show them: good ones and bad ones."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from checks.check import Finding
from checks.result import EXPIRES_AT, Outcome, Reason
from checks.stream import Security, StreamAnswer
from checks.tls import Question, judge, requests
from monitor.probing.engine import Engine

# Making a cluster costs more than all that is asked of it.
pytestmark = pytest.mark.xdist_group("postgres")

Ask = Callable[..., Finding]
Start = Callable[..., int]
"""Starts a server that shows the certificate of these names and dates, or speaks no TLS without any; its port."""

DAY = timedelta(days=1)


@pytest.fixture
def ask(engine: Engine, turn_until: Callable[..., None], authority: Any) -> Ask:
    def ask(protocol: str, port: int, **security: Any) -> Finding:
        answers: list[StreamAnswer] = []
        question = Question(
            url=f"tcp://127.0.0.1:{port}",
            starttls=protocol,
            security=Security(**{"ca_file": authority.file, **security}),
        )
        (request,) = requests(question, 30.0)
        engine.submit(request, answers.append)
        turn_until(engine, lambda: bool(answers))
        return judge(question, tuple(answers), {})

    return ask


@pytest.fixture
def certificate(authority: Any, tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Files of the chain and of the key."""

    def issue(*names: str, begins: datetime | None = None, ends: datetime | None = None) -> tuple[Path, Path]:
        key, chain = authority.pem(*names, begins=begins, ends=ends)
        (tmp_path / "chain.pem").write_bytes(chain)
        (tmp_path / "key.pem").write_bytes(key)
        return tmp_path / "chain.pem", tmp_path / "key.pem"

    return issue


# -- the servers -------------------------------------------------------------------------------------------------------


@contextmanager
def smtp_server(tls: ssl.SSLContext | None) -> Iterator[int]:
    loop = asyncio.new_event_loop()
    listener = socket.create_server(("127.0.0.1", 0))

    async def serve() -> None:
        await loop.create_server(
            lambda: SMTP(object(), hostname="mail.test", tls_context=tls, loop=loop), sock=listener
        )

    loop.run_until_complete(serve())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listener.close()


@pytest.fixture
def smtp(certificate: Callable[..., tuple[Path, Path]], request: pytest.FixtureRequest) -> Start:
    def start(*names: str, **dates: datetime) -> int:
        context = None
        if names:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate(*names, **dates))
        running = smtp_server(context)
        port = running.__enter__()
        request.addfinalizer(lambda: running.__exit__(None, None, None))
        return port

    return start


class Cluster:
    """A PostgreSQL of our own. It refuses to run as root, and then runs as the user of Debian's package."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._user: str | None = "postgres" if os.geteuid() == 0 else None
        self._own(folder)
        settings = ("--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--username=watch")
        self._run("initdb", f"--pgdata={folder / 'cluster'}", *settings)

    @contextmanager
    def running(self, port: int, files: tuple[Path, Path] | None) -> Iterator[int]:
        settings = ["ssl=off"]
        if files is not None:
            chain, key = (shutil.copy(file, self._folder) for file in files)
            self._own(Path(chain), Path(key))
            settings = ["ssl=on", f"ssl_cert_file={chain}", f"ssl_key_file={key}"]
        settings += [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
        command = [str(self._programs / "postgres"), "-D", str(self._folder / "cluster")]
        log = self._folder / "log"
        with (
            log.open("w") as written,
            subprocess.Popen(
                [*command, *(word for setting in settings for word in ("-c", setting))],
                stdout=written,
                stderr=written,
                cwd=self._folder,
                user=self._user,
            ) as process,
        ):
            try:
                _wait_for(port, process, log)
                yield port
            finally:
                process.send_signal(signal.SIGQUIT)  # at once: nothing of it is worth keeping

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), *arguments],
            check=True,
            cwd=self._folder,
            user=self._user,
            stdout=subprocess.DEVNULL,
        )

    def _own(self, *paths: Path) -> None:
        for path in paths:
            path.chmod(0o700)
            if self._user is not None:
                shutil.chown(path, self._user)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as knock:
            knock.settimeout(1)
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(f"PostgreSQL does not listen: {log.read_text()}")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    # Not below pytest's own folder, which no other user may enter.
    folder = Path(tempfile.mkdtemp(prefix="watchkeeper-postgres-"))
    try:
        yield Cluster(folder, found[-1].parent)
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgres(
    cluster: Cluster,
    certificate: Callable[..., tuple[Path, Path]],
    free_port: Callable[[], int],
    request: pytest.FixtureRequest,
) -> Start:
    def start(*names: str, **dates: datetime) -> int:
        running = cluster.running(free_port(), certificate(*names, **dates) if names else None)
        port = running.__enter__()
        request.addfinalizer(lambda: running.__exit__(None, None, None))
        return port

    return start


@pytest.fixture(params=["smtp", pytest.param("postgres", marks=pytest.mark.real)])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def start(protocol: str, request: pytest.FixtureRequest) -> Start:
    found: Start = request.getfixturevalue(protocol)
    return found


# -- what is said of them ----------------------------------------------------------------------------------------------


def test_a_good_certificate_is_good_for_as_long_as_it_says(protocol: str, start: Start, ask: Ask) -> None:
    ends = datetime.now(UTC) + 90 * DAY

    finding = ask(protocol, start("127.0.0.1", ends=ends))

    assert (finding.outcome, finding.detail, finding.warnings) == (Outcome.OK, "", ())
    assert abs(finding.facts[EXPIRES_AT] - ends.timestamp()) <= 1
    assert isinstance(finding.answer, StreamAnswer)
    assert finding.answer.protocol == "TLSv1.3"
    assert finding.answer.certificates[0].issuer.startswith("O=trustme")


@pytest.mark.parametrize(
    ("names", "begins", "ends", "words"),
    [
        (("127.0.0.1",), -30, -1, "the certificate has expired"),
        (("127.0.0.1",), 1, 90, "the certificate is not valid yet: compare the clocks"),
        (("mail.example",), -1, 90, "the certificate is for another address"),
    ],
    ids=["expired", "not yet valid", "wrong name"],
)
def test_a_bad_one_is_refused_for_what_is_bad_of_it(
    protocol: str, start: Start, ask: Ask, names: tuple[str, ...], begins: int, ends: int, words: str
) -> None:
    now = datetime.now(UTC)
    port = start(*names, begins=now + begins * DAY, ends=now + ends * DAY)

    finding = ask(protocol, port)

    assert (finding.outcome, finding.reason) == (Outcome.FAILED, Reason.CERTIFICATE)
    assert finding.detail == f"certificate of 127.0.0.1:{port} refused: {words}"


def test_one_for_the_name_that_is_asked_for_is_good(protocol: str, start: Start, ask: Ask) -> None:
    port = start("mail.example", ends=datetime.now(UTC) + 90 * DAY)

    assert ask(protocol, port, name="mail.example").outcome is Outcome.OK
    other = ask(protocol, port, name="db.example")
    assert other.detail == f"certificate of 127.0.0.1:{port} refused: the certificate is for another name"


@pytest.mark.parametrize(
    ("days", "outcome", "words"),
    [(15, Outcome.OK, "the certificate expires in 14 days"), (5, Outcome.FAILED, "expires in 4 days, wanted 7 days")],
)
def test_one_that_will_not_do_for_long_is_told_before(
    protocol: str, start: Start, ask: Ask, days: int, outcome: Outcome, words: str
) -> None:
    finding = ask(protocol, start("127.0.0.1", ends=datetime.now(UTC) + days * DAY))

    assert finding.outcome is outcome
    assert words in (finding.detail or finding.warnings[0])


def test_a_ca_that_is_not_known_is_not_trusted(protocol: str, start: Start, ask: Ask) -> None:
    finding = ask(protocol, start("127.0.0.1"), ca_file=None)

    assert finding.reason is Reason.CERTIFICATE
    assert "issued by a CA that is not known here" in finding.detail


def test_a_server_that_offers_no_tls_says_so(protocol: str, start: Start, ask: Ask) -> None:
    port = start()

    finding = ask(protocol, port)

    assert (finding.outcome, finding.reason) == (Outcome.FAILED, Reason.BODY)
    said = {
        "smtp": f"127.0.0.1:{port} said '454 TLS not available', wanted a line that matches ^220( |$)",
        "postgres": f"127.0.0.1:{port} said b'N', wanted b'S'",
    }
    assert finding.detail == said[protocol]

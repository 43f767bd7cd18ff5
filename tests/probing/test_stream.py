"""Conversations with real servers on the loopback: what each way of failing is called, and nothing is left over."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from checks.result import Reason
from checks.starttls import SCRIPTS
from checks.stream import Security, Step, StreamAnswer, StreamRequest
from monitor.probing.engine import Engine

Ask = Callable[..., StreamAnswer]
Serve = Callable[..., Any]

EXPECT_OK = (Step(expect="^OK (.*)$"),)


@pytest.fixture
def ask(engine: Engine, turn_until: Callable[..., None]) -> Ask:
    def ask(url: str, *script: Step, **fields: Any) -> StreamAnswer:
        answers: list[StreamAnswer] = []
        engine.submit(StreamRequest(url=url, script=script, **{"timeout": 10.0, **fields}), answers.append)
        assert answers == []
        turn_until(engine, lambda: bool(answers))
        assert engine.in_flight == 0
        (answer,) = answers
        return answer

    return ask


def at(server: Any) -> str:
    return f"tcp://127.0.0.1:{server.port}"


def says(*lines: bytes) -> Callable[[socket.socket, Any], None]:
    """Greets with the first line, and answers each line that it hears with the next."""

    def talk(peer: socket.socket, server: Any) -> None:
        peer.sendall(lines[0])
        for line in lines[1:]:
            server.heard.append(_line(peer))
            peer.sendall(line)
        server.over.wait(0.2)

    return talk


def _line(peer: socket.socket) -> bytes:
    heard = b""
    while not heard.endswith(b"\n"):
        byte = peer.recv(1)
        if not byte:
            break
        heard += byte
    return heard


def secures(context: ssl.SSLContext, before: bytes, after: bytes) -> Callable[[socket.socket, Any], None]:
    """Answers one line with *before*, and goes on in private."""

    def talk(peer: socket.socket, server: Any) -> None:
        server.heard.append(_line(peer))
        peer.sendall(before)
        with context.wrap_socket(peer, server_side=True) as private:
            private.sendall(after)
            server.heard.append(_line(private))

    return talk


def test_a_port_that_listens_is_all_that_is_wanted_without_a_script(ask: Ask, serve: Serve) -> None:
    server = serve(says(b"hello\n"))

    answer = ask(at(server))

    assert answer.error is None
    assert answer.address == "127.0.0.1"
    assert answer.timings is not None
    assert answer.timings.connect > 0
    assert answer.timings.first_byte == answer.timings.transfer == 0.0


def test_a_script_is_played_and_what_was_caught_is_sent_back(ask: Ask, serve: Serve) -> None:
    server = serve(says(b"220 mail.example\r\n", b"OK nice\r\n"))

    answer = ask(at(server), Step(expect=r"^220 (\S+)"), Step(send=b"HELO $1\r\n"), *EXPECT_OK)

    assert answer.error is None
    assert answer.groups == ("OK nice", "nice")
    assert answer.body == b"220 mail.example\r\nOK nice\r\n"
    assert server.heard == [b"HELO mail.example\r\n"]
    assert answer.timings is not None
    assert answer.timings.first_byte > 0


def test_a_name_is_resolved_and_one_that_does_not_exist_is_said_so(ask: Ask, serve: Serve) -> None:
    server = serve(says(b"OK x\n"))

    assert ask(f"tcp://localhost:{server.port}", *EXPECT_OK).error is None
    error = ask("tcp://nobody.invalid:25").error

    assert error is not None
    assert error.reason is Reason.DNS
    assert error.detail.startswith("the name nobody.invalid could not be resolved")


def test_a_port_that_refuses_is_refused(ask: Ask, hell: ModuleType) -> None:
    with hell.closed_port() as taken:
        error = ask(f"tcp://127.0.0.1:{taken.getsockname()[1]}").error

    assert error is not None
    assert (error.reason, error.before_any_byte) == (Reason.REFUSED, True)
    assert error.detail.endswith("refused: nothing listens there")


def test_silence_is_a_timeout_that_names_what_was_waited_for(ask: Ask, serve: Serve, hell: ModuleType) -> None:
    def holds(_peer: socket.socket, server: Any) -> None:
        server.over.wait(20)

    server = serve(holds)

    error = ask(at(server), *EXPECT_OK, timeout=0.3).error

    assert error is not None
    assert (error.reason, error.before_any_byte) == (Reason.TIMEOUT, True)
    assert error.detail == (
        f"no answer within 0.3 s: 127.0.0.1:{server.port}, waited for a line that matches ^OK (.*)$"
    )


def test_a_door_that_is_slammed_is_a_reset(ask: Ask, serve: Serve, hell: ModuleType) -> None:
    server = serve(lambda peer, _server: (_line(peer), hell.slam(peer)))

    error = ask(at(server), Step(send=b"hello\n"), *EXPECT_OK).error

    assert error is not None
    assert error.reason is Reason.RESET
    assert error.detail == f"127.0.0.1:{server.port} reset the connection before it answered"


def test_a_target_that_never_reads_does_not_hold_the_loop(ask: Ask, serve: Serve) -> None:
    def deaf(_peer: socket.socket, server: Any) -> None:
        server.over.wait(20)

    server = serve(deaf)

    error = ask(at(server), Step(send=b"x" * 50_000_000), *EXPECT_OK, timeout=0.5).error

    assert error is not None
    assert error.reason is Reason.TIMEOUT
    assert error.detail.endswith(f"waited for 127.0.0.1:{server.port} to take what we send")


def test_a_socket_of_this_machine_is_asked_by_its_path(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "s"

    def greet(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"OK here\n")
            peer.recv(1)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=greet, args=(listener,), daemon=True).start()
        answer = ask(f"unix:{path}", *EXPECT_OK)

    assert answer.error is None
    assert answer.line == "OK here"
    path.unlink()
    error = ask(f"unix:{path}").error
    assert error is not None
    assert error.reason is Reason.UNREACHABLE
    assert "No such file" in error.detail


class TestSecured:
    def test_a_connection_is_secured_from_the_beginning(self, ask: Ask, serve: Serve, authority: Any) -> None:
        server = serve(says(b"OK private\n"), authority.good())

        answer = ask(at(server), *EXPECT_OK, security=Security(ca_file=authority.file))

        assert answer.error is None
        assert answer.line == "OK private"
        assert answer.protocol == "TLSv1.3"
        assert answer.timings is not None
        assert answer.timings.tls > 0
        own = answer.certificates[0]
        assert own.expires_in > 86400
        assert own.begins_in < 0
        assert "O=trustme" in own.issuer

    def test_or_where_the_script_says_so(self, ask: Ask, serve: Serve, authority: Any) -> None:
        server = serve(secures(authority.good(), b"+OK\r\n", b"OK private\n"))

        answer = ask(
            at(server),
            Step(send=b"STLS\r\n"),
            Step(expect=r"^\+OK"),
            Step(starttls=True),
            *EXPECT_OK,
            Step(send=b"QUIT\r\n"),
            security=Security(ca_file=authority.file),
        )

        assert answer.error is None
        assert answer.line == "OK private"
        assert server.heard[0] == b"STLS\r\n"

    @pytest.mark.parametrize(
        ("kind", "with_ca", "words"),
        [
            ("good", False, "issued by a CA that is not known here"),
            ("expired", True, "the certificate has expired"),
            ("for_another_name", True, "the certificate is for another"),
            ("self_signed", True, "the certificate is self-signed"),
        ],
    )
    def test_a_certificate_is_refused_in_the_words_of_an_http_check(
        self, ask: Ask, serve: Serve, authority: Any, kind: str, with_ca: bool, words: str
    ) -> None:
        server = serve(says(b"OK\n"), getattr(authority, kind)())

        error = ask(at(server), security=Security(ca_file=authority.file if with_ca else None)).error

        assert error is not None
        assert (error.reason, error.before_any_byte) == (Reason.CERTIFICATE, False)
        assert error.detail.startswith(f"certificate of 127.0.0.1:{server.port} refused: {words}")

    @pytest.mark.parametrize("kind", ["expired", "for_another_name", "self_signed"])
    def test_unverified_it_is_read_all_the_same(self, ask: Ask, serve: Serve, authority: Any, kind: str) -> None:
        server = serve(says(b"OK\n"), getattr(authority, kind)())

        answer = ask(at(server), security=Security(verify=False))

        assert answer.error is None
        assert (answer.certificates[0].expires_in < 0) is (kind == "expired")

    def test_another_name_may_be_asked_for(self, ask: Ask, serve: Serve, authority: Any) -> None:
        server = serve(says(b"OK\n"), authority.for_another_name())

        answer = ask(at(server), security=Security(ca_file=authority.file, name="other.example"))

        assert answer.error is None

    def test_one_that_speaks_in_the_clear_fails_the_handshake(self, ask: Ask, serve: Serve) -> None:
        server = serve(says(b"220 hello, this is no TLS\r\n"))

        error = ask(at(server), security=Security(verify=False)).error

        assert error is not None
        assert error.reason is Reason.TLS
        assert "it speaks plain HTTP there, or not TLS at all" in error.detail

    def test_one_that_hangs_up_in_the_middle_of_it_is_a_reset(self, ask: Ask, serve: Serve) -> None:
        server = serve(lambda peer, _server: peer.recv(5))

        error = ask(at(server), security=Security(verify=False)).error

        assert error is not None
        assert error.reason is Reason.RESET
        assert error.detail == f"127.0.0.1:{server.port} hung up during the TLS handshake"

    def test_a_file_of_authorities_that_cannot_be_read_is_our_trouble(
        self, ask: Ask, serve: Serve, authority: Any, tmp_path: Path
    ) -> None:
        server = serve(says(b"OK\n"), authority.good())

        error = ask(at(server), security=Security(ca_file=str(tmp_path / "gone.pem"))).error

        assert error is not None
        assert error.reason is Reason.INTERNAL
        assert error.detail.startswith("no CA certificates (")

    def test_what_is_smuggled_in_before_the_handshake_is_a_fault(self, ask: Ask, serve: Serve, authority: Any) -> None:
        server = serve(secures(authority.good(), b"+OK\r\nOK smuggled\r\n", b""))

        error = ask(at(server), *SCRIPTS["pop3"][1:], *EXPECT_OK, security=Security(ca_file=authority.file)).error

        assert error is not None
        assert error.reason is Reason.PROTOCOL


def test_hundreds_of_conversations_leave_no_descriptor_behind(
    engine: Engine, serve: Serve, turn_until: Callable[..., None], hell: ModuleType, authority: Any
) -> None:
    """Good and bad ones: each ends in one answer, and the loop sleeps afterwards."""
    good, silent = serve(says(b"OK x\n")), serve(lambda peer, _server: hell.slam(peer))
    private = serve(says(b"OK x\n"), authority.good())
    answers: list[StreamAnswer] = []
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        for server, security in ((good, None), (silent, None), (private, Security(verify=False))):
            for _ in range(20):
                request = StreamRequest(url=at(server), script=EXPECT_OK, security=security, timeout=30.0)
                engine.submit(request, answers.append)
        expected = len(answers) + 60
        turn_until(engine, lambda expected=expected: len(answers) == expected)

    assert sum(answer.error is None for answer in answers) == 200
    assert engine.in_flight == 0
    turn_until(engine, lambda: len(list(Path("/proc/self/fd").iterdir())) <= before + 5)


def test_an_answer_that_waits_is_heard_though_we_were_held_up_beyond_its_time(
    engine: Engine, serve: Serve, turn_until: Callable[..., None], hell: ModuleType
) -> None:
    """A machine that stands still for a moment must not call its targets silent."""
    answered = threading.Event()

    def talk(peer: socket.socket, _server: Any) -> None:
        _line(peer)
        peer.sendall(b"OK\n")
        answered.set()

    server = serve(talk)
    answers: list[StreamAnswer] = []
    engine.submit(
        StreamRequest(url=at(server), script=(Step(send=b"hello\n"), Step(expect="^OK")), timeout=3.0), answers.append
    )
    while not answered.is_set():
        engine.turn(0.01)
    time.sleep(3.1)  # held up
    turn_until(engine, lambda: bool(answers))

    assert answers[0].error is None


def test_one_that_resets_before_it_is_secured_has_done_so_itself(ask: Ask, serve: Serve) -> None:
    def talk(peer: socket.socket, _server: Any) -> None:
        peer.sendall(b"220 go ahead\r\n")
        # Both are there before we have read the first: the connection is gone when we want to secure it.
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()

    server = serve(talk)

    for _ in range(20):
        error = ask(at(server), Step(expect="^220"), Step(starttls=True), security=Security(verify=False)).error
        assert error is not None
        assert error.reason is Reason.RESET

"""Questions to name servers that refuse, say nothing, lie, flood, or say more than fits: over real sockets."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest

from checks.datagram import DnsAnswer, DnsRequest
from checks.dns_message import Query
from checks.result import Reason
from checks.stream import Security
from monitor.probing.engine import Engine

WWW = Query("www.example.com")
Ask = Callable[..., DnsAnswer]
Reply = Callable[[bytes], list[bytes]]
Begin = Callable[..., int]


@pytest.fixture
def ask(engine: Engine, turn_until: Callable[..., None]) -> Ask:
    def ask(url: str, query: Query = WWW, **fields: Any) -> DnsAnswer:
        answers: list[DnsAnswer] = []
        engine.submit(DnsRequest(url=url, query=query, **{"timeout": 30.0, **fields}), answers.append)
        assert answers == []
        turn_until(engine, lambda: bool(answers))
        assert engine.in_flight == 0
        (answer,) = answers
        return answer

    return ask


@pytest.fixture
def name_server(request: pytest.FixtureRequest) -> Begin:
    """Answers each question with the datagrams that a function makes of it. Its port."""

    def begin(reply: Reply, host: str = "127.0.0.1") -> int:
        made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((host, 0))
        made.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                with suppress(TimeoutError, ConnectionError):
                    query, peer = made.recvfrom(65535)
                    for datagram in reply(query):
                        made.sendto(datagram, peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()

        def end() -> None:
            over.set()
            thread.join()
            made.close()

        request.addfinalizer(end)
        return int(made.getsockname()[1])

    return begin


def answered(query: bytes, *addresses: str, flags: int = 0x8180) -> bytes:
    records = b"".join(b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4" + socket.inet_aton(address) for address in addresses)
    return query[:2] + struct.pack("!5H", flags, 1, len(addresses), 0, 0) + query[12:] + records


def well(query: bytes) -> list[bytes]:
    return [answered(query, "192.0.2.1")]


def addresses(answer: DnsAnswer) -> list[str]:
    assert answer.error is None, answer.error
    assert answer.message is not None
    return [record.rdata for record in answer.message.answer]


def test_an_answer_is_read_and_timed(ask: Ask, name_server: Begin) -> None:
    answer = ask(f"udp://127.0.0.1:{name_server(well)}")

    assert addresses(answer) == ["192.0.2.1"]
    assert answer.address == "127.0.0.1"
    assert answer.timings is not None
    assert answer.timings.first_byte > 0
    assert answer.timings.connect == answer.timings.tls == answer.timings.transfer == 0


def test_a_server_of_the_other_family_is_asked_too(ask: Ask, name_server: Begin) -> None:
    try:
        port = name_server(well, "::1")
    except OSError:
        pytest.skip("no IPv6 on this machine's loopback")

    answer = ask(f"udp://[::1]:{port}")

    assert addresses(answer) == ["192.0.2.1"]
    assert answer.address == "::1"


def test_a_name_with_two_addresses_is_asked_at_the_second_where_the_first_refuses(ask: Ask, name_server: Begin) -> None:
    answer = ask(f"udp://localhost:{name_server(well)}")  # and nothing is at that port of ::1

    assert addresses(answer) == ["192.0.2.1"]
    assert answer.address == "127.0.0.1"


def test_no_two_questions_have_the_same_id_and_port(ask: Ask, name_server: Begin) -> None:
    ids = list[bytes]()

    def note(query: bytes) -> list[bytes]:
        ids.append(query[:2])
        return well(query)

    port = name_server(note)
    for _ in range(20):
        ask(f"udp://127.0.0.1:{port}")

    assert len(set(ids)) > 15  # of 65,536: twice the same may be, five times the same is none of chance's doings


def test_a_port_that_nobody_has_is_refused(ask: Ask, engine: Engine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.connect(("127.0.0.1", 9))  # it is nobody else's, and takes nothing from us
        error = ask(f"udp://127.0.0.1:{port}").error

    assert error is not None
    assert (error.reason, error.detail) == (Reason.REFUSED, f"127.0.0.1:{port} refused: nothing listens there")


def test_silence_is_a_timeout_and_may_be_our_own(ask: Ask, name_server: Begin) -> None:
    port = name_server(lambda query: [])

    error = ask(f"udp://127.0.0.1:{port}", timeout=0.2).error

    assert error is not None
    assert (error.reason, error.before_any_byte) == (Reason.TIMEOUT, True)
    assert error.detail == (
        f"no answer within 0.2 s: 127.0.0.1:{port}, waited for the answer to www.example.com A"
    )  # fmt: skip


def test_a_name_that_does_not_exist_is_said_so(ask: Ask) -> None:
    error = ask("udp://nobody.invalid:53").error

    assert error is not None
    assert error.reason is Reason.DNS
    assert error.detail.startswith("the name nobody.invalid could not be resolved")


def test_many_questions_to_one_name_are_one_lookup_and_all_are_told(
    engine: Engine, turn_until: Callable[..., None]
) -> None:
    answers: list[DnsAnswer] = []
    for _ in range(300):
        engine.submit(DnsRequest(url="udp://nobody.invalid:53", query=WWW, timeout=30.0), answers.append)

    assert engine.in_flight == 300
    turn_until(engine, lambda: len(answers) == 300)

    assert {answer.error.reason for answer in answers if answer.error} == {Reason.DNS}
    assert engine.in_flight == 0


class TestLies:
    def test_what_somebody_else_says_is_passed_over(self, ask: Ask, name_server: Begin) -> None:
        def lies(query: bytes) -> list[bytes]:
            other = bytes((query[0] ^ 1,)) + query[1:]
            elsewhere = query.replace(b"www", b"ftp")
            return [
                b"", b"\0", query, answered(other, "203.0.113.1"), answered(elsewhere, "203.0.113.2"), *well(query)
            ]  # fmt: skip

        assert addresses(ask(f"udp://127.0.0.1:{name_server(lies)}")) == ["192.0.2.1"]

    def test_where_nothing_else_came_it_is_told_and_our_network_is_not_to_blame(
        self, ask: Ask, name_server: Begin, patiently: Callable[..., Any]
    ) -> None:
        port = name_server(lambda query: [b"hello", query])

        error = patiently(
            lambda seconds: ask(f"udp://127.0.0.1:{port}", timeout=seconds).error,
            lambda error: "2 datagrams" in error.detail,
        )

        assert (error.reason, error.before_any_byte) == (Reason.TIMEOUT, False)
        assert error.detail.endswith("the answer to www.example.com A; 2 datagrams that came are not it")

    def test_a_flood_of_them_does_not_drown_the_answer(self, ask: Ask, name_server: Begin) -> None:
        port = name_server(lambda query: [b"no"] * 150 + well(query))

        assert addresses(ask(f"udp://127.0.0.1:{port}")) == ["192.0.2.1"]

    def test_an_answer_that_cannot_be_read_is_the_servers_fault(self, ask: Ask, name_server: Begin) -> None:
        port = name_server(lambda query: [answered(query, "192.0.2.1")[:-2]])

        error = ask(f"udp://127.0.0.1:{port}").error

        assert error is not None
        assert (error.reason, error.before_any_byte) == (Reason.PROTOCOL, False)
        assert error.detail == (
            f"the answer of 127.0.0.1:{port} to www.example.com A ends in the middle of a record"
        )  # fmt: skip


class Both:
    """A server whose answer over UDP was cut, and who says over TCP what *talk* says, at the same port."""

    def __init__(self, name_server: Begin, hell: ModuleType, talk: Callable[..., None] | None) -> None:
        self.server: Any = None
        for _ in range(50):
            self.port = name_server(lambda query: [answered(query, flags=0x8380)])
            with suppress(OSError):
                listener = socket.create_server(("127.0.0.1", self.port), backlog=16)
                break
        if talk is None:
            listener.close()
        else:
            self.server = hell.Hell(talk, listener=listener)

    @property
    def url(self) -> str:
        return f"udp://127.0.0.1:{self.port}"


@pytest.fixture
def both(request: pytest.FixtureRequest, name_server: Begin, hell: ModuleType) -> Callable[..., Both]:
    def begin(talk: Callable[..., None] | None) -> Both:
        made = Both(name_server, hell, talk)
        if made.server is not None:
            request.addfinalizer(made.server.close)
        return made

    return begin


def over_tcp(peer: socket.socket, server: Any) -> None:
    query = sized(peer)
    server.heard.append(query)
    answer = answered(query, *(f"192.0.2.{n}" for n in range(200)))
    peer.sendall((len(answer).to_bytes(2, "big") + answer)[:100])
    peer.sendall((len(answer).to_bytes(2, "big") + answer)[100:])
    server.over.wait(20)


def sized(peer: socket.socket) -> bytes:
    heard = b""
    while len(heard) < 2 or len(heard) < 2 + int.from_bytes(heard[:2], "big"):
        more = peer.recv(4096)
        if not more:
            break
        heard += more
    return heard[2:]


class TestOverTcp:
    def test_what_was_cut_is_asked_for_once_more(self, ask: Ask, both: Callable[..., Both]) -> None:
        server = both(over_tcp)

        answer = ask(server.url)

        assert len(addresses(answer)) == 200
        assert answer.url == server.url
        assert answer.timings is not None
        assert answer.timings.connect > 0
        assert len(server.server.heard) == 1

    def test_whoever_answered_once_is_to_blame_when_he_cannot_be_reached(
        self, ask: Ask, both: Callable[..., Both]
    ) -> None:
        server = both(None)

        error = ask(server.url).error

        assert error is not None
        assert (error.reason, error.before_any_byte) == (Reason.REFUSED, False)
        assert error.detail == (
            f"the answer was cut, and over TCP: connect to 127.0.0.1:{server.port} refused: nothing listens there"
        )

    def test_or_says_nothing(self, ask: Ask, both: Callable[..., Both], patiently: Callable[..., Any]) -> None:
        server = both(lambda peer, server: server.over.wait(60))

        error = patiently(
            lambda seconds: ask(server.url, timeout=seconds).error, lambda error: "over TCP" in error.detail
        )

        assert (error.reason, error.before_any_byte) == (Reason.TIMEOUT, False)
        assert error.detail.startswith("the answer was cut, and over TCP: no answer within ")
        assert error.detail.endswith("waited for its answer")

    def test_it_can_be_asked_over_a_connection_from_the_beginning(self, ask: Ask, serve: Any) -> None:
        server = serve(over_tcp)

        answer = ask(f"tcp://127.0.0.1:{server.port}")

        assert len(addresses(answer)) == 200
        assert answer.timings is not None
        assert answer.timings.connect > 0

    def test_and_secured(self, ask: Ask, serve: Any, authority: Any) -> None:
        server = serve(over_tcp, authority.good())
        url = f"tcp://127.0.0.1:{server.port}"

        answer = ask(url, security=Security(ca_file=authority.file))

        assert len(addresses(answer)) == 200
        assert answer.timings is not None
        assert answer.timings.tls > 0
        error = ask(url, security=Security()).error
        assert error is not None
        assert error.reason is Reason.CERTIFICATE

    def test_an_answer_to_another_question_is_none(self, ask: Ask, serve: Any) -> None:
        def lies(peer: socket.socket, server: Any) -> None:
            answer = answered(sized(peer).replace(b"www", b"ftp"), "192.0.2.1")
            peer.sendall(len(answer).to_bytes(2, "big") + answer)

        server = serve(lies)

        error = ask(f"tcp://127.0.0.1:{server.port}").error

        assert error is not None
        assert error.reason is Reason.PROTOCOL
        assert error.detail == (
            f"the answer of 127.0.0.1:{server.port} to www.example.com A is to another question"
        )  # fmt: skip

    def test_one_who_hangs_up_in_the_middle_of_it_is_told(self, ask: Ask, serve: Any) -> None:
        server = serve(lambda peer, _server: (sized(peer), peer.sendall(b"\1\0only")))

        error = ask(f"tcp://127.0.0.1:{server.port}").error

        assert error is not None
        assert error.reason is Reason.BODY
        assert error.detail.endswith("closed the connection, where we waited for the rest of its answer")


def test_what_is_abandoned_leaves_nothing_behind(name_server: Begin) -> None:
    bugs: list[BaseException] = []
    engine = Engine(bugs.append)
    told: list[DnsAnswer] = []
    engine.submit(
        DnsRequest(url=f"udp://127.0.0.1:{name_server(lambda query: [])}", query=WWW), told.append
    )  # fmt: skip
    engine.turn(0.0)

    engine.close()

    assert (engine.in_flight, told, bugs) == (0, [], [])

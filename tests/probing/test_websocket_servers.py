"""The websocket check against a real WebSocket server, in the clear and over TLS, and against what is none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from checks.check import Finding
from checks.kinds import kind, kind_of
from checks.result import EXPIRES_AT, Outcome, Reason
from checks.stream import Security, Step, StreamAnswer
from checks.websocket import Question, judge, requests
from monitor.probing.engine import Engine
from monitor.probing.websocket import accept

Talk = Callable[[ServerConnection], None]
Start = Callable[..., "Feed"]
Ask = Callable[..., Finding]


class Feed:
    """
    Attributes:
        heard: Text messages of all connections.
        closed: The code and the reason with which each connection was closed by the other side.
        upgrades: The headers of each opening handshake.
    """

    def __init__(self, talk: Talk, tls: Any, **options: Any) -> None:
        self._talk = talk
        self.heard: list[str | bytes] = []
        self.closed: list[tuple[int, str]] = []
        self.upgrades: list[Any] = []
        self.over = threading.Event()
        self._server: Server = serve(self._serve, "127.0.0.1", 0, ssl=tls, **options)
        self.port = self._server.socket.getsockname()[1]
        self.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{self.port}/feed?x=1"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _serve(self, peer: ServerConnection) -> None:
        self.upgrades.append(peer.request)
        try:
            self._talk(peer)
            for message in peer:
                self.heard.append(message)
        except ConnectionClosed:
            pass
        finally:
            if (goodbye := peer.protocol.close_rcvd) is not None:
                self.closed.append((goodbye.code, goodbye.reason))
            self.over.set()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Feed] = []

    def start(talk: Talk = lambda _peer: None, tls: Any = None, **options: Any) -> Feed:
        running.append(Feed(talk, tls, **options))
        return running[-1]

    yield start
    for feed in running:
        feed.close()


@pytest.fixture
def ask(engine: Engine, turn_until: Callable[..., None]) -> Ask:
    def ask(question: Question, timeout: float = 20.0) -> Finding:
        answers: list[StreamAnswer] = []
        (request,) = requests(question, timeout)
        engine.submit(request, answers.append, (("traceparent", "00-ours"),))
        turn_until(engine, lambda: bool(answers), within=30.0)
        assert engine.in_flight == 0
        return judge(question, tuple(answers), {})

    return ask


def test_one_that_opens_is_ok_and_is_said_goodbye_to(start: Start, ask: Ask) -> None:
    feed = start()
    question = Question(url=feed.url, headers=(("X-Tenant", "a"),))

    finding = ask(question)

    assert kind("websocket") is kind_of(question)
    assert (finding.outcome, finding.detail) == (Outcome.OK, "")
    assert feed.over.wait(20)
    assert feed.closed == [(1000, "")]
    (upgrade,) = feed.upgrades
    assert upgrade.path == "/feed?x=1"
    assert upgrade.headers["Host"] == f"127.0.0.1:{feed.port}"
    assert (upgrade.headers["X-Tenant"], upgrade.headers["traceparent"]) == ("a", "00-ours")
    assert finding.answer is not None
    assert finding.answer.address == "127.0.0.1"
    assert finding.answer.timings is not None
    assert finding.answer.timings.first_byte > 0


def test_a_script_is_played_with_pings_and_fragments_in_between(start: Start, ask: Ask) -> None:
    def talk(peer: ServerConnection) -> None:
        peer.send("welcome")
        name = peer.recv()
        pong = peer.ping("are you there")
        peer.send(["you ", "are ", str(name)])
        assert pong.wait(20)
        peer.send(b"\xffbinary 7")
        feed.heard.append("answered a ping")

    feed = start(talk)
    script = (
        Step(send="Zoë".encode()),
        Step(expect="^you are (.*)$"),
        Step(expect=r"binary (\d)"),
        Step(send=b"bye $1"),
    )

    finding = ask(Question(url=feed.url, script=script))

    assert finding.outcome is Outcome.OK
    assert feed.over.wait(20)
    assert feed.heard == ["answered a ping", "bye 7"]
    assert feed.closed == [(1000, "")]


def test_a_large_message_is_read_as_a_whole_both_ways(start: Start, ask: Ask) -> None:
    feed = start(lambda peer: peer.send(f"first {len(peer.recv())} " + "x" * 900_000))

    finding = ask(Question(url=feed.url, script=(Step(send=b"y" * 70_000), Step(expect="^first 70000 xxx"))))

    assert finding.outcome is Outcome.OK


def test_one_that_is_too_large_is_refused(start: Start, ask: Ask) -> None:
    feed = start(lambda peer: peer.send("x" * 1_100_000))

    finding = ask(Question(url=feed.url, script=(Step(expect="y"),)))

    assert (finding.outcome, finding.reason) == (Outcome.FAILED, Reason.PROTOCOL)
    assert "sent a message of more than 1048576 bytes" in finding.detail


def test_silence_names_what_was_waited_for(start: Start, ask: Ask, patiently: Callable[..., Finding]) -> None:
    feed = start(lambda peer: peer.send("starting"))
    question = Question(url=feed.url, script=(Step(expect="ready"),))

    finding = patiently(lambda seconds: ask(question, seconds), lambda finding: "starting" in finding.detail)

    assert (finding.reason, finding.excusable) == (Reason.TIMEOUT, False)
    assert finding.detail.endswith("waited for a message that matches ready; the last message was 'starting'")
    assert finding.answer is not None
    assert finding.answer.body == b"starting\n"


def test_a_server_that_closes_first_is_told_with_its_code(start: Start, ask: Ask) -> None:
    feed = start(lambda peer: peer.close(1013, "overloaded"))

    finding = ask(Question(url=feed.url, script=(Step(expect="ready"),)))

    assert finding.reason is Reason.BODY
    assert finding.detail == (
        f"127.0.0.1:{feed.port} closed the WebSocket with 1013 (try again later): 'overloaded', where we waited for a "
        "message that matches ready"
    )
    assert feed.over.wait(20)
    assert feed.closed == [(1013, "")], "and we have answered"


def test_a_subprotocol_is_agreed_on_or_missed(start: Start, ask: Ask) -> None:
    feed = start(subprotocols=["wamp", "mqtt"])

    assert ask(Question(url=feed.url, subprotocols=("soap", "mqtt"))).outcome is Outcome.OK
    finding = ask(Question(url=start().url, subprotocols=("soap",)))

    assert (finding.reason, finding.detail.partition(" ")[2]) == (
        Reason.HEADER,
        "chose no subprotocol, wanted soap",
    )


def test_one_that_refuses_us_is_told_with_its_status(start: Start, ask: Ask) -> None:
    def checked(peer: ServerConnection, request: Request) -> Response | None:
        return None if request.headers.get("Authorization") == "Bearer hunter2" else peer.respond(401, "no token\n")

    feed = start(process_request=checked)

    assert ask(Question(url=feed.url, headers=(("Authorization", "Bearer hunter2"),))).outcome is Outcome.OK
    finding = ask(Question(url=feed.url))

    assert (finding.outcome, finding.reason) == (Outcome.FAILED, Reason.STATUS)
    assert finding.detail == (f"127.0.0.1:{feed.port} answered 401 Unauthorized, wanted 101 Switching Protocols")


def test_over_tls_its_certificate_is_verified(start: Start, ask: Ask, authority: Any) -> None:
    feed = start(lambda peer: peer.send("private"), authority.good())
    script = (Step(expect="private"),)

    good = ask(Question(url=feed.url, script=script, security=Security(ca_file=authority.file)))
    assert good.outcome is Outcome.OK
    assert good.answer is not None
    assert good.answer.timings is not None
    assert good.answer.timings.tls > 0
    assert isinstance(good.answer, StreamAnswer)
    assert good.facts == {EXPIRES_AT: min(one.expires_at for one in good.answer.certificates)}
    assert ask(Question(url=feed.url)).reason is Reason.CERTIFICATE
    assert ask(Question(url=feed.url, security=Security(verify=False))).outcome is Outcome.OK


def test_one_that_wants_to_know_who_we_are_is_shown_a_certificate(
    start: Start, ask: Ask, authority: Any, tmp_path: Any
) -> None:
    feed = start(tls=authority.knows(authority.good()))
    key, chain = authority.pem("watchkeeper")
    (tmp_path / "key.pem").write_bytes(key)
    (tmp_path / "chain.pem").write_bytes(chain)
    ours = Security(ca_file=authority.file, certificate=str(tmp_path / "chain.pem"), key=str(tmp_path / "key.pem"))
    assert ask(Question(url=feed.url, security=ours)).outcome is Outcome.OK
    finding = ask(Question(url=feed.url, security=Security(ca_file=authority.file)))
    # It hangs up with our request unread, and the kernel may drop its last words for that.
    assert finding.outcome is Outcome.FAILED
    assert finding.reason in (Reason.TLS, Reason.RESET)
    assert finding.reason is Reason.RESET or finding.detail.endswith("it wants a client certificate")
    broken = ask(Question(url=feed.url, security=Security(certificate=str(tmp_path / "gone.pem"))))
    assert (broken.outcome, broken.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)
    assert broken.detail.startswith("the certificate that we show cannot be used (")


def test_a_port_that_refuses_is_refused(ask: Ask, hell: Any) -> None:
    with hell.closed_port() as taken:
        finding = ask(Question(url=f"ws://127.0.0.1:{taken.getsockname()[1]}/"))

    assert (finding.outcome, finding.reason) == (Outcome.FAILED, Reason.REFUSED)


def test_one_that_is_no_websocket_is_told_apart(serve: Callable[..., Any], ask: Ask, hell: Any) -> None:
    plain = serve(hell.say(hell.HELLO))

    finding = ask(Question(url=plain.url.replace("http:", "ws:")))

    assert finding.reason is Reason.STATUS
    assert finding.detail.endswith("answered 200 OK, wanted 101 Switching Protocols")
    assert finding.answer is not None
    assert finding.answer.body in (b"", b"hello")


def test_one_that_never_says_goodbye_has_answered_all_the_same(serve: Callable[..., Any], ask: Ask, hell: Any) -> None:
    """Its silence, its chatter and its hanging up are all after the end."""

    def upgrade(peer: socket.socket, server: Any) -> None:
        request = server.read_request(peer).decode()
        (key,) = [line.split()[1] for line in request.splitlines() if line.startswith("Sec-WebSocket-Key")]
        head = "HTTP/1.1 101 x\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: "
        peer.sendall(f"{head}{accept(key.encode())}\r\n\r\n".encode() + b"\x81\x05ready")

    def silent(peer: socket.socket, server: Any) -> None:
        upgrade(peer, server)
        server.over.wait(30)

    def slams(peer: socket.socket, server: Any) -> None:
        upgrade(peer, server)
        peer.recv(1)
        hell.slam(peer)

    def chatters(peer: socket.socket, server: Any) -> None:
        upgrade(peer, server)
        while not server.over.is_set():
            peer.sendall(b"\x81\x04more" * 1000)

    for talk in (silent, slams, chatters):
        url = serve(talk).url.replace("http:", "ws:")
        finding = ask(Question(url=url, script=(Step(expect="ready"),)))
        assert (finding.outcome, finding.detail) == (Outcome.OK, ""), talk.__name__

"""The opening handshake and the messages of a WebSocket, however the bytes of the server are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.result import Reason
from checks.stream import Step, WebSocketRequest
from monitor.probing.dialogue import Next
from monitor.probing.frames import masked
from monitor.probing.websocket import MAX_SAID, WebSocket, accept

# The key and its proof are those of RFC 6455, 1.3.
KEY, PROOF = b"the sample nonce", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
UPGRADED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Accept: " + PROOF.encode() + b"\r\n\r\n"
)
MASK = b"\1\2\3\4"
ASKS = (Step(send=b"hello $$1"), Step(expect="^you are (.*)", refuse="^no"), Step(send=b"bye $1"), Step(expect="bye"))


def begun(*script: Step, **fields: object) -> WebSocket:
    request = WebSocketRequest(url="tcp://shop.example:80", resource="ws://shop.example/feed?x=1", script=script)
    for name, value in fields.items():
        object.__setattr__(request, name, value)
    return WebSocket(request, (("User-Agent", "watchkeeper/1"),), lambda size: KEY if size == 16 else MASK)


def opened(*script: Step, **fields: object) -> WebSocket:
    socket = begun(*script, **fields)
    assert socket.next() is Next.SEND
    socket.sending()
    socket.hear(UPGRADED)
    return socket


def says(text: str) -> bytes:
    assert len(text) < 126
    return bytes([0x81, len(text.encode())]) + text.encode()


def sent(socket: WebSocket) -> tuple[int, bytes]:
    """The opcode and the payload of the one short frame that is due."""
    assert socket.next() is Next.SEND
    data = socket.sending()
    assert data[1] & 0x80
    assert data[2:6] == MASK
    assert len(data) == 6 + (data[1] & 0x7F)
    return data[0] & 0x0F, masked(data[6:], MASK)


def failure(socket: WebSocket) -> tuple[Reason, str]:
    while socket.next() is Next.SEND:
        socket.sending()
    assert socket.next() is Next.OVER
    assert socket.failed is not None
    return socket.failed.reason, socket.failed.detail


def test_the_proof_is_that_of_the_standard() -> None:
    assert accept(b"dGhlIHNhbXBsZSBub25jZQ==") == PROOF


def test_the_opening_handshake_holds_what_is_ours_and_what_is_configured() -> None:
    socket = begun(
        headers=(("Origin", "https://shop.example"), ("user-agent", "theirs")), subprotocols=("mqtt", "wamp")
    )

    assert socket.next() is Next.SEND
    assert socket.sending() == (
        b"GET /feed?x=1 HTTP/1.1\r\nHost: shop.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: mqtt, wamp\r\nOrigin: https://shop.example\r\nuser-agent: theirs\r\n\r\n"
    )
    assert socket.next() is Next.LISTEN
    assert socket.awaited == "its answer to the opening handshake"


@pytest.mark.parametrize(
    ("url", "first", "host"),
    [
        ("wss://shop.example", b"GET / HTTP/1.1", b"Host: shop.example"),
        ("ws://shop.example:8080?a=b", b"GET /?a=b HTTP/1.1", b"Host: shop.example:8080"),
        ("ws://[::1]:8080/a%20b", b"GET /a%20b HTTP/1.1", b"Host: [::1]:8080"),
        ("ws://b\u00fccher.example/\u00e4", b"GET /%C3%A4 HTTP/1.1", b"Host: xn--bcher-kva.example"),
    ],
)
def test_the_url_is_asked_for_as_it_goes_over_the_wire(url: str, first: bytes, host: bytes) -> None:
    lines = begun(resource=url).sending().split(b"\r\n")

    assert (lines[0], lines[1]) == (first, host)


def test_a_header_that_would_smuggle_in_another_is_not_sent() -> None:
    with pytest.raises(ValueError, match="a header holds a line break"):
        begun(headers=(("X", "a\r\nB: c"),))


def test_a_script_is_played_in_messages_and_ends_with_a_goodbye() -> None:
    socket = opened(*ASKS)

    assert sent(socket) == (1, b"hello $1")
    socket.hear(says("welcome") + says("you are 7"))
    assert sent(socket) == (1, b"bye 7")
    assert socket.next() is Next.LISTEN
    assert socket.awaited == "a message that matches bye"
    socket.hear(says("good bye"))
    assert not socket.leaving
    assert sent(socket) == (8, b"\x03\xe8")
    assert socket.leaving
    assert socket.next() is Next.LISTEN
    socket.hear(says("one more") + b"\x88\x02\x03\xe8")

    assert socket.next() is Next.OVER
    assert socket.failed is None
    assert socket.groups == ("good bye",)
    assert socket.said == b"welcome\nyou are 7\ngood bye\n"


@given(st.lists(st.integers(0, 400), max_size=8))
def test_where_the_bytes_are_cut_makes_no_difference(cuts: list[int]) -> None:
    said = UPGRADED + says("welcome") + b"\x01\x04you \x89\x02hi\x80\x05are 7" + says("bye") + b"\x88\x02\x03\xe8"
    socket = begun(*ASKS[1:2], ASKS[3])
    frames: list[bytes] = []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(said)], strict=True):
        while socket.next() is Next.SEND:
            frames.append(socket.sending())
        socket.hear(said[begin:end])
    while socket.next() is Next.SEND:
        frames.append(socket.sending())

    assert socket.next() is Next.OVER
    assert (socket.failed, socket.groups) == (None, ("bye",))
    pong, goodbye = b"".join(frames[1:])[:8], b"".join(frames[1:])[8:]
    assert (pong[0], masked(pong[6:], MASK)) == (0x8A, b"hi")
    assert (goodbye[0], masked(goodbye[6:], MASK)) == (0x88, b"\x03\xe8")


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!",
            Reason.STATUS,
            "answered 403 Forbidden, wanted 101 Switching Protocols",
        ),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            Reason.STATUS,
            "answered 200 OK, wanted 101 Switching Protocols",
        ),
        (
            UPGRADED.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
            Reason.PROTOCOL,
            "answered 101 without upgrading the connection to a WebSocket",
        ),
        (
            UPGRADED.replace(b"keep-alive, Upgrade", b"keep-alive"),
            Reason.PROTOCOL,
            "answered 101 without upgrading the connection to a WebSocket",
        ),
        (
            UPGRADED.replace(PROOF.encode(), b"c3RhbGU="),
            Reason.PROTOCOL,
            "answered 101 with a Sec-WebSocket-Accept that does not belong to our key",
        ),
        (
            UPGRADED[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
            Reason.PROTOCOL,
            "answered with an extension that was not offered",
        ),
        (
            UPGRADED[:-2] + b"Sec-WebSocket-Protocol: mqtt\r\n\r\n",
            Reason.HEADER,
            "chose the subprotocol mqtt, and none was offered",
        ),
        (
            b"SSH-2.0-OpenSSH\r\n",
            Reason.PROTOCOL,
            "does not speak HTTP as it should: Received HTTP/0.9 when not allowed",
        ),
        (
            b"HTTP/1.1 101 x\r\n" + (b"X: " + b"y" * 1000 + b"\r\n") * 70,
            Reason.PROTOCOL,
            "sent too many headers, or too long ones",
        ),
    ],
)
def test_an_answer_that_is_no_upgrade_is_told_for_what_it_is(answer: bytes, reason: Reason, words: str) -> None:
    socket = begun()
    socket.sending()

    socket.hear(answer)

    assert failure(socket) == (reason, words)


def test_the_body_of_a_refusal_is_the_evidence() -> None:
    socket = begun()

    socket.hear(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\nno token!")

    assert socket.said == b"no token!"


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (b"", "chose no subprotocol, wanted mqtt or wamp"),
        (b"Sec-WebSocket-Protocol: MQTT\r\n", "chose the subprotocol MQTT, wanted mqtt or wamp"),
        (b"Sec-WebSocket-Protocol: wamp\r\n", None),
    ],
)
def test_one_of_the_subprotocols_has_to_be_chosen(chosen: bytes, words: str | None) -> None:
    socket = begun(subprotocols=("mqtt", "wamp"))
    socket.sending()

    socket.hear(UPGRADED[:-2] + chosen + b"\r\n")

    if words is None:
        assert sent(socket) == (8, b"\x03\xe8")
    else:
        assert failure(socket) == (Reason.HEADER, words)


class TestEnds:
    def test_a_message_that_refuses_ends_it_at_once(self) -> None:
        socket = opened(*ASKS[1:])

        socket.hear(says("no way"))

        assert failure(socket) == (Reason.BODY, "said 'no way', wanted a message that matches ^you are (.*)")

    def test_a_search_without_end_fails_the_check_whose_expression_it_is(self) -> None:
        socket = opened(Step(expect="ready", refuse="(a+)+$"))

        socket.hear(says("a" * 100 + "!"))

        reason, detail = failure(socket)
        assert reason is Reason.BODY
        assert detail.startswith(f"said '{'a' * 100}!': ")
        assert detail.endswith("the search for (a+)+$ took more than 50 ms of CPU")

    def test_a_server_that_closes_is_answered_and_told_with_its_reason(self) -> None:
        socket = opened(Step(expect="ready"))

        socket.hear(says("starting") + b"\x88\x06\x03\xf3gone")

        assert sent(socket) == (8, b"\x03\xf3")
        assert failure(socket) == (
            Reason.BODY,
            "closed the WebSocket with 1011 (internal error): 'gone', where we waited for a message that matches ready;"
            " the last message was 'starting'",
        )

    def test_what_it_said_before_it_closed_counts(self) -> None:
        socket = opened(Step(expect="ready"))

        socket.hear(says("ready") + b"\x88\x00")

        assert sent(socket) == (8, b"")
        assert socket.next() is Next.OVER
        assert socket.failed is None

    def test_but_what_we_still_had_to_say_cannot_be_said(self) -> None:
        socket = opened(*ASKS[1:])

        socket.hear(says("you are 7") + b"\x88\x02\x03\xe9")

        assert failure(socket) == (
            Reason.BODY,
            "closed the WebSocket with 1001 (going away), where we had more to say",
        )

    def test_one_that_hangs_up_has_not_closed_it(self) -> None:
        socket = opened(Step(expect="ready"))

        socket.closed()

        assert failure(socket) == (
            Reason.RESET,
            "hung up without closing the WebSocket, where we waited for a message that matches ready",
        )

    @pytest.mark.parametrize(
        ("before", "words", "silent"),
        [
            (b"", "closed the connection without a word", True),
            (b"HTTP/1.1 1", "closed the connection before it had answered the opening handshake", False),
        ],
    )
    def test_one_that_hangs_up_before_it_has_answered(self, before: bytes, words: str, silent: bool) -> None:
        socket = begun()
        socket.sending()
        socket.hear(before)

        socket.closed()

        assert failure(socket) == (Reason.RESET, words)
        assert socket.failed is not None
        assert socket.failed.before_any_byte is silent

    def test_frames_that_must_not_be_are_a_fault_of_the_protocol(self) -> None:
        socket = opened(Step(expect="ready"))

        socket.hear(b"\x81\x81\0\0\0\0x")

        assert failure(socket) == (
            Reason.PROTOCOL,
            "masked a frame, which only clients may, where we waited for a message that matches ready",
        )

    def test_one_that_never_stops_talking_is_stopped(self) -> None:
        socket = opened(Step(expect="ready"))
        message = b"\x82\x7e\xff\xff" + b"x" * 65535
        for _ in range(MAX_SAID // len(message)):
            socket.hear(message)
            assert socket.next() is Next.LISTEN

        socket.hear(message)

        assert failure(socket)[0] is Reason.BODY
        assert failure(socket)[1].startswith(f"said more than {MAX_SAID} bytes, where we waited")
        assert len(socket.said) <= 4096

    def test_nor_does_it_hold_us_at_the_goodbye(self) -> None:
        socket = opened()
        assert sent(socket) == (8, b"\x03\xe8")
        message = b"\x82\x7e\xff\xff" + b"x" * 65535
        for _ in range(MAX_SAID // len(message) + 1):
            assert socket.next() is Next.LISTEN
            socket.hear(message)

        assert socket.next() is Next.OVER
        assert socket.leaving

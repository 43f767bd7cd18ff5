"""The bytes of an answer, cut anywhere: what they mean does not depend on where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.probing.failures import (
    BAD_CONTENT_ENCODING,
    GOT_NOTHING,
    PARTIAL_FILE,
    RECV_ERROR,
    TOO_LARGE,
    UNSUPPORTED_PROTOCOL,
    WEIRD_SERVER_REPLY,
)
from monitor.probing.http1 import Response
from monitor.probing.transfer import MAX_HEADER_BYTES, Stopped

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

FRAGMENTS = st.sampled_from(
    [
        OK,
        b"HTTP/1.0 404 No\n",
        b"HTTP/1.1 204 No Content\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 6\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"X: y\r\n",
        b"\tfolded\r\n",
        b"\r\n",
        b"\r",
        b"\n",
        b"5\r\nhello\r\n",
        b"0\r\n",
        b"5;x=y\r\n",
        b"hello",
        b"\0",
    ]
)
WIRE = st.builds(lambda start, rest: start + b"".join(rest), FRAGMENTS, st.lists(FRAGMENTS | st.binary(max_size=5)))


def read(*pieces: bytes, head: bool = False, follows: bool = False, max_body: int = 1000) -> Response:
    """As the connection does it: piece by piece until it is over, and then the end of the connection."""
    response = Response(head=head, follows=follows, max_body=max_body)
    if not any(response.feed(piece) for piece in pieces):
        response.end()
    return response


def meaning(response: Response) -> tuple[object, ...]:
    return (
        response.status,
        tuple(response.headers),
        response.headers_ended,
        bytes(response.body),
        response.stopped,
        response.code,
        response.message,
    )


@given(wire=WIRE, cuts=st.lists(st.integers(1, 30), max_size=40), head=st.booleans(), follows=st.booleans())
def test_it_means_the_same_wherever_it_is_cut(wire: bytes, cuts: list[int], head: bool, follows: bool) -> None:
    pieces, rest = [], wire
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    pieces = [piece for piece in (*pieces, rest) if piece]

    whole, cut_up = (read(*some, head=head, follows=follows, max_body=7) for some in ([wire], pieces))

    assert meaning(cut_up) == meaning(whole)
    assert len(whole.body) <= 7


@given(pieces=st.lists(st.binary(max_size=200) | FRAGMENTS, max_size=30))
def test_nothing_that_comes_raises(pieces: list[bytes]) -> None:
    response = read(*pieces, max_body=100)

    assert len(response.body) <= 100
    assert response.message.isprintable()


@pytest.mark.parametrize(
    ("wire", "status", "body"),
    [
        (OK + b"Content-Length: 2\r\n\r\nok", 200, b"ok"),
        (OK + b"Content-Length: 2\r\n\r\nok and more", 200, b"ok"),
        (OK + b"Content-Length: 0\r\n\r\nmore", 200, b""),
        (OK + b"Content-Length: 2\r\nContent-Length: 2, 2\r\n\r\nok", 200, b"ok"),
        (OK + b"Content-Length: 99999999999999999999\r\n\r\nok", 200, b"ok"),
        (OK + b"Content-Length : 1\r\n\r\nok", 200, b"ok"),
        (OK + b"\r\nuntil it closes", 200, b"until it closes"),
        (b"HTTP/1.0 200 OK\n\nok", 200, b"ok"),
        (b"HTTP/1.1 999\r\n\r\n", 999, b""),
        (b"HTTP/1.1 200OK\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\nok", 204, b""),
        (b"HTTP/1.1 304 No\r\nTransfer-Encoding: gzip\r\n\r\nok", 304, b""),
        (b"HTTP/1.1 100 Go\r\nContent-Length: 9\r\n\r\n" + OK + b"\r\nok", 200, b"ok"),
        (b"HTTP/1.1 101 Go\r\nContent-Length: 1\r\n\r\nok", 101, b"ok"),
        (CHUNKED + b"2\r\nok\r\n0\r\n\r\nmore", 200, b"ok"),
        (CHUNKED + b"2;x=y\nok\n0\n\n", 200, b"ok"),
        (CHUNKED + b"1\r\no\r\r\n00001z\r\nk\r\n0\r\nX: y\r\n\r\n", 200, b"ok"),
        (OK + b"Content-Length: 9\r\nTransfer-Encoding: identity, Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, b"ok"),
    ],
)
def test_an_answer(wire: bytes, status: int, body: bytes) -> None:
    response = read(wire)

    assert (response.status, bytes(response.body), response.code, response.stopped) == (status, body, 0, Stopped.NO)
    assert response.headers_ended


@pytest.mark.parametrize(
    ("wire", "code", "message"),
    [
        (b"", GOT_NOTHING, "Empty reply from server"),
        (b"HTTP/1.1 2", GOT_NOTHING, "Empty reply from server"),
        (b"HTTP/1.1 100 Go\r\n\r\n", GOT_NOTHING, "Empty reply from server"),
        (b"HTTP/1.1 100 Go\r\n\r\nnoise", WEIRD_SERVER_REPLY, "Invalid status line"),
        (b"noise", UNSUPPORTED_PROTOCOL, "Received HTTP/0.9 when not allowed"),
        (b"noise\r\n", UNSUPPORTED_PROTOCOL, "Received HTTP/0.9 when not allowed"),
        (b"http/1.1 200 OK\r\n\r\n", UNSUPPORTED_PROTOCOL, "Received HTTP/0.9 when not allowed"),
        (b"HTTP/1.2 200 OK\r\n", UNSUPPORTED_PROTOCOL, "Unsupported HTTP/1 subversion in response"),
        (b"HTTP/1.1 20 OK\r\n", UNSUPPORTED_PROTOCOL, "Unsupported HTTP/1 subversion in response"),
        (b"HTTP/0.9 200 OK\r\n", UNSUPPORTED_PROTOCOL, "Unsupported HTTP version in response"),
        (b"HTTP/1.1 099 OK\r\n", UNSUPPORTED_PROTOCOL, "Unsupported response code in HTTP response"),
        (OK + b"X: \0\r\n\r\n", WEIRD_SERVER_REPLY, "NUL byte in header"),
        (OK + b"X: \ry\r\n\r\n", WEIRD_SERVER_REPLY, "Carriage return found in header"),
        (OK + b"X: \r\0\r\n\r\n", WEIRD_SERVER_REPLY, "Carriage return found in header"),
        (OK + b"X: \0\ry\r\n\r\n", WEIRD_SERVER_REPLY, "NUL byte in header"),
        (OK + b"\r\r\n", WEIRD_SERVER_REPLY, "Carriage return found in header"),
        (OK + b"none\r\n\r\n", WEIRD_SERVER_REPLY, "Header without colon"),
        (OK + b"Location: /a\r\nLocation: /b\r\n\r\n", WEIRD_SERVER_REPLY, "Multiple Location headers"),
        (OK + b"Content-Length: -1\r\n\r\n", WEIRD_SERVER_REPLY, "Invalid Content-Length: value"),
        (OK + b"Content-Length: 1, 2\r\n\r\n", WEIRD_SERVER_REPLY, "Invalid Content-Length: value"),
        (OK + b"Content-Length: z\r\nX", WEIRD_SERVER_REPLY, "Invalid Content-Length: value"),
        (
            OK + b"Transfer-Encoding: gzip\r\n\r\n",
            BAD_CONTENT_ENCODING,
            "Unsolicited Transfer-Encoding (gzip) found",
        ),
        (
            OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
            BAD_CONTENT_ENCODING,
            "A Transfer-Encoding (gzip) was listed after chunked",
        ),
        (OK + b"Content-Length: 9\r\n\r\nabc", PARTIAL_FILE, "end of response with 6 bytes missing"),
        (OK + b"Content-Length: 9\r\nX", PARTIAL_FILE, "transfer closed with 9 bytes remaining to read"),
        (CHUNKED + b"5\r\nhe", PARTIAL_FILE, "transfer closed with outstanding read data remaining"),
        (CHUNKED + b"0\r\n", PARTIAL_FILE, "transfer closed with outstanding read data remaining"),
        (CHUNKED + b"zz", RECV_ERROR, "chunk hex-length char not a hex digit: 0x7a"),
        (CHUNKED + b"0" * 18 + b"\r\n", RECV_ERROR, "chunk hex-length longer than 17"),
        (CHUNKED + b"f" * 16 + b"\r\n", RECV_ERROR, "invalid chunk size: 'ffffffffffffffff'"),
        (CHUNKED + b"1\r\nab", RECV_ERROR, "Malformed encoding found in chunked-encoding"),
        (CHUNKED + b"0\r\nX: y\rz", RECV_ERROR, "Malformed encoding found in chunked-encoding"),
        (CHUNKED + b"0\r\n\rz", RECV_ERROR, "Malformed encoding found in chunked-encoding"),
        (CHUNKED + b"0\r\nnone\r\n\r\n", WEIRD_SERVER_REPLY, "Header without colon"),
        (CHUNKED + b"0\r\n\0: y\r\n\r\n", WEIRD_SERVER_REPLY, "NUL byte in header"),
        (CHUNKED + b"0\r\nX: " + b"y" * 4091, TOO_LARGE, "Out of memory in chunked-encoding"),
        (OK + b"X: y\r\n" * 5001 + b"\r\n", TOO_LARGE, "Too many response headers, 5000 is max"),
    ],
)
def test_a_complaint(wire: bytes, code: int, message: str) -> None:
    response = read(wire)

    assert (response.code, response.message) == (code, message)


def test_a_header_in_several_lines_is_one() -> None:
    response = read(OK + b"A: b\r\n\t c \r\n \r\n d\r\nB:\r\n e\r\n\r\n")

    assert response.headers == [("A", "b c d"), ("B", "e")]


def test_what_trails_is_kept_with_the_headers() -> None:
    response = read(CHUNKED + b"0\r\nX: y\r\n\r\n")

    assert response.headers == [("Transfer-Encoding", "chunked"), ("X", "y")]


def test_a_head_is_over_with_its_headers() -> None:
    response = Response(head=True, follows=True, max_body=10)

    assert response.feed(OK + b"Content-Length: 5\r\n\r\n")
    assert (response.code, response.status) == (0, 200)


def test_a_redirect_is_over_with_its_headers_only_where_it_is_followed() -> None:
    wire = b"HTTP/1.1 302 Go\r\nLocation: /\r\nContent-Length: 2\r\n\r\nok"

    assert (read(wire, follows=True).stopped, read(wire, follows=True).body) == (Stopped.REDIRECT, b"")
    assert (read(wire).stopped, read(wire).body) == (Stopped.NO, b"ok")


@pytest.mark.parametrize("body", [b"Content-Length: 6\r\n\r\nabcdef", b"\r\nabcdef"])
def test_the_body_is_read_up_to_its_bound(body: bytes) -> None:
    assert (read(OK + body, max_body=6).stopped, read(OK + body, max_body=6).body) == (Stopped.NO, b"abcdef")
    assert (read(OK + body, max_body=5).stopped, read(OK + body, max_body=5).body) == (Stopped.BODY, b"abcde")


def test_headers_are_bounded_over_all_blocks_of_them() -> None:
    full = OK + b"X: " + b"y" * (MAX_HEADER_BYTES - len(OK) - 7) + b"\r\n"

    assert read(full + b"\r\n").stopped is Stopped.NO
    assert read(full + b"\r\r\n").stopped is Stopped.HEADERS
    assert read(full[:-2] + b"yyyyy").stopped is Stopped.HEADERS, "though the line is not over"
    assert read(b"HTTP/1.1 103 Hints\r\n\r\n" * 3000).stopped is Stopped.HEADERS

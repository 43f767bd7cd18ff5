"""Our own plain HTTP next to libcurl's: the same requests on the wire, and the same answers out of the same bytes."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from checks.exchange import HttpAnswer, HttpRequest
from checks.result import Reason
from monitor.probing.engine import Engine
from monitor.probing.hops import first_hop
from monitor.probing.plain_request import place_of, wire_of

Fetch = Callable[..., HttpAnswer]
Serve = Callable[..., Any]

PLAIN, LIBCURL = "127.0.0.1", "name.localhost"
OURS = (("traceparent", "00-1-2-01"), ("User-Agent", "watchkeeper/1"))
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


# -- which ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "addresses", "host", "target"),
    [
        ("http://192.0.2.7", ["192.0.2.7"], "192.0.2.7", "/"),
        ("http://192.0.2.7:80/a", ["192.0.2.7"], "192.0.2.7", "/a"),
        ("http://192.0.2.7:8080?x=1", ["192.0.2.7"], "192.0.2.7:8080", "/?x=1"),
        ("http://[2001:db8::7]:81/.well-known/x", ["2001:db8::7"], "[2001:db8::7]:81", "/.well-known/x"),
        ("http://localhost:9/%C3%A4?../b", ["::1", "127.0.0.1"], "localhost:9", "/%C3%A4?../b"),
    ],
)
def test_an_address_is_asked_over_our_own_sockets(url: str, addresses: list[str], host: str, target: str) -> None:
    place = place_of(url)

    assert place is not None
    assert [address[0] for _, address in place.addresses] == addresses
    assert (place.host, place.target) == (host, target)


@pytest.mark.parametrize(
    "url",
    [
        "https://192.0.2.7/",
        "http://shop.example/",
        "http://name.localhost/",
        "http://LOCALHOST/",
        "HTTP://192.0.2.7/",
        "http://user:word@192.0.2.7/",
        "http://192.0.2.7/a/../b",
        "http://192.0.2.7/a/%2E./b",
        "http://192.0.2.7/%c3%a4",
        "http://192.0.2.7/#part",
        "http://192.0.2.7/[x]",
        "http://192.0.2.7:0/",
        "http://192.0.2.7:080/",
        "http://192.0.2.7:65536/",
        "http://192.0.2.07/",
        "http://192.0.2.256/",
        "http://192.0.519/",
        "http://[2001:db8:0:0::7]/",
        "http://[fe80::1%25eth0]/",
    ],
)
def test_everything_else_is_libcurls(url: str) -> None:
    assert place_of(url) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"headers": (("Transfer-Encoding", "chunked"),)},
        {"headers": (("connection", "close"),)},
        {"headers": (("X", "a\r\nY: b"),)},
        {"headers": (("X Y", "a"),)},
        {"headers": (("X", " "),)},
        {"method": "CONNECT"},
        {"method": "A B"},
    ],
    ids=repr,
)
def test_so_is_a_request_that_it_would_read_itself(fields: dict[str, Any]) -> None:
    request = HttpRequest(url="http://192.0.2.7/", **fields)
    place = place_of(request.url)

    assert place is not None
    assert wire_of(request, first_hop(request), OURS, place) is None


# -- the same on the wire ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"own_headers": ()},
        {"headers": (("X-Key", "1"), ("X-Empty", ""), ("X-Grün", "grün"))},
        {"headers": (("Host", "shop.example"), ("Accept", "text/html"), ("user-agent", "theirs"))},
        {"headers": (("host", ""), ("accept", ""), ("User-Agent", ""))},
        {"headers": (("Host", "one.example"), ("Host", "two.example"))},
        {"headers": (("Authorization", "Basic eA=="), ("Cookie", "a=b"), ("Accept-Encoding", "br"), ("Referer", "r"))},
        {"method": "HEAD"},
        {"method": "HEAD", "body": b"unsent"},
        {"method": "POST"},
        {"method": "POST", "body": b""},
        {"method": "POST", "body": b'{"a": 1}' * 2_000, "headers": (("Content-Type", "application/json"),)},
        {"method": "GET", "body": b"odd"},
        {"method": "delete"},
        {"method": "PROPFIND", "headers": (("Depth", "1"),)},
    ],
    ids=lambda fields: str(fields)[:80],
)
@pytest.mark.parametrize("path", ["/", "/a//b;c=d/~x%20y?q='1'&r", "?x"])
def test_the_request_is_libcurls_byte_for_byte(
    fetch: Fetch, serve: Serve, hell: ModuleType, path: str, fields: dict[str, Any]
) -> None:
    requests = []

    def talk(peer: socket.socket, server: Any) -> None:
        request = server.read_request(peer)
        length = re.search(rb"(?i)content-length: (\d+)", request)
        while length and len(request.partition(b"\r\n\r\n")[2]) < int(length[1]):
            request += peer.recv(65536)
        requests.append(request)
        peer.sendall(hell.HELLO)

    port = serve(talk).port
    for host in (PLAIN, LIBCURL):
        assert fetch(f"http://{host}:{port}{path}", **{"own_headers": OURS, **fields}).status == 200

    ours, theirs = requests
    assert ours == theirs.replace(f"Host: {LIBCURL}".encode(), f"Host: {PLAIN}".encode())


# -- the same answers -------------------------------------------------------------------------------------------------

# Where they may differ: a status line in small letters, which to libcurl is a header of no answer; an empty line that
# begins with two carriage returns, which we call by its name; and a switch of protocols in answer to HEAD, after which
# libcurl waits for a body.
EXCEPTED = re.compile(rb"(?!HTTP/)(?i:http/)|(?:^|\n)\r(?!\n)|\r$")


def told(answer: HttpAnswer, port: int) -> tuple[object, ...]:
    """All of *answer* but its timings; the headers of one that failed may lack the last, which was still awaited."""
    error = answer.error
    # libcurl tells a byte above 0x7f as a negative number.
    words = (answer.url, error.detail.replace("0xffffff", "0x") if error else "")
    return (
        answer.status,
        answer.headers if error is None else (),
        answer.body,
        answer.truncated,
        answer.address,
        answer.redirects,
        error and (error.reason, error.before_any_byte, error.temporary),
        *(word.replace(f"{LIBCURL}:{port}", f"{PLAIN}:{port}") for word in words),
    )


def both(engine: Engine, turn_until: Callable[..., None], port: int, **fields: Any) -> list[tuple[object, ...]]:
    answers: dict[str, HttpAnswer] = {}
    for host in (PLAIN, LIBCURL):
        request = HttpRequest(url=f"http://{host}:{port}/", **{"timeout": 30.0, "max_redirects": 2, **fields})
        engine.submit(request, lambda answer, host=host: answers.update({host: answer}), OURS)
    turn_until(engine, lambda: len(answers) == 2)
    return [told(answers[host], port) for host in (PLAIN, LIBCURL)]


FRAGMENTS = st.sampled_from(
    [
        OK,
        b"HTTP/1.0 500 \r\n",
        b"HTTP/2 200\r\n",
        b"HTTP/1.1 204 No Content\r\n",
        b"HTTP/1.1 302 Found\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 6, 6\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Content-Encoding: br\r\n",
        b"Location: /\r\n",
        b"Location: \xff\xfe//\\\r\n",
        b"Location: http://127.0.0.1:1/\r\n",
        b"WWW-Authenticate: Negotiate\r\n",
        b": \r\n",
        b" folded\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"5\r\nhello\r\n",
        b"5;x=y\nhello\n",
        b"0\r\n\r\n",
        b"0\r\nX: y\r\n\r\n",
        b"ffffffffffffffffff\r\n",
        b"hello",
        b"x" * 5_000,
    ]
)
SCRIPTS = st.builds(
    lambda start, parts: (start, *parts),
    st.sampled_from([OK, OK, OK, CHUNKED, b"HTTP/1.1 302 Found\r\n", b""]),
    st.lists(FRAGMENTS | st.binary(max_size=20), max_size=7),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=SCRIPTS, max_body=st.sampled_from([3, 5, 65536]))
def test_whatever_is_answered_reads_the_same(
    engine: Engine, hell: ModuleType, turn_until: Callable[..., None], parts: tuple[bytes, ...], max_body: int
) -> None:
    assume(EXCEPTED.search(b"".join(parts)) is None)
    server = hell.Hell(hell.say(*parts))

    ours, theirs = both(engine, turn_until, server.port, max_body=max_body)
    server.close()

    assert ours == theirs


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 20", OK, OK + b"X: y\r\nX", OK + b"\r\nhello", CHUNKED + b"5\r\nhe"])
def test_a_reset_reads_the_same(
    engine: Engine, serve: Serve, hell: ModuleType, turn_until: Callable[..., None], said: bytes
) -> None:
    def talk(peer: socket.socket, server: Any) -> None:
        hell.say_and_reset(said)(peer, server)

    ours, theirs = both(engine, turn_until, serve(talk).port)

    assert ours == theirs


SCRIPTED = {
    "nothing": b"",
    "half a status line": b"HTTP/1.1 2",
    "no reason": b"HTTP/1.1 204",
    "digits without end": b"HTTP/1.1 20000 OK\r\n\r\n",
    "a status without a blank behind it": b"HTTP/1.1 200OK\r\n\r\nhello",
    "a status of zero": b"HTTP/1.1 000 OK\r\n\r\n",
    "an old version": b"HTTP/0.9 200 OK\r\n\r\n",
    "a version with a fraction": b"HTTP/2.0 200 OK\r\n\r\nhello",
    "a tab": b"HTTP/1.1\t200\tOK\r\n\r\n",
    "a blank line before all": b"\r\n" + OK + b"\r\n",
    "headers that break off": OK + b"X: y\r\nContent-Le",
    "a length that is none, and the end": OK + b"Content-Length: z\r\n",
    "two encodings": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "chunked twice": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "the last header folded": OK + b"X: y\r\n \r\n  z\r\n\r\nhello",
    "the first header folded": OK + b" X: y\r\n\r\nhello",
    "a length with a comma": OK + b"Content-Length: 5,\r\n\r\nhello",
    "a length too big, and more behind it": OK + b"Content-Length: 99999999999999999999\r\n folded\r\n\r\nhello",
    "a length too big, then one that fits": OK + b"Content-Length: 99999999999999999999,3\r\n\r\nhello",
    "a trailer folded": CHUNKED + b"0\r\nX: y\r\n z\r\n\r\n",
    "the longest trailer": CHUNKED + b"0\r\nX: " + b"y" * 4090 + b"\r\n\r\n",
    "a longer trailer": CHUNKED + b"0\r\nX: " + b"y" * 4091 + b"\r\n\r\n",
    "zeros before a chunk": CHUNKED + b"0" * 16 + b"5\r\nhello\r\n0\r\n\r\n",
    "more zeros": CHUNKED + b"0" * 17 + b"5\r\nhello\r\n0\r\n\r\n",
    "blanks of Latin-1": OK + b"X: \xa0y\x85\r\n\r\n",
    "the most headers": OK + b"X: y\r\n" * 5000 + b"\r\n",
    "more headers": OK + b"X: y\r\n" * 5001 + b"\r\n",
    "a big body": OK + b"Content-Length: 200000\r\n\r\n" + b"x" * 200_000,
    "an empty Location": b"HTTP/1.1 302 Found\r\nLocation:\r\n\r\n",
    "a carriage return before a NUL": OK + b"X: \r\0\r\n\r\n",
    "a NUL before a carriage return": OK + b"X: \0\ry\r\n\r\n",
    "two Locations": b"HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\n\r\n",
    "two Locations, and the headers break off": OK + b"Location: /a\r\nLocation: \xff//\\\r\n\0",
    "two Locations that differ in a blank of Latin-1": OK + b"Location: /a\r\nLocation: /a\xa0\r\n\r\n",
    "the same Location twice": OK + b"Location: /a\r\nLocation:  /a \r\nLocation:\r\n\r\nhello",
    "another Location in an interim answer": b"HTTP/1.1 100 Go\r\nLocation: /a\r\n\r\n" + OK + b"Location: /b\r\n\r\n",
    "a Location that is none": b"HTTP/1.1 302 Found\r\nLocation : /\r\nContent-Length: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("script", SCRIPTED)
def test_this_reads_the_same(
    engine: Engine, serve: Serve, hell: ModuleType, turn_until: Callable[..., None], script: str, method: str
) -> None:
    ours, theirs = both(engine, turn_until, serve(hell.say(SCRIPTED[script])).port, method=method)

    assert ours == theirs


def test_the_bytes_may_come_one_by_one(
    engine: Engine, serve: Serve, hell: ModuleType, turn_until: Callable[..., None]
) -> None:
    wire = OK + b"X: y\r\n z\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nY: z\r\n\r\n"
    ours, theirs = both(engine, turn_until, serve(hell.drip(wire, 0.0005)).port)

    assert ours == theirs


def test_both_tell_a_silent_target_in_the_same_words(
    engine: Engine, serve: Serve, hell: ModuleType, turn_until: Callable[..., None], patiently: Callable[..., Any]
) -> None:
    for said in (b"", b"HTTP/1.1", OK, OK + b"\r\nhello"):
        port = serve(hell.say_and_hold(said)).port

        ours, theirs = patiently(
            lambda seconds, port=port: both(engine, turn_until, port, timeout=seconds), lambda told: told[0] == told[1]
        )

        assert ours == theirs


# -- connecting -------------------------------------------------------------------------------------------------------


def test_localhost_is_asked_on_its_second_address_where_the_first_refuses(
    fetch: Fetch, serve: Serve, hell: ModuleType
) -> None:
    answer = fetch(f"http://localhost:{serve(hell.say(hell.HELLO)).port}/")

    assert (answer.status, answer.address, answer.error) == (200, "127.0.0.1", None)


def test_localhost_refuses_where_both_addresses_do(fetch: Fetch, hell: ModuleType) -> None:
    with hell.closed_port() as taken:
        port = taken.getsockname()[1]
        error = fetch(f"http://localhost:{port}/").error

    assert error is not None
    assert (error.reason, error.detail) == (
        Reason.REFUSED,
        f"connect to localhost:{port} refused: nothing listens there",
    )


def test_what_an_answer_leads_to_goes_out_before_we_wait(engine: Engine, serve: Serve, hell: ModuleType) -> None:
    """A refusal is known at once, and asked again at once: not when the next thing happens, which may be long after."""
    server = serve(hell.say(hell.HELLO))
    again = HttpRequest(url=f"http://{PLAIN}:{server.port}/", timeout=5.0)
    answers: list[HttpAnswer] = []
    with hell.closed_port() as taken:
        first = HttpRequest(url=f"http://{PLAIN}:{taken.getsockname()[1]}/", timeout=60.0)
        engine.submit(first, lambda refused: engine.submit(again, answers.append))
        while not answers:
            engine.turn(20.0)

    assert (answers[0].status, answers[0].error) == (200, None)


def test_one_that_is_not_connected_at_once(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    """Of 0.0.0.0 the kernel alone knows that it is this machine."""
    server = serve(hell.say(hell.HELLO))
    with hell.closed_port() as taken:
        refused = fetch(f"http://0.0.0.0:{taken.getsockname()[1]}/").error

    assert fetch(f"http://0.0.0.0:{server.port}/").status == 200
    assert refused is not None
    assert refused.reason is Reason.REFUSED


def test_an_address_of_the_sixth_version(fetch: Fetch, hell: ModuleType) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 loopback here")
    server = hell.Hell(hell.say(hell.HELLO), listener=listener)

    answer = fetch(f"http://[::1]:{server.port}/")
    server.close()

    assert (answer.status, answer.address) == (200, "::1")
    assert f"Host: [::1]:{server.port}\r\n".encode() in server.heard[0]


def test_a_request_bigger_than_what_the_kernel_takes_is_sent_on(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    body = bytes(range(256)) * 40_000
    received = []

    def talk(peer: socket.socket, server: Any) -> None:
        got = bytearray()
        server.over.wait(0.1)
        while not got.endswith(body):
            got += peer.recv(65536)
        received.append(got.partition(b"\r\n\r\n")[2])
        peer.sendall(hell.HELLO)

    answer = fetch(serve(talk).url, method="POST", body=body, own_headers=OURS)

    assert (answer.status, answer.error) == (200, None)
    assert received == [body]


def test_a_refusal_in_the_middle_of_a_big_request_is_an_answer(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    def talk(peer: socket.socket, server: Any) -> None:
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        server.over.wait(60)

    answer = fetch(serve(talk).url, method="POST", body=b"x" * 10_000_000)

    assert (answer.status, answer.error) == (413, None)


def test_one_that_takes_no_more_of_a_big_request_resets_it(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    def talk(peer: socket.socket, server: Any) -> None:
        peer.recv(65536)
        hell.slam(peer)

    error = fetch(serve(talk).url, method="POST", body=b"x" * 10_000_000).error

    assert error is not None
    assert (error.reason, error.before_any_byte) == (Reason.RESET, True)
    assert error.detail.endswith("reset the connection before it answered")

"""What the engine makes of answers, asked over real sockets."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from checks.exchange import HttpAnswer, HttpRequest
from checks.result import Reason
from monitor.probing.engine import Engine

BOTH_ENGINES = True
Fetch = Callable[..., HttpAnswer]
Serve = Callable[..., Any]


def echo_path(hell: ModuleType) -> Callable[..., None]:
    """Answers with the request itself, so that a test can see what was sent."""

    def talk(peer: socket.socket, server: Any) -> None:
        request = server.read_request(peer)
        while (length := _length(request)) > len(request.partition(b"\r\n\r\n")[2]):
            request += peer.recv(65536)
            assert length < 1_000_000
        server.heard[-1] = request
        peer.sendall(b"HTTP/1.1 200 OK\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Length: %d\r\n\r\n" % len(request) + request)

    return talk


def _length(request: bytes) -> int:
    for line in request.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


def test_an_answer_holds_all_that_came(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    server = serve(echo_path(hell))

    answer = fetch(server.url + "healthz")

    assert (answer.status, answer.error, answer.truncated, answer.redirects) == (200, None, False, 0)
    assert answer.body.startswith(b"GET /healthz HTTP/1.1\r\n")
    assert answer.headers[:2] == (("X-Two", "1"), ("X-Two", "2"))
    assert (answer.address, answer.url) == ("127.0.0.1", server.url + "healthz")


def test_the_phases_add_up_to_the_time_it_took(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    def talk(peer: socket.socket, server: Any) -> None:
        hell.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")(peer, server)
        hell.wait_until_read(peer, server)
        server.over.wait(0.2)
        peer.sendall(b"b")

    before = time.monotonic()
    answer = fetch(serve(talk).url)
    took = time.monotonic() - before

    assert answer.timings is not None
    assert answer.timings.transfer >= 0.15
    assert answer.timings.connect > 0
    assert answer.timings.tls == 0.0
    assert 0.15 <= answer.timings.total <= took


def test_a_slow_first_byte_is_told_from_a_slow_body(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    def talk(peer: socket.socket, server: Any) -> None:
        server.read_request(peer)
        server.over.wait(0.2)
        peer.sendall(hell.HELLO)

    before = time.monotonic()
    timings = fetch(serve(talk).url).timings
    took = time.monotonic() - before

    assert timings is not None
    assert timings.first_byte >= 0.15
    assert timings.total <= took, "the wait is counted once"


def test_every_probe_is_a_newcomer(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    accepted = []

    def talk(peer: socket.socket, server: Any) -> None:
        accepted.append(peer.getpeername())
        server.read_request(peer)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok")
        assert server.read_request(peer) == b"", "the connection was used again"

    server = serve(talk)
    for _ in range(5):
        assert fetch(server.url).body == b"ok"

    assert len(set(accepted)) == 5


def test_the_body_is_read_up_to_its_bound_and_the_answer_is_no_error(
    fetch: Fetch, serve: Serve, hell: ModuleType
) -> None:
    server = serve(hell.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"))

    for bound, truncated in ((9, True), (10, False), (11, False)):
        answer = fetch(server.url, max_body=bound)
        assert (answer.status, answer.body, answer.truncated, answer.error) == (
            200,
            b"0123456789"[:bound],
            truncated,
            None,
        )


def test_an_encoded_body_is_taken_as_it_is(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    server = serve(hell.say(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"))

    assert fetch(server.url).body == b"hello"
    assert b"accept-encoding" not in server.heard[0].lower()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
def test_any_method(fetch: Fetch, serve: Serve, hell: ModuleType, method: str) -> None:
    server = serve(echo_path(hell))

    answer = fetch(server.url, method=method)

    assert (answer.status, answer.error) == (200, None)
    assert server.heard[0].startswith(f"{method} / HTTP/1.1\r\n".encode())


def test_a_body_goes_with_what_was_configured_and_nothing_else(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    server = serve(echo_path(hell))

    fetch(server.url, method="POST", body=b'{"a": 1}' * 200, headers=(("Content-Type", "application/json"),))
    fetch(server.url, method="PUT", body=b"\x00\xff")

    assert b"Content-Type: application/json\r\n" in server.heard[0]
    assert b"expect:" not in server.heard[0].lower()
    assert server.heard[0].endswith(b"\r\n\r\n" + b'{"a": 1}' * 200)
    assert b"content-type" not in server.heard[1].lower()
    assert server.heard[1].endswith(b"\r\n\r\n\x00\xff")


def test_nothing_of_one_request_reaches_the_next_through_the_pool(
    engine: Engine, fetch: Fetch, serve: Serve, hell: ModuleType, authority: Any
) -> None:
    plain, secure = serve(echo_path(hell)), serve(hell.say(hell.HELLO), authority.good())

    for _ in range(3):
        fetch(plain.url, method="POST", body=b"secret", headers=(("X-Secret", "1"),))
        assert fetch(secure.url, verify=False).status == 200
        assert fetch(secure.url, ca_file=authority.file).status == 200
        fetch(plain.url, method="HEAD")
        answer = fetch(plain.url)
        assert answer.body.startswith(b"GET / HTTP/1.1\r\n")
        assert b"secret" not in answer.body.lower()
        distrusted = fetch(secure.url).error
        assert distrusted is not None
        assert distrusted.reason is Reason.CERTIFICATE


def test_an_answer_that_broke_off_in_its_headers_is_no_part_of_the_next_one(
    fetch: Fetch, serve: Serve, hell: ModuleType
) -> None:
    broken, well = serve(hell.say(b"HTTP/1.1 200 OK\r\nX: y\r\nX: y\r\n ")), serve(hell.say(hell.HELLO))

    for _ in range(3):
        error = fetch(broken.url).error
        assert error is not None
        assert error.detail.endswith("ended its answer before its headers were over")
        assert fetch(well.url).error is None


def test_headers_are_sent_as_configured_also_empty_ones(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    server = serve(echo_path(hell))

    fetch(server.url, headers=(("Host", "shop.example"), ("X-Empty", ""), ("X-Grün", "grün")))

    lines = server.heard[0].split(b"\r\n")
    assert b"Host: shop.example" in lines
    assert b"X-Empty:" in [line.strip() for line in lines]
    assert "X-Grün: grün".encode() in lines


def test_a_configured_header_wins_over_one_of_ours(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    server = serve(echo_path(hell))

    fetch(server.url, headers=(("user-agent", "theirs"),), own_headers=(("User-Agent", "ours"), ("X-Ours", "1")))

    assert b"user-agent: theirs\r\n" in server.heard[0]
    assert b"ours" not in server.heard[0].replace(b"X-Ours", b"")


@pytest.mark.parametrize(
    "header", [("X", "a\r\nX-Injected: 1"), ("X\r\nY", "1"), ("X", "a\0b"), ("X", "a\nb")], ids=repr
)
def test_a_header_cannot_smuggle_another(fetch: Fetch, serve: Serve, hell: ModuleType, header: tuple[str, str]) -> None:
    server = serve(echo_path(hell))

    answer = fetch(server.url, headers=(header,))

    assert answer.error is not None
    assert answer.error.reason is Reason.INTERNAL
    assert server.heard == []


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "file:///etc/passwd", "127.0.0.1", "http://", "http://[::1", "http://a:b/", ""]
)
def test_what_is_no_http_url_is_our_own_mistake_and_told_in_a_turn(engine: Engine, url: str) -> None:
    answers: list[HttpAnswer] = []

    engine.submit(HttpRequest(url=url), answers.append)
    assert answers == [], "never from submit"
    engine.turn(0.0)
    engine.turn(0.0)

    (answer,) = answers
    assert answer.error is not None
    assert answer.error.reason is Reason.INTERNAL
    assert engine.in_flight == 0


def test_a_url_with_umlauts_goes_out_encoded(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    server = serve(echo_path(hell))

    assert fetch(server.url + "grün weiß?q=ä%20b").status == 200
    assert server.heard[0].startswith(b"GET /gr%C3%BCn%20wei%C3%9F?q=%C3%A4%20b HTTP/1.1\r\n")


def test_environment_proxies_are_ignored(
    fetch: Fetch, serve: Serve, hell: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = serve(hell.say(b"HTTP/1.1 502 Proxy\r\n\r\n")), serve(hell.say(hell.HELLO))
    for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    assert fetch(server.url).status == 200
    assert proxy.heard == []


def test_three_hundred_at_once(engine: Engine, serve: Serve, hell: ModuleType, turn_until: Callable[..., None]) -> None:
    server = serve(hell.say(hell.HELLO))
    answers: list[HttpAnswer] = []

    for _ in range(300):
        engine.submit(HttpRequest(url=server.url, timeout=60.0), answers.append)
    assert engine.in_flight == 300
    turn_until(engine, lambda: len(answers) == 300)

    assert {(a.status, a.body, a.error) for a in answers} == {(200, b"hello", None)}
    assert engine.in_flight == 0


def test_an_answer_may_ask_the_next_question(
    engine: Engine, serve: Serve, hell: ModuleType, turn_until: Callable[..., None]
) -> None:
    server = serve(hell.say(hell.HELLO))
    answers: list[HttpAnswer] = []

    def again(answer: HttpAnswer) -> None:
        answers.append(answer)
        if len(answers) < 4:
            engine.submit(HttpRequest(url=server.url if len(answers) % 2 else "nonsense"), again)

    engine.submit(HttpRequest(url=server.url), again)
    turn_until(engine, lambda: len(answers) == 4)

    assert [a.status for a in answers] == [200, 200, None, 200]


def test_a_callback_that_raises_is_caught_told_and_harms_nobody(
    serve: Serve, hell: ModuleType, turn_until: Callable[..., None]
) -> None:
    bugs: list[BaseException] = []
    answers: list[HttpAnswer] = []
    engine = Engine(bugs.append)
    server = serve(hell.say(hell.HELLO))
    reader, writer = os.pipe()

    def explode(_: object) -> None:
        raise ZeroDivisionError("on purpose")

    def read_and_explode(_: int) -> None:
        os.read(reader, 1)
        explode(_)

    engine.watch(reader, read_and_explode)
    os.write(writer, b"x")
    engine.submit(HttpRequest(url=server.url), explode)
    engine.submit(HttpRequest(url=server.url), answers.append)
    turn_until(engine, lambda: len(bugs) == 2 and len(answers) == 1)

    assert [type(bug) for bug in bugs] == [ZeroDivisionError, ZeroDivisionError]
    engine.close()
    os.close(reader)
    os.close(writer)


def test_other_descriptors_are_watched_beside_the_sockets(engine: Engine) -> None:
    one, other = socket.socketpair()
    heard = []
    engine.watch(one.fileno(), lambda events: heard.append(one.recv(10)))

    engine.turn(0.0)
    assert heard == []
    other.send(b"hello")
    engine.turn(5.0)
    assert heard == [b"hello"]

    engine.unwatch(one.fileno())
    other.send(b"unheard")
    engine.turn(0.0)
    assert heard == [b"hello"]
    engine.unwatch(one.fileno())  # twice does no harm
    one.close()
    other.close()


def test_a_turn_in_which_nothing_happens_lasts_its_time(engine: Engine) -> None:
    before = time.monotonic()

    engine.turn(0.1)

    assert time.monotonic() - before >= 0.09


def test_closing_with_requests_in_flight_says_nothing_more(serve: Serve, hell: ModuleType) -> None:
    answers: list[HttpAnswer] = []
    engine = Engine(lambda bug: answers.append(HttpAnswer()))
    server = serve(hell.say_and_hold())
    engine.submit(HttpRequest(url=server.url), answers.append)
    for _ in range(3):
        engine.turn(0.05)

    engine.close()

    assert answers == []


def test_a_socket_that_nobody_waits_for_any_more_wakes_the_engine_once(engine: Engine) -> None:
    """libcurl closes a socket that it lets go of. One that stayed open would make every wait end at once."""
    left, other = socket.socketpair()
    with left, other:
        engine._epoll.register(left.fileno())
        other.sendall(b"stirs")

        engine.turn(0.0)

        assert engine._epoll.poll(0.0) == []

"""Where a redirect may lead, and what must not travel there."""

from __future__ import annotations

import socket
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.exchange import HttpAnswer, HttpRequest, TransportError
from checks.result import Reason
from monitor.probing.hops import Hop, first_hop, follow, headers_of

BOTH_ENGINES = True
Fetch = Callable[..., HttpAnswer]
Serve = Callable[..., Any]

SECRETS = (
    ("Authorization", "Bearer hunter2"),
    ("Cookie", "hunter2"),
    ("X-Api-Key", "hunter2"),
    ("Host", "shop.example"),
)
OURS = (("User-Agent", "watchkeeper/1"), ("traceparent", "00-1-2-01"))


def to(location: str, status: int = 302, more: str = "") -> bytes:
    return f"HTTP/1.1 {status} Go\r\nLocation: {location}\r\n{more}\r\n".encode()


def test_a_redirect_on_the_same_host_keeps_the_configured_headers(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    def talk(peer: socket.socket, server: Any) -> None:
        request = server.read_request(peer)
        peer.sendall(to("/in?x=1") if request.startswith(b"GET / ") else hell.HELLO)

    server = serve(talk)
    answer = fetch(server.url, headers=SECRETS, own_headers=OURS)

    assert (answer.status, answer.redirects, answer.url) == (200, 1, server.url + "in?x=1")
    assert all(request.count(b"hunter2") == 3 for request in server.heard)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_configured_header_reaches_another_host(fetch: Fetch, serve: Serve, hell: ModuleType, status: int) -> None:
    elsewhere = serve(hell.say(hell.HELLO))
    server = serve(hell.say(to(elsewhere.url, status)))

    answer = fetch(server.url, headers=SECRETS, own_headers=OURS)

    assert (answer.status, answer.redirects) == (200, 1)
    assert b"hunter2" not in elsewhere.heard[0]
    assert b"shop.example" not in elsewhere.heard[0]
    assert b"traceparent: 00-1-2-01\r\n" in elsewhere.heard[0]
    assert b"User-Agent: watchkeeper/1\r\n" in elsewhere.heard[0]


def test_a_foreign_host_cannot_send_our_credentials_back_to_a_path_of_its_choice(
    fetch: Fetch, serve: Serve, hell: ModuleType
) -> None:
    def talk(peer: socket.socket, server: Any) -> None:
        request = server.read_request(peer)
        peer.sendall(to(elsewhere.url) if request.startswith(b"GET / ") else hell.HELLO)

    server = serve(talk)
    elsewhere = serve(hell.say(to(f"{server.url}delete-everything")))

    fetch(server.url, headers=SECRETS)

    assert server.heard[1].startswith(b"GET /delete-everything ")
    assert b"hunter2" not in server.heard[1]


def test_a_body_is_not_carried_to_another_host(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    elsewhere = serve(hell.say(hell.HELLO))

    answer = fetch(serve(hell.say(to(elsewhere.url, 307))).url, method="POST", body=b"hunter2")

    assert answer.error is not None
    assert answer.error.reason is Reason.PROTOCOL
    assert "the request body is not sent to it" in answer.error.detail
    assert elsewhere.heard == []


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("PUT", 302, "PUT"),
        ("PUT", 303, "GET"),
        ("HEAD", 303, "HEAD"),
    ],
)
def test_the_method_after_a_redirect(method: str, status: int, then: str) -> None:
    hop = follow(Hop(url="http://a.example/", method=method, body=b"x"), status, "/next")

    assert isinstance(hop, Hop)
    assert (hop.method, hop.body) == (then, b"x" if then == method else None)


@pytest.mark.parametrize(
    ("start", "location", "trusted"),
    [
        ("http://a.example/x", "http://a.example/y", True),
        ("http://a.example/x", "http://A.Example:80/y", True),
        ("http://a.example/x", "https://a.example/y", True),
        ("https://a.example/x", "http://a.example/y", False),
        ("http://a.example:8080/x", "https://a.example/y", False),
        ("http://a.example/x", "http://a.example:8080/y", False),
        ("http://a.example/x", "http://b.example/y", False),
        ("http://a.example/x", "//b.example/y", False),
        ("http://a.example/x", "http://a.example.b.example/", False),
        ("http://a.example/x", "http://a.example@b.example/", False),
        ("http://a.example/x", "http://b.example\\@a.example/", False),
    ],
)
def test_the_same_host_is_the_same_scheme_name_and_port_or_the_step_up_to_https(
    start: str, location: str, trusted: bool
) -> None:
    hop = follow(Hop(url=start, method="GET"), 302, location)

    # What is parsed in two ways by two parsers must not be trusted by either.
    assert isinstance(hop, TransportError) or hop.trusted == trusted


def test_a_redirect_is_the_answer_when_none_may_be_followed(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    answer = fetch(serve(hell.say(to("/next", more="Content-Length: 2\r\n") + b"hi")).url, max_redirects=0)

    assert (answer.status, answer.body, answer.redirects, answer.error) == (302, b"hi", 0, None)


def test_a_redirect_to_nowhere_is_the_answer(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    answer = fetch(serve(hell.say(b"HTTP/1.1 302 Found\r\nContent-Length: 2\r\n\r\nhi")).url)

    assert (answer.status, answer.body, answer.error) == (302, b"hi", None)


@pytest.mark.parametrize("most", [1, 3])
def test_one_more_than_allowed_is_an_error_that_names_the_last(
    fetch: Fetch, serve: Serve, hell: ModuleType, most: int
) -> None:
    server = serve(hell.say(to("/again?secret=1")))

    answer = fetch(server.url, max_redirects=most)

    assert answer.error is not None
    assert answer.error.reason is Reason.PROTOCOL
    assert answer.error.detail == f"more than {most} redirects, the last one from {server.url}again?..."
    assert len(server.heard) == most + 1


def test_redirects_without_end_are_over_with_the_timeout(
    fetch: Fetch, serve: Serve, hell: ModuleType, patiently: Callable[..., Any]
) -> None:
    url = serve(hell.say(to("/again"))).url

    answer = patiently(
        lambda seconds: fetch(url, max_redirects=10**9, timeout=seconds), lambda answer: answer.redirects > 1
    )

    assert answer.error is not None
    assert (answer.error.reason, answer.error.before_any_byte) == (Reason.TIMEOUT, False)
    assert answer.redirects > 1


def test_the_body_of_a_redirect_is_not_waited_for(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    elsewhere = serve(hell.say(hell.HELLO))

    answer = fetch(serve(hell.say_and_hold(to(elsewhere.url, more="Content-Length: 99\r\n"))).url)

    assert (answer.status, answer.body, answer.redirects) == (200, b"hello", 1)


def test_the_phases_of_all_hops_are_summed(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    def slow(then: bytes) -> Callable[..., None]:
        def talk(peer: socket.socket, server: Any) -> None:
            server.read_request(peer)
            server.over.wait(0.1)
            peer.sendall(then)

        return talk

    answer = fetch(serve(slow(to(serve(slow(hell.HELLO)).url))).url)

    assert answer.timings is not None
    assert answer.timings.first_byte >= 0.18


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("ftp://127.0.0.1/", "redirected to ftp:, and only http and https are followed"),
        ("file:///etc/passwd", "redirected to file:, and only http and https are followed"),
        ("gopher://127.0.0.1:1/", "redirected to gopher:"),
        ("javascript:alert(1)", "redirected to javascript:"),
        ("http://[::1", "redirected to something that is no URL"),
        ("http://127.0.0.1:99999/", "redirected to something that is no URL"),
        ("http://:80/", "which is no URL"),
        ("http://a b/", "which is no URL"),
    ],
)
def test_a_redirect_that_leads_out_of_http_is_not_followed(
    fetch: Fetch, serve: Serve, hell: ModuleType, location: str, words: str
) -> None:
    error = fetch(serve(hell.say(to(location))).url).error

    assert error is not None
    assert (error.reason, error.before_any_byte) == (Reason.PROTOCOL, False)
    assert words in error.detail


def test_a_redirect_to_where_nothing_listens_is_refused_by_name(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    with hell.closed_port() as taken:
        port = taken.getsockname()[1]
        answer = fetch(serve(hell.say(to(f"http://127.0.0.1:{port}/"))).url)

    assert answer.error is not None
    assert answer.error.detail == f"connect to 127.0.0.1:{port} refused: nothing listens there"
    assert answer.redirects == 1


@given(
    location=st.text() | st.text(alphabet="http:/s[]@#?%\\. \t\r\nabc\x00é", max_size=60), status=st.integers(300, 308)
)
def test_whatever_a_location_holds_it_leads_to_a_url_or_to_an_error(location: str, status: int) -> None:
    start = first_hop(HttpRequest(url="http://a.example/x?y", headers=SECRETS))

    hop = follow(start, status, location)

    if isinstance(hop, TransportError):
        assert hop.reason is Reason.PROTOCOL
        assert hop.detail.isprintable()
    else:
        assert hop.url.isascii()
        assert hop.url.isprintable()
        assert " " not in hop.url
        assert hop.url.startswith(("http:", "https:"))
        assert hop.trusted or not any("hunter2" in line for line in headers_of(hop, SECRETS, ()))

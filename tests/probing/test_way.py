"""Requests that travel in another way: compressed, by a proxy, with cookies, to another address, with our papers."""

from __future__ import annotations

import gzip
import re
import socket
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from checks.exchange import HttpAnswer
from checks.family import Family
from checks.result import Reason
from checks.way import Way

Fetch = Callable[..., HttpAnswer]
Serve = Callable[..., Any]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def replies(*answers: bytes) -> Callable[[socket.socket, Any], None]:
    """The n-th request gets the n-th answer; the last one is repeated."""

    def talk(peer: socket.socket, server: Any) -> None:
        server.read_request(peer)
        peer.sendall(answers[min(len(server.heard), len(answers)) - 1])

    return talk


class TestCompression:
    PACKED = gzip.compress(b"ok" * 5000)

    def answer(self, body: bytes) -> bytes:
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        return head.encode() + body

    def test_it_is_asked_for_and_read_as_it_was_before(self, fetch: Fetch, serve: Serve) -> None:
        server = serve(replies(self.answer(self.PACKED)))

        answer = fetch(server.url, way=Way(compressed=True))

        assert b"Accept-Encoding: " in server.heard[0]
        assert (answer.body, answer.decoded, answer.error) == (b"ok" * 5000, True, None)

    def test_what_grows_beyond_the_bound_is_cut_there(self, fetch: Fetch, serve: Serve) -> None:
        bomb = gzip.compress(bytes(50_000_000))
        server = serve(replies(self.answer(bomb)))

        answer = fetch(server.url, way=Way(compressed=True), max_body=1000)

        assert (len(answer.body), answer.truncated) == (1000, True)

    def test_what_is_not_what_it_says_is_a_fault(self, fetch: Fetch, serve: Serve) -> None:
        error = fetch(serve(replies(self.answer(b"no gzip at all"))).url, way=Way(compressed=True)).error

        assert error is not None
        assert error.reason is Reason.PROTOCOL


class TestCookies:
    FIRST = (
        b"HTTP/1.1 302 Found\r\nLocation: /two\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Path=/elsewhere\r\n"
        b"Content-Length: 0\r\nConnection: close\r\n\r\n"
    )

    def test_what_was_set_is_sent_along_where_its_path_says(self, fetch: Fetch, serve: Serve) -> None:
        server = serve(replies(self.FIRST, OK))

        answer = fetch(server.url, way=Way(cookies=True))

        assert answer.status == 200
        assert b"Cookie: a=1\r\n" in server.heard[1]
        assert b"b=2" not in server.heard[1]

    def test_and_is_unknown_to_every_other_request(self, fetch: Fetch, serve: Serve) -> None:
        server = serve(replies(self.FIRST, OK))
        fetch(server.url, way=Way(cookies=True))
        for way in (Way(cookies=True), Way(compressed=True)):
            fetch(server.url, way=way)

        assert [b"Cookie" in request for request in server.heard] == [False, True, False, False]

    def test_one_that_is_no_text_travels_as_it_came(self, fetch: Fetch, serve: Serve) -> None:
        server = serve(replies(self.FIRST.replace(b"a=1", b"a=\xff\xe9"), OK))

        answer = fetch(server.url, way=Way(cookies=True))

        assert answer.status == 200
        assert b"Cookie: a=\xff\xe9\r\n" in server.heard[1]

    def test_a_jar_goes_along_and_comes_back_with_what_was_set(self, fetch: Fetch, serve: Serve) -> None:
        server = serve(replies(self.FIRST, OK))

        jar = fetch(server.url, way=Way(cookies=True), max_redirects=0, jar=()).jar
        again = fetch(server.url, way=Way(cookies=True), max_redirects=0, jar=jar)

        assert [cookie.split("\t")[5:] for cookie in jar] == [["a", "1"], ["b", "2"]]
        assert b"Cookie: a=1\r\n" in server.heard[1]
        assert again.jar == jar

    def test_unasked_nothing_is_sent_along(self, fetch: Fetch, serve: Serve) -> None:
        server = serve(replies(self.FIRST, OK))
        fetch(server.url)

        assert b"Cookie" not in server.heard[1]


class TestProxy:
    def test_it_is_asked_with_the_whole_address(self, fetch: Fetch, serve: Serve) -> None:
        proxy = serve(replies(OK))

        answer = fetch("http://shop.invalid/healthz", way=Way(proxy=proxy.url))

        assert answer.error is None
        assert proxy.heard[0].startswith(b"GET http://shop.invalid/healthz HTTP/1.1\r\n")

    def test_one_that_is_away_says_nothing_of_the_target(self, fetch: Fetch, hell: ModuleType) -> None:
        with hell.closed_port() as taken:
            port = taken.getsockname()[1]
            error = fetch("http://shop.invalid/", way=Way(proxy=f"http://127.0.0.1:{port}")).error

        assert error is not None
        assert error.reason is Reason.INTERNAL
        assert error.detail.startswith(f"the proxy 127.0.0.1:{port} cannot be reached: ")

    @pytest.mark.parametrize(
        ("status", "reason", "words"),
        [
            (502, Reason.UNREACHABLE, "does not reach it: 502"),
            (403, Reason.INTERNAL, "refuses to ask for us: 403"),
            (407, Reason.INTERNAL, "refuses to ask for us: 407"),
        ],
    )
    def test_what_it_refuses_is_told_apart_from_what_it_cannot_reach(
        self, fetch: Fetch, serve: Serve, status: int, reason: Reason, words: str
    ) -> None:
        proxy = serve(replies(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()))

        error = fetch("https://shop.invalid/", way=Way(proxy=proxy.url)).error

        assert error is not None
        assert (error.reason, error.detail) == (reason, f"the proxy 127.0.0.1:{proxy.port} {words}")


class TestPlaces:
    def test_another_address_is_connected_to_and_the_name_stays(
        self, fetch: Fetch, serve: Serve, authority: Any
    ) -> None:
        server = serve(replies(OK), authority.for_another_name())

        answer = fetch("https://other.example/", way=Way(connect_to=f"127.0.0.1:{server.port}"), ca_file=authority.file)

        assert answer.error is None
        assert b"Host: other.example\r\n" in server.heard[0]

    def test_the_port_of_the_url_stays_where_no_other_is_given(self, fetch: Fetch, serve: Serve) -> None:
        server = serve(replies(OK))

        answer = fetch(f"http://shop.invalid:{server.port}/", way=Way(connect_to="127.0.0.1"))

        assert answer.error is None
        assert answer.address == "127.0.0.1"

    def test_a_redirect_to_another_host_goes_to_that_host(self, fetch: Fetch, serve: Serve) -> None:
        there = serve(replies(OK))
        moved = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{there.port}/\r\nContent-Length: 0\r\n\r\n"
        here = serve(replies(moved.encode()))

        answer = fetch("http://shop.invalid/", way=Way(connect_to=f"127.0.0.1:{here.port}"))

        assert (answer.error, len(there.heard)) == (None, 1)

    @pytest.mark.parametrize(("ip", "address"), [(4, "127.0.0.1"), (6, "::1")])
    def test_one_family_alone_is_used(self, fetch: Fetch, hell: ModuleType, ip: int, address: str) -> None:
        family = socket.AF_INET6 if ip == 6 else socket.AF_INET
        try:
            listener = socket.create_server((address, 0), family=family)
        except OSError:
            pytest.skip("no IPv6 here")
        server = hell.Hell(replies(OK), listener=listener)
        try:
            answer = fetch(f"http://name.localhost:{server.port}/", way=Way(ip=Family(version=ip)))
            other = fetch(f"http://name.localhost:{server.port}/", way=Way(ip=Family(version=10 - ip)))
        finally:
            server.close()

        assert (answer.error, answer.address) == (None, address)
        assert other.error is not None
        assert other.error.reason is Reason.REFUSED


class TestPapers:
    def test_a_target_that_wants_a_certificate_is_shown_ours_and_no_other_host_is(
        self, fetch: Fetch, serve: Serve, authority: Any, tmp_path: Path
    ) -> None:
        key, chain = authority.pem("watchkeeper.example")
        (tmp_path / "both.pem").write_bytes(chain + key)
        (tmp_path / "chain.pem").write_bytes(chain)
        (tmp_path / "key.pem").write_bytes(key)
        wants = serve(replies(OK), authority.knows(authority.good()))
        both = Way(certificate=str(tmp_path / "both.pem"))
        apart = Way(certificate=str(tmp_path / "chain.pem"), key=str(tmp_path / "key.pem"))

        for way in (both, apart):
            assert fetch(wants.url, way=way, ca_file=authority.file).error is None
        refused = fetch(wants.url, ca_file=authority.file).error
        assert refused is not None
        assert refused.reason in (Reason.TLS, Reason.RESET)

        moved = f"HTTP/1.1 302 Found\r\nLocation: {wants.url}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        first = serve(replies(moved.encode()), authority.good())
        elsewhere = fetch(first.url, way=both, ca_file=authority.file).error
        assert elsewhere is not None
        assert elsewhere.reason in (Reason.TLS, Reason.RESET)

    def test_a_file_that_is_no_certificate_is_our_trouble(
        self, fetch: Fetch, serve: Serve, authority: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "none.pem").write_text("none")
        server = serve(replies(OK), authority.good())

        error = fetch(server.url, way=Way(certificate=str(tmp_path / "none.pem")), ca_file=authority.file).error

        assert error is not None
        assert error.reason is Reason.INTERNAL


def test_http_1_1_is_spoken_where_it_is_asked_for(fetch: Fetch, serve: Serve) -> None:
    server = serve(replies(OK))

    answer = fetch(server.url, way=Way(version="1.1"))

    assert (answer.version, re.match(rb"GET / HTTP/1\.1\r\n", server.heard[0]) is not None) == ("1.1", True)
    old = fetch(serve(replies(OK.replace(b"HTTP/1.1", b"HTTP/1.0"))).url, way=Way(version="1.1"))
    assert old.version == "1.0"

"""Sessions that are resumed, with a real TLS server that tells a full handshake from a resumed one."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from checks.exchange import HttpAnswer
from checks.result import Reason
from checks.way import Way
from monitor.probing.engine import Engine

Fetch = Callable[..., HttpAnswer]
Serve = Callable[..., Any]

FIVE_MINUTES = 300.0
RESUMES = Way(resume=FIVE_MINUTES)


class Watch:
    now = 1000.0


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def engine(watch: Watch) -> Iterator[Engine]:
    bugs: list[BaseException] = []
    engine = Engine(bugs.append, seconds=lambda: watch.now)
    yield engine
    engine.close()
    assert bugs == []


class Shop:
    """Says hello, and keeps of each handshake whether it was full."""

    def __init__(self, hello: bytes) -> None:
        self.handshakes: list[str] = []
        self.hangs_up = False
        self._hello = hello

    def __call__(self, peer: ssl.SSLSocket, server: Any) -> None:
        self.handshakes.append("resumed" if peer.session_reused else "full")
        server.read_request(peer)
        if not self.hangs_up:
            peer.sendall(self._hello)


@pytest.fixture
def shop(hell: ModuleType) -> Shop:
    return Shop(hell.HELLO)


def test_a_session_is_resumed_until_five_minutes_after_its_full_handshake(
    fetch: Fetch, serve: Serve, authority: Any, shop: Shop, watch: Watch
) -> None:
    url = serve(shop, authority.good()).url
    began = watch.now
    for passed in (0.0, 30.0, 299.999, 300.0, 330.0, 599.999, 600.0):
        watch.now = began + passed
        assert fetch(url, ca_file=authority.file, way=RESUMES).status == 200

    assert shop.handshakes == ["full", "resumed", "resumed", "full", "resumed", "resumed", "full"]


def test_by_default_every_handshake_is_a_full_one_also_with_a_handle_that_has_resumed(
    fetch: Fetch, serve: Serve, authority: Any, shop: Shop
) -> None:
    url = serve(shop, authority.good()).url
    for way in (RESUMES, RESUMES, None, None, RESUMES):
        assert fetch(url, ca_file=authority.file, way=way).status == 200

    assert shop.handshakes == ["full", "resumed", "full", "full", "resumed"]


def test_each_check_makes_a_full_handshake_of_its_own(fetch: Fetch, serve: Serve, authority: Any, shop: Shop) -> None:
    url = serve(shop, authority.good()).url
    for path in ("one", "two", "one", "two"):
        fetch(url + path, ca_file=authority.file, way=RESUMES)

    assert shop.handshakes == ["full", "full", "resumed", "resumed"]


def test_a_session_is_worth_nothing_once_whom_we_trust_may_have_changed(
    fetch: Fetch, serve: Serve, authority: Any, shop: Shop, engine: Engine
) -> None:
    url = serve(shop, authority.good()).url
    fetch(url, ca_file=authority.file, way=RESUMES)
    engine.forget_authorities()
    fetch(url, ca_file=authority.file, way=RESUMES)

    assert shop.handshakes == ["full", "full"]


def test_after_a_failure_the_next_handshake_is_a_full_one(
    fetch: Fetch, serve: Serve, authority: Any, shop: Shop
) -> None:
    url = serve(shop, authority.good()).url
    fetch(url, ca_file=authority.file, way=RESUMES)
    shop.hangs_up = True
    broken = fetch(url, ca_file=authority.file, way=RESUMES)
    shop.hangs_up = False
    fetch(url, ca_file=authority.file, way=RESUMES)

    assert broken.error is not None
    assert broken.error.reason is Reason.RESET
    assert shop.handshakes == ["full", "resumed", "full"]


def test_a_renewed_certificate_is_seen_by_the_next_full_handshake(
    fetch: Fetch, serve: Serve, authority: Any, shop: Shop, watch: Watch, tmp_path: Path
) -> None:
    def show(context: ssl.SSLContext, days: int) -> float:
        ends = (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)
        key, chain = authority.pem("127.0.0.1", ends=ends)
        (tmp_path / "pem").write_bytes(key + chain)
        context.load_cert_chain(tmp_path / "pem")
        return ends.timestamp()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old = show(context, 9)
    url = serve(shop, context).url

    def seen() -> float | None:
        answer = fetch(url, ca_file=authority.file, way=RESUMES, certificate=True)
        assert answer.expires_at is not None
        assert answer.certificate_left is not None
        # Counted on from the wall clock, though nobody has looked at it again.
        assert 0 <= answer.expires_at - datetime.now(UTC).timestamp() - answer.certificate_left + 60 <= 60
        return answer.expires_at

    began = watch.now
    assert seen() == old
    new = show(context, 90)  # the tickets of the old one are still taken
    watch.now = began + 299.999
    assert seen() == old
    watch.now = began + 300.0
    assert seen() == new
    assert shop.handshakes == ["full", "resumed", "full"]


@pytest.mark.parametrize("other", ["for_another_name", "expired", "self_signed"])
def test_a_server_that_does_not_resume_is_judged_by_what_it_shows_then(
    fetch: Fetch, serve: Serve, authority: Any, shop: Shop, other: str
) -> None:
    server = serve(shop, authority.good())
    fetch(server.url, ca_file=authority.file, way=RESUMES)
    server._tls = getattr(authority, other)()  # another server, which knows no tickets of the first

    error = fetch(server.url, ca_file=authority.file, way=RESUMES).error

    assert error is not None
    assert error.reason is Reason.CERTIFICATE


def test_what_a_redirect_leads_to_elsewhere_is_met_as_a_newcomer(
    fetch: Fetch, serve: Serve, hell: ModuleType, authority: Any, shop: Shop
) -> None:
    elsewhere = serve(shop, authority.good()).url

    def leads(peer: socket.socket, server: Any) -> None:
        server.read_request(peer)
        peer.sendall(f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n".encode())

    url = serve(leads, authority.good()).url
    for _ in range(2):
        assert fetch(url, ca_file=authority.file, way=RESUMES).status == 200

    assert shop.handshakes == ["full", "full"]

"""Certificates to trust and to refuse, and handshakes that never become one."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from checks.exchange import HttpAnswer, HttpRequest, TransportError
from checks.result import Reason
from monitor.probing.certificates import earliest_expiry, own_expiry

Fetch = Callable[..., HttpAnswer]
Serve = Callable[..., Any]


@pytest.mark.parametrize("kind", ["good", "old"])
def test_a_certificate_of_the_given_ca_is_trusted(
    fetch: Fetch, serve: Serve, hell: ModuleType, authority: Any, kind: str
) -> None:
    """Also over TLS 1.2 with an ECDSA certificate, whose curve a list of groups would limit."""
    server = serve(hell.say(hell.HELLO), getattr(authority, kind)())

    answer = fetch(server.url, ca_file=authority.file)

    assert (answer.status, answer.body, answer.error) == (200, b"hello", None)
    assert answer.timings is not None
    assert answer.timings.tls > 0


@pytest.mark.parametrize(
    ("kind", "with_ca", "words"),
    [
        ("good", False, "issued by a CA that is not known here: give it as ca_file"),
        ("expired", True, "the certificate has expired"),
        ("for_another_name", True, "it is for another name"),
        ("self_signed", True, "the certificate is self-signed"),
        ("self_signed", False, "the certificate is self-signed"),
    ],
)
def test_a_certificate_is_refused_and_why(
    fetch: Fetch, serve: Serve, hell: ModuleType, authority: Any, kind: str, with_ca: bool, words: str
) -> None:
    server = serve(hell.say(hell.HELLO), getattr(authority, kind)())

    error = fetch(server.url, ca_file=authority.file if with_ca else None).error

    assert error is not None
    assert (error.reason, error.before_any_byte) == (Reason.CERTIFICATE, False)
    assert error.detail.startswith(f"certificate of 127.0.0.1:{server.port} refused: {words}")
    assert b"".join(server.heard) == b"", "nothing may be sent to whom we do not trust"


@pytest.mark.parametrize("kind", ["expired", "for_another_name", "self_signed"])
def test_without_verification_any_certificate_will_do(
    fetch: Fetch, serve: Serve, hell: ModuleType, authority: Any, kind: str
) -> None:
    assert fetch(serve(hell.say(hell.HELLO), getattr(authority, kind)()).url, verify=False).status == 200


def test_how_long_a_certificate_is_valid_is_found_out_where_asked_for(
    fetch: Fetch, serve: Serve, hell: ModuleType, authority: Any
) -> None:
    now = datetime.now(UTC)
    server = serve(hell.say(hell.HELLO), authority.until(now + timedelta(days=9)))
    nine_days = 9 * 86_400

    answer = fetch(server.url, ca_file=authority.file, certificate=True)
    asked = answer.certificate_left

    assert asked is not None
    assert answer.expires_at == int(now.timestamp()) + nine_days
    # Minus what the test took, and the second's fraction that a certificate has no room for.
    assert nine_days - (datetime.now(UTC) - now).total_seconds() - 1 <= asked <= nine_days
    assert fetch(server.url, ca_file=authority.file).certificate_left is None
    assert fetch(serve(hell.say(hell.HELLO)).url, certificate=True).certificate_left is None


def test_an_expired_certificate_that_is_not_verified_has_less_than_nothing_left(
    fetch: Fetch, serve: Serve, hell: ModuleType, authority: Any
) -> None:
    left = fetch(serve(hell.say(hell.HELLO), authority.expired()).url, verify=False, certificate=True).certificate_left

    assert left is not None
    assert left <= -86_400


@pytest.mark.parametrize(
    ("written", "ends"),
    [
        (b"Jan  5 00:00:07 1970 GMT", 4 * 86_400 + 7),
        (b"Dec 31 23:59:59 9999 GMT", 253_402_300_799),
        (b"Feb 30 00:00:00 2027 GMT", None),
        (b"Feb 28 00:00:00 GMT", None),
        (b"Foo  5 00:00:07 1970 GMT", None),
        (b"\xff", None),
    ],
)
def test_the_date_of_a_certificate_is_read_or_is_none(written: bytes, ends: float | None) -> None:
    own = ((b"Subject", b"CN = \xc3\xbc"), (b"Expire date", written))
    issuer = ((b"Expire date", b"Jan  1 00:00:00 2000 GMT"),)

    assert own_expiry((own, issuer)) == ends
    assert own_expiry(()) is None
    # Of a chain the first to expire counts, and one that cannot be read might be the first.
    assert earliest_expiry((own, issuer)) == (None if ends is None else min(ends, 946_684_800))
    assert earliest_expiry(()) is None


@pytest.mark.parametrize("path", ["/nonexistent/ca.pem", "/dev/null"])
def test_a_ca_file_that_cannot_be_used_is_our_own_trouble(
    fetch: Fetch, serve: Serve, hell: ModuleType, authority: Any, path: str
) -> None:
    error = fetch(serve(hell.say(hell.HELLO), authority.good()).url, ca_file=path).error

    assert error is not None
    assert error.reason is Reason.INTERNAL
    assert path in error.detail


def _read(peer: socket.socket) -> bytes:
    return peer.recv(65536)


def _answer(peer: socket.socket, data: bytes, server: Any) -> None:
    _read(peer)
    peer.sendall(data)
    server.over.wait(1.0)


HANDSHAKES: dict[str, tuple[Callable[[ModuleType], Any], Reason, bool, str]] = {
    "never comes": (
        lambda h: lambda peer, server: server.over.wait(60),
        Reason.TIMEOUT,
        True,
        "waited for the TLS handshake with 127.0.0.1:",
    ),
    "is closed": (lambda h: lambda peer, server: None, Reason.RESET, True, "hung up during the TLS handshake"),
    "is closed after its first word": (
        lambda h: lambda peer, server: _read(peer),
        Reason.RESET,
        True,
        "hung up during the TLS handshake",
    ),
    "is reset": (
        lambda h: lambda peer, server: (_read(peer), h.slam(peer)),
        Reason.RESET,
        True,
        "hung up during the TLS handshake",
    ),
    "is answered in plain HTTP": (
        lambda h: lambda peer, server: _answer(peer, b"HTTP/1.1 400 Bad Request\r\n\r\n", server),
        Reason.TLS,
        False,
        "it speaks plain HTTP there, or not TLS at all",
    ),
    "is answered with nonsense": (
        lambda h: lambda peer, server: _answer(peer, b"\x16\x03\x03\x00\x05hello", server),
        Reason.TLS,
        False,
        "TLS handshake with 127.0.0.1:",
    ),
    "is answered with an alert": (
        lambda h: lambda peer, server: _answer(peer, b"\x15\x03\x03\x00\x02\x02\x28", server),
        Reason.TLS,
        False,
        "handshake failure",
    ),
}


@pytest.mark.parametrize("case", HANDSHAKES)
def test_a_handshake_that(
    case: str, fetch: Fetch, serve: Serve, hell: ModuleType, patiently: Callable[..., Any]
) -> None:
    talk, reason, before_any_byte, words = HANDSHAKES[case]
    url = serve(talk(hell)).url.replace("http:", "https:")

    def ask(seconds: float) -> TransportError | None:
        return fetch(url, timeout=seconds if reason is Reason.TIMEOUT else 30.0).error

    error = patiently(ask, lambda error: error is not None and words in error.detail)

    assert error is not None
    assert (error.reason, error.before_any_byte) == (reason, before_any_byte)
    assert words in error.detail


def test_a_server_that_closes_after_the_handshake_has_not_answered(
    fetch: Fetch, serve: Serve, hell: ModuleType, authority: Any
) -> None:
    error = fetch(serve(hell.say(), authority.good()).url, ca_file=authority.file).error

    assert error is not None
    assert (error.reason, error.before_any_byte) == (Reason.RESET, True)
    assert error.detail.endswith("closed the connection without answering")


def test_a_tls_answer_that_is_cut_short_is_not_taken_for_whole(
    fetch: Fetch, serve: Serve, hell: ModuleType, authority: Any
) -> None:
    server = serve(hell.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), authority.good())

    error = fetch(server.url, ca_file=authority.file).error

    assert error is not None
    assert error.reason is Reason.PROTOCOL
    assert error.detail.endswith("ended its answer early, after 3 bytes of body")


def test_authorities_that_changed_in_their_file_are_read_anew_once_we_are_told(
    fetch: Fetch, serve: Serve, hell: ModuleType, authority: Any, engine: Any, tmp_path: Path
) -> None:
    other = hell.Authority(tmp_path)
    server = serve(hell.say(hell.HELLO), authority.good())
    assert fetch(server.url, ca_file=other.file).error.reason is Reason.CERTIFICATE

    Path(other.file).write_bytes(Path(authority.file).read_bytes())
    engine.forget_authorities()

    assert fetch(server.url, ca_file=other.file).status == 200


def test_authorities_are_forgotten_while_somebody_is_asked_by_them_who_still_answers(
    serve: Serve, hell: ModuleType, authority: Any, engine: Any, turn_until: Callable[..., None]
) -> None:
    server = serve(hell.say(hell.HELLO), authority.good())
    answers: list[HttpAnswer] = []
    engine.submit(HttpRequest(url=server.url, timeout=30.0, ca_file=authority.file), answers.append)
    engine.forget_authorities()
    turn_until(engine, lambda: bool(answers))

    assert answers[0].status == 200
    engine.turn(0.0)
    assert engine._retired == []

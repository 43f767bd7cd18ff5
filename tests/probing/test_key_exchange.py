"""By what keys may be exchanged in a TLS handshake: read in the first message that really leaves."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from checks.exchange import HttpAnswer
from checks.way import Way

Fetch = Callable[..., HttpAnswer]
Serve = Callable[..., Any]

# Their numbers in the registry "TLS Supported Groups" of IANA.
X25519MLKEM768, X25519, P256 = 0x11EC, 0x1D, 0x17
SUPPORTED_GROUPS, KEY_SHARE = 10, 51


@dataclass
class Hello:
    """What a ClientHello (RFC 8446, 4.1.2) offers, in its order: groups, and those of which it brings a key already."""

    groups: list[int]
    shares: list[int]


def pair(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def read(record: bytes) -> Hello:
    at = 5 + 4 + 2 + 32  # of the record, of the message, version, random
    at += 1 + record[at]
    at += 2 + pair(record, at)
    at += 1 + record[at]
    end = at + 2 + pair(record, at)
    at += 2
    found = Hello([], [])
    while at < end:
        kind, size = pair(record, at), pair(record, at + 2)
        value = record[at + 4 : at + 4 + size]
        at += 4 + size
        if kind == SUPPORTED_GROUPS:
            found.groups = [pair(value, place) for place in range(2, len(value), 2)]
        elif kind == KEY_SHARE:
            place = 2
            while place < len(value):
                found.shares.append(pair(value, place))
                place += 4 + pair(value, place + 2)
    return found


def listen(hellos: list[Hello]) -> Callable[[socket.socket, Any], None]:
    """Keeps what it is greeted with, and hangs up."""

    def talk(peer: socket.socket, _server: Any) -> None:
        record = b""
        while len(record) < 5 or len(record) < 5 + pair(record, 3):
            record += peer.recv(65536)
        hellos.append(read(record))

    return talk


def test_by_default_the_post_quantum_group_comes_first_with_a_key(fetch: Fetch, serve: Serve) -> None:
    hellos: list[Hello] = []

    fetch(serve(listen(hellos)).url.replace("http:", "https:"))

    assert hellos[0].groups[0] == X25519MLKEM768
    assert {X25519, P256} < set(hellos[0].groups)
    assert hellos[0].shares[0] == X25519MLKEM768


def test_what_is_configured_is_offered_and_nothing_else_and_by_that_check_alone(
    fetch: Fetch, serve: Serve, hell: ModuleType, authority: Any
) -> None:
    hellos: list[Hello] = []
    url = serve(listen(hellos)).url.replace("http:", "https:")
    good = serve(hell.say(hell.HELLO), authority.good()).url
    ours = Way(groups="X25519:P-256")

    fetch(url, way=ours)
    fetch(good, ca_file=authority.file, way=ours)  # ends well, so that its handle is used again
    fetch(url)

    assert hellos[0] == Hello([X25519, P256], [X25519])
    assert hellos[1].groups[0] == X25519MLKEM768


@pytest.mark.parametrize("kind", ["good", "old"])
def test_a_list_with_p256_does_for_an_ecdsa_certificate_of_tls_1_2_too(
    fetch: Fetch, serve: Serve, hell: ModuleType, authority: Any, kind: str
) -> None:
    server = serve(hell.say(hell.HELLO), getattr(authority, kind)())

    assert fetch(server.url, ca_file=authority.file, way=Way(groups="X25519:P-256")).status == 200

"""One datagram of the config's, and the first that comes back."""

from __future__ import annotations

import socket
from typing import Any, Final

from checks.datagram import DatagramRequest
from checks.exchange import Answer, TransportError
from checks.stream import StreamAnswer, StreamRequest
from monitor.probing.datagrams import Datagrams, Host

KIND: Final = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
LARGEST: Final = 65_535


def exchanges(host: Host) -> Datagrams:
    """The engine's transport for `DatagramRequest`."""
    return Datagrams(host, DatagramTalk)


class DatagramTalk:
    awaited = "an answer"

    def __init__(self, request: DatagramRequest) -> None:
        self._request = request
        self._heard = b""

    def open(self, family: socket.AddressFamily) -> socket.socket:
        return socket.socket(family, KIND)

    def datagram(self) -> bytes:
        return self._request.send

    def hear(self, made: socket.socket) -> bool:
        self._heard = made.recv(LARGEST)
        return True

    def instead(self, _address: str | None, _timeout: float) -> StreamRequest | None:
        return None

    def told(self, _answer: StreamAnswer) -> None:
        """Never: nothing is asked over a connection."""

    def answer(self, error: TransportError | None, **fields: Any) -> Answer:
        return Answer(body=self._heard, error=error, **fields)

"""One question to a name server: in a datagram, and over a connection where that is asked for or has to be."""

from __future__ import annotations

import os
import socket
from typing import Any

from checks.datagram import DnsAnswer, DnsRequest
from checks.dns_message import answers, decode, encode, is_truncated
from checks.dns_records import Malformed
from checks.exchange import TransportError
from checks.result import Reason
from checks.stream import Step, StreamAnswer, StreamRequest
from monitor.probing.datagrams import Datagrams, Host
from monitor.probing.hops import place
from monitor.probing.udp import KIND, LARGEST


def name_servers(host: Host) -> Datagrams:
    """The engine's transport for `DnsRequest`."""
    return Datagrams(host, DnsTalk)


class DnsTalk:
    def __init__(self, request: DnsRequest) -> None:
        """Raises ValueError for what is no domain name."""
        self._request = request
        # From the system: who can guess it can answer in the server's place (RFC 5452).
        self._asked = encode(request.query, int.from_bytes(os.urandom(2), "big"))
        self._heard = b""
        self._connects = request.url.startswith("tcp:")
        self.awaited = f"the answer to {request.query}"

    def open(self, family: socket.AddressFamily) -> socket.socket:
        return socket.socket(family, KIND)

    def datagram(self) -> bytes:
        return self._asked

    def hear(self, made: socket.socket) -> bool:
        data = made.recv(LARGEST)
        if not answers(data, self._asked):
            return False
        self._heard = data
        self._connects = is_truncated(data)
        return True

    def instead(self, address: str | None, timeout: float) -> StreamRequest | None:
        if not self._connects:
            return None
        url = self._request.url
        if address is not None:
            port = url.rpartition(":")[2]
            url = f"tcp://[{address}]:{port}" if ":" in address else f"tcp://{address}:{port}"
        sized = len(self._asked).to_bytes(2, "big") + self._asked
        return StreamRequest(
            url=url,
            script=(Step(send=sized.replace(b"$", b"$$")), Step(expect_sized=True)),
            security=self._request.security,
            timeout=timeout,
            ip=self._request.ip if address is None else None,
            source=self._request.source,
        )

    def told(self, answer: StreamAnswer) -> None:
        self._heard = answer.body[2:]

    def answer(self, error: TransportError | None, **fields: Any) -> DnsAnswer:
        message = None
        if error is None:
            try:
                if not answers(self._heard, self._asked):
                    raise Malformed("is to another question")
                message = decode(self._heard)
            except Malformed as malformed:
                detail = f"the answer of {place(self._request.url)} to {self._request.query} {malformed}"
                error = TransportError(reason=Reason.PROTOCOL, detail=detail, before_any_byte=False)
        return DnsAnswer(message=message, error=error, **fields)

"""
One ICMP echo: over a socket for pings, which Linux gives to the groups in net.ipv4.ping_group_range, or else over a raw
one, which takes CAP_NET_RAW.

A socket for pings hears the replies to its own id alone; a raw one hears those to everybody's.
"""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from checks.datagram import EchoAnswer, EchoRequest
from checks.exchange import TransportError
from checks.stream import StreamAnswer, StreamRequest
from monitor.probing.datagrams import Datagrams, Host
from monitor.probing.flight import NotAllowed

NEITHER_ALLOWED: Final = (
    "we may not send pings; sysctl -w net.ipv4.ping_group_range='0 2147483647' allows it, "
    "or AmbientCapabilities=CAP_NET_RAW in the unit (docs/operations.md)"
)
_FLAGS: Final = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
_ECHO: Final = struct.Struct("!BBHHH")
_LARGEST: Final = 65_536
_CONTROL: Final = 256
# Linux' numbers that Python has no names for.
_IP_TTL, _IP_RECVERR, _IP_RECVTTL, _IPV6_RECVERR = 2, 11, 12, 25
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PMTUDISC_DO = 10, 23, 2
_SOL_RAW, _ICMP_FILTER, _ICMPV6_FILTER = 255, 1, 1
_ALL: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class _Family:
    """
    What differs between ICMP and ICMPv6.

    Attributes:
        request, reply: Types of message.
        options: Of the socket: that errors are told, and the hop limit of what comes.
        told: Where the hop limit is then found: level and type of a control message.
        hop_limit, discover: Options of the socket: of what is sent, and whether it may be cut.
        only_replies: The option that keeps everything else from a raw socket: its level, number and value.
    """

    protocol: int
    request: int
    reply: int
    options: tuple[tuple[int, int], tuple[int, int]]
    told: tuple[int, int]
    hop_limit: tuple[int, int]
    discover: tuple[int, int]
    only_replies: tuple[int, int, bytes]


_IP, _IPV6 = socket.IPPROTO_IP, socket.IPPROTO_IPV6
_FAMILIES: Final = {
    socket.AF_INET: _Family(
        protocol=socket.IPPROTO_ICMP,
        request=8,
        reply=0,
        options=((_IP, _IP_RECVERR), (_IP, _IP_RECVTTL)),
        told=(_IP, _IP_TTL),
        hop_limit=(_IP, _IP_TTL),
        discover=(_IP, _IP_MTU_DISCOVER),
        only_replies=(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", 0xFFFFFFFE)),  # a bit for each type that is kept away
    ),
    socket.AF_INET6: _Family(
        protocol=socket.IPPROTO_ICMPV6,
        request=128,
        reply=129,
        options=((_IPV6, _IPV6_RECVERR), (_IPV6, socket.IPV6_RECVHOPLIMIT)),
        told=(_IPV6, socket.IPV6_HOPLIMIT),
        hop_limit=(_IPV6, socket.IPV6_UNICAST_HOPS),
        discover=(_IPV6, _IPV6_MTU_DISCOVER),
        only_replies=(socket.IPPROTO_ICMPV6, _ICMPV6_FILTER, struct.pack("=8I", *[_ALL] * 4, _ALL - 2, *[_ALL] * 3)),
    ),
}


def echoes(host: Host) -> Datagrams:
    """The engine's transport for `EchoRequest`."""
    return Datagrams(host, EchoTalk)


class EchoTalk:
    awaited = "its echo"

    def __init__(self, request: EchoRequest) -> None:
        self._request = request
        self._number = int.from_bytes(os.urandom(2), "big")
        # Nobody who has not seen it can send it back.
        self._payload = os.urandom(request.payload)
        self._family = _FAMILIES[socket.AF_INET]
        self._raw = False
        self._hop_limit: int | None = None

    def open(self, family: socket.AddressFamily) -> socket.socket:
        self._family = _FAMILIES[family]
        made = self._opened(family)
        for level, option in self._family.options:
            made.setsockopt(level, option, 1)
        if self._request.hop_limit:
            made.setsockopt(*self._family.hop_limit, self._request.hop_limit)
        if not self._request.fragment:
            made.setsockopt(*self._family.discover, _PMTUDISC_DO)
        return made

    def datagram(self) -> bytes:
        message = _ECHO.pack(self._family.request, 0, 0, self._number, 1) + self._payload
        if self._family.protocol != socket.IPPROTO_ICMP:
            return message  # the kernel knows the addresses that this checksum is also of
        return message[:2] + checksum(message).to_bytes(2, "big") + message[4:]

    def hear(self, made: socket.socket) -> bool:
        data, control, _, _ = made.recvmsg(_LARGEST, _CONTROL)
        if self._raw and self._family.protocol == socket.IPPROTO_ICMP and data:
            data = data[4 * (data[0] & 15) :]  # behind the header of IP, which ICMPv6 leaves out
        if not self._is_reply(data):
            return False
        for level, kind, value in control:
            if (level, kind) == self._family.told and len(value) >= 4:
                self._hop_limit = struct.unpack_from("=i", value)[0]
        return True

    def instead(self, _address: str | None, _timeout: float) -> StreamRequest | None:
        return None

    def told(self, _answer: StreamAnswer) -> None:
        """Never: nothing is asked over a connection."""

    def answer(self, error: TransportError | None, **fields: Any) -> EchoAnswer:
        return EchoAnswer(error=error, hop_limit=self._hop_limit, **fields)

    def _opened(self, family: socket.AddressFamily) -> socket.socket:
        self._raw = False
        with suppress(PermissionError):
            return socket.socket(family, socket.SOCK_DGRAM | _FLAGS, self._family.protocol)
        self._raw = True
        try:
            made = socket.socket(family, socket.SOCK_RAW | _FLAGS, self._family.protocol)
        except PermissionError:
            raise NotAllowed(NEITHER_ALLOWED) from None
        made.setsockopt(*self._family.only_replies)
        return made

    def _is_reply(self, data: bytes) -> bool:
        if len(data) < _ECHO.size:
            return False
        kind, code, _, number, sequence = _ECHO.unpack_from(data)
        # A socket for pings has an id of its own, which the kernel puts in and compares.
        ours = (number == self._number or not self._raw) and sequence == 1
        return (kind, code) == (self._family.reply, 0) and ours and data[_ECHO.size :] == self._payload


def checksum(message: bytes) -> int:
    """Of ICMP (RFC 1071); *message* has an even length, and zero where it will stand."""
    total: int = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF

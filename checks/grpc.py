"""
Does a gRPC server call itself healthy? `grpc.health.v1.Health/Check`, of the whole server or of one service of it.

The protocol is HTTP/2 with five bytes before each message and the status in trailers, and both messages have one field,
so neither gRPC's library nor protobuf is needed.

Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md and doc/health-checking.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final
from urllib.parse import unquote

from checks.check import Finding
from checks.exchange import HttpAnswer, HttpRequest
from checks.http import failed_transport, status_text
from checks.result import Outcome, Reason
from checks.urls import clip, shown
from checks.way import Way

_METHOD: Final = "/grpc.health.v1.Health/Check"
_SERVING: Final = 1
_NO_FACTS: Final[Mapping[str, float]] = {}
STATUS: Final = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_CODES: Final = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
_MEANING: Final = {5: "it knows no such service", 12: "it has no health service"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    Attributes:
        url: `http://HOST:PORT` or, over TLS, `https://HOST:PORT`.
        service: Whose health; empty for the whole server's.
        metadata: Sent along, as headers are.
        particulars: See `HttpRequest`.
    """

    kind: ClassVar[str] = "grpc"

    url: str
    service: str = ""
    metadata: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # often a secret
    verify: bool = True
    ca_file: str | None = None
    way: Way = Way(version="2")  # noqa: RUF009 - frozen
    particulars: bool = False


def requests(question: Question, timeout: float) -> tuple[HttpRequest, ...]:
    name = question.service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    headers = (
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("grpc-timeout", f"{max(1, round(timeout * 1000))}m"),
        *question.metadata,
    )
    return (
        HttpRequest(
            url=question.url + _METHOD,
            method="POST",
            headers=headers,
            body=b"\x00" + len(message).to_bytes(4, "big") + message,
            timeout=timeout,
            max_redirects=0,
            verify=question.verify,
            ca_file=question.ca_file,
            way=question.way,
            particulars=question.particulars,
        ),
    )


def judge(question: Question, answers: tuple[HttpAnswer, ...], previous: Mapping[str, float]) -> Finding:  # noqa: ARG001 - the same three parameters for every kind
    answer = answers[0]
    if answer.error is not None:
        return failed_transport(answer)
    whose = f"{shown(question.url)}{f' ({question.service})' if question.service else ''}"
    headers = {name.lower(): value for name, value in answer.headers}
    if answer.status != 200:
        return _failed(Reason.STATUS, f"{whose} answered {status_text(answer.status or 0)}, and no gRPC", answer)
    if not headers.get("content-type", "").startswith("application/grpc"):
        return _failed(Reason.PROTOCOL, f"{whose} answered what is no gRPC", answer)
    code = headers.get("grpc-status", "")
    facts = {"grpc_status": float(code[:3])} if code.isascii() and code.isdecimal() else {}
    if code != "0":
        words = _code(code, headers.get("grpc-message", ""))
        return _failed(Reason.STATUS, f"{whose} answered {words}", answer, facts)
    health = _health(answer.body)
    if health is None:
        return _failed(Reason.PROTOCOL, f"{whose} answered what is no message of a health check", answer, facts)
    facts["grpc_health"] = float(health)
    if health != _SERVING:
        says = STATUS[health] if health < len(STATUS) else str(health)
        return _failed(Reason.BODY, f"{whose} says {says}, wanted SERVING", answer, facts)
    return Finding(outcome=Outcome.OK, facts=facts, answer=answer)


def _failed(reason: Reason, detail: str, answer: HttpAnswer, facts: Mapping[str, float] = _NO_FACTS) -> Finding:
    return Finding(outcome=Outcome.FAILED, reason=reason, detail=detail, facts=facts, answer=answer)


def _code(code: str, message: str) -> str:
    if not code.isdecimal():
        return "no gRPC status"
    number = int(code[:3])
    told = f"gRPC {number} {_CODES[number]}" if number < len(_CODES) else f"gRPC {number}"
    why = clip(unquote(message)) or _MEANING.get(number, "")
    return f"{told}: {why}" if why else told


def _health(body: bytes) -> int | None:
    """The status in one uncompressed HealthCheckResponse; None where it is not that."""
    if len(body) < 5 or body[0] != 0 or int.from_bytes(body[1:5], "big") != len(body) - 5:
        return None
    message, at = body[5:], 0
    health = 0  # a field that holds its default is not sent
    while at < len(message):
        tag, at = _read_varint(message, at)
        value, at = _read_varint(message, at)
        if tag is None or value is None or tag & 7:
            return None
        if tag == 0x08:
            health = value
    return health


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _read_varint(data: bytes, at: int) -> tuple[int | None, int]:
    number = shift = 0
    while at < len(data) and shift < 64:
        number |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return number, at
    return None, len(data)

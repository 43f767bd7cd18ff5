"""Does a WebSocket open, and does it say what it should?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final
from urllib.parse import urlsplit

from checks.check import Finding
from checks.family import Family
from checks.http import failed_transport
from checks.result import EXPIRES_AT, Outcome
from checks.stream import Security, Step, StreamAnswer, WebSocketRequest

_PORTS: Final = {"ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    Attributes:
        url: `ws://HOST:PORT/PATH` or, over TLS, `wss://HOST:PORT/PATH`.
        security: Of a `wss://` URL.
    """

    kind: ClassVar[str] = "websocket"

    url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # often a secret
    subprotocols: tuple[str, ...] = ()
    script: tuple[Step, ...] = ()
    security: Security = field(default_factory=Security)
    ip: Family | None = None


def requests(question: Question, timeout: float) -> tuple[WebSocketRequest, ...]:
    parts = urlsplit(question.url)
    host = parts.hostname or ""
    return (
        WebSocketRequest(
            url=f"tcp://{f'[{host}]' if ':' in host else host}:{parts.port or _PORTS[parts.scheme]}",
            resource=question.url,
            headers=question.headers,
            subprotocols=question.subprotocols,
            script=question.script,
            security=question.security if parts.scheme == "wss" else None,
            timeout=timeout,
            ip=question.ip,
        ),
    )


def judge(question: Question, answers: tuple[StreamAnswer, ...], previous: Mapping[str, float]) -> Finding:  # noqa: ARG001 - the same three parameters for every kind
    answer = answers[0]
    if answer.error is not None:
        return failed_transport(answer)
    facts = {} if answer.expires_at is None else {EXPIRES_AT: answer.expires_at}
    return Finding(outcome=Outcome.OK, facts=facts, answer=answer)

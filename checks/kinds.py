"""
From a question to the kind that knows how to put it.

A kind is one file with the same three names in it: `Question`, `requests` and `judge`. It is imported when the first
check of its kind is met, so that nobody pays for what nobody asks. Other packages plug further kinds in
(`plugged.py`); a name of ours stays ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from checks import plugged
from checks.check import Finding, Question
from checks.datagram import DatagramRequest, DnsRequest, EchoRequest
from checks.exchange import HttpRequest
from checks.oauth2 import AuthorizedRequest
from checks.process import ProcessRequest
from checks.steps import JourneyRequest
from checks.stream import StreamRequest, WebSocketRequest

Request = (
    HttpRequest
    | AuthorizedRequest
    | StreamRequest
    | WebSocketRequest
    | ProcessRequest
    | DatagramRequest
    | DnsRequest
    | EchoRequest
    | JourneyRequest
)

_MODULES: Final = {
    "http": "checks.http",
    "collector": "checks.collector",
    "tcp": "checks.tcp",
    "udp": "checks.udp",
    "unix": "checks.unix",
    "tls": "checks.tls",
    "ssh": "checks.ssh",
    "dns": "checks.dns",
    "icmp": "checks.icmp",
    "command": "checks.command",
    "promql": "checks.promql",
    "grpc": "checks.grpc",
    "websocket": "checks.websocket",
    "unusable": "checks.unusable",
    "journey": "checks.journey",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """
    Attributes:
        question: Its dataclass: what the config says of a check.
        requests: What to ask, given the question and the seconds it may take; each is asked at the same time.
        judge: What the answers mean, given the facts of the probe before. Total: it never raises.
        plugged: It is not our own, and nothing that it returns can be trusted to be what it must.
    """

    name: str
    question: type[Any]
    requests: Callable[[Any, float], tuple[Request, ...]]
    judge: Callable[[Any, tuple[Any, ...], Mapping[str, float]], Finding]
    plugged: bool = False


_by_name: dict[str, Kind] = {}
_by_question: dict[type[object], Kind] = {}


def kind(name: str) -> Kind:
    """Raises KeyError for a kind that is not known, and Unusable for one that is plugged in and broken."""
    known = _by_name.get(name)
    if known is None:
        known = _by_name[name] = _found(name)
        _by_question[known.question] = known
    return known


def _found(name: str) -> Kind:
    if name not in _MODULES:
        return Kind(name, *plugged.load(name), plugged=True)
    module = import_module(_MODULES[name])
    return Kind(name, module.Question, module.requests, module.judge)


def kind_of(question: Question) -> Kind:
    known = _by_question.get(type(question))
    return known if known is not None else kind(question.kind)

"""
Calls of code that other packages plug in, of which nothing may harm another check: what it raises, what it returns, and
how long it takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isfinite
from time import monotonic
from typing import Any, Final, TypeVar, get_args
from urllib.parse import urlsplit

from checks.bounded import Overrun, bounded
from checks.check import Finding, Question
from checks.datagram import EchoRequest
from checks.exchange import Answer, HttpRequest
from checks.kinds import Kind, Request
from checks.misfit import misfit
from checks.oauth2 import AuthorizedRequest
from checks.patterns import compiled
from checks.plugged import where_raised
from checks.process import ProcessRequest
from checks.result import Outcome
from checks.steps import JourneyRequest
from checks.stream import StreamRequest
from checks.unusable import Unusable

T = TypeVar("T")

LONGEST: Final = 1.0
"""Seconds that one call may take. Nothing else is asked meanwhile."""
REST: Final = 60.0
"""Seconds for which a kind is left alone that took longer: so it takes a sixtieth of the time at most."""
_MOST_REQUESTS: Final = 10
_MOST_FACTS: Final = 32
_MOST_REMARKS: Final = 8
_LONGEST_TEXT: Final = 1000  # letters

_REQUESTS: Final = get_args(Request)
_resting: dict[str, float] = {}  # by kind, until when


def requests_of(kind: Kind, question: Question, timeout: float) -> tuple[Request, ...]:
    """What *kind* wants asked, each within *timeout* seconds. Raises Unusable."""
    asked = _called(kind, "requests", kind.requests, question, timeout)
    if not isinstance(asked, tuple) or not 0 < len(asked) <= _MOST_REQUESTS:
        raise _nonsense(kind, f"requests returned no tuple of 1 to {_MOST_REQUESTS} requests")
    for place, request in enumerate(asked):
        at = f"requests[{place}]"
        if type(request) not in _REQUESTS:
            raise _nonsense(kind, f"{at} is a {type(request).__name__}, and none of our requests")
        fault = misfit(request, type(request), at) or _fault(request, at)
        if fault:
            raise _nonsense(kind, fault)
    return tuple(_within(request, timeout) for request in asked)


def judged(kind: Kind, question: Question, answers: tuple[Answer, ...], previous: Mapping[str, float]) -> Finding:
    """Raises Unusable."""
    finding = _called(kind, "judge", kind.judge, question, answers, previous)
    fault = misfit(finding, Finding, "the finding") or _fault_of_finding(finding)
    if fault:
        raise _nonsense(kind, fault)
    return replace(
        finding,
        detail=_line(finding.detail),
        warnings=tuple(map(_line, finding.warnings)),
        notes=tuple(map(_line, finding.notes)),
    )


def _called(kind: Kind, task: str, act: Callable[..., T], *arguments: Any) -> T:
    if _resting.get(kind.name, 0.0) > monotonic():
        raise Unusable(f"the kind {kind.name} took more than {LONGEST:g} s and is left alone for {REST:g} s")
    try:
        with bounded(LONGEST):
            return act(*arguments)
    except Overrun:
        _resting[kind.name] = monotonic() + REST
        raise Unusable(f"{task} of the kind {kind.name} took more than {LONGEST:g} s") from None
    except (Exception, SystemExit) as error:
        raise Unusable(f"{task} of the kind {kind.name} raised {where_raised(error)}") from None


def _nonsense(kind: Kind, fault: str) -> Unusable:
    return Unusable(f"the kind {kind.name}: {fault}")


def _fault(request: Request, at: str) -> str:
    """What our transports rely on, as the configuration makes sure of it for our own kinds."""
    asked = request.request if isinstance(request, AuthorizedRequest) else request
    if not asked.timeout > 0:
        return f"{at} has no time"
    if isinstance(asked, JourneyRequest):  # of which each step finds out by itself whether it can be asked
        return "" if asked.steps else f"{at} has no step"
    if isinstance(asked, ProcessRequest):
        return "" if asked.command and asked.command[0] else f"{at} names no program"
    if not _can_be_asked(asked):
        return f"{at} has an address that cannot be asked"
    return _fault_of_script(asked, at) if isinstance(asked, StreamRequest) else ""


def _can_be_asked(asked: Any) -> bool:
    if asked.url.startswith("unix:"):
        return isinstance(asked, StreamRequest) and len(asked.url) > len("unix:")
    try:
        parts = urlsplit(asked.url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if isinstance(asked, HttpRequest):
        return parts.scheme in ("http", "https") and bool(host) and port != 0
    return bool(host) and (bool(port) or isinstance(asked, EchoRequest))


def _fault_of_script(asked: StreamRequest, at: str) -> str:
    for place, step in enumerate(asked.script):
        does = (step.send, step.expect, step.expect_bytes, step.expect_sized or None, step.starttls or None)
        if sum(one is not None for one in does) != 1:
            return f"{at}.script[{place}] does not do exactly one thing"
        try:
            for pattern in filter(None, (step.expect, step.refuse)):
                compiled(pattern)
        except (re.error, RecursionError, OverflowError):
            return f"{at}.script[{place}] has what is no regular expression"
    return ""


def _within(request: Request, timeout: float) -> Request:
    """A probe that took longer would run into its check's next slot."""
    if isinstance(request, AuthorizedRequest):
        inner = request.request
        return replace(request, request=replace(inner, timeout=min(inner.timeout, timeout)))
    return replace(request, timeout=min(request.timeout, timeout))


def _fault_of_finding(finding: Finding) -> str:
    if (finding.outcome is Outcome.OK) != (finding.reason is None):
        return f"the finding is {finding.outcome} with " + ("a reason" if finding.reason else "no reason")
    if len(finding.facts) > _MOST_FACTS or not all(map(isfinite, finding.facts.values())):
        return f"the finding has more than {_MOST_FACTS} facts, or one that is no finite number"
    if max(len(finding.warnings), len(finding.notes)) > _MOST_REMARKS:
        return f"the finding has more than {_MOST_REMARKS} warnings or notes"
    return ""


def _line(text: str) -> str:
    """One line of a log or a ticket."""
    return "".join(c if c.isprintable() else " " for c in text[:_LONGEST_TEXT])

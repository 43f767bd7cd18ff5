"""What is told of what was asked, and of how it went: attributes for spans and metrics, by the conventions' names."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from checks.check import Check, HttpQuestion, Question
from checks.result import Attempt, Reason, StepResult
from monitor.telemetry import names, protobuf
from monitor.telemetry.redact import shown_url

_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_TRANSPORTS: Final = {"tcp": "tcp", "udp": "udp", "unix": "unix", "icmp": "icmp", "ws": "tcp", "wss": "tcp"}
METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})

Attributes = dict[str, protobuf.AttributeValue]


def duration_of(attempt: Attempt, timeout: float) -> float | None:
    """How long the attempt took in seconds; None when nobody knows, for example because nothing was ever sent."""
    if attempt.latency is not None:
        return attempt.latency
    if attempt.timings is not None and attempt.timings.total > 0:
        return attempt.timings.total
    # A check that tells by itself has no timeout: for its silence nobody waited.
    return timeout or None if attempt.reason is Reason.TIMEOUT else None


def error_type(attempt: Attempt | StepResult) -> str:
    """The conventions' error.type: the status code where that is the error, else our reason; empty when it is ok."""
    if attempt.reason is None:
        return ""
    if attempt.reason is Reason.STATUS and attempt.status is not None:
        return str(attempt.status)
    return attempt.reason.value


def request_attributes(check: Check, hidden: tuple[str, ...] = ()) -> Attributes:
    """What is asked: the part of the attributes that never changes. Total, whatever the address looks like."""
    question = check.question
    found: Attributes = {}
    if speaks_http(question):
        found |= method_attributes(question.method if isinstance(question, HttpQuestion) else "GET")
    elif question.url.startswith("exec:"):
        found[names.PROCESS_EXECUTABLE_NAME] = question.url.rpartition("/")[2].removeprefix("exec:")
    elif is_one_request(question):
        scheme = question.url.partition(":")[0].lower()
        # What a kind that is plugged in calls its addresses is its own affair, and may be no transport.
        if transport := _TRANSPORTS.get(scheme):
            found[names.NETWORK_TRANSPORT] = transport
    if is_one_request(question):
        found |= server_attributes(question.url)
        found[names.URL_FULL] = shown_url(question.url, hidden)
    return found | whose_attributes(check)


def method_attributes(written: str) -> Attributes:
    method = written.upper()
    if method in METHODS:
        return {names.HTTP_REQUEST_METHOD: method}
    return {names.HTTP_REQUEST_METHOD: names.OTHER, names.HTTP_REQUEST_METHOD_ORIGINAL: method}


def server_attributes(url: str) -> Attributes:
    found: Attributes = {}
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return found
    if host:
        found[names.SERVER_ADDRESS] = host
    if port is not None:
        found[names.SERVER_PORT] = port
    return found


def whose_attributes(check: Check) -> Attributes:
    return {
        names.USER_AGENT_SYNTHETIC_TYPE: names.SYNTHETIC_TEST,
        names.SERVICE_PEER_NAME: check.service,
        names.CHECK_SERVICE: check.service,
        names.CHECK_NAME: check.name,
    }


def speaks_http(question: Question) -> bool:
    return question.url.startswith("http") and is_one_request(question)


def is_asked(question: Question) -> bool:
    """Not so a push: what tells by itself has no address of its own."""
    return question.kind != "push"


def is_one_request(question: Question) -> bool:
    """Not so a journey: each of its steps has an address of its own."""
    return question.kind not in ("push", "journey")

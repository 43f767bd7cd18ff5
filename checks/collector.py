"""
Is an OpenTelemetry Collector up, and does its pipeline flow?

The health extension answers in two generations: v1 with `{"status", "upSince", "uptime"}` (or any configured text),
v2 with `{"healthy", "status", "start_time", "components"}`. Green health does not mean that data flows, so with
`metrics:` the collector's own counters are read too. Source: contrib `extension/healthcheckextension`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from checks.check import CollectorQuestion, Finding
from checks.exchange import HttpAnswer, HttpRequest
from checks.http import failed_transport, status_text
from checks.result import Outcome, Reason

KIND: Final = "collector"
FULL: Final = 0.9
"""Share of a sending queue from which on the next hiccup loses data."""

_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|h|m|s)")
_SAMPLE: Final = re.compile(r"^(otelcol_[a-z0-9_]+?)(?:_total)?(?:\{(.*)\})?\s+([0-9.eE+-]+)(?:\s+\d+)?$", re.MULTILINE)
_LOSSES: Final = ("exporter_send_failed", "exporter_enqueue_failed", "receiver_refused")
_COMPONENT: Final = re.compile(r'(?:exporter|receiver)="([^"]*)"')


def requests(question: CollectorQuestion, timeout: float) -> tuple[HttpRequest, ...]:
    health = HttpRequest(url=question.url, timeout=timeout, max_redirects=0)
    if question.metrics is None:
        return (health,)
    return health, HttpRequest(url=question.metrics, timeout=timeout, max_redirects=0, max_body=4 * 1024 * 1024)


def judge(question: CollectorQuestion, answers: tuple[HttpAnswer, ...], previous: Mapping[str, float]) -> Finding:
    health = answers[0]
    if health.error is not None:
        return _unreached(question, failed_transport(health))
    if health.status != 200:
        detail = f"{question.url} answered {status_text(health.status or 0)}{_status_word(health.body)}, wanted 200"
        return Finding(outcome=Outcome.FAILED, reason=Reason.STATUS, detail=detail, answer=health)
    facts, notes = _uptime(health.body, previous)
    if question.metrics is not None and len(answers) > 1:
        metrics = answers[1]
        if metrics.error is not None or metrics.status != 200:
            why = metrics.error.detail if metrics.error is not None else f"answered {status_text(metrics.status or 0)}"
            notes.append(f"metrics not read: {why}")
        else:
            read, trouble = _pipeline(metrics.body.decode("utf-8", "replace"), previous)
            facts |= read
            if trouble:
                detail = f"healthy, but {'; '.join(trouble)}"
                return Finding(
                    outcome=Outcome.FAILED, reason=Reason.ASSERTION, detail=detail, facts=facts, answer=metrics
                )
    return Finding(outcome=Outcome.OK, facts=facts, notes=tuple(notes), answer=health)


def _unreached(question: CollectorQuestion, finding: Finding) -> Finding:
    host = urlsplit(question.url).hostname or ""
    if finding.reason is not Reason.REFUSED or _is_loopback(host):
        return finding
    hint = "the health extension listens on localhost unless its endpoint is set, for example to 0.0.0.0:13133"
    return Finding(
        outcome=finding.outcome, reason=finding.reason, detail=f"{finding.detail}; {hint}", answer=finding.answer
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _status_word(body: bytes) -> str:
    document = _document(body)
    word = document.get("status")
    return f" ({word[:80]})" if isinstance(word, str) else ""


def _uptime(body: bytes, previous: Mapping[str, float]) -> tuple[dict[str, float], list[str]]:
    """Seconds since the collector started, where it says so; a fall, or a later start, is a restart."""
    document = _document(body)
    facts: dict[str, float] = {}
    notes: list[str] = []
    started = _epoch(document.get("start_time"))
    uptime = go_duration(document.get("uptime"))
    if started is not None:
        facts["started"] = started
        if started > previous.get("started", started):
            facts["restarted"] = 1.0
            notes.append(f"restarted: its start moved to {document.get('start_time')}")
    elif uptime is not None:
        facts["uptime"] = uptime
        if uptime < previous.get("uptime", 0.0):
            facts["restarted"] = 1.0
            notes.append(f"restarted: uptime fell from {previous['uptime']:.0f} s to {uptime:.0f} s")
    return facts, notes


def go_duration(text: object) -> float | None:
    """`1h2m3.4s` in seconds; None for anything else."""
    if not isinstance(text, str) or not text:
        return None
    parts = _PART.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _epoch(text: object) -> float | None:
    """RFC 3339 with up to nine decimals, as Go writes it."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).timestamp()
    except (ValueError, OverflowError):
        return None


def _document(body: bytes) -> dict[str, object]:
    """The body as a JSON object; empty for whatever else it is, since any text may be configured."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _pipeline(text: str, previous: Mapping[str, float]) -> tuple[dict[str, float], list[str]]:
    """What the collector's own counters say: losses since the last probe, and how full its queues are."""
    facts: dict[str, float] = {}
    queues: dict[str, dict[str, float]] = {}
    trouble = []
    for name, labels, number in _SAMPLE.findall(text):
        try:
            value = float(number)
        except ValueError:
            continue
        found = _COMPONENT.search(labels or "")
        component = found.group(1) if found else "?"
        short = name.removeprefix("otelcol_")
        if short.startswith(_LOSSES):
            key = f"{short} {component}"
            facts[key] = value
            lost = value - previous.get(key, value)
            if lost > 0:
                trouble.append(f"{component}: {lost:.0f} {short.replace('_', ' ')} since the last probe")
        elif short in ("exporter_queue_size", "exporter_queue_capacity"):
            queues.setdefault(component, {})[short] = value
    for component, queue in queues.items():
        capacity = queue.get("exporter_queue_capacity", 0.0)
        if capacity > 0:
            fullness = queue.get("exporter_queue_size", 0.0) / capacity
            facts["queue_fullness"] = max(fullness, facts.get("queue_fullness", 0.0))
            if fullness >= FULL:
                trouble.append(f"{component}: its sending queue is {fullness:.0%} full")
    return facts, trouble

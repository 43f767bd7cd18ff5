"""
Is an OpenTelemetry Collector up, and does its pipeline flow?

The health extension answers in two generations: v1 with `{"status", "upSince", "uptime"}` (or any configured text, or
an empty 500 in old builds), v2 with `{"healthy", "status", "start_time", "components"}`. Green health does not mean
that data flows, so with `metrics:` the collector's own counters are read too.

Source: opentelemetry-collector-contrib, `extension/healthcheckextension` and `internal/healthcheck`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from checks.check import CollectorQuestion, Finding
from checks.exchange import HttpAnswer, HttpRequest
from checks.http import failed_transport, status_text
from checks.pipeline import read_pipeline
from checks.result import Outcome, Reason
from checks.urls import clip, shown

Question: Final = CollectorQuestion

_MAX_METRICS: Final = 4 * 1024 * 1024
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_PART: Final = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)(ns|us|µs|μs|ms|h|m|s)")
_WELL: Final = ("StatusOK", "StatusNone", "StatusStarting")
_MAX_COMPONENTS: Final = 3
# A start that moved by less than this is the same start, written down anew.
_SAME_START: Final = 1.0


def requests(question: CollectorQuestion, timeout: float) -> tuple[HttpRequest, ...]:
    health = HttpRequest(url=question.url, timeout=timeout, max_redirects=0)
    if question.metrics is None:
        return (health,)
    return health, HttpRequest(url=question.metrics, timeout=timeout, max_redirects=0, max_body=_MAX_METRICS)


def judge(question: CollectorQuestion, answers: tuple[HttpAnswer, ...], previous: Mapping[str, float]) -> Finding:
    health = answers[0]
    if health.error is not None:
        return _unreached(question, failed_transport(health))
    document = _document(health.body)
    ailing = "; ".join(_ailing(document))
    if health.status != 200 or document.get("healthy") is False:
        says = ", with healthy: false" if health.status == 200 else ""
        says += f" ({ailing or _word(document.get('status'))})" if ailing or _word(document.get("status")) else ""
        detail = f"{shown(question.url)} answered {status_text(health.status or 0)}{says}, wanted a healthy 200"
        reason = Reason.BODY if health.status == 200 else Reason.STATUS
        return Finding(outcome=Outcome.FAILED, reason=reason, detail=detail, answer=health)
    facts, notes = _age(document, previous)
    if ailing:
        # Recoverable and permanent errors leave the status at 200 unless the operator has asked for them.
        notes.append(f"healthy, yet {ailing}")
    if question.metrics is not None and len(answers) > 1:
        metrics = answers[1]
        unread = _unread(metrics)
        if unread:
            notes.append(f"metrics not read: {unread}")
        else:
            pipeline = read_pipeline(_text(metrics), previous)
            facts |= pipeline.facts
            if pipeline.troubles:
                return Finding(
                    outcome=Outcome.FAILED,
                    reason=Reason.ASSERTION,
                    detail=f"healthy, but {'; '.join(pipeline.troubles[:_MAX_COMPONENTS])}{_more(pipeline.troubles)}",
                    facts=facts,
                    notes=tuple(notes),
                    answer=health,
                )
    return Finding(outcome=Outcome.OK, facts=facts, notes=tuple(notes), answer=health)


def _unreached(question: CollectorQuestion, finding: Finding) -> Finding:
    if finding.reason is not Reason.REFUSED or _is_loopback(question.url):
        return finding
    hint = "the health extension listens on localhost alone unless its endpoint is set, for example to 0.0.0.0:13133"
    return replace(finding, detail=f"{finding.detail}; {hint}")


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or ip_address(host).is_loopback
    except ValueError:
        return False


def _unread(metrics: HttpAnswer) -> str:
    if metrics.error is not None:
        return metrics.error.detail
    return "" if metrics.status == 200 else f"{shown(metrics.url)} answered {status_text(metrics.status or 0)}"


def _text(metrics: HttpAnswer) -> str:
    text = metrics.body.decode("utf-8", "replace")
    # What was cut off may end in the middle of a number, and 123 of 12345 would look like a restart.
    return text.rpartition("\n")[0] if metrics.truncated else text


def _age(document: Mapping[str, object], previous: Mapping[str, float]) -> tuple[dict[str, float], list[str]]:
    """How long the collector has been up, where it says so. A fall, or a later start, is a restart."""
    facts: dict[str, float] = {}
    notes: list[str] = []
    uptime = go_duration(document.get("uptime"))
    started = _epoch(document.get("start_time")) or _epoch(document.get("upSince"))
    if uptime is not None:
        facts["uptime"] = uptime
    if started is not None:
        facts["started"] = started
    if uptime is not None and uptime < previous.get("uptime", 0.0):
        notes.append(f"restarted: its uptime fell from {previous['uptime']:.0f} s to {uptime:.0f} s")
    elif started is not None and started > previous.get("started", started) + _SAME_START:
        notes.append(f"restarted: it started {started - previous['started']:.0f} s later than the one asked before")
    if notes:
        facts["restarted"] = 1.0
    return facts, notes


def go_duration(text: object) -> float | None:
    """`1h2m3.4s` in seconds; None for anything else."""
    if not isinstance(text, str) or not text or len(text) > 64:
        return None
    parts = _PART.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _epoch(text: object) -> float | None:
    """RFC 3339 with up to nine decimals, as Go writes it. None also for Go's zero time, which means "never"."""
    if not isinstance(text, str) or len(text) > 64:
        return None
    try:
        instant = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
        seconds = instant.timestamp() if instant.tzinfo is not None else 0.0
    except (ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def _document(body: bytes) -> dict[str, object]:
    """The body as a JSON object; empty for whatever else it is, since any text may be configured."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _ailing(document: Mapping[str, object]) -> list[str]:
    """The components of a v2 answer (it has them with `?verbose`) that are not well, deepest last."""
    clauses = [
        f"{name} {status}{f': {error}' if error else ''}"
        for name, status, error in _components(document)
        if status.startswith("Status") and status not in _WELL
    ]
    return [*clauses[:_MAX_COMPONENTS], *([_more(clauses).lstrip("; ")] if len(clauses) > _MAX_COMPONENTS else [])]


def _components(document: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    """(name, status, error) of the whole and its parts. A loop over a list: the nesting is the target's choice."""
    waiting: list[tuple[str, object]] = [("it reports", document)]
    for name, part in waiting:
        if not isinstance(part, dict):
            continue
        yield name, _word(part.get("status")), _word(part.get("error"))
        inner = part.get("components")
        if isinstance(inner, dict):
            waiting += [(_word(key), value) for key, value in inner.items()]


def _more(clauses: list[str]) -> str:
    return f"; and {len(clauses) - _MAX_COMPONENTS} more" if len(clauses) > _MAX_COMPONENTS else ""


def _word(value: object) -> str:
    return clip(value, 120).strip() if isinstance(value, str) else ""

"""Verdicts to text, for people and for programs. Pure: the same verdicts give the same text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from checks.result import StepResult, Timings
from monitor.cli.output import UNBOUNDED, Cell, printable, table
from monitor.cli.verdicts import EXIT_CODES, Status, Verdict, counted, overall

Render = Callable[[Sequence[Verdict]], str]

NOTHING: Final = 0.00005
"""Seconds that would be shown as 0.0 ms."""

_STYLES: Final = {Status.OK: "green", Status.WARNING: "yellow", Status.FAILED: "bold red", Status.UNKNOWN: "magenta"}


def as_table(verdicts: Sequence[Verdict], width: int = UNBOUNDED, colour: bool = False) -> str:
    """For people: worst last, where the eye is when it has scrolled by."""
    rows: list[list[Cell]] = []
    for verdict in sorted(verdicts, key=lambda v: EXIT_CODES[v.status] if v.status is not Status.FAILED else 9):
        attempt = verdict.shown
        rows.append(
            [
                (verdict.mark, _STYLES[verdict.status]),
                printable(verdict.result.id),
                milliseconds(attempt.latency),
                steps(attempt.steps) or phases(attempt.timings),
                printable(verdict.why),
            ]
        )
    drawn = table(("STATUS", "CHECK", "LATENCY", "PHASES", "DETAIL"), rows, width, colour)
    return f"{drawn}\n\n{counted(verdicts)}"


def milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{_figure(seconds * 1000)} ms"


def phases(timings: Timings | None) -> str:
    """Where the time went, in milliseconds, in the short words of browsers; what did not happen is left out."""
    if timings is None:
        return "-"
    parts = (
        ("dns", timings.name_lookup),
        ("tcp", timings.connect),
        ("tls", timings.tls),
        ("wait", timings.first_byte),
        ("body", timings.transfer),
    )
    return " ".join(f"{name} {_figure(value * 1000)}" for name, value in parts if value >= NOTHING) or "-"


def steps(results: Sequence[StepResult]) -> str:
    """How long each took, in milliseconds, in order; what got no answer is `-`."""
    return " ".join(
        f"{result.name} {'-' if result.seconds is None else _figure(result.seconds * 1000)}" for result in results
    )


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def as_json(verdicts: Sequence[Verdict]) -> str:
    import json

    status = overall(verdicts)
    document = {
        "version": 1,
        "status": str(status),
        "exit_code": EXIT_CODES[status],
        "checks": [_document(verdict) for verdict in verdicts],
    }
    return json.dumps(document, indent=2)  # ASCII, so that no control character reaches a terminal


def _document(verdict: Verdict) -> dict[str, object]:
    result, attempt = verdict.result, verdict.shown
    timings = attempt.timings
    return {
        "id": result.id,
        "service": result.service,
        "check": result.check,
        "status": str(verdict.status),
        "mark": verdict.mark,
        "outcome": str(result.outcome),
        "confirmation": str(result.confirmation),
        "reason": str(result.reason) if result.reason else None,
        "detail": result.detail,
        "warnings": list(verdict.warnings),
        "notes": list(verdict.notes),
        "attempts": len(result.attempts),
        "started_at": result.first.started_at.isoformat(),
        "latency_seconds": attempt.latency,
        "phases_seconds": {
            "name_lookup": timings.name_lookup,
            "connect": timings.connect,
            "tls": timings.tls,
            "first_byte": timings.first_byte,
            "transfer": timings.transfer,
        }
        if timings
        else None,
        "http_status": attempt.status,
        "address": attempt.address,
        "redirects": attempt.redirects,
        "trace_id": result.trace_id,
        "facts": dict(result.facts),
        **({"steps": [_step(step) for step in attempt.steps]} if attempt.steps else {}),
    }


def _step(result: StepResult) -> dict[str, object]:
    """Of a journey."""
    return {
        "name": result.name,
        "outcome": str(result.outcome),
        "reason": str(result.reason) if result.reason else None,
        "detail": result.detail,
        "after_seconds": result.after,
        "latency_seconds": result.seconds,
        "http_status": result.status,
        "address": result.address,
        "span_id": result.span_id or None,
    }


def as_github(verdicts: Sequence[Verdict]) -> str:
    """Workflow commands: what is not ok becomes an annotation of the run; then one line for its log."""
    levels = {Status.FAILED: "error", Status.UNKNOWN: "error", Status.WARNING: "warning"}
    lines = []
    for verdict in verdicts:
        level = levels.get(verdict.status, "notice" if verdict.mark != Status.OK else "")
        if level:
            title = _escaped(f"{printable(verdict.result.id)} {verdict.mark}", property_of_command=True)
            lines.append(f"::{level} title={title}::{_escaped(printable(verdict.why))}")
    return "\n".join([*lines, counted(verdicts)])


def _escaped(text: str, property_of_command: bool = False) -> str:
    # As actions/toolkit does it: unescaped, a target's answer could end the command and begin one of its own.
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if property_of_command else text


_NAGIOS: Final = {
    Status.OK: "OK",
    Status.WARNING: "WARNING",
    Status.FAILED: "CRITICAL",
    Status.UNKNOWN: "UNKNOWN",
}


def as_nagios(verdicts: Sequence[Verdict]) -> str:
    """One line, status and performance data, as the monitoring plugins' guidelines have it."""
    troubled = [f"{v.result.id} {v.mark}: {v.why}" for v in verdicts if v.mark != Status.OK]
    text = "; ".join([counted(verdicts), *troubled])
    return f"CHECKS {nagios_line(overall(verdicts), text)} | {' '.join(map(_performance, verdicts))}"


def nagios_line(status: Status, text: str) -> str:
    # A pipe would begin the performance data.
    return f"{_NAGIOS[status]} - {printable(text).replace('|', '/')}"


def _performance(verdict: Verdict) -> str:
    label = printable(verdict.result.id).replace("'", "''").replace("=", "_").replace("|", "_")
    latency = verdict.shown.latency
    return f"'{label}'=U" if latency is None else f"'{label}'={latency:.6f}s;;;0"


def as_junit(verdicts: Sequence[Verdict]) -> str:
    from monitor.cli.formats_junit import junit

    return junit(verdicts)


FORMATS: Final[Mapping[str, Render]] = {
    "table": as_table,
    "json": as_json,
    "junit": as_junit,
    "github": as_github,
    "nagios": as_nagios,
}

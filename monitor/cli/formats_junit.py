"""Verdicts as JUnit XML, in the dialect that GitLab, Jenkins and GitHub's reporters read."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from monitor.cli.output import printable
from monitor.cli.verdicts import Status, Verdict


def junit(verdicts: Sequence[Verdict]) -> str:
    """A failed check is a failure, one that could not be asked an error; a warning passes and says so in its output."""
    failures = sum(v.status is Status.FAILED for v in verdicts)
    errors = sum(v.status is Status.UNKNOWN for v in verdicts)
    began = min((v.result.first.started_at for v in verdicts), default=None)
    attributes = _attributes(
        name="monitor check-once",
        tests=str(len(verdicts)),
        failures=str(failures),
        errors=str(errors),
        skipped="0",
        time=f"{sum(v.shown.latency or 0.0 for v in verdicts):.3f}",
        # JUnit's own schema has no zone here; every reader takes it as UTC.
        timestamp=began.strftime("%Y-%m-%dT%H:%M:%S") if began else "",
    )
    cases = "".join(_case(verdict) for verdict in verdicts)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<testsuites>\n  <testsuite{attributes}>\n{cases}  </testsuite>\n</testsuites>"
    )


def _case(verdict: Verdict) -> str:
    result = verdict.result
    opening = _attributes(classname=result.service, name=result.check, time=f"{verdict.shown.latency or 0.0:.3f}")
    why = verdict.why
    match verdict.status:
        case Status.FAILED | Status.UNKNOWN:
            tag = "failure" if verdict.status is Status.FAILED else "error"
            said = _attributes(type=str(result.reason), message=why)
            inner = f"<{tag}{said}>{_text(_story(verdict))}</{tag}>"
        case _ if why or verdict.mark != Status.OK:
            inner = f"<system-out>{_text(f'{verdict.mark}: {why}')}</system-out>"
        case _:
            return f"    <testcase{opening}/>\n"
    return f"    <testcase{opening}>\n      {inner}\n    </testcase>\n"


def _story(verdict: Verdict) -> str:
    attempts = verdict.result.attempts
    told = [f"attempt {n}: {a.reason or a.outcome}: {a.detail}" for n, a in enumerate(attempts, start=1)]
    return "; ".join([*told, *([f"trace {verdict.result.trace_id}"] if verdict.result.trace_id else [])])


def _attributes(**values: str) -> str:
    return "".join(f' {name}="{_text(value)}"' for name, value in values.items())


def _text(value: str) -> str:
    # `printable` leaves nothing that XML 1.0 forbids: control characters and half surrogate pairs are escapes by then.
    return escape(printable(value))

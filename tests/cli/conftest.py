"""Results as a night may bring them, and the command as a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checks.result import Attempt, CheckResult, Outcome, Reason, Timings
from monitor.cli.verdicts import Verdict

T0 = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

HOSTILE = "wanted 2xx, got 503: \x1b[2J\x00<b>]]></b> 100% | ::error::x\r\n'q=1' \u202e\ud800"
"""What a target may answer: a cleared screen, markup, a pipe, a workflow command, half a character."""


def attempt(outcome: Outcome, reason: Reason | None = None, detail: str = "", **more: object) -> Attempt:
    return Attempt(started_at=T0, outcome=outcome, reason=reason, detail=detail, **more)


def result(service: str, check: str, *attempts: Attempt, notes: tuple[str, ...] = ()) -> CheckResult:
    return CheckResult(
        service=service, check=check, scheduled_at=T0, attempts=attempts, trace_id="0af7651916cd43dd8448eb211c80319c",
        notes=notes,
    )  # fmt: skip


FAST = Timings(name_lookup=0.0004, connect=0.0011, tls=0.0123, first_byte=0.0312, transfer=0.0006)


@pytest.fixture
def night() -> list[Verdict]:
    """One of each: ok, ok after two attempts, slow, hostile, blind."""
    ok = attempt(Outcome.OK, latency=FAST.total, timings=FAST, status=200, address="192.0.2.7")
    quick = attempt(Outcome.OK, latency=0.0042, timings=Timings(connect=0.0002, first_byte=0.004), status=204)
    late = attempt(Outcome.FAILED, Reason.TIMEOUT, "no answer within 10 s")
    broken = attempt(Outcome.FAILED, Reason.STATUS, HOSTILE, latency=0.0201, status=503)
    blind = attempt(Outcome.UNKNOWN, Reason.BLIND, "no reference target answered either")
    return [
        Verdict(result=result("orders", "ready", broken, broken)),
        Verdict(result=result("orders", "live", ok)),
        Verdict(result=result("payments", "live", late, quick)),
        Verdict(result=result("search", "live", ok), warnings=("slow: median of 5 45 ms, usually 12 ms",)),
        Verdict(result=result("far", "live", blind), notes=("restarted: uptime fell to 3 s",)),
    ]


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`run("status", "-c", path)` as a person would: a process of its own, in an empty folder, without a terminal."""

    def run(*arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("WATCHKEEPER", "OTEL"))}
        return subprocess.run(
            [sys.executable, "-m", "monitor", *arguments],
            cwd=tmp_path,
            env={**kept, **(environ or {})},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run

"""
What a scrape of /metrics costs with ten thousand checks: CPU, and for how long at once it holds the loop.

    python tests/bench/bench_exposition.py [CHECKS]

Beside it what `json.dumps` takes for the same samples. Asserts nothing.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from checks import dns, grpc, tcp  # noqa: E402  # run as a script: the path comes first
from checks.check import Check, HttpQuestion, Question  # noqa: E402
from checks.dns_message import Query  # noqa: E402
from checks.result import Attempt, CheckResult, Outcome, Timings  # noqa: E402
from monitor.daemon.exposing import exposition  # noqa: E402
from monitor.telemetry import Telemetry  # noqa: E402
from monitor.telemetry.exposition import Dialect  # noqa: E402

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROUNDS = 7
QUESTIONS: tuple[tuple[Question, dict[str, float]], ...] = (
    (HttpQuestion(url="https://shop.example/healthz"), {"certificate_expires_at": 1_800_000_000.0}),
    (HttpQuestion(url="http://192.0.2.7:8080/healthz"), {}),
    (tcp.Question(url="tcp://db.example:5432"), {}),
    (dns.Question(url="udp://192.0.2.53:53", query=Query("shop.example", "A")),
     {"answer_rrs": 2.0, "authority_rrs": 1.0, "additional_rrs": 0.0}),
    (grpc.Question(url="http://orders.example:50051"), {"grpc_status": 0.0, "grpc_health": 1.0}),
)  # fmt: skip


def house_of(count: int) -> Any:
    """As much of a house as a scrape looks at: all checks were ok a moment ago."""
    watches: dict[str, Any] = {}
    for n in range(count):
        question, facts = QUESTIONS[n % len(QUESTIONS)]
        check = Check(service=f"service-{n // 5}", name=f"check-{n % 5}", question=question)
        timings = Timings(name_lookup=0.0013, connect=0.0004, tls=0.002, first_byte=0.011 + n / 1e7, transfer=0.0002)
        attempt = Attempt(
            started_at=NOW, outcome=Outcome.OK, latency=timings.total, timings=timings, address="192.0.2.7",
            status=200 if question.url.startswith("http") else None,
        )  # fmt: skip
        last = CheckResult(
            service=check.service, check=check.name, scheduled_at=NOW, attempts=(attempt,), facts=dict(facts)
        )
        service = watches.setdefault(check.service, SimpleNamespace(checks={}))
        service.checks[check.name] = SimpleNamespace(check=check, last=last, retargeted_at=None)
    return SimpleNamespace(
        clock=SimpleNamespace(now=lambda: NOW + timedelta(seconds=1)),
        judge=SimpleNamespace(watches=watches),
        objectives=SimpleNamespace(all=[]),
        anomalies=SimpleNamespace(fresh=lambda: []),
        telemetry=Telemetry(),
    )


def scrape(house: Any) -> tuple[float, float, str]:
    """CPU of the whole and the longest piece, in milliseconds, and the text."""
    longest, parts = 0.0, []
    began = last = time.process_time()
    for piece in exposition(house, Dialect.TEXT):
        parts.append(piece.encode())
        now = time.process_time()
        longest, last = max(longest, now - last), now
    return 1e3 * (last - began), 1e3 * longest, b"".join(parts).decode()


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    house = house_of(count)
    runs = [scrape(house) for _ in range(ROUNDS)]
    whole, held, text = median(r[0] for r in runs), median(r[1] for r in runs), runs[0][2]
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    began = time.process_time()
    json.dumps([{"metric": name, "value": float(value)} for name, _, value in lines])
    as_json = 1e3 * (time.process_time() - began)
    print(f"{count} checks: {len(lines)} series ({len(lines) / count:.1f} a check), {len(text) / 1e6:.1f} MB")
    each = 1e3 * whole / len(lines)
    print(f"CPU of one scrape: {whole:.0f} ms, {each:.2f} us a series; {whole / as_json:.2f} of what json.dumps takes")
    print(f"the longest piece holds the loop for {held:.1f} ms, {whole / held:.0f} times less than all in one go")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

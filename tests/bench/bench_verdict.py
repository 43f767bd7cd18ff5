"""
What one verdict costs, part by part: CPU time per call, of a service with one check.

    python tests/bench/bench_verdict.py [--rounds 5] [--only severity]

Each figure is the best of some rounds, for what others do on the machine only adds. A healthy service is not evaluated
at all; its probes and scores cost the first lines. The last lines are everything that an evaluation of a service in
trouble does, the casebook included.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import rig

from checks.check import Check, HttpQuestion
from checks.result import Attempt, CheckResult, Outcome, Reason
from monitor.config.config import Config, Monitor, Service, Slo, Tracker
from monitor.core.baseline import Baseline, Quality, Signal
from monitor.core.errors import judge_errors
from monitor.core.incident import State
from monitor.core.recovery import RecoveryEvidence, assess
from monitor.core.severity import POLICIES, Evidence, TrafficView
from monitor.core.severity_table import suggest
from monitor.core.sli import Tally
from monitor.daemon.judge import Judge
from monitor.daemon.wiring import rules_of
from monitor.response.casebook import Casebook
from monitor.response.observe import Surroundings, evidence_of
from monitor.response.tracks import LatencyTrack

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CHECK = Check(service="orders", name="ready", question=HttpQuestion(url="http://x/"), interval=60.0, timeout=10.0)
SERVICE = Service(name="orders", checks=(CHECK,), slos=(Slo(sli="success", objective=0.999),))
CONFIG = Config(
    monitor=Monitor(state=Path("/nowhere")), services={"orders": SERVICE}, tracker=Tracker(), contacts={},
    policy=dict(POLICIES),
)  # fmt: skip
MINUTE = timedelta(minutes=1)

Timed = tuple[str, int, Callable[[int], object]]


def usual(signal: Signal, value: Callable[[], float]) -> Baseline:
    slots = {hour: [value() for _ in range(100)] for hour in range(168)}
    return Baseline(service="orders", signal=signal, time_zone="Europe/Berlin", fitted_at=NOW,
                    since=NOW - timedelta(weeks=6), quality=Quality.FITTED, slots=slots)  # fmt: skip


def result(at: datetime, outcome: Outcome = Outcome.OK) -> CheckResult:
    reason = Reason.ASSERTION if outcome is Outcome.FAILED else None
    attempt = Attempt(started_at=at, outcome=outcome, reason=reason, detail="", latency=0.12)
    attempts = (attempt, attempt) if outcome is Outcome.FAILED else (attempt,)
    return CheckResult(service="orders", check="ready", scheduled_at=at, attempts=attempts)


def latencies() -> Iterator[Timed]:
    chance = random.Random(7)
    baseline = usual(Signal.PROBE_LATENCY, lambda: 0.12 * chance.lognormvariate(0, 0.3))
    scores = [0.12 * chance.lognormvariate(0, 0.3) for _ in range(20_000)]
    slow = [0.36 * chance.lognormvariate(0, 0.3) for _ in range(2000)]
    track, shifted = LatencyTrack(), LatencyTrack()
    minutes = (NOW + timedelta(minutes=minute) for minute in count())
    yield "latency score, nothing shifted", 20_000, lambda i: track.take(next(minutes), scores[i], baseline)
    yield "latency score, shifted", 2000, lambda i: shifted.take(next(minutes), slow[i], baseline)


def errors() -> Iterator[Timed]:
    chance = random.Random(7)
    sample = usual(Signal.ERROR_RATIO, lambda: 0.002 * chance.uniform(0.0, 2.0)).sample(NOW)
    others = [usual(Signal.ERROR_RATIO, lambda: 0.002 * chance.uniform(0.0, 2.0)).sample(NOW) for _ in range(20)]
    ratios = [0.0041 + 0.0004 * chance.random() for _ in range(2000)]
    far = [0.05 + 0.1 * chance.random() for _ in range(2000)]
    yield "errors within their limit", 20_000, lambda _: judge_errors(0.0015, 6000.0, sample, 0.001)
    yield "errors past their limit, the same reading", 5000, lambda _: judge_errors(0.0045, 6000.0, sample, 0.001)
    yield "errors past their limit, each another", 2000, lambda i: judge_errors(ratios[i], 6000.0 + i, sample, 0.001)
    yield (
        "errors past it, in twenty services by turns",
        2000,
        lambda i: judge_errors(ratios[i], 6000.0 + i, others[i % 20], 0.001),
    )
    yield "errors far past their limit, each another", 2000, lambda i: judge_errors(far[i], 6000.0 + i, sample, 0.001)
    yield "errors past it, 100,000 requests", 2000, lambda i: judge_errors(ratios[i], 100_000.0 + i, sample, 0.001)


def severities() -> Iterator[Timed]:
    traffic = TrafficView(error_ratio=0.02, requests=20.0, within_baseline=False, fresh=True, text="")
    for name, evidence in (
        ("nothing wrong", Evidence(checks=3)),
        ("a burn", Evidence(checks=3, burn=1.5, burn_short=1.5)),
        ("one check of three fails, with traffic", Evidence(checks=3, failing=("a",), traffic=traffic, burn=20.0)),
        ("nothing wrong, with traffic", Evidence(checks=3, traffic=traffic)),
    ):
        yield f"severity: {name}", 10_000, lambda _, evidence=evidence: suggest(evidence)  # type: ignore[misc]
    proof = Tally(expected=180, good=179, bad=1)
    yield "recovery: its conditions", 10_000, lambda _: assess(RecoveryEvidence(tally_since=proof, burn=0.5))


def judge_in(state: State) -> tuple[Judge, datetime]:
    """A judge whose service has come to *state*, and when that was."""
    ids, numbers = count(1), count(1)
    book = Casebook(rules_of(CONFIG), new_id=lambda: f"{next(ids):026d}", new_number=lambda: next(numbers))
    quiet = Surroundings(latency_shift="")
    judge = Judge(CONFIG, book, NOW, lambda _: quiet, lambda _: None, lambda _: None, lambda *_: None)
    at, minutes = NOW, {State.CLEAR: 3000, State.OPEN: 3030, State.RECOVERING: 3035}[state]
    for minute in range(minutes):
        at = NOW + minute * MINUTE
        judge.take([result(at, Outcome.FAILED if 3000 <= minute < 3030 else Outcome.OK)], at, at)
        judge.tick(at + timedelta(seconds=11), at + timedelta(seconds=11))
    subject = book.subjects.get("orders")
    assert (subject.incident.state if subject else State.CLEAR) is state
    return judge, at + timedelta(seconds=12)


def evaluations() -> Iterator[Timed]:
    calm, since = judge_in(State.CLEAR)
    watch = calm.watches["orders"].checks["ready"]
    probes = [result(since + i * MINUTE) for i in range(20_000)]
    yield "a probe that is ok", 20_000, lambda i: watch.observe(probes[i])
    for state in (State.OPEN, State.RECOVERING):
        judge, at = judge_in(state)
        service, around = judge.watches["orders"], Surroundings()

        def evaluated(i: int, judge: Judge = judge, at: datetime = at) -> None:
            # Every ten seconds, and once a minute a probe before it.
            now = at + timedelta(seconds=10 * (i % 120))
            judge.evaluate("orders", now, now)

        yield (
            f"evidence of a service that is {state}",
            500,
            lambda i, service=service, around=around, at=at: (  # type: ignore[misc]
                evidence_of(service, around, at + timedelta(seconds=10 * (i % 120)))
            ),
        )
        yield f"whole evaluation of a service that is {state}", 500, evaluated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="a part of a line's name")
    options = parser.parse_args()
    print(f"verdicts {rig.machine()}; goal: 20 µs for each part")
    for part in (latencies, errors, severities, evaluations):
        for name, calls, call in part():
            if options.only not in name:
                continue
            best = float("inf")
            for _ in range(options.rounds):
                begun = time.process_time()
                for i in range(calls):
                    call(i)
                best = min(best, time.process_time() - begun)
            print(f"{name:50} {best / calls * 1e6:7.1f} µs", flush=True)


if __name__ == "__main__":
    main()

"""`--against-baseline`: is a check slower than it usually is at this hour? Warns, notes, and never fails a check."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from statistics import median

from checks.check import Check
from checks.result import CheckResult, Outcome
from monitor.cli.formats import milliseconds
from monitor.config import Config
from monitor.core.baseline import ENOUGH, Baseline, Quality, Signal
from monitor.core.shift import Effect
from monitor.sources.fitting import BaselineStore


def compare(config: Config, check: Check, asked: Sequence[CheckResult], now: datetime) -> tuple[str, str]:
    """`against_usual` with the baseline that the daemon keeps in the state folder."""
    if check.service not in config.services:
        return "", "not in the configuration: it has no baseline"
    store = BaselineStore(config.monitor.state / "baselines")
    return against_usual(asked, store.get(check.service, Signal.PROBE_LATENCY, check.name, now), now)


def against_usual(
    asked: Sequence[CheckResult], baseline: Baseline | None, now: datetime, effect: Effect | None = None
) -> tuple[str, str]:
    """
    A warning or a note, the other one empty; both empty when a probe failed, for then latency is not the question.

    Warns when the median is above the 99th percentile of this hour and the difference is worth telling: a baseline of
    3 ms has a 99th percentile that a healthy 5 ms exceeds.
    """
    latencies = [result.latency for result in asked if result.outcome is Outcome.OK and result.latency is not None]
    if len(latencies) < len(asked):
        return "", ""
    if baseline is None:
        return "", "no baseline yet; the daemon fits one from its own history"
    sample = baseline.sample(now)
    usual, limit = sample.median, sample.quantile(0.99)
    if sample.n < ENOUGH or usual is None or limit is None:
        return "", f"no usable baseline: {sample.n} values, {ENOUGH} are needed"
    found, effect = median(latencies), effect or Effect()
    text = (
        f"median of {len(latencies)} {milliseconds(found)}, "
        f"usually {milliseconds(usual)} and 99 % below {milliseconds(limit)} ({sample.level})"
    )
    if baseline.quality_at(now) is Quality.STALE:
        text += f", fitted {baseline.age(now).days} days ago"
    slower = found - usual
    if found > limit and slower >= effect.seconds and slower >= effect.ratio * usual:
        return f"slow: {text}", ""
    return "", text

"""Is it over? Which condition still fails or is unproven, and what has been proven so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import exp, expm1, lgamma, log, log1p
from typing import Final

from monitor.core.severity import TrafficView
from monitor.core.sli import Tally

CONFIDENCE: Final = 0.95
MISSES_FORGIVEN: Final = 2
"""Evaluations in a row without an answer of a source: not yet a gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryEvidence:
    """
    What is known at one evaluation of a live incident.

    Attributes:
        confirmed_failures: Checks whose last probe and re-probe both failed.
        unasked: Checks whose last probe failed and whose confirmation is still to come.
        tally_since: Probes counted since recovering began, extra ones included, as they are proof like the others.
            Empty while open: what failed before is no word on whether it is over.
        burn: Burn rate over the same span, at most `stable_for`; None while open or without an objective. The period's
            spent budget is no part of it: that would keep an incident open for weeks.
        traffic: What was last read from Prometheus, None when nothing ever was.
        traffic_missed: Readings in a row without an answer.
        data_loss: What says that data is lost; None where no query is asked for it.
        data_loss_unknown: Queries that should say so, and gave no answer.
        error_ratio_limit: The baseline's bound for the error ratio of traffic, or of the probes where no traffic is
            configured. None: `traffic.within_baseline` decides, or nothing does.
        latency_shifted: None: no baseline to judge by, and the condition is left out.
        firing_alerts: Attached alerts that still fire.
        declared: Opened by a person or an alert without a breach of ours.
        mitigated: A person said so, or every alert that was attached has resolved.
        recovering: False while open: then a single missing answer leaves the error rate unproven; it is forgiven only
            to what already recovers.
    """

    confirmed_failures: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    tally_since: Tally = field(default_factory=Tally)
    burn: float | None = None
    traffic: TrafficView | None = None
    traffic_configured: bool = False
    traffic_missed: int = 0
    data_loss: tuple[str, ...] | None = None
    data_loss_unknown: tuple[str, ...] = ()
    error_ratio_limit: float | None = None
    latency_shifted: bool | None = None
    firing_alerts: tuple[str, ...] = ()
    declared: bool = False
    mitigated: bool = False
    recovering: bool = True


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold. `met` is None while it is unproven, which is not recovery either."""

    name: str
    met: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """
    Attributes:
        tally: The probes that prove it so far; no condition.
        notes: Which condition was left out, neither met nor broken, and why.
        gap: A configured source was away for longer than is forgiven: the recovery's clock starts again.
    """

    conditions: tuple[Condition, ...]
    tally: Tally
    notes: tuple[str, ...] = ()
    gap: bool = False

    @property
    def proof(self) -> str:
        """What they have proven so far, in words; made when they are asked for, which few evaluations are."""
        return proof_text(self.tally)

    @property
    def all_met(self) -> bool:
        return all(condition.met is True for condition in self.conditions)

    @property
    def unmet(self) -> tuple[Condition, ...]:
        """Broken or unproven."""
        return tuple(condition for condition in self.conditions if condition.met is not True)

    def unmet_since(self, before: Mapping[str, datetime], now: datetime) -> dict[str, datetime]:
        """
        Since when each condition that is not met has not been, by name.

        A condition that turns from unproven to broken goes on counting: either way recovery has waited for it.

        Args:
            before: What this gave at the evaluation before.
        """
        return {condition.name: before.get(condition.name, now) for condition in self.unmet}

    @property
    def recovered(self) -> bool | None:
        """As `incident.observed` wants it: False when a condition is broken, None when one is only unproven."""
        if any(condition.met is False for condition in self.conditions):
            return False
        return True if self.all_met else None


def assess(evidence: RecoveryEvidence) -> Assessment:
    """Every condition that applies, in the order in which a person would look."""
    found = [rule(evidence) for rule in _RULES]
    return Assessment(
        conditions=tuple(condition for condition in found if isinstance(condition, Condition)),
        tally=evidence.tally_since,
        notes=tuple(note for note in found if isinstance(note, str) and note),
        gap=(evidence.traffic_configured or evidence.data_loss is not None)
        and evidence.traffic_missed > MISSES_FORGIVEN,
    )


# Each rule gives its condition, or, where it is left out, why: in words, or empty when that needs no word.


def _no_failure(e: RecoveryEvidence) -> Condition | str:
    name = "no confirmed failure"
    if e.confirmed_failures:
        return Condition(name, False, f"failing: {', '.join(e.confirmed_failures)}")
    if e.unasked:
        return Condition(name, None, f"failed, confirmation to come: {', '.join(e.unasked)}")
    # True without a probe as well: silence is a gap, and the machine counts those.
    probes = f" in {e.tally_since.total} probes" if e.tally_since.total else ""
    return Condition(name, True, f"no confirmed failure{probes}")


def _burn(e: RecoveryEvidence) -> Condition | str:
    if e.burn is None:
        return ""
    return Condition("burn rate below 1", e.burn < 1, f"burn rate {e.burn:.3g}, limit 1")


def _error_rate(e: RecoveryEvidence) -> Condition | str:
    return _traffic_errors(e) if e.traffic_configured else _probe_errors(e)


def _traffic_errors(e: RecoveryEvidence) -> Condition | str:
    name, view = "error rate below baseline", e.traffic
    if e.traffic_missed > MISSES_FORGIVEN or (e.traffic_missed and not e.recovering):
        return Condition(name, None, f"Prometheus did not answer {e.traffic_missed} times in a row")
    if view is None:
        return Condition(name, None, "Prometheus has not answered yet")
    if e.traffic_missed:
        return f"traffic: no answer from Prometheus {e.traffic_missed} times in a row, not a gap yet"
    if not view.fresh:
        return Condition(name, None, f"the last answer of Prometheus is too old: {view.text}")
    if not view.requests:
        # Neither met nor broken: at night, too, a service must be able to close.
        return "traffic: no requests, so the error rate says nothing"
    if view.error_ratio is None:
        return "traffic: errors are not measured"
    if e.error_ratio_limit is None:
        return Condition(name, view.within_baseline, view.text)
    return _compared(name, view.error_ratio, e.error_ratio_limit)


def _probe_errors(e: RecoveryEvidence) -> Condition | str:
    ratio = e.tally_since.error_ratio
    if ratio is None or e.error_ratio_limit is None:
        return ""
    return _compared("probes' error rate below baseline", ratio, e.error_ratio_limit)


def _compared(name: str, ratio: float, limit: float) -> Condition:
    return Condition(name, ratio <= limit, f"error rate {percent(ratio)}, limit {percent(limit)}")


def _data_loss(e: RecoveryEvidence) -> Condition | str:
    name = "no data loss"
    if e.data_loss is None:
        return ""
    if e.data_loss:
        return Condition(name, False, f"data loss: {', '.join(e.data_loss)}")
    if e.data_loss_unknown and 0 < e.traffic_missed <= MISSES_FORGIVEN and e.recovering:
        return f"data loss: no answer from Prometheus {e.traffic_missed} times in a row, not a gap yet"
    if e.data_loss_unknown:
        return Condition(name, None, f"data loss not known: {', '.join(e.data_loss_unknown)}")
    return Condition(name, True, "no query says that data is lost")


def _latency(e: RecoveryEvidence) -> Condition | str:
    if e.latency_shifted is None:
        return ""
    text = "latency is above its baseline" if e.latency_shifted else "latency is within its baseline"
    return Condition("latency not shifted", not e.latency_shifted, text)


def _alerts(e: RecoveryEvidence) -> Condition | str:
    text = f"firing: {', '.join(e.firing_alerts)}" if e.firing_alerts else "no attached alert fires"
    return Condition("no attached alert firing", not e.firing_alerts, text)


def _said(e: RecoveryEvidence) -> Condition | str:
    if not e.declared:
        return ""
    text = "said to be mitigated" if e.mitigated else "declared, not measured: a person must say it is mitigated"
    return Condition("mitigated", e.mitigated, text)


_RULES: Final[tuple[Callable[[RecoveryEvidence], Condition | str], ...]] = (
    _no_failure,
    _burn,
    _error_rate,
    _data_loss,
    _latency,
    _alerts,
    _said,
)


def upper_bound(bad: int, n: int, confidence: float = CONFIDENCE) -> float:
    """
    The error ratio that *bad* of *n* probes leave possible (Clopper and Pearson, one-sided); 1.0 without probes.

    It is the ratio at which *bad* or fewer failures would have had a chance of 1 - confidence.
    """
    if not 0 <= bad <= n:
        raise ValueError(f"{bad} of {n} probes cannot have failed")
    if bad == n:
        return 1.0
    if bad == 0:
        return -expm1(log(1.0 - confidence) / n)
    ways = [lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for k in range(bad + 1)]
    low, high = bad / n, 1.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        chance = sum(exp(way + k * log(middle) + (n - k) * log1p(-middle)) for k, way in enumerate(ways))
        low, high = (middle, high) if chance > 1 - confidence else (low, middle)
    return high


def proof_text(tally: Tally) -> str:
    """`0 of 180 probes failed: with 95 % confidence the error ratio is below 1.65 %`."""
    if not tally.total:
        return "no probe has answered: nothing is proven"
    bound = percent(upper_bound(tally.bad, tally.total))
    count = f"{tally.bad} of {tally.total} probes failed"
    return f"{count}: with {percent(CONFIDENCE)} confidence the error ratio is below {bound}"


def closing_note(assessment: Assessment, why: str) -> str:
    """
    What was reached, not what was hoped: for the ticket and the postmortem.

    The first line stands alone in the log: for how long, and how far it is proven.

    Args:
        why: Of the transition, in one line.
    """
    held = [condition.text for condition in assessment.conditions]
    return "\n".join([f"{why}; {assessment.proof}", *(f"- {line}" for line in (*held, *assessment.notes))])


def percent(ratio: float) -> str:
    """Three digits, as `0.4 %`, `1.65 %`, `100 %`."""
    if 0 < ratio < 1e-5:
        return "less than 0.001 %"
    return f"{100 * ratio:.3g} %"

"""
What one evaluation sees of a service: its checks, its traffic, its burn rates and, while an incident is live, what is
still missing for recovery. Puts the core's decisions side by side in one `Observation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.core.incident import Incident, State
from monitor.core.recovery import Assessment, Condition, RecoveryEvidence, assess
from monitor.core.severity import Criticality, Evidence, TrafficView
from monitor.core.severity_table import TABLE, Suggestion, Table, suggest
from monitor.core.sli import Tally
from monitor.core.slo import Objective, burn_rate, burning
from monitor.response.detect import Observation
from monitor.response.service_watch import ServiceWatch, total

SLO_PERIOD = timedelta(days=30)
TRAFFIC_ALARM = 0.5
"""The error ratio of the traffic that is an alarm by itself, however green the probes are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """
    What is known of a service besides its probes.

    Attributes:
        traffic: None when no `traffic:` is configured or nothing was read yet.
        traffic_missed: Readings in a row that brought no answer.
        latency_shift: A confirmed shift in one line; empty when there is none; None when there is no baseline.
        shifted_since: When the earliest confirmed shift began, as far as the CUSUM can tell.
        queue_anomaly: More waits than usually does, in one line; empty when it does not.
        unusual: Which of its series are unlike their past, in one line each; for people, and no word on severity.
        data_loss: What queries say that data is lost, each with the number that it gave; None where none is asked.
        data_loss_unknown: Those without an answer, and why.
        away_since: Since when Prometheus does not answer.
        budget_alarm: What burns a budget too fast, proven, in one line; empty where an incident is about it already.
        burn: How fast, whether or not there is such an incident.
        dependents_failing: Services that depend on it and have confirmed-failing checks.
    """

    criticality: Criticality = Criticality.MEDIUM
    dependents_failing: tuple[str, ...] = ()
    traffic: TrafficView | None = None
    traffic_configured: bool = False
    traffic_missed: int = 0
    latency_shift: str | None = None
    shifted_since: datetime | None = None
    queue_anomaly: str = ""
    unusual: tuple[str, ...] = ()
    data_loss: tuple[str, ...] | None = None
    data_loss_unknown: tuple[str, ...] = ()
    away_since: datetime | None = None
    budget_alarm: str = ""
    burn: float | None = None


def observe(
    watch: ServiceWatch,
    around: Surroundings,
    now: datetime,
    *,
    incident: Incident | None = None,
    members: Sequence[tuple[ServiceWatch, Surroundings]] = (),
    firing: tuple[str, ...] = (),
    table: Table = TABLE,
) -> Observation:
    """
    Args:
        incident: The live incident of this service, if there is one: then recovery is assessed too.
        members: Services that joined it; their failures are the incident's.
        firing: Alerts attached to the incident that still fire.
    """
    together = [(watch, around), *members]
    evidence, suggestion = max(
        ((e := evidence_of(w, a, now), suggest(e, table)) for w, a in together),
        key=lambda pair: -(pair[1].severity or 9),
    )
    alarm = "; ".join(f"{w.name}: {text}" if members else text for w, a in together for text in _alarms(w, a))
    failing = tuple(f"{w.name}/{text}" if members else text for w, _ in together for text in w.failing_texts())
    breach = "; ".join(failing) or alarm
    cause = next((c for w, _ in together if (c := w.cause()) is not None), None)
    begun = [at for w, a in together for at in (w.first_failure_at(), a.shifted_since) if at is not None]
    return Observation(
        at=now,
        breach=breach,
        heard=all(check.heard_at is not None for w, _ in together for check in w.checks.values()),
        alarm=alarm,
        gap=all(w.gap(now) for w, _ in together),
        first_failure_at=min(begun, default=None),
        evidence=evidence,
        suggestion=suggestion,
        receding=any(w.recedes() for w, _ in together),
        assessment=_assess(together, incident, failing, firing) if incident is not None else None,
        trace_id=cause.trace_id if cause else "",
        span_id=cause.first.span_id if cause else "",
        failure=str(cause.reason or "") if cause else "",
        address=(cause.first.address or "") if cause else "",
        checks=frozenset((*watch.failing(), *watch.alarmed())),
        beyond=bool(_alarms_beyond(around)),
    )


def in_maintenance(seen: Observation, window: str) -> Observation:
    """What is seen while work is planned. *window*: in words."""
    if seen.assessment is None:
        return replace(seen, maintenance=window)
    condition = Condition("outside maintenance", None, f"{window}: what is measured in it proves nothing")
    assessment = replace(seen.assessment, conditions=(*seen.assessment.conditions, condition))
    return replace(seen, maintenance=window, assessment=assessment)


def evidence_of(watch: ServiceWatch, around: Surroundings, now: datetime) -> Evidence:
    """
    Burn rates are looked up only while something is wrong now: the windows hold what was for as long as it was, and
    trouble that is over would make an incident worse, of which users saw nothing while it lasted.
    """
    burn_short: float | None = None
    burn: float | None = None
    if any(w.failing or w.alarmed for w in watch.checks.values()):
        alarms = burning(lambda window: watch.counted(now, window), Objective(watch.objective), SLO_PERIOD)
        burn_short = max((a.burn for a in alarms if a.threshold >= 14), default=None)
        burn = max((a.burn for a in alarms), default=None)
    return Evidence(
        criticality=around.criticality,
        checks=len(watch.checks),
        failing=watch.failing(),
        failing_reasons=watch.failing_texts(),
        data_loss=(
            *(name for name, check in watch.checks.items() if check.failing and check.check.data_loss),
            *(around.data_loss or ()),
        ),
        data_loss_unknown=around.data_loss_unknown,
        dependents_failing=around.dependents_failing,
        traffic=around.traffic,
        burn_short=burn_short,
        burn=max((b for b in (burn, around.burn) if b is not None), default=None),
        latency_shift=around.latency_shift or "",
        queue_anomaly=around.queue_anomaly,
        unusual=around.unusual,
        restarted="; ".join(_restarts(watch)),
        prometheus_away_since=around.away_since,
    )


def _alarms(watch: ServiceWatch, around: Surroundings) -> list[str]:
    alarms = []
    for name in watch.alarmed():
        check = watch.checks[name]
        until, five = check.heard_at or check.began_at, timedelta(minutes=5)
        tally = check.window.tally(until, five)
        if check.left_out is not None:
            tally += check.left_out.window.tally(until, five)
        alarms.append(f"{name} failed {tally.bad} of its last {tally.total} probes")
    return [*alarms, *_alarms_beyond(around)]


def _alarms_beyond(around: Surroundings) -> list[str]:
    """What no check of ours raises."""
    alarms = []
    if around.traffic is not None and around.traffic.fresh and (around.traffic.error_ratio or 0.0) >= TRAFFIC_ALARM:
        alarms.append(around.traffic.text)
    if around.data_loss:
        alarms.append(f"data loss: {', '.join(around.data_loss)}")
    if around.latency_shift:
        alarms.append(around.latency_shift)
    if around.budget_alarm:
        alarms.append(around.budget_alarm)
    return alarms


def _restarts(watch: ServiceWatch) -> list[str]:
    return [
        f"{name}: {note}"
        for name, check in watch.checks.items()
        if check.last is not None and check.last.facts.get("restarted")
        for note in check.last.notes
    ]


def _assess(
    together: Sequence[tuple[ServiceWatch, Surroundings]],
    incident: Incident,
    failing: tuple[str, ...],
    firing: tuple[str, ...],
) -> Assessment:
    """Counted since recovering began: the burn of those minutes alone, and the proof that extra probes add to it."""
    watch, around = together[0]
    recovering = incident.state is State.RECOVERING
    for member, _ in together:
        member.prove_since(incident.since)
    # Counted from the very moment of recovering: a window moved back to a whole minute would hold the last failures.
    since = total(w.proof() for w, _ in together) if recovering else Tally()
    shifts = [a.latency_shift for _, a in together]
    lost = [loss for _, a in together for loss in a.data_loss or ()]
    assessment = assess(
        RecoveryEvidence(
            confirmed_failures=failing,
            tally_since=since,
            burn=burn_rate(since, Objective(watch.objective)) if recovering else None,
            traffic=around.traffic,
            traffic_configured=around.traffic_configured,
            traffic_missed=around.traffic_missed,
            data_loss=None if all(a.data_loss is None for _, a in together) else tuple(lost),
            data_loss_unknown=tuple(text for _, a in together for text in a.data_loss_unknown),
            recovering=recovering,
            latency_shifted=None if all(s is None for s in shifts) else any(shifts),
            firing_alerts=firing,
            declared=incident.needs_mitigation,
            mitigated=bool(incident.mitigated_by),
        )
    )
    unheard = [f"{w.name}/{name}" for w, _ in together for name, check in w.checks.items() if check.heard_at is None]
    if not unheard or failing:
        return assessment
    # A daemon that just started has seen no failure because it has seen nothing: that must neither recover nor settle.
    condition = Condition("every check heard", None, f"no result since the start of {', '.join(unheard)}")
    return replace(assessment, conditions=(*assessment.conditions, condition))


def blind_observation(
    hidden: Mapping[str, datetime],
    criticality: Criticality,
    now: datetime,
    incident: Incident | None,
    table: Table = TABLE,
) -> Observation:
    """
    The monitor's own incident: as severe as the most critical service that it hides, from two minutes on.

    Args:
        hidden: Services without an ok or failed result for longer than the gap limit, and since when.
    """
    names = sorted(hidden)
    text = f"blind: no result for {', '.join(names[:5])}" + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    evidence = Evidence(
        criticality=criticality,
        checks=max(1, len(names)),
        failing=tuple(names),
        failing_reasons=tuple(f"{name}: no result since {hidden[name]:%H:%M:%S} UTC" for name in names),
        blind=text if hidden else "",
    )
    suggestion: Suggestion = suggest(evidence, table)
    assessment = None
    if incident is not None:
        assessment = assess(RecoveryEvidence(confirmed_failures=evidence.failing_reasons))
    return Observation(
        at=now,
        breach=text if hidden else "",
        alarm=text if hidden else "",
        gap=False,
        first_failure_at=min(hidden.values(), default=None),
        evidence=evidence,
        suggestion=suggestion,
        assessment=assessment,
    )

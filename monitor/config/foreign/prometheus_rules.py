"""
Alerting rules of Prometheus as `promql` checks: a group is a service, an alert a check.

An alert fires where its expression has a series, whatever its value. So a check asks the expression as it stands, any
value fails it, and that there is no series is ok. To take `expr > 0.05` apart would fail on a NaN, which fires nothing.
"""

from __future__ import annotations

from typing import Final

from monitor.config.document import Group
from monitor.config.foreign import durations
from monitor.config.foreign.place import Place, literal, scalar
from monitor.config.foreign.plan import Plan, Written
from monitor.config.problems import quote

_DEFAULT_INTERVAL: Final = 60.0
_MOST_STEPS: Final = 60
_ANY_VALUE: Final = ">= -1e99"
_RULE: Final = ("alert", "expr", "for", "keep_firing_for", "labels", "annotations", "record")
_BURN: Final = "slo:sli_error:ratio_rate"
_OF_SLOTH: Final = ("sloth_severity", "sloth_slo", "sloth_service", "sloth_id")


def read_rules(root: Group, plan: Plan) -> None:
    """Puts the alerts of a rule file, or of a PrometheusRule of Kubernetes, into *plan*."""
    whole = Place(root, plan.told)
    spec = whole.get("spec")
    groups = whole.get("groups") or (spec.get("groups") if spec else None)
    if groups is None:
        whole.refuse("holds no groups", "Name a rule file of Prometheus.")
        return
    for group in groups.items():
        name = group.plain_of("name")
        group = group.called(f"group {quote(name)}" if name else group.shown)
        group.tell_others(("name", "interval", "rules", "labels", "query_offset", "limit"))
        asked = durations.prometheus_seconds(group.plain_of("interval")) or _DEFAULT_INTERVAL
        rules = group.get("rules")
        recorded: list[Place] = []
        for rule in rules.items() if rules else ():
            if rule.get("record"):
                recorded.append(rule)
            else:
                _rule(rule, group, name, asked, plan)
        if recorded:
            records = group if len(recorded) > 1 else recorded[0].called(group.origin)
            of = "a rule that records is" if len(recorded) == 1 else f"{len(recorded)} rules that record are"
            records.leave_out(
                f"{of} not carried over", "Prometheus goes on with it; a check can ask for what is recorded."
            )


def _rule(rule: Place, group: Place, of_group: str, interval: float, plan: Plan) -> None:
    name = rule.plain_of("alert")
    rule = rule.called(f"alert {quote(name)}" if name else f"{group.origin}: {rule.shown}")
    expr = rule.get("expr")
    if not name or expr is None or not expr.plain():
        rule.refuse(f"has no {'expr' if name else 'alert'}", "Prometheus would not start with it.")
        return
    labels = rule.get("labels")
    if _BURN in expr.plain() or (labels and any(label in labels.names() for label in _OF_SLOTH)):
        fix = "An objective has such alarms: slos: [{sli: sloth, objective: ..., recorded: '{sloth_service=...}'}]."
        rule.refuse("is an alert of sloth's on a burn rate", fix)
        return
    rule.tell_others(_RULE)
    for label in labels.names() if labels else ():
        if labels and (place := labels.get(label)):
            place.leave_out("is not carried over", _label(label))
    if keep := rule.get("keep_firing_for"):
        keep.leave_out("is not carried over", "An incident that comes and goes is kept open as flapping.")
    every = durations.interval(group.get("interval"), interval)
    held = rule.get("for")
    seconds = durations.prometheus_seconds(held.plain()) if held else None
    if held is not None and seconds is None:
        held.leave_out("is not a duration that can be read", "A failure must hold for incidents.open_after.")
    asked, note = _asked(expr, seconds or 0.0, every.total_seconds())
    check: dict[str, Written] = {"promql": asked, "interval": durations.shown(every.total_seconds())}
    service = plan.service(f"group {of_group}", of_group, group)
    plan.add(service, plan.name(service, name, rule), rule, check, *filter(None, [note, _summary(rule)]))


def _asked(expr: Place, held: float, step: float) -> tuple[dict[str, Written], str]:
    """
    What is asked, and what a comment says of it. Of an alert that must hold, in how many evaluations it did.

    That is found up to one evaluation sooner than by Prometheus, which counts from the first at which it did.

    Args:
        held: `for`, in seconds.
        step: Between two evaluations.
    """
    step = max(step, held / _MOST_STEPS // 1)
    times = int(held / step)
    if times < 2:
        return {"query": scalar(expr, literal(expr.plain())), "fail": _ANY_VALUE, "empty": "ok"}, "any series fails it"
    text = expr.plain()
    inner = f"\n{text}\n" if "#" in text or "\n" in text else text
    query = f"count_over_time(({inner})[{durations.shown(held)}:{durations.shown(step)}])"
    return {
        "query": scalar(expr, literal(query)),
        "fail": f">= {times}",
        "empty": "ok",
    }, f"for: {durations.shown(held)}"


def _label(label: str) -> str:
    if label == "severity":
        return "How severe an incident is comes from criticality: of the service and from the table severity:."
    return "Write tags: under the service."


def _summary(rule: Place) -> str:
    annotations = rule.get("annotations")
    found = (annotations.plain_of("summary") or annotations.plain_of("description")) if annotations else ""
    return " ".join(found.split())

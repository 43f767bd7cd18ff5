"""Objectives as JSON: what is spent and left, how fast it burns, and when it is gone. Shares, never percent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TypedDict

from monitor.config import Service
from monitor.response.objectives import ObjectiveReading, composite_of, leak_text
from monitor.web.documents import timestamp


class SloDocument(TypedDict):
    """
    One objective, or a composite, of which `objective`, the counts and `exhausts_in_seconds` are null.

    `budget_spent` and `budget_remaining` are shares of the budget, null without data; `state` is within, unproven,
    spent or no data. `missing` and `unknown` results are in neither `good` nor `bad`. `exhausts_in_seconds`: at the
    pace of the last six hours, null when that never spends it. `burning`: what is proven to burn too fast, in words.

    What Prometheus counts has `source` prometheus, and else probes. `counted_since`: the past is known from then on,
    where that is later than the window's start. `trouble`: why its newest counts are missing, in words. With `sli`
    sloth the counts, unless they are slices, are thousandths of minutes.
    """

    service: str
    name: str
    sli: str
    source: str
    check: str | None
    under_seconds: float | None
    budgeting: str
    slice_seconds: float | None
    objective: float | None
    over: str
    window_start: str
    window_end: str
    good: int | None
    bad: int | None
    unknown: int | None
    missing: int | None
    allowed: float | None
    budget_spent: float | None
    budget_remaining: float | None
    state: str
    burn_rates: Mapping[str, float | None]
    exhausts_in_seconds: float | None
    burning: str
    counted_since: str | None
    trouble: str
    members: Mapping[str, float]


def slo_documents(service: Service, readings: Iterable[ObjectiveReading]) -> list[SloDocument]:
    """Those of one service, its composites last."""
    of = {reading.slo.name: reading for reading in readings}
    return [
        *map(_objective, of.values()),
        *(_composite(service, one.name, one.members, of) for one in service.composites),
    ]


def _objective(reading: ObjectiveReading) -> SloDocument:
    slo, tally, budget = reading.slo, reading.tally, reading.budget
    left = reading.exhausts_in
    return {
        "service": reading.service,
        "name": slo.name,
        "sli": slo.sli,
        "source": "prometheus" if slo.indicator is not None else "probes",
        "check": slo.check,
        "under_seconds": slo.under.total_seconds() if slo.under is not None else None,
        "budgeting": "timeslices" if slo.slices is not None else "occurrences",
        "slice_seconds": slo.slices.length.total_seconds() if slo.slices is not None else None,
        "objective": slo.objective,
        "over": over_text(slo.over),
        "window_start": timestamp(reading.start),
        "window_end": timestamp(reading.end),
        "good": tally.good,
        "bad": tally.bad,
        "unknown": tally.unknown,
        "missing": tally.missing,
        "allowed": budget.allowed,
        "budget_spent": budget.spent,
        "budget_remaining": budget.left,
        "state": str(budget.state),
        "burn_rates": reading.burns,
        "exhausts_in_seconds": left.total_seconds() if left is not None else None,
        "burning": leak_text(reading),
        "counted_since": timestamp(reading.since) if reading.since is not None else None,
        "trouble": reading.trouble,
        "members": {},
    }


def _composite(
    service: Service, name: str, members: Mapping[str, float], of: Mapping[str, ObjectiveReading]
) -> SloDocument:
    found = composite_of(members, of)
    spent = found.pop("spent")
    first = of[next(iter(members))]
    return {
        "service": service.name,
        "name": name,
        "sli": "composite",
        "source": "composite",
        "check": None,
        "under_seconds": None,
        "budgeting": "composite",
        "slice_seconds": None,
        "objective": None,
        "over": over_text(first.slo.over),
        "window_start": timestamp(first.start),
        "window_end": timestamp(first.end),
        "good": None,
        "bad": None,
        "unknown": None,
        "missing": None,
        "allowed": None,
        "budget_spent": spent,
        "budget_remaining": None if spent is None else 1 - spent,
        "state": "no data" if spent is None else "spent" if spent >= 1 else "within",
        "burn_rates": found,
        "exhausts_in_seconds": None,
        "burning": "",
        "counted_since": None,
        "trouble": "; ".join(dict.fromkeys(filter(None, (of[member].trouble for member in members)))),
        "members": dict(members),
    }


def over_text(over: timedelta | str) -> str:
    """As it is written in the config: `30d`, `month`."""
    return over if isinstance(over, str) else f"{over / timedelta(days=1):g}d"

"""An objective's reading as the metrics that sloth would have recorded of it."""

from __future__ import annotations

from datetime import timedelta

from monitor.core.period import Rolling
from monitor.core.slo import Objective
from monitor.response.objectives import ObjectiveReading
from monitor.telemetry import names
from monitor.web.objectives import over_text


def published(reading: ObjectiveReading) -> tuple[dict[str, str], dict[str, float]]:
    """
    Its labels, and its values by metric; what has no data is left out.

    Source: sloth's conventions and metadata rules: an error ratio per window, `slo:current_burn_rate:ratio` over the
    shortest, and what remains as 1 - the burn of the period, so counted against what came and not what is expected.
    """
    slo, budget = reading.slo, Objective(reading.slo.objective).error_budget
    labels = {
        names.SLOTH_ID: f"{reading.service}-{slo.name}",
        names.SLOTH_SERVICE: reading.service,
        names.SLOTH_SLO: slo.name,
    }
    period = slo.over if isinstance(slo.over, timedelta) else reading.end - reading.start
    found: dict[str, float | None] = {
        names.SLO_OBJECTIVE.name: slo.objective,
        names.SLO_ERROR_BUDGET.name: budget,
        names.SLO_TIME_PERIOD.name: period / timedelta(days=1),
        names.SLO_CURRENT_BURN.name: reading.burns["5m"],
    }
    for window, burn in reading.burns.items():
        found[names.SLO_ERROR_RATIOS[window].name] = None if burn is None else burn * budget
    if (ratio := reading.tally.error_ratio) is not None:
        found[names.SLO_PERIOD_BURN.name] = ratio / budget
        found[names.SLO_PERIOD_REMAINING.name] = 1 - ratio / budget
        if isinstance(slo.period("UTC"), Rolling) and over_text(slo.over) == "30d":
            found[names.SLO_ERROR_RATIOS["30d"].name] = ratio
    return labels, {name: value for name, value in found.items() if value is not None}

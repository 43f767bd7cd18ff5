"""An objective: what is counted as good, and how much of it is promised."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict

from monitor.config.fields import (
    Duration,
    MinuteToHour,
    Name,
    SecondOrMore,
    Share,
    SliceTarget,
    SloPeriod,
    Text,
    Weight,
    word,
)
from monitor.config.shape.group import Shape


class SloShape(Shape):
    # These must be there, and a rule says so: were they required here, one fault would hide the other entries' faults.
    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["sli", "objective"]}, {"required": ["composite"]}]}
    )

    name: Name | None = None
    """What it is called, unique in its service. Default: made of what it counts."""
    sli: Annotated[str | None, *word("success", "latency", "ratio", "sloth")] = None
    """What is counted as good: success is a probe that was ok, latency one that was ok and fast, ratio what PromQL
    counts, sloth what sloth's rules recorded."""
    objective: Share | None = None
    """The share that must be good: 99.9% or 0.999."""
    over: SloPeriod | None = None
    """The window of the budget: the last 1d to 90d, or the running day, week or month. Default 30d."""
    under: Duration | None = None
    """With `sli: latency`: what counts as fast."""
    check: Name | None = None
    """Only this check's probes. Default: those of all checks of the service."""
    budgeting: Annotated[str | None, *word("occurrences", "timeslices")] = None
    """What the budget is counted in: probes or requests, or slices of time. Default occurrences."""
    slice: SecondOrMore | None = None
    """With timeslices: how long one is; whole minutes that divide the hour. Default 1m; with `ratio` or `histogram`
    5m, and at least four scrapes."""
    slice_target: SliceTarget | None = None
    """With timeslices: the share of good probes or requests that makes a slice good. Default 100%."""
    total: Text | None = None
    """With `sli: ratio`: PromQL that counts all requests within `$window`: sum(increase(requests_total[$window]))."""
    good: Text | None = None
    """With `sli: ratio`: PromQL that counts the good ones; or `bad`."""
    bad: Text | None = None
    """With `sli: ratio`: PromQL that counts the bad ones; or `good`."""
    histogram: Text | None = None
    """With `sli: latency`: requests and not probes, by this selector of a histogram: the `_bucket` series of a classic
    one, or a native one."""
    window: MinuteToHour | None = None
    """With `ratio` or `histogram`: what `$window` stands for; at least four scrapes. Default 5m; with timeslices the
    slice."""
    recorded: Text | None = None
    """With `sli: sloth`: which of its objectives, by labels: {sloth_service="shop",sloth_slo="availability"}."""
    composite: dict[Name, Weight] | None = None
    """Instead of `sli`: other objectives of this service by name, each with its weight."""

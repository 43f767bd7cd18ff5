"""When an incident opens and ends, how severe it is, and what a severity means for people."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict

from monitor.config.fields import (
    Cadence,
    Day,
    Line,
    MinuteToDay,
    NumberComparison,
    SecondOrMore,
    ShareComparison,
    Switch,
    Wait,
    WeeklySpan,
    word,
)
from monitor.config.shape.group import Shape


class MeetingShape(Shape):
    weekly: WeeklySpan | None = None
    """When people work, by the clock of monitor.time_zone. Default "Mon-Fri 09:00-17:00"."""
    length: MinuteToDay | None = None
    """How long it takes. Default 1h."""
    holidays: tuple[Day, ...] | None = None
    """Days on which nobody works, year-month-day."""


class IncidentsShape(Shape):
    open: Annotated[str | None, *word("auto", "suggest")] = None
    """auto opens by itself; suggest asks a person first. Default auto."""
    open_after: Wait | None = None
    """How long a breach must hold. Default 60s."""
    stable_for: SecondOrMore | None = None
    """How long every recovery condition must hold before it is resolved. Default 30m."""
    reopen_within: Wait | None = None
    """A relapse within this reopens the incident; later it is a new one. Default 30m."""
    evidence_wait: SecondOrMore | None = None
    """How long recovery may stay unproven before a person is asked. Default 2h."""
    update_every: SecondOrMore | None = None
    """The grid of updates while it is open. Default 15m."""
    postmortem_within: SecondOrMore | None = None
    """When the postmortem is due after resolution. Default 48h."""
    meeting: MeetingShape | None = None
    """When people can meet about what happened: the invitation to a postmortem."""
    ack_within: Wait | None = None
    """How long the primary contacts have to acknowledge before their backups are told. Default 5m."""
    auto_send_after: Wait | None = None
    """How long the draft of an update waits for a person before it is sent. Default 0s: it is sent as it is due."""


class EvidenceShape(Shape):
    data_loss: Switch | None = None
    """A check that is marked with data_loss: true fails."""
    all_checks_failing: Switch | None = None
    """Whether every check of the service is confirmed failing."""
    failing_share: ShareComparison | None = None
    """The share of its checks that are confirmed failing."""
    dependents_failing: NumberComparison | None = None
    """How many services that depend on it have confirmed-failing checks."""
    traffic_usable: Switch | None = None
    """Whether Prometheus shows fresh traffic with requests in it."""
    traffic_errors: ShareComparison | None = None
    """The share of requests that fail; holds only where traffic is usable."""
    traffic_within_baseline: Switch | None = None
    """Whether that share is as usual; holds only where traffic is usable and has a baseline."""
    burn_short: NumberComparison | None = None
    """Burn rate of the fastest pair of windows."""
    burn: NumberComparison | None = None
    """The highest burn rate that both windows of a pair agree on."""
    latency_shift: Switch | None = None
    """Whether latency has shifted above its baseline, confirmed."""
    queue_anomaly: Switch | None = None
    """Whether more waits in a queue than usually does."""
    restart: Switch | None = None
    """Whether a check noticed that its target was restarted."""
    blind: Switch | None = None
    """Whether the monitor itself sees nothing; of its own incident only."""


_SEVERITY = word("SEV1", "SEV2", "SEV3", "SEV4")


class SuggestShape(Shape):
    SHORTHAND = "every"
    every: Annotated[str | None, *_SEVERITY] = None
    """For every criticality."""
    critical: Annotated[str | None, *_SEVERITY] = None
    """For a critical service."""
    high: Annotated[str | None, *_SEVERITY] = None
    """For a service of high criticality, not worse than for a critical one."""
    medium: Annotated[str | None, *_SEVERITY] = None
    """For a service of medium criticality, not worse than for a high one."""
    low: Annotated[str | None, *_SEVERITY] = None
    """For a service of low criticality, not worse than for a medium one."""


class SeverityRow(Shape):
    # As in SloShape: rules say what is missing.
    model_config = ConfigDict(json_schema_extra={"required": ["name", "suggest"]})

    name: Line | None = None
    """What it is called in tickets."""
    when: EvidenceShape | None = None
    """What must hold, all of it."""
    any: tuple[EvidenceShape, ...] | None = None
    """Instead of when: a list of such groups, of which one must hold."""
    suggest: SuggestShape | None = None
    """One severity for all, or one for each criticality."""


class PolicyShape(Shape):
    page: Switch | None = None
    """Whether somebody is woken."""
    chat: Switch | None = None
    """Whether a channel is told."""
    update_every: Cadence | None = None
    """A duration, or: on change."""
    external_draft: Switch | None = None
    """Whether a text for customers is drafted."""

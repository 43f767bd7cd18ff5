"""How bad it is, by what evidence, and what is done at each severity. The table that leads there: severity_table.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Final


class Severity(IntEnum):
    """As the playbook defines them. Lower is worse, so that `min` is the worst."""

    SEV1 = 1  # complete outage or data loss
    SEV2 = 2  # major functionality degraded
    SEV3 = 3  # partial outage, workaround available
    SEV4 = 4  # minor issue, monitor only

    def __str__(self) -> str:
        return self.name


class Criticality(StrEnum):
    """How much depends on a service. OpenTelemetry's `service.criticality` vocabulary."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficView:
    """
    What real users see, from Prometheus.

    Attributes:
        requests: Per second; None or 0 when there is no traffic.
        within_baseline: None when there is no baseline to judge by.
        fresh: Answered now, not remembered.
        text: The same for people.
    """

    error_ratio: float | None
    requests: float | None
    within_baseline: bool | None
    fresh: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """
    What is known of one service at one evaluation.

    Attributes:
        checks: How many checks the service has.
        failing, failing_reasons: The confirmed-failing ones, and what they say.
        data_loss: Those of them whose failure is declared to be a loss of data, and queries that say so, with what they
            gave.
        data_loss_unknown: Such queries without an answer, and why.
        dependents_failing: Services that depend on this one and have confirmed-failing checks.
        traffic: None when none is configured.
        burn_short: Burn rate over the short window of the fastest pair.
        burn: The highest burn rate that both windows of a pair agree on; None when no pair burns.
        latency_shift, queue_anomaly, restarted, blind: What was confirmed, in words; empty when nothing was.
        unusual: Which series are unlike their past, in words. Shown with the rest; no row asks for it.
        prometheus_away_since: Then nothing that Prometheus said is used.
    """

    criticality: Criticality = Criticality.MEDIUM
    checks: int
    failing: tuple[str, ...] = ()
    failing_reasons: tuple[str, ...] = ()
    data_loss: tuple[str, ...] = ()
    data_loss_unknown: tuple[str, ...] = ()
    dependents_failing: tuple[str, ...] = ()
    traffic: TrafficView | None = None
    burn_short: float | None = None
    burn: float | None = None
    latency_shift: str = ""
    queue_anomaly: str = ""
    restarted: str = ""
    blind: str = ""
    unusual: tuple[str, ...] = ()
    prometheus_away_since: datetime | None = None

    @property
    def failing_share(self) -> float:
        return len(self.failing) / self.checks if self.checks else 0.0

    @property
    def usable_traffic(self) -> TrafficView | None:
        """Fresh, from a Prometheus that is there, and with requests in it."""
        view = self.traffic
        if view is None or self.prometheus_away_since is not None or not view.fresh:
            return None
        return view if view.requests and view.error_ratio is not None else None


def raise_severity(
    current: Severity | None,
    suggested: Severity | None,
    previous_suggested: Severity | None,
    lowered_from: Severity | None,
) -> Severity | None:
    """
    The severity from now on. It rises by itself and falls only by a person.

    A rise must hold in two consecutive evaluations, so it goes as far as both of them agree. After a person lowered
    it, only what is worse than what they lowered it from raises it again. An incident that has none takes the first.
    """
    if current is None or suggested is None or previous_suggested is None:
        return suggested if current is None else current
    agreed = max(suggested, previous_suggested)
    bar = current if lowered_from is None else min(current, lowered_from)
    return agreed if agreed < bar else current


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """
    What is done at a severity.

    Attributes:
        update_every: None: on change only.
        external_draft: A text for the public is drafted with each update.
    """

    page: bool
    chat: bool
    update_every: timedelta | None
    external_draft: bool


_QUARTER: Final = timedelta(minutes=15)

POLICIES: Final[Mapping[Severity, Policy]] = {
    Severity.SEV1: Policy(page=True, chat=True, update_every=_QUARTER, external_draft=True),
    Severity.SEV2: Policy(page=True, chat=True, update_every=_QUARTER, external_draft=True),
    Severity.SEV3: Policy(page=False, chat=True, update_every=_QUARTER, external_draft=False),
    Severity.SEV4: Policy(page=False, chat=False, update_every=None, external_draft=False),
}

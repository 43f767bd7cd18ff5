"""From evidence to SEV1..SEV4, with the row that fired and its inputs. The table is data; a decision shows its work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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


MOST_TRAFFIC: Final = 0.5
"""The share of requests that must fail for traffic to speak of an outage by itself."""


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
        traffic: None when none is configured.
        burn_short: Burn rate over the short window of the fastest pair.
        burn: The highest burn rate that both windows of a pair agree on; None when no pair burns.
        latency_shift, queue_anomaly, restarted, blind: What was confirmed, in words; empty when nothing was.
        prometheus_away_since: Then nothing that Prometheus said is used.
    """

    criticality: Criticality = Criticality.MEDIUM
    checks: int
    failing: tuple[str, ...] = ()
    failing_reasons: tuple[str, ...] = ()
    data_loss: bool = False
    traffic: TrafficView | None = None
    burn_short: float | None = None
    burn: float | None = None
    latency_shift: str = ""
    queue_anomaly: str = ""
    restarted: str = ""
    blind: str = ""
    prometheus_away_since: datetime | None = None

    @property
    def all_failing(self) -> bool:
        return bool(self.failing) and len(self.failing) >= self.checks

    @property
    def usable_traffic(self) -> TrafficView | None:
        """Fresh, from a Prometheus that is there, and with requests in it."""
        view = self.traffic
        if view is None or self.prometheus_away_since is not None or not view.fresh:
            return None
        return view if view.requests and view.error_ratio is not None else None

    @property
    def most_traffic_fails(self) -> bool:
        view = self.usable_traffic
        return view is not None and view.error_ratio is not None and view.error_ratio >= MOST_TRAFFIC


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what must be seen, and the severity by criticality (critical, high, medium, low)."""

    name: str
    condition: str
    severities: tuple[Severity, Severity, Severity, Severity]
    holds: Callable[[Evidence], bool]

    def severity(self, criticality: Criticality) -> Severity:
        return self.severities[list(Criticality).index(criticality)]


def _outage(e: Evidence) -> bool:
    return e.all_failing and (e.most_traffic_fails or e.usable_traffic is None)


def _traffic_fails(e: Evidence) -> bool:
    # With some checks failing as well: were it for green probes alone, one failing check would hide an outage.
    return e.most_traffic_fails and not e.all_failing


def _probe_path(e: Evidence) -> bool:
    return e.all_failing and e.usable_traffic is not None and e.usable_traffic.within_baseline is True


def _degraded(e: Evidence) -> bool:
    return bool(e.failing) or (e.burn_short or 0.0) >= 14.4


def _slower(e: Evidence) -> bool:
    return bool(e.latency_shift) or (e.burn or 0.0) >= 6


def _watch(e: Evidence) -> bool:
    return (e.burn or 0.0) >= 1 or bool(e.queue_anomaly or e.restarted or e.blind)


_1, _2, _3, _4 = Severity

# The first row that holds decides. Columns: critical, high, medium, low.
TABLE: Final = (
    Row("data loss", "data loss is declared", (_1, _1, _1, _1), lambda e: e.data_loss),
    Row(
        "outage",
        "all checks fail, and 50 % or more of the traffic fails or no traffic is seen",
        (_1, _2, _3, _4),
        _outage,
    ),
    Row("traffic", "50 % or more of the traffic fails while not all checks fail", (_1, _2, _3, _4), _traffic_fails),
    Row("probe path", "all checks fail while fresh traffic is within its baseline", (_3, _3, _4, _4), _probe_path),
    Row("degraded", "some checks fail, or the short-window burn rate is 14.4 or more", (_2, _3, _3, _4), _degraded),
    Row("slower", "a latency shift is confirmed, or the burn rate is 6 or more", (_3, _3, _4, _4), _slower),
    Row(
        "watch",
        "the burn rate is 1 or more, or there is a queue anomaly, a restart, or blindness",
        (_4, _4, _4, _4),
        _watch,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """
    A severity and how it came about.

    Attributes:
        severity, row: None when no row holds.
        inputs: What was looked at, one readable line each.
        higher, lower: What would have made it worse or milder; empty at the table's end.
    """

    severity: Severity | None
    row: Row | None
    inputs: tuple[str, ...]
    higher: str
    lower: str

    @property
    def reason(self) -> str:
        if self.row is None:
            return "no row of the severity table holds"
        return f"{self.severity}: {self.row.condition} ({self.row.name})"


def suggest(evidence: Evidence) -> Suggestion:
    """What the table says of *evidence*."""
    inputs = _inputs(evidence)
    fired = next((index for index, row in enumerate(TABLE) if row.holds(evidence)), None)
    if fired is None:
        higher = _neighbour(reversed(TABLE), evidence.criticality, lambda _: True)
        return Suggestion(severity=None, row=None, inputs=inputs, higher=higher, lower="")
    row = TABLE[fired]
    severity = row.severity(evidence.criticality)
    higher = _neighbour(reversed(TABLE[:fired]), evidence.criticality, lambda other: other < severity)
    lower = _neighbour(TABLE[fired + 1 :], evidence.criticality, lambda other: other > severity, " no more than this: ")
    return Suggestion(
        severity=severity,
        row=row,
        inputs=inputs,
        higher=higher,
        lower=lower or "none if no row held",
    )


def _neighbour(
    rows: Iterable[Row], criticality: Criticality, wanted: Callable[[Severity], bool], only: str = " "
) -> str:
    """The nearest of *rows* whose severity is wanted, as `SEV2 if ...`; empty if there is none."""
    for row in rows:
        if wanted(row.severity(criticality)):
            return f"{row.severity(criticality)} if{only}{row.condition}"
    return ""


def _inputs(e: Evidence) -> tuple[str, ...]:
    lines = [f"criticality: {e.criticality}"]
    which = f" ({', '.join(e.failing)})" if e.failing else ""
    lines.append(f"checks: {len(e.failing)} of {e.checks} confirmed failing{which}")
    lines += [f"failing: {reason}" for reason in e.failing_reasons]
    if e.data_loss:
        lines.append("data loss: declared")
    if e.prometheus_away_since is not None:
        lines.append(f"traffic: Prometheus unavailable since {e.prometheus_away_since:%Y-%m-%dT%H:%M:%SZ}, not used")
    elif e.traffic is not None:
        unused = "" if e.usable_traffic is not None else ", not used (not fresh, or no requests)"
        lines.append(f"traffic: {e.traffic.text}{unused}")
    else:
        lines.append("traffic: not configured")
    if e.burn_short is not None:
        lines.append(f"burn rate, short window: {e.burn_short:.3g}")
    if e.burn is not None:
        lines.append(f"burn rate, both windows: {e.burn:.3g}")
    named = {"latency": e.latency_shift, "queue": e.queue_anomaly, "restart": e.restarted, "blind": e.blind}
    lines += [f"{name}: {text}" for name, text in named.items() if text]
    return tuple(lines)


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

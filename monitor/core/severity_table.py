"""
From evidence to SEV1..SEV4, with the row that fired and its inputs. The table is data, which a team may replace; a
decision shows its work, and what would have made it one step higher or lower.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from monitor.core.severity import Criticality, Evidence, Severity
from monitor.core.signals import SIGNALS, Span, Term


@dataclass(frozen=True, slots=True)
class Alternative:
    """Terms that must all hold."""

    terms: tuple[Term, ...]

    def holds(self, evidence: Evidence) -> bool:
        # Each evaluation asks every row, and the generators of all(...) and any(...) would cost more than the terms.
        for term in self.terms:  # noqa: SIM110
            if not term.holds(evidence):
                return False
        return True

    def missing(self, evidence: Evidence) -> tuple[Term, ...]:
        return tuple(term for term in self.terms if not term.holds(evidence))

    @property
    def text(self) -> str:
        return " and ".join(term.text for term in self.terms)


@dataclass(frozen=True, slots=True)
class Row:
    """
    One line of the table.

    Attributes:
        alternatives: One of them must hold.
        severities: By criticality: critical, high, medium, low.
    """

    name: str
    alternatives: tuple[Alternative, ...]
    severities: tuple[Severity, Severity, Severity, Severity]

    @classmethod
    def of(cls, name: str, severities: str, *alternatives: Sequence[Term]) -> Self:
        """*severities*: as `1234`."""
        critical, high, medium, low = (Severity(int(digit)) for digit in severities)
        return cls(name, tuple(Alternative(tuple(terms)) for terms in alternatives), (critical, high, medium, low))

    def holds(self, evidence: Evidence) -> bool:
        for alternative in self.alternatives:  # noqa: SIM110
            if alternative.holds(evidence):
                return True
        return False

    def severity(self, criticality: Criticality) -> Severity:
        return self.severities[_COLUMNS[criticality]]

    @property
    def condition(self) -> str:
        return ", or ".join(alternative.text for alternative in self.alternatives)


Table = tuple[Row, ...]
"""The first row that holds decides."""

_COLUMNS: Final = {criticality: column for column, criticality in enumerate(Criticality)}

_all_fail, _not_all_fail = Term.switch("all_checks_failing"), Term.switch("all_checks_failing", False)
_half_of_traffic_fails = Term("traffic_errors", ">=", 0.5)

TABLE: Final[Table] = (
    Row.of("data loss", "1111", [Term.switch("data_loss")]),
    Row.of("outage", "1234", [_all_fail, _half_of_traffic_fails], [_all_fail, Term.switch("traffic_usable", False)]),
    # With some checks failing as well: were it for green probes alone, one failing check would hide an outage.
    Row.of("traffic", "1234", [_half_of_traffic_fails, _not_all_fail]),
    Row.of("probe path", "3344", [_all_fail, Term.switch("traffic_within_baseline")]),
    Row.of("degraded", "2334", [Term("failing_share", ">", 0.0)], [Term("burn_short", ">=", 14.4)]),
    Row.of("slower", "3344", [Term.switch("latency_shift")], [Term("burn", ">=", 6.0)]),
    Row.of(
        "watch",
        "4444",
        [Term("burn", ">=", 1.0)],
        [Term.switch("queue_anomaly")],
        [Term.switch("restart")],
        [Term.switch("blind")],
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """
    A severity and how it came about.

    The words are made when they are asked for: each evaluation suggests, and few are told.

    Attributes:
        severity, row: None when no row holds.
    """

    severity: Severity | None
    row: Row | None
    evidence: Evidence
    table: Table

    @property
    def reason(self) -> str:
        if self.row is None:
            return "no row of the severity table holds"
        return f"{self.severity}: {self.row.condition} ({self.row.name})"

    @property
    def inputs(self) -> tuple[str, ...]:
        """What was looked at, one readable line each."""
        return _inputs(self.evidence)

    @property
    def higher(self) -> str:
        """What would have made it one step worse; empty where nothing is worse."""
        return _higher(self.table, self.evidence, self.row)

    @property
    def lower(self) -> str:
        """What would have made it milder; empty when it is nothing already."""
        if self.row is None or self.severity is None:
            return ""
        below = self.table[self.table.index(self.row) + 1 :]
        return _lower(below, self.evidence.criticality, self.severity)


def suggest(evidence: Evidence, table: Table = TABLE) -> Suggestion:
    """What the table says of *evidence*."""
    for row in table:
        if row.holds(evidence):
            return Suggestion(severity=row.severity(evidence.criticality), row=row, evidence=evidence, table=table)
    return Suggestion(severity=None, row=None, evidence=evidence, table=table)


def _higher(table: Table, evidence: Evidence, fired: Row | None) -> str:
    """
    `SEV1 if 50 % or more of the traffic fails (now 20 %)`: the smallest rise, and of several ways the one that lacks
    least; of equals the nearest row. Empty if nothing is worse.
    """
    severity = fired.severity(evidence.criticality) if fired is not None else None
    above = table if fired is None else table[: table.index(fired)]
    ways: list[tuple[Severity, int, str]] = []
    for row in reversed(above):
        for alternative in row.alternatives:
            missing = alternative.missing(evidence)
            text = " and ".join(term.text + term.now(evidence) for term in missing)
            ways.append((row.severity(evidence.criticality), len(missing), text))
    if fired is not None:
        # A row that lowers on purpose, as "probe path" does: without it a row below would decide, and be worse.
        hidden = next((row for row in table[len(above) + 1 :] if row.holds(evidence)), None)
        if hidden is not None:
            ways.append((hidden.severity(evidence.criticality), 1, f"this no longer held: {fired.condition}"))
    worse = [way for way in ways if severity is None or way[0] < severity]
    if not worse:
        return ""
    to, _, text = min(worse, key=lambda way: (-way[0], way[1]))
    return f"{to} if {text}"


def _lower(below: Iterable[Row], criticality: Criticality, severity: Severity) -> str:
    for row in below:
        if row.severity(criticality) > severity:
            return f"{row.severity(criticality)} if no more than this: {row.condition}"
    return "none if no row held"


def _inputs(e: Evidence) -> tuple[str, ...]:
    lines = [f"criticality: {e.criticality}"]
    lines.append(f"checks: {len(e.failing)} of {e.checks} confirmed failing{_named(e.failing)}")
    lines += [f"failing: {reason}" for reason in e.failing_reasons]
    if e.data_loss:
        lines.append(f"data loss: declared{_named(e.data_loss)}")
    lines += [f"data loss: not known, {query}" for query in e.data_loss_unknown]
    if e.dependents_failing:
        lines.append(f"dependents: {len(e.dependents_failing)} failing{_named(e.dependents_failing)}")
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
    lines += [f"unusual: {text}" for text in e.unusual]
    return tuple(lines)


def _named(names: tuple[str, ...]) -> str:
    return f" ({', '.join(names)})" if names else ""


def never_decides(alternative: Alternative, earlier: Iterable[Row]) -> str | None:
    """
    Why *alternative* can never be what decides: empty when its own terms exclude each other, else the name of a row
    above that holds whenever it does. None when it can. Rows that cover it only together are not found.
    """
    spans = _spans(alternative)
    if any(span.is_empty for span in spans.values()):
        return ""
    for row in earlier:
        for other in map(_spans, row.alternatives):
            if all(name in spans and spans[name].lies_in(span) for name, span in other.items()):
                return row.name
    return None


def _spans(alternative: Alternative) -> dict[str, Span]:
    """What the terms say of each signal, with what follows from them."""
    spans: dict[str, Span] = {}
    for term in alternative.terms:
        for name, span in term.implies():
            spans[name] = spans.get(name, SIGNALS[name].domain) & span
    return spans

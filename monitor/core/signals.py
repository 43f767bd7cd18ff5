"""What the severity table may ask of the evidence: named signals, and terms that compare one with a limit."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Final, Literal, Self

from monitor.core.recovery import percent
from monitor.core.severity import Evidence

Comparison = Literal[">=", ">", "<=", "<"]

_HOLDS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
_AMOUNT: Final = {">=": "{} or more", ">": "more than {}", "<=": "{} or less", "<": "less than {}"}


@dataclass(frozen=True, slots=True)
class Span:
    """From *low* to *high*; an open end does not belong to it."""

    low: float = 0.0
    high: float = inf
    low_open: bool = False
    high_open: bool = False

    @property
    def is_empty(self) -> bool:
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def __and__(self, other: Span) -> Span:
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, high_closed = min((self.high, not self.high_open), (other.high, not other.high_open))
        return Span(low, high, low_open, not high_closed)

    def lies_in(self, other: Span) -> bool:
        return self & other == self


_SWITCH, _SHARE, _NUMBER = Span(0, 1), Span(0, 1), Span()


@dataclass(frozen=True, slots=True)
class Signal:
    """
    One thing that may be known of a service.

    Attributes:
        kind: A switch is true or false, 1 or 0 as a value; a share lies between 0 and 1.
        value: None where nothing is known of it: then no term on it holds, neither way.
        says: In words; for a switch when it is true, otherwise with `{}` for the amount.
        says_not: Of a switch, when it is false.
    """

    kind: Literal["switch", "share", "number"]
    value: Callable[[Evidence], float | None]
    says: str
    says_not: str = ""

    @property
    def domain(self) -> Span:
        return {"switch": _SWITCH, "share": _SHARE, "number": _NUMBER}[self.kind]

    def amount(self, value: float) -> str:
        return percent(value) if self.kind == "share" else f"{value:.3g}"


def _data_loss(e: Evidence) -> float | None:
    return None if e.data_loss_unknown and not e.data_loss else float(bool(e.data_loss))


def _traffic_errors(e: Evidence) -> float | None:
    return view.error_ratio if (view := e.usable_traffic) is not None else None


def _within_baseline(e: Evidence) -> float | None:
    view = e.usable_traffic
    return None if view is None or view.within_baseline is None else float(view.within_baseline)


SIGNALS: Final[Mapping[str, Signal]] = {
    "data_loss": Signal("switch", _data_loss, "data loss is declared", "no data loss is declared"),
    "all_checks_failing": Signal("switch", lambda e: e.failing_share >= 1, "all checks fail", "not all checks fail"),
    "failing_share": Signal("share", lambda e: e.failing_share, "{} of the checks fail"),
    "dependents_failing": Signal("number", lambda e: len(e.dependents_failing), "{} of its dependents fail"),
    "traffic_usable": Signal("switch", lambda e: e.usable_traffic is not None, "traffic is seen", "no traffic is seen"),
    "traffic_errors": Signal("share", _traffic_errors, "{} of the traffic fails"),
    "traffic_within_baseline": Signal(
        "switch", _within_baseline, "traffic is within its baseline", "traffic is worse than its baseline"
    ),
    "burn_short": Signal("number", lambda e: e.burn_short or 0.0, "the short-window burn rate is {}"),
    "burn": Signal("number", lambda e: e.burn or 0.0, "the burn rate is {}"),
    "latency_shift": Signal(
        "switch", lambda e: bool(e.latency_shift), "a latency shift is confirmed", "no latency shift is confirmed"
    ),
    "queue_anomaly": Signal(
        "switch", lambda e: bool(e.queue_anomaly), "there is a queue anomaly", "there is no queue anomaly"
    ),
    "restart": Signal("switch", lambda e: bool(e.restarted), "there was a restart", "there was no restart"),
    "blind": Signal("switch", lambda e: bool(e.blind), "we are blind", "we are not blind"),
}


@dataclass(frozen=True, slots=True)
class Term:
    """`traffic_errors >= 0.5`. On a switch: `>= 1` for true, `< 1` for false."""

    signal: str
    comparison: Comparison
    limit: float
    _value: Callable[[Evidence], float | None] = field(init=False, repr=False, compare=False)
    _compare: Callable[[float, float], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Looked up once: each evaluation asks a dozen terms.
        object.__setattr__(self, "_value", SIGNALS[self.signal].value)
        object.__setattr__(self, "_compare", _HOLDS[self.comparison])

    @classmethod
    def switch(cls, signal: str, on: bool = True) -> Self:
        return cls(signal, ">=" if on else "<", 1.0)

    def holds(self, evidence: Evidence) -> bool:
        value = self._value(evidence)
        return value is not None and self._compare(value, self.limit)

    @property
    def text(self) -> str:
        signal = SIGNALS[self.signal]
        if signal.kind == "switch":
            return signal.says if self.comparison == ">=" else signal.says_not
        if (self.signal, self.comparison, self.limit) == ("failing_share", ">", 0):
            return "some checks fail"
        return signal.says.format(_AMOUNT[self.comparison].format(signal.amount(self.limit)))

    def now(self, evidence: Evidence) -> str:
        """` (now 20 %)`; empty for a switch, whose opposite says as much."""
        signal = SIGNALS[self.signal]
        if signal.kind == "switch":
            return ""
        value = signal.value(evidence)
        return " (not known)" if value is None else f" (now {signal.amount(value)})"

    def implies(self) -> Iterator[tuple[str, Span]]:
        """The span of its own signal, and those of other signals that follow from it."""
        match self.comparison:
            case ">=" | ">":
                span = Span(low=self.limit, low_open=self.comparison == ">")
            case _:
                span = Span(high=self.limit, high_open=self.comparison == "<")
        # All checks fail is the same as a share of one: told apart, one could hide behind the other.
        yield ("failing_share" if self.signal == "all_checks_failing" else self.signal), span
        if self.signal in ("traffic_errors", "traffic_within_baseline"):
            yield "traffic_usable", Span(low=1)

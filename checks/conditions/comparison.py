"""Two sides and an operator: whether it holds, what its values were, and why it cannot be told."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from checks.conditions.equality import Truth, equal
from checks.conditions.facts import Facts
from checks.conditions.operands import AnyOf, Glob, Literal, Operand, Reading, Regex
from checks.conditions.quantities import Number, number
from checks.conditions.texts import text_of
from checks.conditions.unresolved import Unresolved

ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}

LONGEST_BESIDE_PATTERN: Final = 25
"""Characters of a value that is compared with a pattern: it usually is a whole page. gatus' limit."""
LONGEST: Final = 100
"""Characters of any other value."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the parser lets pass: a pattern on one side at most and only with `==` and `!=`, and numbers to order by."""

    left: Operand
    operator: str
    right: Operand

    def evaluate(self, facts: Facts) -> Truth:
        order = ORDERS.get(self.operator)
        if order is not None:
            left, right = _number(self.left, facts), _number(self.right, facts)
            return None if isinstance(left, Unresolved) or isinstance(right, Unresolved) else order(left, right)
        same = self._same(facts)
        return same if same is None or self.operator == "==" else not same

    def _same(self, facts: Facts) -> Truth:
        left, right = self.left, self.right
        if isinstance(left, (Glob, Regex, AnyOf)):
            left, right = right, left
        assert isinstance(left, (Literal, Reading))
        value = left.resolve(facts)
        if isinstance(right, (Literal, Reading)):
            return equal(value, left, right.resolve(facts), right)
        if isinstance(right, AnyOf):
            return any_of(equal(value, left, option.text, option) for option in right.options)
        found = _matched(value, right, facts)
        return None if isinstance(found, Unresolved) else found

    def explained(self, facts: Facts) -> str:
        """As written, with the value of each side that has one after it."""
        decided = self.evaluate(facts) is not None
        left, right = (_explained(side, other, facts, decided) for side, other in self._sides())
        return f"{left} {self.operator} {right}"

    def reasons(self, facts: Facts) -> Iterator[str]:
        """Why it cannot be told: a clause for each side that is to blame."""
        if self.evaluate(facts) is None:
            for side, other in self._sides():
                if isinstance(side, Reading) and (why := self._why(side, other, facts)):
                    yield why

    def _why(self, side: Reading, other: Operand, facts: Facts) -> str:
        value = side.resolve(facts)
        if isinstance(value, Unresolved):
            return value.why
        if value is None:
            return f"{side.source} is null"
        if self.operator in ORDERS:
            return f"{side.source} is no number" if isinstance(_number(side, facts), Unresolved) else ""
        found = _matched(value, other, facts) if isinstance(other, (Glob, Regex)) else text_of(value)
        return found.why if isinstance(found, Unresolved) else ""

    def _sides(self) -> tuple[tuple[Operand, Operand], tuple[Operand, Operand]]:
        return (self.left, self.right), (self.right, self.left)

    def comparisons(self) -> Iterator[Comparison]:
        yield self

    def __str__(self) -> str:
        return f"{self.left.source} {self.operator} {self.right.source}"


def any_of(found: Iterator[Truth]) -> Truth:
    holds: Truth = False
    for each in found:
        if each:
            return True
        if each is None:
            holds = None
    return holds


def _number(side: Operand, facts: Facts) -> Number | Unresolved:
    if isinstance(side, Literal):
        assert side.number is not None
        return side.number
    assert isinstance(side, Reading)
    value = side.resolve(facts)
    if isinstance(value, Unresolved):
        return value
    found = number(value)
    return found if found is not None else Unresolved("it is no number")


def _matched(value: object, pattern: Glob | Regex, facts: Facts) -> bool | Unresolved:
    if value is None:
        return Unresolved("it is null")
    text = value if isinstance(value, Unresolved) else text_of(value)
    return text if isinstance(text, Unresolved) else pattern.matches(text, facts)


def _explained(side: Operand, other: Operand, facts: Facts, decided: bool) -> str:
    if not isinstance(side, Reading):
        return side.source
    value = side.resolve(facts)
    if isinstance(value, Unresolved) or (value is None and not decided):
        return f"{side.source} (INVALID)"
    text = side.shown(value)
    limit = LONGEST_BESIDE_PATTERN if isinstance(other, (Glob, Regex)) else LONGEST
    return f"{side.source} ({'***' if text is None else _bounded(text, limit)})"


def _bounded(text: str, limit: int) -> str:
    line = "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text[:limit])
    return line if len(text) <= limit else f"{line}...(truncated)"

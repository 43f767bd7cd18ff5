"""
A condition as a tree of comparisons. Each holds (True), does not (False), or cannot be told (None): Kleene's logic, in
which `not` of what cannot be told cannot be told either. Only what holds passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from checks.conditions.comparison import Comparison, any_of
from checks.conditions.equality import Truth
from checks.conditions.facts import Facts
from checks.conditions.operands import Reading


@dataclass(frozen=True, slots=True)
class Not:
    part: Node

    def evaluate(self, facts: Facts) -> Truth:
        found = self.part.evaluate(facts)
        return None if found is None else not found

    def explained(self, facts: Facts) -> str:
        return f"not {_bracketed(self.part, self.part.explained(facts), And, Or)}"

    def reasons(self, facts: Facts) -> Iterator[str]:
        return self.part.reasons(facts)

    def comparisons(self) -> Iterator[Comparison]:
        return self.part.comparisons()

    def __str__(self) -> str:
        return f"not {_bracketed(self.part, str(self.part), And, Or)}"


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Node, ...]

    def evaluate(self, facts: Facts) -> Truth:
        holds: Truth = True
        for part in self.parts:
            found = part.evaluate(facts)
            if found is False:
                return False
            holds = holds and found
        return holds

    def explained(self, facts: Facts) -> str:
        return " and ".join(_bracketed(part, part.explained(facts), And, Or) for part in self.parts)

    def reasons(self, facts: Facts) -> Iterator[str]:
        for part in self.parts:
            yield from part.reasons(facts)

    def comparisons(self) -> Iterator[Comparison]:
        for part in self.parts:
            yield from part.comparisons()

    def __str__(self) -> str:
        return " and ".join(_bracketed(part, str(part), And, Or) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]

    def evaluate(self, facts: Facts) -> Truth:
        return any_of(part.evaluate(facts) for part in self.parts)

    def explained(self, facts: Facts) -> str:
        return " or ".join(_bracketed(part, part.explained(facts), Or) for part in self.parts)

    def reasons(self, facts: Facts) -> Iterator[str]:
        for part in self.parts:
            yield from part.reasons(facts)

    def comparisons(self) -> Iterator[Comparison]:
        for part in self.parts:
            yield from part.comparisons()

    def __str__(self) -> str:
        return " or ".join(_bracketed(part, str(part), Or) for part in self.parts)


Node = Comparison | Not | And | Or


@dataclass(frozen=True, slots=True)
class Condition:
    """Equal to another that was written with other white space."""

    root: Node

    def evaluate(self, facts: Facts) -> Truth:
        """Never raises, whatever *facts* hold."""
        return self.root.evaluate(facts)

    def explained(self, facts: Facts) -> str:
        """The condition with what its values were: `[BODY].status (DOWN) == UP`. One line, each value bounded."""
        return self.root.explained(facts)

    def why(self, facts: Facts) -> str:
        """Why it cannot be told; empty where it can."""
        return "" if self.evaluate(facts) is not None else "; ".join(dict.fromkeys(self.root.reasons(facts)))

    def readings(self) -> Iterator[Reading]:
        """What it asks of an answer, in the order in which it does."""
        for comparison in self.root.comparisons():
            for side in (comparison.left, comparison.right):
                if isinstance(side, Reading):
                    yield side

    def __str__(self) -> str:
        return str(self.root)


def _bracketed(part: Node, text: str, *kinds: type[And | Or]) -> str:
    return f"({text})" if isinstance(part, kinds) else text

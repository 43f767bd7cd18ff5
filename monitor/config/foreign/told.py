"""What an import has to tell beside the configuration that it prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from monitor.config.problems import Problem

_MOST_LINES = 12


class Word(StrEnum):
    """What became of a place in the file of the other tool."""

    REFUSED = "not carried over"
    """A whole check."""
    LEFT_OUT = "left out"
    """A part of what was carried over, or something that has no counterpart."""
    CHANGED = "changed"
    """Carried over, and not quite as it was."""
    TO_SET = "to be set"
    """A secret, in whose place an environment variable is named."""
    RENAMED = "renamed"
    """Nothing is lost: the only word that leaves an import complete."""


@dataclass(slots=True)
class Told:
    _found: list[tuple[Word, str, Problem]] = field(default_factory=list)

    def tell(self, word: Word, problem: Problem, alike: str = "") -> None:
        """
        Args:
            alike: What makes it the same as others that say the same, so that they are told together; empty when it
                is told alone.
        """
        self._found.append((word, alike, problem))

    @property
    def is_complete(self) -> bool:
        return all(word is Word.RENAMED for word, _, _ in self._found)

    def listed(self) -> Iterator[tuple[Word, Problem]]:
        """In the order of the files. What is said of many places is said once, with the lines of the others."""
        groups: dict[tuple[object, ...], list[tuple[Word, Problem]]] = {}
        in_order = sorted(self._found, key=lambda one: (one[2].file, one[2].line))
        for number, (word, alike, problem) in enumerate(in_order):
            key = (word, problem.file, alike, problem.found, problem.fix) if alike else (number,)
            groups.setdefault(key, []).append((word, problem))
        for (word, first), *others in groups.values():
            lines = list(dict.fromkeys(str(other.line) for _, other in others if other.line != first.line))
            if not lines:
                yield word, first
                continue
            more = f" and {len(lines) - _MOST_LINES} more" if len(lines) > _MOST_LINES else ""
            yield word, replace(first, fix=f"{first.fix} Also on lines {', '.join(lines[:_MOST_LINES])}{more}.")

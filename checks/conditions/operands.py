"""One side of a comparison: a value of the answer, a literal, or a pattern for one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from checks.conditions.facts import EXPIRATIONS, Facts, Placeholder
from checks.conditions.matching import compiled, matches_glob
from checks.conditions.paths import Path
from checks.conditions.quantities import Number, duration_text, integer, number
from checks.conditions.texts import length_of, text_of
from checks.conditions.unresolved import Unresolved

_SECRET_HEADERS: Final = frozenset({"set-cookie", "set-cookie2"})


class Function(StrEnum):
    LEN = "len"
    HAS = "has"


@dataclass(frozen=True, slots=True)
class Literal:
    """
    Attributes:
        source: As written.
        quoted: Then it is text and never a number.
    """

    source: str
    text: str
    quoted: bool = False
    integer: int | None = field(init=False, repr=False, compare=False)
    number: Number | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "integer", None if self.quoted else integer(self.text))
        object.__setattr__(self, "number", None if self.quoted else number(self.text))

    def resolve(self, facts: Facts) -> object:  # noqa: ARG002 - as Reading
        return self.text

    @property
    def is_null(self) -> bool:
        return self.text == "null" and not self.quoted


@dataclass(frozen=True, slots=True)
class Reading:
    """
    A value of the answer: `[BODY].data[0].name`, `len([BODY])`, `has([HEADERS].etag)`.

    Attributes:
        path: Of a header its name, in lower case.
        at: Where the placeholder stands in the text of the condition.
    """

    source: str
    placeholder: Placeholder
    path: Path = ()
    function: Function | None = None
    at: tuple[int, int] = field(default=(0, 0), repr=False, compare=False)

    def resolve(self, facts: Facts) -> object:
        value = facts.value(self.placeholder, self.path)
        if self.function is None:
            return value
        if self.function is Function.HAS:
            return self._has(facts, value)
        if value is None or type(value) is Unresolved:
            return value
        if self.placeholder is Placeholder.BODY and not self.path:
            return _length_of_body(facts)
        return length_of(value)

    def _has(self, facts: Facts, value: object) -> object:
        if self.placeholder is Placeholder.BODY:
            body = facts.text()
            # What we left unread says nothing of what is in it.
            if isinstance(body, Unresolved) or not self.path:
                return body if isinstance(body, Unresolved) else body != ""
        return not (value is None or type(value) is Unresolved)

    def shown(self, value: object) -> str | None:
        """*value* as a person should see it, None where it must not be seen."""
        if self.placeholder is Placeholder.HEADERS and self.path[0] in _SECRET_HEADERS and self.function is None:
            return None
        if self.placeholder in EXPIRATIONS and self.function is None and isinstance(value, (int, float)):
            return duration_text(value)
        text = "null" if value is None else text_of(value)
        return None if isinstance(text, Unresolved) else text


def _length_of_body(facts: Facts) -> int:
    text = facts.text()
    if isinstance(text, str) and text.startswith("[") and isinstance(document := facts.document(), list):
        return len(document)
    return len(facts.body or b"")


@dataclass(frozen=True, slots=True)
class Glob:
    """`pat(john*)`: a text as a whole, with anything in the place of each star."""

    source: str
    parts: tuple[str, ...]

    def matches(self, text: str, facts: Facts) -> bool | Unresolved:  # noqa: ARG002 - as Regex
        return matches_glob(self.parts, text)


@dataclass(frozen=True, slots=True)
class Regex:
    """`regex(^1\\.)`: found anywhere in a text."""

    source: str
    pattern: str
    compiled: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "compiled", compiled(self.pattern))

    def matches(self, text: str, facts: Facts) -> bool | Unresolved:
        return facts.searched(self.compiled, text)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """`any(200, 204)`: one of a few literals."""

    source: str
    options: tuple[Literal, ...]


Operand = Literal | Reading | Glob | Regex | AnyOf

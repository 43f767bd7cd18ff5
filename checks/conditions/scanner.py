"""
The text of a condition cut into its words: sides, operators, and/or/not, brackets.

As gatus has it, an operator stands between white space and a side goes on until one, so text needs no quotes as long as
it holds neither an operator nor the words `and` and `or`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from checks.conditions.fault import ConditionError

_OPERATOR: Final = r"(?:==|!=|<=|>=|<|>)(?=\s|\Z)"
_WORD: Final = r"(?:and|or)(?=[\s(]|\Z)"
_NEXT_OPERATOR: Final = re.compile(rf"\s+({_OPERATOR})")
_BOUNDARY: Final = re.compile(rf"\s*\Z|\s+{_OPERATOR}|\s+{_WORD}")
_GROUP_ENDS: Final = re.compile(r"\s*\)")
_CALL: Final = re.compile(r"(len|has|pat|regex|any)\(")
_SPACE: Final = re.compile(r"\s*")
_QUOTED: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the text, from `start` to before `end`."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class Scanner:
    """
    Attributes:
        at: How far it has been read.
        groups: Where the brackets around comparisons are that are open.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.groups: list[int] = []

    def skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def ended(self) -> bool:
        self.skip()
        return self.at >= len(self.text)

    def takes(self, word: str) -> bool:
        """Whether *word* (`and`, `or`, `not`) comes next; then it is read."""
        self.skip()
        found = re.compile(rf"{word}(?=[\s(]|\Z)").match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found is not None

    def opens(self) -> bool:
        """Whether a bracket around comparisons comes next; then it is read."""
        self.skip()
        if not self.text.startswith("(", self.at):
            return False
        self.groups.append(self.at)
        self.at += 1
        return True

    def closes(self) -> bool:
        self.skip()
        if not self.groups or not self.text.startswith(")", self.at):
            return False
        self.groups.pop()
        self.at += 1
        return True

    def operator(self) -> Piece | None:
        found = _NEXT_OPERATOR.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return Piece(found[1], found.start(1))

    def side(self) -> Piece:
        """Up to the next operator, `and`, `or`, or the end. May be empty."""
        # An operator needs white space before it, so that of the words before is looked for from there.
        before = self.at
        self.skip()
        start = self.at
        if before < start and self._is_boundary(before):
            return Piece("", start)
        quoted = _QUOTED.match(self.text, start)
        call = _CALL.match(self.text, start)
        if quoted is not None:
            self.at = quoted.end()
            if not self._is_boundary(self.at):
                fix = "Put all of it in quotes, and a backslash before a quote within."
                raise ConditionError("text goes on after its closing quote", fix, self.at, self._bare_end(self.at))
        elif self.text.startswith(("'", '"'), start):
            raise ConditionError("a quote is opened here and not closed", "Close it.", start, start + 1)
        elif call is not None:
            self.at = self._call_end(call.end(), "(," if call[1] == "any" else "(")
        else:
            self.at = self._bare_end(start)
        return Piece(self.text[start : self.at], start)

    def _is_boundary(self, at: int) -> bool:
        if _BOUNDARY.match(self.text, at):
            return True
        return bool(self.groups) and _GROUP_ENDS.match(self.text, at) is not None

    def _bare_end(self, start: int) -> int:
        at, nested = start, 0
        while at < len(self.text):
            char = self.text[at]
            if char.isspace() and (_BOUNDARY.match(self.text, at) or (not nested and self._is_boundary(at))):
                break
            if char == ")" and not nested and self.groups:
                break
            if char == "[" and (key := _QUOTED.match(self.text, at + 1)):
                at = key.end()  # a key in quotes may hold anything
                continue
            nested += (char == "(") - (char == ")" and nested > 0)
            at += 1
        return at

    def _call_end(self, start: int, before_quote: str) -> int:
        """
        After the bracket that closes the call: one that ends a side, and that no bracket within has opened. Failing
        that, the first that ends a side, for a pattern may hold single brackets.
        """
        at, nested, last = start, 0, 0
        while at < len(self.text):
            if self.text[:at].rstrip()[-1] in before_quote and (quoted := _QUOTED.match(self.text, at)):
                at = quoted.end()
                continue
            if self.text[at] == "(":
                nested += 1
            elif self.text[at] == ")":
                if self._is_boundary(at + 1):
                    last = last or at + 1
                    if nested == 0:
                        return at + 1
                nested = max(0, nested - 1)
            at += 1
        if last:
            return last
        raise ConditionError("a bracket is opened here and not closed", "Close it with ).", start - 1, start)

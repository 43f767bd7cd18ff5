"""
Regular expressions of Go (RE2) as Python writes them, so that they match the same.

They differ in what `$` and `\\z` mean, in flags that begin within an expression, in classes as `[[:alpha:]]`, and in
quoting by `\\Q...\\E`. What Python cannot say is refused, and never taken for something else.

Source: https://pkg.go.dev/regexp/syntax.
"""

from __future__ import annotations

import re
from typing import Final

_FLAGS: Final = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")
_CLASSES: Final = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7f", "blank": r"\t ", "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r"\t\n\v\f\r ",
    "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip


class Untranslatable(ValueError):
    """It is no expression. The text says what of it is wrong, in words that follow it."""


class Unsayable(Untranslatable):
    """It is one, and Python has no such."""


def translated(go: str) -> str:
    """What Python's `re` takes. Raises Untranslatable, and Unsayable of its kinds."""
    python = f"(?a){_Translation(go).whole()}"  # in Go \\d, \\w and \\b know ASCII alone
    try:
        re.compile(python)
    except (re.error, RecursionError, OverflowError) as error:
        raise Untranslatable(f"is no regular expression: {getattr(error, 'msg', 'too large')}") from None
    return python


class _Translation:
    """
    `(?i)` holds to the end of its group in Go, and Python knows it for the whole or as `(?i:...)` alone: so one is
    opened there, closed where the group ends, and opened anew in each further alternative.
    """

    def __init__(self, go: str) -> None:
        self._go = go
        self._at = 0
        self._made: list[str] = []
        # Of each open group: whether ^ and $ are of lines, and the flags that were opened within it.
        self._groups: list[tuple[bool, list[str]]] = [(False, [])]

    def whole(self) -> str:
        while self._at < len(self._go):
            self._step()
        self._close_flags()
        return "".join(self._made)

    def _step(self) -> None:
        go, at = self._go, self._at
        char = go[at]
        if char == "\\":
            self._escape()
            return
        if char == "[":
            self._class()
            return
        self._at += 1
        if char == "(":
            self._open()
        elif char == ")" and len(self._groups) > 1:
            self._close_flags()
            self._groups.pop()
            self._made.append(")")
        elif char == "|":
            self._made += [")" * len(self._flags), "|", *self._flags]
        elif char == "^":
            self._edge("^")
        elif char == "$":
            self._edge("$" if self._groups[-1][0] else r"\Z")
        else:
            self._made.append(char)

    def _edge(self, python: str) -> None:
        """What matches between two characters. `^+OK` is an expression in Go, and Python wants a group there."""
        repeated = self._go[self._at : self._at + 1] in ("*", "+", "?", "{")
        self._made.append(f"(?:{python})" if repeated else python)

    @property
    def _flags(self) -> list[str]:
        return self._groups[-1][1]

    def _close_flags(self) -> None:
        self._made.append(")" * len(self._flags))

    def _open(self) -> None:
        found = _FLAGS.match(self._go, self._at - 1)
        lines = self._groups[-1][0]
        if found is None or found[0] == "(?:":
            self._groups.append((lines, []))
            self._made.append("(")
            return
        on, off, end = found[1], found[2] or "", found[3]
        if "U" in on + off:
            raise Unsayable("has the flag U, which there is none of here: write *? for *")
        lines = ("m" in on or lines) and "m" not in off
        opened = f"(?{on}{'-' + off if off else ''}:"
        self._at = found.end()
        if end == ":":
            self._groups.append((lines, []))
        else:
            self._groups[-1] = lines, [*self._flags, opened]
        self._made.append(opened)

    def _escape(self) -> None:
        following = self._go[self._at + 1 : self._at + 2]
        if following == "Q":
            end = self._go.find(r"\E", self._at)
            quoted = self._go[self._at + 2 : end if end >= 0 else None]
            self._at = end + 2 if end >= 0 else len(self._go)
            self._made.append(re.escape(quoted))
            return
        python = self._escaped()
        if following in ("A", "b", "B", "z"):
            self._edge(python)
        else:
            self._made.append(python)

    def _escaped(self) -> str:
        """One escape, which may stand in a class too."""
        following = self._go[self._at + 1 : self._at + 2]
        if following in ("p", "P", "C"):
            raise Unsayable(rf"has \{following}, which there is none of here")
        if following == "x" and (braced := re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}").match(self._go, self._at)):
            self._at = braced.end()
            if int(braced[1], 16) > 0x10FFFF:
                raise Untranslatable("has a character that does not exist")
            return re.escape(chr(int(braced[1], 16)))
        self._at += 2
        return r"\Z" if following == "z" else f"\\{following}"

    def _class(self) -> None:
        go, made = self._go, ["["]
        self._at += 1
        if go[self._at : self._at + 1] == "^":
            made.append("^")
            self._at += 1
        first = True
        while self._at < len(go) and (first or go[self._at] != "]"):
            first = False
            named = re.compile(r"\[:(\^?)(\w+):\]").match(go, self._at)
            if named is not None:
                if named[1] or named[2] not in _CLASSES:
                    raise Unsayable(f"has the class {named[0]}, which there is none of here")
                made.append(_CLASSES[named[2]])
                self._at = named.end()
            elif go[self._at] == "\\":
                made.append(self._escaped())
            else:
                # What Python would warn of: it may mean sets of sets one day.
                made.append("\\" + go[self._at] if go[self._at] in "[]&~|" else go[self._at])
                self._at += 1
        closed = go[self._at : self._at + 1]
        self._at += 1
        self._made.append("".join(made) + closed)

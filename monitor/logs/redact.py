"""
Secrets are hidden by their value, in every spelling in which one gets into a text: as it is, quoted for a URL, escaped
as in `repr` or JSON, and in base64, alone or in the middle of something longer such as `user:password`.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from checks.spellings import spellings_of

SHORTEST: Final = 4
"""
Characters. A shorter value is not hidden: it stands by chance in so many words that a log full of stars would tell it
by what is missing, and could not be read.
"""
LINE: Final = 8
"""Characters from which a single line of a secret of several lines is hidden by itself."""
MASK: Final = "***"
"""Shorter than SHORTEST, so that each round of `masked` shortens the text, and the rounds end."""

_PLAIN: Final = re.compile(r"[ -!#-&(-.0-\[\]-~]*")
"""What no escaping changes: printable ASCII without quotes, slash and backslash."""

_BASE64: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")


class Redactor:
    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.secrets = frozenset(_each(secrets))
        self._spellings = spellings(self.secrets)
        self._escaped = tuple(_escaped(secret) for secret in sorted(self.secrets) if not _PLAIN.fullmatch(secret))
        self._cores = tuple(sorted({core for secret in self.secrets for core in _base64_cores(secret)}))

    def with_more(self, secrets: Iterable[str]) -> Redactor:
        return Redactor(self.secrets | set(secrets))

    def masked(self, text: str) -> str:
        """*text* without any of the secrets."""
        while spans := [*_found(text, self._spellings), *self._within(text), *self._encoded(text)]:
            text = _cut(text, spans)
        return text

    def _within(self, text: str) -> Iterator[tuple[int, int]]:
        """A text in a text in a text: each level of `repr` or JSON has escaped what was escaped before."""
        for pattern in self._escaped:
            yield from (found.span(1) for found in pattern.finditer(text))

    def _encoded(self, text: str) -> Iterator[tuple[int, int]]:
        """The whole run of base64 around a secret: its ends hold the first and last bits of it."""
        for start, end in _found(text, self._cores):
            while start > 0 and text[start - 1] in _BASE64:
                start -= 1
            while end < len(text) and text[end] in _BASE64:
                end += 1
            yield start, end


def spellings(secrets: Iterable[str], shortest: int = SHORTEST) -> tuple[str, ...]:
    """
    Every form of the secrets but base64, longest first: one that contains another must not leave its own ends behind.
    """
    forms = {form for secret in _each(secrets, shortest) for form in spellings_of(secret)}
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def too_short(secrets: Iterable[str]) -> int:
    """How many cannot be hidden."""
    return sum(1 for secret in set(secrets) if 0 < len(secret) < SHORTEST)


def _each(secrets: Iterable[str], shortest: int = SHORTEST) -> Iterator[str]:
    for secret in secrets:
        if len(secret) >= max(shortest, 1):
            yield secret
        lines = secret.splitlines()
        if len(lines) > 1:
            yield from (line for line in map(str.strip, lines) if len(line) >= LINE)


def _escaped(secret: str) -> re.Pattern[str]:
    """Matches *secret* with its escapes at any depth, overlapping ones too."""
    parts = []
    for is_backslash, run in groupby(secret, key=lambda char: char == "\\"):
        chars = [*run]
        parts += [rf"\\{{{len(chars)},}}"] if is_backslash else [_escaped_char(char) for char in chars]
    return re.compile(f"(?=({''.join(parts)}))")


def _escaped_char(char: str) -> str:
    if char in "'\"/":
        return rf"\\*{char}"
    if char.isascii() and char.isprintable():
        return re.escape(char)
    data = char.encode("utf-8", "surrogatepass")
    escapes = {repr(char)[1:-1], json.dumps(char)[1:-1], repr(data)[2:-1], f"\\x{ord(char):02x}"} - {char}
    written = (re.escape(escape).replace(r"\\", r"\\+") for escape in sorted(escapes))
    return f"(?:{re.escape(char)}|{'|'.join(written)})"


def _base64_cores(secret: str) -> Iterator[str]:
    """
    What base64 makes of a secret wherever it begins in what is encoded: of the three ways in which its bytes can fall
    into groups of three, the characters that depend on nothing but itself.
    """
    data = secret.encode("utf-8", "surrogatepass")
    for before in range(3):
        encoded = b64encode(bytes(before) + data).decode()
        core = encoded[-(-8 * before // 6) : 8 * (before + len(data)) // 6]
        yield core
        yield core.translate(_URL_SAFE)


_URL_SAFE: Final = str.maketrans("+/", "-_")


def _found(text: str, forms: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where they stand, overlapping ones too."""
    for form in forms:
        at = text.find(form)
        while at >= 0:
            yield at, at + len(form)
            at = text.find(form, at + 1)


def _cut(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Each stretch that the spans cover together becomes one mask."""
    parts, done = [], 0
    covered = -1
    for start, end in sorted(spans):
        if start > covered:
            parts += [text[done:start], MASK]
        done = covered = max(covered, end)
    return "".join([*parts, text[done:]])

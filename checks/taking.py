"""What a step takes out of its answer for the steps after it: `{token: "[BODY].access_token"}`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Final

from checks.conditions import ConditionError, Facts, Placeholder
from checks.conditions.matching import LONGEST_SEARCHED
from checks.conditions.operands import Reading
from checks.conditions.scanner import Piece
from checks.conditions.sides import operand
from checks.conditions.texts import text_of
from checks.conditions.unresolved import Unresolved
from checks.patterns import Searches, SearchTooLong, compiled
from checks.result import Reason
from checks.spellings import spellings_of
from checks.steps import Take
from checks.templates import Scalar

SHORTEST_HIDDEN: Final = 4
"""Characters, as of any secret: a shorter value stands by chance in too many words."""
_BEGINNING: Final = 16
"""Characters of a secret that make it known where the rest of it was cut off."""
_LINE: Final = 8
"""Characters from which one line of a secret is hidden by itself."""
_MASK: Final = "***"
LONGEST_TOLD: Final = 4096
"""Characters of what is told of an answer, and more than any of it has."""

_COOKIE: Final = re.compile(r"\[COOKIES\]\.([^\s;,=\"\\]+)", re.IGNORECASE)
_TAKEN_FROM: Final = (Placeholder.STATUS, Placeholder.BODY, Placeholder.HEADERS)
_KNOWN: Final = (*map(str, _TAKEN_FROM), "[COOKIES]")
_EXAMPLE: Final = "Write for example [BODY].access_token, [HEADERS].location, [COOKIES].session or [STATUS]."


@dataclass(frozen=True, slots=True)
class Cookie:
    name: str


class NotThere(Exception):
    """Why a value could not be taken, and as what the step fails by it."""

    def __init__(self, take: Take, why: str) -> None:
        super().__init__(f"no {take.name} to take: {why}")
        self.reason = Reason.BODY if place_of(take.of) is not Placeholder.HEADERS else Reason.HEADER


@lru_cache(maxsize=4096)
def source_of(text: str) -> Reading | Cookie:
    """Raises ConditionError."""
    cookie = _COOKIE.fullmatch(text)
    if cookie is not None:
        return Cookie(cookie[1])
    if not text.startswith("["):
        raise ConditionError("not a place in an answer", _EXAMPLE, 0, len(text))
    if text.upper().startswith("[COOKIES]"):
        raise ConditionError("the name of a cookie is missing", "Write [COOKIES].NAME.", 0, len(text))
    found = operand(Piece(text, 0))
    assert isinstance(found, Reading)
    if found.placeholder not in _TAKEN_FROM:
        raise ConditionError("nothing can be taken from here", _EXAMPLE, 0, len(text), _KNOWN)
    return found


def place_of(of: str) -> Placeholder:
    """A cookie is a header's."""
    source = source_of(of)
    return Placeholder.HEADERS if isinstance(source, Cookie) else source.placeholder


def taken(take: Take, facts: Facts, jar: Sequence[str], searches: Searches) -> Scalar:
    """
    Raises NotThere. What comes back can be written into any text, and is not empty.

    Args:
        searches: In this answer.
    """
    source = source_of(take.of)
    value = _cookie(source.name, jar) if isinstance(source, Cookie) else source.resolve(facts)
    if take.regex is not None and value is not None:
        value = _group(take, text_of(value) if not isinstance(value, Unresolved) else value, searches)
    if isinstance(value, (str, int, float)) and not (fault := _fault(value)):
        return value
    if isinstance(value, Unresolved):
        raise NotThere(take, value.why)
    if isinstance(value, (str, int, float)):
        raise NotThere(take, f"{take.of} {fault}")
    what = "null" if value is None else "an object" if isinstance(value, dict) else "a list"
    raise NotThere(take, f"{take.of} is {what}")


def _fault(value: Scalar) -> str:
    if isinstance(value, str):
        if not value:
            return "is empty"
        try:
            value.encode()
        except UnicodeEncodeError:
            return "holds half of a character, which cannot be sent"
    return "" if not isinstance(value, float) or isfinite(value) else "is too large a number"


def _group(take: Take, text: str | Unresolved, searches: Searches) -> str | Unresolved:
    if isinstance(text, Unresolved):
        return text
    if len(text) > LONGEST_SEARCHED:
        return Unresolved(f"at most {LONGEST_SEARCHED} characters are searched, and {take.of} has {len(text)}")
    pattern = take.regex or ""
    try:
        found = searches.find(pattern, text)
    except SearchTooLong as error:
        return Unresolved(str(error))
    if found is None:
        return Unresolved(f"its regular expression is not found in {take.of}")
    return found[1 if compiled(pattern).groups else 0] or Unresolved(
        f"its regular expression found nothing in {take.of}"
    )


def _cookie(name: str, jar: Sequence[str]) -> str | Unresolved:
    """
    Args:
        jar: In libcurl's form: domain, subdomains, path, secure, expires, name and value between tabs.
    """
    for cookie in reversed(jar):
        fields = cookie.split("\t", 6)
        if len(fields) == 7 and fields[5] == name:
            return fields[6]
    return Unresolved(f"there is no cookie {name}")


def hidden(text: str, secrets: Iterable[str]) -> str:
    """
    *text* with asterisks for each of *secrets*, also where only the beginning of a longer one is left: what is told of
    an answer is cut to its length before anybody looks for secrets in it.

    Args:
        text: Of a few thousand characters at most: no more of a secret is looked for.
    """
    forms = {form for secret in _each(secrets) for form in spellings_of(secret[:LONGEST_TOLD])}
    for form in sorted(forms, key=len, reverse=True):
        beginning = form[:_BEGINNING]
        at = text.find(beginning)
        while at >= 0:
            end = at + _alike(text[at:], form)
            text = text[:at] + _MASK + text[end:]
            at = text.find(beginning, at + len(_MASK))
    return text


def _each(secrets: Iterable[str]) -> Iterator[str]:
    """And their lines: what is told stands on one line."""
    for secret in secrets:
        if len(secret) >= SHORTEST_HIDDEN:
            yield secret
        lines = secret[:LONGEST_TOLD].splitlines()
        if len(lines) > 1:
            yield from (line for line in lines if len(line) >= _LINE)


def _alike(text: str, form: str) -> int:
    """Characters with which both begin."""
    if text.startswith(form):
        return len(form)
    return next((place for place, (one, other) in enumerate(zip(text, form, strict=False)) if one != other), len(text))

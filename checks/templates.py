"""
Text in which values that earlier steps have taken stand: `Bearer {{login.token}}`. Two braces are written `{{{{`.

What is filled in was written by the target, and may be anything. Each place has its own escaping, after which a value
is never more than the one segment, header or string that it was put into; where that cannot be, nothing is sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from typing import Final
from urllib.parse import quote, quote_plus

from checks.conditions.texts import text_of

NAME: Final = r"[A-Za-z][A-Za-z0-9_-]{0,62}"
LONGEST: Final = 65_536
"""Characters of a value that an address or a header can hold. Servers take far less."""

Scalar = str | int | float | bool
Values = Mapping[str, Scalar]
"""By `STEP.NAME`."""

_BRACES: Final = re.compile(rf"\{{\{{(?:(\{{\{{)|({NAME}\.{NAME})\}}\}})?")
_UNSENDABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_DOT: Final = re.compile("%2e", re.IGNORECASE)


class TemplateError(ValueError):
    """
    What is wrong with the text of a template. The words never quote it.

    Attributes:
        found: In a few words, and `fix`: what would be right, as a sentence.
        at: From where to where in the text.
    """

    def __init__(self, found: str, fix: str, at: tuple[int, int]) -> None:
        super().__init__(found)
        self.found, self.fix, self.at = found, fix, at


class Unfit(Exception):
    """
    A value that cannot stand where it should.

    Attributes:
        reference: Which.
    """

    def __init__(self, reference: str, why: str) -> None:
        super().__init__(f"{shown(reference)} {why}")
        self.reference = reference


@dataclass(frozen=True, slots=True)
class Reference:
    """
    Attributes:
        name: `login.token`.
        at: Where it stands, braces included.
    """

    name: str
    at: tuple[int, int] = field(compare=False)


Template = tuple[str | Reference, ...]


@lru_cache(maxsize=4096)
def parse(text: str) -> Template:
    """Raises TemplateError."""
    parts: list[str | Reference] = []
    done = 0
    for found in _BRACES.finditer(text):
        braces, name = found.groups()
        if braces is None and name is None:
            fix = "Write {{STEP.NAME}}, without spaces; two braces that are meant as themselves are written {{{{."
            raise TemplateError("{{ without the name of a value after it", fix, found.span())
        parts += [text[done : found.start()], braces or Reference(name, found.span())]
        done = found.end()
    return tuple(part for part in (*parts, text[done:]) if part != "")


def references(text: str) -> tuple[Reference, ...]:
    """Raises TemplateError."""
    return tuple(part for part in parse(text) if isinstance(part, Reference)) if "{{" in text else ()


def literal(text: str) -> str:
    """The template that is *text* and nothing else."""
    return text.replace("{{", "{{{{")


def shown(reference: str) -> str:
    return f"{{{{{reference}}}}}"


def in_address(text: str, values: Values) -> str:
    """Raises Unfit, also for a value that would make its segment one of those that lead elsewhere."""
    filled = _filled(text, values, lambda value, _: quote(value, safe=""))
    for before, after in zip(text.split("/"), filled.split("/"), strict=True):
        if before != after and _DOT.sub(".", re.split(r"[?#]", after)[0]) in (".", ".."):
            raise Unfit(references(before)[0].name, "is a dot or two, which no segment of an address can be")
    return filled


def in_header(text: str, values: Values) -> str:
    """Raises Unfit."""

    def fitting(value: str, name: str) -> str:
        if _UNSENDABLE.search(value):
            raise Unfit(name, "holds a line break or another control character, which no header can")
        return value

    return _filled(text, values, fitting)


def in_body(text: str, values: Values, syntax: str) -> str:
    """*syntax*: what `syntax_of` says of it."""
    if "{{" not in text:
        return text
    if syntax == "json":
        return "".join(_in_json(parse(text), values))
    escaped = _ESCAPES[syntax]
    return "".join(escaped(_text(values[part.name])) if isinstance(part, Reference) else part for part in parse(text))


_ESCAPES: Final[Mapping[str, Callable[[str], str]]] = {"form": quote_plus, "xml": escape, "text": str}


def syntax_of(content_type: str, body: str) -> str:
    """`json`, `form`, `xml` or `text`: by what the request says that it sends, else by how it looks."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return "form"
    for syntax in ("json", "xml"):
        if kind.endswith((f"/{syntax}", f"+{syntax}")):
            return syntax
    return "json" if not kind and is_json(body) else "text"


@lru_cache(maxsize=4096)
def is_json(body: str) -> bool:
    """Whether it would be, with any values in it. Raises TemplateError."""
    pieces = [part if isinstance(part, str) else "x" if inside else "null" for part, inside in _strings(parse(body))]
    try:
        json.loads("".join(pieces))
    except (ValueError, RecursionError):
        return False
    return True


def _filled(text: str, values: Values, fitting: Callable[[str, str], str]) -> str:
    if "{{" not in text:
        return text
    parts = []
    for part in parse(text):
        if isinstance(part, Reference):
            value = _text(values[part.name])
            if len(value) > LONGEST:
                raise Unfit(part.name, f"has {len(value)} characters, which is too long for an address or a header")
            parts.append(fitting(value, part.name))
        else:
            parts.append(part)
    return "".join(parts)


def _in_json(template: Template, values: Values) -> Iterator[str]:
    for part, inside in _strings(template):
        if isinstance(part, str):
            yield part
        elif inside:
            yield json.dumps(_text(values[part.name]))[1:-1]
        else:
            yield json.dumps(values[part.name])


def _strings(template: Template) -> Iterator[tuple[str | Reference, bool]]:
    """Each part, and whether it begins within quotes, as JSON has them."""
    inside = escaped = False
    for part in template:
        yield part, inside
        for char in part if isinstance(part, str) else "":
            if escaped:
                escaped = False
            elif char == '"':
                inside = not inside
            else:
                escaped = inside and char == "\\"


def _text(value: Scalar) -> str:
    """As a condition would compare it."""
    text = text_of(value)
    assert isinstance(text, str)  # only what is nested cannot be told
    return text

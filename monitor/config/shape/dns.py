"""A question to a name server, and what its answer must be."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from checks.dns_message import RCODES
from checks.dns_records import TYPES
from monitor.config import values
from monitor.config.fields import DomainName, Regex, Switch, Target, word
from monitor.config.shape.group import Shape

_REGEX = {"type": "string", "format": "regex"}
_RCODE, _RCODE_SCHEMA = word(*RCODES)

Regexes = Annotated[
    tuple[Regex, ...],
    BeforeValidator(values.one_or_more),
    WithJsonSchema({"anyOf": [_REGEX, {"type": "array", "items": _REGEX, "minItems": 1}]}),
]
Rcodes = Annotated[
    tuple[Annotated[str, _RCODE], ...],
    BeforeValidator(values.one_or_more),
    WithJsonSchema(
        {"anyOf": [{"enum": list(RCODES)}, {"type": "array", "items": {"enum": list(RCODES)}, "minItems": 1}]}
    ),
]


class Records(Shape):
    SHORTHAND = "any"
    any: Regexes | None = None
    """Regular expressions, each of which a record at least must match."""
    all: Regexes | None = None
    """Those that every record must match, and there must be one."""
    none: Regexes | None = None
    """Those that no record may match."""


class Dns(Shape):
    server: Target
    """HOST or HOST:PORT of the name server. Default port 53, with `tls` 853."""
    name: DomainName
    """What is asked for, as example.com; the root is a dot."""
    type: Annotated[str | None, *word(*TYPES)] = None
    """Of the records that are asked for. Default A."""
    chaos: Switch | None = None
    """true: asked in class CH, where servers tell of themselves (version.bind). Default false: in class IN."""
    recursion: Switch | None = None
    """Whether the server is to ask others what it does not know. Default true."""
    transport: Annotated[str | None, *word("udp", "tcp")] = None
    """Default udp, and over tcp what does not fit. With `tls` it is tcp."""
    rcode: Rcodes | None = None
    """What the server may say of the question, one or a list. Default NOERROR."""
    authoritative: Switch | None = None
    """true: it must answer of its own knowledge (AA)."""
    answer: Records | None = None
    """What its records must look like. Without any condition there must be one record at least."""
    authority: Records | None = None
    """The same of the authority section."""
    additional: Records | None = None
    """The same of the additional section."""

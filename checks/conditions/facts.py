"""What a probe has learned, as far as conditions ask for it. A body is parsed once, and only when a path asks."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from checks.conditions.matching import searched
from checks.conditions.paths import Path, walk
from checks.conditions.unresolved import Unresolved


class Placeholder(StrEnum):
    """What can be asked of an answer; which of them are known depends on the kind of check."""

    STATUS = "[STATUS]"
    BODY = "[BODY]"
    HEADERS = "[HEADERS]"
    RESPONSE_TIME = "[RESPONSE_TIME]"
    CONNECTED = "[CONNECTED]"
    CERTIFICATE_EXPIRATION = "[CERTIFICATE_EXPIRATION]"
    DOMAIN_EXPIRATION = "[DOMAIN_EXPIRATION]"
    DNS_RCODE = "[DNS_RCODE]"
    IP = "[IP]"


TIMES: Final = frozenset({Placeholder.RESPONSE_TIME, Placeholder.CERTIFICATE_EXPIRATION, Placeholder.DOMAIN_EXPIRATION})
EXPIRATIONS: Final = frozenset({Placeholder.CERTIFICATE_EXPIRATION, Placeholder.DOMAIN_EXPIRATION})

_NOT_READ: Final = object()


@dataclass(slots=True, kw_only=True)
class Facts:
    """
    Each is None where it is not known.

    Attributes:
        response_time, certificate_expiration, domain_expiration: Seconds; the latter two from now on.
        connected: Whether anything answered.
        body: As received.
        unreadable: Why the body, though there, is not to be judged: a clause.
    """

    status: int | None = None
    body: bytes | None = None
    unreadable: str = ""
    headers: tuple[tuple[str, str], ...] | None = None
    response_time: float | None = None
    connected: bool | None = None
    certificate_expiration: float | None = None
    domain_expiration: float | None = None
    dns_rcode: str | None = None
    ip: str | None = None
    _text: str | None = field(default=None, init=False, repr=False)
    _document: object = field(default=_NOT_READ, init=False, repr=False)
    _searches: dict[tuple[str, str], bool | Unresolved] = field(default_factory=dict, init=False, repr=False)

    def value(self, placeholder: Placeholder, path: Path) -> object:
        """A JSON value, None for null, or `Unresolved`. Times are in milliseconds."""
        if placeholder is Placeholder.STATUS:
            return self.status if self.status is not None else _UNANSWERED
        if placeholder is Placeholder.BODY:
            return self._at(path) if path else self.text()
        if placeholder is Placeholder.HEADERS:
            return self._header(str(path[0]))
        return self._other(placeholder)

    def _other(self, placeholder: Placeholder) -> object:
        match placeholder:
            case Placeholder.RESPONSE_TIME:
                return _milliseconds(self.response_time, _UNANSWERED)
            case Placeholder.CONNECTED:
                return self.connected if self.connected is not None else Unresolved("nothing was connected to")
            case Placeholder.CERTIFICATE_EXPIRATION:
                return _milliseconds(self.certificate_expiration, Unresolved("there was no certificate", none=True))
            case Placeholder.DOMAIN_EXPIRATION:
                return _milliseconds(self.domain_expiration, Unresolved("the registry was not asked", none=True))
            case Placeholder.DNS_RCODE:
                return self.dns_rcode or Unresolved("no DNS answer came")
            case _:
                return self.ip or Unresolved("no address answered")

    def text(self) -> str | Unresolved:
        """The body without white space around it."""
        if self.body is None:
            return _UNANSWERED
        if self.unreadable:
            return Unresolved(f"the body {self.unreadable}")
        if self._text is None:
            self._text = self.body.decode("utf-8-sig", "replace").strip()
        return self._text

    def document(self) -> object:
        """The body as JSON, or why it is none."""
        if self._document is _NOT_READ:
            text = self.text()
            self._document = text if isinstance(text, Unresolved) else _parsed(text)
        return self._document

    def searched(self, pattern: re.Pattern[str], text: str) -> bool | Unresolved:
        """Each search is done once: one that takes too long is not begun again to say so."""
        key = pattern.pattern, text
        if key not in self._searches:
            self._searches[key] = searched(pattern, text)
        return self._searches[key]

    def _at(self, path: Path) -> object:
        document = self.document()
        return document if isinstance(document, Unresolved) else walk(document, path)

    def _header(self, name: str) -> str | Unresolved:
        """Several of one name are one list, as HTTP has it."""
        if self.headers is None:
            return _UNANSWERED
        values = [value for known, value in self.headers if known.lower() == name]
        return ", ".join(values) if values else Unresolved(f"there is no header {name}")


_UNANSWERED: Final = Unresolved("no answer came")


def _milliseconds(seconds: float | None, missing: Unresolved) -> object:
    # To the microsecond, so that what is shown is what was compared.
    return missing if seconds is None else round(seconds * 1000, 3)


def _refuse(constant: str) -> object:
    raise ValueError(constant)  # NaN and its kin are Python's, not JSON's


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)


def _parsed(text: str) -> object:
    if not text:
        return Unresolved("the body is empty")
    try:
        return _DECODER.decode(text)
    except RecursionError:
        return Unresolved("the body is nested too deeply")
    except ValueError:
        return Unresolved("the body is not JSON")

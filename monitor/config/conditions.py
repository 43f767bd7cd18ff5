"""
Conditions of checks as they are written in the config. What reads them is imported when there is one: `check-once` of a
config without any starts for a pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from monitor.config.problems import Path, Wrong
from monitor.config.reading import Reading
from monitor.config.values import meant, text

if TYPE_CHECKING:
    from checks.conditions import ConditionError

_OF_HTTP = {
    "[DOMAIN_EXPIRATION]": (
        "a probe does not learn when a domain expires",
        "Only the domain's registry knows. Remove it; how long the certificate is valid is [CERTIFICATE_EXPIRATION].",
    ),
    "[DNS_RCODE]": (
        "an http check gets no DNS answer of its own",
        "Remove it: a name that does not resolve fails the check by itself, with the reason dns.",
    ),
}
"""What conditions can ask for and no answer over HTTP tells."""
_OF_DNS = {
    "[DOMAIN_EXPIRATION]": (
        "a probe does not learn when a domain expires",
        "Only the domain's registry knows, and a name server is asked here. Remove it.",
    ),
    "[STATUS]": ("a name server answers with an rcode and no status", "Write [DNS_RCODE] == NOERROR."),
    "[BODY]": ("a name server answers with records", "Write answer: REGEX under dns:, for example 192\\.0\\.2\\.1$."),
    "[HEADERS]": ("a name server sends no headers", "Remove it."),
    "[CERTIFICATE_EXPIRATION]": ("is for http checks only", "Remove it, or make a check with tls: HOST:853 of it."),
    "[CONNECTED]": (
        "is for http checks only",
        "Remove it: a name server that does not answer fails the check by itself.",
    ),
}
"""As above, and no answer of a name server tells."""


def condition(value: object) -> str:
    """Its text, in which it goes to the prober."""
    from checks.conditions import ConditionError, parse

    written = text(value)
    try:
        parse(written)
    except ConditionError as error:
        raise _wrong(written, error) from None
    return written


def taken_from(value: object) -> str:
    """A place in an answer that a step of a journey takes a value from."""
    from checks.conditions import ConditionError
    from checks.taking import source_of

    written = text(value).strip()
    try:
        source_of(written)
    except ConditionError as error:
        raise _wrong(written, error) from None
    return written


def _wrong(written: str, error: ConditionError) -> Wrong:
    fix = meant(written[error.start : error.end], error.known) if error.known else error.fix
    return Wrong(error.found, fix, (error.start, error.end))


def several(value: object) -> object:
    """A single one as a list of one."""
    if value in ([], ()):
        raise Wrong("expects nothing at all", "Write for example ['[BODY].status == ok'], or leave it out.")
    return [value] if isinstance(value, str) else value


def enforce_http(conditions: tuple[str, ...], path: Path, reading: Reading) -> None:
    """Tells what *conditions* ask for and no answer over HTTP tells."""
    _enforce(conditions, _OF_HTTP, path, reading)


def enforce_dns(conditions: tuple[str, ...], path: Path, reading: Reading) -> None:
    """Tells what *conditions* ask for and no answer of a name server tells."""
    _enforce(conditions, _OF_DNS, path, reading)


def _enforce(conditions: tuple[str, ...], unknown: Mapping[str, tuple[str, str]], path: Path, reading: Reading) -> None:
    if not conditions:
        return
    from checks.conditions import parse

    for position, written in enumerate(conditions):
        for asked in parse(written).readings():
            if asked.placeholder in unknown:
                reading.tell((*path, position), *unknown[asked.placeholder], at=asked.at)


def judge_status(conditions: tuple[str, ...]) -> bool:
    """Whether the conditions say themselves which status is wanted."""
    from checks import expectations

    return expectations.judge_status(conditions)


def judge_rcode(conditions: tuple[str, ...]) -> bool:
    """Whether the conditions say themselves which rcode is wanted."""
    from checks import expectations

    return expectations.judge_rcode(conditions)

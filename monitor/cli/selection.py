"""Which checks were meant: the names on the command line against those of the configuration. Pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from difflib import get_close_matches
from urllib.parse import unquote, urlsplit, urlunsplit

from checks.check import Check, HttpQuestion
from checks.result import Attempt, CheckResult, Outcome, Reason


class UnknownName(ValueError):
    """Says the name, and which one may have been meant."""


def is_url(name: str) -> bool:
    """No service or check can hold this, so the two never collide."""
    return "://" in name


def check_of_url(url: str) -> Check:
    """An http check that wants a 2xx, as a bare URL in the configuration is; raises UnknownName."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UnknownName(f"{url}: not a URL that can be asked: {error}") from None
    if parts.scheme not in ("http", "https"):
        raise UnknownName(f"{url}: only http:// and https:// can be asked")
    if not host or any(char <= " " or char == "\x7f" for char in url):
        raise UnknownName(f"{url}: not a URL that can be asked; write it as https://example.org/healthz")
    service = (f"[{host}]" if ":" in host else host) + (f":{port}" if port is not None else "")
    question = HttpQuestion(url=url)
    if "@" in parts.netloc:
        # Credentials go into a header: an address is shown in every format and in every span.
        shown = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        question = HttpQuestion(url=shown, headers=(("Authorization", _basic(parts.username, parts.password)),))
    return Check(service=service, name=parts.path.strip("/") or "root", question=question)


def _basic(user: str | None, password: str | None) -> str:
    return "Basic " + b64encode(f"{unquote(user or '')}:{unquote(password or '')}".encode(errors="replace")).decode()


def select(checks: Sequence[Check], names: Sequence[str]) -> tuple[Check, ...]:
    """
    Those that *names* mean, each once and in the configuration's order; all of them without names.

    Args:
        names: `service` for all its checks, or `service/check`. URLs are not looked at.

    Raises:
        UnknownName: with every name that means nothing.
    """
    wanted = [name for name in names if not is_url(name)]
    known = list(dict.fromkeys([*(check.service for check in checks), *(check.id for check in checks)]))
    if unknown := [name for name in wanted if name not in known]:
        raise UnknownName("\n".join(_unknown(name, known) for name in dict.fromkeys(unknown)))
    if not names:
        return tuple(checks)
    return tuple(check for check in checks if check.service in wanted or check.id in wanted)


NOT_ASKED = "nobody can ask it, as its job tells the daemon by itself; monitor status says how it stands"
"""Of a push check."""


def askable(chosen: Sequence[Check], names: Sequence[str]) -> tuple[tuple[Check, ...], tuple[Check, ...]]:
    """Those to ask, and those that are left out: a check that tells by itself stays where it was named itself."""
    left_out = tuple(check for check in chosen if check.question.kind == "push" and check.id not in names)
    return tuple(check for check in chosen if check not in left_out), left_out


def unasked(check: Check, now: datetime) -> CheckResult:
    attempt = Attempt(started_at=now, outcome=Outcome.UNKNOWN, reason=Reason.INTERNAL, detail=NOT_ASKED)
    return CheckResult(service=check.service, check=check.name, scheduled_at=now, attempts=(attempt,))


def _unknown(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]}?" if close else f"There are {', '.join(known[:10])}{'...' * (len(known) > 10)}."
    return f"{name}: no such service or check. {hint}"

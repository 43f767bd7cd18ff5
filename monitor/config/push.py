"""From the `push` key of a check to its question."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from checks import push
from checks.check import Check
from monitor.config import values
from monitor.config.problems import Path, Wrong
from monitor.config.reading import Reading
from monitor.config.shape.check import CheckShape
from monitor.config.shape.push import Push

DEFAULT_GRACE: Final = timedelta(minutes=5)
_OF_ASKING: Final = ("timeout", "retry")


def enforce(check: CheckShape, path: Path, reading: Reading) -> None:
    if check.push is None:
        return
    for key in _OF_ASKING:
        if getattr(check, key) is not None:
            reading.tell((*path, key), "is for checks that are asked, and this one tells by itself", "Remove it.")
    path = (*path, "push")
    written = check.push
    if not (reading.is_wrong((*path, "every")) or reading.is_wrong((*path, "cron"))):
        if written.every is None and written.cron is None:
            reading.tell(path, "does not say when it tells", 'Add every: 1h, or cron: "15 3 * * *".')
        elif written.every is not None and written.cron is not None:
            reading.tell((*path, "cron"), "every is set as well", "Keep one of them.")
    if written.time_zone is not None and written.cron is None:
        reading.tell((*path, "time_zone"), "is for cron only", "Remove it.")
    if written.token is not None and written.token_file is not None:
        reading.tell((*path, "token_file"), "token is set as well", "Keep one of them.")


def question_of(written: Push, time_zone: str, path: Path, reading: Reading) -> push.Question:
    """
    Args:
        time_zone: Of the monitor.
        path: Of the `push` key.
    """
    token = ""
    if written.token is not None:
        token = written.token.get_secret_value()
    elif written.token_file is not None:
        token = _token_of_file(written.token_file, (*path, "token_file"), reading)
    given: dict[str, Any] = {"every": written.every.total_seconds()} if written.every else {}
    if written.cron is not None:
        given |= {"cron": written.cron, "time_zone": written.time_zone or time_zone}
    return push.Question(grace=(written.grace or DEFAULT_GRACE).total_seconds(), token=token, **given)


def _token_of_file(name: str, path: Path, reading: Reading) -> str:
    content = reading.file_content(name, path)
    try:
        return values.push_token(content) if content else ""
    except Wrong as wrong:
        reading.tell(path, f"what is in the file {wrong.found}", wrong.fix)
        return ""


def enforce_apart(checks: Iterable[Check], reading: Reading) -> None:
    """A token says which check tells, so no two have the same."""
    known: dict[str, str] = {}
    for check in checks:
        token = check.question.token if isinstance(check.question, push.Question) else ""
        if token and known.setdefault(token, check.id) != check.id:
            path: Path = ("services", check.service, "checks", check.name, "push")
            reading.tell(path, f"has the token of {known[token]}", "Give each check a token of its own, or none.")

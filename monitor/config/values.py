"""
From the text of one value to what it means. Each parser takes what stands in the file and raises `Wrong`.

Every value of the config is text first, and what it means is decided by its key: so `no`, `1:30`, `0123` and `1e3`
mean what they say, and a message can show them as they are written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from difflib import get_close_matches
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from monitor.config.problems import Wrong
from monitor.core.cron import CronError
from monitor.core.cron import parse as parse_cron

UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
TELLING_NAME = re.compile(r"TOKEN|SECRET|PASS|KEY|CREDENTIAL|AUTH|LOGIN|COOKIE", re.IGNORECASE)
"""What the names of secrets hold: of environment variables and of headers."""
DURATION = r"(?:\d+(?:\.\d+)?(?:ms|[wdhms]))+"
SIZES = {"B": 1, "KB": 1024, "MB": 1024**2, "KiB": 1024, "MiB": 1024**2}
SIZE = r"\d+ ?(?:B|KB|MB|KiB|MiB)"
NAME = r"[A-Za-z][A-Za-z0-9._-]{0,62}"
SLACK_CHANNEL = r"[CG][A-Z0-9]{8,}|#?[^\sA-Z.,#@<>&]{1,80}"
REPOSITORY = r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+"
LONGEST = timedelta(days=3650)
_DURATION_HINT = "Write it with a unit, for example 30s, 15m, 1h30m, 48h or 35d."


def text(value: object) -> str:
    """One line or more of text, not empty."""
    if isinstance(value, dict):
        raise Wrong("a group of keys, where one value is expected", "Write a single value after the colon.")
    if isinstance(value, (list, tuple)):
        raise Wrong("a list, where one value is expected", "Write a single value after the colon.")
    if not isinstance(value, str):
        raise Wrong("has no value", "Give it one, or remove the key.")
    if not value.strip():
        raise Wrong("is empty", "Give it a value, or remove the key.")
    return value


def line(value: object) -> str:
    """Text that stands on one line of a log or a ticket."""
    found = text(value).strip()
    if not found.isprintable():
        raise Wrong("holds a line break or a character that cannot be shown", "Write it as one line of plain text.")
    return found


def label(value: object) -> str:
    """A word that trackers sort tickets by."""
    if len((found := line(value)).split()) == 1:
        return found
    raise Wrong("{value} has a space in it", "Write the words together: a label is one.")


def repository(value: object) -> str:
    if re.fullmatch(REPOSITORY, found := line(value)):
        return found
    raise Wrong("{value} is not a repository", "Write OWNER/NAME, as in its address.")


def slack_channel(value: object) -> str:
    """A name, with or without its #, or an id."""
    if re.fullmatch(SLACK_CHANNEL, found := line(value)):
        return found
    raise Wrong(
        "{value} is not a channel", 'Write its name, "#incidents", or its id, which its details show: C0123456789.'
    )


def notion_id(value: object) -> str:
    """As Notion writes it, with hyphens; also out of a link, whose path ends with it."""
    found = re.search(r"([0-9a-f]{32})$", re.sub(r"[?#].*$", "", line(value)).replace("-", "").lower().rstrip("/"))
    if found is None:
        raise Wrong(
            "{value} is not an id of Notion's", "Write the 32 digits that the link to it has before its question mark."
        )
    return str(UUID(found[1]))


def name(value: object) -> str:
    """What a service or check is called: part of ids (`service/check`), metrics, file names and URLs."""
    if re.fullmatch(NAME, found := text(value)):
        return found
    raise Wrong(
        "is not a name that ids and metrics can carry",
        "Begin with a letter; go on with letters, digits, '-', '_' or '.', 63 at most.",
    )


def choice(*options: str) -> Callable[[object], str]:
    """One of a few words."""

    def parse(value: object) -> str:
        if (found := text(value)) in options:
            return found
        raise Wrong("{value} is not one of " + ", ".join(options), meant(found, options))

    return parse


def always(value: object) -> str:
    """The word itself, where a condition may stand as well."""
    if (found := text(value)) == "always":
        return found
    raise Wrong("{value} is no condition", "Write always, or a group with deployed_within or above_baseline.")


def meant(found: str, known: tuple[str, ...] | list[str]) -> str:
    """A remedy that names what was probably meant, or else all there is."""
    by_case = {option.casefold(): option for option in known}
    close = get_close_matches(found.casefold(), by_case, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {by_case[close[0]]}?"
    return f"Known here: {', '.join(known)}." if known else "Nothing can be set here."


def switch(value: object) -> bool:
    found = text(value)
    if found in ("true", "false"):
        return found == "true"
    raise Wrong("{value} is neither true nor false", "Write true or false.")


def count(low: int, high: int) -> Callable[[object], int]:
    """A whole number within bounds."""

    def parse(value: object) -> int:
        found = text(value)
        if not re.fullmatch(r"-?\d{1,9}", found, re.ASCII):
            raise Wrong("{value} is not a whole number", f"Write a number from {low} to {high}.")
        if not low <= int(found) <= high:
            raise Wrong(f"{{value}} is not between {low} and {high}", f"Write a number from {low} to {high}.")
        return int(found)

    return parse


def duration(low: timedelta = timedelta(milliseconds=1), high: timedelta = LONGEST) -> Callable[[object], timedelta]:
    """`30s`, `15m`, `1h30m`, `48h`, `35d`, within bounds; a bare number is refused, because its unit is a guess."""

    def parse(value: object) -> timedelta:
        found = text(value)
        if re.fullmatch(r"\d+(\.\d+)?", found, re.ASCII):
            raise Wrong("{value} has no unit", "Write {value}s for seconds or {value}m for minutes.")
        if not re.fullmatch(DURATION, found, re.ASCII):
            raise Wrong("{value} is not a duration", _DURATION_HINT)
        parts = re.findall(r"([\d.]+)(ms|[wdhms])", found)
        units = [UNITS[unit] for _, unit in parts]
        if units != sorted(set(units), reverse=True):
            raise Wrong("{value} is not a duration", "Write each unit once, the larger first, for example 1h30m.")
        seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
        # Compared as a number first: timedelta itself overflows on a year with too many digits.
        if not low.total_seconds() <= seconds <= high.total_seconds():
            within = f"from {show(low)} to {show(high)}"
            edge = f"shorter than {show(low)}" if seconds < low.total_seconds() else f"longer than {show(high)}"
            raise Wrong(f"{{value}} is {edge}", f"Write a duration {within}.")
        return timedelta(seconds=seconds)

    return parse


def show(length: timedelta) -> str:
    """A duration as one would write it in the config, to the millisecond."""
    rest = round(length / timedelta(milliseconds=1))
    if 0 < rest < 1000:
        return f"{rest}ms"
    written = ""
    for unit in ("d", "h", "m"):  # weeks are read but not written: people say 30d
        number, rest = divmod(rest, int(UNITS[unit] * 1000))
        written += f"{number}{unit}" if number else ""
    seconds = f"{rest / 1000:.3f}".rstrip("0").rstrip(".")
    return written + (f"{seconds}s" if rest or not written else "")


def size(low: int, high: int) -> Callable[[object], int]:
    """`512B`, `64KB`, `1MB`: bytes, in steps of 1024."""

    def parse(value: object) -> int:
        found = text(value)
        if re.fullmatch(r"\d+", found, re.ASCII):
            raise Wrong("{value} has no unit", "Write {value}B for bytes, or for example 64KB.")
        if not re.fullmatch(SIZE, found, re.ASCII):
            raise Wrong("{value} is not a size", "Write it with a unit, for example 512B, 64KB or 1MB.")
        number, unit = re.findall(r"(\d+) ?(\w+)", found)[0]
        if not low <= (total := int(number[:12]) * SIZES[unit]) <= high:
            raise Wrong("{value} is out of bounds", f"Write a size from {low}B to {high // 1024**2}MB.")
        return total

    return parse


def regex(value: object) -> str:
    """A regular expression of Python's, which is searched and need not match a whole line."""
    found = text(value)
    try:
        re.compile(found)
    except (re.error, OverflowError, RecursionError) as error:
        place = f" at character {error.pos + 1}" if isinstance(error, re.error) and error.pos is not None else ""
        words = error.msg if isinstance(error, re.error) else "it is too large"
        fix = "Write a literal one of .*+?()[]{}^$| with a backslash before it, and the expression in single quotes."
        raise Wrong(f"{{value}} is no regular expression: {words}{place}", fix) from None
    return found


def one_or_more(value: object) -> object:
    """A single value as a list of one."""
    if value in ([], ()):
        raise Wrong("is an empty list", "Give it a value, or remove the key.")
    return [value] if isinstance(value, str) else value


def push_token(value: object) -> str:
    """What makes the address of a push secret. Never shown: whoever knows it can say that all is well."""
    found = text(value).strip()
    if re.fullmatch(r"[A-Za-z0-9._~-]{16,200}", found):
        return found
    raise Wrong(
        "is no token for an address",
        "Write 16 to 200 letters, digits, '-', '_', '.' or '~', for example what `openssl rand -hex 16` prints.",
    )


def cron(value: object) -> str:
    """A cron expression, or one of cron's words."""
    found = " ".join(text(value).split())
    try:
        parse_cron(found)
    except CronError as error:
        raise Wrong(f"{{value}} {error}", 'Write it as in a crontab, for example "15 3 * * *".') from None
    return found


def hexadecimal(value: object) -> bytes:
    """`1b 00 ff`: bytes, with or without white space between them."""
    found = text(value)
    try:
        return bytes.fromhex(found)
    except ValueError:
        raise Wrong("{value} is not bytes in hexadecimal digits", "Write two digits for each, as 1b 00 ff.") from None


def raw_text(value: object) -> str:
    """Text in which white space counts, such as a line end alone."""
    return value if isinstance(value, str) and value else text(value)


def time_zone(value: object) -> str:
    """An IANA name."""
    found = text(value).strip()
    try:
        ZoneInfo(found)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of the database, such as "Europe"
        known = available_timezones()
        if not known:
            raise Wrong("no time zone is known here", "Install tzdata, the package of your system or of pip.") from None
        hint = get_close_matches(found, sorted(known), n=1)
        fix = f"Did you mean {hint[0]}?" if hint else "Write an IANA name, for example Europe/Berlin or UTC."
        raise Wrong("{value} is not a time zone", fix) from None
    return found


def day(value: object) -> date:
    found = text(value).strip()
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", found, re.ASCII):
            raise ValueError
        return date.fromisoformat(found)
    except ValueError:
        raise Wrong("{value} is not a day", "Write it as year-month-day, for example 2026-11-01.") from None


def listed(value: object) -> object:
    """A single value as a list of one."""
    if value in ([], ()):
        raise Wrong("accepts nothing at all", "Write for example [200, 204] or 2xx; leave it out for 2xx.")
    return [value] if isinstance(value, str) else value

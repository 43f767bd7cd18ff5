"""
From the text of one value to what it means. Each parser takes what stands in the file and raises `Wrong`.

Every value of the config is text first, and what it means is decided by its key: so `no`, `1:30`, `0123` and `1e3`
mean what they say, and a message can show them as they are written.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from difflib import get_close_matches
from ipaddress import ip_address
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from checks.dns_message import labels_of
from monitor.config.problems import Wrong

UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
DURATION = r"(?:\d+(?:\.\d+)?(?:ms|[wdhms]))+"
SIZES = {"B": 1, "KB": 1024, "MB": 1024**2, "KiB": 1024, "MiB": 1024**2}
SIZE = r"\d+ ?(?:B|KB|MB|KiB|MiB)"
NAME = r"[A-Za-z][A-Za-z0-9._-]{0,62}"
LONGEST = timedelta(days=3650)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_DURATION_HINT = "Write it with a unit, for example 30s, 15m, 1h30m, 48h or 35d."
_OWN_HEADERS = ("traceparent", "content-length", "transfer-encoding")


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the daemon's own HTTP listens. Port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


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


def objective(value: object) -> float:
    """`99.9%` or `0.999`, strictly between 0 and 1, so that there is an error budget to spend."""
    found = text(value).strip()
    if not re.fullmatch(r"\d{1,9}(\.\d{1,12})? ?%?", found, re.ASCII):
        raise Wrong("{value} is not a share", "Write 99.9% or 0.999.")
    number = Decimal(found.rstrip("% "))
    # Decimal and not float: 99.9 / 100 is 0.9990000000000001 in binary, and the budget would show it.
    share = number / 100 if found.endswith("%") else number
    if 0 < share < 1:
        return float(share)
    if share == 1:
        raise Wrong("{value} leaves no error budget", "No service is always right. Write less, for example 99.9%.")
    if not found.endswith("%") and 1 < number < 100:
        raise Wrong("{value} is not between 0 and 1", "Write {value}%; as a share, 99.9% is 0.999.")
    raise Wrong("{value} is not between 0 and 1", "Write 99.9% or 0.999.")


def slice_target(value: object) -> float:
    """As `objective`, and `100%` too: every probe of a slice."""
    found = text(value).strip()
    return 1.0 if re.fullmatch(r"100(\.0+)? ?%|1(\.0+)?", found, re.ASCII) else objective(value)


def weight(value: object) -> float:
    found = text(value).strip()
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", found, re.ASCII) or float(found) <= 0:
        raise Wrong("{value} is not a weight", "Write a number above 0, for example 1 or 2.5.")
    return float(found)


def comparison(*, share: bool) -> Callable[[object], tuple[str, float]]:
    """`>= 50%` or `> 14.4`: how to compare, and with what. A share is written with a percent sign or as 0.5."""
    example = ">= 50%" if share else ">= 6"

    def parse(value: object) -> tuple[str, float]:
        found = text(value).strip()
        match = re.fullmatch(r"(>=|<=|>|<) ?(\d{1,9}(?:\.\d{1,12})?) ?(%?)", found, re.ASCII)
        if match is None:
            raise Wrong(
                "{value} is not a comparison", f'Write it with >=, >, <= or < in quotes, for example "{example}".'
            )
        number = Decimal(match[2])
        if match[3] and not share:
            raise Wrong("{value} is a share, where a number is expected", f'Write for example "{example}".')
        limit = number / 100 if match[3] else number
        if share and limit > 1:
            raise Wrong("{value} is more than everything", f'Write a share up to 100%, for example "{example}".')
        return match[1], float(limit)

    return parse


def limit(value: object) -> tuple[str, float]:
    """`> 0.05`, `<= -1e3`: how to compare a measured value, and with what."""
    found = text(value).strip()
    match = re.fullmatch(r"(>=|<=|>|<) ?([+-]?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?)", found, re.ASCII)
    if match is None:
        fix = 'Write it with >=, >, <= or < in quotes, for example "> 0.05".'
        raise Wrong("{value} is not a comparison with a number", fix)
    return match[1], float(match[2])


def url(value: object) -> str:
    """An http or https address with a host and no password in it: addresses are shown in logs, spans and tickets."""
    # No `{value}` in these messages: an address that cannot be read may still hold a key.
    found = text(value).strip()
    if re.search(r"[\s\x00-\x1f\x7f\\]", found):
        raise Wrong("holds a space, a backslash or a line break", "Write the address as a browser shows it.")
    scheme, separator, rest = found.partition("://")
    if not separator:
        raise Wrong("has no http:// or https:// in front", "Write the whole address: http://HOST:PORT/PATH.")
    if scheme.lower() not in ("http", "https"):
        raise Wrong("is neither http nor https", "Only http:// and https:// addresses are asked.")
    try:
        parts = urlsplit(found)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Wrong("has a host or port that cannot be", "Write http://HOST:PORT/PATH.") from None
    if "@" in parts.netloc:
        raise Wrong(
            "holds a user name or password, which logs and tickets would show",
            'Remove it; for an http check use headers: {Authorization: "Basic ${LOGIN}"}.',
        )
    if not host or not rest or port == 0:
        raise Wrong("has no host or no usable port", "Write http://HOST:PORT/PATH.")
    return found


def listen(value: object) -> Listen:
    """`127.0.0.1:8700` or `[::1]:8700`."""
    found = text(value).strip()
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})", found, re.ASCII)
    if match is None or int(match[3]) > 65535:
        raise Wrong("{value} is not HOST:PORT", "Write for example 127.0.0.1:8700, or [::1]:8700.")
    if match[1]:
        try:
            ip_address(match[1])
        except ValueError:
            raise Wrong("{value} is not HOST:PORT", "Write for example [::1]:8700.") from None
    return Listen(match[1] or match[2], int(match[3]))


def target(value: object) -> tuple[str, int | None]:
    """`example.com`, `example.com:443`, `10.0.0.1`, `[::1]:443`: where to connect to."""
    found = text(value).strip()
    fix = "Write HOST:PORT, for example mail.example.com:25 or [::1]:25."
    if "://" in found:
        raise Wrong("has a scheme in front of its host", fix)
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?", found, re.ASCII)
    if match is None or not 0 < int(match[3] or 1) < 65536:
        raise Wrong("{value} is not HOST:PORT", fix)
    if match[1]:
        try:
            ip_address(match[1])
        except ValueError:
            raise Wrong("{value} is not HOST:PORT", fix) from None
    return match[1] or match[2], int(match[3]) if match[3] else None


def host_port(value: object) -> Listen:
    """As `target`, for what has no port of its own."""
    host, port = target(value)
    if port is None:
        raise Wrong("{value} has no port", "Write {value}:PORT.")
    return Listen(host, port)


def command(value: object) -> tuple[str, ...]:
    """A program and its arguments: a list, or one line that is split as a shell would. No shell reads it."""
    if isinstance(value, (list, tuple)):
        found = tuple(raw_text(part) for part in value)
    else:
        try:
            found = tuple(shlex.split(text(value)))
        except ValueError:
            raise Wrong("{value} has a quote without its other half", "Write a list: [PROGRAM, ARGUMENT].") from None
    if not found:
        raise Wrong("has no value", "Write a list: [PROGRAM, ARGUMENT].")
    if any("\0" in part for part in found):
        raise Wrong("holds a NUL character", "Remove it: no program could be given it.")
    return found


def variable(value: object) -> str:
    """The name of an environment variable."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", found := text(value), re.ASCII):
        return found
    raise Wrong("is no name of an environment variable", "Use letters, digits and '_', and no digit first.")


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


def domain_name(value: object) -> str:
    """`example.com`, `_sip._tcp.example.com`, or `.`: what a name server is asked for."""
    found = line(value)
    try:
        labels_of(found)
    except ValueError as error:
        raise Wrong(f"{{value}} {error}", "Write a domain name, for example www.example.com.") from None
    if re.fullmatch(r"[^\s\\/:@]+", found):
        return found
    raise Wrong("{value} is not a domain name", "Write it without a scheme, a port or a path: www.example.com.")


def one_or_more(value: object) -> object:
    """A single value as a list of one."""
    if value in ([], ()):
        raise Wrong("is an empty list", "Give it a value, or remove the key.")
    return [value] if isinstance(value, str) else value


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


def method(value: object) -> str:
    found = text(value).strip().upper()
    if found in METHODS:
        return found
    raise Wrong("{value} is not a method that a probe may use", f"Known here: {', '.join(METHODS)}.")


def listed(value: object) -> object:
    """A single value as a list of one."""
    if value in ([], ()):
        raise Wrong("accepts nothing at all", "Write for example [200, 204] or 2xx; leave it out for 2xx.")
    return [value] if isinstance(value, str) else value


def statuses(value: object) -> tuple[int, int]:
    """`200`, `2xx` or `200-299` as an inclusive (low, high) pair."""
    found = text(value).strip()
    if re.fullmatch(r"[1-5][xX]{2}", found):
        return int(found[0]) * 100, int(found[0]) * 100 + 99
    match = re.fullmatch(r"(\d{3})(?:-(\d{3}))?", found, re.ASCII)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 100 <= low <= high <= 599:
        raise Wrong("{value} is not a status or a range of them", "Write 200, 2xx or 200-299, from 100 to 599.")
    return low, high


def redirects(value: object) -> int:
    """`false` for none, else how many may be followed."""
    found = text(value)
    if found in ("true", "false"):
        return 10 if found == "true" else 0
    if not re.fullmatch(r"\d{1,2}", found, re.ASCII) or int(found) > 50:
        raise Wrong("{value} is neither false nor a number up to 50", "Write false, or how many may be followed.")
    return int(found)


def header_name(value: object) -> str:
    found = text(value)
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", found):
        raise Wrong("is not a header name", "Write it as HTTP does, for example Authorization.")
    if found.lower() in _OWN_HEADERS:
        raise Wrong("is set by the probe itself", "Remove it.")
    return found


def header_value(value: object) -> str:
    # No `{value}` in these messages: a header often is a secret. And no line break, which would begin a new header.
    found = text(value)
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", found):
        raise Wrong("holds a line break or another control character", "Write it as one line.")
    return found.strip()

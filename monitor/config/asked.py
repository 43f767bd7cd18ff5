"""What a check sends, and what it takes for an answer. Parsers as in `values.py`."""

from __future__ import annotations

import re
import shlex

from monitor.config.problems import Wrong
from monitor.config.values import raw_text, text

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
GROUPS = (
    "X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024", "X25519", "P-256", "P-384", "P-521", "X448",
)  # fmt: skip
"""By OpenSSL's names. The first three hold out against a quantum computer."""
STEP_NAME = r"[A-Za-z][A-Za-z0-9_-]{0,62}"
_OWN_HEADERS = ("traceparent", "content-length", "transfer-encoding")


def method(value: object) -> str:
    found = text(value).strip().upper()
    if found in METHODS:
        return found
    raise Wrong("{value} is not a method that a probe may use", f"Known here: {', '.join(METHODS)}.")


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


def subprotocol(value: object) -> str:
    found = text(value)
    if re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", found):
        return found
    raise Wrong("{value} is not the name of a subprotocol", "Write it as it is registered, for example mqtt.")


def scope(value: object) -> str:
    found = text(value)
    if re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", found):
        return found
    raise Wrong("{value} is not one scope", "Write a list of them: [orders.read, orders.write].")


def groups(value: object) -> str:
    found = text(value).strip()
    if all(name in GROUPS for name in found.split(":")):
        return found
    fix = f"Write their names with colons between them. Known here: {', '.join(GROUPS)}."
    raise Wrong("{value} are not groups that keys can be exchanged by", fix)


def header_value(value: object) -> str:
    # No `{value}` in these messages: a header often is a secret. And no line break, which would begin a new header.
    found = text(value)
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", found):
        raise Wrong("holds a line break or another control character", "Write it as one line.")
    return found.strip()


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


def step_name(value: object) -> str:
    """Of a step of a journey, and of what it takes: no dot, which stands between the two."""
    if re.fullmatch(STEP_NAME, found := text(value)):
        return found
    raise Wrong(
        "is not a name that steps can carry", "Begin with a letter; go on with letters, digits, '-' or '_', 63 at most."
    )

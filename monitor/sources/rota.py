"""
A calendar (RFC 5545) to shifts, run as `python -m monitor.sources.rota`: what strangers write may hang or fill memory,
and icalendar is loaded by nobody else.

It reads a `RotaJob` as JSON and writes `{"shifts": [[start, end, who], ...]}`, in UTC, or `{"problem": words}`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

MOST_BYTES: Final = 5 * 1024 * 1024
MOST_SHIFTS: Final = 20_000
LONGEST_NAME: Final = 200
TIMEOUT: Final = 15.0
"""Seconds to connect, between two bytes, and for the whole."""
_MEMORY: Final = 1024**3
_SECONDS: Final = 30
"""Of a processor. A rule that repeats each second has millions of shifts."""
_CHUNK: Final = 64 * 1024


class Unreadable(Exception):
    """In words for people, without the address: it is a credential."""


def main() -> None:
    job = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))  # also when whoever started it is gone
    try:
        text = of_file(job["file"]) if job.get("file") else of_url(job["url"])
        begin, end = (datetime.fromisoformat(job[key]) for key in ("begin", "end"))
        found: dict[str, Any] = {"shifts": list(shifts(text, ZoneInfo(job["zone"]), begin, end))}
    except Unreadable as unreadable:
        found = {"problem": str(unreadable)}
    except MemoryError:
        found = {"problem": "it takes too much memory"}
    sys.stdout.write(json.dumps(found))


def of_file(name: str) -> bytes:
    try:
        with Path(name).open("rb") as file:
            return _bounded(file.read(MOST_BYTES + 1))
    except OSError as error:
        raise Unreadable((error.strerror or "refused").lower()) from None


def of_url(url: str) -> bytes:
    import requests

    from monitor.sources.authorities import trusted_authorities

    deadline, body = time.monotonic() + TIMEOUT, b""
    with requests.Session() as session:
        session.trust_env = False  # no proxy of the environment, as everywhere
        session.verify = trusted_authorities()
        try:
            with session.get(url, timeout=TIMEOUT, allow_redirects=False, stream=True) as answer:
                if answer.status_code != 200:
                    moved = ", a redirect, which is not followed" if answer.is_redirect else ""
                    raise Unreadable(f"its server answered {answer.status_code}{moved}")
                for chunk in answer.iter_content(_CHUNK):
                    body += chunk
                    _bounded(body)
                    if time.monotonic() > deadline:
                        raise Unreadable(f"its server took more than {TIMEOUT:g} s")
        except requests.RequestException as error:
            raise Unreadable(f"its server cannot be asked: {type(error).__name__}") from None
    return body


def _bounded(content: bytes) -> bytes:
    if len(content) > MOST_BYTES:
        raise Unreadable(f"it has more than {MOST_BYTES} bytes")
    return content


def shifts(text: bytes, zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[tuple[str, str, str]]:
    """
    Those that touch the time from *begin* to *end*.

    Args:
        zone: Of times that say none, and of whole days.
    """
    import recurring_ical_events
    from icalendar import Calendar

    try:
        calendar = Calendar.from_ical(text)
        found = recurring_ical_events.of(calendar, components=["VEVENT"]).between(begin, end)
    except Exception as error:  # a dozen unrelated kinds, of two libraries
        raise Unreadable(f"it is no calendar that can be read: {type(error).__name__}") from None
    if len(found) > MOST_SHIFTS:
        raise Unreadable(f"it has more than {MOST_SHIFTS} shifts in {(end - begin).days} days")
    for event in found:
        who = _who(event)
        if who and str(event.get("status", "")).upper() != "CANCELLED":
            yield _instant(event.start, zone).isoformat(), _instant(event.end, zone).isoformat(), who


def _who(event: Any) -> str:
    """Whoever is invited, as `Ada <ada@example.org>`; else what the event is called."""
    invited = event.get("attendee")
    first = invited[0] if isinstance(invited, list) and invited else invited
    if first is None:
        return _clean(str(event.get("summary", "")))
    address = str(first).partition(":")[2] or str(first)
    name = str(first.params.get("CN", ""))
    return _clean(f"{name} <{address}>" if name and name != address else address)


def _clean(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:LONGEST_NAME]


def _instant(at: date, zone: ZoneInfo) -> datetime:
    whole = at if isinstance(at, datetime) else datetime.combine(at, time_of_day.min)
    return (whole if whole.tzinfo is not None else whole.replace(tzinfo=zone)).astimezone(UTC)


if __name__ == "__main__":
    main()

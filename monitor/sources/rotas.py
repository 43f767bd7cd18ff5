"""The daemon's side of reading a rotation: runs rota.py, bounded in time, and says what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from monitor.core.rotation import Shift

AHEAD: Final = timedelta(days=35)
"""How far shifts are read: a calendar that cannot be read any more is known for so long."""
BEHIND: Final = timedelta(days=1)
PATIENCE: Final = 60.0
"""Seconds for the whole, on a machine under load."""
_COMMAND: Final = (sys.executable, "-m", "monitor.sources.rota")
_INHERITED: Final = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "TZ", "TZDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Of our environment: the rest may hold secrets that it has no use for."""


class Unread(Exception):
    """Why, in words for people; without the address, which is a credential."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rotation is: a file, or an address."""

    file: str = ""
    url: str = field(default="", repr=False)


def read(place: Place, zone: str, wall: datetime) -> tuple[Shift, ...]:
    """Raises Unread. *zone*: of times that say none."""
    begin, end = wall - BEHIND, wall + AHEAD
    job = {
        "file": place.file, "url": place.url, "zone": zone, "begin": begin.isoformat(), "end": end.isoformat(),
    }  # fmt: skip
    environ = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    try:
        ended = subprocess.run(
            _COMMAND, input=json.dumps(job).encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        found = json.loads(ended.stdout)
    except subprocess.TimeoutExpired:
        raise Unread(f"reading it took more than {PATIENCE:g} s") from None
    except OSError as error:
        raise Unread(f"nothing can be started: {error.strerror}") from None
    except ValueError:
        raise Unread(f"reading it ended with {ended.returncode}") from None
    if "problem" in found:
        raise Unread(found["problem"])
    return shifts_of(found["shifts"])


def shifts_of(rows: list[list[str]]) -> tuple[Shift, ...]:
    return tuple(Shift(datetime.fromisoformat(start), datetime.fromisoformat(end), who) for start, end, who in rows)


def rows_of(shifts: tuple[Shift, ...]) -> list[list[str]]:
    return [[shift.start.isoformat(), shift.end.isoformat(), shift.who] for shift in shifts]

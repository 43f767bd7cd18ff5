"""
Named instants at which a process kills itself: the hook of the crash tests in tests/ledger, and of nothing else.

A crash matters only between two writes, and those instants last microseconds: no random kill finds them reliably. With
`WATCHKEEPER_CRASH_AT=after-send:3` in the environment the process sends itself SIGKILL when it reaches that point the
third time. Without the variable every call is one comparison.
"""

from __future__ import annotations

import os
import signal
from itertools import count
from typing import Final, Literal, get_args

Point = Literal[
    "before-commit",  # jobs are taken, no transaction has begun
    "inside-transaction",  # rows are written, nothing is committed
    "after-commit",  # durable, and nobody has been told
    "before-send",  # the effect is claimed, nothing has left
    "after-send",  # the other side answered, or did not
    "before-confirm",  # what became of it is decided, not recorded
    "after-confirm",  # recorded, and nobody has been told
]
POINTS: Final[tuple[Point, ...]] = get_args(Point)

Upkeep = Literal[
    "before-migration",  # the copy is made, the schema is the old one
    "inside-migration",  # statements of the new schema were run, nothing is committed
    "before-restore",  # a backup stands beside the state, nothing was moved
    "inside-restore",  # of the present state or of the backup one more part was moved
]

VARIABLE = "WATCHKEEPER_CRASH_AT"

_name, _, _nth = os.environ.get(VARIABLE, "").partition(":")
_reached = count(1)
_last = int(_nth or 1)


def reach(point: Point | Upkeep) -> None:
    """A no-op unless this very point was named in the environment when the process started."""
    if point == _name and next(_reached) == _last:
        os.kill(os.getpid(), signal.SIGKILL)

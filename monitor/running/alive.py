"""Whether a process that was known once is still there, told apart from another one that has its number by now."""

from __future__ import annotations

import os
from pathlib import Path


def born(pid: int) -> int:
    """Clock ticks between boot and its start; 0 where /proc does not show it to us, as in a sandbox."""
    fields = _stat(pid)
    return int(fields[19]) if len(fields) > 19 else 0


def is_alive(pid: int, began: int) -> bool:
    """
    Where /proc hides it, its number alone has to do: somebody is waited for who may be another one, and never given up
    who is there.

    Args:
        began: What `born` said of it then.
    """
    if pid <= 0:
        return False  # to a signal that is a group of processes
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is there, and somebody else's
    fields = _stat(pid)
    if fields[:1] == ["Z"]:
        return False
    now = born(pid)
    return not (began and now) or began == now


def _stat(pid: int) -> list[str]:
    """From its state on: its name before that may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []

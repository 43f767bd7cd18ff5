"""
The process that runs a mitigation, for the monitor or in a unit of its own.

It says to the monitor what it would run, runs it once it hears yes, and tells what came of it until the monitor has
heard that. The monitor says yes once to each approval, so that a request which is found again, after a crash or a
reboot, runs nothing. When the monitor goes, the program goes on to its end: half of a roll back is worse than a line
that comes late. The next monitor is told.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from monitor.running.meeting import HEARD, YES, address
from monitor.running.program import Ended, run

ANSWERED_WITHIN: Final = 30.0
"""Seconds. The monitor writes down that it is begun before it says so."""
TOLD_FOR: Final = 600.0
"""Seconds, in which a monitor that was ended is started again."""
AGAIN_AFTER: Final = 1.0
LONGEST_APPROVAL: Final = 100


def speak(folder: Path, approval: str, command: Sequence[str], timeout: float, told_for: float = TOLD_FOR) -> int:
    """
    Our exit code: the program's, or 1 where it has none.

    Args:
        folder: Where the monitor listens.
        approval: The word by which the monitor knows what a person approved.
        timeout, told_for: Seconds.
    """
    monitor = _connected(folder)
    if monitor is None:
        return 1
    with monitor:
        if not _may(monitor, {"approval": approval, "command": list(command)}):
            return 1
        ended = run(command, timeout)
        sys.stderr.write(f"{_told(ended)}\n")
        _tell(folder, monitor, {"approval": approval, "ended": asdict(ended)}, told_for)
    return 1 if ended.code is None else ended.code


def _connected(folder: Path) -> socket.socket | None:
    monitor = socket.socket(socket.AF_UNIX)
    monitor.settimeout(ANSWERED_WITHIN)
    try:
        with address(folder) as path:
            monitor.connect(path)
    except OSError as error:
        sys.stderr.write(f"{folder}: the monitor does not listen there: {error.strerror or error}\n")
        monitor.close()
        return None
    return monitor


def _may(monitor: socket.socket, asked: dict[str, object]) -> bool:
    try:
        monitor.sendall(_line(asked))
        answer = monitor.recv(len(YES))
    except OSError as error:
        answer = b""
        sys.stderr.write(f"the monitor does not answer: {error}\n")
    if answer != YES:
        sys.stderr.write("nothing is run: the monitor did not say yes\n")
    return answer == YES


def _tell(folder: Path, monitor: socket.socket, ended: dict[str, object], told_for: float) -> None:
    """To the monitor that said yes, or, once that is gone, to its successor."""
    until = monotonic() + told_for
    heard = _is_heard(monitor, ended)
    while not heard and monotonic() < until:
        sleep(AGAIN_AFTER)
        if (successor := _connected(folder)) is not None:
            with successor:
                heard = _is_heard(successor, ended)


def _is_heard(monitor: socket.socket, ended: dict[str, object]) -> bool:
    with suppress(OSError):
        monitor.sendall(_line(ended))
        return monitor.recv(len(HEARD)) == HEARD
    return False


def _line(document: dict[str, object]) -> bytes:
    return json.dumps(document).encode() + b"\n"


def _told(ended: Ended) -> str:
    """For the journal of its unit."""
    if ended.error:
        return f"it could not be run: {ended.error}"
    how = f"exit code {ended.code}" if ended.code is not None else f"signal {ended.killed_by}"
    late = "its time was over; " if ended.late else ""
    return f"{ended.output}\n{late}{how} after {ended.seconds:.1f} s"


def main(arguments: Sequence[str]) -> int:
    """`FOLDER TIMEOUT PROGRAM ARGUMENT...`, with the approval on standard input."""
    folder, timeout, *command = arguments
    approval = sys.stdin.readline(LONGEST_APPROVAL).strip()
    os.chdir("/")  # and no sooner: from a checkout we are found by where we begin
    return speak(Path(folder), approval, command, float(timeout))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""One program from its beginning to its end: no shell, bounded in time and output, ended with all that it started."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Final

KEPT: Final = 16_384
"""Bytes of the end of what it prints; a person is shown less."""
CUT: Final = "[...]"
GRACE: Final = 5.0
"""Seconds between being asked to end and being killed: to put back half of a roll back takes a moment."""
_LAST_WORDS: Final = 0.5
"""Seconds for what it printed last to arrive. What it left running may hold its output for ever."""
_READ: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """
    Attributes:
        code: None where a signal ended it, or it was never begun.
        killed_by: The number of that signal.
        late: It was ended because its time was over.
        seconds: How long it took; None where it was never begun.
        output: The last that it printed, standard output and errors as they came; begins with CUT where there was more.
        error: Why it could not be begun.
    """

    code: int | None = None
    killed_by: int | None = None
    late: bool = False
    seconds: float | None = None
    output: str = ""
    error: str = ""


def run(command: Sequence[str], timeout: float, grace: float = GRACE) -> Ended:
    """Waits for its end. It has our environment and directory, and a session of its own."""
    began = monotonic()
    try:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Ended(error=why)
    said = bytearray()
    late = not _listen(child, said, began + timeout)
    if late:
        _tell_group(child, signal.SIGTERM)
        _listen(child, said, monotonic() + grace)
    # Before it is reaped: then its group could be found no more, and what it left running would stay.
    _tell_group(child, signal.SIGKILL)
    _drain(child, said, monotonic() + _LAST_WORDS)
    status = child.wait()
    assert child.stdout is not None
    child.stdout.close()
    return Ended(
        code=status if status >= 0 else None,
        killed_by=-status if status < 0 else None,
        late=late,
        seconds=monotonic() - began,
        output=_text(said),
    )


def _text(said: bytearray) -> str:
    """From the beginning of a line: half of a secret that was cut would not be known as one."""
    text = said[-KEPT:].decode("utf-8", "replace")
    if len(said) <= KEPT:
        return text
    _, whole, rest = text.partition("\n")
    return f"{CUT}\n{rest}" if whole and rest else f"{CUT}{text[len(text) // 2 :]}"


def _listen(child: subprocess.Popen[bytes], said: bytearray, until: float) -> bool:
    """Takes what it prints until it has ended; False where the time was over first."""
    assert child.stdout is not None
    os.set_blocking(child.stdout.fileno(), False)
    end = os.pidfd_open(child.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(end, selectors.EVENT_READ)
            selector.register(child.stdout, selectors.EVENT_READ)
            while (left := until - monotonic()) > 0:
                ready = {key.fd for key, _ in selector.select(left)}
                if end in ready:
                    return True
                if ready and not _take(child, said):
                    selector.unregister(child.stdout)
            return False
    finally:
        os.close(end)


def _drain(child: subprocess.Popen[bytes], said: bytearray, until: float) -> None:
    """What is still in the pipe, to its end or until the time is over."""
    assert child.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while (left := until - monotonic()) > 0:
            if selector.select(left) and not _take(child, said):
                return


def _take(child: subprocess.Popen[bytes], said: bytearray) -> bool:
    """False at the end of what it prints."""
    assert child.stdout is not None
    try:
        data = os.read(child.stdout.fileno(), _READ)
    except BlockingIOError:
        return True
    said += data
    del said[: -KEPT - 1]  # one more tells that there was more
    return bool(data)


def _tell_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """It and what it started, unless that has made a session of its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)

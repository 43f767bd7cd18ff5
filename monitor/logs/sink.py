"""Where records go: made harmless, told once a minute, written to stderr. Nothing here raises, whatever it is given."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TextIO

from monitor.logs.form import Form, rendered
from monitor.logs.line import Line, clipped, fault_of, fields_of
from monitor.logs.redact import Redactor
from monitor.logs.repeats import Repeats

if TYPE_CHECKING:
    from loguru import Message, Record

FAULT: Final = "_fault"
"""Where `harmless` leaves the exception as texts: loguru would print the object, were anything to go wrong."""
ALWAYS: Final = "always"
"""Bound to a line that is said however often."""


def harmless(record: Record, redactor: Redactor) -> None:
    """
    Masks whatever a sink could print of *record*, in place: message, fields, exception.

    As loguru's patcher it comes before every sink, and before what loguru itself prints when a sink breaks.
    """
    try:
        error = record["exception"].value if record["exception"] is not None else None
        always = bool(record["extra"].pop(ALWAYS, False))
        message, extra = redactor.masked(record["message"]), dict(fields_of(record["extra"], redactor))
        fault = fault_of(error, redactor) if error is not None else None
    except Exception as trouble:
        message, extra, fault, always = f"a log line cannot be shown: {type(trouble).__name__}", {}, None, False
    record["message"], record["exception"] = clipped(message), None
    record["extra"] = {**extra, ALWAYS: always, FAULT: fault}


def line_of(record: Record) -> Line:
    """Of a record that `harmless` has seen."""
    fields = dict(record["extra"])
    fault, always = fields.pop(FAULT, None), bool(fields.pop(ALWAYS, False))
    level = record["level"]
    return Line(
        at=record["time"],
        level=level.name,
        number=level.no,
        message=record["message"],
        fields=fields,
        fault=fault,
        always=always,
    )


class Sink:
    """
    Args:
        monotonic: Seconds, for what is counted.
        wall: For what is read.
    """

    def __init__(
        self,
        stream: TextIO,
        form: Form,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        repeats: Repeats | None = None,
    ) -> None:
        self._stream = stream
        self._form = form
        self._monotonic = monotonic
        self._wall = wall
        self._repeats = Repeats() if repeats is None else repeats
        # May be entered twice by one thread: what is written may be collected, and log in its turn.
        self._changed = threading.Condition(threading.RLock())
        self._closed = False
        self._lost = 0

    def write(self, message: Message) -> None:
        with self._changed:
            self._print(self._repeats.take(line_of(message.record), self._monotonic()))
            self._changed.notify_all()

    def tick(self) -> None:
        """Counts whose minute is over are told though nobody says anything more."""
        with self._changed:
            self._print(self._stamped(self._repeats.due(self._monotonic())))

    def flush(self) -> None:
        """All counts, now."""
        with self._changed:
            self._print(self._stamped(self._repeats.flush(self._monotonic())))

    def start(self) -> None:
        """A thread that ticks when something is due, and sleeps otherwise."""
        threading.Thread(target=self._keep_ticking, name="logs", daemon=True).start()

    def close(self) -> None:
        with self._changed:
            self.flush()
            self._closed = True
            self._changed.notify_all()

    def _keep_ticking(self) -> None:
        with self._changed:
            while not self._closed:
                due = self._repeats.next_at()
                self._changed.wait(None if due is None else max(due - self._monotonic(), 0.01))
                self.tick()

    def _stamped(self, lines: list[Line]) -> list[Line]:
        wall = self._wall()
        return [replace(line, at=wall) for line in lines]

    def _print(self, lines: list[Line]) -> None:
        if not lines:
            return
        try:
            self._stream.write(rendered(self._form, lines))
            self._stream.flush()
        except (OSError, ValueError):
            # A pipe whose reader is gone, a full disk: watching goes on, and who reads again is told.
            self._lost += len(lines)
            return
        if self._lost:
            lost, self._lost = self._lost, 0
            text = f"logs: {lost} lines could not be written"
            self._print([Line(at=self._wall(), level="WARNING", number=30, message=text)])

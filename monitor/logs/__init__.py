"""
Log lines, for whoever keeps Watchkeeper running: short, each said once a minute, and never with a secret in them.

Everything that would be printed goes one way: what we log with loguru, what libraries log with `logging`, and what
Python says of an exception that nobody caught. docs/operations.md says what the levels mean.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from loguru import logger

from monitor.logs.form import FORMATS, Form
from monitor.logs.redact import SHORTEST, Redactor, too_short
from monitor.logs.sink import Sink, harmless

if TYPE_CHECKING:
    from loguru import Record

__all__ = ["FORMATS", "LEVELS", "begin", "end", "flush", "hide"]

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

_redactor = Redactor()
_sink: Sink | None = None


def begin(
    level: str = "INFO",
    secrets: Iterable[str] = (),
    form: str = "auto",
    *,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """
    Everything logged from here on goes to stderr, with the values of *secrets* masked.

    Args:
        form: One of FORMATS. `auto`: text, as stderr wants it. `text`: never with colours. `json`: an object a line.
        stream: Instead of stderr.
    """
    global _redactor, _sink
    end()
    _redactor = Redactor()
    target = sys.stderr if stream is None else stream
    _sink = Sink(target, Form.of(form, target, environ))
    logger.remove()
    logger.configure(patcher=_patch)
    # `harmless` has made texts of exceptions; backtrace and diagnose would print the values of variables.
    logger.add(_sink.write, level=level, format=_nothing, backtrace=False, diagnose=False)
    _sink.start()
    _take_over()
    hide(secrets)


def hide(secrets: Iterable[str]) -> None:
    """Masks these as well from now on. None is ever shown again: what was a secret may stand in texts on their way."""
    global _redactor
    wanted = frozenset(secrets)
    _redactor = _redactor.with_more(wanted)
    if short := too_short(wanted):
        logger.warning(
            f"logs: {short} secrets of fewer than {SHORTEST} characters cannot be hidden where they turn up; "
            "use longer ones"
        )


def flush() -> None:
    """Counts that wait for their minute to be over are told now: before the end, nothing may be left unsaid."""
    if _sink is not None:
        _sink.flush()


def end() -> None:
    """Undoes `begin`; for tests, which begin more than once in a process."""
    global _sink
    if _sink is None:
        return
    logger.remove()
    logger.configure(patcher=_unpatched)
    _sink.close()
    _sink = None
    logging.getLogger().handlers = [h for h in logging.getLogger().handlers if not isinstance(h, _FromLogging)]
    logging.captureWarnings(False)
    sys.excepthook, threading.excepthook = sys.__excepthook__, threading.__excepthook__
    logger.add(sys.stderr)


def _patch(record: Record) -> None:
    harmless(record, _redactor)


def _unpatched(_record: Record) -> None:
    """loguru has no word for taking a patcher away."""


def _nothing(_record: Record) -> str:
    # The sink writes the line itself: what loguru would format and throw away is not formatted.
    return ""


class _FromLogging(logging.Handler):
    """What libraries say by way of `logging`: Python would print it to stderr, secrets included."""

    def emit(self, record: logging.LogRecord) -> None:
        level = "ERROR" if record.levelno >= logging.ERROR else "WARNING"
        error = record.exc_info[1] if record.exc_info else None
        logger.opt(exception=error).log(level, "{}", f"{record.name}: {record.getMessage()}")


def _take_over() -> None:
    logging.getLogger().addHandler(_FromLogging(logging.WARNING))
    logging.captureWarnings(True)

    def in_a_thread(uncaught: threading.ExceptHookArgs) -> None:
        name = uncaught.thread.name if uncaught.thread is not None else "?"
        logger.opt(exception=uncaught.exc_value).error(f"the thread {name} ended by an error of our own; restart")

    def at_the_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        logger.opt(exception=error).error("ended by an error of our own; please report it with the lines below")

    threading.excepthook, sys.excepthook = in_a_thread, at_the_end

"""A lane goes on after any error; what it says tells the machine's trouble from a mistake of ours."""

from __future__ import annotations

import errno
import io
import sqlite3
from collections.abc import Iterator

import pytest
from loguru import logger

from monitor.outlets.trouble import say


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    lines = io.StringIO()
    handler = logger.add(lines, format="{level} {message}")
    yield lines
    logger.remove(handler)


def caught(error: Exception) -> Exception:
    try:
        raise error
    except Exception as raised:
        return raised


def test_what_the_machine_lacks_is_one_line_with_the_remedy(said: io.StringIO) -> None:
    say(logger, caught(OSError(errno.EMFILE, "Too many open files")), "outlet folder: deliver raised")
    assert said.getvalue() == (
        "ERROR outlet folder: deliver raised: too many open files; raise LimitNOFILE= in the unit, or ulimit -n\n"
    )


def test_a_ledger_that_cannot_be_read_is_one_line(said: io.StringIO) -> None:
    say(logger, caught(sqlite3.OperationalError("disk I/O error")), "outlet folder: an error of our own, going on")
    assert said.getvalue() == ("ERROR outlet folder: an error of our own, going on: OperationalError: disk I/O error\n")


def test_a_mistake_of_ours_keeps_its_traceback(said: io.StringIO) -> None:
    say(logger, caught(KeyError("state")), "outlet folder: cannot compose 01J/1/create")
    assert said.getvalue().startswith("ERROR outlet folder: cannot compose 01J/1/create\nTraceback")
    assert "KeyError: 'state'" in said.getvalue()

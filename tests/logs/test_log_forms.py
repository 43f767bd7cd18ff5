"""What a line looks like on a terminal, in a pipe, in the journal and as JSON, and how we know which it is."""

from __future__ import annotations

import io
import json
import os
import pty
import socket
import subprocess
import sys
from contextlib import closing

import pytest
from loguru import logger

from monitor import logs
from monitor.logs.form import Form, is_journal
from monitor.logs.line import LONGEST, Fault

ABOUT = {"service": "orders", "incident": "INC-0042", "incident_id": "01JNQ", "trace_id": "ab" * 16}
FAULT = Fault(type="OSError", message="no space", stacktrace="Traceback:\n  File x\nOSError: no space")


def test_in_a_pipe_a_line_has_its_instant_in_utc(make_line):
    assert Form().render(make_line()) == "2026-03-01T12:00:00.123Z INFO    all is well\n"


def test_on_a_terminal_it_is_short_and_has_colours(make_line):
    shown = Form(colour=True).render(make_line(level="ERROR"))
    assert shown == "\x1b[2m12:00:00\x1b[0m \x1b[1;31mERROR  \x1b[0m all is well\n"


@pytest.mark.parametrize(("level", "prefix"), [("DEBUG", 7), ("INFO", 6), ("WARNING", 4), ("ERROR", 3)])
def test_for_the_journal_it_has_a_priority_and_leaves_the_time_to_journald(make_line, level, prefix):
    assert Form(journal=True).render(make_line(level=level)) == f"<{prefix}>all is well\n"


def test_an_incident_is_named_at_the_end_where_its_number_can_be_searched(make_line):
    assert Form(journal=True).render(make_line(fields=ABOUT)) == "<6>all is well [INC-0042]\n"


def test_every_line_of_a_traceback_has_the_priority(make_line):
    shown = Form(journal=True).render(make_line("it broke", "ERROR", fault=FAULT))
    assert shown.splitlines() == ["<3>it broke", "<3>    Traceback:", "<3>      File x", "<3>    OSError: no space"]


def test_as_json_a_line_is_one_object_with_what_it_is_about(make_line):
    shown = Form(json=True).render(make_line("it broke\nbadly", "ERROR", fields=ABOUT, fault=FAULT))
    assert shown.count("\n") == 1
    assert json.loads(shown) == {
        "time": "2026-03-01T12:00:00.123Z",
        "level": "ERROR",
        "message": "it broke\nbadly",
        **ABOUT,
        "exception_type": "OSError",
        "exception_message": "no space",
        "exception_stacktrace": FAULT.stacktrace,
    }


def test_json_for_the_journal_has_the_priority_too_since_journald_takes_it_off(make_line):
    shown = Form(json=True, journal=True).render(make_line(level="WARNING"))
    assert shown.startswith('<4>{"time"')


def test_no_field_takes_the_name_of_one_of_ours(make_line):
    shown = json.loads(Form(json=True).render(make_line(fields={"level": "x", "time": "y", "message": "z"})))
    assert shown == {"time": "2026-03-01T12:00:00.123Z", "level": "INFO", "message": "all is well"}


@pytest.mark.parametrize("form", [Form(), Form(colour=True), Form(journal=True), Form(json=True)])
def test_what_a_target_answers_forges_no_line_and_moves_no_cursor(make_line, form):
    evil = "answered x\n2026-03-01T12:00:00.123Z ERROR   forged\n<0>forged\r\x1b[2Jgone\x00\x9b1m\ud800"
    shown = form.render(make_line(evil))
    own = "\x1b[2m12:00:00\x1b[0m \x1b[32mINFO   \x1b[0m " if form.colour else ""
    rest = shown.removeprefix(own)
    assert all(char.isprintable() or char == "\n" for char in rest)
    assert not [line for line in rest.splitlines() if line.startswith(("2026-03-01T12:00:00.123Z ERROR", "<0>"))]
    shown.encode()


def test_a_line_without_end_is_cut_so_that_journald_does_not_cut_it(begin):
    stream = begin(form="json")
    try:
        raise ValueError("x" * 100_000)
    except ValueError:
        logger.bind(service="y" * 100_000).exception("z" * 100_000)
    (shown,) = stream.getvalue().splitlines()
    assert len(shown) < 48 * 1024
    assert json.loads(shown)["message"].endswith(f"{100_000 - LONGEST} more characters")


class _Stream(io.StringIO):
    def __init__(self, tty: bool) -> None:
        super().__init__()
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty


@pytest.mark.parametrize(
    ("wanted", "tty", "environ", "colour"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"TERM": "dumb"}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", False, {"FORCE_COLOR": "1"}, True),
        ("auto", False, {"FORCE_COLOR": ""}, False),
        ("auto", True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("text", True, {"FORCE_COLOR": "1"}, False),
        ("json", True, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colours_are_for_a_terminal_that_wants_them(wanted, tty, environ, colour):
    form = Form.of(wanted, _Stream(tty), environ)
    assert (form.colour, form.json) == (colour, wanted == "json")


def test_the_journal_is_known_by_the_very_socket_and_not_by_the_variable():
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs), ours.makefile("w") as stream:
        found = os.fstat(ours.fileno())
        other = os.fstat(theirs.fileno())
        assert is_journal(stream, f"{found.st_dev}:{found.st_ino}")
        assert not is_journal(stream, f"{other.st_dev}:{other.st_ino}")
        assert not is_journal(stream, f"{found.st_dev + 1}:{found.st_ino}")
        for nonsense in ("", ":", "8", f"{found.st_dev}:", f":{found.st_ino}", "a:b", "²:1", f"{found.st_dev}:-1"):
            assert not is_journal(stream, nonsense)
    assert not is_journal(stream, f"{found.st_dev}:{found.st_ino}")
    assert not is_journal(io.StringIO(), "1:2")


SAYS = """
import sys
from loguru import logger
from monitor import logs
logs.begin(form=sys.argv[1])
logger.bind(service="orders").warning("seen")
try:
    1 / 0
except ZeroDivisionError:
    logger.exception("broke")
"""


def said(form: str, **popen: object) -> str:
    done = subprocess.run([sys.executable, "-c", SAYS, form], timeout=60, check=True, **popen)  # type: ignore[call-overload]
    return str(done.stderr or "")


def environ(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "JOURNAL_STREAM", "TERM")}
    return {**kept, **more}


def test_a_process_in_a_pipe_writes_plain_text():
    text = said("auto", stderr=subprocess.PIPE, text=True, env=environ(JOURNAL_STREAM="8:4711"))
    assert "Z WARNING seen\n" in text
    assert "\x1b" not in text
    assert "ZeroDivisionError: division by zero" in text


def test_a_process_writes_json_where_it_is_told_to():
    text = said("json", stderr=subprocess.PIPE, text=True, env=environ())
    seen, broke = map(json.loads, text.splitlines())
    assert (seen["level"], seen["message"], seen["service"]) == ("WARNING", "seen", "orders")
    assert (broke["exception_type"], broke["exception_message"]) == ("ZeroDivisionError", "division by zero")


def test_a_process_on_a_terminal_uses_colours():
    master, slave = pty.openpty()
    try:
        said("auto", stderr=slave, env=environ(TERM="xterm"))
        shown = os.read(master, 65536).decode()
    finally:
        os.close(master)
        os.close(slave)
    assert "\x1b[33mWARNING\x1b[0m seen" in shown


def test_a_process_whose_stderr_is_the_journal_prefixes_each_line():
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        found = os.fstat(theirs.fileno())
        said("auto", stderr=theirs, env=environ(JOURNAL_STREAM=f"{found.st_dev}:{found.st_ino}", FORCE_COLOR="1"))
        lines = ours.recv(65536).decode().splitlines()
    assert lines[:3] == ["<4>seen", "<3>broke", "<3>    Traceback (most recent call last):"]
    assert all(line.startswith("<3>") for line in lines[1:])


def test_a_reader_that_is_gone_costs_lines_and_nothing_else_and_they_are_counted(make_line):
    class Flaky(io.StringIO):
        broken = True

        def write(self, text: str) -> int:
            if self.broken:
                raise BrokenPipeError
            return super().write(text)

    stream = Flaky()
    logs.begin(form="text", stream=stream, environ={})
    try:
        logger.info("one")
        logger.info("two")
        stream.broken = False
        logger.info("three")
    finally:
        logs.end()
    assert [line.split(" ", 1)[1] for line in stream.getvalue().splitlines()] == [
        "INFO    three",
        "WARNING logs: 2 lines could not be written",
    ]

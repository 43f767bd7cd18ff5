"""The same line at most once a minute, with a count. Seconds are told, never waited for."""

from __future__ import annotations

import io
import threading

import pytest
from loguru import logger

from monitor.logs.form import Form
from monitor.logs.line import Fault
from monitor.logs.repeats import REMEMBERED, Repeats
from monitor.logs.sink import Sink


@pytest.fixture
def say(make_line):
    """`say(at, message)`: the messages that are printed then."""
    repeats = Repeats()

    def at(second: float, message: str = "disk full", level: str = "WARNING", **more: object) -> list[str]:
        return [line.message for line in repeats.take(make_line(message, level, **more), second)]

    at.repeats = repeats
    return at


def due(say, second: float) -> list[str]:
    return [line.message for line in say.repeats.due(second)]


def test_the_first_is_printed_at_once_and_those_of_the_same_minute_are_counted(say):
    assert say(100.0) == ["disk full"]
    assert [say(100.0 + i) for i in range(1, 42)] == [[]] * 41

    assert due(say, 159.999) == []
    assert due(say, 160.0) == ["disk full (repeated 41 times in the last minute)"]
    assert due(say, 160.0) == []


def test_a_line_that_was_said_once_is_not_spoken_of_again_and_is_new_a_minute_later(say):
    assert say(0.0) == ["disk full"]
    assert due(say, 60.0) == []
    assert len(say.repeats) == 0
    assert say(60.0) == ["disk full"]


def test_at_the_very_edge_a_repeat_belongs_to_the_next_minute(say):
    say(0.0)
    say(59.999)
    assert say(60.0) == ["disk full (repeated once in the last minute)"]
    assert due(say, 119.999) == []
    assert due(say, 120.0) == ["disk full (repeated once in the last minute)"]


def test_what_never_stops_is_one_line_a_minute(say):
    printed = [line for second in range(0, 600) for line in [*due(say, second), *say(float(second))]]
    assert printed[0] == "disk full"
    assert (
        printed[1:]
        == ["disk full (repeated 59 times in the last minute)"]
        + ["disk full (repeated 60 times in the last minute)"] * 8
    )


def test_it_is_known_when_something_must_be_said_though_nobody_speaks(say):
    assert say.repeats.next_at() is None
    say(10.0)
    assert say.repeats.next_at() is None
    say(11.0)
    assert say.repeats.next_at() == 70.0


def test_at_the_end_every_count_is_told_and_nothing_twice(say):
    say(0.0)
    say(23.0)
    say(23.0, "another")
    assert [line.message for line in say.repeats.flush(23.4)] == ["disk full (repeated once in the last 23 s)"]
    assert say.repeats.flush(24.0) == []


def test_a_transition_is_said_however_often_it_happens(say):
    relapse = "orders: recovering => open (SEV2), breached again after 5s"
    assert [say(float(i), relapse, always=True) for i in range(3)] == [[relapse]] * 3
    assert due(say, 60.0) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("outlet jira: 3 effects wait, the oldest for 5m0s", "outlet jira: 12 effects wait, the oldest for 1h2m3s"),
        ("the prober (pid 4711) was ended; the next one starts in 0.25 s",
         "the prober (pid 4712) was ended; the next one starts in 0.5 s"),
        ("answered 503, wanted 200", "answered 502, wanted 200"),
        ("took 20ms; 95% of 3", "took 31.5ms; 96% of 4"),
    ],
)  # fmt: skip
def test_a_trouble_with_another_number_is_the_same_trouble(say, first, second):
    assert say(0.0, first) == [first]
    assert say(1.0, second) == []
    assert due(say, 60.0) == [f"{second} (repeated once in the last minute)"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("INC-0041: update late", "INC-0042: update late"),
        ("web-1: slow", "web-2: slow"),
        ("baseline /state/a1.json cannot be read", "baseline /state/a2.json cannot be read"),
        ("http://127.0.0.1:8080 is away", "http://127.0.0.1:8081 is away"),
        ("asked 10.0.0.7", "asked 10.0.0.8"),
        ("held since 2026-03-01T12:00", "held since 2026-03-02T12:00"),
    ],
)
def test_digits_within_a_word_tell_things_apart(say, first, second):
    assert say(0.0, first) == [first]
    assert say(1.0, second) == [second]


@pytest.mark.parametrize("field", ["service", "check", "incident", "incident_id", "outlet"])
def test_what_two_lines_are_about_tells_them_apart(say, field):
    assert say(0.0, fields={field: "a"}) == ["disk full"]
    assert say(1.0, fields={field: "b"}) == ["disk full"]
    assert say(2.0, fields={field: "a"}) == []


def test_the_trace_does_not(say):
    assert say(0.0, fields={"trace_id": "a"}) == ["disk full"]
    assert say(1.0, fields={"trace_id": "b"}) == []


def test_below_warning_lines_are_compared_to_the_letter(say):
    assert say(0.0, "4 fitted", "INFO") == ["4 fitted"]
    assert say(1.0, "5 fitted", "INFO") == ["5 fitted"]
    assert say(2.0, "5 fitted", "INFO") == []


def test_the_level_tells_them_apart(say):
    assert say(0.0, level="WARNING") == ["disk full"]
    assert say(1.0, level="ERROR") == ["disk full"]


def test_another_exception_is_another_trouble_and_a_count_has_no_traceback(say, make_line):
    one, other = (Fault(type=name, message="", stacktrace="...") for name in ("OSError", "KeyError"))
    assert say(0.0, fault=one) == ["disk full"]
    assert say(1.0, fault=other) == ["disk full"]
    assert say(2.0, fault=one) == []
    (count,) = say.repeats.due(60.0)
    assert (count.fault, count.repeated) == (None, 1)


def test_what_is_remembered_is_bounded_and_who_is_forgotten_has_its_count_told(say):
    say(0.0, "first")
    say(0.5, "first")
    for number in range(REMEMBERED - 1):
        say(1.0, f"line-{number}")
    assert len(say.repeats) == REMEMBERED
    assert say(2.0, "one more") == ["first (repeated once in the last 2 s)", "one more"]
    for number in range(5 * REMEMBERED):
        say(3.0, f"other-{number}")
    assert len(say.repeats) == REMEMBERED


def test_a_count_is_told_though_nobody_says_anything_more():
    """The whole way: the thread of the sink waits until the minute, here a second, is over."""
    told = threading.Event()

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            written = super().write(text)
            if "repeated" in text:
                told.set()
            return written

    stream = Stream()
    sink = Sink(stream, Form(journal=True), repeats=Repeats(window=1.0))
    sink.start()
    kept = logger.add(sink.write, format="{message}")
    for _ in range(3):
        logger.warning("disk full")
    assert told.wait(20)
    logger.remove(kept)
    sink.close()
    assert stream.getvalue() == "<4>disk full\n<4>disk full (repeated 2 times in the last 1 s)\n"

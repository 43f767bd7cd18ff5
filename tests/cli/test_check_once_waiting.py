"""--wait: rounds until all is ok, counted with a clock that the test holds."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import pytest

from checks.result import Attempt, CheckResult, Outcome, Reason
from monitor.cli.check_once import PAUSE, seconds, until_ok

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def results(script: str) -> list[CheckResult]:
    """`".F?"`: three checks, ok, failed and unknown."""
    attempts = {
        ".": Attempt(started_at=T0, outcome=Outcome.OK),
        "F": Attempt(started_at=T0, outcome=Outcome.FAILED, reason=Reason.REFUSED),
        "?": Attempt(started_at=T0, outcome=Outcome.UNKNOWN, reason=Reason.BLIND),
    }
    return [
        CheckResult(service="s", check=str(n), scheduled_at=T0, attempts=(attempts[letter],))
        for n, letter in enumerate(script)
    ]


class Rounds:
    """Answers one script after another, each taking *takes* seconds of a time that stands still otherwise."""

    def __init__(self, *scripts: str, takes: float = 0.0) -> None:
        self.scripts = list(scripts)
        self.takes = takes
        self.time = 100.0
        self.asked = 0
        self.told: list[float] = []

    def ask(self) -> list[CheckResult]:
        script = self.scripts[min(self.asked, len(self.scripts) - 1)]
        self.asked += 1
        self.time += self.takes
        return results(script)

    def sleep(self, duration: float) -> None:
        self.time += duration

    def play(self, wait: float) -> str:
        last = until_ok(self.ask, wait, lambda _, left: self.told.append(left), lambda: self.time, self.sleep)
        return "".join({"ok": ".", "failed": "F", "unknown": "?"}[r.outcome] for r in last)


def test_without_waiting_there_is_one_round():
    rounds = Rounds("F.", "..")

    assert (rounds.play(0), rounds.asked) == ("F.", 1)


def test_it_ends_with_the_first_round_in_which_all_are_ok():
    rounds = Rounds("FF", "F.", ".F", "..", "FF")

    assert (rounds.play(60), rounds.asked) == ("..", 4)


def test_what_cannot_be_asked_is_waited_for_too():
    assert Rounds("?", ".").play(60) == "."


@pytest.mark.parametrize(("wait", "asked"), [(PAUSE, 1), (PAUSE + 0.1, 2), (3 * PAUSE, 3), (3 * PAUSE + 0.1, 4)])
def test_no_round_begins_when_the_time_is_over(wait, asked):
    rounds = Rounds("F")

    assert (rounds.play(wait), rounds.asked) == ("F", asked)


def test_slow_rounds_are_fewer():
    rounds = Rounds("F", takes=9.5)

    rounds.play(30)

    assert rounds.asked == 3
    assert rounds.told == [20.5, 10.0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("60s", 60), ("2m", 120), ("1m30s", 90), ("90", 90), ("1.5h", 5400), ("250ms", 0.25), ("0", 0)],
)
def test_a_duration_is_written_as_in_the_configuration(text, expected):
    assert seconds(None, None, text) == expected


@pytest.mark.parametrize("text", ["", "1 minute", "-5s", "5x", "s", "1m 30s", "nan", "inf", "\u0661s"])
def test_anything_else_is_refused(text):
    with pytest.raises(click.BadParameter, match="60s, 2m or 1m30s"):
        seconds(None, None, text)

"""What is told of a run becomes a line that people can believe, whatever is told."""

from __future__ import annotations

import pytest

from monitor.daemon.outcomes import SHOWN, outcome_of, shown
from monitor.probing.hiding import Hiding
from monitor.response.mitigation_runs import Outcome, Ran


def hide(text: str) -> str:
    return Hiding(frozenset({"s3cr3t-of-ours"})).text(text)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({"code": 0, "seconds": 31.2, "output": "done\n"},
         Outcome(ran=Ran.YES, words="ended with exit code 0", code=0, took=31.2, output="done")),
        ({"code": 143, "late": True, "seconds": 60.0},
         Outcome(ran=Ran.YES, words="did not end within 60 s, and was ended", took=60.0)),
        ({"killed_by": 9, "seconds": 1.0}, Outcome(ran=Ran.YES, words="was ended by signal 9", took=1.0)),
        ({"error": "Permission denied"}, Outcome(ran=Ran.NO, words="was not run: Permission denied")),
        ({}, Outcome(ran=Ran.UNKNOWN,
                     words="may have run, in part or to its end: whoever ran it went without a word")),
        ({"code": "0", "killed_by": [], "seconds": -1, "output": 7},
         Outcome(ran=Ran.YES, words="was ended by signal unknown", output="7")),
        ({"code": 0, "seconds": 1e300}, Outcome(ran=Ran.YES, words="ended with exit code 0", code=0)),
        ({"code": 0, "seconds": float("nan")}, Outcome(ran=Ran.YES, words="ended with exit code 0", code=0)),
    ],
    ids=["ended", "late", "killed", "not begun", "nothing", "other types", "for ever", "no number"],
)  # fmt: skip
def test_it_ran_it_did_not_or_it_may_have(said: dict[str, object], outcome: Outcome) -> None:
    assert outcome_of(said, 60.0, hide) == outcome


def test_output_is_shown_without_secrets_and_without_what_a_terminal_obeys() -> None:
    said = shown("\x1b[31mred\x1b[0m\n\n  \ntoken s3cr3t-of-ours\r\n\u202ebackwards\n", hide)

    assert "s3cr3t-of-ours" not in said
    assert [line for line in said.splitlines() if line.isprintable()] == said.splitlines()
    assert said.splitlines()[0] == "\\x1b[31mred\\x1b[0m"
    assert len(said.splitlines()) == 3


@pytest.mark.parametrize(("more", "kept"), [(0, "a"), (1, "x")])
def test_of_a_megabyte_the_end_is_shown(more: int, kept: str) -> None:
    said = shown("y" * 1_000_000 + "a" + "x" * (SHOWN - 1 + more), hide)

    assert len(said) == SHOWN
    assert said[0] == kept

"""Programs that are checks: what their status means, and the reports that they write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import command
from checks.check import Finding
from checks.process import ProcessAnswer
from checks.reports import junit, nagios, tap
from checks.result import Outcome, Reason


def judged(output: str, out: str = "", status: int | None = 0, errors: str = "", signal: int | None = None) -> Finding:
    question = command.Question(command=("./smoke.sh",), directory="/", output=output)
    answer = ProcessAnswer(body=out.encode(), errors=errors.encode(), status=status, signal=signal)
    return command.judge(question, (answer,), {})


class TestStatus:
    def test_nothing_but_0_is_ok(self) -> None:
        assert judged("status", "all sorts of words").outcome is Outcome.OK
        assert judged("status", status=1).outcome is Outcome.FAILED

    @pytest.mark.parametrize(
        ("out", "errors", "words"),
        [
            ("", "", "ended with status 3"),
            ("one\ntwo\n\n", "", "ended with status 3: two"),
            ("one\n", "Traceback\nKeyError: 'x'\n", "ended with status 3: KeyError: 'x'"),
        ],
    )
    def test_its_last_words_say_why(self, out: str, errors: str, words: str) -> None:
        finding = judged("status", out, 3, errors)

        assert (finding.reason, finding.detail) == (Reason.ASSERTION, words)

    def test_one_that_a_signal_ended_has_failed(self) -> None:
        assert judged("status", status=None, signal=11, errors="ouch").detail == "was ended by signal 11: ouch"


class TestNagios:
    """monitoring-plugins.org, Development Guidelines: return codes, performance data."""

    @pytest.mark.parametrize(
        ("status", "outcome", "detail", "warnings"),
        [
            (0, Outcome.OK, "", ()),
            (1, Outcome.OK, "", ("DISK fine",)),
            (2, Outcome.FAILED, "DISK fine", ()),
            (3, Outcome.UNKNOWN, "DISK fine", ()),
            (127, Outcome.UNKNOWN, "DISK fine", ()),
        ],
    )
    def test_its_four_states_and_its_first_line(
        self, status: int, outcome: Outcome, detail: str, warnings: tuple[str, ...]
    ) -> None:
        finding = judged("nagios", "\n DISK fine | /=2643MB;5948;5958;0;5968\nmore", status)

        assert (finding.outcome, finding.detail, finding.warnings) == (outcome, detail, warnings)
        assert finding.facts == {"/_MB": 2643.0}

    def test_performance_data_are_numbers_with_their_units(self) -> None:
        found = nagios("OK | time=0.02s;;;0.0 'free space'=12.5% users=3 'it''s'=-1", 0).facts

        assert found == {"time_s": 0.02, "free space_%": 12.5, "users": 3.0, "it''s": -1.0}

    def test_one_that_says_nothing_is_quoted_by_its_status(self) -> None:
        assert nagios("", 2).failed == "ended with status 2"


SUITE = '<?xml version="1.0"?><testsuites><testsuite name="s">{}</testsuite></testsuites>'
GOOD, SKIPPED = '<testcase name="a"/>', '<testcase name="b"><skipped/></testcase>'
BAD = '<testcase classname="shop" name="pays"><failure message="402 &lt;Payment Required&gt;&#10;more"/></testcase>'
ERROR = '<testcase name="d"><error>boom</error></testcase>'


class TestJUnit:
    @pytest.mark.parametrize(
        ("cases", "status", "failed"),
        [
            (GOOD + SKIPPED, 0, ""),
            (GOOD + BAD, 1, "1 of 2 tests failed: shop.pays (402 <Payment Required>)"),
            (GOOD + BAD, 0, "1 of 2 tests failed: shop.pays (402 <Payment Required>)"),
            (BAD + ERROR, 1, "2 of 2 tests failed: shop.pays (402 <Payment Required>), d (boom)"),
            (
                BAD * 5,
                1,
                "5 of 5 tests failed: " + ", ".join(["shop.pays (402 <Payment Required>)"] * 3) + " and 2 more",
            ),
            (GOOD, 5, "ended with status 5, though none of 1 tests failed"),
            ("", 0, "ran no test"),
        ],
    )
    def test_every_test_must_be_well_and_there_must_be_one(self, cases: str, status: int, failed: str) -> None:
        assert junit("a line before\n" + SUITE.format(cases) + "\nand after\n", status).failed == failed

    def test_its_counts_are_facts(self) -> None:
        found = junit(SUITE.format(GOOD + SKIPPED + BAD), 1).facts

        assert found == {"tests": 3.0, "failures": 1.0, "skipped": 1.0}

    def test_what_is_no_report_is_a_failure(self) -> None:
        assert junit("nothing", 0).failed == "ended with status 0 and wrote no JUnit report"
        assert junit("<testsuite><testcase>", 0).failed.startswith("wrote no JUnit report that can be read: ")

    def test_entities_that_grow_without_end_are_refused(self) -> None:
        laughs = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
        text = f'<!DOCTYPE testsuite [<!ENTITY l0 "ha">{laughs}]><testsuite name="&l9;"/>'

        assert junit(text, 0).failed


class TestTap:
    @pytest.mark.parametrize(
        ("lines", "status", "failed"),
        [
            (["1..2", "ok 1 - a", "ok 2 - b"], 0, ""),
            (["TAP version 14", "ok", "ok", "1..2"], 0, ""),
            (["1..0 # SKIP not today"], 0, ""),
            (["1..2", "ok 1", "not ok 2 - pays # in the shop"], 1, "1 of 2 tests failed: 2 pays # in the shop"),
            (["1..2", "ok 1", "not ok 2 - pays # TODO later"], 0, ""),
            (["1..2", "ok 1", "not ok 2 - pays # skip no card"], 0, ""),
            (["1..1", "    not ok 1 - inner", "ok 1 - outer"], 0, ""),
            (["1..3", "ok 1"], 0, "ran 1 tests and had a plan of 3"),
            (["ok 1"], 0, "ran 1 tests and had no plan"),
            (["1..2", "Bail out! no database"], 1, "bailed out: no database"),
            (["1..1", "ok 1"], 2, "ended with status 2, though none of 1 tests failed"),
            (["hello"], 0, "ended with status 0 and wrote no TAP"),
        ],
    )
    def test_the_plan_is_kept_and_no_test_fails(self, lines: list[str], status: int, failed: str) -> None:
        assert tap("\n".join(lines) + "\n", status).failed == failed

    def test_its_counts_are_facts(self) -> None:
        found = tap("1..3\nok 1\nnot ok 2\nok 3 # skip\n", 1).facts

        assert found == {"tests": 3.0, "failures": 1.0, "skipped": 1.0}


@given(output=st.text(), status=st.integers(0, 255))
def test_no_output_raises(output: str, status: int) -> None:
    for reader in (nagios, junit, tap):
        found = reader(output, status)
        assert not (found.failed and found.unknown)


def test_arguments_and_environment_are_shown_nowhere() -> None:
    question = command.Question(
        command=("/opt/smoke.sh", "--password", "hunter2"), directory="/", environment=(("TOKEN", "hunter2"),)
    )

    assert question.url == "exec:/opt/smoke.sh"
    assert "hunter2" not in repr(question) + repr(command.requests(question, 5.0))

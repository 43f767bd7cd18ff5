"""Every format against its golden file, and against a reader of that format."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.result import Attempt, CheckResult, Outcome, Reason
from monitor.cli.formats import FORMATS, as_github, as_json, as_junit, as_nagios, as_table, milliseconds
from monitor.cli.output import printable
from monitor.cli.verdicts import EXIT_CODES, Status, Verdict, overall

GOLDEN = Path(__file__).parent / "golden"
T0 = datetime(2026, 3, 1, 3, tzinfo=UTC)


@pytest.mark.parametrize("name", FORMATS)
def test_the_output_is_what_was_agreed(name, night):
    """Set WATCHKEEPER_GOLDEN=write to renew the files, and review the difference."""
    golden = GOLDEN / f"check_once.{name}.txt"
    text = FORMATS[name](night) + "\n"
    if os.environ.get("WATCHKEEPER_GOLDEN") == "write":
        golden.write_text(text)

    assert text == golden.read_text()


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_a_target_answers_reaches_the_terminal_as_it_is(name, night):
    text = FORMATS[name](night)

    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e\ud800]", text)


def test_the_table_has_one_line_for_each_check_and_the_worst_is_nearest_to_the_prompt(night):
    lines = as_table(night).splitlines()

    assert len(lines) == 1 + len(night) + 2
    assert lines[-3].startswith("failed")
    assert "ok after 2 attempts" in lines[2]


def test_a_narrow_terminal_wraps_the_detail_and_loses_nothing(night):
    wide, narrow = as_table(night), as_table(night, width=100)

    assert max(map(len, narrow.splitlines())) <= 100
    assert sorted("".join(wide.split())) == sorted("".join(narrow.split()))


def test_colour_stands_only_where_it_was_asked_for(night):
    assert "\x1b[" in as_table(night, colour=True)
    assert "\x1b[" not in as_table(night)


def test_json_tells_programs_what_the_table_tells_people(night):
    document = json.loads(as_json(night))

    assert (document["status"], document["exit_code"]) == ("failed", 2)
    assert [check["status"] for check in document["checks"]] == ["failed", "ok", "ok", "warning", "unknown"]
    assert document["checks"][2]["mark"] == "ok after 2 attempts"
    assert document["checks"][2]["outcome"] == "failed"
    assert document["checks"][1]["phases_seconds"]["tls"] == 0.0123


def test_junit_is_xml_whatever_a_target_answered(night):
    suite = ElementTree.fromstring(as_junit(night)).find("testsuite")

    assert suite is not None
    assert {k: suite.get(k) for k in ("tests", "failures", "errors")} == {"tests": "5", "failures": "1", "errors": "1"}
    failure = suite.find("testcase[@classname='orders'][@name='ready']/failure")
    assert failure is not None
    assert "<b>]]></b> 100% | ::error::x 'q=1'" in failure.get("message", "")
    assert suite.find("testcase[@classname='orders'][@name='live']/*") is None
    assert suite.findtext("testcase[@classname='payments']/system-out", "").startswith("ok after 2 attempts")
    assert suite.findtext("testcase[@classname='search']/system-out", "").startswith("warning: slow")


def test_a_github_annotation_cannot_be_ended_by_what_a_target_answered(night):
    commands = [line for line in as_github(night).splitlines() if line.startswith("::")]

    assert [line.split(" ")[0] for line in commands] == ["::error", "::notice", "::warning", "::error"]
    assert all("\r" not in line for line in commands)
    assert "100%25 |" in commands[0]


def test_nagios_reads_one_line_with_performance_data(night):
    line = as_nagios(night)
    status, _, performance = line.partition(" | ")

    assert "\n" not in line
    assert line.count("|") == 1
    assert status.startswith("CHECKS CRITICAL - 5 checks: 1 failed, 1 unknown, 1 warning, 2 ok")
    assert "'orders/live'=0.045600s;;;0" in performance
    assert "'far/live'=U" in performance


def test_no_format_fails_when_there_is_nothing_to_show():
    for render in FORMATS.values():
        assert render([])


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ([], 3),
        ([Status.OK], 0),
        ([Status.OK, Status.WARNING], 1),
        ([Status.WARNING, Status.UNKNOWN], 3),
        ([Status.UNKNOWN, Status.FAILED, Status.OK], 2),
        ([Status.FAILED], 2),
    ],
)
def test_the_exit_code_is_that_of_the_worst_and_failed_is_worse_than_unknown(statuses, code, night):
    of = {verdict.status: verdict for verdict in night}

    assert EXIT_CODES[overall([of[status] for status in statuses])] == code


def test_a_warning_never_softens_a_failure(night):
    failed = night[0].result

    assert Verdict(result=failed, warnings=("slow",)).status is Status.FAILED


@given(st.text(alphabet=st.characters(codec=None)), st.text(max_size=20))
def test_no_detail_breaks_a_format(detail, service):
    first = Attempt(started_at=T0, outcome=Outcome.FAILED, reason=Reason.BODY, detail=detail, latency=0.001)
    verdict = Verdict(result=CheckResult(service=service, check="c", scheduled_at=T0, attempts=(first,)))

    ElementTree.fromstring(as_junit([verdict]))
    assert json.loads(as_json([verdict]))["checks"][0]["detail"] == detail
    assert as_nagios([verdict]).count("\n") == 0
    assert as_github([verdict]).count("\n") == 1
    as_table([verdict]).encode()


def test_printable_leaves_words_alone_and_shows_what_cannot_be_seen():
    assert printable("größer als 5 µs") == "größer als 5 µs"
    assert printable("a\r\n\tb  c") == "a b c"
    assert printable("\x1b]0;title\x07") == "\\x1b]0;title\\x07"
    assert printable("\ud800\u202e") == "\\ud800\\u202e"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, "-"), (0.0, "0.0 ms"), (0.00994, "9.9 ms"), (0.01, "10 ms"), (2.5, "2500 ms")]
)
def test_latencies_keep_a_digit_below_ten_milliseconds(seconds, shown):
    assert milliseconds(seconds) == shown

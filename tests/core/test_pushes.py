"""A check that tells by itself: what it has told, and what that means at an instant."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checks.push import Question
from checks.result import Outcome, Reason
from monitor.core.pushes import Event, Push, Standing, Terms, Told, away, expected, from_json, standing, take, to_json

HOURLY = Question(every=3600, grace=300)
NIGHTLY = Question(cron="15 3 * * *", time_zone="Europe/Berlin", grace=1200)


def at(text: str) -> datetime:
    """`10:00`, or with seconds, on a day in November; `25 10:00` on another one."""
    day, _, clock = text.rpartition(" ")
    return datetime.fromisoformat(f"2026-11-{day or '24'}T{clock}").replace(tzinfo=UTC)


@dataclass
class Job:
    """The story of one job, as it is told."""

    question: Question
    since: str
    ahead: timedelta = timedelta()
    told: Told = field(init=False)

    def __post_init__(self) -> None:
        self.terms = Terms(self.question)
        self.told = Told(since=at(self.since))

    def says(self, when: str, event: str = "succeeded", **more: Any) -> Job:
        self.told = take(self.told, Push(event=Event(event), **more), self.terms, self.ahead, at(when))
        return self

    def nobody_hears(self, since: str, until: str) -> Job:
        self.told = away(self.told, self.terms, self.ahead, at(since), at(until))
        return self

    def stands(self, when: str) -> Standing:
        return standing(self.told, self.terms, expected(self.told, self.terms, self.ahead), self.ahead, at(when))

    def outcome(self, when: str) -> str:
        return self.stands(when).outcome.value

    def fails_at(self, when: str) -> bool:
        """Not a moment before, and then."""
        before = (at(when) - timedelta(milliseconds=1)).strftime("%d %H:%M:%S.%f")
        return (self.outcome(before), self.outcome(when)) == ("ok", "failed")


def test_the_deadline_is_the_period_and_the_grace_after_the_last_push() -> None:
    job = Job(HOURLY, "09:00").says("10:00").says("10:40")

    assert job.fails_at("11:45")
    late = job.stands("11:45")
    assert (late.reason, late.detail) == (
        Reason.TIMEOUT,
        "nothing was pushed since 2026-11-24 10:40:00 UTC; it was due at 2026-11-24 11:40:00 UTC",
    )
    assert job.says("12:00").fails_at("13:05")


def test_before_the_first_push_it_is_well_for_as_long_as_after_one() -> None:
    job = Job(HOURLY, "09:00")

    assert job.fails_at("10:05")
    assert job.stands("09:30").notes == ("nothing was pushed yet, which is well until 2026-11-24 10:05:00 UTC",)
    assert job.stands("10:05").detail == "nothing was pushed yet; it was due at 2026-11-24 10:00:00 UTC"
    assert job.says("10:06").stands("10:30") == Standing(outcome=Outcome.OK)


def test_a_run_that_started_must_end_within_the_grace() -> None:
    job = Job(HOURLY, "09:00").says("10:00").says("10:20", "started")

    assert job.fails_at("10:25")
    assert job.stands("10:25").detail == "the run that started at 2026-11-24 10:20:00 UTC has not ended within 300 s"
    assert job.says("10:26").fails_at("11:31")


def test_a_start_is_no_success_so_the_deadline_of_silence_stays() -> None:
    job = Job(HOURLY, "09:00").says("10:00").says("11:03", "started")

    assert job.fails_at("11:05")
    assert job.stands("11:05").detail == (
        "the run that started at 2026-11-24 11:03:00 UTC has not ended; it was due at 2026-11-24 11:00:00 UTC"
    )


def test_that_it_begins_again_does_not_make_good_what_was_not_done() -> None:
    job = Job(HOURLY, "09:00").says("10:00").says("10:20", "started").says("10:40", "started")

    assert job.outcome("10:41") == "failed"
    assert "started at 2026-11-24 10:20:00" in job.stands("10:41").detail
    assert job.says("10:42").outcome("10:42") == "ok"


@pytest.mark.parametrize(
    ("push", "detail"),
    [
        ({"event": "failed"}, "said that it failed"),
        ({"event": "failed", "status": 3}, "ended with status 3"),
        ({"event": "failed", "status": 1, "body": "copying\ndisk\tfull\n\n"}, "ended with status 1: disk full"),
        ({"event": "failed", "body": "x" * 500}, "said that it failed: " + "x" * 160),
    ],
)
def test_a_job_that_says_that_it_failed_has_failed_until_it_succeeds(push: dict[str, Any], detail: str) -> None:
    job = Job(HOURLY, "09:00").says("10:00").says("10:30", **push)

    found = job.stands("10:30")
    assert (found.outcome, found.reason, found.detail) == (Outcome.FAILED, Reason.ASSERTION, detail)
    assert found.body == push.get("body", "")
    assert job.outcome("11:30") == "failed"
    assert job.says("11:40", "started").outcome("11:41") == "failed"
    assert job.says("11:42").fails_at("12:47")


def test_a_cron_job_is_due_by_the_clock_of_its_zone() -> None:
    job = Job(NIGHTLY, "23 12:00").says("24 02:16")

    assert job.fails_at("25 02:35")  # 03:15 in Berlin is 02:15 UTC
    assert job.stands("25 02:35").detail.endswith("it was due at 2026-11-25 02:15:00 UTC")


@pytest.mark.parametrize(("pushed", "fails"), [("24 02:14:49", "24 02:35"), ("24 02:14:50", "25 02:35")])
def test_a_clock_that_is_ten_seconds_ahead_is_no_missed_run(pushed: str, fails: str) -> None:
    assert Job(NIGHTLY, "23 12:00").says(pushed).fails_at(fails)


def test_cron_means_the_clock_on_the_wall_however_far_the_timeline_is_behind_it() -> None:
    job = Job(NIGHTLY, "23 12:00", ahead=timedelta(hours=2)).says("24 00:16")

    assert job.fails_at("25 00:35")
    assert "due at 2026-11-25 02:15:00 UTC" in job.stands("25 00:35").detail


# -- nobody was there to hear -----------------------------------------------------------------------------------------


def test_a_short_absence_between_two_pushes_changes_nothing() -> None:
    job = Job(HOURLY, "09:00").says("10:00").nobody_hears("10:30", "10:31")

    assert job.fails_at("11:05")


def test_after_a_short_absence_at_the_deadline_the_grace_is_given_once_more() -> None:
    job = Job(HOURLY, "09:00").says("10:00").nobody_hears("11:03", "11:06")

    assert job.fails_at("11:11")


def test_what_may_have_come_in_a_long_absence_counts_as_come() -> None:
    assert Job(HOURLY, "09:00").says("10:00").nobody_hears("10:50", "11:10").fails_at("12:15")
    assert Job(HOURLY, "09:00").says("10:00").nobody_hears("10:50", "18:10").fails_at("19:15")
    assert Job(NIGHTLY, "23 12:00").says("23 13:00").nobody_hears("24 01:00", "24 04:00").fails_at("25 02:35")


def test_a_long_absence_in_which_nothing_was_due_changes_nothing() -> None:
    assert Job(HOURLY, "09:00").says("10:00").nobody_hears("10:10", "10:50").fails_at("11:05")
    assert Job(NIGHTLY, "23 12:00").says("24 02:16").nobody_hears("24 03:00", "24 22:00").fails_at("25 02:35")


def test_what_had_failed_before_a_short_absence_has_failed_after_it() -> None:
    assert Job(HOURLY, "09:00").says("10:00").nobody_hears("11:05", "11:07").outcome("11:07") == "failed"
    assert Job(HOURLY, "09:00").says("10:00", "failed").nobody_hears("10:01", "10:02").outcome("10:02") == "failed"


def test_what_had_failed_before_a_long_absence_stays_so_unless_a_run_was_due_meanwhile() -> None:
    failed = Job(NIGHTLY, "23 12:00").says("24 02:16", "failed")
    assert failed.nobody_hears("24 03:00", "24 12:00").outcome("24 12:00") == "failed"

    assert failed.nobody_hears("24 20:00", "25 12:00").fails_at("26 02:35")


def test_a_run_whose_end_may_have_come_in_a_long_absence_is_not_waited_for() -> None:
    job = Job(HOURLY, "09:00").says("10:00").says("10:10", "started").nobody_hears("10:11", "10:30")

    assert job.fails_at("11:05")


def test_nobody_was_away_before_what_was_heard_last() -> None:
    """The last sign of life on the disk may be older than the last push, which was answered when it was on the disk."""
    assert Job(HOURLY, "09:00").says("11:04:50").nobody_hears("10:50", "11:04:55").fails_at("12:09:50")


@pytest.mark.parametrize(
    "job",
    [
        Job(HOURLY, "09:00"),
        Job(HOURLY, "09:00").says("10:00").says("10:30", "started"),
        Job(HOURLY, "09:00").says("10:00", "failed", status=3, body="disk full\n\x00ü"),
        Job(HOURLY, "09:00").says("10:00").nobody_hears("11:03", "11:06"),
    ],
    ids=["new", "running", "failed", "waited for"],
)
def test_what_is_kept_over_a_restart_is_the_same(job: Job) -> None:
    assert from_json(json.loads(json.dumps(to_json(job.told)))) == job.told

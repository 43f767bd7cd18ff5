"""
When the present trouble began: what was over long ago is not the beginning of what is now, and opens nothing; what is
over makes no incident worse.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from checks.check import Check, HttpQuestion
from checks.result import Attempt, CheckResult, Outcome, Reason
from monitor.config import Service
from monitor.core.sequential import OVER_AFTER, Trouble
from monitor.core.severity import Criticality, Severity, TrafficView
from monitor.response.observe import Surroundings
from monitor.response.service_watch import watch_of
from monitor.response.watch import CheckWatch

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MOMENT = timedelta(milliseconds=1)


def watched(interval: float = 30.0) -> CheckWatch:
    question = HttpQuestion(url="http://shop.test/healthz")
    check = Check(service="shop", name="live", question=question, interval=interval, timeout=5.0)
    return watch_of(Service(name="shop", checks=(check,)), T0).checks["live"]


def probe(at: datetime, letter: str) -> CheckResult:
    """`.` ok, `f` failed and ok when asked again, `F` failed twice."""
    ok = Attempt(started_at=at, outcome=Outcome.OK, latency=0.05)
    failed = Attempt(started_at=at, outcome=Outcome.FAILED, reason=Reason.STATUS, detail="answered 503")
    attempts = {".": (ok,), "f": (failed, ok), "F": (failed, failed)}[letter]
    return CheckResult(service="shop", check="live", scheduled_at=at, attempts=attempts)


@pytest.mark.parametrize(
    ("interval", "apart", "over"),
    [
        (30.0, OVER_AFTER, False),
        (30.0, OVER_AFTER + MOMENT, True),
        # Of a check that is asked every hour, two failures with one success between them are one run.
        (3600.0, 120 * MINUTE, False),
        (3600.0, 120 * MINUTE + MOMENT, True),
    ],
)
def test_trouble_is_over_after_half_an_hour_without_a_failure_or_two_intervals(interval, apart, over):
    assert Trouble(T0 - MINUTE, T0).is_over(T0 + apart, interval) is over


@pytest.mark.parametrize(("apart", "alarmed"), [(OVER_AFTER, True), (OVER_AFTER + MOMENT, False)])
def test_what_was_over_is_no_evidence_any_more_and_not_the_beginning(apart, alarmed):
    watch = watched()
    for failure in range(3):
        watch.observe(probe(T0 + failure * MINUTE, "f"))
    assert not watch.alarmed
    at = T0 + 2 * MINUTE + apart

    watch.observe(probe(at, "f"))

    assert watch.alarmed is alarmed
    assert watch.trouble == Trouble(T0 if alarmed else at, at, alarmed)
    assert watch.s == pytest.approx(9.0 if alarmed else watch.cusum.per_failure)


@pytest.mark.parametrize(
    ("lasted", "calm", "alarmed", "nothing"),
    [
        (50, timedelta(seconds=50), True, False),
        (50, timedelta(seconds=50) + MOMENT, True, True),
        (10, timedelta(seconds=20), True, False),  # one probe between them at most: the same run
        (10, timedelta(seconds=20) + MOMENT, True, True),
        (50, OVER_AFTER, False, False),
    ],
)
def test_an_alarm_came_to_nothing_when_it_is_calm_for_longer_than_it_lasted(lasted, calm, alarmed, nothing):
    run = Trouble(T0 - timedelta(seconds=lasted), T0, alarmed)

    assert run.came_to_nothing(T0 + calm, 10.0) is nothing


@pytest.mark.parametrize(
    ("again", "alarmed"), [("F", False), ("FFF", False), ("FFFF", True)], ids=["one failure", "three", "as before"]
)
def test_an_alarm_that_came_to_nothing_leaves_no_evidence_but_when_it_began(again, alarmed):
    """Every ten seconds: four failures are half a minute, shorter than `open_after`."""
    watch, at = watched(10.0), T0
    for letter in "FFFFFF" + "." * 12 + again:
        watch.observe(probe(at, letter))
        at += timedelta(seconds=10)

    assert watch.alarmed is alarmed
    assert watch.trouble == Trouble(T0, at - timedelta(seconds=10), alarmed)


def test_half_of_the_probes_fail_and_no_pause_between_them_sets_the_evidence_back():
    watch = watched(10.0)
    for slot, letter in enumerate("FF.F.F..F.FF"):
        watch.observe(probe(T0 + slot * timedelta(seconds=10), letter))

    assert watch.alarmed


@pytest.mark.parametrize(
    ("script", "opens"),
    [
        (("ff" + "." * 192) * 5, False),
        (("f" + "." * 79) * 12, False),
        ("ff" + "." * 192 + "ffff", True),
        (("ff" + "." * 18) * 3, True),
        (("FF" + "." * 5) * 3, True),
    ],
    ids=[
        "pairs 97 minutes apart",
        "single ones 40 minutes apart",
        "an outage after a pair",
        "pairs ten minutes apart",
        "a minute in three",
    ],
)
def test_old_failures_neither_open_an_incident_nor_hide_a_new_outage(begin, script, opens):
    evening = begin()

    assert ("O" in evening.play(payments=script)) is opens


def test_an_outage_after_an_old_pair_began_with_its_own_first_failure(begin):
    evening = begin()
    evening.play(payments="ff" + "." * 192)
    began = evening.now + timedelta(seconds=30)

    evening.play(payments="FFFF")

    assert evening.book.watch("payments", evening.now).incident.first_failure_at == began


@pytest.mark.parametrize(
    ("goes_on", "severity"),
    [("." * 20, Severity.SEV3), ("f" * 4, Severity.SEV2)],
    ids=["and is over", "and goes on, though a second attempt helps"],
)
def test_what_a_window_remembers_makes_no_incident_worse_that_is_over(begin, goes_on, severity):
    """Users saw nothing of it: a page once the probes are green again would be for nothing."""
    evening = begin()
    fine = TrafficView(error_ratio=0.0, requests=20.0, within_baseline=True, fresh=True, text="none of 20/s fail")
    evening.around = Surroundings(criticality=Criticality.CRITICAL, traffic=fine, traffic_configured=True)
    evening.play(payments="." * 20 + "FFFFFF")
    case = evening.book.case_of("payments")
    assert case.incident.severity is Severity.SEV3

    evening.play(payments=goes_on)

    assert case.incident.severity is severity


def test_a_restart_at_any_point_gives_the_same_verdicts():
    rng = random.Random(20261124)
    straight, restarted = watched(), watched()
    for step in range(3000):
        at = T0 + step * timedelta(seconds=30)
        bad_minutes = (step // 40) % 3 == 0
        letter = "f" if rng.random() < (0.4 if bad_minutes else 0.001) else "."
        straight.observe(probe(at, letter))
        restarted.observe(probe(at, letter))
        state = json.loads(json.dumps(restarted.state()))
        restarted = watched()
        restarted.restore(state)

        assert (restarted.alarmed, restarted.s, restarted.trouble) == (
            straight.alarmed,
            straight.s,
            straight.trouble,
        )
    assert straight.s > 0, "or this shows nothing"


@pytest.mark.parametrize("kept", [None, [], ["2026-03-01T12:00:00+00:00"], "now", {"since": 1}, [1, 2]])
def test_a_run_that_cannot_be_read_begins_anew(kept):
    watch = watched()
    watch.restore({"s": 5.0, "trouble": kept})

    assert watch.trouble is None

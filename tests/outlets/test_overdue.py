"""What waits too long is told when it begins, when it has lasted twice as long, and when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.ledger.records import Backlog
from monitor.outlets.overdue import LIMIT, Overdue

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def waiting(outlet: str = "jira", count: int = 1, error: str = "answered 503", since: datetime = T0) -> Backlog:
    return Backlog(outlet=outlet, waiting=count, dead=0, oldest_at=since, error=error)


@pytest.fixture
def look():
    overdue = Overdue()

    def at(minutes: float, *backlogs: Backlog, paused=(), configured=("jira", "folder")) -> list[str]:
        alarms = overdue.look(backlogs, dict(paused), configured, T0 + minutes * MINUTE)
        return [("turned: " if alarm.turned else "") + alarm.text for alarm in alarms]

    return at


def test_it_is_said_at_the_limit_and_not_a_moment_before(look):
    assert LIMIT == 5 * MINUTE
    assert look(4.999, waiting()) == []
    assert look(5, waiting()) == [
        "turned: outlet jira: 1 effect waits, the oldest for 5m0s: answered 503: "
        "see that it can be reached; they go out by themselves then"
    ]


def test_it_is_said_again_each_time_that_it_has_lasted_twice_as_long(look):
    said = [minute for minute in range(481) if look(minute, waiting())]
    assert said == [5, 10, 20, 40, 80, 160, 320]


def test_it_is_said_when_it_is_over_and_begins_anew_after_that(look):
    look(5, waiting())
    assert look(9, waiting(since=T0 + 8 * MINUTE)) == ["turned: outlet jira: caught up, after at least 5m0s"]
    assert look(10) == []
    assert look(12.999, waiting(since=T0 + 8 * MINUTE)) == []
    assert len(look(13, waiting(since=T0 + 8 * MINUTE))) == 1


def test_each_outlet_speaks_for_itself(look):
    assert len(look(5, waiting("jira"), waiting("folder", since=T0 + MINUTE))) == 1
    assert [line.split(":")[1] for line in look(6, waiting("jira"), waiting("folder", since=T0 + MINUTE))] == [
        " outlet folder"
    ]


def test_what_was_refused_for_good_is_no_longer_waited_for(look):
    assert look(60, Backlog(outlet="jira", waiting=0, dead=3, oldest_at=None, error="")) == []


@pytest.mark.parametrize(
    ("paused", "configured", "says"),
    [
        ([("jira", "answered 401")], ("jira",), ": answered 401: see to its credentials; it is tried every minute"),
        ([], (), ": answered 503: it is not configured any more; they wait until it is again"),
    ],
)
def test_the_remedy_fits_the_cause(look, paused, configured, says):
    (line,) = look(5, waiting(count=7), paused=paused, configured=configured)
    assert line == "turned: outlet jira: 7 effects wait, the oldest for 5m0s" + says


def test_before_the_first_attempt_it_says_so(look):
    (line,) = look(5, waiting(error=""))
    assert ": not tried yet: " in line

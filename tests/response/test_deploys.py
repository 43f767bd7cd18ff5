"""Marked deploys: one line in the timeline of what they explain, and two hours that are no word on what is normal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from monitor.core.incident import Incident, State
from monitor.ledger.records import MemberLink
from monitor.response.deploys import Deploy, RecentDeploys, Versions, deploys_of, marked
from monitor.response.leftout import accepted_of, left_out
from monitor.response.levels import accepted
from monitor.response.people import People

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def deploy(version: str = "1.4.2", at: datetime = T0, service: str = "payments") -> Deploy:
    return Deploy(service=service, version=version, at=at, by="Ada")


def mark(evening, what: Deploy):
    _, commit = People(evening.book).deployed(what, evening.now, evening.now)
    evening.keep(commit)
    return commit


def test_an_incident_that_opens_tells_what_was_deployed_before(begin):
    evening = begin()
    mark(evening, deploy())

    evening.play(payments="..FFFF")

    told = [e for c in evening.commits for e in c.events if e.name == "incident.deployed_before"]
    (case,) = evening.book.live()
    assert [e.text for e in told] == [
        "payments 1.4.2 was deployed at 2026-03-01 12:00:00 UTC by Ada, 1m30s before the first failure"
    ]
    assert told[0].incident == case.incident.id
    assert told[0] in case.events
    assert evening.effects == ["folder create 1"]  # with the ticket, and not as an update of its own


def test_what_it_depends_on_was_deployed_too(begin):
    evening = begin()
    mark(evening, deploy("2.0", service="payments"))

    evening.play(orders="FFFF")

    (told,) = [e.text for c in evening.commits for e in c.events if e.name == "incident.deployed_before"]
    assert told.startswith("payments 2.0 was deployed at")


def test_what_did_not_touch_it_is_not_told(begin):
    evening = begin()
    mark(evening, deploy("7", service="orders"))

    evening.play(payments="FFFF")

    assert "incident.deployed_before" not in evening.names


@pytest.mark.parametrize(("before", "told"), [(2 * HOUR, 1), (2 * HOUR + SECOND, 0)])
def test_for_two_hours_a_deploy_explains_what_goes_wrong(before, told):
    recent = RecentDeploys()
    recent.add(deploy(at=T0 - before), T0 - before)

    assert len(recent.told("payments", {}, T0, T0)) == told


def test_a_deploy_amid_the_pending_minute_came_after_the_first_failure():
    recent = RecentDeploys()
    recent.add(deploy(at=T0), T0)

    (text,) = recent.told("payments", {}, T0 - 30 * SECOND, T0 + 30 * SECOND)

    assert text.endswith("30s after the first failure")


def test_a_deploy_in_a_live_incident_is_a_line_of_its_timeline(begin):
    evening = begin()
    evening.play(payments="FFFF")

    commit = mark(evening, deploy("1.4.3", at=evening.now))

    (event,) = commit.events
    (case,) = evening.book.live()
    assert (event.name, event.incident, event.service) == ("deploy.marked", case.incident.id, "payments")
    assert event in case.events
    assert [e.kind for e in commit.effects] == ["update"]


def test_the_same_version_twice_within_two_hours_is_one_deploy(begin):
    evening = begin()
    assert mark(evening, deploy("1.4.2", at=T0)).events
    assert not mark(evening, deploy("1.4.2", at=T0 + 5 * SECOND)).events
    assert mark(evening, deploy("1.4.3", at=T0 + HOUR)).events
    assert mark(evening, deploy("1.4.2", at=T0 + HOUR + SECOND)).events  # rolled back


def test_a_restart_finds_them_in_the_ledger(begin):
    event = marked(deploy(), T0, T0)
    recent = RecentDeploys()

    recent.restore(deploys_of([event]), T0 + HOUR)

    assert recent.before(["payments"], T0 + HOUR) == [deploy()]


# -- what Prometheus shows -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (["1"], [""]),
        (["1", "1 2", "2"], ["", "2", ""]),
        (["1", "", "1"], ["", "", ""]),
        (["1", "", "2"], ["", "", "2"]),
        (["1", "2", "1"], ["", "2", "1"]),
        (["1", "2 3"], ["", "2, 3"]),
    ],
    ids=[
        "what runs at the first look is no news",
        "a rolling deploy is one, when the new version comes",
        "a scrape that met nothing",
        "a scrape that met nothing between old and new",
        "rolled back",
        "a canary beside it",
    ],
)
def test_a_version_that_was_not_there_at_the_last_look_is_a_deploy(answers, told):
    versions = Versions()

    assert [versions.see("orders", "q", frozenset(answer.split())) for answer in answers] == told


def test_what_was_deployed_while_we_were_away_is_noticed_by_the_next_start():
    before, after = Versions(), Versions()
    before.see("orders", "q", frozenset({"1"}))

    after.restore(json.loads(json.dumps(before.to_json())))

    assert after.see("orders", "q", frozenset({"2"})) == "2"


def test_another_query_begins_anew():
    versions = Versions()
    versions.see("orders", "q", frozenset({"1"}))

    assert versions.see("orders", "other", frozenset({"17"})) == ""
    assert versions.see("orders", "other", frozenset({"18"})) == "18"


@pytest.mark.parametrize("kept", [None, [], {"orders": []}, {"orders": "q"}, {"orders": ["q", 1]}])
def test_what_was_kept_and_does_not_fit_is_not_known(kept):
    versions = Versions()
    versions.restore(kept)

    assert versions.see("orders", "q", frozenset({"2"})) == ""


# -- what is left out of the baselines -------------------------------------------------------------------------------


def incident(service: str, began: datetime, resolved: datetime | None) -> Incident:
    state = State.RESOLVED if resolved else State.OPEN
    return Incident(service=service, since=began, state=state, id="A", first_failure_at=began, resolved_at=resolved)


def test_an_incident_is_left_out_of_everybody_that_it_affected_and_of_nobody_else():
    member = MemberLink(incident="A", service="orders", joined_at=T0, why="depends on payments")

    found = left_out([incident("payments", T0, T0 + HOUR)], [member], [], T0 + 2 * HOUR)

    assert {name: out.intervals for name, out in found.items()} == {
        "payments": [(T0, T0 + HOUR)],
        "orders": [(T0, T0 + HOUR)],
    }


def test_one_that_is_live_is_left_out_up_to_now():
    found = left_out([incident("payments", T0, None)], [], [], T0 + HOUR)

    assert found["payments"].intervals == [(T0, T0 + HOUR)]


def test_two_hours_after_each_deploy_are_left_out():
    found = left_out([], [], [marked(deploy(), T0 + 9 * HOUR, T0 + 9 * HOUR)], T0)

    assert found["payments"].intervals == [(T0, T0 + 2 * HOUR)]  # from when it was made, not from when it was marked
    assert found["payments"].since is None


def test_what_was_accepted_last_holds():
    events = [
        accepted("payments", T0, "cache is gone", "Ada", T0, T0),
        accepted("payments", T0 - HOUR, "it began earlier", "Ada", T0 + HOUR, T0 + HOUR),
    ]

    assert left_out([], [], events, T0)["payments"].since == T0 - HOUR
    assert accepted_of(events) == {"payments": T0 - HOUR}

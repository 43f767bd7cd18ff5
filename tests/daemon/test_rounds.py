"""Every ticket is looked at now and then: through the real house, ledger and worker, to trackers that people share."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr

sys.path.insert(0, str(Path(__file__).parent.parent / "outlets" / "peers"))
from fake_jira import DONE, FakeJira, Issue
from fake_notion import API, SOURCE, FakeNotion
from faults import Asked, Fault

from monitor.config import Jira, Notion, load
from monitor.daemon.afterwards import Afterwards
from monitor.daemon.house import House
from monitor.daemon.rounds import Rounds
from monitor.ledger.records import Commit
from monitor.outlets.aside import Aside
from monitor.outlets.jira.site import JiraSite
from monitor.outlets.notion.site import NotionSite
from monitor.outlets.outlet import Outlet
from monitor.outlets.tickets import TicketOutlet
from monitor.outlets.worker import EffectsWorker
from monitor.response.people import People
from monitor.telemetry import names

T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
T = TypeVar("T")


@dataclass
class HandClock:
    at: datetime = T0

    def now(self) -> datetime:
        return self.at

    wall = now


class Desk:
    """A house with a Jira, and a Notion that is configured when a test says so."""

    def __init__(self, house: House) -> None:
        self.house, self.clock = house, HandClock()
        house.clock = self.clock  # type: ignore[assignment]  # all that is asked of it here
        self.jira, self.notion = FakeJira(), FakeNotion()
        self.afterwards = Afterwards(house)
        self.rounds = Rounds(house, self.afterwards)
        self.people = People(house.casebook)
        self.loop = asyncio.new_event_loop()
        self.use("jira")

    def use(self, *trackers: str) -> None:
        jira = Jira.model_validate(
            {"url": "https://jira.example", "project": "OPS", "user": "bot", "token": SecretStr("t"), "api": "cloud"}
        )
        notion = Notion(data_source=SOURCE, token=SecretStr("t"), url=API)
        known: dict[str, Outlet] = {
            "jira": TicketOutlet("jira", JiraSite(jira, self.jira.connect)),
            "notion": TicketOutlet("notion", NotionSite(notion, self.notion.connect, sleep=lambda _: None)),
        }
        beside = TicketOutlet("jira.postmortems", JiraSite(jira, self.jira.connect))
        known["jira.postmortems"] = Aside("jira.postmortems", "postmortem", beside)
        outlets = {name: known[name] for name in trackers}
        house = self.house
        house.worker.stop()
        house.worker = EffectsWorker(house.ledger, outlets, house.compose, now=self.clock.now, told=house._told)
        house.worker.start()
        house.casebook.rules = replace(house.casebook.rules, outlets=trackers)

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(what)

    def adopt(self, commit: Commit) -> None:
        self.house.adopt(commit).result(30)
        assert self.house.worker.drain(30)
        self.house.adopt(Commit()).result(30)

    def declare(self) -> str:
        case, commit = self.people.declare("orders-service", "Ada", "slow", None, "a", self.clock.at, self.clock.at)
        self.adopt(commit)
        return case.incident.id

    def resolve(self) -> None:
        self.adopt(self.people.resolve("1", "Ada", "rolled back", self.clock.at, self.clock.at)[1])

    def round(self) -> None:
        self.clock.at += HOUR

        self.run(self.rounds.make())
        self.adopt(Commit())

    def told(self, incident: str) -> list[str]:
        return [e.text for e in self.house.ledger.events_of(incident) if e.name.startswith("ticket.")]

    @property
    def issues(self) -> list[Issue]:
        return list(self.jira.issues.values())


@pytest.fixture
def desk(write_config: Callable[..., Path]) -> Iterator[Desk]:
    house = House.build(load([write_config()], {}), "a-token")
    desk = Desk(house)
    yield desk
    desk.loop.close()
    house.close()


def test_a_round_of_tickets_that_are_as_they_should_be_changes_nothing(desk: Desk) -> None:
    incident = desk.declare()
    changed = [asked for asked in desk.jira.log if asked.changes]

    desk.round()
    desk.resolve()
    desk.round()

    assert desk.told(incident) == []
    assert len([asked for asked in desk.jira.log if asked.changes]) == len(changed) + 3, "its close, and nothing else"


def test_a_ticket_that_a_person_closed_stays_closed_and_the_timeline_says_so_once(desk: Desk) -> None:
    incident = desk.declare()
    desk.issues[0].status = DONE

    desk.round()
    desk.round()

    said = "OPS-1 in jira was closed by a person: it stays closed, and the incident goes on"
    assert desk.told(incident) == [said]
    assert not desk.issues[0].is_open
    assert [e.text for e in desk.house.casebook.cases[incident].events if e.name == "ticket.closed"] == [said]


def test_a_ticket_that_moved_to_another_project_is_followed_under_its_new_name(desk: Desk) -> None:
    incident = desk.declare()
    issue = desk.issues[0]
    issue.fields["former"], issue.key = ("OPS-1",), "NEW-7"

    desk.round()
    desk.round()

    assert desk.told(incident) == ["OPS-1 in jira was moved: it is NEW-7 in NEW now, and is followed there"]
    desk.resolve()
    assert not issue.is_open
    assert len(desk.issues) == 1


def test_a_ticket_that_was_deleted_is_told_and_not_made_again(desk: Desk) -> None:
    incident = desk.declare()
    desk.jira.issues.clear()

    desk.round()
    desk.round()

    assert [text.split(":")[0] for text in desk.told(incident)] == [
        "OPS-1 in jira was deleted, or our user may not see it any more"
    ]
    assert desk.issues == []


def test_what_a_person_wrote_and_how_it_is_called_now_is_kept(desk: Desk) -> None:
    incident = desk.declare()
    desk.issues[0].fields["summary"] = "Orders @channel\u202e <b>"

    desk.round()
    desk.round()

    assert desk.told(incident) == ['OPS-1 in jira was given another title, which it keeps: "Orders @channel\u202e <b>"']
    assert desk.issues[0].fields["summary"] == "Orders @channel\u202e <b>"


def test_a_ticket_that_is_opened_again_by_a_person_stays_open(desk: Desk) -> None:
    incident = desk.declare()
    desk.resolve()
    issue = desk.issues[0]
    issue.status = desk.jira.transitions[0]["to"]

    desk.round()
    desk.round()

    assert issue.is_open
    assert desk.told(incident) == ["OPS-1 in jira was opened by a person after we had closed it: it stays open"]


def test_a_tracker_that_came_later_than_the_incident_gets_its_ticket(desk: Desk) -> None:
    incident = desk.declare()
    desk.use("jira", "notion")

    desk.round()
    desk.round()

    assert len(desk.notion.pages) == 1
    assert desk.notion.pages[0].mark["incident"] == incident
    assert desk.told(incident) == ["notion has no ticket of it: one is made"]
    assert len(desk.issues) == 1


def test_a_tracker_that_was_away_as_the_incident_ended_closes_its_ticket(desk: Desk) -> None:
    incident = desk.declare()
    desk.use()
    desk.resolve()
    assert desk.issues[0].is_open
    desk.use("jira")

    desk.round()
    desk.round()

    assert not desk.issues[0].is_open
    assert desk.told(incident) == ["OPS-1 in jira was not closed with the incident: it is closed now"]


def test_a_duplicate_that_turns_up_after_the_end_is_merged_and_counted(desk: Desk, monkeypatch: Any) -> None:
    counted: list[tuple[str, float]] = []
    monkeypatch.setattr(desk.house.telemetry, "counter", lambda name, by, _which: counted.append((name, by)))
    desk.declare()
    desk.resolve()
    issue = desk.issues[0]
    desk.jira.issues["10009"] = replace(
        issue, id="10009", key="OPS-9", status=desk.jira.transitions[1]["to"], comments=[], fields=dict(issue.fields)
    )

    desk.round()
    desk.round()

    assert not desk.issues[1].is_open
    assert len(desk.issues[1].comments) == 1
    assert [by for name, by in counted if name == names.TICKETS_MERGED.name] == [1]


def test_a_tracker_that_is_away_keeps_no_other_one_back(desk: Desk) -> None:
    incident = desk.declare()
    desk.use("jira", "notion")
    desk.jira.plan = lambda _asked: Fault.REFUSED
    desk.issues[0].status = DONE

    desk.round()
    assert len(desk.notion.pages) == 1
    desk.jira.plan = lambda _asked: None
    desk.round()

    assert any("closed by a person" in text for text in desk.told(incident))


def test_what_happens_while_a_ticket_is_looked_at_is_not_decided_from_what_was_seen_before(desk: Desk) -> None:
    incident = desk.declare()
    ends = [lambda: desk.people.resolve("1", "Ada", "rolled back", desk.clock.at, desk.clock.at)[1]]

    def end_meanwhile(_asked: Asked) -> None:
        if ends:
            desk.house.adopt(ends.pop()())

    desk.jira.plan = end_meanwhile
    desk.round()
    desk.round()

    kinds = [str(effect.kind) for effect in desk.house.ledger.effects(incident) if effect.outlet == "jira"]
    assert kinds == ["create", "close"], "its close is on its way, and none is added"
    assert not desk.issues[0].is_open


def test_a_round_that_finds_the_ledger_held_does_nothing(desk: Desk, monkeypatch: Any) -> None:
    desk.declare()
    asked = len(desk.jira.log)
    monkeypatch.setattr(type(desk.house.ledger), "healthy", False)

    desk.run(desk.rounds.make())

    assert len(desk.jira.log) == asked


def test_a_duplicate_of_a_draft_is_merged_and_the_draft_stays_open_until_the_postmortem_was_held(desk: Desk) -> None:
    desk.use("jira", "jira.postmortems")
    incident = desk.declare()
    desk.resolve()
    ticket, draft = desk.issues
    assert draft.fields["summary"] == "Postmortem of INC-0001: orders-service"
    duplicate = replace(draft, id="10009", key="OPS-9", comments=[], fields=dict(draft.fields))
    desk.jira.issues["10009"] = duplicate

    desk.round()
    desk.round()

    assert [issue.is_open for issue in (ticket, draft, duplicate)] == [False, True, False]
    assert desk.told(incident) == []
    desk.run(desk.afterwards.held(incident, "Ada"))
    desk.adopt(Commit())
    assert not draft.is_open


# Action items.


def add(desk: Desk, incident: str) -> None:
    desk.run(desk.afterwards.add(incident, "alert on the queue's age", "Grace", date(2026, 3, 10), "Ada"))
    desk.adopt(Commit())


def test_an_action_item_is_a_ticket_and_done_when_that_is_closed(desk: Desk) -> None:
    desk.use("jira", "notion")
    incident = desk.declare()
    add(desk, incident)
    [item] = [issue for issue in desk.issues if "action" in issue.fields["summary"]]
    [page] = [page for page in desk.notion.pages if "action" in page.title]
    assert item.fields["summary"] == "INC-0001 action 1: alert on the queue's age"
    assert "https://www.notion.example/" in desk.notion.boxes(page)[0], "the incident's page"
    desk.resolve()
    del desk.house.casebook.cases[incident]
    desk.round()
    assert item.is_open

    item.status = DONE
    desk.round()
    desk.round()

    done = [e for e in desk.house.ledger.events_of(incident) if e.name == "postmortem.action_done"]
    assert [(event.text, event.author) for event in done] == [
        (
            "action 1: alert on the queue's age (Grace, by 2026-03-10) is done: its ticket was closed",
            "OPS-2 in jira",
        )
    ]
    assert page.status == "Done", "in the other tracker as well"
    assert not item.is_open


def test_an_action_item_that_is_late_is_told_once_in_its_ticket(desk: Desk) -> None:
    incident = desk.declare()
    add(desk, incident)
    item = desk.issues[1]
    for day in (10, 11, 12):
        desk.clock.at = datetime(2026, 3, day, 12, 0, tzinfo=UTC)
        desk.run(desk.afterwards.remind())
        desk.adopt(Commit())

    assert sum("is late" in str(comment) for comment in item.comments) == 1
    desk.run(desk.afterwards.done(incident, 1, "Grace"))
    desk.adopt(Commit())
    assert not item.is_open


def test_an_item_without_a_ticket_gets_one_when_its_tracker_takes_it(desk: Desk) -> None:
    incident = desk.declare()
    desk.jira.plan = lambda asked: Fault.BAD if "action" in str(asked.body) else None
    add(desk, incident)
    assert len(desk.issues) == 1
    desk.jira.plan = lambda _asked: None
    desk.use("jira", "notion")

    desk.round()
    desk.round()

    assert [issue.fields["summary"][:17] for issue in desk.issues[1:]] == ["INC-0001 action 1"]
    assert sorted(page.title[:17] for page in desk.notion.pages) == ["INC-0001 SEV3 ord", "INC-0001 action 1"]


def test_the_ticket_of_an_item_that_was_deleted_is_told_and_the_item_is_followed_all_the_same(desk: Desk) -> None:
    incident = desk.declare()
    add(desk, incident)
    del desk.jira.issues[desk.issues[1].id]

    desk.round()
    desk.round()

    assert len(desk.told(incident)) == 1
    assert len(desk.issues) == 1
    _, action = desk.run(desk.afterwards.done(incident, 1, "Grace"))
    assert action.done_by == "Grace"


# Reviews of the playbook.


def reviewed(desk: Desk, day: date) -> None:
    playbook = desk.house.config.playbook.model_copy(update={"reviewed": day})
    desk.house.config = desk.house.config.model_copy(update={"playbook": playbook})


def test_a_review_that_is_due_is_one_ticket_over_rounds_and_restarts_until_it_was_done(desk: Desk) -> None:
    reviewed(desk, date(2025, 11, 1))

    desk.round()
    desk.round()
    desk.use("jira")  # as after a restart: another worker, and the ledger as it is
    desk.rounds = Rounds(desk.house, desk.afterwards)
    desk.round()

    [issue] = desk.issues
    assert issue.fields["summary"] == "Review the playbook: due since 2026-01-30"
    desk.use("jira", "notion")
    desk.round()
    desk.round()
    assert [page.title for page in desk.notion.pages] == ["Review the playbook: due since 2026-01-30"]

    reviewed(desk, date(2026, 3, 1))
    desk.round()
    desk.round()  # a close waits for those of the trackers before
    assert not issue.is_open
    assert desk.notion.pages[0].status == "Done"
    assert len(desk.issues) == 1


def test_who_closes_the_ticket_of_a_review_is_left_alone(desk: Desk) -> None:
    reviewed(desk, date(2025, 11, 1))
    desk.round()
    desk.issues[0].status = DONE

    desk.round()

    assert not desk.issues[0].is_open
    assert len(desk.issues) == 1

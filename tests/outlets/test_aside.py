"""The draft of a postmortem in a tracker: a ticket of its own, whose questions are people's from the beginning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fake_github import API as GITHUB_API
from fake_github import FakeGithub
from fake_jira import FakeJira
from fake_notion import API as NOTION_API
from fake_notion import SOURCE, FakeNotion
from faults import Fault, Peer
from pydantic import SecretStr

from monitor.config import Github, Jira, Notion
from monitor.ledger.records import Effect, EffectKind
from monitor.outlets.aside import Aside
from monitor.outlets.github.site import GithubSite
from monitor.outlets.jira.site import JiraSite
from monitor.outlets.markup import adf
from monitor.outlets.notion.site import NotionSite
from monitor.outlets.outlet import DeliveryOutcome, Message
from monitor.outlets.tickets import TicketOutlet

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ULID = "01JNQ0000000000000000000ZZ"
CREATE, UPDATE, CLOSE = EffectKind.CREATE, EffectKind.UPDATE, EffectKind.CLOSE
DRAFT = Message(
    incident=ULID, number=1, service="orders", title="Postmortem of INC-0001: orders", severity="SEV2",
    status="resolved", markdown="# Postmortem\n\nas of then\n", update="postmortem due", document={},
    notes="\n## Root cause\n\n_What changed before it began?_\n",
)  # fmt: skip
TICKET = replace(DRAFT, title="INC-0001 SEV2 orders", markdown="# INC-0001\n", notes="", status="open")


@dataclass
class Place:
    """A tracker with an outlet for incidents and one for drafts, and how a person reads its tickets from the top."""

    peer: Peer
    incidents: TicketOutlet
    drafts: Aside
    read: Callable[[], list[str]]
    open: Callable[[], list[bool]]


def place(kind: str) -> Place:
    def outlets(site: Any, peer: Peer) -> tuple[TicketOutlet, Aside]:
        own = TicketOutlet("tracker", site, now=peer.now)
        beside = TicketOutlet("tracker.postmortems", site, now=peer.now)
        return own, Aside("tracker.postmortems", "postmortem", beside)

    token = SecretStr("t")
    if kind == "github":
        github = FakeGithub()
        site = GithubSite(Github(repository="example/ops", token=token, url=GITHUB_API), github.connect, github.now)
        return Place(
            github,
            *outlets(site, github),
            lambda: [issue.body for issue in github.issues],
            lambda: [issue.is_open for issue in github.issues],
        )
    if kind == "notion":
        notion = FakeNotion()
        where = Notion(data_source=SOURCE, token=token, url=NOTION_API)
        return Place(
            notion,
            *outlets(NotionSite(where, notion.connect, notion.now, notion.sleep), notion),
            lambda: [" ".join(notion.read_all(page.id)) for page in notion.pages],
            lambda: [page.status == "Doing" for page in notion.pages],
        )
    jira = FakeJira(version=3 if kind == "cloud" else 2)
    settings = {"url": "https://jira.example", "project": "OPS", "user": "bot", "token": token}
    api = "cloud" if kind == "cloud" else "data center"
    told = JiraSite(Jira.model_validate(settings | {"api": api}), jira.connect, jira.now)

    def words(description: Any) -> str:
        return description if isinstance(description, str) else adf.text_of(description)

    return Place(
        jira,
        *outlets(told, jira),
        lambda: [words(issue.fields["description"]) for issue in jira.issues.values()],
        lambda: [issue.is_open for issue in jira.issues.values()],
    )


def effect(order: int, kind: EffectKind, outlet: str = "tracker.postmortems", attempts: int = 1) -> Effect:
    return Effect(
        key=f"{ULID}/{outlet}/{order:04d}/{kind}", incident=ULID, service="orders", outlet=outlet, kind=kind,
        order=order, created_at=T0, next_at=T0, attempts=attempts,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["cloud", "data center", "github", "notion"])
def test_a_draft_is_a_ticket_beside_the_incidents_and_its_questions_are_never_written_over(kind: str) -> None:
    at = place(kind)
    own = at.incidents.deliver(effect(1, CREATE, "tracker"), TICKET, "")
    made = at.drafts.deliver(effect(1, CREATE), DRAFT, "")
    assert made.outcome is DeliveryOutcome.CONFIRMED
    assert made.external_id != own.external_id

    updated = at.drafts.deliver(effect(2, UPDATE), replace(DRAFT, markdown="an action item"), made.external_id)
    at.incidents.deliver(effect(2, UPDATE, "tracker"), replace(TICKET, update="more"), own.external_id)

    assert (updated.outcome, updated.merged) == (DeliveryOutcome.CONFIRMED, 0), "none is a duplicate of the other"
    ticket, draft = at.read()
    assert "INC-0001" in ticket
    assert "Root cause" not in ticket
    assert "as of then" not in draft
    assert draft.index("an action item") < draft.index("What changed before it began")
    assert draft.count("What changed before it began") == 1

    at.drafts.deliver(effect(3, CLOSE), DRAFT, made.external_id)
    assert at.open() == [True, False]


@pytest.mark.parametrize("kind", ["cloud", "data center", "github", "notion"])
def test_a_draft_whose_answer_was_lost_is_found_again_and_not_the_incidents_ticket(kind: str) -> None:
    at = place(kind)
    own = at.incidents.deliver(effect(1, CREATE, "tracker"), TICKET, "")
    left = [Fault.DROPPED]
    at.peer.plan = lambda asked: left.pop() if left and asked.changes else None
    assert at.drafts.deliver(effect(1, CREATE), DRAFT, "").outcome is DeliveryOutcome.AMBIGUOUS

    found = at.drafts.reconcile(effect(1, CREATE, attempts=2), "")

    assert found is not None
    assert found.outcome is DeliveryOutcome.CONFIRMED
    assert found.external_id != own.external_id
    assert len(at.read()) == 2

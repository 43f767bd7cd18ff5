"""An incident's issue on GitHub, from its creation to its end, and what people do meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fake_github import API, LIMIT, FakeGithub, Issue
from faults import Asked, Fault
from pydantic import SecretStr
from vendors import GITHUB, OpenApi, published

from monitor.config import Github
from monitor.ledger.records import Effect, EffectKind
from monitor.outlets.github.body import Body
from monitor.outlets.github.site import GithubSite
from monitor.outlets.markup import github
from monitor.outlets.markup.text import parsed, plain_text
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message
from monitor.outlets.ticket import Mark
from monitor.outlets.tickets import PATIENCE, SETTLING, TicketOutlet

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ULID = "01JNQ0000000000000000000ZZ"
TOKEN = "s3cr3t-of-github"
CREATE, UPDATE, CLOSE, REOPEN = EffectKind.CREATE, EffectKind.UPDATE, EffectKind.CLOSE, EffectKind.REOPEN
CONFIRMED, REFUSED, RETRY = DeliveryOutcome.CONFIRMED, DeliveryOutcome.REFUSED, DeliveryOutcome.RETRY
AMBIGUOUS, UNAUTHORISED = DeliveryOutcome.AMBIGUOUS, DeliveryOutcome.UNAUTHORISED

MESSAGE = Message(
    incident=ULID,
    number=1,
    service="orders",
    title="INC-0001 SEV2 orders: HTTP 503",
    severity="SEV2",
    status="open",
    markdown="# INC-0001\n\n- orders/live: **503**\n",
    update="orders does not answer",
    document={},
)


def effect(order: int, kind: EffectKind = UPDATE, attempts: int = 1) -> Effect:
    return Effect(
        key=f"{ULID}/github/{order:04d}/{kind}", incident=ULID, service="orders", outlet="github", kind=kind,
        order=order, created_at=T0, next_at=T0, attempts=attempts,
    )  # fmt: skip


class Desk:
    """An outlet to a GitHub of its own, and an incident that goes on effect by effect."""

    def __init__(self, **more: Any) -> None:
        self.github = FakeGithub()
        settings = {"repository": "example/ops", "token": SecretStr(TOKEN), "url": API} | more
        site = GithubSite(Github.model_validate(settings), connect=self.github.connect, now=self.github.now)
        self.outlet = TicketOutlet("github", site, now=self.github.now)
        self.known = ""
        self.order = 0

    def send(self, kind: EffectKind = UPDATE, attempts: int = 1, again: bool = False, **more: Any) -> Delivery:
        self.order += 0 if again else 1
        message = replace(MESSAGE, **{"update": f"update {self.order}", **more})
        delivery = self.outlet.deliver(effect(self.order, kind, attempts), message, self.known)
        self.known = delivery.external_id or self.known
        return delivery

    def ask(self, kind: EffectKind = UPDATE) -> Delivery | None:
        found = self.outlet.reconcile(effect(self.order, kind, 2), self.known)
        self.known = (found and found.external_id) or self.known
        return found

    @property
    def issue(self) -> Issue:
        return self.github.issues[0]

    @property
    def said(self) -> list[str]:
        return [text.split("\n")[0] for text in self.issue.comments]

    def fail(self, fault: Fault, of: Callable[[Asked], bool] = lambda asked: asked.changes) -> None:
        left = [fault]
        self.github.plan = lambda asked: left.pop() if left and of(asked) else None


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_whole_life_of_an_issue(desk: Desk) -> None:
    made = desk.send(CREATE)
    assert made == Delivery(
        outcome=CONFIRMED, detail="example/ops#1: created", external_id="example/ops#1",
        url="https://github.example/example/ops/issues/1",
    )  # fmt: skip
    assert desk.issue.labels == ["watchkeeper"]
    assert desk.github.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    assert desk.github.headers[0]["X-GitHub-Api-Version"] == "2022-11-28"

    desk.send(UPDATE)
    desk.send(CLOSE, status="resolved")
    assert (desk.issue.is_open, desk.issue.state_reason) == (False, "completed")
    desk.send(REOPEN)
    assert desk.issue.is_open
    assert desk.said == ["update 2", "update 3", "update 4"]


def test_each_effect_is_applied_once_however_often_it_is_sent(desk: Desk) -> None:
    for kind in (CREATE, UPDATE, CLOSE, REOPEN):
        desk.send(kind)
        again = desk.send(kind, attempts=2, again=True)
        assert again.detail == "example/ops#1: was applied before"
        assert desk.ask(kind) == again

    assert len(desk.said) == 3


def test_what_people_write_around_our_part_is_kept_also_as_a_browser_sends_it(desk: Desk) -> None:
    desk.send(CREATE)
    desk.issue.body = f"rolled back\n{desk.issue.body}\nat noon".replace("\n", "\r\n")

    desk.send(UPDATE, markdown="new words")
    desk.send(UPDATE, markdown="newest words")

    assert desk.issue.body.startswith("rolled back\n<!-- watchkeeper {")
    assert desk.issue.body.endswith("is kept -->\nat noon")
    assert "newest words" in desk.issue.body
    assert "new words" not in desk.issue.body
    assert Body.parse(desk.issue.body).mark.order == 3


def test_of_a_body_whose_comment_was_removed_nothing_is_lost(desk: Desk) -> None:
    desk.send(CREATE)
    desk.issue.body = desk.issue.body.split("<!-- watchkeeper end")[0] + "a sentence of theirs"

    desk.send(UPDATE, markdown="new words")

    assert desk.issue.body.count("<!-- watchkeeper {") == 1
    assert "new words" in desk.issue.body
    assert desk.issue.body.endswith("a sentence of theirs")


def test_what_a_person_closed_stays_closed_and_that_is_said_once(desk: Desk) -> None:
    desk.send(CREATE)
    desk.issue.is_open = False

    assert desk.send(UPDATE).detail == "example/ops#1: updated; closed by a person, not reopened"
    desk.send(UPDATE)

    assert not desk.issue.is_open
    assert ["closed by a person" in text for text in desk.issue.comments] == [True, False]


def test_an_issue_that_was_transferred_is_followed(desk: Desk) -> None:
    desk.send(CREATE)
    desk.github.moved[1] = replace(desk.github.issues.pop(), repository="example/other", number=7)

    moved = desk.send(UPDATE)

    assert moved.detail == "example/other#7: updated; moved to example/other"
    assert moved.external_id == "example/other#7"
    assert desk.send(CLOSE, status="resolved").detail == "example/other#7: closed; moved to example/other"


def test_an_issue_that_was_deleted_is_not_made_again(desk: Desk) -> None:
    desk.send(CREATE)
    desk.github.deleted.add(1)

    refused = desk.send(UPDATE)

    assert refused.outcome is REFUSED
    assert refused.detail.startswith("example/ops#1 was deleted, or our user may not see it any more")


def test_a_conversation_that_a_person_locked_stops_no_other(desk: Desk) -> None:
    desk.send(CREATE)
    desk.issue.locked = True

    refused = desk.send(UPDATE)

    assert refused.outcome is REFUSED
    assert refused.detail == "example/ops#1 is locked: unlock it, or let our user write there"


def test_labels_that_were_dropped_are_told(desk: Desk, said: list[str]) -> None:
    desk.github.pushes = False

    made = desk.send(CREATE)

    remedy = "without its labels, by which it is found again: give our user the triage role on example/ops"
    assert (made.outcome, made.detail) == (CONFIRMED, f"example/ops#1: created; {remedy}")
    assert said == [f"outlet github: example/ops#1 is {remedy}"]


@pytest.mark.parametrize("fault", [Fault.AFTER, Fault.DROPPED, Fault.TORN])
def test_an_issue_whose_answer_was_lost_is_found_in_the_list(desk: Desk, fault: Fault) -> None:
    desk.fail(fault)
    assert desk.send(CREATE).outcome is AMBIGUOUS

    found = desk.ask(CREATE)

    assert found is not None
    assert (found.outcome, found.external_id) == (CONFIRMED, "example/ops#1")


def test_a_duplicate_that_turns_up_later_is_closed(desk: Desk) -> None:
    desk.github.lag = lambda: PATIENCE + 60
    desk.fail(Fault.DROPPED)
    desk.send(CREATE)
    desk.ask(CREATE)
    desk.github.now.seconds = PATIENCE
    assert desk.ask(CREATE) is None
    assert desk.send(CREATE, attempts=3, again=True).external_id == "example/ops#2"

    desk.github.now.seconds = PATIENCE + 60
    assert desk.send(UPDATE).merged == 1
    assert desk.send(UPDATE).merged == 0

    first, second = desk.github.issues
    assert (first.is_open, first.state_reason, second.is_open) == (False, "not_planned", True)
    assert "It goes on there: example/ops#\u200b2, https://github.example/example/ops/issues/2\n" in first.comments[0]


def test_what_another_incident_or_a_pull_request_has_is_not_ours(desk: Desk) -> None:
    desk.send(CREATE)
    other = desk.issue.body.replace(ULID, "01JNQ0000000000000000000YY")
    desk.github.issues += [
        Issue(2, "another", other, ["watchkeeper"], 0.0),
        Issue(3, "a change", desk.issue.body, ["watchkeeper"], 0.0, is_pull_request=True),
    ]

    assert desk.send(UPDATE).merged == 0
    assert all(issue.is_open for issue in desk.github.issues)


def test_a_comment_is_found_again_among_hundreds(desk: Desk) -> None:
    desk.send(CREATE)
    desk.fail(Fault.DROPPED, lambda asked: asked.path.endswith("/comments"))
    assert desk.send(UPDATE).outcome is AMBIGUOUS
    desk.issue.comments[:] = ["of a person"] * 250 + desk.issue.comments + ["of a person"] * 60

    desk.ask()
    desk.github.now.seconds = SETTLING
    assert desk.ask() is None
    assert desk.send(UPDATE, attempts=2, again=True).outcome is CONFIRMED
    assert sum("watchkeeper" in text for text in desk.issue.comments) == 1


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        ((429, {"message": "API rate limit exceeded"}), 60.0),
        ((403, {"message": "You have exceeded a secondary rate limit. Please wait."}), 60.0),
    ],
)
def test_a_limit_is_no_word_on_our_credentials(desk: Desk, answer: tuple[int, Any], seconds: float) -> None:
    desk.github.obey = lambda _asked: answer

    limited = desk.send(CREATE)
    asked = len(desk.github.log)
    held_back = desk.send(CREATE, attempts=2, again=True)

    assert (limited.outcome, limited.retry_after) == (RETRY, seconds)
    assert (held_back.outcome, len(desk.github.log)) == (RETRY, asked)


def test_credentials_that_are_refused_pause_the_outlet_and_are_not_shown(desk: Desk) -> None:
    desk.github.obey = lambda _asked: (403, {"message": f"Resource not accessible by {TOKEN}"})

    refused = desk.send(CREATE)

    assert refused.outcome is UNAUTHORISED
    assert refused.detail == "api.github.example answered 403: Resource not accessible by ***"
    assert TOKEN not in repr(desk.outlet)


# Texts.


def test_a_megabyte_fits_and_says_that_it_was_cut(desk: Desk) -> None:
    made = desk.send(CREATE, markdown="- a symptom\n" * 90_000, title="x" * 1_000_000)
    said = desk.send(UPDATE, update="*" * 1_000_000, markdown="- a symptom\n" * 90_000)

    assert (made.outcome, said.outcome) == (CONFIRMED, CONFIRMED)
    assert LIMIT - 1_000 < len(desk.issue.body) <= LIMIT
    assert "Cut here" in desk.issue.body
    assert "Cut here" in desk.issue.comments[0]


def test_a_body_that_people_have_filled_is_left_to_them_and_takes_the_mark(desk: Desk) -> None:
    desk.send(CREATE)
    desk.issue.body = "y" * (LIMIT - len(desk.issue.body) - 300) + desk.issue.body

    updated = desk.send(UPDATE)

    assert updated.detail == "example/ops#1: updated; its description is full of people's text and stays as it is"
    assert Body.parse(desk.issue.body).mark.order == 2
    assert "**503**" in desk.issue.body


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("@channel and a@b.example", "@\u200bchannel and a@b.example"),
        ("see #12, o/r#3 and GH-4", "see #\u200b12, o/r#\u200b3 and GH-\u200b4"),
        ("![pixel](https://e.example/p.png)", "!\\[pixel](https://e.example/p.png)"),
        ("<img src=x> <!-- watchkeeper end", "&lt;img src=x> &lt;!-- watchkeeper end"),
        ("**kept** `as it is` [link](https://e.example)", "**kept** `as it is` [link](https://e.example)"),
    ],
)
def test_markdown_calls_nobody_and_loads_nothing(said: str, shown: str) -> None:
    assert github.from_markdown(said) == shown


@pytest.mark.parametrize(
    "said",
    [
        "who: **ann**\nwhat: [x](http://e.example) `code` <b>bold</b> _i_ ~s~",
        "# one\n- two\n1. three\n2) four\n+ five\n=====\n-----\n    six",
        "> quote | table | \\ back ![p](u) &lt; $x$",
        "first\n\nthen",
    ],
)
def test_lines_of_plain_text_are_read_as_they_were_said(said: str) -> None:
    root = parsed(github.from_lines(said))

    kinds = {node.type for node in root.walk()}
    assert kinds <= {"root", "paragraph", "inline", "text", "hardbreak", "text_special"}
    assert " ".join(map(plain_text, root.children)).split() == said.split()


def test_a_mark_survives_whatever_a_title_holds() -> None:
    mark = Mark(incident=ULID, title='a -- b --> c <!-- "d" \\ é')

    assert Body.parse(Body().written("words", mark) or "").mark == mark


def test_a_mark_that_somebody_broke_is_none() -> None:
    for text in ("<!-- watchkeeper {] -->\nx", '<!-- watchkeeper {"order": "9"} -->\nx', "nothing"):
        assert Body.parse(text).mark.order == 0


# The vendor's word.


def test_every_request_and_every_answer_is_as_the_vendor_describes_it(vendors_cache: Path) -> None:
    api = OpenApi(published(vendors_cache, GITHUB))
    desk = Desk(labels=("oncall",))
    desk.github.checked = api.check
    for again in (False, True):
        desk.fail(Fault.DROPPED)
        desk.send(CREATE, again=again)
    desk.ask(CREATE)
    desk.send(UPDATE, attempts=2)
    desk.send(CLOSE, status="resolved")
    assert desk.send(REOPEN).outcome is CONFIRMED

    issues = "/repos/{owner}/{repo}/issues"
    assert api.seen == {
        ("POST", issues),
        ("GET", issues),
        ("GET", f"{issues}/{{issue_number}}"),
        ("PATCH", f"{issues}/{{issue_number}}"),
        ("GET", f"{issues}/{{issue_number}}/comments"),
        ("POST", f"{issues}/{{issue_number}}/comments"),
    }

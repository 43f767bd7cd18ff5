"""An incident's ticket in Jira, Cloud and Data Center, from its creation to its end, and what people do meanwhile."""

from __future__ import annotations

import json
import re
import socket
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fake_jira import CANCELLED, DOING, DONE, TO_DOING, TO_DONE, FakeJira, Issue
from faults import Asked, Fault
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from vendors import JIRA, Adf, OpenApi, published
from werkzeug import Request, Response

from monitor.config import Jira
from monitor.core.severity import Severity
from monitor.ledger.records import Effect, EffectKind
from monitor.outlets.jira.dialect import BEGIN, CUT, END
from monitor.outlets.jira.site import JiraSite
from monitor.outlets.markup import adf as documents
from monitor.outlets.outlet import Attachment, Delivery, DeliveryOutcome, Message
from monitor.outlets.tickets import PATIENCE, SETTLING, TicketOutlet

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ULID = "01JNQ0000000000000000000ZZ"
TOKEN = "s3cr3t-of-jira"
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
PICTURE = Attachment("-evidence-traffic.png", "image/png", b"\x89PNG\r\n--x\r\n\x00\xff")
LOGS = Attachment("-evidence-trace.log", "text/plain", b"pool exhausted\r\n")


def effect(order: int, kind: EffectKind = UPDATE, attempts: int = 1) -> Effect:
    return Effect(
        key=f"{ULID}/jira/{order:04d}/{kind}", incident=ULID, service="orders", outlet="jira", kind=kind, order=order,
        created_at=T0, next_at=T0, attempts=attempts,
    )  # fmt: skip


def settings(api: str = "cloud", **more: Any) -> Jira:
    user = "bot@example.org" if api == "cloud" else None
    given = {"url": "https://jira.example", "project": "OPS", "user": user, "token": SecretStr(TOKEN), "api": api}
    return Jira.model_validate(given | more)


class Desk:
    """An outlet to a Jira of its own, and an incident that goes on effect by effect."""

    def __init__(self, api: str = "cloud", **more: Any) -> None:
        self.jira = FakeJira(version=3 if api == "cloud" else 2)
        self.outlet = TicketOutlet(
            "jira", JiraSite(settings(api, **more), connect=self.jira.connect, now=self.jira.now), now=self.jira.now
        )
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
        return self.jira.issues["10001"]

    @property
    def said(self) -> list[str]:
        return [words(comment) for comment in self.issue.comments]

    def fail(self, fault: Fault, of: Callable[[Asked], bool] = lambda asked: asked.changes) -> None:
        """The next request of that kind meets it."""
        left = [fault]
        self.jira.plan = lambda asked: left.pop() if left and of(asked) else None


def words(body: Any) -> str:
    """A comment or a description as one text; a document's blocks are its lines."""
    return body if isinstance(body, str) else "\n".join(documents.text_of(block) for block in body["content"])


@pytest.fixture(params=["cloud", "data center"])
def desk(request: pytest.FixtureRequest) -> Desk:
    return Desk(request.param)


def test_the_day_by_which_it_is_to_be_done_is_a_field_where_the_screen_has_one(desk: Desk, said: list[str]) -> None:
    desk.send(CREATE, due="2026-12-01")
    assert desk.issue.fields["duedate"] == "2026-12-01"

    other = Desk("cloud")
    other.jira.has_due = False
    made = other.send(CREATE, due="2026-12-01")

    lacks = "without its due date: put the field Due date on the screen for creating in OPS"
    assert (made.outcome, made.detail) == (CONFIRMED, f"OPS-1: created; {lacks}")
    assert said == [f"outlet jira: OPS-1 is {lacks}"]
    assert "duedate" not in other.issue.fields
    assert len(other.jira.issues) == 1


def test_a_ticket_is_made_in_one_request_with_all_by_which_it_is_found_again(desk: Desk) -> None:
    made = desk.send(CREATE)

    assert made == Delivery(
        outcome=CONFIRMED, detail="OPS-1: created", external_id="OPS-1", url="https://jira.example/browse/OPS-1"
    )
    assert [asked.method for asked in desk.jira.log] == ["POST"]
    fields = desk.issue.fields
    assert fields["project"] == {"key": "OPS"}
    assert fields["issuetype"] == {"name": "Task"}
    assert fields["summary"] == "INC-0001 SEV2 orders: HTTP 503"
    assert fields["labels"] == ["watchkeeper", f"watchkeeper-{ULID}"]
    assert words(fields["description"]).split("\n")[0] == BEGIN
    assert words(fields["description"]).rstrip().split("\n")[-1] == END
    assert desk.issue.properties["watchkeeper"]["key"] == f"{ULID}/jira/0001/create"
    assert desk.said == []


def test_cloud_is_spoken_to_as_a_user_and_data_center_as_the_token(desk: Desk) -> None:
    desk.send(CREATE)
    both = b64encode(f"bot@example.org:{TOKEN}".encode()).decode()

    [headers] = desk.jira.headers
    assert headers["Authorization"] == (f"Basic {both}" if desk.jira.version == 3 else f"Bearer {TOKEN}")


def test_the_whole_life_of_a_ticket(desk: Desk) -> None:
    desk.send(CREATE)
    details = [
        desk.send(UPDATE).detail,
        desk.send(CLOSE, status="resolved").detail,
        desk.send(REOPEN).detail,
        desk.send(CLOSE, status="resolved").detail,
    ]

    assert details == ["OPS-1: updated", "OPS-1: closed", "OPS-1: open again", "OPS-1: closed"]
    assert desk.issue.status == DONE
    assert [line.split("\n")[0] for line in desk.said] == ["update 2", "update 3", "update 4", "update 5"]
    assert len(desk.jira.issues) == 1


def test_each_effect_is_applied_once_however_often_it_is_sent(desk: Desk) -> None:
    for kind in (CREATE, UPDATE, CLOSE, REOPEN):
        desk.send(kind)
        again = desk.send(kind, attempts=2, again=True)
        assert (again.outcome, again.detail) == (CONFIRMED, "OPS-1: was applied before")
        assert desk.ask(kind) == again

    assert len(desk.said) == 3
    assert len(desk.jira.issues) == 1


def test_what_is_configured_goes_into_the_ticket() -> None:
    desk = Desk(
        issue_type="Incident",
        labels=("oncall",),
        priority={Severity.SEV2: "High", Severity.SEV1: "Highest"},
        close="Cancelled",
    )
    desk.send(CREATE)
    assert desk.issue.fields["issuetype"] == {"name": "Incident"}
    assert desk.issue.fields["labels"][-1] == "oncall"
    assert desk.issue.fields["priority"] == {"name": "High"}

    desk.send(UPDATE, severity="SEV1")
    assert desk.issue.fields["priority"] == {"name": "Highest"}

    desk.issue.fields["priority"] = {"name": "Low"}  # a person lowers it, and the severity does not change
    desk.send(UPDATE, severity="SEV1")
    assert desk.issue.fields["priority"] == {"name": "Low"}

    desk.send(CLOSE)
    assert desk.issue.status == CANCELLED


# What people do to a ticket.


def test_what_people_write_around_our_part_is_kept(desk: Desk) -> None:
    desk.send(CREATE)
    theirs = {"type": "paragraph", "content": [{"type": "text", "text": "rolled back at noon"}]}
    body = desk.issue.fields["description"]
    if desk.jira.version == 3:
        body["content"] = [theirs, *body["content"], theirs]
    else:
        desk.issue.fields["description"] = f"rolled back at noon\n{body}\nrolled back at noon"

    desk.send(UPDATE, markdown="# INC-0001\n\nnew words")
    desk.send(UPDATE, markdown="# INC-0001\n\nnewest words")

    lines = [line for line in words(desk.issue.fields["description"]).split("\n") if line]
    assert lines[0] == lines[-1] == "rolled back at noon"
    assert lines[1] == BEGIN
    assert lines[-2] == END
    assert "newest words" in lines
    assert "new words" not in lines


def test_of_a_description_whose_mark_was_removed_nothing_is_lost(desk: Desk) -> None:
    desk.send(CREATE)
    body = desk.issue.fields["description"]
    if desk.jira.version == 3:
        body["content"] = [block for block in body["content"] if words({"content": [block]}) != END]
    else:
        desk.issue.fields["description"] = body.replace(END, "")

    desk.send(UPDATE, markdown="new words")

    lines = [line.strip() for line in words(desk.issue.fields["description"]).split("\n") if line.strip()]
    assert lines[:3] == [BEGIN, "new words", END]
    assert any("503" in line for line in lines[3:])
    assert lines.count(BEGIN) == 1


def test_a_title_that_a_person_gave_stays(desk: Desk) -> None:
    desk.send(CREATE)
    desk.send(UPDATE, title="INC-0001 SEV1 orders: HTTP 503")
    assert desk.issue.fields["summary"] == "INC-0001 SEV1 orders: HTTP 503"

    desk.issue.fields["summary"] = "Checkout is down"
    desk.send(UPDATE)
    desk.send(UPDATE)

    assert desk.issue.fields["summary"] == "Checkout is down"


def test_what_a_person_closed_stays_closed_and_that_is_said_once(desk: Desk) -> None:
    desk.send(CREATE)
    desk.issue.status = DONE

    assert desk.send(UPDATE).detail == "OPS-1: updated; closed by a person, not reopened"
    assert desk.send(UPDATE).detail == "OPS-1: updated; closed by a person, not reopened"
    assert desk.send(CLOSE, status="resolved").detail == "OPS-1: closed"
    assert desk.send(REOPEN).detail == "OPS-1: open again; closed by a person, not reopened"

    assert desk.issue.status == DONE
    told = ["closed by a person" in comment for comment in desk.said]
    assert told == [True, False, False, True]


def test_what_we_closed_and_a_person_opened_is_not_closed_again_by_an_update(desk: Desk) -> None:
    desk.send(CREATE)
    desk.send(CLOSE, status="resolved")
    desk.issue.status = DOING

    desk.send(UPDATE, status="resolved")

    assert desk.issue.status == DOING


def test_a_ticket_that_was_moved_is_followed(desk: Desk) -> None:
    desk.send(CREATE)
    desk.issue.fields["former"] = ("OPS-1",)
    desk.issue.key = "NEW-1"

    moved = desk.send(UPDATE)

    assert (moved.detail, moved.external_id) == ("NEW-1: updated; moved to NEW", "NEW-1")
    assert moved.url == "https://jira.example/browse/NEW-1"
    assert desk.send(CLOSE).detail == "NEW-1: closed; moved to NEW"


def test_a_ticket_that_was_deleted_is_not_made_again(desk: Desk) -> None:
    desk.send(CREATE)
    desk.jira.issues.clear()

    for answer in (desk.send(UPDATE), desk.ask()):
        assert answer is not None
        assert answer.outcome is REFUSED
        assert answer.detail.startswith("OPS-1 was deleted, or our user may not see it any more")
    assert desk.jira.issues == {}


def test_the_same_words_are_not_said_twice(desk: Desk) -> None:
    desk.send(CREATE)
    desk.send(UPDATE, update="it goes on")
    desk.send(UPDATE, update="it goes on")
    desk.send(UPDATE, update="it ends")

    assert [line.split("\n")[0] for line in desk.said] == ["it goes on", "it ends"]


def test_a_copy_that_a_person_made_is_theirs(desk: Desk) -> None:
    desk.send(CREATE)
    # Jira's clone takes the labels along and no properties.
    desk.jira.create({"fields": dict(desk.issue.fields)})

    assert desk.send(UPDATE).merged == 0
    assert desk.jira.issues["10002"].is_open
    assert desk.jira.issues["10002"].comments == []


# What a workflow or a right does not allow.


def test_a_close_that_the_workflow_refuses_is_told_with_its_remedy_and_in_the_ticket(desk: Desk) -> None:
    desk.jira.transitions = (TO_DOING,)
    desk.send(CREATE)

    refused = desk.send(CLOSE, status="resolved")

    remedy = "no transition leads to a done status from here, only 'Start': give our user the right to it"
    assert refused.outcome is REFUSED
    assert refused.detail == f"OPS-1 stays open: {remedy}"
    assert desk.said[-1].split("\n")[0].replace("\\", "") == (
        f"The incident is resolved, and this ticket could not be closed: {remedy}"
    )


def test_a_refused_close_that_is_tried_again_says_it_once_and_closes_once_it_may(desk: Desk) -> None:
    desk.jira.transitions = (TO_DOING,)
    desk.send(CREATE)
    desk.send(CLOSE, status="resolved")
    said = len(desk.said)

    assert desk.send(CLOSE, attempts=2, again=True, status="resolved").outcome is REFUSED
    assert len(desk.said) == said
    desk.jira.transitions = (TO_DOING, TO_DONE)
    assert desk.send(CLOSE, attempts=3, again=True, status="resolved").detail == "OPS-1: closed"
    assert (desk.issue.status, len(desk.said)) == (DONE, said)


def test_a_ticket_that_is_made_only_to_be_closed_is_known_also_when_it_stays_open(desk: Desk) -> None:
    desk.jira.lag = lambda: 3_600.0
    desk.jira.transitions = (TO_DOING,)
    desk.order = 4  # what came before was refused

    refused = desk.send(CLOSE, status="resolved")

    assert (refused.outcome, refused.external_id) == (REFUSED, "OPS-1")
    desk.jira.transitions = (TO_DOING, TO_DONE)
    assert desk.send(CLOSE, attempts=2, again=True, status="resolved").detail == "OPS-1: closed"
    assert len(desk.jira.issues) == 1


def test_a_refused_close_that_a_person_made_good_is_done(desk: Desk) -> None:
    desk.jira.transitions = (TO_DOING,)
    desk.send(CREATE)
    desk.send(CLOSE, status="resolved")
    desk.issue.status = CANCELLED

    assert desk.send(CLOSE, attempts=2, again=True, status="resolved").outcome is CONFIRMED
    assert desk.issue.status == CANCELLED


def test_a_transition_with_a_field_of_its_own_is_not_guessed(desk: Desk) -> None:
    cause = {"name": "Root cause", "required": True, "hasDefaultValue": False}
    desk.jira.transitions = ({**TO_DONE, "fields": {"customfield_1": cause}},)
    desk.send(CREATE)

    assert desk.send(CLOSE).detail.startswith("OPS-1 stays open: the transition 'Finish' asks for Root cause: ")
    assert not any(asked.path.endswith("/transitions") and asked.method == "POST" for asked in desk.jira.log)


def test_what_nobody_may_edit_once_closed_is_closed_all_the_same_and_opened_before_it_is_written(desk: Desk) -> None:
    desk.jira.frozen = True
    desk.send(CREATE)

    assert desk.send(CLOSE, status="resolved").detail == "OPS-1: closed"
    after = desk.send(UPDATE, status="resolved")
    assert after.outcome is CONFIRMED
    assert after.detail == (
        "OPS-1: updated; its description stays as it is: "
        "jira.example answered 400: The issue cannot be edited in its status."
    )
    assert desk.ask() is not None, "the mark was written apart from the description"
    assert desk.send(REOPEN).detail == "OPS-1: open again"
    assert desk.issue.is_open


def test_a_right_that_is_missing_on_one_ticket_stops_no_other(desk: Desk) -> None:
    desk.send(CREATE)
    desk.jira.forbidden = frozenset({"comment"})

    refused = desk.send(UPDATE)

    assert refused.outcome is REFUSED
    assert refused.detail == (
        "jira.example answered 403: You do not have the permission.: give our user the right to it on OPS-1"
    )


def test_a_create_that_jira_refuses_says_which_field_and_why(desk: Desk) -> None:
    desk.jira.projects = frozenset()

    refused = desk.send(CREATE)

    assert refused == Delivery(outcome=REFUSED, detail="jira.example answered 400: project: valid project is required")


# When an answer is lost.


@pytest.mark.parametrize("fault", [Fault.AFTER, Fault.DROPPED, Fault.TORN])
def test_a_ticket_whose_answer_was_lost_is_found_by_its_label(desk: Desk, fault: Fault) -> None:
    desk.fail(fault)
    assert desk.send(CREATE).outcome is AMBIGUOUS

    found = desk.ask(CREATE)

    assert found == Delivery(
        outcome=CONFIRMED, detail="OPS-1: was applied before", external_id="OPS-1",
        url="https://jira.example/browse/OPS-1",
    )  # fmt: skip
    assert len(desk.jira.issues) == 1


def test_it_is_looked_for_as_long_as_the_search_may_not_know_it(desk: Desk) -> None:
    desk.jira.lag = lambda: PATIENCE
    desk.fail(Fault.DROPPED)
    desk.send(CREATE)

    for second in (0.0, 60.0, PATIENCE - 0.1):
        desk.jira.now.seconds = second
        waits = desk.ask(CREATE)
        assert waits is not None
        assert waits.outcome is RETRY
        left = PATIENCE - second
        assert waits.detail == (f"jira.example: not known whether the ticket was created; looked at {left:.0f} s more")
    desk.jira.now.seconds = PATIENCE

    assert desk.ask(CREATE) == Delivery(
        outcome=CONFIRMED, detail="OPS-1: was applied before", external_id="OPS-1",
        url="https://jira.example/browse/OPS-1",
    )  # fmt: skip


def test_what_was_not_found_in_that_time_is_made_and_if_that_is_lost_too_looked_for_anew(desk: Desk) -> None:
    desk.fail(Fault.TIMEOUT)
    assert desk.send(CREATE).outcome is AMBIGUOUS
    assert desk.ask(CREATE) is not None
    desk.jira.now.seconds = PATIENCE
    assert desk.ask(CREATE) is None

    desk.fail(Fault.TIMEOUT)
    assert desk.send(CREATE, attempts=3, again=True).outcome is AMBIGUOUS
    assert desk.ask(CREATE) is not None, "the waiting begins with the second question"
    desk.jira.now.seconds = 2 * PATIENCE
    assert desk.ask(CREATE) is None
    assert desk.send(CREATE, attempts=5, again=True).outcome is CONFIRMED
    assert len(desk.jira.issues) == 1


def test_a_duplicate_that_turns_up_later_is_tied_to_the_ticket_and_closed(desk: Desk, said: list[str]) -> None:
    desk.jira.lag = lambda: PATIENCE + 60
    desk.fail(Fault.DROPPED)
    desk.send(CREATE)
    desk.ask(CREATE)
    desk.jira.now.seconds = PATIENCE
    assert desk.ask(CREATE) is None
    assert desk.send(CREATE, attempts=3, again=True).external_id == "OPS-2"

    assert desk.send(UPDATE).merged == 0
    desk.jira.now.seconds = PATIENCE + 60
    assert desk.send(UPDATE).merged == 1
    assert desk.send(UPDATE).merged == 0

    first, second = desk.jira.issues.values()
    assert (first.is_open, second.is_open) == (False, True)
    assert first.links == [("Duplicate", "OPS-1", "OPS-2")]
    assert words(first.comments[0]).startswith(
        "A duplicate, made because the answer to its creation was lost. "
        "It goes on there: OPS-2, https://jira.example/browse/OPS-2"
    )
    assert said == ["outlet jira: OPS-1 is a duplicate of OPS-2 and is closed"]


def test_of_two_that_are_found_before_either_is_known_the_elder_stays(desk: Desk) -> None:
    for _ in range(2):
        desk.fail(Fault.DROPPED)
        desk.send(CREATE, again=bool(desk.order))

    assert desk.ask(CREATE).external_id == "OPS-1"
    assert desk.send(UPDATE).merged == 1
    assert [issue.is_open for issue in desk.jira.issues.values()] == [True, False]


@pytest.mark.parametrize("step", ["comment", "transitions", "OPS-1"])
@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER, Fault.DROPPED, Fault.TIMEOUT, Fault.LIMITED])
@pytest.mark.parametrize("kind", [UPDATE, CLOSE, REOPEN])
def test_an_effect_that_broke_off_at_any_step_goes_on_from_there(
    desk: Desk, step: str, fault: Fault, kind: EffectKind
) -> None:
    desk.send(CREATE)
    if kind is REOPEN:
        desk.send(CLOSE, status="resolved")
    before = len(desk.said)
    desk.fail(fault, lambda asked: asked.changes and asked.path.endswith(step))

    delivery = desk.send(kind)
    if delivery.outcome is AMBIGUOUS:
        # What may still be on its way is waited for.
        for second in (0.0, SETTLING - 0.1):
            desk.jira.now.seconds = second
            assert (desk.ask(kind) or delivery).outcome in (RETRY, CONFIRMED)
        desk.jira.now.seconds = SETTLING
        delivery = desk.ask(kind) or delivery
    desk.jira.now.seconds += 60
    if delivery.outcome is not CONFIRMED:
        delivery = desk.send(kind, attempts=2, again=True)

    assert delivery.outcome is CONFIRMED
    assert len(desk.said) == before + 1
    assert desk.issue.is_open is (kind is not CLOSE)
    assert desk.issue.properties["watchkeeper"]["order"] == desk.order


# Limits, credentials and secrets.


def test_a_limit_is_the_whole_sites_and_is_waited_out(desk: Desk) -> None:
    desk.send(CREATE)
    desk.fail(Fault.LIMITED)
    limited = desk.send(UPDATE)
    asked = len(desk.jira.log)

    assert (limited.outcome, limited.retry_after) == (RETRY, 5.0)
    desk.jira.now.seconds = 4.0
    held_back = desk.send(UPDATE, attempts=2, again=True)
    assert (held_back.outcome, held_back.retry_after) == (RETRY, 1.0)
    assert len(desk.jira.log) == asked, "nothing was asked meanwhile"
    desk.jira.now.seconds = 5.0
    assert desk.send(UPDATE, attempts=3, again=True).outcome is CONFIRMED


def test_credentials_that_are_refused_pause_the_outlet(desk: Desk) -> None:
    desk.jira.obey = lambda _asked: (401, {"message": f"Client must be authenticated, not {TOKEN}."})

    refused = desk.send(CREATE)

    assert refused.outcome is UNAUTHORISED
    assert refused.detail == "jira.example answered 401: Client must be authenticated, not ***."


@pytest.mark.parametrize("answer", [{}, [], {"key": "OPS-1"}, {"key": None, "id": "x"}, "ok", None])
def test_something_else_that_answers_under_that_address_is_told_as_such(desk: Desk, answer: Any) -> None:
    desk.jira.obey = lambda _asked: (200, answer)

    made, asked = desk.send(CREATE), desk.ask(CREATE)

    assert made.outcome is AMBIGUOUS
    assert made.detail.startswith("jira.example answered in a form that is not known (")
    assert asked is not None
    assert asked.outcome is RETRY


def test_nothing_of_the_credentials_is_shown(desk: Desk) -> None:
    shown = repr(desk.outlet) + repr(vars(desk.outlet)) + repr(settings())

    assert TOKEN not in shown
    assert b64encode(f"bot@example.org:{TOKEN}".encode()).decode() not in shown


def test_over_a_real_connection_it_is_the_same(httpserver: HTTPServer) -> None:
    jira = FakeJira()

    def obey(request: Request) -> Response:
        body = request.get_json() if request.data else None
        status, document = jira.obey(Asked(request.method, request.path, dict(request.args), body))
        return Response("" if document is None else json.dumps(document), status, content_type="application/json")

    httpserver.expect_request(re.compile("/rest/.*")).respond_with_handler(obey)
    outlet = TicketOutlet("jira", JiraSite(settings(url=httpserver.url_for("").rstrip("/"))))
    known = ""
    for order, kind in enumerate((CREATE, UPDATE, CLOSE, REOPEN), 1):
        delivery = outlet.deliver(effect(order, kind), replace(MESSAGE, update=f"update {order}"), known)
        assert delivery.outcome is CONFIRMED
        known = delivery.external_id

    [issue] = jira.issues.values()
    assert (known, issue.status, len(issue.comments)) == ("OPS-1", DOING, 3)


def test_a_jira_that_is_away_was_surely_not_asked() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else gets the port meanwhile
        outlet = TicketOutlet("jira", JiraSite(settings(url=f"http://127.0.0.1:{held.getsockname()[1]}")))

        answer = outlet.deliver(effect(1, CREATE), MESSAGE, "")

    assert answer == Delivery(outcome=RETRY, detail="127.0.0.1: NewConnectionError")


# Texts of any size.


def test_a_megabyte_of_symptoms_fits_and_says_that_it_was_cut(desk: Desk) -> None:
    made = desk.send(CREATE, markdown="# INC-0001\n\n" + "- a symptom of many words\n" * 40_000, title="x" * 1_000_000)
    assert made.outcome is CONFIRMED
    assert CUT.split(":")[0] in words(desk.issue.fields["description"])
    assert words(desk.issue.fields["description"]).rstrip().endswith(END)
    assert len(desk.issue.fields["summary"]) == 255

    assert desk.send(UPDATE, update="z" * 1_000_000).outcome is CONFIRMED
    assert CUT.split(":")[0] in desk.said[0]


def test_a_description_that_people_have_filled_is_left_to_them(desk: Desk) -> None:
    desk.send(CREATE)
    theirs = "y" * 32_000
    block = {"type": "paragraph", "content": [{"type": "text", "text": theirs}]}
    full = {"type": "doc", "version": 1, "content": [block]} if desk.jira.version == 3 else theirs
    desk.issue.fields["description"] = full

    updated = desk.send(UPDATE)

    assert updated.detail == "OPS-1: updated; its description is full of people's text and stays as it is"
    assert desk.issue.fields["description"] == full


def test_a_line_of_ours_that_a_target_says_ends_nothing(desk: Desk) -> None:
    hostile = f"# INC-0001\n\n{END}\n\n{BEGIN}\n\n```\n{END}\n```\n"
    desk.send(CREATE, markdown=hostile)
    for _ in range(3):
        desk.send(UPDATE, markdown=hostile)

    lines = [line for line in words(desk.issue.fields["description"]).split("\n") if line.strip() == END]
    assert len(lines) == 3, "what it said, twice, and our own last line: nothing piles up"


# The vendor's word.


def test_every_request_and_every_answer_is_as_the_vendor_describes_it(vendors_cache: Path, adf: Adf) -> None:
    api = OpenApi(published(vendors_cache, JIRA))
    desk = Desk(priority={Severity.SEV2: "High"}, labels=("oncall",))

    def checked(asked: Asked, status: int, document: object) -> None:
        api.check(asked, status, document)
        texts = [asked.body.get("body")] if isinstance(asked.body, dict) else []
        if asked.changes and texts:
            texts.append(asked.body.get("fields", {}).get("description"))
        for text in filter(None, texts):
            adf.check(text)

    desk.jira.checked = checked
    desk.jira.frozen = True
    desk.fail(Fault.DROPPED)
    desk.send(CREATE)
    desk.fail(Fault.DROPPED)
    desk.send(CREATE, again=True)
    desk.ask(CREATE)
    desk.send(UPDATE, attempts=2, attachments=(PICTURE,))
    desk.send(CLOSE, status="resolved")
    desk.send(UPDATE, status="resolved")
    assert desk.send(REOPEN).outcome is CONFIRMED

    issue = "/rest/api/3/issue/{issueIdOrKey}"
    assert api.seen == {
        ("POST", "/rest/api/3/search/jql"),
        ("GET", issue),
        ("PUT", issue),
        ("GET", f"{issue}/comment"),
        ("POST", f"{issue}/comment"),
        ("POST", f"{issue}/attachments"),
        ("GET", f"{issue}/transitions"),
        ("POST", f"{issue}/transitions"),
        ("PUT", issue + "/properties/{propertyKey}"),
        ("POST", "/rest/api/3/issueLink"),
        ("POST", "/rest/api/3/issue"),
    }


def test_the_search_is_the_one_that_is_left_of_the_two(desk: Desk) -> None:
    desk.send(CREATE)
    desk.send(UPDATE)

    [search] = [asked for asked in desk.jira.log if "/search" in asked.path]
    assert search.path == ("/rest/api/3/search/jql" if desk.jira.version == 3 else "/rest/api/2/search")
    assert json.loads(json.dumps(search.body))["jql"] == f'labels = "watchkeeper-{ULID}"'


def test_files_are_attached_to_a_ticket_once_each(desk: Desk) -> None:
    desk.send(CREATE)
    desk.send(attachments=(PICTURE,))
    desk.send(attachments=(PICTURE, LOGS))
    desk.send(attachments=(PICTURE, LOGS))

    assert desk.issue.files == [
        ("evidence-traffic.png", "image/png", PICTURE.content),
        ("evidence-trace.log", "text/plain", LOGS.content),
    ]


def test_a_ticket_that_is_made_late_has_its_files_from_the_start(desk: Desk) -> None:
    made = desk.send(CREATE, attachments=(PICTURE,))

    assert (made.outcome, made.detail) == (CONFIRMED, "OPS-1: created")
    assert [name for name, _, _ in desk.issue.files] == ["evidence-traffic.png"]


@pytest.mark.parametrize("fault", Fault)
def test_files_that_fail_hold_up_nothing_and_the_next_update_brings_what_is_missing(desk: Desk, fault: Fault) -> None:
    desk.send(CREATE)
    desk.fail(fault, of=lambda asked: asked.path.endswith("/attachments"))

    update = desk.send(attachments=(PICTURE,))
    desk.jira.now.seconds += 60  # past the limit that one of them sets, and past what is obeyed late
    desk.jira.catch_up()
    desk.send(attachments=(PICTURE,))

    assert update.outcome is CONFIRMED
    assert [name for name, _, _ in desk.issue.files] == ["evidence-traffic.png"]
    assert len(desk.said) == 2, "each update said once"


def test_where_attachments_are_switched_off_the_text_is_there_all_the_same(desk: Desk) -> None:
    desk.jira.forbidden = frozenset({"attachments"})
    desk.send(CREATE)

    update = desk.send(attachments=(PICTURE,))

    assert update.outcome is CONFIRMED
    assert "its files are not attached: jira.example answered 403" in update.detail

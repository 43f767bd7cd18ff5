"""An incident's page in Notion, from its creation to its end, and what people do meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fake_notion import API, BOT, DATABASE, PERSON, SOURCE, FakeNotion, Page, unfit
from faults import Asked, Fault
from pydantic import SecretStr
from vendors import OpenApi

from monitor.config import Notion
from monitor.ledger.records import Effect, EffectKind
from monitor.outlets.markup import notion as markup
from monitor.outlets.notion.pace import AT_ONCE, EVERY, Pace
from monitor.outlets.notion.site import NotionSite
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message
from monitor.outlets.tickets import PATIENCE, SETTLING, TicketOutlet

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ULID = "01JNQ0000000000000000000ZZ"
TOKEN = "s3cr3t-of-notion"
FIRST = "00000000-0000-0000-0000-000000001000"
CREATE, UPDATE, CLOSE, REOPEN = EffectKind.CREATE, EffectKind.UPDATE, EffectKind.CLOSE, EffectKind.REOPEN
CONFIRMED, REFUSED, RETRY = DeliveryOutcome.CONFIRMED, DeliveryOutcome.REFUSED, DeliveryOutcome.RETRY
AMBIGUOUS, UNAUTHORISED = DeliveryOutcome.AMBIGUOUS, DeliveryOutcome.UNAUTHORISED
SPEC = next((found for above in Path(__file__).parents if (found := above / "shared/specs/notion.json").exists()), None)

MESSAGE = Message(
    incident=ULID,
    number=1,
    service="orders",
    title="INC-0001 SEV2 orders: HTTP 503",
    severity="SEV2",
    status="open",
    markdown="# INC-0001\n\n| | |\n|---|---|\n| Service | orders |\n\n- orders/live: **503**\n  - twice\n",
    update="orders does not answer",
    document={},
)


def effect(order: int, kind: EffectKind = UPDATE, attempts: int = 1) -> Effect:
    return Effect(
        key=f"{ULID}/notion/{order:04d}/{kind}", incident=ULID, service="orders", outlet="notion", kind=kind,
        order=order, created_at=T0, next_at=T0, attempts=attempts,
    )  # fmt: skip


class Desk:
    """An outlet to a Notion of its own, and an incident that goes on effect by effect."""

    def __init__(self, **more: Any) -> None:
        self.notion = FakeNotion()
        settings = {"data_source": SOURCE, "token": SecretStr(TOKEN), "url": API} | more
        peer = self.notion
        site = NotionSite(Notion.model_validate(settings), peer.connect, peer.now, peer.sleep)
        self.outlet = TicketOutlet("notion", site, now=peer.now)
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
    def page(self) -> Page:
        return self.notion.pages[0]

    @property
    def said(self) -> list[str]:
        return [text.split("\n")[0] for text in self.notion.said(self.page)]

    @property
    def boxes(self) -> list[str]:
        return self.notion.boxes(self.page)

    def fail(self, fault: Fault, of: Callable[[Asked], bool] = lambda asked: asked.changes) -> None:
        left = [fault]
        self.notion.plan = lambda asked: left.pop() if left and of(asked) else None


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_whole_life_of_a_page(desk: Desk) -> None:
    made = desk.send(CREATE)
    assert made == Delivery(
        outcome=CONFIRMED, detail=f"{FIRST}: created", external_id=FIRST,
        url="https://www.notion.example/00000000000000000000000000001000",
    )  # fmt: skip
    assert (desk.page.title, desk.page.status) == ("INC-0001 SEV2 orders: HTTP 503", "Doing")
    assert desk.page.mark["incident"] == ULID
    assert desk.notion.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    assert desk.notion.headers[0]["Notion-Version"] == "2026-03-11"

    desk.send(UPDATE)
    desk.send(CLOSE, status="resolved")
    assert desk.page.status == "Done"
    desk.send(REOPEN)
    assert desk.page.status == "Doing"
    assert desk.said == ["update 2", "update 3", "update 4"]
    assert len(desk.boxes) == 1
    assert "orders/live: 503 twice" in desk.boxes[0]


def test_each_effect_is_applied_once_however_often_it_is_sent(desk: Desk) -> None:
    for kind in (CREATE, UPDATE, CLOSE, REOPEN):
        desk.send(kind)
        again = desk.send(kind, attempts=2, again=True)
        assert again.detail == f"{FIRST}: was applied before"
        assert desk.ask(kind) == again

    assert len(desk.said) == 3


def test_what_people_write_around_our_box_is_kept_in_its_place(desk: Desk) -> None:
    desk.send(CREATE)
    theirs = [{"id": name, "type": "heading_2", "heading_2": {"rich_text": []}} for name in ("above", "below")]
    blocks = desk.notion.children[desk.page.id]
    blocks[:] = [theirs[0], *blocks, theirs[1]]

    desk.send(UPDATE, markdown="new words")
    desk.send(UPDATE, markdown="newest words")

    kinds = [block["type"] for block in desk.notion.children[desk.page.id]]
    assert kinds == ["heading_2", "callout", "heading_2", "paragraph", "paragraph"]
    assert [box.endswith("newest words") for box in desk.boxes] == [True]


def test_a_box_that_a_person_removed_is_written_once_more(desk: Desk) -> None:
    desk.send(CREATE)
    desk.notion.children[desk.page.id].clear()

    assert desk.send(UPDATE, markdown="new words").outcome is CONFIRMED

    assert len(desk.boxes) == 1


def test_a_title_that_a_person_gave_stays(desk: Desk) -> None:
    desk.send(CREATE)
    desk.page.properties["title"]["title"] = [{"plain_text": "Orders are down"}]

    desk.send(UPDATE, title="INC-0001 SEV1 orders: HTTP 503")

    assert desk.page.title == "Orders are down"


@pytest.mark.parametrize("option", ["Done", "Won't fix"])
def test_what_a_person_closed_stays_closed_and_that_is_said_once(desk: Desk, option: str) -> None:
    desk.send(CREATE)
    desk.page.properties["Status"]["status"]["name"] = option

    assert desk.send(UPDATE).detail == f"{FIRST}: updated; closed by a person, not reopened"
    desk.send(UPDATE)

    assert desk.page.status == option
    assert ["closed by a person" in text for text in desk.notion.said(desk.page)] == [True, False]


def test_a_page_in_the_trash_is_not_made_again(desk: Desk) -> None:
    desk.send(CREATE)
    desk.page.in_trash = True

    refused = desk.send(UPDATE)

    assert refused.outcome is REFUSED
    assert refused.detail.startswith(f"{FIRST} was deleted, or our user may not see it any more")
    assert len(desk.notion.pages) == 1


def test_a_page_that_was_moved_is_followed_as_far_as_its_properties_went_along(desk: Desk) -> None:
    desk.send(CREATE)
    desk.page.source = "00000000-0000-0000-0000-0000000000ff"
    assert desk.send(UPDATE).detail == f"{FIRST}: updated; moved to 00000000-0000-0000-0000-0000000000ff"

    del desk.page.properties["Status"]
    refused = desk.send(CLOSE, status="resolved")

    assert refused.outcome is REFUSED
    assert refused.detail == f"{FIRST} stays open: it was moved to where pages have no property Status"


def test_the_severity_stands_in_a_column_and_a_persons_word_stays_until_it_changes() -> None:
    desk = Desk(severity="Severity")
    desk.send(CREATE)
    assert desk.page.properties["Severity"]["select"] == {"name": "SEV2"}

    desk.page.properties["Severity"]["select"] = {"name": "SEV4"}
    desk.send(UPDATE)
    assert desk.page.properties["Severity"]["select"] == {"name": "SEV4"}
    desk.send(UPDATE, severity="SEV1")
    assert desk.page.properties["Severity"]["select"] == {"name": "SEV1"}


def test_the_day_by_which_it_is_to_be_done_stands_in_a_column_of_its_own() -> None:
    desk = Desk(due="Due")
    desk.send(CREATE, due="2026-12-01")
    assert desk.page.properties["Due"]["date"] == {"start": "2026-12-01"}

    other = Desk(due="Due")
    other.notion.columns["Due"] = {"type": "rich_text"}
    what = "its property Due is of the type rich_text, not date: Add it, of the type date, or name another one"
    assert told(other) == (RETRY, what)


# Answers that are lost.


@pytest.mark.parametrize("fault", [Fault.AFTER, Fault.DROPPED, Fault.TORN])
def test_a_page_whose_answer_was_lost_is_found_by_its_property(desk: Desk, fault: Fault) -> None:
    desk.fail(fault, lambda asked: asked.path == "/v1/pages")
    assert desk.send(CREATE).outcome is AMBIGUOUS

    found = desk.ask(CREATE)

    assert found is not None
    assert (found.outcome, found.external_id) == (CONFIRMED, FIRST)


def test_a_duplicate_that_turns_up_later_is_closed(desk: Desk) -> None:
    desk.notion.lag = lambda: PATIENCE + 60
    desk.fail(Fault.DROPPED, lambda asked: asked.path == "/v1/pages")
    desk.send(CREATE)
    desk.ask(CREATE)
    desk.notion.now.seconds += PATIENCE
    assert desk.ask(CREATE) is None
    second = desk.send(CREATE, attempts=3, again=True).external_id

    desk.notion.now.seconds += 2 * PATIENCE
    assert desk.send(UPDATE).merged == 1
    assert desk.send(UPDATE).merged == 0

    assert [page.status for page in desk.notion.pages] == ["Done", "Doing"]
    assert f"It goes on there: {second}, https://www.notion.example/" in desk.notion.said(desk.page)[0]


def test_a_copy_that_a_person_made_is_theirs(desk: Desk) -> None:
    desk.send(CREATE)
    desk.notion.pages.append(replace(desk.page, id="00000000-0000-0000-0000-00000000c0b1", author=PERSON))

    assert desk.send(UPDATE).merged == 0
    assert desk.notion.pages[1].author != BOT


def test_a_box_whose_writing_broke_off_is_one_box_in_the_end(desk: Desk) -> None:
    desk.send(CREATE)
    desk.fail(Fault.DROPPED, lambda asked: "position" in json.dumps(asked.body))
    assert desk.send(UPDATE).outcome is AMBIGUOUS
    assert len(desk.boxes) == 2, "the old one stands until the new one surely does"

    desk.ask()
    desk.notion.now.seconds += SETTLING
    assert desk.ask() is None
    assert desk.send(UPDATE, attempts=2, again=True).outcome is CONFIRMED
    assert len(desk.boxes) == 1
    assert desk.said == ["update 2"]


def test_what_was_said_is_found_again_below_hundreds_of_blocks(desk: Desk) -> None:
    desk.send(CREATE)
    desk.fail(Fault.DROPPED, lambda asked: "watchkeeper 01J" in json.dumps(asked.body))
    assert desk.send(UPDATE).outcome is AMBIGUOUS
    theirs = {"id": "x", "type": "paragraph", "paragraph": {"rich_text": []}}
    desk.notion.children[desk.page.id][:0] = [theirs] * 250

    desk.ask()
    desk.notion.now.seconds += SETTLING
    assert desk.ask() is None
    assert desk.send(UPDATE, attempts=2, again=True).outcome is CONFIRMED
    assert sum("update 2" in text for text in desk.said) == 1


# What a person has to see to first.


def told(desk: Desk) -> tuple[DeliveryOutcome, str]:
    delivery = desk.send(CREATE)
    assert desk.notion.pages == []
    return delivery.outcome, delivery.detail.removeprefix("api.notion.example: the data source does not fit: ")


def test_columns_that_are_missing_or_of_another_type_are_told_with_the_remedy_and_nothing_is_lost(desk: Desk) -> None:
    status = desk.notion.columns.pop("Status")
    assert told(desk) == (
        RETRY, "its property Status is not there: Add it, of the type status, or name another one",
    )  # fmt: skip
    desk.notion.columns["Status"] = {"type": "checkbox"}
    assert told(desk) == (
        RETRY,
        "its property Status is of the type checkbox, not status or select: "
        "Add it, of the type status, or name another one",
    )
    desk.notion.columns["Status"] = status
    desk.notion.columns["Watchkeeper"] = {"type": "number"}
    assert told(desk) == (RETRY, "its property Watchkeeper is of the type number, not text: name another one")
    desk.notion.columns["Watchkeeper"] = {"type": "rich_text"}
    assert desk.send(CREATE, again=True).outcome is CONFIRMED


def test_an_option_that_the_status_does_not_have_is_told() -> None:
    desk = Desk(closed="Solved")
    what = "its property Status has no option Solved: name one under closed, of Not started, Doing, Done, Won't fix"
    assert told(desk) == (RETRY, what)

    desk = Desk()
    desk.notion.columns["Status"]["status"]["groups"] = []
    assert told(desk)[1].startswith("its property Status has no group to tell by which option is open: name one")


def test_a_severity_that_is_no_select_is_told() -> None:
    desk = Desk(severity="Name")
    what = "its property Name is of the type title, not select: Add it, of the type select, or name another one"
    assert told(desk) == (RETRY, what)


def test_the_column_for_our_mark_is_made_where_it_is_not_there(desk: Desk) -> None:
    del desk.notion.columns["Watchkeeper"]

    assert desk.send(CREATE).outcome is CONFIRMED

    assert desk.notion.columns["Watchkeeper"]["type"] == "rich_text"
    assert desk.page.mark["incident"] == ULID


def test_a_column_that_was_renamed_meanwhile_is_told_with_the_next_effect(desk: Desk) -> None:
    desk.send(CREATE)
    desk.notion.columns["State"] = desk.notion.columns.pop("Status")

    refused = desk.send(CLOSE, status="resolved")
    assert (refused.outcome, "Status is not a property that exists" in refused.detail) == (REFUSED, True)
    assert desk.send(UPDATE).detail.endswith("or name another one")


def test_a_select_serves_where_there_is_no_status(desk: Desk) -> None:
    desk.notion.columns["Status"] = {"type": "select", "select": {"options": []}}
    desk.send(CREATE)
    assert desk.page.properties["Status"]["select"]["name"] == "In progress"
    desk.send(CLOSE, status="resolved")
    assert desk.page.properties["Status"]["select"]["name"] == "Done"


def test_a_database_with_one_data_source_will_do_and_of_several_one_has_to_be_named() -> None:
    desk = Desk(data_source="", database=DATABASE)
    desk.notion.sources = (SOURCE, FIRST)
    what = "the database has 2 of them: set data_source instead of database, to one of"
    assert told(desk) == (RETRY, f"{what} {SOURCE} (Ops), {FIRST} (Ops)")

    desk.notion.sources = (SOURCE,)
    assert desk.send(CREATE, again=True).outcome is CONFIRMED


def test_what_is_not_shared_with_the_integration_is_waited_for() -> None:
    outcome, detail = told(Desk(data_source=FIRST))

    assert outcome is RETRY
    assert detail == (
        "api.notion.example answered 404: object_not_found: Could not find it.: "
        "see that its id is right, and share it with the integration (Connections in its menu)"
    )


def test_credentials_that_are_refused_pause_the_outlet_and_are_not_shown(desk: Desk) -> None:
    desk.notion.obey = lambda _asked: (401, {"code": "unauthorized", "message": f"API token {TOKEN} is invalid."})

    refused = desk.send(CREATE)

    assert refused.outcome is UNAUTHORISED
    assert refused.detail == "api.notion.example answered 401: unauthorized: API token *** is invalid."
    assert TOKEN not in repr(desk.outlet)


# Limits.


def test_no_more_than_three_requests_a_second_once_some_came_together() -> None:
    desk = Desk()
    slept: list[float] = []
    pace = Pace(desk.notion.now, slept.append)
    for _ in range(AT_ONCE):
        pace.wait()
    assert slept == []
    pace.wait()
    assert slept == [pytest.approx(EVERY)]

    desk.notion.now.seconds += 2 * EVERY  # what was slept, and one more
    pace.wait()
    assert slept == [pytest.approx(EVERY)]


def test_a_limit_is_waited_out_by_the_whole_tracker(desk: Desk) -> None:
    desk.fail(Fault.LIMITED, lambda asked: asked.path == "/v1/pages")
    limited = desk.send(CREATE)
    asked = len(desk.notion.log)
    held_back = desk.send(CREATE, attempts=2, again=True)

    assert (limited.outcome, limited.retry_after) == (RETRY, 5.0)
    assert (held_back.outcome, len(desk.notion.log)) == (RETRY, asked)
    desk.notion.now.seconds += 5.0
    assert desk.send(CREATE, attempts=3, again=True).outcome is CONFIRMED


def test_a_megabyte_fits_and_says_that_it_was_cut(desk: Desk) -> None:
    made = desk.send(CREATE, markdown="- a symptom\n" * 90_000, title="x" * 1_000_000)
    assert len(desk.page.title) == 255
    said = desk.send(UPDATE, update="*" * 1_000_000, markdown="- a symptom\n" * 90_000)

    assert (made.outcome, said.outcome) == (CONFIRMED, CONFIRMED)
    assert max(len(json.dumps(asked.body)) for asked in desk.notion.log) < 500_000
    assert len(desk.boxes) == 1
    assert desk.boxes[0].endswith("The whole is shown by: monitor incident show")
    assert "Cut here" in desk.notion.said(desk.page)[0]


def test_a_long_text_whose_end_did_not_follow_is_whole_with_the_next_update(desk: Desk, said: list[str]) -> None:
    long = "\n\n".join(f"paragraph {n}" for n in range(250))
    desk.fail(Fault.BAD, lambda asked: asked.method == "PATCH")
    made = desk.send(CREATE, markdown=long)

    assert made.outcome is CONFIRMED
    assert "without the end of its text until its next update" in made.detail
    assert said[0].startswith(f"outlet notion: {FIRST} is without the end of its text")
    assert "paragraph 249" not in desk.boxes[0]
    desk.send(UPDATE, markdown=long)
    assert [box.endswith("paragraph 249") for box in desk.boxes] == [True]


# Texts.

HOSTILE = """\
# @channel <img src=x> [a](javascript:alert(1)) [b](http://e.example/\u202e) ![pixel](https://e.example/p.png)

| a | b |
|---|---|
| @here | [c](https://ok.example/x) |
| one |

> quote <script>
> - [d](http://[::1) `code`

1. one
   - two
     - three
       - four
2. `x\x00y` \ud83d *e* ~~f~~

```json
{"a": "```"}
```
---
"""


def test_hostile_text_is_text_and_only_what_is_surely_an_address_is_a_link() -> None:
    blocks = markup.from_markdown(HOSTILE)

    assert unfit([{"type": "callout", "callout": {"rich_text": [], "children": blocks}}]) == ""
    told = json.dumps(blocks)
    links = [span["text"]["link"]["url"] for span in spans(blocks) if "link" in span["text"]]
    assert links == ["http://e.example/%E2%80%AE", "https://e.example/p.png", "https://ok.example/x"]
    assert '"type": "mention"' not in told
    assert '"type": "image"' not in told
    assert "@channel <img src=x>" in told
    assert "\\u0000" not in told
    assert "three" in told
    assert "four" in told


@pytest.mark.parametrize("letter", ["x", "é", "\U0001f525"])
def test_no_piece_is_longer_than_two_thousand_code_units(letter: str) -> None:
    blocks = markup.from_markdown(letter * 5_000)

    assert unfit(blocks) == ""
    assert "".join(span["text"]["content"] for span in spans(blocks)) == letter * 5_000


def spans(blocks: list[Any]) -> list[Any]:
    found = []
    for block in blocks:
        inner = block[block["type"]]
        found += inner.get("rich_text", []) + [span for cell in inner.get("cells", ()) for span in cell]
        found += spans(inner.get("children", []))
    return found


# The vendor's word.


def test_every_request_and_every_answer_is_as_the_vendor_describes_it() -> None:
    if SPEC is None:
        pytest.skip("Notion's description is not at hand: ../shared/specs/notion.json")
    api = OpenApi(mended(json.loads(SPEC.read_text())))
    desk = Desk(data_source="", database=DATABASE, severity="Severity")
    del desk.notion.columns["Watchkeeper"]
    desk.notion.checked = api.check
    desk.fail(Fault.DROPPED, lambda asked: asked.path == "/v1/pages")
    desk.send(CREATE, markdown=HOSTILE + "\n\nx" * 150)
    desk.ask(CREATE)
    desk.send(UPDATE, attempts=2)
    desk.send(CLOSE, status="resolved")
    assert desk.send(REOPEN).outcome is CONFIRMED

    assert api.seen == {
        ("GET", "/v1/users/me"),
        ("GET", "/v1/databases/{database_id}"),
        ("GET", "/v1/data_sources/{data_source_id}"),
        ("PATCH", "/v1/data_sources/{data_source_id}"),
        ("POST", "/v1/data_sources/{data_source_id}/query"),
        ("POST", "/v1/pages"),
        ("GET", "/v1/pages/{page_id}"),
        ("PATCH", "/v1/pages/{page_id}"),
        ("GET", "/v1/blocks/{block_id}/children"),
        ("PATCH", "/v1/blocks/{block_id}/children"),
        ("DELETE", "/v1/blocks/{block_id}"),
    }


def mended(description: Any) -> Any:
    """
    Where the description is behind its own documentation: it knows the parent by its former name, two kinds of blocks
    without children, children that are strings, and no annotations.
    """
    schemas = description["components"]["schemas"]
    source = {"type": {"const": "data_source_id"}, "data_source_id": {"type": "string", "format": "uuid"}}
    schemas["dataSourceIdParentRequest"] = {
        "properties": source,
        "required": list(source),
        "additionalProperties": False,
    }
    schemas["richTextRequest"]["properties"]["annotations"] = {"type": "object"}
    rich = {"type": "array", "items": {"$ref": "#/components/schemas/richTextRequest"}, "maxItems": 100}
    inner = {"type": "object", "properties": {"rich_text": rich, "cells": {"items": rich}}}
    kinds = (
        "paragraph heading_1 heading_2 heading_3 quote code callout bulleted_list_item numbered_list_item "
        "table table_row divider"
    )
    known = {kind: {"$ref": "#/components/schemas/inner"} for kind in kinds.split()}
    block = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}, **known}}
    schemas["blockObjectRequest"] = {**block, "additionalProperties": False, "maxProperties": 2}
    blocks = {"type": "array", "items": {"$ref": "#/components/schemas/blockObjectRequest"}, "maxItems": 100}
    schemas["inner"] = {**inner, "properties": {**inner["properties"], "children": blocks}}
    page = description["paths"]["/v1/pages"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    page["properties"]["children"] = blocks
    return description

"""A text for the public on Statuspage: one incident, one update for each text, and nothing that nobody approved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fake_statuspage import COMPONENTS, PAGE, FakeStatuspage
from faults import Asked, Clock, Fault
from pydantic import SecretStr

from monitor.config import Statuspage
from monitor.ledger.records import Effect, EffectKind
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message, PublicNotice
from monitor.outlets.statuspage.outlet import ARRIVES_WITHIN, StatuspageOutlet

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = "hunter2-of-the-page"
SETTINGS = Statuspage(
    page=PAGE, api_key=SecretStr(KEY), components={"orders": COMPONENTS[0], "payments": COMPONENTS[1]},
    url="https://statuspage.example",
)  # fmt: skip


def notice(number: int = 1, stage: str = "investigating", **changed: object) -> PublicNotice:
    made = PublicNotice(
        number=number, title="Orders are slow", text="We look into it.", stage=stage, services=("orders", "search"),
        notify=False, at=T0 + timedelta(minutes=number),
    )  # fmt: skip
    return replace(made, **changed)  # type: ignore[arg-type]


def message(public: PublicNotice | None, severity: str = "SEV2") -> Message:
    return Message(
        incident="01JNQ", number=1, service="orders", title="INC-0001 SEV2 orders: live: status 503 of 10.0.0.7",
        severity=severity, status="open", markdown="# internal", update="who: Ada", document={}, public=public,
    )  # fmt: skip


def effect(order: int = 1, kind: EffectKind = EffectKind.CREATE, attempts: int = 1) -> Effect:
    return Effect(
        key=f"01JNQ/statuspage/{order:04d}/{kind}", incident="01JNQ", service="orders", outlet="statuspage", kind=kind,
        order=order, created_at=T0, next_at=T0, attempts=attempts,
    )  # fmt: skip


class Page:
    def __init__(self) -> None:
        self.clock = Clock()
        self.there = FakeStatuspage(now=self.clock, known_key=KEY)
        self.outlet = self.restarted()

    def restarted(self) -> StatuspageOutlet:
        return StatuspageOutlet(SETTINGS, connect=self.there.connect, now=self.clock)

    def fails(self, *faults: Fault | None) -> None:
        left = list(faults)
        self.there.plan = lambda _asked: left.pop(0) if left else None

    def texts(self) -> list[str]:
        return [update["body"] for one in self.there.incidents.values() for update in one["incident_updates"]]


@pytest.fixture
def page() -> Page:
    return Page()


def test_an_incident_from_the_first_text_to_the_last(page: Page) -> None:
    first = page.outlet.deliver(effect(), message(notice()), "")
    assert (first.outcome, first.external_id, first.url) == (
        DeliveryOutcome.CONFIRMED, "p00000000001", "https://stspg.example/1"
    )  # fmt: skip
    [made] = page.there.incidents.values()
    assert (made["name"], made["status"], made["impact_override"]) == ("Orders are slow", "investigating", "major")
    assert page.there.components == {COMPONENTS[0]: "partial_outage", COMPONENTS[1]: "operational"}

    found = notice(2, "identified", text="It is the database.")
    page.outlet.deliver(effect(2, EffectKind.UPDATE), message(found, "SEV1"), "p00000000001")
    assert page.there.components[COMPONENTS[0]] == "major_outage"
    over = notice(3, "resolved", text="It is over.")
    done = page.outlet.deliver(effect(3, EffectKind.CLOSE), message(over, "SEV1"), "p00000000001")

    assert done.detail == "p00000000001: text 3 is published"
    assert (len(page.there.incidents), made["status"]) == (1, "resolved")
    assert page.texts() == ["It is over.", "It is the database.", "We look into it."]
    assert set(page.there.components.values()) == {"operational"}


def test_without_an_approved_text_nothing_is_asked(page: Page) -> None:
    told = page.outlet.deliver(effect(), message(None), "")
    assert (told.outcome, told.detail) == (DeliveryOutcome.CONFIRMED, "no text for the public was approved")
    assert page.there.log == []


def test_a_component_stays_down_while_another_incident_that_is_not_over_has_it(page: Page) -> None:
    both = ("orders", "payments")
    page.outlet.deliver(effect(), message(notice(services=both)), "")
    by_hand = {"id": "hand", "name": "Payments", "status": "monitoring", "components": [{"id": COMPONENTS[1]}]}
    page.there.incidents["hand"] = by_hand
    over = message(notice(2, "resolved", services=both))
    page.outlet.deliver(effect(2, EffectKind.CLOSE), over, "p00000000001")
    assert page.there.components == {COMPONENTS[0]: "operational", COMPONENTS[1]: "partial_outage"}

    by_hand["status"] = "resolved"
    again = message(notice(3, "resolved", services=both))
    page.outlet.deliver(effect(3, EffectKind.CLOSE), again, "p00000000001")
    assert page.there.components == dict.fromkeys(COMPONENTS, "operational")


def test_a_service_that_a_later_text_does_not_name_works_again(page: Page) -> None:
    page.outlet.deliver(effect(), message(notice(services=("orders", "payments"))), "")
    page.outlet.deliver(effect(2, EffectKind.UPDATE), message(notice(2)), "p00000000001")
    assert page.there.components == {COMPONENTS[0]: "partial_outage", COMPONENTS[1]: "operational"}


def test_what_people_and_programs_changed_there_stays(page: Page) -> None:
    page.outlet.deliver(effect(), message(notice()), "")
    [made] = page.there.incidents.values()
    made["name"] = "Orders and search are slow"
    made["metadata"]["jira"] = {"issue": "OPS-7"}
    made["components"].append({"id": COMPONENTS[1], "status": "operational"})

    page.outlet.deliver(effect(2, EffectKind.UPDATE), message(notice(2, title="Orders fail")), "p00000000001")

    assert made["name"] == "Orders and search are slow"
    assert made["metadata"]["jira"] == {"issue": "OPS-7"}
    assert [one["id"] for one in made["components"]] == list(COMPONENTS)


def test_a_name_that_nobody_changed_is_that_of_the_newest_text(page: Page) -> None:
    page.outlet.deliver(effect(), message(notice()), "")
    page.outlet.deliver(effect(2, EffectKind.UPDATE), message(notice(2, title="Orders fail")), "p00000000001")
    assert [one["name"] for one in page.there.incidents.values()] == ["Orders fail"]


def test_a_component_that_is_not_there_does_not_keep_back_the_text(page: Page) -> None:
    settings = SETTINGS.model_copy(update={"components": {"orders": "nowhere"}})
    outlet = StatuspageOutlet(settings, connect=page.there.connect, now=page.clock)

    told = outlet.deliver(effect(), message(notice()), "")

    assert told.outcome is DeliveryOutcome.CONFIRMED
    assert told.detail.startswith(
        "p00000000001: text 1 is published, without components: statuspage.example answered 422: 'nowhere' "
    )
    assert told.detail.endswith(": see status_page.statuspage.components")
    assert page.texts() == ["We look into it."]


@pytest.mark.parametrize(("newer", "is_found"), [(999, True), (1000, False)])
def test_what_is_over_is_found_among_the_newest_thousand(page: Page, newer: int, is_found: bool) -> None:
    page.fails(None, Fault.DROPPED)  # the first only asks
    page.outlet.deliver(effect(), message(notice(stage="resolved")), "")
    page.there.incidents |= {f"x{number}": {"id": f"x{number}", "status": "resolved"} for number in range(newer)}

    found = page.outlet.reconcile(effect(), "")

    assert found is not None
    assert found.external_id == ("p00000000001" if is_found else "")


@pytest.mark.parametrize("notify", [True, False])
def test_whether_subscribers_are_mailed_is_said_each_time(page: Page, notify: bool) -> None:
    page.outlet.deliver(effect(), message(notice(notify=notify)), "")
    page.outlet.deliver(effect(2, EffectKind.UPDATE), message(notice(2, notify=notify)), "p00000000001")

    sent = [asked.body["incident"]["deliver_notifications"] for asked in page.there.log if asked.method != "GET"]  # type: ignore[index]
    assert sent == [notify, notify]
    assert page.there.mailed == 2 * notify


def test_a_text_that_is_there_is_not_told_again(page: Page) -> None:
    """Two texts were approved while the page was away: the creation brings the newer one, and the update none."""
    newest = message(notice(2))
    page.outlet.deliver(effect(), newest, "")

    told = page.outlet.deliver(effect(2, EffectKind.UPDATE), newest, "p00000000001")

    assert told.detail == "p00000000001: text 2 was published before"
    assert page.texts() == ["We look into it."]


def test_a_number_that_a_restored_ledger_gives_once_more_is_another_text(page: Page) -> None:
    page.outlet.deliver(effect(), message(notice(2)), "")

    page.outlet.deliver(effect(9), message(notice(2, text="After the restore.", at=T0 + timedelta(hours=1))), "")

    assert page.texts() == ["After the restore.", "We look into it."]
    assert len(page.there.incidents) == 1


@pytest.mark.parametrize("fault", [Fault.AFTER, Fault.DROPPED, Fault.TORN])
def test_a_creation_whose_answer_was_lost_is_found_by_its_mark(page: Page, fault: Fault) -> None:
    page.fails(fault)
    lost = page.outlet.deliver(effect(), message(notice()), "")
    assert lost.outcome is DeliveryOutcome.AMBIGUOUS

    found = page.restarted().reconcile(effect(), "")

    assert isinstance(found, Delivery)
    assert (found.outcome, found.external_id) == (DeliveryOutcome.CONFIRMED, "p00000000001")


def test_what_may_still_arrive_is_waited_for_and_then_sent_again(page: Page) -> None:
    page.fails(Fault.LATE)
    page.outlet.deliver(effect(), message(notice()), "")

    waits = page.outlet.reconcile(effect(), "")
    assert waits is not None
    assert waits.outcome is DeliveryOutcome.RETRY
    assert waits.detail.endswith("not known whether this text is on the page; looked for 60 s more")
    page.clock.seconds += ARRIVES_WITHIN - 0.1
    arrived = page.outlet.reconcile(effect(), "")
    assert arrived is not None
    assert arrived.outcome is DeliveryOutcome.CONFIRMED

    page.fails(Fault.TIMEOUT)
    page.outlet.deliver(effect(2, EffectKind.UPDATE), message(notice(2)), "p00000000001")
    assert page.outlet.reconcile(effect(2), "p00000000001") is not None
    page.clock.seconds += ARRIVES_WITHIN
    assert page.outlet.reconcile(effect(2), "p00000000001") is None, "it never arrived: it is sent again"


def test_another_program_s_metadata_is_none_of_ours(page: Page) -> None:
    strange = ({}, {"watchkeeper": "x"}, {"watchkeeper": {"incident": "01JNQ", "notice": []}}, None)
    for number, metadata in enumerate(strange):
        page.there.incidents[f"x{number}"] = {"id": f"x{number}", "status": "investigating", "metadata": metadata}
    del page.there.incidents["x2"]

    assert page.outlet.reconcile(effect(), "") is not None  # not found, and looked for
    assert page.outlet.deliver(effect(attempts=2), message(notice()), "").external_id == "p00000000001"


@pytest.mark.parametrize("status", [420, 429])
def test_a_limit_is_waited_out_by_the_whole_outlet(page: Page, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page.there, "obey", lambda _asked: (status, {"error": "rate limited"}))
    limited = page.outlet.deliver(effect(), message(notice()), "")
    assert (limited.outcome, limited.retry_after) == (DeliveryOutcome.RETRY, 60.0)
    monkeypatch.undo()

    page.clock.seconds += 59.0
    assert page.outlet.deliver(effect(), message(notice()), "").outcome is DeliveryOutcome.RETRY
    assert len(page.there.log) == 1
    page.clock.seconds += 1.0
    assert page.outlet.deliver(effect(), message(notice()), "").outcome is DeliveryOutcome.CONFIRMED


@pytest.mark.parametrize(
    ("answer", "outcome", "detail"),
    [
        (
            (401, {"error": f"no such key {KEY}"}),
            DeliveryOutcome.UNAUTHORISED,
            "answered 401: no such key ***: see that",
        ),
        (
            (422, {"error": ["Name can't be blank", "x"]}),
            DeliveryOutcome.REFUSED,
            "answered 422: Name can't be blank; x",
        ),
        (
            (403, {"error": "forbidden"}),
            DeliveryOutcome.UNAUTHORISED,
            "answered 403: forbidden: see that the user of status_page.statuspage.api_key may edit the page",
        ),
        (
            (404, {"error": "page not found"}),
            DeliveryOutcome.REFUSED,
            "answered 404: page not found: see that status_page.statuspage.page is the id of a page of that user",
        ),
        ((201, {"no": "id"}), DeliveryOutcome.AMBIGUOUS, "answered in a form that is not known (KeyError 'id'): see"),
    ],
)
def test_what_is_refused_says_why_and_no_secret(
    page: Page, answer: tuple[int, object], outcome: DeliveryOutcome, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page.there, "obey", lambda _asked: answer)

    told = page.outlet.deliver(effect(), message(notice()), "")

    assert told.outcome is outcome
    assert told.detail.startswith(f"statuspage.example {detail}")
    assert KEY not in repr(page.outlet) + told.detail


def test_an_incident_that_a_person_deleted_is_not_made_again(page: Page) -> None:
    page.outlet.deliver(effect(), message(notice()), "")
    page.there.incidents.clear()

    told = page.outlet.deliver(effect(2, EffectKind.UPDATE), message(notice(2)), "p00000000001")

    assert told.outcome is DeliveryOutcome.REFUSED
    assert told.detail.startswith("p00000000001 was deleted on the page: it is not made again")
    assert page.there.incidents == {}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script> & \x00", "&lt;script&gt;alert(1)&lt;/script&gt; &amp; \N{REPLACEMENT CHARACTER}"),
        ("{{ 7 * 7 }}\r\n\nline", "{{ 7 * 7 }}\n\nline"),
        ("\ud800", "?"),
    ],
)
def test_hostile_words_are_shown_as_they_were_written(page: Page, text: str, shown: str) -> None:
    page.outlet.deliver(effect(), message(notice(title=f"a\nb {text}", text=text)), "")

    [made] = page.there.incidents.values()
    assert page.texts() == [shown]
    assert "\n" not in made["name"]


@pytest.mark.parametrize("letter", ["x", "<", "&", "\N{GRINNING FACE}"])
def test_a_megabyte_is_cut_to_what_the_page_takes(page: Page, letter: str) -> None:
    told = page.outlet.deliver(effect(), message(notice(title=letter * 1_000_000, text=letter * 1_000_000)), "")

    assert told.outcome is DeliveryOutcome.CONFIRMED
    [text] = page.texts()
    assert text.endswith("…")
    assert text[:-1].replace({"<": "&lt;", "&": "&amp;"}.get(letter, letter), "") == "", "no half of an entity"


def test_nothing_of_what_is_internal_is_on_the_page(page: Page) -> None:
    page.outlet.deliver(effect(), message(notice()), "")

    said = str(page.there.log)
    for internal in ("INC-0001", "10.0.0.7", "who: Ada", "# internal", "503"):
        assert internal not in said


def test_requests_name_the_page_and_show_the_key(page: Page) -> None:
    asked: list[Asked] = page.there.log
    page.outlet.deliver(effect(), message(notice()), "")
    assert [(one.method, one.path) for one in asked] == [("POST", f"/v1/pages/{PAGE}/incidents")]
    assert page.there.headers[-1]["Authorization"] == f"OAuth {KEY}"

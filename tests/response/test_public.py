"""What the public is told: drafted at each stage, published with a person's yes, and nothing else of the incident."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.config.public_text import SAMPLES, STAGES, BadTemplate, check_template, default_template, rendered
from monitor.core.incident import IllegalTransition
from monitor.core.severity import Criticality
from monitor.response.communicate import compose
from monitor.response.notice import notice_of
from monitor.response.observe import Surroundings
from monitor.response.people import People
from monitor.response.public import approved, waiting
from monitor.response.rules import PublicRules

OUTLETS = ("folder", "slack", "status", "statuspage")
PUBLIC = ("status", "statuspage")


@pytest.fixture
def outage(begin: Callable[..., Any]) -> Callable[..., Any]:
    def outage(criticality: Criticality = Criticality.CRITICAL, **public: bool) -> Any:
        night = begin(
            services=("payments",),
            depends_on={},
            outlets=OUTLETS,
            public=PublicRules(template=default_template(), **public),
        )
        night.around = Surroundings(criticality=criticality)
        night.play(payments="FFFF")
        (night.case,) = night.book.cases.values()
        return night

    return outage


def yes(night: Any, text: str = "", stage: str = "", notify: bool | None = None) -> Any:
    return approved(night.case, night.book.rules, "Mia", text, stage, notify, night.now, night.now)


def to_the_public(night: Any) -> list[str]:
    return [line for line in night.effects if line.split()[0] in PUBLIC]


def test_nothing_reaches_the_public_without_a_yes(outage: Callable[..., Any]) -> None:
    night = outage()
    night.play(payments="FF" + "." * 8)
    assert not night.case.incident.is_live
    assert "incident.public_drafted" in night.names
    assert "incident.published" not in night.names
    assert to_the_public(night) == []
    assert compose(night.case, (), night.now).public is None


def test_from_the_first_text_to_the_last(outage: Callable[..., Any]) -> None:
    night = outage()
    assert waiting(night.case).stage == "investigating"

    commit = yes(night)
    assert [f"{e.outlet} {e.kind} {e.order}" for e in commit.effects if e.outlet in PUBLIC] == [
        "status create 1",
        "statuspage create 1",
    ]
    notice = notice_of(night.case)
    assert (notice.number, notice.stage, notice.services, notice.notify) == (1, "investigating", ("payments",), False)
    assert notice.text == waiting_text("investigating", "2026-03-01 12:00 UTC", "12:17 UTC")
    assert notice.at == night.now

    commit = yes(night, text="It is the new release.", stage="identified", notify=True)
    assert {str(e.kind) for e in commit.effects if e.outlet in PUBLIC} == {"update"}
    assert (notice_of(night.case).stage, notice_of(night.case).notify) == ("identified", True)

    night.play(payments="...")
    assert waiting(night.case).stage == "monitoring"
    yes(night)
    night.play(payments="." * 6)
    assert waiting(night.case).stage == "resolved"
    assert "lasted" in waiting(night.case).text
    commit = yes(night)
    assert {str(e.kind) for e in commit.effects if e.outlet in PUBLIC} == {"close"}
    assert [e.attributes["number"] for e in night.case.events if e.name == "incident.published"] == [1, 2, 3, 4]


def waiting_text(stage: str, began: str, following: str) -> str:
    assert stage == "investigating"
    what = "requests to payments fail or take longer than usual. We are looking for the cause."
    return f"Since {began} {what}\n\nWe tell you more by {following}."


def test_what_was_approved_is_told_though_the_team_is_not(outage: Callable[..., Any]) -> None:
    night = outage()
    night.case.muted_by = "silence 1"
    assert [e.outlet for e in yes(night).effects] == ["folder", *PUBLIC]


def test_a_relapse_after_the_last_text_begins_anew(outage: Callable[..., Any]) -> None:
    night = outage()
    yes(night)
    night.play(payments="." * 9)
    yes(night)
    night.play(payments="FFFF")
    assert waiting(night.case).stage == "investigating"
    assert {str(e.kind) for e in yes(night).effects if e.outlet in PUBLIC} == {"reopen"}


def test_with_each_update_a_text_is_drafted_unless_one_still_waits(outage: Callable[..., Any]) -> None:
    night = outage()
    yes(night)
    night.play(payments="F" * 30)
    assert night.names.count("incident.update_due") == 1
    assert night.names.count("incident.public_drafted") == 2
    night.play(payments="F" * 30)
    assert night.names.count("incident.update_due") == 2
    assert night.names.count("incident.public_drafted") == 2


def test_one_yes_for_one_text(outage: Callable[..., Any]) -> None:
    night = outage()
    yes(night)
    with pytest.raises(IllegalTransition, match="the last, investigating, was approved by Mia"):
        yes(night)
    assert yes(night, text="Still at it.").events[0].attributes["stage"] == "investigating"


def test_a_minor_severity_drafts_nothing_and_a_person_may_all_the_same(outage: Callable[..., Any]) -> None:
    night = outage(Criticality.LOW)
    assert "incident.public_drafted" not in night.names
    with pytest.raises(IllegalTransition, match=r"^no text for the public waits for a yes; write one with --text$"):
        yes(night)
    yes(night, text="Receipts are late.")
    assert notice_of(night.case).title == "Problems with payments"
    night.play(payments="." * 9)
    assert waiting(night.case).stage == "resolved", "what was begun is ended"


def test_at_once_where_it_is_configured_so(outage: Callable[..., Any]) -> None:
    night = outage(at_once=True, notify=True)
    assert to_the_public(night) == ["status create 1", "statuspage create 1"]
    assert notice_of(night.case).notify
    night.play(payments="." * 9)
    assert to_the_public(night)[-2:] == ["status close 3", "statuspage close 3"]


def test_what_others_say_is_never_in_it_and_never_evaluated(outage: Callable[..., Any]) -> None:
    night = outage()
    hostile = "{{ 7 * 7 }} {% raise %} <script> @channel"
    night.keep(People(night.book).declare("payments", "Eve", hostile, None, "k", night.now, night.now)[1])
    People(night.book).mitigate("1", "Ada", night.now, night.now)
    draft = waiting(night.case)
    assert draft.stage == "monitoring"
    assert "49" not in draft.text
    assert "script" not in draft.text


def test_the_template_of_the_docs_is_the_one_that_comes_with_the_program() -> None:
    shown = Path(__file__).resolve().parents[2] / "docs" / "templates" / "status.md"
    assert shown.read_text() == default_template()
    check_template(default_template())


@pytest.mark.parametrize("facts", SAMPLES, ids=STAGES)
def test_the_default_has_a_title_and_a_text_for_every_stage(facts: Any) -> None:
    title, text = rendered(default_template(), facts)
    assert title == "Problems with orders-service"
    assert text.strip() == text
    assert "orders-service" in text
    assert "{" not in text


@pytest.mark.parametrize(
    ("template", "line", "found"),
    [
        ("{{ symptoms }}", 0, "'symptoms' is undefined"),
        ("fine\n{% if %}", 2, "Expected an expression, got 'end of statement block'"),
        ("{{ ''.__class__.__mro__ }}", 0, "access to attribute '__class__' of 'str' object is unsafe."),
        ("{{ 1 / 0 }}", 0, "ZeroDivisionError: division by zero"),
        ("{{ services.append('x') }}", 0, "'tuple object' has no attribute 'append'"),
        ("# Only a title", 0, "it says nothing at the stage investigating"),
        ("{% if stage == 'resolved' %}over{% endif %}", 0, "it says nothing at the stage investigating"),
    ],
)
def test_a_template_that_cannot_be_filled_says_why(template: str, line: int, found: str) -> None:
    with pytest.raises(BadTemplate) as caught:
        check_template(template)
    assert (caught.value.line, str(caught.value)) == (line, found)

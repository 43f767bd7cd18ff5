"""Which outlet is told of what: the policy of the severity decides, and what was announced is also ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.core.severity import POLICIES, Criticality, Severity
from monitor.daemon.kept import case_from
from monitor.ledger.records import EffectKind
from monitor.ledger.store import Ledger
from monitor.response.audiences import Audience, kind_for
from monitor.response.observe import Surroundings
from monitor.response.people import People

CREATE, UPDATE, CLOSE, REOPEN = EffectKind.CREATE, EffectKind.UPDATE, EffectKind.CLOSE, EffectKind.REOPEN
OUTLETS = ("folder", "webhook", "slack", "pagerduty", "statuspage")
LATER = ("incident.update_due",)


@pytest.mark.parametrize(
    ("severity", "told"),
    [
        (Severity.SEV1, {"record", "chat", "page"}),
        (Severity.SEV2, {"record", "chat", "page"}),
        (Severity.SEV3, {"record", "chat"}),
        (Severity.SEV4, {"record"}),
    ],
)
def test_an_opening_reaches_the_audiences_of_its_severity(severity: Severity, told: set[str]) -> None:
    reached = {
        str(audience)
        for audience in Audience
        if kind_for(audience, CREATE, None, ("incident.opened",), POLICIES[severity], live=True, muted=False)
    }
    assert reached == told


@pytest.mark.parametrize(
    ("audience", "severity", "last", "asked", "names", "wanted"),
    [
        # Not told yet, or told that it is over, and now its severity has the audience.
        (Audience.PAGE, Severity.SEV2, None, UPDATE, ("incident.severity_changed",), CREATE),
        (Audience.PAGE, Severity.SEV2, CLOSE, UPDATE, ("incident.severity_changed",), REOPEN),
        (Audience.PAGE, Severity.SEV2, CLOSE, REOPEN, ("incident.reopened",), REOPEN),
        (Audience.CHAT, Severity.SEV3, None, REOPEN, ("incident.reopened",), CREATE),
        (Audience.RECORD, Severity.SEV4, None, UPDATE, LATER, CREATE),
        # News of what is open there.
        (Audience.PAGE, Severity.SEV1, CREATE, UPDATE, LATER, None),
        (Audience.PAGE, Severity.SEV1, CREATE, UPDATE, ("incident.noted",), None),
        (Audience.PAGE, Severity.SEV1, CREATE, UPDATE, ("incident.acknowledged",), UPDATE),
        (Audience.CHAT, Severity.SEV1, UPDATE, UPDATE, LATER, UPDATE),
        (Audience.RECORD, Severity.SEV4, CREATE, UPDATE, LATER, UPDATE),
        # Its severity has the audience no more.
        (Audience.PAGE, Severity.SEV3, UPDATE, UPDATE, ("incident.severity_changed",), CLOSE),
        (Audience.PAGE, Severity.SEV3, CLOSE, UPDATE, ("incident.acknowledged",), None),
        (Audience.PAGE, Severity.SEV3, CLOSE, REOPEN, ("incident.reopened",), None),
        (Audience.CHAT, Severity.SEV4, CREATE, UPDATE, LATER, UPDATE),
        (Audience.CHAT, Severity.SEV4, CLOSE, REOPEN, ("incident.reopened",), None),
        # The end is told to whom the beginning was.
        (Audience.PAGE, Severity.SEV4, UPDATE, CLOSE, ("incident.resolved",), CLOSE),
        (Audience.PAGE, Severity.SEV1, None, CLOSE, ("incident.resolved",), None),
        (Audience.PAGE, Severity.SEV1, CLOSE, CLOSE, ("incident.resolved",), None),
        (Audience.RECORD, Severity.SEV4, None, CLOSE, ("incident.resolved",), CLOSE),
    ],
)
def test_while_it_is_live(
    audience: Audience, severity: Severity, last: EffectKind | None, asked: EffectKind, names: tuple[str, ...],
    wanted: EffectKind | None,
) -> None:  # fmt: skip
    found = kind_for(audience, asked, last, names, POLICIES[severity], live=asked is not CLOSE, muted=False)
    assert found == wanted


@pytest.mark.parametrize(
    ("audience", "last", "wanted"),
    [
        (Audience.RECORD, CLOSE, UPDATE),
        (Audience.CHAT, CLOSE, UPDATE),
        (Audience.CHAT, None, None),
        (Audience.PAGE, CLOSE, None),
        (Audience.PAGE, UPDATE, None),
    ],
)
def test_what_is_said_of_it_afterwards(audience: Audience, last: EffectKind, wanted: EffectKind | None) -> None:
    names = ("postmortem.action_added",)
    assert kind_for(audience, UPDATE, last, names, POLICIES[Severity.SEV1], live=False, muted=False) == wanted


@pytest.mark.parametrize(
    ("last", "published", "wanted"),
    [
        (None, "", None),
        (CREATE, "", None),
        (None, "investigating", CREATE),
        (CREATE, "monitoring", UPDATE),
        (UPDATE, "resolved", CLOSE),
        (CLOSE, "resolved", CLOSE),  # the last text is mended
        (CLOSE, "investigating", REOPEN),
        (None, "resolved", CREATE),
    ],
)
@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("asked", EffectKind)
def test_the_public_hears_what_was_approved_and_nothing_else(
    severity: Severity, asked: EffectKind, last: EffectKind | None, published: str, wanted: EffectKind | None
) -> None:
    for muted in (False, True):
        found = kind_for(
            Audience.STATUS, asked, last, LATER, POLICIES[severity], live=True, muted=muted, published=published
        )
        assert found is wanted


@pytest.mark.parametrize("audience", [Audience.RECORD, Audience.CHAT, Audience.PAGE])
def test_a_muted_audience_hears_of_the_end_alone_and_only_of_what_it_knows(audience: Audience) -> None:
    def kind(asked: EffectKind, last: EffectKind | None, *, live: bool = True) -> EffectKind | None:
        return kind_for(audience, asked, last, LATER, POLICIES[Severity.SEV1], live=live, muted=True)

    assert kind(CREATE, None) is None
    assert kind(UPDATE, CREATE) is None
    assert kind(REOPEN, CLOSE) is None
    assert kind(CLOSE, None, live=False) is None
    assert kind(CLOSE, UPDATE, live=False) is CLOSE


def told(commit: Any) -> list[str]:
    return [f"{effect.outlet} {effect.order} {effect.kind}" for effect in commit.effects]


def test_a_night_from_sev3_up_and_down_again(begin: Callable[..., Any]) -> None:
    night = begin(outlets=OUTLETS, services=("payments",), depends_on={})
    night.around = Surroundings(criticality=Criticality.MEDIUM)
    night.play(payments="FFFF")
    [case] = night.book.cases.values()
    assert case.incident.severity is Severity.SEV3
    assert night.effects == ["folder create 1", "webhook create 1", "slack create 1"]

    night.around = Surroundings(criticality=Criticality.CRITICAL)
    night.commits.clear()
    night.play(payments="FF")
    assert case.incident.severity is Severity.SEV1
    rise, escalation = night.commits
    assert told(rise)[-2:] == ["slack 2 update", "pagerduty 1 create"]
    assert [event.name for event in escalation.events] == ["incident.escalated"]
    assert "pagerduty 2 update" in told(escalation)

    people = People(night.book)
    _, acknowledged = people.acknowledge("1", "Ada", night.now, night.now)
    assert "pagerduty 3 update" in told(acknowledged)
    _, noted = people.note("1", "Ada", "looking", night.now, night.now)
    assert [line.split()[0] for line in told(noted)] == ["folder", "webhook", "slack"]

    _, resolved = people.resolve("1", "Ada", "fixed", night.now, night.now)
    assert told(resolved)[-2:] == ["slack 6 close", "pagerduty 4 close"]


def test_a_restart_knows_where_it_is_announced(begin: Callable[..., Any], tmp_path: Path) -> None:
    night = begin(outlets=OUTLETS, services=("payments",), depends_on={})
    night.play(payments="FFFF")
    [case] = night.book.cases.values()
    ledger = Ledger.open(tmp_path)
    try:
        for commit in night.commits:
            ledger.commit(commit).result(30)
        assert case_from(ledger, case.incident.id).last_asked == case.last_asked == dict.fromkeys(OUTLETS[:4], CREATE)
    finally:
        ledger.close()


def test_policies_are_those_of_the_configuration(begin: Callable[..., Any]) -> None:
    quiet = {**POLICIES, Severity.SEV2: replace(POLICIES[Severity.SEV2], page=False, chat=False)}
    night = begin(outlets=OUTLETS, services=("payments",), depends_on={}, policies=quiet)
    night.play(payments="FFFF")
    assert night.effects == ["folder create 1", "webhook create 1"]


def test_a_late_update_is_told_in_the_thread_and_wakes_nobody(begin: Callable[..., Any]) -> None:
    night = begin(outlets=OUTLETS, services=("payments",), depends_on={})
    night.play(payments="FFFF")
    night.now += timedelta(minutes=15)
    [due] = night.book.due(night.now, night.now)
    assert [event.name for event in due.events] == ["incident.update_due"]
    assert told(due) == ["folder 2 update", "webhook 2 update", "slack 2 update"]

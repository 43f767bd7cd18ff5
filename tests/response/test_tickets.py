"""A ticket as it was found: what a person did is told once and left alone, and what nobody did is put right."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.core.incident import Incident, State
from monitor.ledger.records import Effect, EffectKind, EffectState
from monitor.outlets.outlet import Found
from monitor.response import tickets
from monitor.response.entries import entry
from monitor.response.tickets import LOOKED_AFTER, Kept, is_looked_after, kept_of

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CREATE, UPDATE, CLOSE, REOPEN = EffectKind.CREATE, EffectKind.UPDATE, EffectKind.CLOSE, EffectKind.REOPEN
LIVE = Incident(service="orders", id="01J", number=1, state=State.OPEN, since=T0, opened_at=T0)
OVER = replace(LIVE, state=State.RESOLVED, resolved_at=T0)


def kept(*kinds: EffectKind, last: EffectState = EffectState.CONFIRMED, ticket: str = "OPS-1") -> Kept:
    states = [EffectState.CONFIRMED] * (len(kinds) - 1) + [last] * bool(kinds)
    effects = [
        Effect(
            key=f"01J/jira/{order:04d}/{kind}", incident="01J", service="orders", outlet="jira", kind=kind, order=order,
            created_at=T0, next_at=T0, state=state,
        )
        for order, (kind, state) in enumerate(zip(kinds, states, strict=True), 1)
    ]  # fmt: skip
    return kept_of("jira", effects[::-1], ticket)


OPEN = Found(external_id="OPS-1", is_closed=False)
CLOSED_BY_US = Found(external_id="OPS-1", is_closed=True, by_us=True)
CLOSED_BY_A_PERSON = Found(external_id="OPS-1", is_closed=True)
OPENED_AGAIN = Found(external_id="OPS-1", is_closed=False, by_us=True)
NOT_CLOSABLE = Found(external_id="INC-0001-orders.md")
GONE = Found(external_id="OPS-1", gone="was deleted")


@pytest.mark.parametrize(
    ("incident", "ledger", "found", "done"),
    [
        (LIVE, kept(CREATE), OPEN, None),
        (LIVE, kept(ticket=""), None, CREATE),
        (LIVE, kept(CREATE, UPDATE, last=EffectState.DEAD, ticket=""), None, CREATE),
        (LIVE, kept(CREATE, last=EffectState.WAITING, ticket=""), None, None),
        (LIVE, kept(CREATE, last=EffectState.SENDING, ticket=""), None, None),
        (LIVE, kept(CREATE), CLOSED_BY_A_PERSON, None),
        (LIVE, kept(CREATE), GONE, None),
        (OVER, kept(ticket=""), None, None),
        (OVER, kept(CREATE, CLOSE), CLOSED_BY_US, None),
        (OVER, kept(CREATE, CLOSE), OPENED_AGAIN, None),
        (OVER, kept(CREATE, CLOSE), OPEN, CLOSE),
        (OVER, kept(CREATE, UPDATE), OPEN, CLOSE),
        (OVER, kept(CREATE, UPDATE), CLOSED_BY_A_PERSON, CLOSE),
        (OVER, kept(CREATE, UPDATE), NOT_CLOSABLE, CLOSE),
        (OVER, kept(CREATE, CLOSE), NOT_CLOSABLE, None),
        (OVER, kept(CREATE, CLOSE, UPDATE), CLOSED_BY_US, None),
        (OVER, kept(CREATE, CLOSE, last=EffectState.DEAD), OPEN, None),
        (OVER, kept(CREATE, CLOSE, last=EffectState.WAITING), OPEN, None),
        (OVER, kept(CREATE, CLOSE, REOPEN), OPEN, CLOSE),
        (OVER, kept(CREATE, UPDATE), GONE, None),
    ],
    ids=[
        "open, as it should be",
        "a tracker that came later than the incident",
        "refused for good",
        "on its way",
        "not known whether it is there",
        "a person closed it",
        "a person deleted it",
        "over without one",
        "closed, as it should be",
        "a person opened it again",
        "a restored tracker has it open",
        "the tracker was away from the configuration as it ended",
        "so, and a person closed it, who is told of the end",
        "so, in a folder",
        "closed in a folder",
        "written to after it was closed",
        "its close was refused, which is tried again elsewhere",
        "its close is on its way",
        "reopened and never closed",
        "over, and a person deleted it",
    ],
)
def test_an_open_incident_has_a_ticket_and_one_that_is_over_has_no_open_one(
    incident: Incident, ledger: Kept, found: Found | None, done: EffectKind | None
) -> None:
    wanted = tickets.wanted(incident, ledger, found)

    assert (wanted and wanted[0]) == done


@pytest.mark.parametrize(
    ("incident", "found", "name", "text"),
    [
        (LIVE, OPEN, None, None),
        (OVER, CLOSED_BY_US, None, None),
        (LIVE, CLOSED_BY_US, None, None),
        (OVER, CLOSED_BY_A_PERSON, None, None),
        (LIVE, CLOSED_BY_A_PERSON, "ticket.closed",
         "OPS-1 in jira was closed by a person: it stays closed, and the incident goes on"),
        (OVER, OPENED_AGAIN, "ticket.opened",
         "OPS-1 in jira was opened by a person after we had closed it: it stays open"),
        (LIVE, replace(OPEN, external_id="NEW-7", place="NEW"), "ticket.moved",
         "OPS-1 in jira was moved: it is NEW-7 in NEW now, and is followed there"),
        (LIVE, replace(OPEN, title="Orders are down"), "ticket.retitled",
         'OPS-1 in jira was given another title, which it keeps: "Orders are down"'),
        (LIVE, GONE, "ticket.gone", "OPS-1 in jira was deleted"),
    ],
)  # fmt: skip
def test_what_a_person_did_is_told_once(incident: Incident, found: Found, name: str | None, text: str | None) -> None:
    told = tickets.noticed(incident, kept(CREATE), found)

    assert [(one.name, one.text) for one in told] == ([(name, text)] if name else [])
    log = [entry(incident, one.name, one.text, "watchkeeper", T0, T0, attributes=one.attributes) for one in told]
    assert tickets.news(told, log) == []
    assert tickets.news(told, []) == told


def test_what_is_done_anew_is_told_anew() -> None:
    first = tickets.noticed(LIVE, kept(CREATE), replace(OPEN, title="a"))
    log = [entry(LIVE, one.name, one.text, "watchkeeper", T0, T0, attributes=one.attributes) for one in first]

    assert len(tickets.news(tickets.noticed(LIVE, kept(CREATE), replace(OPEN, title="b")), log)) == 1
    other = kept_of("github", (), "OPS-1")
    assert len(tickets.news(tickets.noticed(LIVE, other, replace(OPEN, title="a")), log)) == 1


def test_what_is_over_is_looked_at_for_three_days() -> None:
    assert is_looked_after(LIVE, T0 + timedelta(days=99))
    assert is_looked_after(OVER, T0 + LOOKED_AFTER - timedelta(seconds=1))
    assert not is_looked_after(OVER, T0 + LOOKED_AFTER)

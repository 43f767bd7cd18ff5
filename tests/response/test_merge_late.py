"""A shared cause that is found late: the younger incidents end, the eldest goes on with all that is affected."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from monitor.core.incident import State
from monitor.core.severity import Severity
from monitor.daemon.kept import case_from
from monitor.ledger.store import Ledger
from monitor.response.casebook import Casebook
from monitor.response.cases import UnknownIncident
from monitor.response.communicate import ticket
from monitor.response.people import People

SHOP = {"web": ("store",), "app": ("store",)}
NAMES = ("web", "app", "store")


@pytest.fixture
def evening(begin):
    return begin(services=NAMES, depends_on=SHOP)


def two_then_their_cause(evening, columns: int = 4) -> None:
    """web fails first, then app, and at last the store that both depend on."""
    evening.play(web="FFFFF", app=".FFFF", store=".....")
    assert [case.incident.number for case in evening.book.live()] == [1, 2]
    evening.play(**dict.fromkeys(NAMES, "F" * columns))


def events(evening, name: str):
    return [event for commit in evening.commits for event in commit.events if event.name == name]


def test_a_parent_that_fails_after_its_children_makes_one_incident_of_them(evening):
    two_then_their_cause(evening)

    (case,) = evening.book.live()
    assert (case.incident.number, case.services()) == (1, ("web", "store", "app"))
    assert evening.names.count("incident.opened") == 2, "the store did not open a third one"
    (merged,) = events(evening, "incident.merged")
    assert merged.incident == "INCIDENT2"
    assert merged.text == "merged into INC-0001 (web): store is failing, and app depends on it"
    assert merged.attributes["into"] == "INCIDENT1"
    told = ticket(case, (), evening.now)
    assert (
        "INC-0002 (app) is merged into this one: store is failing, and app depends on it. Affected: web, store, app"
        in told
    )
    assert "| Service | web, store, app |" in told
    assert any(symptom.startswith("app: live: status") for symptom in case.symptoms)


def test_the_younger_ticket_is_closed_and_no_postmortem_is_asked_for_it(evening):
    two_then_their_cause(evening)

    of_younger = [e.kind for c in evening.commits for e in c.effects if e.incident == "INCIDENT2"]
    assert [str(kind) for kind in of_younger] == ["create", "close"]
    assert "postmortem.scheduled" not in evening.names
    (ended,) = [i for c in evening.commits for i in c.incidents if i.id == "INCIDENT2" and i.state is State.RESOLVED]
    assert ended.resolved_at == events(evening, "incident.merged")[0].at
    (left,) = [m for c in evening.commits for m in c.members if m.incident == "INCIDENT2" and m.left_at]
    assert left.service == "app"
    with pytest.raises(UnknownIncident):
        People(evening.book).note("2", "Ada", "is anybody here", evening.now, evening.now)


def test_children_that_fail_without_their_parent_are_two_problems(evening):
    evening.play(web="FFFFFFFFF", app=".FFFFFFFF", store=".........")

    assert [case.incident.number for case in evening.book.live()] == [1, 2]
    assert "incident.merged" not in evening.names


def test_a_parent_that_only_watches_merges_nobody(begin):
    evening = begin(services=NAMES, depends_on=SHOP, telemetry=frozenset({"store"}))
    evening.play(**dict.fromkeys(NAMES, "FFFFFFF"))

    assert len(evening.book.live()) == 3


def test_what_people_did_to_either_is_kept(evening):
    evening.play(web="FFFFF", app=".FFFF", store=".....")
    people = People(evening.book)
    evening.keep(people.acknowledge("2", "Grace", evening.now, evening.now)[1])
    evening.keep(people.declare("app", "a customer", "cannot pay", None, "k1", evening.now, evening.now)[1])
    taken_at = evening.now
    evening.play(**dict.fromkeys(NAMES, "FFFF"))

    (case,) = evening.book.live()
    assert (case.incident.acknowledged_by, case.incident.acknowledged_at) == ("Grace", taken_at)
    assert any("Grace had taken it" in event.text for event in events(evening, "incident.joined"))
    assert case.alerts["k1"].incident == "INCIDENT1"
    (moved,) = [link for commit in evening.commits for link in commit.alerts if link.incident == "INCIDENT1"]
    assert moved.summary == "cannot pay"
    assert "app: reported by a customer: cannot pay" in case.symptoms


def test_who_took_the_elder_keeps_it(evening):
    evening.play(web="FFFFF", app=".FFFF", store=".....")
    people = People(evening.book)
    people.acknowledge("1", "Ada", evening.now, evening.now)
    people.acknowledge("2", "Grace", evening.now, evening.now)
    evening.play(**dict.fromkeys(NAMES, "FFFF"))

    assert evening.book.live()[0].incident.acknowledged_by == "Ada"


@pytest.mark.parametrize(
    ("lowered_from", "becomes", "announced"),
    [(None, Severity.SEV2, True), (Severity.SEV3, Severity.SEV2, True), (Severity.SEV2, Severity.SEV4, False)],
)
def test_the_severity_is_the_worse_one_and_is_announced_unless_a_person_lowered_it(
    evening, lowered_from, becomes, announced
):
    evening.play(web="FFFFF", app=".FFFF", store=".....")
    web = evening.book.subjects["web"]
    web.incident = replace(web.incident, severity=Severity.SEV4, lowered_from=lowered_from)
    # The evaluations see no more than a SEV4 themselves: what raises it is the merged one.
    evening.around = replace(evening.around, criticality="low")
    evening.play(**dict.fromkeys(NAMES, "FFFF"))

    (case,) = evening.book.live()
    assert case.incident.severity is becomes
    told = [event.text for event in events(evening, "incident.severity_changed")]
    assert told == (["severity SEV4 => SEV2: that of INC-0002, now merged into this one"] if announced else [])


def test_a_storm_that_begins_slowly_is_one_incident_once_it_is_seen(begin):
    names = tuple(f"s{n}" for n in range(8))
    evening = begin(services=names, depends_on={})
    scripts = {name: "FFFFF" if n < 2 else "...FF" if n < 4 else "....F" for n, name in enumerate(names)}
    evening.play(**{name: script[:4] for name, script in scripts.items()})
    assert [case.incident.number for case in evening.book.live()] == [1, 2]

    evening.play(**{name: script[4:] for name, script in scripts.items()})
    assert [case.incident.number for case in evening.book.live()] == [1]
    evening.play(**dict.fromkeys(names, "FFF"))

    (case,) = evening.book.live()
    assert set(case.services()) == set(names)
    assert evening.names.count("incident.opened") == 2
    assert "status, at 10.0.0.7: 8 of 8 services within 2m0s" in events(evening, "incident.merged")[0].text


def test_when_all_is_over_the_elder_alone_resolves_and_a_later_breach_of_the_other_is_new(evening):
    two_then_their_cause(evening)
    evening.play(**dict.fromkeys(NAMES, "......"))

    assert evening.names.count("incident.resolved") == 1
    assert evening.book.live() == []
    evening.play(web="....", app="FFFF", store="....")
    assert [case.incident.number for case in evening.book.live()] == [3]
    assert "incident.reopened" not in evening.names


@pytest.mark.parametrize("written", ["before the merge", "after the merge"])
def test_a_restart_in_the_middle_ends_at_the_same(evening, tmp_path: Path, written: str):
    two_then_their_cause(evening)
    commits = evening.commits
    if written == "before the merge":
        (merge,) = [n for n, c in enumerate(commits) if any(e.name == "incident.merged" for e in c.events)]
        commits = commits[:merge]
    ledger = Ledger.open(tmp_path)
    for commit in commits:
        ledger.commit(commit).result(30)
    numbers, ids = count(10), count(10)
    evening.book = Casebook(evening.book.rules, new_id=lambda: f"INCIDENT{next(ids)}", new_number=lambda: next(numbers))
    for incident in ledger.places():
        evening.book.restore(incident, case_from(ledger, incident.id) if incident.id else None)
    ledger.close()

    evening.play(**dict.fromkeys(NAMES, "FFFF"))

    (case,) = evening.book.live()
    assert (case.incident.number, set(case.services())) == (1, set(NAMES))
    evening.play(**dict.fromkeys(NAMES, "......"))
    assert evening.book.live() == []
    assert {case.incident.id for case in evening.book.cases.values()} == {"INCIDENT1"}

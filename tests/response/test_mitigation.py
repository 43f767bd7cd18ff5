"""Mitigations in an incident that is played in memory: offered, approved, ended, and followed for ten minutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.core.mitigations import Figures, Measure, Mitigation, Reading, RunBy
from monitor.daemon.kept import case_from
from monitor.ledger.records import Commit
from monitor.ledger.store import Ledger
from monitor.outlets.markup.adf import document, from_markdown
from monitor.response.communicate import compose
from monitor.response.deploys import Deploy
from monitor.response.milestones import milestones
from monitor.response.mitigation import OFFERED, MitigationRefused, chosen, offered
from monitor.response.mitigation_runs import APPROVED, ENDED, Begun, Outcome, Ran, approved, ended, started, under_way
from monitor.response.people import People

ROLLBACK = Mitigation(
    service="payments", name="rollback", run=("/bin/roll back", "--to", "1.4|1"), run_by=RunBy.DAEMON,
    deployed_within=timedelta(minutes=30), description="to the version before",
)  # fmt: skip
SCALE = Mitigation(service="payments", name="scale", run=("scale", "6"))
OTHERS = Mitigation(service="orders", name="rollback", run=("x",), run_by=RunBy.DAEMON)
MINUTE = timedelta(minutes=1)
DONE = Outcome(ran=Ran.YES, code=0, words="ended with exit code 0", took=31.0, output="rolling back\ndone")


@pytest.fixture
def evening(begin):
    """Payments fails a minute and a half after a deploy."""
    evening = begin(mitigations={"payments": (SCALE, ROLLBACK), "orders": (OTHERS,)})
    deploy = Deploy(service="payments", version="1.4.2 <b>@channel</b>", at=evening.now, by="ci")
    evening.keep(People(evening.book).deployed(deploy, evening.now, evening.now)[1])
    evening.play(payments="..FFFF")
    return evening


def approve(evening, name: str = "rollback", by: str = "Ada"):
    case, mitigation = chosen(evening.book, "1", name, evening.now)
    run, commit = approved(evening.book, case, mitigation, by, f"RUN{len(case.events)}", evening.now, evening.now)
    evening.keep(commit)
    return run


def end(evening, run, outcome: Outcome = DONE) -> Commit:
    [case] = evening.book.cases.values()
    commit = ended(evening.book, case.incident, run, outcome, evening.now, evening.now)
    evening.keep(commit)
    return commit


def texts(evening, name: str) -> list[str]:
    return [e.text for commit in evening.commits for e in commit.events if e.name == name]


def ticket(evening) -> str:
    [case] = evening.book.live()
    return compose(case.snapshot(), (), evening.now).markdown


def test_the_ticket_offers_what_the_evidence_speaks_for_with_commands_to_copy(evening) -> None:
    [section] = [part for part in ticket(evening).split("\n## ") if part.startswith("Mitigations")]

    assert section.splitlines() == [
        "Mitigations",
        "",
        "- rollback (to the version before): deployed payments 1.4.2 &lt;b>@channel&lt;/b> 1m30s before the first "
        "failure",
        "",
        "      '/bin/roll back' --to '1.4|1'",
        "      monitor incident mitigate INC-0001 rollback",
        "- scale: always an option",
        "",
        "      scale 6",
    ]  # fmt: skip


def test_the_commands_are_code_in_the_trackers_own_language(evening) -> None:
    def code(node: object) -> list[str]:
        if not isinstance(node, dict):
            return []
        mine = ["".join(part["text"] for part in node["content"])] if node.get("type") == "codeBlock" else []
        return mine + [text for child in node.get("content", ()) for text in code(child)]

    assert code(document(from_markdown(ticket(evening)))) == [
        "'/bin/roll back' --to '1.4|1'\nmonitor incident mitigate INC-0001 rollback",
        "scale 6",
    ]


def test_the_timeline_tells_once_what_the_evidence_speaks_for_with_the_command(evening) -> None:
    evening.play(payments="FFFFF")

    assert texts(evening, OFFERED) == [
        "rollback (to the version before): deployed payments 1.4.2 <b>@channel</b> 1m30s before the first failure\n"
        "'/bin/roll back' --to '1.4|1'\n"
        "monitor incident mitigate INC-0001 rollback"
    ]
    assert "1.4.2 &lt;b>@channel&lt;/b> 1m30s before" in ticket(evening).partition("## Timeline")[2]


@pytest.mark.parametrize(("seconds", "told"), [(29, 0), (30, 1)])
def test_what_begins_to_speak_for_one_later_is_told_then(begin: Any, seconds: int, told: int) -> None:
    drain = Mitigation(service="payments", name="drain", run=("drain",), above_baseline=Measure.QUEUE_DEPTH)
    evening = begin(mitigations={"payments": (drain,)})
    depth = {"now": 12.0}
    evening.book.measured = lambda _service: Figures(readings={Measure.QUEUE_DEPTH: Reading(depth["now"], 310.0)})
    evening.play(payments="FFFF")
    [case] = evening.book.live()
    assert texts(evening, OFFERED) == []

    depth["now"] = 1240.0
    at = case.offered_at + timedelta(seconds=seconds)
    evening.keep(*evening.book.due(at, at))

    assert texts(evening, OFFERED) == ["drain: queue depth 1,240 against at most 310 by its baseline\ndrain"] * told


def test_without_mitigations_there_is_no_section(begin) -> None:
    evening = begin()
    evening.play(payments="FFFF")

    assert "Mitigations" not in ticket(evening)


def test_an_approval_is_one_commit_with_its_name_and_its_end_follows(evening) -> None:
    run = approve(evening)
    evening.now += 31 * timedelta(seconds=1)
    end(evening, run)

    assert texts(evening, APPROVED) == ["rollback of payments, approved by Ada: '/bin/roll back' --to '1.4|1'"]
    assert texts(evening, ENDED) == [
        "rollback of payments for Ada ended with exit code 0 after 31s\nrolling back\ndone"
    ]
    assert evening.effects[-2:] == ["folder update 3", "folder update 4"]
    assert "  rolling back  \n  done  " in ticket(evening)


def test_its_effect_is_told_after_two_five_and_ten_minutes(evening) -> None:
    showing = {"now": Figures(failing=1, checks=1, readings={Measure.ERRORS: Reading(0.12)})}
    evening.book.measured = lambda _service: showing["now"]
    end(evening, approve(evening))
    showing["now"] = Figures(failing=0, checks=1, readings={Measure.ERRORS: Reading(0.003)})

    evening.play(payments="....")
    assert texts(evening, "incident.mitigation_effect") == [
        "2 min after rollback for Ada: error rate 12 % => 0.3 %, failing checks 1 of 1 => 0 of 1"
    ]
    evening.keep(*evening.book.due(evening.now, evening.now))  # told once

    for _ in range(20):
        evening.now += MINUTE
        evening.keep(*evening.book.due(evening.now, evening.now))
    assert [text.partition(":")[0] for text in texts(evening, "incident.mitigation_effect")] == [
        f"{minutes} min after rollback for Ada" for minutes in (2, 5, 10)
    ]


@pytest.mark.parametrize(
    ("seconds", "told"), [(119, 0), (120, 1), (299, 1), (300, 2), (599, 2), (600, 3)], ids=lambda value: str(value)
)
def test_to_the_second(evening, seconds: int, told: int) -> None:
    end(evening, approve(evening))

    for second in range(1, seconds + 1):
        evening.keep(*evening.book.due(evening.now + timedelta(seconds=second), evening.now))

    assert len(texts(evening, "incident.mitigation_effect")) == told


@pytest.mark.parametrize(("ran", "followed"), [(Ran.YES, True), (Ran.UNKNOWN, True), (Ran.NO, False)])
def test_what_surely_was_not_run_has_no_effect_to_follow(evening, ran: Ran, followed: bool) -> None:
    end(evening, approve(evening), Outcome(ran=ran, words="is over"))

    evening.now += 10 * MINUTE
    evening.keep(*evening.book.due(evening.now, evening.now))

    assert bool(texts(evening, "incident.mitigation_effect")) is followed


@pytest.mark.parametrize(("code", "mitigated"), [(0, True), (1, False), (None, False)], ids=["0", "1", "unseen"])
def test_what_ended_well_is_when_it_was_mitigated(evening, code: int | None, mitigated: bool) -> None:
    run = approve(evening)
    evening.now += MINUTE
    end(evening, run, Outcome(ran=Ran.YES, code=code, words="ended", took=60.0))
    [case] = evening.book.live()

    assert milestones(case).mitigated == (evening.now if mitigated else None)


def test_of_several_that_ended_well_the_last_before_the_calm_counts(evening) -> None:
    """Of the first nobody can say that it helped, and the last came when nothing failed any more."""
    end(evening, approve(evening))
    evening.now += MINUTE
    helped = approve(evening)
    evening.now += MINUTE
    end(evening, helped)
    at = evening.now
    evening.play(payments="FF....")
    end(evening, approve(evening))
    [case] = evening.book.live()

    assert case.incident.state == "recovering"
    assert milestones(case).mitigated == at


def test_one_that_ends_after_the_calm_had_mitigated_it_by_then(evening) -> None:
    run = approve(evening)
    evening.play(payments="....")
    [case] = evening.book.live()
    calm = case.newest("incident.recovering")
    end(evening, run)

    assert milestones(case).mitigated == calm.at


def test_a_persons_word_counts_before_any_run(evening) -> None:
    end(evening, approve(evening))
    evening.now += MINUTE
    People(evening.book).mitigate("1", "Lin", evening.now, evening.now)
    [case] = evening.book.live()

    assert milestones(case).mitigated == evening.now


REFUSED = [
    ("gone", "no mitigation of INC-0001 is called gone; there are rollback, scale", True),
    ("scale", "scale is not run from here: services.payments.mitigations.scale.run_by is copy. Copy its command: "
     "scale 6", False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "said", "unknown"), REFUSED, ids=["gone", "copy"])
def test_what_must_not_be_run_is_refused_with_what_is_right(evening, name: str, said: str, unknown: bool) -> None:
    before = len(evening.commits)

    with pytest.raises(MitigationRefused) as caught:
        approve(evening, name)

    assert (str(caught.value), caught.value.unknown) == (said, unknown)
    assert len(evening.commits) == before


def test_one_at_a_time_for_each_service_and_who_runs_it_is_named(evening) -> None:
    run = approve(evening)

    with pytest.raises(MitigationRefused, match="rollback of payments is being run for Ada; one at a time"):
        approve(evening, by="Lin")

    end(evening, run)
    approve(evening, by="Lin")
    assert len(texts(evening, APPROVED)) == 2


def test_what_is_resolved_is_not_mitigated(evening) -> None:
    People(evening.book).resolve("1", "Ada", "it was nothing", evening.now, evening.now)

    with pytest.raises(MitigationRefused, match="INC-0001 is resolved, and there is nothing to mitigate"):
        approve(evening)


def test_the_end_of_what_outlasts_its_incident_is_still_written(evening) -> None:
    run = approve(evening)
    People(evening.book).resolve("1", "Ada", "it was nothing", evening.now, evening.now)

    assert [event.name for event in end(evening, run).events] == [ENDED]
    assert end(evening, run) == Commit()  # and once


def test_of_two_services_with_one_name_the_service_tells(evening) -> None:
    evening.play(orders="FFFF", payments="FFFF")
    [case] = evening.book.live()
    assert case.services() == ("payments", "orders")

    with pytest.raises(MitigationRefused, match=r"rollback is the name of payments/rollback and orders/rollback"):
        approve(evening)

    assert approve(evening, "orders/rollback").service == "orders"
    assert approve(evening, "payments/rollback").service == "payments"  # another service, so at once


@pytest.mark.parametrize("begins", [True, False], ids=["may have run", "did not run"])
def test_a_restart_finds_what_was_under_way_and_the_numbers_of_before(evening, tmp_path, begins: bool) -> None:
    evening.book.measured = lambda _service: Figures(
        failing=1, checks=1, readings={Measure.QUEUE_DEPTH: Reading(1240.0, 310.0)}
    )
    run = approve(evening)
    begun = Begun(at=evening.now, word="w", pid=7, born=9, timeout=300.0) if begins else None
    if begun is not None:
        [mine] = evening.book.cases.values()
        evening.keep(started(evening.book, mine.incident, run, begun, evening.now))
    ledger = Ledger.open(tmp_path)
    for commit in evening.commits:
        ledger.commit(commit).result(10)

    case = case_from(ledger, next(iter(evening.book.cases)))
    ledger.close(5.0)

    assert case.has_runs
    [found] = under_way(case.events)
    assert found == replace(run, before=found.before, begun=begun)
    assert found.before == Figures(failing=1, checks=1, readings={Measure.QUEUE_DEPTH: Reading(1240.0)})


def test_an_old_deploy_is_remembered_for_as_long_as_it_may_speak_for_something(evening) -> None:
    """A fix that is deployed hours later does not take the evidence of what it fixes away."""
    fix = Deploy(service="payments", version="1.4.3", at=evening.now + timedelta(hours=3), by="ci")
    People(evening.book).deployed(fix, evening.now, fix.at)
    [case] = evening.book.live()

    [first, _] = offered(evening.book, case, fix.at)

    assert first.holds
    assert "1.4.2" in first.reason

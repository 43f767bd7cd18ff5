"""Which recovery condition still fails, and since when: in the ticket, the update and the status."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitor.core.incident import Timing
from monitor.core.recovery import Assessment, Condition
from monitor.core.sli import Tally
from monitor.response.communicate import ticket
from monitor.web.recovering import recovery_document

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=30)


def assessment(**met: bool | None) -> Assessment:
    return Assessment(tuple(Condition(name, value, name) for name, value in met.items()), Tally())


def test_a_condition_is_not_met_since_it_was_last_met_whether_broken_or_unproven() -> None:
    first = assessment(probes=False, traffic=True, latency=None).unmet_since({}, T0)
    assert first == {"probes": T0, "latency": T0}

    second = assessment(probes=None, traffic=False, latency=True).unmet_since(first, T0 + STEP)
    assert second == {"probes": T0, "traffic": T0 + STEP}

    third = assessment(probes=True, traffic=False, latency=None).unmet_since(second, T0 + 2 * STEP)
    assert third == {"traffic": T0 + STEP, "latency": T0 + 2 * STEP}
    assert assessment().unmet_since(third, T0 + 3 * STEP) == {}


def test_the_ticket_and_the_status_say_since_when(begin):
    evening = begin()
    evening.play(payments="FFFFF")
    first_seen_open = evening.now
    evening.play(payments="FF")
    (case,) = evening.book.live()

    assert case.unmet_since == {"no confirmed failure": first_seen_open}
    shown = f"(not met since {first_seen_open:%Y-%m-%d %H:%M:%S} UTC)"
    assert case.conditions[0] == f"failing: live: status: answered 503, wanted 200-299 {shown}"
    assert shown in ticket(case, (), evening.now)
    document = recovery_document(case, evening.book.subjects["payments"].seen, timedelta(minutes=2), evening.now)
    assert document["conditions"][0]["since"] == f"{first_seen_open:%Y-%m-%dT%H:%M:%S}.000Z"

    evening.play(payments=".")
    assert case.unmet_since == {}
    assert case.conditions[0] == "no confirmed failure"
    document = recovery_document(case, evening.book.subjects["payments"].seen, timedelta(minutes=2), evening.now)
    assert {condition["since"] for condition in document["conditions"]} == {None}


def test_a_relapse_counts_anew_and_so_does_what_was_reopened(begin):
    evening = begin(Timing(stable_for=timedelta(minutes=2)))
    evening.play(payments="FFFFF..F")
    (case,) = evening.book.live()
    assert case.unmet_since["no confirmed failure"] == evening.now
    relapsed = evening.now
    evening.play(payments="FF")
    assert case.unmet_since == {"no confirmed failure": relapsed}

    assert evening.play(payments="......F")[-2:] == "RO"
    evening.play(payments="F")
    assert case.unmet_since == {"no confirmed failure": evening.now}


def test_a_source_that_is_away_is_unproven_since_it_went(begin):
    evening = begin(Timing(stable_for=timedelta(minutes=10)))
    evening.play(payments="FFFF..")
    evening.around = replace(evening.around, traffic_configured=True, traffic_missed=3)
    evening.play(payments=".")
    went = evening.now
    evening.play(payments="...")

    (case,) = evening.book.live()
    assert case.unmet_since == {"error rate below baseline": went}
    assert (
        f"Prometheus did not answer 3 times in a row (unproven since {went:%Y-%m-%d %H:%M:%S} UTC)" in case.conditions
    )

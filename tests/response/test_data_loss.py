"""A query that says that data is lost: it opens a SEV1 by itself, and recovery waits until it says so no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.core.incident import Timing
from monitor.core.severity import Criticality, Severity
from monitor.response.observe import Surroundings

AROUND = Surroundings(criticality=Criticality.LOW, data_loss=())
LOST = replace(AROUND, data_loss=("lost-orders is 3",))
UNKNOWN = replace(AROUND, data_loss_unknown=("lost-orders: Prometheus unavailable since 12:00:00 UTC",))
AWAY = replace(UNKNOWN, traffic_missed=3)


def test_lost_data_is_a_sev1_with_green_probes_and_the_ticket_says_what_was_lost(begin: Callable[..., Any]) -> None:
    evening = begin(services=("orders",))
    evening.around = AROUND
    assert evening.play(orders="...") == "---"

    evening.around = LOST
    assert evening.play(orders="...") == "ppO"

    case = evening.book.case_of("orders")
    assert case.incident.severity is Severity.SEV1
    assert case.incident.reason == "data loss: lost-orders is 3"
    assert case.why[0] == "SEV1: data loss is declared (data loss)"
    assert "data loss: declared (lost-orders is 3)" in case.why


@pytest.mark.parametrize("around", [AROUND, UNKNOWN, AWAY], ids=["none", "not known", "away"])
def test_what_is_not_known_opens_nothing(begin: Callable[..., Any], around: Surroundings) -> None:
    evening = begin(services=("orders",))
    evening.around = around

    assert evening.play(orders=".....") == "-----"


def test_it_is_over_only_when_the_query_says_so(begin: Callable[..., Any]) -> None:
    evening = begin(Timing(stable_for=timedelta(minutes=1)), services=("orders",))
    evening.around = LOST
    assert evening.play(orders="......") == "ppOOOO"

    evening.around = AWAY
    assert evening.play(orders="......") == "OOOOOO"
    seen = evening.book.subjects["orders"].seen
    (unproven,) = seen.assessment.unmet
    assert (unproven.name, unproven.met) == ("no data loss", None)
    assert unproven.text == "data loss not known: lost-orders: Prometheus unavailable since 12:00:00 UTC"

    evening.around = AROUND
    assert evening.play(orders="...") == "rrR"


def test_two_missed_answers_are_no_gap_in_recovering_and_the_third_begins_it_anew(
    begin: Callable[..., Any],
) -> None:
    evening = begin(Timing(stable_for=timedelta(minutes=2)), services=("orders",))
    evening.around = LOST
    evening.play(orders="...")
    evening.around = AROUND
    assert evening.play(orders="..") == "rr"
    since = evening.book.subjects["orders"].incident.since

    evening.around = replace(UNKNOWN, traffic_missed=2)
    assert evening.play(orders=".") == "r"
    seen = evening.book.subjects["orders"].seen
    assert "data loss: no answer from Prometheus 2 times in a row, not a gap yet" in seen.assessment.notes
    assert evening.book.subjects["orders"].incident.since == since

    evening.around = AWAY
    assert evening.play(orders=".") == "r"
    assert evening.book.subjects["orders"].incident.since == evening.now


def test_a_relapse_is_one_too(begin: Callable[..., Any]) -> None:
    evening = begin(services=("orders",))
    evening.around = LOST
    evening.play(orders="...")
    evening.around = AROUND
    assert evening.play(orders="..") == "rr"

    evening.around = LOST

    assert evening.play(orders=".") == "O"

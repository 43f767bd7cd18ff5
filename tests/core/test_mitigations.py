"""Which mitigation the evidence speaks for, on both sides of each edge, and what it did to the numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.core.mitigations import (
    Figures,
    Measure,
    Mitigation,
    MitigationEvidence,
    Reading,
    compared,
    look_due,
    rank,
)

FAILED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
ROLLBACK = Mitigation(service="orders", name="rollback", run=("roll", "back"), deployed_within=30 * MINUTE)


def weighed(mitigation: Mitigation, **evidence: object) -> tuple[bool | None, str]:
    found = MitigationEvidence(failed_at=FAILED, **evidence)  # type: ignore[arg-type]  # a table of keyword arguments
    [ranked] = rank([mitigation], {"orders": found})
    return ranked.holds, ranked.reason


@pytest.mark.parametrize(
    ("deployed", "holds", "reason"),
    [
        (-30 * MINUTE, True, "deployed orders 1.4.2 30m0s before the first failure"),
        (-30 * MINUTE - SECOND, False, "nothing was deployed in the 30m0s before the first failure"),
        (-12 * MINUTE, True, "deployed orders 1.4.2 12m0s before the first failure"),
        (0 * MINUTE, True, "deployed orders 1.4.2 0s before the first failure"),
        (MINUTE, True, "deployed orders 1.4.2 1m0s after the first failure"),
        (MINUTE + SECOND, False, "nothing was deployed in the 30m0s before the first failure"),
    ],
)
def test_a_deploy_shortly_before_speaks_for_going_back(deployed: timedelta, holds: bool, reason: str) -> None:
    deploys = (("1.4.2", FAILED + deployed),)

    assert weighed(ROLLBACK, deploys=deploys, deploys_are_told=True) == (holds, reason)


def test_of_several_deploys_the_last_before_is_told() -> None:
    deploys = (("3", FAILED - 2 * MINUTE), ("4", FAILED + 9 * MINUTE), ("2", FAILED - 8 * MINUTE))

    assert weighed(ROLLBACK, deploys=deploys)[1] == "deployed orders 3 2m0s before the first failure"


def test_where_nobody_marks_deploys_nothing_is_known_of_them() -> None:
    holds, reason = weighed(ROLLBACK)

    assert holds is None
    assert reason.endswith("no deploy of orders was ever marked")


@pytest.mark.parametrize(
    ("measure", "reading", "holds", "reason"),
    [
        ("queue_depth", Reading(1240, 310), True, "queue depth 1,240 against at most 310 by its baseline"),
        ("queue_depth", Reading(310, 310), False, "queue depth 310 against at most 310 by its baseline"),
        ("queue_depth", Reading(1240), None, "queue depth 1,240, and no baseline yet to compare it with"),
        ("queue_depth", None, None, "queue depth is not known now"),
        ("errors", Reading(0.12, 0.01), True, "error rate 12 % against at most 1 % by its baseline"),
        ("errors", Reading(0.01, 0.01), False, "error rate 1 % against at most 1 % by its baseline"),
        ("latency", Reading(1.25, 0.18), True, "latency 1.25 s against at most 180 ms by its baseline"),
        ("latency", Reading(0.18, 0.18), False, "latency 180 ms against at most 180 ms by its baseline"),
    ],
)
def test_a_number_above_its_baseline_speaks_for_it(
    measure: str, reading: Reading | None, holds: bool | None, reason: str
) -> None:
    mitigation = Mitigation(service="orders", name="x", run=("x",), above_baseline=Measure(measure))
    readings = {Measure(measure): reading} if reading is not None else {}

    assert weighed(mitigation, figures=Figures(readings=readings)) == (holds, reason)


def test_what_the_evidence_speaks_for_comes_first_and_what_does_not_hold_last() -> None:
    queue = Measure.QUEUE_DEPTH
    there = [
        Mitigation(service="orders", name="back", run=("x",), deployed_within=MINUTE),
        Mitigation(service="orders", name="slow", run=("x",), above_baseline=Measure.LATENCY),
        Mitigation(service="orders", name="restart", run=("x",)),
        Mitigation(service="orders", name="drain", run=("x",), above_baseline=queue),
        Mitigation(service="orders", name="scale", run=("x",)),
        Mitigation(service="payments", name="drain", run=("x",), above_baseline=queue),
    ]
    long = Figures(readings={queue: Reading(99, 9)})

    ranked = rank(
        there,
        {
            "orders": MitigationEvidence(failed_at=FAILED, figures=long, deploys_are_told=True),
            "payments": MitigationEvidence(failed_at=FAILED, figures=long),
        },
    )

    assert [f"{one.mitigation.service}/{one.mitigation.name}" for one in ranked] == [
        "orders/drain", "payments/drain", "orders/restart", "orders/scale", "orders/slow", "orders/back",
    ]  # fmt: skip


@pytest.mark.parametrize("part", ["two words", "$(reboot)", "a'b", "a\nb", "*", ""])
def test_the_command_to_copy_means_to_a_shell_what_is_run(part: str) -> None:
    import subprocess

    mitigation = Mitigation(service="orders", name="x", run=("printf", "%s|", part, "end"))

    said = subprocess.run(["sh", "-c", mitigation.command], capture_output=True, text=True, check=True).stdout

    assert said == f"{part}|end|"


def test_numbers_before_stand_beside_those_after() -> None:
    before = Figures(
        failing=2, checks=2, readings={Measure.ERRORS: Reading(0.12), Measure.QUEUE_DEPTH: Reading(1240, 310)}
    )
    after = Figures(failing=0, checks=2, readings={Measure.ERRORS: Reading(0.003), Measure.LATENCY: Reading(0.2)})

    assert compared(before, after) == (
        "error rate 12 % => 0.3 %, latency not known => 200 ms, queue depth 1,240 => not known, "
        "failing checks 2 of 2 => 0 of 2"
    )


@pytest.mark.parametrize(
    ("seconds", "looked", "due"),
    [
        (119, None, None),
        (120, None, 2),
        (299, 2, None),
        (300, 2, 5),
        (600, 5, 10),
        (3600, 10, None),
        (3600, None, 10),  # we were away: one look, and not three with the same numbers
    ],
)
def test_it_is_looked_at_two_five_and_ten_minutes_after(seconds: int, looked: int | None, due: int | None) -> None:
    last = None if looked is None else looked * MINUTE

    assert look_due(FAILED, last, FAILED + seconds * SECOND) == (None if due is None else due * MINUTE)

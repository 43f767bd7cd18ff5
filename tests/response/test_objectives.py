"""What an objective knows: its own counts, what is missing, its budget in rolling and calendar windows, its burn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checks.check import Check, HttpQuestion
from checks.result import Attempt, CheckResult, Confirmation, Outcome, Reason
from monitor.config import Service, Slo
from monitor.core.budget import BudgetState
from monitor.core.counting import Slices
from monitor.core.sli import Tally
from monitor.response.objectives import ObjectiveReading, ObjectiveWatch, composite_of, leak_text, objectives_of
from monitor.response.service_watch import ServiceWatch, watch_of

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FAST = timedelta(milliseconds=300)


def check_of(name: str, interval: float = 60.0) -> Check:
    question = HttpQuestion(url="http://127.0.0.1/")
    return Check(service="shop", name=name, question=question, interval=interval, timeout=5.0)


def result(check: str, at: datetime, outcome: Outcome = Outcome.OK, latency: float = 0.05) -> CheckResult:
    reason = {Outcome.OK: None, Outcome.FAILED: Reason.STATUS, Outcome.UNKNOWN: Reason.BLIND}[outcome]
    first = Attempt(
        started_at=at, outcome=outcome, reason=reason, detail="" if reason is None else "x", latency=latency
    )
    return CheckResult(service="shop", check=check, scheduled_at=at, attempts=(first,), trace_id="cd" * 16)


class Shop:
    """One or two checks, asked once a minute, and what its objectives make of it."""

    def __init__(self, *slos: Slo, checks: tuple[str, ...] = ("live",), zone: str = "UTC") -> None:
        self.service = Service(name="shop", checks=tuple(map(check_of, checks)), slos=slos)
        self.watch: ServiceWatch = watch_of(self.service, BEGIN)
        self.objectives = objectives_of(self.service, self.watch, zone, BEGIN)
        self.now = BEGIN

    def take(self, check: str, outcome: Outcome = Outcome.OK, latency: float = 0.05) -> None:
        """One result, and on to the next minute."""
        self.now += MINUTE
        self.give(check, self.now, outcome, latency)

    def give(self, check: str, at: datetime, outcome: Outcome = Outcome.OK, latency: float = 0.05) -> None:
        given = result(check, at, outcome, latency)
        self.watch.checks[check].observe(given)
        for one in self.objectives:
            if one.counter is not None and check in {c.check.name for c in one.counter.checks()}:
                one.counter.observe(given)

    def play(self, script: str, check: str = "live") -> None:
        """`.` ok, `s` slow, `F` failed, `?` unknown, `-` nothing came."""
        for letter in script:
            if letter == "-":
                self.now += MINUTE
                continue
            outcome = {"F": Outcome.FAILED, "?": Outcome.UNKNOWN}.get(letter, Outcome.OK)
            self.take(check, outcome, 0.4 if letter == "s" else 0.05)

    def read(self, position: int = 0) -> ObjectiveReading:
        one: ObjectiveWatch = self.objectives[position]
        if one.counter is not None:
            one.counter.close_slices(self.now)
        return one.read(self.now)


def slo(**given: object) -> Slo:
    return Slo(**{"name": "it", "sli": "success", "objective": 0.99, **given})  # type: ignore[arg-type]


def test_latency_counts_what_was_ok_and_fast_and_success_beside_it_what_was_ok() -> None:
    shop = Shop(slo(), slo(name="fast", sli="latency", under=FAST))
    shop.play("....ss.F?.")

    success, fast = shop.read(0), shop.read(1)

    assert (success.tally.good, success.tally.bad, success.tally.unknown) == (8, 1, 1)
    assert (fast.tally.good, fast.tally.bad, fast.tally.unknown) == (6, 3, 1)


def test_an_objective_of_one_check_counts_that_check_alone() -> None:
    shop = Shop(slo(check="live"), slo(name="all"), slo(name="fast", sli="latency", under=FAST, check="ready"),
                checks=("live", "ready"))  # fmt: skip
    for minute in range(1, 11):
        at = BEGIN + minute * MINUTE
        shop.give("live", at)
        shop.give("ready", at, Outcome.FAILED if minute > 5 else Outcome.OK, 0.05 if minute > 2 else 0.4)
    shop.now = BEGIN + 10 * MINUTE

    counted = [(shop.read(i).tally.good, shop.read(i).tally.bad) for i in range(3)]

    assert counted == [(10, 0), (15, 5), (3, 7)]


def test_extra_probes_are_no_occurrences() -> None:
    shop = Shop(slo())
    shop.play("....")
    extra = CheckResult(
        service="shop", check="live", scheduled_at=shop.now, trace_id="cd" * 16, extra=True,
        attempts=(Attempt(started_at=shop.now, outcome=Outcome.FAILED, reason=Reason.STATUS, detail="x"),),
    )  # fmt: skip
    shop.watch.checks["live"].observe(extra)

    assert shop.read().tally.bad == 0
    assert extra.confirmation is not Confirmation.CONFIRMED


def test_a_slice_of_five_minutes_is_good_from_its_target_on_and_an_empty_one_is_missing() -> None:
    shop = Shop(slo(slices=Slices(5 * MINUTE, 0.8)))
    shop.play("." * 60)
    shop.play("....." + "....F" + "...FF" + "-----" + "?????" + "F----" + "....")  # the last one is not over

    found = shop.read()

    assert (found.tally.good, found.tally.bad, found.tally.unknown) == (12 + 2, 2, 1)
    assert found.tally.missing == 1
    assert found.budget.allowed == pytest.approx(0.01 * 30 * 24 * 12)


def test_slices_of_latency_and_of_all_checks_together() -> None:
    shop = Shop(slo(sli="latency", under=FAST, slices=Slices(MINUTE, 0.5)), checks=("live", "ready"))
    for minute, (live, ready) in enumerate([(0.1, 0.1), (0.1, 0.4), (0.4, 0.4)], 1):
        shop.give("live", BEGIN + minute * MINUTE, latency=live)
        shop.give("ready", BEGIN + minute * MINUTE, latency=ready)
    shop.now = BEGIN + 3 * MINUTE

    assert (shop.read().tally.good, shop.read().tally.bad) == (2, 1)


def test_a_slice_that_a_window_already_holds_is_not_counted_twice_after_a_crash() -> None:
    shop = Shop(slo(slices=Slices(MINUTE)))
    shop.play("..F.")
    shop.read()
    counter = shop.objectives[0].counter
    assert counter is not None
    counter.sliced_until = BEGIN + MINUTE  # what was written before the crash

    found = shop.read()

    assert (found.tally.good, found.tally.bad) == (3, 1)


def test_a_young_service_has_the_budget_of_the_whole_window_and_nothing_of_the_past_is_missing() -> None:
    shop = Shop(slo(objective=0.999))
    shop.play("." * 90 + "F")
    shop.now += timedelta(seconds=30)

    found = shop.read()

    assert found.tally.missing == 0
    assert found.budget.allowed == pytest.approx(43.2, abs=0.002)
    assert found.budget.spent == pytest.approx(1 / 43.2, rel=1e-3)
    assert found.budget.state is BudgetState.WITHIN
    assert found.burns["1h"] == pytest.approx(1000 / 60, rel=0.05)


def test_what_did_not_come_is_missing_and_may_leave_the_budget_unproven() -> None:
    shop = Shop(slo(objective=0.999))
    shop.play("." * 120 + "-" * 45 + "." * 15)

    found = shop.read()

    assert 44 <= found.tally.missing <= 46
    assert (found.tally.bad, found.budget.state) == (0, BudgetState.UNPROVEN)


def test_without_a_result_there_is_no_data_and_without_a_bad_one_all_burns_are_zero() -> None:
    shop = Shop(slo())
    shop.now += HOUR
    empty = shop.read()
    assert (empty.budget.state, set(empty.burns.values()), empty.exhausts_in) == (BudgetState.NO_DATA, {None}, None)

    shop.play("." * 100)
    assert set(shop.read().burns.values()) == {0.0}


def test_a_month_of_the_calendar_begins_with_a_whole_budget_at_midnight_there() -> None:
    shop = Shop(slo(objective=0.999, over="month"), zone="Europe/Berlin")
    shop.now = datetime(2026, 3, 31, 21, 0, tzinfo=UTC)  # 23:00 in Berlin
    shop.play("F" * 59 + ".")
    before = shop.read()
    assert (before.tally.bad, before.budget.state) == (59, BudgetState.SPENT)
    assert before.budget.allowed == pytest.approx(0.001 * (31 * 24 - 1) * 60, rel=1e-3), "an hour was skipped"
    assert before.end == datetime(2026, 3, 31, 22, 0, tzinfo=UTC)

    shop.play("..")
    after = shop.read()

    assert (after.tally.bad, after.budget.left) == (0, 1.0)
    assert after.start == before.end
    assert after.budget.allowed == pytest.approx(0.001 * 30 * 24 * 60, rel=1e-3)


def test_a_burning_budget_says_when_it_is_gone_and_old_errors_that_leave_put_it_off() -> None:
    shop = Shop(slo(objective=0.99, over=2 * DAY))
    shop.play("F" * 20 + "." * 2700)
    fresh = shop.read()
    assert fresh.exhausts_in is None

    shop.play(("F" + "." * 29) * 12)
    found = shop.read()

    # 28.8 may fail, 12 newest count: the first 20 left after two days. Two an hour come: 16.8 more in 8.4 h.
    assert found.tally.bad == 12
    assert found.exhausts_in is not None
    assert found.exhausts_in / HOUR == pytest.approx(16.8 / 2, rel=0.05)


def test_a_leak_is_put_into_one_line() -> None:
    shop = Shop(slo(name="success", objective=0.999))
    shop.play(("F" + "." * 199) * 22 + "F")

    text = leak_text(shop.read())

    assert text.startswith("success burns its budget 5.")
    assert " times too fast over 3d and " in text
    assert text.endswith("; 46.8% of it is left")


def test_the_reading_is_the_same_in_any_order_of_results() -> None:
    forwards, backwards = (Shop(slo(sli="latency", under=FAST, objective=0.9)) for _ in range(2))
    given = [(BEGIN + minute * MINUTE, 0.4 if minute % 7 == 0 else 0.05) for minute in range(1, 300)]
    for at, latency in given:
        forwards.give("live", at, latency=latency)
    for at, latency in reversed(given):
        backwards.give("live", at, latency=latency)
    forwards.now = backwards.now = BEGIN + 300 * MINUTE

    one, other = forwards.read(), backwards.read()

    assert (one.tally, one.burns, one.budget, one.exhausts_in) == (
        other.tally, other.burns, other.budget, other.exhausts_in
    )  # fmt: skip
    assert one.tally.bad == 42


def test_a_composite_weighs_its_members() -> None:
    shop = Shop(slo(name="success"), slo(name="fast", sli="latency", under=FAST, objective=0.9))
    shop.play("....FFss..")

    readings = {reading.slo.name: reading for reading in (shop.read(0), shop.read(1))}
    found = composite_of({"success": 2, "fast": 1}, readings)

    assert found["5m"] == pytest.approx((2 * readings["success"].burns["5m"] + readings["fast"].burns["5m"]) / 3)  # type: ignore[operator]
    assert found["spent"] == pytest.approx((2 * 2 / 432 + 4 / 4320) / 3, rel=1e-3)


def test_two_objectives_that_count_alike_share_one_count() -> None:
    shop = Shop(slo(sli="latency", under=FAST), slo(name="month", sli="latency", under=FAST, over="month"))

    first, second = shop.objectives

    assert first.counter is second.counter
    assert first.id != second.id


def test_state_that_does_not_fit_is_forgotten() -> None:
    one = Shop(slo()).objectives[0]
    assert one.state() is None

    one.restore({"leaking": 7, "answered": "yes", "exhausting": None})

    assert (one.leaking, one.answered, one.exhausting) == ("", False, False)
    assert one.tally(BEGIN, HOUR) == Tally()

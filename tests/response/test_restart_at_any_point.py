"""A restart between any two evaluations changes no verdict: not of an incident, and not of an objective."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from checks.check import Check, HttpQuestion
from checks.result import Attempt, CheckResult, Outcome, Reason
from monitor.config import Service, Slo
from monitor.core.counting import Slices
from monitor.core.incident import Timing
from monitor.core.sli import SliWindow
from monitor.response.casebook import Casebook
from monitor.response.counter import Counter
from monitor.response.objectives import ObjectiveWatch, objectives_of
from monitor.response.service_watch import ServiceWatch, watch_of

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def through_json(state: object) -> Any:
    return json.loads(json.dumps(state))


def copied(before: SliWindow, until: datetime) -> SliWindow:
    """As ledger and history give it back: whole hours, and minutes since."""
    after = SliWindow()
    after.restore_hours(before.hours_before(until.replace(minute=0, second=0, microsecond=0)))
    after.restore_minutes(before.minutes_before(until))
    after.count_hours(until - 5 * HOUR, until)
    return after


def restarted(evening: Any, begin: Callable[..., Any]) -> None:
    """A new daemon's casebook and watches, with what the ledger and the history keep of the old ones."""
    old: Casebook = evening.book
    fresh = begin(old.rules.timing, tuple(evening.watches))
    book: Casebook = fresh.book
    book.new_id, book.new_number = old.new_id, old.new_number
    for name, subject in old.subjects.items():
        book.restore(subject.incident, old.cases.get(subject.incident.id))
        book.remember_flaps(name, subject.flaps, evening.now)
    for name, watch in evening.watches.items():
        for check_name, check in watch.checks.items():
            again = fresh.watches[name].checks[check_name]
            # The daemon writes windows by the minute, and at its end the one that is running.
            again.window = copied(check.window, evening.now + MINUTE)
            again.restore(through_json(check.state()))
    evening.book, evening.watches = book, fresh.watches


TIMING = Timing(stable_for=timedelta(minutes=2), reopen_within=timedelta(minutes=3))
SCRIPTS = st.lists(st.sampled_from(["....", "FFFF", "F...", "FF..", "f..f", "........"]), min_size=2, max_size=8).map(
    "".join
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])  # it only makes evenings
@given(script=SCRIPTS, at=st.integers(0, 60))
def test_an_evening_with_a_restart_has_the_same_incidents(script: str, at: int, begin: Any) -> None:
    at = min(at, len(script))
    whole, cut = begin(TIMING), begin(TIMING)
    whole.play(payments=script)
    cut.play(payments=script[:at])
    restarted(cut, begin)
    if script[at:]:
        cut.play(payments=script[at:])

    assert told(cut) == told(whole)


def told(evening: Any) -> list[tuple[str, object]]:
    """Every transition, in order, with the severity: when a person would have heard what."""
    return [
        (event.name, event.attributes.get("severity"))
        for commit in evening.commits
        for event in commit.events
        if event.name.startswith("incident.") and event.name not in ("incident.update_due",)
    ]


@pytest.mark.parametrize("at", range(1, 8))
def test_a_rise_goes_as_far_with_a_restart_at_any_evaluation(begin: Any, at: int) -> None:
    """The evaluation before a start is not kept, so a rise may come one evaluation later, and no less far."""
    evening = begin(Timing())
    evening.play(payments="FFFF")
    for step in range(8):
        if step == at:
            restarted(evening, begin)
        if step == 2:
            evening.around = replace(evening.around, criticality="critical")
        evening.step({"payments": "F"})

    (case,) = evening.book.live()
    assert str(case.incident.severity) == "SEV1"


class Shop:
    """One check a minute, and all kinds of objectives over it."""

    SLOS = (
        Slo(name="success", sli="success", objective=0.99, over=timedelta(days=2)),
        Slo(name="month", sli="success", objective=0.999, over="month"),
        Slo(name="fast", sli="latency", objective=0.95, under=timedelta(milliseconds=300), over=timedelta(days=2)),
        Slo(name="slices", sli="success", objective=0.95, over="day", slices=Slices(5 * MINUTE)),
    )

    def __init__(self, began_at: datetime = BEGIN) -> None:
        check = Check(service="shop", name="live", question=HttpQuestion(url="http://shop.test/"), interval=60.0)
        self.service = Service(name="shop", checks=(check,), slos=self.SLOS)
        self.watch: ServiceWatch = watch_of(self.service, began_at)
        self.objectives: list[ObjectiveWatch] = objectives_of(self.service, self.watch, "Europe/Berlin", began_at)

    def counters(self) -> list[Counter]:
        return list(
            {one.counter.id: one.counter for one in self.objectives if isinstance(one.counter, Counter)}.values()
        )

    def give(self, minute: int, letter: str) -> None:
        """`.` ok, `s` slow, `F` failed, `?` unknown, `-` nothing."""
        if letter == "-":
            return
        outcome = {"F": Outcome.FAILED, "?": Outcome.UNKNOWN}.get(letter, Outcome.OK)
        reason = {Outcome.FAILED: Reason.STATUS, Outcome.UNKNOWN: Reason.BLIND}.get(outcome)
        at = BEGIN + minute * MINUTE
        first = Attempt(
            started_at=at, outcome=outcome, reason=reason, detail="x" if reason else "",
            latency=0.4 if letter == "s" else 0.05,
        )  # fmt: skip
        given = CheckResult(service="shop", check="live", scheduled_at=at, attempts=(first,), trace_id="cd" * 16)
        self.watch.checks["live"].observe(given)
        for counter in self.counters():
            counter.observe(given)

    def restarted(self, minute: int) -> Shop:
        """After *minute*: with its windows, and the state of slices."""
        until = BEGIN + minute * MINUTE
        again = Shop(until)
        for watch, fresh in zip(self.watch.checks.values(), again.watch.checks.values(), strict=True):
            fresh.window = copied(watch.window, until)
        for counter, fresh_counter in zip(self.counters(), again.counters(), strict=True):
            for kept, fresh_kept in zip(counter.kept, fresh_counter.kept, strict=True):
                fresh_kept.window = copied(kept.window, until)
            fresh_counter.sliced_until = counter.sliced_until
        return again

    def close(self, minute: int) -> None:
        for counter in self.counters():
            counter.close_slices(BEGIN + minute * MINUTE)

    def readings(self, minute: int) -> list[object]:
        now = BEGIN + minute * MINUTE
        seen = [one.read(now) for one in self.objectives]
        return [(one.tally, one.budget, one.burns, one.exhausts_in, one.leak, one.soon) for one in seen]


LETTERS = st.lists(
    st.sampled_from(["." * 25, "F", "FFFFF", "s", "ssssss", "?", "---", ".." * 60]), min_size=1, max_size=40
).map("".join)


@settings(max_examples=60)
@given(letters=LETTERS, seed=st.integers(0, 1000))
def test_the_order_in_which_results_come_changes_no_reading(letters: str, seed: int) -> None:
    straight, shuffled = Shop(), Shop()
    given = list(enumerate(letters, 1))
    for minute, letter in given:
        straight.give(minute, letter)
    random.Random(seed).shuffle(given)
    for minute, letter in given:
        shuffled.give(minute, letter)
    end = len(letters)
    straight.close(end)
    shuffled.close(end)

    assert shuffled.readings(end) == straight.readings(end)


@settings(max_examples=60)
@given(letters=LETTERS, at=st.integers(1, 1200))
@example(letters="F...", at=2)  # within a slice, after what made it a bad one
def test_an_objective_with_a_restart_at_any_minute_reads_the_same(letters: str, at: int) -> None:
    letters = "." + letters  # what is missing is counted from the first result on, and a start has none yet
    at = min(at, len(letters))
    whole, cut = Shop(), Shop()
    for minute, letter in enumerate(letters, 1):
        for shop in (whole, cut):
            shop.give(minute, letter)
            shop.close(minute)
        if minute == at:
            cut = cut.restarted(minute)
    end = len(letters)

    assert cut.readings(end) == whole.readings(end)

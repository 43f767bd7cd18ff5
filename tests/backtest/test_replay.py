"""What a replay finds is what the daemon would have done, to the second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge
from random import Random
from zoneinfo import ZoneInfo

import pytest

from checks.result import Confirmation, Outcome
from monitor.backtest.learning import Baselines
from monitor.backtest.replay import Probe, Reading, Replay
from monitor.config import Config, Slo
from monitor.core.baseline import Baseline, Quality, Signal
from monitor.core.counting import Slices
from monitor.core.incident import State
from monitor.core.indicator import Indicator
from monitor.core.maintenance import MaintenanceWindow, Weekly
from monitor.core.severity import Severity

START = datetime(2026, 3, 2, tzinfo=UTC)
T0 = START.timestamp()
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def told(replay: Replay) -> list[tuple[datetime, str, str, str]]:
    return [(event.at, event.service, event.name, event.text) for event in replay.log]


def test_an_outage_opens_at_the_fourth_failure_and_resolves_after_thirty_minutes_of_proof(config_of, past) -> None:
    replay = Replay(config_of(), T0)

    replay.play(past("." * 70 + "F" * 10 + "." * 120))

    [case] = replay.cases
    incident = case.incident
    assert incident.first_failure_at == START + 70 * MINUTE
    assert incident.opened_at == START + 73 * MINUTE
    assert incident.severity is Severity.SEV3  # all checks of a service of medium criticality
    # The first ok probe is in minute 80; the next evaluation finds it, and the thirty minutes begin.
    assert incident.resolved_at == START + 110 * MINUTE + timedelta(seconds=10)
    assert incident.state is State.RESOLVED


@pytest.mark.parametrize(
    ("script", "opened"),
    [
        ("." * 70 + "FFF" + "." * 60, 0),
        ("." * 70 + "FFFF" + "." * 60, 1),
        ("." * 70 + "uuuu" + "." * 60, 1),
        ("." * 60 + "f" + "." * 600 + "f" + "." * 600, 0),
        ("." * 60 + "?" * 10 + "." * 60, 1),  # nobody knows for ten minutes: the monitor's own incident
        ("." * 60 + "?" + "." * 60, 0),
    ],
)
def test_as_many_incidents_as_the_rules_open(config_of, past, script: str, opened: int) -> None:
    replay = Replay(config_of(), T0)

    replay.play(past(script))

    assert len(replay.cases) == opened


def test_a_silence_is_found_though_nothing_happens_in_it(config_of, past) -> None:
    replay = Replay(config_of(), T0)

    replay.play(past("." * 60 + " " * 30 + "." * 120))

    [case] = replay.cases
    assert case.incident.service == "watchkeeper"
    # The last result was that of minute 59; longer than two minutes is from the next evaluation on.
    assert case.incident.opened_at == START + 61 * MINUTE + timedelta(seconds=10)
    assert case.incident.state is not State.OPEN


@pytest.mark.parametrize(
    ("second", "severity"),
    [("F" * 10 + "." * 60, Severity.SEV4), ("F" * 12 + "." * 58, Severity.SEV3)],
    ids=["gets well half a minute after the first", "goes on to fail alone"],
)
def test_checks_that_get_well_one_after_the_other_make_no_incident_worse(config_of, past, second, severity) -> None:
    """All fail while users see nothing: the probes' path. That some fail is worse, by the table, but not at its end."""
    replay = Replay(config_of(checks=2, traffic=True), T0)
    first = past("." * 60 + "F" * 10 + "." * 60)
    other = past("." * 60 + second, check="orders/check-1", begin=T0 + 30)
    readings = (Reading(T0 + 5 + 30 * slot, "orders", 20.0, 0.0) for slot in range(260))

    replay.play(merge(first, other, readings, key=lambda seen: seen.at))

    [case] = replay.cases
    assert case.incident.state is State.RESOLVED
    assert case.incident.severity is severity


def fitted(seconds: float) -> Baselines:
    """An hour's values around *seconds*, the same at every hour."""
    key = ("orders", Signal.PROBE_LATENCY, "check-0")
    baseline = Baseline(
        service="orders",
        check="check-0",
        signal=Signal.PROBE_LATENCY,
        time_zone="UTC",
        fitted_at=START,
        since=START - timedelta(weeks=6),
        quality=Quality.FITTED,
        slots={hour: [seconds * (0.9 + 0.002 * i) for i in range(100)] for hour in range(168)},
    )
    return Baselines(given={key: baseline}, learns=False)


def test_a_service_that_only_became_slower_is_noticed_without_any_failed_probe(config_of) -> None:
    replay = Replay(config_of(), T0, fitted(0.1))

    for minute in range(240):
        slow = 2.0 if minute >= 120 else 1.0
        # Up and down by a tenth, as the baseline knows it.
        seconds = 0.1 * (0.9 + 0.2 * (minute * 7 % 20) / 20) * slow
        replay.play([Probe(T0 + 60 * minute, "orders/check-0", Outcome.OK, Confirmation.NONE, seconds)])

    [case] = replay.cases
    opened = case.incident.opened_at
    assert opened is not None
    assert 5 * MINUTE < opened - (START + 120 * MINUTE) <= 10 * MINUTE
    # A minute's only probe is the minute's score: the next evaluation opens, ten seconds later.
    assert opened.second == 10
    assert case.incident.severity is Severity.SEV4
    assert "latency" in case.incident.reason


def test_the_budget_is_told_hour_by_hour(config_of, past) -> None:
    replay = Replay(config_of(objective=0.99), T0)

    replay.play(past("." * 90 + "F" * 6 + "." * 200))

    # Of all that the timetable expects in thirty days, as the daemon counts it, not of what came so far.
    assert [(point.at - START, point.left) for point in replay.objectives.curve[:3]] == [
        (timedelta(hours=1), 1.0),
        (timedelta(hours=2), pytest.approx(1 - 6 / (30 * 1440 * 0.01))),
        (timedelta(hours=3), pytest.approx(1 - 6 / (30 * 1440 * 0.01))),
    ]


def test_the_budgets_of_latency_slices_and_a_calendar_are_told_as_the_daemon_counts_them(config_of) -> None:
    config, slices = config_of(objective=0.99), Slices(timedelta(minutes=5))
    (service,) = config.services.values()
    slos = (
        Slo(name="fast", sli="latency", objective=0.99, under=timedelta(seconds=1), over=timedelta(days=1)),
        Slo(name="slices", sli="success", objective=0.9, slices=slices, over=timedelta(days=1)),
        Slo(name="today", sli="success", objective=0.99, over="day"),
    )
    services = {service.name: service.model_copy(update={"slos": slos})}
    replay = Replay(config.model_copy(update={"services": services}), T0)

    for minute in range(26 * 60):
        slow = 600 <= minute < 605
        outcome = Outcome.FAILED if minute == 700 else Outcome.OK
        latency = None if outcome is Outcome.FAILED else 2.0 if slow else 0.1
        replay.play([Probe(T0 + 60 * minute + 30, "orders/check-0", outcome, Confirmation.UNCONFIRMED, latency)])

    def left(objective: str, hour: int) -> float:
        [point] = [p for p in replay.objectives.curve if p.objective == objective and p.at == START + hour * HOUR]
        return point.left

    # Five slow ones and a failed one of 14.4 that a day allows; one bad slice of 28.8; one failed probe of 14.4.
    assert left("fast", 12) == pytest.approx(1 - 6 / 14.4)
    assert left("slices", 12) == pytest.approx(1 - 1 / 28.8)
    assert left("today", 12) == pytest.approx(1 - 1 / 14.4)
    # The next day has a budget of its own; a rolling day still holds the failures of this one.
    assert left("today", 25) == 1.0
    assert left("fast", 25) == pytest.approx(1 - 6 / 14.4)


def test_a_leak_that_the_detector_forgives_opens_an_incident_and_one_only(config_of, past) -> None:
    # Three days in which all is well; then one probe in 150 fails, which is nearly seven budgets.
    leaking = ("." * 149 + "f") * 60
    replay = Replay(config_of(), T0)

    replay.play(past("." * 3 * 1440 + leaking))

    [case] = replay.cases
    assert case.incident.severity is Severity.SEV4
    assert "success burns its budget" in case.incident.reason
    told = [event for event in replay.log if event.name == "slo.burn_rate.exceeded"]
    assert len(told) == 1
    assert told[0].at < case.incident.opened_at + timedelta(minutes=1)


def test_an_objective_that_prometheus_counts_has_no_budget_in_a_replay_of_probes(config_of, past) -> None:
    config = config_of(objective=0.99)
    (service,) = config.services.values()
    ratio = service.slos[0].model_copy(
        update={"name": "ratio", "sli": "ratio", "indicator": Indicator(service=service.name, total="t", bad="b")}
    )
    slos = (*service.slos, ratio)
    both = config.model_copy(update={"services": {service.name: service.model_copy(update={"slos": slos})}})
    one, two = Replay(config, T0), Replay(both, T0)

    for replay in (one, two):
        replay.play(past("." * 90 + "F" * 6 + "." * 60))

    assert two.objectives.curve == one.objectives.curve != []


def troubled(random: Random, check: str, interval: float, hours: int) -> Iterator[Probe]:
    """Flakes, outages, blindness, gaps and slow spells, close together."""
    mood, left = ".", 0
    for slot in range(int(hours * 3600 / interval)):
        if left == 0 and random.random() < 0.02:
            mood, left = random.choice("FFfu? S"), random.randrange(1, 40)
        elif left == 0:
            mood = "."
        left = max(0, left - 1)
        at = T0 + slot * interval + random.choice((0.0, 0.0, 0.25))
        if mood == " ":
            continue
        outcome = {"?": Outcome.UNKNOWN, ".": Outcome.OK, "S": Outcome.OK}.get(mood, Outcome.FAILED)
        confirmation = {"F": Confirmation.CONFIRMED, "f": Confirmation.UNCONFIRMED, "u": Confirmation.UNASKED}.get(
            mood, Confirmation.NONE
        )
        latency = random.lognormvariate(-2.3, 0.05) * (3 if mood == "S" else 1) if outcome is Outcome.OK else None
        yield Probe(at, check, outcome, confirmation, latency)


def traffic(random: Random, service: str, hours: int) -> Iterator[Reading]:
    failing = 0
    for slot in range(hours * 60):
        failing = max(0, failing - 1) or (random.randrange(1, 10) if random.random() < 0.005 else 0)
        requests = None if random.random() < 0.02 else 40.0
        errors = None if requests is None else requests * (0.7 if failing else 0.001)
        yield Reading(T0 + 30 + slot * 60, service, requests, errors)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("interval", [20.0, 60.0])
def test_the_ticks_that_are_left_out_would_have_changed_nothing(
    config_of: Callable[..., Config], seed: int, interval: float
) -> None:
    random = Random(seed)
    names = ("orders", "stock", "mail")
    config = config_of(*names, interval=interval, traffic=seed % 2 == 0, depends_on={"orders": ("stock",)})
    streams = [list(troubled(random, f"{name}/check-0", interval, 3)) for name in names]
    if seed % 2 == 0:
        streams += [list(traffic(random, "orders", 3))]  # type: ignore[list-item]
    past = list(merge(*streams, key=lambda seen: seen.at))
    every, few = (Replay(config, T0, every_tick=every_tick) for every_tick in (True, False))

    for replay in (every, few):
        replay.play(past)
        replay.finish(T0 + 4 * 3600)

    assert told(few) == told(every)
    assert [case.incident for case in few.cases] == [case.incident for case in every.cases]
    assert few.objectives.curve == every.objectives.curve
    assert len(few.cases) > 1


WINDOW = MaintenanceWindow(
    text="Mon 01:00-02:00", when=Weekly(frozenset({0}), begin=60, end=120), zone=ZoneInfo("UTC"), counts=False
)


def planned(config: Config) -> Config:
    service = config.services["orders"].model_copy(update={"maintenance": (WINDOW,)})
    return config.model_copy(update={"services": {"orders": service}})


@pytest.mark.parametrize("every_tick", [False, True])
def test_windows_of_the_configuration_hold_in_the_past_as_well(config_of, past, every_tick: bool) -> None:
    """Of 01:00 to 02:00 twenty minutes fail, and then those from 01:50 to 02:10."""
    script = "." * 70 + "F" * 20 + "." * 20 + "F" * 20 + "." * 110
    replay = Replay(planned(config_of()), T0, every_tick=every_tick)

    replay.play(past(script))

    (case,) = replay.cases
    assert case.incident.opened_at == START + 2 * HOUR
    assert case.incident.first_failure_at == START + 110 * MINUTE
    assert [event.name for event in replay.log if event.name.startswith("maintenance.")] == [
        "maintenance.began",
        "maintenance.ended",
    ]
    [watch] = replay.judge.watches["orders"].checks.values()
    assert watch.left_out is not None
    assert watch.left_out.window.counts(START, START + 4 * HOUR) == (30, 30, 0)
    assert watch.window.counts(START, START + 4 * HOUR)[1] == 10


def test_what_a_replay_leaves_out_for_speed_changes_nothing_around_a_window(config_of) -> None:
    for seed in range(3):
        random = Random(seed)
        letters = random.choices(".Ff?", (60, 1, 1, 1), k=600)
        runs = []
        for every_tick in (False, True):
            replay = Replay(planned(config_of()), T0, every_tick=every_tick)
            replay.play(
                Probe(T0 + 60 * slot, "orders/check-0", *LETTERS[letter], 0.1 if letter == "." else None)
                for slot, letter in enumerate(letters)
            )
            runs.append(replay)
        assert told(runs[0]) == told(runs[1])
        [quick], [slow] = (run.judge.watches["orders"].checks.values() for run in runs)
        assert quick.state() == slow.state()


LETTERS = {
    ".": (Outcome.OK, Confirmation.NONE),
    "F": (Outcome.FAILED, Confirmation.CONFIRMED),
    "f": (Outcome.FAILED, Confirmation.UNCONFIRMED),
    "?": (Outcome.UNKNOWN, Confirmation.NONE),
}

"""What is held back and applied at once leaves the very state that one probe after the other leaves, at any instant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge
from random import Random

import pytest

from checks.result import Confirmation, Outcome
from monitor.backtest.learning import Baselines
from monitor.backtest.replay import Probe, Reading, Replay
from monitor.config import Config, Slo
from monitor.core.baseline import Baseline, Quality, Signal
from monitor.core.counting import Slices
from monitor.response.counter import Counter

START = datetime(2026, 3, 2, tzinfo=UTC)
T0 = START.timestamp()
HOURS = 7


def mostly_well(random: Random, check: str, interval: float, jitter: float) -> Iterator[Probe]:
    """Hours of quiet; in them flakes, an outage, blindness, silence, and an hour that is slower."""
    slots = int(HOURS * 3600 / interval)
    trouble = {}
    for mood, length in (("f", 1), ("f", 1), ("f", 2), ("u", 3), ("F", 7), ("?", 4), (" ", 5), ("S", 3600 / interval)):
        begin = random.randrange(slots)
        trouble.update(dict.fromkeys(range(begin, begin + int(length)), mood))
    for slot in range(slots):
        mood = trouble.get(slot, ".")
        # On a whole minute, a hair before or after it, or anywhere.
        at = T0 + slot * interval + random.choice((0.0, 0.0, 4e-7, 0.9999999, random.random())) * jitter
        if mood == " ":
            continue
        outcome = {"?": Outcome.UNKNOWN, ".": Outcome.OK, "S": Outcome.OK}.get(mood, Outcome.FAILED)
        confirmation = {"F": Confirmation.CONFIRMED, "f": Confirmation.UNCONFIRMED, "u": Confirmation.UNASKED}.get(
            mood, Confirmation.NONE
        )
        slow = 1.25 if mood == "S" else 1.0
        known = outcome is Outcome.OK and random.random() < 0.97
        yield Probe(at, check, outcome, confirmation, random.lognormvariate(-2.3, 0.1) * slow if known else None)


def readings(random: Random) -> Iterator[Reading]:
    """A share of errors that is no alarm, but for some minutes; now and then no requests."""
    alarm = random.randrange(HOURS * 60)
    for minute in range(HOURS * 60):
        requests = 0.0 if random.random() < 0.02 else 40.0
        errors = 30.0 if alarm <= minute < alarm + 4 else random.choice((None, 0.0, 0.4, 19.9))
        latency = random.lognormvariate(-1.0, 0.1) if minute % 5 == 0 else None
        yield Reading(T0 + 60 * minute, "orders", requests, errors, latency)


def fitted() -> Baselines:
    """What was usual in the weeks before; it goes on learning, and a night refits it."""
    random, given = Random(5), {}
    for service, signal, check, usual in (
        ("orders", Signal.PROBE_LATENCY, "check-0", -2.3),
        ("stock", Signal.PROBE_LATENCY, "check-0", -2.35),
        ("orders", Signal.LATENCY, "", -1.0),
        ("orders", Signal.ERROR_RATIO, "", -5.0),
    ):
        given[service, signal, check] = Baseline(
            service=service,
            check=check,
            signal=signal,
            time_zone="Asia/Kathmandu",  # its hours begin at a quarter past
            fitted_at=START,
            since=START - timedelta(weeks=6),
            quality=Quality.FITTED,
            slots={hour: [random.lognormvariate(usual, 0.1) for _ in range(100)] for hour in range(168)},
        )
    return Baselines("Asia/Kathmandu", given)


def state(replay: Replay) -> dict[str, object]:
    """Everything that a later probe could be judged by."""
    now = replay.judge.watches["orders"].checks["check-0"].heard_at or START
    checks = [watch for service in replay.judge.watches.values() for watch in service.checks.values()]
    return {
        "detectors": {watch.id: watch.state() for watch in checks},
        "heard": {watch.id: (watch.heard_at, watch.last and watch.last.outcome) for watch in checks},
        "minutes": {watch.id: watch.window.minutes_before(now + timedelta(hours=1)) for watch in checks},
        "hours": {watch.id: watch.window.hours_before(now + timedelta(hours=1)) for watch in checks},
        "latencies": {watch.id: (watch.latencies.kept, watch.latencies.told_until) for watch in checks},
        "tracks": {key: (t.s, t.onset_at, t.run, list(t.recent), t.shift, t.judged) for key, t in tracks(replay)},
        "subjects": {name: s.incident for name, s in replay.judge.casebook.subjects.items() if s.incident.id},
        "cases": [case.incident for case in replay.cases],
        "told": [(event.at, event.service, event.name, event.text) for event in replay.log],
        "budgets": replay.objectives.curve,
        "counters": {c.id: counter(c, now) for c in replay.objectives.daemon.counters() if isinstance(c, Counter)},
    }


def counter(one: Counter, now: datetime) -> tuple[object, ...]:
    """Minute by minute, as far back as minutes are kept."""
    minute = timedelta(minutes=1)
    return (
        one.sliced_until,
        [one.window.tally(now - ago * minute, minute) for ago in range(359)],
        [one.within.window.tally(now - ago * minute, minute) for ago in range(359)],
        one.window.tally(now, timedelta(days=1)),
    )


def with_objectives(config: Config) -> Config:
    """What is counted besides successes: latency, slices, both; and a month of the calendar."""
    slices = Slices(timedelta(minutes=5), 0.9)
    slos = (
        Slo(name="fast", sli="latency", objective=0.9, under=timedelta(seconds=0.12)),
        Slo(name="slices", sli="success", objective=0.99, slices=slices),
        Slo(name="fast slices", sli="latency", objective=0.9, under=timedelta(seconds=0.125), slices=slices),
        Slo(name="month", sli="success", objective=0.995, over="month"),
    )
    return config.model_copy(
        update={"services": {n: s.model_copy(update={"slos": (*s.slos, *slos)}) for n, s in config.services.items()}}
    )


def tracks(replay: Replay) -> list[tuple[object, object]]:
    return sorted(replay._tracks.items())


@pytest.mark.parametrize(("seed", "interval"), [(0, 60.0), (1, 45.0), (2, 60.0), (3, 20.0), (5, 60.0)])
def test_however_it_is_cut_the_state_is_that_of_one_probe_after_the_other(
    config_of: Callable[..., Config], seed: int, interval: float
) -> None:
    random = Random(seed)
    names = ("orders", "stock")
    config = config_of(*names, interval=interval, traffic=seed % 2 == 0, depends_on={"orders": ("stock",)})
    config = with_objectives(config) if seed in (1, 2, 3) else config
    jitter = (0.0, 1.0, 0.5, 1.0)[seed % 4]
    streams: list[list[Probe] | list[Reading]] = [
        list(mostly_well(random, f"{name}/check-0", interval, jitter)) for name in names
    ]
    if seed % 2 == 0:
        streams.append(list(readings(random)))
    past = list(merge(*streams, key=lambda seen: seen.at))
    one, many = Replay(config, T0, fitted(), every_tick=True), Replay(config, T0, fitted())

    begin = 0
    while begin < len(past):
        end = begin + random.choice((1, 2, 50, 400, 3000))
        one.play(past[begin:end])
        many.play(past[begin:end])
        caught_up(one, many, past[min(end, len(past)) - 1].at)
        assert state(many) == state(one)
        begin = end

    assert one.cases


def caught_up(one: Replay, many: Replay, at: float) -> None:
    """Ticks that would change nothing are left out, and those that are due come with the next probe: both turn now."""
    for replay in (one, many):
        replay.finish(at + 1)

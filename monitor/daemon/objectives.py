"""
The daemon's objectives: counts what they need besides the checks' own windows, reads each once a minute, and says when
one begins to burn or will soon be spent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from loguru import logger

from checks.result import CheckResult
from monitor.config import Config
from monitor.core.incident import duration_text
from monitor.core.indicator import Indicator
from monitor.core.sli import SliWindow
from monitor.ledger.records import Commit, LedgerEvent
from monitor.response.counter import Counter, Within
from monitor.response.impact import SpentBudget, spent_since
from monitor.response.measured import Measured, ReadMinutes
from monitor.response.objectives import ObjectiveReading, ObjectiveWatch, leak_text, objectives_of
from monitor.response.service_watch import ServiceWatch
from monitor.sources.indicator_threads import Answer, IndicatorThreads

EVERY: Final = 60
"""Turns of the loop between two readings of an objective: each turn reads its share, so no turn reads them all."""

FEW: Final = 20
"""Objectives that are read anew for whoever asks: 0.2 ms each, and up to 7 ms of one that fails all the time, in the
loop."""


def counters_of(config: Config) -> frozenset[str]:
    """What is counted besides the checks' own windows, by id."""
    now = datetime.min.replace(tzinfo=UTC)
    found: list[Counter | Measured] = []
    for name, service in config.services.items():
        watch = ServiceWatch(name, 0.0, {})
        found += [one.counter for one in objectives_of(service, watch, "UTC", now) if one.counter is not None]
    return frozenset(kept.id for counter in found for kept in counter.kept)


def wide_counters_of(config: Config) -> dict[str, Indicator]:
    """Those that Prometheus counts, by id."""
    countings = (slo.counting(name) for name, service in config.services.items() for slo in service.slos)
    return {counting.id: counting for counting in countings if isinstance(counting, Indicator)}


class Objectives:
    """
    Args:
        watches: The checks of each service; the objectives look at their windows.
        adopt: Takes each commit.
        publish: Takes each objective as it is read, once a minute.
        threads: Ask Prometheus; None where nothing is to be asked.
        is_left_out: Whether a service is, at an instant, in maintenance that does not count.
    """

    def __init__(
        self,
        config: Config,
        watches: Mapping[str, ServiceWatch],
        now: datetime,
        adopt: Callable[[Commit], object],
        publish: Callable[[ObjectiveReading], object],
        threads: IndicatorThreads | None = None,
        is_left_out: Callable[[str, datetime], bool] = lambda _service, _at: False,
    ) -> None:
        self.threads = threads
        self._is_left_out = is_left_out
        self._adopt = adopt
        self._publish = publish
        self._turn = 0
        self.all: list[ObjectiveWatch] = []
        self._by_service: dict[str, list[ObjectiveWatch]] = {}
        self._counting: dict[str, list[Counter]] = {}
        self.replace(config, watches, now)

    def replace(self, config: Config, watches: Mapping[str, ServiceWatch], now: datetime) -> None:
        """The objectives of *config*. What is counted in the same way goes on being counted."""
        counters = {counter.id: counter for counter in self.counters()}
        before = {watch.id: watch for watch in self.all}
        zone = config.monitor.time_zone
        self.all, self._by_service, self._counting = [], {}, {}
        for name, service in config.services.items():
            if not service.slos:
                continue
            found = objectives_of(service, watches[name], zone, now)
            for one in found:
                if one.counter is not None and (former := counters.get(one.counter.id)) is not None:
                    if isinstance(former, Counter):
                        former.watch = watches[name]
                    elif isinstance(one.counter, Measured):
                        former.reach = one.counter.reach
                    one.counter = former
                if (known := before.get(one.id)) is not None and known.slo == one.slo:
                    one.leaking, one.answered, one.exhausting = known.leaking, known.answered, known.exhausting
            self._by_service[name] = found
            self.all += found
            for counter in {id(o.counter): o.counter for o in found if isinstance(o.counter, Counter)}.values():
                for check in counter.checks():
                    self._counting.setdefault(check.id, []).append(counter)

    def spent(self, services: Sequence[str], since: datetime, now: datetime) -> Sequence[SpentBudget]:
        """Of the budgets of these services, from an instant on until now."""
        return spent_since((one for name in services for one in self._by_service.get(name, ())), since, now)

    def counters(self) -> list[Counter | Measured]:
        return list({c.id: c for c in (one.counter for one in self.all) if c is not None}.values())

    def measured(self) -> list[Measured]:
        """Those that Prometheus counts."""
        return [counter for counter in self.counters() if isinstance(counter, Measured)]

    def kept(self) -> list[Counter | Measured | ReadMinutes | Within]:
        """Everything with a window that a restart must find again."""
        return [kept for counter in self.counters() for kept in counter.kept]

    def learned_late(self) -> list[Measured | ReadMinutes]:
        """Those that know more of hours which the ledger has already; each is named once."""
        late = [counter for counter in self.measured() if counter.learned_late]
        for counter in late:
            counter.learned_late = False
        return [*late, *(counter.read for counter in late)]

    def give(self, windows: Mapping[str, SliWindow]) -> None:
        """The pasts that were kept of counters which are new here, by their ids."""
        for counter in self.kept():
            if counter.id in windows:
                counter.window = windows[counter.id]

    def take(self, results: Iterable[CheckResult]) -> None:
        """Results that just arrived."""
        if not self._counting:
            return
        for result in results:
            if not result.extra:
                for counter in self._counting.get(result.id, ()):
                    counter.observe(result)

    def counting(self, check: str) -> Sequence[Counter]:
        """What counts the probes of a check besides itself, by the check's identity."""
        return self._counting.get(check, ())

    def minute_over(self, until: datetime) -> None:
        """All results of the minutes before *until* have come."""
        for counter in self.counters():
            if isinstance(counter, Counter):
                counter.close_slices(until)

    def tick(self, now: datetime, wall: datetime, troubled: Collection[str]) -> list[str]:
        """
        Reads the objectives whose turn it is. Returns the services of which one burns, and asks to be judged.

        Args:
            troubled: Services with an incident that is live, or may reopen.
        """
        self._look_at_prometheus(now)
        self._turn = (self._turn + 1) % EVERY
        return self.read(self.all[self._turn :: EVERY], now, wall, troubled)

    def read(
        self, some: Iterable[ObjectiveWatch], now: datetime, wall: datetime, troubled: Collection[str]
    ) -> list[str]:
        """As `tick`, of *some*: for whoever is told the time."""
        for one in some:
            self._judge(one, one.read(now), wall)
        for one in self.all:
            if one.leaking and one.service in troubled:
                one.answered = True
        return [one.service for one in self.all if one.leaking and not one.answered]

    def _look_at_prometheus(self, now: datetime) -> None:
        if self.threads is None:
            return
        measured = {counter.id: counter for counter in self.measured()}
        for answer in self.threads.answers():
            if (counter := measured.get(answer.indicator)) is not None:
                self._take_answer(counter, answer, now)
        for counter in measured.values():
            if (span := counter.next(now)) is not None:
                self.threads.ask(counter.indicator, span)

    def _take_answer(self, counter: Measured, answer: Answer, now: datetime) -> None:
        before = counter.problem
        if answer.problem:
            counter.lack(answer.span, answer.problem, answer.refused, now)
        else:
            service = counter.indicator.service
            counter.take(answer.span, answer.increments, now, lambda at: self._is_left_out(service, at))
        if counter.problem != before:
            names = ", ".join(one.slo.name for one in self.all if one.counter is counter)
            service = counter.indicator.service
            if counter.problem:
                logger.warning("{}: objective {} cannot be read: {}", service, names, counter.problem)
            else:
                logger.info("{}: objective {} is read again", service, names)

    def readings_of(self, service: str, now: datetime) -> list[ObjectiveReading]:
        """As they are now; where there are many, as they were within the last minute."""
        few = len(self.all) <= FEW
        return [one.reading if one.reading and not few else one.read(now) for one in self._by_service.get(service, ())]

    def alarm(self, service: str) -> tuple[str, float | None]:
        """For judgement: what burns, in one line, and how fast; empty where an incident is about it already."""
        burning = [one for one in self._by_service.get(service, ()) if one.leaking]
        waiting = [one.reading for one in burning if not one.answered and one.reading is not None]
        burns = [one.reading.leak.burn for one in burning if one.reading is not None and one.reading.leak is not None]
        return "; ".join(filter(None, map(leak_text, waiting))), max(burns, default=None)

    def states(self) -> dict[str, object]:
        states: dict[str, object] = {one.id: state for one in self.all if (state := one.state()) is not None}
        for counter in self.counters():
            if isinstance(counter, Measured):
                if (state := counter.state()) is not None:
                    states[counter.id] = state
            elif counter.sliced_until is not None:
                states[counter.id] = {"sliced_until": counter.sliced_until.isoformat()}
        return states

    def restore(self, states: Mapping[str, object]) -> None:
        for one in self.all:
            if isinstance(state := states.get(one.id), dict):
                one.restore(state)
        for counter in self.counters():
            state = states.get(counter.id)
            if isinstance(counter, Measured):
                if isinstance(state, dict):
                    counter.restore(state)
            elif isinstance(state, dict) and isinstance(until := state.get("sliced_until"), str):
                counter.sliced_until = datetime.fromisoformat(until)

    def _judge(self, one: ObjectiveWatch, seen: ObjectiveReading, wall: datetime) -> None:
        self._publish(seen)
        if seen.leak is None:
            one.leaking, one.answered = "", False
        elif not one.leaking:
            one.leaking = seen.leak.window.name
            self._tell("slo.burn_rate.exceeded", one, seen, wall, leak_text(seen))
        if seen.soon is None:
            one.exhausting = False
        elif not one.exhausting:
            one.exhausting = True
            self._tell("slo.budget.exhausting", one, seen, wall, exhausting_text(seen))

    def _tell(self, name: str, one: ObjectiveWatch, seen: ObjectiveReading, wall: datetime, text: str) -> None:
        attributes: dict[str, object] = {"objective": one.slo.name, "check": one.slo.check or ""}
        if seen.leak is not None:
            attributes |= {
                "burn_long": round(seen.leak.burn_long, 3),
                "burn_short": round(seen.leak.burn_short, 3),
                "window": seen.leak.window.name,
                "limit": seen.leak.threshold,
            }
        if seen.soon is not None:
            attributes["exhausts_in_seconds"] = round(seen.soon.total_seconds())
        event = LedgerEvent(
            name=name, at=seen.at, wall=wall, text=text, service=one.service,
            attributes={key: value for key, value in attributes.items() if value != ""},
        )  # fmt: skip
        self._adopt(Commit(events=(event,)))


def exhausting_text(seen: ObjectiveReading) -> str:
    left = seen.soon or timedelta(0)
    if left <= timedelta(0):
        return f"the budget of {seen.slo.name} is spent"
    return f"the budget of {seen.slo.name} is gone in {duration_text(left)} if it goes on like this"

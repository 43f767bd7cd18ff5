"""
From results to commits: feeds the watches, evaluates what needs evaluating, and hands each change to the ledger.

Evaluation is driven by arriving batches (at once on a failure) and by the tick; healthy services are looked at only for
silence, so ten thousand green checks cost no judgement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from checks.check import Check
from checks.result import CheckResult, Outcome
from monitor.config import Changes, Config, Service
from monitor.core.incident import State
from monitor.core.severity import Criticality
from monitor.ledger.records import Commit
from monitor.response.alerts import Intake
from monitor.response.case import Case
from monitor.response.casebook import Casebook
from monitor.response.detect import Observation
from monitor.response.maintenance import ENDED, Maintenance, services_in
from monitor.response.merge import merge_late
from monitor.response.observe import Surroundings, blind_observation, in_maintenance, observe
from monitor.response.parting import part, release
from monitor.response.service_watch import ServiceWatch, watch_of

ITSELF = "watchkeeper"
"""The subject of the monitor's own incidents; no service may take the name."""

EVALUATE_EVERY = timedelta(seconds=10)


class Judge:
    """
    Attributes:
        every: Between two evaluations.

    Args:
        surroundings: What is known of a service besides its probes, at this instant.
        adopt: Takes each commit, in order, as soon as it is decided.
        began_to_fail: Takes the result that made a check confirmed failing.
        measured: Takes the median latency of each minute, in seconds, once the last result of that minute is here.
    """

    def __init__(
        self,
        config: Config,
        casebook: Casebook,
        now: datetime,
        surroundings: Callable[[str], Surroundings],
        adopt: Callable[[Commit], object],
        began_to_fail: Callable[[CheckResult], object],
        measured: Callable[[Check, datetime, float], object],
    ) -> None:
        self.casebook = casebook
        self.began_at = now
        self.services: Mapping[str, Service] = config.services
        self.watches = {name: watch_of(service, now) for name, service in config.services.items()}
        self._surroundings = surroundings
        self._adopt = adopt
        self._began_to_fail = began_to_fail
        self._measured = measured
        self.every = _cadence(config)
        self._severities = config.severity
        self._dependents = _dependents(config)
        self.maintenance = Maintenance(config.services)
        casebook.muting.live_by(config.services, self.maintenance)
        self._evaluated_at = now
        self._restless: set[str] = set()

    def replace(self, config: Config, changed: Changes, now: datetime, wall: datetime) -> None:
        """
        What is watched from *now* on. Services and checks that stay keep their windows, detectors and places.

        The casebook is told of those that went and of those that came back.
        """
        gone, came = changed.services_removed, changed.services_added
        for name in changed.touched & (config.services.keys() - came):
            self.watches[name].replace(config.services[name], now)
        self.watches = {
            name: self.watches[name] if name in self.watches else watch_of(service, now)
            for name, service in config.services.items()
        }
        self.services = config.services
        self.every = _cadence(config)
        self._severities = config.severity
        self._dependents = _dependents(config)
        self.maintenance.replace(config.services)
        self.casebook.muting.live_by(config.services, self.maintenance)
        self._restless -= gone
        for name in sorted(gone):
            for commit in part(self.casebook, name, now, wall):
                self._adopt(commit)
        for name in sorted(came):
            self._take_up(name, now, wall)

    def _take_up(self, name: str, now: datetime, wall: datetime) -> None:
        """A service that has a past: nobody watched it meanwhile, so nothing of that time proves that it is well."""
        if name not in self.casebook.subjects:
            return
        commit = self.casebook.lost_sight(name, "it was not watched for a while", now, wall)
        self.casebook.subjects[name].unwatched_since = None
        self.watches[name].prove_since(self.casebook.subjects[name].incident.since)
        if commit is not None:
            self._adopt(commit)

    def take(self, results: Iterable[CheckResult], now: datetime, wall: datetime) -> None:
        """
        Results that just arrived. A failure is judged at once; the rest wait for the next evaluation.

        Args:
            results: As `maintenance.mark` leaves them.
        """
        self._turn_windows(now, wall)
        failed = set()
        for result in results:
            watch = self.watches.get(result.service)
            if watch is None or result.check not in watch.checks:
                continue  # left over from a configuration that is gone
            check = watch.checks[result.check]
            failing_before = check.failing
            check.observe(result)
            if check.failing and not failing_before:
                self._began_to_fail(result)
            if result.outcome is Outcome.FAILED:
                failed.add(result.service)
            if not result.extra:
                for minute, seconds in check.latencies.complete_with(result.scheduled_at, check.check.interval):
                    self._measured(check.check, minute, seconds)
        self._restless |= failed
        for name in sorted(failed):
            self.evaluate(name, now, wall)

    def stir(self, services: Iterable[str]) -> None:
        """Something besides their probes says that these are not at rest."""
        self._restless |= set(services) & self.watches.keys()

    @property
    def at_rest(self) -> bool:
        """Nothing but traffic calls for an evaluation, and nothing can fall due: a tick finds silence at most."""
        return not self._restless and not self.casebook.cases

    def tick(self, now: datetime, wall: datetime) -> None:
        """Evaluates every service that is not at rest, looks for silence, and sends what fell due."""
        if now - self._evaluated_at < self.every:
            return
        self._evaluated_at = now
        self._turn_windows(now, wall)
        for name in sorted(self._to_evaluate()):
            self.evaluate(name, now, wall)
        self._look_for_blindness(now, wall)
        for commit in (*merge_late(self.casebook, now, wall), *release(self.casebook, now, wall)):
            self._adopt(commit)
        for commit in (*Intake(self.casebook).expire(now, wall), *self.casebook.due(now, wall)):
            self._adopt(commit)

    def _turn_windows(self, now: datetime, wall: datetime) -> None:
        """Planned windows that began or ended. What was over by then leaves no evidence behind."""
        for event in self.maintenance.turn(now, wall):
            self._adopt(Commit(events=(event,)))
            if event.name == ENDED:
                for name in services_in(event):
                    if name in self.watches:
                        self.watches[name].forget_what_is_over()

    def evaluate(self, name: str, now: datetime, wall: datetime) -> None:
        case = self.casebook.case_of(name)
        subject = self.casebook.watch(name, now)
        watch = self.watches[name]
        was_recovering_since = subject.incident.since
        seen = self._observe(watch, case, now)
        # An incident of several is in maintenance while all of them are: of the others something may be learned.
        services = case.services() if case is not None and case.incident.service == name else (name,)
        planned = [self.maintenance.of(service, wall) for service in services]
        if planned[0] is not None and None not in planned:
            seen = in_maintenance(seen, planned[0].text)
        commit = self.casebook.evaluate(name, seen, wall)
        self._restart_counting(name, was_recovering_since)
        if not seen.breach and not subject.incident.is_live and subject.streaks.quiet > 2:
            self._restless.discard(name)
        if commit is not None:
            self._adopt(commit)

    def _observe(self, watch: ServiceWatch, case: Case | None, now: datetime) -> Observation:
        mine = case is not None and case.incident.service == watch.name
        members = [] if not mine or case is None else [n for n in case.services()[1:] if n in self.watches]
        return observe(
            watch,
            self._around(watch.name),
            now,
            incident=case.incident if mine and case is not None else None,
            members=[(self.watches[n], self._around(n)) for n in members],
            firing=case.firing if case is not None else (),
            table=self._severities,
        )

    def _around(self, name: str) -> Surroundings:
        return replace(
            self._surroundings(name),
            criticality=self.services[name].criticality,
            dependents_failing=tuple(n for n in self._dependents.get(name, ()) if self.watches[n].failing()),
        )

    def _restart_counting(self, name: str, since: datetime) -> None:
        """At each change of state detectors and proof begin anew: recovery never reads what led to the opening."""
        incident = self.casebook.subjects[name].incident
        if incident.since == since or not incident.id:
            return
        for service in self.casebook.cases[incident.id].services():
            if service in self.watches:
                self.watches[service].prove_since(incident.since)
                if not incident.is_live or incident.opened_at == incident.since:
                    self.watches[service].reset_detectors()

    def _to_evaluate(self) -> set[str]:
        live = {case.incident.service for case in self.casebook.live()}
        traffic = {name for name, service in self.services.items() if service.traffic is not None or service.data_loss}
        resolved = {case.incident.service for case in self.casebook.cases.values()}
        return (self._restless | live | traffic | resolved) & self.watches.keys()

    def _look_for_blindness(self, now: datetime, wall: datetime) -> None:
        hidden = {name: watch.silent_since() for name, watch in self.watches.items() if watch.gap(now)}
        subject = self.casebook.subjects.get(ITSELF)
        if not hidden and (subject is None or subject.incident.state is State.CLEAR):
            return
        order = list(Criticality)
        worst = min((self.services[n].criticality for n in hidden), key=order.index, default=Criticality.LOW)
        case = self.casebook.case_of(ITSELF)
        seen = blind_observation(hidden, worst, now, case.incident if case is not None else None, self._severities)
        commit = self.casebook.evaluate(ITSELF, seen, wall)
        if commit is not None:
            self._adopt(commit)


def _cadence(config: Config) -> timedelta:
    """Every ten seconds, or as often as the quickest check."""
    return min([EVALUATE_EVERY, *(timedelta(seconds=check.interval) for check in config.all_checks())])


def _dependents(config: Config) -> dict[str, list[str]]:
    """Service -> those that name it in `depends_on`."""
    found: dict[str, list[str]] = {}
    for name, service in config.services.items():
        for parent in service.depends_on:
            found.setdefault(parent, []).append(name)
    return found

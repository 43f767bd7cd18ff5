"""
What is known of a service besides its probes: its traffic as Prometheus saw it, and whether latency has moved away from
its baseline. Threads and processes fetch; the loop only looks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from loguru import logger

from checks.check import Check
from monitor.clock import SteadyClock
from monitor.config import Changes, Config, Service, Traffic
from monitor.core.baseline import Baseline, Sample, Signal
from monitor.core.slo import Objective
from monitor.response.deploys import Versions
from monitor.response.leftout import LeftOut
from monitor.response.observe import Surroundings
from monitor.response.tracks import LatencyTrack, QueueTrack, Settled, settled, shift_of
from monitor.response.watch import objective_of
from monitor.sources.fitting import BaselineStore, Fitter
from monitor.sources.job import FitJob, ServiceJob
from monitor.sources.poller import TrafficPoller
from monitor.sources.prometheus import Prometheus
from monitor.sources.traffic import FRESH_FOR, TrafficQueries, TrafficReader, TrafficSample, losses_in, verdict_of, view
from monitor.web.documents import timestamp

SCORE_FOR: Final = 0.05
"""Seconds of one turn of the loop in which minutes are scored. At the turn of the hour every baseline is read again, at
about a millisecond each: ten thousand of them in one turn would stop the loop for ten seconds and more."""
MOST_UNSCORED: Final = 100_000
"""Ten minutes of ten thousand checks. On a machine that cannot keep up the oldest minutes stay without a score."""


class Surveyor:
    """
    Owns the traffic poller, the baselines and the tracks. Only the loop's thread calls it.

    Args:
        score_for: Seconds, as above.
    """

    def __init__(self, config: Config, clock: SteadyClock, score_for: float = SCORE_FOR) -> None:
        self._config = config
        self._clock = clock
        self._folder = config.monitor.state / "baselines"
        self._store = BaselineStore(self._folder)
        self._fitter = Fitter(self._folder)
        self._poller = TrafficPoller(clock.now, every=_reading_interval(config))
        self._tracks: dict[tuple[str, Signal, str], LatencyTrack] = {}
        self._samples: dict[str, TrafficSample] = {}
        self._accepted: dict[str, datetime] = {}
        self._crossed: dict[str, datetime] = {}
        self._queues: dict[str, QueueTrack] = {}
        self.versions = Versions()
        self._deployed: list[tuple[str, str]] = []
        self._score_for = score_for
        self._unscored: deque[tuple[Check, datetime, float]] = deque(maxlen=MOST_UNSCORED)

    def start(self) -> None:
        prometheus = self._config.sources.prometheus
        if prometheus is None:
            self._poller.watch(())
            return
        client = Prometheus(prometheus)
        self._poller.watch(_readers(self._config.services.values(), client), _reading_interval(self._config))
        self._poller.start()

    def replace(self, config: Config, changed: Changes) -> None:
        """What the new configuration reads, from now on. Evidence against what another target did is forgotten."""
        before, self._config = self._config, config
        asked = {
            name: ({check.name for check in service.checks}, service.traffic)
            for name, service in config.services.items()
        }
        other = {name for name, (_, traffic) in asked.items() if _traffic(before, name) != traffic}
        if changed.touches("sources"):
            other = set(asked)
        deployed = {name for name, s in config.services.items() if _deploys(before, name) != s.deploys}
        deployed |= {name for name, s in config.services.items() if _data_loss(before, name) != s.data_loss}
        for name in other | changed.services_removed:
            self._crossed.pop(name, None)
            self._queues.pop(name, None)
        for service, signal, check in list(self._tracks):
            known = service in asked and (not check or check in asked[service][0])
            is_other = f"{service}/{check}" in changed.asked_anew if check else service in other
            if not known or is_other:
                del self._tracks[service, signal, check]
        stay_on = {check.id for check in config.all_checks()} - changed.asked_anew
        stay = [waiting for waiting in self._unscored if waiting[0].id in stay_on]
        self._unscored = deque(stay, MOST_UNSCORED)
        self._poller.forget(other | deployed)
        if other or deployed or changed.services_removed or _reading_interval(before) != _reading_interval(config):
            self.start()

    def stop(self, timeout: float = 1.0) -> None:
        self._poller.stop(timeout)
        self._fitter.stop()

    def tick(self, now: datetime) -> set[str]:
        """Looks at what arrived since the last turn. The services that it finds slower than they were."""
        self._samples = dict(self._poller.snapshot())
        for name, sample in self._samples.items():
            self._look_for_deploys(name, sample)
            track = self._track(name, Signal.LATENCY)
            if sample.queue_depth is not None and not sample.away:
                queue = self._queues.setdefault(name, QueueTrack())
                queue.take(sample.at, sample.queue_depth, self._baseline(name, Signal.QUEUE_DEPTH, sample.at))
            for reading in sample.latencies:
                if track.seen_until is None or reading.at > track.seen_until:
                    track.take(reading.at, reading.seconds, self._baseline(name, Signal.LATENCY, reading.at))
        slower = self._score()
        finished = self._fitter.poll(now)
        if finished is not None:
            logger.log("WARNING" if self._fitter.trouble else "INFO", "{}", f"baselines: {finished}")
        return slower

    def _look_for_deploys(self, name: str, sample: TrafficSample) -> None:
        query = self._config.services[name].deploys if name in self._config.services else None
        if query is None:
            return
        if sample.deploys_problem:
            logger.warning("{}: its deploys cannot be read: {}", name, sample.deploys_problem)
        elif version := self.versions.see(name, query, sample.versions):
            self._deployed.append((name, version))

    def take_deploys(self) -> list[tuple[str, str]]:
        """Service and version of each deploy that Prometheus has shown since the last call."""
        found, self._deployed = self._deployed, []
        return found

    def latency(self, check: Check, minute: datetime, seconds: float) -> None:
        """The median of one minute's probes: one score a minute, at any cadence. `tick` scores it, in its turn."""
        self._unscored.append((check, minute, seconds))

    def _score(self) -> set[str]:
        """As many minutes as there is time for, and at least one. The services whose latency is shifted."""
        until = monotonic() + self._score_for
        slower = set()
        while self._unscored:
            check, minute, seconds = self._unscored.popleft()
            track = self._track(check.service, Signal.PROBE_LATENCY, check.name)
            track.take(minute, seconds, self._baseline(check.service, Signal.PROBE_LATENCY, minute, check.name))
            if track.shift:
                slower.add(check.service)
            if monotonic() >= until:
                break
        return slower

    def settled(self, failing: Set[str], now: datetime) -> dict[str, Settled]:
        """
        Service -> a level that it has settled at and nobody was asked about. Call it once a minute.

        Args:
            failing: Services with a check that is confirmed failing.
        """
        shifted: dict[str, list[LatencyTrack]] = {}
        for (service, _, _), track in self._tracks.items():
            if service in failing:
                track.disturbed()
            elif track.shift:
                shifted.setdefault(service, []).append(track)
        found = {service: settled(tracks, now) for service, tracks in shifted.items()}
        return {service: level for service, level in found.items() if level is not None}

    def accept(self, service: str, since: datetime) -> None:
        """What came before *since* (wall clock) judges no more; nor does anything until what came after is fitted."""
        self._accepted[service] = since
        self._queues.pop(service, None)
        for key in [key for key in self._tracks if key[0] == service]:
            del self._tracks[key]

    def has_accepted_since(self, instant: datetime) -> bool:
        """Whether a level was accepted that begins after *instant*."""
        return any(since > instant for since in self._accepted.values())

    def _baseline(self, service: str, signal: Signal, at: datetime, check: str = "") -> Baseline | None:
        baseline = self._store.get(service, signal, check, at)
        since = self._accepted.get(service)
        return None if baseline is None or (since is not None and baseline.since < since) else baseline

    def of(self, name: str) -> Surroundings:
        service = self._config.services[name]
        sample = self._samples.get(name)
        now = self._clock.now()
        traffic = None
        if sample is not None and _reads_traffic(service):
            baseline = self._baseline(name, Signal.ERROR_RATIO, now)
            normal = baseline.sample(now) if baseline is not None else None
            quality = baseline.quality_at(now) if baseline is not None else None
            budget = Objective(objective_of(service)).error_budget
            traffic = view(sample, normal, budget, now, quality, self._crossed_since(name, sample, normal, budget))
        lost, lost_unknown = losses_in(sample, service.data_loss, now)
        shift = shift_of([track for (of, _, _), track in self._tracks.items() if of == name])
        return Surroundings(
            criticality=service.criticality,
            traffic=traffic,
            traffic_configured=_reads_traffic(service) and self._config.sources.prometheus is not None,
            traffic_missed=sample.missed
            if sample is not None and (_reads_traffic(service) or service.data_loss)
            else 0,
            latency_shift=shift.text,
            shifted_since=shift.since,
            queue_anomaly=self._queue_anomaly(name, sample, now),
            data_loss=lost if service.data_loss else None,
            data_loss_unknown=lost_unknown,
            away_since=sample.away_since if sample is not None and sample.away else None,
        )

    def _crossed_since(self, name: str, sample: TrafficSample, normal: Sample | None, budget: float) -> datetime | None:
        """The reading with which the errors went past their limit, if they still are; what is unknown is no end."""
        verdict = verdict_of(sample, normal, budget)
        if verdict is not None and verdict.chance is None and verdict.within:
            self._crossed.pop(name, None)
        elif verdict is not None:
            self._crossed.setdefault(name, sample.at)
        return self._crossed.get(name)

    def _queue_anomaly(self, name: str, sample: TrafficSample | None, now: datetime) -> str:
        """Of a queue that is read: what waited a while ago is no evidence of now."""
        queue = self._queues.get(name)
        is_read = sample is not None and sample.queue_depth is not None and now - sample.at <= FRESH_FOR
        return queue.anomaly if queue is not None and is_read else ""

    def _track(self, service: str, signal: Signal, check: str = "") -> LatencyTrack:
        return self._tracks.setdefault((service, signal, check), LatencyTrack())

    def states(self) -> dict[str, object]:
        """Of the tracks that have something to continue from, by the names that `restore` looks for."""
        kept = {_kept_as(key): track.state() for key, track in self._tracks.items()}
        return {name: state for name, state in kept.items() if state is not None}

    def restore(self, states: Mapping[str, object]) -> set[str]:
        """
        The services whose latency is shifted: it may have been found in the very last turn, when nobody asked any more.

        Args:
            states: As the history has them, those of others among them.
        """
        for service in self._config.services.values():
            probed = [(service.name, Signal.PROBE_LATENCY, check.name) for check in service.checks]
            for key in [(service.name, Signal.LATENCY, ""), *probed]:
                if isinstance(state := states.get(_kept_as(key)), dict):
                    self._tracks[key] = LatencyTrack.restored(state)
        return {service for (service, _, _), track in self._tracks.items() if track.shift}

    def refresh(self, left_out: Mapping[str, LeftOut], labelled_since: datetime) -> bool:
        """
        Starts a fitting process. False when one is still at work, or none can be started.

        Args:
            left_out: What of each service's past is no word on what is normal.
            labelled_since: From when on the log of incidents is kept; outlier hours before it are guessed.
        """
        now = self._clock.now()
        nothing = LeftOut()
        self._accepted = {name: out.since for name, out in left_out.items() if out.since is not None}
        services = {
            name: ServiceJob(
                requests=service.traffic.requests if service.traffic else None,
                errors=service.traffic.errors if service.traffic else None,
                latency=service.traffic.latency if service.traffic else None,
                queue_depth=service.traffic.queue_depth if service.traffic else None,
                checks=tuple(check.name for check in service.checks),
                exclude=tuple(left_out.get(name, nothing).intervals),
                since=left_out.get(name, nothing).since,
            )
            for name, service in self._config.services.items()
        }
        job = FitJob(
            now=now,
            time_zone=self._config.monitor.time_zone,
            services=services,
            prometheus=self._config.sources.prometheus,
            history=str(self._config.monitor.state / "history.sqlite"),
            labelled_since=labelled_since,
        )
        return self._fitter.start(job, now)

    def sources(self) -> dict[str, object]:
        """For `status`: whether Prometheus answers, and if not, since when, why and what for. Empty without one."""
        if self._config.sources.prometheus is None or not any(map(_is_read, self._config.services.values())):
            return {}
        problems = "; ".join(self._lacking())
        lacking = {"lacking": problems} if problems else {}
        away = {name: sample for name, sample in self._samples.items() if sample.away}
        if not away:
            return {"prometheus": "answers" if self._samples else "not asked yet", **lacking}
        first = min(away.values(), key=lambda sample: sample.away_since or sample.at)
        return {
            "prometheus": "away",
            "since": timestamp(first.away_since or first.at),
            "for": ", ".join(sorted(away)),
            "because": first.away,
            **lacking,
        }

    def _lacking(self) -> Iterator[str]:
        """Of what Prometheus does not answer though it is there: `orders queue_depth: Prometheus refuses the query`."""
        for name, sample in sorted(self._samples.items()):
            if not sample.away:
                yield from (f"{name} {key}: {why}" for key, why in sample.problems.items())

    def fitting(self) -> dict[str, object]:
        """For `status`: what the last fitting failed of."""
        return {"trouble": self._fitter.trouble}

    def state(self) -> dict[str, object]:
        """For `status`: which services have a baseline, how good and how old."""
        now = self._clock.now()
        kept = {}
        for name in self._config.services:
            baseline = self._baseline(name, Signal.ERROR_RATIO, now)
            if baseline is not None:
                kept[name] = f"{baseline.quality_at(now)}, {baseline.age(now).total_seconds() / 3600:.0f} h old"
        return dict(kept)


def _kept_as(key: tuple[str, Signal, str]) -> str:
    """No name of a check, nor of an objective: those hold no space."""
    service, signal, check = key
    return f"{signal} {service}/{check}"


def _readers(services: Iterable[Service], client: Prometheus) -> list[TrafficReader]:
    return [TrafficReader(service.name, _queries(service), client) for service in services if _is_read(service)]


def _queries(service: Service) -> TrafficQueries:
    traffic = service.traffic
    if traffic is None:
        return TrafficQueries(deploys=service.deploys, data_loss=service.data_loss)
    if not _reads_traffic(service):
        return TrafficQueries(queue_depth=traffic.queue_depth, deploys=service.deploys, data_loss=service.data_loss)
    return TrafficQueries(
        requests=traffic.requests,
        errors=traffic.errors,
        latency=traffic.latency,
        queue_depth=traffic.queue_depth,
        deploys=service.deploys,
        data_loss=service.data_loss,
    )


def _traffic(config: Config, service: str) -> Traffic | None:
    return config.services[service].traffic if service in config.services else None


def _deploys(config: Config, service: str) -> str | None:
    return config.services[service].deploys if service in config.services else None


def _data_loss(config: Config, service: str) -> Mapping[str, str]:
    return config.services[service].data_loss if service in config.services else {}


def _is_read(service: Service) -> bool:
    """Whether anything is asked of Prometheus every half minute."""
    return _reads_traffic(service) or _reads_queue(service) or service.deploys is not None or bool(service.data_loss)


def _reads_queue(service: Service) -> bool:
    return service.traffic is not None and service.traffic.queue_depth is not None


def _reads_traffic(service: Service) -> bool:
    return service.traffic is not None and service.traffic.requests is not None


def _reading_interval(config: Config) -> timedelta:
    """Half a minute, or as often as the quickest check, so that a shortened test or demo sees its traffic too."""
    quickest = min((timedelta(seconds=check.interval) for check in config.all_checks()), default=timedelta(seconds=30))
    return min(timedelta(seconds=30), max(quickest, timedelta(seconds=1)))

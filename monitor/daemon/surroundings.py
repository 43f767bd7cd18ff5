"""
What is known of a service besides its probes: its traffic as Prometheus saw it, and whether latency has moved away from
its baseline. Threads and processes fetch; the loop only looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from loguru import logger

from monitor.clock import SteadyClock
from monitor.config import Changes, Config
from monitor.core.baseline import Baseline, Sample, Signal
from monitor.core.mitigations import Figures
from monitor.core.slo import Objective
from monitor.daemon.figures import figures_of
from monitor.daemon.readings import (
    data_loss_of,
    deploys_of,
    is_read,
    readers_of,
    reading_interval,
    reads_traffic,
    traffic_of,
)
from monitor.daemon.tracking import SCORE_FOR, Key, Tracking
from monitor.response.deploys import Versions
from monitor.response.leftout import LeftOut
from monitor.response.measures import Measure
from monitor.response.observe import Surroundings
from monitor.response.service_watch import ServiceWatch, objective_of
from monitor.response.tracks import QueueTrack
from monitor.sources.fitting import BaselineStore, Fitter
from monitor.sources.job import FitJob, ServiceJob
from monitor.sources.poller import TrafficPoller
from monitor.sources.prometheus import Prometheus
from monitor.sources.traffic import FRESH_FOR, TrafficSample, losses_in, verdict_of, view
from monitor.web.documents import timestamp


class Surveyor:
    """
    Owns the traffic poller, the baselines and the tracks. Only the loop's thread calls it.

    Args:
        score_for: Seconds, as above.

    Attributes:
        is_planned: Whether a service is in maintenance at an instant of the steady timeline.
    """

    def __init__(self, config: Config, clock: SteadyClock, score_for: float = SCORE_FOR) -> None:
        self._config = config
        self._clock = clock
        self._folder = config.monitor.state / "baselines"
        self._store = BaselineStore(self._folder)
        self._fitter = Fitter(self._folder)
        self._poller = TrafficPoller(clock.now, every=reading_interval(config))
        self.tracking = Tracking(self._baseline, score_for)
        self._samples: dict[str, TrafficSample] = {}
        self._accepted: dict[str, datetime] = {}
        self._crossed: dict[str, datetime] = {}
        self._queues: dict[str, QueueTrack] = {}
        self.versions = Versions()
        self._deployed: list[tuple[str, str]] = []
        self.is_planned: Callable[[str, datetime], bool] = lambda _service, _at: False

    def start(self) -> None:
        prometheus = self._config.sources.prometheus
        if prometheus is None:
            self._poller.watch(())
            return
        client = Prometheus(prometheus)
        self._poller.watch(readers_of(self._config.services.values(), client), reading_interval(self._config))
        self._poller.start()

    def replace(self, config: Config, changed: Changes) -> None:
        """What the new configuration reads, from now on. Evidence against what another target did is forgotten."""
        before, self._config = self._config, config
        asked = {
            name: ({check.name for check in service.checks}, service.traffic)
            for name, service in config.services.items()
        }
        other = {name for name, (_, traffic) in asked.items() if traffic_of(before, name) != traffic}
        if changed.touches("sources"):
            other = set(asked)
        deployed = {name for name, s in config.services.items() if deploys_of(before, name) != s.deploys}
        deployed |= {name for name, s in config.services.items() if data_loss_of(before, name) != s.data_loss}
        for name in other | changed.services_removed:
            self._crossed.pop(name, None)
            self._queues.pop(name, None)

        def is_other(key: Key) -> bool:
            service, _, check = key
            known = service in asked and (not check or check in asked[service][0])
            return not known or (f"{service}/{check}" in changed.asked_anew if check else service in other)

        self.tracking.forget(is_other)
        self.tracking.keep_minutes({check.id for check in config.all_checks()} - changed.asked_anew)
        self._poller.forget(other | deployed)
        if other or deployed or changed.services_removed or reading_interval(before) != reading_interval(config):
            self.start()

    def stop(self, timeout: float = 1.0) -> None:
        self._poller.stop(timeout)
        self._fitter.stop()

    def tick(self, now: datetime) -> set[str]:
        """Looks at what arrived since the last turn. The services that it finds slower than they were."""
        self._samples = dict(self._poller.snapshot())
        for name, sample in self._samples.items():
            self._look_for_deploys(name, sample)
            track = self.tracking.of((name, Signal.LATENCY, ""))
            # What planned work does to traffic is no word on it, and would alarm for minutes after the window.
            planned = self.is_planned(name, sample.at)
            if sample.queue_depth is not None and not sample.away and not planned:
                queue = self._queues.setdefault(name, QueueTrack())
                queue.take(sample.at, sample.queue_depth, self._baseline(name, Signal.QUEUE_DEPTH, sample.at))
            for reading in sample.latencies:
                if track.seen_until is None or reading.at > track.seen_until:
                    if self.is_planned(name, reading.at):
                        track.seen_until = reading.at
                        continue
                    track.take(reading.at, reading.seconds, self._baseline(name, Signal.LATENCY, reading.at))
        slower = self.tracking.score()
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

    def accept(self, service: str, since: datetime) -> None:
        """What came before *since* (wall clock) judges no more; nor does anything until what came after is fitted."""
        self._accepted[service] = since
        self._queues.pop(service, None)
        self.tracking.forget(lambda key: key[0] == service)

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
        if sample is not None and reads_traffic(service):
            baseline = self._baseline(name, Signal.ERROR_RATIO, now)
            normal = baseline.sample(now) if baseline is not None else None
            quality = baseline.quality_at(now) if baseline is not None else None
            budget = Objective(objective_of(service)).error_budget
            traffic = view(sample, normal, budget, now, quality, self._crossed_since(name, sample, normal, budget))
        lost, lost_unknown = losses_in(sample, service.data_loss, now)
        shift = self.tracking.shift(name)
        return Surroundings(
            criticality=service.criticality,
            traffic=traffic,
            traffic_configured=reads_traffic(service) and self._config.sources.prometheus is not None,
            traffic_missed=sample.missed if sample is not None and (reads_traffic(service) or service.data_loss) else 0,
            latency_shift=shift.text,
            shifted_since=shift.since,
            queue_anomaly=self._queue_anomaly(name, sample, now),
            data_loss=lost if service.data_loss else None,
            data_loss_unknown=lost_unknown,
            away_since=sample.away_since if sample is not None and sample.away else None,
        )

    def figures(self, name: str, watch: ServiceWatch | None) -> Figures:
        """What it shows now; *watch* is its checks."""
        service, now = self._config.services.get(name), self._clock.now()

        def normal(signal: Signal) -> Sample | None:
            baseline = self._baseline(name, signal, now)
            return baseline.sample(now) if baseline is not None else None

        budget = Objective(objective_of(service)).error_budget if service is not None else 0.0
        return figures_of(watch, self._samples.get(name), normal, budget, now)

    def measured(self, name: str) -> tuple[Measure, ...]:
        """What Prometheus is asked of a service's traffic, each with what is usual now; nothing of it is asked yet."""
        traffic = self._config.services[name].traffic
        if traffic is None or self._config.sources.prometheus is None:
            return ()
        asked = {
            Signal.ERROR_RATIO: (traffic.errors, traffic.requests),
            Signal.LATENCY: (traffic.latency,),
            Signal.QUEUE_DEPTH: (traffic.queue_depth,),
        }
        now, found = self._clock.now(), []
        for signal, queries in asked.items():
            given = tuple(query for query in queries if query is not None)
            if len(given) == len(queries):
                baseline = self._baseline(name, signal, now)
                usual = baseline.sample(now) if baseline is not None else None
                found.append(Measure(signal=signal, queries=given, usual=usual))
        return tuple(found)

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
        if self._config.sources.prometheus is None or not any(map(is_read, self._config.services.values())):
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
        for name, service in self._config.services.items():
            baseline = self._baseline(name, Signal.ERROR_RATIO, now) if reads_traffic(service) else None
            if baseline is not None:
                kept[name] = f"{baseline.quality_at(now)}, {baseline.age(now).total_seconds() / 3600:.0f} h old"
        return dict(kept)

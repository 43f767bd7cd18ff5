"""
What a replay holds back while everything is at rest: probes that are ok, and readings of traffic that are no alarm.

They move counts, detectors and latency tracks, and nobody asks for those until something happens. So they are applied
together, with the very same end as one by one. Where a latency would have raised an alarm among them they are not
applied at all: then they must be played one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass

from checks.result import CheckResult
from monitor.backtest.learning import Baselines, Key
from monitor.backtest.seen import Probe, Reading
from monitor.core.baseline import Signal
from monitor.daemon.objectives import Objectives
from monitor.response.okrun import OkRun
from monitor.response.tracks import LatencyTrack, Quiet
from monitor.response.watch import CheckWatch

Scores = list[tuple[float, float]]
"""Seconds since the Unix epoch, and a value; ascending."""


@dataclass(frozen=True, slots=True)
class Calm:
    """
    Attributes:
        well: Of each check its watch, and the result that stands for all that are ok.
    """

    well: Mapping[str, tuple[CheckWatch, CheckResult]]
    tracks: MutableMapping[Key, LatencyTrack]
    baselines: Baselines
    objectives: Objectives

    def apply(self, held: Iterable[Probe | Reading], settled: int) -> bool:
        """
        All of *held*, or nothing and False.

        Args:
            settled: The first minute since the Unix epoch whose latency still waits for probes.
        """
        runs, errors, scores = self._sorted(held, settled)
        quiet: dict[Key, Quiet] = {}
        for key, found in scores.items():
            track = self.tracks.get(key) or LatencyTrack()
            end = track.quiet(found, self.baselines.get(key))
            if end is None:
                return False
            quiet[key] = end
        for key, end in quiet.items():
            self.tracks.setdefault(key, LatencyTrack()).take_quiet(end)
        for learned in (scores, errors):
            for key, found in learned.items():
                self.baselines.learn_many(key, found)
        for name, run in runs.items():
            watch, result = self.well[name]
            watch.well_throughout(result, run)
            run.leave(watch.latencies)
            for counter in self.objectives.counting(name):
                counter.count_throughout(run)
        return True

    def _sorted(
        self, held: Iterable[Probe | Reading], settled: int
    ) -> tuple[dict[str, OkRun], dict[Key, Scores], dict[Key, Scores]]:
        """Runs of ok probes by their check; error ratios, which are only learned; latencies, which are judged."""
        probes: dict[str, list[Probe]] = {}
        errors: dict[Key, Scores] = {}
        scores: dict[Key, Scores] = {}
        for seen in held:
            if type(seen) is Probe:
                if (known := probes.get(seen.check)) is None:
                    probes[seen.check] = [seen]
                else:
                    known.append(seen)
                continue
            assert isinstance(seen, Reading)
            if (ratio := seen.error_ratio) is not None:
                errors.setdefault((seen.service, Signal.ERROR_RATIO, ""), []).append((seen.at, ratio))
            if seen.latency is not None and seen.requests:
                scores.setdefault((seen.service, Signal.LATENCY, ""), []).append((seen.at, seen.latency))
        runs = {}
        for name, (watch, _) in self.well.items():
            if name in probes or watch.latencies.kept:
                run = OkRun.of(probes.get(name, ()), watch.latencies, watch.check.interval, settled)
                runs[name] = run
                if run.medians:
                    scores[watch.check.service, Signal.PROBE_LATENCY, watch.check.name] = run.medians
        return runs, errors, scores

"""
The fitting process: weeks of the past in, baselines out. `python -m monitor.sources.fit FOLDER BYTES`, a job on stdin.

It lives for seconds to minutes and takes pandas with it when it goes, so that the daemon never carries it. One service
at a time bounds its memory. Each line on stdout is a JSON object about one signal; the last one sums up.

Ends with 0; with 1 when a query was refused; with 2 when Prometheus is away: what was fitted before then stays; with 3
when the job cannot be read; with 4 when it met its limit of memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd

from monitor.core.baseline import SEASON, Baseline, Quality, Signal, zone_of
from monitor.sources.job import OUT_OF_MEMORY, FitJob, Interval, ServiceJob, file_name, instant_of
from monitor.sources.prometheus import QueryRefused, SourceAway
from monitor.sources.ranges import Ranges, empty
from monitor.sources.sketch import Hours, by_hour, merged, outlying, slots_of, unlike
from monitor.sources.traffic import range_length

SKETCHES: Final = "sketches"


def main() -> int:
    os.nice(10)
    try:
        folder = Path(sys.argv[1])
        _be_the_first_to_go(int(sys.argv[2]))
        job = FitJob.from_json(sys.stdin.read())
    except (IndexError, ValueError) as problem:
        _say(fitted=0, problem=str(problem))
        return 3
    run = Run(job, folder)
    try:
        for name, service in job.services.items():
            run.fit(name, service)
    except MemoryError:
        return OUT_OF_MEMORY
    _say(fitted=run.fitted, problem=run.away or run.refused)
    return 2 if run.away else 1 if run.refused else 0


def _be_the_first_to_go(most: int) -> None:
    """Where memory ends, it is we who die and not the daemon: by our own limit, else by the kernel's choice."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with suppress(OSError):  # a kernel without it chooses by size, which is ours too
        Path("/proc/self/oom_score_adj").write_text("1000")


@dataclass(frozen=True, slots=True)
class Asked:
    """
    One signal to fit.

    Attributes:
        what: Identifies the question, so that an old sketch of another one is not mixed in.
        behind, ahead: How far from its instant a value looks back or forward. A rate over five minutes still holds
            the incident that ended four minutes ago.
    """

    signal: Signal
    what: str
    values: Callable[[], pd.Series[float]]
    check: str = ""
    behind: timedelta = timedelta(0)
    ahead: timedelta = timedelta(0)

    def touching(self, intervals: Iterable[Interval]) -> tuple[Interval, ...]:
        """Between which instants a value holds something of the intervals."""
        return tuple((start - self.ahead, end + self.behind) for start, end in intervals)


@dataclass(slots=True)
class Run:
    job: FitJob
    folder: Path
    fitted: int = 0
    refused: str = ""
    away: str = ""
    _ranges: Ranges | None = field(init=False)

    def __post_init__(self) -> None:
        (self.folder / SKETCHES).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._ranges = Ranges(self.job.prometheus, self.job.timeout) if self.job.prometheus else None

    def fit(self, name: str, service: ServiceJob) -> None:
        """All signals of one service. What cannot be asked keeps its file of before."""
        found: dict[Asked, Hours] = {}
        for asked in [*self._of_probes(name, service), *self._of_traffic(service)]:
            try:
                found[asked] = self._hours(name, service, asked)
            except QueryRefused as refusal:
                self.refused = f"{name}: {refusal}"
                _say(service=name, signal=asked.signal, check=asked.check, problem=str(refusal))
            except SourceAway as away:
                # Everyone else would wait for the same timeout.
                self.away, self._ranges = str(away), None
                _say(service=name, signal=asked.signal, check=asked.check, problem=str(away))
        zone = zone_of(self.job.time_zone)
        # An hour is bad for a service, not for a signal: what an outage does to one it does to the others. And no
        # outage begins on the hour: the ends of this one are in the hours beside it.
        suspect = {
            hour + beside
            for asked, hours in found.items()
            for hour in outlying(hours, asked.signal, zone)
            for beside in (-3600, 0, 3600)
        }
        for asked, hours in found.items():
            self._conclude(name, asked, hours, suspect)

    def _of_probes(self, name: str, service: ServiceJob) -> Iterator[Asked]:
        for check in service.checks if self.job.history else ():
            identity = f"{name}/{check}"
            values = partial(self._minutes, identity)
            yield Asked(Signal.PROBE_LATENCY, identity, values, check, ahead=timedelta(minutes=1))

    def _of_traffic(self, service: ServiceJob) -> Iterator[Asked]:
        if self.job.prometheus is None:
            return
        requests, errors, latency = service.requests, service.errors, service.latency
        if requests and errors:
            window = max(range_length(requests), range_length(errors))
            ratio = partial(self._error_ratio, requests, errors)
            yield Asked(Signal.ERROR_RATIO, f"{errors} / {requests}", ratio, behind=window)
        if latency:
            # Overlapping windows are not independent: one value per range length.
            window = range_length(latency)
            values = partial(self._range, latency, max(1.0, window.total_seconds()))
            yield Asked(Signal.LATENCY, latency, values, behind=window)

        if service.queue_depth:
            depth, window = service.queue_depth, range_length(service.queue_depth)
            yield Asked(Signal.QUEUE_DEPTH, depth, partial(self._range, depth, self.job.step), behind=window)

    def _range(self, query: str, step: float) -> pd.Series[float]:
        if self._ranges is None:
            raise SourceAway(self.away)
        # On the grid of the step: the same instants in every fitting, and those that two queries have in common.
        start = instant_of(self.job.start.timestamp() // step * step)
        return self._ranges.series(query, start, self.job.now, step)

    def _error_ratio(self, requests: str, errors: str) -> pd.Series[float]:
        asked, failed = self._range(requests, self.job.step), self._range(errors, self.job.step)
        asked = asked[asked > 0]
        # No errors where there were requests is none; no requests is no traffic, and no ratio.
        return (failed.reindex(asked.index).fillna(0.0) / asked).clip(0.0, 1.0)

    def _minutes(self, identity: str) -> pd.Series[float]:
        return read_minutes(Path(self.job.history or ""), identity, self.job.start.timestamp())

    def _hours(self, name: str, service: ServiceJob, asked: Asked) -> Hours:
        exclude = asked.touching((*self.job.exclude, *service.exclude))
        since = max(self.job.start, service.since or self.job.start)
        fresh = by_hour(asked.values(), self.job.time_zone, exclude)
        path = self.folder / SKETCHES / file_name(name, asked.signal, asked.check)
        question = hashlib.sha256(asked.what.encode()).hexdigest()
        hours = merged(_old_hours(path, question), fresh, since=since, exclude=exclude)
        if hours:
            rounded = {str(hour): [float(f"{v:.6g}") for v in values] for hour, values in hours.items()}
            _replace(path, {"question": question, "hours": rounded})
        if service.since is not None:
            # The hour in which a new level began still holds the old one.
            hours = {hour: values for hour, values in hours.items() if hour >= service.since.timestamp()}
        return hours

    def _conclude(self, name: str, asked: Asked, hours: Hours, suspect: set[int]) -> None:
        labelled = self.job.labelled_since
        from_when = float("inf") if labelled is None else labelled.timestamp()
        left = {hour: values for hour, values in hours.items() if hour not in suspect or hour >= from_when}
        odd = unlike(left, asked.signal, zone_of(self.job.time_zone))
        left = {hour: values for hour, values in left.items() if hour not in odd}
        if not left:
            _say(service=name, signal=asked.signal, check=asked.check, values=0)
            return
        since = instant_of(min(left))
        quality = Quality.UNLABELLED if since.timestamp() < from_when else Quality.FITTED
        if self.job.now - since < SEASON:
            quality = Quality.YOUNG
        baseline = Baseline(
            service=name,
            check=asked.check,
            signal=asked.signal,
            time_zone=self.job.time_zone,
            fitted_at=self.job.now,
            since=since,
            quality=quality,
            slots=slots_of(left, zone_of(self.job.time_zone)),
        )
        _replace(self.folder / file_name(name, asked.signal, asked.check), baseline.to_json())
        self.fitted += 1
        values, dropped = sum(map(len, left.values())), len(hours) - len(left)
        _say(service=name, signal=asked.signal, check=asked.check, values=values, dropped_hours=dropped)


def read_minutes(path: Path, identity: str, since: float) -> pd.Series[float]:
    """
    Median latencies of our own minutes by seconds since the Unix epoch; none where there is no history yet.

    Only of minutes without a failed probe, and never of the coarser tables: a median of five minutes varies less than
    the minutes that will be judged by it, and every minute would look unusual.
    """
    if not path.exists():
        return empty()
    sql = """SELECT at, latency FROM minutes JOIN names ON id = check_id
             WHERE check_name = ? AND at >= ? AND bad = 0 AND latency IS NOT NULL"""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            points = {float(at): float(latency) for at, latency in connection.execute(sql, (identity, int(since)))}
    except sqlite3.DatabaseError as problem:
        raise QueryRefused(f"the history cannot be read: {problem}") from None
    return pd.Series(points) if points else empty()


def _old_hours(path: Path, question: str) -> Hours:
    """Of the same question; a sketch that is missing or damaged costs its past and nothing else."""
    try:
        kept = json.loads(path.read_bytes())
        if kept["question"] != question:
            return {}
        return {int(hour): tuple(float(v) for v in values) for hour, values in kept["hours"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _replace(path: Path, content: dict[str, Any]) -> None:
    """Whole or not at all: the daemon may be reading, and the machine may stop."""
    aside = path.with_suffix(".new")
    with aside.open("w") as file:
        # At once and without spaces: piece by piece costs twice the time, and a sketch has sixty thousand numbers.
        file.write(json.dumps(content, separators=(",", ":")))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def _say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())

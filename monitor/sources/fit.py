"""
The fitting process: weeks of history in, baselines out. `python -m monitor.sources.fit FOLDER`, a job on stdin.

It lives for seconds to minutes and takes pandas with it when it goes, so that the daemon never carries it. One service
at a time bounds its memory. Ends with 0, or with 2 when Prometheus could not be asked for all of it.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pandas as pd

from monitor.core.baseline import SEASON, Baseline, Quality, Signal, thin, tidy
from monitor.sources.fitting import file_name
from monitor.sources.job import FitJob, Interval, ServiceJob
from monitor.sources.prometheus import QueryRefused, SourceAway
from monitor.sources.ranges import Ranges, empty
from monitor.sources.traffic import range_length

OUTLYING = 6.0
"""Median absolute deviations from its own slot beyond which an hour of an unlabelled past is taken for an incident."""


def main() -> int:
    folder = Path(sys.argv[1])
    job = FitJob.from_json(sys.stdin.read())
    fitted, problem = 0, ""
    for name, service in job.services.items():
        try:
            for baseline in fit(job, name, service):
                _write(folder, baseline)
                fitted += 1
        except (SourceAway, QueryRefused) as trouble:
            problem = f"{name}: {trouble}"
    sys.stdout.write(json.dumps({"fitted": fitted, "problem": problem}) + "\n")
    return 2 if problem else 0


def fit(job: FitJob, name: str, service: ServiceJob) -> Iterator[Baseline]:
    """What can be fitted of one service; probe latencies first, as they need nobody."""
    for check in service.checks:
        values = _probe_latencies(job, f"{name}/{check}")
        if (baseline := _fitted(job, service, name, Signal.PROBE_LATENCY, values, check)) is not None:
            yield baseline
    if job.prometheus is None:
        return
    ranges = Ranges(job.prometheus, job.timeout)
    start = max(job.start, service.since or job.start)
    if service.requests and service.errors:
        requests = ranges.series(service.requests, start, job.now, job.step)
        errors = ranges.series(service.errors, start, job.now, job.step)
        # No errors series where there were requests is no error; no requests is no traffic, and no ratio.
        ratio = (errors.reindex(requests.index).fillna(0.0) / requests[requests > 0]).dropna().clip(0.0, 1.0)
        if (baseline := _fitted(job, service, name, Signal.ERROR_RATIO, ratio)) is not None:
            yield baseline
    if service.latency:
        # Overlapping windows are not independent: one value per range length.
        step = range_length(service.latency).total_seconds()
        values = ranges.series(service.latency, start, job.now, step)
        if (baseline := _fitted(job, service, name, Signal.LATENCY, values)) is not None:
            yield baseline


def _fitted(
    job: FitJob, service: ServiceJob, name: str, signal: Signal, values: pd.Series[float], check: str = ""
) -> Baseline | None:
    kept = _without(values, [*job.exclude, *service.exclude])
    if kept.empty:
        return None
    kept.index = pd.to_datetime(kept.index, unit="s", utc=True).tz_convert(job.time_zone)
    since = kept.index[0].to_pydatetime()
    unlabelled = job.labelled_since is None or since < job.labelled_since
    if unlabelled:
        kept = _without_outlying_hours(kept)
    quality = Quality.UNLABELLED if unlabelled else Quality.FITTED
    if job.now - since < SEASON:
        quality = Quality.YOUNG
    times = _times(kept)
    hours = times.dayofweek * 24 + times.hour
    slots = {int(hour): thin(tidy(group.to_list())) for hour, group in kept.groupby(hours)}
    return Baseline(
        service=name,
        check=check,
        signal=signal,
        time_zone=job.time_zone,
        fitted_at=job.now,
        since=since,
        quality=quality,
        slots=slots,
    )


def _without(values: pd.Series[float], excluded: Sequence[Interval]) -> pd.Series[float]:
    keep = pd.Series(True, index=values.index)
    for start, end in excluded:
        keep &= ~((values.index >= start.timestamp()) & (values.index <= end.timestamp()))
    return values[keep].sort_index()


def _without_outlying_hours(values: pd.Series[float]) -> pd.Series[float]:
    """
    Leaves out hours whose median is far above what their hour of the day usually has.

    Only upwards: a quiet hour hides no incident. The deviation has a floor, as a near-constant series has none.
    """
    medians = values.resample("1h").median().dropna()
    hour = _times(medians).hour
    by_hour = medians.groupby(hour)
    usual = by_hour.transform("median")
    deviation = (medians - usual).abs().groupby(hour).transform("median")
    floor = (usual.abs() * 0.05).clip(lower=1e-9)
    outlying = medians.index[(medians - usual) > OUTLYING * deviation.clip(lower=floor)]
    kept: pd.Series[float] = values[~_times(values).floor("1h").isin(outlying)]
    return kept


def _times(values: pd.Series[float]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(values.index)


def _probe_latencies(job: FitJob, check: str) -> pd.Series[float]:
    """Medians of our own minutes; none where there is no history."""
    if job.history is None or not Path(job.history).exists():
        return empty()
    sql = """SELECT m.at, m.latency FROM {table} m JOIN names n ON n.id = m.check_id
             WHERE n.check_name = ? AND m.at >= ? AND m.latency IS NOT NULL"""
    points: dict[float, float] = {}
    with closing(sqlite3.connect(f"file:{job.history}?mode=ro", uri=True)) as connection:
        for table in ("five_minutes", "minutes"):
            rows = connection.execute(sql.format(table=table), (check, int(job.start.timestamp())))
            points |= {float(at): float(latency) for at, latency in rows}
    return pd.Series(points) if points else empty()


def _write(folder: Path, baseline: Baseline) -> None:
    """Whole or not at all: the daemon may be reading."""
    path = folder / file_name(baseline.service, baseline.signal, baseline.check)
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(baseline.to_json()))
    aside.replace(path)


if __name__ == "__main__":
    raise SystemExit(main())

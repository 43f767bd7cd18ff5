"""
How well the anomaly detector finds labelled anomalies: the Numenta Anomaly Benchmark, as far as it lies in ../shared.

Printed are the score (0 a silent detector, 100 a perfect one; one threshold for all series, the best, as NAB has it),
and the score out of fold: for each folder the tuning is chosen among the variants below by the other folders alone.
That is scored with one threshold for all, and once more with the threshold of the other folders too. Beside it, in the
same run, stands a Windowed Gaussian with NAB's parameters; the published run of it has 47.3 on the same series.

The variants are neighbours of the tuning on one axis each. Its form (medians of the season, the power mean, spans that
are averaged, scores of onsets alone) was chosen with all folders in view, so the figure out of fold is still kind.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from math import erfc, sqrt
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

from monitor.core.anomaly import STANDARD, Tuning, detect

SHARED = next(
    (above / "shared" for above in Path(__file__).parents if (above / "shared/data/nab/windows.json").exists()), None
)

AXES: dict[str, tuple[Any, ...]] = {
    "spans": ((1, 8), (1, 4, 16), (3, 8, 24)),
    "power": (2.0, 4.0),
    "memory": (2000, 20_000),
    "drift": (300, 3000),
    "level": (6, 30),
    "trust": (1.5, 3.0),
    "rest": (150, 400),
    "days": (4, 14),
}
VARIANTS: dict[str, Tuning] = {
    "standard": STANDARD,
    **{f"{axis} {value}": replace(STANDARD, **{axis: value}) for axis, values in AXES.items() for value in values},
}

Rows = list[tuple[datetime, float]]


class Labelled(NamedTuple):
    """One series; *credit* and *window* of each row as NAB gives them, without the rows of the probation."""

    name: str
    rows: Rows
    probation: int
    credit: list[float]
    window: list[str | None]

    @property
    def folder(self) -> str:
        return self.name.split("/")[0]


Scored = list[tuple[float, float, str | None]]
"""Score, credit and window of each row."""


def load(nab: Any, root: Path) -> list[Labelled]:
    found = []
    for name, times, values, spans in nab.load(root):
        probation = min(int(0.15 * len(values)), 750)
        credit, inside = nab.credits(len(values), spans)
        window = [None if w is None else f"{name}/{w}" for w in inside]
        rows = list(zip(times, values, strict=True))
        found.append(Labelled(name, rows, probation, credit[probation:], window[probation:]))
    return found


def scored(series: Iterable[Labelled], scores: dict[str, list[float]]) -> Scored:
    return [row for s in series for row in zip(scores[s.name][s.probation :], s.credit, s.window, strict=True)]


def points(rows: Scored, threshold: float) -> float:
    """In windows' worth, of the standard profile: a window found at its beginning is 1, a silent detector 0."""
    false, found = 0.0, dict[str, float]()
    for score, credit, window in rows:
        if score < threshold:
            continue
        if window is None:
            false += 0.11 * credit
        else:
            found[window] = max(found.get(window, 0.0), 1 + credit)
    return (sum(found.values()) + false) / 2


def windows(rows: Scored) -> int:
    return len({window for _, _, window in rows if window is not None})


def windowed_gaussian(rows: Rows, size: int = 6400, step: int = 100) -> list[float]:
    """The tail of a normal distribution fitted to the last 6,400 rows, anew every 100 rows once there are so many."""
    scores: list[float] = []
    total = squares = 0.0
    for i, (_, value) in enumerate(rows):
        count = min(i, size)
        if count:
            mean = total / count
            deviation = sqrt(max(squares / count - mean * mean, 0.0)) or 0.000001
            scores.append(1 - 0.5 * erfc(abs(value - mean) / deviation / sqrt(2)))
        else:
            scores.append(0.0)
        if i < size:
            total, squares = total + value, squares + value * value
        elif (i - size + 1) % step == 0:
            kept = [v for _, v in rows[i - size + 1 : i + 1]]
            total, squares = sum(kept), sum(v * v for v in kept)
    return scores


def run(
    label: str, nab: Any, series: list[Labelled], detector: Callable[[Rows], list[float]]
) -> dict[str, list[float]]:
    began = process_time()
    scores = {s.name: detector(s.rows) for s in series}
    rate = sum(len(s.rows) for s in series) / (process_time() - began)
    rows = scored(series, scores)
    figures = []
    for profile, (_, miss, _) in nab.PROFILES.items():
        best, count, threshold, alarms = nab.sweep(rows, profile)
        figures.append(f"{profile} {100 * (best + miss * count) / ((1 + miss) * count):.1f}")
        if profile == "standard":
            outside = f"threshold {threshold:.3f}, {1000 * alarms / len(rows):.2f} alarms outside windows in 1,000 rows"
    print(f"{label}: {', '.join(figures)}; {outside}; {rate:,.0f} rows a second of CPU", flush=True)
    return scores


def threshold_of(nab: Any, rows: Scored) -> tuple[float, float]:
    """The best score there is, and its threshold."""
    best, _, threshold, _ = nab.sweep(rows, "standard")
    return best, threshold


def out_of_fold(nab: Any, series: list[Labelled]) -> None:
    of_variant = {name: {s.name: detect(s.rows, tuning) for s in series} for name, tuning in VARIANTS.items()}
    pooled: Scored = []
    strict = 0.0
    for folder in sorted({s.folder for s in series}):
        held = [s for s in series if s.folder == folder]
        others = [s for s in series if s.folder != folder]
        best = {name: threshold_of(nab, scored(others, scores)) for name, scores in of_variant.items()}
        chosen = max(best, key=lambda name: best[name][0])
        rows = scored(held, of_variant[chosen])
        gained, count = points(rows, best[chosen][1]), windows(rows)
        strict += gained
        pooled += rows
        figure = f"{100 * gained / count:.1f}" if count else f"{gained:.2f} windows' worth of false alarms"
        print(
            f"  {folder}: {figure}, with {chosen} and threshold {best[chosen][1]:.3f} of the other folders", flush=True
        )
    count = windows(pooled)
    _, threshold = threshold_of(nab, pooled)
    spread = [
        100 * points(rows, threshold_of(nab, rows)[1]) / count
        for rows in (scored(series, scores) for scores in of_variant.values())
    ]
    print(f"out of fold: standard {100 * points(pooled, threshold) / count:.1f}, threshold {threshold:.3f}")
    print(f"out of fold, thresholds too: standard {100 * strict / count:.1f}")
    print(f"all {len(VARIANTS)} variants in fold: from {min(spread):.1f} to {max(spread):.1f}")


def main() -> int:
    if SHARED is None:
        print("skipped: no labelled series in ../shared/data/nab")
        return 0
    sys.path.insert(0, str(SHARED / "tools"))
    nab = import_module("nab_score")
    series = load(nab, SHARED / "data/nab")
    run("windowed gaussian", nab, series, windowed_gaussian)
    scores = run("ours", nab, series, detect)
    rows = scored(series, scores)
    outside = sum(score >= 0.5 and window is None for score, _, window in rows)
    print(
        f"ours at 0.5: standard {100 * points(rows, 0.5) / windows(rows):.1f}, "
        f"{1000 * outside / len(rows):.2f} alarms outside windows in 1,000 rows"
    )
    out_of_fold(nab, series)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

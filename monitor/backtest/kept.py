"""
What the daemon kept of each check, as the past that a replay plays: rows of a minute, of five minutes, of an hour.

A row says how many probes were good, bad and unknown and not in which order. They are put in the order with the fewest
changes: what the row before ended with comes first, other trouble last. So an outage that spans rows is one run and of
its true length; failures that were scattered over a row become a run too, and look worse than they were.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import floor
from typing import Final, NamedTuple

from checks.check import Check
from checks.result import Confirmation, Outcome
from monitor.backtest.replay import Probe
from monitor.core.slots import phase
from monitor.ledger.history import MinuteRow
from monitor.ledger.rollup import FIVE_MINUTES, HOURS, MINUTES, Grain

_CALLED: Final[Mapping[int, str]] = {MINUTES.length: "1 min", FIVE_MINUTES.length: "5 min", HOURS.length: "1 h"}

Kind = Outcome | None
"""Of a slot: None is a result that nobody has."""


class Row(NamedTuple):
    """What a check did in (begin, end], seconds since the Unix epoch."""

    begin: float
    length: int
    kept: MinuteRow

    @property
    def end(self) -> float:
        return self.begin + self.length


@dataclass(frozen=True, slots=True)
class KeptRows:
    """
    What was found of one check.

    Attributes:
        interval: Of the replay, in seconds: the check's own, or that of the rows where they expected fewer probes.
        rows: At least one; ascending, and none overlaps another.
    """

    check: Check
    interval: float
    rows: Sequence[Row]

    @property
    def began(self) -> float:
        # Not where the first row begins: the daemon may have started within it, and was not blind before.
        return next(probe.at for probe in self.probes())

    def described(self) -> dict[str, object]:
        samples = sum(kept.good + kept.bad + kept.unknown for _, _, kept in self.rows)
        return {"check": self.check.id, "rows": len(self.rows), "interval": self.interval, "samples": samples}

    def unsharp_at(self, at: float) -> float:
        """By how many seconds what happened at that instant may have happened earlier or later."""
        # A slot on the end of a row is still that row's.
        row = self.rows[max(0, bisect_right(self.rows, at - 1e-3, key=lambda row: row.begin) - 1)]
        return float(row.length) if row.length > self.interval else 0.0

    def probes(self) -> Iterator[Probe]:
        """Nobody kept whether a failure was confirmed by a re-probe: the probe before decides."""
        before: Kind = None
        offset, interval, name = phase(self.check.id, self.interval), self.interval, self.check.id
        for i, row in enumerate(self.rows):
            if i and self.rows[i - 1].end != row.begin:
                before = None
            following = self.rows[i + 1] if i + 1 < len(self.rows) else None
            # The timetable's own grid, which needs the name and the interval alone: these are the very instants.
            first = floor((row.begin - offset) / interval) + 1
            slots = floor((row.end - offset) / interval) - first + 1
            kinds = _arranged(_counts(row, slots), before, _kinds(following, row.end))
            latencies = _latencies(row, kinds)
            for slot in range(slots):
                # More results than slots: it was asked more often then, and every so many are left out.
                kind = kinds[slot * len(kinds) // slots]
                if kind is not None:
                    confirmation = Confirmation.UNASKED if kind is Outcome.FAILED else Confirmation.NONE
                    latency = latencies[slot * len(kinds) // slots]
                    yield Probe(offset + (first + slot) * interval, name, kind, confirmation, latency)
            if slots:
                before = kinds[-1]


def kept_rows(check: Check, rows: Mapping[Grain, Sequence[MinuteRow]]) -> KeptRows | None:
    """Each instant by the finest row that is there; None when no row holds a result."""
    woven: list[Row] = []
    for grain in (MINUTES, FIVE_MINUTES, HOURS):
        coarse = [Row(row.minute.timestamp(), grain.length, row) for row in rows.get(grain, ())]
        woven = _finest_first(woven, coarse, grain.length)
    if not any(kept.good + kept.bad + kept.unknown for _, _, kept in woven):
        return None
    return KeptRows(check, _interval_of(check, woven), woven)


def with_maintenance(
    rows: Mapping[Grain, Sequence[MinuteRow]], left_out: Mapping[Grain, Sequence[MinuteRow]]
) -> dict[Grain, list[MinuteRow]]:
    """Of a check, with what it did in maintenance, which is kept apart: the windows of now decide what counts."""
    found: dict[Grain, list[MinuteRow]] = {}
    for grain in rows.keys() | left_out.keys():
        by_minute = {row.minute: row for row in rows.get(grain, ())}
        for row in left_out.get(grain, ()):
            known = by_minute.get(row.minute)
            by_minute[row.minute] = row if known is None else _together(known, row)
        found[grain] = [by_minute[minute] for minute in sorted(by_minute)]
    return found


def _together(row: MinuteRow, other: MinuteRow) -> MinuteRow:
    return replace(
        row,
        expected=row.expected + other.expected,
        good=row.good + other.good,
        bad=row.bad + other.bad,
        unknown=row.unknown + other.unknown,
    )


def _finest_first(fine: list[Row], coarse: list[Row], length: int) -> list[Row]:
    """The coarse rows up to the first whole bucket of fine ones; there its fine ones say only a part."""
    if not fine:
        return coarse
    edge = -(-fine[0].begin // length) * length
    earlier = [row for row in coarse if row.begin < edge]
    told = earlier[-1].end if earlier else fine[0].begin
    return earlier + [row for row in fine if row.begin >= told]


def _interval_of(check: Check, rows: Sequence[Row]) -> float:
    """The check's own, if at least half of the rows expected as many probes; else what they expected on the whole."""
    offset = phase(check.id, check.interval)
    alike = 0
    for row in rows:
        slots = floor((row.end - offset) / check.interval) - floor((row.begin - offset) / check.interval)
        alike += row.kept.expected >= slots
    expected = sum(row.kept.expected for row in rows)
    if 2 * alike >= len(rows) or not expected:
        return check.interval
    return float(max(check.interval, round(sum(row.length for row in rows) / expected)))


def _counts(row: Row, slots: int) -> dict[Kind, int]:
    good, bad, unknown = row.kept.good, row.kept.bad, row.kept.unknown
    missing = max(0, slots - good - bad - unknown)
    return {Outcome.OK: good, None: missing, Outcome.UNKNOWN: unknown, Outcome.FAILED: bad}


def _kinds(following: Row | None, end: float) -> Collection[Kind]:
    if following is None or following.begin != end:
        return (None,)
    counts = _counts(following, 0)
    return [kind for kind, count in counts.items() if count]


def _arranged(counts: Mapping[Kind, int], before: Kind, following: Collection[Kind]) -> list[Kind]:
    def place(kind: Kind) -> int:
        if kind is before:
            return 0
        return 1 if kind is Outcome.OK else 2 + (kind in following)

    return [kind for kind in sorted(counts, key=place) for _ in range(counts[kind])]


def _latencies(row: Row, kinds: Sequence[Kind]) -> Sequence[float | None]:
    """
    Of a minute each good probe has its median, which gives that median again. A longer row's is one witness and not
    five or sixty: its last good probe alone has it.
    """
    latency = row.kept.latency
    if row.length == MINUTES.length:
        return [latency if kind is Outcome.OK else None for kind in kinds]
    found: list[float | None] = [None] * len(kinds)
    if Outcome.OK in kinds:
        found[len(kinds) - 1 - kinds[::-1].index(Outcome.OK)] = latency
    return found


def notes_of(found: Iterable[KeptRows]) -> list[str]:
    """In words, which part of the time rests on which rows, and what those cannot say."""
    spans: dict[int, tuple[float, float]] = {}
    closest = float("inf")
    for one in found:
        closest = min(closest, one.interval)
        for row in one.rows:
            since, until = spans.get(row.length, (row.begin, row.end))
            spans[row.length] = (min(since, row.begin), max(until, row.end))
    notes = []
    for length, (since, until) in sorted(spans.items(), reverse=True):
        said = f"{_utc(since)} to {_utc(until)} UTC: rows of {_CALLED[length]}"
        if length > closest:
            said += f", up to {_CALLED[length]} unsharp; the failures of a row are taken as one run"
        if length > MINUTES.length:
            said += ", its latency as one value"
        notes.append(said)
    return notes


def _utc(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"

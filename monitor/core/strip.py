"""
Counts per unit of time, kept small: the newest units one by one, what came before as runs of units that are alike.

A check that is well makes the same count in every hour, so its ninety days are one run of eight bytes. A bad hour is
kept as exactly as a good one: old errors leave a window in the very hour in which they must.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Mapping
from typing import Final

COLUMNS: Final = 3
MOST: Final = 65_535
MOST_WIDE: Final = 2**32 - 1
_RUN: Final = COLUMNS + 1  # how many units, and the counts of each of them
_LOOSE: Final = 64
"""Units at the end that may stand one by one; then the older half of them is packed. Late results find theirs loose."""
MOST_SUMMED: Final = 16
"""Sums that are kept until something is added: trouble is judged several times between two probes, by eight windows."""
_HEAD: Final = struct.Struct("<4sI")
_MARK: Final = b"WKS1"
_MARK_WIDE: Final = b"WKS4"


class Strip:
    """
    Args:
        wide: For requests, of which an hour has millions: four bytes a number, where probes need two.

    Attributes:
        first: The unit of the first loose row; the last run ends right before it.
        cells: The loose rows: good, bad, unknown of one unit after the other.
    """

    __slots__ = ("_summed", "cells", "first", "kept", "runs", "wide")

    def __init__(self, kept: int, wide: bool = False) -> None:
        self.kept = kept + 1  # the window's oldest unit is there in part, and counted whole
        self.wide = wide
        self.first = 0
        self.cells = self._numbers()
        self.runs = self._numbers()
        self._summed: dict[tuple[int, int], tuple[int, int, int]] = {}

    def _numbers(self, unit_rows: int = 0) -> array[int]:
        """So many rows of zeros."""
        return array("I" if self.wide else "H", (0,) * (unit_rows * COLUMNS))

    def add(self, unit: int, column: int, count: int = 1) -> None:
        if self._summed:
            self._summed.clear()
        at = (unit - self.first) * COLUMNS
        if not 0 <= at < len(self.cells):
            if not self._make_room(unit):
                return
            at = (unit - self.first) * COLUMNS
        try:
            self.cells[at + column] += count
        except OverflowError:
            # 65,535 of a kind, 18 a second for an hour, are more than any timetable asks; of requests it is a million
            # a second. The count stays there.
            self.cells[at + column] = MOST_WIDE if self.wide else MOST

    def add_ascending(self, counts: Mapping[int, int], column: int) -> None:
        """As `add` does for each unit and its count, which ascend: for whoever has the results of an hour at once."""
        last, room, limit = next(reversed(counts), 0), 0, MOST_WIDE if self.wide else MOST
        for unit, count in counts.items():
            if unit >= room:
                # As far ahead as stays loose: what is packed would have to be loosened again for its count.
                room = min(last, unit + _LOOSE // 2 - 1) + 1
                self.add(room - 1, column, 0)
            at = (unit - self.first) * COLUMNS + column
            if 0 <= at < len(self.cells) and (total := self.cells[at] + count) <= limit:
                self.cells[at] = total
            else:
                self.add(unit, column, count)

    def sums(self, first: int, last: int) -> tuple[int, int, int]:
        """Of units first..last, both included."""
        known = self._summed.get((first, last))
        if known is None:
            if len(self._summed) == MOST_SUMMED:
                self._summed.clear()
            known = self._summed[first, last] = self._sum(first, last)
        return known

    def _sum(self, first: int, last: int) -> tuple[int, int, int]:
        start = max(0, first - self.first) * COLUMNS
        end = max(0, last - self.first + 1) * COLUMNS
        rows = self.cells[start:end]
        good, bad, unknown = sum(rows[0::COLUMNS]), sum(rows[1::COLUMNS]), sum(rows[2::COLUMNS])
        runs, until = self.runs, self.first
        for at in range(len(runs) - _RUN, -1, -_RUN):
            if until <= first:
                break
            since = until - runs[at]
            inside = min(until, last + 1) - max(since, first)
            if inside > 0:
                good += inside * runs[at + 1]
                bad += inside * runs[at + 2]
                unknown += inside * runs[at + 3]
            until = since
        return good, bad, unknown

    def counted(self, first: int, last: int, column: int) -> list[tuple[int, int]]:
        """The units first..last in which something of *column* was counted, oldest first, each with its count."""
        found = []
        unit = self.first - sum(self.runs[0::_RUN])
        for at in range(0, len(self.runs), _RUN):
            length, count = self.runs[at], self.runs[at + 1 + column]
            if count and unit + length > first and unit <= last:
                found += [(one, count) for one in range(max(unit, first), min(unit + length, last + 1))]
            unit += length
        for unit, count in enumerate(self.cells[column::COLUMNS], self.first):
            if count and first <= unit <= last:
                found.append((unit, count))
        return found

    def oldest(self) -> int | None:
        """The first unit that is kept; None while nothing is."""
        if not self.cells and not self.runs:
            return None
        return self.first - sum(self.runs[0::_RUN])

    def packed(self, until: int) -> bytes:
        """Everything of the units before *until*, for `restore`: the same bytes for the same counts, on any machine."""
        runs = self.runs[:]
        rows = max(0, min(until - self.first, len(self.cells) // COLUMNS))
        end = self.first + rows
        _pack(runs, self.cells[: rows * COLUMNS])
        if until < self.first:
            _cut_end(runs, self.first - until)
            end = until
        _cut_front(runs, sum(runs[0::_RUN]) - self.kept)
        return _HEAD.pack(self._mark, end) + _little(runs).tobytes()

    def restore(self, kept: bytes) -> None:
        """Instead of what is here. Raises ValueError on what `packed` did not make."""
        runs = self._numbers()
        row = runs.itemsize * _RUN
        if len(kept) < _HEAD.size or not kept.startswith(self._mark) or (len(kept) - _HEAD.size) % row:
            raise ValueError("not the counts of a check's past")
        runs.frombytes(kept[_HEAD.size :])
        runs = _little(runs)
        if 0 in runs[0::_RUN] or sum(runs[0::_RUN]) > self.kept:
            raise ValueError("not the counts of a check's past: its runs are empty, or longer than a window")
        self.first, self.cells, self.runs = _HEAD.unpack_from(kept)[1], self._numbers(), runs
        self._summed.clear()

    @property
    def _mark(self) -> bytes:
        return _MARK_WIDE if self.wide else _MARK

    def _make_room(self, unit: int) -> bool:
        """Reach *unit* by growing at either end; False when it is too old to matter."""
        if not self.cells and not self.runs:
            self.first, self.cells = unit, self._numbers(1)
            return True
        newest = self.first + len(self.cells) // COLUMNS - 1
        if unit - newest >= self.kept:
            self.first, self.cells, self.runs = unit, self._numbers(1), self._numbers()
            return True
        if unit < self.first:
            if newest - unit >= self.kept:
                return False
            self._loosen(unit)
            return True
        self.cells += self._numbers(unit - newest)
        if len(self.cells) > _LOOSE * COLUMNS:
            self._tighten(unit)
        return True

    def _loosen(self, unit: int) -> None:
        """Every unit from *unit* on by itself: rare, for a result that comes very late. The next growth packs again."""
        rows = self._numbers()
        for at in range(0, len(self.runs), _RUN):
            rows += self.runs[at + 1 : at + _RUN] * self.runs[at]
        begin = self.first - len(rows) // COLUMNS
        missing = self._numbers(max(0, begin - unit))
        self.first, self.cells, self.runs = min(begin, unit), missing + rows + self.cells, self._numbers()

    def _tighten(self, newest: int) -> None:
        rows = len(self.cells) // COLUMNS - _LOOSE // 2
        _pack(self.runs, self.cells[: rows * COLUMNS])
        del self.cells[: rows * COLUMNS]
        self.first += rows
        oldest = self.first - sum(self.runs[0::_RUN])
        _cut_front(self.runs, newest - self.kept + 1 - oldest)


def _pack(runs: array[int], rows: array[int]) -> None:
    """Append *rows*; those that are like the one before become longer and not more."""
    for at in range(0, len(rows), COLUMNS):
        counts = rows[at : at + COLUMNS]
        if len(runs) and runs[-COLUMNS:] == counts and runs[-_RUN] < MOST:
            runs[-_RUN] += 1
        else:
            runs.append(1)
            runs.extend(counts)


def _cut_front(runs: array[int], units: int) -> None:
    gone = 0
    while units > 0 and gone < len(runs):
        cut = min(units, runs[gone])
        runs[gone] -= cut
        units -= cut
        gone += _RUN if runs[gone] == 0 else 0
    del runs[:gone]


def _cut_end(runs: array[int], units: int) -> None:
    while units > 0 and len(runs):
        cut = min(units, runs[-_RUN])
        runs[-_RUN] -= cut
        units -= cut
        if runs[-_RUN] == 0:
            del runs[-_RUN:]


def _little(runs: array[int]) -> array[int]:
    if sys.byteorder == "big":
        runs.byteswap()
    return runs

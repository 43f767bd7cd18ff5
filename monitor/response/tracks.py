"""One signal against its baseline, score by score: is it shifted, since when, and has it settled there?"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any, Final

from monitor.core.baseline import Baseline, Sample
from monitor.core.levels import FLAT_FOR, is_flat
from monitor.core.queues import queue_anomaly
from monitor.core.sequential import RankCusum
from monitor.core.shift import RECENT, latency_shift, latency_shifted, lies_above, ordinary_below, rank_normal
from monitor.core.slots import slot_instant

_CUSUM: Final = RankCusum()
MINUTE: Final = timedelta(minutes=1)
FORGET: Final = timedelta(minutes=10)
APART: Final = timedelta(hours=2)
"""Between two scores of which the older says nothing of now: they are not of one onset."""
_QUARTER: Final = 900
"""Seconds within which no clock on earth comes to another hour."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Where a track stands after scores in which there was nothing to tell; the attributes are the track's."""

    s: float
    onset_at: datetime | None
    run: int
    recent: tuple[float, ...]
    seen_until: datetime | None
    judged: bool


@dataclass(slots=True)
class LatencyTrack:
    """
    Attributes:
        s: Evidence of an upward shift.
        onset_at: The first score since `s` was last zero: when the shift began, as far as anybody can tell. A
            confirmed shift keeps its own.
        run: Scores since `s` was last zero.
        recent: Values in seconds of the newest of those, and while it is shifted of the newest there are: what the
            tests compare.
        seen_until: The minute of the newest score.
        shift: A confirmed shift in words; empty while there is none.
        judged: False while there is no baseline to judge by.
        level: Instants and values since it is shifted and undisturbed, of the last two hours.
        is_proposed: People were asked whether this shift is the new level.
    """

    s: float = 0.0
    onset_at: datetime | None = None
    run: int = 0
    recent: tuple[float, ...] = ()
    seen_until: datetime | None = None
    shift: str = ""
    judged: bool = False
    level: list[tuple[datetime, float]] = field(default_factory=list)
    level_since: datetime | None = None
    is_proposed: bool = False

    def take(self, at: datetime, seconds: float, baseline: Baseline | None) -> None:
        """One score. One that is not newer than the last is left out: a minute counts once."""
        if self.seen_until is not None and at <= self.seen_until:
            return
        if self.seen_until is not None and at - self.seen_until > APART and not self.shift:
            self.s, self.run, self.onset_at, self.recent = 0.0, 0, None, ()
        self.seen_until = at
        if baseline is None:
            return
        sample = baseline.sample(at)
        self._count(at, seconds, sample)
        alarmed = _CUSUM.alarmed(self.s)
        if self.shift and alarmed and lies_above(seconds, sample):
            # The newest score still lies above: nothing to test. A thousand shifted checks are tested a thousand times.
            self._settle(at, seconds)
            return
        if self.shift:
            still = latency_shifted(self.recent, sample, run=self.run)
            self.judged = still is not None
            if still is False:
                self._over()
                return
            self._settle(at, seconds)
            return
        found = latency_shift(self.recent, sample, alarmed)
        self.judged = sample.n > 0
        self.shift = found.text if found.confirmed else ""

    def quiet(self, scores: Sequence[tuple[float, float]], baseline: Baseline | None) -> Quiet | None:
        """
        What `take` makes of *scores*, one after the other, if the CUSUM stays below its threshold. None where it does
        not, or a shift is confirmed already: then they must be taken one by one. Changes nothing; see `take_quiet`.

        Args:
            scores: Seconds since the Unix epoch, and seconds of latency.
        """
        if self.shift:
            return None
        s, onset_at, run, recent, judged = self.s, self.onset_at, self.run, self.recent, self.judged
        until = self.seen_until.timestamp() if self.seen_until is not None else -inf
        apart, quarter, ordinary = APART.total_seconds(), -inf, -inf
        for at, seconds in scores:
            if at <= until:
                continue
            if at - until > apart:
                s, run, onset_at, recent = 0.0, 0, None, ()
            until = at
            if baseline is None:
                continue
            if at // _QUARTER != quarter:
                sample, quarter = baseline.sample(slot_instant(at)), at // _QUARTER
                ordinary = ordinary_below(sample.values, _CUSUM.forgiven(sample.known_from))
                judged = sample.n > 0
            if s <= 0.0:
                if recent:
                    onset_at, run, recent = None, 0, ()
                if seconds < ordinary:
                    continue
            s = _CUSUM.step(s, rank_normal(seconds, sample.values), sample.known_from)
            if s > 0.0:
                onset_at, run, recent = onset_at or slot_instant(at), run + 1, (*recent, seconds)[-RECENT:]
                if _CUSUM.alarmed(s):
                    return None
        if s <= 0.0 and recent:
            onset_at, run, recent = None, 0, ()
        return Quiet(s, onset_at, run, recent, slot_instant(until) if until > -inf else None, judged)

    def take_quiet(self, quiet: Quiet) -> None:
        self.s, self.onset_at, self.run, self.recent = quiet.s, quiet.onset_at, quiet.run, quiet.recent
        self.seen_until, self.judged = quiet.seen_until, quiet.judged

    def _count(self, at: datetime, seconds: float, sample: Sample) -> None:
        self.s = _CUSUM.step(self.s, rank_normal(seconds, sample.values), sample.known_from)
        if self.s > 0.0:
            self.onset_at, self.run = self.onset_at or at, self.run + 1
        else:
            self.run = 0
        if self.s > 0.0 or self.shift:
            self.recent = (*self.recent, seconds)[-RECENT:]
        elif self.recent:
            self.onset_at, self.recent = None, ()

    def state(self) -> dict[str, object] | None:
        """What a restart continues from; JSON values. None while there is nothing to continue."""
        if self.s <= 0.0 and not self.shift:
            return None
        return {
            "s": self.s,
            "onset_at": _kept(self.onset_at),
            "run": self.run,
            "recent": list(self.recent),
            "seen_until": _kept(self.seen_until),
            "shift": self.shift,
            "judged": self.judged,
            "level": [[at.timestamp(), seconds] for at, seconds in self.level],
            "level_since": _kept(self.level_since),
            "is_proposed": self.is_proposed,
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> LatencyTrack:
        """From what `state` gave; one that does not fit begins anew, and scores rebuild it."""
        try:
            return cls(
                s=float(state["s"]),
                onset_at=_instant(state["onset_at"]),
                run=int(state["run"]),
                recent=tuple(float(seconds) for seconds in state["recent"]),
                seen_until=_instant(state["seen_until"]),
                shift=str(state["shift"]),
                judged=bool(state["judged"]),
                level=[(datetime.fromtimestamp(at, UTC), float(seconds)) for at, seconds in state["level"]],
                level_since=_instant(state["level_since"]),
                is_proposed=bool(state["is_proposed"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError, OSError):
            return cls()

    def disturbed(self) -> None:
        """A probe of the service fails: the two hours in which all is green and flat begin anew."""
        self.level.clear()
        self.level_since = None

    def has_settled(self, now: datetime) -> bool:
        """Shifted, flat for two hours, and undisturbed."""
        if not self.shift or self.level_since is None or now - self.level_since < FLAT_FOR:
            return False
        return is_flat([seconds for _, seconds in self.level])

    def _settle(self, at: datetime, seconds: float) -> None:
        if self.level_since is None:
            self.level_since = at
        self.level.append((at, seconds))
        while self.level[0][0] <= at - FLAT_FOR:
            del self.level[0]

    def _over(self) -> None:
        self.shift, self.s, self.onset_at, self.run, self.is_proposed = "", 0.0, None, 0, False
        self.recent = ()
        self.disturbed()


def _kept(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None


@dataclass(frozen=True, slots=True)
class Shifted:
    """
    What the tracks of one service say together.

    Attributes:
        text: Each confirmed shift in one line; empty when there is none; None when there is no baseline.
        since: The earliest onset of those.
    """

    text: str | None
    since: datetime | None = None


def shift_of(tracks: Collection[LatencyTrack]) -> Shifted:
    if not any(track.judged for track in tracks):
        return Shifted(None)
    confirmed = [track for track in tracks if track.shift]
    since = min((track.onset_at for track in confirmed if track.onset_at is not None), default=None)
    return Shifted("; ".join(track.shift for track in confirmed), since)


@dataclass(slots=True)
class QueueTrack:
    """
    A queue against its baseline, one depth a minute.

    Attributes:
        anomaly: What is unusual, in words; empty while nothing is.
    """

    recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    seen_at: datetime | None = None
    anomaly: str = ""

    def take(self, at: datetime, depth: float, baseline: Baseline | None) -> None:
        """The first of each minute counts, however often it is read."""
        if self.seen_at is not None and at < self.seen_at + MINUTE:
            return
        if self.seen_at is not None and at >= self.seen_at + FORGET:
            self.recent.clear()  # what was before a gap says nothing of now
        self.seen_at = at
        self.recent.append(depth)
        usual = baseline.sample(at) if baseline is not None else None
        self.anomaly = queue_anomaly(self.recent, usual, is_above=bool(self.anomaly)) if usual is not None else ""


@dataclass(frozen=True, slots=True)
class Settled:
    """
    A new level that a person may accept.

    Attributes:
        since: When it began: the earliest onset.
        text: Each shift in one line.
    """

    since: datetime
    text: str


def settled(tracks: Iterable[LatencyTrack], now: datetime) -> Settled | None:
    """
    What to propose of one service, once for each shift; None while one of its shifts still moves.

    One that moves may be what the next hour brings to the others.
    """
    shifted = [track for track in tracks if track.shift]
    if all(track.is_proposed for track in shifted) or not all(track.has_settled(now) for track in shifted):
        return None
    for track in shifted:
        track.is_proposed = True
    since = min((track.onset_at for track in shifted if track.onset_at is not None), default=now)
    return Settled(since, "; ".join(track.shift for track in shifted))

"""Whether latency has moved away from its baseline: a track for each signal, scored minute by minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Set
from datetime import datetime
from time import monotonic
from typing import Final

from checks.check import Check
from monitor.config import Service
from monitor.core.baseline import Baseline, Signal
from monitor.response.tracks import LatencyTrack, Settled, Shifted, settled, shift_of

Key = tuple[str, Signal, str]
"""Service, what is measured of it, and of which of its checks (empty: of its traffic)."""

SCORE_FOR: Final = 0.05
"""Seconds of one turn of the loop in which minutes are scored. At the turn of the hour every baseline is read again, at
about a millisecond each: ten thousand of them in one turn would stop the loop for ten seconds and more."""
MOST_UNSCORED: Final = 100_000
"""Ten minutes of ten thousand checks. On a machine that cannot keep up the oldest minutes stay without a score."""


class Tracking:
    """
    Args:
        baseline: The one that judges at an instant: `(service, signal, at, check)`.
        score_for: Seconds, as above.
    """

    def __init__(
        self, baseline: Callable[[str, Signal, datetime, str], Baseline | None], score_for: float = SCORE_FOR
    ) -> None:
        self._baseline = baseline
        self._score_for = score_for
        self._tracks: dict[str, dict[tuple[Signal, str], LatencyTrack]] = {}  # by service
        self._unscored: deque[tuple[Check, datetime, float]] = deque(maxlen=MOST_UNSCORED)

    def of(self, key: Key) -> LatencyTrack:
        service, signal, check = key
        return self._tracks.setdefault(service, {}).setdefault((signal, check), LatencyTrack())

    def shift(self, service: str) -> Shifted:
        return shift_of(self._tracks.get(service, {}).values())

    def forget(self, is_other: Callable[[Key], bool]) -> None:
        """Evidence against what another target did."""
        for service, tracks in self._tracks.items():
            for signal, check in [key for key in tracks if is_other((service, *key))]:
                del tracks[signal, check]

    def keep_minutes(self, checks: Set[str]) -> None:
        """Of these checks alone, by their identity, are minutes still to be scored."""
        self._unscored = deque([waiting for waiting in self._unscored if waiting[0].id in checks], MOST_UNSCORED)

    def add(self, check: Check, minute: datetime, seconds: float) -> None:
        """The median of one minute's probes: one score a minute, at any cadence. `score` takes it, in its turn."""
        self._unscored.append((check, minute, seconds))

    def score(self) -> set[str]:
        """As many minutes as there is time for, and at least one. The services whose latency is shifted."""
        until = monotonic() + self._score_for
        slower = set()
        while self._unscored:
            check, minute, seconds = self._unscored.popleft()
            track = self.of((check.service, Signal.PROBE_LATENCY, check.name))
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
        for service, tracks in self._tracks.items():
            for track in tracks.values():
                if service in failing:
                    track.disturbed()
                elif track.shift:
                    shifted.setdefault(service, []).append(track)
        found = {service: settled(tracks, now) for service, tracks in shifted.items()}
        return {service: level for service, level in found.items() if level is not None}

    def states(self) -> dict[str, object]:
        """Of the tracks that have something to continue from, by the names that `restore` looks for."""
        kept = {
            _kept_as((service, *key)): track.state()
            for service, tracks in self._tracks.items()
            for key, track in tracks.items()
        }
        return {name: state for name, state in kept.items() if state is not None}

    def restore(self, states: Mapping[str, object], services: Iterable[Service]) -> set[str]:
        """
        The services whose latency is shifted: it may have been found in the very last turn, when nobody asked any more.

        Args:
            states: As the history has them, those of others among them.
        """
        for service in services:
            probed = [(service.name, Signal.PROBE_LATENCY, check.name) for check in service.checks]
            keys: list[Key] = [(service.name, Signal.LATENCY, ""), *probed]
            for key in keys:
                if isinstance(state := states.get(_kept_as(key)), dict):
                    self._tracks.setdefault(service.name, {})[key[1:]] = LatencyTrack.restored(state)
        return {service for service, tracks in self._tracks.items() if any(track.shift for track in tracks.values())}


def _kept_as(key: Key) -> str:
    """No name of a check, nor of an objective: those hold no space."""
    service, signal, check = key
    return f"{signal} {service}/{check}"

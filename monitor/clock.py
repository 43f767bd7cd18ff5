"""
The steady timeline: the wall clock as it stood when the timeline began, plus CLOCK_BOOTTIME.

Every interval that a decision rests on is counted here, so a step of the wall clock moves no timer, and a suspended
machine finds its time passed. Within one boot the timeline is continued from its persisted origin; after a reboot it
begins anew, at the wall clock or later: see `after_reboot`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import CLOCK_BOOTTIME, clock_gettime
from typing import Protocol

UNKNOWN_BOOT = "unknown"
"""Where /proc/sys is hidden from us."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """What the shell needs of time. The core needs none: it is told."""

    def now(self) -> datetime:
        """The instant on the steady timeline, UTC."""
        ...

    def seconds(self) -> float:
        """`now()` as seconds since the Unix epoch."""
        ...

    def wall(self) -> datetime:
        """What the wall clock says, UTC: for people, logs and span times, never for an interval."""
        ...


@dataclass(frozen=True, slots=True)
class SteadyClock:
    """
    Attributes:
        origin: Seconds since the Unix epoch at which CLOCK_BOOTTIME reads zero. CLOCK_BOOTTIME is the same for every
            process of a machine, so the prober shares the timeline by being told this one number.
        boot_id: The boot within which `origin` is meaningful.
    """

    origin: float
    boot_id: str

    @classmethod
    def begin(cls, not_before: datetime | None = None) -> SteadyClock:
        """A timeline that begins at the wall clock, moved up to *not_before* when that is later."""
        origin = time.time() - clock_gettime(CLOCK_BOOTTIME)
        clock = cls(origin, read_boot_id())
        if not_before is not None and clock.now() < not_before:
            origin += (not_before - clock.now()).total_seconds()
        return cls(origin, clock.boot_id)

    @classmethod
    def resume(cls, origin: float, boot_id: str, last: datetime, last_wall: datetime) -> SteadyClock:
        """
        The persisted timeline if this is still the same boot, else a new one that does not run backwards.

        Args:
            last: The last instant that was persisted.
            last_wall: What the wall clock said then.
        """
        kept = cls(origin, boot_id)
        # A container that is moved may find the same boot's name over another CLOCK_BOOTTIME (a time namespace).
        if same_boot(boot_id, read_boot_id()) and kept.now() >= last:
            return kept
        return cls.begin(after_reboot(kept.wall(), last, last_wall))

    def seconds(self) -> float:
        """`now()` as seconds since the Unix epoch."""
        return self.origin + clock_gettime(CLOCK_BOOTTIME)

    def now(self) -> datetime:
        return _EPOCH + timedelta(0, self.origin + clock_gettime(CLOCK_BOOTTIME))

    def wall(self) -> datetime:
        return datetime.now(UTC)


def after_reboot(wall: datetime, last: datetime, last_wall: datetime) -> datetime:
    """
    Where a timeline goes on of which only *last* is known: at the wall clock, so that hours of the day are right again,
    and never sooner than the wall clock says that was away. Without the second, a clock that had been stepped back
    would make every absence seem short, and unproven minutes would count as proof.
    """
    return max(wall, last + max(wall - last_wall, timedelta()))


def read_boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return UNKNOWN_BOOT


def same_boot(one: str, other: str) -> bool:
    """Two that nobody knows are not the same: an origin of before a reboot would put this boot far into the past."""
    return one == other != UNKNOWN_BOOT

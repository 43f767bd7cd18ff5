"""
The prober, a lean child of the daemon: `python -m monitor.probing.prober FD`, FD one end of a socket pair.

One thread and one epoll: probes, the socket to the daemon, and the times at which something is due. It ends when the
daemon says so or is gone, and in no other way of its own: the terminal's Ctrl-C and the service manager's SIGTERM go
to the whole group, and it is the daemon that decides in which order its parts stop.
"""

from __future__ import annotations

import gc
import resource
import select
import signal
import socket
import sys
import traceback
from time import monotonic
from typing import TYPE_CHECKING

from checks.result import CheckResult
from monitor.clock import SteadyClock
from monitor.probing.alarms import Alarms
from monitor.probing.engine import Engine
from monitor.probing.outbox import Outbox
from monitor.probing.probe import Means, Probe
from monitor.probing.rooms import MOST, Crowd, Rooms, lane_of
from monitor.probing.timetable import Due, Timetable
from monitor.probing.wire import (
    Amend,
    Configure,
    Demand,
    Faster,
    Finish,
    Frames,
    Heartbeat,
    Message,
    WireError,
    checks_of,
)

if TYPE_CHECKING:
    from monitor.probing.on_demand import OnDemand

HEARTBEAT_EVERY = 1.0  # seconds
# Probes due within this many seconds begin in one turn: waking up costs a third of a check, and a wait of epoll is no
# more exact than a millisecond anyway.
_TOGETHER = 0.002
_DESCRIPTORS = 8192  # what we ask for; a probe needs up to three: two sockets racing, one for its name lookup
_SPARE_DESCRIPTORS = 64
_LATE_MESSAGE = 0.25  # seconds; what was due longer before a change arrived is missed
_LAST_ANSWERS = 1.0  # seconds for probes in flight when we are told to finish; what is slower is given up
_LAST_WORDS = 1.0  # seconds for what is still unsent when we are told to finish
_READ = 256 * 1024  # bytes


class Prober:
    def __init__(self, channel: socket.socket, most_in_flight: int = MOST, most_idle: int = 0) -> None:
        channel.setblocking(False)
        self._channel = channel
        self._rooms = Rooms(most_in_flight)
        self._frames = Frames()
        self._outbox = Outbox(channel)
        self._timetable = Timetable(lane_of)
        self._engine = Engine(self._on_bug, most_idle)
        self._on_demand: OnDemand | None = None
        self._configured = False
        self._means = self._make_means(SteadyClock.begin())
        self._next_beat = 0.0
        self._crowd = Crowd()
        self._was_blocked = False
        self._finish_by: float | None = None
        self._gone = False
        self._broken: WireError | None = None

    def run(self) -> None:
        """Returns when the daemon says so or is gone; raises where only a fresh process would do better."""
        self._engine.watch(self._channel.fileno(), self._on_channel)
        try:
            while not (self._has_finished() or self._gone or self._broken):
                self._turn()
        except (BrokenPipeError, ConnectionResetError):
            self._gone = True
        except Exception as error:
            self._on_bug(error)
            raise
        finally:
            self._say_last_words()
            self._engine.close()
        if self._broken is not None:
            raise self._broken

    def _make_means(self, clock: SteadyClock) -> Means:
        self._clock = clock
        self._alarms = Alarms()
        return Means.on(self._engine, clock, self._alarms, self._timetable.asking, self._rooms)

    def _turn(self) -> None:
        now = self._clock.seconds()
        self._alarms.ring(now)
        if self._finish_by is None:
            self._begin_what_is_due(now)
        if now >= self._next_beat:
            self._beat(now)
        self._outbox.flush(now, self._timetable.lag)
        self._watch_channel()
        self._engine.turn(self._patience())

    def _begin_what_is_due(self, now: float) -> None:
        for at, lane in self._timetable.lanes():
            if at > now + _TOGETHER:
                break
            if (room := self._rooms.left(lane)) > 0:
                for due in self._timetable.due(now, room, _TOGETHER, lane):
                    self._begin(due)

    def _patience(self) -> float:
        """Seconds until something is due by the clock; sockets wake us earlier."""
        first, due = self._next_beat, None
        if self._finish_by is None:
            # What has no room is begun when something ends, and that is news of a socket or of a time that is over.
            due = next((at for at, lane in self._timetable.lanes() if self._rooms.left(lane) > 0), None)
        for moment in (due, self._alarms.next_at(), self._outbox.next_flush()):
            if moment is not None and moment < first:
                first = moment
        longest = HEARTBEAT_EVERY if self._finish_by is None else max(0.0, self._finish_by - monotonic())
        return min(max(0.0, first - self._clock.seconds()), longest)

    def _has_finished(self) -> bool:
        """Told to, and no target is being asked any more, or it has been asked for long enough."""
        if self._finish_by is None:
            return False
        return not self._timetable.asking or monotonic() >= self._finish_by

    def _begin(self, due: Due) -> None:
        Probe(self._means, due.check, due.scheduled_at, self._on_result, until=due.until, extra=due.extra).begin()

    def _on_result(self, result: CheckResult | None) -> None:
        if result is not None:
            self._outbox.add(result, self._clock.seconds())

    def _beat(self, now: float) -> None:
        self._next_beat = now + HEARTBEAT_EVERY
        crowded = sorted(lane for at, lane in self._timetable.lanes() if at < now and not self._rooms.left(lane))
        if said := self._crowd.look(self._timetable.missed, crowded, self._rooms, self._engine.in_flight):
            self._outbox.remark("WARNING" if crowded else "INFO", said)
        self._outbox.beat(
            Heartbeat(
                self._clock.now(),
                len(self._timetable),
                self._engine.in_flight,
                self._timetable.missed,
                self._timetable.lag(now),
            )
        )

    def _watch_channel(self) -> None:
        blocked = self._outbox.blocked
        if blocked != self._was_blocked:
            self._was_blocked = blocked
            events = select.EPOLLIN | (select.EPOLLOUT if blocked else 0)
            self._engine.watch(self._channel.fileno(), self._on_channel, events)

    def _on_channel(self, events: int) -> None:
        if not events & ~select.EPOLLOUT:
            return
        try:
            data = self._channel.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._gone = True
            return
        for message in self._frames.feed(data):
            self._obey(message)

    def _obey(self, message: Message) -> None:
        match message:
            case Configure():
                self._configure(message)
            case Amend():
                self._amend(message)
            case Faster():
                self._timetable.set_extra(frozenset(message.services), self._clock.seconds())
            case Demand():
                self._demanded().begin(message)
            case Finish():
                self._finish_by = monotonic() + _LAST_ANSWERS
            case _:
                raise WireError(f"the daemon sent a {type(message).__name__}, which is ours to send")

    def _demanded(self) -> OnDemand:
        """Most probers are asked for nothing but their checks, and never need it."""
        if self._on_demand is None:
            from monitor.probing.on_demand import OnDemand

            self._on_demand = OnDemand(self._engine, self._alarms, self._clock.seconds, self._outbox.answer)
        return self._on_demand

    def _configure(self, message: Configure) -> None:
        if not self._configured:
            self._configured = True
            self._means = self._make_means(SteadyClock(message.origin, message.boot_id))
            self._next_beat = 0.0
        elif message.origin != self._clock.origin:
            raise WireError("the daemon's timeline began anew: that needs a new prober")
        else:
            self._engine.forget_authorities()
        checks = checks_of(message)
        self._timetable.replace(checks, self._clock.seconds())
        self._changed(message)

    def _amend(self, message: Amend) -> None:
        self._engine.forget_authorities()
        put = checks_of(message)
        self._timetable.amend(put, message.gone, max(message.since, self._clock.seconds() - _LATE_MESSAGE))
        for check in put:
            self._means.previous.pop(check.id, None)  # it may have been another target's
        self._changed(message)

    def _changed(self, message: Configure | Amend) -> None:
        self._means.references.replace(message.references)
        self._means.forget(self._timetable)
        self._rooms.replace(map(lane_of, self._timetable.checks()))
        # The checks live as long as the process: unfrozen, a full collection walks through them, 7 ms for 10,000.
        # Unfrozen before, or what was in flight at the last change and has ended would never be collected.
        gc.unfreeze()
        gc.collect()
        gc.freeze()

    def _on_bug(self, error: BaseException) -> None:
        if isinstance(error, WireError):
            self._broken = error
        # Without the error's own words: they may quote a header.
        trace = "".join(traceback.format_tb(error.__traceback__))
        self._outbox.remark("ERROR", f"the prober met an unforeseen {type(error).__name__}:\n{trace}")

    def _say_last_words(self) -> None:
        """Send what is unsent, as far as the daemon reads it in time."""
        deadline = monotonic() + _LAST_WORDS
        try:
            while not (self._gone or self._outbox.empty) and monotonic() < deadline:
                self._outbox.flush(self._clock.seconds(), self._timetable.lag, all_of_it=True)
                select.select([], [self._channel], [], max(0.0, deadline - monotonic()))
        except OSError:
            self._gone = True


def descriptors() -> int:
    """How many we may use, after raising the soft limit as far as we may and need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def most_in_flight(limit: int) -> int:
    """Requests at the same time that *limit* descriptors allow; beyond it every probe would fail through our fault."""
    return max(1, min(MOST, (limit - _SPARE_DESCRIPTORS) // 3))


def most_idle(limit: int) -> int:
    """Connections that may wait for their next request: what descriptors those in flight leave."""
    return max(0, limit - _SPARE_DESCRIPTORS - 3 * most_in_flight(limit))


def collect_seldom() -> None:
    """
    Next to nothing that a probe makes is part of a cycle, so looking for some every 700 objects found nothing and took
    a twentieth of a check. What there is waits a little longer.
    """
    gc.set_threshold(10_000, 50, 100)


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with socket.socket(fileno=int(arguments[0])) as channel:
        collect_seldom()
        limit = descriptors()
        prober = Prober(channel, most_in_flight(limit), most_idle(limit))
        try:
            prober.run()
        except Exception:  # told to the daemon already, as far as it listens
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

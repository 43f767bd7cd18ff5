"""
Keeps one prober alive, from the daemon's event loop: starts it, listens to it, replaces it when it ends or hangs.

Nothing here blocks the loop, and nothing that happens to the prober is felt outside but through the two callbacks.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from typing import TypeVar

from loguru import logger

from checks.check import Check
from monitor.clock import SteadyClock
from monitor.probing.lag import Lag
from monitor.probing.shortage import KNOWN, remedy
from monitor.probing.wire import (
    Asked,
    Batch,
    Faster,
    Finish,
    Frames,
    Heartbeat,
    Message,
    Remark,
    WireError,
    amend,
    configure,
    demand,
    encode,
)

HUNG_AFTER = 10.0  # seconds without a heartbeat
HEALTHY_AFTER = 60.0  # seconds that a prober must have lived for its end to be a first one again
FIRST_DELAY = 0.25  # seconds; an interpreter's start comes on top, and both are to take less than a second
LONGEST_DELAY = 30.0
GRACE = 2.5  # seconds to end of its own accord when we stop: its last answers, and its last words
_LOOK_EVERY = 1.0
_READ = 256 * 1024  # bytes in one turn of the loop: a flood leaves room for everybody else

T = TypeVar("T")

PROBER = (sys.executable, "-m", "monitor.probing.prober")


def restart_delay(last: float, lived: float) -> float:
    """Seconds to wait before the next start, after *last* before this one and a life of *lived* seconds."""
    if last <= 0 or lived >= HEALTHY_AFTER:
        return FIRST_DELAY
    return min(2 * last, LONGEST_DELAY)


def is_hung(last_heartbeat: float, now: float, after: float = HUNG_AFTER) -> bool:
    return now - last_heartbeat > after


class Unasked(Exception):
    """Nothing was asked of any target, or nobody knows what came of it. The text says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProberStatus:
    """
    Attributes:
        restarts, dropped: Since the supervisor began. `dropped` are results that were measured and never arrived.
        missed: Slots that the present prober never began.
        silent_for: Seconds since its last heartbeat, None while none is running.
    """

    pid: int | None
    restarts: int
    dropped: int
    missed: int
    checks: int
    in_flight: int
    lag: Lag
    silent_for: float | None


class _Child:
    """One prober process and our end of the socket pair."""

    def __init__(self, process: Process, channel: socket.socket, born: float) -> None:
        self.process = process
        self.channel = channel
        self.born = born
        self.last_heartbeat = born
        self.heartbeat: Heartbeat | None = None
        self.frames = Frames()
        self.unsent = bytearray()
        self.fault = ""

    def kill(self, fault: str) -> None:
        self.fault = self.fault or fault
        if self.process.returncode is None:
            self.process.kill()

    def describe_end(self) -> str:
        code = self.process.returncode
        if self.fault:
            return self.fault
        if code is not None and code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"exited with code {code}"


class Supervisor:
    """
    Args:
        on_batch: Called with each batch of results, in the loop.
        on_event: Called with one line whenever the prober ended, or had to be ended, and why.
        command: What starts a prober; the number of its descriptor is appended.
        hung_after: Seconds without a heartbeat.
    """

    def __init__(
        self,
        clock: SteadyClock,
        on_batch: Callable[[Batch], None],
        on_event: Callable[[str], None],
        command: Sequence[str] = PROBER,
        hung_after: float = HUNG_AFTER,
    ) -> None:
        self._clock = clock
        self._on_batch = on_batch
        self._on_event = on_event
        self._command = tuple(command)
        self._hung_after = hung_after
        self._child: _Child | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        # What a prober is told when it begins, kept so that a new one is told the same.
        self._configure = b""
        self._faster = b""
        self._restarts = 0
        self._dropped = 0
        self._demands: dict[int, asyncio.Future[Asked]] = {}
        self._numbers = count()

    async def start(self) -> None:
        """The prober waits for `configure`; what it imports until then goes on beside whatever blocks the loop."""
        self._task = asyncio.create_task(self._keep_alive(), name="prober-supervisor")
        await asyncio.sleep(0)

    def configure(self, checks: Iterable[Check], references: Iterable[str]) -> None:
        """Raises WireError, and changes nothing, when it is too much for one message."""
        self._configure = encode(configure(checks, references, self._clock.origin, self._clock.boot_id))
        self._send(self._configure)

    def amend(
        self, checks: Sequence[Check], references: Sequence[str], changed: Container[str], gone: Iterable[str],
        since: datetime,
    ) -> None:  # fmt: skip
        """
        Ends in the same as `configure`, without disturbing what does not change. Raises WireError as it does.

        Args:
            changed, gone: Identities of the checks that are new or different, and of those that are no more.
            since: From when on results of the former are expected: a slot that falls before the message is not lost.
        """
        self._configure = encode(configure(checks, references, self._clock.origin, self._clock.boot_id))
        put = [check for check in checks if check.id in changed]
        self._send(encode(amend(put, gone, references, since.timestamp())))

    def faster(self, services: Iterable[str]) -> None:
        """Give these services, and no others, extra probes."""
        message = encode(Faster(tuple(sorted(services))))
        if message != self._faster:
            self._faster = message
            self._send(message)

    def status(self) -> ProberStatus:
        child = self._child
        beat = child.heartbeat if child is not None else None
        return ProberStatus(
            pid=child.process.pid if child is not None else None,
            restarts=self._restarts,
            dropped=self._dropped,
            missed=beat.missed if beat is not None else 0,
            checks=beat.checks if beat is not None else 0,
            in_flight=beat.in_flight if beat is not None else 0,
            lag=beat.lag if beat is not None else Lag(),
            silent_for=_now() - child.last_heartbeat if child is not None else None,
        )

    async def ask(self, module: object, target: str, timeout: float) -> Asked:
        """
        One probe now, by a module of blackbox_exporter.

        Args:
            timeout: Seconds.

        Raises:
            Unasked: there is no prober that could, or it ended meanwhile.
            WireError: it is too much for one message.
        """
        # One that has not been heard yet is still importing: what waits for that has less time for its target.
        if self._child is None or self._child.heartbeat is None or not self._configure:
            raise Unasked("the prober is being started; ask again")
        number = next(self._numbers)
        message = encode(demand(number, target, module, timeout))
        waiting: asyncio.Future[Asked] = asyncio.get_running_loop().create_future()
        self._demands[number] = waiting
        self._send(message)
        try:
            # By then it has answered, or was killed.
            async with asyncio.timeout(timeout + 2 * self._hung_after):
                return await waiting
        except TimeoutError:
            raise Unasked("the prober did not answer in time") from None
        finally:
            del self._demands[number]

    async def stop(self, within: float = GRACE) -> None:
        """Let the prober finish, for *within* seconds at most. What it still sends arrives."""
        self._stopping.set()
        if self._task is None:
            return
        self._send(encode(Finish()))
        done, _ = await asyncio.wait({self._task}, timeout=within)
        if not done and self._child is not None:
            self._child.kill("did not finish when asked to")
        await self._task

    async def _keep_alive(self) -> None:
        delay = 0.0
        while not self._stopping.is_set():
            born = _now()
            try:
                end = await self._one_life()
            except Exception as error:  # whatever it is, the next one may fare better, and without one we are blind
                number = error.errno if isinstance(error, OSError) else None
                end = f"could not be started: {type(error).__name__}: {remedy(number) if number in KNOWN else error}"
            if self._stopping.is_set():
                return
            delay = restart_delay(delay, _now() - born)
            self._restarts += 1
            self._tell(self._on_event, f"the prober {end}; the next one starts in {delay:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)

    async def _one_life(self) -> str:
        """From start to end of one prober; returns how it ended."""
        child = await self._spawn()
        self._child = child
        loop = asyncio.get_running_loop()
        ended = loop.create_task(child.process.wait())
        try:
            loop.add_reader(child.channel, self._readable, child)
            self._send(self._configure + self._faster)
            if self._stopping.is_set():
                self._send(encode(Finish()))
            while not (await asyncio.wait({ended}, timeout=_LOOK_EVERY))[0]:
                # Read first: when it was this loop that hung, the heartbeats are waiting in the socket.
                self._readable(child)
                if is_hung(child.last_heartbeat, _now(), self._hung_after):
                    child.kill(f"sent no heartbeat for {self._hung_after:g} s and was killed")
            while self._readable(child):
                pass
            return child.describe_end()
        finally:
            self._child = None
            for waiting in self._demands.values():
                if not waiting.done():
                    waiting.set_exception(Unasked("the prober ended meanwhile; ask again"))
            loop.remove_reader(child.channel)
            loop.remove_writer(child.channel)
            child.channel.close()
            child.kill("was left by its supervisor")
            await ended

    async def _spawn(self) -> _Child:
        ours, theirs = socket.socketpair()
        try:
            ours.setblocking(False)
            process = await asyncio.create_subprocess_exec(
                *self._command, str(theirs.fileno()), pass_fds=(theirs.fileno(),), stdin=DEVNULL, stdout=DEVNULL
            )
        except BaseException:
            ours.close()
            raise
        finally:
            # Were it kept open here, the end of the prober would never be an end of file.
            theirs.close()
        return _Child(process, ours, _now())

    def _readable(self, child: _Child) -> bool:
        """Take what one read gives; False when nothing is left."""
        try:
            data = child.channel.recv(_READ)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(child.channel)
            return False
        try:
            for message in child.frames.feed(data):
                self._take(child, message)
        except WireError as error:
            asyncio.get_running_loop().remove_reader(child.channel)
            child.kill(f"spoke nonsense and was killed: {error}")
            return False
        return True

    def _take(self, child: _Child, message: Message) -> None:
        match message:
            case Batch():
                self._dropped += message.dropped
                self._tell(self._on_batch, message)
            case Heartbeat():
                child.last_heartbeat = _now()
                child.heartbeat = message
            case Asked():
                waiting = self._demands.get(message.number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)
            case Remark():
                self._tell(partial(logger.log, message.level), message.text)
            case _:
                raise WireError(f"a {type(message).__name__}, which is ours to send")

    def _tell(self, callback: Callable[[T], None], value: T) -> None:
        """A listener's mistake must not end the listening."""
        try:
            callback(value)
        except Exception:
            logger.exception("prober: what it said could not be taken, by an error of our own")

    def _send(self, data: bytes) -> None:
        if self._child is not None and data:
            self._child.unsent += data
            self._writable(self._child)

    def _writable(self, child: _Child) -> None:
        loop = asyncio.get_running_loop()
        try:
            sent = child.channel.send(child.unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = len(child.unsent)  # it is gone; the next one is told anew
        del child.unsent[:sent]
        if child.unsent:
            loop.add_writer(child.channel, self._writable, child)
        else:
            loop.remove_writer(child.channel)


def _now() -> float:
    # Suspend does not count here: a machine that woke has a prober that slept as well.
    return time.monotonic()

"""Programs that are checks: run beside the loop, bounded in time, output and number, ended with all they started."""

from __future__ import annotations

import heapq
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from math import inf
from time import monotonic
from typing import Final, Protocol

from checks.exchange import Answer, TransportError
from checks.process import ProcessAnswer, ProcessRequest
from checks.result import Reason, Timings
from checks.urls import clip
from monitor.probing.hops import Headers
from monitor.probing.shortage import remedy

Done = Callable[[Answer], None]

MOST_AT_ONCE: Final = 32
"""A hundred programs that start in one second would make each other slow, and every other check late."""
_READ: Final = 65_536
_GRACE: Final = 0.5
"""Seconds for what it wrote last to arrive, once it has ended. What it left running may hold its outputs for ever."""
PASSED_ON: Final = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE")
"""And no more: the daemon's own environment may hold its secrets."""


class Host(Protocol):
    """The engine, as far as it matters here."""

    def watch(self, fd: int, callback: Callable[[int], None], events: int = ...) -> None: ...
    def unwatch(self, fd: int) -> None: ...
    def deliver(self, done: Done, answer: Answer) -> None: ...


class Run:
    """A program under way. Instants are monotonic seconds."""

    __slots__ = ("begun", "child", "deadline", "done", "ended", "late", "pidfd", "pipes", "request", "said")

    def __init__(self, request: ProcessRequest, done: Done, child: subprocess.Popen[bytes], begun: float) -> None:
        self.request = request
        self.done = done
        self.child = child
        self.pidfd = os.pidfd_open(child.pid)
        self.begun = begun
        self.deadline = begun + request.timeout
        self.ended = 0.0
        self.late = False
        # Its outputs that are still open, and what came of both: standard output first.
        self.pipes = {pipe.fileno(): pipe for pipe in (child.stdout, child.stderr) if pipe is not None}
        self.said = {fd: bytearray() for fd in self.pipes}


class Processes:
    def __init__(self, host: Host) -> None:
        self._host = host
        self._running: set[Run] = set()
        self._deadlines: list[tuple[float, int, Run]] = []
        self._order = count()

    @property
    def in_flight(self) -> int:
        return len(self._running)

    @property
    def due(self) -> float:
        """When `expire` has something to do (monotonic)."""
        while self._deadlines and (
            self._deadlines[0][2] not in self._running or self._deadlines[0][0] != self._deadlines[0][2].deadline
        ):
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else inf

    def begin(self, request: ProcessRequest, done: Done, own_headers: Headers) -> None:
        now = monotonic()
        name = clip(request.command[0])
        if len(self._running) >= MOST_AT_ONCE:
            detail = f"{name} was not run: {MOST_AT_ONCE} other programs are running; ask less often, or let them end"
            self._refuse(request, done, detail)
            return
        try:
            child = subprocess.Popen(
                request.command,
                cwd=request.directory,
                env=_environment(request, own_headers),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            number = error.errno if isinstance(error, OSError) else None
            words = remedy(number) if number else clip(str(error))
            self._refuse(request, done, f"{name} could not be run in {clip(request.directory)}: {words}")
            return
        try:
            run = Run(request, done, child, now)
        except OSError as error:
            # Nobody would end it at its time limit, nor take what it says.
            _end_at_once(child)
            self._refuse(request, done, f"{name} could not be watched: {remedy(error.errno)}")
            return
        self._running.add(run)
        self._wait_until(run, run.deadline)
        self._host.watch(run.pidfd, lambda _events: self._has_ended(run))
        for fd in run.said:
            os.set_blocking(fd, False)
            self._host.watch(fd, partial(self._read, run, fd))

    def expire(self, now: float) -> None:
        while self.due <= now:
            run = self._deadlines[0][2]
            if run.ended:
                self._end(run)
                continue
            # Told before it is gone: one that hangs in the kernel ends when the kernel lets it, if ever.
            run.late, run.deadline = True, inf
            _kill(run)
            self._tell(run, None)

    def forget_authorities(self) -> None:
        """Programs trust whom they like."""

    def close(self) -> None:
        """End what runs; its `done` is not called."""
        for run in list(self._running):
            _kill(run)
            self._forget(run)

    def _refuse(self, request: ProcessRequest, done: Done, detail: str) -> None:
        error = TransportError(reason=Reason.INTERNAL, detail=detail)
        self._host.deliver(done, ProcessAnswer(url=request.url, error=error))

    def _wait_until(self, run: Run, deadline: float) -> None:
        run.deadline = deadline
        heapq.heappush(self._deadlines, (deadline, next(self._order), run))

    def _read(self, run: Run, fd: int, _events: int) -> None:
        try:
            data = os.read(fd, _READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            kept = run.said[fd]
            kept += data[: run.request.max_output - len(kept)]
            return
        self._host.unwatch(fd)
        run.pipes.pop(fd).close()
        if run.ended and not run.late and not run.pipes:
            self._end(run)

    def _has_ended(self, run: Run) -> None:
        run.ended = monotonic()
        self._host.unwatch(run.pidfd)
        # Not before: what runs on could only be found by the number of its group, which is free with the last of them.
        os.waitid(os.P_PIDFD, run.pidfd, os.WEXITED | os.WNOWAIT)
        _kill(run)
        if run.late or not run.pipes:
            self._end(run)
        else:
            self._wait_until(run, run.ended + _GRACE)

    def _end(self, run: Run) -> None:
        status = run.child.wait()  # it has ended, so this does not wait
        self._forget(run)
        if not run.late:
            self._tell(run, status)

    def _tell(self, run: Run, status: int | None) -> None:
        out, errors = run.said.values()
        error = None
        if run.late:
            detail = f"{clip(run.request.command[0])} did not end within {run.request.timeout:g} s, and was killed"
            error = TransportError(reason=Reason.TIMEOUT, detail=detail, before_any_byte=False)
        self._host.deliver(
            run.done,
            ProcessAnswer(
                body=bytes(out),
                errors=bytes(errors),
                timings=Timings(first_byte=(run.ended or monotonic()) - run.begun),
                url=run.request.url,
                error=error,
                status=status if status is not None and status >= 0 else None,
                signal=-status if status is not None and status < 0 else None,
            ),
        )

    def _forget(self, run: Run) -> None:
        self._running.discard(run)
        self._host.unwatch(run.pidfd)
        os.close(run.pidfd)
        for fd, pipe in run.pipes.items():
            self._host.unwatch(fd)
            pipe.close()
        run.pipes.clear()


def _kill(run: Run) -> None:
    _kill_group(run.child)


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    """It and what it started, unless that has made a session of its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _end_at_once(child: subprocess.Popen[bytes]) -> None:
    """One that was started a moment ago. It is not waited for: whoever is started next reaps it."""
    _kill_group(child)
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()


def _environment(request: ProcessRequest, own_headers: Headers) -> dict[str, str]:
    found = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    # As OpenTelemetry passes a trace on to a program: what it asks in turn belongs to the trace of this probe.
    passed_on = {name.upper(): value for name, value in own_headers if name == "traceparent"}
    return {**found, **passed_on, **dict(request.environment)}

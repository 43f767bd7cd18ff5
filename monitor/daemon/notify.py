"""
What systemd is told: ready, reloading, stopping, alive, and one line for `systemctl status`.

The protocol is a datagram of `NAME=value` lines to the socket in $NOTIFY_SOCKET (sd_notify(3)); where that is not set
nobody listens and nothing is said. Nothing here waits or raises: a deaf manager must not stop the watch.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from loguru import logger

from monitor.core.incident import Incident

STATUS_EVERY = timedelta(seconds=5)
"""Between two status lines: the lag in it changes all the time, and nobody reads faster."""

KEEPALIVES = 4
"""In one watchdog interval: a late one or two are no reason to kill a daemon."""


NAMED = 3
"""Incidents in the status line by name: it is one line of a terminal."""

_NO_SEVERITY = 9


class Notify:
    """
    Args:
        address: A path, or `@name` in the abstract namespace; empty to be silent.
        watchdog: Within what time we must be heard from, or be killed; None when nobody waits.
    """

    def __init__(self, address: str = "", watchdog: timedelta | None = None) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._keep_alive_every = watchdog / KEEPALIVES if watchdog else None
        self._kept_alive_at: datetime | None = None
        self._status = ""
        self._status_at: datetime | None = None
        self._complained = False

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], pid: int) -> Notify:
        """
        Args:
            pid: Our own: a watchdog that waits for another process is not ours to feed.
        """
        watchdog = None
        microseconds = environ.get("WATCHDOG_USEC", "")
        if microseconds.isdecimal() and int(microseconds) > 0 and environ.get("WATCHDOG_PID", str(pid)) == str(pid):
            watchdog = timedelta(microseconds=int(microseconds))
        return cls(environ.get("NOTIFY_SOCKET", ""), watchdog)

    def ready(self) -> None:
        """After the start, and after each `reloading()` whatever became of it."""
        self._send("READY=1")

    def reloading(self) -> None:
        # systemd tells by this clock which of two reloads the next READY=1 ends.
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def turn(self, now: datetime, status: str) -> None:
        """
        To be called by each turn of the loop: one that no longer turns is killed, and a new daemon is started.

        Args:
            status: Of `status_line`; empty while there is nothing to say yet.
        """
        lines = []
        if self._keep_alive_every and _passed(self._kept_alive_at, now, self._keep_alive_every):
            self._kept_alive_at = now
            lines.append("WATCHDOG=1")
        if status != self._status and _passed(self._status_at, now, STATUS_EVERY):
            self._status, self._status_at = status, now
            lines.append(f"STATUS={' '.join(status.split())}")
        if lines:
            self._send("\n".join(lines))

    def _send(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)  # a manager that hangs must not hang the loop with it
                sender.sendto(text.encode(), self._address)
        except OSError as error:
            if not self._complained:
                self._complained = True
                logger.warning(f"systemd is not told how we are: $NOTIFY_SOCKET: {error.strerror or error}")
        else:
            self._complained = False


def status_line(*, checks: int, live: Sequence[Incident], lag: float | None, trouble: str) -> str:
    """
    What is asked first, on one line: `312 checks, 2 incidents (SEV1 payments-service, SEV3 search), lag 4 ms`.

    Args:
        live: Incidents that are open or recovering.
        lag: Seconds that probes begin late; None while no prober runs.
        trouble: Why nothing can be recorded; empty when it can.
    """
    incidents = _counted(len(live), "incident")
    if live:
        worst = sorted(live, key=lambda incident: (incident.severity or _NO_SEVERITY, incident.number))
        named = [f"{incident.severity or 'no severity'} {incident.service}" for incident in worst[:NAMED]]
        incidents += f" ({', '.join(named)}{', ...' if len(worst) > NAMED else ''})"
    parts = [_counted(checks, "check"), incidents, "no prober" if lag is None else f"lag {lag * 1000:.0f} ms"]
    if trouble:
        parts.append(f"the ledger cannot be written: {trouble}")
    return ", ".join(parts)


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _passed(last: datetime | None, now: datetime, interval: timedelta) -> bool:
    return last is None or now - last >= interval

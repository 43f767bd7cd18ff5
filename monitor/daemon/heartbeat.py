"""
The dead man's switch: somebody outside is asked regularly, and raises the alarm when we fall silent.

It is fed by the loop's own turns, so a loop that is stuck falls silent too; a thread of its own would go on telling
that all is well. It is withheld while the daemon runs and does not do its work.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from loguru import logger

from monitor.config import HeartbeatTarget
from monitor.sources.authorities import trusted_authorities

TIMEOUT: Final = 10.0
"""Seconds, to connect and for the answer."""
SILENCE: Final = timedelta(minutes=2)
"""Without any result for so long, nobody is watched; or for two of the shortest intervals, when that is longer."""
COMPLAIN_EVERY: Final = 60.0


def unwell(ledger_trouble: str, heard_at: datetime | None, shortest_interval: float, now: datetime) -> str:
    """
    Why nobody outside should believe that we are watching; empty when they should.

    Args:
        heard_at: When the newest result of any check arrived.
    """
    if ledger_trouble:
        return f"the ledger cannot be written: {ledger_trouble}"
    if heard_at is None:
        # A daemon that is started over and over, and never gets as far as a result, would else look well.
        return "no result yet"
    if now - heard_at > max(SILENCE, timedelta(seconds=2 * shortest_interval)):
        return f"no result since {heard_at:%Y-%m-%d %H:%M:%S} UTC"
    return ""


class Heartbeat:
    """
    Args:
        wall: For what people read.
        count: Called with `ok`, `failed` or `withheld`; the first two in a thread.
    """

    def __init__(
        self, target: HeartbeatTarget | None, wall: Callable[[], datetime], count: Callable[[str], object]
    ) -> None:
        self._target = target
        self._wall = wall
        self._count = count
        self._due: datetime | None = None
        self._sending: threading.Thread | None = None
        self._withheld = ""
        self._failures = 0
        self._last_ok: datetime | None = None
        self._last_error = ""
        self._quiet_until = 0.0

    def replace(self, target: HeartbeatTarget | None) -> None:
        """A new address is asked at the next turn."""
        if target != self._target:
            self._target, self._due = target, None

    def tick(self, now: datetime, unwell: str) -> None:
        """One turn of the loop. *unwell*: why it is to be withheld; it is sent as soon as that is over."""
        target = self._target
        if target is None or (self._due is not None and now < self._due):
            return
        if unwell:
            self._withhold(unwell)
            return
        if self._sending is not None and self._sending.is_alive():
            return
        if self._withheld:
            logger.info("heartbeat: goes on")
            self._withheld = ""
        self._due = now + target.every
        self._sending = threading.Thread(target=self._send, args=(target,), name="heartbeat", daemon=True)
        self._sending.start()

    def state(self) -> dict[str, object]:
        """For `status`; empty when none is configured."""
        if self._target is None:
            return {}
        return {
            "host": _host(self._target),
            "last_ok": self._last_ok.isoformat(timespec="seconds") if self._last_ok is not None else None,
            "failures": self._failures,
            "last_error": self._last_error,
            "withheld": self._withheld,
        }

    def _withhold(self, unwell: str) -> None:
        if not self._withheld:
            self._count("withheld")
            if self._last_ok is not None:  # at the start it only waits for the first result
                logger.warning(f"heartbeat: withheld, so that somebody outside notices: {unwell}")
        self._withheld = unwell

    def _send(self, target: HeartbeatTarget) -> None:
        failure = _ask(target)
        if not failure:
            self._last_ok, self._last_error = self._wall(), ""
            self._count("ok")
            return
        self._failures += 1
        self._last_error = failure
        self._count("failed")
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + COMPLAIN_EVERY
            logger.warning(f"heartbeat: {failure}; {self._failures} failed so far")


def _ask(target: HeartbeatTarget) -> str:
    """Why it failed, without the address, whose path is often a secret; empty when it was taken."""
    import requests  # 20 MB that only a configured heartbeat needs

    host = _host(target)
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment would see the address
            session.verify = trusted_authorities()
            with session.get(
                target.url.get_secret_value(),
                headers={"User-Agent": "watchkeeper"},
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            ) as response:
                status = response.status_code
    except requests.RequestException as error:
        return f"{host}: {type(error).__name__}"  # its text holds the address
    except Exception as error:  # what requests lets through of an address that it cannot speak to
        return f"{host} cannot be asked: {type(error).__name__}"
    if 200 <= status < 300:
        return ""
    followed = ", a redirect, which is not followed: configure the new address" if 300 <= status < 400 else ""
    return f"{host} answered {status}{followed}"


def _host(target: HeartbeatTarget) -> str:
    return urlsplit(target.url.get_secret_value()).hostname or "the other side"

"""
The daemon, on one screen: what it is made of, its loop, and how it ends.

One asyncio loop in the main thread. Nothing in it waits: the ledger, the effects, the telemetry and the traffic each
have threads of their own, the prober and the fitting are processes.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

from loguru import logger

from monitor.config import Config
from monitor.daemon.desk import DaemonDesk
from monitor.daemon.house import House
from monitor.daemon.keeping import Housekeeping
from monitor.daemon.notify import Notify, status_line
from monitor.daemon.ourfault import LoopTrouble, Unasked
from monitor.daemon.resuming import resume
from monitor.daemon.vitals import Vitals
from monitor.probing.supervisor import Supervisor
from monitor.probing.wire import Batch
from monitor.web.app import create_app
from monitor.web.serve import WebServer
from monitor.web.token import read_or_create_token

TICK = 1.0


def token_of(config: Config) -> str:
    """What whoever writes over HTTP must show."""
    configured = config.monitor.token.get_secret_value() if config.monitor.token else None
    return read_or_create_token(configured, config.monitor.state)


class Daemon:
    """
    Args:
        listening: Called once with HOST:PORT, when the API answers there.
    """

    def __init__(self, config: Config, listening: Callable[[str], None]) -> None:
        self.config = config
        self.notify = Notify.from_environ(os.environ, os.getpid())
        self.house = House.build(config, token_of(config))
        self.housekeeping = Housekeeping(self.house)
        self.supervisor = Supervisor(self.house.clock, self.take, logger.warning)
        self.vitals = Vitals(self.house, self.supervisor)
        self.unasked = Unasked()
        self.turned_at = self.house.clock.now()
        self._listening = listening
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(LoopTrouble(self.house.clock.now))
        for wanted in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(wanted, self._stop.set)
        listen = self.config.monitor.listen
        web = WebServer(create_app(DaemonDesk(self), self.house.token, listen.host), listen.host, listen.port)
        try:
            # Before anything else: it takes as long to import what it needs as the web and the past take here.
            await self.supervisor.start()
            await web.start()
            self._listening(web.address)
            for commit in resume(self.house):
                self.house.adopt(commit)
            self.house.start()
            self.supervisor.configure(self.config.all_checks(), self.config.monitor.online)
            logger.info(
                f"watching {len(self.config.services)} services, {len(self.config.all_checks())} checks; http://{web.host}:{web.port}"
            )
            # It serves, the ledger was opened for writing, the prober has its checks. A disk that fills up now is no
            # reason to be killed for never being ready: it is in the status line and at /healthz/ready.
            self.notify.ready()
            await self._turn()
        finally:
            await self._close(web)

    async def _turn(self) -> None:
        while not self._stop.is_set():
            now, wall = self.house.clock.now(), self.house.clock.wall()
            self.turned_at = now
            self.house.judge.tick(now, wall)
            self.supervisor.faster(self.house.affected())
            self.housekeeping.tick(now, wall)
            self.vitals.tick(now)
            self.notify.turn(now, self._status())
            try:
                await asyncio.wait_for(self._stop.wait(), TICK)
            except TimeoutError:
                continue

    def take(self, batch: Batch) -> None:
        """Results from the prober."""
        for result in batch.results:
            if (check := self.house.checks.get(result.id)) is not None:
                self.house.telemetry.probe(check, result)
        self.unasked.take(batch.results)
        self.house.judge.take(batch.results, self.house.clock.now(), self.house.clock.wall())

    def _status(self) -> str:
        prober = self.supervisor.status()
        if prober.pid is None and not prober.restarts:
            return ""  # it is being started: neither well nor ill yet
        return status_line(
            checks=len(self.house.checks),
            live=[case.incident for case in self.house.casebook.live()],
            lag=prober.lag.p99 if prober.pid is not None else None,
            trouble=self.house.ledger.trouble,
        )

    async def _close(self, web: WebServer) -> None:
        self.notify.stopping()
        await self.supervisor.stop()
        await web.stop()
        self.housekeeping.close()
        self.house.close()

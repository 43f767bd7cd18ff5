"""
The daemon, on one screen: what it is made of, its loop, and how it ends.

One asyncio loop in the main thread. Nothing in it waits: the ledger, the effects, the telemetry and the traffic each
have threads of their own, the prober and the fitting are processes.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from loguru import logger

from checks.result import CheckResult
from monitor.config import Config
from monitor.daemon.afterwards import Afterwards
from monitor.daemon.desk import DaemonDesk
from monitor.daemon.ending import Ending, end_at_last
from monitor.daemon.heartbeat import Heartbeat, unwell
from monitor.daemon.house import House
from monitor.daemon.keeping import Housekeeping
from monitor.daemon.mitigating import Mitigating
from monitor.daemon.notify import Notify, status_line
from monitor.daemon.ourfault import LoopTrouble, Unasked
from monitor.daemon.pushes import Pushes
from monitor.daemon.reload import Reload, Source
from monitor.daemon.resuming import last_seen, resume
from monitor.daemon.rounds import Rounds
from monitor.daemon.signals import Signals
from monitor.daemon.vitals import Vitals
from monitor.daemon.wiring import hooks_of, slack_secret_of
from monitor.probing.supervisor import GRACE, Supervisor
from monitor.probing.wire import Batch
from monitor.telemetry import names
from monitor.web.app import create_app
from monitor.web.serve import WebServer
from monitor.web.token import read_or_create_token

TICK = 1.0
YOUNG = 5_000
"""New objects between two looks for garbage. The start's 50,000 would let each connection that was served lie about,
a ring of some 600 bytes, until there are megabytes of them."""


def token_of(config: Config) -> str:
    """What whoever writes over HTTP must show."""
    configured = config.monitor.token.get_secret_value() if config.monitor.token else None
    return read_or_create_token(configured, config.monitor.state)


def runtime_folder() -> Path | None:
    """Systemd's `RuntimeDirectory=`, which is gone with us."""
    folder = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(folder) if folder else None


def shortest_interval(config: Config) -> float:
    return min((check.interval for check in config.asked_checks() or config.all_checks()), default=0.0)


class Daemon:
    """
    Args:
        source: Where the configuration is read again from; without it, it stays as it is.
        listening: Called once with HOST:PORT, when the API answers there.
    """

    def __init__(
        self, config: Config, source: Source | None = None, listening: Callable[[str], None] = lambda _: None
    ) -> None:
        self.source = source
        self.notify = Notify.from_environ(os.environ, os.getpid())
        self.house = House.build(config, token_of(config))
        # Begun once the past was read: it writes over when the loop last turned, and over the detectors.
        self.housekeeping: Housekeeping | None = None
        self.supervisor = Supervisor(self.house.clock, self.take, logger.warning)
        # Not bound: a reload replaces what hides.
        self.pushes = Pushes(
            self.house.clock, self.house.ledger, self._take_push, lambda text: self.house.hiding.text(text)
        )
        self.vitals = Vitals(self.house, self.supervisor)
        self.afterwards = Afterwards(self.house)
        self.mitigating = Mitigating(self.house, runtime_folder())
        self._reminding: asyncio.Task[None] | None = None
        self.rounds = Rounds(self.house, self.afterwards)
        listen = config.monitor.listen
        self._app = create_app(DaemonDesk(self), self.house.token, listen.host)
        self._app.state.hooks = hooks_of(config)
        self._app.state.slack_secret = slack_secret_of(config)
        self._web = WebServer(self._app, listen.host, listen.port)
        self.reload = Reload(self.house, self.supervisor, self.notify, self._applied)
        self.heartbeat = Heartbeat(config.monitor.heartbeat, self.house.clock.wall, self._count_heartbeat)
        self.unasked = Unasked()
        self.turned_at = self.house.clock.now()
        self._listening = listening
        self._shortest = shortest_interval(config)
        self.heard_at: datetime | None = None
        self.ending: Ending | None = None
        self._stop = asyncio.Event()

    async def run(self, signals: Signals) -> None:
        """Until it is told to stop."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(LoopTrouble(self.house.clock.now))
        try:
            await self.start()

            def stop() -> None:
                end_at_last()  # here and not in the loop, which may be what hangs
                loop.call_soon_threadsafe(self.stop)

            signals.serve(stop, self.reload.read_now)
            # It serves, the ledger was opened for writing, the prober has its checks. A disk that fills up now is no
            # reason to be killed for never being ready: it is in the status line and at /healthz/ready.
            self.notify.ready()
            await self.turn()
        finally:
            await self.close()

    async def start(self) -> None:
        config, web = self.house.config, self._web
        # Before anything else: it takes as long to import what it needs as the web and the past take here.
        await self.supervisor.start()
        await web.start()
        self._listening(web.address)
        for commit in resume(self.house):
            self.house.adopt(commit)
        await self.mitigating.resume()
        self.pushes.start(config.all_checks(), self.house.token, last_seen(self.house))
        self.housekeeping = Housekeeping(self.house, self._remind)
        self.house.start()
        self.rounds.begin()
        gc.freeze()  # what there is now stays: looking through it again and again finds nothing
        gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
        self.supervisor.configure(config.asked_checks(), config.monitor.online)
        if self.source is not None:
            self.reload.start(self.source)
        logger.info(
            f"watching {len(config.services)} services, {len(config.all_checks())} checks; http://{web.host}:{web.port}"
        )

    def _remind(self) -> None:
        if self._reminding is None or self._reminding.done():
            self._reminding = asyncio.create_task(self.afterwards.remind(), name="reminders")
        self.rounds.begin()

    def stop(self) -> None:
        logger.info("stopping: probes in flight first, then effects, then telemetry")
        self.ending = Ending()
        self._stop.set()

    async def turn(self) -> None:
        """Until `stop`, after `start`."""
        housekeeping = self.housekeeping
        assert housekeeping is not None
        while not self._stop.is_set():
            now, wall = self.house.clock.now(), self.house.clock.wall()
            self.turned_at = now
            self.house.judge.stir(self.house.objectives.tick(now, wall, self.house.troubled()))
            self.house.judge.tick(now, wall)
            self.house.evidence.tick(now, wall)
            self.supervisor.faster(self.house.affected())
            housekeeping.tick(now, wall)
            self.vitals.tick(now)
            self.notify.turn(now, self._status())
            self.heartbeat.tick(now, self._unwell(now))
            try:
                await asyncio.wait_for(self._stop.wait(), TICK)
            except TimeoutError:
                continue

    def take(self, batch: Batch) -> None:
        """Results from the prober."""
        if batch.results:
            self.heard_at = self.house.clock.now()
        self._judge(batch.results)

    def _take_push(self, result: CheckResult) -> None:
        # It is heard also when nobody can ask any more, so it proves that we watch only where nothing is asked.
        if not self.house.config.asked_checks():
            self.heard_at = self.house.clock.now()
        self._judge((result,))

    def _judge(self, found: Iterable[CheckResult]) -> None:
        now, wall = self.house.clock.now(), self.house.clock.wall()
        results = self.house.judge.maintenance.mark(tuple(map(self.house.hiding.of, found)), wall - now)
        for result in results:
            if (check := self.house.checks.get(result.id)) is not None:
                self.house.telemetry.probe(check, result)
        self.unasked.take(results)
        self.house.objectives.take(results)
        self.house.judge.take(results, now, wall)

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

    def _applied(self, config: Config) -> None:
        self._app.state.token = self.house.token = token_of(config)
        self._app.state.hooks = hooks_of(config)
        self._app.state.slack_secret = slack_secret_of(config)
        self.pushes.replace(config.all_checks(), self.house.token)
        self._shortest = shortest_interval(config)
        self.heartbeat.replace(config.monitor.heartbeat)

    def _unwell(self, now: datetime) -> str:
        heard_at = self.heard_at
        if not self.house.config.all_checks() and self.supervisor.status().pid is not None:
            heard_at = now  # nothing but /probe: then a prober that can be asked is all that anybody waits for
        return unwell(self.house.ledger.trouble, heard_at, self._shortest, now)

    def _count_heartbeat(self, outcome: str) -> None:
        self.house.telemetry.counter(names.HEARTBEATS.name, 1, {names.HEARTBEAT_OUTCOME: outcome})

    async def close(self) -> None:
        """In order, and within the one deadline that began when it was told to stop."""
        ending = self.ending or Ending()
        self.notify.stopping()
        self.reload.stop()
        self.pushes.stop()
        await self.mitigating.close()
        if self._reminding is not None:
            self._reminding.cancel()
        self.rounds.stop()
        await asyncio.gather(self.supervisor.stop(ending.left(GRACE)), self._web.stop())
        self.house.close(ending, self.housekeeping.close if self.housekeeping is not None else None)
        if self.ending is not None:
            logger.info(f"stopped after {ending.so_far:.1f} s")

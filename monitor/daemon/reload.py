"""A changed configuration becomes what the daemon lives by, in one step of the loop; a bad one changes nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from loguru import logger

from monitor.config import Changes, Config, ConfigError, applicable, changes
from monitor.core.sli import SliWindow
from monitor.daemon.house import House
from monitor.daemon.notify import Notify
from monitor.daemon.objectives import counters_of, wide_counters_of
from monitor.daemon.past import maintained_of, past_of
from monitor.daemon.watching import ConfigWatch
from monitor.ledger.records import Commit, LedgerEvent
from monitor.probing.supervisor import Supervisor
from monitor.probing.wire import WireError
from monitor.response.maintained import Maintained
from monitor.response.watch import CheckWatch
from monitor.web.documents import timestamp

SHOWN = 20
"""Problems that one log line tells; `monitor validate` tells them all."""
SHOWN_IN_STATUS = 3


@dataclass(frozen=True, slots=True)
class Source:
    """Where the configuration is, to be read again."""

    paths: Sequence[Path]
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    Attributes:
        before: The configuration that `changes` compares with.
        past: The windows that were kept of the checks, and of the ways of counting, that it adds.
    """

    before: Config
    changes: Changes
    past: Mapping[str, SliWindow]


class Reload:
    """
    Args:
        applied: Called with each configuration that the daemon lives by from then on.
    """

    def __init__(
        self, house: House, supervisor: Supervisor, notify: Notify, applied: Callable[[Config], object]
    ) -> None:
        self._house = house
        self._notify = notify
        self._supervisor = supervisor
        self._applied = applied
        self._watch: ConfigWatch | None = None
        self._loaded_at = house.clock.wall()
        self._problem_since: datetime | None = None
        self._problems: tuple[str, ...] = ()

    def start(self, source: Source) -> None:
        """Call it in the loop, which is where changes are applied."""
        loop = asyncio.get_running_loop()

        def tell(found: Config | ConfigError) -> None:
            # Still in the watching thread, because it may take a while.
            prepared = self.prepare(found) if isinstance(found, Config) else None
            self._notify.reloading()
            loop.call_soon_threadsafe(self.take, found, prepared)

        self._watch = ConfigWatch(source.paths, source.environ, self._house.config, tell)
        self._watch.start()

    def read_now(self) -> None:
        """For SIGHUP: only sets a mark."""
        if self._watch is not None:
            self._watch.read_now()

    def stop(self) -> None:
        if self._watch is not None:
            self._watch.stop()

    def prepare(self, config: Config) -> Prepared:
        """What applying it needs to know. In any thread."""
        before = self._house.config
        found = changes(before, config)
        try:
            house = self._house
            new = found.added | (counters_of(config) - counters_of(before))
            maintained = maintained_of(house.ledger, house.history, found.added)
            new |= {Maintained.name_of(check, left_out) for check, left_out in maintained}
            past = past_of(house.ledger, house.history, new, house.clock.now(), wide_counters_of(config)).windows
        except sqlite3.Error as error:
            logger.warning("config: the past of new checks cannot be read: {}", error)
            past = {}
        return Prepared(before, found, past)

    def take(self, found: Config | ConfigError, prepared: Prepared | None = None) -> None:
        """What was read: applied whole, or refused whole."""
        try:
            self._take(found, prepared)
        except Exception as error:  # a bug of ours must not end the watching of everything else
            logger.opt(exception=error).error("config: applying it failed in our own code; restart to be sure of it")
        finally:
            self._notify.ready()

    def _take(self, found: Config | ConfigError, prepared: Prepared | None) -> None:
        if isinstance(found, ConfigError):
            self._refuse([str(problem) for problem in found.problems])
            return
        if prepared is None or prepared.before is not self._house.config:
            prepared = self.prepare(found)  # two came in one turn of the loop
        self._apply(found, prepared)

    def _apply(self, found: Config, prepared: Prepared) -> None:
        config, changed = applicable(self._house.config, found), prepared.changes
        now = self._house.clock.now()
        try:
            self._tell_prober(config, changed, now)
        except WireError as error:
            self._refuse([f"too many checks for one prober: {error}"])
            return
        if changed:
            gone = [watch for check, watch in self._watches().items() if check in changed.removed]
            stay = counters_of(config)
            left = [counter for counter in self._house.objectives.kept() if counter.id not in stay]
            maintained = [kept for watch in gone for kept in watch.kept_of_maintenance()]
            self._house.budgets.leave([*gone, *maintained, *left], now)
            self._house.replace(config, changed, now)
            self._house.objectives.give(prepared.past)
            watches = self._watches()
            for check in changed.added & watches.keys() & prepared.past.keys():
                watches[check].window = prepared.past[check]
                watches[check].give_maintenance(prepared.past)
            self._applied(config)
        self._loaded_at = self._house.clock.wall()
        self._tell(changed)

    def state(self) -> dict[str, object]:
        """For `status`."""
        first = [problem.splitlines()[0] for problem in self._problems[:SHOWN_IN_STATUS]]
        more = len(self._problems) - len(first)
        return {
            "loaded_at": timestamp(self._loaded_at),
            "files": ", ".join(str(file) for file in self._house.config.read_from()),
            "problem_since": timestamp(self._problem_since) if self._problem_since is not None else None,
            "problems": "; ".join(first) + (f" and {more} more" if more else ""),
        }

    def _watches(self) -> dict[str, CheckWatch]:
        return {w.check.id: w for service in self._house.judge.watches.values() for w in service.checks.values()}

    def _tell_prober(self, config: Config, changed: Changes, now: datetime) -> None:
        # First of all, because it alone may refuse.
        if changed.of_checks or changed.authorities or changed.touches("monitor.online"):
            put, asked = changed.added | changed.changed, config.asked_checks()
            # One that tells by itself from now on is none of the prober's any more.
            gone = changed.removed | (changed.changed - {check.id for check in asked})
            self._supervisor.amend(asked, config.monitor.online, put, gone, now)

    def _refuse(self, problems: Sequence[str]) -> None:
        wall = self._house.clock.wall()
        self._problems, self._problem_since = tuple(problems), self._problem_since or wall
        count = f"{len(problems)} problem" + ("" if len(problems) == 1 else "s")
        more = f"\n... and {len(problems) - SHOWN} more: monitor validate" if len(problems) > SHOWN else ""
        stays = f"the one of {timestamp(self._loaded_at)} stays"
        logger.error(f"the config has {count}; {stays}\n" + "\n".join(problems[:SHOWN]) + more)
        first = problems[0].splitlines()[0]
        self._note("config.refused", f"{count}, {stays}: {first}", {"problems": len(problems)})

    def _tell(self, changed: Changes) -> None:
        was_bad, self._problems, self._problem_since = bool(self._problems), (), None
        for key in changed.at_next_start:
            logger.warning(f"config: {key} changed; it takes effect at the next start")
        if not changed:
            logger.info("config: read again, nothing changed" + (", and nothing is wrong any more" if was_bad else ""))
            return
        counts = {"added": len(changed.added), "removed": len(changed.removed), "changed": len(changed.changed)}
        self._note("config.reloaded", changed.text, {**counts, "keys": list(changed.keys)})

    def _note(self, name: str, text: str, attributes: Mapping[str, object]) -> None:
        clock = self._house.clock
        event = LedgerEvent(name=name, at=clock.now(), wall=clock.wall(), text=text, attributes=attributes)
        self._house.adopt(Commit(events=(event,)))

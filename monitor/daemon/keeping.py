"""
What must happen now and then: each minute the history, every quarter of a minute the timeline, and the housekeeping
that may be an hour late without harm.

The latter is `schedule`'s: it compares naive local times, so the process runs under TZ=UTC and the jobs are set up anew
after the wall clock was stepped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import schedule
from loguru import logger

from monitor.core.flapping import Flaps
from monitor.core.sli import Tally
from monitor.daemon.budgets import Counted, counted
from monitor.daemon.house import House
from monitor.daemon.past import HOUR, MINUTE
from monitor.daemon.refused_closes import try_again
from monitor.daemon.resuming import (
    flaps,
    remember_flaps,
    remember_timeline,
    remember_unmet,
    remember_unproven,
    unmet,
    unproven,
)
from monitor.ledger.history import MinuteRow
from monitor.ledger.records import Commit, LedgerEvent
from monitor.response.known_alerts import REMEMBERED
from monitor.response.review import due_at
from monitor.response.watch import SETTLE, CheckWatch
from monitor.telemetry import names

HEARTBEAT = timedelta(seconds=15)
REFIT_PAUSE = timedelta(minutes=10)
"""After a fitting: a config that is being worked on is reloaded often, and a fitting asks Prometheus for weeks."""
ACCEPTED_LATELY = timedelta(days=2)
STEP = timedelta(seconds=2)
"""A difference between the two clocks that changes by more than this between two ticks is a step of the wall clock."""


class Housekeeping:
    """
    Args:
        remind: Begins to look for what is late after incidents, and does not wait for it.

    Attributes:
        written_until: The minutes up to it are in the history; a result of theirs that comes now is not.
    """

    def __init__(self, house: House, remind: Callable[[], object] = lambda: None) -> None:
        self._house = house
        self._remind = remind
        now, wall = house.clock.now(), house.clock.wall()
        self.written_until = now.replace(second=0, microsecond=0)
        self._heartbeat = now
        self._unproven: dict[str, datetime] | None = None
        self._unmet: dict[str, dict[str, datetime]] | None = None
        self._flaps: dict[str, Flaps] | None = None
        self._restless = set(house.history.detector_states())
        self._offset = wall - now
        self._fitted_at = now
        self._jobs = self._set_up()
        self._close_again()
        remember_timeline(house, now)

    def tick(self, now: datetime, wall: datetime) -> None:
        self._notice_step(now, wall)
        if now - self._heartbeat >= HEARTBEAT:
            self._heartbeat = now
            remember_timeline(self._house, now)
        if (wanting := unproven(self._house)) != self._unproven:
            self._unproven = wanting
            remember_unproven(self._house, wanting)
        if (lacking := unmet(self._house)) != self._unmet:
            self._unmet = lacking
            remember_unmet(self._house, lacking)
        if (known := flaps(self._house)) != self._flaps:
            self._flaps = known
            remember_flaps(self._house, known)
        # A minute is written once its last results must have come: timeout and excuse included.
        settled = now - timedelta(seconds=max((c.timeout for c in self._house.checks.values()), default=0.0)) - SETTLE
        while self.written_until + MINUTE <= settled:
            self._write_minute(self.written_until)
            self.written_until += MINUTE
            self._house.budgets.keep_minutes(self._counted(), self.written_until)
            self._house.budgets.keep_past(self._house.objectives.learned_late())
        if self._house.budgets.hour + HOUR <= settled:
            self._house.budgets.keep_hours(self._counted())
        self._jobs.run_pending()
        if self._house.to_fit and now - self._fitted_at >= REFIT_PAUSE:
            self._fitted_at = now
            self._house.refresh_baselines()
        # A service whose probes are all ok is at rest otherwise, and nobody would hear that it is slow.
        self._house.judge.stir(self._house.surveyor.tick(now))
        self._house.notice_deploys()
        self._house.notice_anomalies()

    def close(self) -> None:
        """Detectors as they stand. The minute that is not over stays unwritten: written twice it would count twice."""
        now = self._house.clock.now()
        self._write_states(is_last=True)
        self._house.budgets.keep_past(self._house.objectives.learned_late())
        self._house.budgets.keep_all(self._counted(), self.written_until, now)
        remember_timeline(self._house, now)

    def _watches(self) -> list[CheckWatch]:
        return [check for watch in self._house.judge.watches.values() for check in watch.checks.values()]

    def _counted(self) -> list[Counted]:
        maintained = [kept for watch in self._watches() for kept in watch.kept_of_maintenance()]
        return [*self._watches(), *maintained, *self._house.objectives.kept()]

    def _write_minute(self, minute: datetime) -> None:
        self._house.objectives.minute_over(minute + MINUTE)
        rows = []
        for watch in self._watches():
            tally = counted(watch, minute, MINUTE)
            # Of a minute whose last result did not come. The others were told of when theirs came.
            for begin, seconds in watch.latencies.complete_until(minute + MINUTE):
                self._house.surveyor.tracking.add(watch.check, begin, seconds)
            latency = watch.latencies.take(minute)
            rows.append(_row(watch.id, minute, tally, latency))
        missing = sum(max(0, row.expected - row.good - row.bad - row.unknown) for row in rows)
        rows += [_row(c.id, minute, counted(c, minute, MINUTE)) for c in self._house.objectives.kept()]
        # Those minutes alone in which there was maintenance: most are not.
        maintained = [kept for watch in self._watches() for kept in watch.kept_of_maintenance()]
        rows += [
            _row(kept.id, minute, tally) for kept in maintained if (tally := counted(kept, minute, MINUTE)).expected
        ]
        self._house.history.write_minutes(rows)
        self._house.propose_levels(minute)
        if missing:
            self._house.telemetry.counter(names.RESULTS_MISSING.name, missing)
        self._write_states()

    def _write_states(self, is_last: bool = False) -> None:
        """
        Of checks that are not at rest; one that came to rest is forgotten once, or a restart would bring it back. With
        the last, those of the others that hold latencies of a minute that is not over.
        """
        states: dict[str, object] = {
            watch.check.id: watch.state()
            for watch in self._watches()
            if watch.s > 0.0 or watch.failing or watch.proof_since is not None or (is_last and watch.latencies.untold())
        }
        states |= self._house.objectives.states()
        states |= self._house.surveyor.tracking.states()
        rested = dict.fromkeys(self._restless - states.keys())
        self._restless = set(states)
        self._house.history.put_detector_states({**states, **rested})

    def _notice_step(self, now: datetime, wall: datetime) -> None:
        """A step of the wall clock is an event in the log; only `schedule`, which reads it, must be set up anew."""
        offset = wall - now
        moved, self._offset = offset - self._offset, offset
        if abs(moved) < STEP:
            return
        text = f"the wall clock was stepped by {moved.total_seconds():+.0f} s; no timer moved"
        event = LedgerEvent(name="clock.stepped", at=now, wall=wall, text=text)
        self._house.adopt(Commit(events=(event,)))
        self._jobs = self._set_up()

    def _set_up(self) -> schedule.Scheduler:
        jobs = schedule.Scheduler()
        jobs.every().day.at("03:17").do(self._house.refresh_baselines)
        jobs.every().hour.do(self._compact)
        jobs.every().hour.do(self._refit_accepted)
        jobs.every().hour.do(self._remind)
        jobs.every().hour.do(self._close_again)
        jobs.every().day.at("09:00").do(self._review_playbook)
        return jobs

    def _refit_accepted(self) -> None:
        """A level that was accepted lately is known from a few hours: each further one says much of it."""
        if self._house.surveyor.has_accepted_since(self._house.clock.wall() - ACCEPTED_LATELY):
            self._house.refresh_baselines()

    def _compact(self) -> None:
        """In a thread: a day of ten thousand checks takes longer than the loop may stand still."""
        self._house.ledger.forget_alerts(self._house.clock.now() - REMEMBERED)
        retention = self._house.config.monitor.retention
        kept = {"minutes": retention.minutes, "five_minutes": retention.five_minutes, "hours": retention.hours}
        now = self._house.clock.now()
        threading.Thread(
            target=self._house.history.compact, args=(now,), kwargs=kept, name="compact", daemon=True
        ).start()

    def _close_again(self) -> None:
        """In a thread: of a long past there are many effects to read."""
        threading.Thread(target=try_again, args=(self._house,), name="refused-closes", daemon=True).start()

    def _review_playbook(self) -> None:
        """Each day, while the item in the tracker is opened once: who has closed that has not reviewed it by that."""
        playbook = self._house.config.playbook
        if playbook.reviewed is None:
            return
        due = due_at(playbook.reviewed, playbook.review_every)
        if self._house.clock.wall() >= due:
            logger.warning(
                f"the playbook was last reviewed on {playbook.reviewed}, a review is due since {due:%Y-%m-%d}: "
                "review it and set playbook.reviewed"
            )


def _row(counted_as: str, minute: datetime, tally: Tally, latency: float | None = None) -> MinuteRow:
    return MinuteRow(
        check=counted_as,
        minute=minute,
        expected=tally.expected,
        good=tally.good,
        bad=tally.bad,
        unknown=tally.unknown,
        latency=latency,
    )

"""What a start finds: the incidents as the ledger left them, the detectors as the history left them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from checks.result import Outcome
from monitor.core.incident import MINIMUM_GAP, State, gap_limit
from monitor.daemon.house import TIMELINE, UNPROVEN, House, case_from
from monitor.daemon.judge import ITSELF
from monitor.ledger.history import MinuteRow
from monitor.ledger.records import BudgetCheckpoint, Commit
from monitor.response.parting import part
from monitor.response.watch import CheckWatch

Row = MinuteRow | BudgetCheckpoint
MINUTES_RESTORED = timedelta(hours=6)
PERIOD = timedelta(days=90)


def resume(house: House) -> Iterator[Commit]:
    """
    Puts every service back in its place. Yields what the time away has changed: after a downtime beyond the gap limit,
    pending is clear and the clock of recovering is back at zero.
    """
    now, wall = house.clock.now(), house.clock.wall()
    restore_watches(house, now)
    for incident in house.ledger.places():
        case = case_from(house.ledger, incident.id) if incident.id else None
        house.casebook.restore(incident, case)
    for name in sorted(house.casebook.subjects.keys() - house.judge.watches.keys() - {ITSELF}):
        yield from part(house.casebook, name, now, wall)  # it left the configuration while we were away
    away_since = last_seen(house)
    if away_since is None:
        return
    for name, subject in list(house.casebook.subjects.items()):
        checks = house.judge.watches[name].checks.values() if name in house.judge.watches else ()
        limit = max((gap_limit(watch.check.interval) for watch in checks), default=MINIMUM_GAP)
        if subject.incident.state in (State.PENDING, State.RECOVERING) and now - away_since > limit:
            commit = house.casebook.lost_sight(name, "watchkeeper itself was not running", now, wall)
            if commit is not None:
                yield commit


def restore_watches(house: House, now: datetime) -> None:
    """
    Windows from the ledger's hours and, for the newest of them, from the history's minutes; detectors as they stood.

    An hour that both have is taken from the minutes alone.
    """
    watches = {watch.check.id: watch for service in house.judge.watches.values() for watch in service.checks.values()}
    edge = _edge(now)
    put_back(watches, (*house.ledger.checkpoints(now - PERIOD, edge), *house.history.minutes_of_all(edge, now)))
    for name, state in house.history.detector_states().items():
        if name in watches and isinstance(state, dict):
            watches[name].restore(state)


def past_of(house: House, checks: AbstractSet[str]) -> tuple[Row, ...]:
    """What was kept of *checks*: one that was removed by mistake and is back has not lost its budget's past."""
    if not checks:
        return ()
    now = house.clock.now()
    edge = _edge(now)
    minutes = (row for check in sorted(checks) for row in house.history.minutes(check, edge, now))
    return (*house.ledger.checkpoints(now - PERIOD, edge, checks), *minutes)


def put_back(watches: Mapping[str, CheckWatch], rows: Iterable[Row]) -> None:
    """Fills the windows of *watches* with what was kept of them; rows of other checks are left out."""
    for row in rows:
        watch = watches.get(row.check)
        if watch is None:
            continue
        middle = timedelta(seconds=30) if isinstance(row, MinuteRow) else timedelta(minutes=1)
        at = (row.minute if isinstance(row, MinuteRow) else row.hour) + middle
        for outcome, count in ((Outcome.OK, row.good), (Outcome.FAILED, row.bad), (Outcome.UNKNOWN, row.unknown)):
            if count:
                watch.window.add(at, outcome, count)


def _edge(now: datetime) -> datetime:
    return (now - MINUTES_RESTORED).replace(minute=0, second=0, microsecond=0)


def last_seen(house: House) -> datetime | None:
    """The last instant at which the loop is known to have turned; None at the very first start."""
    kept = house.ledger.meta(TIMELINE)
    return datetime.fromisoformat(json.loads(kept)["last"]) if kept else None


def remember_timeline(house: House, now: datetime) -> None:
    """What the next start continues the timeline from, and measures its absence by."""
    timeline = {"origin": house.clock.origin, "boot_id": house.clock.boot_id, "last": now.isoformat()}
    house.ledger.set_meta(TIMELINE, json.dumps(timeline))


def unproven(house: House) -> dict[str, datetime]:
    """Live incident -> since when proof of its recovery is wanting."""
    return {case.incident.id: case.unproven_since for case in house.casebook.live() if case.unproven_since}


def remember_unproven(house: House, since: Mapping[str, datetime]) -> None:
    """The next start goes on counting: a restart must not put off the question to the Incident Commander."""
    house.ledger.set_meta(UNPROVEN, json.dumps({incident: at.isoformat() for incident, at in since.items()}))

"""What a start finds: the incidents as the ledger left them, the detectors as the history left them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from monitor.core.incident import MINIMUM_GAP, State, gap_limit
from monitor.daemon.house import TIMELINE, House, case_from
from monitor.ledger.records import Commit


def resume(house: House) -> Iterator[Commit]:
    """
    Puts every service back in its place. Yields what the time away has changed: after a downtime beyond the gap limit,
    pending is clear and the clock of recovering is back at zero.
    """
    now, wall = house.clock.now(), house.clock.wall()
    for incident in house.ledger.places():
        case = case_from(house.ledger, incident.id) if incident.id else None
        house.casebook.restore(incident, case)
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


def last_seen(house: House) -> datetime | None:
    """The last instant at which the loop is known to have turned; None at the very first start."""
    kept = house.ledger.meta(TIMELINE)
    return datetime.fromisoformat(json.loads(kept)["last"]) if kept else None


def remember_timeline(house: House, now: datetime) -> None:
    """What the next start continues the timeline from, and measures its absence by."""
    timeline = {"origin": house.clock.origin, "boot_id": house.clock.boot_id, "last": now.isoformat()}
    house.ledger.set_meta(TIMELINE, json.dumps(timeline))

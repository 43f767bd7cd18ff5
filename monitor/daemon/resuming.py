"""What a start finds: the incidents as the ledger left them, the detectors as the history left them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime

from monitor.core.flapping import Flaps
from monitor.core.incident import MINIMUM_GAP, State, gap_limit
from monitor.daemon.house import House
from monitor.daemon.judge import ITSELF
from monitor.daemon.kept import FLAPS, TIMELINE, UNMET, UNPROVEN, VERSIONS, case_from
from monitor.daemon.past import maintained_of
from monitor.ledger.records import Commit, LedgerEvent
from monitor.ledger.rows import RESTORED
from monitor.response import maintenance, silences
from monitor.response.anomalies import DETECTED
from monitor.response.deploys import MARKED, deploys_of
from monitor.response.known_alerts import REMEMBERED
from monitor.response.parting import part


def resume(house: House) -> Iterator[Commit]:
    """
    Puts every service back in its place. Yields what the time away has changed: after a downtime beyond the gap limit,
    pending is clear and the clock of recovering is back at zero.
    """
    now, wall = house.clock.now(), house.clock.wall()
    yield from told_of_restore(house, now, wall)
    restore_watches(house, now)
    for incident in house.ledger.places():
        case = case_from(house.ledger, incident.id) if incident.id else None
        house.casebook.restore(incident, case)
    house.judge.maintenance.restore(house.ledger.events_named(*maintenance.NAMES))
    house.casebook.muting.restore(house.ledger.events_named(*silences.NAMES))
    told = house.ledger.events_named(MARKED, DETECTED)
    house.casebook.alerts.restore(house.ledger.alerts_heard_since(now - REMEMBERED), now)
    house.casebook.deploys.restore(deploys_of(told), wall)
    house.anomalies.restore(told)
    house.surveyor.versions.restore(json.loads(house.ledger.meta(VERSIONS) or "{}"))
    for name, known in flaps_of(house).items():
        house.casebook.remember_flaps(name, known, now)
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


def told_of_restore(house: House, now: datetime, wall: datetime) -> Iterator[Commit]:
    """Once, in the log and in the ledger: what came after the backup is not in it, and nobody may take it for quiet."""
    kept = house.ledger.meta(RESTORED)
    if not kept:
        return
    notice = json.loads(kept)
    text = (
        f"restored at {notice['restored_at']} from a backup made at {notice['made_at']}; "
        f"{notice['unsent']} effects that were not sent then are asked about before they are sent"
    )
    yield Commit(events=(LedgerEvent(name="ledger.restored", at=now, wall=wall, text=text, attributes=notice),))
    house.ledger.set_meta(RESTORED, "")  # after the event: said twice is better than never


def restore_watches(house: House, now: datetime) -> None:
    """Windows and detectors as they stood."""
    watches = {watch.check.id: watch for service in house.judge.watches.values() for watch in service.checks.values()}
    for name, left_out in maintained_of(house.ledger, house.history, watches.keys()):
        watches[name].maintained(left_out)
    maintained = [kept for watch in watches.values() for kept in watch.kept_of_maintenance()]
    house.budgets.restore([*watches.values(), *maintained, *house.objectives.kept()], now)
    states = house.history.detector_states()
    house.objectives.restore(states)
    house.judge.stir(house.surveyor.tracking.restore(states, house.config.services.values()))
    for name, state in states.items():
        if name in watches and isinstance(state, dict):
            watches[name].restore(state)


def last_seen(house: House) -> datetime | None:
    """The last instant at which the loop is known to have turned; None at the very first start."""
    kept = house.ledger.meta(TIMELINE)
    return datetime.fromisoformat(json.loads(kept)["last"]) if kept else None


def remember_timeline(house: House, now: datetime) -> None:
    """What the next start continues the timeline from, and measures its absence by."""
    timeline = {
        "origin": house.clock.origin,
        "boot_id": house.clock.boot_id,
        "last": now.isoformat(),
        "wall": house.clock.wall().isoformat(),
    }
    house.ledger.set_meta(TIMELINE, json.dumps(timeline))


def unproven(house: House) -> dict[str, datetime]:
    """Live incident -> since when proof of its recovery is wanting."""
    return {case.incident.id: case.unproven_since for case in house.casebook.live() if case.unproven_since}


def remember_unproven(house: House, since: Mapping[str, datetime]) -> None:
    """The next start goes on counting: a restart must not put off the question to the Incident Commander."""
    house.ledger.set_meta(UNPROVEN, json.dumps({incident: at.isoformat() for incident, at in since.items()}))


def unmet(house: House) -> dict[str, dict[str, datetime]]:
    """Live incident -> since when which recovery condition is not met."""
    return {case.incident.id: dict(case.unmet_since) for case in house.casebook.live() if case.unmet_since}


def remember_unmet(house: House, since: Mapping[str, Mapping[str, datetime]]) -> None:
    """The ticket of an incident that outlives us must not say that everything has been lacking since the start."""
    kept = {incident: {name: at.isoformat() for name, at in lacking.items()} for incident, lacking in since.items()}
    house.ledger.set_meta(UNMET, json.dumps(kept))


def flaps(house: House) -> dict[str, Flaps]:
    """Service -> when there was trouble with it, of those that have had any lately."""
    return {name: subject.flaps for name, subject in house.casebook.subjects.items() if subject.flaps.troubled}


def remember_flaps(house: House, known: Mapping[str, Flaps]) -> None:
    """In the ledger and not in the history, which may be lost: a service that flaps would then close too early."""
    kept = {name: [f.flapping, *(at.isoformat() for at in f.troubled)] for name, f in known.items()}
    house.ledger.set_meta(FLAPS, json.dumps(kept))


def flaps_of(house: House) -> dict[str, Flaps]:
    kept = json.loads(house.ledger.meta(FLAPS) or "{}")
    return {
        name: Flaps(tuple(datetime.fromisoformat(at) for at in troubled), flapping)
        for name, (flapping, *troubled) in kept.items()
    }

"""
What a scrape of /metrics is given: the last result of each check, the objectives, the scores of series, and ourselves.

In pieces of about a millisecond, because the loop turns between two of them: all of ten thousand checks at once would
hold it for a quarter of a second. Each check is shown as it was at one instant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from checks.result import CheckResult, Outcome
from monitor.core.incident import gap_limit
from monitor.daemon.house import House
from monitor.daemon.publishing import published
from monitor.response.watch import CheckWatch
from monitor.telemetry import names
from monitor.telemetry.blackbox import Probed, pieces, probed
from monitor.telemetry.exposition import PIECE, Dialect, by_metric, end, labels

OBJECTIVES_AT_ONCE = 50
"""As `PIECE`: what is published of one is reckoned first."""


def exposition(house: House, dialect: Dialect) -> Iterator[str]:
    """An empty piece says nothing, and is a turn all the same."""
    known: list[Probed] = []
    yield from _gather_checks(house, known)
    yield from pieces(known, dialect)
    objectives: list[tuple[str, Mapping[str, float]]] = []
    yield from _gather_objectives(house, objectives)
    yield from by_metric(names.OF_OBJECTIVES, objectives, dialect)
    yield from by_metric(names.OF_SERIES, _scores(house), dialect)
    service = names.SERVICE_PEER_NAME.replace(".", "_")
    muted = [(labels([(service, name)]), values) for name, values in muted_services(house)]
    yield from by_metric(names.OF_MUTING, muted, dialect)
    yield house.telemetry.exposed(dialect) + end(dialect)


def muted_services(house: House) -> list[tuple[str, Mapping[str, float]]]:
    """Of services that have a planned window or are silenced: of all others there is nothing to tell."""
    wall, windows, muting = house.clock.wall(), house.judge.maintenance, house.casebook.muting
    if not muting.active and not windows.services:
        return []
    muted_by = muting.of_services(wall)
    found: list[tuple[str, Mapping[str, float]]] = []
    for name in house.judge.watches:
        is_muted = bool(muted_by(name))
        if is_muted or name in windows.services:
            is_planned = windows.of(name, wall) is not None
            values = {names.SERVICE_MUTED.name: float(is_muted), names.SERVICE_MAINTENANCE.name: float(is_planned)}
            found.append((name, values))
    return found


def known_result(watch: CheckWatch, now: datetime) -> CheckResult | None:
    """Its last result, if that says something of its target now: none does for longer than until it is called blind."""
    last = watch.last
    if last is None or last.outcome is Outcome.UNKNOWN:
        return None
    is_of_former_target = watch.retargeted_at is not None and last.scheduled_at < watch.retargeted_at
    is_old = now - last.scheduled_at > gap_limit(watch.check.interval)
    return None if is_of_former_target or is_old else last


def _gather_checks(house: House, known: list[Probed]) -> Iterator[str]:
    now = house.clock.now()
    watches = [check for service in house.judge.watches.values() for check in service.checks.values()]
    for begin in range(0, len(watches), PIECE):
        known += [
            probed(watch.check, last)
            for watch in watches[begin : begin + PIECE]
            if (last := known_result(watch, now)) is not None
        ]
        yield ""


def _gather_objectives(house: House, found: list[tuple[str, Mapping[str, float]]]) -> Iterator[str]:
    # What sloth recorded has its metrics already, maybe with the very same labels.
    readings = [one.reading for one in house.objectives.all if one.slo.sli != "sloth" and one.reading is not None]
    for begin in range(0, len(readings), OBJECTIVES_AT_ONCE):
        for reading in readings[begin : begin + OBJECTIVES_AT_ONCE]:
            whose, values = published(reading)
            found.append((labels(whose.items()), values))
        yield ""


def _scores(house: House) -> list[tuple[str, Mapping[str, float]]]:
    service, series = (name.replace(".", "_") for name in names.ANOMALY_SCORE.attributes)
    return [
        (labels([(service, one.series.service), (series, one.series.name)]), {names.ANOMALY_SCORE.name: one.worst})
        for one in house.anomalies.fresh()
    ]

"""
What a postmortem asks of others: of Prometheus how many requests failed, of the ledger what happened before.

Called in threads that may wait, though not for ever. Nothing of it may keep the draft back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from time import monotonic
from typing import Final

import msgspec
from loguru import logger

from monitor.config import Config
from monitor.ledger.store import Ledger
from monitor.response.case import Case
from monitor.response.milestones import milestones
from monitor.response.postmortem import Gathered, similar_to
from monitor.sources.failed_requests import Requests, failed_requests
from monitor.sources.prometheus import Prometheus

PATIENCE: Final = 20.0
"""Seconds for the questions to Prometheus of one draft."""


def gathered(config: Config, ledger: Ledger, case: Case, now: datetime, wall: datetime) -> Gathered:
    try:
        return Gathered(
            _requests(config, ledger, case, now, wall),
            similar_to(case.incident, ledger.of_service(case.incident.service)),
        )
    except sqlite3.Error as error:
        logger.warning("the postmortem is drafted without its past, the ledger cannot be read: {}", error)
        return Gathered()


def _requests(config: Config, ledger: Ledger, case: Case, now: datetime, wall: datetime) -> tuple[Requests, ...]:
    """As they were counted first: a draft is written anew for months, and Prometheus forgets."""
    reached = milestones(case)
    began, ended = reached.began, reached.recovered or reached.resolved
    if config.sources.prometheus is None or began is None or ended is None:
        return ()
    key = f"requests {case.incident.id} {ended.isoformat()}"  # it may be reopened, and end once more
    if (kept := ledger.meta(key)) is not None:
        return msgspec.json.decode(kept, type=tuple[Requests, ...])
    ahead = wall - now
    found = tuple(_asked(config, config.sources.prometheus, case, began + ahead, ended + ahead))
    if found and all(one.is_final(wall) for one in found):
        ledger.set_meta(key, msgspec.json.encode(found).decode())
    return found


def _asked(config: Config, url: str, case: Case, began: datetime, ended: datetime) -> Iterator[Requests]:
    patient_until = monotonic() + PATIENCE
    with closing(Prometheus(url)) as prometheus:
        for name in case.services():
            service = config.services.get(name)
            if service is None or service.traffic is None:
                continue
            if monotonic() > patient_until:
                yield Requests(service=name, problem="not asked, Prometheus was too slow with the others")
                continue
            found = failed_requests(prometheus, name, service.traffic, began, ended)
            if found is not None:
                yield found

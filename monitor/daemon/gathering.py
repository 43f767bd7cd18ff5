"""
What a postmortem asks of others: of Prometheus how many requests failed, of the ledger what happened before.

Called in threads that may wait, though not for ever. Nothing of it may keep the draft back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from time import monotonic
from typing import Final

from loguru import logger

from monitor.config import Config
from monitor.core.incident import Incident
from monitor.ledger.store import Ledger
from monitor.response.case import Case
from monitor.response.milestones import milestones
from monitor.response.postmortem import Gathered, similar_to
from monitor.sources.failed_requests import Requests, failed_requests
from monitor.sources.prometheus import Prometheus

PATIENCE: Final = 20.0
"""Seconds for the questions to Prometheus of one draft."""


def gathered(config: Config, ledger: Ledger, case: Case, ahead: timedelta) -> Gathered:
    """Args: ahead: From our timeline to the wall clock."""
    return Gathered(tuple(_requests(config, case, ahead)), _similar(ledger, case))


def _requests(config: Config, case: Case, ahead: timedelta) -> Iterator[Requests]:
    reached, url = milestones(case), config.sources.prometheus
    began, ended = reached.began, reached.recovered or reached.resolved
    if url is None or began is None or ended is None:
        return
    prometheus, until = Prometheus(url), monotonic() + PATIENCE
    for name in case.services():
        service = config.services.get(name)
        if service is None or service.traffic is None:
            continue
        if monotonic() > until:
            yield Requests(service=name, problem="not asked, Prometheus was too slow with the others")
            continue
        found = failed_requests(prometheus, name, service.traffic, began + ahead, ended + ahead)
        if found is not None:
            yield found
    prometheus.close()


def _similar(ledger: Ledger, case: Case) -> tuple[Incident, ...]:
    try:
        return similar_to(case.incident, ledger.incidents())
    except sqlite3.Error as error:
        logger.warning("the postmortem names no earlier incidents, the ledger cannot be read: {}", error)
        return ()

"""Looking without touching: the daemon is asked, and when there is none the ledger is read and that is said."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.client import DaemonAway, client_of
from monitor.cli.output import Trouble

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.config import Config
    from monitor.core.severity_table import Table
    from monitor.ledger.reader import LedgerReader
    from monitor.web.documents import IncidentDocument
    from monitor.web.incident_documents import IncidentDetail
    from monitor.web.severity import IncidentSeverityDocument
    from monitor.web.silences import SilenceDocument
    from monitor.web.status_documents import StatusDocument


@dataclass(frozen=True, slots=True)
class Looked:
    """
    Attributes:
        source: Empty when the daemon answered; else a sentence on where this comes from.
    """

    document: dict[str, Any]
    source: str = ""

    def tell(self) -> None:
        if self.source:
            click.echo(self.source, err=True)


def look(context: click.Context, path: str, instead: Callable[[LedgerDesk], Any]) -> Looked:
    """
    The daemon's answer, or what *instead* makes of the ledger. The two have one shape.

    Raises:
        DaemonRefused: It answered and will not.
        Trouble: There is neither a daemon nor a ledger.
    """
    from monitor.cli.main import whereabouts_of

    where = whereabouts_of(context)
    try:
        return Looked(client_of(where).get(path))
    except DaemonAway as away:
        with _ledger(where.state, away) as reader:
            return Looked(instead(LedgerDesk(reader)), f"{away}. This is from the ledger in {where.state}:")


@contextmanager
def _ledger(state: Path, away: DaemonAway) -> Iterator[LedgerReader]:
    import sqlite3

    from monitor.ledger.database import LedgerAbsent, LedgerError
    from monitor.ledger.soundness import unreadable
    from monitor.ledger.store import Ledger

    try:
        reader = Ledger.open_read_only(state)
    except LedgerAbsent as error:
        raise Trouble(f"{away}\nand without it: {error}") from None
    except LedgerError as error:
        # One line: to start a daemon, as `away` advises, would not help.
        raise Trouble(str(error)) from None
    try:
        yield reader
    except sqlite3.DatabaseError as error:
        raise Trouble(str(unreadable(reader.path, error))) from None
    finally:
        reader.close()


class LedgerDesk:
    """The reading half of the daemon's desk, on a ledger that nobody is writing."""

    def __init__(self, reader: LedgerReader) -> None:
        self._reader = reader

    def incidents(self, state: str, limit: int) -> list[IncidentDocument]:
        from monitor.web.documents import STATES
        from monitor.web.incident_documents import incident_list, muted_by_of

        reader = self._reader
        return incident_list(
            reader.newest(STATES[state], limit),
            lambda incident: muted_by_of(incident, reader.events_of(incident.id)),
        )

    def silences(self, expired: bool) -> list[SilenceDocument]:
        """Newest first. *expired*: those that are over as well."""
        from datetime import UTC, datetime

        from monitor.response.silences import NAMES, silences_of
        from monitor.web.silences import silence_document

        now = datetime.now(UTC)
        known = silences_of(self._reader.events_named(*NAMES)).values()
        return [silence_document(silence, now) for silence in reversed(known) if expired or silence.is_active(now)]

    def incident(self, ref: str) -> IncidentDetail | None:
        from monitor.web.incident_documents import incident_detail

        found = self._reader.incident(ref)
        return incident_detail(found, self._reader) if found else None

    def severity(self, ref: str, table: Table) -> IncidentSeverityDocument | None:
        """As it came about; what is now, only the daemon knows."""
        from monitor.response.triage import because_of
        from monitor.web.severity import incident_severity

        found = self._reader.incident(ref)
        return None if found is None else incident_severity(found, because_of(self._reader.events(found.id)), table)

    def status(self, config: Config) -> StatusDocument:
        """What was last known. Of the checks nothing is: their results live in the daemon."""
        from datetime import UTC, datetime

        from monitor import __version__
        from monitor.core.incident import Incident
        from monitor.web.documents import timestamp
        from monitor.web.status_documents import check_document, service_document

        now = datetime.now(UTC)
        places = {place.service: place for place in self._reader.places()}
        live = {incident.service: incident for incident in self._reader.incidents(live_only=True)}
        services = []
        for name, service in config.services.items():
            document = service_document(
                places.get(name) or Incident(service=name, since=now),
                criticality=str(service.criticality),
                checks=[check_document(check, None, False) for check in service.checks],
                incident=live.get(name),
            )
            if name not in places:
                document["since"] = None  # it was never anything but clear
            services.append(document)
        return {
            "source": "ledger",
            "version": __version__,
            "environment": config.monitor.environment,
            "location": config.monitor.location,
            "now": timestamp(now),
            "ready": False,
            "missing": ["the daemon"],
            "services": services,
            "incidents": self.incidents("live", sys.maxsize),
        }

"""Reading the ledger: the same questions for the daemon that writes it and for a command that only looks."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from monitor.core.incident import Incident, State
from monitor.ledger import rows
from monitor.ledger.records import (
    AlertLink,
    Backlog,
    BudgetCheckpoint,
    BudgetPast,
    Effect,
    EffectState,
    LedgerEvent,
    MemberLink,
    TicketLink,
)

T = TypeVar("T")

_LIVE = (State.OPEN, State.RECOVERING)
_MOST = 2**63 - 1
"""The largest number that SQLite knows."""


class LedgerReader:
    """
    Safe to ask from any thread. Each answer is one snapshot: what was committed when the question was asked.

    Connections are lent, not shared: a slow reader never makes another one wait, and none waits for the writer (WAL).
    They are kept for the next question only beside our own writer; without one each question looks anew at which files
    there are, because a daemon may have been started in between.
    """

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection], *, keep: bool) -> None:
        self.path = path
        self._connect = connect
        self._keep = keep
        self._idle: list[sqlite3.Connection] = []

    def incidents(self, live_only: bool = False) -> tuple[Incident, ...]:
        """Incidents that have a number, oldest first; *live_only*: open or recovering."""
        where = f"id <> '' AND state IN ({_marks(_LIVE)})" if live_only else "id <> ''"
        return self._incidents(f"WHERE {where} ORDER BY number", _LIVE if live_only else ())

    def newest(self, states: Collection[State], limit: int) -> tuple[Incident, ...]:
        """The newest *limit* incidents in one of *states*, newest first."""
        where = f"WHERE id <> '' AND state IN ({_marks(list(states))}) ORDER BY number DESC LIMIT ?"
        return self._incidents(where, (*states, min(limit, _MOST)))

    def of_service(self, service: str) -> tuple[Incident, ...]:
        """All incidents that it had itself, oldest first."""
        return self._incidents("WHERE service = ? AND id <> '' ORDER BY number", (service,))

    def incident(self, id_or_number: str | int) -> Incident | None:
        """By ULID or by number; "7" and 7 are the same."""
        text = str(id_or_number)
        if text.isdigit() and len(text) < 19:
            found = self._incidents("WHERE number = ? AND id <> ''", (int(text),))
        else:
            found = self._incidents("WHERE id = ? AND id <> '' ORDER BY opened_at", (text,))
        return found[0] if found else None

    def highest_number(self) -> int:
        """Of all incidents; 0 before the first."""
        ((number,),) = self._all(tuple, "SELECT coalesce(max(number), 0) FROM incidents")
        return int(number)

    def places(self) -> tuple[Incident, ...]:
        """Where each service stands in the machine, one row per service: what a restart continues from."""
        return self._incidents(
            """WHERE id = (SELECT p.id FROM incidents p WHERE p.service = incidents.service
                           ORDER BY p.id <> '', p.number DESC, p.id DESC LIMIT 1) ORDER BY service"""
        )

    def events(self, incident: str = "", after: int = 0, limit: int = 1000) -> tuple[LedgerEvent, ...]:
        """In the order they were appended, those with a seq above *after*. Page on with the last one's seq."""
        where = "seq > ? AND incident = ?" if incident else "seq > ?"
        arguments: tuple[object, ...] = (after, incident, limit) if incident else (after, limit)
        return self._all(rows.event_of, f"{rows.SELECT_EVENTS} WHERE {where} ORDER BY seq LIMIT ?", arguments)

    def events_of(self, incident: str) -> list[LedgerEvent]:
        """All of them, however long it lasted, in the order they were appended."""
        found: list[LedgerEvent] = []
        while page := self.events(incident, after=found[-1].seq if found else 0):
            found += page
        return found

    def events_named(self, *names: str) -> tuple[LedgerEvent, ...]:
        """All of them, in the order they were appended. Looks through every event: for a start, and once a day."""
        return self._all(rows.event_of, f"{rows.SELECT_EVENTS} WHERE name IN ({_marks(names)}) ORDER BY seq", names)

    def effects(self, incident: str = "", states: Sequence[EffectState] = ()) -> tuple[Effect, ...]:
        """In the order they are to go out, per incident and outlet. No *states*: all of them."""
        conditions = ["incident = ?"] if incident else []
        if states:
            conditions.append(f"state IN ({_marks(states)})")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        arguments = ((incident,) if incident else ()) + tuple(states)
        return self._effects(f"{where} ORDER BY incident, outlet, position, rowid", arguments)

    def unfinished(self, outlet: str) -> tuple[Effect, ...]:
        """What this outlet has still to do: waiting, or sent with an unknown outcome."""
        # The states are written out because SQLite uses the partial index only when it can prove that it fits.
        return self._effects(
            "WHERE outlet = ? AND state IN ('waiting', 'sending') ORDER BY incident, position, rowid", (outlet,)
        )

    def standing(self, outlet: str) -> tuple[Effect, ...]:
        """The newest effect of each live incident that is announced at this outlet and not ended there."""
        return self._effects(
            """
            WHERE outlet = ?
              AND incident IN (SELECT id FROM incidents WHERE id <> '' AND state IN ('open', 'recovering'))
              AND position = (SELECT max(position) FROM effects newer
                              WHERE newer.incident = effects.incident AND newer.outlet = effects.outlet)
              AND kind <> 'close' AND (kind = 'update' OR state = 'confirmed')
            ORDER BY incident""",
            (outlet,),
        )

    def unfinished_closes(self) -> tuple[Effect, ...]:
        """Of all outlets."""
        return self._effects("WHERE kind = 'close' AND state IN ('waiting', 'sending') ORDER BY incident, outlet")

    def backlogs(self) -> tuple[Backlog, ...]:
        """Of each outlet that has not taken something, by name."""
        sql = """
            SELECT outlet, sum(state <> 'dead'), sum(state = 'dead'),
                   min(CASE WHEN state <> 'dead' THEN created_at END),
                   coalesce((SELECT old.detail FROM effects old
                             WHERE old.outlet = effects.outlet AND old.state IN ('waiting', 'sending')
                             ORDER BY old.created_at, old.rowid LIMIT 1), ''),
                   max(CASE WHEN state = 'dead' THEN created_at || char(31) || detail END)
            FROM effects WHERE state IN ('waiting', 'sending', 'dead') GROUP BY outlet ORDER BY outlet"""
        return self._all(rows.backlog_of, sql)

    def effect_counts(self) -> dict[tuple[str, EffectState], int]:
        """By outlet and state, of what is not confirmed and not superseded."""
        sql = """
            SELECT outlet, state, count(*) FROM effects
            WHERE state IN ('waiting', 'sending', 'dead') GROUP BY outlet, state"""
        return {(str(outlet), EffectState(state)): count for outlet, state, count in self._all(tuple, sql)}

    def members(self, incident: str) -> tuple[MemberLink, ...]:
        sql = rows.SELECT_MEMBERS + "WHERE incident = ? ORDER BY joined_at, service"
        return self._all(rows.member_of, sql, (incident,))

    def all_members(self) -> tuple[MemberLink, ...]:
        """Of every incident."""
        return self._all(rows.member_of, rows.SELECT_MEMBERS + "ORDER BY joined_at, service")

    def alerts(self, incident: str) -> tuple[AlertLink, ...]:
        sql = rows.SELECT_ALERTS + "WHERE incident = ? ORDER BY at, fingerprint"
        return self._all(rows.alert_of, sql, (incident,))

    def alerts_heard_since(self, since: datetime) -> tuple[AlertLink, ...]:
        """Of other systems, on whatever incident or none, as they were last told, the oldest first; firing ones all."""
        heard = "WHERE heard_at >= ? OR (heard_at IS NOT NULL AND firing) ORDER BY heard_at, firing, incident"
        return self._all(rows.alert_of, rows.SELECT_ALERTS + heard, (rows.to_text(since),))

    def tickets(self, incident: str) -> tuple[TicketLink, ...]:
        sql = rows.SELECT_TICKETS + "WHERE incident = ? ORDER BY outlet"
        return self._all(rows.ticket_of, sql, (incident,))

    def meta(self, key: str) -> str | None:
        found = self._all(tuple, "SELECT value FROM meta WHERE key = ?", (key,))
        return str(found[0][0]) if found else None

    def checkpoints(
        self, since: datetime, until: datetime, checks: AbstractSet[str] | None = None
    ) -> tuple[BudgetCheckpoint, ...]:
        """Of *checks* or of all, for hours that begin in [since, until), oldest first."""
        which = "" if checks is None else "AND check_name IN (SELECT value FROM json_each(?)) "
        sql = rows.SELECT_CHECKPOINTS + f"WHERE hour >= ? AND hour < ? {which}ORDER BY hour, check_name"
        named = () if checks is None else (json.dumps(sorted(checks)),)
        return self._all(rows.checkpoint_of, sql, (rows.to_text(since), rows.to_text(until), *named))

    def names_like(self, pattern: str) -> tuple[str, ...]:
        """Of what is counted by the hour: those that fit a pattern of LIKE."""
        sql = """SELECT check_name FROM budget_past WHERE check_name LIKE ?1
                 UNION SELECT check_name FROM budget_checkpoints WHERE check_name LIKE ?1"""
        return tuple(str(name) for (name,) in self._all(tuple, sql, (pattern,)))

    def pasts(self) -> tuple[BudgetPast, ...]:
        """Of all checks."""
        return self._all(rows.past_of, rows.SELECT_PASTS)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _incidents(self, rest: str, arguments: Sequence[object] = ()) -> tuple[Incident, ...]:
        return self._all(rows.incident_of, rows.SELECT_INCIDENTS + rest, arguments)

    def _effects(self, rest: str, arguments: Sequence[object] = ()) -> tuple[Effect, ...]:
        return self._all(rows.effect_of, rows.SELECT_EFFECTS + rest, arguments)

    def _all(self, make: Callable[[rows.Row], T], sql: str, arguments: Sequence[object] = ()) -> tuple[T, ...]:
        with self._borrowed() as connection:
            return tuple(make(row) for row in connection.execute(sql, tuple(arguments)))

    @contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if self._keep:
            self._idle.append(connection)
        else:
            connection.close()


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))

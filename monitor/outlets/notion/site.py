"""Where Notion is, who we are there, and a connection for each effect."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from monitor.config import Notion
from monitor.outlets.http import Connection
from monitor.outlets.notion.pace import Pace, PacedConnection
from monitor.outlets.notion.schema import Schema, Unfit
from monitor.outlets.notion.tickets import NotionTickets
from monitor.outlets.outlet import Delivery, DeliveryOutcome
from monitor.outlets.rest import Rest, Stopped, Talk, connection

VERSION: Final = "2026-03-11"
"""Of the API. Before it a block's place and the trash have other names; before 2025-09-03 there are no data sources."""
_KNOWN_FOR: Final = 600.0
"""Seconds after which the columns are read again: people rename them."""


class NotionSite:
    """
    Args:
        connect: One connection for the requests of one effect.
        now: Seconds of a clock that is never set.
        sleep: Waits as many seconds of that clock.
    """

    def __init__(
        self,
        notion: Notion,
        connect: Callable[[], Connection] = connection,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._notion = notion
        token = notion.token.get_secret_value()
        headers = {"Authorization": f"Bearer {token}", "Notion-Version": VERSION}
        pace = Pace(now, sleep)
        self._rest = Rest(
            notion.url, headers, _words, secrets=(token,), connect=lambda: PacedConnection(connect(), pace), now=now
        )
        self._now = now
        self._schema: Schema | None = None
        self._read_at = 0.0
        self.host = self._rest.host

    @contextmanager
    def open(self) -> Iterator[NotionTickets]:
        with self._rest.talk() as talk:
            schema = self._schema
            if schema is None or self._now() - self._read_at > _KNOWN_FOR:
                try:
                    schema = self._asked(talk)
                except Unfit as unfit:
                    # Nothing is lost by waiting, and what waits too long is told.
                    detail = f"{self.host}: the data source does not fit: {unfit}"
                    raise Stopped(Delivery(outcome=DeliveryOutcome.RETRY, detail=detail)) from None
                self._schema, self._read_at = schema, self._now()
            try:
                yield NotionTickets(talk, self._notion, schema)
            except Stopped as stopped:
                if stopped.status == 400:
                    self._schema = None  # a person may have renamed a column: the next effect tells which
                raise

    def _asked(self, talk: Talk) -> Schema:
        source = self._notion.data_source or self._source_of(talk, self._notion.database)
        us = str(talk.get("/v1/users/me")["id"])
        schema = Schema.of(_shared(talk, f"/v1/data_sources/{source}"), self._notion, us)
        if not schema.has_mark:
            # Told again it changes nothing.
            columns: dict[str, object] = {"properties": {self._notion.mark: {"rich_text": {}}}}
            talk.send("PATCH", f"/v1/data_sources/{source}", columns)
        return schema

    def _source_of(self, talk: Talk, database: str) -> str:
        found = _shared(talk, f"/v1/databases/{database}")["data_sources"]
        if len(found) != 1:
            names = ", ".join(f"{one['id']} ({one.get('name')})" for one in found) or "none"
            raise Unfit(
                f"the database has {len(found)} of them: set data_source instead of database, to one of {names}"
            )
        return str(found[0]["id"])


def _shared(talk: Talk, path: str) -> Any:
    """What a person has to share with the integration first; it is no reason to give up what waits for it."""
    try:
        return talk.get(path)
    except Stopped as stopped:
        if stopped.status not in (400, 404):
            raise
        remedy = "see that its id is right, and share it with the integration (Connections in its menu)"
        detail = f"{stopped.delivery.detail}: {remedy}"
        raise Stopped(replace(stopped.delivery, outcome=DeliveryOutcome.RETRY, detail=detail), stopped.status) from None


def _words(refusal: Any) -> str:
    """`{"object": "error", "code": ..., "message": ...}`"""
    return ": ".join(str(refusal[key]) for key in ("code", "message") if refusal.get(key))

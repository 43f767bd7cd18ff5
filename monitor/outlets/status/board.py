"""What has been published, as `status.json` holds it: the other files are made of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from monitor.outlets.markup.text import clean, one_line
from monitor.outlets.outlet import PublicNotice

GENERATOR: Final = "Watchkeeper"
OVER: Final = "resolved"
KEPT_FOR: Final = timedelta(days=90)
"""How long what is over is still shown; what is open is shown however old it is."""

_KEPT_TEXTS: Final = 100
_LONGEST_TITLE: Final = 200
_LONGEST_TEXT: Final = 5_000


class NotOurs(Exception):
    """The file was not made by this program, or not as it stands."""


@dataclass(frozen=True, slots=True)
class Text:
    """One that was published. *number*: among the texts of its incident; *at*: by the wall clock."""

    number: int
    at: datetime
    stage: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """
    An incident as the public knows it.

    Attributes:
        order: Of the effect that brought its newest text.
        texts: Newest first.
    """

    incident: str
    title: str
    services: tuple[str, ...]
    order: int
    texts: tuple[Text, ...]

    @property
    def is_over(self) -> bool:
        return self.texts[0].stage == OVER

    @property
    def began(self) -> datetime:
        return self.texts[-1].at

    def has(self, notice: PublicNotice) -> bool:
        """A ledger that was restored from a backup gives a number once more, but at another time."""
        newest = self.texts[0]
        return newest.number >= notice.number and newest.at >= notice.at


@dataclass(frozen=True, slots=True)
class Board:
    """Incidents, newest first: by their first text."""

    incidents: tuple[Shown, ...] = ()

    def of(self, incident: str) -> Shown | None:
        return next((one for one in self.incidents if one.incident == incident), None)

    @property
    def services(self) -> Mapping[str, str]:
        """Each that a text names -> the stage of its newest open incident, else OVER. Of others nothing is said."""
        stages: dict[str, str] = {}
        for one in self.incidents:
            for service in one.services:
                if stages.get(service, OVER) == OVER:
                    stages[service] = one.texts[0].stage
        return dict(sorted(stages.items()))

    def with_(self, incident: str, notice: PublicNotice, order: int) -> Board:
        text = Text(notice.number, notice.at.astimezone(UTC), notice.stage, clean(notice.text[:_LONGEST_TEXT]))
        if len(notice.text) > _LONGEST_TEXT:
            text = replace(text, text=text.text + "…")
        known = self.of(incident)
        shown = Shown(
            incident=incident,
            title=one_line(notice.title, _LONGEST_TITLE),
            services=tuple(one_line(name, _LONGEST_TITLE) for name in notice.services),
            order=order,
            texts=(text, *(known.texts if known else ()))[:_KEPT_TEXTS],
        )
        others = tuple(one for one in self.incidents if one.incident != incident)
        return Board(tuple(sorted((shown, *others), key=lambda one: one.began, reverse=True)))

    def kept(self, now: datetime, changed: str) -> Board:
        """Without what has been over for too long; with the one that was *changed*, whatever the clocks say."""
        return Board(
            tuple(
                one
                for one in self.incidents
                if not one.is_over or one.incident == changed or now - one.texts[0].at < KEPT_FOR
            )
        )


def to_json(board: Board, now: datetime) -> str:
    live = [one for one in board.incidents if not one.is_over]
    document = {
        "generator": GENERATOR,
        "updated_at": _iso(now),
        "status": "incident" if live else "operational",
        "services": [{"name": name, "status": stage} for name, stage in board.services.items()],
        "incidents": [_incident(one) for one in board.incidents],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def from_json(text: str) -> Board:
    """Raises NotOurs."""
    try:
        document = json.loads(text)
        if document["generator"] != GENERATOR:
            raise NotOurs("it was made by another program")
        return Board(tuple(_shown(one) for one in document["incidents"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotOurs(f"it is damaged ({type(error).__name__})") from None


def _incident(shown: Shown) -> dict[str, object]:
    return {
        "id": shown.incident,
        "title": shown.title,
        "status": shown.texts[0].stage,
        "services": list(shown.services),
        "began_at": _iso(shown.began),
        "order": shown.order,
        "updates": [
            {"number": one.number, "at": _iso(one.at), "status": one.stage, "text": one.text} for one in shown.texts
        ],
    }


def _shown(told: Mapping[str, Any]) -> Shown:
    texts = tuple(
        Text(int(one["number"]), datetime.fromisoformat(one["at"]), str(one["status"]), str(one["text"]))
        for one in told["updates"]
    )
    if not texts or any(one.at.tzinfo is None for one in texts):
        raise ValueError("an incident without a text")
    return Shown(
        incident=str(told["id"]),
        title=str(told["title"]),
        services=tuple(map(str, told["services"])),
        order=int(told["order"]),
        texts=texts,
    )


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

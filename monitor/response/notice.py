"""What the public was told of an incident, as its log has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monitor.ledger.records import LedgerEvent
from monitor.outlets.outlet import PublicNotice
from monitor.response.case import Case

DRAFTED: Final = "incident.public_drafted"
PUBLISHED: Final = "incident.published"


def notice_of(case: Case) -> PublicNotice | None:
    """What was published last; None before the first."""
    if (event := case.newest(PUBLISHED)) is None:
        return None
    told = event.attributes
    services: list[str] = told["services"]  # type: ignore[assignment]
    return PublicNotice(
        number=int(str(told["number"])), title=str(told["title"]), text=event.text, stage=str(told["stage"]),
        services=tuple(services), notify=bool(told["notify"]), at=event.wall,
    )  # fmt: skip


def published_stage(events: Sequence[LedgerEvent]) -> str:
    """Of what was published among *events*; empty when nothing was."""
    return next((str(event.attributes["stage"]) for event in reversed(events) if event.name == PUBLISHED), "")

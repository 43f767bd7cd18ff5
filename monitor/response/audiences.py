"""
Who is told of what: each outlet speaks to one audience, and the policy of the severity says which audiences a severity
has. Pure.

An incident is announced to an audience while its policy has it, and to the public with each text that was approved for
it. What was announced to an outlet is also ended there: else a page would stay open for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Final

from monitor.core.severity import Policy
from monitor.ledger.records import EffectKind


class Audience(StrEnum):
    RECORD = "record"  # trackers, and programs that are told of everything
    CHAT = "chat"
    PAGE = "page"  # who is woken
    STATUS = "status"  # the public


AUDIENCES: Final[Mapping[str, Audience]] = {
    "slack": Audience.CHAT,
    "pagerduty": Audience.PAGE,
    "alertmanager": Audience.PAGE,
    "apprise": Audience.PAGE,
    "statuspage": Audience.STATUS,
    "status": Audience.STATUS,
}
"""By the outlet's name. Any other keeps a record."""

HAS: Final[Mapping[Audience, Callable[[Policy], bool]]] = {
    Audience.RECORD: lambda _: True,
    Audience.CHAT: lambda policy: policy.chat,
    Audience.PAGE: lambda policy: policy.page,
}
"""Whether a severity of that policy has the audience; the public has what is approved for it."""

PAGED: Final = frozenset(
    {"incident.acknowledged", "incident.escalated", "incident.severity_changed", "incident.unmuted"}
)
"""The news of an open incident that concern who was woken. Nobody is woken by a note, or by the clock of updates."""


def kind_for(
    audience: Audience,
    asked: EffectKind,
    last: EffectKind | None,
    names: Collection[str],
    policy: Policy,
    *,
    live: bool,
    muted: bool,
    published: str = "",
) -> EffectKind | None:
    """
    What an outlet is to do about the news of one commit; None: it is not told.

    Args:
        asked: The strongest of what the events ask for.
        last: What it was told to do before in this incident; None before the first.
        names: Of the events.
        live: Whether the incident is open or recovering.
        muted: Nobody of this audience is told of anything new.
        published: The stage of the text for the public that was approved; empty when none was.
    """
    if audience is Audience.STATUS:
        return _public(last, published)
    is_open_there = last is not None and last is not EffectKind.CLOSE
    if asked is EffectKind.CLOSE:
        keeps_all = audience is Audience.RECORD and not muted
        return asked if is_open_there or keeps_all else None
    if muted:
        return None
    has = HAS[audience](policy)
    if audience is Audience.RECORD or (has and live):
        return _announced(asked, last, live=live) if not is_open_there else _news(audience, asked, names)
    if audience is Audience.PAGE:
        # Lowered to where nobody is woken: whoever was may sleep.
        return EffectKind.CLOSE if is_open_there and live else None
    # A thread is followed to its end and beyond, where a meeting and its action items are told; none is begun there.
    return asked if is_open_there or (last is not None and not live) else None


def _public(last: EffectKind | None, published: str) -> EffectKind | None:
    """The public hears of approved texts and of nothing else. Whoever approved one wants it told, silence or not."""
    if not published:
        return None
    if last is None:
        return EffectKind.CREATE
    if published == "resolved":
        return EffectKind.CLOSE
    return EffectKind.REOPEN if last is EffectKind.CLOSE else EffectKind.UPDATE


def _announced(asked: EffectKind, last: EffectKind | None, *, live: bool) -> EffectKind:
    """Not told of it yet, as when the outlet is new, or told that it is over."""
    if last is None:
        return EffectKind.CREATE
    return EffectKind.REOPEN if live else asked


def _news(audience: Audience, asked: EffectKind, names: Collection[str]) -> EffectKind | None:
    return asked if audience is not Audience.PAGE or asked is not EffectKind.UPDATE or PAGED & set(names) else None

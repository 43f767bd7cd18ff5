"""Panels of Grafana: as an image where its renderer is there, and as a link with absolute times in any case."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

from monitor.config import Source
from monitor.sources.fetching import Answered, fetch
from monitor.sources.prometheus import SourceAway

WIDTH: Final = 800
HEIGHT: Final = 320
MOST_IMAGE: Final = 2_000_000
_PNG: Final = b"\x89PNG\r\n\x1a\n"


def panel_link(grafana: Source, panel: str, start: datetime, end: datetime) -> str:
    """*panel*: `UID/NUMBER`. The times are absolute: tomorrow the link shows the same."""
    uid, _, number = panel.partition("/")
    query = urlencode({"viewPanel": number, "from": _milliseconds(start), "to": _milliseconds(end)})
    return f"{grafana.url.rstrip('/')}/d/{quote(uid, safe='')}?{query}"


def panel_image(grafana: Source, panel: str, start: datetime, end: datetime, until: float) -> bytes:
    """
    A PNG.

    Raises:
        SourceAway: There is none: Grafana is away, has no such panel, or no image renderer, which is a plugin.
    """
    uid, _, number = panel.partition("/")
    parameters = {
        "panelId": number,
        "from": str(_milliseconds(start)),
        "to": str(_milliseconds(end)),
        "width": str(WIDTH),
        "height": str(HEIGHT),
        "tz": "UTC",
    }
    try:
        reply = fetch(grafana, f"/render/d-solo/{quote(uid, safe='')}/_", parameters, until, most=MOST_IMAGE)
    except Answered as answer:
        if answer.status in (404, 500, 501, 503):
            raise SourceAway(f"{answer} (is its image renderer installed?)") from None
        raise
    if not reply.body.startswith(_PNG):
        raise SourceAway("answered with something that is no PNG (is its image renderer installed?)")
    return reply.body


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)

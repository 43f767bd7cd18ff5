"""Values of `sources` that name what is looked up: a log query, a panel."""

from __future__ import annotations

import re
from typing import Final

from monitor.config.problems import Wrong
from monitor.config.values import line, meant

PLACES: Final = ("trace_id", "service")
_PLACE: Final = re.compile(r"(?<!\{)\{([A-Za-z_]\w*)\}")
"""A word alone in braces: LogQL has none of that form, but for `{{name}}` in its own templates."""
_PANEL: Final = re.compile(r"[A-Za-z0-9_-]{1,40}/[1-9][0-9]{0,8}")


def log_query(value: object) -> str:
    found = line(value)
    for name in _PLACE.findall(found):
        if name not in PLACES:
            raise Wrong(f"{{{name}}} is nothing that is filled in", meant(name, list(PLACES)))
    return found


def panel(value: object) -> str:
    found = line(value)
    if not _PANEL.fullmatch(found):
        fix = "Write UID/NUMBER, both from the panel's address: /d/UID/NAME?viewPanel=NUMBER."
        raise Wrong("{value} names no panel", fix)
    return found

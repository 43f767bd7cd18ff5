"""
Webhooks of Alertmanager (version 4) and of Grafana's alerting: JSON to a `Notification`, or an `HttpProblem` that names
what is wrong, whatever came in. Keys that we do not know are let pass: both add some with each release.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from monitor.core.alerts import Alert, Notification
from monitor.web.bodies import kind_of
from monitor.web.problems import FieldProblem, HttpProblem

NAME_LIMIT: Final = 200
"""Characters of a label's or an annotation's name, and of a label's value."""
TEXT_LIMIT: Final = 2000
"""Characters of an annotation, and of an address."""
TEXTS: Final = 64
"""Labels of one alert, and annotations."""
_PROBLEMS_SHOWN: Final = 10
_ODD: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NOT_IN_ADDRESS: Final = re.compile(r'[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff<>"]')
_ALERTMANAGER_LINKS: Final = {"generatorURL": "generator"}
_GRAFANA_LINKS: Final = {
    "generatorURL": "generator",
    "dashboardURL": "dashboard",
    "panelURL": "panel",
    "silenceURL": "silence",
    "imageURL": "image",
}


def alertmanager(body: Mapping[str, object]) -> Notification:
    if body.get("version") != "4":
        raise HttpProblem(400, 'version is not "4", the only one of Alertmanager\'s webhook that is known here')
    return _notification("alertmanager", body, _ALERTMANAGER_LINKS)


def grafana(body: Mapping[str, object]) -> Notification:
    if body.get("version") != "1":
        raise HttpProblem(400, 'version is not "1", the only one of Grafana\'s webhook that is known here')
    return _notification("grafana", body, _GRAFANA_LINKS)


READERS: Final[Mapping[str, Callable[[Mapping[str, object]], Notification]]] = {
    "alertmanager": alertmanager,
    "grafana": grafana,
}


def _notification(source: str, body: Mapping[str, object], links: Mapping[str, str]) -> Notification:
    reading = _Reading()
    status = reading.word(body, "", "status", ("firing", "resolved"))
    for name in ("groupLabels", "commonLabels", "commonAnnotations"):
        reading.texts(body, "", name, required=False)
    left_out = body.get("truncatedAlerts", 0)
    if isinstance(left_out, bool) or not isinstance(left_out, int) or left_out < 0:
        reading.tell("truncatedAlerts", left_out, "a number of alerts")
        left_out = 0
    told = body.get("alerts")
    if not isinstance(told, list):
        reading.tell("alerts", told, "a list of alerts")
        told = []
    alerts = tuple(_alert(source, item, f"alerts[{n}]", links, status, reading) for n, item in enumerate(told))
    reading.finish()
    return Notification(source=source, alerts=tuple(alert for alert in alerts if alert is not None), left_out=left_out)


def _alert(
    source: str, item: object, place: str, links: Mapping[str, str], status: str, reading: _Reading
) -> Alert | None:
    if not isinstance(item, dict):
        reading.tell(place, item, "an object")
        return None
    firing = reading.word(item, place, "status", ("firing", "resolved"), status) == "firing"
    starts_at = reading.instant(item, place, "startsAt")
    ends_at = reading.instant(item, place, "endsAt", required=False)
    labels = reading.texts(item, place, "labels")
    annotations = reading.texts(item, place, "annotations", required=False, limit=TEXT_LIMIT)
    if (values := item.get("valueString")) and isinstance(values, str):
        annotations.setdefault("values", plain(values, TEXT_LIMIT))
    fingerprint = item.get("fingerprint")
    if not isinstance(fingerprint, str) or not 0 < len(fingerprint) <= NAME_LIMIT or not fingerprint.isprintable():
        reading.tell(f"{place}.fingerprint", fingerprint, f"text of 1 to {NAME_LIMIT} characters")
        fingerprint = ""
    found = {called: _address(item.get(key)) for key, called in links.items()}
    return Alert(
        source=source,
        fingerprint=fingerprint,
        firing=firing,
        starts_at=starts_at or datetime.min.replace(tzinfo=UTC),
        ends_at=ends_at,
        labels=labels,
        annotations=annotations,
        links={called: address for called, address in found.items() if address},
    )


class _Reading:
    """Collects what is wrong, each with its place, so that one answer names all of it."""

    def __init__(self) -> None:
        self._problems: list[FieldProblem] = []

    def tell(self, place: str, found: object, wanted: str) -> None:
        self._problems.append(FieldProblem(place, "nothing" if found is None else kind_of(found), wanted))

    def word(
        self, item: Mapping[str, object], place: str, key: str, choices: tuple[str, ...], default: str = ""
    ) -> str:
        value = item.get(key, default or None)
        if isinstance(value, str) and value in choices:
            return value
        self.tell(_under(place, key), value, " or ".join(choices))
        return choices[0]

    def instant(self, item: Mapping[str, object], place: str, key: str, *, required: bool = True) -> datetime | None:
        """UTC; None for one that is not told, which both say as the year 1."""
        value = item.get(key)
        if value is None and not required:
            return None
        at = None
        if isinstance(value, str) and len(value) < 50:
            try:
                at = datetime.fromisoformat(value)
                at = at.astimezone(UTC) if at.tzinfo else None
            except (ValueError, OverflowError):
                at = None
        if at is None or (required and at.year == 1):
            self.tell(_under(place, key), value, "an instant with its zone, like 2026-03-01T12:00:00Z")
            return None
        return None if at.year == 1 else at

    def texts(
        self, item: Mapping[str, object], place: str, key: str, *, required: bool = True, limit: int = NAME_LIMIT
    ) -> dict[str, str]:
        """An object of texts. What is too long is cut: people read it, and nobody could make it shorter there."""
        value = item.get(key)
        if value is None and not required:
            return {}
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            self.tell(_under(place, key), value, "an object of texts")
            return {}
        return {plain(name, NAME_LIMIT): plain(text, limit) for name, text in list(value.items())[:TEXTS]}

    def finish(self) -> None:
        if not self._problems:
            return
        shown = self._problems[:_PROBLEMS_SHOWN]
        count = len(self._problems)
        more = f" and {count - len(shown)} more" if count > len(shown) else ""
        named = ", ".join(problem.field for problem in shown)
        raise HttpProblem(422, f"{count} problem{'s' * (count > 1)} in the body: {named}{more}", errors=shown)


def plain(text: str, limit: int) -> str:
    """
    Without what no terminal and no ticket can show. An alert is not refused for it: whoever wrote the rule could not
    be told, and nobody would learn of the alert.
    """
    kept = _ODD.sub("\N{REPLACEMENT CHARACTER}", text[: limit + 1])
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def _address(value: object) -> str:
    """Of the web, whole, or none: a link that is cut or runs a script helps nobody."""
    if not isinstance(value, str) or len(value) > TEXT_LIMIT or not value.startswith(("http://", "https://")):
        return ""
    return "" if _NOT_IN_ADDRESS.search(value) else value


def _under(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key

"""
Alertmanager's POST /api/v2/alerts: an alert for each set of labels. Of two tellings the later one wins, but a firing
one never brings the end nearer (types.Alert.Merge of prometheus/alertmanager).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from faults import Asked, Peer


@dataclass
class Alert:
    """
    Attributes:
        fired: How often it began to.
        over: Somebody said that it is.
    """

    ends_at: datetime
    fired: int = 0
    over: bool = True
    annotations: dict[str, str] = field(default_factory=dict)


@dataclass
class FakeAlertmanager(Peer):
    """
    Attributes:
        wall: Its clock, seconds since the Unix epoch.
        alerts: By their labels.
    """

    wall: Callable[[], float] = lambda: 0.0
    alerts: dict[tuple[tuple[str, str], ...], Alert] = field(default_factory=dict)

    def obey(self, asked: Asked) -> tuple[int, object]:
        assert (asked.method, asked.path) == ("POST", "/api/v2/alerts")
        body: Any = asked.body
        for told in body:
            starts, ends = (datetime.fromisoformat(told[key]) for key in ("startsAt", "endsAt"))
            if ends < starts:
                return 400, "start time must be before end time"
            self._take(told, ends)
        return 200, None

    def _take(self, told: Any, ends: datetime) -> None:
        now = datetime.fromtimestamp(self.wall(), UTC)
        labels = tuple(sorted(told["labels"].items()))
        alert = self.alerts.setdefault(labels, Alert(ends_at=now))
        fires = ends > now
        if fires and (alert.over or alert.ends_at <= now):
            alert.fired += 1
        alert.ends_at = max(ends, alert.ends_at) if fires and not alert.over else ends
        alert.over, alert.annotations = not fires, told["annotations"]

    def of(self, incident: str) -> dict[str, Alert]:
        """By the label severity, those that ever fired."""
        mine = [(dict(labels), alert) for labels, alert in self.alerts.items()]
        return {
            labels["severity"]: alert
            for labels, alert in mine
            if labels["watchkeeper_incident"] == incident and alert.fired
        }

"""When people can meet, as the configuration says it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.config import load
from monitor.core.maintenance import Weekly
from monitor.core.meeting import WorkingHours
from monitor.daemon.wiring import rules_of


def hours(tmp_path: Path, incidents: str, monitor: str = "{}") -> WorkingHours:
    path = tmp_path / "config.yaml"
    path.write_text(f"monitor: {monitor}\n{incidents}\nservices: {{shop: {{checks: {{live: 'http://localhost/'}}}}}}\n")
    return rules_of(load([path], {})).meetings


def test_left_out_it_is_the_usual_week_of_the_monitors_zone(tmp_path):
    assert hours(tmp_path, "", "{time_zone: Europe/Berlin}") == WorkingHours(
        weekly=Weekly(frozenset(range(5)), 540, 1020), zone=ZoneInfo("Europe/Berlin"), length=timedelta(hours=1)
    )


def test_what_is_written_takes_its_place(tmp_path):
    written = 'incidents: {meeting: {weekly: "Mon,Thu 10:00-12:00", length: 45m, holidays: [2026-12-24]}}'

    assert hours(tmp_path, written) == WorkingHours(
        weekly=Weekly(frozenset({0, 3}), 600, 720),
        holidays=(date(2026, 12, 24),),
        length=timedelta(minutes=45),
    )

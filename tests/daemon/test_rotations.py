"""The calendars of the contacts, read again and again: the last good one stays, over a restart too; trouble is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from loguru import logger

from monitor.config import Config, load
from monitor.core.rotation import Shift, on_call
from monitor.daemon.rotations import KEPT, Rotations
from monitor.response.duty import Rota
from monitor.sources.rotas import Place, Unread

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WEEK = Shift(NOON - timedelta(days=3), NOON + timedelta(days=4), "Ada")
URL = "https://calendar.example/s3cr3t.ics"
CONFIG = """
services: {{shop: {{checks: {{live: "http://shop.test/"}}}}}}
contacts:
  incident_commander: {{primary: SRE, backup: EM, rotation: {{url: "{url}"}}}}
  scribe: {{primary: SRE secondary, rotation: {{url: "{url}"}}, backup_rotation: {{file: rota.ics}}}}
"""


class Calendars:
    """What is in them, or why they cannot be read."""

    def __init__(self) -> None:
        self.at: dict[str, tuple[Shift, ...] | str] = {}
        self.asked: list[str] = []

    def read(self, place: Place, zone: str, _wall: datetime) -> tuple[Shift, ...]:
        name = place.url or Path(place.file).name
        self.asked.append(f"{name} {zone}")
        found = self.at[name]
        if isinstance(found, str):
            raise Unread(found)
        return found


@pytest.fixture
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), level="INFO")
    yield lines
    logger.remove(sink)


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], Config]:
    def read(url: str = URL) -> Config:
        (tmp_path / "state").mkdir(exist_ok=True)
        (tmp_path / "rota.ics").touch()
        (tmp_path / "config.yaml").write_text(CONFIG.format(url=url))
        return load([tmp_path / "config.yaml"], {})

    return read


@pytest.fixture
def calendars() -> Calendars:
    made = Calendars()
    made.at = {URL: (WEEK,), "rota.ics": (Shift(WEEK.start, WEEK.end, "Lin"),)}
    return made


def who(rotations: Rotations, role: str = "incident_commander", which: str = "primary") -> str:
    rota: Rota = getattr(rotations.duties()[role], which)
    return on_call(rota.shifts, NOON)


def test_each_calendar_is_read_once_for_all_who_share_it(config: Callable[[], Config], calendars: Calendars) -> None:
    rotations = Rotations(config(), lambda: NOON, calendars.read)
    rotations.turn()
    assert calendars.asked == [f"{URL} UTC", "rota.ics UTC"]
    assert [who(rotations), who(rotations, "scribe"), who(rotations, "scribe", "backup")] == ["Ada", "Ada", "Lin"]


def test_what_was_read_last_stays_and_the_trouble_is_said_once(
    config: Callable[[], Config], calendars: Calendars, said: list[str]
) -> None:
    rotations = Rotations(config(), lambda: NOON, calendars.read)
    rotations.turn()
    calendars.at[URL] = "its server answered 503"
    calendars.at["rota.ics"] = "no such file or directory"
    rotations.turn()
    rotations.turn()
    assert who(rotations) == "Ada"
    assert rotations.duties()["incident_commander"].primary == Rota((WEEK,), NOON, "its server answered 503")
    calendars.at[URL] = (Shift(WEEK.start, WEEK.end, "Grace"),)
    rotations.turn()
    assert who(rotations) == "Grace"
    both = "contacts.incident_commander.rotation, contacts.scribe.rotation"
    assert said == [
        f"{both}: cannot be read: its server answered 503; what was read at 2026-03-01 12:00:00 UTC is used",
        "contacts.scribe.backup_rotation: cannot be read: no such file or directory; "
        "what was read at 2026-03-01 12:00:00 UTC is used",
        f"{both}: can be read again",
    ]


def test_a_restart_knows_it_before_it_has_asked_anybody(
    config: Callable[[], Config], calendars: Calendars, tmp_path: Path
) -> None:
    Rotations(config(), lambda: NOON, calendars.read).turn()
    calendars.at = {URL: "its server answered 503", "rota.ics": "no such file or directory"}

    again = Rotations(config(), lambda: NOON + timedelta(hours=1), calendars.read)
    assert who(again) == "Ada"
    again.turn()
    assert again.duties()["incident_commander"].primary == Rota((WEEK,), NOON, "its server answered 503")
    assert URL not in (tmp_path / "state" / KEPT).read_text()


def test_what_was_kept_of_another_calendar_is_nobodys_duty(config: Callable[..., Config], calendars: Calendars) -> None:
    rotations = Rotations(config(), lambda: NOON, calendars.read)
    rotations.turn()
    moved = "https://calendar.example/other.ics"
    assert who(Rotations(config(moved), lambda: NOON, calendars.read)) == ""

    calendars.at[moved] = (Shift(WEEK.start, WEEK.end, "Alan"),)
    rotations.stop()  # its thread: here is one already
    rotations.replace(config(moved))
    assert who(rotations) == ""
    rotations.turn()
    assert who(rotations) == "Alan"


def test_a_copy_that_is_damaged_is_made_anew(
    config: Callable[[], Config], calendars: Calendars, tmp_path: Path, said: list[str]
) -> None:
    made = config()
    (tmp_path / "state" / KEPT).write_text('{"x": {"shifts": 7}}')
    rotations = Rotations(made, lambda: NOON, calendars.read)
    assert who(rotations) == ""
    rotations.turn()
    assert who(Rotations(made, lambda: NOON, calendars.read)) == "Ada"
    assert said[0].endswith("rotations.json cannot be read and is made anew: TypeError")

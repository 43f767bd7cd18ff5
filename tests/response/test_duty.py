"""Whoever is on call has the role, and the timeline says by what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.core.rotation import Shift
from monitor.response.duty import Duty, Rota, with_duties
from monitor.response.triage import Role

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)  # when the evening of conftest begins
READ = T0 - timedelta(hours=3)
COMMANDER = Role("incident_commander", "SRE on-call", "Engineering Manager")
DATABASE = Role("database", "DBRE on-call", "")


def rota(who: str = "Ada", trouble: str = "", *, ended: bool = False) -> Rota:
    end = T0 - timedelta(hours=1) if ended else T0 + timedelta(days=1)
    return Rota((Shift(T0 - timedelta(days=1), end, who),), READ, trouble)


@pytest.fixture
def night(begin):
    contacts = {"incident_commander": COMMANDER, "database": DATABASE}
    return begin(
        roles=(COMMANDER,), contacts=contacts, needs={"payments": {"live": "database"}}, services=("payments",),
        depends_on={},
    )  # fmt: skip


def assigned(night) -> list[str]:
    events = [event for commit in night.commits for event in commit.events]
    return [event.text for event in events if event.name == "incident.role_assigned"]


@pytest.mark.parametrize(
    ("duty", "wanted"),
    [
        (Duty(), "SRE on-call (backup: Engineering Manager)"),
        (Duty(primary=rota()), "Ada (backup: Engineering Manager), by the rotation"),
        (Duty(backup=rota("Lin")), "SRE on-call (backup: Lin), backup by the rotation"),
        (Duty(rota(), rota("Lin")), "Ada (backup: Lin), by the rotation, backup by the rotation"),
        (Duty(rota(), rota("Ada")), "Ada, by the rotation, backup by the rotation"),
        (
            Duty(primary=rota(ended=True)),
            "SRE on-call (backup: Engineering Manager), by name, as nobody is in the rotation",
        ),
        (
            Duty(primary=rota(trouble="its server answered 503")),
            "Ada (backup: Engineering Manager), by the rotation as of 2026-03-01 09:00:00 UTC, which cannot be read "
            "since: its server answered 503",
        ),
        (
            Duty(primary=Rota(trouble="no such file or directory")),
            "SRE on-call (backup: Engineering Manager), by name, as the rotation cannot be read: no such file or "
            "directory",
        ),
        (
            Duty(primary=Rota()),
            "SRE on-call (backup: Engineering Manager), by name, as the rotation cannot be read: it was not read yet",
        ),
    ],
)
def test_an_opening_says_who_it_is_and_by_what(night, duty: Duty, wanted: str) -> None:
    night.book.duties = lambda: {"incident_commander": duty}
    night.play(payments="FFFF")
    assert assigned(night)[0] == f"Incident commander: {wanted}"


def test_a_contact_that_joins_is_whoever_is_on_call_then(night) -> None:
    night.book.duties = lambda: {"database": Duty(primary=rota("Edsger"))}
    night.play(payments="FFFF")
    assert assigned(night) == [
        "Incident commander: SRE on-call (backup: Engineering Manager)",
        "Database: Edsger, by the rotation, because payments/live is failing",
    ]


def test_the_end_of_a_shift_takes_nobody_out_of_an_incident(night) -> None:
    """Who has the role hands it over; nobody is replaced while they work."""
    night.book.duties = lambda: {"incident_commander": Duty(primary=rota())}
    night.play(payments="FFFF")
    night.book.duties = lambda: {"incident_commander": Duty(primary=rota("Lin"))}
    night.play(payments="FFFF")
    [case] = night.book.cases.values()
    assert case.roles["incident_commander"].holder == "Ada"
    escalated = next(e for commit in night.commits for e in commit.events if e.name == "incident.escalated")
    assert "Engineering Manager" in escalated.text


def test_without_rotations_the_rules_are_what_they_were(night) -> None:
    assert with_duties(night.book.rules, {}, T0) is night.book.rules

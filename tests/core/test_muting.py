"""Who is not told, and by what: silences by service, by check and by tag, and incidents of several services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.config.moments import weekly
from monitor.core.maintenance import InMaintenance, MaintenanceWindow
from monitor.core.muting import Member, Silence, incident_muted_by, muted_by

T0 = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
WINDOW = MaintenanceWindow(text="Wed 02:00-04:00", when=weekly("Wed 02:00-04:00")[1], zone=ZoneInfo("UTC"))
INSIDE = InMaintenance(WINDOW, T0 + HOUR, counts=False)


def silence(subject: str, number: int = 1, **more: object) -> Silence:
    given = {"author": "grace", "comment": "known", "since": T0, "until": T0 + HOUR, **more}
    return Silence(number=number, subject=subject, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("at", "is_active"),
    [
        (T0, True),
        (T0 + HOUR - SECOND, True),
        (T0 + HOUR, False),
        (T0 - 2 * HOUR, True),  # the wall clock was stepped back: what was said holds
    ],
)
def test_a_silence_ends_at_its_very_instant(at: datetime, is_active: bool) -> None:
    assert silence("shop").is_active(at) is is_active


def test_what_a_person_ended_is_over() -> None:
    ended = silence("shop", expired_by="ada", expired_at=T0 + SECOND)

    assert not ended.is_active(T0)
    assert ended.ends_at == T0 + SECOND


SHOP = Member("shop", frozenset({"live"}))


@pytest.mark.parametrize(
    ("subjects", "member", "is_muted"),
    [
        ([], SHOP, False),
        (["shop"], SHOP, True),
        (["shop"], Member("shop"), True),
        (["shop"], Member("shop", frozenset({"live"}), beyond=True), True),
        (["other"], SHOP, False),
        (["sho"], SHOP, False),
        (["tag:backend"], SHOP, True),
        (["tag:back"], SHOP, False),
        (["backend"], SHOP, False),
        (["shop/live"], SHOP, True),
        (["shop/liv"], SHOP, False),
        (["other/live"], SHOP, False),
        # Another check, or something that is no check, is wrong as well: people must hear of that.
        (["shop/live"], Member("shop", frozenset({"live", "ready"})), False),
        (["shop/live", "shop/ready"], Member("shop", frozenset({"live", "ready"})), True),
        (["shop/live"], Member("shop", frozenset({"live"}), beyond=True), False),
        (["shop/live"], Member("shop"), False),
    ],
)
def test_what_a_silence_covers(subjects: list[str], member: Member, is_muted: bool) -> None:
    silences = [silence(subject, number) for number, subject in enumerate(subjects, 1)]

    assert bool(muted_by(member, silences, ("backend",), None)) is is_muted


def test_the_reason_names_who_why_and_until_when() -> None:
    assert muted_by(SHOP, [silence("shop")], (), None) == "silence 1 of grace until 2026-11-25 04:00 UTC: known"
    assert muted_by(SHOP, [silence("shop")], (), INSIDE) == "maintenance Wed 02:00-04:00 UTC until 2026-11-25 04:00 UTC"


def test_an_incident_is_muted_while_each_of_its_services_is() -> None:
    both = [SHOP, Member("billing", frozenset({"live"}))]
    tags = {"shop": ("backend",), "billing": ("backend",)}

    def muted(*silences: Silence, maintained: str = "") -> str:
        return incident_muted_by(both, silences, tags, lambda name: INSIDE if name == maintained else None)

    assert muted(silence("shop")) == ""
    assert muted(silence("tag:backend")) == "silence 1 of grace until 2026-11-25 04:00 UTC: known"
    assert muted(silence("shop"), maintained="billing") == (
        "silence 1 of grace until 2026-11-25 04:00 UTC: known; "
        "maintenance Wed 02:00-04:00 UTC until 2026-11-25 04:00 UTC"
    )
    assert incident_muted_by([], [silence("shop")], {}, lambda _: None) == ""

"""One incident for one problem: parents that explain, and storms."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.grouping import Opening, Storm, parent_of, storm

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHOP = {"web": ["orders", "search"], "orders": ["payments"], "payments": ["database"], "search": ["collector"]}


def failing(*names: str) -> dict[str, bool]:
    return {name: name in names for name in ("web", "orders", "search", "payments", "database", "collector")}


@pytest.mark.parametrize(
    ("service", "down", "parent"),
    [
        ("orders", ["orders"], None),  # nobody else fails
        ("orders", ["orders", "payments"], "payments"),
        ("orders", ["orders", "payments", "database"], "database"),  # payments has no incident of its own to join
        ("orders", ["orders", "database"], None),  # a payments that works explains nothing
        ("database", ["orders", "payments", "database"], None),  # a child explains nobody
        ("web", ["web", "search", "orders"], "orders"),  # of two, the one configured first
        ("unknown", ["orders"], None),
    ],
)
def test_a_failing_parent_explains_its_child(service: str, down: list[str], parent: str | None) -> None:
    assert parent_of(service, SHOP, failing(*down)) == parent


def test_telemetry_never_suppresses_anyone() -> None:
    down = failing("search", "collector")
    assert parent_of("search", SHOP, down) == "collector"
    assert parent_of("search", SHOP, down, {"collector"}) is None
    assert parent_of("collector", {"collector": ["database"]}, failing("database"), {"collector"}) == "database"


def test_of_services_that_depend_on_each_other_exactly_one_opens() -> None:
    circle = {"a": ["b"], "b": ["c"], "c": ["a"], "x": ["c"]}
    down = dict.fromkeys("abcx", True)
    assert {name: parent_of(name, circle, down) for name in "abcx"} == {"a": None, "b": "a", "c": "a", "x": "a"}


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3)),
    st.sets(st.sampled_from("abcdef"), min_size=1),
)
def test_somebody_always_opens_and_whom_one_joins_is_failing(graph: dict[str, list[str]], down: set[str]) -> None:
    parents = {name: parent_of(name, graph, dict.fromkeys(down, True)) for name in sorted(down)}
    assert None in parents.values()
    joined = {parent for parent in parents.values() if parent is not None}
    assert all(parents[parent] is None for parent in joined)  # nobody joins one that joins another
    assert joined <= down


# -- storms ------------------------------------------------------------------------------------------------------


def openings(count: int, *, spacing: float = 10, reason: str = "timeout", address: str = "10.0.0.7") -> list[Opening]:
    return [Opening(f"s{i:02}", NOON + timedelta(seconds=spacing * i), reason, address) for i in range(count)]


@pytest.mark.parametrize(
    ("count", "total", "is_storm"),
    [
        (5, 10, False),  # not more than five
        (6, 10, True),
        (6, 30, True),  # exactly 20 %
        (6, 31, False),
        (6, 6, True),
    ],
)
def test_a_storm_is_more_than_five_and_a_fifth_of_all(count: int, total: int, is_storm: bool) -> None:
    assert (storm(openings(count), total) is not None) is is_storm


@pytest.mark.parametrize(("spacing", "is_storm"), [(24, True), (24.001, False)])
def test_the_six_must_come_within_two_minutes(spacing: float, is_storm: bool) -> None:
    assert (storm(openings(6, spacing=spacing), 10) is not None) is is_storm


def test_one_service_that_flaps_is_no_storm() -> None:
    assert storm([Opening("orders", NOON + timedelta(seconds=i), "timeout", "") for i in range(20)], 10) is None
    assert storm([], 0) is None


def test_a_storm_lists_them_in_the_order_in_which_they_broke_and_says_first_what_they_share() -> None:
    entries = openings(7)
    entries[3] = entries[3]._replace(reason="refused")
    random.Random(3).shuffle(entries)
    assert storm(entries, 20) == Storm(
        services=("s00", "s01", "s02", "s03", "s04", "s05", "s06"),
        total_services=20,
        began_at=NOON,
        window=timedelta(minutes=2),
        reason="timeout",
        address="10.0.0.7",
    )
    found = storm(entries, 20)
    assert found is not None
    assert found.text == ("timeout, at 10.0.0.7: 7 of 20 services within 2m0s: s00, s01, s02, s03, s04, s05, s06")


def test_what_half_of_them_share_is_not_what_they_share() -> None:
    half = openings(3) + [Opening(f"t{i}", NOON + timedelta(seconds=i), "refused", f"10.0.0.{i}") for i in range(3)]
    found = storm(half, 6)
    assert found is not None
    assert (found.reason, found.address) == ("", "")
    assert found.text.startswith("no shared reason: 6 of 6 services within 2m0s: ")


def test_early_and_late_ones_do_not_count_but_do_not_hide_the_storm_either() -> None:
    early = [Opening("early", NOON - timedelta(minutes=10), "dns", "")]
    late = [Opening("late", NOON + timedelta(minutes=10), "dns", "")]
    found = storm(late + openings(6) + early, 20)
    assert found is not None
    assert found.services == tuple(f"s{i:02}" for i in range(6))


@given(st.lists(st.integers(0, 400), max_size=30))
def test_of_every_window_the_fullest_is_found_and_the_earliest_of_equals(seconds: list[int]) -> None:
    entries = [Opening(f"s{i:02}", NOON + timedelta(seconds=s), "timeout", "") for i, s in enumerate(seconds)]
    by_time = sorted(entries, key=lambda entry: (entry.at, entry.service))
    windows = [[e.service for e in by_time if b.at <= e.at <= b.at + timedelta(minutes=2)] for b in by_time]
    fullest = max(windows, key=len, default=[])
    found = storm(entries, 6)
    assert (list(found.services) if found else []) == (fullest if len(fullest) > 5 else [])

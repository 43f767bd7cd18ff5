from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ledger.database import SchemaTooNew
from monitor.ledger.history import OF_SERIES, History, MinuteRow
from monitor.ledger.rollup import WeightedMedian

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def row(
    minute: datetime, check: str = "orders/http", good: int = 2, bad: int = 0, latency: float | None = 0.1
) -> MinuteRow:
    return MinuteRow(check=check, minute=minute, expected=2, good=good, bad=bad, unknown=0, latency=latency)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    opened = History.open(tmp_path / "history.sqlite")
    yield opened
    opened.close()


def test_minutes_are_read_back_from_the_first_instant_up_to_but_without_the_last(history: History) -> None:
    rows = [row(T0 + n * MINUTE, good=n) for n in (3, 1, 2, 0)]
    history.write_minutes([*rows, row(T0 + MINUTE, "pay/http")])

    assert [r.good for r in history.minutes("orders/http", T0 + MINUTE, T0 + 3 * MINUTE)] == [1, 2]
    assert history.minutes("orders/http", T0 - timedelta(seconds=30), T0 + timedelta(seconds=1)) == (rows[3],)
    assert history.minutes("nobody", T0 - DAY, T0 + DAY) == ()
    assert [r.check for r in history.minutes_of_all(T0 + MINUTE, T0 + 2 * MINUTE)] == ["orders/http", "pay/http"]


def test_a_minute_that_came_in_two_parts_adds_up(history: History) -> None:
    history.write_minutes([row(T0, good=1, latency=0.1)])
    history.write_minutes([row(T0, good=3, bad=1, latency=0.5)])
    history.write_minutes([row(T0, good=0, latency=None)])

    (whole,) = history.minutes("orders/http", T0, T0 + MINUTE)

    assert (whole.expected, whole.good, whole.bad) == (6, 4, 1)
    assert whole.latency == pytest.approx((0.1 * 1 + 0.5 * 3) / 4)


def test_minutes_become_five_minutes_and_hours_when_those_are_complete(history: History) -> None:
    history.write_minutes([row(T0 + n * MINUTE, latency=n / 100, bad=int(n == 7)) for n in range(60)])

    history.compact(T0 + HOUR + timedelta(minutes=9, seconds=59))
    assert len(history.five_minutes("orders/http", T0, T0 + DAY)) == 11, "late results of the last one may still come"
    assert history.hours("orders/http", T0, T0 + DAY) == ()

    history.compact(T0 + HOUR + timedelta(minutes=10))
    history.compact(T0 + HOUR + timedelta(minutes=10))
    fives = history.five_minutes("orders/http", T0, T0 + DAY)
    (hour,) = history.hours("orders/http", T0, T0 + DAY)

    assert [five.minute for five in fives] == [T0 + n * 5 * MINUTE for n in range(12)]
    assert [(five.good, five.bad, five.latency) for five in fives[:2]] == [(10, 0, 0.02), (10, 1, 0.07)]
    assert (hour.expected, hour.good, hour.bad, hour.latency) == (120, 120, 1, 0.27)


def test_what_is_older_than_its_retention_goes_and_what_was_rolled_up_from_it_stays(history: History) -> None:
    now = T0 + 3 * DAY
    history.write_minutes([row(T0), row(now - timedelta(hours=48)), row(now - timedelta(hours=48) - MINUTE)])

    history.compact(now)

    assert [r.minute for r in history.minutes("orders/http", T0, now)] == [now - timedelta(hours=48)]
    assert len(history.five_minutes("orders/http", T0, now)) == 3
    history.compact(T0 + 36 * DAY + 5 * MINUTE)
    assert history.five_minutes("orders/http", T0, now) == ()
    assert len(history.hours("orders/http", T0, now)) == 3
    history.compact(T0 + 500 * DAY)
    assert history.hours("orders/http", T0, now) == ()


def test_after_a_month_off_nothing_is_forgotten_before_it_was_rolled_up(history: History) -> None:
    history.write_minutes([row(T0)])

    history.compact(T0 + 30 * DAY)

    assert history.minutes("orders/http", T0, T0 + DAY) == ()
    assert [r.good for r in history.five_minutes("orders/http", T0, T0 + DAY)] == [2]
    assert [r.good for r in history.hours("orders/http", T0, T0 + DAY)] == [2]


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 50)), min_size=1))
def test_half_of_the_weight_lies_on_each_side_of_the_weighted_median(seen: list[tuple[float, int]]) -> None:
    median = WeightedMedian()
    for value, weight in seen:
        median.step(value, weight)

    middle = median.finalize()

    total = sum(weight for _, weight in seen)
    assert middle is not None
    assert 2 * sum(weight for value, weight in seen if value <= middle) >= total
    assert 2 * sum(weight for value, weight in seen if value >= middle) >= total


def test_detectors_stand_where_they_stood_after_a_restart(tmp_path: Path) -> None:
    history = History.open(tmp_path / "history.sqlite")
    history.put_detector_states({"orders/http": {"s": 4.5}, "pay/http": {"s": 1}})
    history.put_detector_states({"orders/http": {"s": 9.0}, "pay/http": None})
    history.close()

    again = History.open(tmp_path / "history.sqlite")

    assert again.detector_states() == {"orders/http": {"s": 9.0}}
    assert again.detector_state("orders/http") == {"s": 9.0}
    assert again.detector_state("pay/http") is None
    again.close()


def test_the_states_of_series_are_read_one_by_one(tmp_path: Path) -> None:
    """A start that reads those of all checks does not read forty kilobytes for each series."""
    history = History.open(tmp_path / "history.sqlite")
    history.put_detector_states({"orders/http": {"s": 4.5}, OF_SERIES + "orders/requests": {"rows": 7}})

    assert history.detector_states() == {"orders/http": {"s": 4.5}}
    assert history.detector_state(OF_SERIES + "orders/requests") == {"rows": 7}
    history.close()


def test_a_file_found_corrupt_is_set_aside_and_the_new_one_says_since_when_it_knows(
    tmp_path: Path, said: list[str]
) -> None:
    path = tmp_path / "history.sqlite"
    path.write_bytes(b"not a database at all" * 500)

    history = History.open(path, wall=lambda: T0)
    history.write_minutes([row(T0)])

    aside = tmp_path / "history.sqlite.corrupt-20260301T120000Z"
    assert aside.read_bytes().startswith(b"not a database")
    assert history.incomplete_since == T0
    assert len(history.minutes("orders/http", T0, T0 + MINUTE)) == 1
    assert len(said) == 1
    assert "set aside as history.sqlite.corrupt-20260301T120000Z" in said[0]
    history.close()

    again = History.open(path, wall=lambda: T0 + DAY)
    assert again.incomplete_since == T0, "a restart does not make it complete"
    again.close()


def test_corruption_found_while_running_loses_the_past_and_not_the_present(tmp_path: Path, said: list[str]) -> None:
    path = tmp_path / "history.sqlite"
    first = History.open(path, wall=lambda: T0)
    first.write_minutes([row(T0 + n * MINUTE, check=f"s/{c}") for n in range(20) for c in range(50)])
    first.close()
    whole = path.read_bytes()
    history = History.open(path, wall=lambda: T0 + HOUR)
    # The header and the first page stay, so that it opens; every other page is noise.
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))

    history.write_minutes([row(T0 + HOUR)])

    assert history.incomplete_since == T0 + HOUR
    assert [r.minute for r in history.minutes("orders/http", T0, T0 + DAY)] == [T0 + HOUR]
    assert len(said) == 1
    history.close()


def test_of_the_corrupt_files_set_aside_the_newest_three_stay(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    for day in range(5):
        path.write_bytes(b"not a database at all" * 500)
        path.with_name("history.sqlite-wal").write_bytes(b"nor this")
        History.open(path, wall=lambda day=day: T0 + day * DAY).close()  # type: ignore[misc]

    aside = sorted(p.name for p in tmp_path.glob("history.sqlite.corrupt-*"))
    assert [name for name in aside if name.endswith("Z")] == [
        f"history.sqlite.corrupt-2026030{day}T120000Z" for day in (3, 4, 5)
    ]
    assert len(aside) <= 6, "what belonged to a file goes with it"


def test_corrupt_again_it_is_incomplete_since_the_second_time(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    for at in (T0, T0 + DAY):
        path.write_bytes(b"not a database at all" * 500)
        History.open(path, wall=lambda at=at: at).close()  # type: ignore[misc]

    again = History.open(path)
    assert again.incomplete_since == T0 + DAY
    again.close()


def test_a_file_that_cannot_be_opened_is_waited_for_and_rows_are_kept_in_memory_meanwhile(
    tmp_path: Path, said: list[str]
) -> None:
    path = tmp_path / "history.sqlite"
    path.mkdir()

    history = History.open(path, wall=lambda: T0)
    history.write_minutes([row(T0)])
    assert history.minutes_of_all(T0, T0 + DAY) == ()
    path.rmdir()
    history.write_minutes([row(T0 + MINUTE)])

    assert [r.minute for r in history.minutes_of_all(T0, T0 + DAY)] == [T0, T0 + MINUTE]
    assert history.incomplete_since is None
    assert said == [
        f"history: {path} cannot be used (unable to open database file); rows are kept in memory meanwhile: "
        "see that its disk has room and can be written",
        f"history: {path} can be used again",
    ]
    history.close()


def test_a_detector_whose_state_is_noise_begins_anew_and_the_others_do_not(history: History) -> None:
    history.put_detector_states({"orders/http": {"s": 4.5}, "pay/http": {"s": 1}})
    other = sqlite3.connect(history.path)
    other.execute("UPDATE detectors SET state = '{\"s\": 4' WHERE check_name = 'orders/http'")
    other.commit()
    other.close()

    assert history.detector_states() == {"pay/http": {"s": 1}}


def test_a_new_history_is_not_incomplete(history: History) -> None:
    assert history.incomplete_since is None


def test_a_history_of_a_newer_version_is_refused_and_not_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    History.open(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 9")
    newer.close()

    with pytest.raises(SchemaTooNew, match="has schema 9, this version knows 1"):
        History.open(path)
    assert [p.name for p in tmp_path.iterdir()] == ["history.sqlite"]


def test_rows_are_kept_in_memory_while_the_file_is_locked_and_written_with_the_next(
    tmp_path: Path, said: list[str]
) -> None:
    history = History.open(tmp_path / "history.sqlite")
    intruder = sqlite3.connect(history.path, isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")

    history.write_minutes([row(T0)])
    intruder.execute("ROLLBACK")
    intruder.close()
    history.write_minutes([row(T0 + MINUTE)])

    assert [r.minute for r in history.minutes("orders/http", T0, T0 + DAY)] == [T0, T0 + MINUTE]
    assert len(said) == 2
    assert history.incomplete_since is None
    history.close()


def test_ten_thousand_rows_cost_well_under_a_second_of_the_processor(history: History) -> None:
    """The budget is 100 ms (25 to 45 measured); the limit is far outside, and other processes do not count."""
    rows = [row(T0, check=f"service-{n}/http") for n in range(10_000)]

    begun = time.thread_time()
    history.write_minutes(rows)

    assert time.thread_time() - begun < 1.0
    assert len(history.minutes_of_all(T0, T0 + MINUTE)) == 10_000

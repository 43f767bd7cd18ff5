"""The daemon's shelf of baselines: an hour of each, a bounded number of them, and answers as the whole would."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from loguru import logger

from monitor.core.baseline import ENOUGH, Baseline, Level, Quality, Signal
from monitor.sources.fitting import BaselineStore, baseline_of, file_name

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def values(hour: int) -> tuple[float, ...]:
    """From nine to five a slot speaks for itself; at night it needs the others; between three and six nobody came."""
    count = 40 if 9 <= hour % 24 < 17 else 0 if 3 <= hour % 24 < 6 else ENOUGH // 2
    return tuple(0.1 + hour / 1000 + i / 100 for i in range(count))


def fitted(check: str, quality: Quality = Quality.FITTED, shift: float = 0.0, zone: str = "Europe/Berlin") -> Baseline:
    return Baseline(
        service="orders",
        check=check,
        signal=Signal.PROBE_LATENCY,
        time_zone=zone,
        fitted_at=MONDAY,
        since=MONDAY - timedelta(days=28),
        quality=quality,
        slots={hour: tuple(round(v + shift, 4) for v in values(hour)) for hour in range(168)},
    )


@pytest.fixture
def put(tmp_path: Path) -> Callable[[Baseline], Path]:
    def put(baseline: Baseline) -> Path:
        path = tmp_path / file_name(baseline.service, baseline.signal, baseline.check)
        path.write_text(json.dumps(baseline.to_json()))
        return path

    return put


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), level="WARNING")
    yield lines
    logger.remove(sink)


@pytest.mark.parametrize("quality", [Quality.FITTED, Quality.YOUNG])
def test_at_every_hour_of_the_week_its_part_answers_as_the_whole_does(quality: Quality) -> None:
    text = json.dumps(fitted("live", quality).to_json()).encode()
    whole = baseline_of(text, None)
    instants = [MONDAY + HOUR * (i + 0.5) for i in range(168)]

    for at in instants:
        part = baseline_of(text, at)
        assert part.sample(at) == whole.sample(at), at
        assert (part.quality_at(at), part.age(at)) == (whole.quality_at(at), whole.age(at))
    levels = {whole.sample(at).level for at in instants}
    assert levels == set(Level) if quality is Quality.FITTED else levels == {Level.HOUR_OF_DAY, Level.GLOBAL}


def test_a_part_is_the_hour_alone_where_that_is_enough() -> None:
    text = json.dumps(fitted("live", zone="UTC").to_json()).encode()

    assert list(baseline_of(text, MONDAY + 9 * HOUR).slots) == [9]
    assert list(baseline_of(text, MONDAY + 20 * HOUR).slots) == list(range(20, 168, 24))
    assert len(baseline_of(text, None).slots) == 168


def test_of_ten_baselines_three_stay_and_all_ten_answer_as_ever(put: Callable[[Baseline], Path], tmp_path) -> None:
    baselines = {f"c{i}": fitted(f"c{i}", shift=i / 10) for i in range(10)}
    for baseline in baselines.values():
        put(baseline)
    store = BaselineStore(tmp_path, keep=3)

    for turn in range(3):
        at = MONDAY + turn * 7 * HOUR
        for name, baseline in baselines.items():
            found = store.get("orders", Signal.PROBE_LATENCY, name, at)
            assert found is not None
            assert found.sample(at) == baseline.sample(at)
            assert len(store) <= 3
    assert len(store) == 3


def test_what_was_asked_for_last_is_kept_and_what_was_longest_ago_goes(put, tmp_path) -> None:
    for name in "abc":
        put(fitted(name))
    store = BaselineStore(tmp_path, keep=2)

    def ask(name: str) -> Baseline:
        found = store.get("orders", Signal.PROBE_LATENCY, name, MONDAY)
        assert found is not None
        return found

    first_a, first_b = ask("a"), ask("b")
    assert ask("a") is first_a
    ask("c")
    assert ask("a") is first_a
    assert ask("b") is not first_b


def test_the_turn_of_the_hour_brings_the_next_hours_values(put, tmp_path) -> None:
    whole = fitted("live", zone="UTC")
    put(whole)
    store = BaselineStore(tmp_path)

    for at in (MONDAY + 9 * HOUR, MONDAY + 10 * HOUR - timedelta(microseconds=1), MONDAY + 10 * HOUR):
        found = store.get("orders", Signal.PROBE_LATENCY, "live", at)
        assert found is not None
        assert found.sample(at) == whole.sample(at)


def test_a_file_that_was_replaced_is_read_again_and_one_that_vanished_serves_its_hour(put, tmp_path, until) -> None:
    path = put(fitted("live"))
    store = BaselineStore(tmp_path)
    at = MONDAY + 9 * HOUR

    def median(at: datetime) -> float | None:
        found = store.get("orders", Signal.PROBE_LATENCY, "live", at)
        return found.sample(at).median if found else None

    before = median(at)
    put(fitted("live", shift=1.0))
    os.utime(path, (1, 1))
    assert until(lambda: median(at) != before and median(at)) == pytest.approx(before + 1.0)

    path.unlink()
    assert median(at) == pytest.approx(before + 1.0)
    assert median(at + 2 * HOUR) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 50_000, '{"slots": 3}', '{"slots": {"9": ["x"]}}'])
def test_what_is_no_baseline_is_not_used_and_that_is_said_once(text, tmp_path, warnings) -> None:
    (tmp_path / file_name("orders", Signal.LATENCY)).write_text(text)
    store = BaselineStore(tmp_path)

    assert [store.get("orders", Signal.LATENCY, at=MONDAY + i * HOUR) for i in range(3)] == [None, None, None]
    assert len(warnings) == 1
    assert "is not used until it is fitted again" in warnings[0]

"""Minutes are scored against baselines in turns of the loop: at the turn of the hour all baselines are read again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.clock import SteadyClock
from monitor.config import Config, changes, load
from monitor.core.baseline import Baseline, Quality, Signal
from monitor.daemon.surroundings import Surveyor
from monitor.sources.fitting import file_name

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NAMES = ("a", "b", "c")


def config_of(folder: Path, names: tuple[str, ...] = NAMES) -> Config:
    checks = {name: {"http": f"http://127.0.0.1:9/{name}"} for name in names}
    services = {name: {"checks": {"live": check}} for name, check in checks.items()}
    path = folder / "config.yaml"
    path.write_text(json.dumps({"monitor": {"state": str(folder / "state")}, "services": services}))
    return load([path], {})


def surveyor_of(config: Config, score_for: float) -> Surveyor:
    """With a baseline for each check."""
    folder = config.monitor.state / "baselines"
    folder.mkdir(parents=True)
    for check in config.all_checks():
        baseline = Baseline(
            service=check.service, check=check.name, signal=Signal.PROBE_LATENCY, time_zone="UTC", fitted_at=MONDAY,
            since=MONDAY - timedelta(days=28), quality=Quality.FITTED,
            slots={hour: tuple(0.1 + n / 1000 for n in range(40)) for hour in range(168)},
        )  # fmt: skip
        path = folder / file_name(check.service, Signal.PROBE_LATENCY, check.name)
        path.write_text(json.dumps(baseline.to_json()))
    return Surveyor(config, SteadyClock.begin(), score_for)


def judged(surveyor: Surveyor, names: tuple[str, ...] = NAMES) -> str:
    """Those of whose latency something can be told."""
    return "".join(name for name in names if surveyor.of(name).latency_shift is not None)


def test_a_turn_scores_as_many_minutes_as_it_has_time_for_and_the_next_goes_on(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    surveyor = surveyor_of(config, score_for=0.0)
    for check in config.all_checks():
        surveyor.tracking.add(check, MONDAY, 0.12)

    seen = [judged(surveyor)]
    for turn in range(4):
        surveyor.tick(MONDAY + turn * MINUTE)
        seen.append(judged(surveyor))

    assert seen == ["", "a", "ab", "abc", "abc"]


def test_with_time_enough_a_minute_is_scored_in_the_turn_in_which_it_came(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    surveyor = surveyor_of(config, score_for=60.0)
    for check in config.all_checks():
        surveyor.tracking.add(check, MONDAY, 0.12)

    surveyor.tick(MONDAY)

    assert judged(surveyor) == "abc"


def test_what_waits_of_a_check_that_left_the_configuration_is_not_scored(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    surveyor = surveyor_of(config, score_for=0.0)
    for check in config.all_checks():
        surveyor.tracking.add(check, MONDAY, 0.12)
    fewer = config_of(tmp_path, ("a", "c"))

    surveyor.replace(fewer, changes(config, fewer))
    surveyor.tick(MONDAY)
    surveyor.tick(MONDAY)

    assert judged(surveyor, ("a", "c")) == "ac"

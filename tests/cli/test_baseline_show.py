"""`monitor baseline show`: the week with its bands and today on it, in 80 columns and as SVG; how old and how good."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from monitor.cli.main import monitor
from monitor.cli.week import Week, week_of
from monitor.cli.week_svg import ticks, week_svg
from monitor.cli.week_text import ASCII, week_text
from monitor.core.baseline import Baseline, Quality, Signal
from monitor.ledger.history import History, MinuteRow
from monitor.sources.fitting import file_name

NOW = datetime(2026, 11, 24, 14, 20, tzinfo=UTC)  # a Tuesday, 15:20 in Berlin
MIDNIGHT = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def baseline(**changed) -> Baseline:
    random = Random(3)
    slots = {
        hour: [(0.1 + 0.004 * (hour % 24)) * random.lognormvariate(0, 0.2) for _ in range(60)] for hour in range(168)
    }
    values = {
        "service": "orders",
        "check": "ready",
        "signal": Signal.PROBE_LATENCY,
        "time_zone": "Europe/Berlin",
        "fitted_at": NOW - timedelta(hours=11),
        "since": NOW - timedelta(days=41),
        "quality": Quality.FITTED,
        "slots": slots,
    }
    return Baseline(**(values | changed))


def day(slow: range = range(0)) -> list[tuple[datetime, float]]:
    """Each minute of today up to now; in *slow* minutes three times as much."""
    return [
        (MIDNIGHT + m * MINUTE, (0.1 + 0.004 * (m // 60)) * (3.0 if m in slow else 1.0))
        for m in range((NOW - MIDNIGHT) // MINUTE)
    ]


def drawn(week: Week, **how) -> list[str]:
    return week_text(week, **how).splitlines()


def test_it_fits_into_eighty_columns_and_has_no_colour_unless_asked():
    lines = drawn(week_of(baseline(), day(range(690, 750)), NOW))

    assert max(map(len, lines)) <= 80
    assert "\x1b" not in "".join(lines)
    assert "\x1b[1;31m▲" in week_text(week_of(baseline(), day(range(690, 750)), NOW), colour=True)


def test_the_longest_names_are_wrapped_and_nothing_a_terminal_obeys_gets_through():
    odd = baseline(service="orders-" + "x" * 60, check="ready\x1b[2J")
    lines = drawn(week_of(odd, (), NOW))

    assert max(map(len, lines)) <= 80
    assert "\x1b" not in "".join(lines)
    assert "\\x1b" in "".join(lines)


def test_each_day_has_its_median_and_its_limit_and_today_is_marked():
    lines = drawn(week_of(baseline(), (), NOW))

    assert [line[:8] for line in lines if "99% " in line and "above" not in line] == [
        f"{name:<5}99%" for name in ("Mon", "Tue*", "Wed", "Thu", "Fri", "Sat", "Sun")
    ]
    monday = lines[[line[:3] for line in lines].index("Mon") + 1]
    cells, usual = monday[9:57], monday[59:]
    assert cells[0] <= cells[-1]  # busier towards the evening
    assert re.fullmatch(r"(9\d|10\d)(\.\d)? - (18|19|20)\d", usual)


def test_a_slow_hour_stands_above_its_band_and_the_newest_value_is_told_in_words():
    calm = drawn(week_of(baseline(), day(), NOW))
    slow = drawn(week_of(baseline(), day(range(690, 750)), NOW))

    assert "▲" not in "".join(line for line in calm if "│" in line)
    assert sum(line.count("▲") for line in slow if "│" in line) == 2  # 11:30 and 12:00
    assert re.fullmatch(r"since 15:00: 160 ms, usually 1[56]\d, 99 % below 2\d\d: as usual", calm[-1])


def test_a_value_far_beyond_is_drawn_at_the_top_and_leaves_the_week_readable():
    week = week_of(baseline(), [(NOW, 60.0)], NOW)

    assert week.top == 3 * week.usual_top
    first = next(line for line in drawn(week) if "│" in line)
    assert first.count("▲") == 1


def test_where_only_ascii_can_be_written_it_is_ascii():
    assert week_text(week_of(baseline(), day(), NOW), signs=ASCII).isascii()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, "168 of 168 hours speak for themselves; 10,080 values"),
        (
            {"slots": {hour: [0.1] * 20 for hour in range(100)}},
            "100 of 168 hours speak for themselves; 68 by their hour",
        ),
        (
            {"slots": {0: [0.1] * 20}},
            "1 of 168 hours speak for themselves; 6 by their hour of the day; 161 by all hours",
        ),
        ({"quality": Quality.YOUNG}, "0 of 168 hours speak for themselves; 168 by their hour of the day"),
        ({"quality": Quality.YOUNG}, "quality: young: less than two weeks"),
        ({"quality": Quality.UNLABELLED}, "quality: unlabelled: part of its past"),
        ({"fitted_at": NOW - timedelta(days=9)}, "quality: stale: not refreshed for more than a week"),
        ({"fitted_at": NOW - timedelta(days=9)}, "fitted 9 days ago from 32 days, since 2026-10-14 16:20"),
        ({}, "fitted 11 h ago from 40 days"),
        ({"slots": {}}, "it holds no values yet"),
    ],
)
def test_age_quality_and_filled_hours_are_told(changed, told):
    assert told in " ".join(drawn(week_of(baseline(**changed), (), NOW)))


def test_a_flat_baseline_of_zeros_can_be_drawn():
    zeros = baseline(signal=Signal.ERROR_RATIO, check="", slots={hour: [0.0] * 20 for hour in range(168)})

    assert "error rate in %" in week_text(week_of(zeros, [(NOW, 0.5)], NOW))
    ElementTree.fromstring(week_svg(week_of(zeros, [(NOW, 0.5)], NOW)))


SVG = "{http://www.w3.org/2000/svg}"


def test_the_svg_says_what_it_shows_and_adapts_to_the_dark():
    picture = week_svg(week_of(baseline(service="a<b&c"), day(range(690, 750)), NOW))
    root = ElementTree.fromstring(picture)

    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"].split() == [root[0].attrib["id"], root[1].attrib["id"]]
    assert root[0].text == "a<b&c, check ready: latency of the probes in ms, Europe/Berlin"
    assert "2 of 31 half hours lie above what 99 of 100 are." in (root[1].text or "")
    assert "fitted 11 h ago" in (root[1].text or "").lower()
    assert "prefers-color-scheme: dark" in picture
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")  # nothing is loaded from anywhere


def test_the_svg_has_the_bands_of_168_hours_and_a_dot_for_each_half_hour_of_today():
    root = ElementTree.fromstring(week_svg(week_of(baseline(), day(range(690, 750)), NOW)))
    paths = {path.attrib["class"]: path.attrib["d"] for path in root.iter(f"{SVG}path")}
    dots = [dot.attrib["class"] for dot in root.iter(f"{SVG}circle")]

    assert set(paths) == {"wide", "narrow", "limit", "median", "today"}
    assert paths["median"].count("L") == 2 * 168 - 1
    assert paths["wide"].count("L") == 4 * 168 - 1
    assert (dots.count("dot"), dots.count("beyond")) == (29, 2)
    numbers = [float(n) for d in paths.values() for n in re.findall(r"-?\d+\.\d", d)]
    assert 0 <= min(numbers) <= max(numbers) <= 1120


@pytest.mark.parametrize("top", [0.0004, 0.03, 1.0, 7.9, 300.0, 41_000.0])
def test_ticks_are_few_and_round(top):
    found = ticks(top)

    assert 4 <= len(found) <= 11
    assert found[0] == 0
    assert found[-1] <= top * (1 + 1e-9)


# -- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port that is ours and refuses."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def state(tmp_path, nobody) -> Path:
    (tmp_path / "state" / "baselines").mkdir(parents=True)
    config = {
        "monitor": {"state": str(tmp_path / "state")},
        "sources": {"prometheus": f"http://127.0.0.1:{nobody}"},
        "services": {
            "orders": {
                "checks": {"ready": "http://127.0.0.1:9/", "live": "http://127.0.0.1:9/"},
                "traffic": {"requests": "r", "errors": "e"},
            },
            "idle": {"checks": {"live": "http://127.0.0.1:9/"}},
        },
    }
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    return tmp_path / "state"


def put(state: Path, kept: Baseline) -> None:
    name = file_name(kept.service, kept.signal, kept.check)
    (state / "baselines" / name).write_text(json.dumps(kept.to_json()))


@pytest.fixture
def show(state):
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(monitor, ["-c", str(state.parent / "config.yaml"), "baseline", "show", *arguments])

    return run


def test_the_minutes_of_today_are_read_from_the_history_and_nothing_is_touched(state, show):
    put(state, baseline(time_zone="UTC"))
    now = datetime.now(UTC)
    history = History.open(state / "history.sqlite")
    minute = now.replace(second=0, microsecond=0)
    row = {"check": "orders/ready", "expected": 1, "good": 1, "bad": 0, "unknown": 0}
    history.write_minutes([MinuteRow(minute=minute, latency=0.123, **row)])
    history.write_minutes([MinuteRow(minute=minute - timedelta(days=1), latency=9.0, **row)])
    history.close()
    before = {path: path.stat().st_mtime_ns for path in state.rglob("*")}

    shown = show("orders")

    assert shown.exit_code == 0, shown.output
    assert "orders, check ready: latency of the probes in ms, UTC" in shown.stdout
    assert re.search(r"since \d\d:\d0: 123 ms, usually", shown.stdout)
    assert {path: path.stat().st_mtime_ns for path in state.rglob("*")} == before


def test_without_a_history_and_with_prometheus_away_the_week_is_drawn_and_that_is_said(state, show):
    put(state, baseline())
    put(state, baseline(check="", signal=Signal.ERROR_RATIO, slots={h: [0.01] * 30 for h in range(168)}))

    probes, errors = show("orders"), show("orders", "--traffic", "errors")

    assert (probes.exit_code, errors.exit_code) == (0, 0)
    assert "nothing of today: the history cannot be read: " in probes.stdout
    assert "nothing of today: Prometheus: not reachable" in errors.stdout
    assert "also: --traffic errors" in probes.stdout
    assert "also: --check ready" in errors.stdout


def test_it_is_drawn_into_a_file_or_says_why_not(state, show, tmp_path):
    put(state, baseline())

    drawn, refused = show("orders", "--svg", str(tmp_path / "week.svg")), show("orders", "--svg", "/dev/null/week.svg")

    assert drawn.exit_code == 0
    ElementTree.parse(tmp_path / "week.svg")
    assert refused.exit_code == 3
    assert "/dev/null/week.svg cannot be written: not a directory" in refused.stderr


def test_what_is_not_there_is_said_with_what_is(state, show):
    put(state, baseline())

    assert "no service is called ordres; there are idle, orders" in show("ordres").stderr
    assert "orders has no baseline for --check live; there is --check ready" in show("orders", "--check", "live").stderr
    assert "idle has no baseline yet; the daemon fits one at its start" in show("idle").stderr
    assert "two baselines" in show("orders", "--check", "ready", "--traffic", "errors").stderr
    assert {show(*a).exit_code for a in (["ordres"], ["idle"], ["orders", "--check", "live"])} == {3}

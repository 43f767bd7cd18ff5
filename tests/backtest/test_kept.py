"""What the daemon kept of a check is replayed at its true instants, as sharp as its rows are and no sharper."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pytest

from checks.check import Check, HttpQuestion
from checks.result import Confirmation, Outcome
from monitor.backtest.kept import KeptRows, kept_rows, notes_of
from monitor.backtest.replay import Probe, Replay
from monitor.config import Config
from monitor.core.slots import phase
from monitor.ledger.history import History, MinuteRow
from monitor.ledger.history_reader import read_history
from monitor.ledger.rollup import FIVE_MINUTES, HOURS, MINUTES

START = datetime(2026, 3, 2, tzinfo=UTC)
T0 = START.timestamp()
MINUTE = timedelta(minutes=1)
CHECK = "orders/check-0"

SHOWN = {Outcome.OK: ".", Outcome.FAILED: "F", Outcome.UNKNOWN: "?"}


def asked_every(interval: float) -> Check:
    question = HttpQuestion(url="http://orders/")
    return Check(service="orders", name="check-0", question=question, interval=interval, timeout=min(10, interval / 2))


def minutes_of(probes: Iterable[Probe], begin: datetime, count: int, expected: int = 1) -> list[MinuteRow]:
    """As the daemon counts them: a minute is (begin, end]."""
    seen: dict[int, list[Probe]] = {}
    for probe in probes:
        seen.setdefault(int(-(-(probe.at - begin.timestamp()) // 60)) - 1, []).append(probe)
    rows = []
    for i in range(count):
        inside = seen.get(i, [])
        outcomes = [probe.outcome for probe in inside]
        good = [probe.latency for probe in inside if probe.latency is not None]
        rows.append(
            MinuteRow(
                check=CHECK,
                minute=begin + i * MINUTE,
                expected=expected,
                good=outcomes.count(Outcome.OK),
                bad=outcomes.count(Outcome.FAILED),
                unknown=outcomes.count(Outcome.UNKNOWN),
                latency=median(good) if good else None,
            )
        )
    return rows


def through_the_history(folder: Path, rows: Sequence[MinuteRow], now: datetime, check: Check) -> KeptRows:
    """Written, rolled up and forgotten by the daemon's own history, and read while that has it open."""
    history = History.open(folder / "history.sqlite")
    history.write_minutes(rows)
    history.compact(now)
    kept = read_history(folder, [CHECK], rows[0].minute, now)
    history.close()
    found = kept_rows(check, kept.rows[CHECK])
    assert found is not None
    return found


def row(begin: int, good: int, bad: int = 0, unknown: int = 0, expected: int = 5) -> MinuteRow:
    """Args: begin: In minutes."""
    minute = START + begin * MINUTE
    return MinuteRow(check=CHECK, minute=minute, expected=expected, good=good, bad=bad, unknown=unknown, latency=0.1)


def shown(kept: KeptRows | None, slots: int) -> str:
    """A letter a slot of the timetable from T0 on, and a space where there is no probe."""
    assert kept is not None
    offset, interval = phase(CHECK, kept.interval), kept.interval
    letters = {round((probe.at - offset) / interval): SHOWN[probe.outcome] for probe in kept.probes()}
    first = int((T0 - offset) // interval) + 1
    return "".join(letters.get(first + i, " ") for i in range(slots))


def test_minutes_of_one_probe_are_replayed_as_what_they_were(
    config_of: Callable[..., Config], past: Callable[..., Iterable[Probe]], tmp_path: Path
) -> None:
    script = "." * 60 + "u" + "." * 59 + "u" * 10 + "." * 200 + "?" * 8 + "." * 60 + " " * 20 + "." * 60
    true = list(past(script, begin=T0 + phase(CHECK, 60)))
    config = config_of()
    begun = true[0].at
    rows = minutes_of(true, START, len(script))

    kept = through_the_history(tmp_path, rows, START + len(script) * MINUTE, asked_every(60))

    assert list(kept.probes()) == true
    assert kept.began == begun
    assert notes_of([kept]) == ["2026-03-02 00:00 to 2026-03-02 07:58 UTC: rows of 1 min"]
    ours, theirs = Replay(config, begun), Replay(config, begun)
    ours.play(kept.probes())
    theirs.play(true)
    assert [case.incident for case in ours.cases] == [case.incident for case in theirs.cases]
    assert len(ours.cases) == 3  # the outage; blind for eight minutes; nobody there for twenty


def test_an_outage_in_rows_of_five_minutes_is_one_run_of_its_length_at_most_a_row_late(
    config_of: Callable[..., Config], past: Callable[..., Iterable[Probe]], tmp_path: Path
) -> None:
    # Down from minute 62 to 85: a part of its first row, whole ones, and a part of its last.
    script = "." * 62 + "u" * 24 + "." * (60 * 24 * 4)
    true = list(past(script, begin=T0 + phase(CHECK, 60)))
    rows = minutes_of(true, START, len(script))

    kept = through_the_history(tmp_path, rows, START + len(script) * MINUTE, asked_every(60))

    failed = [probe.at for probe in kept.probes() if probe.outcome is Outcome.FAILED]
    assert failed == [probe.at for probe in true if probe.outcome is Outcome.FAILED]
    replay = Replay(config_of(), kept.began)
    replay.play(kept.probes())
    [case] = replay.cases
    opened = case.incident.opened_at
    assert opened is not None
    assert kept.unsharp_at(opened.timestamp()) == 300.0
    assert kept.unsharp_at(kept.rows[-1].end) == 0.0
    assert notes_of([kept])[0].endswith(
        "rows of 5 min, up to 5 min unsharp; the failures of a row are taken as one run, its latency as one value"
    )


def test_each_instant_by_the_finest_row_that_is_left_and_no_probe_twice(
    past: Callable[..., Iterable[Probe]], tmp_path: Path
) -> None:
    days = 38
    script = "." * (days * 1440)
    true = list(past(script, begin=T0 + phase(CHECK, 60)))
    now = START + timedelta(days=days)

    kept = through_the_history(tmp_path, minutes_of(true, START, len(script)), now, asked_every(60))

    assert [probe.at for probe in kept.probes()] == [probe.at for probe in true]
    assert [(r.length, r.begin) for r, before in zip(kept.rows[1:], kept.rows, strict=False) if r[1] != before[1]] == [
        (300, (now - timedelta(days=35)).timestamp()),
        (60, (now - timedelta(hours=48)).timestamp()),
    ]
    # A coarse row is one witness of latency, however many probes it counts.
    slow = [probe.latency for probe in kept.probes()]
    assert slow.count(0.1) == 3 * 24 + 33 * 288 + 48 * 60


def test_the_minutes_that_no_coarser_row_has_yet_are_there(tmp_path: Path) -> None:
    rows = [row(minute, 1, expected=1) for minute in range(3, 14)]  # begun in the middle of five minutes, not settled

    kept = through_the_history(tmp_path, rows, START + 14 * MINUTE, asked_every(60))

    assert shown(kept, 15) == "   ........... "


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([(5, 0), (2, 3), (0, 5), (3, 2), (5, 0)], "....." + "..FFF" + "FFFFF" + "FF..." + "....."),
        ([(5, 0), (4, 1), (5, 0)], "....." + "....F" + "....."),
        ([(5, 0), (3, 1, 1), (1, 4), (5, 0)], "....." + "...?F" + "FFFF." + "....."),
        ([(5, 0), (4, 0), (5, 0)], "....." + ".... " + "....."),  # one result is missing
        ([(2, 0), (5, 0)], "   .." + "....."),  # the daemon began in it
        ([(5, 0), (2, 0)], "....." + "..   "),  # and ended in it
        ([(5, 0), None, (2, 0), (5, 0)], "....." + "     " + "   .." + "....."),
        ([(5, 0), (0, 3), (5, 0)], "....." + "  FFF" + "....."),
    ],
)
def test_the_order_within_a_row_has_the_fewest_changes(counts: list[tuple[int, ...] | None], told: str) -> None:
    rows = [row(5 * i, *some) for i, some in enumerate(counts) if some is not None]

    kept = kept_rows(asked_every(60), {FIVE_MINUTES: rows})

    assert shown(kept, 5 * len(counts)) == told


def test_a_failure_was_confirmed_by_nobody_that_is_known() -> None:
    kept = kept_rows(asked_every(60), {MINUTES: [row(0, 0, 1, expected=1)]})

    assert kept is not None
    assert [probe.confirmation for probe in kept.probes()] == [Confirmation.UNASKED]


@pytest.mark.parametrize(
    ("configured", "expected", "replayed", "told"),
    [
        (60.0, 60, 60.0, "." * 60),
        (120.0, 60, 120.0, "." * 30),  # asked more often then: every other one is left out
        (30.0, 60, 60.0, "." * 60),  # asked less often then: what was never asked is not missing
        (600.0, 6, 600.0, "." * 6),
    ],
)
def test_an_interval_of_another_time(configured: float, expected: int, replayed: float, told: str) -> None:
    rows = [row(60 * hour, expected, expected=expected) for hour in range(3)]

    kept = kept_rows(asked_every(configured), {HOURS: rows})

    assert kept is not None
    assert kept.interval == replayed
    assert shown(kept, len(told) * 3) == told * 3


def test_rows_without_any_result_are_no_past() -> None:
    assert kept_rows(asked_every(60), {MINUTES: [row(0, 0, expected=1)]}) is None

"""What a restart would find of an incident whose recovery cannot be proven, as its source is away."""

from __future__ import annotations

from dataclasses import replace


def test_the_ledger_is_told_each_time_that_recovering_begins_anew(begin):
    evening = begin()
    assert evening.play(payments="FFFF..") == "pppOrr"
    began = evening.book.watch("payments", evening.now).incident.since

    evening.around = replace(evening.around, traffic_configured=True, traffic_missed=3)
    assert evening.play(payments="....") == "rrrr"

    # The state is the same and nothing was said, yet with the old instant a restart would close it at the first answer.
    (kept,) = evening.commits[-1].incidents
    assert began < kept.since == evening.now
    assert evening.commits[-1].events == ()


def test_a_recovery_that_goes_on_undisturbed_is_not_written_down_at_each_evaluation(begin):
    evening = begin()
    evening.play(payments="FFFF.")
    written = len(evening.commits)

    evening.play(payments="..")

    assert len(evening.commits) == written

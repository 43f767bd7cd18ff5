"""The severity table, cell by cell, and the rises that it allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.severity import POLICIES, Criticality, Evidence, Severity, TrafficView, raise_severity
from monitor.core.severity_table import TABLE, suggest

SEV1, SEV2, SEV3, SEV4 = Severity
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def traffic(error_ratio: float | None, *, requests: float | None = 20.0, fresh: bool = True) -> TrafficView:
    within = None if error_ratio is None else error_ratio <= 0.01
    text = "no traffic" if error_ratio is None else f"{error_ratio:.0%} of 20 requests/s fail"
    return TrafficView(error_ratio=error_ratio, requests=requests, within_baseline=within, fresh=fresh, text=text)


GREEN = Evidence(checks=2)
SOME = replace(GREEN, failing=("live",), failing_reasons=("live: refused: 127.0.0.1:8080",))
ALL = replace(GREEN, failing=("live", "ready"))

STORIES = {
    "data loss": (replace(GREEN, data_loss=("backups",)), "data loss", "1111"),
    "some fail, and of lost data nobody knows": (
        replace(SOME, data_loss_unknown=("lost: Prometheus unavailable since 12:00:00 UTC",)),
        "degraded",
        "2334",
    ),
    "data loss outweighs all else": (replace(ALL, data_loss=("backups",)), "data loss", "1111"),
    "all fail, no traffic configured": (ALL, "outage", "1234"),
    "all fail, half of the traffic fails": (replace(ALL, traffic=traffic(0.5)), "outage", "1234"),
    "all fail, nobody asks": (replace(ALL, traffic=traffic(None, requests=0.0)), "outage", "1234"),
    "all fail, the traffic is old": (replace(ALL, traffic=traffic(0.0, fresh=False)), "outage", "1234"),
    "all fail, Prometheus is away": (
        replace(ALL, traffic=traffic(0.0), prometheus_away_since=NOON),
        "outage",
        "1234",
    ),
    "probes green, half of the traffic fails": (replace(GREEN, traffic=traffic(0.5)), "traffic", "1234"),
    "some fail, half of the traffic fails": (replace(SOME, traffic=traffic(0.5)), "traffic", "1234"),
    "some fail, almost half of the traffic fails": (replace(SOME, traffic=traffic(0.49)), "degraded", "2334"),
    "all fail, traffic is fine": (replace(ALL, traffic=traffic(0.01)), "probe path", "3344"),
    "all fail, traffic is worse than usual": (replace(ALL, traffic=traffic(0.2)), "degraded", "2334"),
    "some fail": (SOME, "degraded", "2334"),
    "some fail, traffic is fine": (replace(SOME, traffic=traffic(0.0)), "degraded", "2334"),
    "the short window burns": (replace(GREEN, burn_short=14.4), "degraded", "2334"),
    "it burns at 6": (replace(GREEN, burn=6.0, burn_short=14.3), "slower", "3344"),
    "latency has shifted": (replace(GREEN, latency_shift="p50 120 ms, usually 60 ms"), "slower", "3344"),
    "it burns at 1": (replace(GREEN, burn=1.0), "watch", "4444"),
    "it burns at almost 6": (replace(GREEN, burn=5.99), "watch", "4444"),
    "queue": (replace(GREEN, queue_anomaly="2,000 waiting"), "watch", "4444"),
    "restart": (replace(GREEN, restarted="uptime fell to 3 s"), "watch", "4444"),
    "blind": (replace(GREEN, blind="no result for 2m0s"), "watch", "4444"),
}


@pytest.mark.parametrize(("story", "criticality"), list(product(STORIES, Criticality)))
def test_every_story_gets_the_severity_of_its_row(story: str, criticality: Criticality) -> None:
    evidence, row, severities = STORIES[story]
    suggestion = suggest(replace(evidence, criticality=criticality))
    assert suggestion.row is not None
    assert suggestion.row.name == row
    assert suggestion.severity == int(severities[list(Criticality).index(criticality)])


@pytest.mark.parametrize(
    "evidence",
    [
        GREEN,
        replace(GREEN, burn=0.99),
        replace(GREEN, traffic=traffic(0.49)),
        replace(GREEN, traffic=traffic(0.9, fresh=False)),
        replace(GREEN, traffic=traffic(0.9), prometheus_away_since=NOON),
        Evidence(checks=0),
    ],
)
def test_where_no_row_holds_there_is_no_severity(evidence: Evidence) -> None:
    suggestion = suggest(evidence)
    assert (suggestion.severity, suggestion.row, suggestion.lower) == (None, None, "")
    assert suggestion.reason == "no row of the severity table holds"
    now = f"{evidence.burn or 0:.3g}"
    assert suggestion.higher == f"SEV4 if the burn rate is 1 or more (now {now})"


def test_every_row_is_told_by_a_story_and_names_are_distinct() -> None:
    assert {row for _, row, _ in STORIES.values()} == {row.name for row in TABLE}
    assert len({row.name for row in TABLE}) == len(TABLE)


def test_no_row_is_milder_for_a_more_critical_service() -> None:
    assert all(list(row.severities) == sorted(row.severities) for row in TABLE)


def test_a_service_without_a_word_on_it_is_of_medium_criticality() -> None:
    assert suggest(ALL).severity is SEV3


def test_a_suggestion_shows_its_work() -> None:
    suggestion = suggest(
        replace(SOME, criticality=Criticality.CRITICAL, traffic=traffic(0.2), burn_short=200.0, burn=20.0)
    )
    assert suggestion.reason == ("SEV2: some checks fail, or the short-window burn rate is 14.4 or more (degraded)")
    assert suggestion.inputs == (
        "criticality: critical",
        "checks: 1 of 2 confirmed failing (live)",
        "failing: live: refused: 127.0.0.1:8080",
        "traffic: 20% of 20 requests/s fail",
        "burn rate, short window: 200",
        "burn rate, both windows: 20",
    )
    assert suggestion.higher == "SEV1 if 50 % or more of the traffic fails (now 20 %)"
    assert suggestion.lower == (
        "SEV3 if no more than this: a latency shift is confirmed, or the burn rate is 6 or more"
    )


def test_the_ends_of_the_table_have_one_neighbour() -> None:
    assert suggest(replace(GREEN, data_loss=("backups",))).higher == ""
    assert suggest(replace(GREEN, restarted="yes")).lower == "none if no row held"


def test_what_was_not_used_is_said() -> None:
    away = suggest(replace(ALL, traffic=traffic(0.0), prometheus_away_since=NOON))
    assert "traffic: Prometheus unavailable since 2026-03-01T12:00:00Z, not used" in away.inputs
    stale = suggest(replace(ALL, traffic=traffic(0.0, fresh=False)))
    assert "traffic: 0% of 20 requests/s fail, not used (not fresh, or no requests)" in stale.inputs
    assert "traffic: not configured" in suggest(ALL).inputs


BURNS = st.one_of(st.none(), st.floats(0, 40), st.sampled_from([0.99, 1.0, 5.99, 6.0, 14.39, 14.4]))
RATIOS = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.49, 0.5, 1.0]))


@settings(max_examples=1000)
@given(
    criticality=st.sampled_from(Criticality),
    failing=st.lists(st.integers(0, 3), min_size=2, max_size=2),
    ratios=st.lists(RATIOS, min_size=2, max_size=2),
    limit=st.sampled_from([None, 0.01, 0.6]),
    requests=st.sampled_from([20.0, 0.0]),
    burns=st.lists(BURNS, min_size=2, max_size=2),
    short_burns=st.lists(BURNS, min_size=2, max_size=2),
    shifted=st.booleans(),
)
def test_more_evidence_of_trouble_never_makes_it_milder_but_for_the_probe_path(
    criticality: Criticality,
    failing: list[int],
    ratios: list[float],
    limit: float | None,
    requests: float,
    burns: list[float | None],
    short_burns: list[float | None],
    shifted: bool,
) -> None:
    """
    One more failing check, more errors in the traffic, a faster burn. The one row that lowers on purpose is left out:
    when every check fails and the traffic is as good as ever, it is our way to the service that is broken.
    """

    def seen(failing: int, ratio: float, burn: float | None, short: float | None) -> Evidence:
        within = None if limit is None else ratio <= limit
        view = TrafficView(error_ratio=ratio, requests=requests, within_baseline=within, fresh=True, text="traffic")
        return Evidence(
            criticality=criticality,
            checks=3,
            failing=("a", "b", "c")[:failing],
            traffic=view,
            burn=burn,
            burn_short=short,
            latency_shift="slower" if shifted else "",
        )

    by_burn = lambda burn: -1.0 if burn is None else burn  # noqa: E731 - a key, used twice
    worse = [sorted(failing), sorted(ratios), sorted(burns, key=by_burn), sorted(short_burns, key=by_burn)]
    before, after = (suggest(seen(*values)) for values in zip(*worse, strict=True))
    if after.row is not None and after.row.name == "probe path":
        return
    assert (after.severity or 5) <= (before.severity or 5)


NAMES = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6).map(tuple)
EVIDENCE = st.builds(
    Evidence,
    criticality=st.sampled_from(Criticality),
    checks=st.integers(0, 6),
    failing=NAMES,
    data_loss=NAMES,
    data_loss_unknown=NAMES,
    dependents_failing=NAMES,
    traffic=st.none()
    | st.builds(
        TrafficView,
        error_ratio=st.none() | RATIOS,
        requests=st.none() | st.sampled_from([0.0, 20.0]),
        within_baseline=st.none() | st.booleans(),
        fresh=st.booleans(),
        text=st.just("traffic"),
    ),
    burn_short=BURNS,
    burn=BURNS,
    latency_shift=st.sampled_from(["", "slower"]),
    queue_anomaly=st.sampled_from(["", "2,000 waiting"]),
    restarted=st.sampled_from(["", "uptime fell"]),
    blind=st.sampled_from(["", "no result"]),
    prometheus_away_since=st.none() | st.just(NOON),
)


@given(EVIDENCE)
def test_whatever_is_seen_there_is_a_suggestion_with_all_its_words(evidence: Evidence) -> None:
    """Without a check too: nothing is divided by their number."""
    found = suggest(evidence)

    assert (found.row is None) == (found.severity is None)
    assert found.inputs[0] == f"criticality: {evidence.criticality}"
    assert found.reason
    assert found.severity is SEV1 or found.severity is None or found.lower
    assert suggest(evidence) == found


@given(EVIDENCE, st.randoms(use_true_random=False))
def test_the_order_in_which_trouble_is_named_decides_nothing(evidence: Evidence, random: Random) -> None:
    shuffled = {
        name: tuple(random.sample(names := getattr(evidence, name), len(names)))
        for name in ("failing", "data_loss", "data_loss_unknown", "dependents_failing")
    }

    assert suggest(replace(evidence, **shuffled)).row is suggest(evidence).row


@given(EVIDENCE, st.integers(1, 50))
def test_the_share_of_failing_checks_decides_and_not_their_number(evidence: Evidence, scale: int) -> None:
    many = replace(
        evidence,
        checks=evidence.checks * scale,
        failing=tuple(f"{name}{n}" for name in evidence.failing for n in range(scale)),
    )

    assert suggest(many).row is suggest(evidence).row


def test_only_the_probe_path_lowers_when_one_more_check_fails() -> None:
    some = replace(SOME, criticality=Criticality.CRITICAL, traffic=traffic(0.0))
    assert suggest(some).severity is SEV2
    assert suggest(replace(some, failing=ALL.failing)).severity is SEV3


@pytest.mark.parametrize(
    ("current", "previous", "suggested", "becomes"),
    [
        (None, None, SEV3, SEV3),  # the first takes what there is
        (SEV3, None, SEV1, SEV3),  # once is not enough
        (SEV3, SEV3, SEV1, SEV3),
        (SEV3, SEV1, SEV1, SEV1),
        (SEV3, SEV2, SEV1, SEV2),  # as far as both agree
        (SEV3, SEV1, SEV2, SEV2),
        (SEV2, SEV4, SEV4, SEV2),  # it never falls by itself
        (SEV2, SEV4, None, SEV2),
        (SEV2, SEV1, None, SEV2),
    ],
)
def test_a_rise_must_hold_in_two_evaluations_and_nothing_falls(
    current: Severity | None, previous: Severity | None, suggested: Severity | None, becomes: Severity
) -> None:
    assert raise_severity(current, suggested, previous, None) is becomes


@pytest.mark.parametrize(
    ("lowered_from", "suggested", "becomes"),
    [(SEV2, SEV3, SEV4), (SEV2, SEV2, SEV4), (SEV2, SEV1, SEV1), (SEV1, SEV1, SEV4)],
)
def test_after_a_person_lowered_it_only_something_worse_than_that_raises_it(
    lowered_from: Severity, suggested: Severity, becomes: Severity
) -> None:
    assert raise_severity(SEV4, suggested, suggested, lowered_from) is becomes


@given(st.lists(st.sampled_from([None, *Severity]), max_size=20))
def test_whatever_is_suggested_severity_only_rises(suggestions: list[Severity | None]) -> None:
    current: Severity | None = None
    previous: Severity | None = None
    for suggested in suggestions:
        after = raise_severity(current, suggested, previous, None)
        assert current is None or (after is not None and after <= current)
        current, previous = after, suggested


@given(st.lists(st.sampled_from([None, *Severity]), max_size=12), st.integers(0, 24))
def test_what_lasts_for_two_evaluations_and_a_restart_raises_as_far_as_without_one(
    suggestions: list[Severity | None], restart: int
) -> None:
    """A start knows the severity, and not what the evaluation before it suggested."""

    def played(restarted_before: int | None) -> Severity | None:
        current: Severity | None = None
        previous: Severity | None = None
        for step, suggested in enumerate(one for one in suggestions for _ in range(3)):
            if step == restarted_before:
                previous = None
            current, previous = raise_severity(current, suggested, previous, None), suggested
        return current

    assert played(restart) == played(None)


def test_who_is_woken_and_how_often_people_hear() -> None:
    quarter = timedelta(minutes=15)
    as_rows = {s: (p.page, p.chat, p.update_every, p.external_draft) for s, p in POLICIES.items()}
    assert as_rows == {
        SEV1: (True, True, quarter, True),
        SEV2: (True, True, quarter, True),
        SEV3: (False, True, quarter, False),
        SEV4: (False, False, None, False),
    }

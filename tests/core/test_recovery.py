"""Is it over? Each condition in its three outcomes, and the bound that clean probes prove."""

from __future__ import annotations

from dataclasses import replace
from math import comb
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.recovery import (
    Condition,
    RecoveryEvidence,
    assess,
    closing_note,
    percent,
    proof_text,
    upper_bound,
)
from monitor.core.severity import TrafficView
from monitor.core.sli import Tally

CLEAN = Tally(expected=180, good=180)


def traffic(
    error_ratio: float | None, *, requests: float | None = 12.0, within: bool | None = None, fresh: bool = True
) -> TrafficView:
    text = "no traffic" if error_ratio is None else f"{error_ratio:.1%} of 12 requests/s fail"
    return TrafficView(error_ratio=error_ratio, requests=requests, within_baseline=within, fresh=fresh, text=text)


def asked(evidence: RecoveryEvidence, name: str) -> Condition | None:
    return next((c for c in assess(evidence).conditions if c.name == name), None)


def test_a_service_with_nothing_but_probes_recovers_on_probes_alone() -> None:
    assessment = assess(RecoveryEvidence(tally_since=CLEAN))
    assert [c.name for c in assessment.conditions] == ["no confirmed failure", "no attached alert firing"]
    assert assessment.all_met
    assert assessment.recovered is True
    assert assessment.unmet == ()


def test_a_confirmed_failure_is_named_and_one_to_be_confirmed_is_unproven() -> None:
    name = "no confirmed failure"
    failing = RecoveryEvidence(confirmed_failures=("live", "ready"), unasked=("deep",))
    assert asked(failing, name) == Condition(name, False, "failing: live, ready")
    assert asked(RecoveryEvidence(unasked=("deep",)), name) == Condition(
        name, None, "failed, confirmation to come: deep"
    )
    assert assess(RecoveryEvidence(unasked=("deep",))).recovered is None
    assert assess(failing).recovered is False


@pytest.mark.parametrize(("burn", "met"), [(0.0, True), (0.999, True), (1.0, False), (16.7, False)])
def test_the_burn_of_these_minutes_must_be_below_one(burn: float, met: bool) -> None:
    condition = asked(RecoveryEvidence(tally_since=CLEAN, burn=burn), "burn rate below 1")
    assert condition == Condition("burn rate below 1", met, f"burn rate {burn:.3g}, limit 1")


def test_without_an_objective_there_is_no_burn_to_judge() -> None:
    assert asked(RecoveryEvidence(tally_since=CLEAN), "burn rate below 1") is None


@pytest.mark.parametrize(
    ("ratio", "met", "text"),
    [
        (0.004, False, "error rate 0.4 %, limit 0.2 %"),
        (0.002, True, "error rate 0.2 %, limit 0.2 %"),
        (0.0, True, "error rate 0 %, limit 0.2 %"),
    ],
)
def test_traffic_must_fail_no_more_than_its_baseline(ratio: float, met: bool, text: str) -> None:
    evidence = RecoveryEvidence(
        tally_since=CLEAN, traffic_configured=True, traffic=traffic(ratio), error_ratio_limit=0.002
    )
    assert asked(evidence, "error rate below baseline") == Condition("error rate below baseline", met, text)


@pytest.mark.parametrize("within", [True, False, None])
def test_without_a_limit_the_view_s_own_judgement_counts_and_no_judgement_is_unproven(within: bool | None) -> None:
    evidence = RecoveryEvidence(traffic_configured=True, traffic=traffic(0.01, within=within))
    condition = asked(evidence, "error rate below baseline")
    assert condition == Condition("error rate below baseline", within, "1.0% of 12 requests/s fail")


@pytest.mark.parametrize("requests", [None, 0.0])
def test_no_traffic_is_neither_met_nor_broken_and_the_note_says_so(requests: float | None) -> None:
    evidence = RecoveryEvidence(
        tally_since=CLEAN, traffic_configured=True, traffic=traffic(None, requests=requests), error_ratio_limit=0.002
    )
    assessment = assess(evidence)
    assert asked(evidence, "error rate below baseline") is None
    assert assessment.all_met
    assert "- traffic: no requests, so the error rate says nothing" in closing_note(assessment, "why")


def test_errors_that_nobody_measures_are_left_out_with_a_note() -> None:
    assessment = assess(RecoveryEvidence(traffic_configured=True, traffic=traffic(None)))
    assert assessment.all_met
    assert assessment.notes == ("traffic: errors are not measured",)


@pytest.mark.parametrize(
    ("missed", "recovered", "gap"), [(0, True, False), (1, True, False), (2, True, False), (3, None, True)]
)
def test_two_missed_answers_are_forgiven_and_a_third_is_a_gap(missed: int, recovered: bool | None, gap: bool) -> None:
    view = traffic(0.0, within=True) if missed == 0 else traffic(None, requests=None, fresh=False)
    assessment = assess(
        RecoveryEvidence(tally_since=CLEAN, traffic_configured=True, traffic=view, traffic_missed=missed)
    )
    assert (assessment.recovered, assessment.gap) == (recovered, gap)
    assert bool(assessment.notes) == (missed in (1, 2))


def test_a_source_that_never_answered_or_long_ago_leaves_its_condition_unproven() -> None:
    never = RecoveryEvidence(tally_since=CLEAN, traffic_configured=True)
    assert assess(never).recovered is None
    stale = RecoveryEvidence(tally_since=CLEAN, traffic_configured=True, traffic=traffic(0.0, within=True, fresh=False))
    assert [c.text for c in assess(stale).unmet] == [
        "the last answer of Prometheus is too old: 0.0% of 12 requests/s fail"
    ]


def test_where_no_traffic_is_configured_the_probes_error_rate_is_judged() -> None:
    name = "probes' error rate below baseline"
    one_bad = Tally(expected=180, good=179, bad=1)
    assert asked(RecoveryEvidence(tally_since=one_bad, error_ratio_limit=0.005), name) == Condition(
        name, False, "error rate 0.556 %, limit 0.5 %"
    )
    met = asked(RecoveryEvidence(tally_since=one_bad, error_ratio_limit=0.01), name)
    assert met is not None
    assert met.met is True
    assert asked(RecoveryEvidence(tally_since=Tally(), error_ratio_limit=0.01), name) is None


def test_latency_counts_only_where_there_is_a_baseline() -> None:
    name = "latency not shifted"
    assert asked(RecoveryEvidence(latency_shifted=None), name) is None
    assert asked(RecoveryEvidence(latency_shifted=True), name) == Condition(
        name, False, "latency is above its baseline"
    )
    assert asked(RecoveryEvidence(latency_shifted=False), name) == Condition(
        name, True, "latency is within its baseline"
    )


def test_an_attached_alert_that_fires_bars_recovery() -> None:
    assessment = assess(RecoveryEvidence(tally_since=CLEAN, firing_alerts=("HighErrorRate", "Queue")))
    assert [c.text for c in assessment.unmet] == ["firing: HighErrorRate, Queue"]


@pytest.mark.parametrize("mitigated", [True, False])
def test_what_was_declared_waits_for_a_word(mitigated: bool) -> None:
    assert assess(RecoveryEvidence(tally_since=CLEAN, declared=True, mitigated=mitigated)).all_met is mitigated


def test_broken_outweighs_unproven() -> None:
    both = RecoveryEvidence(unasked=("live",), firing_alerts=("Queue",))
    assert assess(both).recovered is False


# -- the bound ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "bound"), [(30, 0.095), (90, 0.033), (180, 0.0165), (540, 0.0055), (1080, 0.0028), (3000, 0.0010)]
)
def test_clean_probes_prove_what_they_prove(n: int, bound: float) -> None:
    assert upper_bound(0, n) == pytest.approx(bound, rel=0.02)
    assert upper_bound(0, n) == pytest.approx(1 - 0.05 ** (1 / n))


@pytest.mark.parametrize(("bad", "n", "bound"), [(1, 10, 0.3942), (5, 100, 0.1023), (10, 20, 0.6980), (9, 10, 0.9949)])
def test_with_failures_it_is_the_bound_of_clopper_and_pearson(bad: int, n: int, bound: float) -> None:
    assert upper_bound(bad, n) == pytest.approx(bound, abs=1e-4)


def test_nothing_is_proven_by_nothing_or_by_failures_alone() -> None:
    assert upper_bound(0, 0) == 1.0
    assert upper_bound(7, 7) == 1.0


@pytest.mark.parametrize(("bad", "n"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(bad: int, n: int) -> None:
    with pytest.raises(ValueError, match="cannot have failed"):
        upper_bound(bad, n)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
def test_at_the_bound_so_few_failures_have_a_chance_of_one_in_twenty(counts: tuple[int, int]) -> None:
    bad, n = counts
    p = upper_bound(bad, n)
    chance = sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(bad + 1))
    assert chance == pytest.approx(0.05, abs=1e-5)
    assert bad / n < p < 1
    assert upper_bound(bad, n + 1) < p < upper_bound(bad + 1, n)


def test_a_week_of_fast_probes_with_many_failures_is_still_computed() -> None:
    assert upper_bound(2_000, 120_000) == pytest.approx(0.0167 + 1.645 * (0.0167 * 0.9833 / 120_000) ** 0.5, abs=1e-4)


# -- words -------------------------------------------------------------------------------------------------------


def test_the_closing_note_says_what_was_reached() -> None:
    tally = Tally(expected=180, good=180)
    assessment = assess(RecoveryEvidence(tally_since=tally, burn=0.0, latency_shifted=False))
    assert closing_note(assessment, "every recovery condition held for 30m0s") == (
        "every recovery condition held for 30m0s; "
        "0 of 180 probes failed: with 95 % confidence the error ratio is below 1.65 %\n"
        "- no confirmed failure in 180 probes\n"
        "- burn rate 0, limit 1\n"
        "- latency is within its baseline\n"
        "- no attached alert fires"
    )
    assert assessment.proof == proof_text(tally)
    assert proof_text(Tally(unknown=3)) == "no probe has answered: nothing is proven"


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(0, "0 %"), (0.004, "0.4 %"), (0.0165, "1.65 %"), (1, "100 %"), (0.0000012, "less than 0.001 %"), (0.95, "95 %")],
)
def test_percent_has_three_digits_and_a_space(ratio: float, text: str) -> None:
    assert percent(ratio) == text


def test_one_missing_answer_is_forgiven_to_what_recovers_and_proves_nothing_while_open():
    away = TrafficView(error_ratio=None, requests=None, within_baseline=None, fresh=False, text="away")
    evidence = RecoveryEvidence(traffic_configured=True, traffic=away, traffic_missed=1)

    assert assess(evidence).all_met
    assert assess(replace(evidence, recovering=False)).recovered is None


NAMES = st.lists(st.sampled_from("abcdef"), unique=True, max_size=4).map(tuple)
VIEWS = st.none() | st.builds(
    TrafficView,
    error_ratio=st.none() | st.floats(0, 1),
    requests=st.none() | st.sampled_from([0.0, 12.0]),
    within_baseline=st.none() | st.booleans(),
    fresh=st.booleans(),
    text=st.just("traffic"),
)
SEEN = st.builds(
    RecoveryEvidence,
    confirmed_failures=NAMES,
    unasked=NAMES,
    tally_since=st.builds(Tally, good=st.integers(0, 400), bad=st.integers(0, 400)),
    burn=st.none() | st.floats(0, 100),
    traffic=VIEWS,
    traffic_configured=st.booleans(),
    traffic_missed=st.integers(0, 4),
    data_loss=st.none() | NAMES,
    data_loss_unknown=NAMES,
    error_ratio_limit=st.none() | st.floats(0, 1),
    latency_shifted=st.none() | st.booleans(),
    firing_alerts=NAMES,
    declared=st.booleans(),
    mitigated=st.booleans(),
    recovering=st.booleans(),
)
HOW_FAR = {False: 0, None: 1, True: 2}


@given(SEEN)
def test_whatever_is_seen_is_assessed_and_told(evidence: RecoveryEvidence) -> None:
    """Without a probe and without a request too: nothing is divided by their number."""
    found = assess(evidence)

    assert found.recovered is (True if found.all_met else found.recovered)
    assert closing_note(found, "it is over").startswith(f"it is over; {found.proof}")
    assert assess(evidence) == found


@given(SEEN)
def test_any_trouble_bars_recovery_and_more_of_it_never_looks_better(evidence: RecoveryEvidence) -> None:
    before = HOW_FAR[assess(evidence).recovered]
    unconfirmed = assess(replace(evidence, unasked=(*evidence.unasked, "g")))
    broken = [
        replace(evidence, confirmed_failures=(*evidence.confirmed_failures, "g")),
        replace(evidence, burn=(evidence.burn or 0.0) + 1),
        replace(evidence, latency_shifted=True),
        replace(evidence, firing_alerts=(*evidence.firing_alerts, "g")),
        replace(evidence, data_loss=(*(evidence.data_loss or ()), "g")),
    ]

    assert all(assess(one).recovered is False for one in broken)
    assert unconfirmed.recovered is not True
    assert HOW_FAR[unconfirmed.recovered] <= before


@given(SEEN, st.randoms(use_true_random=False))
def test_the_order_in_which_trouble_is_named_decides_nothing(evidence: RecoveryEvidence, random: Random) -> None:
    shuffled = {
        name: tuple(random.sample(names := getattr(evidence, name), len(names)))
        for name in ("confirmed_failures", "unasked", "data_loss_unknown", "firing_alerts")
    }

    met = {condition.name: condition.met for condition in assess(evidence).conditions}
    assert {c.name: c.met for c in assess(replace(evidence, **shuffled)).conditions} == met


@given(st.integers(0, 50), st.integers(1, 400), st.integers(1, 200))
def test_each_clean_probe_proves_more_and_each_failure_less(bad: int, good: int, more: int) -> None:
    n = bad + good
    bound = upper_bound(bad, n)

    assert bad / n <= bound <= 1
    assert upper_bound(bad, n + more) <= bound + 1e-9
    assert upper_bound(bad + 1, n + 1) >= bound - 1e-9

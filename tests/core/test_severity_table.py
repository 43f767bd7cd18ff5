"""The severity table as data: what a term says, which rows can decide, and what would have changed it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.severity import Criticality, Evidence, Severity, TrafficView
from monitor.core.severity_table import TABLE, Alternative, Row, never_decides, suggest
from monitor.core.signals import SIGNALS, Comparison, Span, Term

ONE_OF_FOUR = Evidence(checks=4, failing=("live",))
ALL = Evidence(checks=2, failing=("live", "ready"))


def traffic(ratio: float, within: bool | None = None) -> TrafficView:
    return TrafficView(error_ratio=ratio, requests=20.0, within_baseline=within, fresh=True, text="traffic")


SEEN = replace(ONE_OF_FOUR, traffic=traffic(0.2, within=False))


@pytest.mark.parametrize(
    ("evidence", "term", "holds"),
    [
        (ONE_OF_FOUR, Term("failing_share", ">=", 0.25), True),
        (ONE_OF_FOUR, Term("failing_share", ">", 0.25), False),
        (ONE_OF_FOUR, Term("failing_share", "<=", 0.25), True),
        (ONE_OF_FOUR, Term("failing_share", "<", 0.25), False),
        (Evidence(checks=0), Term("failing_share", ">", 0.0), False),
        (Evidence(checks=0), Term.switch("all_checks_failing"), False),
        (ALL, Term.switch("all_checks_failing"), True),
        (ALL, Term.switch("all_checks_failing", False), False),
        (replace(ALL, dependents_failing=("web", "orders")), Term("dependents_failing", ">=", 2.0), True),
        (replace(ALL, dependents_failing=("web",)), Term("dependents_failing", ">=", 2.0), False),
        (replace(ALL, data_loss=("live",)), Term.switch("data_loss"), True),
        (SEEN, Term("traffic_errors", ">=", 0.2), True),
        (SEEN, Term.switch("traffic_within_baseline", False), True),
        # What is not known holds neither way.
        (replace(ALL, data_loss_unknown=("lost: away",)), Term.switch("data_loss"), False),
        (replace(ALL, data_loss_unknown=("lost: away",)), Term.switch("data_loss", False), False),
        (replace(ALL, data_loss_unknown=("lost: away",), data_loss=("live",)), Term.switch("data_loss"), True),
        (ONE_OF_FOUR, Term("traffic_errors", ">=", 0.0), False),
        (ONE_OF_FOUR, Term("traffic_errors", "<", 1.0), False),
        (ONE_OF_FOUR, Term.switch("traffic_within_baseline"), False),
        (ONE_OF_FOUR, Term.switch("traffic_within_baseline", False), False),
        (ONE_OF_FOUR, Term.switch("traffic_usable", False), True),
    ],
)
def test_a_term_holds_at_its_limit_or_beside_it(evidence: Evidence, term: Term, holds: bool) -> None:
    assert term.holds(evidence) is holds


@pytest.mark.parametrize(
    ("term", "text"),
    [
        (Term("failing_share", ">", 0.0), "some checks fail"),
        (Term("failing_share", ">=", 0.5), "50 % or more of the checks fail"),
        (Term("traffic_errors", "<", 0.05), "less than 5 % of the traffic fails"),
        (Term("dependents_failing", "<=", 3.0), "3 or less of its dependents fail"),
        (Term("burn", ">", 6.0), "the burn rate is more than 6"),
        (Term.switch("restart"), "there was a restart"),
        (Term.switch("restart", False), "there was no restart"),
    ],
)
def test_a_term_in_words(term: Term, text: str) -> None:
    assert term.text == text


def test_every_switch_has_words_for_both_and_every_amount_a_place_for_it() -> None:
    for name, signal in SIGNALS.items():
        assert ("{}" in signal.says) is (signal.kind != "switch"), name
        assert bool(signal.says_not) is (signal.kind == "switch"), name


# -- which rows can decide ---------------------------------------------------------------------------------------


def rows(*conditions: list[Term]) -> tuple[Row, ...]:
    return tuple(Row.of(f"row {n}", "1234", terms) for n, terms in enumerate(conditions))


@pytest.mark.parametrize(
    ("terms", "above", "found"),
    [
        ([Term("burn", ">=", 6.0)], [Term("burn", ">=", 6.0)], "row 0"),
        ([Term("burn", ">", 6.0)], [Term("burn", ">=", 6.0)], "row 0"),
        ([Term("burn", ">=", 6.0)], [Term("burn", ">", 6.0)], None),
        ([Term("burn", ">=", 5.9)], [Term("burn", ">=", 6.0)], None),
        ([Term("burn", "<", 1.0)], [Term("burn", ">=", 0.0)], "row 0"),
        ([Term.switch("all_checks_failing")], [Term("failing_share", ">", 0.0)], "row 0"),
        ([Term("failing_share", ">", 0.0)], [Term.switch("all_checks_failing")], None),
        ([Term("traffic_errors", ">", 0.1)], [Term.switch("traffic_usable")], "row 0"),
        ([Term.switch("traffic_within_baseline", False)], [Term.switch("traffic_usable")], "row 0"),
        ([Term("burn", ">=", 6.0), Term.switch("restart")], [Term.switch("restart")], "row 0"),
        ([Term.switch("restart")], [Term("burn", ">=", 6.0), Term.switch("restart")], None),
        ([Term.switch("restart", False)], [Term.switch("restart")], None),
        ([Term("failing_share", "<", 0.0)], [Term.switch("blind")], ""),
        ([Term.switch("all_checks_failing"), Term("failing_share", "<", 1.0)], [Term.switch("blind")], ""),
        ([Term("traffic_errors", ">", 1.0)], [Term.switch("blind")], ""),
    ],
)
def test_a_row_that_can_never_decide_is_found(terms: list[Term], above: list[Term], found: str | None) -> None:
    assert never_decides(Alternative(tuple(terms)), rows(above)) == found


def test_every_alternative_of_the_playbook_s_table_can_decide() -> None:
    for index, row in enumerate(TABLE):
        assert [never_decides(alternative, TABLE[:index]) for alternative in row.alternatives] == [None] * len(
            row.alternatives
        )


COMPARISONS: tuple[Comparison, ...] = (">=", ">", "<=", "<")
SHARES = st.builds(
    Term,
    st.sampled_from(["failing_share", "traffic_errors"]),
    st.sampled_from(COMPARISONS),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
)
SWITCHES = st.builds(
    Term.switch,
    st.sampled_from(["all_checks_failing", "traffic_usable", "traffic_within_baseline", "restart"]),
    st.booleans(),
)
GROUPS = st.lists(SHARES | SWITCHES, min_size=1, max_size=3)


@given(GROUPS, st.lists(GROUPS, max_size=3))
def test_what_is_called_undeciding_never_decides(terms: list[Term], above: list[list[Term]]) -> None:
    """Against every evidence that these signals can tell apart."""
    found = never_decides(Alternative(tuple(terms)), rows(*above))
    if found is None:
        return
    for failing, ratio, within, restarted in product(
        range(5), [None, 0.0, 0.2, 0.25, 0.4, 0.5, 1.0], [None, True, False], ["", "yes"]
    ):
        evidence = Evidence(
            checks=4,
            failing=("a", "b", "c", "d")[:failing],
            restarted=restarted,
            traffic=None if ratio is None else traffic(ratio, within),
        )
        if Alternative(tuple(terms)).holds(evidence):
            assert any(row.holds(evidence) for row in rows(*above))


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (Span(0, 1), Span(0.5, 2), Span(0.5, 1)),
        (Span(0, 1), Span(0, 1, low_open=True), Span(0, 1, low_open=True)),
        (Span(0, 1, high_open=True), Span(0, 1), Span(0, 1, high_open=True)),
    ],
)
def test_what_two_spans_share(one: Span, other: Span, both: Span) -> None:
    assert one & other == both == other & one
    assert both.lies_in(one)
    assert both.lies_in(other)


# -- what would have changed it ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evidence", "higher", "lower"),
    [
        (
            replace(ONE_OF_FOUR, criticality=Criticality.HIGH),
            "SEV2 if 50 % or more of the traffic fails (not known)",
            "SEV4 if no more than this: the burn rate is 1 or more, "
            "or there is a queue anomaly, or there was a restart, or we are blind",
        ),
        (
            replace(ALL, criticality=Criticality.HIGH, traffic=traffic(0.2)),
            "SEV2 if 50 % or more of the traffic fails (now 20 %)",
            "SEV4 if no more than this: the burn rate is 1 or more, "
            "or there is a queue anomaly, or there was a restart, or we are blind",
        ),
        (
            Evidence(checks=2, restarted="yes"),
            "SEV3 if some checks fail (now 0 %)",
            "none if no row held",
        ),
        # The one row that lowers on purpose: what is below it would decide without it.
        (
            replace(ALL, criticality=Criticality.CRITICAL, traffic=traffic(0.0, within=True)),
            "SEV2 if this no longer held: all checks fail and traffic is within its baseline",
            "SEV4 if no more than this: the burn rate is 1 or more, "
            "or there is a queue anomaly, or there was a restart, or we are blind",
        ),
        (
            Evidence(checks=2, burn=2.0),
            "SEV3 if some checks fail (now 0 %)",
            "none if no row held",
        ),
    ],
)
def test_what_would_have_made_it_higher_or_lower(evidence: Evidence, higher: str, lower: str) -> None:
    suggestion = suggest(evidence)
    assert (suggestion.higher, suggestion.lower) == (higher, lower)


@pytest.mark.parametrize("criticality", list(Criticality))
@pytest.mark.parametrize("failing", range(5))
@pytest.mark.parametrize("ratio", [None, 0.0, 0.2, 0.6])
def test_what_was_called_one_step_higher_is_the_smallest_rise(
    criticality: Criticality, failing: int, ratio: float | None
) -> None:
    """With the traffic, the checks and the burn as bad as they can be, one after the other, it rises no less."""
    seen = Evidence(
        criticality=criticality,
        checks=4,
        failing=("a", "b", "c", "d")[:failing],
        traffic=None if ratio is None else traffic(ratio, ratio <= 0.01),
    )
    suggestion = suggest(seen)
    worst = replace(seen, data_loss=("a",))
    if not suggestion.higher:
        assert suggestion.severity is suggest(worst).severity is Severity.SEV1
        return
    told = Severity[suggestion.higher[:4]]
    before = suggestion.severity or 5
    assert told < before
    reachable = {
        suggest(change).severity
        for change in (
            worst,
            replace(seen, burn_short=20.0),
            replace(seen, burn=6.0),
            replace(seen, burn=1.0),
            replace(seen, failing=("a", "b", "c", "d")),
            replace(seen, failing=("a",)),
            replace(seen, traffic=traffic(1.0)),
        )
    }
    assert told in reachable
    assert not [s for s in reachable if s is not None and told < s < before]


def test_a_team_s_own_table_decides_by_share_and_by_dependents() -> None:
    table = (
        Row.of("many wait for it", "1223", [Term("dependents_failing", ">=", 2.0)]),
        Row.of("most of it", "2334", [Term("failing_share", ">=", 0.5)]),
    )
    half = Evidence(checks=4, failing=("a", "b"), criticality=Criticality.CRITICAL)

    assert suggest(half, table).severity is Severity.SEV2
    assert suggest(half, table).higher == "SEV1 if 2 or more of its dependents fail (now 0)"
    assert suggest(replace(half, failing=("a",)), table).severity is None
    waited_for = replace(half, dependents_failing=("web", "orders"))
    assert suggest(waited_for, table).severity is Severity.SEV1
    assert "dependents: 2 failing (web, orders)" in suggest(waited_for, table).inputs

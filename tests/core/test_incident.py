"""The incident machine, as timelines a person can read and as facts about its table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.incident import (
    DUE,
    TRANSITIONS,
    Event,
    IllegalTransition,
    Incident,
    State,
    Timing,
    Transition,
    acknowledge,
    duration_text,
    gap_limit,
    mitigated,
    observed,
    quiet_after,
    step,
    transition_text,
)
from monitor.core.severity import Severity

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EVERY = timedelta(seconds=30)
TIMING = Timing(
    open_after=timedelta(seconds=60), stable_for=timedelta(seconds=90), reopen_within=timedelta(seconds=120)
)
LETTER = {State.CLEAR: "c", State.PENDING: "p", State.OPEN: "O", State.RECOVERING: "r", State.RESOLVED: "R"}


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def clear() -> Incident:
    return Incident(service="orders", since=T0)


def play(script: str, timing: Timing = TIMING) -> tuple[str, list[Transition]]:
    """
    One evaluation every 30 s, one letter each.

    B breach with alarm, b breach without, . all is well, ? no breach but recovery unproven, ! no breach but a recovery
    condition broken, - gap, D declared, C confirmed, X resolved by a person.
    """
    said = {"D": Event.DECLARED, "C": Event.CONFIRM, "X": Event.RESOLVE}
    incident, states, quiet = clear(), "", 0
    moves: list[Transition] = []
    for index, letter in enumerate(script):
        breached = letter in "Bb"
        quiet = quiet_after(quiet, breached)
        event = said.get(letter) or observed(
            incident.state,
            breached=breached,
            gap=letter == "-",
            quiet=quiet,
            recovered={".": True, "!": False}.get(letter),
        )
        if event is not None:
            now = T0 + index * EVERY
            incident, moved = step(
                incident, event, now, timing, alarm=letter == "B", by="ada" if letter in said else ""
            )
            moves += moved
        states += LETTER[incident.state]
    return states, moves


@pytest.mark.parametrize(
    ("script", "states"),
    [
        ("BBB....", "ppOrrrR"),  # the whole story: held a minute, then stable for one and a half
        ("BB.BBB", "pppOOO"),  # one quiet evaluation is not calm: the breach goes on from its first failure
        ("BB..BBB", "pppcppO"),  # two are, and the next breach begins anew
        ("bbbbbbb", "ppppppp"),  # without an alarm it stays pending, however long
        ("bbbB", "pppO"),  # the alarm comes late: open_after has long passed
        ("BB-BBB", "ppcppO"),  # a gap while pending is no evidence of anything
        ("BBB..-..", "ppOrrrrr"),  # a gap starts the clock again
        ("BBB..-...", "ppOrrrrrR"),
        ("BBB..?.", "ppOrrrR"),  # one evaluation without an answer proves nothing and breaks nothing
        ("BBB...?", "ppOrrrr"),  # but nothing settles in it
        ("BBB...?.", "ppOrrrrR"),
        ("BBB..!....", "ppOrrOrrrR"),  # a broken condition sends it back: only unbroken time counts
        ("BBB..b....", "ppOrrOrrrR"),  # so does a breach, alarm or not
        ("BBB---", "ppOOOO"),  # silence does not recover
        ("BBB???", "ppOOOO"),
        ("BBBX", "ppOR"),
        ("BBB.X", "ppOrR"),
        ("BBB....b", "ppOrrrRO"),  # a relapse: a single breach reopens at once
        ("BBB....-.", "ppOrrrRRR"),
        ("BBB.........", "ppOrrrRRRRRc"),  # after reopen_within (more than 120 s) the service is clear
        ("BBB........b", "ppOrrrRRRRRp"),  # and a breach is then a new incident's first
        ("D", "O"),
        ("bD", "pO"),
        ("bC", "pO"),
        (".-.", "ccc"),
    ],
)
def test_a_timeline_is_what_the_rules_say(script: str, states: str) -> None:
    assert play(script)[0] == states


def test_a_declared_incident_without_a_breach_of_ours_never_recovers_by_itself() -> None:
    assert play("D" + "." * 50)[0] == "O" * 51
    incident, _ = step(clear(), Event.DECLARED, T0, TIMING)
    assert incident.declared_by == "a person"
    assert incident.needs_mitigation
    incident, moves = step(mitigated(incident, "ada"), Event.CALM, at(60), TIMING)
    assert (incident.state, len(moves)) == (State.RECOVERING, 1)


def test_a_declared_incident_that_we_then_see_ourselves_recovers_by_our_own_measure() -> None:
    assert play("DB....")[0] == "OOrrrR"
    assert play("bD....")[0] == "pOrrrR"


def test_in_suggest_mode_an_alarm_waits_for_a_person() -> None:
    suggest = replace(TIMING, open_mode="suggest")
    assert play("BBBBBB", suggest)[0] == "pppppp"
    assert play("BBBBCB", suggest)[0] == "ppppOO"


@pytest.mark.parametrize(
    ("held", "alarm", "state"),
    [(59.999, True, State.PENDING), (60, True, State.OPEN), (60, False, State.PENDING), (3600, False, State.PENDING)],
)
def test_it_opens_with_an_alarm_exactly_open_after_the_first_failure(held: float, alarm: bool, state: State) -> None:
    # The failing probe was due before its result was judged: the minute counts from the probe.
    pending, _ = step(clear(), Event.BREACH, at(10), TIMING, failed_at=T0)
    assert pending.first_failure_at == T0
    incident, _ = step(pending, Event.BREACH, at(held), TIMING, alarm=alarm)
    assert incident.state is state


def test_it_settles_exactly_stable_for_after_recovering_began_and_only_on_a_calm() -> None:
    recovering = Incident(service="orders", since=T0, state=State.RECOVERING, id="01J", opened_at=at(-600))
    assert step(recovering, Event.CALM, at(89.999), TIMING)[0].state is State.RECOVERING
    assert step(recovering, Event.CALM, at(90), TIMING)[0].state is State.RESOLVED
    after_gap, moves = step(recovering, Event.GAP, at(90), TIMING)
    assert (after_gap.state, after_gap.since, moves) == (State.RECOVERING, at(90), ())


@pytest.mark.parametrize(("seconds", "state"), [(120, State.OPEN), (120.001, State.PENDING)])
def test_a_breach_reopens_up_to_and_including_reopen_within(seconds: float, state: State) -> None:
    resolved = Incident(service="orders", since=T0, state=State.RESOLVED, id="01J", number=7, resolved_at=T0)
    incident, moves = step(resolved, Event.BREACH, at(seconds), TIMING)
    assert incident.state is state
    assert incident.id == ("01J" if state is State.OPEN else "")
    assert [m.event for m in moves] == ([Event.BREACH] if state is State.OPEN else [Event.LAPSED, Event.BREACH])


def test_a_relapse_is_the_same_incident_with_nobody_on_it() -> None:
    resolved = Incident(
        service="orders",
        since=T0,
        state=State.RESOLVED,
        id="01J",
        number=7,
        opened_at=at(-900),
        resolved_at=T0,
        severity=Severity.SEV3,
        lowered_from=Severity.SEV1,
        acknowledged_by="ada",
        acknowledged_at=at(-800),
        mitigated_by="ada",
    )
    again, (move,) = step(resolved, Event.BREACH, at(60), TIMING, reason="live: refused")
    assert (again.id, again.number, again.reopened, again.opened_at) == ("01J", 7, 1, at(-900))
    assert (again.acknowledged_by, again.acknowledged_at, again.mitigated_by) == ("", None, "")
    assert (again.severity, again.lowered_from, again.resolved_at) == (Severity.SEV3, None, None)
    assert move.reason == "breached again 1m0s after it was resolved: live: refused"


def test_a_fresh_subject_remembers_nothing_of_the_old_incident() -> None:
    resolved = Incident(service="orders", since=T0, state=State.RESOLVED, id="01J", number=7, resolved_at=T0)
    assert step(resolved, Event.CALM, at(121), TIMING)[0] == Incident(service="orders", since=at(121))


def test_without_open_after_and_stable_for_everything_happens_at_once() -> None:
    at_once = Timing(open_after=timedelta(0), stable_for=timedelta(0))
    incident, moves = step(clear(), Event.BREACH, T0, at_once, alarm=True)
    assert [(m.old, m.new) for m in moves] == [(State.CLEAR, State.PENDING), (State.PENDING, State.OPEN)]
    assert incident.opened_at == T0
    assert step(incident, Event.CALM, T0, at_once)[0].state is State.RESOLVED
    recovering = replace(incident, state=State.RECOVERING)
    assert step(recovering, Event.GAP, at(1), at_once)[0].state is State.RECOVERING  # nothing seen, nothing proven


# -- the table ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_pair_moves_as_the_table_says_or_is_refused_with_both_names(state: State, event: Event) -> None:
    incident = Incident(service="orders", since=T0, state=state, resolved_at=T0)
    wanted = TRANSITIONS.get((state, event))
    if event in DUE or wanted is None:
        with pytest.raises(IllegalTransition, match=f"^orders: no {event} while {state}$"):
            step(incident, event, T0, TIMING)
    else:
        after, moves = step(incident, event, T0, TIMING)
        assert after.state is wanted
        assert [(m.old, m.new, m.event) for m in moves] == ([] if wanted is state else [(state, wanted, event)])


def test_nothing_but_a_breach_leads_from_resolved_towards_open() -> None:
    leaving = {(event, new) for (old, event), new in TRANSITIONS.items() if old is State.RESOLVED and new is not old}
    assert leaving == {(Event.BREACH, State.OPEN), (Event.LAPSED, State.CLEAR)}


def test_only_live_states_resolve_and_clear_is_never_entered_from_them() -> None:
    assert {old for (old, _), new in TRANSITIONS.items() if new is State.RESOLVED and old is not new} == {
        State.OPEN,
        State.RECOVERING,
    }
    assert {old for (old, _), new in TRANSITIONS.items() if new is State.CLEAR} == {
        State.CLEAR,
        State.PENDING,
        State.RESOLVED,
    }


def test_every_state_is_reachable_and_none_is_a_trap() -> None:
    def reachable(start: State) -> set[State]:
        found = {start}
        while more := {new for (old, _), new in TRANSITIONS.items() if old in found} - found:
            found |= more
        return found

    assert all(reachable(state) == set(State) for state in State)


def test_what_is_seen_is_legal_in_every_state() -> None:
    assert all((state, event) in TRANSITIONS for state, event in product(State, (Event.BREACH, Event.CALM, Event.GAP)))


# -- properties --------------------------------------------------------------------------------------------------

SEEN = st.tuples(
    st.sampled_from([Event.BREACH, Event.CALM, Event.GAP, Event.DECLARED, Event.RESOLVE, Event.CONFIRM]),
    st.integers(min_value=0, max_value=200),
    st.booleans(),
)


@given(st.lists(SEEN, max_size=60))
def test_every_opening_has_at_most_one_close_and_every_transition_continues_the_last(
    story: list[tuple[Event, int, bool]],
) -> None:
    incident, now = clear(), T0
    moves: list[Transition] = []
    for event, seconds, alarm in story:
        now += timedelta(seconds=seconds)
        try:
            incident, moved = step(incident, event, now, TIMING, alarm=alarm)
        except IllegalTransition:
            assert event in (Event.DECLARED, Event.RESOLVE, Event.CONFIRM)  # what is seen is never refused
            continue
        moves += moved
    states = [State.CLEAR, *(move.new for move in moves)]
    assert [move.old for move in moves] == states[:-1]
    assert states[-1] is incident.state
    opened_and_closed = [
        move.new
        for move in moves
        if move.new is State.RESOLVED or (move.new is State.OPEN and move.old is not State.RECOVERING)
    ]
    assert opened_and_closed[0::2] == [State.OPEN] * len(opened_and_closed[0::2])
    assert opened_and_closed[1::2] == [State.RESOLVED] * len(opened_and_closed[1::2])


@given(st.lists(st.tuples(st.sampled_from([Event.BREACH, Event.CALM, Event.GAP]), st.integers(0, 60)), max_size=80))
def test_it_never_resolves_by_itself_with_a_breach_or_a_gap_within_stable_for(story: list[tuple[Event, int]]) -> None:
    incident, now, disturbed_at = clear(), T0, None
    for event, seconds in story:
        now += timedelta(seconds=seconds)
        incident, moves = step(incident, event, now, TIMING, alarm=True)
        if event is not Event.CALM:
            disturbed_at = now
        if any(move.new is State.RESOLVED for move in moves):
            assert disturbed_at is not None
            assert now - disturbed_at >= TIMING.stable_for


# -- people ------------------------------------------------------------------------------------------------------


def test_a_person_takes_a_live_incident_and_another_may_take_it_over() -> None:
    incident, _ = step(clear(), Event.DECLARED, T0, TIMING, by="ada")
    taken = acknowledge(incident, "ada", at(30))
    assert (taken.state, taken.acknowledged_by, taken.acknowledged_at) == (State.OPEN, "ada", at(30))
    assert acknowledge(taken, "grace", at(60)).acknowledged_by == "grace"


@pytest.mark.parametrize("state", [State.CLEAR, State.PENDING, State.RESOLVED])
def test_what_is_not_live_is_neither_acknowledged_nor_mitigated(state: State) -> None:
    incident = Incident(service="orders", since=T0, state=state)
    with pytest.raises(IllegalTransition, match=f"orders: no ack while {state}"):
        acknowledge(incident, "ada", T0)
    with pytest.raises(IllegalTransition, match=f"orders: no mitigate while {state}"):
        mitigated(incident, "ada")


def test_resolving_says_who_did_it() -> None:
    _, moves = play("BBBX")
    assert (moves[-1].event, moves[-1].reason) == (Event.RESOLVE, "resolved by ada")


# -- words -------------------------------------------------------------------------------------------------------


def test_the_log_reads_like_a_story() -> None:
    _, moves = play("BBB....b")
    assert [transition_text(move) for move in moves] == [
        "orders: clear => pending, breached",
        "orders: pending => open, breached for 1m0s",
        "orders: open => recovering, every recovery condition holds",
        "orders: recovering => resolved, every recovery condition held for 1m30s",
        "orders: resolved => open, breached again 30s after it was resolved",
    ]
    assert transition_text(moves[1], Severity.SEV2) == "orders: pending => open (SEV2), breached for 1m0s"


def test_the_reason_of_the_alarm_becomes_the_reason_of_the_incident_and_recovering_keeps_it() -> None:
    pending, _ = step(clear(), Event.BREACH, T0, TIMING, reason="live: timeout")
    opened, (move,) = step(pending, Event.BREACH, at(60), TIMING, alarm=True, reason="live: failed 4 of 4")
    assert move.reason == "breached for 1m0s: live: failed 4 of 4"
    assert step(opened, Event.CALM, at(90), TIMING, reason="fine")[0].reason == "live: failed 4 of 4"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (45, "45s"), (60, "1m0s"), (93605, "26h0m5s"), (-3, "0s"), (59.7, "1m0s")]
)
def test_durations_are_written_in_whole_seconds(seconds: float, text: str) -> None:
    assert duration_text(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(("interval", "limit"), [(5, 120), (60, 120), (60.5, 121), (300, 600)])
def test_a_gap_is_two_intervals_and_at_least_two_minutes(interval: float, limit: float) -> None:
    assert gap_limit(interval) == timedelta(seconds=limit)

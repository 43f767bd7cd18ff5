"""Latency against its baseline, one score a minute: shifted, settled, proposed once, and over."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.baseline import Baseline, Quality, Signal
from monitor.core.severity import Severity
from monitor.response.levels import accepted, proposed
from monitor.response.observe import Surroundings, observe
from monitor.response.tracks import LatencyTrack, QueueTrack, settled, shift_of

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def usual(level: float = 0.120) -> Baseline:
    random = Random(1)
    return Baseline(
        service="orders",
        check="live",
        signal=Signal.PROBE_LATENCY,
        time_zone="UTC",
        fitted_at=T0,
        since=T0 - timedelta(days=42),
        quality=Quality.FITTED,
        slots={hour: [level * random.lognormvariate(0.0, 0.2) for _ in range(60)] for hour in range(168)},
    )


class Minutes:
    """Feeds scores of one minute each, and remembers when it is."""

    def __init__(self) -> None:
        self.track, self.baseline, self.now, self.random = LatencyTrack(), usual(), T0, Random(2)

    def feed(self, level: float, minutes: int) -> Minutes:
        for _ in range(minutes):
            self.track.take(self.now, level * self.random.lognormvariate(0.0, 0.2), self.baseline)
            self.now += MINUTE
        return self


@pytest.fixture
def shifted() -> Minutes:
    """An hour as usual, and then three times as slow until that is confirmed."""
    minutes = Minutes().feed(0.120, 60)
    while not minutes.track.shift:
        minutes.feed(0.360, 1)
        assert minutes.now < T0 + timedelta(minutes=80)
    return minutes


def test_a_shift_begins_where_its_evidence_began(shifted):
    began = shifted.track.onset_at

    assert T0 + timedelta(minutes=55) <= began <= T0 + timedelta(minutes=61)
    assert "against" in shifted.track.shift
    assert "%" in shifted.track.shift


def test_what_is_still_a_little_slower_is_over():
    """Every score lies above all usual ones, so the CUSUM stays full; but ten per cent are nothing to tell."""
    steady = Baseline(
        service="orders",
        check="live",
        signal=Signal.PROBE_LATENCY,
        time_zone="UTC",
        fitted_at=T0,
        since=T0 - timedelta(days=42),
        quality=Quality.FITTED,
        slots={hour: [0.120 + 0.0001 * i for i in range(60)] for hour in range(168)},
    )
    track = LatencyTrack()
    for minute, seconds in enumerate([0.240] * 20 + [0.135] * 4):
        track.take(T0 + minute * MINUTE, seconds, steady)
    assert track.shift

    for minute in range(24, 34):
        track.take(T0 + minute * MINUTE, 0.135, steady)
    assert not track.shift


def test_what_a_service_is_told_began_with_its_earliest_confirmed_shift(shifted):
    later = Minutes().feed(0.120, 90).feed(0.360, 20)

    told = shift_of([LatencyTrack(), later.track, shifted.track])

    assert told.since == shifted.track.onset_at < later.track.onset_at
    assert told.text == f"{later.track.shift}; {shifted.track.shift}"
    assert (shift_of([LatencyTrack()]).text, shift_of([Minutes().feed(0.120, 9).track]).text) == (None, "")


def test_an_incident_of_a_shift_began_with_its_onset(begin, shifted):
    around = Surroundings(latency_shift=shifted.track.shift, shifted_since=shifted.track.onset_at)

    seen = observe(begin().watches["payments"], around, shifted.now)

    assert (seen.alarm, seen.first_failure_at) == (shifted.track.shift, shifted.track.onset_at)


def test_after_two_flat_hours_it_is_proposed_once(shifted):
    confirmed = shifted.now
    shifted.feed(0.360, 120)

    assert settled([shifted.track], confirmed + timedelta(minutes=119)) is None
    level = settled([shifted.track], confirmed + timedelta(minutes=120))

    assert level is not None
    assert level.since == shifted.track.onset_at
    assert settled([shifted.track], confirmed + timedelta(minutes=121)) is None


def test_a_failing_probe_begins_the_two_hours_anew(shifted):
    confirmed = shifted.now
    shifted.feed(0.360, 110)
    shifted.track.disturbed()
    shifted.feed(0.360, 30)

    assert settled([shifted.track], shifted.now) is None
    shifted.feed(0.360, 91)
    assert confirmed + timedelta(hours=2) < shifted.now
    assert settled([shifted.track], shifted.now) is not None


def test_a_shift_that_still_grows_is_not_proposed(shifted):
    shifted.feed(0.360, 60).feed(0.700, 65)

    assert settled([shifted.track], shifted.now) is None


def test_one_shift_that_still_moves_holds_the_others_of_its_service_back(shifted):
    other = Minutes().feed(0.120, 60).feed(0.360, 80).feed(0.900, 60)
    shifted.feed(0.360, 125)

    assert settled([shifted.track, other.track], shifted.now) is None
    assert settled([shifted.track, LatencyTrack()], shifted.now) is not None


def test_a_shift_that_is_over_is_forgotten_and_the_next_is_proposed_anew(shifted):
    shifted.feed(0.360, 125)
    assert settled([shifted.track], shifted.now) is not None

    over = shifted.now
    shifted.feed(0.120, 60)
    assert (shifted.track.shift, shifted.track.level_since) == ("", None)
    assert shifted.track.onset_at is None or shifted.track.onset_at > over

    shifted.feed(0.360, 150)
    assert settled([shifted.track], shifted.now) is not None


def test_what_is_proposed_can_be_typed_as_it_stands(shifted):
    shifted.feed(0.360, 125)
    level = settled([shifted.track], shifted.now)
    ahead = timedelta(seconds=90)  # of the steady timeline is the wall clock

    event = proposed("orders", level, shifted.now, shifted.now + ahead)

    assert f"monitor baseline accept orders --since {level.since + ahead:%Y-%m-%dT%H:%M:%SZ}" in event.text
    assert level.text in event.text
    assert datetime.fromisoformat(str(event.attributes["since"])) == level.since + ahead


def test_what_a_person_accepted_says_since_when_and_why():
    event = accepted("orders", T0, "1.4 signs every answer", "Ada", T0, T0)

    assert event.text == "orders: what is normal begins at 2026-03-02 10:00:00 UTC: 1.4 signs every answer"
    assert event.author == "Ada"


# -- over a restart ----------------------------------------------------------------------------------------------------

SPELLS = st.lists(st.tuples(st.sampled_from([0.120, 0.160, 0.240, 0.360]), st.integers(1, 20)), max_size=12)


def kept(track: LatencyTrack) -> LatencyTrack:
    """What the next process has of it."""
    state = track.state()
    return LatencyTrack() if state is None else LatencyTrack.restored(json.loads(json.dumps(state)))


@given(SPELLS, st.sets(st.integers(0, 200), max_size=12))
@settings(max_examples=60, deadline=None)
def test_a_restart_at_any_score_changes_no_verdict(spells: list[tuple[float, int]], restarts: set[int]) -> None:
    one, other = Minutes(), Minutes()
    scored = 0
    for level, minutes in spells:
        for _ in range(minutes):
            if scored in restarts:
                other.track = kept(other.track)
            one.feed(level, 1)
            other.feed(level, 1)
            scored += 1
            assert replace(other.track, seen_until=None) == replace(one.track, seen_until=None)


def test_what_is_shifted_is_shifted_after_a_restart_and_proposed_when_its_two_hours_are_over(shifted):
    confirmed = shifted.now
    shifted.feed(0.360, 90)
    shifted.track = kept(shifted.track)

    assert shift_of([shifted.track]).text == shifted.track.shift != ""
    shifted.feed(0.360, 30)
    assert settled([shifted.track], confirmed + timedelta(minutes=119)) is None
    assert settled([shifted.track], confirmed + timedelta(minutes=120)) is not None
    shifted.track = kept(shifted.track)
    assert settled([shifted.track], shifted.now) is None, "asked once, over restarts too"


@pytest.mark.parametrize("broken", [{"s": "much"}, {"onset_at": "soon"}, {"recent": None}, {"level": [[1e40, 1]]}])
def test_a_state_that_does_not_fit_begins_anew(shifted, broken):
    assert LatencyTrack.restored(shifted.track.state() | broken) == LatencyTrack()
    assert LatencyTrack.restored({}) == LatencyTrack()


@pytest.mark.parametrize(("away", "is_one_onset"), [(timedelta(hours=2), True), (timedelta(hours=2, minutes=1), False)])
def test_two_scores_that_lie_far_apart_are_not_of_one_onset(away, is_one_onset):
    minutes = Minutes().feed(0.360, 4)
    began, minutes.now = minutes.track.onset_at, minutes.now - MINUTE + away

    minutes.feed(0.360, 1)

    assert (minutes.track.onset_at == began) is is_one_onset


def test_a_confirmed_shift_is_not_dropped_because_nobody_looked_for_a_day(shifted):
    shifted.now += timedelta(days=1)

    shifted.feed(0.360, 1)

    assert shifted.track.shift


def test_a_minute_counts_once(shifted):
    before = replace(shifted.track)
    shifted.now -= MINUTE

    shifted.feed(0.360, 1)

    assert shifted.track == before


# -- a queue -----------------------------------------------------------------------------------------------------------


def depths(track: QueueTrack, readings: list[float], every: timedelta, begin: datetime = T0) -> datetime:
    kept = Baseline(
        service="orders",
        signal=Signal.QUEUE_DEPTH,
        time_zone="UTC",
        fitted_at=T0,
        since=T0 - timedelta(days=42),
        quality=Quality.FITTED,
        slots={hour: [float(depth) for depth in range(20)] for hour in range(168)},
    )
    for reading in readings:
        track.take(begin, reading, kept)
        begin += every
    return begin


def test_a_queue_is_looked_at_once_a_minute_however_often_it_is_read():
    often, rarely = QueueTrack(), QueueTrack()
    depths(often, [200.0] * 10, timedelta(seconds=30))
    depths(rarely, [200.0] * 10, MINUTE)

    assert list(often.recent) == [200.0] * 5
    assert (often.anomaly, bool(rarely.anomaly)) == ("", True)


def test_a_queue_that_drains_is_no_anomaly_any_more():
    track = QueueTrack()
    later = depths(track, [200.0] * 10, MINUTE)
    assert track.anomaly.startswith("queue depth 200 against 9.5 at this hour")

    depths(track, [8.0] * 6, MINUTE, later)
    assert track.anomaly == ""


def test_minutes_of_before_a_gap_are_no_witnesses():
    track = QueueTrack()
    later = depths(track, [200.0] * 5, MINUTE)

    depths(track, [200.0] * 5, MINUTE, later + timedelta(minutes=10))

    assert (len(track.recent), track.anomaly) == (5, "")


def test_a_queue_is_evidence_for_the_severity_and_no_alarm_by_itself(begin):
    evening = begin()
    around = Surroundings(queue_anomaly="queue depth 200 against 9.5 at this hour: +190.5")

    seen = observe(evening.watches["payments"], around, T0)

    assert (seen.alarm, seen.breach) == ("", "")
    assert seen.suggestion.severity is Severity.SEV4
    assert "queue: queue depth 200 against 9.5 at this hour: +190.5" in seen.suggestion.inputs


def test_a_queue_without_a_baseline_is_never_unusual():
    track = QueueTrack()
    for minute in range(10):
        track.take(T0 + minute * MINUTE, 1e6, None)

    assert track.anomaly == ""

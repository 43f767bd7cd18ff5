"""The timetable, told the time: spread, stalls, a slow check, reconfiguration, and the extra probes' budget."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from math import ceil

import pytest

from checks.check import Check, HttpQuestion
from monitor.core.slots import phase, slot_instant
from monitor.probing.timetable import (
    EXTRA_SHARE,
    Due,
    Timetable,
    extra_interval,
    extras_per_interval,
    lateness_limit,
)

T0 = 1_790_000_000.0
ANY = 100_000


def check(name: str, interval: float = 30.0, service: str = "shop", timeout: float = 5.0) -> Check:
    return Check(service=service, name=name, question=HttpQuestion(url="http://x/"), interval=interval, timeout=timeout)


def watching(*checks: Check, since: float = T0) -> Timetable:
    timetable = Timetable()
    timetable.replace(checks, since)
    return timetable


def play(timetable: Timetable, start: float, end: float, step: float = 0.1) -> list[tuple[float, Due]]:
    """Ask every *step* seconds in (start, end]; every probe ends at once."""
    return [
        (start + tick * step, due)
        for tick in range(1, round((end - start) / step) + 1)
        for due in timetable.due(start + tick * step, ANY)
    ]


def slot_of(a_check: Check, after: float = T0) -> float:
    """The first slot later than *after*, which is none itself."""
    offset = phase(a_check.id, a_check.interval)
    return offset + ceil((after - offset) / a_check.interval) * a_check.interval


def test_a_check_is_due_at_its_slot_and_not_a_moment_before() -> None:
    ready = check("ready")
    timetable = watching(ready)
    slot = slot_of(ready)

    assert timetable.next_due() == slot
    assert timetable.due(slot - 0.001, ANY) == []
    assert timetable.due(slot, ANY) == [Due(ready, slot_instant(slot), False, slot + 30)]
    assert timetable.due(slot, ANY) == []
    assert timetable.next_due() == slot + 30


def test_a_probe_may_share_the_turn_of_another_but_only_so_much_before_its_slot() -> None:
    ready = check("ready")
    timetable = watching(ready)
    slot = slot_of(ready)

    assert timetable.due(slot - 0.0025, ANY, ahead=0.002) == []
    assert timetable.due(slot - 0.0015, ANY, ahead=0.002) == [Due(ready, slot_instant(slot), False, slot + 30)]
    assert timetable.due(slot, ANY, ahead=0.002) == []
    assert timetable.lag(slot).max == 0.0


def test_a_slot_that_was_begun_ahead_of_its_time_is_not_begun_again_when_extra_probes_are_asked_for() -> None:
    ready = check("ready")
    timetable = watching(ready)
    slot = slot_of(ready)
    timetable.due(slot - 0.001, ANY, ahead=0.002)

    timetable.set_extra(frozenset({"shop"}), slot - 0.001)

    assert timetable.next_due() is not None
    assert [at for at, _ in play(timetable, slot - 0.001, slot + 4.9)] == []


def test_a_thousand_checks_are_spread_over_the_interval() -> None:
    timetable = watching(*(check(f"c{n}") for n in range(1000)))

    probes = play(timetable, T0, T0 + 30, step=1.0)

    assert len(probes) == 1000
    assert len({due.check.id for _, due in probes}) == 1000
    # 33 a second on average; the spread is that of a hash, so a second may have some more.
    assert max(Counter(at for at, _ in probes).values()) < 70


def test_over_a_day_the_grid_neither_drifts_nor_repeats() -> None:
    odd = check("odd", interval=7.3)
    timetable = watching(odd)
    now, slots = T0, []

    while now < T0 + 86_400:
        now = timetable.next_due() or 0.0
        slots += [due.scheduled_at for due in timetable.due(now, ANY)]

    assert {round((b - a).total_seconds(), 3) for a, b in pairwise(slots)} == {7.3}
    assert slots[-1] == slot_instant(slot_of(odd, after=slots[-1].timestamp() - 1))


def test_a_host_that_slept_ten_minutes_probes_each_check_once_at_its_own_next_slot() -> None:
    checks = [check(f"c{n}") for n in range(1000)]
    timetable = watching(*checks)
    play(timetable, T0, T0 + 60)
    woke = T0 + 660

    at_once = timetable.due(woke, ANY)
    later = play(timetable, woke, woke + 30)

    # No more than what a tenth of an interval holds may begin together; all others wait for their slots.
    assert len(at_once) < 150
    assert all(woke - due.scheduled_at.timestamp() <= 3 for due in at_once)
    assert len(later) == 1000
    assert all(now - due.scheduled_at.timestamp() < 0.11 for now, due in later)
    # 20 slots each lay in the ten minutes; those that are still fresh were not missed.
    assert timetable.missed == 20 * 1000 - len(at_once)


@pytest.mark.parametrize(
    ("interval", "limit"),
    [(1.0, 0.5), (2.0, 1.0), (10.0, 1.0), (30.0, 3.0), (3600.0, 360.0)],
)
def test_how_late_is_too_late(interval: float, limit: float) -> None:
    assert lateness_limit(interval) == limit

    on_time, too_late = check("on-time", interval), check("too-late", interval)
    timetable = watching(on_time)
    assert timetable.due(slot_of(on_time) + limit - 0.001, ANY) != []
    assert timetable.missed == 0

    timetable = watching(too_late)
    assert timetable.due(slot_of(too_late) + limit + 0.001, ANY) == []
    assert timetable.missed == 1
    assert timetable.next_due() == slot_of(too_late) + interval


def test_a_slot_that_comes_due_while_the_check_is_still_asked_is_missed_and_never_overlapped() -> None:
    slow = check("slow")
    timetable = watching(slow)
    slot = slot_of(slow)
    assert len(timetable.due(slot, ANY)) == 1
    timetable.asking.add(slow.id)

    assert timetable.due(slot + 30, ANY) == []
    assert timetable.missed == 1

    timetable.asking.discard(slow.id)
    assert [due.scheduled_at for due in timetable.due(slot + 60, ANY)] == [slot_instant(slot + 60)]
    assert timetable.missed == 1


def test_what_exceeds_the_capacity_stays_due_until_it_is_too_late() -> None:
    timetable = watching(*(check(f"c{n}", interval=1000) for n in range(50)))
    now = T0 + 1000  # one slot each has passed, about five of them within the last 100 s

    fresh = sum(len(timetable.due(now, 1)) for _ in range(50))

    assert 0 < fresh < 20
    assert timetable.missed == 50 - fresh


def test_the_longest_overdue_goes_first() -> None:
    checks = [check(f"c{n}", interval=30) for n in range(200)]
    timetable = watching(*checks)

    first, second = timetable.due(T0 + 2, 3), timetable.due(T0 + 2, ANY)

    begun = [due.scheduled_at for due in (*first, *second)]
    assert begun == sorted(begun)
    assert len(first) == 3


class TestReconfiguration:
    def test_an_unchanged_check_keeps_its_phase_and_a_changed_interval_gets_a_new_grid(self) -> None:
        kept, changed = check("kept"), check("changed")
        timetable = watching(changed, kept)
        now = min(slot_of(kept), slot_of(changed)) - 0.5

        timetable.replace([kept, replace(changed, interval=20.0)], now)

        due = {due.check.name: due.scheduled_at for _, due in reversed(play(timetable, now, now + 30))}
        assert due["kept"] == slot_instant(slot_of(kept))
        assert due["changed"] == slot_instant(slot_of(replace(changed, interval=20.0), now))

    def test_a_slot_that_is_due_and_not_begun_survives_with_the_new_question(self) -> None:
        old = check("ready")
        new = replace(old, question=HttpQuestion(url="http://y/"))
        timetable = watching(old)
        late = slot_of(old) + 1

        timetable.replace([new], late)

        assert [(due.check, due.scheduled_at) for due in timetable.due(late, ANY)] == [
            (new, slot_instant(slot_of(old)))
        ]

    def test_a_removed_check_is_never_due_again(self) -> None:
        timetable = watching(check("gone"), check("stays"))

        timetable.replace([check("stays")], T0 + 1)

        assert {due.check.name for _, due in play(timetable, T0 + 1, T0 + 120)} == {"stays"}
        assert len(timetable) == 1

    def test_nothing_to_watch_is_never_due(self) -> None:
        timetable = watching(check("gone"))
        timetable.replace([], T0)
        assert timetable.next_due() is None
        assert timetable.due(T0 + 3600, ANY) == []


class TestExtraProbes:
    @pytest.mark.parametrize(
        ("interval", "every", "fitting"),
        [(30, 10, 2), (60, 20, 2), (15, 5, 2), (10, 5, 1), (7, 5, 1), (6.9, 5, 0), (5, 5, 0), (1, 5, 0)],
    )
    def test_a_third_of_the_interval_but_not_below_five_seconds(
        self, interval: float, every: float, fitting: int
    ) -> None:
        assert extra_interval(interval) == every
        assert extras_per_interval(interval) == fitting

    def test_they_lie_between_the_slots_only_for_the_affected_service_and_are_marked(self) -> None:
        others = [check(f"c{n}", service="calm") for n in range(50)]
        ready = check("ready", service="hurt")
        timetable = watching(*others, ready)
        slot = slot_of(ready)
        play(timetable, T0, slot - 1)

        timetable.set_extra(frozenset({"hurt"}), slot - 1)
        probes = play(timetable, slot - 1, slot + 59)

        hurt = [(round(due.scheduled_at.timestamp() - slot, 3), due.extra) for _, due in probes if due.extra]
        assert hurt == [(10.0, True), (20.0, True), (40.0, True), (50.0, True)]
        assert sum(due.check.id == ready.id for _, due in probes) == 6
        assert Counter(due.check.service for _, due in probes if due.extra) == {"hurt": 4}

    def test_they_begin_at_once_and_end_at_once(self) -> None:
        others = [check(f"c{n}", service="calm") for n in range(50)]
        ready = check("ready", service="hurt")
        timetable = watching(*others, ready)
        slot = slot_of(ready)
        play(timetable, T0, slot + 3)

        timetable.set_extra(frozenset({"hurt"}), slot + 3)
        begun = [due for _, due in play(timetable, slot + 3, slot + 12) if due.extra]
        timetable.set_extra(frozenset(), slot + 12)
        ended = [due for _, due in play(timetable, slot + 12, slot + 29) if due.extra]

        assert [due.scheduled_at for due in begun] == [slot_instant(slot + 10)]
        assert ended == []

    @pytest.mark.parametrize("services", [1, 5, 20])
    def test_all_together_they_are_at_most_a_fifth_of_the_scheduled_ones_and_each_affected_check_has_some(
        self, services: int
    ) -> None:
        checks = [check(f"c{n}", service=f"s{n % 20}") for n in range(200)]
        timetable = watching(*checks)
        affected = frozenset(f"s{n}" for n in range(services))
        timetable.set_extra(affected, T0)

        probes = play(timetable, T0, T0 + 1800, step=0.5)
        extras = [due for _, due in probes if due.extra]
        scheduled = len(probes) - len(extras)

        assert scheduled == 200 * 60
        assert len(extras) <= EXTRA_SHARE * scheduled * 1.01
        assert {due.check.id for due in extras} == {c.id for c in checks if c.service in affected}
        # Nor do they come all at once: a minute has its share and little more.
        per_minute = Counter(int((at - T0) // 60) for at, due in probes if due.extra)
        assert max(per_minute.values()) <= EXTRA_SHARE * 400 * 1.35

    def test_the_choice_is_the_same_in_every_process(self) -> None:
        def extras() -> list[Due]:
            timetable = watching(*(check(f"c{n}", service=f"s{n % 3}") for n in range(30)))
            timetable.set_extra(frozenset({"s0", "s2"}), T0)
            return [due for _, due in play(timetable, T0, T0 + 300) if due.extra]

        assert extras() == extras() != []

    def test_they_never_displace_a_scheduled_probe(self) -> None:
        checks = [check(f"c{n}") for n in range(20)]
        with_extras, without = watching(*checks), watching(*checks)
        with_extras.set_extra(frozenset({"shop"}), T0)

        scheduled = [due for _, due in play(with_extras, T0, T0 + 300) if not due.extra]

        assert scheduled == [due for _, due in play(without, T0, T0 + 300)]

    def test_one_that_would_overlap_is_left_out_and_is_not_missed(self) -> None:
        others = [check(f"c{n}", service="calm") for n in range(50)]
        ready = check("ready", service="hurt")
        timetable = watching(*others, ready)
        slot = slot_of(ready)
        timetable.set_extra(frozenset({"hurt"}), T0)
        play(timetable, T0, slot + 9)
        before = timetable.missed

        timetable.asking.add(ready.id)
        assert not [due for _, due in play(timetable, slot + 9, slot + 12) if due.extra]
        assert timetable.missed == before

    def test_one_that_a_stall_left_no_room_for_is_left_out(self) -> None:
        others = [check(f"c{n}", service="calm") for n in range(50)]
        tight = check("tight", interval=7.0, service="hurt")
        timetable = watching(*others, tight)
        slot = slot_of(tight)
        timetable.set_extra(frozenset({"hurt"}), T0)
        play(timetable, T0, slot + 4.9)

        # Due at slot + 5; a second before the next slot it could prove nothing any more.
        assert not [due for due in timetable.due(slot + 6.01, ANY) if due.check == tight]


class TestLag:
    def test_it_tells_how_late_probes_began(self) -> None:
        timetable = watching(*(check(f"c{n}", interval=100) for n in range(400)))

        play(timetable, T0, T0 + 25, step=0.2)
        lag = timetable.lag(T0 + 25)

        assert lag.count == pytest.approx(100, abs=40)
        assert 0.09 < lag.p50 < 0.15
        assert lag.p50 < lag.p99 <= lag.max <= 0.2

    def test_it_forgets_after_a_minute_or_so(self) -> None:
        late = check("late", interval=1000)
        timetable = watching(late)
        begun = slot_of(late) + 50
        timetable.due(begun, ANY)

        assert timetable.lag(begun + 29).max == pytest.approx(50)
        assert timetable.lag(begun + 31).max == pytest.approx(50)
        assert timetable.lag(begun + 62).count == 0
        assert timetable.lag(begun + 62).p99 == 0.0

    def test_no_probe_has_no_lag(self) -> None:
        assert watching().lag(T0).count == 0


# -- a few of many are changed ----------------------------------------------------------------------------------------


def test_amending_disturbs_nothing_that_is_not_named() -> None:
    checks = [check(f"check-{n}") for n in range(50)]
    undisturbed, amended = watching(*checks), watching(*checks)
    before = play(undisturbed, T0, T0 + 90.0)

    seen = play(amended, T0, T0 + 45.0)
    amended.amend([check("new", 10.0), check("check-7", 7.0)], ["shop/check-3"], T0 + 45.0)
    seen += play(amended, T0 + 45.0, T0 + 90.0)

    others = {c.id for c in checks} - {"shop/check-3", "shop/check-7"}
    assert [(at, due) for at, due in seen if due.check.id in others] == [
        (at, due) for at, due in before if due.check.id in others
    ]
    assert all(at <= T0 + 45.0 for at, due in seen if due.check.id == "shop/check-3")
    assert len([due for at, due in seen if due.check.name == "check-7" and at > T0 + 45.0]) in (6, 7)
    assert len([due for _, due in seen if due.check.name == "new"]) in (4, 5)
    assert (len(amended), amended.missed) == (50, 0)


def test_amending_ends_in_the_same_as_replacing() -> None:
    old = [check(f"check-{n}") for n in range(10)]
    put = [replace(old[2], timeout=3.0), replace(old[4], interval=15.0), check("new")]
    after = {c.id: c for c in (*old[1:], *put)}
    amended, replaced = watching(*old), watching(*old)

    amended.amend(put, [old[0].id], T0 + 10.0)
    replaced.replace(after.values(), T0 + 10.0)

    def begun(timetable: Timetable) -> list[tuple[str, float, float]]:
        return sorted((due.check.id, at, due.check.timeout) for at, due in play(timetable, T0 + 10.0, T0 + 100.0))

    assert begun(amended) == begun(replaced)


def test_a_slot_between_the_change_and_the_message_is_still_asked() -> None:
    new = check("new", 10.0)
    slot = slot_of(new)
    timetable = watching(check("other"), since=slot - 1.0)

    timetable.amend([new], [], slot - 0.1)

    assert [due.check for due in timetable.due(slot + 0.1, ANY) if due.check is new] == [new]


def test_a_thousand_changes_leave_nothing_behind() -> None:
    timetable = watching(*(check(f"check-{n}", 86400.0) for n in range(10)))

    for n in range(1000):
        timetable.amend([check("check-1", 3600.0 + n)], [], T0)

    assert sum(map(len, timetable._heaps.values())) < 100


class TestLanes:
    """By service here; what the lanes of the prober are is its own matter."""

    def lanes(self, *checks: Check) -> Timetable:
        timetable = Timetable(lambda one: one.service)
        timetable.replace(checks, T0)
        return timetable

    def test_what_is_due_in_one_waits_for_no_other(self) -> None:
        timetable = self.lanes(*(check(f"c{n}", service=service) for n in range(50) for service in ("shop", "mail")))

        assert timetable.due(T0 + 2, 0, lane="shop") == []
        due = timetable.due(T0 + 2, ANY, lane="mail")

        assert {one.check.service for one in due} == {"mail"}
        assert timetable.due(T0 + 2, ANY, lane="mail") == []
        assert len(timetable.due(T0 + 2, ANY, lane="shop")) > 0

    def test_the_one_with_the_longest_overdue_comes_first(self) -> None:
        shop, mail = check("a", service="shop"), check("b", service="mail")
        timetable = self.lanes(shop, mail)

        slots = sorted([(slot_of(shop), "shop"), (slot_of(mail), "mail")])
        assert timetable.lanes() == slots
        timetable.due(slots[0][0], ANY, lane=slots[0][1])
        assert timetable.lanes() == [slots[1], (slots[0][0] + 30, slots[0][1])]

    def test_a_check_that_changes_its_lane_keeps_its_place_on_the_grid_and_is_asked_once(self) -> None:
        timetable = Timetable(lambda one: one.question.url)
        old = check("ready")
        timetable.replace([old], T0)

        timetable.amend([replace(old, question=HttpQuestion(url="http://y/"))], [], T0)

        assert timetable.lanes() == [(slot_of(old), "http://y/")]
        assert timetable.due(slot_of(old), ANY, lane="http://x/") == []
        assert len(timetable.due(slot_of(old), ANY, lane="http://y/")) == 1

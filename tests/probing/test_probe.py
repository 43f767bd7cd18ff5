"""One probe with the real engine: attempts, what confirms a failure, what excuses it, and what each leaves behind."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from types import ModuleType
from typing import Any

import pytest

from checks.check import Check, CollectorQuestion, HttpQuestion, Retry
from checks.result import CheckResult, Confirmation, Outcome, Reason
from monitor.probing.alarms import Alarms
from monitor.probing.engine import Engine
from monitor.probing.online import LONGEST_WAIT
from monitor.probing.probe import Means, Probe, next_attempt
from monitor.probing.rooms import Rooms

# No packet leaves the machine for these: the kernel knows no route for TCP to a multicast address. A target far away
# whose silence may be ours, and two references that do not answer.
FAR = "http://224.0.0.1/"
SILENT = ("http://224.0.0.2/", "http://224.0.0.3/")

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
BROKEN = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy"


T0 = datetime(2026, 3, 1, tzinfo=UTC)


def check(url: str, *, timeout: float = 20.0, retry: Retry | None = None) -> Check:
    return Check(
        service="shop", name="ready", question=HttpQuestion(url=url), interval=60.0, timeout=timeout, retry=retry
    )


class Hand:
    """A timeline that is moved by hand, so that an instant is what it is however busy the machine."""

    def __init__(self) -> None:
        self.at = T0.timestamp()

    def seconds(self) -> float:
        return self.at

    def now(self) -> datetime:
        return T0 + timedelta(seconds=self.at - T0.timestamp())

    wall = now


class Lab:
    """The engine asks real servers in real time; everything else happens at the hand's."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.clock = Hand()
        self.alarms = Alarms()
        self.means = Means.on(engine, self.clock, self.alarms, set(), Rooms(1000))

    def begin(
        self, a_check: Check, *, until: float = inf, extra: bool = False
    ) -> tuple[list[CheckResult | None], datetime]:
        """*until*: seconds from now."""
        results: list[CheckResult | None] = []
        scheduled_at = self.clock.now()
        Probe(
            self.means, a_check, scheduled_at, results.append, until=self.clock.seconds() + until, extra=extra
        ).begin()
        return results, scheduled_at

    def pass_time(self, seconds: float) -> None:
        self.clock.at += seconds

    def turn_until(self, met: Callable[[], bool], within: float = 60.0) -> None:
        """While nobody is asked, time passes to what is due next."""
        deadline = time.monotonic() + within
        while not met():
            assert time.monotonic() < deadline, f"nothing came of it within {within} s"
            if self.engine.in_flight == 0 and (due := self.alarms.next_at()) is not None:
                self.clock.at = max(self.clock.at, due)
            self.alarms.ring(self.clock.seconds())
            self.engine.turn(0.02)

    def ask(self, a_check: Check, *, until: float = inf, extra: bool = False) -> CheckResult:
        results, _ = self.begin(a_check, until=until, extra=extra)
        self.turn_until(lambda: bool(results))
        assert len(results) == 1
        assert results[0] is not None
        return results[0]


@pytest.fixture
def lab(engine: Engine) -> Lab:
    return Lab(engine)


@pytest.fixture
def refusing(hell: ModuleType) -> Iterator[str]:
    with hell.closed_port() as taken:
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/"


@pytest.fixture
def in_turn(serve: Callable[..., Any], hell: ModuleType) -> Callable[..., Any]:
    """A server whose n-th connection is the n-th talk; the last one is repeated."""

    def start(*talks: Callable[[socket.socket, Any], None]) -> Any:
        met: list[int] = []

        def talk(peer: socket.socket, server: Any) -> None:
            met.append(1)
            talks[min(len(met), len(talks)) - 1](peer, server)

        return serve(talk)

    return start


class TestWhenTheNextAttemptBegins:
    def test_without_retry_there_is_one_at_once(self) -> None:
        a_check = check("http://x/")
        assert next_attempt(a_check, 100.0, 0, 100.0, inf) == 100.0
        assert next_attempt(a_check, 100.0, 1, 100.1, inf) is None

    def test_several_are_spread_over_what_they_may_take(self) -> None:
        a_check = check("http://x/", retry=Retry(times=3, within=6.0))
        assert next_attempt(a_check, 100.0, 0, 100.0, inf) == 100.0
        assert next_attempt(a_check, 100.0, 1, 100.5, inf) == 102.0
        assert next_attempt(a_check, 100.0, 2, 102.5, inf) == 104.0
        assert next_attempt(a_check, 100.0, 3, 104.5, inf) is None

    def test_one_that_is_held_up_begins_at_once_but_none_later_than_within(self) -> None:
        a_check = check("http://x/", retry=Retry(times=3, within=6.0))
        assert next_attempt(a_check, 100.0, 1, 105.0, inf) == 105.0
        assert next_attempt(a_check, 100.0, 1, 106.0, inf) == 106.0
        assert next_attempt(a_check, 100.0, 1, 106.001, inf) is None

    def test_its_full_timeout_fits_before_the_next_slot_or_it_is_not_made(self) -> None:
        a_check = check("http://x/", timeout=5.0)
        assert next_attempt(a_check, 100.0, 0, 100.0, 105.0) == 100.0
        assert next_attempt(a_check, 100.0, 0, 100.0, 104.999) is None

    def test_no_retries_means_none(self) -> None:
        assert next_attempt(check("http://x/", retry=Retry(times=0, within=0)), 100.0, 0, 100.0, inf) is None


def test_an_answer_that_is_ok_needs_no_second_one(lab: Lab, serve: Callable[..., Any], hell: ModuleType) -> None:
    server = serve(hell.say(OK))
    a_check = check(server.url)

    results, scheduled_at = lab.begin(a_check)
    assert lab.means.asking == {"shop/ready"}
    lab.turn_until(lambda: bool(results))
    result = results[0]

    assert result is not None
    assert (result.id, result.outcome, result.confirmation) == ("shop/ready", Outcome.OK, Confirmation.NONE)
    assert result.scheduled_at == scheduled_at
    assert not result.extra
    assert result.first.started_at == scheduled_at == T0
    assert len(server.heard) == len(result.attempts) == 1
    assert lab.means.asking == set()


def test_a_probe_is_one_trace_and_each_attempt_a_span_that_the_target_is_told(
    lab: Lab, serve: Callable[..., Any], hell: ModuleType
) -> None:
    server = serve(hell.say(BROKEN))

    result = lab.ask(check(server.url))

    told = [re.search(rb"traceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-01\r\n", heard) for heard in server.heard]
    assert [match and match.group(1).decode() for match in told] == [result.trace_id] * 2
    assert [match and match.group(2).decode() for match in told] == [a.span_id for a in result.attempts]
    assert len({a.span_id for a in result.attempts}) == 2


def test_a_failure_that_a_second_attempt_repeats_is_confirmed(
    lab: Lab, serve: Callable[..., Any], hell: ModuleType
) -> None:
    result = lab.ask(check(serve(hell.say(BROKEN)).url))

    assert (result.outcome, result.reason, result.confirmation) == (
        Outcome.FAILED,
        Reason.STATUS,
        Confirmation.CONFIRMED,
    )
    assert len(result.attempts) == 2


def test_ok_after_two_attempts_is_still_a_failure_but_unconfirmed(
    lab: Lab, in_turn: Callable[..., Any], hell: ModuleType
) -> None:
    result = lab.ask(check(in_turn(hell.say(BROKEN), hell.say(OK)).url, retry=Retry(times=3, within=6.0)))

    assert result.outcome is Outcome.FAILED
    assert result.confirmation is Confirmation.UNCONFIRMED
    assert [a.outcome for a in result.attempts] == [Outcome.FAILED, Outcome.OK]


def test_retries_are_made_as_configured_and_spread(lab: Lab, refusing: str) -> None:
    result = lab.ask(check(refusing, retry=Retry(times=3, within=6.0)))

    assert [(a.started_at - T0).total_seconds() for a in result.attempts] == [0.0, 0.0, 2.0, 4.0]
    assert lab.means.asking == set()


def test_without_time_for_a_second_attempt_the_next_slot_confirms_or_not(lab: Lab, refusing: str) -> None:
    result = lab.ask(check(refusing, timeout=5.0), until=4.999)

    assert result.outcome is Outcome.FAILED
    assert result.confirmation is Confirmation.UNASKED


@pytest.mark.parametrize(("stall", "attempts"), [(1.5, 3), (1.501, 2)])
def test_a_retry_whose_alarm_rings_too_late_for_its_slot_is_not_made(
    lab: Lab, refusing: str, stall: float, attempts: int
) -> None:
    """It was due after one second; after more than one and a half its timeout would end after the slot."""
    results, _ = lab.begin(check(refusing, timeout=10.0, retry=Retry(times=2, within=2.0)), until=11.5)
    lab.turn_until(lambda: lab.alarms.next_at() is not None)
    lab.pass_time(stall)
    lab.turn_until(lambda: bool(results))

    assert results[0] is not None
    assert len(results[0].attempts) == attempts


def test_what_was_found_is_known_to_the_next_probe(lab: Lab, serve: Callable[..., Any], hell: ModuleType) -> None:
    up = b'{"status":"Server available","upSince":"2026-03-01T00:00:00Z","uptime":"90s"}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(up), up)
    a_check = Check(service="otel", name="health", question=CollectorQuestion(url=serve(hell.say(answer)).url))

    result = lab.ask(a_check)

    assert result.facts
    assert lab.means.previous == {"otel/health": dict(result.facts)}


class TestExtraProbes:
    def test_they_are_marked(self, lab: Lab, serve: Callable[..., Any], hell: ModuleType) -> None:
        assert lab.ask(check(serve(hell.say(OK)).url), until=10, extra=True).extra

    def test_one_that_had_less_than_its_time_and_was_not_answered_in_it_proves_nothing(
        self, lab: Lab, serve: Callable[..., Any], hell: ModuleType
    ) -> None:
        results, _ = lab.begin(check(serve(hell.say_and_hold()).url), until=0.3, extra=True)
        lab.turn_until(lambda: bool(results))

        assert results == [None]
        assert lab.means.asking == set()

    def test_nor_does_one_that_wants_silence(self, lab: Lab, serve: Callable[..., Any], hell: ModuleType) -> None:
        url = serve(hell.say_and_hold()).url
        away = replace(check(url), question=HttpQuestion(url=url, expect=("[CONNECTED] == false",)))

        results, _ = lab.begin(away, until=0.3, extra=True)
        lab.turn_until(lambda: bool(results))

        assert results == [None]

    def test_one_that_had_all_its_time_is_a_failure_like_any_other(
        self, lab: Lab, serve: Callable[..., Any], hell: ModuleType
    ) -> None:
        result = lab.ask(check(serve(hell.say_and_hold()).url, timeout=0.2), until=0.3, extra=True)
        assert (result.outcome, result.reason) == (Outcome.FAILED, Reason.TIMEOUT)

    def test_one_that_was_cut_short_and_answered_counts(
        self, lab: Lab, serve: Callable[..., Any], hell: ModuleType
    ) -> None:
        result = lab.ask(check(serve(hell.say(BROKEN)).url), until=19.9, extra=True)
        assert (result.outcome, result.confirmation) == (Outcome.FAILED, Confirmation.UNASKED)


class TestExcuses:
    def test_with_no_reference_answering_the_failure_is_ours_and_not_asked_again(self, lab: Lab) -> None:
        lab.means.references.replace(SILENT)

        result = lab.ask(check(FAR))

        assert (result.outcome, result.reason, result.confirmation) == (
            Outcome.UNKNOWN,
            Reason.BLIND,
            Confirmation.NONE,
        )
        assert result.detail.startswith("unreachable: ")
        assert result.detail.endswith("none of 2 reference targets answered us either")
        assert len(result.attempts) == 1

    def test_silence_that_is_expected_may_be_ours_too(
        self, lab: Lab, serve: Callable[..., Any], hell: ModuleType
    ) -> None:
        away = replace(check(FAR), question=HttpQuestion(url=FAR, expect=("[CONNECTED] == false",)))

        lab.means.references.replace(SILENT)
        blind = lab.ask(away)
        lab.means.references.replace((SILENT[0], serve(hell.say(OK)).url))
        seen = lab.ask(away)

        assert (blind.outcome, blind.reason) == (Outcome.UNKNOWN, Reason.BLIND)
        assert blind.detail == ("silent, as it is expected to be; none of 2 reference targets answered us either")
        assert (seen.outcome, seen.reason, len(seen.attempts)) == (Outcome.OK, None, 1)
        assert seen.notes[0].startswith("not connected, as expected: unreachable: ")

    @pytest.mark.parametrize("references", [(), SILENT[:1]])
    def test_without_two_references_nothing_is_excused(self, lab: Lab, references: tuple[str, ...]) -> None:
        lab.means.references.replace(references)

        result = lab.ask(check(FAR))

        assert (result.outcome, result.reason, result.confirmation) == (
            Outcome.FAILED,
            Reason.UNREACHABLE,
            Confirmation.CONFIRMED,
        )

    def test_one_answer_from_a_reference_and_the_failure_stands_and_is_confirmed(
        self, lab: Lab, serve: Callable[..., Any], hell: ModuleType
    ) -> None:
        reference = serve(hell.say(BROKEN))
        lab.means.references.replace((SILENT[0], reference.url))

        result = lab.ask(check(FAR))

        assert (result.outcome, result.confirmation) == (Outcome.FAILED, Confirmation.CONFIRMED)
        assert len(reference.heard) == 2  # each attempt is judged by references asked after it began

    @pytest.mark.parametrize("reason", [Reason.REFUSED, Reason.TIMEOUT, Reason.RESET, Reason.STATUS])
    def test_on_this_machine_nothing_is_excused(
        self, lab: Lab, serve: Callable[..., Any], hell: ModuleType, refusing: str, reason: Reason
    ) -> None:
        lab.means.references.replace(SILENT)
        talks = {
            Reason.TIMEOUT: hell.say_and_hold(),
            Reason.RESET: hell.say_and_reset(),
            Reason.STATUS: hell.say(BROKEN),
        }
        url = refusing if reason is Reason.REFUSED else serve(talks[reason]).url

        result = lab.ask(check(url, timeout=0.3 if reason is Reason.TIMEOUT else 20.0))

        assert (result.outcome, result.reason, result.confirmation) == (
            Outcome.FAILED,
            reason,
            Confirmation.CONFIRMED,
        )

    def test_a_hundred_failures_ask_each_reference_once(
        self, lab: Lab, serve: Callable[..., Any], hell: ModuleType
    ) -> None:
        """They begin together and fail at once; the round is begun after all of them have."""
        reference = serve(hell.say(OK))
        lab.means.references.replace((reference.url, SILENT[0]))
        results: list[CheckResult | None] = []
        for n in range(100):
            a_check = Check(
                service="shop", name=f"c{n}", question=HttpQuestion(url=FAR), retry=Retry(times=0, within=0)
            )
            Probe(lab.means, a_check, lab.clock.now(), results.append).begin()
        lab.pass_time(0.01)
        lab.turn_until(lambda: len(results) == 100)

        assert {result and result.outcome for result in results} == {Outcome.FAILED}
        assert len(reference.heard) == 1

    def test_a_reference_that_never_answers_is_waited_for_five_seconds_at_most(
        self, lab: Lab, serve: Callable[..., Any], hell: ModuleType
    ) -> None:
        """It took our connection, so packets travel: the failure stands."""
        reference = serve(hell.say_and_hold())
        lab.means.references.replace((reference.url, SILENT[0]))
        results, _ = lab.begin(check(FAR, retry=Retry(times=0, within=0)))
        lab.turn_until(lambda: bool(reference.heard))

        lab.pass_time(LONGEST_WAIT - 0.001)
        lab.alarms.ring(lab.clock.seconds())
        assert results == []
        lab.pass_time(0.001)
        lab.alarms.ring(lab.clock.seconds())

        assert results[0] is not None
        assert (results[0].outcome, results[0].reason) == (Outcome.FAILED, Reason.UNREACHABLE)

    def test_waiting_for_an_excuse_does_not_cost_the_check_its_next_slot(
        self, lab: Lab, serve: Callable[..., Any], hell: ModuleType
    ) -> None:
        lab.means.references.replace((serve(hell.say_and_hold()).url, SILENT[0]))

        results, _ = lab.begin(check(FAR, timeout=5.0), until=4.0)
        lab.turn_until(lambda: lab.means.asking == set())

        assert results == []  # still waiting, while the timetable may begin the next one
        lab.pass_time(LONGEST_WAIT)
        lab.turn_until(lambda: bool(results))
        assert results[0] is not None
        assert results[0].confirmation is Confirmation.UNASKED

    def test_an_extra_probe_that_began_meanwhile_keeps_the_second_attempt_away(
        self, lab: Lab, serve: Callable[..., Any], hell: ModuleType
    ) -> None:
        answer = threading.Event()
        reference = serve(hell.say_when(answer, OK))
        lab.means.references.replace((reference.url, SILENT[0]))
        results, _ = lab.begin(check(FAR, timeout=5.0), until=9.0)
        lab.turn_until(lambda: lab.means.asking == set())
        assert results == []
        lab.means.asking.add("shop/ready")
        answer.set()
        lab.turn_until(lambda: bool(results))

        assert results[0] is not None
        assert results[0].confirmation is Confirmation.UNASKED
        assert lab.means.asking == {"shop/ready"}

    def test_cut_while_it_waits_for_its_excuse_a_failure_stays_a_failure(
        self, lab: Lab, serve: Callable[..., Any], hell: ModuleType
    ) -> None:
        reference = serve(hell.say_and_hold())
        lab.means.references.replace((reference.url, SILENT[0]))
        results: list[CheckResult | None] = []
        probe = Probe(lab.means, check(FAR), lab.clock.now(), results.append)
        probe.begin()
        lab.turn_until(lambda: bool(reference.heard))
        probe.cut()

        (result,) = results
        assert result is not None
        assert (result.outcome, result.confirmation) == (Outcome.FAILED, Confirmation.UNASKED)
        probe.cut()
        lab.turn_until(lambda: lab.engine.in_flight == 0)
        assert len(results) == 1


def test_a_bug_of_ours_is_unknown_says_where_and_quotes_nothing(lab: Lab) -> None:
    class Strange:
        """A question of a kind that nobody knows."""

    a_check = Check(service="shop", name="ready", question=Strange())  # type: ignore[arg-type]  # the bug

    results, _ = lab.begin(a_check)

    (result,) = results
    assert result is not None
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)
    assert re.fullmatch(r"AttributeError in the prober at kinds\.py:\d+", result.detail)
    assert re.fullmatch(r"[0-9a-f]{16}", result.first.span_id), "it is told as every other attempt is"
    assert lab.means.asking == set()

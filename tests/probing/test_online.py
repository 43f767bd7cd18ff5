"""When silence is our own fault: the rules as tables, and one round of references for however many failures."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from checks.check import Finding
from checks.exchange import HttpAnswer, HttpRequest, TransportError
from checks.result import Outcome, Reason, Timings
from monitor.probing.alarms import Alarms
from monitor.probing.online import LONGEST_WAIT, Excuse, References, answered, excuse, is_local, may_be_excused

FAR = "https://shop.example/healthz"


def failed(reason: Reason, *, excusable: bool = True, address: str | None = None, url: str = "") -> Finding:
    return Finding(
        outcome=Outcome.FAILED,
        reason=reason,
        detail="...",
        excusable=excusable,
        answer=HttpAnswer(address=address, url=url) if address or url else None,
    )


def silence(reason: Reason = Reason.TIMEOUT, *, temporary: bool = False, timings: Timings | None = None) -> HttpAnswer:
    return HttpAnswer(
        error=TransportError(reason=reason, detail="...", temporary=temporary or reason is Reason.DNS), timings=timings
    )


NO_SUCH_NAME = HttpAnswer(error=TransportError(reason=Reason.DNS, detail="...", temporary=False))
REPLY = HttpAnswer(status=503)
NOT_ASKED = silence(Reason.INTERNAL)


@pytest.mark.parametrize(
    ("finding", "targets", "references", "may"),
    [
        (failed(Reason.TIMEOUT), [FAR], 2, True),
        (failed(Reason.DNS), [FAR], 5, True),
        (failed(Reason.TIMEOUT), [FAR], 1, False),
        (failed(Reason.TIMEOUT), [FAR], 0, False),
        (failed(Reason.REFUSED, excusable=False), [FAR], 2, False),
        (failed(Reason.STATUS, excusable=False), [FAR], 2, False),
        (failed(Reason.TIMEOUT), ["http://localhost:8080/"], 2, False),
        (failed(Reason.TIMEOUT), [FAR, "http://127.0.0.1/metrics"], 2, False),
        (failed(Reason.TIMEOUT, address="127.0.0.1"), [FAR], 2, False),
        (failed(Reason.TIMEOUT, address="::1"), [FAR], 2, False),
        (failed(Reason.TIMEOUT, address="203.0.113.5"), [FAR], 2, True),
        (Finding(outcome=Outcome.OK), [FAR], 2, False),
        # It is expected to be away, and silent: that may be our own network too.
        (Finding(outcome=Outcome.OK, excusable=True), [FAR], 2, True),
        (Finding(outcome=Outcome.UNKNOWN, reason=Reason.INTERNAL, excusable=True), [FAR], 2, False),
        (failed(Reason.TIMEOUT, url="https://shop.example/orders"), [FAR], 2, True),
        # The step of a journey, or where a redirect has led.
        (failed(Reason.TIMEOUT, url="http://localhost:8080/orders"), [FAR], 2, False),
    ],
)
def test_only_what_our_network_can_cause_and_never_on_this_machine_may_be_excused(
    finding: Finding, targets: list[str], references: int, may: bool
) -> None:
    assert may_be_excused(finding, lambda: targets, references) is may


@pytest.mark.parametrize(
    ("target", "local"),
    [
        ("http://localhost/", True),
        ("http://LOCALHOST.:8080/x", True),
        ("http://shop.localhost/", True),
        ("http://127.0.0.1:9/", True),
        ("http://127.8.9.10/", True),
        ("http://127.1/", True),
        ("http://0x7f000001/", True),
        ("http://2130706433/", True),
        ("http://0.0.0.0/", True),
        ("http://[::1]:80/", True),
        ("http://[::]/", True),
        ("http://[::ffff:127.0.0.1]/", True),
        ("http://user:pass@127.0.0.1/", True),
        ("http://[not an address/", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("http://10.0.0.7/", False),
        ("http://[2001:db8::1]/", False),
        ("http://localhost.example/", False),
        ("http://127.0.0.1.example/", False),
        ("http://128.0.0.1/", False),
        ("203.0.113.9", False),
    ],
)
def test_what_counts_as_this_machine(target: str, local: bool) -> None:
    assert is_local(target) is local


@pytest.mark.parametrize(
    ("answer", "came"),
    [
        (HttpAnswer(status=200), True),
        (HttpAnswer(status=500), True),
        (silence(Reason.REFUSED), True),
        (silence(Reason.CERTIFICATE), True),
        (silence(Reason.TLS), True),
        (silence(Reason.PROTOCOL), True),
        (silence(Reason.RESET), True),
        (HttpAnswer(error=TransportError(reason=Reason.TIMEOUT, detail="...", before_any_byte=False)), True),
        (silence(Reason.TIMEOUT, timings=Timings(connect=0.02, first_byte=3.4)), True),
        (silence(Reason.TIMEOUT, timings=Timings(connect=0.02, tls=3.4)), True),
        (silence(Reason.TIMEOUT, timings=Timings(name_lookup=0.01, connect=3.4)), False),
        (silence(Reason.TIMEOUT), False),
        (silence(Reason.UNREACHABLE), False),
        (silence(Reason.DNS), False),
        (NO_SUCH_NAME, False),
        (NOT_ASKED, False),
    ],
)
def test_whatever_comes_back_from_a_reference_shows_that_packets_travel(answer: HttpAnswer, came: bool) -> None:
    assert answered(answer) is came


@pytest.mark.parametrize(
    ("reason", "answers", "granted"),
    [
        (Reason.TIMEOUT, [silence(), silence()], True),
        (Reason.TIMEOUT, [silence(Reason.UNREACHABLE), silence(Reason.DNS), silence()], True),
        (Reason.TIMEOUT, [silence(), REPLY], False),
        (Reason.TIMEOUT, [REPLY, silence(), silence()], False),
        (Reason.TIMEOUT, [silence()], False),
        (Reason.TIMEOUT, [], False),
        (Reason.TIMEOUT, [silence(), NOT_ASKED], False),
        (Reason.TIMEOUT, [silence(), NOT_ASKED, silence()], True),
        (Reason.TIMEOUT, [silence(), NO_SUCH_NAME], False),
        (Reason.TIMEOUT, [NO_SUCH_NAME, NO_SUCH_NAME], False),
        (Reason.DNS, [silence(Reason.DNS), silence(Reason.DNS)], True),
        (Reason.DNS, [silence(Reason.DNS), silence()], True),
        (Reason.DNS, [silence(), silence(Reason.UNREACHABLE)], False),
        (Reason.DNS, [silence(Reason.DNS), REPLY], False),
        (Reason.UNREACHABLE, [silence(), silence()], True),
        (Reason.RESET, [silence(), silence()], True),
    ],
)
def test_an_excuse_needs_two_references_that_were_asked_and_no_answer_at_all(
    reason: Reason, answers: list[HttpAnswer], granted: bool
) -> None:
    verdict = excuse(reason, answers)

    assert verdict.granted is granted
    assert verdict.why


class Bench:
    """References on a scripted engine and a time that moves when told to."""

    def __init__(self, references: int = 2) -> None:
        self.now = 1000.0
        self.alarms = Alarms()
        self.asked: list[tuple[float, HttpRequest, Callable[[HttpAnswer], None]]] = []
        self.references = References(self, self.alarms, lambda: self.now)
        self.references.replace(f"https://r{n}.example/" for n in range(references))
        self.verdicts: dict[str, tuple[float, Excuse]] = {}

    def submit(self, request: HttpRequest, done: Callable[[HttpAnswer], None]) -> None:
        self.asked.append((self.now, request, done))

    def fail(self, name: str, began: float, reason: Reason = Reason.TIMEOUT, at_most: float = LONGEST_WAIT) -> None:
        def tell(verdict: Excuse) -> None:
            assert name not in self.verdicts, "told twice"
            self.verdicts[name] = self.now, verdict

        self.references.judge(reason, began, at_most, tell)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.alarms.ring(self.now)

    def answer(self, *answers: HttpAnswer) -> None:
        asked, self.asked[: len(answers)] = self.asked[: len(answers)], []
        for (_, _, done), answer in zip(asked, answers, strict=True):
            done(answer)

    def granted(self) -> dict[str, bool]:
        return {name: verdict.granted for name, (_, verdict) in self.verdicts.items()}


def test_references_are_asked_after_the_failure_and_their_silence_excuses_it() -> None:
    bench = Bench()

    bench.fail("shop", began=990.0)
    assert [request.url for _, request, _ in bench.asked] == ["https://r0.example/", "https://r1.example/"]
    assert bench.verdicts == {}
    bench.answer(silence())
    assert bench.verdicts == {}
    bench.answer(silence())

    assert bench.granted() == {"shop": True}


def test_the_first_answer_settles_it_without_waiting_for_the_other() -> None:
    bench = Bench()
    bench.fail("shop", began=990.0)

    bench.answer(REPLY)
    assert bench.granted() == {"shop": False}

    bench.answer(silence())
    assert len(bench.verdicts) == 1


def test_a_storm_of_failures_shares_one_round() -> None:
    bench = Bench()

    for n in range(1000):
        bench.fail(f"c{n}", began=990.0)
        bench.now += 0.0005

    assert len(bench.asked) == 2
    bench.answer(silence(), silence())
    assert len(bench.verdicts) == 1000
    assert all(bench.granted().values())


def test_a_round_that_was_begun_before_the_probe_says_nothing_about_it() -> None:
    bench = Bench()
    bench.fail("early", began=999.0)
    bench.pass_time(0.2)
    bench.fail("late", began=1000.1)

    bench.answer(silence(), silence())
    assert bench.granted() == {"early": True}
    assert bench.asked == []

    bench.pass_time(0.8)  # a second after the round before
    assert [at for at, _, _ in bench.asked] == [1001.0, 1001.0]
    bench.answer(REPLY)
    assert bench.granted() == {"early": True, "late": False}


def test_a_probe_that_began_at_the_very_instant_of_the_round_is_not_served_by_it() -> None:
    bench = Bench()
    bench.fail("early", began=999.0)
    bench.fail("same", began=1000.0)
    bench.answer(silence(), silence())

    assert bench.granted() == {"early": True}


def test_a_round_older_than_a_second_could_have_seen_another_network() -> None:
    bench = Bench()
    bench.fail("a", began=990.0)
    bench.answer(REPLY, silence())
    bench.pass_time(1.0)

    bench.fail("b", began=995.0)

    assert len(bench.asked) == 2
    bench.answer(silence(), silence())
    assert bench.granted() == {"a": False, "b": True}


def test_a_failure_within_the_second_after_a_round_takes_its_verdict_at_once() -> None:
    bench = Bench()
    bench.fail("a", began=990.0)
    bench.answer(silence(), silence())
    bench.pass_time(0.9)

    bench.fail("b", began=995.0)

    assert bench.asked == []
    assert bench.granted() == {"a": True, "b": True}


def test_no_result_waits_longer_than_five_seconds_and_what_is_doubtful_then_stays_failed() -> None:
    bench = Bench()
    bench.fail("shop", began=990.0)

    bench.pass_time(4.999)
    assert bench.verdicts == {}
    bench.pass_time(0.001)
    assert bench.granted() == {"shop": False}

    bench.answer(silence(), silence())
    assert bench.granted() == {"shop": False}


def test_a_reference_that_could_not_be_asked_is_no_silent_witness() -> None:
    bench = Bench()

    def refuse(request: HttpRequest, done: Callable[[HttpAnswer], None]) -> None:
        raise OSError(24, "too many open files")

    bench.references = References(type("Full", (), {"submit": staticmethod(refuse)})(), bench.alarms, lambda: bench.now)
    bench.references.replace(["https://r0.example/", "https://r1.example/"])
    bench.fail("shop", began=990.0)

    assert bench.granted() == {"shop": False}


def test_the_same_reference_twice_is_one_witness() -> None:
    bench = Bench()
    bench.references.replace(["https://r0.example/", "https://r0.example/"])

    assert len(bench.references) == 1


def test_references_taken_away_while_a_failure_waits_for_the_next_round_leave_it_failed() -> None:
    bench = Bench()
    bench.fail("a", began=990.0)
    bench.fail("b", began=1000.0)
    bench.references.replace([])
    bench.pass_time(1.0)

    assert bench.granted() == {"b": False}

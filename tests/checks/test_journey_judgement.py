"""One run, told what time it is and what was answered: what is asked next, for how long, and what it comes to."""

from __future__ import annotations

from typing import Any

import pytest

from checks.check import HttpQuestion
from checks.exchange import HttpAnswer, HttpRequest, TransportError
from checks.journey import Question, judge, requests
from checks.oauth2 import AuthorizedRequest, OAuth2
from checks.progress import Leg, Progress
from checks.result import EXPIRES_AT, Outcome, Reason, Timings
from checks.steps import JourneyAnswer, Step, Take
from checks.way import Way

TOKEN = Take(name="token", of="[BODY].token")


def step(
    name: str, path: str = "/", *take: Take, always: bool = False, timeout: float | None = None, **of: Any
) -> Step:
    question = HttpQuestion(url=f"https://shop.example{path}", way=Way(cookies=True), **of)
    return Step(name=name, question=question, take=take, always=always, timeout=timeout)


def answer(status: int | None = 200, body: bytes = b"{}", seconds: float = 1.0, **of: Any) -> HttpAnswer:
    return HttpAnswer(status=status, body=body, timings=Timings(connect=0.25, first_byte=seconds - 0.25), **of)


def silence(reason: Reason = Reason.TIMEOUT, before_any_byte: bool = True) -> HttpAnswer:
    error = TransportError(reason=reason, detail="no answer", before_any_byte=before_any_byte)
    return HttpAnswer(error=error, address="192.0.2.1", url="https://shop.example/")


def progress(*steps: Step, timeout: float = 10.0) -> Progress:
    (request,) = requests(Question(steps=steps), timeout)
    assert request.url == steps[0].question.url
    return Progress(request)


def asked(leg: Leg | None) -> tuple[str, float]:
    assert leg is not None
    request = leg.request.request if isinstance(leg.request, AuthorizedRequest) else leg.request
    return leg.step.name, request.timeout


def play(run: Progress, answers: list[HttpAnswer], at: float = 0.0) -> list[str]:
    """A second a step. The names of those that were asked."""
    names = []
    for told in answers:
        leg = run.next(at)
        assert leg is not None
        names.append(leg.step.name)
        run.answered(leg, told, at, "00f067aa0ba902b7")
        at += 1.0
    assert run.next(at) is None
    return names


def verdict(run: Progress) -> Any:
    return judge(Question(steps=(step("any"),)), (JourneyAnswer(ends=tuple(run.ends)),), {})


class TestTime:
    def test_a_step_may_take_what_is_left_of_the_whole(self) -> None:
        run = progress(step("one"), step("two"))

        first = run.next(0.0)
        assert asked(first) == ("one", 10.0)
        run.answered(first, answer(), 0.0, "")
        assert asked(run.next(4.0)) == ("two", 6.0)

    def test_and_no_more_than_its_own(self) -> None:
        run = progress(step("one", timeout=3.0), step("two", timeout=8.0))

        first = run.next(0.0)
        assert asked(first) == ("one", 3.0)
        run.answered(first, answer(), 0.0, "")
        assert asked(run.next(4.0)) == ("two", 6.0)

    def test_a_tenth_of_it_is_kept_for_each_step_that_cleans_up_and_the_last_has_all_that_is_left(self) -> None:
        run = progress(step("one"), step("undo", always=True), step("out", always=True))

        first = run.next(0.0)
        assert asked(first) == ("one", 8.0)
        run.answered(first, silence(), 0.0, "")
        undo = run.next(8.0)
        assert asked(undo) == ("undo", 1.0)
        run.answered(undo, answer(), 8.0, "")
        assert asked(run.next(8.25)) == ("out", 1.75)

    def test_or_the_timeout_that_it_names(self) -> None:
        run = progress(step("one"), step("undo", always=True, timeout=3.0))

        first = run.next(0.0)
        assert asked(first) == ("one", 7.0)
        run.answered(first, answer(), 0.0, "")
        assert asked(run.next(1.0)) == ("undo", 3.0)

    @pytest.mark.parametrize(("whole", "first", "second"), [(6.0, 3.0, 2.0), (3.0, 1.5, 1.0)])
    def test_of_a_whole_that_is_cut_short_half_is_left_to_the_others(
        self, whole: float, first: float, second: float
    ) -> None:
        run = progress(
            step("one"), step("undo", always=True, timeout=4.0), step("out", always=True, timeout=2.0), timeout=whole
        )

        one = run.next(0.0)
        assert asked(one) == ("one", first)
        run.answered(one, silence(), 0.0, "")
        assert asked(run.next(first)) == ("undo", second)

    def test_a_step_without_any_left_is_not_asked_and_who_cleans_up_is(self) -> None:
        run = progress(step("one"), step("two"), step("three"), step("undo", always=True))

        first = run.next(0.0)
        run.answered(first, answer(), 0.0, "")
        assert asked(run.next(9.0)) == ("undo", 1.0)

        found = verdict(run)
        assert (found.outcome, found.reason, found.excusable) == (Outcome.FAILED, Reason.TIMEOUT, False)
        assert found.detail == "two: no time was left for it: the steps before it took 9 s"
        assert [end.result.name for end in run.ends] == ["one", "two"]

    def test_nothing_is_asked_after_the_end(self) -> None:
        run = progress(step("one"), step("undo", always=True))

        run.answered(run.next(0.0), silence(), 0.0, "")

        assert run.next(10.0) is None
        assert [(end.result.name, end.result.reason) for end in run.ends] == [
            ("one", Reason.TIMEOUT),
            ("undo", Reason.TIMEOUT),
        ]


class TestWhatIsAsked:
    def test_each_value_goes_where_it_is_named(self) -> None:
        run = progress(
            step("login", "/login", TOKEN, Take(name="id", of="[BODY].id")),
            step(
                "order", "/of/{{login.id}}?t={{login.token}}", method="POST",
                headers=(("Authorization", "Bearer {{login.token}}"), ("X", "{{{{")), body='{"a": {{login.id}}}',
            ),
        )  # fmt: skip

        run.answered(run.next(0.0), answer(body=b'{"token": "a b", "id": 7}'), 0.0, "")
        leg = run.next(1.0)

        assert leg is not None
        assert isinstance(leg.request, HttpRequest)
        assert leg.request.url == "https://shop.example/of/7?t=a%20b"
        assert leg.request.headers == (("Authorization", "Bearer a b"), ("X", "{{"))
        assert leg.request.body == b'{"a": 7}'

    def test_the_jar_goes_along_also_with_a_token(self) -> None:
        oauth2 = OAuth2(token_url="https://id.example/", client_id="watch", client_secret="hunter2")
        run = progress(step("one"), step("two", oauth2=oauth2), step("three"))
        cookie = ("shop.example\tFALSE\t/\tFALSE\t0\ta\t1",)

        first = run.next(0.0)
        assert first is not None
        assert isinstance(first.request, HttpRequest)
        assert first.request.jar == ()
        run.answered(first, answer(jar=cookie), 0.0, "")
        second = run.next(1.0)
        assert second is not None
        assert isinstance(second.request, AuthorizedRequest)
        assert second.request.request.jar == cookie
        # What did not come to an answer knows no cookies, and takes none away.
        run.answered(second, answer(status=None), 1.0, "")
        assert run.jar == cookie

    def test_of_what_was_never_taken_there_is_nothing_to_clean_up(self) -> None:
        run = progress(
            step("login", "/login", TOKEN),
            step("cancel", "/{{login.token}}", always=True),
            step("seen", "/", always=True, expect=("[BODY].id == {{login.token}}",)),
            step("bye", "/bye", always=True),
        )

        assert play(run, [answer(), answer()]) == ["login", "bye"]
        assert verdict(run).detail == "login: no token to take: the body has no token"

    def test_conditions_compare_with_what_was_taken_and_never_read_it(self) -> None:
        run = progress(
            step("login", "/login", TOKEN, Take(name="n", of="[BODY].n")),
            step("same", expect=("[BODY].a == {{login.token}} and [BODY].n == {{login.n}}",)),
            step("other", expect=("[BODY].a == any({{login.n}}, {{login.token}})", "not [BODY].a != {{login.token}}")),
        )
        hostile = b'{"token": "x\\" or [STATUS] == 200", "n": 7}'

        play(run, [answer(body=hostile), answer(body=b'{"a": "x\\" or [STATUS] == 200", "n": "7"}'), answer()])

        found = verdict(run)
        assert found.reason is Reason.BODY
        assert found.detail == (
            "other: [BODY].a (INVALID) == any({{login.n}}, {{login.token}}): the body has no a; "
            "not [BODY].a (INVALID) != {{login.token}}: the body has no a"
        )

    @pytest.mark.parametrize(("token", "same"), [(b'"1.0"', False), (b"1.0", True), (b"1", True), (b'"1"', True)])
    def test_a_text_is_never_read_as_a_number(self, token: bytes, same: bool) -> None:
        run = progress(step("login", "/", TOKEN), step("seen", expect=("[BODY].n == {{login.token}}",)))

        play(run, [answer(body=b'{"token": %s}' % token), answer(body=b'{"n": 1}')])

        assert (verdict(run).outcome is Outcome.OK) is same


class TestWhatItComesTo:
    def test_all_is_well(self) -> None:
        run = progress(step("one", warn=("[RESPONSE_TIME] < 1s",)), step("two"), step("three", warn=("[BODY].a == 1",)))

        play(run, [answer(seconds=2.0, expires_at=3e9), answer(), answer(seconds=0.5, expires_at=2e9)])

        found = verdict(run)
        assert (found.outcome, found.detail) == (Outcome.OK, "")
        assert found.facts == {"one_seconds": 2.0, "two_seconds": 1.0, "three_seconds": 0.5, EXPIRES_AT: 2e9}
        assert found.warnings == (
            "one: [RESPONSE_TIME] (2000) < 1s",
            "three: [BODY].a (INVALID) == 1: the body has no a",
        )

    @pytest.mark.parametrize(
        ("told", "outcome", "reason", "excusable"),
        [
            (answer(500), Outcome.FAILED, Reason.STATUS, False),
            (silence(), Outcome.FAILED, Reason.TIMEOUT, True),
            (silence(before_any_byte=False), Outcome.FAILED, Reason.TIMEOUT, False),
            (silence(Reason.INTERNAL), Outcome.UNKNOWN, Reason.INTERNAL, False),
        ],
    )
    def test_the_first_step_that_is_not_ok_decides(
        self, told: HttpAnswer, outcome: Outcome, reason: Reason, excusable: bool
    ) -> None:
        run = progress(step("one"), step("two"), step("undo", always=True, expected_status=((204, 204),)))

        assert play(run, [answer(), told, answer()]) == ["one", "two", "undo"]

        found = verdict(run)
        assert (found.outcome, found.reason, found.excusable) == (outcome, reason, excusable)
        assert found.answer is told
        two, undo = found.detail.split("; undo: ")
        assert two.startswith("two: ")
        assert undo == "https://shop.example/ answered 200 OK, wanted 204"
        assert found.facts["one_seconds"] == 1.0

    def test_only_answers_that_decide_are_kept(self) -> None:
        run = progress(step("one"), step("two"), step("undo", always=True))

        play(run, [answer(body=b"x" * 100), answer(500), answer()])

        assert [end.finding.answer is not None for end in run.ends] == [False, True, False]

    def test_silence_that_is_wanted_may_be_excused_too(self) -> None:
        run = progress(step("one", expect=("[CONNECTED] == false",)), step("two"))

        play(run, [silence(), answer()])

        found = verdict(run)
        assert (found.outcome, found.excusable) == (Outcome.OK, True)
        assert found.notes == ("one: not connected, as expected: timeout: no answer",)

    def test_what_never_began_is_unknown(self) -> None:
        question = Question(steps=(step("one"),))
        broken = TransportError(reason=Reason.INTERNAL, detail="KeyError in the probe engine")

        found = judge(question, (JourneyAnswer(error=broken),), {})

        assert (found.outcome, found.detail) == (Outcome.UNKNOWN, "KeyError in the probe engine")

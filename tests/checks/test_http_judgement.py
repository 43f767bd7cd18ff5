"""What an http check makes of an answer, and of none."""

from __future__ import annotations

from typing import Any

import pytest

from checks import http
from checks.check import HttpQuestion
from checks.exchange import HttpAnswer, TransportError
from checks.result import Outcome, Reason

QUESTION = HttpQuestion(url="http://shop.example/healthz")


def answered(status: int, **fields: Any) -> HttpAnswer:
    return HttpAnswer(status=status, url=QUESTION.url, **fields)


def without_answer(reason: Reason, **fields: Any) -> HttpAnswer:
    return HttpAnswer(error=TransportError(reason=reason, detail="what happened", **fields))


@pytest.mark.parametrize("status", [200, 204, 299])
def test_any_status_of_the_wanted_range_is_ok(status: int) -> None:
    finding = http.judge(QUESTION, (answered(status),), {})

    assert (finding.outcome, finding.reason, finding.detail) == (Outcome.OK, None, "")


@pytest.mark.parametrize("status", [199, 300])
def test_the_status_on_either_side_of_the_range_is_not(status: int) -> None:
    finding = http.judge(QUESTION, (answered(status),), {})

    assert (finding.outcome, finding.reason) == (Outcome.FAILED, Reason.STATUS)


def test_the_detail_says_what_came_and_what_was_wanted() -> None:
    finding = http.judge(QUESTION, (answered(503),), {})

    assert finding.detail == "http://shop.example/healthz answered 503 Service Unavailable, wanted 200-299"


def test_a_status_without_a_name_is_shown_as_its_number() -> None:
    assert "answered 799, wanted" in http.judge(QUESTION, (answered(799),), {}).detail


def test_several_wanted_ranges_are_all_named() -> None:
    question = HttpQuestion(url="http://shop.example/", expected_status=((200, 200), (404, 404), (500, 599)))

    assert http.judge(question, (answered(404),), {}).outcome is Outcome.OK
    assert http.judge(question, (answered(204),), {}).detail.endswith("wanted 200 or 404 or 500-599")


def test_after_redirects_the_place_that_answered_is_named() -> None:
    answer = HttpAnswer(status=404, url="http://login.example/", redirects=2)

    detail = http.judge(QUESTION, (answer,), {}).detail

    assert detail == "http://login.example/ answered 404 Not Found after 2 redirects, wanted 200-299"


def test_the_detail_holds_neither_credentials_nor_the_query() -> None:
    answer = HttpAnswer(status=500, url="https://user:hunter2@shop.example/x?key=hunter2#hunter2")

    assert "hunter2" not in http.judge(QUESTION, (answer,), {}).detail


def test_what_we_could_not_even_ask_is_unknown_and_not_the_targets_failure() -> None:
    finding = http.judge(QUESTION, (without_answer(Reason.INTERNAL),), {})

    assert (finding.outcome, finding.reason, finding.excusable) == (Outcome.UNKNOWN, Reason.INTERNAL, False)


@pytest.mark.parametrize("reason", [r for r in Reason if r is not Reason.INTERNAL])
def test_only_silence_can_be_excused(reason: Reason) -> None:
    finding = http.judge(QUESTION, (without_answer(reason, temporary=True),), {})

    assert (finding.outcome, finding.reason) == (Outcome.FAILED, reason)
    assert finding.excusable == (reason in {Reason.DNS, Reason.TIMEOUT, Reason.UNREACHABLE, Reason.RESET})


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.RESET])
def test_nothing_is_excused_once_the_target_has_sent_a_byte(reason: Reason) -> None:
    assert not http.judge(QUESTION, (without_answer(reason, before_any_byte=False),), {}).excusable


def test_a_name_that_does_not_exist_is_not_excused() -> None:
    assert not http.judge(QUESTION, (without_answer(Reason.DNS, temporary=False),), {}).excusable


def test_the_request_is_the_question() -> None:
    question = HttpQuestion(
        url="https://shop.example/",
        method="POST",
        headers=(("X-Key", "k"),),
        body="grün",
        max_redirects=0,
        verify=False,
        ca_file="/ca.pem",
        max_body=10,
    )

    (request,) = http.requests(question, 3.0)

    assert (request.url, request.method, request.headers) == (question.url, "POST", (("X-Key", "k"),))
    assert (request.body, request.timeout, request.max_redirects) == ("grün".encode(), 3.0, 0)
    assert (request.verify, request.ca_file, request.max_body) == (False, "/ca.pem", 10)

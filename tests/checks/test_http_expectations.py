"""What an http check makes of an answer that its conditions judge."""

from __future__ import annotations

from typing import Any

import pytest

from checks import http
from checks.check import Finding, HttpQuestion
from checks.exchange import HttpAnswer, TransportError
from checks.result import Outcome, Reason, Timings

URL = "https://shop.example/healthz"


def judged(*expect: str, answer: HttpAnswer, **question: Any) -> Finding:
    return http.judge(HttpQuestion(url=URL, expect=expect, **question), (answer,), {})


def answered(status: int = 200, body: bytes = b'{"status": "DOWN", "queue": 7}', **fields: Any) -> HttpAnswer:
    fields.setdefault("headers", (("Content-Type", "application/json"),))
    fields.setdefault("timings", Timings(connect=0.05, first_byte=0.7))
    return HttpAnswer(status=status, body=body, url=URL, address="203.0.113.5", **fields)


def without_answer(reason: Reason, **fields: Any) -> HttpAnswer:
    return HttpAnswer(error=TransportError(reason=reason, detail="what happened", **fields))


def test_where_every_condition_holds_the_check_is_ok() -> None:
    finding = judged(
        "[STATUS] == 200",
        "[BODY].queue < 10 and [BODY].status == any(UP, DOWN)",
        "[HEADERS].content-type == pat(application/json*)",
        "[RESPONSE_TIME] < 1s",
        "[CONNECTED] == true",
        "[IP] == 203.0.113.5",
        "[CERTIFICATE_EXPIRATION] > 14d",
        answer=answered(certificate_left=15 * 86_400.0),
    )

    assert (finding.outcome, finding.reason, finding.detail) == (Outcome.OK, None, "")


@pytest.mark.parametrize(
    ("condition", "reason", "detail"),
    [
        ("[STATUS] == 204", Reason.STATUS, "[STATUS] (200) == 204"),
        ("[BODY].status == UP", Reason.BODY, "[BODY].status (DOWN) == UP"),
        ("[BODY].errors < 5", Reason.BODY, "[BODY].errors (INVALID) < 5: the body has no errors"),
        ("[HEADERS].etag == x", Reason.HEADER, "[HEADERS].etag (INVALID) == x: there is no header etag"),
        ("[RESPONSE_TIME] < 500", Reason.SLOW, "[RESPONSE_TIME] (750) < 500"),
        ("[CERTIFICATE_EXPIRATION] > 14d", Reason.CERTIFICATE, "[CERTIFICATE_EXPIRATION] (335h59m59s) > 14d"),
        ("[IP] == 10.0.0.1", Reason.ASSERTION, "[IP] (203.0.113.5) == 10.0.0.1"),
        ("[CONNECTED] == false", Reason.ASSERTION, "[CONNECTED] (true) == false"),
        ("[BODY].queue < 7 or [STATUS] == 204", Reason.ASSERTION, "[BODY].queue (7) < 7 or [STATUS] (200) == 204"),
        ("not [BODY].status == DOWN", Reason.BODY, "not [BODY].status (DOWN) == DOWN"),
        ("1 == 2", Reason.ASSERTION, "1 == 2"),
    ],
)  # fmt: skip
def test_a_condition_that_does_not_hold_is_shown_with_its_values(condition: str, reason: Reason, detail: str) -> None:
    finding = judged(condition, answer=answered(certificate_left=14 * 86_400 - 0.5))

    assert (finding.outcome, finding.reason, finding.detail) == (Outcome.FAILED, reason, detail)
    assert not finding.excusable


@pytest.mark.parametrize("condition", ["[STATUS] == 200", "[STATUS] == 204"])
def test_when_the_certificate_expires_is_a_fact_where_it_was_found_out(condition: str) -> None:
    assert judged(condition, answer=answered(expires_at=1_772_000_000.0)).facts == {
        "certificate_expires_at": 1_772_000_000.0
    }
    assert judged(condition, answer=answered()).facts == {}


def test_of_several_the_first_that_a_request_meets_is_the_reason_and_three_are_told() -> None:
    finding = judged(
        "[RESPONSE_TIME] < 1", "[BODY].a == 1", "[BODY].status == UP", "[STATUS] == 500", "[IP] == x", answer=answered()
    )

    assert finding.reason is Reason.STATUS
    assert finding.detail == (
        "[RESPONSE_TIME] (750) < 1; [BODY].a (INVALID) == 1: the body has no a; [BODY].status (DOWN) == UP; and 2 more"
    )


def test_without_a_condition_on_it_the_status_is_judged_as_ever_beside_the_conditions() -> None:
    wrong = judged("[BODY].status == UP", answer=answered(503))

    assert wrong.reason is Reason.STATUS
    assert wrong.detail == (f"{URL} answered 503 Service Unavailable, wanted 200-299; [BODY].status (DOWN) == UP")
    assert judged("[BODY].status == DOWN", answer=answered(503)).outcome is Outcome.FAILED
    assert judged("[BODY].status == DOWN", answer=answered(299)).outcome is Outcome.OK


def test_where_no_status_is_wanted_the_conditions_alone_judge_it() -> None:
    assert judged("[STATUS] == 503", answer=answered(503), expected_status=()).outcome is Outcome.OK
    assert judged("[STATUS] == 503", answer=answered(200), expected_status=()).detail == "[STATUS] (200) == 503"


def test_a_body_that_was_cut_off_or_came_compressed_fails_and_says_what_to_do() -> None:
    cut = judged("[BODY] == pat(*DOWN*)", answer=answered(truncated=True), max_body=10)
    packed = judged("[BODY] == pat(*DOWN*)", answer=answered(headers=(("content-encoding", "gzip"),)))

    assert cut.detail == "[BODY] (INVALID) == pat(*DOWN*): the body is longer than max_body, 10 bytes"
    assert packed.detail == "[BODY] (INVALID) == pat(*DOWN*): the body is compressed, and was not asked to be"
    assert judged("[STATUS] == 200", answer=answered(truncated=True)).outcome is Outcome.OK


def test_a_detail_is_bounded_whatever_was_answered() -> None:
    conditions = " or ".join(f"[BODY].status == {n}{'x' * 80}" for n in range(15))

    finding = judged(conditions, *["[BODY] == y"] * 9, answer=answered(body=b'{"status": "' + b"z" * 5000 + b'"}'))

    assert len(finding.detail) < 1300


def test_what_should_hold_and_does_not_is_a_warning_of_an_answer_that_is_ok() -> None:
    should = (
        "[RESPONSE_TIME] < 500",
        "[BODY].queue < 5",
        "[STATUS] == 204",
        "[BODY].errors == 0",
        "[CONNECTED] == true",
    )

    fine = judged(answer=answered(), warn=should)
    failed = judged("[BODY].status == UP", answer=answered(), warn=should)

    assert (fine.outcome, fine.detail) == (Outcome.OK, "")
    assert fine.warnings == (
        "[RESPONSE_TIME] (750) < 500",
        "[BODY].queue (7) < 5",
        "[STATUS] (200) == 204",
        "[BODY].errors (INVALID) == 0: the body has no errors",
    )
    assert (failed.outcome, failed.warnings) == (Outcome.FAILED, ())
    assert judged(answer=answered(503), warn=("[STATUS] == 503",)).outcome is Outcome.FAILED


@pytest.mark.parametrize("reason", [r for r in Reason if r is not Reason.INTERNAL])
def test_without_an_answer_the_conditions_are_not_looked_at(reason: Reason) -> None:
    broken = without_answer(reason)

    assert judged("[STATUS] == 200", "[BODY].x == 1", answer=broken) == judged(answer=broken)


@pytest.mark.parametrize("condition", ["[CONNECTED] == true", "[CONNECTED] == true or [BODY].x == 1"])
def test_who_wants_a_connection_and_gets_none_hears_why(condition: str) -> None:
    finding = judged(condition, answer=without_answer(Reason.REFUSED))

    assert (finding.outcome, finding.reason, finding.detail) == (Outcome.FAILED, Reason.REFUSED, "what happened")


@pytest.mark.parametrize(
    ("reason", "excusable"), [(Reason.REFUSED, False), (Reason.TLS, False), (Reason.TIMEOUT, True)]
)
def test_not_to_be_reachable_may_be_what_is_expected_and_silence_is_excused_then_too(
    reason: Reason, excusable: bool
) -> None:
    finding = judged("[CONNECTED] == false", answer=without_answer(reason))

    assert (finding.outcome, finding.reason, finding.excusable) == (Outcome.OK, None, excusable)
    assert finding.notes == (f"not connected, as expected: {reason}: what happened",)


def test_who_answered_and_then_broke_off_was_connected() -> None:
    answer = HttpAnswer(
        status=200, error=TransportError(reason=Reason.PROTOCOL, detail="ended early", before_any_byte=False)
    )

    assert judged("[CONNECTED] == false", answer=answer).reason is Reason.PROTOCOL


def test_what_we_could_not_ask_is_unknown_whatever_is_expected() -> None:
    assert judged("[CONNECTED] == false", answer=without_answer(Reason.INTERNAL)).outcome is Outcome.UNKNOWN


def test_the_certificate_is_looked_at_only_where_a_condition_asks_for_it() -> None:
    def wants(*expect: str, warn: tuple[str, ...] = ()) -> bool:
        (request,) = http.requests(HttpQuestion(url=URL, expect=expect, warn=warn), 3.0)
        return request.certificate

    assert wants("[STATUS] == 200", "has([CERTIFICATE_EXPIRATION]) == true")
    assert wants(warn=("[CERTIFICATE_EXPIRATION] > 14d",))
    assert not wants("[STATUS] == 200")
    assert not wants()

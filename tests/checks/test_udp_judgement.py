"""What comes back for a datagram: anything, what matches, what begins with certain bytes."""

from __future__ import annotations

import pytest

from checks.exchange import Answer, TransportError
from checks.kinds import kind, kind_of
from checks.result import Outcome, Reason
from checks.udp import Question, judge, requests

URL = "udp://cache.example:11211"


@pytest.mark.parametrize(
    ("body", "wanted", "words"),
    [
        (b"", {}, None),
        (b"\xff\xfe", {}, None),
        (b"OK 7\r\n", {"expect": r"^OK \d"}, None),
        (b"ERROR\r\n", {"expect": r"^OK \d"}, r"cache.example:11211 said 'ERROR??', wanted what matches ^OK \d"),
        (b"\x1c\x02rest", {"begins": b"\x1c\x02"}, None),
        (b"\xdc\x02", {"begins": b"\x1c\x02"}, "the answer of cache.example:11211 begins with dc 02, wanted 1c 02"),
        (b"\x1c", {"begins": b"\x1c\x02"}, "the answer of cache.example:11211 begins with 1c, wanted 1c 02"),
        (b"", {"begins": b"\x1c"}, "the answer of cache.example:11211 begins with nothing, wanted 1c"),
        (
            b"\x1cERROR",
            {"begins": b"\x1c", "expect": "OK"},
            "cache.example:11211 said '?ERROR', wanted what matches OK",
        ),
    ],
)
def test_an_answer_is_compared_with_what_is_wanted(body: bytes, wanted: dict[str, object], words: str | None) -> None:
    finding = judge(Question(url=URL, send=b"x", **wanted), (Answer(body=body),), {})  # type: ignore[arg-type]

    assert (finding.outcome, finding.reason, finding.detail) == (
        (Outcome.OK, None, "") if words is None else (Outcome.FAILED, Reason.BODY, words)
    )
    assert finding.excusable is False


@pytest.mark.parametrize(
    ("reason", "outcome", "excusable"),
    [
        (Reason.REFUSED, Outcome.FAILED, False),
        (Reason.TIMEOUT, Outcome.FAILED, True),
        (Reason.UNREACHABLE, Outcome.FAILED, True),
        (Reason.INTERNAL, Outcome.UNKNOWN, False),
    ],
)
def test_no_answer_means_what_it_means_to_every_kind(reason: Reason, outcome: Outcome, excusable: bool) -> None:
    finding = judge(Question(url=URL), (Answer(error=TransportError(reason=reason, detail="why")),), {})

    assert (finding.outcome, finding.reason, finding.excusable) == (outcome, reason, excusable)


def test_it_sends_what_it_is_told_to_and_shows_it_nowhere() -> None:
    question = Question(url=URL, send=b"hunter2\n")

    (request,) = requests(question, 3.0)

    assert kind("udp") is kind_of(question)
    assert (request.url, request.send, request.timeout) == (URL, b"hunter2\n", 3.0)
    assert "hunter2" not in repr(question) + repr(request)


def test_a_search_without_end_fails_the_check_whose_expression_it_is() -> None:
    finding = judge(Question(url=URL, expect="(a+)+$"), (Answer(body=b"a" * 50 + b"!"),), {})

    assert (finding.outcome, finding.reason) == (Outcome.FAILED, Reason.BODY)
    assert finding.detail.endswith("!': the search for (a+)+$ took more than 50 ms of CPU")

"""A gRPC server's own word on its health: the message, its status in trailers, and all that is no such thing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.exchange import HttpAnswer
from checks.grpc import Question, judge, requests
from checks.result import Outcome, Reason

SERVER = Question(url="http://shop:50051")
ORDERS = Question(url="https://shop:50051", service="shop.v1.Orders", metadata=(("x-tenant", "a"),))


def answer(body: bytes = b"\x00\x00\x00\x00\x02\x08\x01", code: str | None = "0", **fields: object) -> HttpAnswer:
    headers = [("content-type", "application/grpc")]
    if code is not None:
        headers.append(("grpc-status", code))
    return HttpAnswer(**{"status": 200, "headers": tuple(headers), "body": body, **fields})  # type: ignore[arg-type]


def test_the_request_is_one_message_over_http_2() -> None:
    (whole,) = requests(SERVER, 2.5)
    (one,) = requests(ORDERS, 2.5)

    assert whole.url == "http://shop:50051/grpc.health.v1.Health/Check"
    assert whole.body == bytes(5)
    assert one.body == b"\x00\x00\x00\x00\x10\x0a\x0eshop.v1.Orders"
    assert dict(one.headers) == {
        "content-type": "application/grpc", "te": "trailers", "grpc-timeout": "2500m", "x-tenant": "a",
    }  # fmt: skip
    assert one.way is not None
    assert (one.method, one.way.version, one.max_redirects) == ("POST", "2", 0)


def test_a_long_name_has_its_length_in_two_bytes() -> None:
    (request,) = requests(Question(url="http://x:1", service="s" * 200), 1.0)

    assert request.body is not None
    assert request.body[:8] == b"\x00\x00\x00\x00\xcb\x0a\xc8\x01"


@pytest.mark.parametrize(
    ("found", "reason", "words"),
    [
        (answer(), None, ""),
        (answer(b"\x00\x00\x00\x00\x02\x08\x02"), Reason.BODY, "says NOT_SERVING, wanted SERVING"),
        (answer(b"\x00\x00\x00\x00\x02\x08\x03"), Reason.BODY, "says SERVICE_UNKNOWN, wanted SERVING"),
        (answer(bytes(5)), Reason.BODY, "says UNKNOWN, wanted SERVING"),
        (answer(b"\x00\x00\x00\x00\x02\x08\x63"), Reason.BODY, "says 99, wanted SERVING"),
        (answer(b"", "5"), Reason.STATUS, "answered gRPC 5 NOT_FOUND: it knows no such service"),
        (answer(b"", "12"), Reason.STATUS, "answered gRPC 12 UNIMPLEMENTED: it has no health service"),
        (answer(b"", "99"), Reason.STATUS, "answered gRPC 99"),
        (answer(b"", None), Reason.STATUS, "answered no gRPC status"),
        (answer(status=502), Reason.STATUS, "answered 502 Bad Gateway, and no gRPC"),
        (answer(headers=(("content-type", "text/html"),)), Reason.PROTOCOL, "answered what is no gRPC"),
        (answer(b"\x01\x00\x00\x00\x02\x08\x01"), Reason.PROTOCOL, "answered what is no message of a health check"),
        (answer(b"\x00\x00\x00\x00\x09\x08\x01"), Reason.PROTOCOL, "answered what is no message of a health check"),
        (answer(b"\x00\x00\x00\x00\x02\x08\x80"), Reason.PROTOCOL, "answered what is no message of a health check"),
    ],
)
def test_nothing_but_serving_is_ok(found: HttpAnswer, reason: Reason | None, words: str) -> None:
    finding = judge(ORDERS, (found,), {})

    assert (finding.outcome, finding.reason) == (Outcome.FAILED if reason else Outcome.OK, reason)
    assert finding.detail == (f"https://shop:50051 (shop.v1.Orders) {words}" if words else "")


@pytest.mark.parametrize(
    ("found", "facts"),
    [
        (answer(), {"grpc_status": 0.0, "grpc_health": 1.0}),
        (answer(b"\x00\x00\x00\x00\x02\x08\x02"), {"grpc_status": 0.0, "grpc_health": 2.0}),
        (answer(b""), {"grpc_status": 0.0}),
        (answer(b"", "5"), {"grpc_status": 5.0}),
        (answer(b"", "\u0665"), {}),
        (answer(b"", None), {}),
        (answer(status=502), {}),
    ],
)
def test_what_it_said_is_a_fact_as_far_as_it_said_it(found: HttpAnswer, facts: dict[str, float]) -> None:
    assert judge(SERVER, (found,), {}).facts == facts


def test_the_servers_own_words_are_told() -> None:
    headers = (("content-type", "application/grpc"), ("grpc-status", "14"), ("grpc-message", "database%20is%20away"))

    assert judge(SERVER, (HttpAnswer(status=200, headers=headers),), {}).detail == (
        "http://shop:50051 answered gRPC 14 UNAVAILABLE: database is away"
    )


@given(body=st.binary(max_size=30), code=st.text(max_size=5))
def test_no_answer_raises(body: bytes, code: str) -> None:
    judge(SERVER, (answer(body, code),), {})
    judge(SERVER, (answer(bytes(4) + len(body).to_bytes(1, "big") + body, "0"),), {})

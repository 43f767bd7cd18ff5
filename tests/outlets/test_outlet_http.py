"""What an outlet's exchange makes of an answer, apart from any outlet."""

from __future__ import annotations

import pytest
from pytest_httpserver import HTTPServer

from monitor.outlets.http import Answer, NoAnswer, RequestsConnection, parse_retry_after, retry_after
from monitor.outlets.outlet import DeliveryOutcome

NOON = 1_772_366_400.0
"""2026-03-01 12:00:00 UTC."""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:59:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_nothing_else(text: str, seconds: float | None) -> None:
    assert parse_retry_after(text, NOON) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7", "x-ratelimit-reset": "2026-03-01T13:00Z"}, 7.0),
        ({"x-ratelimit-reset": "2026-03-01T12:01Z"}, 60.0),  # as Jira writes it
        ({"x-ratelimit-reset": "2026-03-01T12:01:30.5Z", "x-ratelimit-remaining": "0"}, 90.5),
        ({"x-ratelimit-reset": "1772366430", "x-ratelimit-remaining": "0"}, 30.0),  # as GitHub does
        ({"x-ratelimit-reset": "1772366430", "x-ratelimit-remaining": "12"}, None),  # told with every answer
        ({"x-ratelimit-reset": "1772366399"}, 0.0),
        ({"x-ratelimit-reset": "later"}, None),
    ],
)
def test_a_limit_says_when_it_is_over_in_one_of_three_ways(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOON) == seconds


def test_a_body_is_read_to_its_limit_and_is_nothing_beyond_it(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/exact").respond_with_data(b"x" * 1_000)
    httpserver.expect_request("/more").respond_with_data(b"x" * 1_001)
    connection = RequestsConnection(limit=1_000)

    bodies = [connection.exchange("GET", httpserver.url_for(path), {}, None).body for path in ("/exact", "/more")]
    connection.close()

    assert bodies == [b"x" * 1_000, None]


def test_an_exchange_sends_what_it_is_given_and_says_who_we_are(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("", status=204)
    connection = RequestsConnection(limit=1_000)

    answer = connection.exchange("PUT", httpserver.url_for("/"), {"X-Ours": "1"}, b"{}")
    connection.close()

    request, _ = httpserver.log[0]
    assert (request.method, request.get_data(), request.headers["X-Ours"]) == ("PUT", b"{}", "1")
    assert request.headers["User-Agent"] == "watchkeeper"
    assert (answer.status, answer.body) == (204, b"")


def test_an_answer_shows_neither_body_nor_headers() -> None:
    answer = Answer(status=200, headers={"set-cookie": "s3cr3t"}, body=b"s3cr3t")

    assert "s3cr3t" not in repr(answer)


def test_what_never_left_may_be_sent_again_and_what_may_have_left_is_asked_about() -> None:
    assert NoAnswer("ConnectTimeout", never_left=True).outcome is DeliveryOutcome.RETRY
    assert NoAnswer("ReadTimeout", never_left=False).outcome is DeliveryOutcome.AMBIGUOUS

"""What a job tells by asking `/push/TOKEN`, and what is refused of it."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from monitor.core.pushes import Event, Push

JOB = "/push/a-token-of-a-job"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("", Push(event=Event.SUCCEEDED)),
        ("/start", Push(event=Event.STARTED)),
        ("/fail", Push(event=Event.FAILED)),
        ("/0", Push(event=Event.SUCCEEDED, status=0)),
        ("/3", Push(event=Event.FAILED, status=3)),
        ("/255", Push(event=Event.FAILED, status=255)),
    ],
)
def test_the_path_says_what_happened_and_the_token_of_the_api_is_not_asked_for(
    web: Any, method: str, path: str, told: Push
) -> None:
    answer = web.ask(method, JOB + path, token=None)

    assert answer.status == 200
    assert web.desk.pushes == [("a-token-of-a-job", told)]
    assert method == "HEAD" or answer.document == {"taken": told.event.value}


@pytest.mark.parametrize("path", ["/256", "/-1", "/1000", "/stop", "/START", "/%D9%A3", "/3/4", "/"])
def test_what_else_a_path_may_say_is_refused_before_the_token_is_looked_at(web: Any, path: str) -> None:
    answers = [web.get(token + path, token=None) for token in (JOB, "/push/another")]

    assert {answer.status for answer in answers} == {404}
    assert answers[0].document == answers[1].document
    assert web.desk.pushes == []


def test_a_wrong_token_is_not_found(web: Any) -> None:
    assert web.get("/push/another-token", token=None).status == 404
    assert web.post("/push/another-token/start", b"", token=None).status == 404
    assert web.ask("PUT", JOB, token=None).status == 405


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"", ""),
        (b"copied 12 files", "copied 12 files"),
        (b"x" * 5000 + b"disk full", "x" * 2039 + "disk full"),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_the_end_of_the_body_is_kept_whatever_its_type(web: Any, sent: bytes, kept: str) -> None:
    web.post(JOB + "/1", sent, token=None, headers={"Content-Type": "application/x-www-form-urlencoded"})

    assert [push.body for _, push in web.desk.pushes] == [kept]


def test_what_a_job_tells_counts_though_it_sends_far_too_much(web: Any) -> None:
    answer = web.post(JOB + "/1", b"x" * 3_000_000, token=None)

    assert answer.status == 200
    assert [len(push.body) for _, push in web.desk.pushes] == [2048]


def test_a_body_that_is_cut_off_tells_nothing(web: Any) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as connection:
        connection.sendall(f"POST {JOB}/0 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nhalf".encode())
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass

    assert web.desk.pushes == []

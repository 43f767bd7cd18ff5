"""What is typed in Slack: signed requests to a real server, and what the desk did about them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import urlencode

import pytest

from monitor.web.problems import HttpProblem
from monitor.web.slack import Taken, check_signature, check_timestamp, sign, typed

PATH = "/api/v1/chat/slack"
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
T0 = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
TRIGGERS = count(1)
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def slack(web: Any, asker_app: Any) -> Iterator[Any]:
    asker_app.state.slack_secret = SECRET
    yield web
    asker_app.state.slack_secret = ""


@pytest.fixture
def incident(slack: Any) -> Any:
    body = {"reporter": "Cleo", "symptoms": "cannot pay", "service": "orders"}
    return slack.post("/api/v1/incidents", body).document


def form(text: str, **more: str) -> bytes:
    fields = {
        "command": "/incident",
        "text": text,
        "user_id": "U2CERLKJA",
        "user_name": "ada",
        "trigger_id": f"13.{next(TRIGGERS)}",
    }
    return urlencode({**fields, **more}).encode()


def send(web: Any, body: bytes, *, secret: str = SECRET, stamp: str = "", kind: str = FORM) -> Any:
    stamp = stamp or str(int(time.time()))
    headers = {
        "Content-Type": kind,
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": sign(secret, stamp, body),
    }
    return web.ask("POST", PATH, body, token=None, headers=headers)


def say(web: Any, text: str, **more: str) -> str:
    answer = send(web, form(text, **more))
    assert answer.status == 200
    assert answer.document["response_type"] == "ephemeral"
    (block,) = answer.document["blocks"]
    assert block["text"]["type"] == "plain_text"
    return str(block["text"]["text"])


def events(web: Any) -> list[tuple[str, str, str]]:
    found = web.get("/api/v1/incidents/1").document
    return [(event["name"], event["author"], event["text"]) for event in found["events"]]


def test_it_lists_acknowledges_hands_over_and_notes_by_the_name_of_whoever_typed(slack: Any, incident: Any) -> None:
    assert say(slack, "").startswith("INC-0001 ")
    assert say(slack, "ack INC-0001").startswith("You have it: INC-0001")
    assert say(slack, "role 1 ic Grace Hopper").startswith("Grace Hopper is incident_commander: INC-0001")
    assert say(slack, "note #1 the new pool  is up").startswith("Noted: INC-0001")
    assert say(slack, "update 1 rolled back").startswith("Told: INC-0001")

    assert "acknowledged by ada" in say(slack, "list")
    assert ("incident.noted", "ada", "the new pool  is up") in events(slack)
    assert slack.get("/api/v1/incidents/1").document["acknowledged_by"] == "ada"


def test_it_ends_an_incident_by_the_name_of_whoever_typed(slack: Any, incident: Any) -> None:
    assert say(slack, "mitigated 1").startswith("Mitigated: INC-0001")
    assert slack.get("/api/v1/incidents/1").document["mitigated_by"] == "ada"
    assert say(slack, "resolve 1 rolled back", user_name="grace").startswith("Resolved: INC-0001")
    assert any(by == "grace" and "rolled back" in text for _, by, text in events(slack))
    assert say(slack, "list") == "No incident is open."


def test_of_a_person_without_a_name_the_id_is_told(slack: Any, incident: Any) -> None:
    say(slack, "note 1 here", user_name="")

    assert ("incident.noted", "U2CERLKJA", "here") in events(slack)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("help", "ack ID: you take it"),
        ("akc 1", "There is no akc. Did you mean ack?\nlist: "),
        ("<!channel>", "There is no <!channel>.\nlist: "),
        ("ack", "Which incident? Its number is in list.\nack ID"),
        ("ack ../../etc", "Which incident?"),
        ("ack 1 now", "Behind the number there is too much.\nack ID"),
        ("role 1 ic", "Who is to have which role?\nrole ID ic|scribe|ROLE NAME"),
        ("note 1", "What is to be noted?"),
        ("update 1", "What is to be told?"),
        ("mitigated 1 now", "Behind the number there is too much.\nmitigated ID"),
        ("resolve 1", "Why is it over?\nresolve ID WHY"),
        ("note 1 a\x00b", "text is the character U+0000"),
        ("ack 99", "99"),
    ],
)
def test_what_is_no_command_is_answered_with_what_is_and_changes_nothing(
    slack: Any, incident: Any, text: str, words: str
) -> None:
    before = events(slack)

    assert words in say(slack, text)
    assert events(slack) == before


def test_a_list_without_incidents_says_so(slack: Any) -> None:
    assert say(slack, "list") == "No incident is open."


def test_a_request_that_was_recorded_does_nothing_a_second_time(slack: Any, incident: Any) -> None:
    body, stamp = form("note 1 once"), str(int(time.time()))
    first, second = send(slack, body, stamp=stamp), send(slack, body, stamp=stamp)

    assert (first.status, second.status) == (200, 200)
    assert "taken before" in second.document["blocks"][0]["text"]["text"]
    assert [text for _, _, text in events(slack)].count("once") == 1


def test_a_request_of_before_the_daemon_s_start_may_have_been_carried_out_before_it() -> None:
    start = int(T0.timestamp())
    taken = Taken(T0)
    assert not taken.is_new("v0=1", str(start - 1))
    assert taken.is_new("v0=2", str(start))
    assert taken.is_new("v0=3", str(start + 300)), "by a clock that is ahead of ours"
    assert not taken.is_new("v0=2", str(start))


def test_what_slack_has_not_signed_is_refused_and_changes_nothing(slack: Any, incident: Any) -> None:
    body, before = form("note 1 me too"), events(slack)
    old = str(int(time.time()) - 400)
    tampered = {"Content-Type": FORM, "X-Slack-Request-Timestamp": str(int(time.time()))}
    answers = [
        send(slack, body, secret="another"),
        send(slack, body, stamp=old),
        slack.ask("POST", PATH, body, token=None, headers=tampered),
        slack.ask(
            "POST", PATH, body, token=None, headers={**tampered, "X-Slack-Signature": "v0=é".encode().decode("latin-1")}
        ),
    ]

    assert [answer.status for answer in answers] == [401] * 4
    assert events(slack) == before
    assert not any(SECRET in str(answer.document) for answer in answers)


def test_a_form_that_is_none_is_refused(slack: Any) -> None:
    assert send(slack, form("list"), kind="application/json").status == 415
    assert send(slack, b"\xff\xfe").status == 400
    assert send(slack, b"text=list").status == 400
    assert send(slack, b"a=1&" * 50).status == 400


def test_without_a_secret_there_are_no_commands(web: Any) -> None:
    answer = send(web, form("list"))

    assert answer.status == 404
    assert "chat.slack.signing_secret is not in the configuration" in answer.document["detail"]


def test_the_signature_is_the_one_of_slack_s_documentation() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"

    check_signature({"x-slack-signature": signature}, "1531420618", body, SECRET)
    assert typed(body).by == "roadrunner"
    with pytest.raises(HttpProblem):
        check_signature({"x-slack-signature": signature}, "1531420619", body, SECRET)


@pytest.mark.parametrize(("seconds", "is_taken"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_a_request_is_of_these_five_minutes(seconds: int, is_taken: bool) -> None:
    stamp = str(int((T0 + timedelta(seconds=seconds)).timestamp()))
    headers = {"x-slack-signature": "v0=", "x-slack-request-timestamp": stamp}
    if is_taken:
        assert check_timestamp(headers, T0) == stamp
        return
    with pytest.raises(HttpProblem, match="300 s"):
        check_timestamp(headers, T0)

"""What crosses between daemon and prober arrives as it was sent, however it was cut, and garbage is refused."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from checks import dns, journey, steps, websocket
from checks.check import Check, CollectorQuestion, HttpQuestion, Retry
from checks.dns_message import Query
from checks.oauth2 import OAuth2
from checks.result import Attempt, CheckResult, Outcome, Reason, StepResult, Timings
from checks.stream import Security, Step
from checks.unusable import Question as Unusable
from checks.way import Way
from monitor.probing.lag import Lag
from monitor.probing.wire import (
    MAX_FRAME,
    Amend,
    Batch,
    Configure,
    Faster,
    Finish,
    Frames,
    Heartbeat,
    Message,
    Remark,
    WireError,
    amend,
    checks_of,
    configure,
    encode,
)

T0 = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

ATTEMPT = Attempt(
    started_at=T0,
    outcome=Outcome.OK,
    latency=0.0123,
    timings=Timings(name_lookup=0.001, connect=0.002, first_byte=0.009),
    status=200,
    address="127.0.0.1",
    span_id="00f067aa0ba902b7",
)
FAILED = replace(
    ATTEMPT,
    outcome=Outcome.FAILED,
    reason=Reason.STATUS,
    detail="answered 503",
    body_excerpt="Störung\n\x00",
    latency=None,
    timings=None,
)
RESULT = CheckResult(
    service="shop",
    check="ready",
    scheduled_at=T0 - timedelta(milliseconds=2),
    attempts=(FAILED, ATTEMPT),
    trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    extra=True,
    facts={"uptime": 12.5},
    notes=("restarted: uptime fell to 12.5 s",),
)
JOURNEY = replace(
    FAILED,
    steps=(
        StepResult(name="login", after=0.0, outcome=Outcome.OK, seconds=0.5, status=200, span_id="00f067aa0ba902b7"),
        StepResult(name="order", after=0.5, outcome=Outcome.FAILED, reason=Reason.TIMEOUT, detail="no answer"),
    ),
)
CHECKS = (
    Check(
        service="shop",
        name="ready",
        question=HttpQuestion(
            url="http://x/",
            headers=(("A", "b"),),
            body="q",
            expected_status=((200, 204), (301, 301)),
            expect=("[STATUS] == 200", "not [BODY].x == 'ü'"),
            warn=("[RESPONSE_TIME] < 1s",),
            oauth2=OAuth2(
                token_url="http://t/", client_id="a", client_secret="b", scopes=("c",), parameters=(("d", "e"),)
            ),
        ),
        interval=10.0,
        timeout=3.0,
        retry=Retry(times=2, within=1.5),
    ),
    Check(service="otel", name="health", question=CollectorQuestion(url="http://c/", metrics="http://c/metrics")),
    Check(
        service="zone",
        name="soa",
        question=dns.Question(
            url="tcp://ns:853",
            query=Query("example.com", "SOA", recursion=False),
            security=Security(name="ns"),
            answer=dns.Records(every=("SOA",)),
        ),
    ),
    Check(
        service="shop",
        name="feed",
        question=websocket.Question(
            url="wss://x/",
            headers=(("A", "b"),),
            subprotocols=("mqtt",),
            script=(Step(send=b"a"), Step(expect="b", refuse="c")),
            security=Security(ca_file="ca.pem", certificate="ours.pem", key="key.pem"),
        ),
    ),
    Check(
        service="shop",
        name="order",
        question=journey.Question(
            steps=(
                steps.Step(
                    name="login",
                    question=HttpQuestion(url="http://x/", body="q", way=Way(cookies=True)),
                    take=(steps.Take(name="token", of="[BODY].token", regex="(.)", hidden=False),),
                    timeout=1.5,
                ),
                steps.Step(name="out", question=HttpQuestion(url="http://x/{{login.token}}"), always=True),
            )
        ),
    ),
)
MESSAGES: list[Message] = [
    configure(CHECKS, ["https://r/"], 1.79e9, "b-1"),
    amend(CHECKS, ["shop/old"], ["https://r/"], 1.79e9),
    Faster(("a", "b")),
    Finish(),
    Batch(
        (RESULT, replace(RESULT, attempts=(ATTEMPT, JOURNEY), extra=False)),
        3,
        Lag(p50=0.001, p99=0.02, max=0.5, count=9),
    ),
    Batch((), 0, Lag()),
    Heartbeat(T0, 10_000, 7, 2, Lag()),
    Remark("WARNING", "something"),
]


def test_every_message_arrives_as_it_was_sent() -> None:
    assert Frames().feed(b"".join(map(encode, MESSAGES))) == MESSAGES


def test_checks_arrive_with_their_own_kind_of_question() -> None:
    whole, few = Frames().feed(encode(configure(CHECKS, [], 0.0, "")) + encode(amend(CHECKS[1:], [], [], 0.0)))

    assert isinstance(whole, Configure)
    assert checks_of(whole) == CHECKS
    assert isinstance(few, Amend)
    assert checks_of(few) == CHECKS[1:]


@pytest.mark.parametrize("seed", range(5))
def test_it_does_not_matter_how_the_bytes_were_cut(seed: int) -> None:
    stream, cut, frames = b"".join(map(encode, MESSAGES)), random.Random(seed), Frames()
    arrived = []
    while stream:
        size = cut.choice([1, 2, 3, 5, 50, 700])
        arrived += frames.feed(stream[:size])
        stream = stream[size:]

    assert arrived == MESSAGES


def framed(payload: bytes) -> bytes:
    return len(payload).to_bytes(4, "big") + payload


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x00\x00\x00",
        (MAX_FRAME + 1).to_bytes(4, "big"),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        framed(b"\xc1"),
        framed(b"\x93\x01\x02\x03"),
        framed(msgspec.msgpack.encode({"type": "order", "pizza": 1})),
        framed(msgspec.msgpack.encode({"type": "batch", "results": 7, "dropped": 0})),
        framed(encode(MESSAGES[4])[4:] + b"\x00"),
        framed(b"\x91" * 100_000),
        framed(encode(Remark("INFO", "x"))[4:-1] + b"\xff"),
    ],
    ids=[
        "empty", "too long", "another protocol", "no msgpack", "no message", "unknown message", "wrong types",
        "trailing byte", "deep nesting", "broken text",
    ],
)  # fmt: skip
def test_garbage_is_refused_in_one_way(garbage: bytes) -> None:
    with pytest.raises(WireError):
        Frames().feed(garbage)


def test_a_result_that_contradicts_itself_is_garbage() -> None:
    lying = encode(Batch((replace(RESULT, attempts=(ATTEMPT,)),), 0, Lag())).replace(b"\xa2ok", b"\xa6failed")

    with pytest.raises(WireError, match="reason"):
        Frames().feed(framed(lying[4:]))


def test_random_bytes_raise_nothing_else() -> None:
    dice = random.Random(1)
    for _ in range(2000):
        with pytest.raises(WireError):
            Frames().feed(framed(b"\xc1" + dice.randbytes(dice.randrange(1, 60))))
    good = bytearray(encode(MESSAGES[3]))
    for _ in range(2000):
        bad = bytearray(good)
        bad[dice.randrange(4, len(bad))] = dice.randrange(256)
        try:
            Frames().feed(bytes(bad))
        except WireError:
            continue


def test_a_question_of_an_unknown_kind_costs_its_own_check_alone() -> None:
    (message,) = Frames().feed(encode(configure(CHECKS, [], 0.0, "")).replace(b"\xa9collector", b"\xa9telepathy"))
    assert isinstance(message, Configure)

    there = checks_of(message)

    asked = {check.id: check.question for check in there}
    assert asked["otel/health"] == Unusable(url="telepathy:", why="the kind telepathy is not plugged in any more")
    assert [check for check in there if check.id != "otel/health"] == [c for c in CHECKS if c.id != "otel/health"]


def test_a_question_with_fields_of_another_kind_is_refused() -> None:
    wire = configure(CHECKS, [], 0.0, "").checks[1]
    broken = Configure(
        (msgspec.structs.replace(wire, kind="http", question=msgspec.Raw(b"\x81\xa3url\x05")),), (), 0.0, ""
    )

    with pytest.raises(WireError, match="not a http"):
        checks_of(broken)


def test_a_message_too_large_for_the_other_side_is_not_sent() -> None:
    with pytest.raises(WireError, match="fit a frame"):
        encode(Remark("INFO", "x" * (MAX_FRAME + 1)))


def test_ten_thousand_checks_fit_one_frame() -> None:
    many = (
        Check(
            service=f"service-{n}", name="ready", question=HttpQuestion(url=f"https://host-{n}.example/healthz/ready")
        )
        for n in range(10_000)
    )
    (message,) = Frames().feed(encode(configure(many, [], 0.0, "")))

    assert isinstance(message, Configure)
    assert len(checks_of(message)) == 10_000

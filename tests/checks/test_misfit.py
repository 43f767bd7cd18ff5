"""Whether what foreign code returned is what its type says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import pytest

from checks import steps
from checks.check import Finding, HttpQuestion
from checks.datagram import DatagramRequest, DnsAnswer, DnsRequest, EchoRequest
from checks.dns_message import Query
from checks.exchange import Answer, HttpRequest, TransportError
from checks.family import Family
from checks.kinds import Request
from checks.misfit import misfit
from checks.oauth2 import AuthorizedRequest, OAuth2
from checks.process import ProcessRequest
from checks.result import Outcome, Reason, Timings
from checks.steps import JourneyRequest
from checks.stream import Step, StreamRequest, WebSocketRequest
from checks.way import Way

OAUTH2 = OAuth2(token_url="https://t/", client_id="c", client_secret="s")
NO_NAME = TransportError(reason=Reason.DNS, detail="x")
WELL_MADE = [
    HttpRequest(
        url="http://x/", timeout=3, headers=(("A", "b"),), body=b"b", way=Way(ip=Family(version=6))
    ),  # 3 will do for 3.0
    AuthorizedRequest(request=HttpRequest(url="http://x/"), oauth2=OAUTH2),
    StreamRequest(url="tcp://x:1", script=(Step(send=b"a"), Step(expect="b"))),
    WebSocketRequest(url="tcp://x:1", resource="ws://x:1/", headers=(("A", "b"),)),
    ProcessRequest(command=("true",), directory="/"),
    DatagramRequest(url="udp://x:1", send=b""),
    DnsRequest(url="udp://x:53", query=Query("x.example", "A")),
    EchoRequest(url="icmp://x"),
    JourneyRequest(steps=(steps.Step(name="a", question=HttpQuestion(url="http://x/")),), timeout=1.0),
    Finding(outcome=Outcome.OK, facts={"a": 1.0}, answer=DnsAnswer(timings=Timings())),
    Finding(outcome=Outcome.FAILED, reason=Reason.DNS, answer=Answer(error=NO_NAME)),
]


@pytest.mark.parametrize("value", WELL_MADE, ids=lambda value: type(value).__name__)
def test_what_is_well_made_fits(value: object) -> None:
    assert misfit(value, type(value), "it") == ""


ILL_MADE: list[tuple[Any, str]] = [
    (HttpRequest(url=None), "it.url is a NoneType, wanted str"),  # type: ignore[arg-type]
    (HttpRequest(url="", timeout="3"), "it.timeout is a str, wanted float"),  # type: ignore[arg-type]
    (HttpRequest(url="", timeout=True), "it.timeout is a bool, wanted float"),
    (HttpRequest(url="", headers={"A": "b"}), "it.headers is a dict, wanted tuple"),  # type: ignore[arg-type]
    (HttpRequest(url="", headers=(("A",),)), "it.headers[0] has 1 entries, wanted 2"),  # type: ignore[arg-type]
    (HttpRequest(url="", headers=(("A", 1),)), "it.headers[0][1] is a int, wanted str"),  # type: ignore[arg-type]
    (HttpRequest(url="", way=Way(ip="6")), "it.way.ip is a str, wanted Family"),  # type: ignore[arg-type]
    (StreamRequest(url="", script=(Step(send="a"),)), "it.script[0].send is a str, wanted bytes"),  # type: ignore[arg-type]
    (DnsRequest(url="", query="x"), "it.query is a str, wanted Query"),  # type: ignore[arg-type]
    (Finding(outcome="ok"), "it.outcome is a str, wanted Outcome"),  # type: ignore[arg-type]
    (Finding(outcome=Outcome.OK, facts={"a": "1"}), "a value of it.facts is a str, wanted float"),  # type: ignore[dict-item]
    (Finding(outcome=Outcome.OK, facts={1: 1.0}), "a key of it.facts is a int, wanted str"),  # type: ignore[dict-item]
    (Finding(outcome=Outcome.OK, answer="x"), "it.answer is a str, wanted Answer"),  # type: ignore[arg-type]
    (Finding(outcome=Outcome.OK, warnings="x"), "it.warnings is a str, wanted tuple"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("value", "told"), ILL_MADE, ids=[told for _, told in ILL_MADE])
def test_what_is_not_is_told_by_its_place_and_without_its_value(value: object, told: str) -> None:
    assert misfit(value, type(value), "it") == told


def test_none_at_all_is_no_finding() -> None:
    assert misfit(None, Finding, "the finding") == "the finding is a NoneType, wanted Finding"
    assert misfit({}, Mapping[str, float], "facts") == ""


def test_every_request_of_ours_can_be_looked_through() -> None:
    assert {type(value) for value in WELL_MADE} >= set(get_args(Request))

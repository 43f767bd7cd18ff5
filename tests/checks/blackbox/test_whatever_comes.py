"""Whatever a target sends, something is said of it, and nothing raises."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from checks.blackbox import grpc, http, tcp
from checks.blackbox.modules import Grpc, HeaderRule, Http, Module, Tcp
from checks.blackbox.said import MEANINGS, Said
from checks.exchange import HttpAnswer, Particulars, TransportError
from checks.result import Reason, Timings
from checks.stream import Certificate, StreamAnswer

TEXTS = st.text(max_size=30)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["Content-Length", "Last-Modified", "Location", "X-Mode", "Transfer-Encoding", "grpc-status"]),
        st.one_of(TEXTS, st.integers().map(str), st.dates().map(lambda day: day.strftime("%a, %d %b %Y 07:28:00 GMT"))),
    ),
    max_size=4,
).map(tuple)
ERRORS = st.one_of(st.none(), st.builds(TransportError, reason=st.sampled_from(Reason), detail=TEXTS))
CHAINS = st.lists(st.binary(max_size=40), max_size=2).map(tuple)
PARTICULARS = st.one_of(
    st.none(),
    st.builds(
        Particulars,
        length=st.integers(0, 2**40),
        headers_ended=st.booleans(),
        protocol=st.sampled_from(["", "TLSv1.2", "TLSv1.3", "TLSv9"]),
        chain=CHAINS,
    ),
)
ANSWERS = st.builds(
    HttpAnswer,
    status=st.one_of(st.none(), st.integers(0, 999)),
    headers=HEADERS,
    body=st.binary(max_size=60),
    url=st.sampled_from(["http://a/", "https://a/", ""]),
    version=st.sampled_from(["", "1.0", "1.1", "2", "3"]),
    redirects=st.integers(0, 10),
    timings=st.one_of(st.none(), st.just(Timings(connect=0.1))),
    error=ERRORS,
    particulars=PARTICULARS,
)
MODULES = st.builds(
    Http,
    compression=st.sampled_from(["", "gzip", "deflate", "identity"]),
    body_limit=st.sampled_from([0, 10]),
    body_matches=st.sampled_from([(), ("a",)]),
    header_not_matches=st.sampled_from([(), (HeaderRule(header="x-mode", pattern="a"),)]),
    follow=st.booleans(),
    fail_if_not_ssl=st.booleans(),
    versions=st.sampled_from([(), ("HTTP/1.1",)]),
)


def known(said: Said) -> bool:
    return all(name in MEANINGS and not math.isnan(value) for name, _, value in said.samples)


@given(module=MODULES, answer=ANSWERS)
def test_of_an_http_answer(module: Http, answer: HttpAnswer) -> None:
    said = Said()
    http.begin(said)

    http.say(Module(prober="http", http=module), 0.1, answer, said)

    assert known(said)
    assert said.log, "why, or what was answered"
    assert answer.status is not None or not said.success


@given(answer=ANSWERS, secured=st.booleans())
def test_of_an_answer_that_should_be_grpc(answer: HttpAnswer, secured: bool) -> None:
    said = Said()
    grpc.begin(said)

    grpc.say(Module(prober="grpc", grpc=Grpc(secured=secured)), 0.1, answer, said)

    assert known(said)
    assert said.log


@given(ders=CHAINS, protocol=st.sampled_from(["", "TLSv1.3"]), error=ERRORS)
def test_of_a_conversation(ders: tuple[bytes, ...], protocol: str, error: Any) -> None:
    shown = tuple(
        Certificate(subject="", issuer="", begins_in=0.0, expires_in=1.0, expires_at=2.0, der=der) for der in ders
    )
    said = Said()
    tcp.begin(said)

    tcp.say(Module(prober="tcp", tcp=Tcp()), StreamAnswer(certificates=shown, protocol=protocol, error=error), said)

    assert known(said)
    assert said.success is (error is None)

"""What the values of a query mean, and what Prometheus may say instead of values."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.check import Finding
from checks.exchange import HttpAnswer, TransportError
from checks.promql import Question, judge, requests
from checks.result import Outcome, Reason

PAID = Question(url="http://prometheus:9090/", query='up{job="shop"}')


def vector(**values: str) -> HttpAnswer:
    result = [{"metric": {"__name__": "up", "job": job}, "value": [1.0, value]} for job, value in values.items()]
    return said({"status": "success", "data": {"resultType": "vector", "result": result}})


def said(document: object, status: int = 200) -> HttpAnswer:
    return HttpAnswer(status=status, body=json.dumps(document).encode())


def judged(answer: HttpAnswer, **fields: object) -> Finding:
    return judge(Question(url="http://p", query="up", **fields), (answer,), {})  # type: ignore[arg-type]


def test_the_query_travels_whole_and_prometheus_is_told_how_long_it_has() -> None:
    (request,) = requests(PAID, 5.0)

    assert request.url.startswith("http://prometheus:9090/api/v1/query?")
    assert parse_qs(urlsplit(request.url).query) == {"query": ['up{job="shop"}'], "timeout": ["5s"]}


class TestValues:
    @pytest.mark.parametrize(
        ("value", "ok"), [("1", True), ("-0.5", True), ("0", False), ("NaN", False), ("+Inf", True)]
    )
    def test_without_a_limit_every_value_is_other_than_0(self, value: str, ok: bool) -> None:
        finding = judged(vector(a="1", b=value))

        assert (finding.outcome is Outcome.OK) is ok
        if not ok:
            assert finding.reason is Reason.ASSERTION
            assert finding.detail == f'up{{job="b"}} is {float(value):g}, wanted other than 0'

    @pytest.mark.parametrize(
        ("limit", "value", "ok"),
        [
            ((">", 0.05), "0.05", True),
            ((">", 0.05), "0.0500001", False),
            ((">=", 0.05), "0.05", False),
            (("<", 1.0), "1", True),
            (("<", 1.0), "0", False),
            (("<=", 1.0), "1", False),
            ((">", 0.05), "0", True),
            (("<", 1.0), "NaN", False),
        ],
    )
    def test_a_value_that_compares_as_fail_says_fails(self, limit: tuple[str, float], value: str, ok: bool) -> None:
        assert (judged(vector(a=value), fail=limit).outcome is Outcome.OK) is ok

    def test_a_value_that_compares_as_warn_says_is_warned_of(self) -> None:
        finding = judged(vector(a="0.02", b="0.001"), fail=(">", 0.05), warn=(">", 0.01))

        assert finding.outcome is Outcome.OK
        assert finding.warnings == ('up{job="a"} is 0.02: > 0.01',)

    def test_few_of_many_series_are_named(self) -> None:
        finding = judged(vector(**{f"j{n}": "0" for n in range(5)}, well="1"))

        assert finding.detail.endswith('up{job="j2"} is 0; and 2 more of 6 series, wanted other than 0')

    def test_one_value_is_a_fact(self) -> None:
        assert judged(vector(a="0.25")).facts == {"value": 0.25}
        assert judged(vector(a="1", b="2")).facts == {}
        scalar = said({"status": "success", "data": {"resultType": "scalar", "result": [1.0, "0"]}})
        assert (judged(scalar).facts, judged(scalar).detail) == ({"value": 0.0}, "it is 0, wanted other than 0")

    @pytest.mark.parametrize(
        ("empty", "outcome"), [("failed", Outcome.FAILED), ("ok", Outcome.OK), ("unknown", Outcome.UNKNOWN)]
    )
    def test_no_series_means_what_the_config_says(self, empty: str, outcome: Outcome) -> None:
        assert judged(vector(), empty=empty).outcome is outcome


class TestNoValues:
    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (
                said({"status": "error", "errorType": "bad_data", "error": "parse error: unexpected x"}, 400),
                "Prometheus refuses the query: parse error: unexpected x",
            ),
            (HttpAnswer(status=503, body=b"away"), "Prometheus refuses the query: 503 Service Unavailable"),
            (HttpAnswer(status=200, body=b"[]"), "Prometheus refuses the query: 200 OK"),
            (
                said({"status": "success", "data": {"resultType": "matrix", "result": []}}),
                "the query gives a matrix and no instant vector",
            ),
            (
                said({"status": "success", "data": {"resultType": "vector", "result": [{"value": [1, 5]}]}}),
                "Prometheus answered what cannot be read",
            ),
            (
                HttpAnswer(status=200, truncated=True),
                "Prometheus answered more than 4194304 bytes: sum it up in the query",
            ),
            (
                HttpAnswer(error=TransportError(reason=Reason.REFUSED, detail="nothing listens there")),
                "Prometheus could not be asked: nothing listens there",
            ),
        ],
    )
    def test_nothing_is_known_then_and_nobody_is_blamed(self, answer: HttpAnswer, words: str) -> None:
        finding = judged(answer)

        assert (finding.outcome, finding.reason, finding.detail) == (Outcome.UNKNOWN, Reason.INTERNAL, words)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["status", "data", "resultType", "result", "metric", "value", "error"]), inner
                )
            ),
            max_leaves=12,
        )
    )
    def test_no_document_raises(self, document: object) -> None:
        judged(said(document))
        judged(said({"status": "success", "data": {"resultType": "vector", "result": document}}))

"""One question, and everything that may come back."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time

import pytest

from monitor.sources.prometheus import Prometheus, QueryRefused, SourceAway, answer_of, names_of, value_of


def success(kind: str, result: object) -> dict[str, object]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


def test_one_series_is_one_number(peer):
    peer.values["up"] = 1.5

    assert Prometheus(peer.url).instant("up") == 1.5
    assert peer.asked == [("/api/v1/query", {"query": "up"})]


def test_an_address_may_have_a_path_and_a_slash(peer):
    peer.values["up"] = 1

    assert Prometheus(f"{peer.url}/prometheus/").instant("up") == 1.0
    assert peer.asked[0][0] == "/prometheus/api/v1/query"


def test_a_scalar_is_a_number_too(peer):
    peer.answer = lambda *_: (200, success("scalar", [1_700_000_000, "42"]))

    assert Prometheus(peer.url).instant("scalar(up)") == 42.0


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf"])
def test_what_is_no_number_is_nothing_to_say(peer, value):
    peer.values["q"] = value

    assert Prometheus(peer.url).instant("q") is None


def test_no_series_is_nothing_to_say(peer):
    assert Prometheus(peer.url).instant("absent") is None


@pytest.mark.parametrize(
    ("kind", "result", "remedy"),
    [
        ("vector", [{"value": [0, "1"]}] * 3, r"gives 3 series.*wrap it in sum\(\.\.\.\)"),
        ("matrix", [], r"gives a matrix.*sum\(rate\(\.\.\.\[5m\]\)\)"),
        ("string", [0, "hello"], "gives a string"),
        ("vector", [{"metric": {}, "histogram": [0, {}]}], "native histogram"),
    ],
    ids=["several series", "a range", "a string", "a native histogram"],
)
def test_a_query_that_is_no_question_for_one_number_is_refused_with_a_remedy(peer, kind, result, remedy):
    peer.answer = lambda *_: (200, success(kind, result))

    with pytest.raises(QueryRefused, match=remedy):
        Prometheus(peer.url).instant("q")


@pytest.mark.parametrize("kind", ["bad_data", "execution"])
def test_a_query_that_prometheus_refuses_says_why(peer, kind):
    peer.answer = lambda *_: (400, {"status": "error", "errorType": kind, "error": "parse error: unexpected )"})

    with pytest.raises(QueryRefused, match=r"refuses the query: parse error: unexpected \)"):
        Prometheus(peer.url).instant("q)")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>login</html>"),
        (200, b"[1, 2]"),
        (200, b"[" * 100_000),
        (200, b"\xff\xfe"),
        (200, b""),
        (200, {"status": "success"}),
        (200, {"status": "success", "data": {"resultType": "vector", "result": {}}}),
        (200, {"status": "success", "data": {"resultType": "vector", "result": [{"value": []}]}}),
        (200, {"status": "success", "data": {"resultType": "scalar", "result": [0, {}]}}),
        (503, {"status": "error", "errorType": "timeout", "error": "query timed out"}),
        (500, b"oh no"),
        (302, b""),
        (401, b"who are you"),
    ],
)
def test_an_answer_that_is_none_is_away_and_never_an_accident(peer, status, body):
    peer.answer = lambda *_: (status, body)

    with pytest.raises(SourceAway) as away:
        Prometheus(peer.url).instant("q")
    assert not isinstance(away.value, QueryRefused)
    assert len(peer.asked) == 1, "a redirect is not followed"


def test_an_endless_answer_is_cut(peer):
    peer.answer = lambda *_: (200, iter(lambda: b"x" * 65_536, b""))

    with pytest.raises(SourceAway, match="longer than 1,000,000 bytes"):
        Prometheus(peer.url).instant("q")


def test_an_answer_that_drips_is_given_up_although_each_byte_is_in_time(peer):
    def drip():
        while True:
            time.sleep(0.01)
            yield b" "

    peer.answer = lambda *_: (200, drip())

    with pytest.raises(SourceAway, match=r"not complete after 2 s"):
        Prometheus(peer.url, timeout=1.0).instant("q")


def test_silence_ends_with_the_timeout(peer):
    quiet = threading.Event()
    peer.answer = lambda *_: (int(quiet.wait(60)) + 199, b"")

    with pytest.raises(SourceAway, match=r"no answer within 0\.2 s"):
        Prometheus(peer.url, timeout=0.2).instant("q")
    quiet.set()


def test_nobody_there_is_said_without_the_address_and_its_password():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else gets the port meanwhile
        port = held.getsockname()[1]
        with pytest.raises(SourceAway) as away:
            Prometheus(f"http://reader:hunter2@127.0.0.1:{port}").instant("q")
    assert str(away.value) == "connection refused"
    assert away.value.__cause__ is None
    assert away.value.__suppress_context__


def test_a_name_that_does_not_resolve_says_so():
    with pytest.raises(SourceAway, match="does not resolve"):
        Prometheus("http://prometheus.invalid:9090", timeout=2).instant("q")


def test_an_address_that_is_none_is_away_too():
    with pytest.raises(SourceAway, match="address cannot be used"):
        Prometheus("gopher://127.0.0.1").instant("q")


def test_the_proxy_of_the_environment_is_ignored(peer, monkeypatch):
    peer.values["q"] = 1
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert Prometheus(peer.url).instant("q") == 1.0


@pytest.mark.parametrize(
    ("metrics", "names"),
    [
        ([{"version": "1.4.2"}], {"1.4.2"}),
        ([{"version": "1.4.2"}, {"version": "1.4.3"}], {"1.4.2", "1.4.3"}),
        ([{"version": "1.4.2", "pod": "a"}, {"version": "1.4.2", "pod": "b"}], {"1.4.2"}),
        ([{"__name__": "app_info", "sha": "a1b2", "branch": "main"}], {"branch=main, sha=a1b2"}),
        ([{}], {"1772323200"}),
        ([{"__name__": "app_started_seconds"}], {"1772323200"}),
        ([], set()),
    ],
    ids=["a version", "two", "of two pods", "labels of another kind", "a number", "of a bare metric", "nothing"],
)
def test_series_go_by_their_version_else_by_their_labels_else_by_their_value(peer, metrics, names):
    result = [{"metric": metric, "value": [1_772_323_260, "1772323200"]} for metric in metrics]
    peer.answer = lambda *_: (200, success("vector", result))

    assert Prometheus(peer.url).names("q") == names


def test_a_scalar_goes_by_its_value():
    assert names_of({"resultType": "scalar", "result": [0, "17"]}) == {"17"}
    assert names_of({"resultType": "vector", "result": [{"metric": {}, "value": [0, "NaN"]}]}) == frozenset()


@pytest.mark.parametrize(
    ("kind", "result", "remedy"),
    [
        ("vector", [{"metric": {"pod": str(i)}, "value": [0, "1"]} for i in range(21)], "gives 21 series.*count by"),
        ("matrix", [], "gives a matrix.*count by"),
    ],
)
def test_what_names_no_versions_is_refused_with_a_remedy(kind, result, remedy):
    with pytest.raises(QueryRefused, match=remedy):
        names_of({"resultType": kind, "result": result})


def test_the_pure_parts_need_no_server():
    assert value_of(answer_of(200, b'{"status":"success","data":{"resultType":"vector","result":[]}}')) is None


def test_the_daemons_side_loads_neither_pandas_nor_numpy_and_requests_only_with_the_first_question():
    program = (
        "import sys, monitor.sources.traffic, monitor.sources.poller, monitor.sources.fitting\n"
        "from monitor.sources.prometheus import Prometheus, SourceAway\n"
        "client = Prometheus('http://127.0.0.1:1')\n"
        "heavy = {'pandas', 'numpy', 'requests', 'prometheus_api_client'}\n"
        "before = sorted(heavy & set(sys.modules))\n"
        "try: client.instant('q')\n"
        "except SourceAway: pass\n"
        "print(before, sorted(heavy & set(sys.modules)))"
    )

    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert told.strip() == "[] ['requests']"

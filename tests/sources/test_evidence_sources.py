"""Loki, Tempo and Grafana as evidence is asked of them: what they know, and everything that they may do instead."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from monitor.config import Source
from monitor.config.evidence import QUERIES
from monitor.sources import loki, tempo
from monitor.sources.grafana import panel_image, panel_link
from monitor.sources.prometheus import SourceAway
from monitor.sources.side_by_side import MOST_AT_WORK, Found, SideBySide

sys.path.insert(0, str(Path(__file__).parent))
from fake_observers import PNG, Line, Observers, sent

T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TRACE = "0af7651916cd43dd8448eb211c80319c"
TOKEN = "s3cr3t-of-grafana"
PATIENT = 60.0
"""Seconds; more than any answer takes, also on a busy machine."""


@pytest.fixture
def observers() -> Iterator[Observers]:
    running = Observers()
    yield running
    running.close()


def line(text: str, after: float = 0.0, **metadata: str) -> Line:
    at = int((T0 + timedelta(seconds=after)).timestamp() * 1e9)
    return Line(at, text, {"service_name": "orders"}, metadata)


def logs(source: Source, templates: tuple[str, ...] = QUERIES, patience: float = PATIENT) -> loki.LogLines:
    queries = [loki.filled(q, "orders", TRACE) for q in loki.queries_of(templates, of_trace=True)]
    return loki.first_found(
        source, queries, T0 - timedelta(minutes=10), T0 + timedelta(minutes=1), monotonic() + patience
    )


def image(source: Source, patience: float = PATIENT) -> bytes:
    return panel_image(source, "abc/4", T0, T0 + timedelta(hours=1), monotonic() + patience)


ASKED: dict[str, Callable[[Source, float], object]] = {
    "loki": lambda source, patience: logs(source, patience=patience),
    "tempo": lambda source, patience: tempo.awaited(source, TRACE, monotonic() + patience),
    "grafana": image,
}


class TestTheLogs:
    def test_the_first_query_that_finds_lines_is_taken_and_those_before_it_are_told(self, observers: Observers) -> None:
        observers.lines = [
            line("second", 2, trace_id=TRACE),
            line("first", 1, trace_id=TRACE),
            line("of another trace", 3, trace_id="f" * 32),
            line("of another day", -86_400, trace_id=TRACE),
        ]

        found = logs(Source(url=observers.url))

        assert found.query == f'{{service_name="orders"}} | trace_id="{TRACE}"'
        assert [(f"{seen.at:%H:%M:%S}", seen.text) for seen in found.lines] == [
            ("12:00:01", "first"),
            ("12:00:02", "second"),
        ]
        assert found.tried == ((f'{{traceId="{TRACE}"}}', "no line"),)
        assert [query["direction"] for _, query in observers.asked] == ["backward"] * 2, "the newest, if there are many"

    def test_a_trace_that_stands_somewhere_in_a_line_is_found_last(self, observers: Observers) -> None:
        observers.lines = [line(f"GET /orders trace={TRACE}")]

        found = logs(Source(url=observers.url))

        assert found.query == f'{{service_name="orders"}} |= "{TRACE}"'
        assert len(found.tried) == 3

    def test_a_query_that_loki_refuses_costs_the_others_nothing(self, observers: Observers) -> None:
        observers.lines = [line("there", trace_id=TRACE)]

        found = logs(Source(url=observers.url), ("rate({trace_id})}", QUERIES[1]))

        assert [seen.text for seen in found.lines] == ["there"]
        assert found.tried[0][1] == "refused, answered 400: parse error at line 1, col 1: syntax error"
        with pytest.raises(SourceAway, match="answered 400: parse error"):
            logs(Source(url=observers.url), ("rate({trace_id})}",))

    def test_nothing_found_names_the_last_query(self, observers: Observers) -> None:
        found = logs(Source(url=observers.url))

        assert (found.lines, found.query, len(found.tried)) == ((), f'{{service_name="orders"}} |= "{TRACE}"', 3)

    def test_a_line_of_a_megabyte_is_cut_and_says_so(self) -> None:
        values = [["1772452800000000000", "x" * 900_000], ["no number", "gone"], ["1772452801000000000", "short"], 7]
        answer = {"data": {"resultType": "streams", "result": [{"values": values}, "no stream"]}}

        lines = loki.lines_of(answer)

        assert [(len(seen.text), seen.cut) for seen in lines] == [(loki.LONGEST_LINE, True), (5, False)]

    def test_a_name_cannot_leave_its_quotes(self) -> None:
        assert loki.filled('{service_name="{service}"}', 'a"} or "\\', "") == r'{service_name="a\"} or \"\\"}'

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            ({}, "without a result"),
            ({"data": {"resultType": "matrix", "result": []}}, "numbers and not lines"),
            ({"data": {"resultType": "streams", "result": {}}}, "without a result"),
        ],
    )
    def test_an_answer_of_another_form_is_none(self, answer: dict[str, object], why: str) -> None:
        with pytest.raises(SourceAway, match=why):
            loki.lines_of(answer)


class TestTheTrace:
    def test_it_is_asked_for_until_it_has_arrived(self, observers: Observers) -> None:
        waited: list[float] = []

        def wait(seconds: float) -> None:
            waited.append(seconds)
            if len(waited) == 2:
                observers.traces[TRACE] = [("orders", "GET /", 12, False), ("db", "SELECT", 3, True)]

        found = tempo.awaited(Source(url=observers.url), TRACE, monotonic() + PATIENT, wait=wait)

        assert found.asked == 3
        assert found.trace is not None
        assert found.trace.services == (("db", 1), ("orders", 1))
        assert [(s.service, s.seconds, s.failed) for s in found.trace.spans] == [
            ("db", 0.003, True),
            ("orders", 0.012, False),
        ], "what failed first"

    def test_one_that_does_not_arrive_is_no_failure_of_tempos(self, observers: Observers) -> None:
        now = [0.0]

        def wait(seconds: float) -> None:
            now[0] += seconds

        until = monotonic() + PATIENT
        found = tempo.awaited(Source(url=observers.url), TRACE, until, now=lambda: until - 5.5 + now[0], wait=wait)

        assert found == tempo.Arrival(trace=None, asked=5), "the last has more than a pause to be answered"

    def test_an_older_tempo_answers_at_its_older_path(self) -> None:
        span = {"name": "GET", "startTimeUnixNano": "5", "endTimeUnixNano": "x", "status": {"code": 2}}
        batch = {"resource": {}, "instrumentationLibrarySpans": [{"spans": [span, 7]}]}

        found = tempo.trace_of({"batches": [batch, "none"]})

        assert (found.count, found.spans[0].failed, found.spans[0].seconds) == (1, True, 0.0)


class TestThePanels:
    def test_an_image_and_a_link_show_the_same_hour(self, observers: Observers) -> None:
        observers.panels = {"abc/4"}
        source = Source(url=observers.url)

        assert image(source) == PNG
        link = urlsplit(panel_link(source, "abc/4", T0, T0 + timedelta(hours=1)))
        _, asked = observers.asked[0]
        assert link.path == "/d/abc"
        assert {key: values[0] for key, values in parse_qs(link.query).items()} == {
            "viewPanel": "4",
            "from": asked["from"],
            "to": asked["to"],
        }
        assert asked["from"] == "1772452800000"

    def test_without_a_renderer_the_reason_says_what_to_look_at(self, observers: Observers) -> None:
        with pytest.raises(SourceAway, match=r"answered 404: Dashboard not found \(is its image renderer installed"):
            image(Source(url=observers.url))


@pytest.mark.parametrize("name", ASKED)
class TestEachOfThem:
    @pytest.mark.parametrize(
        ("misbehave", "why"),
        [
            (lambda handler: sent(handler, 500, b"<html>oh</html>"), "answered 500"),
            (lambda handler: sent(handler, 302, b""), "a redirect, which is not followed"),
            (lambda handler: sent(handler, 200, b"<html>a proxy's page</html>"), "something that is no"),
            (lambda handler: sent(handler, 200, b"[" * 100_000), "something that is no"),
            (lambda handler: sent(handler, 200, b" " * 2_100_000), "the answer is longer than"),
        ],
        ids=["500", "redirect", "garbage", "deep", "huge"],
    )
    def test_what_is_no_answer_is_told_in_a_line(
        self, name: str, misbehave: Callable[[BaseHTTPRequestHandler], None], why: str, observers: Observers
    ) -> None:
        observers.misbehaves["/"] = misbehave

        with pytest.raises(SourceAway, match=why):
            ASKED[name](Source(url=observers.url), PATIENT)

    def test_one_that_never_answers_costs_no_more_than_its_time(self, name: str, observers: Observers) -> None:
        observers.misbehaves["/"] = lambda _: observers.ended.wait(PATIENT) and None

        with pytest.raises(SourceAway, match=r"no answer within 0\.[12] s"):
            ASKED[name](Source(url=observers.url), 0.2)

    def test_one_that_lets_its_answer_trickle_does_not_either(self, name: str, observers: Observers) -> None:
        def trickle(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
            while not observers.ended.wait(0.02):
                try:
                    handler.wfile.write(b" ")
                    handler.wfile.flush()
                except OSError:
                    return

        observers.misbehaves["/"] = trickle

        with pytest.raises(SourceAway, match=r"not complete in time|no answer within"):
            ASKED[name](Source(url=observers.url), 0.2)

    def test_one_that_is_not_there_is_refused(self, name: str) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            with pytest.raises(SourceAway, match="connection refused"):
                ASKED[name](Source(url=f"http://127.0.0.1:{unused.getsockname()[1]}"), PATIENT)

    def test_a_token_is_shown_to_it_and_to_nobody_else(self, name: str, observers: Observers) -> None:
        observers.token, observers.panels = TOKEN, {"abc/4"}
        observers.traces[TRACE] = [("orders", "GET /", 12, False)]

        right = Source(url=observers.url, token=SecretStr(TOKEN), tenant="shop")
        assert ASKED[name](right, PATIENT)
        assert set(observers.tenants) == {"shop"}

        wrong = Source(url=observers.url, token=SecretStr("an-old-token"))
        with pytest.raises(SourceAway, match="answered 401, our token is not taken") as caught:
            ASKED[name](wrong, PATIENT)
        assert "an-old-token" not in str(caught.value) + repr(wrong)


class TestSideBySide:
    def test_who_hangs_is_missing_at_the_end_and_the_others_are_there(self) -> None:
        now, hangs = [100.0], threading.Event()

        def wait(arrived: SimpleQueue[tuple[str, Found[object]]], seconds: float) -> tuple[str, Found[object]]:
            try:
                return arrived.get(timeout=PATIENT if len(done) < 2 else 0)
            except Empty:
                now[0] += seconds  # nobody waits: this clock moves when it is told to
                raise
            finally:
                done.append(1)

        done: list[int] = []
        asked = SideBySide(now=lambda: now[0], wait=wait)

        def away() -> object:
            raise SourceAway("connection refused")

        found = asked.ask({"hangs": hangs.wait, "away": away, "fine": lambda: 7}, 8.0)
        hangs.set()

        assert now[0] == 108.0, "it waits for the whole time and no longer"
        assert {name: (answer.value, answer.problem) for name, answer in found.items()} == {
            "hangs": (None, "no answer within 8 s"),
            "away": (None, "connection refused"),
            "fine": (7, ""),
        }

    def test_a_mistake_of_ours_costs_one_source(self) -> None:
        def wrong() -> object:
            raise KeyError("x")

        found = SideBySide().ask({"wrong": wrong, "fine": lambda: 7}, PATIENT)

        assert found["wrong"].problem == "our own mistake (KeyError)"
        assert found["fine"].value == 7

    def test_questions_that_hang_do_not_pile_up(self) -> None:
        hangs, asked = threading.Event(), SideBySide(wait=lambda arrived, _: arrived.get_nowait())

        first = asked.ask({str(i): hangs.wait for i in range(MOST_AT_WORK)}, 0.1)
        then = asked.ask({"one more": lambda: 7}, 0.1)
        hangs.set()

        assert {answer.problem for answer in first.values()} == {"no answer within 0.1 s"}
        assert then["one more"].problem == "not asked, too many earlier questions wait for an answer"

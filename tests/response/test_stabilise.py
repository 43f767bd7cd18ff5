"""What is made of what was gathered: text for a ticket, a word for a channel, files; and what is missing, with why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from checks.result import Attempt, CheckResult, Outcome, Reason, Timings
from monitor.core.baseline import Sample, Signal
from monitor.logs.redact import Redactor
from monitor.outlets.markup import adf, wiki
from monitor.outlets.markup.github import from_markdown
from monitor.outlets.outlet import Message
from monitor.response.at_hand import Tools, commands_at_hand
from monitor.response.evidenced import Kept, told_of, with_evidence
from monitor.response.measures import Measure
from monitor.response.stabilise import Bundle, Gathered, Scene, bundle, markdown
from monitor.sources.loki import LONGEST_LINE, LogLine, LogLines
from monitor.sources.side_by_side import Found
from monitor.sources.tempo import Arrival, Span, Trace

T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TRACE = "0af7651916cd43dd8448eb211c80319c"
SECRET = "correct-horse-battery"
HIDE = Redactor({SECRET}).masked
ERRORS = Measure(
    signal=Signal.ERROR_RATIO,
    queries=("sum(rate(errors[5m]))", "sum(rate(requests[5m]))"),
    usual=Sample((0.0, 0.001, 0.002)),
)
QUEUE = Measure(signal=Signal.QUEUE_DEPTH, queries=("sum(depth)",))
HOSTILE = f"@channel <script>x</script> ![i](http://evil/) **b** \x1b[31mred\x1b[0m \x07 ```\n# no heading {SECRET}"


def failed(detail: str = "answered 503", body: str = "") -> CheckResult:
    first = Attempt(
        started_at=T0, outcome=Outcome.FAILED, reason=Reason.STATUS, detail=detail, latency=0.512, status=503,
        timings=Timings(name_lookup=0.001, connect=0.002, first_byte=0.509), body_excerpt=body,
    )  # fmt: skip
    return CheckResult(service="orders", check="ready", scheduled_at=T0, attempts=(first, first), trace_id=TRACE)


def scene(**changes: object) -> Scene:
    known = Scene(
        incident="01J", number=7, part=1, service="orders", at=T0 + timedelta(minutes=1), failed_at=T0,
        results=(failed(),), trace_id=TRACE, measured=(ERRORS, QUEUE),
    )  # fmt: skip
    return replace(known, **changes)


def points(*values: float) -> dict[float, float]:
    return {T0.timestamp() + 30 * place: value for place, value in enumerate(values)}


def lines(*texts: str) -> Found[LogLines]:
    found = tuple(LogLine(T0 + timedelta(seconds=place), text) for place, text in enumerate(texts))
    return Found(LogLines(query='{service_name="orders"}', tried=(('{traceId="0af"}', "no line"),), lines=found))


WHOLE = Gathered(
    seconds=2.14,
    measures=(Found(replace(ERRORS, points=points(0.001, 0.42))), Found(replace(QUEUE, points=points(12, 900)))),
    trace_lines=lines("pool exhausted"),
    service_lines=lines("started", "pool exhausted"),
    trace=Found(
        Arrival(
            trace=Trace(count=2, services=(("orders", 2),), spans=(Span(service="orders", name="GET /", seconds=0.5),)),
            asked=3,
        )
    ),
    panels=(("latency", "http://grafana/d/abc?viewPanel=4", Found(b"\x89PNG")),),
)
NOTHING = Gathered(
    seconds=8.0,
    measures=(Found(None, "connection refused"), Found(None, "no answer within 3.5 s")),
    trace_lines=Found(None, "answered 401, our token is not taken"),
    service_lines=Found(LogLines(query='{service_name="orders"}')),
    trace=Found(Arrival(trace=None, asked=7), seconds=6.5),
    panels=(("latency", "http://grafana/d/abc?viewPanel=4", Found(None, "answered 404")),),
)


def section(found: Bundle, title: str) -> str:
    text = markdown(found)
    return text.partition(f"### {title}\n")[2].partition("\n### ")[0]


def test_a_whole_bundle_has_everything_that_a_responder_looks_for() -> None:
    found = bundle(scene(results=(failed(body='{"db": "timeout"}'),)), WHOLE, HIDE)

    assert (
        "ready failed: status: answered 503, status 503; name lookup 1 ms, connect 2 ms, first byte 509 ms"
        in section(found, "Last results")
    )
    assert '{"db": "timeout"}' in section(found, "What failing checks answered")
    traffic = section(found, "Traffic against its baseline")
    assert "- error rate 42 %, usually 0.1 % and in 99 of 100 cases below 0.198 %" in traffic
    assert "- queue depth 900, without a baseline" in traffic
    assert "- PromQL of error rate: `sum(rate(requests[5m]))`" in traffic
    logs = section(found, "Logs of the failing probe")
    assert '- `{traceId="0af"}`: no line' in logs
    assert "12:00:00.000 pool exhausted" in logs
    assert "11:50:00 UTC to 12:01:00 UTC" in logs
    assert f"trace {TRACE} has arrived with 2 spans: orders 2" in section(found, "Trace of the failing probe")
    assert "- latency: http://grafana/d/abc?viewPanel=4" in section(found, "Grafana")
    assert found.missing == {}
    assert [(file.suffix, file.media_type) for file in found.attachments] == [
        ("-evidence-traffic.svg", "image/svg+xml"),
        ("-evidence-traffic.png", "image/png"),
        ("-evidence-trace.log", "text/plain"),
        ("-evidence-service.log", "text/plain"),
        ("-evidence-panel-latency.png", "image/png"),
    ]


def test_what_is_missing_is_said_with_its_reason() -> None:
    found = bundle(scene(), NOTHING, HIDE)

    assert found.missing == {
        "Traffic against its baseline": "error rate: connection refused; queue depth: no answer within 3.5 s",
        "Logs of the failing probe": "Loki: answered 401, our token is not taken",
        "Logs of orders": "Loki has no line",
        "Trace of the failing probe": f"trace {TRACE} has not arrived in Tempo, asked 7 times in 6.5 s",
        "Grafana": "image of latency: answered 404",
    }
    assert found.attachments == ()
    assert "- **missing**: Loki: answered 401, our token is not taken" in markdown(found)
    assert "PromQL of queue depth: `sum(depth)`" in markdown(found), "to be asked by hand"


def test_of_what_is_not_configured_there_is_no_section_but_of_traffic() -> None:
    found = bundle(scene(measured=(), trace_id=""), Gathered(seconds=0.0), HIDE)

    assert [part.title for part in found.sections] == ["Last results", "Traffic against its baseline"]
    assert found.missing == {
        "Traffic against its baseline": "no Prometheus, or no traffic of the service, is configured"
    }


def test_the_word_for_a_channel_holds_nothing_that_a_target_or_a_source_wrote() -> None:
    hostile = replace(
        WHOLE, service_lines=lines(HOSTILE), trace_lines=Found(None, HOSTILE), measures=(Found(None, HOSTILE),) * 2
    )
    found = bundle(scene(results=(failed(HOSTILE, HOSTILE),)), hostile, HIDE)

    assert found.summary.splitlines() == [
        "evidence gathered in 2.14 s",
        "1 log lines of the service",
        f"trace {TRACE} has arrived with 2 spans in Tempo",
        "latency: http://grafana/d/abc?viewPanel=4",
        "missing: Traffic against its baseline, Logs of the failing probe",
    ]


def test_hostile_text_is_no_markup_calls_nobody_and_shows_no_secret() -> None:
    spans = (Span(service=HOSTILE, name=HOSTILE, seconds=1.0),)
    hostile = Gathered(
        seconds=1.0,
        measures=(Found(None, HOSTILE),) * 2,
        trace_lines=lines(HOSTILE),
        service_lines=Found(None, HOSTILE),
        trace=Found(Arrival(trace=Trace(count=1, services=((HOSTILE, 1),), spans=spans), asked=1)),
        panels=(("latency", "http://grafana/d/abc?viewPanel=4", Found(None, HOSTILE)),),
    )
    found = bundle(scene(results=(failed(HOSTILE, HOSTILE),)), hostile, HIDE)
    text = markdown(found)
    told = told_of(found, 1.0)

    for shown in (text, told.text, str(told.attributes), *(str(file.content) for file in found.attachments)):
        assert SECRET not in shown
        assert "\x1b" not in shown
        assert "\x07" not in shown
    outside, inside, is_code = [], [], False
    for line in text.splitlines():
        if line.startswith("````"):  # longer than the fence that the hostile text brings
            is_code = not is_code
        (inside if is_code else outside).append(line)
    assert not is_code
    for line in outside:
        assert "<script>" not in line
        assert "![i]" not in line
        assert "**b**" not in line
        assert not line.startswith("# ")
    assert any("<script>" in line for line in inside), "as code it is shown as it was"
    assert "@channel" not in from_markdown(text).replace("@\u200bchannel", "")


@pytest.mark.parametrize("tail", ["", SECRET])
def test_a_megabyte_in_one_line_is_cut_and_half_a_secret_with_it(tail: str) -> None:
    # The secret stands across the place at which the line was cut as it was read.
    text = ("x" * (LONGEST_LINE - 10) + SECRET)[:LONGEST_LINE]
    logs = LogLines(query="{}", lines=(LogLine(T0, text, cut=True), LogLine(T0, f"y{tail}")))

    found = bundle(scene(), replace(WHOLE, service_lines=Found(logs)), HIDE)

    assert SECRET[:6] not in markdown(found)
    assert all(len(line) < 600 for line in markdown(found).splitlines())
    assert SECRET[:6] not in str(found.attachments[-2].content)


def test_many_lines_are_in_the_file_and_the_newest_in_the_ticket() -> None:
    found = bundle(scene(), replace(WHOLE, service_lines=lines(*(f"line {n}" for n in range(100)))), HIDE)

    shown = section(found, "Logs of orders")
    assert "100 lines" in shown
    assert "the newest 15 of them here" in shown
    assert ("line 84" in shown, "line 85" in shown) == (False, True)
    content = next(file.content for file in found.attachments if file.suffix == "-evidence-service.log")
    assert len(content.splitlines()) == 100


def test_the_evidence_of_a_relapse_has_files_of_its_own() -> None:
    found = bundle(scene(part=2), WHOLE, HIDE)

    assert {file.suffix[:11] for file in found.attachments} == {"-evidence-2"}


def test_bodies_are_left_out_where_the_configuration_says_so() -> None:
    found = bundle(scene(results=(failed(body="private"),), shows_bodies=False), WHOLE, HIDE)

    assert "private" not in markdown(found)


def test_it_stands_before_the_timeline_so_that_a_long_one_does_not_push_it_out() -> None:
    ticket = "# INC-0007\n\n## Timeline (UTC)\n\n- 12:00:00 UTC **incident.opened**\n"
    message = Message(
        incident="01J", number=7, service="orders", title="t", severity="SEV2", status="open", markdown=ticket,
        update="u", document={"incident": "01J"},
    )  # fmt: skip
    files = bundle(scene(), WHOLE, HIDE).attachments

    with_both = with_evidence(message, ("- tail logs: `x`",), Kept("### Last results\n", files))

    headings = [line for line in with_both.markdown.splitlines() if line.startswith("#")]
    assert headings == ["# INC-0007", "## Commands at hand", "## Evidence", "### Last results", "## Timeline (UTC)"]
    assert with_both.attachments == files
    told = with_both.document["evidence"]
    assert isinstance(told, dict)
    assert told["files"][0] == {"name": "evidence-traffic.svg", "media_type": "image/svg+xml"}
    assert with_evidence(message, (), None).markdown == ticket


def test_the_commands_at_hand_are_the_playbooks_filled_in() -> None:
    found = commands_at_hand(Tools(services=("orders", "payments"), log_query='{service_name="orders"}'))

    assert found == [
        "- tail logs: `docker compose logs -f orders`",
        '- query logs: `{service_name="orders"}` (Grafana → Explore → Loki)',
        '- inspect traces: `{resource.service.name="orders"}` (Grafana → Explore → Tempo)',
        "- collector health: `curl http://localhost:13133/healthz`",
        "- ask again: `monitor check-once orders payments`",
    ]


def test_commands_can_be_copied_into_a_shell() -> None:
    tools = Tools(
        services=("orders",),
        logs="kubectl logs -l app=orders `date`",
        log_query='{service_name="orders"}',
        loki="http://loki:3100",
        tempo="http://tempo:3200",
        grafana="http://grafana:3000",
        collectors=("http://otel:13133/",),
    )

    found = dict(line.removeprefix("- ").split(": ", 1) for line in commands_at_hand(tools))

    assert found["tail logs"] == "`` kubectl logs -l app=orders `date` ``"
    assert found["logs without Grafana"] == (
        "`curl -G http://loki:3100/loki/api/v1/query_range --data-urlencode 'query={service_name=\"orders\"}'`"
    )
    assert found["traces without Grafana"] == (
        "`curl -G http://tempo:3200/api/search --data-urlencode 'q={resource.service.name=\"orders\"}'`"
    )
    assert found["collector health"] == "`curl http://otel:13133/`"


def test_as_much_hostile_text_as_is_ever_read_stays_text_in_every_trackers_language() -> None:
    evil = "{noformat} [~admin] {color:red}x{color} h1. big @channel <!channel> " * 60
    logs = LogLines(query="{}", lines=(LogLine(T0, evil, cut=True),) * 100)
    spans = (Span(service=evil[:1_000], name=evil[:1_000], seconds=1.0),) * 12
    hostile = Gathered(
        seconds=1.0,
        measures=(Found(None, evil[:1_000]),) * 2,
        trace_lines=Found(logs),
        service_lines=Found(logs),
        trace=Found(Arrival(trace=Trace(count=12, services=((evil[:1_000], 12),), spans=spans), asked=1)),
        panels=(("latency", "http://grafana/d/abc?viewPanel=4", Found(None, evil[:1_000])),),
    )
    text = markdown(bundle(scene(results=(failed(evil, evil[:2_048]),) * 12), hostile, HIDE))

    assert len(text) < 40_000
    in_wiki = wiki.from_markdown(text)
    outside = "".join(in_wiki.split("{noformat}")[::2])  # what stands between two of them is verbatim
    assert in_wiki.count("{noformat}") == 2 * len([line for line in text.splitlines() if line == "```"])
    assert "[~admin]" not in outside
    assert "{color:red}" not in outside
    assert "@channel" not in from_markdown(text)
    assert "<!channel>" not in from_markdown(text)
    assert {node["type"] for node in adf.from_markdown(text)} == {"heading", "bulletList", "codeBlock", "paragraph"}

"""From a result to what a collector holds: one trace per probe, its metrics, its events, all of one resource."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest

from checks.check import Check, HttpQuestion
from checks.result import Reason
from monitor.core.incident import State
from monitor.demo.otlp_receiver import OtlpReceiver
from monitor.ledger.records import Effect, EffectKind, LedgerEvent
from monitor.outlets.outlet import Delivery, DeliveryOutcome
from monitor.telemetry import Sent, Telemetry, names

TRACE, ROOT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def event(build, name="incident.opened", **changes):
    fields = {
        "name": name,
        "at": build.t0,
        "wall": build.t0 + timedelta(seconds=7),
        "text": "orders-service is failing: status",
        "incident": "01JNZ3V8WQ6X7Y5M4K3H2G1F0E",
        "service": "orders-service",
        "attributes": {"severity": "SEV2", "old": State.PENDING.value, "new": State.OPEN.value, "event": "held"},
        "trace_id": TRACE,
        "span_id": ROOT,
        "seq": 42,
    }
    return LedgerEvent(**{**fields, **changes})


def test_one_probe_is_one_trace_with_one_root_and_the_attempts_are_siblings(receiver, telemetry_to, build):
    telemetry = telemetry_to(receiver.url)
    failed = {"reason": Reason.STATUS, "status": 503, "detail": "answered 503"}
    telemetry.probe(
        build.check,
        build.result(
            build.attempt(ROOT, **failed),
            build.attempt("00000000000000a2", after=0.5, **failed),
            build.attempt("00000000000000a3", after=1.0),
        ),
    )
    assert telemetry.close(60)
    spans = receiver.received.spans
    attempts = [span for span in spans if span.name == "GET"]
    assert {span.trace_id for span in spans} == {TRACE}
    assert [(span.span_id, span.parent_id) for span in attempts] == [
        (ROOT, ""),
        ("00000000000000a2", ROOT),
        ("00000000000000a3", ROOT),
    ]
    assert [span.error for span in attempts] == [True, True, False]
    phases = [span for span in spans if span.parent_id == "00000000000000a2"]
    assert [span.name for span in phases] == ["connect", "first_byte", "transfer"]
    assert len({span.span_id for span in spans}) == len(spans)


def test_an_event_is_found_from_the_probe_that_caused_it(receiver, telemetry_to, build):
    telemetry = telemetry_to(receiver.url)
    telemetry.probe(build.check, build.result())
    telemetry.event(event(build))
    assert telemetry.close(60)
    (span,), (log,) = receiver.received.spans, receiver.received.logs
    assert (log.trace_id, log.span_id) == (span.trace_id, span.span_id)
    assert (log.event_name, log.body) == ("incident.opened", "orders-service is failing: status")
    assert log.at == (build.t0 + timedelta(seconds=7)).timestamp()
    assert log.severity == 17
    assert log.attributes == {
        "incident.id": "01JNZ3V8WQ6X7Y5M4K3H2G1F0E",
        "service.peer.name": "orders-service",
        "event.author": "watchkeeper",
        "event.sequence": 42,
        "event.schema": 1,
        "incident.severity": "SEV2",
        "incident.state.previous": "pending",
        "incident.state": "open",
        "incident.trigger": "held",
    }


@pytest.mark.parametrize("ids", [("", ""), ("xyz", "1"), ("0" * 32, "0" * 16)])
def test_an_event_without_a_trace_is_still_an_event(receiver, telemetry_to, build, ids):
    telemetry = telemetry_to(receiver.url)
    telemetry.event(event(build, trace_id=ids[0], span_id=ids[1]))
    assert telemetry.close(60)
    (log,) = receiver.received.logs
    assert (log.trace_id, log.span_id) == ("", "")


def test_attributes_of_an_event_are_flat_and_have_a_namespace(receiver, telemetry_to, build):
    telemetry = telemetry_to(receiver.url)
    inside = {"due": "2026-03-03", "members": ["a", "b"], "table": {"SEV1": 1}, "empty": "", "none": None, "a.b": 1.5}
    telemetry.event(event(build, name="postmortem.scheduled", attributes=inside))
    telemetry.event(event(build, name="something.new", attributes={}))
    assert telemetry.close(60)
    scheduled, new = receiver.received.logs
    found = {key: value for key, value in scheduled.attributes.items() if key.startswith(("postmortem", "a."))}
    assert found == {
        "postmortem.due": "2026-03-03",
        "postmortem.members": ["a", "b"],
        "postmortem.table": '{"SEV1": 1}',
        "a.b": 1.5,
    }
    assert (new.event_name, new.severity) == ("something.new", 9)


def test_the_three_signals_speak_of_one_resource(receiver, telemetry_to, build):
    telemetry = telemetry_to(receiver.url)
    telemetry.probe(build.check, build.result())
    telemetry.event(event(build))
    telemetry.counter(names.PROBER_RESTARTS.name)
    assert telemetry.close(60)
    held = receiver.received
    speakers = [item.resource for item in (*held.spans, *held.logs, *held.points)]
    assert all(speaker == speakers[0] for speaker in speakers)
    ours = {key: value for key, value in speakers[0].items() if not key.startswith("telemetry.sdk.")}
    assert set(ours) == {
        "service.name", "service.version", "service.instance.id", "deployment.environment.name", "host.name",
        "synthetic.location",
    }  # fmt: skip
    assert (ours["service.name"], ours["synthetic.location"]) == ("watchkeeper", "fra1")


def test_span_times_follow_the_wall_clock_and_not_the_steady_timeline(receiver, telemetry_to, build):
    telemetry = telemetry_to(receiver.url, ahead=3600)
    telemetry.probe(build.check, build.result())
    assert telemetry.close(60)
    assert receiver.received.spans[0].start == build.t0.timestamp() + 3600


def test_metrics_of_the_targets_and_of_ourselves_leave_together(receiver, telemetry_to, build):
    telemetry = telemetry_to(receiver.url)
    telemetry.probe(build.check, build.result())
    telemetry.counter("watchkeeper.results.missing", 3)
    telemetry.gauge("watchkeeper.timetable.lag", 0.004)
    telemetry.gauge("watchkeeper.effects", 2, {"watchkeeper.effect.state": "waiting", "who": "not listed"})
    telemetry.histogram("watchkeeper.ledger.commit.duration", 0.003)
    assert telemetry.close(60)
    points = {(point.metric, *point.attributes.values()): point for point in receiver.received.points}
    assert points["watchkeeper.results.missing",].value == 3
    assert points["watchkeeper.timetable.lag",].value == 0.004
    assert points["watchkeeper.effects", "waiting"].value == 2
    assert points["watchkeeper.ledger.commit.duration",].buckets[2] == 1
    assert points["synthetic.check.up", "orders-service", "ready"].value == 1
    assert points["watchkeeper.telemetry.sent", "traces"].value == 1
    assert points["watchkeeper.telemetry.dropped", "traces"].value == 0


def test_each_delivery_is_a_span_below_the_probe_that_caused_the_incident(receiver, telemetry_to, build):
    telemetry = telemetry_to(receiver.url, secrets=["hunter2hunter2"])
    effect = Effect(
        key="01JNZ/folder/1", incident="01JNZ", service="orders", outlet="folder", kind=EffectKind.CREATE,
        order=1, created_at=build.t0, next_at=build.t0, attempts=2,
    )  # fmt: skip
    began = build.t0 - timedelta(seconds=3)
    telemetry.effect(
        effect, Delivery(outcome=DeliveryOutcome.RETRY, detail="no hunter2hunter2"), Sent(began, TRACE, ROOT)
    )
    telemetry.effect(effect, Delivery(outcome=DeliveryOutcome.CONFIRMED), Sent(began))
    telemetry.close(60)

    failed, taken = receiver.received.spans
    assert (failed.name, failed.trace_id, failed.parent_id) == ("effect.deliver", TRACE, ROOT)
    assert (failed.attributes["effect.outcome"], failed.attributes["incident.id"]) == ("retry", "01JNZ")
    assert (failed.error, failed.description) == (True, "no REDACTED")
    assert failed.end - failed.start == 3.0
    assert taken.trace_id != TRACE
    assert (taken.parent_id, taken.error) == ("", False)


def test_what_became_of_an_effect_is_an_event_and_a_count(receiver, telemetry_to, build):
    telemetry = telemetry_to(receiver.url)
    effect = Effect(
        key="01J/folder/0001/create", incident="01J", service="orders-service", outlet="folder", order=1,
        kind=EffectKind.CREATE, created_at=build.t0, next_at=build.t0, attempts=2,
    )  # fmt: skip
    telemetry.effect(effect, Delivery(outcome=DeliveryOutcome.RETRY, detail="disk full"))
    telemetry.effect(effect, Delivery(outcome=DeliveryOutcome.CONFIRMED))
    assert telemetry.close(60)
    assert [(log.event_name, log.body) for log in receiver.received.logs] == [
        ("effect.failed", "folder: create retry: disk full"),
        ("effect.delivered", "folder: create confirmed"),
    ]
    assert receiver.received.logs[0].attributes["effect.attempt"] == 2
    counts = {
        point.attributes["watchkeeper.delivery.outcome"]: point.value
        for point in receiver.received.points
        if point.metric == "watchkeeper.effect.deliveries"
    }
    assert counts == {"retry": 1, "confirmed": 1}


def test_the_series_of_one_metric_of_ours_are_bounded(receiver, telemetry_to):
    telemetry = telemetry_to(receiver.url)
    for number in range(1_000):
        telemetry.gauge("watchkeeper.effects", 1, {"watchkeeper.outlet": f"outlet-{number}"})
    assert telemetry.close(60)
    assert len([point for point in receiver.received.points if point.metric == "watchkeeper.effects"]) <= 201


def test_a_changed_check_begins_a_new_template(receiver, telemetry_to, build):
    telemetry = telemetry_to(receiver.url)
    moved = Check(service="orders-service", name="ready", question=HttpQuestion(url="http://127.0.0.2:9090/"))
    telemetry.probe(build.check, build.result())
    telemetry.probe(moved, build.result(check=moved))
    assert telemetry.close(60)
    assert [span.attributes["server.address"] for span in receiver.received.spans] == ["127.0.0.1", "127.0.0.2"]
    ups = [point for point in receiver.received.points if point.metric == "synthetic.check.up"]
    assert len(ups) == 1


def test_a_check_that_is_gone_does_not_report_its_last_result_for_ever(receiver, telemetry_to, build):
    telemetry = telemetry_to(receiver.url)
    gone = Check(service="orders-service", name="gone", question=HttpQuestion(url="http://127.0.0.1/"))
    telemetry.probe(gone, build.result(check=gone))
    telemetry.probe(build.check, build.result())
    telemetry._pipeline._watched[gone.id].seen -= 601
    assert telemetry.close(60)
    assert {p.attributes.get("synthetic.check.name") for p in receiver.received.points} == {"ready", None}


def test_nothing_raises_whatever_is_handed_over(receiver, telemetry_to, build, log_lines):
    telemetry = telemetry_to(receiver.url)
    for trace_id in ("", "zz", "ab"):
        telemetry.probe(build.check, build.result(trace_id=trace_id))
    telemetry.probe(build.check, build.result(build.attempt(span_id="")))
    telemetry.counter("no.such.metric")
    telemetry.gauge("watchkeeper.prober.restarts", 1)
    telemetry.histogram("watchkeeper.timetable.lag", 1)
    assert telemetry.stats()["dropped"] == 7
    assert len(log_lines) == 1, "once a minute"
    telemetry.probe(build.check, build.result())
    assert telemetry.close(60)
    assert len(receiver.received.spans) == 1


def test_after_close_everything_is_a_no_op_and_the_last_counts_stay(receiver, telemetry_to, build):
    telemetry = telemetry_to(receiver.url)
    telemetry.probe(build.check, build.result())
    assert telemetry.close(60)
    sent = telemetry.stats()["sent"]
    telemetry.probe(build.check, build.result())
    telemetry.event(event(build))
    assert telemetry.close(60)
    assert telemetry.stats()["sent"] == sent > 0


def test_a_small_ratio_keeps_the_same_traces_as_the_sdk_would(receiver, telemetry_to, build):
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    telemetry = telemetry_to(
        receiver.url, OTEL_TRACES_SAMPLER="parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG="0.25"
    )
    theirs = TraceIdRatioBased(0.25)
    ids = [f"{n:016x}{n * 0x9E3779B97F4A7C15 % 2**64:016x}" for n in range(1, 400)]
    for trace_id in ids:
        telemetry.probe(build.check, build.result(trace_id=trace_id))
    assert telemetry.close(60)
    wanted = [each for each in ids if theirs.should_sample(None, int(each, 16), "GET").decision.is_sampled()]
    assert [span.trace_id for span in receiver.received.spans] == wanted
    assert 50 < len(wanted) < 150
    (probes,) = [point for point in receiver.received.points if point.metric == "synthetic.check.probes"]
    assert probes.value == 399, "sampling thins spans, never the counts"


def test_without_an_endpoint_nothing_of_opentelemetry_is_loaded():
    code = (
        "import sys; from monitor.telemetry import Telemetry; from monitor.clock import SteadyClock;"
        "t = Telemetry.start(None, 'e', 'l', 'i', SteadyClock.begin()); t.counter('x'); t.close(1);"
        "print(sorted(m for m in sys.modules if m.startswith(('opentelemetry', 'google', 'requests'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_the_sdk_can_be_disabled_as_everywhere(receiver, build):
    telemetry = Telemetry.start(receiver.url, "e", "l", "i", build.fixed_clock(), environ={"OTEL_SDK_DISABLED": "TRUE"})
    assert not telemetry.enabled


def test_the_receiver_refuses_what_is_no_otlp_and_tells_of_what_is(telemetry_to, build):
    from monitor.telemetry.post import Poster, Verdict

    seen = []
    with OtlpReceiver(on_item=lambda kind, item: seen.append((kind, item))) as receiver:
        poster = Poster(receiver.url, {})
        assert poster.post("traces", b"\xff\xff\xff").verdict is Verdict.REFUSED
        assert receiver.received.undecodable == 1
        telemetry = telemetry_to(receiver.url)
        telemetry.probe(build.check, build.result())
        telemetry.event(event(build))
        assert telemetry.close(60)
        kinds = {kind for kind, _ in seen}
        assert kinds == {"span", "log", "metric"}
        poster.close()

"""Telemetry that is on: the templates and series of the checks, the lanes, and the thread that sends. Loads the SDK."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from checks.check import Check
from checks.result import CheckResult
from monitor.clock import Clock
from monitor.ledger.records import Effect, LedgerEvent
from monitor.telemetry import names, series
from monitor.telemetry.export import Lane, Sender
from monitor.telemetry.facade import Delivered, Sent, TelemetryStats
from monitor.telemetry.gauges import Gauges
from monitor.telemetry.own_spans import OwnSpans
from monitor.telemetry.post import Poster, headers_of
from monitor.telemetry.redact import mask, masker
from monitor.telemetry.sampling import Limits, sampler_of
from monitor.telemetry.sdk import EventLog, Meters, SdkLog, encoded_resource, encoded_scope, make_resource
from monitor.telemetry.series import CheckSeries
from monitor.telemetry.spans import SpanTemplate, nanoseconds, request_frame

SPAN_BYTES = 4 * 1024 * 1024
EVENT_BYTES = 1024 * 1024
FORGET_AFTER = 600.0
"""Seconds without a result (three intervals, if that is longer) after which a check's series end."""


@dataclass(slots=True)
class Watched:
    """
    One check, as telemetry knows it. A changed check starts anew: new template, new sums.

    Attributes:
        hidden: The secrets that the template does not show.
    """

    check: Check
    template: SpanTemplate
    series: CheckSeries
    seen: float
    hidden: tuple[str, ...]


class Pipeline:
    def __init__(
        self, poster: Poster, environment: str, location: str, instance_id: str, clock: Clock, secrets: tuple[str, ...],
        environ: Mapping[str, str],
    ) -> None:  # fmt: skip
        resource = make_resource(environment, location, instance_id)
        self._resource, self._scope = encoded_resource(resource), encoded_scope()
        self._clock = clock
        self._secrets = secrets
        self._limits = Limits.of(environ)
        self._sampled = sampler_of(environ)
        self._watched: dict[str, Watched] = {}
        self._offset = 0
        self._offset_until = 0.0
        self.lost = {"traces": 0, "logs": 0, "metrics": 0}
        """Items that we could not encode, by signal."""
        lanes = (
            Lane("logs", lambda joined: joined, EVENT_BYTES),
            Lane("traces", request_frame(self._resource, self._scope), SPAN_BYTES),
        )
        self.sender = Sender(poster, lanes, self._collect, metrics_every=_metrics_interval(environ))
        self.events = EventLog(resource, lambda item: self.sender.put("logs", item, now=True), masker(secrets))
        self.own_spans = OwnSpans(resource, lambda span: self.sender.put("traces", span))
        self.meters = Meters(resource, self.totals)
        self.objectives = Gauges(names.OF_OBJECTIVES)
        self.scores = Gauges(names.OF_SERIES)
        self.muting = Gauges(names.OF_MUTING)
        self._sdk_log = SdkLog(self.sender.note)

    @classmethod
    def start(
        cls, endpoint: str, environment: str, location: str, instance_id: str, clock: Clock, secrets: tuple[str, ...],
        environ: Mapping[str, str],
    ) -> Pipeline:  # fmt: skip
        ca_file = environ.get("OTEL_EXPORTER_OTLP_CERTIFICATE") or None
        poster = Poster(endpoint, headers_of(environ), ca_file)
        pipeline = cls(poster, environment, location, instance_id, clock, secrets, environ)
        pipeline._sdk_log.attach()
        pipeline.sender.start()
        return pipeline

    def hide(self, secrets: tuple[str, ...]) -> None:
        self._secrets = secrets
        self.events.hidden = masker(secrets)

    def score(self, service: str, series: str, score: float) -> None:
        whose = {names.SERVICE_PEER_NAME: service, names.SERIES: series}
        self.scores.put(whose, {names.ANOMALY_SCORE.name: score})

    def probe(self, check: Check, result: CheckResult) -> None:
        now = time.monotonic()
        watched = self._watched.get(check.id)
        if watched is None or (watched.check is not check and watched.check != check):
            watched = self._watched[check.id] = self._watch(check, now)
        if watched.hidden is not self._secrets:
            watched.template, watched.hidden = self._template(check), self._secrets
        watched.seen = now
        watched.series.add(result)
        if now >= self._offset_until:
            self._offset = nanoseconds(self._clock.wall()) - nanoseconds(self._clock.now())
            self._offset_until = now + 1.0
        if self._sampled(bytes.fromhex(result.trace_id)):
            for span in watched.template.spans(result, self._offset):
                self.sender.put("traces", span)

    def effect(self, effect: Effect, delivery: Delivered, trace: Sent | None) -> None:
        outcome = delivery.outcome.value
        taken = outcome == "confirmed"
        attributes: dict[str, str | int] = {
            names.EFFECT_KEY: effect.key,
            names.EFFECT_KIND: effect.kind.value,
            names.EFFECT_OUTLET: effect.outlet,
            names.EFFECT_ATTEMPT: effect.attempts,
            names.EFFECT_OUTCOME: outcome,
        }
        if trace is not None:
            about = {names.INCIDENT_ID: effect.incident, names.SERVICE_PEER_NAME: effect.service}
            self.own_spans.record(
                names.DELIVERY_SPAN, trace.began, self._clock.wall(), {**about, **attributes},
                error="" if taken else mask(delivery.detail or outcome, self.events.hidden),
                trace_id=trace.trace_id, span_id=trace.span_id,
            )  # fmt: skip
        self.events.emit(
            LedgerEvent(
                name=names.EFFECT_DELIVERED if taken else names.EFFECT_FAILED,
                at=self._clock.now(),
                wall=self._clock.wall(),
                text=f"{effect.outlet}: {effect.kind.value} {outcome}: {delivery.detail}".rstrip(": "),
                incident=effect.incident,
                service=effect.service,
                attributes=attributes,
            )
        )

    def stats(self) -> TelemetryStats:
        lanes = self.sender.lanes.values()
        return TelemetryStats(
            enabled=True,
            queued=sum(lane.waiting for lane in lanes),
            queued_bytes=sum(lane.held for lane in lanes),
            sent=self.sender.sent,
            dropped=self.sender.dropped + sum(self.lost.values()),
            last_error=self.sender.last_error,
        )

    def close(self, timeout: float) -> bool:
        try:
            return self.sender.close(timeout)
        finally:
            self._sdk_log.detach()

    def _watch(self, check: Check, now: float) -> Watched:
        return Watched(
            check,
            self._template(check),
            CheckSeries(check, nanoseconds(self._clock.wall()), self._limits),
            now,
            self._secrets,
        )

    def _template(self, check: Check) -> SpanTemplate:
        return SpanTemplate(check, self._limits, self._secrets)

    def _collect(self) -> Iterator[tuple[bytes, int]]:
        """Called on the sender's thread, when a request can be made."""
        if (own := self.meters.collect()) is not None:
            yield own
        now = time.monotonic()
        for name, watched in list(self._watched.items()):
            # A check that was removed from the config would else report its last result for ever.
            if now - watched.seen > max(FORGET_AFTER, 3 * watched.check.interval):
                self._watched.pop(name, None)
        current = [watched.series for watched in list(self._watched.values())]
        wall = nanoseconds(self._clock.wall())
        yield from series.requests(current, wall, self._resource, self._scope)
        yield from self.objectives.requests(wall, self._resource, self._scope)
        yield from self.scores.requests(wall, self._resource, self._scope)
        yield from self.muting.requests(wall, self._resource, self._scope)

    def totals(self) -> Mapping[str, tuple[int, int]]:
        """Per signal: sent and dropped so far."""
        found = {name: (lane.sent, lane.dropped + self.lost[name]) for name, lane in self.sender.lanes.items()}
        found["metrics"] = (self.sender.metrics_sent, self.sender.metrics_dropped + self.lost["metrics"])
        return found


def _metrics_interval(environ: Mapping[str, str]) -> float:
    """OTEL_METRIC_EXPORT_INTERVAL, in milliseconds there and in seconds here; a minute where it says nothing usable."""
    text = environ.get("OTEL_METRIC_EXPORT_INTERVAL", "").strip()
    return max(1.0, int(text) / 1000) if text.isascii() and text.isdigit() else 60.0

"""
What the rest of Watchkeeper sees of telemetry. It never raises or waits. Without an endpoint it sends nothing, and
keeps its own metrics for whoever scrapes them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, Self, TypedDict

from loguru import logger

from checks.check import Check
from checks.result import CheckResult
from monitor.clock import Clock
from monitor.telemetry import names
from monitor.telemetry.exposition import Dialect, labels, samples
from monitor.telemetry.numbers import Numbers

if TYPE_CHECKING:
    from monitor.ledger.records import Effect, LedgerEvent
    from monitor.telemetry.pipeline import Pipeline

NO_ATTRIBUTES: Mapping[str, str] = {}
COMPLAIN_EVERY = 60.0


class Delivered(Protocol):
    """What telemetry reads of an outlet's `Delivery`. The outlets are built upon telemetry's floor and not below it."""

    @property
    def outcome(self) -> StrEnum: ...

    @property
    def detail(self) -> str: ...

    @property
    def merged(self) -> int: ...


class TelemetryStats(TypedDict):
    """
    Attributes:
        queued: Items waiting to be sent; `queued_bytes` with what is being retried.
        dropped: Given up because the collector was away for too long, refused them, or we could not encode them.
        last_error: Empty when there never was one.
    """

    enabled: bool
    queued: int
    queued_bytes: int
    sent: int
    dropped: int
    last_error: str


@dataclass(frozen=True, slots=True)
class Sent:
    """
    Attributes:
        began: Wall clock, at the moment of sending.
        trace_id, span_id: Of the probe that caused the incident; empty where none did.
    """

    began: datetime
    trace_id: str = ""
    span_id: str = ""


OFF = TelemetryStats(enabled=False, queued=0, queued_bytes=0, sent=0, dropped=0, last_error="")


class Telemetry:
    """
    Attributes:
        numbers: Of Watchkeeper itself.
    """

    def __init__(self, pipeline: Pipeline | None = None) -> None:
        self.numbers = Numbers()
        self._pipeline = pipeline
        self._final = OFF
        self._quiet_until = 0.0

    @classmethod
    def start(
        cls, endpoint: str | None, environment: str, location: str, instance_id: str, clock: Clock, *,
        secrets: Iterable[str] = (), environ: Mapping[str, str] = os.environ,
    ) -> Self:  # fmt: skip
        """
        Args:
            endpoint: Base address of a collector's OTLP/HTTP receiver, for example http://localhost:4318. None: off.
            secrets: Values that are masked wherever they stand in an address or an event.
            environ: OTEL_EXPORTER_OTLP_HEADERS, _CERTIFICATE, OTEL_TRACES_SAMPLER and the limits are read from here.
        """
        if not endpoint or environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return cls()
        try:
            from monitor.telemetry.pipeline import Pipeline

            return cls(Pipeline.start(endpoint, environment, location, instance_id, clock, tuple(secrets), environ))
        except Exception as error:
            # Watching goes on without telemetry; the other way round nobody would be served.
            logger.error(f"telemetry is off: {type(error).__name__}: {error}; correct telemetry.otlp and restart")
            return cls()

    def hide(self, secrets: Iterable[str]) -> None:
        """Masks these from now on, and no others."""
        if self._pipeline is not None:
            self._pipeline.hide(tuple(secrets))

    @property
    def enabled(self) -> bool:
        return self._pipeline is not None

    def probe(self, check: Check, result: CheckResult) -> None:
        """The hot path: once per result. Spans and the check's metrics."""
        if self._pipeline is not None:
            try:
                self._pipeline.probe(check, result)
            except Exception as error:
                self._lost("traces", f"result of {check.id}", error)

    def event(self, event: LedgerEvent) -> None:
        if self._pipeline is not None:
            try:
                self._pipeline.events.emit(event)
            except Exception as error:
                self._lost("logs", f"event {event.name}", error)

    def effect(self, effect: Effect, delivery: Delivered, sent: Sent | None = None) -> None:
        """What became of one try to deliver an effect: an event, a count and, where it was really sent, a span."""
        which = {names.OUTLET: effect.outlet, names.DELIVERY_OUTCOME: delivery.outcome.value}
        self.counter(names.DELIVERIES.name, 1, which)
        if delivery.merged:
            self.counter(names.TICKETS_MERGED.name, delivery.merged, {names.OUTLET: effect.outlet})
        if self._pipeline is not None:
            try:
                self._pipeline.effect(effect, delivery, sent)
            except Exception as error:
                self._lost("logs", f"effect {effect.key}", error)

    def objective(self, attributes: Mapping[str, str], values: Mapping[str, float]) -> None:
        """How an objective stands: its labels, and values by metric."""
        if self._pipeline is not None:
            self._pipeline.objectives.put(attributes, values)

    def score(self, service: str, series: str, score: float) -> None:
        """How unlike its past a series is."""
        if self._pipeline is not None:
            self._pipeline.score(service, series, score)

    def muting(self, service: str, values: Mapping[str, float]) -> None:
        """Whether people are told of a service, by metric."""
        if self._pipeline is not None:
            self._pipeline.muting.put({names.SERVICE_PEER_NAME: service}, values)

    def counter(self, name: str, amount: int = 1, attributes: Mapping[str, str] = NO_ATTRIBUTES) -> None:
        try:
            self.numbers.add(name, amount, attributes)
            if self._pipeline is not None:
                self._pipeline.meters.add(name, amount, attributes)
        except Exception as error:
            self._lost("metrics", f"counter {name}", error)

    def gauge(self, name: str, value: float | None, attributes: Mapping[str, str] = NO_ATTRIBUTES) -> None:
        """*value*: None where it is not known any more. Nothing is sent then, and nothing scraped."""
        try:
            self.numbers.set(name, value, attributes)
            if self._pipeline is not None and value is not None:
                self._pipeline.meters.set(name, value, attributes)
        except Exception as error:
            self._lost("metrics", f"gauge {name}", error)

    def histogram(self, name: str, value: float) -> None:
        try:
            self.numbers.record(name, value)
            if self._pipeline is not None:
                self._pipeline.meters.record(name, value, NO_ATTRIBUTES)
        except Exception as error:
            self._lost("metrics", f"histogram {name}", error)

    def exposed(self, dialect: Dialect) -> str:
        """Watchkeeper's own metrics, to be scraped; with an endpoint also what was sent to it."""
        totals = self._pipeline.totals() if self._pipeline is not None else {}
        whose = {signal: labels([(names.SIGNAL.replace(".", "_"), signal)]) for signal in totals}
        sent = [
            samples(metric, ((whose[signal], pair[which]) for signal, pair in totals.items()), dialect)
            for which, metric in enumerate(names.OF_TELEMETRY)
        ]
        return self.numbers.text(dialect) + "".join(sent)

    def stats(self) -> TelemetryStats:
        return self._final.copy() if self._pipeline is None else self._pipeline.stats()

    def close(self, timeout: float = 2.0) -> bool:
        """Sends what is left, at most *timeout* seconds. False when something had to be left behind."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is None:
            return True
        all_sent = pipeline.close(timeout)
        self._final = pipeline.stats()
        return all_sent

    def _lost(self, signal: str, what: str, error: Exception) -> None:
        """A bug of ours, not the collector's: counted always, told once a minute."""
        if self._pipeline is not None:
            self._pipeline.lost[signal] += 1
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + COMPLAIN_EVERY
            logger.warning(f"telemetry: {what} was not encoded: {type(error).__name__}: {error}")

"""What the fitting process is asked to do, one JSON document on its standard input, and where it puts what it found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from monitor.core.baseline import Signal, zone_of

Interval = tuple[datetime, datetime]

OUT_OF_MEMORY: Final = 4
"""Status of a fitting process that met its own limit."""


def file_name(service: str, signal: Signal, check: str = "") -> str:
    """
    Of a baseline, and of its sketch in a folder of its own.

    Dots are for the parts alone: service a.b and check c are not service a and check b.c.
    """
    return (
        ".".join(quote(part, safe="").replace(".", "%2E") for part in (service, check, str(signal)) if part) + ".json"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceJob:
    """
    Attributes:
        requests, errors, latency, queue_depth: PromQL; rates, rates, seconds and pieces of work.
        checks: Names of the checks whose probe latency is fitted from our own history.
        exclude: Incidents of this service, and two hours after each marked deploy.
        since: Nothing before it counts: a person accepted a lasting new level.
    """

    requests: str | None = None
    errors: str | None = None
    latency: str | None = None
    queue_depth: str | None = None
    checks: tuple[str, ...] = ()
    exclude: tuple[Interval, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FitJob:
    """
    Attributes:
        now: Where the past ends.
        prometheus: Base address; None fits probe latencies alone.
        history: Path of our history file; None fits traffic alone.
        weeks: How far back.
        step: Distance of two error ratios in seconds. Latency takes its own range length.
        timeout: Seconds for one range query.
        exclude: Left out of every service.
        labelled_since: From when on we kept a log of incidents. In what is older, outlier hours are guessed.
    """

    now: datetime
    time_zone: str
    services: Mapping[str, ServiceJob]
    prometheus: str | None = None
    history: str | None = None
    weeks: float = 6.0
    step: float = 60.0
    timeout: float = 30.0
    exclude: tuple[Interval, ...] = ()
    labelled_since: datetime | None = None

    @property
    def start(self) -> datetime:
        return self.now - timedelta(weeks=self.weeks)

    def to_json(self) -> str:
        return json.dumps(
            {
                "now": self.now.isoformat(),
                "time_zone": self.time_zone,
                "prometheus": self.prometheus,
                "history": self.history,
                "weeks": self.weeks,
                "step": self.step,
                "timeout": self.timeout,
                "exclude": _pairs(self.exclude),
                "labelled_since": self.labelled_since and self.labelled_since.isoformat(),
                "services": {
                    name: {
                        "requests": service.requests,
                        "errors": service.errors,
                        "latency": service.latency,
                        "queue_depth": service.queue_depth,
                        "checks": list(service.checks),
                        "exclude": _pairs(service.exclude),
                        "since": service.since and service.since.isoformat(),
                    }
                    for name, service in self.services.items()
                },
            }
        )

    @classmethod
    def from_json(cls, text: str) -> FitJob:
        """Raises ValueError naming what is wrong."""
        try:
            data = json.loads(text)
            zone_of(data["time_zone"])
            job = cls(
                now=_instant(data["now"]),
                time_zone=data["time_zone"],
                prometheus=data.get("prometheus"),
                history=data.get("history"),
                weeks=float(data.get("weeks", 6.0)),
                step=float(data.get("step", 60.0)),
                timeout=float(data.get("timeout", 30.0)),
                exclude=_intervals(data.get("exclude", ())),
                labelled_since=_instant(data["labelled_since"]) if data.get("labelled_since") else None,
                services={name: _service(service) for name, service in data["services"].items()},
            )
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as problem:
            raise ValueError(f"not a fitting job: {type(problem).__name__}: {problem}") from problem
        if not (0 < job.weeks <= 60 and 1 <= job.step <= 3600 and job.timeout > 0):
            raise ValueError(f"not a fitting job: weeks {job.weeks:g}, step {job.step:g} s, timeout {job.timeout:g} s")
        return job


def instant_of(seconds: float) -> datetime:
    """Of seconds since the Unix epoch."""
    return datetime.fromtimestamp(seconds, UTC)


def _service(data: Mapping[str, Any]) -> ServiceJob:
    return ServiceJob(
        requests=data.get("requests"),
        errors=data.get("errors"),
        latency=data.get("latency"),
        queue_depth=data.get("queue_depth"),
        checks=tuple(data.get("checks", ())),
        exclude=_intervals(data.get("exclude", ())),
        since=_instant(data["since"]) if data.get("since") else None,
    )


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return at


def _intervals(pairs: Sequence[Sequence[str]]) -> tuple[Interval, ...]:
    return tuple((_instant(start), _instant(end)) for start, end in pairs)


def _pairs(intervals: Sequence[Interval]) -> list[list[str]]:
    return [[start.isoformat(), end.isoformat()] for start, end in intervals]

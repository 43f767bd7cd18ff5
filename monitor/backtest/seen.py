"""What a past is made of: probes of checks, and readings of the traffic of services."""

from __future__ import annotations

from typing import NamedTuple

from checks.result import Confirmation, Outcome
from monitor.response.observe import TRAFFIC_ALARM


class Probe(NamedTuple):
    """
    One scheduled probe of the past.

    Attributes:
        at: The slot, in seconds since the Unix epoch.
        check: Its identity, service/check.
        confirmation: What a re-probe said of a failure. UNASKED where nobody knows: then the probe before decides.
        latency: In seconds.
    """

    at: float
    check: str
    outcome: Outcome
    confirmation: Confirmation = Confirmation.NONE
    latency: float | None = None


class Reading(NamedTuple):
    """What Prometheus said of a service's traffic: per second, and a latency in seconds. None: no traffic."""

    at: float
    service: str
    requests: float | None
    errors: float | None
    latency: float | None = None

    @property
    def error_ratio(self) -> float | None:
        return None if not self.requests or self.errors is None else min(1.0, self.errors / self.requests)

    @property
    def speaks(self) -> bool:
        """Whether an evaluation of a service at rest finds something in it: whatever the severity table says of less
        errors, it is asked of incidents alone."""
        return (self.error_ratio or 0.0) >= TRAFFIC_ALARM

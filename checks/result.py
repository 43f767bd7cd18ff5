"""
What a probe taught us, in three outcomes and one short taxonomy of reasons.

A scheduled probe is one `CheckResult` with one or more `Attempt`s: the scheduled one, then the retries and the
re-probe that tell a confirmed failure from an unconfirmed one. The first attempt alone is what the target is judged
by (SLI, detectors); later ones never erase it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from checks.record import record

EXPIRES_AT: Final = "certificate_expires_at"
"""The fact that says when the first certificate of the chain expires, Unix time."""


class Outcome(StrEnum):
    """What one attempt taught us about its target."""

    OK = "ok"
    FAILED = "failed"  # the target answered wrongly, too late, or not at all
    UNKNOWN = "unknown"  # we never got to ask: our resolver, our network, our bug


_OK: Final = Outcome.OK  # Python 3.11 takes as long to find a member in its enum as to call a function


class Reason(StrEnum):
    """Why an attempt is not ok. The first that applies, in the order in which a request meets them."""

    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    RESET = "reset"
    TLS = "tls"
    CERTIFICATE = "certificate"
    PROTOCOL = "protocol"
    STATUS = "status"
    HEADER = "header"
    BODY = "body"
    SLOW = "slow"
    ASSERTION = "assertion"
    BLIND = "blind"  # only with UNKNOWN: no reference target answered us either
    INTERNAL = "internal"  # only with UNKNOWN: our own bug or resource limit


class Confirmation(StrEnum):
    """What a failure's further attempts said of it."""

    NONE = "none"  # the first attempt did not fail: there is nothing to confirm
    CONFIRMED = "confirmed"  # every further attempt failed too
    UNCONFIRMED = "unconfirmed"  # a further attempt was ok: "ok after N attempts"
    UNASKED = "unasked"  # no further attempt fitted before the next slot, which then confirms or not


@record(frozen=True, slots=True, kw_only=True)
class Timings:
    """Where the time went: seconds spent in each phase, 0.0 where a phase did not happen."""

    name_lookup: float = 0.0
    connect: float = 0.0
    tls: float = 0.0
    first_byte: float = 0.0
    transfer: float = 0.0

    @property
    def total(self) -> float:
        return self.name_lookup + self.connect + self.tls + self.first_byte + self.transfer


@record(frozen=True, slots=True, kw_only=True)
class StepResult:
    """
    One step of an attempt that asks several things in turn.

    Attributes:
        after: Seconds from the beginning of the attempt until the step began.
        seconds: That it took; None when no answer came, and `timings` say how far it got.
        span_id: 16 hex digits; empty where nothing was asked.
    """

    name: str
    after: float
    outcome: Outcome
    reason: Reason | None = None
    detail: str = ""
    seconds: float | None = None
    timings: Timings | None = None
    status: int | None = None
    address: str | None = None
    redirects: int = 0
    span_id: str = ""


@record(frozen=True, slots=True, kw_only=True)
class Attempt:
    """
    One asking.

    Attributes:
        started_at: On the steady timeline, UTC.
        latency: Seconds until the answer was judged, monotonic. None when no answer came.
        detail: Why it is not ok, in one line a person can act on. Never holds a secret.
        span_id: 16 hex digits; the span of this attempt in the result's trace.
        body_excerpt: At most 2 KB of what the target answered, kept only when the attempt is not ok.
        steps: Of a journey, those that it came to.
    """

    started_at: datetime
    outcome: Outcome
    reason: Reason | None = None
    detail: str = ""
    latency: float | None = None
    timings: Timings | None = None
    status: int | None = None
    address: str | None = None
    redirects: int = 0
    span_id: str = ""
    body_excerpt: str = ""
    steps: tuple[StepResult, ...] = ()

    def __post_init__(self) -> None:
        if self.started_at.tzinfo is not UTC and self.started_at.utcoffset() != timedelta(0):
            raise ValueError(f"started_at is not UTC: {self.started_at!r}")
        if (self.outcome is _OK) != (self.reason is None):
            raise ValueError(f"an attempt that is {self.outcome} has reason {self.reason}")


@record(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """
    What one probe of one check taught us.

    Attributes:
        scheduled_at: The slot of the timetable that this probe answers, steady timeline. For an extra probe (while an
            incident is open) the instant at which it was due.
        attempts: In order, at least one. The first is the scheduled one.
        extra: True for a probe beyond the configured interval: evidence for detection and proof, never SLI or budget.
        trace_id: 32 hex digits; one trace per probe, one span per attempt.
        facts: Numbers read from the answer, for example `uptime` (seconds) or `queue_fullness` (0 to 1).
        warnings: What will go wrong if nobody acts, though the outcome is ok: "the certificate expires in 12 days".
        notes: What a person should know though the outcome is ok, for example "restarted: uptime fell to 3 s".
        certain: Asking again could teach nothing else, so a failure confirms itself.
        maintenance: The planned window that it was due in, in words; empty outside. The outcome is what it is: this
            stands beside it, and whoever knows the windows sets it.
        left_out: It is in maintenance and does not count for the SLO.
    """

    service: str
    check: str
    scheduled_at: datetime
    attempts: tuple[Attempt, ...]
    trace_id: str = ""
    extra: bool = False
    facts: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    certain: bool = False
    maintenance: str = ""
    left_out: bool = False

    def __post_init__(self) -> None:
        if not self.attempts:
            raise ValueError(f"{self.service}/{self.check}: a result needs at least one attempt")

    @property
    def id(self) -> str:
        """The identity of the check, `service/check`."""
        return f"{self.service}/{self.check}"

    @property
    def first(self) -> Attempt:
        return self.attempts[0]

    @property
    def outcome(self) -> Outcome:
        return self.attempts[0].outcome

    @property
    def reason(self) -> Reason | None:
        return self.attempts[0].reason

    @property
    def detail(self) -> str:
        return self.attempts[0].detail

    @property
    def latency(self) -> float | None:
        return self.attempts[0].latency

    @property
    def confirmation(self) -> Confirmation:
        if self.outcome is not Outcome.FAILED:
            return Confirmation.NONE
        if self.certain:
            return Confirmation.CONFIRMED
        further = self.attempts[1:]
        if any(a.outcome is Outcome.OK for a in further):
            return Confirmation.UNCONFIRMED
        if any(a.outcome is Outcome.FAILED for a in further):
            return Confirmation.CONFIRMED
        return Confirmation.UNASKED

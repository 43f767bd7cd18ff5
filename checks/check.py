"""A check: a named, configured question about one target, with an interval. Plain data: it crosses to the prober."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, runtime_checkable

from checks.exchange import Answer
from checks.oauth2 import OAuth2
from checks.record import record
from checks.result import Outcome, Reason
from checks.way import Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """At most `times` further attempts, the last begun no later than `within` seconds after the first ended."""

    times: int
    within: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpQuestion:
    """
    Does this URL answer as it should?

    Attributes:
        expected_status: Accepted status codes as (low, high) inclusive pairs; empty where conditions judge it alone.
        max_redirects: 0 when redirects are not followed.
        keep_alive: Seconds for which a connection is used again; 0 where each probe makes its own.
        expect: Conditions that must hold, as text: so they cross to the prober, which parses each once.
        warn: Conditions that should; each that does not is a warning of an answer that is ok.
    """

    kind: ClassVar[str] = "http"

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # often a secret
    body: str | None = field(default=None, repr=False)
    expected_status: tuple[tuple[int, int], ...] = ((200, 299),)
    max_redirects: int = 10
    verify: bool = True
    ca_file: str | None = None
    max_body: int = 65536
    keep_alive: float = 0.0
    way: Way | None = None
    oauth2: OAuth2 | None = None
    expect: tuple[str, ...] = field(default=(), repr=False)  # may hold a secret that the answer must show
    warn: tuple[str, ...] = field(default=(), repr=False)  # as above


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorQuestion:
    """Is this OpenTelemetry Collector up (`url`, its health extension), and does its pipeline flow (`metrics`)?"""

    kind: ClassVar[str] = "collector"

    url: str
    metrics: str | None = None


@runtime_checkable
class Question(Protocol):
    """What a check asks; a frozen dataclass of its kind. `url` names its target, and `kind` its kind."""

    kind: ClassVar[str]

    @property
    def url(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """
    Attributes:
        interval, timeout: Seconds; timeout is shorter than interval, so that a probe ends before the next is due.
        data_loss: Its failure means that data is lost.
        id: `service/check`: the identity that survives restarts and reloads. Kept, because each probe reads it often.
    """

    service: str
    name: str
    question: Question
    interval: float = 30.0
    timeout: float = 10.0
    retry: Retry | None = None
    data_loss: bool = False
    id: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", f"{self.service}/{self.name}")


@record(frozen=True, slots=True, kw_only=True)
class Finding:
    """
    What a check kind makes of the answers to its requests.

    Attributes:
        excusable: True when only our own network may be to blame: the prober then asks the reference targets before
            it calls the attempt failed. See rules on excuses in docs/design.md. An ok may rest on silence too, where
            the target is expected to be away.
        facts: Numbers for later: the next probe's `previous`, metrics, evidence.
        warnings: What will go wrong if nobody acts, of an answer that is ok.
        notes: Remarks on an answer that is ok.
    """

    outcome: Outcome
    reason: Reason | None = None
    detail: str = ""
    excusable: bool = False
    facts: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    answer: Answer | None = None

"""
What blackbox_exporter would say of a check's last result, under its names, so that its dashboards and alerts go on.

Only what is known: blackbox says 0 where no answer came, and here the metric is not there. The names are spelled here,
docs/metrics.md has them all; what `GET /probe` says, zeros and all, is spelled in `checks/blackbox/said.py`.

Source: blackbox_exporter 0.23, `prober/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from checks.check import Check
from checks.journey import Question as Journey
from checks.journey import seconds_of
from checks.result import EXPIRES_AT, CheckResult, Outcome
from monitor.telemetry.asked import duration_of
from monitor.telemetry.exposition import PIECE, Dialect, escape, head, number

MOST_SERIES: Final = 25
"""Of one check."""

HTTP: Final = ("http", "collector", "promql")
DNS: Final = ("dns",)
GRPC: Final = ("grpc",)
ICMP: Final = ("icmp",)
JOURNEY: Final = ("journey",)
_SECURED: Final = (*HTTP, "tcp", "tls", "websocket", "journey")
_SERVING_STATUS: Final = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")


@dataclass(slots=True)
class Probed:
    """
    A check and its last result, which is not unknown.

    Attributes:
        whose: Its labels, as a list that may go on: `{service="orders",check="live"`.
    """

    whose: str
    check: Check
    result: CheckResult


Named = Iterable[tuple[str, float]]
"""Values by what stands in the second label."""


@dataclass(frozen=True, slots=True)
class Family:
    """
    Attributes:
        lines: Its samples of one check; empty where they are not known.
        kinds: Of checks that may have it; empty: all.
    """

    name: str
    meaning: str
    lines: Callable[[Probed], str]
    kinds: tuple[str, ...] = ()


def probed(check: Check, result: CheckResult) -> Probed:
    whose = f'{{service="{escape(check.service)}",check="{escape(check.name)}"'
    return Probed(whose, check, result)


def pieces(known: Sequence[Probed], dialect: Dialect) -> Iterator[str]:
    """All metrics of all checks, some lines at a time; an empty piece is a turn in which nothing was found."""
    by_kind: dict[str, list[Probed]] = {}
    for one in known:
        by_kind.setdefault(one.check.question.kind, []).append(one)
    for family in FAMILIES:
        wanted = family.kinds or tuple(by_kind)
        begun = False
        for kind in wanted:
            of_kind = by_kind.get(kind, [])
            for begin in range(0, len(of_kind), PIECE):
                text = "".join(map(family.lines, of_kind[begin : begin + PIECE]))
                if text and not begun:
                    text = head(family.name, "gauge", family.meaning, dialect) + text
                    begun = True
                yield text


def _one(name: str, meaning: str, value: Callable[[Probed], float | None], kinds: tuple[str, ...] = ()) -> Family:
    def lines(one: Probed) -> str:
        found = value(one)
        return "" if found is None else f"{name}{one.whose}}} {number(found)}\n"

    return Family(name, meaning, lines, kinds)


def _several(name: str, meaning: str, label: str, values: Callable[[Probed], Named], kinds: tuple[str, ...]) -> Family:
    def lines(one: Probed) -> str:
        return "".join([f'{name}{one.whose},{label}="{which}"}} {number(value)}\n' for which, value in values(one)])

    return Family(name, meaning, lines, kinds)


def _fact(name: str) -> Callable[[Probed], float | None]:
    return lambda one: one.result.facts.get(name)


def _success(one: Probed) -> float:
    return 1 if one.result.outcome is Outcome.OK else 0


def _duration(one: Probed) -> float | None:
    return duration_of(one.result.first, one.check.timeout)


def _lookup(one: Probed) -> float | None:
    """None where nothing was looked up: an address is asked as it stands."""
    timings = one.result.first.timings
    return timings.name_lookup or None if timings is not None else None


def _ip_protocol(one: Probed) -> float | None:
    address = one.result.first.address
    return (6 if ":" in address else 4) if address else None


def _http_phases(one: Probed) -> Named:
    """All five of a request that was answered, as a phase that it did without took no time; else those it reached."""
    first = one.result.first
    spent = first.timings
    if spent is None:
        return ()
    found = (
        ("resolve", spent.name_lookup),
        ("connect", spent.connect),
        ("tls", spent.tls),
        ("processing", spent.first_byte),
        ("transfer", spent.transfer),
    )
    return found if first.status is not None else [(phase, seconds) for phase, seconds in found if seconds > 0]


def _http_status(one: Probed) -> float | None:
    return one.result.first.status


def _http_redirects(one: Probed) -> float | None:
    first = one.result.first
    return first.redirects if first.status is not None else None


def _http_ssl(one: Probed) -> float | None:
    """Of the last address that was asked, which a result knows only where it is the first one too."""
    first = one.result.first
    if first.status is None or first.redirects:
        return None
    return 1 if one.check.question.url.startswith("https:") else 0


def _dns_phases(one: Probed) -> Named:
    first = one.result.first
    spent = first.timings
    if spent is None:
        return ()
    found = (
        ("resolve", spent.name_lookup),
        ("connect", spent.connect + spent.tls),
        ("request", spent.first_byte + spent.transfer),
    )
    return found if "answer_rrs" in one.result.facts else [(phase, seconds) for phase, seconds in found if seconds > 0]


def _dns_succeeded(one: Probed) -> float | None:
    if one.result.outcome is Outcome.OK or "answer_rrs" in one.result.facts:
        return 1
    return 0 if one.result.latency is None else None


def _icmp_phases(one: Probed) -> Named:
    """Without blackbox's `setup`, a part of what is measured as the way there and back."""
    spent = one.result.first.timings
    if spent is None or one.result.latency is None:
        return ()
    return ("resolve", spent.name_lookup), ("rtt", spent.total - spent.name_lookup)


def _grpc_phases(one: Probed) -> Named:
    spent = one.result.first.timings
    if spent is None or one.result.first.status is None:
        return ()
    return ("resolve", spent.name_lookup), ("check", spent.total - spent.name_lookup)


def _grpc_ssl(one: Probed) -> float | None:
    if one.result.first.status is None:
        return None
    return 1 if one.check.question.url.startswith("https:") else 0


def _grpc_serving(one: Probed) -> Named:
    health = one.result.facts.get("grpc_health")
    if health is None:
        return ()
    return [(status, 1 if place == health else 0) for place, status in enumerate(_SERVING_STATUS)]


def _steps(one: Probed) -> Named:
    """Those that were answered. Blackbox knows no steps: the name is ours."""
    question, facts = one.check.question, one.result.facts
    if not isinstance(question, Journey):
        return ()
    return [(step.name, facts[known]) for step in question.steps if (known := seconds_of(step.name)) in facts]


FAMILIES: Final = (
    _one("probe_success", "Whether the last probe was ok.", _success),
    _one("probe_duration_seconds", "How long the last probe took.", _duration),
    _one("probe_dns_lookup_time_seconds", "How long the lookup of the target's name took.", _lookup),
    _one("probe_ip_protocol", "4 or 6: by which protocol the target was reached.", _ip_protocol),
    _one("probe_http_status_code", "Status of the last answer.", _http_status, HTTP),
    _several("probe_http_duration_seconds", "Duration of the request by phase.", "phase", _http_phases, HTTP),
    _one("probe_http_redirects", "Redirects that were followed.", _http_redirects, HTTP),
    _one("probe_http_ssl", "Whether TLS was spoken.", _http_ssl, HTTP),
    _one("probe_ssl_earliest_cert_expiry", "When a certificate of the chain expires first, Unix time.",
         _fact(EXPIRES_AT), _SECURED),
    _several("probe_dns_duration_seconds", "Duration of the question by phase.", "phase", _dns_phases, DNS),
    _one("probe_dns_query_succeeded", "Whether an answer came.", _dns_succeeded, DNS),
    _one("probe_dns_answer_rrs", "Records in the answer.", _fact("answer_rrs"), DNS),
    _one("probe_dns_authority_rrs", "Records in the authority section.", _fact("authority_rrs"), DNS),
    _one("probe_dns_additional_rrs", "Records in the additional section.", _fact("additional_rrs"), DNS),
    _one("probe_dns_serial", "Serial number of the zone.", _fact("serial"), DNS),
    _several("probe_icmp_duration_seconds", "Duration of the echo by phase.", "phase", _icmp_phases, ICMP),
    _one("probe_icmp_reply_hop_limit", "Hop limit of the reply.", _fact("hop_limit"), ICMP),
    _one("probe_grpc_status_code", "gRPC status of the answer.", _fact("grpc_status"), GRPC),
    _several("probe_grpc_duration_seconds", "Duration of the call by phase.", "phase", _grpc_phases, GRPC),
    _one("probe_grpc_ssl", "Whether TLS was spoken.", _grpc_ssl, GRPC),
    _several("probe_grpc_healthcheck_response", "1 for what the server says of its health, 0 for what it does not.",
             "serving_status", _grpc_serving, GRPC),
    _several("probe_journey_step_duration_seconds", "How long each step took.", "step", _steps, JOURNEY),
)  # fmt: skip

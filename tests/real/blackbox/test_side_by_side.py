"""`GET /probe` says what Debian's blackbox_exporter says, of the same targets by the same modules file."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest

from .cases import CASES, Case
from .conftest import get

pytestmark = [pytest.mark.real, pytest.mark.slow]

DOCS = Path(__file__).resolve().parents[3] / "docs" / "blackbox.md"
MEASURED = ("probe_duration_seconds", "probe_dns_lookup_time_seconds")
"""What is never the same twice, besides durations by phase."""
OF_HTTP = frozenset(
    f"probe_http_{name}" for name in ("status_code", "version", "content_length", "uncompressed_body_length")
)
OF_BODY = frozenset({"probe_http_content_length", "probe_http_uncompressed_body_length"})
CHAIN = {"earliest_cert_expiry", "last_chain_expiry_timestamp_seconds", "last_chain_info"}
DIFFERENT = {
    "login_leaves_the_host": ("login-stays", {"probe_success", "probe_failed_due_to_regex", *OF_BODY}),
    "headers_leave_the_host": ("login-stays", {"probe_success", "probe_failed_due_to_regex", *OF_BODY}),
    "who_asks": ("user-agent", {"probe_success", "probe_failed_due_to_regex", *OF_BODY}),
    "body_leaves_the_host": ("body-stays", {"probe_success", *OF_HTTP}),
    "truncated": ("dns-truncated", {f"probe_dns_{of}_rrs" for of in ("answer", "authority", "additional")}),
    "tcp_hostname": ("tcp-hostname", {"probe_success", "probe_tls_version_info", *(f"probe_ssl_{of}" for of in CHAIN)}),
    "grpc_silent": ("grpc-timeout", {"probe_grpc_status_code"}),
}
"""By case: the row in docs/blackbox.md that says why, and every metric that differs."""
OF_NO_CASE = {
    "body-bound", "chain-expiry", "icmp-setup", "icmp-payload", "scrape-timeout", "tls-versions", "help",
}  # fmt: skip
"""Rows of what these cases do not show: of durations, of what a target is sent, and of what is not asked twice."""


def said(base: str, case: Case, places: dict[str, str]) -> dict[str, float]:
    query = {"module": case.name, "target": case.target.format(**places), **case.more}
    text = get(f"{base}/probe?{urlencode(query)}")
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    found = {name: float(value) for name, _, value in lines}
    return {name: -1.0 if name in MEASURED or "_duration_seconds{" in name else v for name, v in found.items()}


def differing(one: dict[str, float], other: dict[str, float]) -> set[str]:
    """Names of metrics, whatever their labels."""
    return {name.partition("{")[0] for name, _ in one.items() ^ other.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_both_say_the_same(case: Case, theirs: str, ours: str, places: dict[str, str]) -> None:
    expected, found = said(theirs, case, places), said(ours, case, places)

    if case.name in DIFFERENT:
        assert differing(found, expected) == DIFFERENT[case.name][1]
    else:
        assert found == expected


@pytest.mark.parametrize(
    "query",
    [
        {"module": "no_such_module", "target": "127.0.0.1:1"},
        {"module": "plain"},
        {"module": "plain", "target": ""},
        {"target": "127.0.0.1:1"},  # there is no http_2xx here
        {"module": "host_sent", "target": "127.0.0.1:1", "hostname": "other.example"},
    ],
)
def test_what_cannot_be_asked_is_told_in_the_same_words(theirs: str, ours: str, query: dict[str, str]) -> None:
    told = [refused(f"{base}/probe?{urlencode(query)}") for base in (theirs, ours)]

    assert told[0] == told[1]
    assert told[0][0] == 400


def refused(url: str) -> tuple[int, str]:
    with pytest.raises(HTTPError) as caught:
        get(url)
    return caught.value.code, caught.value.read().decode()


def test_every_difference_is_in_the_docs_and_no_other() -> None:
    differences = DOCS.read_text().partition("\n## Where the answers differ\n")[2]
    table = re.findall(r"^\| `([a-z-]+)` \|", differences, re.MULTILINE)

    assert sorted(table) == sorted({slug for slug, _ in DIFFERENT.values()} | OF_NO_CASE)


def test_a_case_is_named_once_and_there_are_enough_of_each_prober() -> None:
    names = [case.name for case in CASES]
    probers = [case.prober for case in CASES]

    assert len(set(names)) == len(names) >= 170
    assert {prober: probers.count(prober) >= 6 for prober in probers} == dict.fromkeys(
        ("http", "tcp", "dns", "grpc", "icmp"), True
    )

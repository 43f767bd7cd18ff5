"""What `monitor status` and `monitor incident show` look like, against their golden files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitor.cli import output
from monitor.cli.looking import Looked
from monitor.cli.output import UNBOUNDED, Cell
from monitor.cli.status import recovery, rendered
from monitor.cli.story import story

GOLDEN = Path(__file__).parent / "golden"

INCIDENT = {
    "id": "01JNIGHT000000000000000042",
    "reference": "INC-0042",
    "number": 42,
    "service": "orders",
    "state": "recovering",
    "since": "2026-03-01T03:20:00.000Z",
    "severity": "SEV2",
    "reason": "ready: status: 503 \x1b[2J",
    "first_failure_at": "2026-03-01T03:01:10.000Z",
    "opened_at": "2026-03-01T03:02:20.000Z",
    "resolved_at": None,
    "acknowledged_by": "Grace",
    "acknowledged_at": "2026-03-01T03:05:00.000Z",
    "declared_by": None,
    "mitigated_by": None,
    "muted_by": None,
    "reopened": 1,
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
}

STATUS = {
    "source": "daemon",
    "version": "0.1.0",
    "environment": "production",
    "location": "fra1",
    "now": "2026-03-01T03:21:00.000Z",
    "ready": False,
    "missing": ["the ledger is held since 03:20:50 UTC"],
    "services": [
        {
            "name": "orders",
            "criticality": "critical",
            "state": "recovering",
            "since": "2026-03-01T03:20:00.000Z",
            "incident": "INC-0042",
            "budget_remaining": 0.4213,
            "budget_incomplete_since": "2026-02-28T21:40:11.000Z",
            "burn_rate": 14.44,
            "checks": [
                {
                    "id": "orders/live", "outcome": "ok", "failing": False, "reason": None, "detail": "",
                    "confirmation": "none", "latency_seconds": 0.0042, "at": "2026-03-01T03:20:58.000Z",
                    "trace_id": "",
                    "warnings": [], "notes": ["restarted: uptime fell from 900 s to 3 s"],
                },
                {
                    "id": "orders/ready", "outcome": "failed", "failing": False, "reason": "status",
                    "detail": "answered 503,\nwanted 200-299", "confirmation": "unconfirmed",
                    "latency_seconds": 0.0201, "at": "2026-03-01T03:20:59.000Z", "trace_id": "",
                    "warnings": [], "notes": [],
                },
            ],
            "series": [
                {
                    "name": "requests", "at": "2026-03-01T03:20:00Z", "value": 3.0514, "score": 0.0,
                    "unusual_since": "2026-03-01T03:02:00Z", "unusual_score": 0.9441, "unusual_value": 12.25,
                    "expected": 172.9433, "known_since": "2026-02-14T03:02:00Z", "learning": False, "trouble": "",
                },
                {
                    "name": "queue_depth", "at": "2026-03-01T03:20:00Z", "value": 9.0, "score": 0.1,
                    "unusual_since": None, "unusual_score": None, "unusual_value": None, "expected": None,
                    "known_since": "2026-02-14T03:02:00Z", "learning": False, "trouble": "",
                },
            ],
        },
        {
            "name": "payments",
            "criticality": "medium",
            "state": "clear",
            "since": None,
            "incident": None,
            "budget_remaining": None,
            "budget_incomplete_since": None,
            "burn_rate": None,
            "checks": [
                {
                    "id": "payments/live", "outcome": None, "failing": False, "reason": None, "detail": "",
                    "confirmation": None, "latency_seconds": None, "at": None, "trace_id": "",
                    "warnings": [], "notes": [],
                },
            ],
        },
    ],
    "incidents": [INCIDENT],
    "recovery": [
        {
            "incident": "INC-0042",
            "service": "orders",
            "recovered": None,
            "flapping": True,
            "conditions": [
                {"name": "no confirmed failure", "met": True, "text": "no confirmed failure in 12 probes",
                 "since": None},
                {"name": "error rate below baseline", "met": None, "text": "Prometheus has not answered yet",
                 "since": "2026-03-01T03:20:30.000Z"},
                {"name": "no attached alert firing", "met": False, "text": "firing: queue\nlong",
                 "since": "2026-03-01T03:02:20.000Z"},
            ],
            "notes": ["traffic: errors are not measured"],
            "proof": "0 of 12 probes failed: with 95 % confidence the error ratio is below 22.1 %",
            "stable_since": "2026-03-01T03:20:00.000Z",
            "stable_left_seconds": 1740.0,
            "unproven_since": "2026-03-01T03:20:30.000Z",
            "asked_at": None,
        }
    ],
    "parts": {
        "prober": {"pid": 4711, "restarts": 0, "lag_p99_seconds": 0.00412345},
        "ledger": {"healthy": False, "trouble": "disk full", "waiting": 3},
        "effects": {
            "oldest_waiting_seconds": 721.5, "waiting": 3, "dead": 1, "paused": "",
            "by_outlet": {
                "folder": {"waiting": 0, "dead": 1, "oldest_waiting_seconds": None, "last_error": "",
                           "last_refusal": "INC-0001.md: is a folder"},
                "webhook": {
                    "waiting": 3, "dead": 0, "oldest_waiting_seconds": 721.5, "last_error": "answered 503",
                    "last_refusal": "",
                },
            },
        },
        "sources": {
            "prometheus": "away",
            "since": "2026-03-01T03:20:30.000Z",
            "for": "orders",
            "because": "connection refused",
        },
    },
}  # fmt: skip

DETAIL = {
    **INCIDENT,
    "events": [
        {"seq": 7, "name": "incident.opened", "at": "2026-03-01T03:02:20.000Z", "text": "pending => open",
         "author": "watchkeeper", "service": "orders", "attributes": {}, "trace_id": ""},
        {"seq": 8, "name": "incident.noted", "at": "2026-03-01T03:05:30.000Z", "text": "the pool\nis full",
         "author": "Grace", "service": "orders", "attributes": {}, "trace_id": ""},
    ],
    "effects": [
        {"key": "k1", "outlet": "folder", "kind": "create", "state": "confirmed", "attempts": 1, "created_at": "",
         "next_at": "", "external_id": "INC-0042.md", "detail": ""},
        {"key": "k2", "outlet": "webhook", "kind": "create", "state": "dead", "attempts": 3, "created_at": "",
         "next_at": "", "external_id": "", "detail": "HTTP 410"},
    ],
    "members": [
        {"service": "orders", "joined_at": "2026-03-01T03:02:20.000Z", "left_at": None, "why": "the subject"},
        {"service": "payments", "joined_at": "2026-03-01T03:03:00.000Z", "left_at": None, "why": "depends on orders"},
    ],
    "alerts": [
        {
            "fingerprint": "f", "source": "report", "summary": "customers cannot pay", "firing": False, "at": "",
            "service": "", "starts_at": None, "ends_at": None, "expired": False, "labels": {}, "annotations": {},
            "links": {},
        },
        {
            "fingerprint": "alertmanager:f1", "source": "alertmanager", "summary": "OrdersFail: a tenth fail",
            "firing": True, "at": "", "service": "orders", "starts_at": "2026-03-01T03:00:00.000Z", "ends_at": None,
            "expired": False, "labels": {"severity": "page", "alertname": "OrdersFail"}, "annotations": {},
            "links": {"generator": "http://prometheus.example/graph"},
        },
        {
            "fingerprint": "grafana:f2", "source": "grafana", "summary": "Slow", "firing": False, "at": "",
            "service": "orders", "starts_at": "2026-03-01T03:00:00.000Z", "ends_at": "2026-03-01T03:04:00.000Z",
            "expired": False, "labels": {}, "annotations": {}, "links": {},
        },
    ],
    "roles": {"incident_commander": "Grace", "scribe": "Lin"},
    "actions": [],
    "tickets": [{"outlet": "folder", "external_id": "INC-0042.md", "url": "file:///state/tickets/INC-0042.md"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("status", rendered(Looked(STATUS), UNBOUNDED, False)),
        ("incident_show", story(DETAIL, UNBOUNDED, False)),
    ],
)
def test_the_text_is_what_was_agreed(name, text):
    """Set WATCHKEEPER_GOLDEN=write to renew the files, and review the difference."""
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("WATCHKEEPER_GOLDEN") == "write":
        golden.write_text(text + "\n")

    assert text + "\n" == golden.read_text()
    assert "\x1b" not in text


def test_an_open_incident_says_that_its_stable_time_has_not_begun_and_whether_it_was_asked_about():
    (night,) = STATUS["recovery"]
    lacking = {**night, "conditions": [], "notes": [], "proof": "", "stable_since": None}

    text = recovery({**lacking, "stable_left_seconds": None, "asked_at": "2026-03-01T05:20:30.000Z"})

    assert text == (
        "INC-0042 orders: flapping, not recovering; unproven since 2026-03-01T03:20:30.000Z, "
        "asked to close or wait at 2026-03-01T05:20:30.000Z"
    )


def test_a_quiet_daemon_has_nothing_to_tell_and_says_so():
    quiet = {**STATUS, "ready": True, "services": [], "incidents": [], "recovery": [], "parts": {}}

    text = rendered(Looked(quiet), UNBOUNDED, False)

    assert text.splitlines()[0].endswith(": ready")
    assert text.splitlines()[-1] == "no live incidents"


def test_what_is_muted_and_in_maintenance_says_so():
    silenced = "silence 3 of Grace until 2026-03-01 05:00 UTC: the new pool"
    one, *others = STATUS["services"][0]["checks"]
    service = STATUS["services"][0] | {
        "muted_by": silenced,
        "checks": [one | {"maintenance": "Sun 02:00-04:00"}, *others],
    }
    silences = [
        {
            "id": 3,
            "subject": "orders",
            "author": "Grace",
            "until": "2026-03-01T05:00:00.000Z",
            "comment": "the new pool",
        },
        {
            "id": 4,
            "subject": "orders/live",
            "author": "Ada",
            "until": "2026-03-01T06:00:00.000Z",
            "comment": "flaky\x1b[2J",
        },
    ]

    text = rendered(Looked(STATUS | {"services": [service], "silences": silences}), UNBOUNDED, False)

    assert f"muted: orders by {silenced}\n" in text
    assert "silence 4: orders/live until 2026-03-01T06:00:00.000Z, Ada: flaky\\x1b[2J" in text
    assert "silence 3:" not in text
    assert "in maintenance; restarted: uptime fell" in text
    told = story(DETAIL | {"muted_by": silenced}, UNBOUNDED, False)
    assert f"muted by: {silenced}\n" in told


@pytest.mark.parametrize("cells", [("a", "bb"), ("", "a much longer cell"), (("red", "bold red"), "")])
def test_a_table_that_fits_is_the_one_that_is_drawn(cells: tuple[Cell, Cell]) -> None:
    """The two ways to make it agree to the letter, to the last column that has room."""
    rows = [cells, ("x", "y")]
    for width in (*range(10, 30), UNBOUNDED):
        fitting = output._plain_table(("ONE", "THE OTHER"), rows, width)
        assert fitting in ("", output._drawn_table(("ONE", "THE OTHER"), rows, width, False))
    assert fitting

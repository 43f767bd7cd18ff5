"""How the steps of an incident read in the log, and where their fields lead."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from loguru import logger

from monitor.core.incident import Incident, State
from monitor.daemon.telling import LEVELS, log_line, tell
from monitor.ledger.records import Commit, LedgerEvent
from monitor.telemetry import names

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def event(name: str, text: str, service: str = "orders", incident: str = "01JNQ", **attributes: object) -> LedgerEvent:
    return LedgerEvent(
        name=name, at=T0, wall=T0, text=text, service=service, incident=incident, attributes=attributes,
        trace_id="ab" * 16, span_id="cd" * 8,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (event("incident.opened", "breached for 1m0s: ready failed 4 of its last 4 probes", severity="SEV1",
               old="pending", new="open", event="held"),
         "orders: pending => open (SEV1), breached for 1m0s: ready failed 4 of its last 4 probes"),
        (event("incident.pending", "breached: ready: status", severity="", old="clear", new="pending", event="breach"),
         "orders: clear => pending, breached: ready: status"),
        (event("incident.acknowledged", "took it", severity="SEV2"), "orders: acknowledged (SEV2): took it"),
        (event("incident.update_due", "who: Ada\nstatus: open, SEV2, for 15m0s\nnext update: 12", severity="SEV2"),
         "orders: update due (SEV2): status: open, SEV2, for 15m0s"),
        (event("postmortem.scheduled", "postmortem due by 2026-03-03", severity="SEV2"),
         "orders: postmortem scheduled (SEV2): postmortem due by 2026-03-03"),
        (event("clock.stepped", "the wall clock was stepped by +7 s; no timer moved", service="", incident=""),
         "watchkeeper: clock stepped: the wall clock was stepped by +7 s; no timer moved"),
    ],
)  # fmt: skip
def test_an_event_in_one_line(told, line):
    assert log_line(told) == line


def test_a_line_leads_to_its_incident_and_to_the_trace_of_the_probe():
    records = []
    kept = logger.add(lambda message: records.append(message.record), level="INFO", format="{message}")
    incident = Incident(service="orders", since=T0, state=State.OPEN, id="01JNQ", number=42)
    opened = event("incident.opened", "{braces} are words", severity="SEV1", old="pending", new="open", event="held")
    try:
        tell(Commit(events=(opened,), incidents=(incident,)))
    finally:
        logger.remove(kept)
    (record,) = records
    assert record["level"].name == "WARNING"
    assert record["message"] == "orders: pending => open (SEV1), {braces} are words"
    assert record["extra"] == {
        "always": True, "event": "incident.opened", "service": "orders", "check": "", "incident": "INC-0042",
        "incident_id": "01JNQ", "trace_id": "ab" * 16, "span_id": "cd" * 8,
    }  # fmt: skip


def test_every_level_is_of_an_event_that_exists():
    assert set(LEVELS) <= set(names.EVENTS)

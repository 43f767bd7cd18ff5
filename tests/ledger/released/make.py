"""
A ledger and a history with something in every table, as values, and their dump as SQL.

The dumps beside this file were made by the version that released the schema, and stay as they are: they stand for the
files of people who run it. A new schema is released with `python tests/ledger/released/make.py`, which adds its dumps.
"""

from __future__ import annotations

import sqlite3
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.core.incident import Incident, State
from monitor.core.severity import Severity
from monitor.ledger.history import History, MinuteRow
from monitor.ledger.records import (
    AlertLink,
    BudgetCheckpoint,
    BudgetPast,
    Commit,
    Effect,
    EffectKind,
    EffectState,
    LedgerEvent,
    MemberLink,
    TicketLink,
)
from monitor.ledger.schema import HISTORY_FILE, HISTORY_STEPS, LEDGER_FILE, LEDGER_STEPS
from monitor.ledger.store import Ledger

HERE = Path(__file__).parent
T0 = datetime(2026, 3, 1, 3, 0, 0, 250_000, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

PLACES = (
    Incident(service="clear-service", since=T0),
    Incident(
        service="open-service", since=T0 + MINUTE, state=State.OPEN, id="01JNQ0000000000000000000A2", number=2,
        first_failure_at=T0, opened_at=T0 + MINUTE, severity=Severity.SEV1, reason="ready: status: 503 «voll»",
        acknowledged_by="Grace", acknowledged_at=T0 + 2 * MINUTE, trace_id=TRACE, span_id=SPAN,
    ),
    Incident(service="pending-service", since=T0, state=State.PENDING, first_failure_at=T0, reason="live: timeout"),
    Incident(
        service="recovering-service", since=T0 + 5 * MINUTE, state=State.RECOVERING, id="01JNQ0000000000000000000A3",
        number=3, first_failure_at=T0, opened_at=T0 + MINUTE, severity=Severity.SEV3, lowered_from=Severity.SEV2,
        reason="some checks failing", declared_by="Ada", mitigated_by="Ada",
    ),
    Incident(
        service="resolved-service", since=T0 + 40 * MINUTE, state=State.RESOLVED, id="01JNQ0000000000000000000A1",
        number=1, first_failure_at=T0, opened_at=T0, resolved_at=T0 + 40 * MINUTE, severity=Severity.SEV4,
        reason="queue anomaly", reopened=2,
    ),
)  # fmt: skip
"""Of each service, by its name: one in each state of the machine."""

EFFECTS = tuple(
    Effect(
        key=f"01JNQ0000000000000000000A{number}/folder/{order:04d}/{kind}",
        incident=f"01JNQ0000000000000000000A{number}", service=f"{place}-service", outlet="folder", kind=kind,
        order=order, created_at=T0 + order * MINUTE, next_at=T0 + (order + 1) * MINUTE, urgent=number == 2, state=state,
        attempts=attempts, external_id="INC.md" if attempts else "", detail=f"said {state}" if attempts else "",
    )
    for number, place, order, kind, state, attempts in (
        (1, "resolved", 1, EffectKind.CREATE, EffectState.CONFIRMED, 1),
        (1, "resolved", 2, EffectKind.REOPEN, EffectState.DEAD, 7),
        (1, "resolved", 3, EffectKind.CLOSE, EffectState.CONFIRMED, 2),
        (2, "open", 1, EffectKind.CREATE, EffectState.SENDING, 1),
        (2, "open", 2, EffectKind.UPDATE, EffectState.SUPERSEDED, 0),
        (2, "open", 3, EffectKind.UPDATE, EffectState.WAITING, 0),
    )
)  # fmt: skip
"""In each state, and of each kind."""

EVENTS = tuple(
    LedgerEvent(
        name=name, at=T0 + number * MINUTE, wall=T0 + number * MINUTE + timedelta(seconds=1), text=f"line {number}",
        author=author, incident=incident, service="open-service" if incident else "",
        attributes={"severity": "SEV1", "why": ["a", "ü"], "n": number, "none": None}, trace_id=TRACE, span_id=SPAN,
    )
    for number, (name, author, incident) in enumerate(
        (
            ("incident.opened", "watchkeeper", "01JNQ0000000000000000000A2"),
            ("incident.noted", "Grace", "01JNQ0000000000000000000A2"),
            ("clock.stepped", "watchkeeper", ""),
        )
    )
)  # fmt: skip

MEMBERS = (
    MemberLink(
        incident="01JNQ0000000000000000000A2", service="child-service", joined_at=T0 + 2 * MINUTE, why="depends on it",
        left_at=T0 + 3 * MINUTE,
    ),
    MemberLink(incident="01JNQ0000000000000000000A2", service="open-service", joined_at=T0 + 2 * MINUTE, why="subject"),
)  # fmt: skip
ALERTS = (
    AlertLink(
        incident="01JNQ0000000000000000000A3", fingerprint="f1", source="report", summary="it is slow", firing=False,
        at=T0,
    ),
    AlertLink(
        incident="01JNQ0000000000000000000A3", fingerprint="f2", source="alertmanager", summary="Down", firing=True,
        at=T0 + MINUTE,
    ),
)  # fmt: skip
TICKET = TicketLink(incident="01JNQ0000000000000000000A1", outlet="folder", external_id="INC.md", url="file:///INC.md")
CHECKPOINTS = tuple(
    BudgetCheckpoint(
        check=f"open-service/{check}", hour=datetime(2026, 3, 1, hour, tzinfo=UTC), expected=120, good=100 + hour,
        bad=10, unknown=2,
    )
    for hour in (1, 2)
    for check in ("live", "ready")
)  # fmt: skip
PASTS = (BudgetPast(check="open-service/live", until=datetime(2026, 3, 1, 1, tzinfo=UTC), hours=b"packed \x00 hours"),)
META = {"instance_id": "01JNQ0000000000000000000ZZ", "timeline": '{"origin": 1.5, "boot_id": "b"}'}

MINUTES = tuple(
    MinuteRow(
        check="open-service/live", minute=datetime(2026, 3, 1, 1, tzinfo=UTC) + n * MINUTE, expected=2, good=2,
        bad=n % 2, unknown=0, latency=None if n == 5 else n / 100,
    )
    for n in range(90)
)  # fmt: skip
WINDOWS = {"open-service/live": (T0.replace(microsecond=0), b"packed \x00 minutes")}
DETECTORS = {"open-service/live": {"s": 4.5, "failing": True}}


def fill(folder: Path) -> None:
    ledger = Ledger.open(folder)
    ledger.commit(Commit(events=EVENTS, incidents=PLACES, members=MEMBERS, alerts=ALERTS))
    # Effects are asked for before anything becomes of them.
    asked = tuple(replace(e, state=EffectState.WAITING, attempts=0, external_id="", detail="") for e in EFFECTS)
    ledger.commit(Commit(effects=asked))
    for effect in EFFECTS:
        ledger.record(effect, TICKET if effect.incident == TICKET.incident else None)
    ledger.write_checkpoints(CHECKPOINTS)
    ledger.write_pasts(PASTS)
    for key, value in META.items():
        ledger.set_meta(key, value)
    ledger.close()

    history = History.open(folder / HISTORY_FILE)
    history.write_minutes(MINUTES)
    history.put_detector_states(DETECTORS)
    for check, (until, minutes) in WINDOWS.items():
        history.put_windows(until, {check: minutes})
    history.compact(T0)
    history.close()


def dump(path: Path) -> str:
    """As `sqlite3 FILE .dump` writes it, with the schema's number, which that leaves out."""
    connection = sqlite3.connect(path)
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    text = "\n".join([*connection.iterdump(), f"PRAGMA user_version = {number};", ""])
    connection.close()
    return text


def load(text: str, path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(text)
    connection.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        fill(Path(made))
        for name, steps in ((LEDGER_FILE, LEDGER_STEPS), (HISTORY_FILE, HISTORY_STEPS)):
            target = HERE / f"{Path(name).stem}-{len(steps)}.sql"
            if not target.exists():
                target.write_text(dump(Path(made, name)))

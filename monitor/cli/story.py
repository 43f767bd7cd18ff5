"""An incident told on one page, for `monitor incident show`. Pure."""

from __future__ import annotations

from typing import Any

from monitor.cli.output import Cell, printable, table


def story(incident: dict[str, Any], width: int, colour: bool) -> str:
    blocks = [_head(incident), _timeline(incident["events"], width, colour)]
    for title, rows in _lists(incident):
        if rows:
            blocks.append("\n".join([title, *(f"  {printable(row)}" for row in rows)]))
    return "\n\n".join(block for block in blocks if block)


def _head(incident: dict[str, Any]) -> str:
    severity = f", {incident['severity']}" if incident["severity"] else ""
    lines = [f"{incident['reference']}  {incident['service']}  {incident['state']}{severity}", incident["reason"]]
    facts = (
        ("opened", incident["opened_at"]),
        ("resolved", incident["resolved_at"]),
        ("first failure", incident["first_failure_at"]),
        ("taken by", incident["acknowledged_by"]),
        ("reported by", incident["declared_by"]),
        ("mitigated by", incident["mitigated_by"]),
        ("times reopened", incident["reopened"]),
        ("trace", incident["trace_id"]),
        ("id", incident["id"]),
    )
    lines += [f"{name}: {value}" for name, value in facts if value]
    return "\n".join(printable(line) for line in lines if line)


def _timeline(events: list[dict[str, Any]], width: int, colour: bool) -> str:
    rows: list[list[Cell]] = [
        [printable(e["at"]), printable(e["author"]), printable(e["name"]), printable(e["text"])] for e in events
    ]
    return table(("AT (UTC)", "BY", "EVENT", "TEXT"), rows, width, colour) if rows else ""


def _lists(incident: dict[str, Any]) -> list[tuple[str, list[str]]]:
    members = [
        f"{m['service']}: {m['why']}" + (f" (until {m['left_at']})" if m["left_at"] else "")
        for m in incident["members"]
        if m["service"] != incident["service"]
    ]
    tickets = [f"{t['outlet']}: {t['external_id']} {t['url']}".rstrip() for t in incident["tickets"]]
    alerts = [f"{a['source']}{' (firing)' if a['firing'] else ''}: {a['summary']}" for a in incident["alerts"]]
    unsent = [
        f"{e['outlet']} {e['kind']}: {e['state']} after {e['attempts']} attempts; {e['detail']}".rstrip("; ")
        for e in incident["effects"]
        if e["state"] not in ("confirmed", "superseded")
    ]
    return [
        ("also affected:", members),
        ("tickets:", tickets),
        ("alerts and reports:", alerts),
        ("not delivered:", unsent),
    ]

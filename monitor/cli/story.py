"""An incident told on one page, for `monitor incident show`. Pure."""

from __future__ import annotations

from typing import Any

from monitor.cli.output import Cell, printable, table


def story(incident: dict[str, Any], width: int, colour: bool) -> str:
    blocks = [_head(incident), _timeline(incident["events"], width, colour)]
    for title, rows in _lists(incident):
        if rows:
            blocks.append("\n".join([title, *map(_row, rows)]))
    return "\n\n".join(block for block in blocks if block)


def _row(row: str) -> str:
    indent = len(row) - len(row.lstrip(" "))
    return " " * (2 + indent) + printable(row)


def _head(incident: dict[str, Any]) -> str:
    severity = f", {incident['severity']}" if incident["severity"] else ""
    lines = [f"{incident['reference']}  {incident['service']}  {incident['state']}{severity}", incident["reason"]]
    facts = (
        ("opened", incident["opened_at"]),
        ("resolved", incident["resolved_at"]),
        ("first failure", incident["first_failure_at"]),
        ("taken by", incident["acknowledged_by"]),
        ("muted by", incident["muted_by"]),
        *((name.replace("_", " "), holder) for name, holder in incident["roles"].items()),
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


def _alert(alert: dict[str, Any]) -> list[str]:
    """One line, and under it its labels and where more is found."""
    state = "firing" if alert["firing"] else "expired" if alert["expired"] else "over" if alert["ends_at"] else ""
    since = f" since {alert['starts_at']}" if alert["firing"] and alert["starts_at"] else ""
    lines = [f"{alert['source']}{f' ({state}{since})' if state else ''}: {alert['summary']}"]
    if alert["labels"]:
        lines.append("  " + " ".join(f"{name}={value}" for name, value in sorted(alert["labels"].items())))
    return [*lines, *(f"  {name}: {address}" for name, address in alert["links"].items())]


def _action(a: dict[str, Any]) -> str:
    updates = f"{a['updates']} update: " if a.get("updates") else ""
    done = f", done by {a['done_by']}" if a["done_by"] else ""
    return f"{a['number']}: {updates}{a['what']} ({a['owner']}, by {a['due']}){done}"


def _lists(incident: dict[str, Any]) -> list[tuple[str, list[str]]]:
    members = [
        f"{m['service']}: {m['why']}" + (f" (until {m['left_at']})" if m["left_at"] else "")
        for m in incident["members"]
        if m["service"] != incident["service"]
    ]
    tickets = [f"{t['outlet']}: {t['external_id']} {t['url']}".rstrip() for t in incident["tickets"]]
    alerts = [line for alert in incident["alerts"] for line in _alert(alert)]
    actions = [_action(a) for a in incident["actions"]]
    unsent = [
        f"{e['outlet']} {e['kind']}: {e['state']} after {e['attempts']} attempts; {e['detail']}".rstrip("; ")
        for e in incident["effects"]
        if e["state"] not in ("confirmed", "superseded")
    ]
    return [
        ("also affected:", members),
        ("tickets:", tickets),
        ("alerts and reports:", alerts),
        ("action items:", actions),
        ("not delivered:", unsent),
    ]

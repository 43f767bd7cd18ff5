"""One HTML page of what a replay found: incidents on a line of time, budgets as curves. Nothing is loaded by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final

WIDTH: Final = 960
ROW: Final = 26
CURVE: Final = 120
MOST_POINTS: Final = 1000
"""Of a curve: more than the picture is wide would only make the page longer."""
COLOURS: Final[Mapping[str, str]] = {"SEV1": "#a4133c", "SEV2": "#e85d04", "SEV3": "#e0a100", "SEV4": "#5b7fa6"}
STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:62em;padding:0 1em;color:#222;background:#fff}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2em .8em .2em 0;border-bottom:1px solid #ddd}
svg{width:100%;height:auto;font:12px system-ui,sans-serif}h2{margin-top:2em}
"""


def page(found: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """
    Args:
        found: Of each configuration its name and its document, as `--format json` prints it.
    """
    parts = [_section(name, document) for name, document in found]
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Backtest</title>'
    return f"{head}<style>{STYLE}</style><h1>What would have happened</h1>{''.join(parts)}</html>\n"


def _section(name: str, document: Mapping[str, Any]) -> str:
    since, until = document["since"], document["until"]
    lines = [f"<h2>{escape(name)}</h2><p>{_short(since)} to {_short(until)} UTC, {len(document['checks'])} checks.</p>"]
    lines += [f"<p>{escape(note)}.</p>" for note in document["notes"]]
    if document["without_history"]:
        lines.append(f"<p>Without history: {escape(', '.join(document['without_history']))}.</p>")
    if document["incidents"]:
        lines += [_timeline(document), _table(document["incidents"])]
    else:
        lines.append("<p>No incident would have opened.</p>")
    lines += [_curve(budget, since, until) for budget in document["budgets"]]
    return "".join(lines)


def _timeline(document: Mapping[str, Any]) -> str:
    """A row for each service, a bar for each incident from opened to resolved."""
    services = sorted({incident["service"] for incident in document["incidents"]})
    bars = []
    for incident in document["incidents"]:
        left = _x(incident["opened_at"], document)
        right = _x(incident["resolved_at"] or document["until"], document)
        top = services.index(incident["service"]) * ROW + 4
        title = f"{incident['severity']} {_short(incident['opened_at'])}: {incident['reason']}"
        bars.append(
            f'<rect x="{left:.1f}" y="{top}" width="{max(2.0, right - left):.1f}" height="{ROW - 8}" '
            f'fill="{COLOURS.get(incident["severity"], "#888")}"><title>{escape(title)}</title></rect>'
        )
    names = [
        f'<text x="0" y="{i * ROW + 17}">{escape(name)}</text>'
        f'<line x1="0" x2="{WIDTH}" y1="{(i + 1) * ROW}" y2="{(i + 1) * ROW}" stroke="#eee"/>'
        for i, name in enumerate(services)
    ]
    height = len(services) * ROW
    return f'<svg viewBox="0 0 {WIDTH} {height + 2}" role="img">{"".join((*names, *bars))}</svg>'


def _table(incidents: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        "".join(
            f"<td>{escape(cell)}</td>"
            for cell in (
                _short(i["opened_at"]),
                i["service"],
                i["severity"],
                "-" if i["delay_seconds"] is None else f"{i['delay_seconds']:.0f} s",
                _short(i["resolved_at"]) if i["resolved_at"] else "not resolved",
                i["reason"],
            )
        )
        for i in incidents
    ]
    heads = "".join(f"<th>{h}</th>" for h in ("Opened", "Service", "Severity", "Delay", "Resolved", "Reason"))
    return f"<table><tr>{heads}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _curve(budget: Mapping[str, Any], since: str, until: str) -> str:
    """From all of it at the top to none at the line; below the line it is overspent, as far as there is room."""
    curve = budget["curve"]
    span = {"since": since, "until": until}
    every = max(1, -(-len(curve) // MOST_POINTS))
    lowest = min(0.0, *(value for _, value in curve))
    points = " ".join(
        f"{_x(at, span):.1f},{(1 - value) / (1 - lowest) * CURVE:.1f}"
        for i, (at, value) in enumerate(curve)
        if i % every == 0 or i == len(curve) - 1
    )
    zero = CURVE / (1 - lowest)
    return (
        f"<h3>{escape(budget['service'])}: {budget['remaining']:.1%} of the budget left</h3>"
        f'<svg viewBox="0 -2 {WIDTH} {CURVE + 4}" role="img">'
        f'<line x1="0" x2="{WIDTH}" y1="{zero:.1f}" y2="{zero:.1f}" stroke="#a4133c" stroke-dasharray="4"/>'
        f'<polyline points="{points}" fill="none" stroke="#2a6f97" stroke-width="1.5"/></svg>'
    )


def _x(at: str, span: Mapping[str, Any]) -> float:
    begin, end, here = (datetime.fromisoformat(text) for text in (span["since"], span["until"], at))
    return (here - begin) / (end - begin) * WIDTH if end > begin else 0.0


def _short(at: str) -> str:
    return at[:16].replace("T", " ")

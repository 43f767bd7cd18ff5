"""One HTML page of what a replay found: incidents on a line of time, budgets as curves. Nothing is loaded by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, Final

from monitor.core.incident import duration_text

WIDTH: Final = 960
ROW: Final = 40
CURVE: Final = 120
MOST_POINTS: Final = 1000
"""Of a curve: more than the picture is wide would only make the page longer."""
COLOURS: Final[Mapping[str, str]] = {"SEV1": "#a4133c", "SEV2": "#e85d04", "SEV3": "#e0a100", "SEV4": "#5b7fa6"}
STYLE: Final = """
:root{color-scheme:light dark;--ink:#222;--paper:#fff;--line:#ddd;--curve:#2a6f97;--none:#a4133c}
@media(prefers-color-scheme:dark){:root{--ink:#ddd;--paper:#181a1b;--line:#444;--curve:#61a5c2;--none:#ff758f}}
body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:64em;padding:0 1em}
body{color:var(--ink);background:var(--paper)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}h2{margin-top:2em}
td,th{text-align:left;padding:.2em .8em .2em 0;border-bottom:1px solid var(--line);white-space:nowrap}
td:last-child{white-space:normal;min-width:16em}.mark{display:inline-block;width:.7em;height:.7em;margin-right:.4em}
svg{width:100%;height:auto;font:12px system-ui,sans-serif}text{fill:var(--ink)}.line{stroke:var(--line)}
.none{stroke:var(--none);stroke-dasharray:4}.curve{fill:none;stroke:var(--curve);stroke-width:1.5}
"""
TICKS: Final = tuple(timedelta(hours=h) for h in (1, 3, 6, 12, 24, 48, 168, 336, 720, 1440, 4320))
MOST_TICKS: Final = 10
AXIS: Final = 18


def page(found: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """
    Args:
        found: Of each configuration its name and its document, as `--format json` prints it.
    """
    parts = [_section(name, document) for name, document in found]
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Backtest</title>'
    )
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
    """A row for each service, its name above, and a bar for each incident from opened to resolved."""
    services = sorted({incident["service"] for incident in document["incidents"]})
    bars = []
    for incident in document["incidents"]:
        left = _x(incident["opened_at"], document)
        right = _x(incident["resolved_at"] or document["until"], document)
        top = services.index(incident["service"]) * ROW + 18
        title = f"{incident['severity']} {_short(incident['opened_at'])}: {incident['reason']}"
        bars.append(
            f'<rect x="{left:.1f}" y="{top}" width="{max(2.0, right - left):.1f}" height="{ROW - 22}" '
            f'fill="{_colour(incident)}"><title>{escape(title)}</title></rect>'
        )
    names = [
        f'<text x="0" y="{i * ROW + 14}">{escape(name)}</text>'
        f'<line class="line" x1="0" x2="{WIDTH}" y1="{(i + 1) * ROW}" y2="{(i + 1) * ROW}"/>'
        for i, name in enumerate(services)
    ]
    height = len(services) * ROW
    axis = _axis(document, height)
    return f'<svg viewBox="0 0 {WIDTH} {height + AXIS}" role="img">{"".join((*names, axis, *bars))}</svg>'


def _axis(span: Mapping[str, Any], height: float) -> str:
    """Lines at whole hours or days down to *height*, and their time below."""
    begin, end = (datetime.fromisoformat(span[name]).astimezone(UTC) for name in ("since", "until"))
    step = next((tick for tick in TICKS if (end - begin) / tick <= MOST_TICKS), TICKS[-1])
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + -(-(begin - midnight) // step) * step
    parts = []
    while at < end:
        x = _x(at.isoformat(), span)
        label = f"{at:%H:%M}" if at.hour else f"{at:%Y-%m-%d}" if step > timedelta(days=30) else f"{at:%m-%d}"
        parts.append(f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}"/>')
        if x < WIDTH - 60:  # the last one would be cut off
            parts.append(f'<text x="{x:.1f}" y="{height + 14}">{label}</text>')
        at += step
    return "".join(parts)


def _table(incidents: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        "".join(
            f"<td>{cell}</td>"
            for cell in (
                _short(i["opened_at"]),
                escape(i["service"]),
                f'<span class="mark" style="background:{_colour(i)}"></span>{escape(i["severity"])}',
                "-" if i["delay_seconds"] is None else duration_text(timedelta(seconds=i["delay_seconds"])),
                _short(i["resolved_at"]) if i["resolved_at"] else "not resolved",
                escape(i["reason"]),
            )
        )
        for i in incidents
    ]
    heads = "".join(f"<th>{h}</th>" for h in ("Opened", "Service", "Severity", "Delay", "Resolved", "Reason"))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{heads}</tr>{body}</table></div>'


def _colour(incident: Mapping[str, Any]) -> str:
    return COLOURS.get(incident["severity"], "#888")


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
        f"<h3>{escape(budget['service'])}: {escape(budget['objective'])}, {100 * budget['target']:.6g} % over "
        f"{escape(budget['over'])}: {budget['remaining']:.1%} of the budget left</h3>"
        f'<svg viewBox="0 -2 {WIDTH} {CURVE + AXIS + 2}" role="img">{_axis(span, CURVE)}'
        f'<line class="none" x1="0" x2="{WIDTH}" y1="{zero:.1f}" y2="{zero:.1f}"/>'
        f'<polyline class="curve" points="{points}"/>'
        f'<text x="4" y="{zero - 4:.1f}">all spent</text></svg>'
    )


def _x(at: str, span: Mapping[str, Any]) -> float:
    begin, end, here = (datetime.fromisoformat(text) for text in (span["since"], span["until"], at))
    return (here - begin) / (end - begin) * WIDTH if end > begin else 0.0


def _short(at: str) -> str:
    return at[:16].replace("T", " ")

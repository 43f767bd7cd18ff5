"""The severity table on one page, with the row that decides. Pure."""

from __future__ import annotations

from typing import Any

from monitor.cli.output import Cell, printable, table

CRITICALITIES = ("critical", "high", "medium", "low")


def rendered(document: dict[str, Any], width: int, colour: bool) -> str:
    blocks = [_incident(document)] if "incident" in document else []
    if document.get("evaluated_at") or "incident" not in document:
        blocks.append(_explained(document))
    blocks.append(_table(document, width, colour))
    return "\n\n".join(block for block in blocks if block)


def _incident(document: dict[str, Any]) -> str:
    severity = document["severity"] or "no severity"
    if document["lowered_from"]:
        severity += f", lowered by a person from {document['lowered_from']}"
    head = f"{document['incident']} {document['service']} {severity}"
    return "\n".join([printable(head), *_indented(document["because"])])


def _explained(document: dict[str, Any]) -> str:
    ways = [f"One step {way}: {document[way]}" for way in ("higher", "lower") if document[way]]
    at = f"As of {document['evaluated_at']}: " if document.get("evaluated_at") else ""
    return "\n".join([printable(at + document["reason"]), *_indented([*document["inputs"], *ways])])


def _indented(lines: list[str]) -> list[str]:
    return [f"  {printable(line)}" for line in lines if line]


def _table(document: dict[str, Any], width: int, colour: bool) -> str:
    own = document["criticality"]
    headers = ("", "ROW", *(word.upper() for word in CRITICALITIES), "WHEN")
    return table(headers, [_row(row, own) for row in document["table"]], width, colour)


def _row(row: dict[str, Any], own: str | None) -> list[Cell]:
    """`>` decides, `+` would hold too, were it not for the rows above."""
    mark = ">" if row["decides"] else "+" if row["holds"] else ""
    style = "bold" if row["decides"] else ""
    severities = (
        (row["severities"][word], "bold red" if row["decides"] and word == own else style) for word in CRITICALITIES
    )
    return [(mark, style), (printable(row["name"]), style), *severities, (printable(row["condition"]), style)]

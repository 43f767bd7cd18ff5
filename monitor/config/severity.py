"""The severity table as it is written: its rules, and the rows that the core is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape import Root
from monitor.config.shape.incidents import EvidenceShape, SeverityRow, SuggestShape
from monitor.core.severity import Criticality, Severity
from monitor.core.severity_table import TABLE, Alternative, Row, Table, never_decides
from monitor.core.signals import Term

_HERE: Path = ("severity",)


def table_of(root: Root) -> Table:
    """The playbook's table where none is written. Only of use when `enforce_severity` had nothing to tell."""
    if root.severity is None:
        return TABLE
    return tuple(
        Row(row.name or "", tuple(map(_alternative, _groups(row))), severities)
        for row in root.severity
        if (severities := _severities(row.suggest)) is not None
    )


def enforce_severity(root: Root, reading: Reading) -> None:
    """Tells *reading* what is wrong with the table."""
    if root.severity is None:
        return
    if not root.severity:
        reading.tell(_HERE, "the table has no row", "Write rows, or leave it out for the playbook's table.")
    above: list[Row] = []
    names: set[str] = set()
    for position, row in enumerate(root.severity):
        path: Path = (*_HERE, position)
        _name(row, names, path, reading)
        _suggest(row.suggest, (*path, "suggest"), reading)
        if not _conditions(row, path, reading):
            continue  # with a part of its conditions cut away it would seem to hide the rows below
        _reachable(row, above, path, reading)
        # Its severities do not matter to the rows below; a mistake there must not hide theirs.
        severities = _severities(row.suggest) or (Severity.SEV4,) * 4
        above.append(Row(row.name or "", tuple(map(_alternative, _groups(row))), severities))


def severity_warnings(root: Root, reading: Reading) -> Iterator[str]:
    table = table_of(root)
    if any(term.signal == "data_loss" for row in table for a in row.alternatives for term in a.terms):
        return
    for name, service in (root.services or {}).items():
        for check_name, check in (service.checks or {}).items():
            if check.data_loss:
                path: Path = ("services", name, "checks", check_name, "data_loss")
                yield f"{reading.where(path)}: no row of the severity table asks for data_loss."
        for query_name in service.queries or {}:
            path = ("services", name, "queries", query_name, "data_loss")
            yield f"{reading.where(path)}: no row of the severity table asks for data_loss."


def _name(row: SeverityRow, names: set[str], path: Path, reading: Reading) -> None:
    if row.name is None:
        if not reading.is_wrong((*path, "name")):
            reading.tell((*path, "name"), "is missing", "Add name: what the row is called in tickets.")
    elif row.name in names:
        reading.tell((*path, "name"), f"{row.name} is the name of a row above", "Choose another name.")
    else:
        names.add(row.name)


def _conditions(row: SeverityRow, path: Path, reading: Reading) -> bool:
    """Whether there are any that can be judged."""
    if reading.is_wrong((*path, "when")) or reading.is_wrong((*path, "any")):
        return False
    if row.when is not None and row.any is not None:
        reading.tell((*path, "any"), "when is set as well", "Keep one of them; each entry of any is a group like when.")
        return False
    fix = "Add when: and what must hold, for example when: {all_checks_failing: true}."
    if row.when is None and not row.any:
        key, found = ("when", "is missing") if row.any is None else ("any", "holds no group of conditions")
        reading.tell((*path, key), found, fix)
        return False
    complete = True
    for where, group in _placed(row, path):
        if not group.model_fields_set:
            reading.tell(where, "asks nothing, so it would always hold", "Name what must hold.")
            complete = False
    return complete


def _suggest(written: SuggestShape | None, path: Path, reading: Reading) -> None:
    if reading.is_wrong(path):
        return
    if written is None or not written.model_fields_set:
        reading.tell(path, "is missing", "Add suggest: SEV2, or one severity for each criticality.")
        return
    if written.every is not None:
        if len(written.model_fields_set) > 1:
            reading.tell((*path, "every"), "one of a criticality is set as well", "Keep every alone, or remove it.")
        return
    given = [(str(criticality), getattr(written, criticality)) for criticality in Criticality]
    for criticality, severity in given:
        if severity is None and not reading.is_wrong((*path, criticality)):
            reading.tell((*path, criticality), "is missing", f"Add {criticality}: SEV1, SEV2, SEV3 or SEV4.")
    for (upper, worse), (lower, milder) in pairwise(given):
        if worse and milder and milder < worse:
            found = f"{milder} is worse than {worse}, which {upper} has"
            fix = f"A service on which more depends must not come off more lightly: {worse} or milder here."
            reading.tell((*path, lower), found, fix)


def _reachable(row: SeverityRow, above: Sequence[Row], path: Path, reading: Reading) -> None:
    for where, group in _placed(row, path):
        hidden_by = never_decides(_alternative(group), above)
        if hidden_by == "":
            reading.tell(where, "can never hold: its conditions exclude each other", "Remove one of them.")
        elif hidden_by is not None:
            found = f"can never decide: whenever it holds, the row {hidden_by} above holds too"
            reading.tell(where, found, "Put the narrower row first, or remove it.")


def _placed(row: SeverityRow, path: Path) -> Iterator[tuple[Path, EvidenceShape]]:
    if row.when is not None:
        yield (*path, "when"), row.when
    for position, group in enumerate(row.any or ()):
        yield (*path, "any", position), group


def _groups(row: SeverityRow) -> tuple[EvidenceShape, ...]:
    return row.any or (() if row.when is None else (row.when,))


def _alternative(group: EvidenceShape) -> Alternative:
    return Alternative(tuple(_terms(group)))


def _terms(group: EvidenceShape) -> Iterator[Term]:
    for signal in EvidenceShape.model_fields:
        value = getattr(group, signal)
        if isinstance(value, bool):
            yield Term.switch(signal, value)
        elif value is not None:
            yield Term(signal, *value)


def _severities(written: SuggestShape | None) -> tuple[Severity, Severity, Severity, Severity] | None:
    if written is None:
        return None
    words = [written.every or getattr(written, criticality) for criticality in Criticality]
    if not all(words):
        return None
    critical, high, medium, low = (Severity[word] for word in words)
    return critical, high, medium, low

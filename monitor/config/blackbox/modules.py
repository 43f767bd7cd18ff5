"""A modules file, to what each module asks, or why it cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Final

from checks.blackbox.modules import Module
from monitor.config.blackbox.hiding import hidden
from monitor.config.blackbox.http import http_of
from monitor.config.blackbox.part import Findings, Part
from monitor.config.blackbox.probers import dns_of, grpc_of, icmp_of, tcp_of
from monitor.config.document import MAX_BYTES, Entry, Group, Node, read_documents
from monitor.config.problems import Path, Problem
from monitor.config.reading import Reading
from monitor.config.writing import dumped

_PROBERS: Final[Mapping[str, Callable[[Part], Any]]] = {
    "http": http_of, "tcp": tcp_of, "dns": dns_of, "icmp": icmp_of, "grpc": grpc_of,
}  # fmt: skip
_FAMILIES: Final = {"": 6, "ip6": 6, "ip4": 4}


@dataclass(frozen=True, slots=True)
class Known:
    """
    One module of the file.

    Attributes:
        module: None where it cannot be used.
        refused: Why it cannot be; a line for each thing.
        shown: As it stands in the file, in YAML, with `<secret>` for each secret.
    """

    module: Module | None
    refused: tuple[str, ...]
    shown: str


@dataclass(frozen=True, slots=True)
class ProbeModules:
    """
    Attributes:
        authorities: Files of CA certificates that they trust.
        secrets: What nothing may show.
    """

    file: FilePath
    modules: Mapping[str, Known]
    authorities: frozenset[str] = frozenset()
    secrets: frozenset[str] = field(default=frozenset(), repr=False)


def read_modules(name: str, path: Path, reading: Reading) -> ProbeModules:
    """
    Everything that is wrong with the file is told to *reading*.

    Args:
        name, path: Of the value that names the file.
    """
    file = reading.file_path(name, path)
    findings = Findings(reading)
    root = _root(file, path, reading)
    modules: dict[str, Known] = {}
    if root is not None:
        whole = Part(Entry(str(file), 0, root), (), findings)
        held = whole.part("modules")
        nodes = _nodes(root)
        for called in held.names():
            modules[called] = _known(held.part(called), nodes.get(called), findings)
        whole.end()
    reading.tell_of(findings.problems)
    return ProbeModules(file, modules, frozenset(findings.authorities), frozenset(findings.secrets))


def refusals(known: ProbeModules | None) -> list[str]:
    """Of modules that cannot be used, as warnings: the others can."""
    return [line for one in known.modules.values() for line in one.refused] if known is not None else []


def _root(file: FilePath, path: Path, reading: Reading) -> Group | None:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        found = f"the file cannot be read: {(error.strerror or 'refused').lower()}"
        reading.tell(path, found, "Correct the name; a relative one is looked for beside this file.")
        return None
    documents, problems = read_documents(str(file), data)
    reading.tell_of(problems)
    if documents is None:
        return None
    if len(documents) != 1 or not isinstance(documents[0].root, Group):
        what = "holds several documents" if len(documents) > 1 else "does not begin with a key"
        reading.tell_of([Problem(str(file), 0, "", what, "Begin with modules:, as blackbox_exporter reads it.")])
        return None
    return documents[0].root


def _nodes(root: Group) -> Mapping[str, Node]:
    held = root.entries["modules"].value if "modules" in root.entries else None
    return {name: entry.value for name, entry in held.entries.items()} if isinstance(held, Group) else {}


def _known(part: Part, node: Node | None, findings: Findings) -> Known:
    findings.refused = []
    prober, timeout = part.text("prober"), part.seconds("timeout")
    module = None
    for name in _PROBERS:
        part.has(name)  # blackbox_exporter takes settings of other probers, and does nothing with them
    if not prober:
        part.tell("prober", "is missing", f"Add prober: one of {', '.join(_PROBERS)}.")
    elif prober not in _PROBERS:
        part.refuse("prober", "is not known here", f"Known here: {', '.join(_PROBERS)}.")
    else:
        settings = part.part(prober)
        preferred = settings.word("preferred_ip_protocol", "", *_FAMILIES)
        fallback = settings.flag("ip_protocol_fallback", True)
        of: dict[str, Any] = {prober: _PROBERS[prober](settings)}
        settings.end()
        module = Module(prober=prober, timeout=timeout, ip=_FAMILIES[preferred], fallback=fallback, **of)
        part.end()
    refused = tuple(f"{problem.place} {problem.path}: {problem.found}. {problem.fix}" for problem in findings.refused)
    return Known(None if refused else module, refused, dumped(hidden(node)) if node is not None else "")

"""The objects that OpenSLO documents describe, and finding one by its kind and name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from monitor.config.document import Group, Listing, Node, Scalar
from monitor.config.openslo.fields import Field, Findings
from monitor.config.problems import Problem, quote
from monitor.config.values import meant

API_VERSION: Final = "openslo/v1"
KINDS: Final = (
    "SLO",
    "SLI",
    "Service",
    "DataSource",
    "AlertPolicy",
    "AlertCondition",
    "AlertNotificationTarget",
)


def is_openslo(node: Node) -> bool:
    """Whether a document is one of OpenSLO's, of any version, or a list of such."""
    if isinstance(node, Listing):
        return bool(node.items) and is_openslo(node.items[0]) and not isinstance(node.items[0], Listing)
    return isinstance(node, Group) and _version(node).startswith("openslo/")


def _version(node: Group) -> str:
    entry = node.entries.get("apiVersion")
    return (entry.value.text or "") if entry and isinstance(entry.value, Scalar) else ""


@dataclass(slots=True)
class Objects:
    """
    Attributes:
        known: By kind and name, in the order of the files.
        used: What others refer to.
    """

    findings: Findings
    known: dict[tuple[str, str], Field] = field(default_factory=dict)
    used: set[tuple[str, str]] = field(default_factory=set)

    def of_kind(self, kind: str) -> list[Field]:
        return [found for (its_kind, _), found in self.known.items() if its_kind == kind]

    def named(self, kind: str, by: Field) -> Field | None:
        """The object that *by*, a reference, names; that there is none is not told here."""
        key = (kind, by.text() or "")
        self.used.add(key)
        return self.known.get(key)

    def missing(self, kind: str, by: Field) -> tuple[str, str]:
        """What to say of a reference to an object that is not there, and the remedy."""
        names = [name for its_kind, name in self.known if its_kind == kind]
        fix = meant(by.text() or "", names) if names else "Name the file that holds it as well."
        return f"there is no {kind} {by.shown()} in these files", fix


def objects_of(roots: Iterable[Node], findings: Findings) -> Objects:
    """Every object of the documents *roots*; what is not one is told."""
    objects = Objects(findings)
    for root in roots:
        for node in root.items if isinstance(root, Listing) else [root]:
            if isinstance(node, Group):
                _take(node, objects)
            else:
                fix = "Begin it with apiVersion: openslo/v1."
                findings.refused.append(Problem(node.file, node.line, "", "is not an OpenSLO document", fix))
    return objects


def _take(node: Group, objects: Objects) -> None:
    plain = Field("document", (), node.line, node, objects.findings)
    kind = plain.string("kind")
    metadata = plain.get("metadata")
    name = metadata.string("name") if metadata else ""
    found = Field(f"{kind} {quote(name)}" if kind and name else kind or "document", (), node.line, node, plain.findings)
    if (version := _version(node)) != API_VERSION:
        where = found.get("apiVersion") or found
        if version.startswith("openslo/"):
            where.refuse(f"{quote(version)} is not read", "Bring it to openslo/v1, for example with oslo convert.")
        else:
            where.refuse("is not an OpenSLO document", f"Begin it with apiVersion: {API_VERSION}.")
    elif kind not in KINDS:
        where = found.get("kind") or found
        where.refuse(f"{where.shown()} is not a kind of OpenSLO v1" if kind else "has no kind", meant(kind, KINDS))
    elif not name:
        (metadata or found).refuse("has no name", "Add metadata: {name: ...}.")
    elif (first := objects.known.get((kind, name))) is not None:
        found.refuse(f"stands in {first.node.file}:{first.line} as well", "Keep one of them, or rename one.")
    else:
        objects.known[kind, name] = found

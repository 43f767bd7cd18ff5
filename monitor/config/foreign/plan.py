"""
The configuration that an import makes, as a tree like that of a file of ours, in which every value knows the file and
line that it came from: so the rules of our own reader judge it, and tell the place in the other tool's file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor.config.document import Entry, Group, Listing, Node, Scalar
from monitor.config.foreign.names import Names, is_name
from monitor.config.foreign.place import Place
from monitor.config.foreign.secret import Secrets
from monitor.config.foreign.told import Told, Word
from monitor.config.problems import quote

RESERVED = "watchkeeper"
TOLD_ELSEWHERE = "Let its job tell the address that monitor push shows."

Written = str | Node | Sequence["Written"] | Mapping[str, "Written"]
"""A value of a check. What is no node yet gets the place of the check."""


def node(value: Written, at: Place) -> Node:
    if isinstance(value, str):
        return Scalar(at.file, at.line, value)
    if isinstance(value, Mapping):
        made = {key: node(one, at) for key, one in value.items()}
        return Group(at.file, at.line, {key: Entry(one.file, one.line, one) for key, one in made.items()})
    if isinstance(value, (Scalar, Group, Listing)):
        return value
    return Listing(at.file, at.line, [node(one, at) for one in value])


@dataclass(slots=True)
class Carried:
    """
    One check.

    Attributes:
        at: What it came from.
        notes: What a comment says of it, besides where it came from.
    """

    name: str
    at: Place
    check: Group
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Service:
    name: str
    at: Place
    checks: list[Carried] = field(default_factory=list)
    tags: tuple[str, ...] = ()
    names: Names = field(default_factory=Names)
    maintenance: list[tuple[Place, Mapping[str, Written]]] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """
    Attributes:
        services: By what makes them one in the other tool.
        prometheus: Where `promql` checks ask; empty when there are none.
        maintenance: Windows of every service.
    """

    told: Told = field(default_factory=Told)
    secrets: Secrets = field(default_factory=Secrets)
    services: dict[str, Service] = field(default_factory=dict)
    prometheus: str = ""
    maintenance: list[tuple[Place, Mapping[str, Written]]] = field(default_factory=list)
    _names: Names = field(default_factory=lambda: Names(RESERVED))

    @property
    def is_empty(self) -> bool:
        return not any(service.checks for service in self.services.values())

    def service(self, key: str, original: str, at: Place) -> Service:
        if key not in self.services:
            name = self._names.take(original, "service")
            _renamed(original, name, at, "service")
            self.services[key] = Service(name, at)
        return self.services[key]

    def name(self, service: Service, original: str, at: Place) -> str:
        """What a check of *service* is called."""
        name = service.names.take(original, "check")
        _renamed(original, name, at, "check")
        return name

    def add(self, service: Service, name: str, at: Place, check: Mapping[str, Written], *notes: str) -> None:
        made = node(check, at)
        assert isinstance(made, Group)  # a mapping becomes one
        service.checks.append(Carried(name, at, made, notes))

    def tree(self) -> Group:
        root = Group("", 0)
        if self.prometheus:
            source = Scalar("", 0, self.prometheus)
            root.entries["sources"] = Entry("", 0, Group("", 0, {"prometheus": Entry("", 0, source)}))
        services = Group("", 0)
        for service in self.services.values():
            if service.checks:
                services.entries[service.name] = Entry(service.at.file, service.at.line, _tree_of(service))
        root.entries["services"] = Entry("", 0, services)
        if self.maintenance and services.entries:
            of_all = {"services": list(services.entries)}
            root.entries["maintenance"] = _windows([(at, {**made, **of_all}) for at, made in self.maintenance])
        return root


def _tree_of(service: Service) -> Group:
    at = service.at
    whole = Group(at.file, at.line)
    if service.tags:
        whole.entries["tags"] = Entry(at.file, at.line, node(service.tags, at))
    if service.maintenance:
        whole.entries["maintenance"] = _windows(service.maintenance)
    checks = {carried.name: Entry(carried.at.file, carried.at.line, carried.check) for carried in service.checks}
    whole.entries["checks"] = Entry(at.file, at.line, Group(at.file, at.line, checks))
    return whole


def _windows(made: Sequence[tuple[Place, Mapping[str, Written]]]) -> Entry:
    first = made[0][0]
    return Entry(first.file, first.line, Listing(first.file, first.line, [node(one, at) for at, one in made]))


def _renamed(original: str, name: str, at: Place, what: str) -> None:
    if original == name:
        return
    why = "another has this name" if is_name(original) else "it cannot carry this name"
    at.tell(Word.RENAMED, f"the {what} {quote(original)} is called {name}", f"In ids and metrics {why}.")

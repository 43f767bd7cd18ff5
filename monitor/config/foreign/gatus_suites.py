"""
A suite of gatus as a journey of ours: its endpoints are the steps, what one stores the later ones name.

A suite is carried over as a whole or not at all: without one of its steps the others would mean something else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Final

from monitor.config.asked import STEP_NAME
from monitor.config.document import Entry, Group, Listing, Node, Scalar
from monitor.config.foreign import durations
from monitor.config.foreign.gatus_endpoint import Check, Endpoint
from monitor.config.foreign.gatus_kinds import KINDS
from monitor.config.foreign.names import Names
from monitor.config.foreign.place import Place, Refused, scalar
from monitor.config.foreign.plan import Plan, Written, node
from monitor.config.foreign.told import Word
from monitor.config.problems import quote
from monitor.config.values import TELLING_NAME

_CONTEXT: Final = re.compile(r"\[CONTEXT\]\.([\w.-]+)", re.IGNORECASE | re.ASCII)
_HEADER: Final = re.compile(r"\[HEADER\]", re.IGNORECASE)
_STORED: Final = re.compile(r"\[(BODY|HEADERS|STATUS)\]", re.IGNORECASE)
_MARK: Final = re.compile(r"\$\{__value_(\d+)__\}")
_DEFAULT_INTERVAL: Final = 60.0
_DEFAULT_TIMEOUT: Final = 10.0
"""Of one endpoint."""
_SHARE: Final = 0.8
_MINE: Final = ("name", "group", "enabled", "interval", "timeout", "context", "endpoints")


def add_suite(place: Place, plan: Plan, tell_others: Callable[[Place], None]) -> None:
    """
    Puts the suite at *place* into *plan*.

    Args:
        tell_others: Tells what of an endpoint is not carried over.
    """
    name, group = place.string("name"), place.string("group")
    endpoints = place.get("endpoints")
    if place.string("enabled").lower() in ("false", "no", "off"):
        place.refuse("is not enabled", "Remove enabled: false, and import it again.")
        return
    if not name or endpoints is None:
        place.refuse(f"has no {'endpoint' if name else 'name'}", "gatus would not start with it.")
        return
    suite = _Suite(place, plan)
    try:
        steps = [suite.step(endpoint) for endpoint in endpoints.items()]
    except Refused as error:
        error.place.refuse(error.found, error.fix)
        return
    for endpoint in endpoints.items():
        tell_others(endpoint)
    place.tell_others(_MINE)
    service = plan.service(f"group {group}" if group else f"suite {name}", group or name, place)
    called = plan.name(service, name, place) if group else service.names.take("journey", "check")
    times = suite.times()
    plan.add(service, called, place, {"journey": steps, **times}, *suite.notes)


class _Suite:
    def __init__(self, place: Place, plan: Plan) -> None:
        self._place = place
        self._plan = plan
        self._names = Names()
        self._given = dict(self._initial())
        self._timeouts: list[tuple[Check, Place, float]] = []
        self.notes: list[str] = []
        self._stored: dict[str, str] = {}
        self._longest = 0.0
        # What each mark stands for. It looks like a variable, so that what reads an endpoint takes it for no secret.
        self._marks: list[str] = []

    def step(self, place: Place) -> Check:
        """Raises Refused."""
        name, url = place.string("name"), place.string("url")
        if not url or not name:
            raise Refused(place, f"has no {'url' if name else 'name'}", "gatus would not start with it.")
        kind = "dns" if place.get("dns") else url.partition("://")[0].lower()
        make = KINDS.get(kind)
        if make is not KINDS["http"] or isinstance(make, str):
            raise Refused(place, f"is of the kind {quote(kind)}", "The steps of a journey are http; make it a check.")
        called = self._names.take(name.replace(".", "-"), "step")
        marked = Place(self._marked(place.node, place), place.told, place.origin, place.path, place.line, place.written)
        group = self._place.string("group")
        endpoint = Endpoint(marked, marked.string("url"), self._plan.secrets, (group, self._place.string("name"), name))
        check: dict[str, Written] = {"name": called, **make(endpoint)}
        self.notes += [f"{called}: {note}" for note in endpoint.notes]
        step: Check = {key: _filled(node(value, place), self._marks, key) for key, value in check.items()}
        if endpoint.timeout is not None:
            self._timeouts.append((step, *endpoint.timeout))
        self._longest += endpoint.timeout[1] if endpoint.timeout is not None else _DEFAULT_TIMEOUT
        if place.flag("always-run"):
            step["always"] = "true"
        if stored := place.get("store"):
            step["take"] = self._take(stored, called)
        return step

    def times(self) -> dict[str, Written]:
        """Of the whole. Each step is given the timeout that it names, where it is shorter."""
        place = self._place
        given = place.get("interval")
        seconds = durations.go_seconds(place.string("interval")) if given else _DEFAULT_INTERVAL
        if given and seconds is None:
            given.tell(Word.CHANGED, "is not a duration that can be read", "It is asked every 1m, gatus' default.")
        every = durations.interval(given, seconds or _DEFAULT_INTERVAL)
        at, whole = place.get("timeout"), durations.go_seconds(place.string("timeout"))
        if at is None or whole is None or durations.timeout(at, whole, every) is None:
            whole = min(self._longest, every.total_seconds() * _SHARE)
        for step, of_client, seconds in self._timeouts:
            if seconds < whole:
                step["timeout"] = scalar(of_client, durations.shown(seconds))
        return {"interval": durations.shown(every.total_seconds()), "timeout": durations.shown(whole)}

    def _take(self, stored: Place, step: str) -> dict[str, Written]:
        """Raises Refused."""
        taken: dict[str, Written] = {}
        for name in stored.names():
            place = stored.get(name) or stored
            of = _HEADER.sub("[HEADERS]", place.plain())
            if not re.fullmatch(STEP_NAME, name):
                raise Refused(place, "has a name that no value can have", "Write letters, digits, '-' and '_'.")
            if not _STORED.match(of):
                raise Refused(
                    place, "is stored from what no step can take", "Take it from [BODY], [HEADER] or [STATUS]."
                )
            taken[name] = scalar(place, of)
            self._stored[name] = f"{{{{{step}.{name}}}}}"
        return taken

    def _marked(self, value: Node, place: Place, key: str = "") -> Node:
        """A copy with what it names of the context: what was stored as a mark. Raises Refused."""
        if isinstance(value, Group):
            entries = {
                name: Entry(entry.file, entry.line, self._marked(entry.value, place, key or name))
                for name, entry in value.entries.items()
            }
            return Group(value.file, value.line, entries)
        if isinstance(value, Listing):
            return Listing(value.file, value.line, [self._marked(item, place, key) for item in value.items])
        text = _CONTEXT.sub(lambda found: self._meant(found[1], place, key == "conditions"), value.text or "")
        return Scalar(value.file, value.line, text or None)

    def _meant(self, name: str, place: Place, is_condition: bool) -> str:
        if name in self._stored:
            self._marks.append(self._stored[name])
            return f"${{__value_{len(self._marks) - 1}__}}"
        if name in self._given:
            return _in_condition(self._given[name]) if is_condition else self._given[name]
        fix = "Let an earlier endpoint store it, as a single value, or write it under context:."
        raise Refused(place, f"names {quote(name)}, which nothing has stored before", fix)

    def _initial(self) -> Iterator[tuple[str, str]]:
        """The values that the suite begins with, as they stand there."""
        context = self._place.get("context")
        words = self._place.string("group"), self._place.string("name")
        for name in context.names() if context else ():
            value = context.get(name) if context else None
            if value is None or value.is_group or (text := value.plain()) == "":
                continue
            yield name, self._plan.secrets.stand_in(value, text, *words, name) if TELLING_NAME.search(name) else text


def _filled(value: Node, marks: list[str], key: str) -> Node:
    """*value* with what its marks stand for. Braces that stand in the file of gatus are meant as themselves."""
    if isinstance(value, Group):
        entries = {
            name: Entry(entry.file, entry.line, _filled(entry.value, marks, key))
            for name, entry in value.entries.items()
        }
        return Group(value.file, value.line, entries)
    if isinstance(value, Listing):
        return Listing(value.file, value.line, [_filled(item, marks, key) for item in value.items])
    text = value.text or ""
    text = text if key == "expect" else text.replace("{{", "{{{{")
    return Scalar(value.file, value.line, _MARK.sub(lambda found: marks[int(found[1])], text))


def _in_condition(value: str) -> str:
    """A text as one; what is a number or a word stands as it is."""
    return value if re.fullmatch(r"[\w.-]+", value) else json.dumps(value, ensure_ascii=False)

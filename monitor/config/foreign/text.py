"""A plan as text, with comments that name the line of the other tool's file that each check came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from textwrap import indent

from monitor.config.document import plain, read
from monitor.config.foreign.place import Place
from monitor.config.foreign.plan import Plan
from monitor.config.foreign.sound import judged, variables
from monitor.config.problems import quote
from monitor.config.writing import dumped


def printed(plan: Plan, environ: Mapping[str, str], folder: FilePath) -> str:
    """The text of a sound plan, read once more by our own reader."""
    text = "".join(f"{line}\n" for line in _lines(plan))
    root, problems = read("import", text.encode())
    if root is not None and not problems:
        problems = judged(root, environ, folder)[1]
    if root is None or problems or plain(root) != plain(plan.tree()):
        raise AssertionError(f"what was made is not what would be read: {'; '.join(map(str, problems))}")
    return text


def _lines(plan: Plan) -> Iterator[str]:
    tree = plan.tree()
    needed = variables(tree)
    if needed:
        yield f"# To be set in the environment: {', '.join(needed)}"
    if plan.prometheus:
        yield from dumped({"sources": {"prometheus": plan.prometheus}}).splitlines()
    yield "services:"
    for service in plan.services.values():
        if not service.checks:
            continue
        yield f"  {_key(service.name)}"
        if service.tags:
            yield from _indented({"tags": list(service.tags)}, 4)
        if service.maintenance:
            yield from _indented({"maintenance": [dict(made) for _, made in service.maintenance]}, 4)
        yield "    checks:"
        for carried in service.checks:
            yield f"      # {_comment(f'{_where(carried.at)} {carried.at.origin}')}"
            for note in carried.notes:
                yield f"      # {_comment(note)}"
            yield f"      {_key(carried.name)}"
            yield from _indented(plain(carried.check), 8)
    if (maintenance := tree.entries.get("maintenance")) is not None:
        yield from dumped({"maintenance": plain(maintenance.value)}).splitlines()


def _where(place: Place) -> str:
    return f"{place.file}:{place.line}" if place.line else place.file


def _key(name: str) -> str:
    return dumped({name: "x"}).partition(" ")[0].rstrip("\n")


def _indented(value: object, by: int) -> list[str]:
    return indent(dumped(value), " " * by).splitlines()


def _comment(text: str) -> str:
    return text if text.isprintable() else quote(text, 200)

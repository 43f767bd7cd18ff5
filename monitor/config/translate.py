"""From data to the shape, with every problem told in our words. What is wrong is cut out, and the rest is judged."""

from __future__ import annotations

from collections.abc import Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from monitor.config import plugged
from monitor.config.fields import NOT_YET, NotYet
from monitor.config.problems import Path, Wrong
from monitor.config.reading import Reading
from monitor.config.shape import Root
from monitor.config.shape.check import CheckShape
from monitor.config.values import meant

_GROUP = ("a group of keys", "Begin a new line under it and write key: value there.")
_EXPECTED = {
    "model_type": _GROUP,
    "dict_type": _GROUP,
    "tuple_type": ("a list", "Put it in brackets, or write each entry on a line of its own after '- '."),
}


def shape_of(reading: Reading) -> Root:
    """The shape of all that is right; what is not has been told to *reading*."""
    data = reading.data()
    plugged.take(data, reading)
    # Each round cuts away at least one key, and what is left out has a default or takes its group with it.
    while True:
        try:
            return Root.model_validate(data)
        except ValidationError as error:
            for path in {_to_cut(data, _told(reading, details)) for details in error.errors(include_url=False)}:
                _cut(data, path)


def _told(reading: Reading, error: ErrorDetails) -> Path:
    """Tells one error of pydantic's, whose own words and input stay here. The path of what must go."""
    path: Path = tuple(step for step in error["loc"] if step != "[key]")
    cause = error.get("ctx", {}).get("error")
    if error["type"] == "extra_forbidden":
        # Nothing inside an unknown key can be judged.
        reading.refuse(path, "unknown key", _probably(str(path[-1]), path[:-1], reading.kinds))
    elif error["type"] == "missing":
        if not reading.is_told(path):
            reading.tell(path, "is missing", f"Add {path[-1]}: it has no default.")
        return path[:-1]
    elif isinstance(cause, Wrong):
        if cause.found == NOT_YET:
            reading.refuse(path, cause.found, cause.fix)
        elif not reading.is_told(path):
            value = str(path[-1]) if "[key]" in error["loc"] else reading.written(path)
            reading.tell(path, cause.found.replace("{value}", value), cause.fix.replace("{value}", value), cause.at)
    elif not reading.is_told(path):
        expected, fix = _EXPECTED.get(error["type"], ("something else", "See docs/configuration.md."))
        reading.tell(path, f"{reading.kind(path)}, where {expected} is expected", fix)
    return path


def _to_cut(data: Any, path: Path) -> Path:
    """
    The key to remove for what is wrong at *path*: the last one on the way that is a key of a group.

    An entry of a list takes the whole list: at another position, later entries would be told at the wrong line. A key
    that stands only in the spelled-out form of a shorthand takes the shorthand.
    """
    holder, last = data, 0
    for depth, step in enumerate(path, 1):
        if isinstance(holder, dict) and step in holder:
            holder, last = holder[step], depth
        elif isinstance(holder, list) and isinstance(step, int) and step < len(holder):
            holder = holder[step]
        else:
            break
    return path[:last]


def _cut(data: Any, path: Path) -> None:
    for step in path[:-1]:
        if isinstance(data, dict) and step not in data:
            return  # what held it is gone already
        data = data[step]
    data.pop(path[-1], None)


def _probably(key: str, holder: Path, kinds: Sequence[str]) -> str:
    """
    What was meant by an unknown key of the group at *holder*.

    Args:
        kinds: Of check, as others plug them in.
    """
    kind: Any = Root
    for step in holder:
        kind = _inside(kind, step)
    known = {
        field.alias or name: any(isinstance(mark, NotYet) for mark in field.metadata)
        for name, field in kind.model_fields.items()
    }
    for name, is_later in known.items():
        if is_later and meant(key, list(known)) == f"Did you mean {name}?":
            return f"Did you mean {name}? That is {NOT_YET}."
    more = kinds if kind is CheckShape else ()
    return meant(key, [*(name for name, is_later in known.items() if not is_later), *more])


def _inside(kind: Any, step: str | int) -> Any:
    """The type of one key or entry of a group, dict or list type."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _bare(kind.model_fields[str(step)].annotation)
    return _bare(get_args(kind)[1 if get_origin(kind) is dict else 0])


def _bare(kind: Any) -> Any:
    """`X | None` without the None."""
    if get_origin(kind) in (Union, UnionType):
        return next(option for option in get_args(kind) if option is not type(None))
    return kind

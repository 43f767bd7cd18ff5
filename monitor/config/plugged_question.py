"""What a configuration says of a check that is plugged in, as the dataclass of its kind."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import inspect

from checks.check import Question
from checks.plugged import where_raised
from checks.secret import Secret
from checks.unusable import Unusable
from monitor import crossing
from monitor.config import values
from monitor.config.problems import Path, Wrong
from monitor.config.reading import Reading

_WANTED: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "object": "a group of keys",
    "array": "a list",
}
_EXPECTED: Final = re.compile(r"Expected `([^`]+)`([^,]*?)(?:, got `[^`]+`)?(?: - at `\$(.*)`)?")
_ITEMS: Final = (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)
_GROUPS: Final = (inspect.DataclassType, inspect.StructType, inspect.TypedDictType)


class Conversion:
    """
    Of one check. Everything that is wrong in what is written is told to *reading*, each at its place.

    Args:
        question: The dataclass.
        path: Of the key that is plugged in.
    """

    def __init__(self, question: type[Any], path: Path, reading: Reading) -> None:
        self._question = question
        self._path = path
        self._reading = reading
        self._is_wrong = False

    def of(self, written: Any) -> Question | None:
        """None where something is wrong. Raises Unusable where the dataclass itself is."""
        try:
            shape = inspect.type_info(self._question)
            hints = get_type_hints(self._question, include_extras=True)
        except Exception as error:
            raise self._unusable(f"its Question cannot be read: {where_raised(error)}") from None
        if isinstance(written, str):
            written = {dataclasses.fields(self._question)[0].name: written}  # as our own kinds take the target alone
        given = self._prepared(written, shape, self._path)
        if self._is_wrong:
            return None
        made = {key: self._converted(value, hints[key], (*self._path, key)) for key, value in given.items()}
        return None if self._is_wrong else self._made(made)

    def _prepared(self, value: Any, shape: inspect.Type, path: Path) -> Any:
        """*value* as msgspec takes it. It takes keys that it does not know without a word, and has forms of its own."""
        if value is None:  # which has been told
            self._is_wrong = True
            return None
        if isinstance(shape, inspect.UnionType):
            options = [option for option in shape.types if not isinstance(option, inspect.NoneType)]
            return self._prepared(value, options[0], path) if len(options) == 1 else value
        if isinstance(shape, _GROUPS):
            return self._group(value, shape.fields, path)
        if isinstance(shape, inspect.DictType) and isinstance(value, dict):
            return {key: self._prepared(inner, shape.value_type, (*path, key)) for key, inner in value.items()}
        if isinstance(shape, _ITEMS):
            items = value if isinstance(value, list) else [value]
            return [self._prepared(item, shape.item_type, (*path, place)) for place, item in enumerate(items)]
        return self._leaf(value, shape, path)

    def _group(self, value: Any, of: tuple[inspect.Field, ...], path: Path) -> Any:
        known = {field.encode_name: field for field in of}
        if not isinstance(value, dict):
            found = f"{self._reading.kind(path)}, where a group of keys is expected"
            self._tell(path, found, f"Write its keys under it: {', '.join(known)}.")
            return None
        for key in [key for key in value if key not in known]:
            self._is_wrong = True
            self._reading.refuse((*path, key), "unknown key", values.meant(key, list(known)))
        for name in [name for name, field in known.items() if field.required and name not in value]:
            self._tell((*path, name), "is missing", f"Add {name}: it has no default.")
        return {
            key: self._prepared(inner, known[key].type, (*path, key)) for key, inner in value.items() if key in known
        }

    def _leaf(self, value: Any, shape: inspect.Type, path: Path) -> Any:
        if isinstance(shape, inspect.CustomType) and shape.cls is not Secret:
            raise self._unusable(f"its {path[-1]} is a {shape.cls.__name__}, which cannot cross to the prober")
        try:
            return _parser(shape)(value)
        except Wrong as wrong:
            shown = self._reading.written(path)
            self._tell(path, wrong.found.replace("{value}", shown), wrong.fix.replace("{value}", shown))
            return None

    def _converted(self, value: Any, wanted: Any, path: Path) -> Any:
        try:
            return msgspec.convert(value, wanted, strict=False, builtin_types=(timedelta,), dec_hook=crossing.secret_of)
        except msgspec.ValidationError as error:
            self._tell_of_msgspec(str(error), path)
        except Exception as error:
            raise self._unusable(f"its {path[-1]} cannot be read: {where_raised(error)}") from None
        return None

    def _tell_of_msgspec(self, words: str, path: Path) -> None:
        told = _EXPECTED.fullmatch(words)
        if told is None:
            self._tell(path, "is not what it must be", "See the documentation of its package.")
            return
        here = (*path, *_steps(told[3] or ""))
        wanted = _WANTED.get(told[1], told[1]) + told[2]
        self._tell(here, f"{self._reading.written(here)} is not {wanted}", f"Write {wanted}.")

    def _made(self, given: Mapping[str, Any]) -> Question | None:
        try:
            question: Question = self._question(**given)
        except ValueError as error:  # a rule of its own
            self._tell(self._path, self._masked(str(error)), "See the documentation of its package.")
            return None
        except Exception as error:
            raise self._unusable(f"its Question cannot be made: {where_raised(error)}") from None
        try:
            url, returned = question.url, crossing.read(crossing.written(question), self._question)
        except Exception as error:
            raise self._unusable(f"its Question cannot cross to the prober: {where_raised(error)}") from None
        if not isinstance(url, str) or returned != question:
            raise self._unusable("its Question has no text as its url, or comes to the prober as another one")
        return question if self._is_shown(url) else None

    def _is_shown(self, url: str) -> bool:
        try:
            told = (
                "holds a user name or password, which logs and tickets would show"
                if "@" in urlsplit(url).netloc
                else ""
            )
        except ValueError:
            told = "has a host or port that cannot be"
        if told:
            self._tell(self._path, f"the address that it asks {told}", "Correct it.")
        return not told

    def _masked(self, words: str) -> str:
        """They may quote what came from the environment."""
        for path, variables in self._reading.substituted.items():
            if path[: len(self._path)] == self._path:
                for name, value in variables.items():
                    words = words.replace(value, f"${{{name}}}")
        return "".join(c if c.isprintable() else " " for c in words[:200]) or "is refused by its package"

    def _tell(self, path: Path, found: str, fix: str) -> None:
        self._is_wrong = True
        self._reading.tell(path, found, fix)

    def _unusable(self, why: str) -> Unusable:
        return Unusable(f"the kind {self._path[-1]} cannot be used: {why}")


def _parser(shape: inspect.Type) -> Callable[[object], Any]:
    """Of values that are written everywhere as ours are; what is left is msgspec's."""
    match shape:
        case inspect.TimeDeltaType():
            return values.duration()
        case inspect.BoolType():
            return values.switch
        case inspect.StrType():
            return values.text
        case inspect.CustomType():
            return lambda value: values.text(value).strip()
        case inspect.LiteralType():
            return _choice(shape.values)
        case inspect.EnumType():
            return _choice(tuple(member.value for member in shape.cls))
    return lambda value: value


def _choice(options: tuple[Any, ...]) -> Callable[[object], Any]:
    if all(isinstance(option, str) for option in options):
        return values.choice(*options)
    return lambda value: value


def _steps(at: str) -> Path:
    """`.n.a[1]` as a path, as far as it is told."""
    found: list[str | int] = []
    for name, place in re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", at):
        if place == "...":
            break
        found.append(name or int(place))
    return tuple(found)

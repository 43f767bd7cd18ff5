"""Whether a value is what its type says: for what comes from code that is not ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints


def misfit(value: object, wanted: Any, at: str) -> str:
    """
    What is wrong and where, as `requests[0].timeout is a str, wanted float`; empty where all is as it should be. Shows
    no value.

    Args:
        wanted: A type as our request and finding classes use them: plain, a dataclass, a union, a tuple or a mapping.
        at: What *value* is called.
    """
    origin = get_origin(wanted)
    if wanted is Any:
        return ""
    if origin in (Union, UnionType):
        return _of_union(value, get_args(wanted), at)
    if origin is tuple and isinstance(value, tuple):
        return _of_tuple(value, get_args(wanted), at)
    if origin is Mapping and isinstance(value, Mapping):
        of_key, of_value = get_args(wanted)
        told = (
            misfit(k, of_key, f"a key of {at}") or misfit(v, of_value, f"a value of {at}") for k, v in value.items()
        )
        return next(filter(None, told), "")
    if not _is(value, origin or wanted):
        return f"{at} is a {type(value).__name__}, wanted {getattr(wanted, '__name__', str(wanted))}"
    return _of_fields(value, at) if is_dataclass(value) else ""


def _is(value: object, kind: type) -> bool:
    """A whole number will do for a float, and no bool for a number."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind) or (kind is float and isinstance(value, int))


def _of_union(value: object, options: tuple[Any, ...], at: str) -> str:
    if value is None and NoneType in options:
        return ""
    told = [misfit(value, option, at) for option in options if option is not NoneType]
    # The one that is of the right class tells what is wrong within.
    return "" if "" in told else max(told, key=lambda words: len(words.partition(" is a ")[0]))


def _of_tuple(value: tuple[Any, ...], items: tuple[Any, ...], at: str) -> str:
    if items[-1] is Ellipsis:
        items = (items[0],) * len(value)
    elif len(items) != len(value):
        return f"{at} has {len(value)} entries, wanted {len(items)}"
    told = (
        misfit(item, wanted, f"{at}[{place}]") for place, (item, wanted) in enumerate(zip(value, items, strict=True))
    )
    return next(filter(None, told), "")


def _of_fields(value: Any, at: str) -> str:
    hints = _hints(type(value))  # type: ignore[arg-type]  # a class is hashable
    told = (misfit(getattr(value, field.name), hints[field.name], f"{at}.{field.name}") for field in fields(value))
    return next(filter(None, told), "")


@lru_cache(maxsize=256)
def _hints(kind: type) -> Mapping[str, Any]:
    try:
        return get_type_hints(kind)
    except NameError:
        # Those of name servers are imported only where one is asked.
        from checks import dns_message

        return get_type_hints(kind, localns=vars(dns_message))

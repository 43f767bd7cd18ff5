"""What the SDK would keep of our spans: its environment variables for sampling and limits, read the way it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Sampler = Callable[[bytes], bool]
"""Decides by the sixteen bytes of the trace id."""

_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Attributes:
        attributes: How many attributes a span may have; the oldest go first, as in the SDK.
        value_length: Characters of a string value, None for no limit.
    """

    attributes: int | None = 128
    value_length: int | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Limits:
        count = _number(environ, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT")
        length = _number(environ, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")
        return cls(128 if count is None else count, length)

    def cut(self, value: str) -> str:
        return value if self.value_length is None else value[: self.value_length]


def sampler_of(environ: Mapping[str, str]) -> Sampler:
    """
    A probe's first span has no parent, so each `parentbased_` sampler decides as its root sampler.

    The target sees sampled=1 in any case: its own trace of a failing request is wanted even where ours is thinned out.
    """
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower().removeprefix("parentbased_")
    if name == "always_off":
        return lambda _: False
    if name != "traceidratio":
        return lambda _: True
    bound = round(_ratio(environ.get("OTEL_TRACES_SAMPLER_ARG", "")) * (_MASK + 1))
    return lambda trace_id: int.from_bytes(trace_id[8:], "big") < bound


def _ratio(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        # As the SDK: a ratio that cannot be read samples everything.
        return 1.0


def _number(environ: Mapping[str, str], *keys: str) -> int | None:
    for key in keys:
        found = environ.get(key, "").strip()
        if found.isascii() and found.isdigit():
            return int(found)
    return None

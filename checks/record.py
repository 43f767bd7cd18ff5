"""
Records that each probe makes anew: frozen to mypy, and to nobody when the program runs.

A frozen dataclass sets each field in a roundabout way, which makes it three times as dear to build. Here that was a
tenth of a probe's CPU. What is built once, from the config, is frozen indeed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

__all__ = ["record"]

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(*, frozen: bool, **options: Any) -> Callable[[type], type]:
        """`@record(frozen=True, ...)`, read by mypy as `@dataclass(frozen=True, ...)`: equal by value, and hashable."""
        return dataclasses.dataclass(**options, unsafe_hash=frozen)

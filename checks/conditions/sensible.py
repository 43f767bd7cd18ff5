"""What can be read and would never hold: better told when the config is read than by a check that fails for ever."""

from __future__ import annotations

from typing import Final

from checks.conditions.comparison import ORDERS, Comparison
from checks.conditions.facts import TIMES, Placeholder
from checks.conditions.fault import ConditionError
from checks.conditions.operands import AnyOf, Function, Glob, Literal, Operand, Reading, Regex
from checks.conditions.quantities import duration, plain
from checks.conditions.scanner import Piece

_WORDS: Final = frozenset({Placeholder.CONNECTED, Placeholder.IP, Placeholder.DNS_RCODE})
"""Placeholders that are no number."""


def refuse_nonsense(comparison: Comparison, left: Piece, operator: Piece, right: Piece) -> None:
    """Raises ConditionError."""
    if _is_pattern(comparison.left) and _is_pattern(comparison.right):
        fix = "Let one side be a value, for example [BODY]."
        raise ConditionError("a pattern is compared with a pattern", fix, right.start, right.end)
    for side, piece, other in (
        (comparison.left, left, comparison.right),
        (comparison.right, right, comparison.left),
    ):
        if comparison.operator in ORDERS:
            _refuse_unordered(side, piece, operator)
        if isinstance(other, Reading):
            for literal in side.options if isinstance(side, AnyOf) else (side,):
                if isinstance(literal, Literal):
                    _refuse_unequal(literal, piece, other)


def _refuse_unordered(side: Operand, piece: Piece, operator: Piece) -> None:
    if _is_pattern(side):
        fix = "Compare it with == or !=."
        raise ConditionError("a pattern is neither smaller nor larger", fix, operator.start, operator.end)
    if isinstance(side, Literal) and side.number is None:
        fix = "Write for example 500, 0.5, 500ms, 48h or 64KB."
        raise ConditionError("not a number, a duration or a size", fix, piece.start, piece.end)
    if isinstance(side, Reading) and (_is_switch(side) or (side.placeholder in _WORDS and side.function is None)):
        fix = "Compare it with == or !=."
        raise ConditionError("this is neither smaller nor larger", fix, operator.start, operator.end)


def _refuse_unequal(literal: Literal, piece: Piece, other: Reading) -> None:
    """A literal that *other* can never be."""
    if _is_switch(other):
        if literal.text not in ("true", "false"):
            raise ConditionError("neither true nor false", "Write true or false.", piece.start, piece.end)
    elif other.function is not None:
        return
    elif other.placeholder is Placeholder.STATUS:
        _refuse_unless(
            plain(literal.text) is not None, piece, "not a status", "Write a number; for all of a class write pat(2*)."
        )
    elif other.placeholder in TIMES:
        is_time = plain(literal.text) is not None or duration(literal.text) is not None
        _refuse_unless(is_time, piece, "not a time", "Write milliseconds or a duration: 500, 500ms, 1s, 48h.")


def _refuse_unless(fits: bool, piece: Piece, found: str, fix: str) -> None:
    if not fits:
        raise ConditionError(found, fix, piece.start, piece.end)


def _is_pattern(side: Operand) -> bool:
    return isinstance(side, (Glob, Regex, AnyOf))


def _is_switch(side: Operand) -> bool:
    return isinstance(side, Reading) and (
        side.function is Function.HAS or (side.placeholder is Placeholder.CONNECTED and side.function is None)
    )

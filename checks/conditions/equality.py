"""When a value equals another one, and when that cannot be told (None)."""

from __future__ import annotations

from checks.conditions.operands import Literal, Reading
from checks.conditions.quantities import Number, integer, number
from checks.conditions.texts import text_of
from checks.conditions.unresolved import Unresolved

Truth = bool | None
Valued = Literal | Reading
"""A side that has a value, as a pattern has not."""


def equal(left: object, of_left: Valued, right: object, of_right: Valued) -> Truth:
    """
    As numbers where one of them is one by its type and the other can be read as one, or where both are integers as they
    are spelled; else as texts. So 1.0 equals 1, and the version "1.10" does not equal 1.1.

    Args:
        left, right: What *of_left* and *of_right* resolved to.
    """
    if type(left) is Unresolved:
        return _none_is_zero(left, of_right)
    if type(right) is Unresolved:
        return _none_is_zero(right, of_left)
    if left is None or right is None:
        return _null(left, of_left, right, of_right)
    spelled = _is_quoted(of_left) or _is_quoted(of_right)
    if not spelled and (_is_number(left) or _is_number(right)):
        numbers = _number(left, of_left), _number(right, of_right)
        if numbers[0] is not None and numbers[1] is not None:
            return numbers[0] == numbers[1]
    left, right = text_of(left), text_of(right)
    if isinstance(left, Unresolved) or isinstance(right, Unresolved):
        return None
    return left == right or (not spelled and _same_integer(left, of_left, right, of_right))


def _none_is_zero(missing: Unresolved, other: Valued) -> Truth:
    """`[CERTIFICATE_EXPIRATION] == 0` is gatus' way to say that there is no certificate. No other number is so."""
    return True if missing.none and type(other) is Literal and other.number == 0 else None


def _null(left: object, of_left: Valued, right: object, of_right: Valued) -> Truth:
    """A null is nothing: it equals null, and compared with anything else it cannot be told."""
    if left is None and right is None:
        return True
    other = of_right if left is None else of_left
    return True if type(other) is Literal and other.is_null else None


def _same_integer(left: str, of_left: Valued, right: str, of_right: Valued) -> bool:
    first = of_left.integer if type(of_left) is Literal else integer(left)
    return first is not None and first == (of_right.integer if type(of_right) is Literal else integer(right))


def _number(value: object, side: Valued) -> Number | None:
    return side.number if type(side) is Literal else number(value)


def _is_number(value: object) -> bool:
    return type(value) is int or type(value) is float


def _is_quoted(side: Valued) -> bool:
    return type(side) is Literal and side.quoted

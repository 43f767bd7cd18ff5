"""Text to `Condition`, or what is wrong with it and where. `not` binds before `and`, and that before `or`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from checks.conditions.comparison import Comparison
from checks.conditions.fault import ConditionError
from checks.conditions.scanner import Piece, Scanner
from checks.conditions.sensible import refuse_nonsense
from checks.conditions.sides import operand
from checks.conditions.tree import And, Condition, Node, Not, Or

LONGEST: Final = 2000
"""Characters of a condition."""
DEEPEST: Final = 32
"""Brackets and `not` within one another."""

_ALMOST: Final = re.compile(r"==|!=|<=|>=|=~|!~|=|<|>")
_EXAMPLE: Final = "Write it as [STATUS] == 200, with one of == != < <= > >= and a space on both sides of it."

_LEFT_OUT: Final = 'Write what is compared in front of it; nothing is written "".'


@lru_cache(maxsize=4096)  # thousands of checks have the same few conditions
def parse(text: str) -> Condition:
    """Raises ConditionError."""
    if len(text) > LONGEST:
        raise ConditionError(f"longer than {LONGEST} characters", "Make several of it.", LONGEST, LONGEST + 1)
    scanner = Scanner(text)
    if scanner.ended():
        raise ConditionError("it is empty", _EXAMPLE, 0, 1)
    root = _any_of(scanner, 0)
    if not scanner.ended():
        raise _left_over(scanner)
    return Condition(root)


def _any_of(scanner: Scanner, depth: int) -> Node:
    parts = [_all_of(scanner, depth)]
    while scanner.takes("or"):
        parts.append(_all_of(scanner, depth))
    return Or(tuple(parts)) if len(parts) > 1 else parts[0]


def _all_of(scanner: Scanner, depth: int) -> Node:
    parts = [_one(scanner, depth)]
    while scanner.takes("and"):
        parts.append(_one(scanner, depth))
    return And(tuple(parts)) if len(parts) > 1 else parts[0]


def _one(scanner: Scanner, depth: int) -> Node:
    if depth > DEEPEST:
        raise ConditionError(f"nested more than {DEEPEST} deep", "Make it simpler.", scanner.at, scanner.at + 1)
    if scanner.takes("not"):
        return Not(_one(scanner, depth + 1))
    scanner.skip()
    joined = scanner.at
    if scanner.takes("and") or scanner.takes("or"):
        raise ConditionError("a comparison is missing before this", _EXAMPLE, joined, scanner.at)
    if not scanner.opens():
        return _comparison(scanner)
    opened = scanner.groups[-1]
    inner = _any_of(scanner, depth + 1)
    if not scanner.closes():
        if not scanner.ended():
            raise _left_over(scanner)
        raise ConditionError("a bracket is opened here and not closed", "Close it with ).", opened, opened + 1)
    return inner


def _comparison(scanner: Scanner) -> Comparison:
    left = scanner.side()
    operator = scanner.operator()
    if operator is None:
        raise _no_comparison(left)
    if not left.text:
        raise ConditionError("the left side is missing", _LEFT_OUT, operator.start, operator.end)
    right = scanner.side()
    if not right.text:
        fix = "Write what it is compared with; nothing is \"\", and text that begins with 'and' or 'or' is in quotes."
        raise ConditionError("the right side is missing", fix, operator.start, operator.end)
    if (second := scanner.operator()) is not None:
        fix = "Join two comparisons with 'and' or 'or'; put text that holds an operator in quotes."
        raise ConditionError("a second operator in one comparison", fix, second.start, second.end)
    comparison = Comparison(operand(left), operator.text, operand(right))
    refuse_nonsense(comparison, left, operator, right)
    return comparison


def _no_comparison(side: Piece) -> ConditionError:
    almost = _ALMOST.search(side.text)
    if almost is None:
        # After an and, it may have been meant as a word of a text.
        fix = _EXAMPLE if not side.start else f"{_EXAMPLE} Text that holds 'and' or 'or' is put in quotes."
        return ConditionError("a comparison is missing here", fix, side.start, side.end)
    start, end = side.start + almost.start(), side.start + almost.end()
    if not almost.start():
        return ConditionError("the left side is missing", _LEFT_OUT, start, end)
    if almost[0] in ("==", "!=", "<=", ">=", "<", ">"):
        return ConditionError("an operator needs a space on both sides", _EXAMPLE, start, end)
    fix = "Write ==; a regular expression is [BODY] == regex(PATTERN)."
    return ConditionError("no operator of conditions", fix, start, end)


def _left_over(scanner: Scanner) -> ConditionError:
    at = scanner.at
    if scanner.text.startswith(")", at):
        return ConditionError("a bracket is closed here and was not opened", "Remove it.", at, at + 1)
    return ConditionError("'and' or 'or' is missing here", "Join comparisons with one of them.", at, at + 1)

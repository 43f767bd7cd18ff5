"""Conditions of a step that compare with what an earlier one has taken: `[BODY].id == {{order.id}}`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from checks.conditions.comparison import Comparison
from checks.conditions.operands import AnyOf, Literal, Operand
from checks.conditions.texts import text_of
from checks.conditions.tree import And, Condition, Node, Not, Or
from checks.templates import Values, references


def bound(condition: Condition, values: Values) -> Condition:
    """
    With the values in the place of their names. A value is never read as a part of the condition, and a text is never
    read as a number. What is shown of it afterwards is the name.
    """
    return Condition(_bound(condition.root, values))


def named(condition: Condition) -> Iterator[str]:
    """`order.id` for each value that it compares with."""
    for comparison in condition.root.comparisons():
        for side in (comparison.left, comparison.right):
            for literal in side.options if isinstance(side, AnyOf) else (side,):
                if isinstance(literal, Literal) and (name := _name(literal)):
                    yield name


def _bound(node: Node, values: Values) -> Node:
    if isinstance(node, Not):
        return Not(_bound(node.part, values))
    if isinstance(node, And):
        return And(tuple(_bound(part, values) for part in node.parts))
    if isinstance(node, Or):
        return Or(tuple(_bound(part, values) for part in node.parts))
    return Comparison(_side(node.left, values), node.operator, _side(node.right, values))


def _side(side: Operand, values: Values) -> Operand:
    if isinstance(side, AnyOf):
        return replace(side, options=tuple(_literal(option, values) for option in side.options))
    return _literal(side, values) if isinstance(side, Literal) else side


def _literal(side: Literal, values: Values) -> Literal:
    name = _name(side)
    if not name:
        return side
    value = values[name]
    text = text_of(value)
    assert isinstance(text, str)  # it is nothing nested
    return Literal(side.source, text, quoted=isinstance(value, str))


def _name(literal: Literal) -> str:
    """Empty where it is no value of an earlier step, but what it looks like."""
    if literal.quoted or not literal.text.startswith("{{"):
        return ""
    found = references(literal.text)
    return found[0].name if len(found) == 1 and found[0].at == (0, len(literal.text)) else ""

"""
What must hold of an answer: `[STATUS] == 200 and [BODY].status == ok`. gatus' language, and
more; see docs/conditions.md.

Parsed once, when the config is read, and evaluated totally: whatever was answered, a condition holds, does not hold, or
cannot be told, and what cannot be told is failed and says why. Pure: text and facts in, verdict out.
"""

from checks.conditions.facts import Facts, Placeholder
from checks.conditions.fault import ConditionError
from checks.conditions.parser import parse
from checks.conditions.tree import Condition

__all__ = ["Condition", "ConditionError", "Facts", "Placeholder", "parse"]

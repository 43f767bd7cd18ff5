"""
What a thread is told next. A newer update makes one outdated that has not been sent; a ticket loses nothing by that, as
its timeline has both. In a thread people talk, so it is told both, in one reply. Pure.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from monitor.outlets.outlet import Message
from monitor.outlets.ticket import digest

AT_ONCE: Final = 20
"""Updates of one reply, the newest."""


def news(message: Message, told: Collection[str]) -> str:
    """
    Empty when nothing is new.

    Args:
        told: Digests of updates that the thread has. What stands before the newest of them is not told any more.
    """
    if digest(message.update) in told:
        return ""
    updates = message.updates
    last = next((place for place in range(len(updates) - 1, -1, -1) if digest(updates[place]) in told), None)
    if last is None or updates[-1] != message.update:
        return message.update
    new = updates[last + 1 :]
    left_out = len(new) - AT_ONCE
    return "\n".join([f"(and {left_out} before, in the timeline)", *new[-AT_ONCE:]] if left_out > 0 else new)

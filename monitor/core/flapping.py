"""
Flapping: trouble that comes and goes so often that it is one problem. Its incident stays open until it has calmed down.

As Nagios does it: the share of changes among the last 21 states, newer ones weighing more, with one threshold for the
beginning and a lower one for the end. A state here is not one probe's but that of a span of time, because what must not
happen is one incident after the other, and those are as far apart as they take to close.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from monitor.core.incident import Timing, duration_text
from monitor.core.recovery import Condition, percent

STATES: Final = 21
BEGINS_AT: Final = 0.25
"""Two outages can never reach it, three within the 21 spans can."""
ENDS_BELOW: Final = 0.15
OLDEST_WEIGHS: Final = 0.8
NEWEST_WEIGHS: Final = 1.2

_SHORTEST: Final = timedelta(seconds=10)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def span_of(timing: Timing) -> timedelta:
    """A sixth of what an incident takes at least until the next breach would be a new one: 10 minutes by default."""
    return max((timing.stable_for + timing.reopen_within) / 6, _SHORTEST)


@dataclass(frozen=True, slots=True)
class Flaps:
    """
    What is remembered of one service.

    Attributes:
        troubled: For each span with trouble in it when that was first seen; oldest first.
        flapping: Once the first threshold was reached, until it is less than the second.
    """

    troubled: tuple[datetime, ...] = ()
    flapping: bool = False

    def after(self, troubled: bool, now: datetime, span: timedelta) -> Flaps:
        """After one more evaluation, in which there was trouble or not."""
        if not troubled and not self.troubled:
            return self
        current = _index(now, span)
        kept = [at for at in self.troubled if current - STATES < _index(at, span) <= current]
        if troubled and (not kept or _index(kept[-1], span) < current):
            kept.append(now)
        share = changes_share(tuple(kept), now, span)
        flapping = share >= ENDS_BELOW if self.flapping else share >= BEGINS_AT
        return Flaps(tuple(kept), flapping)

    def condition(self, now: datetime, span: timedelta) -> Condition | None:
        """What bars recovery while it flaps."""
        if not self.flapping:
            return None
        share = percent(round(changes_share(self.troubled, now, span), 3))
        window = duration_text(STATES * span)
        text = f"flapping: {share} changes within {window}, over below {percent(ENDS_BELOW)}"
        return Condition("not flapping", False, text)


def changes_share(troubled: tuple[datetime, ...], now: datetime, span: timedelta) -> float:
    """The weighted share of changes among the last states, 0 to 1; the span that goes on included."""
    current = _index(now, span)
    bad = {_index(at, span) for at in troubled}
    states = [index in bad for index in range(current - STATES + 1, current + 1)]
    # A span that goes on is not calm yet: it counts as trouble at once, and as calm when it is over.
    states[-1] = states[-1] or states[-2]
    step = (NEWEST_WEIGHS - OLDEST_WEIGHS) / (STATES - 2)
    changes = (OLDEST_WEIGHS + step * place for place in range(STATES - 1) if states[place] != states[place + 1])
    return sum(changes) / (STATES - 1)


def _index(at: datetime, span: timedelta) -> int:
    return (at - _EPOCH) // span

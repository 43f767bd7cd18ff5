"""
One slot of one check: the attempt that counts, then those that tell a confirmed failure from an unconfirmed one.

Each failed attempt is judged at once, and where our own network may be to blame its excuse is asked for, before
anything is decided on it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from math import inf
from pathlib import Path
from random import getrandbits  # an id must be unique and need not be a secret: the system's own costs two calls more
from typing import Final

from checks.check import Check, Finding, Retry
from checks.kinds import Request
from checks.result import Attempt, CheckResult, Outcome, Reason
from checks.unusable import Unusable
from monitor.clock import Clock
from monitor.probing.alarms import Alarms
from monitor.probing.asking import Asked, ask, requests_of
from monitor.probing.engine import Engine
from monitor.probing.online import LONGEST_WAIT, Excuse, References, may_be_excused
from monitor.probing.rooms import Rooms, lane_of

_ONE_AT_ONCE = Retry(times=1, within=0.0)
# Python 3.11 takes as long to find a member in its enum as to call a function.
_OK, _FAILED = Outcome.OK, Outcome.FAILED
_NO_FACTS: Final[Mapping[str, float]] = {}


@dataclass(slots=True)
class Means:
    """
    What the probes of one process share.

    Attributes:
        asking: Identities of checks whose target is being asked, see `Timetable`.
        previous: The facts that a check's last probe found, by its identity.
        rooms: Is told of each request that begins and ends.
        prepared: What each check asks, by its identity: built once and not for each probe.
    """

    engine: Engine
    clock: Clock
    alarms: Alarms
    references: References
    asking: set[str]
    rooms: Rooms
    previous: dict[str, dict[str, float]] = field(default_factory=dict)
    prepared: dict[str, tuple[Check, tuple[Request, ...]]] = field(default_factory=dict)

    @classmethod
    def on(cls, engine: Engine, clock: Clock, alarms: Alarms, asking: set[str], rooms: Rooms) -> Means:
        return cls(engine, clock, alarms, References(engine, alarms, clock.seconds), asking, rooms)

    def requests(self, check: Check) -> tuple[Request, ...]:
        """What an attempt with the whole timeout asks."""
        kept = self.prepared.get(check.id)
        if kept is None or kept[0] is not check:
            kept = self.prepared[check.id] = check, requests_of(check, check.timeout)
        return kept[1]

    def forget(self, known: Container[str]) -> None:
        """Whatever is kept of checks that are not among *known*."""
        for kept in (self.previous, self.prepared):
            for gone in [check_id for check_id in kept if check_id not in known]:
                del kept[gone]


def next_attempt(check: Check, first_judged: float, made: int, now: float, until: float) -> float | None:
    """
    When the next further attempt begins, or None where there is none.

    Args:
        first_judged: When the scheduled attempt was judged, in seconds of the steady timeline, as *now* and *until*.
        made: Further attempts made so far.
        until: The check's next slot. An attempt that might not end before it is not begun: that slot will tell.
    """
    retry = check.retry or _ONE_AT_ONCE
    if made >= retry.times:
        return None
    begin = max(now, first_judged + made * retry.within / retry.times)
    if begin > first_judged + retry.within or begin + check.timeout > until:
        return None
    return begin


def _hex_id(size: int) -> str:
    return getrandbits(8 * size).to_bytes(size, "big").hex()


def _timed_out(asked: Asked) -> bool:
    """Also where that is what was expected: with the whole timeout it might have answered."""
    error = asked.finding.answer.error if asked.finding.answer is not None else None
    return asked.attempt.reason is Reason.TIMEOUT or (error is not None and error.reason is Reason.TIMEOUT)


class Probe:
    """Asks once what is due, and hands over one result; None where an extra probe was cut short and proves nothing."""

    def __init__(
        self,
        means: Means,
        check: Check,
        scheduled_at: datetime,
        done: Callable[[CheckResult | None], None],
        *,
        until: float = inf,
        extra: bool = False,
    ) -> None:
        self._means = means
        self._check = check
        self._scheduled_at = scheduled_at
        self._done = done
        self._until = until
        self._extra = extra
        self._trace_id = _hex_id(16)
        self._attempts: list[Attempt] = []
        self._first: Finding | None = None
        self._first_judged = 0.0
        self._waited = 0.0
        self._unexcused: Asked | None = None
        self._holding = False
        self._requests = 0
        self._lane = ""
        self._timeout = check.timeout
        self._ended = False

    def begin(self) -> None:
        """Never raises: our own failure is a result as well, unknown."""
        self._guarded(self._ask)

    def cut(self) -> None:
        """End now, with what is known: a failure that still waits for an excuse or a re-probe stays a failure."""
        self._keep_unexcused()
        if self._attempts and not self._ended:
            self._finish()

    def _ask(self) -> None:
        means, check = self._means, self._check
        requests = means.requests(check)
        if self._extra and (left := self._until - means.clock.seconds()) < check.timeout:
            # The scheduled probe goes first; an extra one gets what time is left before it.
            self._timeout, requests = left, requests_of(check, left)
        self._hold()
        self._requests = len(requests)
        self._lane = lane_of(check)
        means.rooms.take(self._lane, self._requests)
        ask(
            means.engine,
            check,
            requests,
            trace_id=self._trace_id,
            span_id=_hex_id(8),
            previous=means.previous.get(check.id, _NO_FACTS),
            now=means.clock.now,
            done=self._heard,
        )

    def _heard(self, asked: Asked) -> None:
        self._guarded(self._asked, asked)

    def _asked(self, asked: Asked) -> None:
        self._give_back()
        attempt, finding = asked.attempt, asked.finding
        if self._timeout < self._check.timeout and _timed_out(asked):
            self._end(None)
            return
        references = self._means.references
        if not may_be_excused(finding, self._targets, len(references)):
            self._judged(asked, None)
            return
        now = self._now()
        if now + LONGEST_WAIT + self._check.timeout > self._until:
            # Waiting for an excuse asks the target nothing, so it must not cost the check its next slot.
            self._release()
        self._unexcused = asked
        references.judge(
            attempt.reason,
            attempt.started_at.timestamp(),
            LONGEST_WAIT - self._waited,
            partial(self._guarded, partial(self._excused, asked, now)),
        )

    def _targets(self) -> list[str]:
        return [request.url for request in self._means.requests(self._check)]

    def _excused(self, asked: Asked, since: float, verdict: Excuse) -> None:
        self._waited += self._now() - since
        self._judged(asked, verdict)

    def _judged(self, asked: Asked, verdict: Excuse | None) -> None:
        self._unexcused = None
        attempt = asked.attempt
        if verdict is not None and verdict.granted:
            what = f"{attempt.reason}: {attempt.detail}" if attempt.reason else "silent, as it is expected to be"
            detail = f"{what}; {verdict.why}"
            attempt = replace(attempt, outcome=Outcome.UNKNOWN, reason=Reason.BLIND, detail=detail)
        self._attempts.append(attempt)
        if asked.finding.facts:
            self._means.previous[self._check.id] = dict(asked.finding.facts)
        now = self._now()
        if self._first is None:
            self._first, self._first_judged = asked.finding, now
        self._go_on(now)

    def _go_on(self, now: float) -> None:
        if self._attempts[0].outcome is not _FAILED or self._attempts[-1].outcome is _OK:
            self._finish()
            return
        when = next_attempt(self._check, self._first_judged, len(self._attempts) - 1, now, self._until)
        # While this one waited for its excuse an extra probe may have begun: two at once would be one too many.
        if when is None or (not self._holding and self._check.id in self._means.asking):
            self._finish()
        elif when <= now:
            self._ask()
        else:
            self._hold()
            self._means.alarms.at(when, partial(self._guarded, self._ask_again))

    def _ask_again(self) -> None:
        """The alarm may ring late, so that the attempt no longer fits before the next slot."""
        if self._now() + self._check.timeout > self._until:
            self._finish()
        else:
            self._ask()

    def _finish(self) -> None:
        first = self._first
        self._end(
            CheckResult(
                service=self._check.service,
                check=self._check.name,
                scheduled_at=self._scheduled_at,
                attempts=tuple(self._attempts),
                trace_id=self._trace_id,
                extra=self._extra,
                facts=first.facts if first is not None else {},
                warnings=first.warnings if first is not None else (),
                notes=first.notes if first is not None else (),
            )
        )

    def _end(self, result: CheckResult | None) -> None:
        self._ended = True
        self._release()
        self._done(result)

    def _guarded(self, act: Callable[..., None], *args: object) -> None:
        """Turn what goes wrong with this one probe into its result: all others go on."""
        if self._ended:
            return
        try:
            act(*args)
        except Exception as error:
            if self._ended:
                raise
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        # The place and not the text: what an unforeseen error quotes could be a secret.
        place = traceback.extract_tb((error.__cause__ or error).__traceback__)[-1]
        detail = f"{type(error).__name__} in the prober at {Path(place.filename).name}:{place.lineno}"
        if isinstance(error, Unusable):
            detail = str(error)
        self._give_back()
        self._keep_unexcused()
        if not self._attempts:
            now = self._means.clock.now()
            span_id = _hex_id(8)  # it has a span as well
            self._attempts.append(
                Attempt(started_at=now, outcome=Outcome.UNKNOWN, reason=Reason.INTERNAL, detail=detail, span_id=span_id)
            )
        self._finish()

    def _keep_unexcused(self) -> None:
        if self._unexcused is not None:
            self._attempts.append(self._unexcused.attempt)
            self._first = self._first or self._unexcused.finding
            self._unexcused = None

    def _give_back(self) -> None:
        """What merely waits for an excuse or a retry holds no descriptor."""
        if self._requests:
            self._means.rooms.take(self._lane, -self._requests)
            self._requests = 0

    def _hold(self) -> None:
        self._holding = True
        self._means.asking.add(self._check.id)

    def _release(self) -> None:
        if self._holding:
            self._holding = False
            self._means.asking.discard(self._check.id)

    def _now(self) -> float:
        return self._means.clock.seconds()

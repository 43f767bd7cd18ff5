"""
What a check that tells by itself has told, and what that means at an instant. Pure: instants are passed in.

Instants are of the steady timeline. Cron means the clock on the wall, which is *ahead* of the timeline by so much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from checks.push import Question
from checks.result import Outcome, Reason
from monitor.core.cron import Cron, next_after, parse

EARLY: Final = timedelta(seconds=10)
"""A push so shortly before its time still answers it: the clock of the other machine may be ahead of ours."""


class Event(StrEnum):
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """
    Attributes:
        status: The exit status, where one was told.
        body: The end of what was sent along.
    """

    event: Event
    status: int | None = None
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    at: datetime
    reason: Reason
    detail: str
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """
    Attributes:
        since: From when on pushes are expected.
        failure: Stays until a run succeeds.
        patient_until: Silence is no failure before.
    """

    since: datetime
    succeeded_at: datetime | None = None
    started_at: datetime | None = None
    failure: Failure | None = None
    patient_until: datetime | None = None


class Schedule(Protocol):
    def due(self, after: datetime, ahead: timedelta) -> datetime:
        """When the next push is due, after one at *after*."""
        ...

    def may_come(self, told: Told, grace: timedelta, since: datetime, until: datetime, ahead: timedelta) -> bool:
        """Whether one may have come in a time in which nobody could hear it."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    period: timedelta

    def due(self, after: datetime, ahead: timedelta) -> datetime:  # noqa: ARG002 - of both schedules
        return after + self.period

    def may_come(self, told: Told, grace: timedelta, since: datetime, until: datetime, ahead: timedelta) -> bool:
        due = self.due(heard_at(told), ahead)
        return until - since >= self.period or (due - grace <= until and due + grace >= since)


@dataclass(frozen=True)
class At:
    cron: Cron
    zone: ZoneInfo

    def due(self, after: datetime, ahead: timedelta) -> datetime:
        return next_after(self.cron, after + ahead + EARLY, self.zone) - ahead

    def may_come(self, told: Told, grace: timedelta, since: datetime, until: datetime, ahead: timedelta) -> bool:
        return self.due(max(heard_at(told), since - grace), ahead) <= until + EARLY


@dataclass(frozen=True)
class Terms:
    """What is expected of a check."""

    question: Question

    @cached_property
    def schedule(self) -> Schedule:
        if self.question.cron:
            return At(parse(self.question.cron), ZoneInfo(self.question.time_zone))
        return Every(timedelta(seconds=self.question.every))

    @property
    def grace(self) -> timedelta:
        return timedelta(seconds=self.question.grace)

    @property
    def text(self) -> str:
        """The schedule alone; with another one, what was due by the former is not."""
        asked = self.question
        return f"{asked.cron} {asked.time_zone}" if asked.cron else f"{asked.every:g}"


@dataclass(frozen=True, slots=True)
class Expected:
    """
    Attributes:
        due: When the next push is.
        deadline: From this instant on it has failed, unless something is told before.
    """

    due: datetime
    deadline: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands at an instant."""

    outcome: Outcome
    reason: Reason | None = None
    detail: str = ""
    body: str = ""
    notes: tuple[str, ...] = ()


def heard_at(told: Told) -> datetime:
    """From when on the next push is counted."""
    return max(told.since, told.succeeded_at or told.since)


def expected(told: Told, terms: Terms, ahead: timedelta) -> Expected:
    due = terms.schedule.due(heard_at(told), ahead)
    until = due + terms.grace
    if told.started_at is not None:
        until = min(until, told.started_at + terms.grace)
    return Expected(due, max(until, told.patient_until or until))


def standing(told: Told, terms: Terms, next_one: Expected, ahead: timedelta, at: datetime) -> Standing:
    """Args: next_one: What `expected` says of the same."""
    if told.failure is not None:
        failure = told.failure
        return Standing(outcome=Outcome.FAILED, reason=failure.reason, detail=failure.detail, body=failure.body)
    if at >= next_one.deadline:
        detail = _overdue(told, terms, next_one.due, ahead)
        return Standing(outcome=Outcome.FAILED, reason=Reason.TIMEOUT, detail=detail)
    if told.succeeded_at is None:
        note = f"nothing was pushed yet, which is well until {_utc(next_one.deadline + ahead)}"
        return Standing(outcome=Outcome.OK, notes=(note,))
    return Standing(outcome=Outcome.OK)


def _overdue(told: Told, terms: Terms, due: datetime, ahead: timedelta) -> str:
    if told.started_at is not None:
        run = f"the run that started at {_utc(told.started_at + ahead)} has not ended"
        grace = f"{terms.grace.total_seconds():g} s"
        return f"{run} within {grace}" if told.started_at < due else f"{run}; it was due at {_utc(due + ahead)}"
    last = f"since {_utc(told.succeeded_at + ahead)}" if told.succeeded_at is not None else "yet"
    return f"nothing was pushed {last}; it was due at {_utc(due + ahead)}"


def take(told: Told, push: Push, terms: Terms, ahead: timedelta, at: datetime) -> Told:
    """What is known after a push that came *at* an instant."""
    match push.event:
        case Event.SUCCEEDED:
            return Told(since=told.since, succeeded_at=at)
        case Event.FAILED:
            failure = Failure(at=at, reason=Reason.ASSERTION, detail=_words(push), body=push.body)
            return replace(told, started_at=None, failure=failure, patient_until=None)
        case Event.STARTED:
            now = standing(told, terms, expected(told, terms, ahead), ahead, at)
            if told.failure is not None or now.reason is None:
                return replace(told, started_at=at)
            # That it begins again does not make good what was not done.
            return replace(told, started_at=at, failure=Failure(at=at, reason=now.reason, detail=now.detail))


def _words(push: Push) -> str:
    lines = [line.strip() for line in push.body.splitlines() if line.strip()]
    what = "said that it failed" if push.status is None else f"ended with status {push.status}"
    return what + (f": {''.join(c if c.isprintable() else ' ' for c in lines[-1])[:160]}" if lines else "")


def away(told: Told, terms: Terms, ahead: timedelta, since: datetime, until: datetime) -> Told:
    """
    What may be held against a check after a time (since, until) in which nobody could hear it.

    After a short one, no longer than its grace, what is due waits for that long: who could not tell tries again. After
    a longer one whatever may have come meanwhile counts as come, a run that was under way as ended. What has failed
    before stays failed where nothing else was due meanwhile.
    """
    since = max(since, heard_at(told), told.started_at or since)
    if until <= since:
        return told
    short = until - since <= terms.grace
    if short:
        return told if told.failure is not None else _patient(told, terms, ahead, since, until)
    if terms.schedule.may_come(told, terms.grace, since, until, ahead):
        return Told(since=until, succeeded_at=told.succeeded_at)
    if told.started_at is not None and told.started_at + terms.grace >= since:
        return replace(told, started_at=None)
    return told


def _patient(told: Told, terms: Terms, ahead: timedelta, since: datetime, until: datetime) -> Told:
    overdue_before = expected(told, terms, ahead).deadline <= since
    return told if overdue_before else replace(told, patient_until=until + terms.grace)


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


# -- kept over a restart ----------------------------------------------------------------------------------------------


def to_json(told: Told) -> dict[str, object]:
    values = {key: value.isoformat() for key, value in _instants(told).items()}
    failure = asdict(told.failure) | {"at": told.failure.at.isoformat()} if told.failure is not None else None
    return {**values, "failure": failure}


def from_json(kept: Mapping[str, Any]) -> Told:
    instants = {key: datetime.fromisoformat(kept[key]) for key in _INSTANTS if key in kept}
    failure = kept.get("failure")
    if failure is not None:
        failure = Failure(
            at=datetime.fromisoformat(failure["at"]),
            reason=Reason(failure["reason"]),
            detail=failure["detail"],
            body=failure["body"],
        )
    return Told(**instants, failure=failure)


_INSTANTS: Final = ("since", "succeeded_at", "started_at", "patient_until")


def _instants(told: Told) -> dict[str, datetime]:
    return {key: at for key in _INSTANTS if (at := getattr(told, key)) is not None}

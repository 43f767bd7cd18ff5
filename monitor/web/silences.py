"""Silences as JSON values, and what a request for one must hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, TypedDict

from monitor.config.problems import Wrong
from monitor.config.values import duration
from monitor.core.muting import Silence
from monitor.web.bodies import Field, instant
from monitor.web.documents import timestamp
from monitor.web.problems import FieldProblem, HttpProblem

LONGEST: Final = timedelta(days=365)
"""What is to be quiet for longer is no silence: take the check out, or plan a window."""
MOST_ACTIVE: Final = 1000
"""Each commit of an incident asks all of them."""
SILENCE: Final = (
    Field(name="subject"),
    Field(name="comment", limit=1000),
    Field(name="by"),
    Field(name="until", required=False),
    Field(name="for", required=False),
)


class SilenceDocument(TypedDict):
    """
    `subject` is `SERVICE`, `SERVICE/CHECK` or `tag:TAG`. `active`: it mutes now. `expired_by` ended it at `expired_at`:
    a person, or `watchkeeper` when its time was over.
    """

    id: int
    subject: str
    author: str
    comment: str
    since: str
    until: str
    active: bool
    expired_at: str | None
    expired_by: str | None


def silence_document(silence: Silence, wall: datetime) -> SilenceDocument:
    return {
        "id": silence.number,
        "subject": silence.subject,
        "author": silence.author,
        "comment": silence.comment,
        "since": timestamp(silence.since),
        "until": timestamp(silence.until),
        "active": silence.is_active(wall),
        "expired_at": timestamp(silence.expired_at) if silence.expired_at else None,
        "expired_by": silence.expired_by or None,
    }


def until_of(values: dict[str, str], wall: datetime) -> datetime:
    """When a silence is to end, from `for` or `until`; raises HttpProblem 422."""
    if bool(values["for"]) == bool(values["until"]):
        found = "both" if values["for"] else "nothing"
        raise _wrong("until", found, "either until, an instant, or for, a duration like 2h")
    if values["for"]:
        try:
            return wall + duration(timedelta(seconds=1), LONGEST)(values["for"])
        except Wrong as wrong:
            raise _wrong("for", ascii(values["for"][:40]), wrong.fix) from None
    until = instant(values, "until")
    assert until is not None  # it was given
    if not wall < until <= wall + LONGEST:
        raise _wrong(
            "until", timestamp(until), f"an instant after {timestamp(wall)}, at most {LONGEST.days} days later"
        )
    return until


def _wrong(field: str, found: str, wanted: str) -> HttpProblem:
    return HttpProblem(422, f"1 problem in the body: {field}", errors=[FieldProblem(field, found, wanted)])

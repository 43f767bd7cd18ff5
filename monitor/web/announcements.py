"""What waits to be told to the team and to the public, as JSON values."""

from __future__ import annotations

from typing import Final, TypedDict

from monitor.config.public_text import LONGEST, STAGES
from monitor.response.case import Case
from monitor.response.notice import notice_of
from monitor.response.public import waiting
from monitor.response.updates import DRAFTED
from monitor.web.bodies import BY, Field
from monitor.web.documents import timestamp

UPDATE: Final = (*BY, Field(name="text", limit=4000, lines=True, required=False))
EDIT: Final = (*BY, Field(name="text", limit=4000, lines=True))
PUBLISH: Final = (
    *BY,
    Field(name="text", limit=LONGEST, lines=True, required=False),
    Field(name="stage", required=False, choices=STAGES),
    Field(name="notify", required=False, choices=("true", "false")),
)


class UpdateDraftDocument(TypedDict):
    """`edited`: a person wrote it; ours is written anew when it is sent."""

    text: str
    edited: bool
    drafted_at: str


class PublicDraftDocument(TypedDict):
    title: str
    text: str
    stage: str


class PublishedDocument(PublicDraftDocument):
    """`number`: of the texts of this incident, from 1. `notify`: subscribers are sent a message."""

    number: int
    notify: bool
    at: str


class AnnouncementsDocument(TypedDict):
    """`update`: of the team's next update. `public`: waits for a person's yes. Each null where there is none."""

    update: UpdateDraftDocument | None
    public: PublicDraftDocument | None
    published: PublishedDocument | None


def announcements_document(case: Case) -> AnnouncementsDocument:
    draft, notice = waiting(case), notice_of(case)
    return {
        "update": _update(case),
        "public": None if draft is None else {"title": draft.title, "text": draft.text, "stage": draft.stage},
        "published": None
        if notice is None
        else {
            "title": notice.title,
            "text": notice.text,
            "stage": notice.stage,
            "number": notice.number,
            "notify": notice.notify,
            "at": timestamp(notice.at),
        },
    }


def _update(case: Case) -> UpdateDraftDocument | None:
    drafted = case.newest(DRAFTED)
    if case.draft is None or drafted is None:
        return None
    return {
        "text": case.draft.text or drafted.text,
        "edited": bool(case.draft.text),
        "drafted_at": timestamp(drafted.wall),
    }

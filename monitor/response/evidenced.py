"""How a bundle of evidence is told: as an event of its incident, and as a part of every text that follows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from monitor.outlets.outlet import Attachment, Message
from monitor.response.communicate import TIMELINE
from monitor.response.entries import Told
from monitor.response.excerpts import clipped
from monitor.response.stabilise import GATHERED, Bundle


@dataclass(frozen=True, slots=True)
class Kept:
    """
    What is left of a bundle once it was gathered.

    Attributes:
        markdown: As it stands in the ticket.
    """

    markdown: str
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)


def told_of(found: Bundle, seconds: float) -> Told:
    attributes = {
        "seconds": round(seconds, 1),
        "files": [attachment.name for attachment in found.attachments],
        "missing": {title: clipped(why, escaped=False) for title, why in found.missing.items()},
    }
    return Told(GATHERED, found.summary, attributes)


def with_evidence(message: Message, commands: tuple[str, ...], kept: Kept | None) -> Message:
    """The message, and before its timeline the commands at hand and the evidence, as far as there are any."""
    parts = ["\n".join(["## Commands at hand", "", *commands])] if commands else []
    document = dict(message.document)
    if kept is not None:
        parts.append(f"## Evidence\n\n{kept.markdown.strip()}")
        document["evidence"] = {
            "markdown": kept.markdown,
            "files": [{"name": f.name, "media_type": f.media_type} for f in kept.attachments],
        }
    above, heading, timeline = message.markdown.partition(TIMELINE)
    return replace(
        message,
        markdown="\n\n".join([above.rstrip("\n"), *parts]) + "\n" + heading + timeline,
        document=document,
        attachments=(*message.attachments, *(kept.attachments if kept is not None else ())),
    )

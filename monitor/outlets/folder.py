"""
The tracker that needs no account: a folder with one Markdown file per incident, to be read, edited and kept in git.

The machine writes between two marks and nowhere else; what people write above or below stays. The first mark names the
incident and the last effect that the file has taken, so the file itself answers whether an effect was applied.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monitor.ledger.records import Effect, EffectKind
from monitor.outlets.files import replace_file
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Found, Message

_BEGIN: Final = re.compile(
    r"<!-- watchkeeper incident=(?P<incident>\S+) effects=(?P<order>\d+) last=(?P<key>\S+) -->\n?"
)
_END: Final = "<!-- watchkeeper end: yours is what stands below and above, it is kept -->"
_NOTES: Final = "\n## Notes\n\n"
_LONGEST_SERVICE: Final = 80  # characters of a file name; the whole stays below the 255 bytes of common filesystems


@dataclass(frozen=True, slots=True)
class TicketFile:
    """
    A ticket as text: what people wrote above, the machine's part, what people wrote below.

    Attributes:
        order, key: Of the last effect that was applied; 0 and empty when there is no readable mark.
    """

    above: str = ""
    below: str = _NOTES
    incident: str = ""
    order: int = 0
    key: str = ""

    @classmethod
    def parse(cls, text: str) -> TicketFile:
        begin = _BEGIN.search(text)
        end = text.find(_END, begin.end()) if begin else -1
        if begin is None or end < 0:
            # Someone removed a mark. Better a part that stands there twice than a sentence of theirs that is lost.
            incident = begin["incident"] if begin else ""
            return cls(below="\n" + _BEGIN.sub("", text).replace(_END, ""), incident=incident)
        return cls(
            above=text[: begin.start()],
            below=text[end + len(_END) :].removeprefix("\n"),
            incident=begin["incident"],
            order=int(begin["order"]),
            key=begin["key"],
        )

    def has_applied(self, effect: Effect) -> bool:
        """Effects of one incident and outlet come in order, so the last one stands for all before it."""
        return self.incident == effect.incident and (effect.order < self.order or effect.key == self.key)

    def written_with(self, effect: Effect, message: Message) -> str:
        begin = f"<!-- watchkeeper incident={message.incident} effects={effect.order} last={effect.key} -->"
        return f"{self.above}{begin}\n{_machine_part(effect, message)}\n{_END}\n{self.below}"


class FolderOutlet:
    def __init__(self, folder: Path, name: str = "folder") -> None:
        self.folder = folder
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def deliver(self, effect: Effect, message: Message, external_id: str) -> Delivery:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self._find(effect.incident, external_id) or self._new_path(message)
            found = _read(path, message.notes or _NOTES)
            if found.has_applied(effect):
                return _confirmed(path, "was applied before")
            for attached in message.attachments:
                # Before the document: its mark says that all of it is there.
                replace_file(path.with_name(path.stem + attached.suffix), attached.content)
            replace_file(path, found.written_with(effect, message).encode("utf-8", "surrogateescape"))
        except OSError as error:
            return self._not_now(error)
        return _confirmed(path, "reopened" if effect.kind is EffectKind.REOPEN else "written")

    def reconcile(self, effect: Effect, external_id: str) -> Delivery | None:
        try:
            path = self._find(effect.incident, external_id)
            if path is None or not _read(path).has_applied(effect):
                return None
        except OSError as error:
            return self._not_now(error)
        return _confirmed(path, "found in the file")

    def look(self, incident: str, external_id: str) -> Found | Delivery:
        try:
            path = self._find(incident, external_id)
        except OSError as error:
            return self._not_now(error)
        if path is None:
            return Found(external_id=external_id, gone="is not in the folder any more: the next update makes it again")
        return Found(external_id=path.name)

    def _find(self, incident: str, external_id: str) -> Path | None:
        """The incident's file: where we left it, or wherever in the folder someone has renamed it to."""
        known = self.folder / Path(external_id).name if external_id else None
        if known is not None and known.is_file() and _read(known).incident in (incident, ""):
            return known
        candidates = sorted(self.folder.glob("*.md")) if self.folder.is_dir() else []
        return next((path for path in candidates if _read(path).incident == incident), None)

    def _new_path(self, message: Message) -> Path:
        stem = file_part(message.name) if message.name else f"INC-{message.number:04d}-{file_part(message.service)}"
        path = self.folder / f"{stem}.md"
        # A ledger that was begun anew counts from 1 again, and the old tickets are still here.
        return self.folder / f"{stem}-{file_part(message.incident)[-8:]}.md" if path.exists() else path

    def _not_now(self, error: OSError) -> Delivery:
        path = error.filename or self.folder
        return Delivery(outcome=DeliveryOutcome.RETRY, detail=f"cannot write {path}: {error.strerror or error}")


def file_part(text: str) -> str:
    """*text* as a part of a file name: no separators, nothing hidden, nothing a shell would read."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-.")[:_LONGEST_SERVICE] or "unnamed"


def _machine_part(effect: Effect, message: Message) -> str:
    # What is added to it afterwards, an action item or the meeting, does not open it again.
    is_closed = effect.kind is EffectKind.CLOSE or message.status == "resolved"
    heading = message.heading or ("Ticket closed" if is_closed else "Ticket open")
    lines = [" · ".join(part for part in (f"**{heading}**", message.severity, message.status) if part), ""]
    if message.degraded:
        lines += [f"> {message.degraded}", ""]
    # A target's answer may stand in the text; it must not be able to end the machine's part.
    lines.append(message.markdown.replace("<!-- watchkeeper", "&lt;!-- watchkeeper").strip("\n"))
    return "\n".join(lines)


def _confirmed(path: Path, detail: str) -> Delivery:
    return Delivery(
        outcome=DeliveryOutcome.CONFIRMED,
        detail=f"{path.name}: {detail}",
        external_id=path.name,
        url=path.resolve().as_uri(),
    )


def _read(path: Path, notes: str = _NOTES) -> TicketFile:
    """An absent file is an empty ticket with *notes* below. What is no UTF-8 is carried through as it is."""
    try:
        return TicketFile.parse(path.read_bytes().decode("utf-8", "surrogateescape"))
    except FileNotFoundError:
        return TicketFile(below=notes)

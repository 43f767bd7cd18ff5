"""
Where evidence is kept: `STATE/evidence/INCIDENT/`, its files and, written last, a list of them with the text.

A bundle without that list was not finished and is none.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import msgspec
from loguru import logger

from monitor.outlets.files import replace_file
from monitor.outlets.outlet import Attachment
from monitor.response.evidenced import Kept

MOST_KEPT: Final = 1_000
"""Incidents. With a picture and logs each has a few hundred kilobytes; those of the oldest go."""
_STEM: Final = "incident"


class _Listed(msgspec.Struct):
    suffix: str
    media_type: str


class _Index(msgspec.Struct):
    markdown: str
    files: list[_Listed]


class EvidenceFiles:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, incident: str, part: int, markdown: str, attachments: tuple[Attachment, ...]) -> None:
        """*part*: which of the incident's bundles it is, from 1 on. Raises OSError."""
        folder = self._folder / incident
        if not folder.exists():
            self._make_room()
        folder.mkdir(parents=True, exist_ok=True)
        for attachment in attachments:
            replace_file(folder / (_STEM + attachment.suffix), attachment.content)
        index = _Index(markdown, [_Listed(a.suffix, a.media_type) for a in attachments])
        replace_file(folder / f"bundle-{part}.json", msgspec.json.encode(index))

    def read(self, incident: str) -> Kept | None:
        """The newest bundle of an incident. A file of it that is gone is left out."""
        folder = self._folder / incident
        try:
            newest = max(folder.glob("bundle-*.json"), key=lambda path: int(path.stem.removeprefix("bundle-")))
            index = msgspec.json.decode(newest.read_bytes(), type=_Index)
        except ValueError:  # none, or a name or content that is not ours
            return None
        except OSError as error:
            logger.warning("the evidence of {} cannot be read: {}", incident, error.strerror or error)
            return None
        found = [_attachment(folder, listed) for listed in index.files]
        return Kept(index.markdown, tuple(attachment for attachment in found if attachment is not None))

    def _make_room(self) -> None:
        if not self._folder.is_dir():
            return
        # The names are ULIDs: they sort by the time that they were made.
        kept = sorted(entry.name for entry in self._folder.iterdir())
        for name in kept[: max(0, len(kept) + 1 - MOST_KEPT)]:
            shutil.rmtree(self._folder / name, ignore_errors=True)


def _attachment(folder: Path, listed: _Listed) -> Attachment | None:
    try:
        return Attachment(listed.suffix, listed.media_type, (folder / (_STEM + listed.suffix)).read_bytes())
    except OSError:
        return None

"""
The public's page as files in a folder that any web server can serve. `status.json` is written last and says what all of
them have, so whoever was interrupted does it once more and nothing stands there twice.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from monitor.ledger.records import Effect
from monitor.outlets.files import replace_file
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message
from monitor.outlets.status.board import GENERATOR, Board, NotOurs, from_json, to_json
from monitor.outlets.status.page import feed, page

DOCUMENT: Final = "status.json"
PAGE: Final = "index.html"
FEED: Final = "feed.rss"
_FOLDER_MODE: Final = 0o755
_FILE_MODE: Final = 0o644
"""A web server runs as somebody else, and the umask of a service hides what it makes."""
_LARGEST: Final = 64 * 1024 * 1024  # bytes; ours has a few hundred thousand


class StatusFilesOutlet:
    """
    Args:
        url: Where the folder is served, for the feed; empty when nobody said so.
        wall: What the wall clock says.
    """

    def __init__(self, folder: Path, url: str = "", wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.folder = folder
        self._url = url
        self._wall = wall

    def __repr__(self) -> str:
        return f"StatusFilesOutlet({self.folder})"

    @property
    def name(self) -> str:
        return "status"

    def deliver(self, effect: Effect, message: Message, external_id: str) -> Delivery:  # noqa: ARG002 - every outlet is given it
        notice = message.public
        if notice is None:
            return Delivery(outcome=DeliveryOutcome.CONFIRMED, detail="no text for the public was approved")
        try:
            self._make_folder()
            board = self._read()
            known = board.of(effect.incident)
            if known is not None and known.has(notice):
                return self._confirmed(effect, f"text {notice.number} was published before")
            now = self._wall()
            self._write(board.with_(effect.incident, notice, effect.order).kept(now, effect.incident), now)
        except NotOurs as strange:
            return _later(str(strange))
        except OSError as error:
            return _not_now(error, self.folder)
        return self._confirmed(effect, f"text {notice.number} is published")

    def reconcile(self, effect: Effect, external_id: str) -> Delivery | None:  # noqa: ARG002
        try:
            known = self._read().of(effect.incident)
        except NotOurs as strange:
            return _later(str(strange))
        except OSError as error:
            return _not_now(error, self.folder)
        if known is None or known.order < effect.order:
            return None
        return self._confirmed(effect, "was published before")

    def _make_folder(self) -> None:
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True)
            self.folder.chmod(_FOLDER_MODE)

    def _read(self) -> Board:
        """Raises NotOurs also where another's page is in the folder: it must not be written over."""
        document = self.folder / DOCUMENT
        try:
            with document.open("rb") as file:
                return from_json(file.read(_LARGEST).decode("utf-8", "replace"))
        except FileNotFoundError:
            pass
        except NotOurs as strange:
            raise NotOurs(f"{document} is not ours: {strange}; move it away, or choose another folder") from None
        for name in (PAGE, FEED):
            with suppress(FileNotFoundError), (self.folder / name).open("rb") as file:
                if GENERATOR.encode() not in file.read(4096):
                    raise NotOurs(f"{self.folder / name} is not ours; move it away, or choose another folder")
        return Board()

    def _write(self, board: Board, now: datetime) -> None:
        for name, text in (
            (PAGE, page(board, now)),
            (FEED, feed(board, now, self._url)),
            (DOCUMENT, to_json(board, now)),
        ):
            replace_file(self.folder / name, text.encode("utf-8", "replace"), _FILE_MODE)

    def _confirmed(self, effect: Effect, detail: str) -> Delivery:
        url = self._url or (self.folder / PAGE).absolute().as_uri()
        return Delivery(outcome=DeliveryOutcome.CONFIRMED, detail=detail, external_id=effect.incident, url=url)


def _later(detail: str) -> Delivery:
    return Delivery(outcome=DeliveryOutcome.RETRY, detail=detail)


def _not_now(error: OSError, folder: Path) -> Delivery:
    return _later(f"cannot write {error.filename or folder}: {error.strerror or error}")

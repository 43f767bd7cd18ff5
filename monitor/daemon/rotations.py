"""
Who is on call, by the calendars of the contacts: read by a thread of its own every five minutes, so that an incident
that opens asks nobody and waits for nobody. What was read well last is kept in the state folder.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from loguru import logger

from monitor.config import Config
from monitor.core.rotation import Shift
from monitor.response.duty import Duty, Rota
from monitor.response.triage import utc
from monitor.sources.rotas import Place, Unread, read, rows_of, shifts_of

READ_EVERY: Final = 300.0  # seconds
KEPT: Final = "rotations.json"

Read = Callable[[Place, str, datetime], tuple[Shift, ...]]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """
    Attributes:
        key: As people know it: `contacts.scribe.rotation`.
        which: A field of `Duty`.
        zone: Of times in it that say none.
    """

    key: str
    role: str
    which: str
    place: Place
    zone: str

    @property
    def identity(self) -> str:
        """Of what is read, without showing it: what was kept of another calendar is nobody's duty here."""
        return hashlib.sha256(f"{self.zone}\0{self.place.file}\0{self.place.url}".encode()).hexdigest()


class Rotations:
    """
    Args:
        wall: The wall clock, UTC.
    """

    def __init__(self, config: Config, wall: Callable[[], datetime], read: Read = read) -> None:
        self._file = config.monitor.state / KEPT
        self._wall = wall
        self._read = read
        self._wanted = tuple(_wanted(config))
        self._rotas: dict[str, Rota] = {}
        if self._wanted:
            self._restore()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def duties(self) -> Mapping[str, Duty]:
        found: dict[str, Duty] = {}
        rotas = self._rotas
        for one in self._wanted:
            rota = rotas.get(one.identity, Rota())
            found[one.role] = replace(found.get(one.role, Duty()), **{one.which: rota})
        return found

    def start(self) -> None:
        if self._wanted and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="rotations", daemon=True)
            self._thread.start()

    def replace(self, config: Config) -> None:
        """From now on these; each is read anew."""
        self._wanted = tuple(_wanted(config))
        self._wake.set()
        self.start()

    def stop(self) -> None:
        """Waits for nothing: what is being read is read again after the next start."""
        self._stopping = True
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                self.turn()
            except Exception as error:  # of ours: the duties of before stay
                logger.opt(exception=error).error("rotations: an error of our own, going on")
            self._wake.wait(READ_EVERY)

    def turn(self) -> None:
        """Reads each calendar once."""
        rotas: dict[str, Rota] = {}
        news = False
        for identity, several in _by_identity(self._wanted).items():
            before = self._rotas.get(identity, Rota())
            try:
                shifts = self._read(several[0].place, several[0].zone, self._wall())
            except Unread as unread:
                rotas[identity] = replace(before, trouble=str(unread))
            else:
                rotas[identity], news = Rota(shifts, self._wall()), True
            self._say(several, before, rotas[identity])
        self._rotas = rotas
        if news:
            self._keep(rotas)

    def _say(self, several: list[_Wanted], before: Rota, after: Rota) -> None:
        keys = ", ".join(one.key for one in several)
        if after.trouble and after.trouble != before.trouble:
            use = f"what was read at {utc(after.read_at)} is used" if after.read_at else "the contact by name is used"
            logger.warning("{}: cannot be read: {}; {}", keys, after.trouble, use)
        elif before.trouble and not after.trouble:
            logger.info("{}: can be read again", keys)

    def _keep(self, rotas: Mapping[str, Rota]) -> None:
        kept = {
            identity: {"read_at": rota.read_at.isoformat(), "shifts": rows_of(rota.shifts)}
            for identity, rota in rotas.items()
            if rota.read_at is not None
        }
        new = self._file.with_suffix(".new")
        try:
            new.write_text(json.dumps(kept), encoding="utf-8")
            new.replace(self._file)
        except OSError as error:
            logger.warning("rotations: {} cannot be written: {}", self._file, error.strerror)

    def _restore(self) -> None:
        try:
            kept: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
            self._rotas = {
                identity: Rota(shifts_of(one["shifts"]), datetime.fromisoformat(one["read_at"]))
                for identity, one in kept.items()
            }
        except FileNotFoundError:
            return
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            logger.warning("rotations: {} cannot be read and is made anew: {}", self._file, type(error).__name__)


def _wanted(config: Config) -> Iterator[_Wanted]:
    for role, contact in config.contacts.items():
        for which, key, rotation in (
            ("primary", "rotation", contact.rotation),
            ("backup", "backup_rotation", contact.backup_rotation),
        ):
            if rotation is not None:
                url = rotation.url.get_secret_value() if rotation.url is not None else ""
                place = Place(file=str(rotation.file or ""), url=url)
                yield _Wanted(f"contacts.{role}.{key}", role, which, place, config.monitor.time_zone)


def _by_identity(wanted: tuple[_Wanted, ...]) -> dict[str, list[_Wanted]]:
    found: dict[str, list[_Wanted]] = {}
    for one in wanted:
        found.setdefault(one.identity, []).append(one)
    return found

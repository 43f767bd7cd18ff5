"""`contacts`: who takes which role, by name and by the calendars of who is on call."""

from __future__ import annotations

from pathlib import Path as FilePath

from pydantic import SecretStr

from monitor.config import config
from monitor.config.places import url
from monitor.config.problems import Path, Wrong
from monitor.config.reading import Reading
from monitor.config.shape import Root
from monitor.config.shape.people import Contact, Rotation

_KEYS = ("file", "url", "url_file")


def contacts_of(root: Root, reading: Reading) -> dict[str, config.Contact]:
    """What comes back is only of use when nothing was told."""
    return {role: _contact(contact, ("contacts", role), reading) for role, contact in (root.contacts or {}).items()}


def contact_secrets(root: Root) -> set[str]:
    """Addresses of calendars that stand in the file itself."""
    contacts = (root.contacts or {}).values()
    rotations = [r for contact in contacts for r in (contact.rotation, contact.backup_rotation) if r is not None]
    return {rotation.url.get_secret_value() for rotation in rotations if rotation.url is not None}


def _contact(written: Contact, path: Path, reading: Reading) -> config.Contact:
    rotations = {
        key: _rotation(rotation, (*path, key), reading)
        for key in ("rotation", "backup_rotation")
        if (rotation := getattr(written, key)) is not None
    }
    return config.Contact(primary=written.primary, backup=written.backup, **rotations)


def _rotation(written: Rotation, path: Path, reading: Reading) -> config.Rotation:
    given = [key for key in _KEYS if getattr(written, key) is not None]
    if not given and not any(reading.is_wrong((*path, key)) for key in _KEYS):
        reading.tell(path, "there is no calendar", "Add file: FILE.ics, url_file: FILE, or url: ${NAME}.")
    if len(given) > 1:
        reading.tell((*path, given[1]), f"{given[0]} is set as well", "Keep one of them.")
    return config.Rotation(file=_file(written.file, (*path, "file"), reading), url=_url(written, path, reading))


def _file(name: str | None, path: Path, reading: Reading) -> FilePath | None:
    if name is None:
        return None
    # Not among the files that are the configuration: a shift that is swapped changes nothing of that.
    file = reading.beside(name, path)
    if not file.is_file():
        reading.tell(path, "there is no such file", "Name an iCalendar file, relative to this one.")
    return file


def _url(written: Rotation, path: Path, reading: Reading) -> SecretStr | None:
    if written.url_file is None:
        return written.url
    content = reading.file_content(written.url_file, (*path, "url_file"))
    try:
        return SecretStr(url(content) if content else "")
    except Wrong as wrong:
        reading.tell((*path, "url_file"), f"what is in the file {wrong.found}", wrong.fix)
        return None

"""Where texts for the public are shown: a folder of files, a page of Statuspage."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Final

from pydantic import SecretStr

from monitor.config import config
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape import Root
from monitor.config.shape.statuspage import Statuspage

PATH: Final[Path] = ("status_page",)

_ID: Final = re.compile(r"[A-Za-z0-9]+")
"""It becomes a part of the path that is asked."""


def with_places(
    page: config.StatusPage | None,
    root: Root,
    reading: Reading,
    folder: Callable[[str | None, Path], FilePath | None],
) -> config.StatusPage | None:
    """
    *page* and where it is shown. What comes back is only of use when nothing was told.

    Args:
        folder: A folder by its name and where that stands.
    """
    written = root.status_page
    if page is None or written is None:
        return page
    if written.url is not None and written.folder is None and not reading.is_wrong((*PATH, "folder")):
        reading.tell((*PATH, "url"), "there is no folder that is served there", "Add folder: FOLDER, or leave it out.")
    places = {
        "folder": folder(written.folder, (*PATH, "folder")),
        "url": written.url or "",
        "statuspage": _statuspage(written.statuspage, root, reading) if written.statuspage else None,
    }
    return page.model_copy(update=places)


def status_secrets(root: Root) -> set[str]:
    """Those that stand in the file itself."""
    key = root.status_page.statuspage.api_key if root.status_page and root.status_page.statuspage else None
    return {key.get_secret_value()} if key else set()


def _statuspage(written: Statuspage, root: Root, reading: Reading) -> config.Statuspage:
    path: Path = (*PATH, "statuspage")
    if written.page is None and not reading.is_wrong((*path, "page")):
        reading.tell(path, "there is no page", "Add page: ID, which its API settings show.")
    _enforce_id(written.page, (*path, "page"), "a page", reading)
    services = root.services or {}
    for service, component in (written.components or {}).items():
        place: Path = (*path, "components", service)
        _enforce_id(component, place, "a component", reading)
        if service not in services and not reading.is_wrong(("services",)):
            close = get_close_matches(service, services, n=1)
            fix = f"Did you mean {close[0]}?" if close else f"There are {', '.join(sorted(services))}."
            reading.tell(place, f"no service is called {service}", fix)
    given = {
        "components": written.components,
        "url": written.url.rstrip("/") if written.url else None,
    }
    return config.Statuspage.model_validate(
        {
            "page": written.page or "",
            "api_key": _key(written, path, reading),
            **{key: value for key, value in given.items() if value is not None},
        }
    )


def _key(written: Statuspage, path: Path, reading: Reading) -> SecretStr:
    """From the file or from the key itself, and never from both."""
    if written.api_key_file is not None:
        if written.api_key is not None:
            reading.tell((*path, "api_key_file"), "api_key is set as well", "Keep one of them.")
        return SecretStr(reading.file_content(written.api_key_file, (*path, "api_key_file")))
    if written.api_key is None and not reading.is_wrong(path):
        reading.tell(path, "there is no api_key", "Add api_key_file: FILE or api_key: ${NAME}.")
    return written.api_key or SecretStr("")


def _enforce_id(value: str | None, path: Path, what: str, reading: Reading) -> None:
    if value is not None and not _ID.fullmatch(value):
        fix = "It has letters and digits alone; the page's API settings and the addresses of its components show it."
        reading.tell(path, f"{reading.written(path)} is not the id of {what}", fix)

"""`pages`: who is woken, and by which secret."""

from __future__ import annotations

from pydantic import SecretStr

from monitor.config import config
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape import Root
from monitor.config.shape.pages import Pagerduty

PATH: Path = ("pages",)


def pages_of(root: Root, reading: Reading) -> config.Pages:
    """What comes back is only of use when nothing was told."""
    written = root.pages
    if written is None:
        return config.Pages()
    if not written.model_fields_set and not reading.is_wrong(PATH):
        reading.tell(PATH, "wakes nobody", "Add pagerduty: {routing_key_file: FILE}.")
    return config.Pages(pagerduty=_pagerduty(written.pagerduty, reading) if written.pagerduty else None)


def page_secrets(root: Root) -> set[str]:
    """Those that stand in the file itself."""
    pagerduty = root.pages.pagerduty if root.pages else None
    return {pagerduty.routing_key.get_secret_value()} if pagerduty and pagerduty.routing_key else set()


def _pagerduty(written: Pagerduty, reading: Reading) -> config.Pagerduty:
    path: Path = (*PATH, "pagerduty")
    key = written.routing_key
    if written.routing_key_file is not None:
        if key is not None:
            reading.tell((*path, "routing_key_file"), "routing_key is set as well", "Keep one of them.")
        key = SecretStr(reading.file_content(written.routing_key_file, (*path, "routing_key_file")))
    elif key is None and not reading.is_wrong(path):
        reading.tell(path, "there is no routing_key", "Add routing_key_file: FILE or routing_key: ${NAME}.")
    url = {} if written.url is None else {"url": written.url.rstrip("/")}
    return config.Pagerduty(routing_key=key or SecretStr(""), **url)

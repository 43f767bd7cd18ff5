"""`status_page`: the text for the public, and who lets it go out."""

from __future__ import annotations

from typing import Final

from monitor.config import config
from monitor.config.problems import Path
from monitor.config.public_text import LONGEST_TEMPLATE, BadTemplate, check_template, default_template
from monitor.config.reading import Reading
from monitor.config.shape import Root
from monitor.config.values import show

PATH: Final[Path] = ("status_page",)
_FIX: Final = "docs/templates/status.md is one that works; its variables are listed in docs/communicate.md."


def status_page_of(root: Root, reading: Reading) -> config.StatusPage | None:
    """The template is tried here: a mistake in it must not wait for the night of an incident."""
    written = root.status_page
    if written is None:
        return None
    template = default_template() if written.template is None else _template(written.template, reading)
    given = {key: value for key in ("publish", "notify") if (value := getattr(written, key)) is not None}
    return config.StatusPage(template=template, **given)


def _template(name: str, reading: Reading) -> str:
    path: Path = (*PATH, "template")
    file = reading.file_path(name, path)
    try:
        with file.open("rb") as stream:
            data = stream.read(LONGEST_TEMPLATE + 1)
        if len(data) > LONGEST_TEMPLATE:
            raise BadTemplate(0, f"it is larger than {LONGEST_TEMPLATE} bytes")
        text = data.decode()
        check_template(text)
    except OSError as error:
        found = f"the file cannot be read: {(error.strerror or 'refused').lower()}"
        reading.tell(path, found, "Correct the name; a relative one is looked for beside this file.")
    except UnicodeDecodeError:
        reading.tell(path, "the file is not text", "Save it as UTF-8.")
    except BadTemplate as wrong:
        where = f", line {wrong.line}" if wrong.line else ""
        reading.tell(path, f"the template cannot be filled{where}: {wrong}", _FIX)
    else:
        return text
    return ""


def enforce(root: Root, reading: Reading) -> None:
    """A draft that waits for longer than the grid would never be sent."""
    incidents = root.incidents
    wait = incidents.auto_send_after if incidents else None
    every = (incidents and incidents.update_every) or config.Incidents().update_every
    if wait is not None and wait >= every:
        found = f"{show(wait)} is not shorter than update_every, {show(every)}"
        reading.tell(("incidents", "auto_send_after"), found, "A draft is to be sent before the next one is due.")

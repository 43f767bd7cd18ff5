"""
One message to some addresses, run as `python -m monitor.outlets.apprise.send`: it ends with whatever hangs in it, and
apprise is loaded by nobody else.

It reads `{"urls": [...], "title": ..., "body": ...}` and writes, as soon as each is done, one line of JSON for each
address in its place: `["sent", ""]`, `["failed", why]`, or `["unknown", ""]` of an address that apprise does not know.
*why* is the status that the other side answered, `no connection` where none was made, or empty where that cannot be
told: an address may have several receivers, of whom some have it already. What apprise says itself holds addresses,
which are credentials, and is said to nobody.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Final

NO_CONNECTION: Final = "no connection"
_STATUS: Final = re.compile(r"error=(\d{3})\b")
_NEVER_LEFT: Final = re.compile(
    r"NewConnectionError|NameResolutionError|Connection refused|Name or service not known|No route to host"
    r"|Temporary failure in name resolution"
)


class Heard(logging.Handler):
    """What apprise logs of one address: all that it tells of why."""

    def __init__(self) -> None:
        super().__init__()
        self._status = ""
        self._has_sent = False
        self._broken: list[bool] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        if found := _STATUS.search(said):
            self._status = found[1]
        # Of what it logs as done; below that stands the message, which may say anything.
        if record.levelno == logging.INFO and "sent" in said.lower():
            self._has_sent = True
        if said.startswith("Socket Exception"):
            self._broken.append(_NEVER_LEFT.search(said) is not None)

    @property
    def why(self) -> str:
        if self._has_sent or not all(self._broken):
            return ""
        return self._status or (NO_CONNECTION if self._broken else "")


def main() -> None:
    import apprise

    asked = json.load(sys.stdin)
    told = logging.getLogger("apprise")
    told.setLevel(logging.DEBUG)
    told.propagate = False
    asset = apprise.AppriseAsset(app_id="Watchkeeper", app_desc="Watchkeeper", app_url="", async_mode=False)
    for url in asked["urls"]:
        told.handlers = [heard := Heard()]
        one = apprise.Apprise(asset=asset)
        if not one.add(url):
            result = ("unknown", "")
        elif one.notify(title=asked["title"], body=asked["body"], body_format=apprise.NotifyFormat.TEXT):
            result = ("sent", "")
        else:
            result = ("failed", heard.why)
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

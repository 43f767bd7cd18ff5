"""
One message to some addresses, run as `python -m monitor.outlets.apprise.send`: it ends with whatever hangs in it, and
apprise is loaded by nobody else.

It reads `{"urls": [...], "title": ..., "body": ...}` and writes, as soon as each is done, one line of JSON for each
address in its place: `["sent", ""]`, `["failed", "503"]` with the status that the other side answered, if apprise tells
it, or `["unknown", ""]` of an address that apprise does not know. What apprise says itself holds addresses, which are
credentials, and is said to nobody.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Final

_STATUS: Final = re.compile(r"error=(\d{3})\b")


class _Statuses(logging.Handler):
    """The last status that apprise logged."""

    def __init__(self) -> None:
        super().__init__()
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        if found := _STATUS.search(record.getMessage()):
            self.last = found[1]


def main() -> None:
    import apprise

    asked = json.load(sys.stdin)
    statuses = _Statuses()
    told = logging.getLogger("apprise")
    told.addHandler(statuses)
    told.propagate = False
    asset = apprise.AppriseAsset(app_id="Watchkeeper", app_desc="Watchkeeper", app_url="", async_mode=False)
    for url in asked["urls"]:
        statuses.last = ""
        one = apprise.Apprise(asset=asset)
        if not one.add(url):
            result = ("unknown", "")
        elif one.notify(title=asked["title"], body=asked["body"], body_format=apprise.NotifyFormat.TEXT):
            result = ("sent", "")
        else:
            result = ("failed", statuses.last)
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

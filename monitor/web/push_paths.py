"""What a request to `/push/TOKEN` tells: by its path what happened."""

from __future__ import annotations

from monitor.core.pushes import Event, Push
from monitor.web.problems import HttpProblem

PUSH_BODY = 2048
"""Bytes that are kept, of the end: where a job says why it failed."""


def pushed(said: str) -> Push:
    """What the part of the path behind the token says; raises HttpProblem 404."""
    match said:
        case "":
            return Push(event=Event.SUCCEEDED)
        case "start":
            return Push(event=Event.STARTED)
        case "fail":
            return Push(event=Event.FAILED)
    if said.isascii() and said.isdigit() and len(said) <= 3 and int(said) <= 255:
        status = int(said)
        return Push(event=Event.FAILED if status else Event.SUCCEEDED, status=status)
    raise HttpProblem(404, "behind the token comes start, fail, an exit status from 0 to 255, or nothing")

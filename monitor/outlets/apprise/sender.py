"""Runs send.py for one message, bounded in time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from monitor.outlets.apprise.send import NO_CONNECTION
from monitor.outlets.http import outcome_of
from monitor.outlets.outlet import DeliveryOutcome

PATIENCE: Final = 30.0
"""Seconds to begin with, for a machine under load to load apprise."""
PATIENCE_EACH: Final = 15.0
"""Seconds for one address: apprise waits four to connect and four for an answer, of whatever it asks in turn."""
_COMMAND: Final = (sys.executable, "-m", "monitor.outlets.apprise.send")


class Sent(StrEnum):
    YES = "sent"
    NO = "not sent"  # surely
    NEVER = "refused"  # and it never will be
    PERHAPS = "sent or not"


@dataclass(frozen=True, slots=True)
class Result:
    """
    Attributes:
        why: In words, after the kind of the address; empty where there is nothing to say.
    """

    sent: Sent
    why: str = ""


_BY_OUTCOME: Final = {
    DeliveryOutcome.CONFIRMED: Sent.PERHAPS,  # a success that apprise took for none
    DeliveryOutcome.AMBIGUOUS: Sent.PERHAPS,
    DeliveryOutcome.RETRY: Sent.NO,
    # A wrong password at one address is no reason to pause the others.
    DeliveryOutcome.UNAUTHORISED: Sent.NO,
    DeliveryOutcome.REFUSED: Sent.NEVER,
}


def send(urls: Sequence[str], title: str, body: str) -> list[Result]:
    """One result for each address, in their order."""
    asked = json.dumps({"urls": list(urls), "title": title, "body": body})
    # A proxy of the environment would see every incident, as with every outlet.
    environ = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    try:
        ended = subprocess.run(
            _COMMAND, input=asked.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ,
            timeout=PATIENCE + PATIENCE_EACH * len(urls), check=False,
        )  # fmt: skip
        said, otherwise = ended.stdout, f"its process ended with {ended.returncode}"
    except subprocess.TimeoutExpired as late:
        said, otherwise = late.stdout or b"", "it took too long"
    except OSError as error:
        return [Result(Sent.NO, f"could not be begun: {error.strerror}")] * len(urls)
    results = [read(line) for line in said.splitlines()[: len(urls)]]
    return results + [Result(Sent.PERHAPS, otherwise)] * (len(urls) - len(results))


def read(line: bytes) -> Result:
    try:
        what, status = json.loads(line)
    except ValueError:
        return Result(Sent.PERHAPS, "it said nothing that can be read")
    if what == "sent":
        return Result(Sent.YES)
    if what == "unknown":
        return Result(Sent.NEVER, "apprise does not know such an address")
    if status == NO_CONNECTION:
        return Result(Sent.NO, status)
    if not status:
        return Result(Sent.PERHAPS, "failed")
    return Result(_BY_OUTCOME[outcome_of(int(status))], f"answered {status}")

"""The socket on which the monitor and whoever runs a mitigation meet, and the two words that it says there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SOCKET: Final = "mitigate.sock"
YES: Final = b"yes\n"
"""To a command: it may be run. Said once to each approval."""
HEARD: Final = b"heard\n"
"""To what came of it: it is in the ledger."""


@contextmanager
def address(folder: Path) -> Iterator[str]:
    """Its path there, for as long as it is needed. A path of a socket has 107 bytes at most, and a folder many more."""
    descriptor = os.open(folder, os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)

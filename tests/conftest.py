"""What holds for every test."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import settings

# A test never asserts a time, and on a busy machine one example of a property may take any.
# The same examples each time, so that the suite says the same twice; `--hypothesis-profile hunt` looks for others.
settings.register_profile("watchkeeper", deadline=None, derandomize=True)
settings.register_profile("hunt", deadline=None, max_examples=1000)
settings.load_profile("watchkeeper")


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A port for a server that must be told one, of those that the system gives to nobody who asks for any."""

    def look() -> int:
        while True:
            port = random.SystemRandom().randrange(15_000, 32_000)
            with socket.socket() as free, suppress(OSError):
                free.bind(("127.0.0.1", port))
                return port

    return look

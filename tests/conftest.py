"""What holds for every test."""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

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


@pytest.fixture
def plug_in(tmp_path: Path) -> Callable[..., Path]:
    """
    `plug_in(kind, source)`: a package as pip would leave it, in a folder that has to be on the path: the module
    `plugged_KIND`, and the entry point that names it.
    """

    def plug_in(kind: str, source: str, *, package: str = "", version: str = "1.0") -> Path:
        package = package or f"watchkeeper-{kind}"
        site = tmp_path / "site"
        about = site / f"{package.replace('-', '_')}-{version}.dist-info"
        about.mkdir(parents=True, exist_ok=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        (about / "entry_points.txt").write_text(f"[watchkeeper.checks]\n{kind} = plugged_{kind}\n")
        (site / f"plugged_{kind}.py").write_text(source)
        return site

    return plug_in


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have counted, whichever process they ran in."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, text in report.user_properties:
            if name == "counted":
                terminalreporter.write_line(f"{report.nodeid.rpartition('/')[2]}: {text}")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """
    What failed is remembered by the name that it has when nothing runs in parallel: `make test` asks it once more. A
    worker calls a test of a group NAME@GROUP, and for a name that nobody knows pytest asks everything.
    """
    if (remembered := session.config.pluginmanager.get_plugin("lfplugin")) is not None:
        remembered.lastfailed = {re.sub(r"@[\w-]+$", "", name): True for name in remembered.lastfailed}

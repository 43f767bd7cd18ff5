"""An engine that fails its test on any bug of ours, and servers that end with it."""

from __future__ import annotations

import importlib.util
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pytest

from checks.exchange import HttpAnswer, HttpRequest
from monitor.probing.engine import Engine

T = TypeVar("T")


def _load(name: str) -> ModuleType:
    """A helper module beside this file. Test folders are no packages, so that their files may share names."""
    spec = importlib.util.spec_from_file_location(f"probing_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_HELL = _load("hell")


@pytest.fixture(scope="session")
def hell() -> ModuleType:
    return _HELL


@pytest.fixture
def engine() -> Iterator[Engine]:
    bugs: list[BaseException] = []
    engine = Engine(bugs.append)
    yield engine
    engine.close()
    assert bugs == []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module with `BOTH_ENGINES` is run twice: an address is asked over our own sockets, a name by libcurl."""
    if "asked_as" in metafunc.fixturenames and hasattr(metafunc.module, "BOTH_ENGINES"):
        # Names under .localhost are the loopback's to libcurl (RFC 6761), and no resolver is asked.
        metafunc.parametrize("asked_as", ["127.0.0.1", "name.localhost"], indirect=True, ids=["plain", "libcurl"])


@pytest.fixture
def asked_as(request: pytest.FixtureRequest) -> str:
    """The host in the URLs of plain HTTP servers on 127.0.0.1."""
    return str(getattr(request, "param", "127.0.0.1"))


@pytest.fixture
def serve(request: pytest.FixtureRequest, asked_as: str) -> Callable[..., Any]:
    """Start a server that talks so: `serve(talk)` or `serve(talk, tls_context)`."""

    def start(talk: Callable[..., None], tls: ssl.SSLContext | None = None) -> Any:
        server = _HELL.Hell(talk, tls, asked_as if tls is None else "127.0.0.1")
        request.addfinalizer(server.close)
        return server

    return start


@pytest.fixture
def fetch(engine: Engine) -> Callable[..., HttpAnswer]:
    """Ask once with the real engine: `fetch(url, **fields of HttpRequest)`."""

    def ask(url: str, own_headers: tuple[tuple[str, str], ...] = (), **fields: Any) -> HttpAnswer:
        answers: list[HttpAnswer] = []
        engine.submit(HttpRequest(url=url, **{"timeout": 30.0, **fields}), answers.append, own_headers)
        turn_until(engine, lambda: bool(answers))
        assert len(answers) == 1
        return answers[0]

    return ask


def patiently(ask: Callable[[float], T], met: Callable[[T], bool]) -> T:
    """
    What *ask* has to say of somebody who lets us wait, for as many seconds as it is given.

    Few, as they pass in full each time; more where *met* tells that they were over before a busy machine came to what
    must happen within them. The last answer is the test's to judge.
    """
    for seconds in (0.3, 3.0, 20.0):
        answer = ask(seconds)
        if met(answer):
            break
    return answer


@pytest.fixture(name="patiently")
def _patiently() -> Callable[..., Any]:
    return patiently


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return _HELL.Authority(tmp_path_factory.mktemp("authority"))


def turn_until(engine: Engine, met: Callable[[], bool], within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while not met():
        assert time.monotonic() < deadline, f"nothing came of it within {within} s"
        engine.turn(0.2)


@pytest.fixture(name="turn_until")
def _turn_until() -> Callable[..., None]:
    return turn_until

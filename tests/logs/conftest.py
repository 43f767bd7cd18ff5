"""Lines as they come out: the whole of the logs, begun on a stream that is only memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from monitor import logs
from monitor.logs.line import Line

T0 = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
Begin = Callable[..., io.StringIO]
NUMBERS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}


def make_line(message: str = "all is well", level: str = "INFO", **more: object) -> Line:
    return Line(at=T0, level=level, number=NUMBERS[level], message=message, **more)  # type: ignore[arg-type]


@pytest.fixture(name="make_line")
def _make_line() -> Callable[..., Line]:
    return make_line


@pytest.fixture
def begin() -> Iterator[Begin]:
    """`begin(form="json", secrets=...)`: the stream to which everything then goes."""

    def start(**options: object) -> io.StringIO:
        stream = io.StringIO()
        logs.begin(**{"level": "DEBUG", "environ": {}, **options}, stream=stream)  # type: ignore[arg-type]
        return stream

    yield start
    logs.end()

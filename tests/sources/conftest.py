"""A small server that answers like Prometheus, or as badly as a test wants."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest


class Peer:
    """
    Attributes:
        answer: path, parameters -> status and body; a body that is an iterator is written piece by piece.
        asked: What it was asked, in order.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.values: dict[str, Any] = {}
        self.answer: Callable[[str, dict[str, str]], tuple[int, Any]] = self.answer_values

    def answer_values(self, _: str, parameters: dict[str, str]) -> tuple[int, Any]:
        """One series with the value that `values` has for the query; none where it has none."""
        value = self.values.get(parameters["query"])
        return 200, vector() if value is None else vector(value)

    def queries(self) -> list[str]:
        return [parameters["query"] for _, parameters in self.asked]


def vector(*values: object) -> dict[str, Any]:
    series = [{"metric": {"i": str(i)}, "value": [1_700_000_000, str(value)]} for i, value in enumerate(values)]
    return {"status": "success", "data": {"resultType": "vector", "result": series}}


@pytest.fixture
def peer() -> Iterator[Peer]:
    made: list[Peer] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            target = urlsplit(self.path)
            parameters = {name: values[0] for name, values in parse_qs(target.query).items()}
            made[0].asked.append((target.path, parameters))
            status, body = made[0].answer(target.path, parameters)
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", "/elsewhere")
            if isinstance(body, Iterator):
                self.send_header("Connection", "close")
                self.end_headers()
                with suppress(OSError):  # the client may have had enough
                    for piece in body:
                        self.wfile.write(piece)
                        self.wfile.flush()
                return
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    made.append(Peer(f"http://127.0.0.1:{server.server_address[1]}"))
    yield made[0]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Any]:
    """Waits for what will become true, and returns it. Long, as a fitting gives way to all others on a busy machine."""

    def wait(condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 300
        while not (found := condition()):
            assert time.monotonic() < deadline, "did not come true within 300 s"
            threading.Event().wait(0.01)
        return found

    return wait

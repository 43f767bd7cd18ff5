"""Loki, Tempo and Grafana on one loopback port: they keep what they are given, and misbehave when they are told to."""

from __future__ import annotations

import json
import re
import struct
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PNG = (
    b"\x89PNG\r\n\x1a\n"
    + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (
            (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
            (b"IDAT", zlib.compress(b"\x00\x00")),
            (b"IEND", b""),
        )
    )
)  # fmt: skip
"""One pixel."""


@dataclass
class Line:
    at: int  # nanoseconds
    text: str
    labels: dict[str, str]
    metadata: dict[str, str] = field(default_factory=dict)


class Observers:
    """
    Attributes:
        token: Who asks must show it; empty: nobody has to.
        lines: Of Loki. A query finds those that have its labels, its metadata and the text that it wants.
        traces: Of Tempo, by id: spans as (service, name, milliseconds, failed).
        panels: That Grafana has, as UID/NUMBER.
        misbehaves: Path prefix -> what happens to questions that begin so, instead of an answer.
        asked: Path and query of each question.
    """

    def __init__(self) -> None:
        self.token = ""
        self.lines: list[Line] = []
        self.traces: dict[str, list[tuple[str, str, int, bool]]] = {}
        self.panels: set[str] = set()
        self.misbehaves: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.tenants: list[str | None] = []
        self.ended = threading.Event()
        observers = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                observers.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.asked.append((parts.path, query))
        self.tenants.append(handler.headers.get("X-Scope-OrgID"))
        for prefix, misbehave in self.misbehaves.items():
            if parts.path.startswith(prefix):
                misbehave(handler)
                return
        if self.token and handler.headers.get("Authorization") != f"Bearer {self.token}":
            said(handler, 401, {"message": "Unauthorized"})
        elif parts.path == "/loki/api/v1/query_range":
            self._loki(handler, query)
        elif found := re.fullmatch(r"/api/v2/traces/(\w+)", parts.path):
            self._tempo(handler, found[1])
        elif found := re.fullmatch(r"/render/d-solo/([^/]+)/_", parts.path):
            self._grafana(handler, f"{found[1]}/{query['panelId']}")
        else:
            said(handler, 404, {"message": "Not found"})

    def _loki(self, handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        selector, _, pipeline = query["query"].partition("}")
        if "(" in selector:
            sent(handler, 400, b"parse error at line 1, col 1: syntax error", "text/plain")
            return
        labels = dict(re.findall(r'(\w+)="([^"]*)"', selector))
        wanted = dict(re.findall(r'\| (\w+)="([^"]*)"', pipeline)) if "json" not in pipeline else {"never": "there"}
        texts = re.findall(r'\|= "([^"]*)"', pipeline)
        found = [
            line
            for line in self.lines
            if labels.items() <= line.labels.items()
            and wanted.items() <= line.metadata.items()
            and all(text in line.text for text in texts)
            and int(query["start"]) <= line.at < int(query["end"])
        ]
        newest = sorted(found, key=lambda line: -line.at)[: int(query["limit"])]
        result = [{"stream": line.labels, "values": [[str(line.at), line.text]]} for line in newest]
        said(handler, 200, {"status": "success", "data": {"resultType": "streams", "result": result}})

    def _tempo(self, handler: BaseHTTPRequestHandler, trace: str) -> None:
        if trace not in self.traces:
            said(handler, 404, {"message": "trace not found"})
            return
        said(handler, 200, {"trace": {"resourceSpans": [resource_span(*span) for span in self.traces[trace]]}})

    def _grafana(self, handler: BaseHTTPRequestHandler, panel: str) -> None:
        if panel in self.panels:
            sent(handler, 200, PNG, "image/png")
        else:
            said(handler, 404, {"message": "Dashboard not found"})


def resource_span(service: str, name: str, milliseconds: int, failed: bool) -> dict[str, Any]:
    start = 1_772_452_800_000_000_000
    span = {
        "name": name,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + milliseconds * 1_000_000),
        "status": {"code": "STATUS_CODE_ERROR"} if failed else {},
    }
    attributes = [{"key": "service.name", "value": {"stringValue": service}}]
    return {"resource": {"attributes": attributes}, "scopeSpans": [{"spans": [span]}]}


def sent(handler: BaseHTTPRequestHandler, status: int, body: bytes, media_type: str = "application/json") -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", media_type)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def said(handler: BaseHTTPRequestHandler, status: int, document: object) -> None:
    sent(handler, status, json.dumps(document).encode())

"""The web server inside the daemon's own asyncio loop: no signal handlers, no access log, no process of its own."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

CONNECTIONS = 200
"""At once; more are answered 503. The API is asked by people and a few programs."""

ACCEPT_PAUSE = 0.5
"""Seconds without another try; asyncio makes it after one second."""

SHORT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""What the system says when it has no room for one more connection."""

STOP_WITHIN = 2
"""Seconds that running requests have to end."""


class ListenError(Exception):
    """The address cannot be listened on. `str()` names it and the remedy."""


class WebServer:
    """
    Args:
        port: 0 for any free one; `port` tells which after `start`.
    """

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._app = app
        self.host = host
        self.port = port
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        return _address(self.host, self.port)

    @property
    def url(self) -> str:
        return f"http://{self.address}/"

    async def start(self) -> None:
        """Returns when the address accepts connections; raises ListenError."""
        listener = listen(self.host, self.port)
        self.port = listener.getsockname()[1]
        self._server = _server(self._app)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="web")
        while not self._server.started:
            if self._serving.done():
                listener.close()
                self._serving.result()
                raise ListenError(f"{_address(self.host, self.port)}: the web server ended before it began")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        if self._server is None or self._serving is None:
            return
        self._server.should_exit = True
        await self._serving
        self._server = self._serving = None


class _Listener(socket.socket):
    """
    Fails once and not a thousand times when no connection can be accepted for want of descriptors: asyncio goes on
    accepting as often as its backlog is long, and sets a timer to begin anew for each failure.
    """

    def accept(self) -> tuple[socket.socket, Any]:
        if monotonic() < getattr(self, "_paused_until", 0.0):
            raise BlockingIOError
        try:
            return super().accept()
        except OSError as error:
            if error.errno in SHORT:
                self._paused_until = monotonic() + ACCEPT_PAUSE
            raise


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; raises ListenError. Bound before anything else starts, so that a clash stops nothing halfway."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = _Listener(family, socket.SOCK_STREAM)
    try:
        # A restart must not wait for connections of the former process to leave TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise ListenError(f"{_address(host, port)}: {_explained(error)}") from None
    listener.setblocking(False)
    return listener


def _explained(error: OSError | OverflowError) -> str:
    if isinstance(error, socket.gaierror):
        return "this name has no address here; use one of this machine's addresses in monitor.listen"
    number = error.errno if isinstance(error, OSError) else None
    match number:
        case errno.EADDRINUSE:
            return "another program listens there; stop it, or set monitor.listen to a free port"
        case errno.EADDRNOTAVAIL:
            return "no address of this machine; use one of its own in monitor.listen"
        case errno.EACCES:
            return "not permitted; ports below 1024 need a privilege, use a higher one in monitor.listen"
    return f"cannot listen there: {error}"


def _address(host: str, port: int) -> str:
    return f"[{host.strip('[]')}]:{port}" if ":" in host else f"{host}:{port}"


def _server(app: ASGIApp) -> uvicorn.Server:
    import uvicorn  # 70 ms and 10 MB that a command which serves nothing does not pay

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield  # signals belong to the daemon, which stops us in its own order

    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="error",  # a malformed request is its sender's trouble and must not fill our log
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=STOP_WITHIN,
    )
    return Server(config)

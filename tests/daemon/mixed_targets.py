"""
Targets of five kinds in a process of their own: `python mixed_targets.py FOLDER`.

Prints two lines of JSON, each with a port for `http`, `https`, `tcp`, `dns` and `grpc`: of those that answer as they
should, and of those from which nothing that helps ever comes. Then it serves until it is ended.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import grpc
import trustme
from grpc_health.v1 import health, health_pb2_grpc

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
ADDRESS = bytes.fromhex("c00c 0001 0001 0000003c 0004 7f000001")  # of the name that was asked for: 127.0.0.1
BACKLOG = 4096


class NameServer(asyncio.DatagramProtocol):
    """Answers one question without additional records with an address; with *garbage*, with what is no message."""

    def __init__(self, garbage: bool) -> None:
        self._garbage = garbage

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        end = data.index(0, 12) + 5
        counts = bytes.fromhex("8180 0001 0001 0000 0000")
        self._transport.sendto(b"\xff" * 40 if self._garbage else data[:2] + counts + data[12:end] + ADDRESS, addr)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(GOOD)
        await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 ready\r\n")
    writer.close()


async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes whatever comes, and says nothing for as long as it is borne."""
    try:
        while await reader.read(65536):
            pass
    except OSError:
        pass
    finally:
        writer.close()


def healthy() -> int:
    server = grpc.server(ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    port: int = server.add_insecure_port("127.0.0.1:0")
    server.start()
    serving.append(server)
    return port


def black_hole() -> int:
    """Whose backlog is full: what knocks hears nothing."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    serving.append(listener)
    for _ in range(3):
        early = socket.socket()
        early.setblocking(False)
        early.connect_ex(listener.getsockname())
        serving.append(early)
    port: int = listener.getsockname()[1]
    return port


serving: list[object] = []
"""What would be ended were it forgotten."""


async def main(folder: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)

    async def stream(talk: object, tls: ssl.SSLContext | None = None) -> int:
        server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls, backlog=BACKLOG)  # type: ignore[arg-type]
        serving.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def names(garbage: bool) -> int:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: NameServer(garbage), local_addr=("127.0.0.1", 0)
        )
        port: int = transport.get_extra_info("sockname")[1]
        return port

    well = {
        "http": await stream(answer),
        "https": await stream(answer, context),
        "tcp": await stream(greet),
        "dns": await names(garbage=False),
        "grpc": healthy(),
    }
    ill = {
        "http": await stream(hold),
        "https": await stream(hold),
        "tcp": black_hole(),
        "dns": await names(garbage=True),
        "grpc": await stream(hold),
    }
    print(json.dumps(well))
    print(json.dumps(ill), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

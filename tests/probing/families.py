"""
Runs in a network and mount namespace of its own, with a name server that we wrote: asks names that have addresses of
one family or of both, in every way of asking, with every wish.

Prints one JSON object: for each the address that was asked, or why none was. Started by test_engine_families.py.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lookups import SERVFAIL, name_of

from checks.datagram import DatagramRequest, DnsRequest, EchoRequest
from checks.dns_message import Query
from checks.exchange import Answer, HttpRequest
from checks.family import Family, family_of
from checks.stream import Step, StreamRequest
from checks.way import Way
from monitor.probing.engine import Engine

PORT = 8080
HAVE = {"v4.example": "4", "v6.example": "6", "both.example": "46", "broken6.example": "4!"}
"""The families of which a name has addresses; `!`: nobody can say whether it has others."""
WISHES = ("", "4", "6", "prefer 4", "prefer 6")


def answer_to(query: bytes) -> bytes:
    question = query[12 : query.index(b"\0", 12) + 5]
    family = "4" if question[-4:-2] == b"\0\1" else "6"
    have = HAVE.get(name_of(query), "")
    if family not in have:
        return query[:2] + struct.pack("!HHHHH", 0x8180 | (SERVFAIL if "!" in have else 0), 1, 0, 0, 0) + question
    data = socket.inet_pton(*((socket.AF_INET, "127.0.0.1") if family == "4" else (socket.AF_INET6, "::1")))
    record = b"\xc0\x0c" + question[-4:] + struct.pack("!IH", 0, len(data)) + data
    return query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0) + question + record


def in_datagrams(family: socket.AddressFamily, place: str, port: int, reply: Callable[[bytes], bytes]) -> None:
    server = socket.socket(family, socket.SOCK_DGRAM)
    server.bind((place, port))

    def serve() -> None:
        while True:
            data, peer = server.recvfrom(4096)
            server.sendto(reply(data), peer)

    threading.Thread(target=serve, daemon=True).start()


def over_connections(family: socket.AddressFamily, place: str) -> None:
    server = socket.create_server((place, PORT), family=family)

    def serve() -> None:
        while True:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    threading.Thread(target=serve, daemon=True).start()


def requests(name: str, ip: Family | None) -> dict[str, Any]:
    http = f"http://{name}:{PORT}/"
    return {
        "http": HttpRequest(url=http, way=Way(ip=ip), timeout=60.0),
        "stream": StreamRequest(
            url=f"tcp://{name}:{PORT}",
            script=(Step(send=b"GET / HTTP/1.0\r\n\r\n"), Step(expect="200")),
            ip=ip,
            timeout=60.0,
        ),
        "datagram": DatagramRequest(url=f"udp://{name}:{PORT}", send=b"x", ip=ip, timeout=60.0),
        "dns": DnsRequest(url=f"udp://{name}:53", query=Query("both.example", "A"), ip=ip, timeout=60.0),
        "dns over tcp": DnsRequest(url=f"tcp://{name}:{PORT}", query=Query("both.example", "A"), ip=ip, timeout=60.0),
        "echo": EchoRequest(url=f"icmp://{name}", ip=ip, timeout=60.0),
    }


def main() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.NamedTemporaryFile("w") as resolv:
        resolv.write("nameserver 127.0.0.1\noptions attempts:1 timeout:30\n")
        resolv.flush()
        subprocess.run(["mount", "--bind", resolv.name, str(Path("/etc/resolv.conf").resolve())], check=True)
        for family, place in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            in_datagrams(family, place, 53, answer_to)
            in_datagrams(family, place, PORT, lambda data: data)
            over_connections(family, place)
        print(json.dumps(ask_all()), flush=True)


def ask_all() -> dict[str, object]:
    bugs: list[BaseException] = []
    engine = Engine(bugs.append)
    said: dict[str, object] = {}
    for name in (*HAVE, "127.0.0.1", "localhost"):
        for wish in WISHES:
            for way, request in requests(name, family_of(wish)).items():
                told: list[Answer] = []
                engine.submit(request, told.append)
                while not told:
                    engine.turn(1.0)
                (answer,) = told
                timings = answer.timings
                error = answer.error
                unresolved = error is not None and error.reason == "dns"
                said[f"{way}: {name} {wish}".strip()] = (
                    [error.detail, error.temporary] if error is not None and unresolved else answer.address
                )
                if timings is not None and min(timings.name_lookup, timings.connect, timings.first_byte) < 0:
                    bugs.append(ValueError(f"{way} {name} {wish}: {timings}"))
    engine.close()
    said["bugs"] = [repr(bug) for bug in bugs]
    return said


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)

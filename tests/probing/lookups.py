"""
Runs in a network and mount namespace of its own, with a name server that we wrote: asks names that fail in each way.

Prints one JSON object: for each name what the engine said. Started by test_engine_names.py, never imported.
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
import time
from dataclasses import asdict
from pathlib import Path

from checks.datagram import DatagramRequest
from checks.exchange import Answer, HttpAnswer, HttpRequest
from monitor.probing.engine import Engine

SERVFAIL, NXDOMAIN = 2, 3


def name_of(query: bytes) -> str:
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels)


def answer_to(query: bytes, asked: dict[str, int]) -> bytes | None:
    name = name_of(query)
    asked[name] = asked.get(name, 0) + 1
    question = query[12 : query.index(b"\0", 12) + 5]
    is_a = question[-4:-2] == b"\0\1"
    # Each lookup asks for A and AAAA: the first two queries are the first lookup.
    good = name == "good.example" or (name == "flaky.example" and asked[name] > 2)
    if name.startswith("silent"):
        return None
    code = 0 if good else {"missing.example": NXDOMAIN, "empty.example": 0}.get(name, SERVFAIL)
    record = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x7f\0\0\1" if good and is_a else b""
    return query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, bool(record), 0, 0) + question + record


def serve(server: socket.socket, asked: dict[str, int]) -> None:
    while True:
        query, peer = server.recvfrom(4096)
        reply = answer_to(query, asked)
        if reply is not None:
            server.sendto(reply, peer)


def main() -> None:
    for command in ("ip link set lo up", "ip route add unreachable 10.9.0.0/16"):
        subprocess.run(command.split(), check=True)
    with tempfile.NamedTemporaryFile("w") as resolv:
        resolv.write("nameserver 127.0.0.1\noptions attempts:1 timeout:30\n")
        resolv.flush()
        subprocess.run(["mount", "--bind", resolv.name, str(Path("/etc/resolv.conf").resolve())], check=True)
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 53))
        asked: dict[str, int] = {}
        threading.Thread(target=serve, args=(server, asked), daemon=True).start()
        print(json.dumps(look_up_all() | look_up_in_datagrams(asked)), flush=True)


def look_up_all() -> dict[str, object]:
    bugs: list[BaseException] = []
    engine = Engine(bugs.append)
    said: dict[str, object] = {}

    def ask(host: str, key: str, timeout: float) -> None:
        def done(answer: HttpAnswer) -> None:
            said[key] = asdict(answer.error) if answer.error else None

        engine.submit(HttpRequest(url=f"http://{host}/", timeout=timeout), done)

    def finish() -> None:
        while len(said) < asked:
            engine.turn(1.0)

    asked = 6
    for host in ("missing.example", "empty.example", "broken.example", "flaky.example", "good.example", "l" * 70):
        ask(host, host, 60.0)
    # The storm takes every place for a second opinion; one of the names above that came late would get none.
    finish()
    asked += 23
    for copy in range(20):
        ask(f"broken{copy}.example", f"storm {copy}", 60.0)
    ask("silent.example", "silent.example", 0.5)
    ask("192.0.2.1", "no route", 60.0)
    ask("10.9.0.1", "unreachable", 60.0)
    finish()
    before = time.monotonic()
    engine.close()
    said["seconds to close"] = time.monotonic() - before
    said["bugs"] = [repr(bug) for bug in bugs]
    return said


def look_up_in_datagrams(asked: dict[str, int]) -> dict[str, object]:
    """The same names as those of whom a datagram asks something."""
    bugs: list[BaseException] = []
    engine = Engine(bugs.append)
    said: dict[str, object] = {}

    def ask(name: str, key: str, timeout: float) -> None:
        def done(answer: Answer) -> None:
            said[key] = asdict(answer.error) if answer.error else None

        engine.submit(DatagramRequest(url=f"udp://{name}:9", send=b"x", timeout=timeout), done)
        while key not in said:
            engine.turn(1.0)

    for name in ("missing.example", "broken.example", "good.example"):
        ask(name, f"datagram to {name}", 60.0)
    for time_of_it in ("first", "second"):
        # A lookup that hangs is not waited for by those who come later.
        ask("silent-datagram.example", f"datagram to a silent name, the {time_of_it}", 0.5)
        until = time.monotonic() + 60
        while (
            asked.get("silent-datagram.example", 0) < (2 if time_of_it == "first" else 4) and time.monotonic() < until
        ):
            time.sleep(0.01)
    engine.close()
    said["lookups of a silent name"] = asked.get("silent-datagram.example", 0) // 2
    said["bugs of datagrams"] = [repr(bug) for bug in bugs]
    return said


if __name__ == "__main__":
    main()
    # What still waits in the resolver must not keep this process: the prober leaves in the same way.
    sys.stdout.flush()
    os._exit(0)

"""What a prober has loaded once it has asked what it was told to ask, read in the real process at its end."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from checks.check import Check, HttpQuestion, Question
from checks.kinds import _MODULES
from checks.tcp import Question as TcpQuestion
from monitor.clock import SteadyClock
from monitor.probing import wire
from monitor.probing.engine import _TRANSPORTS

Serve = Callable[..., Any]

PROGRAM = "import sys; from monitor.probing.prober import main; main(sys.argv[1:]); print(*sys.modules)"
OPTIONAL = {
    *(module for kind, module in _MODULES.items() if kind not in ("http", "unusable")),
    *(module for module, _ in _TRANSPORTS.values()),
    "checks.conditions", "checks.expectations", "checks.dns_message", "monitor.probing.datagrams",
    "monitor.probing.conversation", "monitor.probing.frames", "monitor.probing.secured",
    "ssl", "subprocess", "asyncio", "http.client",
}  # fmt: skip


def loaded_after(*questions: Question) -> set[str]:
    """Optional modules that a fresh prober has, after the first result of each."""
    ours, theirs = socket.socketpair()
    with ours, subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(theirs.fileno())], pass_fds=[theirs.fileno()], stdout=subprocess.PIPE
    ) as process:  # fmt: skip
        theirs.close()
        ours.settimeout(60)
        clock = SteadyClock.begin()
        checks = [
            Check(service="shop", name=f"check-{n}", question=question, interval=1.0, timeout=0.9)
            for n, question in enumerate(questions)
        ]
        ours.sendall(wire.encode(wire.configure(checks, (), clock.origin, clock.boot_id)))
        frames, asked = wire.Frames(), set[str]()
        while len(asked) < len(questions):
            for message in frames.feed(ours.recv(65536)):
                if isinstance(message, wire.Batch):
                    asked |= {result.check for result in message.results}
        ours.sendall(wire.encode(wire.Finish()))
        while ours.recv(65536):
            pass  # its last words
        assert process.stdout is not None
        return OPTIONAL & set(process.stdout.read().decode().split())


def test_who_asks_by_http_alone_has_loaded_no_other_kind(serve: Serve, hell: ModuleType) -> None:
    url = serve(hell.say(hell.HELLO)).url

    assert loaded_after(HttpQuestion(url=url), HttpQuestion(url=url.replace("127.0.0.1", "name.localhost"))) == set()


def test_who_asks_for_a_connection_has_loaded_what_that_takes_and_no_third_kind(serve: Serve, hell: ModuleType) -> None:
    port = serve(hell.say(hell.HELLO)).port

    loaded = loaded_after(TcpQuestion(url=f"tcp://127.0.0.1:{port}"))

    assert {"checks.tcp", "monitor.probing.stream", "ssl"} <= loaded
    assert loaded.isdisjoint({"checks.dns", "checks.grpc", "checks.websocket", "monitor.probing.frames", "subprocess"})

"""
What the optional kinds of check cost who does not use them, and what each costs who does: memory of the prober and its
CPU to the first results; and of `monitor check-once`, its time, with a configuration of http checks alone and of all.

    python tests/bench/bench_unused_kinds.py [--rounds 3]

The prober is the real process with 100 http checks; "with" has one check of each other kind beside them. Memory is
private pages: those that a Python shares with its neighbours come and go with them.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import rig

sys.path.insert(0, str(rig.ROOT))

from checks import command, dns, grpc, icmp, promql, ssh, tcp, tls, udp, unix, websocket
from checks.check import Check, HttpQuestion, Question
from checks.dns_message import Query
from monitor.clock import SteadyClock
from monitor.probing import wire


def others(port: int) -> dict[str, Question]:
    """One of each other kind, asked of a port that speaks HTTP: what they load does not depend on the answer."""
    here = f"127.0.0.1:{port}"
    query = Query("www.example.com", "A", "IN", True)
    return {
        "http with a condition": HttpQuestion(url=f"http://{here}/", expect=("[STATUS] == 200",)),
        "tcp": tcp.Question(url=f"tcp://{here}"),
        "unix": unix.Question(url="unix:/nonexistent"),
        "udp": udp.Question(url=f"udp://{here}", send=b"x"),
        "tls": tls.Question(url=f"tcp://{here}"),
        "ssh": ssh.Question(url=f"tcp://{here}"),
        "dns": dns.Question(url=f"udp://{here}", query=query),
        "icmp": icmp.Question(url="icmp://127.0.0.1"),
        "command": command.Question(command=("/bin/true",), directory="/"),
        "promql": promql.Question(url=f"http://{here}", query="up"),
        "grpc": grpc.Question(url=f"http://{here}"),
        "websocket": websocket.Question(url=f"ws://{here}/"),
    }


def prober(questions: Sequence[Question]) -> tuple[float, float]:
    """Private MB, and seconds of CPU from its start until each check has had its first result."""
    ours, theirs = socket.socketpair()
    command_line = [sys.executable, "-m", "monitor.probing.prober", str(theirs.fileno())]
    with ours, subprocess.Popen(command_line, cwd=rig.ROOT, pass_fds=[theirs.fileno()]) as process:
        theirs.close()
        clock = SteadyClock.begin()
        checks = [
            Check(service="bench", name=f"check-{n}", question=question, interval=1.0, timeout=0.5)
            for n, question in enumerate(questions)
        ]
        ours.sendall(wire.encode(wire.configure(checks, (), clock.origin, clock.boot_id)))
        frames, asked = wire.Frames(), set[str]()
        while len(asked) < len(checks):
            for message in frames.feed(ours.recv(1 << 20)):
                if isinstance(message, wire.Batch):
                    asked |= {result.check for result in message.results}
        memory = sum(rig.memory(process.pid, field) for field in ("Private_Clean", "Private_Dirty"))
        spent = rig.cpu(process.pid)
        ours.sendall(wire.encode(wire.Finish()))
        while ours.recv(1 << 20):
            pass  # its last words
        return memory, spent


def check_once(config: str, folder: str) -> float:
    """Seconds."""
    path = Path(folder, "config.yaml")
    path.write_text(config)
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "monitor", "-c", str(path), "check-once"],
        cwd=rig.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="starts of each (default 3)")
    rounds = parser.parse_args().rounds
    print(f"medians of {rounds} {rig.machine()}")
    with rig.helper("target") as target, tempfile.TemporaryDirectory() as folder:
        plain: list[Question] = [HttpQuestion(url=f"http://127.0.0.1:{target}/{n}") for n in range(100)]
        rows: dict[str, list[Question]] = {"http alone": plain}
        rows |= {f"with {name}": [*plain, one] for name, one in others(target).items()}
        rows["with all of them"] = [*plain, *others(target).values()]
        figures: dict[str, list[tuple[float, float]]] = {name: [] for name in rows}
        for _ in range(rounds):
            for name, questions in rows.items():
                figures[name].append(prober(questions))
        alone = median(memory for memory, _ in figures["http alone"])
        for name, found in figures.items():
            memory, spent = median(memory for memory, _ in found), median(spent for _, spent in found)
            more = f" ({memory - alone:+.1f})" if name != "http alone" else ""
            print(
                f"  prober, 100 checks, {name:28} {memory:5.1f} MB{more:8} {spent:5.2f} s of CPU to the first results"
            )
        head = "services:\n  bench:\n    checks:\n"
        http = f'      one: "http://127.0.0.1:{target}/"\n'
        more = (
            f"      two: {{tcp: '127.0.0.1:{target}'}}\n      three: {{command: [/bin/true]}}\n"
            f"      four: {{http: 'http://127.0.0.1:{target}/', expect: '[STATUS] == 200'}}\n"
        )
        times: dict[str, list[float]] = {"http alone": [], "http, tcp, command and a condition": []}
        for _ in range(rounds):
            for name, text in zip(times, (http, http + more), strict=True):
                times[name].append(check_once(head + text, folder))
        for name, found_times in times.items():
            print(f"  check-once, {name:36} {median(found_times):5.2f} s")


if __name__ == "__main__":
    main()

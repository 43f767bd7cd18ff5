"""
Runs in a network of its own and pings once each of what it is told: prints what the engine said, as JSON. Started by
test_echo.py, never imported.

    python pings.py RANGE HOST...    RANGE: of the groups that may ping; `-`: none, as a new network begins
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

from checks.datagram import EchoAnswer, EchoRequest
from monitor.probing.engine import Engine


def main() -> None:
    groups, *hosts = sys.argv[1:]
    for command in ("link set lo up", "route add unreachable 10.9.0.0/16", "addr add 192.0.2.1/24 dev lo"):
        subprocess.run(["ip", *command.split()], check=True)
    if groups != "-":
        Path("/proc/sys/net/ipv4/ping_group_range").write_text(groups)
    bugs: list[BaseException] = []
    engine = Engine(bugs.append)
    said: dict[str, EchoAnswer] = {}
    for host in hosts:
        engine.submit(EchoRequest(url=f"icmp://{host}", timeout=60.0), partial(said.__setitem__, host))
    while len(said) < len(hosts):
        engine.turn(1.0)
    found = {host: asdict(answer) | {"body": ""} for host, answer in said.items()}
    print(json.dumps({"said": found, "in flight": engine.in_flight, "bugs": [repr(bug) for bug in bugs]}))


if __name__ == "__main__":
    main()

"""
CPU per HTTP check of the whole daemon, everything on, next to blackbox_exporter asked just as often; and whether
telemetry shows in the latency that the prober measures.

    python tests/bench/bench_cpu.py [--seconds 10] [--checks 1000]

1,000 checks at 1 s against one lean target: paced, for at saturation a check costs less on either side. Of the exporter
only its own CPU counts: not the one who asks it, not a Prometheus that would keep its answers; it is asked over kept
connections and without gzip, which is to its advantage.
"""

from __future__ import annotations

import argparse
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
from collections import deque
from pathlib import Path
from statistics import median

import rig

SETTLE = 5.0
ROUNDS = 7
CHUNK_EDGE = re.compile(rb"\r\n[0-9a-f]+\r\n")
PROBE = "http_2xx&target=http://127.0.0.1:{target}/ready/NUMBER"
MODULE = "modules: {http_2xx: {prober: http, http: {preferred_ip_protocol: ip4}}}\n"


def daemon_figures(
    count: int, target: int, otlp: int | None, seconds: float
) -> tuple[float, list[list[float]], dict[str, object]]:
    """Microseconds of CPU per check, rounds of latencies in seconds, and the prober's own facts."""
    with rig.daemon(count, "1s", target, otlp) as watched:
        rig.wait_for_fitting(watched.pid)
        time.sleep(SETTLE)
        alone = rig.cpu(watched.pid, children=False)
        spent, passed = rig.cpu_over(watched.pid, seconds)
        share = (rig.cpu(watched.pid, children=False) - alone) / spent
        rounds, parts = [], {}
        for _ in range(ROUNDS):
            time.sleep(1.1)
            status = watched.status()
            parts = status["parts"]
            checks = [check for service in status["services"] for check in service["checks"]]
            rounds.append([c["latency_seconds"] for c in checks if c["outcome"] == "ok"])
        if otlp is not None and not parts["telemetry"]["sent"]:
            print("telemetry: nothing was sent; the figure is without it")
        facts = parts["prober"] | {"share of the daemon's own process": round(share, 2)}
        return spent / (passed * count) * 1e6, rounds, facts


def ask_paced(port: int, probe: str, rate: int, seconds: float) -> tuple[int, int]:
    """
    Asks the exporter for *probe*, a module and a target, `rate` times a second over kept connections. How many it
    answered, and how many well.
    """
    poll, idle, busy = select.epoll(), deque[socket.socket](), dict[int, tuple[socket.socket, bytearray]]()
    begun, sent, answered, good = time.monotonic(), 0, 0, 0
    while (now := time.monotonic() - begun) < seconds:
        while sent < now * rate and len(busy) < 512:
            connection = idle.popleft() if idle else socket.create_connection(("127.0.0.1", port))
            url = f"/probe?module={probe}".replace("NUMBER", str(sent % rate))
            connection.sendall(f"GET {url} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            busy[connection.fileno()] = (connection, bytearray())
            poll.register(connection, select.EPOLLIN)
            sent += 1
        for fd, _ in poll.poll(max(0.0, (sent + 1) / rate - now)):
            connection, text = busy[fd]
            text += connection.recv(65536)
            if is_whole(text):
                poll.unregister(connection)
                idle.append(busy.pop(fd)[0])
                answered += 1
                good += b"\nprobe_success 1" in CHUNK_EDGE.sub(b"", text)
    for connection in (*idle, *(connection for connection, _ in busy.values())):
        connection.close()
    return answered, good


def is_whole(text: bytearray) -> bool:
    head, found, body = text.partition(b"\r\n\r\n")
    if not found:
        return False
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), None)
    return body.endswith(b"0\r\n\r\n") if length is None else len(body) >= length


def exporter_figure(rate: int, probe: str, seconds: float, modules: str = MODULE) -> tuple[float, int, int]:
    with tempfile.TemporaryDirectory() as folder:
        config, port = Path(folder, "blackbox.yml"), rig.free_port()
        config.write_text(modules)
        command = ["prometheus-blackbox-exporter", f"--config.file={config}", "--log.level=error"]
        with subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"]) as exporter:
            try:
                rig.wait_for(lambda: _listens(port), "the exporter")
                ask_paced(port, probe, rate, SETTLE / 2)
                before = rig.cpu(exporter.pid)
                answered, good = ask_paced(port, probe, rate, seconds)
                return (rig.cpu(exporter.pid) - before) / max(answered, 1) * 1e6, answered, good
            finally:
                exporter.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each window (default 10)")
    parser.add_argument("--checks", type=int, default=1_000, help="each once a second (default 1000)")
    options = parser.parse_args()
    seconds, checks = options.seconds, options.checks
    print(f"{checks:,} HTTP checks at 1 s, windows of {seconds:.0f} s {rig.machine()}")
    with rig.helper("target") as target, rig.helper("swallow") as otlp:
        ours, with_it, prober = daemon_figures(checks, target, otlp, seconds)
        print(f"watchkeeper, everything on:  {ours:7.0f} us CPU per check")
        print("  " + ", ".join(f"{name} {value}" for name, value in prober.items() if name != "pid"))
        if shutil.which("prometheus-blackbox-exporter") is None:
            print("prometheus-blackbox-exporter is not installed: no ratio")
        else:
            theirs, answered, good = exporter_figure(checks, PROBE.format(target=target), seconds)
            print(f"blackbox_exporter:           {theirs:7.0f} us CPU per check; {answered:,} answered, {good:,} well")
            if answered < 0.98 * checks * seconds:
                print("  it could not keep up: at saturation a check costs less, so this flatters it")
            print(f"ratio:                       {ours / theirs:7.2f} of the exporter's CPU")
        bare, without, _ = daemon_figures(checks, target, None, seconds)
        print(f"watchkeeper, telemetry off:  {bare:7.0f} us CPU per check")
    for share in (0.5, 0.99):
        # The middle one of the rounds' quantiles: a burst of somebody else's work spoils a round and not the figure.
        on, off = (median(rig.percentile(one, share) for one in rounds) * 1e3 for rounds in (with_it, without))
        name = f"measured latency p{share * 100:.0f}:"
        print(f"{name:28} {on:.3f} ms with telemetry, {off:.3f} ms without, ratio {on / off:.2f}")


if __name__ == "__main__":
    main()

"""
CPU per check and checks per second where both are given more than they can do: our prober and blackbox_exporter, each
alone on the first CPU, against the same targets on the last one.

    python tests/bench/bench_saturated.py [--seconds 3] [--rounds 3] [--kind http|https|dns|tcp] [--daemon]

Of ours the prober process counts: timetable, probe, judgement, and the results on their way to the daemon, which is
this bench; with --daemon also what the daemon makes of them. Of the exporter all of it counts, and not who asks it:
32 requests under way over kept connections and without gzip, and each answer makes room for the next. Both have 32
probes under way. The rounds of all take turns, and the ratios are those of the medians.

The https target is nginx with the OpenSSL that comes with pycurl, where that can be: Debian's knows no post-quantum
group, and would be asked for none. Each of its handshakes is TLS 1.3, and verified by both.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import rig

sys.path.insert(0, str(rig.ROOT))

import pycurl
import trustme
from bench_cpu import is_whole

from checks import dns, tcp
from checks.check import Check, HttpQuestion, Question
from checks.dns_message import Query
from checks.way import Way
from monitor.clock import SteadyClock
from monitor.probing import wire
from monitor.probing.prober import Prober, collect_seldom

IN_FLIGHT = 32
SETTLE = 1.0
BUSY = 0.92
"""Of its CPU: with more than this it has no time left."""
EXPORTER = "prometheus-blackbox-exporter"
NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; ssl_protocols TLSv1.3; ssl_ecdh_curve {groups};
  keepalive_requests 1000000;
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{secure} ssl;
    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;
    location / {{ default_type text/plain; return 200 'ok'; }}
  }}
}}
"""
MODULES = """
modules:
  http: {{prober: http, http: {{preferred_ip_protocol: ip4}}}}
  https: {{prober: http, http: {{preferred_ip_protocol: ip4, tls_config: {{ca_file: {ca}}}}}}}
  dns: {{prober: dns, dns: {{query_name: www.example.com, preferred_ip_protocol: ip4}}}}
  tcp: {{prober: tcp, tcp: {{preferred_ip_protocol: ip4}}}}
"""


# -- what is asked ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Targets:
    plain: int
    secure: int
    names: int
    ca_file: str
    post_quantum: bool


@dataclass(frozen=True)
class Asked:
    """
    One row of ours.

    Attributes:
        at_least: Checks to begin with, at 1 s each. As many as are just too many are found by trying: a check that is
            not asked in time is missed, and far too many would be measured for what is not done.
        wanted: At most this share of the exporter's CPU.
    """

    name: str
    at_least: int
    wanted: float
    ask: Callable[[Targets, int], Question]


@dataclass(frozen=True)
class Kind:
    name: str
    theirs: str
    probe: Callable[[Targets], str]
    ours: tuple[Asked, ...] = field(default=())


def http(keep_alive: float) -> Callable[[Targets, int], Question]:
    return lambda at, n: HttpQuestion(url=f"http://127.0.0.1:{at.plain}/ready/{n}", keep_alive=keep_alive)


def https(way: Way | None) -> Callable[[Targets, int], Question]:
    return lambda at, n: HttpQuestion(url=f"https://127.0.0.1:{at.secure}/ready/{n}", ca_file=at.ca_file, way=way)


def name(at: Targets, n: int) -> Question:
    return dns.Question(url=f"udp://127.0.0.1:{at.names}", query=Query(f"www-{n}.example.com", "A", "IN", True))


KINDS = (
    Kind(
        "http", "http, a fresh connection", lambda at: f"http&target=http://127.0.0.1:{at.plain}/ready",
        (
            Asked("http, a fresh connection", 2_000, 0.25, http(0.0)),
            Asked("http, keep_alive: 5m", 2_500, 1 / 6, http(300.0)),
        ),
    ),
    Kind(
        "https", "https, a full handshake", lambda at: f"https&target=https://127.0.0.1:{at.secure}/ready",
        (
            Asked("https, a full handshake, libcurl's groups", 500, 0.85, https(None)),
            Asked("https, a full handshake, X25519:P-256", 500, 0.75, https(Way(groups="X25519:P-256"))),
            Asked("https, resume: 5m", 700, 0.85, https(Way(resume=300.0))),
        ),
    ),
    Kind(
        "dns", "dns", lambda at: f"dns&target=127.0.0.1:{at.names}",
        (Asked("dns", 1_500, 1.0, name),),
    ),
    Kind(
        "tcp", "tcp", lambda at: f"tcp&target=127.0.0.1:{at.plain}",
        (Asked("tcp", 1_500, 1.0, lambda at, _: tcp.Question(url=f"tcp://127.0.0.1:{at.plain}")),),
    ),
)  # fmt: skip


# -- the targets ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def targets() -> Iterator[Targets]:
    with tempfile.TemporaryDirectory() as folder, rig.helper("names") as names:
        authority = trustme.CA()
        leaf = authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA)
        authority.cert_pem.write_to_path(f"{folder}/ca.pem")
        pem = leaf.private_key_pem.bytes() + b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        Path(folder, "server.pem").write_bytes(pem)
        newer = newer_openssl()
        for preload, groups in ((newer, "X25519MLKEM768:X25519:prime256v1"), ("", "X25519:prime256v1")):
            at = Targets(rig.free_port(), rig.free_port(), names, f"{folder}/ca.pem", bool(preload))
            conf = NGINX.format(folder=folder, plain=at.plain, secure=at.secure, groups=groups)
            Path(folder, "conf").write_text(conf)
            command = ["nginx", "-p", folder, "-c", f"{folder}/conf"]
            environment = {**os.environ, "LD_PRELOAD": preload} if preload else None
            process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
            try:
                if preload and not comes_up(at, process):
                    continue
                rig.wait_for(lambda at=at: listens(at.secure), "nginx", 10)  # type: ignore[misc]
                yield at
                return
            finally:
                process.terminate()
                process.wait()


def newer_openssl() -> str:
    """The libraries that pycurl's wheel brings, in the form of LD_PRELOAD; empty where it has none."""
    folder = Path(pycurl.__file__).parent.parent / "pycurl.libs"
    return ":".join(str(found) for name in ("libcrypto", "libssl") for found in sorted(folder.glob(f"{name}-*")))


def comes_up(at: Targets, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and process.poll() is None:
        if listens(at.secure):
            return True
        time.sleep(0.05)
    return False


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def pinned(cpu: int, *command: str) -> list[str]:
    return ["taskset", "--cpu-list", str(cpu), *command]


# -- who asks them ----------------------------------------------------------------------------------------------------


@dataclass
class Figure:
    """Of one window: microseconds of CPU per check, checks per second, those that were not well, share of the CPU."""

    cost: float
    rate: float
    bad: int
    busy: float


def measured(pid: int, seconds: float, run: Callable[[float], tuple[int, int]]) -> Figure:
    """*run* goes on for so many seconds, and tells how many ended and how many of them well."""
    run(SETTLE)
    before, begun = rig.cpu(pid), time.monotonic()
    ended, good = run(seconds)
    spent, passed = rig.cpu(pid) - before, time.monotonic() - begun
    return Figure(spent / max(ended, 1) * 1e6, ended / passed, ended - good, spent / passed)


def just_too_many(cpu: int, asked: Asked, at: Targets) -> int:
    checks = asked.at_least
    while our_figure(cpu, asked, at, checks, SETTLE).busy < BUSY:
        checks = checks * 5 // 4
    return checks


def our_figure(cpu: int, asked: Asked, at: Targets, count: int, seconds: float) -> Figure:
    ours, theirs = socket.socketpair()
    command = pinned(cpu, sys.executable, __file__, "prober", str(theirs.fileno()))
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
    theirs.close()
    try:
        clock = SteadyClock.begin()
        checks = [
            Check(service=f"service-{n // 10}", name=f"c-{n}", question=asked.ask(at, n), interval=1.0, timeout=0.8)
            for n in range(count)
        ]
        ours.sendall(wire.encode(wire.configure(checks, (), clock.origin, clock.boot_id)))
        frames = wire.Frames()

        def read(for_seconds: float) -> tuple[int, int]:
            ended = good = 0
            until = time.monotonic() + for_seconds
            while (left := until - time.monotonic()) > 0:
                if not select.select([ours], [], [], left)[0]:
                    continue
                for message in frames.feed(ours.recv(1 << 20)):
                    if isinstance(message, wire.Batch):
                        ended += len(message.results)
                        good += sum(result.attempts[0].outcome == "ok" for result in message.results)
            return ended, good

        while not read(0.2)[0]:
            pass  # it is still reading its checks
        return measured(process.pid, seconds, read)
    finally:
        ours.close()
        process.terminate()
        process.wait()


def serve_prober(fd: int) -> None:
    """The prober itself, but for what it takes for enough: 1,000 under way would only make the probes wait."""
    with socket.socket(fileno=fd) as channel:
        collect_seldom()
        Prober(channel, most_in_flight=IN_FLIGHT, most_idle=8 * IN_FLIGHT).run()


def their_figure(cpu: int, probe: str, at: Targets, seconds: float) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        config, port = Path(folder, "blackbox.yml"), rig.free_port()
        config.write_text(MODULES.format(ca=at.ca_file))
        command = [EXPORTER, f"--config.file={config}", "--log.level=error", f"--web.listen-address=127.0.0.1:{port}"]
        process = subprocess.Popen(pinned(cpu, *command))
        try:
            rig.wait_for(lambda: listens(port), "the exporter")
            asking = Asking(port, f"GET /probe?module={probe} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            return measured(process.pid, seconds, asking.run)
        finally:
            process.terminate()
            process.wait()


class Asking:
    """As many requests under way as connections; each answer is followed by the next request."""

    def __init__(self, port: int, request: bytes) -> None:
        self._request = request
        self._poll = select.epoll()
        self._busy: dict[int, tuple[socket.socket, bytearray]] = {}
        for _ in range(IN_FLIGHT):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.sendall(request)
            self._poll.register(connection, select.EPOLLIN)
            self._busy[connection.fileno()] = connection, bytearray()

    def run(self, seconds: float) -> tuple[int, int]:
        ended = good = 0
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for fd, _ in self._poll.poll(0.2):
                connection, text = self._busy[fd]
                text += connection.recv(65536)
                if is_whole(text):
                    ended += 1
                    good += b"\nprobe_success 1" in text
                    text.clear()
                    connection.sendall(self._request)
        return ended, good


# -- with the daemon --------------------------------------------------------------------------------------------------


def with_daemon(seconds: float) -> None:
    """All of the daemon on both CPUs, asked for more than it can do, and how much of it is the prober's."""
    checks = 4_000
    with rig.helper("target") as target, rig.daemon(checks, "1s", target) as watched:
        rig.wait_for_fitting(watched.pid)
        time.sleep(3 * SETTLE)

        def counted() -> int:
            results = watched.status()["parts"]["results"]
            return int(results["good"] + results["bad"] + results["unknown"])

        before, spent, own, begun = counted(), rig.cpu(watched.pid), rig.cpu(watched.pid, children=False), time.time()
        time.sleep(seconds)
        ended, passed = counted() - before, time.time() - begun
        spent, own = rig.cpu(watched.pid) - spent, rig.cpu(watched.pid, children=False) - own
        cost = spent / max(ended, 1) * 1e6
        print(f"  with the daemon, {ended / passed:,.0f} http checks/s: {cost:.0f} us, {own / spent:.0%} of it its own")


def compare(kind: Kind, at: Targets, cpu: int, rounds: int, seconds: float) -> None:
    ours: dict[str, list[Figure]] = {asked.name: [] for asked in kind.ours}
    theirs: list[Figure] = []
    has_exporter = shutil.which(EXPORTER) is not None
    counts = {asked.name: just_too_many(cpu, asked, at) for asked in kind.ours}
    for _ in range(rounds):
        for asked in kind.ours:
            ours[asked.name].append(our_figure(cpu, asked, at, counts[asked.name], seconds))
        if has_exporter:
            theirs.append(their_figure(cpu, kind.probe(at), at, seconds))
    if theirs:
        show(f"blackbox_exporter: {kind.theirs}", theirs)
    for asked in kind.ours:
        show(f"watchkeeper: {asked.name}", ours[asked.name])
        if theirs:
            cost = median(f.cost for f in ours[asked.name]) / median(f.cost for f in theirs)
            rate = median(f.rate for f in ours[asked.name]) / median(f.rate for f in theirs)
            of = f" of the exporter's CPU for {kind.theirs} (wanted: at most {asked.wanted:.2f})"
            print(f"    {cost:.2f}{of}; {rate:.1f} times its checks per second", flush=True)


def show(what: str, figures: list[Figure]) -> None:
    costs = [figure.cost for figure in figures]
    bad = sum(figure.bad for figure in figures)
    print(
        f"  {what:62} {median(costs):6.0f} us [{min(costs):.0f}-{max(costs):.0f}]"
        f" {median(f.rate for f in figures):8,.0f} checks/s, {median(f.busy for f in figures):4.0%} of its CPU"
        f"{f', {bad} NOT WELL' if bad else ''}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each window (default 3)")
    parser.add_argument("--rounds", type=int, default=3, help="windows of each (default 3)")
    parser.add_argument("--kind", choices=[kind.name for kind in KINDS], help="this one alone")
    parser.add_argument("--daemon", action="store_true", help="also with the daemon")
    options = parser.parse_args()
    cpus = os.sched_getaffinity(0)
    print(f"saturated, {options.rounds} windows of {options.seconds:g} s each {rig.machine()}")
    if shutil.which("nginx") is None or len(cpus) < 2:
        print("needs nginx and two CPUs: nothing measured")
        return
    if options.daemon:
        with_daemon(options.seconds)
    os.sched_setaffinity(0, {max(cpus)})
    with targets() as at:
        print(f"  the https target {'speaks X25519MLKEM768' if at.post_quantum else 'knows no post-quantum group'}")
        for kind in KINDS:
            if options.kind in (None, kind.name):
                compare(kind, at, min(cpus), options.rounds, options.seconds)


if __name__ == "__main__":
    if sys.argv[1:2] == ["prober"]:
        serve_prober(int(sys.argv[2]))
    else:
        main()

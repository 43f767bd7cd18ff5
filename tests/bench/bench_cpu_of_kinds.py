"""
CPU per DNS and per TCP check of the whole daemon next to blackbox_exporter, asked just as often: as bench_cpu.py has it
for HTTP.

    python tests/bench/bench_cpu_of_kinds.py [--seconds 10] [--checks 1000] [--kind dns|tcp]
"""

from __future__ import annotations

import argparse
import shutil
import time
from dataclasses import dataclass

import bench_cpu
import rig


@dataclass(frozen=True)
class Kind:
    """
    Attributes:
        asks: The keys of a check of ours.
        probe: Module and target of the exporter's.
    """

    name: str
    server: str
    asks: str
    modules: str
    probe: str


KINDS = (
    Kind(
        name="dns",
        server="names",
        asks="dns: {{server: '127.0.0.1:{target}', name: www-{n}.example.com}}",
        modules="modules: {dns: {prober: dns, dns: {query_name: www.example.com, preferred_ip_protocol: ip4}}}",
        probe="dns&target=127.0.0.1:{target}",
    ),
    Kind(
        name="tcp",
        server="target",
        asks="tcp: '127.0.0.1:{target}'",
        modules="modules: {tcp: {prober: tcp, tcp: {preferred_ip_protocol: ip4}}}",
        probe="tcp&target=127.0.0.1:{target}",
    ),
)  # fmt: skip


def figure(kind: Kind, count: int, target: int, seconds: float) -> float:
    """Microseconds of CPU per check."""
    with rig.daemon(count, "1s", target, asks=kind.asks) as watched:
        rig.wait_for_fitting(watched.pid)
        time.sleep(bench_cpu.SETTLE)
        spent, passed = rig.cpu_over(watched.pid, seconds)
        checks = [check for service in watched.status()["services"] for check in service["checks"]]
        if bad := [check for check in checks if check["outcome"] != "ok"]:
            print(f"  {len(bad)} of {len(checks)} are not ok, the first one: {bad[0]}")
        return spent / (passed * count) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each window (default 10)")
    parser.add_argument("--checks", type=int, default=1_000, help="each once a second (default 1000)")
    parser.add_argument("--kind", choices=[kind.name for kind in KINDS], help="this one alone")
    options = parser.parse_args()
    print(f"{options.checks:,} checks at 1 s, windows of {options.seconds:.0f} s {rig.machine()}")
    for kind in KINDS:
        if options.kind in (None, kind.name):
            compare(kind, options.checks, options.seconds)


def compare(kind: Kind, checks: int, seconds: float) -> None:
    with rig.helper(kind.server) as target:
        ours = figure(kind, checks, target, seconds)
        print(f"{kind.name}: watchkeeper        {ours:7.0f} us CPU per check")
        if shutil.which("prometheus-blackbox-exporter") is None:
            print("     prometheus-blackbox-exporter is not installed: no ratio")
            return
        probe = kind.probe.format(target=target)
        theirs, answered, good = bench_cpu.exporter_figure(checks, probe, seconds, kind.modules)
        print(f"     blackbox_exporter  {theirs:7.0f} us CPU per check; {answered:,} answered, {good:,} well")
        if answered < 0.98 * checks * seconds:
            print("     it could not keep up: at saturation a check costs less, so this flatters it")
        print(f"     ratio              {ours / theirs:7.2f} of the exporter's CPU")


if __name__ == "__main__":
    main()

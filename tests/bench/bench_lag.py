"""
How late probes begin with 10,000 checks at 10 s, and whether a check costs the same there as with 1,000 at 1 s.

    python tests/bench/bench_lag.py [--seconds 15]

Both ask 1,000 times a second; what differs is how much is kept. The lag is what the prober itself says in the status:
quantiles over the last 30 to 60 s, the start of the daemon included when the window is shorter.
"""

from __future__ import annotations

import argparse
import time

import rig

SIZES = ((10_000, 10), (1_000, 1))
SETTLE = 3.0


def measure(checks: int, interval: int, seconds: float, target: int, otlp: int) -> float:
    begun = time.monotonic()
    with rig.daemon(checks, f"{interval}s", target, otlp) as watched:
        ready = time.monotonic() - begun
        rig.wait_for_fitting(watched.pid)
        time.sleep(SETTLE)
        spent, passed = rig.cpu_over(watched.pid, seconds)
        status = watched.status()
    prober, per_check = status["parts"]["prober"], spent / (passed * checks / interval) * 1e6
    outcomes = [check["outcome"] for service in status["services"] for check in service["checks"]]
    lag = f"lag p99 {prober['lag_p99_seconds'] * 1e3:.1f} ms, max {prober['lag_max_seconds'] * 1e3:.1f} ms"
    print(
        f"{checks:6,} checks at {interval:2} s: {lag}; {per_check:.0f} us CPU per check; missed {prober['missed']}, "
        f"dropped {prober['dropped']}, not ok {len(outcomes) - outcomes.count('ok')}; "
        f"all answered once after {ready:.0f} s"
    )
    return per_check


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15.0, help="length of each window (default 15)")
    seconds = parser.parse_args().seconds
    print(f"windows of {seconds:.0f} s {rig.machine()}")
    with rig.helper("target") as target, rig.helper("swallow") as otlp:
        many, few = (measure(checks, interval, seconds, target, otlp) for checks, interval in SIZES)
    print(f"a check among 10,000 costs {many / few:.2f} times what it costs among 1,000")


if __name__ == "__main__":
    main()

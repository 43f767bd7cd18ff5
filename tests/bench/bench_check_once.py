"""
How long `monitor check-once` takes as a whole process: of a URL, and of a configuration with one check.

    python tests/bench/bench_check_once.py [--times 10]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import rig


def milliseconds(command: list[str], times: int) -> list[float]:
    took = []
    for n in range(times + 1):
        begun = time.perf_counter()
        done = subprocess.run(command, cwd=rig.ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"exit code {done.returncode}: {done.stdout}{done.stderr}")
        if n:  # the first warms the file cache
            took.append((time.perf_counter() - begun) * 1e3)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--seconds", type=float, help="run each as often as fits instead", default=None)
    options = parser.parse_args()
    print(f"whole process, wall time {rig.machine()}")
    with rig.helper("target") as target, tempfile.TemporaryDirectory() as folder:
        url = f"http://127.0.0.1:{target}/"
        config = Path(folder, "config.yaml")
        config.write_text(f"services: {{orders: {{checks: {{live: {url}}}}}}}\n")
        monitor = [sys.executable, "-m", "monitor"]
        for name, command in {
            "python that does nothing": [sys.executable, "-c", "pass"],
            "check-once URL": [*monitor, "check-once", url],
            "check-once, config of one check": [*monitor, "check-once", "-c", str(config)],
        }.items():
            times = options.times
            if options.seconds is not None:
                times = max(1, int(options.seconds * 1e3 / milliseconds(command, 1)[0]))
            took = milliseconds(command, times)
            print(f"{name:32} median {median(took):5.0f} ms, {min(took):.0f} to {max(took):.0f} of {times}")


if __name__ == "__main__":
    main()

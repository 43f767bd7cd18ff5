"""
What fitting one service costs, as a process of its own.

    python tests/bench/bench_baseline.py [--times 5]

Six weeks of one-minute data lie in a real Prometheus (`promtool tsdb create-blocks-from openmetrics`): requests and
errors as counters, latency as a gauge. The fitting is asked for the error ratio of each minute and for the latency.
Wall time, CPU time and the peak of its memory are the kernel's. Beside it, in the same run, what the process costs
that only imports what it needs.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import rig

from monitor.sources.job import FitJob, ServiceJob

WEEKS = 6
STEP = 60
MEMORY = 2 * 1024**3
QUERIES = ServiceJob(requests="sum(rate(app_requests_total[5m]))", errors="sum(rate(app_errors_total[5m]))",
                     latency="avg_over_time(app_latency_seconds[1m])")  # fmt: skip


@dataclass(frozen=True)
class Cost:
    wall: float
    cpu: float
    peak: float  # MB

    def __str__(self) -> str:
        return f"{self.wall * 1e3:6.0f} ms wall, {self.cpu * 1e3:6.0f} ms CPU, peak {self.peak:5.0f} MB"


def past(until: int) -> str:
    chance = random.Random(7)
    lines: dict[str, list[str]] = {"app_requests": [], "app_errors": [], "app_latency_seconds": []}
    requests = errors = 0.0
    for at in range(until - WEEKS * 7 * 86_400, until + 1, STEP):
        requests += 1200 * chance.uniform(0.9, 1.1)
        errors += 2.4 * chance.uniform(0.0, 2.0)
        lines["app_requests"].append(f"app_requests_total {requests:.1f} {at}")
        lines["app_errors"].append(f"app_errors_total {errors:.1f} {at}")
        lines["app_latency_seconds"].append(f"app_latency_seconds {0.12 * chance.lognormvariate(0, 0.3):.6f} {at}")
    kinds = {"app_requests": "counter", "app_errors": "counter", "app_latency_seconds": "gauge"}
    return "\n".join([*("\n".join([f"# TYPE {n} {kind}", *lines[n]]) for n, kind in kinds.items()), "# EOF", ""])


def served(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A Prometheus with that past in it."""
    (folder / "past.om").write_text(past(int(time.time()) // STEP * STEP - STEP))
    (folder / "prometheus.yml").write_text("scrape_configs: []\n")
    fill = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=240h", "-q", "openmetrics"]
    subprocess.run([*fill, "past.om", "data"], cwd=folder, check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--storage.tsdb.retention.time=90d"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            ["prometheus", *options, f"--web.listen-address=127.0.0.1:{port}"], cwd=folder, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{url}/-/ready", timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return process, url
    process.kill()
    raise SystemExit("Prometheus did not get ready within 30 s: see its log")


def cost(command: list[str], given: bytes = b"") -> Cost:
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as told:
        asked.write(given)
        asked.seek(0)
        begun = time.perf_counter()
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(command, stdin=asked, stdout=told, stderr=told, cwd=rig.ROOT, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            told.seek(0)
            raise SystemExit(f"exit code {process.returncode}: {told.read().decode()}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def middle(costs: list[Cost]) -> Cost:
    return Cost(median(c.wall for c in costs), median(c.cpu for c in costs), max(c.peak for c in costs))


def fitting(times: int) -> None:
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        print("fitting is not measured: prometheus and promtool are not installed")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prometheus, url = served(folder)
        try:
            now = datetime.now(UTC)
            job = FitJob(now=now, time_zone="Europe/Berlin", prometheus=url, services={"orders": QUERIES}, weeks=WEEKS)
            fit = [sys.executable, "-m", "monitor.sources.fit", str(folder / "baselines"), str(MEMORY)]
            bare = [sys.executable, "-c", "import monitor.sources.fit"]
            cost(fit, job.to_json().encode())  # fills the caches of files and of Prometheus
            whole = middle([cost(fit, job.to_json().encode()) for _ in range(times)])
            imports = middle([cost(bare) for _ in range(times)])
        finally:
            prometheus.terminate()
            prometheus.wait(10)
    print(f"fitting one service, {WEEKS} weeks of minutes   {whole}")
    print(f"only what it imports                       {imports}")
    print(f"the fitting is {whole.cpu / imports.cpu:.1f} times its imports; goal: 1000 ms and 250 MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    print(f"fitting {rig.machine()}")
    fitting(options.times)


if __name__ == "__main__":
    main()

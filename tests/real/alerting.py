"""A Prometheus with a rule, Alertmanagers that tell of it, and the daemon that is told: processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

SECRET = "s3cr3t-of-the-hook"
Waiting = Callable[[str, Callable[[], Any], float], Any]

RULES = """
groups:
  - name: orders
    rules:
      - alert: OrdersSlow
        expr: app_latency_seconds > 1
        labels: {service: orders, severity: critical}
        annotations: {summary: "orders take {{ $value }} s"}
      - alert: LedgerSlow
        expr: max(app_latency_seconds) > 1
        labels: {service: ledger, severity: critical}
"""


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30):
            return True
    except OSError:
        return False


class Real:
    """
    Everything on free ports of its own.

    Attributes:
        address: Of the daemon.
    """

    def __init__(self, folder: Path, service: Any, free_port: Callable[[], int], stack: ExitStack) -> None:
        self.folder, self.service, self._free_port, self._stack = folder, service, free_port, stack
        self.address = ""

    def run(self, name: str, *command: str) -> Path:
        log = self.folder / f"{name}.log"
        with log.open("ab") as file:
            process = subprocess.Popen(command, stdout=file, stderr=file, cwd=self.folder)
        self._stack.callback(end, process)
        return log

    def start_daemon(self, waiting: Waiting, more: Mapping[str, Any] | None = None) -> None:
        """
        Args:
            more: Of its configuration, instead of what stands here.
        """
        check = {"http": f"http://{self.service.address}/healthz", "interval": "1s", "timeout": "900ms"}
        document = {
            "monitor": {"state": "./state", "listen": "127.0.0.1:0"},
            "services": {"orders": {"criticality": "critical", "checks": {"live": check}}},
            "incidents": {"open_after": "2s", "stable_for": "3s"},
            "intake": {"alertmanager": {"secret": SECRET}},
            **(more or {}),
        }
        (self.folder / "config.yaml").write_text(json.dumps(document))
        log = self.run("daemon", sys.executable, "-m", "monitor", "-c", "config.yaml", "run")

        def said() -> str:
            lines = [line for line in log.read_text().splitlines() if "watching " in line]
            return lines[0].split("; ")[-1].strip() if lines else ""

        self.address = waiting("the daemon watches", said, 20)
        waiting("it is ready", lambda: answers(f"{self.address}/healthz/ready"), 20)

    def start_alertmanager(self, name: str, waiting: Waiting) -> int:
        port = self._free_port()
        (self.folder / "secret").write_text(SECRET)
        document = {
            "route": {"receiver": "w", "group_wait": "0s", "group_interval": "1s", "repeat_interval": "2s"},
            "receivers": [
                {
                    "name": "w",
                    "webhook_configs": [
                        {
                            "url": f"{self.address}/api/v1/alerts/alertmanager",
                            "http_config": {"authorization": {"credentials_file": str(self.folder / "secret")}},
                        }
                    ],
                }
            ],
        }
        (self.folder / f"{name}.yml").write_text(json.dumps(document))
        self.run(
            name, "prometheus-alertmanager", f"--config.file={name}.yml", f"--storage.path={name}",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
        )  # fmt: skip
        waiting(f"{name} is ready", lambda: answers(f"http://127.0.0.1:{port}/-/ready"), 20)
        return port

    def start_prometheus(self, alertmanagers: list[int], waiting: Waiting) -> None:
        port = self._free_port()
        (self.folder / "rules.yml").write_text(RULES)
        document = {
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [{"job_name": "orders", "static_configs": [{"targets": [self.service.address]}]}],
            "alerting": {
                "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{port}" for port in alertmanagers]}]}]
            },
        }
        (self.folder / "prometheus.yml").write_text(json.dumps(document))
        self.run(
            "prometheus", "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{port}", "--rules.alert.resend-delay=1s",
        )  # fmt: skip
        waiting("Prometheus is ready", lambda: answers(f"http://127.0.0.1:{port}/-/ready"), 20)

    def incident(self) -> Any:
        """The one that there is, whole; None while there is none."""
        found = get(f"{self.address}/api/v1/incidents?state=all")["incidents"]
        assert len(found) <= 1, found
        return get(f"{self.address}/api/v1/incidents/{found[0]['id']}") if found else None

    def report(self, reporter: str, symptoms: str) -> None:
        token = (self.folder / "state" / "token").read_text().strip()
        body = json.dumps({"service": "orders", "reporter": reporter, "symptoms": symptoms}).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}/api/v1/incidents", body, headers, method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 201

    def is_failing(self) -> bool:
        (service,) = get(f"{self.address}/api/v1/status")["services"]
        return any(check["failing"] for check in service["checks"])

    def scraped(self, name: str, **labels: str) -> float:
        """A counter of the daemon's own page; 0 where it has no such sample yet."""
        with urllib.request.urlopen(f"{self.address}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        values = [line for line in lines if line.startswith(f"{name}{{") and all(part in line for part in wanted)]
        return sum(float(line.rpartition(" ")[2]) for line in values)


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

"""
From the break of a target to the open incident, at an interval of 10 s and every other default.

    python tests/bench/bench_detection.py [--peer] [--seconds 110]

`--peer`: beside it, in the same run and on the same target, Debian's Prometheus, blackbox_exporter and Alertmanager
with what their documentation gives: scrape and evaluation every 15 s, `for: 1m`, group_wait 30 s. Two instants of
theirs are told: the alert fires, and the receiver hears of it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import rig

INTERVAL = 10
PROMETHEUS = """
global: {scrape_interval: 15s, evaluation_interval: 15s}
alerting: {alertmanagers: [{static_configs: [{targets: ["127.0.0.1:ALERTMANAGER"]}]}]}
rule_files: [rules.yml]
scrape_configs:
- job_name: blackbox
  metrics_path: /probe
  params: {module: [http_2xx]}
  static_configs: [{targets: ["http://127.0.0.1:TARGET/ready/0"]}]
  relabel_configs:
  - {source_labels: [__address__], target_label: __param_target}
  - {source_labels: [__param_target], target_label: instance}
  - {target_label: __address__, replacement: "127.0.0.1:BLACKBOX"}
"""
RULES = "groups: [{name: probes, rules: [{alert: Down, expr: probe_success == 0, for: 1m}]}]\n"
ALERTMANAGER = """
route: {receiver: here, group_wait: 30s, group_interval: 5m}
receivers: [{name: here, webhook_configs: [{url: "http://127.0.0.1:RECEIVER/"}]}]
"""


class Receiver(BaseHTTPRequestHandler):
    heard: ClassVar[list[float]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append(time.monotonic())
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Nothing to tell."""


@contextmanager
def peer(target: int) -> Iterator[int]:
    """Yields Prometheus's port."""
    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=receiver.serve_forever, daemon=True).start()
    names = ("PROMETHEUS", "ALERTMANAGER", "BLACKBOX")
    ports = {name: rig.free_port() for name in names} | {"TARGET": target, "RECEIVER": receiver.server_port}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        for file, text in {
            "prometheus.yml": PROMETHEUS,
            "rules.yml": RULES,
            "alertmanager.yml": ALERTMANAGER,
            "blackbox.yml": "modules: {http_2xx: {prober: http, http: {preferred_ip_protocol: ip4}}}\n",
        }.items():
            for word, port in ports.items():
                text = text.replace(word, str(port))
            (folder / file).write_text(text)
        for program, *options in (
            ("prometheus-blackbox-exporter", "--config.file=blackbox.yml", listen(ports["BLACKBOX"])),
            (
                "prometheus-alertmanager",
                "--config.file=alertmanager.yml",
                "--storage.path=alerts",
                "--cluster.listen-address=",
                listen(ports["ALERTMANAGER"]),
            ),
            ("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", listen(ports["PROMETHEUS"])),
        ):
            process = stack.enter_context(
                subprocess.Popen([program, *options, "--log.level=error"], cwd=folder, stderr=subprocess.DEVNULL)
            )
            stack.callback(process.terminate)
        rig.wait_for(lambda: '"1"' in ask(ports["PROMETHEUS"], "query?query=probe_success"), "Prometheus to see it up")
        yield ports["PROMETHEUS"]
    receiver.shutdown()
    receiver.server_close()


def listen(port: int) -> str:
    return f"--web.listen-address=127.0.0.1:{port}"


def ask(port: int, what: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{what}", timeout=5) as answer:
            return json.dumps(json.load(answer))
    except OSError:
        return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=110.0, help="how long at most after the break (default 110)")
    parser.add_argument("--peer", action="store_true", help="Prometheus and its company beside it")
    options = parser.parse_args()
    print(f"target breaks: answers 503 {rig.machine()}")
    with ExitStack() as stack:
        switch = Path(stack.enter_context(tempfile.TemporaryDirectory()), "broken")
        target = stack.enter_context(rig.helper("target", str(switch)))
        watched = stack.enter_context(rig.daemon(1, f"{INTERVAL}s", target))

        def service() -> dict[str, Any]:
            only: dict[str, Any] = watched.status()["services"][0]
            return only

        waited: dict[str, Callable[[], bool]] = {
            f"watchkeeper, every {INTERVAL} s, failure confirmed": lambda: bool(service()["checks"][0]["failing"]),
            f"watchkeeper, every {INTERVAL} s, incident pending": lambda: bool(service()["state"] != "clear"),
            f"watchkeeper, every {INTERVAL} s, incident open": lambda: bool(service()["state"] == "open"),
        }
        if options.peer:
            prometheus = stack.enter_context(peer(target))
            waited["Prometheus every 15 s, for 1m: alert firing"] = lambda: '"firing"' in ask(prometheus, "alerts")
            waited["Alertmanager, group_wait 30 s: receiver told"] = lambda: bool(Receiver.heard)
        switch.touch()
        broke = time.monotonic()
        while waited and time.monotonic() - broke < options.seconds:
            for what in [what for what, seen in waited.items() if seen()]:
                print(f"{what:52} {time.monotonic() - broke:6.1f} s after the break", flush=True)
                del waited[what]
            time.sleep(0.2)
        for what in waited:
            print(f"{what:52} not within {options.seconds:.0f} s")


if __name__ == "__main__":
    main()

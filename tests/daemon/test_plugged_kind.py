"""A kind that another package plugs in, from check-once to the daemon's prober: the example of the documentation."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "watchkeeper-ntp"
_1900 = 2_208_988_800


class TimeServer:
    """*ahead*: seconds that its clock is wrong by."""

    def __init__(self, ahead: float = 0.0) -> None:
        self.ahead = ahead
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            asked, who = self._socket.recvfrom(512)
            if not asked:
                return
            now = int((time.time() + _1900 + self.ahead) * 2**32).to_bytes(8, "big")
            self._socket.sendto(bytes([0x24, 2, 0, 0]) + bytes(20) + asked[40:48] + now + now, who)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()


@pytest.fixture
def server() -> Iterator[TimeServer]:
    server = TimeServer()
    yield server
    server.close()


@pytest.fixture
def environ(plug_in: Callable[..., Path]) -> dict[str, str]:
    """The example installed, by what its own pyproject.toml says."""
    about = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    ((kind, module),) = about["entry-points"]["watchkeeper.checks"].items()
    site = plug_in(kind, "", package=about["name"], version=about["version"])
    (entry,) = site.glob("*.dist-info/entry_points.txt")
    entry.write_text(f"[watchkeeper.checks]\n{kind} = {module}\n")
    (site / f"{module}.py").write_text((EXAMPLE / f"{module}.py").read_text())
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WATCHKEEPER", "OTEL"))}
    return kept | {"PYTHONPATH": str(site)}


def monitor(folder: Path, environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "monitor", *arguments],
        cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def write(folder: Path, **checks: str) -> None:
    lines = "".join(f"      {name}: {check}\n" for name, check in checks.items())
    (folder / "config.yaml").write_text(f"services:\n  clocks:\n    checks:\n{lines}")


def once(folder: Path, environ: dict[str, str]) -> dict[str, Any]:
    ended = monitor(folder, environ, "check-once", "--format", "json")
    assert ended.stdout, ended.stderr
    return {check["check"]: check for check in json.loads(ended.stdout)["checks"]}


def test_check_once_asks_it_in_our_engine(tmp_path: Path, environ: dict[str, str], server: TimeServer) -> None:
    late = TimeServer(ahead=-7200.0)
    write(
        tmp_path,
        right=f"{{ntp: {{server: '{server.place}', warn: 1h, fail: 2h}}}}",
        wrong=f"{{ntp: {{server: '{late.place}', warn: 10m, fail: 1h}}}}",
        warned=f"{{ntp: {{server: '{late.place}', warn: 10m, fail: 1d}}}}",
        nobody="{ntp: {server: '127.0.0.1:9'}, timeout: 1s}",
    )

    found = once(tmp_path, environ)
    late.close()

    assert {name: check["status"] for name, check in found.items()} == {
        "right": "ok",
        "wrong": "failed",
        "warned": "warning",
        "nobody": "failed",
    }
    assert found["wrong"]["reason"] == "assertion"
    assert found["wrong"]["detail"].startswith(f"{late.place} is 7")
    assert found["wrong"]["detail"].endswith(" s behind our clock")


def test_commands_know_it(tmp_path: Path, environ: dict[str, str], server: TimeServer) -> None:
    write(tmp_path, right=f"{{ntp: '{server.place}'}}")
    good = monitor(tmp_path, environ, "validate")
    without = monitor(tmp_path, {**environ, "PYTHONPATH": ""}, "validate")
    write(tmp_path, right=f"{{ntp: {{server: '{server.place}', warn: 3s}}}}")
    bad = monitor(tmp_path, environ, "validate")

    assert (good.returncode, good.stdout) == (0, "config.yaml: 1 service, 1 check, 0 warnings.\n"), good.stderr
    assert without.returncode == 3
    assert "services.clocks.checks.right.ntp: unknown key" in without.stderr
    assert bad.returncode == 3
    assert "config.yaml:4  services.clocks.checks.right.ntp: warn must be less than fail" in bad.stderr
    schema = json.loads(monitor(tmp_path, environ, "schema").stdout)
    keys = schema["$defs"]["CheckShape"]["anyOf"][1]["properties"]["ntp"]
    assert list(keys["anyOf"][1]["properties"]) == ["server", "warn", "fail"]


def test_the_daemon_watches_it_and_a_broken_one_beside_it_harms_nobody(
    write_config: Callable[..., Path],
    start: Callable[..., Any],
    receiver: Any,
    wait_until: Callable[..., Any],
    plug_in: Callable[..., Path],
    environ: dict[str, str],
    server: TimeServer,
) -> None:
    plug_in("broken", "import no_such_module")
    every = {"interval": "1s", "timeout": "900ms"}
    fine = {"ntp": {"server": server.place, "warn": "1h", "fail": "2h"}, **every}
    checks = {"right": fine, "broken": {"broken": "x", **every}}
    daemon = start(write_config(receiver.url, services={"clocks": {"checks": checks}}), environ)
    port = int(daemon.wait_for_line(r"http://127\.0\.0\.1:(\d+)")[1])

    def get(path: str) -> str:
        with urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            text: str = answer.read().decode()
            return text

    def is_ok(service: str, check: str) -> bool:
        return f'probe_success{{service="{service}",check="{check}"}} 1\n' in get("/metrics")

    def last_of_broken() -> dict[str, Any]:
        services = json.loads(get("/api/v1/status"))["services"]
        of = {check["id"]: check for service in services for check in service["checks"]}
        found: dict[str, Any] = of["clocks/broken"]
        return found

    wait_until(lambda: is_ok("clocks", "right") and is_ok("orders-service", "ready"), "both are ok")
    wait_until(lambda: last_of_broken()["outcome"] == "unknown", "the broken one is asked too")

    assert (
        "clocks/broken: the kind broken of watchkeeper-broken 1.0 cannot be used: its import failed: No module"
        in daemon.log()
    )
    assert 'probe_success{service="clocks",check="broken"}' not in get("/metrics")
    assert receiver.wait_for(lambda got: {"ntp", "unusable", "GET"} <= {span.name for span in got.spans}, 120)
    span = next(span for span in receiver.received.spans if span.name == "ntp")
    assert (span.attributes["network.transport"], span.error) == ("udp", False)
    assert json.loads(get("/api/v1/status"))["parts"]["prober"]["restarts"] == 0

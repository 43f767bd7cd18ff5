"""Three thousand checks of five kinds, and some programs: each kind has its results, whatever becomes of the others."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# One after the other: two of them at once would be late for each other's sake.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("mixed-checks")]

KINDS = ("http", "https", "tcp", "dns", "grpc")
OF_EACH = 600
PROGRAMS = 50
INTERVAL = 60  # seconds: fifty probes in each of them, and late by six a slot is missed
LOST = 0.1
"""Share of a kind's results that may be missing, for a machine that stands still for some seconds."""


@contextmanager
def targets(folder: Path) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
    """Ports of each kind: of those that answer, and of those from which nothing that helps ever comes."""
    command = [sys.executable, str(Path(__file__).with_name("mixed_targets.py")), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline()), json.loads(process.stdout.readline())
        finally:
            process.kill()


def check_of(kind: str, port: int, number: int, ca: Path) -> dict[str, Any]:
    place = f"127.0.0.1:{port}"
    asked: dict[str, Any] = {
        "http": {"http": f"http://{place}/{number}"},
        "https": {"http": f"https://{place}/{number}", "tls": {"ca": str(ca)}},
        "tcp": {"tcp": place, "script": [{"expect": "^220 "}]},
        "dns": {"dns": {"server": place, "name": f"host-{number}.example.com"}},
        "grpc": {"grpc": place},
    }[kind]
    return {**asked, "interval": f"{INTERVAL}s", "timeout": "10s"}


def config_of(folder: Path, ports: dict[str, int], program: str) -> Path:
    """In three hundred services, each with two checks of each kind; one more has the programs."""
    services: dict[str, Any] = {
        f"service-{n}": {
            "checks": {
                f"{kind}-{number}": check_of(kind, ports[kind], number, folder / "ca.pem")
                for kind in KINDS
                for number in (2 * n, 2 * n + 1)
            }
        }
        for n in range(OF_EACH // 2)
    }
    run = {"command": ["/bin/sh", "-c", program], "interval": f"{INTERVAL}s", "timeout": "5s"}
    services["programs"] = {"checks": {f"command-{number}": run for number in range(PROGRAMS)}}
    document = {"monitor": {"state": str(folder / "state"), "listen": "127.0.0.1:0"}, "services": services}
    file = folder / "config.yaml"
    file.write_text(json.dumps(document))
    return file


def live(config: Path, seconds: float, descriptors: int) -> dict[str, Any]:
    """What became of a daemon that may have so many descriptors, and its prober as many, see `mixed_life.py`."""
    script = f'ulimit -n {descriptors} && exec "$@"'
    life = [sys.executable, str(Path(__file__).with_name("mixed_life.py")), str(config), str(seconds)]
    run = subprocess.run(["/bin/sh", "-c", script, "sh", *life], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def starved(life: dict[str, Any]) -> dict[str, float]:
    """Kinds that lack more results than they may, with their share of them."""
    shares = {kind: 1 - life["came"].get(kind, 0) / expected for kind, expected in life["expected"].items()}
    return {kind: share for kind, share in shares.items() if share > LOST}


def test_each_kind_has_its_results_and_all_are_kept(tmp_path: Path) -> None:
    with targets(tmp_path) as (well, _):
        life = live(config_of(tmp_path, well, "exit 0"), INTERVAL, 4096)

    assert life["outcomes"] == sorted([kind, "ok", ""] for kind in (*KINDS, "command"))
    assert starved(life) == {}
    assert life["kept"] == life["heard"]
    assert (life["restarts"], life["dropped"]) == (0, 0)


def test_what_answers_is_asked_on_time_while_nothing_comes_of_all_other_kinds(tmp_path: Path) -> None:
    """
    Handshakes, connections and calls that hang, a name server that talks nonsense, programs that mind no signal: there
    would be 800 to wait for at any time, and with a thousand descriptors there is room for 320.
    """
    stubborn = "trap '' TERM INT HUP; sleep 60"
    with targets(tmp_path) as (well, ill):
        life = live(config_of(tmp_path, {**ill, "http": well["http"]}, stubborn), 40, 1024)

    silent = ("https", "tcp", "dns", "grpc", "command")
    assert life["outcomes"] == sorted([["http", "ok", ""], *([kind, "failed", "timeout"] for kind in silent)])
    assert "http" not in starved(life), "what hangs is told late, and not counted here"
    assert life["kept"] == life["heard"]
    assert (life["restarts"], life["dropped"]) == (0, 0)
    told = "no room to begin what is due of dns, grpc, http over tls, tcp:"
    remedy = "raise LimitNOFILE= in the unit, or ulimit -n"
    assert any(told in line and remedy in line for line in life["said"]), life["said"]

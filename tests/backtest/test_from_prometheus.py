"""`monitor backtest` decides from a real Prometheus what a replay of the same samples decides."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checks.result import Confirmation, Outcome
from monitor.backtest.learning import Baselines
from monitor.backtest.replay import Probe, Replay
from monitor.config import Config, load

pytestmark = pytest.mark.real

HOURS = 60
URL = "http://orders.example/healthz"


def recorded(began: int) -> list[tuple[int, bool, float]]:
    """A sample a minute: flakes, an outage of 25 minutes, one of two, and an hour in which nobody scraped."""
    random, found = Random(11), []
    for minute in range(HOURS * 60):
        if 1500 <= minute < 1560:
            continue
        down = 2600 <= minute < 2625 or 900 <= minute < 902 or (minute < 800 and random.random() < 0.002)
        found.append((began + 60 * minute, not down, round(random.lognormvariate(-2.3, 0.1), 6)))
    return found


@pytest.fixture(scope="module")
def began() -> int:
    """On a whole hour: what spans two is weighed otherwise than what lies in one, and every run sees the same past."""
    return int(time.time()) // 3600 * 3600 - HOURS * 3600


@pytest.fixture(scope="module")
def prometheus(began: int, tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[str]:
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        pytest.skip("prometheus and promtool are not installed (Debian: apt install prometheus)")
    folder = tmp_path_factory.mktemp("prometheus")
    labels = f'{{instance="{URL}",job="blackbox"}}'
    samples = recorded(began)
    lines = ["# TYPE probe_success gauge", *(f"probe_success{labels} {int(ok)} {at}" for at, ok, _ in samples)]
    lines += ["# TYPE probe_duration_seconds gauge"]
    lines += [f"probe_duration_seconds{labels} {seconds} {at}" for at, _, seconds in samples]
    (folder / "past.om").write_text("\n".join([*lines, "# EOF"]) + "\n")
    fill = [
        "promtool",
        "tsdb",
        "create-blocks-from",
        "-q",
        "openmetrics",
        str(folder / "past.om"),
        str(folder / "data"),
    ]
    made = subprocess.run(fill, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    (folder / "prometheus.yml").write_text("{}")
    address = f"127.0.0.1:{free_port()}"
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=log, stderr=log)
    try:
        until = time.monotonic() + 300
        while not ready(f"http://{address}/-/ready"):
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.1)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


def ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30):
            return True
    except OSError:
        return False


@pytest.fixture
def config(prometheus: str, tmp_path: Path) -> Callable[..., Path]:
    def write(name: str = "config.yaml", url: str = URL, source: str = prometheus, **more: object) -> Path:
        document = {
            "monitor": {"state": "./state"},
            "sources": {"prometheus": source},
            "services": {
                "orders": {
                    "checks": {"ready": {"http": url, "interval": "60s"}},
                    "slos": [{"sli": "success", "objective": 0.999, "over": "30d"}],
                }
            },
            **more,
        }
        path = tmp_path / name
        path.write_text(json.dumps(document))
        return path

    return write


def run(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "monitor", "-c", str(config), "backtest", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def replayed(config: Config, samples: Sequence[tuple[int, bool, float]]) -> Replay:
    replay = Replay(config, samples[0][0], Baselines())
    replay.play(
        Probe(at, "orders/ready", Outcome.OK, Confirmation.NONE, seconds)
        if ok
        else Probe(at, "orders/ready", Outcome.FAILED, Confirmation.UNASKED)
        for at, ok, seconds in samples
    )
    return replay


def stamps(incidents: Sequence[dict[str, Any]]) -> list[tuple[str, str, datetime]]:
    return [(i["service"], i["severity"], datetime.fromisoformat(i["opened_at"])) for i in incidents]


def test_the_same_incidents_as_a_replay_of_the_samples_themselves(prometheus, config, began) -> None:
    done = run(config(), "--since", "3d", "--format", "json")

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    replay = replayed(load([config()], {}), recorded(began))
    assert stamps(document["incidents"]) == [
        (case.incident.service, str(case.incident.severity), case.incident.opened_at) for case in replay.cases
    ]
    assert [incident["service"] for incident in document["incidents"]] == ["watchkeeper", "orders"]
    assert document["checks"] == [
        {
            "check": "orders/ready",
            "series": f'probe_success{{instance="{URL}"}}',
            "interval": 60.0,
            "samples": len(recorded(began)),
        }
    ]
    outage = document["incidents"][1]
    assert datetime.fromisoformat(outage["opened_at"]) == datetime.fromtimestamp(began + 2603 * 60, UTC)
    # The fourth failure; the first is told from the second on, as nobody asked it again.
    assert outage["delay_seconds"] == 120.0
    [budget] = document["budgets"]
    assert (budget["objective"], budget["remaining"], len(budget["curve"])) == (
        "success",
        pytest.approx(replay.objectives.curve[-1].left, abs=1e-6),
        len(replay.objectives.curve),
    )


def test_two_configurations_side_by_side(prometheus, config, tmp_path) -> None:
    patient = config("patient.yaml", incidents={"open_after": "30m"})
    page = tmp_path / "page.html"

    done = run(config(), "--since", "3d", "--config", str(patient), "--html", str(page))

    assert done.returncode == 0, done.stderr
    first, other = done.stdout.split(f"--config {patient}: ")
    assert page.read_text().count("<h2>") == 2
    assert (first.count(" orders "), other.count(" orders ")) == (1, 0)  # the outage was over after 25 minutes


@pytest.mark.parametrize(
    ("changed", "arguments", "said"),
    [
        ({"url": "http://other.example/"}, (), 'orders/ready: probe_success{instance="http://other.example/"}'),
        ({"source": "http://127.0.0.1:9"}, (), "Prometheus (sources.prometheus): connection refused; nothing was"),
        ({}, ("--series", "orders/live=up"), "--series names no check of the configuration: orders/live"),
        ({}, ("--series", "orders/ready=rate(up[5m])"), "orders/ready: Prometheus refuses the query"),
        ({}, ("--since", "3 days"), "'3 days' is no span: write it like 12h, 30d or 6w"),
        ({}, ("--config", "/nowhere.yaml"), "there is no such file"),
        ({}, ("--since", "3d", "--html", "/nowhere/page.html"), "/nowhere/page.html: cannot be written: No such file"),
    ],
)
def test_what_keeps_it_from_its_work_is_said(prometheus, config, changed, arguments, said) -> None:
    done = run(config(**changed), *arguments)

    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_series_of_another_name_is_named(prometheus, config) -> None:
    named = 'orders/ready=probe_success{job="blackbox"}'

    done = run(config(url="http://other.example/"), "--since", "3d", "--series", named)

    assert done.returncode == 0, done.stderr
    assert "1 checks replayed" in done.stdout

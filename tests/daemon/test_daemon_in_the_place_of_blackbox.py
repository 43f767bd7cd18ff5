"""Prometheus asks the daemon as it asked blackbox_exporter; the modules file is changed, and broken, while it runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

pytestmark = pytest.mark.slow

SECRET = "s3cr3t-of-the-module"
MODULES: dict[str, Any] = {
    "http_2xx": {"prober": "http", "http": {"preferred_ip_protocol": "ip4"}},
    "login": {"prober": "http", "timeout": "60s", "http": {"bearer_token": SECRET, "method": "GET"}},
}


def get(url: str, **query: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"{url}?{urlencode(query)}", timeout=120) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def daemon(start: Any, tmp_path: Path, target: Any) -> Any:
    """With nothing but the modules file to live by."""
    write_modules(tmp_path, MODULES)
    monitor = {
        "listen": "127.0.0.1:0",
        "state": str(tmp_path / "state"),
        "probe_modules": "blackbox.yml",
        "heartbeat": {"url": f"{target.url}/beat", "every": "1s"},
    }
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"monitor": monitor}))
    return start(config)


def write_modules(folder: Path, modules: object) -> None:
    (folder / "new").write_text(yaml.safe_dump({"modules": modules}))
    (folder / "new").rename(folder / "blackbox.yml")


@pytest.fixture
def url(daemon: Any, target: Any, wait_until: Any) -> str:
    """Of the daemon, once it can probe."""
    found = str(daemon.wait_for_line(r"watching 0 services, 0 checks; (http://127\.0\.0\.1:\d+)")[1])
    wait_until(lambda: get(f"{found}/probe", target=target.url)[0] == 200, "the prober is heard")
    return found


@pytest.fixture
def prometheus(tmp_path: Path, free_port: Callable[[], int], wait_until: Any) -> Iterator[Callable[..., str]]:
    """`prometheus(exporter, targets)`: where one answers that has the exporter probe them."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed (Debian: apt install prometheus)")
    started: list[subprocess.Popen[bytes]] = []

    def begin(exporter: str, targets: list[str]) -> str:
        folder, port = tmp_path / "prometheus", free_port()
        folder.mkdir()
        # As docs/blackbox.md has it, which has it of blackbox_exporter's own documentation.
        job = {
            "job_name": "blackbox",
            "metrics_path": "/probe",
            "params": {"module": ["http_2xx"]},
            "static_configs": [{"targets": targets}],
            "relabel_configs": [
                {"source_labels": ["__address__"], "target_label": "__param_target"},
                {"source_labels": ["__param_target"], "target_label": "instance"},
                {"target_label": "__address__", "replacement": exporter},
            ],
        }
        times = {"scrape_interval": "1s", "scrape_timeout": "1s"}
        (folder / "prometheus.yml").write_text(json.dumps({"global": times, "scrape_configs": [job]}))
        command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
        started.append(process)
        found = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{found}/-/ready"), "Prometheus is ready")
        return found

    yield begin
    for process in started:
        process.terminate()
        process.wait(30)


def answers(url: str) -> bool:
    try:
        return get(url)[0] == 200
    except OSError:
        return False


@pytest.mark.real
def test_prometheus_has_its_targets_probed_by_the_usual_relabelling(
    url: str, target: Any, prometheus: Callable[..., str], free_port: Callable[[], int], wait_until: Any
) -> None:
    closed = f"http://127.0.0.1:{free_port()}/"
    source = prometheus(url.removeprefix("http://"), [f"{target.url}/healthz", closed])

    def success() -> dict[str, str]:
        found = json.loads(get(f"{source}/api/v1/query", query='probe_success{job="blackbox"}')[1])["data"]["result"]
        return {one["metric"]["instance"]: one["value"][1] for one in found}

    wait_until(lambda: success() == {f"{target.url}/healthz": "1", closed: "0"}, "both are known")
    target.status = 503
    wait_until(lambda: success() == {f"{target.url}/healthz": "0", closed: "0"}, "the failure is known")


def test_one_that_has_no_checks_is_well_as_long_as_it_can_probe(daemon: Any, target: Any, wait_until: Any) -> None:
    wait_until(lambda: target.asked_at, "the heartbeat is sent")

    found = json.loads(daemon.cli("status", "--format", "json").stdout)
    assert (found["ready"], found["services"]) == (True, [])


def test_a_hundred_are_probed_at_once_beside_one_that_hangs(url: str, target: Any) -> None:
    with ThreadPoolExecutor(101) as pool:
        target.answers.clear()
        hanging = pool.submit(get, f"{url}/probe", target=target.url, module="login")
        refused = [pool.submit(get, f"{url}/probe", target="127.0.0.1:1") for _ in range(100)]

        assert {(status, "\nprobe_success 0\n" in text) for status, text in (one.result() for one in refused)} == {
            (200, True)
        }
        assert get(f"{url}/healthz")[0] == 200
        assert not hanging.done()
        target.answers.set()
        status, text = hanging.result()

    assert (status, "\nprobe_success 1\n" in text) == (200, True)


def test_a_module_that_comes_is_known_and_a_broken_file_changes_nothing(
    url: str, daemon: Any, target: Any, tmp_path: Path, wait_until: Any
) -> None:
    assert get(f"{url}/probe", target=target.url, module="added") == (400, 'Unknown module "added"\n')

    write_modules(tmp_path, {**MODULES, "added": MODULES["http_2xx"]})
    wait_until(lambda: get(f"{url}/probe", target=target.url, module="added")[0] == 200, "it is known")
    daemon.wait_for_line("monitor.probe_modules")

    write_modules(tmp_path, {"added": {"prober": "http", "http": {"methud": "GET"}}})
    daemon.wait_for_line(r"blackbox\.yml:\d+  modules\.added\.http\.methud: unknown key")
    assert get(f"{url}/probe", target=target.url, module="login")[0] == 200

    write_modules(tmp_path, {"added": MODULES["http_2xx"]})
    wait_until(lambda: get(f"{url}/probe", target=target.url, module="login")[0] == 400, "what was taken out is gone")


def test_no_secret_of_a_module_is_ever_shown(url: str, daemon: Any, target: Any) -> None:
    status, page = get(f"{url}/probe", target=f"{target.url}/{SECRET}", module="login", debug="true")

    assert status == 200
    assert "bearer_token: <secret>" in page
    assert f"{target.url}/*** answered 200 OK" in page
    assert SECRET not in page.replace(f"target {target.url}/{SECRET}", ""), "the one who asks has said it himself"
    assert SECRET not in daemon.log()

"""compose.yaml and what it mounts: whole, hardened, and of one mind. The service in it runs here for real."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
import yaml

from monitor.config import load

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "docs" / "examples" / "compose"
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
COLLECTOR = yaml.safe_load((EXAMPLE / "otel-collector.yaml").read_text())
PROMETHEUS = yaml.safe_load((EXAMPLE / "prometheus.yml").read_text())
CONFIG = load([EXAMPLE / "config.yaml"], {"STATE_DIRECTORY": "/var/lib/watchkeeper"})
PATIENCE = 20.0


def run(*command: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, **more)


each_service = pytest.mark.parametrize("name", SERVICES)


@each_service
def test_every_container_has_no_right_and_no_place_to_write_but_its_volumes(name):
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert not any("docker.sock" in volume for volume in service.get("volumes", []))


@each_service
def test_every_image_is_pinned_and_every_port_is_on_loopback_alone(name):
    service = SERVICES[name]

    assert re.fullmatch(r"\S+:v?\d+\.\d+\S*", service["image"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@each_service
def test_what_is_mounted_is_there_and_whom_it_waits_for_can_be_waited_for(name):
    service = SERVICES[name]
    for volume in service.get("volumes", []):
        source, _, rest = volume.partition(":")
        if source.startswith("."):
            assert (ROOT / source).is_file(), source
            assert rest.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]
    for other, how in service.get("depends_on", {}).items():
        assert how["condition"] != "service_healthy" or "healthcheck" in SERVICES[other]


def test_the_composer_itself_takes_it():
    candidates = [["docker", "compose"], ["docker-compose"]]
    here = [c for c in candidates if shutil.which(c[0]) and run(*c, "version").returncode == 0]
    if not here:
        pytest.skip("neither docker compose nor docker-compose is installed")

    done = run(*here[0], "-f", "compose.yaml", "config", "--quiet")

    assert done.returncode == 0, done.stderr


def test_watchkeeper_asks_each_of_them_by_the_name_and_port_it_has_there():
    asked = {urlsplit(check.question.url) for check in CONFIG.all_checks()}

    assert CONFIG.warnings == ()
    assert {url.hostname for url in asked} == SERVICES.keys() - {"monitor", "customers"}
    assert str(CONFIG.monitor.state) == "/var/lib/watchkeeper"
    health = COLLECTOR["extensions"]["health_check"]["endpoint"]
    assert f"otel-collector:{urlsplit(f'//{health}').port}" in {url.netloc for url in asked}
    [reader] = COLLECTOR["service"]["telemetry"]["metrics"]["readers"]
    metrics = f"http://otel-collector:{reader['pull']['exporter']['prometheus']['port']}/metrics"
    assert CONFIG.services["otel-collector"].checks[0].question.metrics == metrics
    otlp = urlsplit(CONFIG.telemetry.otlp)
    assert (otlp.hostname, otlp.port) == ("otel-collector", 4318)
    assert COLLECTOR["receivers"]["otlp"]["protocols"]["http"]["endpoint"].endswith(":4318")


def test_the_collector_names_nothing_that_it_has_not():
    service = COLLECTOR["service"]
    used: dict[str, set[str]] = {"extensions": set(service["extensions"])}
    for pipeline in service["pipelines"].values():
        for kind, names in pipeline.items():
            used.setdefault(kind, set()).update(names)

    assert used == {kind: set(COLLECTOR[kind]) for kind in used}
    assert service["pipelines"].keys() == {"traces", "metrics", "logs"}
    hosts = {urlsplit(exporter["endpoint"]).hostname for exporter in COLLECTOR["exporters"].values()}
    assert hosts <= SERVICES.keys()
    for pipeline in service["pipelines"].values():
        assert pipeline["processors"][0] == "memory_limiter"


def test_prometheus_scrapes_what_is_there_and_takes_what_the_collector_sends():
    targets = {target for job in PROMETHEUS["scrape_configs"] for s in job["static_configs"] for target in s["targets"]}

    assert {target.partition(":")[0] for target in targets} <= SERVICES.keys() | {"localhost"}
    assert "--web.enable-otlp-receiver" in SERVICES["prometheus"]["command"]
    jobs = {job["job_name"] for job in PROMETHEUS["scrape_configs"]}
    traffic = CONFIG.services["orders"].traffic
    for query in (traffic.requests, traffic.errors, traffic.latency):
        assert set(re.findall(r'job="([^"]+)"', query)) <= jobs


@pytest.mark.real
def test_prometheus_reads_its_configuration():
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")

    done = run("promtool", "check", "config", EXAMPLE / "prometheus.yml")

    assert done.returncode == 0, done.stderr


@pytest.fixture
def orders(tmp_path) -> Iterator[str]:
    """The service of the example, as its container runs it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, EXAMPLE / "orders.py", "serve", address], stdout=log)
        try:
            deadline = time.monotonic() + PATIENCE
            while status(f"http://{address}/healthz") != 200:
                assert time.monotonic() < deadline, "orders.py does not answer"
                time.sleep(0.05)
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(PATIENCE)


def status(url: str, method: str = "GET") -> int:
    try:
        with urlopen(Request(url, method=method), timeout=5) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code
    except URLError:
        return 0


def test_the_service_breaks_and_is_mended_and_watchkeeper_sees_both(orders, tmp_path):
    checks = {name: f"{orders}/healthz{suffix}" for name, suffix in (("live", ""), ("ready", "/ready"))}
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"services": {"orders": {"checks": checks}}}))

    def asked() -> int:
        return run(sys.executable, "-m", "monitor", "-c", config, "check-once").returncode

    assert asked() == 0
    assert status(f"{orders}/break", "POST") == 204
    assert asked() == 2
    assert status(f"{orders}/mend", "POST") == 204
    assert asked() == 0
    [*_, line] = (tmp_path / "log").read_text().splitlines()
    assert re.fullmatch("[0-9a-f]{32}", json.loads(line)["trace_id"]), "the trace of our own probe"
    ask = (sys.executable, EXAMPLE / "orders.py", "ask")
    assert [run(*ask, f"{orders}{path}").returncode for path in ("/healthz", "/nowhere")] == [0, 1]


@pytest.mark.real
def test_the_service_tells_the_figures_that_the_queries_ask_for(orders):
    for path in ("/orders", "/break", "/orders"):
        status(f"{orders}{path}", "POST" if path == "/break" else "GET")

    with urlopen(f"{orders}/metrics", timeout=5) as answer:
        text = answer.read().decode()

    assert 'http_requests_total{code="200"} 1\n' in text
    assert 'http_requests_total{code="503"} 1\n' in text
    traffic = CONFIG.services["orders"].traffic
    for query in (traffic.requests, traffic.errors, traffic.latency):
        [name] = re.findall(r"\bhttp_\w+", query)
        assert re.search(rf"^{name}\{{", text, re.MULTILINE), name
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    done = run("promtool", "check", "metrics", input=text)
    assert (done.returncode, done.stderr) == (0, "")

"""Debian's Prometheus scrapes the daemon: each check's last result, objectives, the daemon itself; and what ends."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real,
    pytest.mark.skipif(
        shutil.which("prometheus") is None or shutil.which("promtool") is None,
        reason="prometheus and promtool are not installed (Debian: apt install prometheus)",
    ),
]

SECRET = "s3cr3t-of-the-header"


@pytest.fixture
def prometheus(tmp_path: Path, free_port: Callable[[], int], wait_until: Any) -> Iterator[Callable[[str], str]]:
    """`prometheus(address)`: where a Prometheus answers that scrapes what listens there."""
    started: list[subprocess.Popen[bytes]] = []

    def start(scraped: str) -> str:
        folder, port = tmp_path / "prometheus", free_port()
        folder.mkdir()
        jobs = [{"job_name": "watchkeeper", "static_configs": [{"targets": [scraped]}]}]
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}
        (folder / "prometheus.yml").write_text(json.dumps(config))
        command = ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
        started.append(process)
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: up(f"{url}/-/ready"), "Prometheus is ready")
        return url

    yield start
    for process in started:
        process.terminate()
        process.wait(30)


def up(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30):
            return True
    except OSError:
        return False


def text_of(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def samples(url: str) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in text_of(f"{url}/metrics").splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def asked(prometheus: str, query: str) -> list[tuple[dict[str, str], float]]:
    found = json.loads(text_of(f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}"))
    return [(one["metric"], float(one["value"][1])) for one in found["data"]["result"]]


def test_prometheus_scrapes_checks_objectives_and_the_daemon(
    start: Any, write_config: Any, target: Any, prometheus: Any, free_port: Any, wait_until: Any
) -> None:
    interval = {"interval": "1s", "timeout": "900ms"}
    host = target.url.removeprefix("http://")
    closed = free_port()
    orders = {
        "checks": {
            "ready": {"http": f"{target.url}/healthz", **interval, "headers": {"Authorization": SECRET}},
            "socket": {"tcp": host, **interval},
            "gone": {"http": f"http://127.0.0.1:{closed}/", **interval},
        },
        "slos": [{"sli": "success", "objective": "99.9%", "over": "30d"}],
    }
    config = write_config(services={"orders-service": orders})
    daemon = start(config)
    url = daemon.wait_for_line(r"(http://127\.0\.0\.1:\d+)")[1]
    whose = 'service="orders-service",check='

    wait_until(lambda: len([n for n in samples(url) if n.startswith("probe_success")]) == 3, "each check has a result")
    # Objectives are read once a minute, the daemon's own numbers four times.
    wait_until(
        lambda: (
            {"watchkeeper_ledger_queue", "watchkeeper_timetable_lag_seconds"} <= samples(url).keys()
            and any(name.startswith("slo:objective:ratio{") for name in samples(url))
        ),
        "the objective and the daemon's own numbers are known",
    )
    found = samples(url)

    assert found[f'probe_success{{{whose}"ready"}}'] == 1
    assert found[f'probe_http_status_code{{{whose}"ready"}}'] == 200
    assert found[f'probe_success{{{whose}"socket"}}'] == 1
    assert found[f'probe_success{{{whose}"gone"}}'] == 0
    assert f'probe_http_status_code{{{whose}"gone"}}' not in found, "nobody answered"
    assert found["watchkeeper_ledger_commit_duration_seconds_count"] >= 1
    text = text_of(f"{url}/metrics")
    assert SECRET not in text
    assert re.search(r":\d{4,5}[/\"]", text) is None, "no address either"

    # Colons are for what is recorded, and sloth's dashboards look for what it records.
    lint = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert [line for line in lint.stderr.splitlines() if not line.startswith("slo:")] == []
    assert not lint.stdout

    scraper = prometheus(url.removeprefix("http://"))
    wait_until(lambda: asked(scraper, "up == 1"), "Prometheus has scraped")
    assert [value for _, value in asked(scraper, 'probe_success{service="orders-service",check="ready"}')] == [1.0]
    assert {m["phase"] for m, _ in asked(scraper, 'probe_http_duration_seconds{check="ready"}')} == {
        "resolve", "connect", "tls", "processing", "transfer",
    }  # fmt: skip
    assert [m["sloth_slo"] for m, _ in asked(scraper, "slo:objective:ratio == 0.999")] == ["success"]
    assert len(asked(scraper, 'watchkeeper_ledger_commit_duration_seconds_bucket{le="+Inf"}')) == 1
    metadata = json.loads(text_of(f"{scraper}/api/v1/metadata"))["data"]
    # It asks for OpenMetrics, where a counter's family goes without its ending.
    assert metadata["watchkeeper_prober_restarts"][0]["type"] == "counter"
    assert metadata["probe_success"][0]["type"] == "gauge"

    target.status = 503
    wait_until(
        lambda: samples(url).get(f'probe_http_status_code{{{whose}"ready"}}') == 503, "the failure is the last result"
    )
    assert samples(url)[f'probe_success{{{whose}"ready"}}'] == 0

    document = json.loads(config.read_text())
    del document["services"]["orders-service"]["checks"]["socket"]
    config.write_text(json.dumps(document))
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: not any('"socket"' in name for name in samples(url)), "what is not watched is not told")
    assert f'probe_success{{{whose}"gone"}}' in samples(url)
    wait_until(lambda: not asked(scraper, 'probe_success{check="socket"}'), "Prometheus sees it end")

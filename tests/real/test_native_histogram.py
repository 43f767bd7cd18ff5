"""A native histogram, scraped by a real Prometheus as protobuf, which is how it comes, and counted for an objective."""

from __future__ import annotations

import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from monitor.core.indicator import MINUTE, Indicator, Span
from monitor.sources.indicators import IndicatorReader
from monitor.sources.prometheus import Prometheus, SourceAway

QUICK, SLOW = 30, 10
"""Observations that each scrape finds more: of 0.125 to 0.25 s, and of 0.25 to 0.5 s."""


def varint(number: int) -> bytes:
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


def zigzag(number: int) -> bytes:
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def part(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def number(field: int, content: bytes) -> bytes:
    return varint(field << 3) + content


def family(name: str, quick: int, slow: int) -> bytes:
    """One MetricFamily, its length before it. Source: prometheus/client_model, io/prometheus/client/metrics.proto."""
    histogram = number(1, varint(quick + slow)) + varint(2 << 3 | 1) + struct.pack("<d", 0.2 * quick + 0.4 * slow)
    histogram += number(5, zigzag(0))  # schema 0: boundaries are powers of two
    histogram += varint(6 << 3 | 1) + struct.pack("<d", 1e-10) + number(7, varint(0))
    # Two buckets from index -2 on, which ends at 0.25; the second as its difference to the first.
    histogram += part(12, number(1, zigzag(-2)) + number(2, varint(2)))
    histogram += number(13, zigzag(quick)) + number(13, zigzag(slow - quick))
    found = part(1, name.encode()) + number(3, varint(4)) + part(4, part(7, histogram))
    return varint(len(found)) + found


class Exporter:
    def __init__(self) -> None:
        self.scrapes = 0
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                exporter.scrapes += 1
                n = exporter.scrapes
                body = family("app_seconds", QUICK * n, SLOW * n) + family("idle_seconds", QUICK, SLOW)
                self.send_response(200)
                kind = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def scraped(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Prometheus]:
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed (Debian: apt install prometheus)")
    exporter = Exporter()
    port = free_port()
    target = f"127.0.0.1:{exporter.server.server_address[1]}"
    (tmp_path / "prometheus.yml").write_text(
        f"global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}\n"
        f"scrape_configs: [{{job_name: shop, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    command = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    flags = ["--enable-feature=native-histograms", f"--web.listen-address=127.0.0.1:{port}"]
    with (tmp_path / "log").open("ab") as log:
        process = subprocess.Popen([*command, *flags], cwd=tmp_path, stdout=log, stderr=log)
    client = Prometheus(f"http://127.0.0.1:{port}")
    try:
        deadline = time.monotonic() + 300
        while exporter.scrapes < 8 or not seen(client):
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()[-2000:]
            time.sleep(0.1)
        yield client
    finally:
        process.terminate()
        process.wait(30)
        exporter.server.shutdown()
        exporter.server.server_close()


def seen(client: Prometheus) -> bool:
    with suppress(SourceAway):
        return bool(client.ask("histogram_count(increase(app_seconds[5m])) > 100")["result"])
    return False


def read(client: Prometheus, under: timedelta, histogram: str = 'app_seconds{job="shop"}') -> list[tuple[float, float]]:
    indicator = Indicator(service="shop", histogram=histogram, under=under)
    now = datetime.now(UTC).replace(microsecond=0)
    found = IndicatorReader(indicator, client).read(Span(now, now, MINUTE), timedelta(0))
    return [(one.good, one.bad) for one in found]


def test_a_native_histogram_is_counted_up_to_any_threshold(scraped: Prometheus) -> None:
    ((good, bad),) = read(scraped, timedelta(milliseconds=250))
    assert good + bad > 20, "a fifth of what five minutes saw"
    assert bad / (good + bad) == pytest.approx(SLOW / (QUICK + SLOW)), "a boundary: exact"

    ((good, bad),) = read(scraped, timedelta(milliseconds=375))
    assert bad / (good + bad) == pytest.approx(SLOW / 2 / (QUICK + SLOW)), "half of the bucket, as Prometheus estimates"

    ((good, bad),) = read(scraped, timedelta(seconds=2))
    assert bad == pytest.approx(0, abs=1e-6)

    assert read(scraped, timedelta(seconds=2), "idle_seconds") == [(0, 0)], "no requests are none that were slow"
    assert read(scraped, timedelta(seconds=2), "other_seconds") == []

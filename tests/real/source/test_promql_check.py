"""The promql check asks a real Prometheus: values that hold, values that do not, no series, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from monitor.cli.main import monitor

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("prometheus")]


def test_it_asks_prometheus_and_judges_what_it_says(prometheus: Callable[..., Any], tmp_path: Path) -> None:
    server = prometheus()
    checks = {
        "holds": ("vector(1)", "ok", ""),
        "fails": ("vector(0)", "failed", "assertion: it is 0, wanted other than 0"),
        "none": ("absent(vector(1))", "failed", "assertion: the query has no series"),
        "wrong": ("1 +", "unknown", "internal: Prometheus refuses the query: invalid parameter"),
        "range": ("up[5m]", "unknown", "internal: the query gives a matrix and no instant vector"),
    }
    config = tmp_path / "config.yaml"
    listed = "".join(f'      {name}: {{promql: "{query}"}}\n' for name, (query, _, _) in checks.items())
    config.write_text(
        f"monitor: {{state: {tmp_path}/state}}\nsources: {{prometheus: {server.url}}}\n"
        f"services:\n  shop:\n    checks:\n{listed}"
    )

    ended = CliRunner().invoke(monitor, ["check-once", "-c", str(config), "--format", "json"])

    found = {check["check"]: check for check in json.loads(ended.stdout)["checks"]}
    for name, (_, status, why) in checks.items():
        assert found[name]["status"] == status, found[name]
        told = f"{found[name]['reason']}: {found[name]['detail']}" if found[name]["reason"] else ""
        assert told.startswith(why)

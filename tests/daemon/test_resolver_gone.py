"""
No name can be resolved any more, in a mount namespace of the daemon's own whose /etc/resolv.conf names a closed port.

Needs root; skipped elsewhere.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def _may_unshare() -> bool:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not _may_unshare(), reason="needs root and mount namespaces")

REFERENCES = ["http://one.example.test/", "http://two.example.test/"]


@pytest.fixture
def without_resolver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever Python is started from now on as the daemon, is started in such a namespace."""
    resolv = tmp_path / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")  # no name server listens there
    inner = tmp_path / "python"
    inner.write_text(
        f'#!/bin/sh\nexec unshare -m sh -c \'mount --bind {resolv} /etc/resolv.conf && exec "$@"\' sh "$@"\n'
    )
    inner.chmod(0o755)
    monkeypatch.setattr("subprocess.Popen", _prefixed(str(inner)))


def _prefixed(command: str) -> type[subprocess.Popen[str]]:
    class Popen(subprocess.Popen[str]):
        def __init__(self, args: Any, **kwargs: Any) -> None:
            super().__init__([command, *args] if "run" in args else args, **kwargs)

    return Popen


@pytest.mark.usefixtures("without_resolver")
@pytest.mark.parametrize("references", [[], REFERENCES], ids=["without references", "references fail too"])
def test_names_are_judged_by_the_rules_and_loopback_goes_on_as_if_nothing_were(
    references: list[str],
    target: Any,
    write_config: Callable[..., Path],
    start: Callable[[Path], Any],
    wait_until: Callable[..., Any],
) -> None:
    config = write_config()
    document = json.loads(config.read_text())
    if references:
        document["monitor"]["online"] = references
    document["services"]["named"] = {
        "checks": {"ready": {"http": "http://shop.example.test/", "interval": "2s", "timeout": "1500ms"}}
    }
    document["services"]["orders-service"]["traffic"] = {"requests": "sum(requests)", "errors": "sum(errors)"}
    document["sources"] = {"prometheus": "http://prometheus.example.test:9090"}
    document["tracker"] = {
        "folder": str(config.parent / "state" / "tickets"),
        "webhook": {"url": "http://hooks.example.test/incident", "secret": "s3cret-s3cret"},
    }
    config.write_text(json.dumps(document))
    daemon = start(config)

    def service(name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(s for s in daemon.ask("status")["services"] if s["name"] == name)
        return found

    wanted = ("unknown", "blind") if references else ("failed", "dns")
    wait_until(
        lambda: [(c["outcome"], c["reason"]) for c in service("named")["checks"]] == [wanted], "the name's verdict"
    )
    wait_until(lambda: target.seen, "loopback is asked all the while")
    target.status = 503
    daemon.wait_for_line(r"orders-service: pending => open")
    (ticket,) = wait_until(lambda: list((daemon.state / "tickets").glob("*orders*.md")), "the ticket")
    assert "Prometheus unavailable since" in ticket.read_text()

    number = next(i["number"] for i in daemon.incidents() if i["service"] == "orders-service")

    def hook() -> dict[str, Any] | None:
        effects = daemon.ask("incident", "show", str(number))["effects"]
        return next((e for e in effects if e["outlet"] == "webhook" and e["attempts"]), None)

    found = wait_until(hook, "the webhook was tried")
    assert found["state"] == "waiting", found
    if references:
        assert service("named")["state"] == "clear"
    status = daemon.ask("status")
    # A prober that waited for the resolver would miss every other slot; a busy machine misses one now and then.
    assert status["parts"]["prober"]["missed"] <= len(target.seen) / 4
    assert "Traceback" not in daemon.log()

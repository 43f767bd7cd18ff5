"""Push checks at the command line: where their jobs tell, and why nobody can ask them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from monitor.web.push_tokens import token_of
from monitor.web.token import read_or_create_token


@pytest.fixture
def config(tmp_path: Path, httpserver: Any) -> Path:
    httpserver.expect_request("/healthz").respond_with_data("fine")
    document = {
        "monitor": {"state": str(tmp_path / "state"), "listen": "127.0.0.1:8799"},
        "services": {
            "shop": {
                "checks": {
                    "live": httpserver.url_for("/healthz"),
                    "backup": {"push": {"every": "1d"}},
                    "report": {"push": {"cron": "@daily", "token": "configured-by-hand"}},
                }
            }
        },
    }
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(document))
    return path


def test_push_shows_the_address_of_each_job(run: Any, config: Path, tmp_path: Path) -> None:
    secret = read_or_create_token(None, tmp_path / "state")
    shown = run("push", "-c", str(config))

    from monitor.config import load

    check = next(check for check in load([config], os.environ).all_checks() if check.name == "backup")
    assert shown.returncode == 0, shown.stderr
    assert [line.split() for line in shown.stdout.splitlines()] == [
        ["shop/backup", f"http://127.0.0.1:8799/push/{token_of(secret, check)}"],
        ["shop/report", "http://127.0.0.1:8799/push/configured-by-hand"],
    ]
    assert run("push", "-c", str(config), "shop/report").stdout.split() == [
        "shop/report",
        "http://127.0.0.1:8799/push/configured-by-hand",
    ]


def test_push_says_what_keeps_it_from_showing_one(run: Any, config: Path) -> None:
    unknown = run("push", "-c", str(config), "shop/bakcup")
    asked = run("push", "-c", str(config), "shop/live")
    young = run("push", "-c", str(config))

    assert (unknown.returncode, asked.returncode, young.returncode) == (3, 3, 3)
    assert "Did you mean shop/backup?" in unknown.stderr
    assert "shop/live: no such service or check" in asked.stderr
    assert "it is made when the daemon starts: monitor run" in young.stderr


def test_check_once_leaves_out_what_nobody_can_ask_and_says_so(run: Any, config: Path) -> None:
    for names in ([], ["shop"]):
        ended = run("check-once", "-c", str(config), *names)

        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert ended.stdout.splitlines()[-1] == "1 check: 1 ok"
        assert ended.stderr.splitlines() == [
            "shop/backup is left out: nobody can ask it, as its job tells the daemon by itself; "
            "monitor status says how it stands",
            "shop/report is left out: nobody can ask it, as its job tells the daemon by itself; "
            "monitor status says how it stands",
        ]


def test_a_push_check_that_is_named_is_unknown_and_no_wait_changes_it(run: Any, config: Path) -> None:
    ended = run("check-once", "-c", str(config), "shop/backup", "shop/live", "--wait", "1h", "--format", "json")

    found = {check["check"]: check["status"] for check in json.loads(ended.stdout)["checks"]}
    assert ended.returncode == 3
    assert found == {"backup": "unknown", "live": "ok"}
    assert ended.stderr == ""

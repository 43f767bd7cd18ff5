"""check-once of a journey: from the steps in a config over real sockets to what people and programs read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from monitor.cli.main import monitor


@pytest.fixture
def shop(httpserver: HTTPServer) -> HTTPServer:
    def log_in(request: Request) -> Response:
        known = request.get_json() == {"user": "probe", "password": "hunter2"}
        return Response(json.dumps({"token": "t0ken-1"} if known else {}), status=200 if known else 401)

    def order(request: Request) -> Response:
        known = request.headers.get("Authorization") == "Bearer t0ken-1"
        headers = {"Location": "/orders/o-1234"}
        return Response(f"seen {request.headers.get('Authorization')}", status=201 if known else 403, headers=headers)

    httpserver.expect_request("/login").respond_with_handler(log_in)
    httpserver.expect_request("/orders", method="POST").respond_with_handler(order)
    httpserver.expect_request("/orders/o-1234", method="GET").respond_with_json({"state": "lost"})
    httpserver.expect_request("/orders/o-1234", method="DELETE").respond_with_data("", status=204)
    return httpserver


@pytest.fixture
def once(tmp_path: Path, shop: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("PASSWORD", "hunter2")
    url = shop.url_for("")

    def run(style: str = "json", *, state: str = "lost", **of_login: Any) -> Result:
        bearer = "{{login.token}}"
        login = {
            "name": "login",
            "http": f"{url}/login",
            "method": "POST",
            "headers": {"Content-Type": "application/json"},
            "body": '{"user": "probe", "password": "${PASSWORD}"}',
            "take": {"token": "[BODY].token"},
            **of_login,
        }
        place = {"of": "[HEADERS].location", "regex": "[^/]+$", "secret": False}
        made = {"name": "order", "http": f"{url}/orders", "method": "POST", "bearer": bearer, "take": {"id": place}}
        look = {"name": "look", "http": f"{url}/orders/{{{{order.id}}}}", "expect": f"[BODY].state == {state}"}
        cancel = {"name": "cancel", "http": look["http"], "method": "DELETE", "always": True}
        document = {
            "monitor": {"state": str(tmp_path / "state")},
            "services": {"shop": {"checks": {"order": {"journey": [login, made, look, cancel]}}}},
        }
        (tmp_path / "config.yaml").write_text(json.dumps(document))
        return CliRunner().invoke(monitor, ["check-once", "-c", str(tmp_path / "config.yaml"), "--format", style])

    return run


def words(ended: Result) -> str:
    return " ".join(ended.stdout.split())


def test_all_steps_are_shown_with_what_they_took(once: Callable[..., Result]) -> None:
    ended = once("table")

    assert ended.exit_code == 0, ended.output
    order = words(ended).split("shop/order")[1]
    assert [name for name in ("login ", "order ", "look ", "cancel ") if name in order] == [
        "login ", "order ", "look ", "cancel ",
    ]  # fmt: skip


def test_the_step_that_failed_is_named_and_what_was_ordered_is_cancelled(
    once: Callable[..., Result], shop: HTTPServer
) -> None:
    ended = once(state="open")

    assert ended.exit_code == 2, ended.output
    (found,) = json.loads(ended.stdout)["checks"]
    assert (found["reason"], found["detail"]) == ("body", "look: [BODY].state (lost) == open")
    assert [(step["name"], step["outcome"], step["http_status"]) for step in found["steps"]] == [
        ("login", "ok", 200), ("order", "ok", 201), ("look", "failed", 200), ("cancel", "ok", 204),
    ]  # fmt: skip
    assert found["facts"]["login_seconds"] == found["steps"][0]["latency_seconds"] > 0
    # Failed, so confirmed by doing it all again.
    assert [request.method for request, _ in shop.log].count("DELETE") == found["attempts"] == 2


def test_no_secret_and_no_value_is_shown(once: Callable[..., Result]) -> None:
    ended = once("table", body='{"user": "probe", "password": "hunter2${PASSWORD}"}')

    assert ended.exit_code == 2
    assert "login: " in ended.stdout
    assert "401 Unauthorized" in words(ended)
    assert "hunter2" not in ended.output

    wrong = once("json", take={"token": {"of": "[BODY].token", "regex": "t0ken"}})
    assert "order: " in wrong.stdout
    assert "t0ken" not in wrong.output


def test_other_checks_have_no_steps(tmp_path: Path, shop: HTTPServer) -> None:
    ended = CliRunner().invoke(monitor, ["check-once", shop.url_for("/login"), "--format", "json"])

    assert "steps" not in json.loads(ended.stdout)["checks"][0]

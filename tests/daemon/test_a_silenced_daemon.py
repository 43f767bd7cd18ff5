"""The real daemon: silences over its API and by command, what is refused, and one that survives kill -9."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

SERVICE = "orders-service"


def test_a_silence_survives_kill_9_and_people_are_told_when_it_is_ended(
    target: Any, hook: Any, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Any
) -> None:
    config = write_config(tracker={"folder": "tickets", **hook.tracker})
    daemon = start(config)
    wait_until(lambda: target.seen, "a probe")
    added = daemon.cli("silence", "add", SERVICE, "--for", "2h", "--comment", "a new pool", "--author", "Grace")
    assert added.stdout.startswith(f"silenced: {SERVICE} until "), added.stderr
    daemon.kill()  # at once: what was answered is durable

    target.status = 503
    again = start(config)
    again.wait_for_line(f"{SERVICE}: pending => open")
    (ticket,) = wait_until(lambda: list((config.parent / "tickets").glob("*.md")), "the ticket")
    wait_until(lambda: "**incident.muted** silence 1 of Grace until" in ticket.read_text(), "the ticket says it")
    (incident,) = again.ask("incident", "list")["incidents"]
    assert incident["muted_by"].endswith("a new pool")
    status = again.ask("status")
    assert status["services"][0]["muted_by"].startswith("silence 1 of Grace until")
    assert [one["id"] for one in status["silences"]] == [1]
    shown = again.cli("incident", "show", "1").stdout
    assert "muted by: silence 1 of Grace" in shown
    assert f"muted: {SERVICE} by silence 1 of Grace" in again.cli("status").stdout
    assert 'watchkeeper_service_muted{service_peer_name="orders-service"} 1' in scraped(again)
    assert hook.taken() == []

    ended = again.cli("silence", "expire", "1", "--by", "Ada")

    assert ended.stdout == f"expired: silence 1 of {SERVICE}\n", ended.stderr
    first = wait_until(lambda: list(hook.posts), "the webhook is told")[0].body
    assert (first["event"], first["muted_by"]) == ("create", "")
    assert "no active silences" in again.cli("silence", "list").stdout
    (one,) = again.ask("silence", "list", "--expired")["silences"]
    assert (one["active"], one["expired_by"], one["comment"]) == (False, "Ada", "a new pool")
    assert "silence 1 ended by Ada" in again.log()


def test_what_is_refused_says_why(
    target: Any, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Any
) -> None:
    daemon = start(write_config())
    wait_until(lambda: target.seen, "a probe")

    def refused(*arguments: str) -> str:
        done = daemon.cli("silence", *arguments)
        assert done.returncode == 3, done.stdout
        return str(done.stderr)

    why = ("--comment", "x", "--author", "Grace")
    assert "no service is called nobody" in refused("add", "nobody", "--for", "1h", *why)
    assert "has no check nothing; there are ready" in refused("add", f"{SERVICE}/nothing", "--for", "1h", *why)
    assert "no service has the tag none" in refused("add", "tag:none", "--for", "1h", *why)
    assert "wanted Write it with a unit" in refused("add", SERVICE, "--for", "soon", *why)
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    assert "wanted an instant after" in refused("add", SERVICE, "--until", past, *why)
    assert "say how long" in refused("add", SERVICE, *why)
    assert "there is no silence 7" in refused("expire", "7", "--by", "Ada")
    assert daemon.cli("silence", "add", SERVICE, "--for", "1h", *why).returncode == 0
    assert daemon.cli("silence", "expire", "1", "--by", "Ada").returncode == 0
    assert "silence 1 is over" in refused("expire", "1", "--by", "Ada")


def test_who_has_no_token_may_read_and_not_silence(
    target: Any, write_config: Callable[..., Any], start: Callable[..., Any]
) -> None:
    daemon = start(write_config())
    address = daemon.wait_for_line(r"(http://127\.0\.0\.1:\d+)")[1]
    body = json.dumps({"subject": SERVICE, "comment": "x", "by": "eve", "for": "1h"}).encode()

    with pytest.raises(HTTPError) as caught:
        urlopen(Request(f"{address}/api/v1/silences", body, {"Content-Type": "application/json"}))

    assert caught.value.code == 401
    with urlopen(f"{address}/api/v1/silences?expired=true") as answer:
        assert json.loads(answer.read()) == {"silences": []}


def scraped(daemon: Any) -> str:
    address = daemon.wait_for_line(r"(http://127\.0\.0\.1:\d+)")[1]
    with urlopen(f"{address}/metrics") as answer:
        return str(answer.read().decode())

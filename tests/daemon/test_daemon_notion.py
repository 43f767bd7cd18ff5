"""The daemon as people run it, with a Notion over HTTP as its only tracker, and people who are at its pages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).parent.parent / "outlets" / "peers"))
from fake_notion import DATABASE, FakeNotion, Page
from over_http import served

TOKEN = "s3cr3t-of-notion"


def test_what_people_did_to_pages_while_we_were_away_is_found_at_the_start(
    tmp_path: Path, target: Any, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Any
) -> None:
    notion = FakeNotion()

    def page(title: str) -> Page:
        found: Page = wait_until(lambda: next((p for p in notion.pages if title in p.title), None), title)
        return found

    with served(notion, TOKEN, {"code": "unauthorized"}) as url:
        (tmp_path / "token").write_text(TOKEN)
        where = {"url": url, "database": DATABASE, "token_file": str(tmp_path / "token")}
        config = write_config(tracker={"notion": where}, playbook={"reviewed": "2025-01-01"})
        daemon = start(config)
        wait_until(lambda: target.seen, "a probe")
        daemon.cli("incident", "report", "--service", "orders-service", "--symptoms", "slow", "--reporter", "Ada")
        daemon.cli("incident", "action", "add", "1", "a test", "--owner", "Grace", "--due", "2099-01-01")
        ticket, item, review = page("orders-service"), page("action 1"), page("Review the playbook")
        status = daemon.wait_for_line(r"http://127\.0\.0\.1:\d+")[0] + "/api/v1/status"
        wait_until(
            lambda: requests.get(status, timeout=60).json()["parts"]["effects"]["waiting"] == 0,
            "all of it is written down",
        )
        daemon.kill()

        ticket.properties["Status"]["status"]["name"] = item.properties["Status"]["status"]["name"] = "Won't fix"
        daemon = start(config)

        daemon.wait_for_line(rf"ticket closed .*: {ticket.id} in notion was closed by a person: it stays closed")
        daemon.wait_for_line(r"postmortem action done .*: action 1: a test .* is done: its ticket was closed")
        assert ticket.status == "Won't fix"
        assert len(notion.pages) == 3, "each of the ticket, the item and the review once"
        assert review.status == "Doing"
        assert TOKEN not in daemon.log()

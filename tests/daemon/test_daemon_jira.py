"""The daemon as people run it, with a Jira over HTTP as its only tracker."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "outlets" / "peers"))
from fake_jira import FakeJira
from over_http import served

TOKEN = "s3cr3t-of-jira"


@pytest.fixture
def jira() -> Iterator[tuple[FakeJira, str]]:
    """One that keeps what it is sent, and its address."""
    kept = FakeJira(version=2)
    with served(kept, TOKEN, {"errorMessages": ["who are you?"]}) as url:
        yield kept, url


def tracked_by(url: str, tmp_path: Path, token: str = TOKEN) -> dict[str, Any]:
    (tmp_path / "jira-token").write_text(token)
    return {"jira": {"url": url, "project": "OPS", "token_file": str(tmp_path / "jira-token")}}


def test_an_incident_is_a_ticket_from_its_opening_to_its_end(
    jira: tuple[FakeJira, str],
    tmp_path: Path,
    target: Any,
    write_config: Callable[..., Any],
    start: Callable[..., Any],
    wait_until: Any,
) -> None:
    kept, url = jira
    daemon = start(write_config(tracker=tracked_by(url, tmp_path)))
    wait_until(lambda: target.seen, "a probe")
    target.status = 503
    (issue,) = wait_until(lambda: list(kept.issues.values()), "the ticket")
    assert issue.is_open
    assert "orders-service" in issue.fields["summary"]
    assert "answered 503" in issue.fields["description"]

    target.status = 200
    wait_until(lambda: not issue.is_open, "the ticket is closed")
    daemon.wait_for_line(r"orders-service: recovering => resolved")
    assert list(kept.issues.values()) == [issue]
    assert not (daemon.state / "tickets").exists(), "the folder is for who has no other tracker"
    assert TOKEN not in daemon.log()


def test_a_close_that_the_workflow_refuses_is_seen_in_the_status_and_done_after_a_restart(
    jira: tuple[FakeJira, str],
    tmp_path: Path,
    target: Any,
    write_config: Callable[..., Any],
    start: Callable[..., Any],
    wait_until: Any,
) -> None:
    kept, url = jira
    ways, kept.transitions = kept.transitions, ()
    config = write_config(tracker=tracked_by(url, tmp_path))
    daemon = start(config)
    wait_until(lambda: target.seen, "a probe")
    daemon.cli("incident", "report", "--service", "orders-service", "--symptoms", "slow", "--reporter", "Ada")
    (issue,) = wait_until(lambda: list(kept.issues.values()), "the ticket")
    daemon.cli("incident", "resolve", "1", "--why", "rolled back", "--by", "Grace")

    def given_up() -> Any:
        return daemon.ask("status")["parts"]["effects"]["by_outlet"].get("jira", {}).get("last_refusal")

    why = wait_until(given_up, "the close is given up")
    assert why == (
        "OPS-1 stays open: no transition leads to a done status from here, where there is none at all for our user: "
        "give our user the right to it"
    )
    assert issue.is_open
    assert any("could not be closed" in comment for comment in issue.comments)
    daemon.close()

    kept.transitions = ways
    start(config)
    wait_until(lambda: not issue.is_open, "the ticket is closed")

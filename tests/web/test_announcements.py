"""What the team and the public are told, by API and by command: a draft, a person's words, a person's yes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from monitor.cli.main import monitor
from monitor.ledger.records import LedgerEvent

CONFIG = """
monitor:
  state: {state}
  listen: 127.0.0.1:{port}
"""

Types = Callable[..., Result]


@pytest.fixture
def desk(web: Any) -> Any:
    return web.desk


@pytest.fixture
def types(web: Any, tmp_path: Path) -> Types:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "token").write_text("a-token-of-the-tests\n")
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(state=tmp_path / "state", port=web.port))
    report = {"reporter": "Ada", "symptoms": "cannot pay", "service": "orders"}
    assert web.post("/api/v1/incidents", report).status == 201
    return lambda *arguments: CliRunner().invoke(monitor, ["-c", str(config), "incident", *arguments])


def drafted(desk: Any, name: str, text: str, **attributes: object) -> None:
    incident = desk.notebook[0]
    at = incident.since
    event = LedgerEvent(name=name, at=at, wall=at, text=text, incident=incident.id, attributes=attributes)
    desk.log.append(event)


def said(result: Result) -> tuple[int, str]:
    return result.exit_code, result.output.strip()


def test_an_update_from_its_draft_to_the_team(types: Types, desk: Any) -> None:
    assert said(types("update", "1")) == (0, "no update is drafted")
    assert said(types("update", "1", "--send")) == (3, "no update is drafted: write the text of one")

    drafted(desk, "incident.update_drafted", "who: nobody\nstatus: \x1b[31mopen")
    assert said(types("update", "1")) == (0, "who: nobody\nstatus: \\x1b[31mopen")
    assert said(types("update", "1", "we roll back", "--later", "--by", "Lin")) == (
        0,
        "drafted: update of INC-0001 orders",
    )
    assert said(types("update", "INC-1")) == (0, "we roll back")
    assert said(types("update", "1", "--send", "--by", "Ada")) == (0, "sent: update of INC-0001 orders")
    assert desk.log[-1].text.splitlines()[0] == "we roll back"
    code, refusal = said(types("update", "1", "--send", "--by", "Lin"))
    assert (code, "was sent at" in refusal, "by Ada" in refusal) == (3, True, True)
    assert said(types("update", "1", "it is over soon"))[0] == 0


@pytest.mark.parametrize("options", [("text", "--send"), ("--later",), ("--send", "--later")])
def test_an_update_is_sent_or_written_and_not_both(types: Types, options: tuple[str, ...]) -> None:
    result = types("update", "1", *options)
    assert (result.exit_code, "--send sends the draft and takes no TEXT; --later needs one" in result.output) == (
        3,
        True,
    )


def test_a_text_for_the_public_from_its_draft_to_a_yes(types: Types, desk: Any) -> None:
    assert said(types("publish", "1")) == (0, "no text for the public waits for a yes")
    drafted(desk, "incident.public_drafted", "We look\x1b[31m.", title="Problems", stage="investigating")

    assert said(types("publish", "1")) == (0, "investigating: Problems\nWe look\\x1b[31m.")
    assert [event.name for event in desk.log][-1] == "incident.public_drafted", "shown, and nothing more"
    assert json.loads(types("publish", "1", "--format", "json").output)["public"]["stage"] == "investigating"

    told = said(types("publish", "1", "--yes", "--by", "Mia", "--notify", "--stage", "identified"))
    assert told == (0, "published: identified of 1, text 1, approved by Mia")
    event = desk.log[-1]
    assert (event.name, event.author, event.attributes["notify"]) == ("incident.published", "Mia", True)
    code, refusal = said(types("publish", "1", "--yes", "--by", "Lin"))
    assert code == 3
    assert "the last, identified, was approved by Mia; write one with --text" in refusal
    again = types("publish", "1", "--yes", "--by", "Lin", "--text", "Mended.", "--format", "json")
    assert {key: json.loads(again.output)[key] for key in ("number", "text", "notify", "stage")} == {
        "number": 2, "text": "Mended.", "notify": False, "stage": "investigating",
    }  # fmt: skip
    assert "published last: investigating" in types("publish", "1").output


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("update", {}, 422, "by"),
        ("update", {"by": "Ada", "text": "x" * 4001}, 422, "text"),
        ("update/draft", {"by": "Ada"}, 422, "text"),
        ("publish", {"by": "Ada", "stage": "fixed"}, 422, "stage"),
        ("publish", {"by": "Ada", "notify": "perhaps"}, 422, "notify"),
        ("publish", {"by": "Ada", "text": "x", "severity": "SEV1"}, 422, "severity"),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(
    web: Any, desk: Any, types: Types, path: str, body: dict[str, str], status: int, field: str
) -> None:
    assert types is not None
    before = list(desk.log)
    answer = web.post(f"/api/v1/incidents/1/{path}", body)
    assert (answer.status, [error["field"] for error in answer.document["errors"]]) == (status, [field])
    assert desk.log == before


def test_nobody_publishes_without_the_token(web: Any, types: Types, desk: Any) -> None:
    assert types is not None
    drafted(desk, "incident.public_drafted", "We look.", title="Problems", stage="investigating")
    answer = web.post("/api/v1/incidents/1/publish", {"by": "Eve"}, token="guessed")
    assert answer.status == 401
    assert desk.log[-1].name == "incident.public_drafted"

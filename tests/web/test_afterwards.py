"""What people make of an incident when it is over, over HTTP and by command."""

from __future__ import annotations

import pytest

from monitor.response.actions import UPDATES
from tests.web.test_commands_ask_the_daemon import Person

REPORT = {"reporter": "Ada", "symptoms": "slow", "service": "orders"}
ACTION = {"by": "Ada", "what": "an alert on the age of the queue", "owner": "Grace", "due": "2026-03-10"}


@pytest.fixture
def over(web):
    web.post("/api/v1/incidents", REPORT)
    web.post("/api/v1/incidents/1/resolve", {"by": "Ada", "why": "rolled back"})
    return web


@pytest.fixture
def person(over, tmp_path) -> Person:
    return Person(tmp_path, over.port, "a-token-of-the-tests")


def test_an_action_item_is_added_found_and_done(over):
    added = over.post("/api/v1/incidents/INC-0001/actions", ACTION)
    done = over.post("/api/v1/incidents/1/actions/1/done", {"by": "Grace"})

    wanted = {
        "incident": "INC-0001",
        "number": 1,
        "what": "an alert on the age of the queue",
        "owner": "Grace",
        "due": "2026-03-10",
        "updates": None,
        "done_by": None,
    }
    assert (added.status, added.document) == (201, wanted)
    assert (done.status, done.document) == (200, wanted | {"done_by": "Grace"})
    assert over.get("/api/v1/incidents/1").document["actions"] == [done.document]


@pytest.mark.parametrize("updates", UPDATES)
def test_an_item_says_what_it_brings_up_to_date(over, updates):
    added = over.post("/api/v1/incidents/1/actions", ACTION | {"updates": updates})

    assert (added.status, added.document["updates"]) == (201, updates)


def test_what_it_brings_up_to_date_is_one_of_three(over):
    answer = over.post("/api/v1/incidents/1/actions", ACTION | {"updates": "playbook"})

    assert answer.status == 422
    assert answer.document["errors"][0]["field"] == "updates"


@pytest.mark.parametrize("due", ["tomorrow", "2026-02-30", "2026-03-10T12:00:00Z", "1"])
def test_a_day_that_is_none_is_refused(over, due):
    answer = over.post("/api/v1/incidents/1/actions", ACTION | {"due": due})

    assert answer.status == 422
    assert answer.document["errors"] == [{"field": "due", "found": repr(due), "wanted": "a day, like 2026-03-01"}]


@pytest.mark.parametrize("number", ["2", "0", "x", "999999", "-1"])
def test_an_action_item_that_is_not_there_is_404(over, number):
    assert over.post(f"/api/v1/incidents/1/actions/{number}/done", {"by": "Ada"}).status == 404


def test_people_do_it_by_command(person):
    def say(*arguments: str) -> str:
        result = person.types("incident", *arguments)
        assert result.exit_code == 0, result.output
        return result.output

    assert say("action", "add", "1", ACTION["what"], "--owner", "Grace", "--due", "2026-03-10", "--by", "Ada") == (
        "added: INC-0001 action 1: an alert on the age of the queue (Grace, by 2026-03-10)\n"
    )
    assert say("action", "done", "INC-0001", "1", "--by", "Grace").startswith("done: INC-0001 action 1:")
    assert "1: an alert on the age of the queue (Grace, by 2026-03-10), done by Grace" in say("show", "1")
    assert say("postmortem", "1", "--held", "--by", "Ada") == "held: the postmortem of INC-0001 orders\n"


def test_no_terminal_obeys_a_draft(person):
    shown = person.types("incident", "postmortem", "1")

    assert shown.exit_code == 0
    assert shown.output == "# Postmortem of orders\n\\x1b[31m\n"


def test_a_draft_is_written_to_a_new_file_alone(person, tmp_path):
    path = tmp_path / "postmortem.md"

    assert person.types("incident", "postmortem", "1", "--to", str(path)).exit_code == 0
    assert path.read_text() == "# Postmortem of orders\n\x1b[31m"
    path.write_text("what people wrote")
    again = person.types("incident", "postmortem", "1", "--to", str(path))

    assert again.exit_code != 0
    assert "is there already; name a new file" in again.output
    assert path.read_text() == "what people wrote"


def test_a_day_that_is_none_is_bad_usage(person):
    result = person.types("incident", "action", "add", "1", "x", "--owner", "Grace", "--due", "soon")

    assert result.exit_code != 0
    assert "'soon' does not match the format" in result.output


@pytest.mark.parametrize("updates", UPDATES)
def test_the_command_knows_what_an_item_may_bring_up_to_date(person, updates):
    said = person.types(
        "incident", "action", "add", "1", "x", "--owner", "Ada", "--due", "2026-12-01", "--updates", updates
    )

    assert (said.exit_code, said.output) == (0, f"added: INC-0001 action 1: {updates} update: x (Ada, by 2026-12-01)\n")

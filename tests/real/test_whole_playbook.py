"""
The playbook from its first line to its last, on real parts: Debian's Prometheus and Alertmanager send a real alert, a
person reports the same, our own probes fail, people do their part by command. One incident; and what the ledger, the
ticket, the thread, the public's page, the pager and the postmortem say of it agrees line by line.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "outlets" / "peers"))
from alerting import SECRET, Real, Waiting
from fake_slack import FakeSlack, Posted
from over_http import served

pytestmark = [pytest.mark.real, pytest.mark.slow]

TOKEN = "xoxb-of-the-test"
CANNOT_PAY = "customers cannot pay"
ROLLED_BACK = "took 1.4.2 back, 1.4.1 is out"
STORY = (
    "incident.opened",
    "incident.role_assigned",
    "incident.evidence",
    "incident.public_drafted",
    "incident.reported",
    "incident.acknowledged",
    "incident.update_due",
    "incident.published",
    "incident.mitigation_approved",
    "incident.mitigation_ended",
    "incident.alert_resolved",
    "incident.recovering",
    "incident.resolved",
    "postmortem.scheduled",
    "postmortem.action_added",
    "postmortem.held",
    "postmortem.action_done",
)


@dataclass
class Night:
    """
    Attributes:
        slack_url: Where the daemon finds it.
    """

    real: Real
    slack: FakeSlack
    slack_url: str

    def command(self, *arguments: str) -> str:
        known = self.real.folder / "known.yaml"
        document = json.loads((self.real.folder / "config.yaml").read_text())
        document["monitor"]["listen"] = self.real.address.removeprefix("http://")
        known.write_text(json.dumps(document))
        command = [sys.executable, "-m", "monitor", "-c", str(known), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.real.folder, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def events(self, *names: str) -> list[Any]:
        incident = self.real.incident()
        return [e for e in incident["events"] if not names or e["name"] in names] if incident else []

    def names(self) -> list[str]:
        return [event["name"] for event in self.events()]

    def file(self, pattern: str) -> str:
        found = list(self.real.folder.glob(pattern))
        return found[0].read_text() if found else ""

    def thread(self) -> tuple[Posted, list[Posted]]:
        (parent,) = self.slack.parents()
        return parent, self.slack.thread(parent)


@pytest.fixture
def night(tmp_path: Path, service: Any, free_port: Callable[[], int]) -> Iterator[Night]:
    for name in ("prometheus", "prometheus-alertmanager"):
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed (Debian: apt install prometheus prometheus-alertmanager)")
    slack = FakeSlack()
    slack.channels["C0INCIDENTS"] = "incidents"
    with ExitStack() as stack:
        url = stack.enter_context(served(slack, TOKEN, {"ok": False, "error": "invalid_auth"}))
        yield Night(Real(tmp_path, service, free_port, stack), slack, url)


def config(night: Night, service: Any) -> dict[str, Any]:
    back = [sys.executable, "-c", f"import pathlib; pathlib.Path('mended').touch(); print({ROLLED_BACK!r})"]
    checks = {
        name: {"http": f"http://{service.address}{path}", "interval": "1s", "timeout": "900ms"}
        for name, path in (("live", "/healthz"), ("ready", "/healthz/ready"))
    }
    mitigations = {"back": {"run": back, "run_by": "daemon", "when": {"deployed_within": "2h"}}}
    return {
        "services": {"orders": {"criticality": "critical", "checks": checks, "mitigations": mitigations}},
        "incidents": {"open_after": "2s", "stable_for": "4s", "update_every": "5s"},
        "contacts": {
            "incident_commander": {"primary": "SRE on-call", "backup": "Engineering Manager"},
            "scribe": {"primary": "SRE secondary"},
        },
        "tracker": {"folder": "./tickets"},
        "chat": {"slack": {"token": TOKEN, "channel": "#incidents", "url": night.slack_url}},
        "status_page": {"folder": "./status"},
        "intake": {"alertmanager": {"secret": SECRET}},
        "playbook": {"reviewed": "2020-01-01", "review_every": "90d"},
    }


def test_a_sev1_from_its_alert_to_its_last_action_item(night: Night, service: Any, waiting: Waiting) -> None:
    real = night.real
    real.start_daemon(waiting, config(night, service))
    real.start_prometheus([real.start_alertmanager("alertmanager", waiting)], waiting)
    night.command("deploy", "orders", "1.4.2", "--by", "ci")

    detected(night, service, waiting)
    communicated(night, waiting)
    mitigated(night, service, waiting)
    resolved(night, waiting)
    learned(night, waiting)
    all_tell_the_same(night, waiting)


def detected(night: Night, service: Any, waiting: Waiting) -> None:
    """Chapter 1: the alert, a person's report and our probes meet in one incident."""
    service.degrade(error_ratio=0.0, latency=1.5)
    service.healthy = False
    waiting("our probes and the alert meet", lambda: is_whole(night), 60)
    night.command("incident", "report", "--service", "orders", "--symptoms", CANNOT_PAY, "--reporter", "Mia")
    incident = night.real.incident()
    assert (incident["severity"], incident["number"]) == ("SEV1", 1)
    assert {alert["source"] for alert in incident["alerts"]} == {"alertmanager", "report"}
    assert incident["roles"] == {"incident_commander": "SRE on-call", "scribe": "SRE secondary"}
    waiting("evidence is gathered", lambda: night.events("incident.evidence"), 60)


def is_whole(night: Night) -> bool:
    incident = night.real.incident()
    return bool(incident and incident["severity"] == "SEV1" and any(a["firing"] for a in incident["alerts"]))


def communicated(night: Night, waiting: Waiting) -> None:
    """Chapter 3: the team by the clock and by a person, the public by nobody without a yes."""
    night.command("incident", "ack", "1", "--by", "Ada")
    waiting("an update is due", lambda: night.events("incident.update_due"), 60)
    night.command("incident", "update", "1", "we take 1.4.2 back", "--by", "Ada")
    assert night.file("status/status.json").count("investigating") == 0
    assert "We are looking for the cause" in night.command("incident", "publish", "1")
    night.command("incident", "publish", "1", "--yes", "--by", "Ben")
    waiting("the public reads it", lambda: "We are looking for the cause" in night.file("status/index.html"), 60)


def mitigated(night: Night, service: Any, waiting: Waiting) -> None:
    """Chapter 2: what the evidence speaks for, run with a yes by name."""
    night.command("incident", "mitigate", "1", "back", "--yes", "--by", "Ada")
    waiting("it was run", lambda: night.events("incident.mitigation_ended"), 60)
    assert ROLLED_BACK in night.events("incident.mitigation_ended")[0]["text"]
    service.mend()


def resolved(night: Night, waiting: Waiting) -> None:
    """Chapter 4: proven over, and closed everywhere."""
    waiting("it is resolved", lambda: night.real.incident()["state"] == "resolved", 120)
    waiting("its ticket is closed", lambda: "Ticket closed" in "".join(tickets(night)), 60)
    waiting("a last text waits", lambda: "are over" in night.command("incident", "publish", "1"), 60)
    night.command("incident", "publish", "1", "--yes", "--by", "Ben")
    waiting("the public reads that it is over", lambda: "are over" in night.file("status/index.html"), 60)


def learned(night: Night, waiting: Waiting) -> None:
    """Chapter 5: the postmortem, its meeting, its action items to the last."""
    assert night.events("postmortem.scheduled")
    waiting("the invitation lies there", lambda: list(night.real.folder.glob("**/*.ics")), 60)
    night.command(
        "incident",
        "action",
        "add",
        "1",
        "an alert on slow orders",
        "--owner",
        "Lin",
        "--due",
        "2030-01-31",
        "--by",
        "Ada",
    )
    waiting("its own ticket", lambda: "an alert on slow orders" in "".join(tickets(night)), 60)
    night.command("incident", "postmortem", "1", "--held", "--by", "Ada")
    night.command("incident", "action", "done", "1", "1", "--by", "Lin")


def tickets(night: Night) -> list[str]:
    return [path.read_text() for path in night.real.folder.glob("tickets/*.md")]


def all_tell_the_same(night: Night, waiting: Waiting) -> None:
    events = night.events()
    names = [event["name"] for event in events]
    first = [names.index(name) for name in STORY]
    assert names.count("incident.opened") == 1
    assert [STORY[n] for n in range(len(STORY)) if first[n] < 0] == []
    in_order = ("incident.opened", "incident.acknowledged", "incident.mitigation_approved", "incident.mitigation_ended",
                "incident.recovering", "incident.resolved", "postmortem.action_added", "postmortem.held")  # fmt: skip
    assert sorted(in_order, key=names.index) == list(in_order)

    lines = [(event["at"][11:19], event["name"]) for event in events]
    timeline = re.compile(r"^- (\d\d:\d\d:\d\d) UTC \*\*([a-z_.]+)\*\*", re.MULTILINE)
    (ticket,) = [text for text in tickets(night) if "Ticket closed" in text and "## Symptoms" in text]
    told = timeline.findall(ticket)
    assert told == lines[: len(told)], "the ticket is the ledger's timeline, as far as it went"
    assert "incident.resolved" in dict(map(reversed, told))
    draft = night.command("incident", "postmortem", "1")
    assert timeline.findall(draft) == lines, "the postmortem's is the whole"
    for part in ("## Timeline (UTC)", "## Detection and response gaps", "## Action items", "## Root cause"):
        assert part in draft
    assert "an alert on slow orders" in draft

    parent, replies = night.thread()
    assert "resolved" in parent.words
    said = "\n".join(reply.words for reply in replies)
    for text in (CANNOT_PAY, "we take 1.4.2 back"):
        assert text in said
    signatures = [reply.metadata["event_payload"]["key"] for reply in replies if reply.metadata]
    assert len(signatures) == len(set(signatures)), "each update once"

    published = [event for event in events if event["name"] == "incident.published"]
    kept = json.loads(night.file("status/status.json"))
    page = json.dumps(kept)
    for event in published:
        assert json.dumps(event["text"].splitlines()[0])[1:-1] in page
    assert CANNOT_PAY not in page, "what people report is not for the public"
    assert [event["author"] for event in published] == ["Ben", "Ben"]
    assert TOKEN not in (night.real.folder / "daemon.log").read_text()
    waiting("the review of the playbook is a ticket", lambda: any("review" in t.lower() for t in tickets(night)), 60)

"""As much of a Jira as an incident's ticket meets: a workflow, properties, and a search whose index comes behind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from faults import Asked, Peer

TODO = {"id": "1", "name": "To Do", "statusCategory": {"id": 2, "key": "new", "name": "To Do"}}
DOING = {"id": "2", "name": "In Progress", "statusCategory": {"id": 4, "key": "indeterminate", "name": "In Progress"}}
DONE = {"id": "3", "name": "Done", "statusCategory": {"id": 3, "key": "done", "name": "Done"}}
CANCELLED = {"id": "4", "name": "Cancelled", "statusCategory": {"id": 3, "key": "done", "name": "Done"}}

TO_DOING = {"id": "11", "name": "Start", "to": DOING, "fields": {}}
TO_TODO = {"id": "12", "name": "Back", "to": TODO, "fields": {}}
TO_CANCELLED = {"id": "21", "name": "Cancel", "to": CANCELLED, "fields": {}}
TO_DONE = {"id": "31", "name": "Finish", "to": DONE, "fields": {}}

LIMIT = 32_767


@dataclass
class Issue:
    id: str
    key: str
    fields: dict[str, Any]
    properties: dict[str, Any]
    visible_at: float
    status: dict[str, Any] = field(default_factory=lambda: TODO)
    comments: list[Any] = field(default_factory=list)
    links: list[tuple[str, str, str]] = field(default_factory=list)
    files: list[tuple[str, str, bytes]] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.status["statusCategory"]["key"] != "done"


@dataclass
class FakeJira(Peer):
    """
    Attributes:
        version: 3 is Cloud, 2 is Data Center.
        lag: Seconds until the search knows a new issue.
        transitions: What the workflow offers, from wherever it does not lead to.
        frozen: Whether nobody may edit what is closed, as in Jira's classic workflow.
        has_due: Whether its screens have the field for a due date.
        forbidden: Steps on an issue that our user may not do: `transitions`, `comment`, `edit`.
    """

    version: int = 3
    lag: Callable[[], float] = lambda: 0.0
    transitions: tuple[dict[str, Any], ...] = (TO_DOING, TO_TODO, TO_CANCELLED, TO_DONE)
    frozen: bool = False
    forbidden: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset({"OPS", "NEW"})
    issues: dict[str, Issue] = field(default_factory=dict)
    token: str = ""
    has_due: bool = True

    def obey(self, asked: Asked) -> tuple[int, Any]:
        root = f"/rest/api/{self.version}"
        assert asked.path.startswith(root), asked.path
        path = asked.path[len(root) :]
        if path == "/issue":
            return self.create(asked.body)
        if path == ("/search/jql" if self.version == 3 else "/search"):
            return self.search(asked.body)
        if path == "/issueLink":
            return self.link(asked.body)
        found = re.fullmatch(r"/issue/([^/]+)(?:/(.+))?", path)
        issue = self.issue(found[1]) if found else None
        if found is None or issue is None:
            return 404, {
                "errorMessages": ["Issue does not exist or you do not have permission to see it."],
                "errors": {},
            }
        step = found[2] or ("edit" if asked.method == "PUT" else "")
        if step in self.forbidden and asked.method != "GET":
            return 403, {"errorMessages": ["You do not have the permission."], "errors": {}}
        match step.split("/")[0]:
            case "edit":
                return self.edit(issue, asked.body)
            case "comment":
                return self.comment(issue, asked)
            case "transitions":
                return self.move(issue, asked)
            case "attachments":
                return self.attach(issue, asked.body)
            case "properties":
                issue.properties[step.split("/")[1]] = asked.body
                return 200, None
        return 200, {
            "id": issue.id,
            "key": issue.key,
            "fields": {
                "summary": issue.fields["summary"],
                "description": issue.fields["description"],
                "status": issue.status,
                "project": {"key": issue.key.split("-")[0]},
                "attachment": [{"filename": name, "mimeType": media_type} for name, media_type, _ in issue.files],
            },
            "properties": {k: v for k, v in issue.properties.items() if k in asked.query.get("properties", "")},
        }

    def issue(self, name: str) -> Issue | None:
        return next((i for i in self.issues.values() if name in (i.id, i.key, *i.fields.get("former", ()))), None)

    def create(self, body: Any) -> tuple[int, Any]:
        fields = body["fields"]
        if problem := self._problem(fields):
            return 400, problem
        if fields["project"]["key"] not in self.projects:
            return 400, {"errorMessages": [], "errors": {"project": "valid project is required"}}
        number = len(self.issues) + 1
        issue = Issue(
            id=str(10_000 + number),
            key=f"{fields['project']['key']}-{number}",
            fields=dict(fields),
            properties={p["key"]: p["value"] for p in body.get("properties", ())},
            visible_at=self.now() + self.lag(),
        )
        self.issues[issue.id] = issue
        return 201, {"id": issue.id, "key": issue.key, "self": f"https://jira.example/rest/api/3/issue/{issue.id}"}

    def search(self, body: Any) -> tuple[int, Any]:
        found = re.fullmatch(r'labels = "([^"\s]+)"', body["jql"])
        assert found, body["jql"]
        seen = [i for i in self.issues.values() if found[1] in i.fields["labels"] and i.visible_at <= self.now()]
        issues = [{"id": i.id, "key": i.key, "fields": {"status": i.status}} for i in reversed(seen)]
        return 200, {"issues": issues, **({"isLast": True} if self.version == 3 else {"total": len(issues)})}

    def edit(self, issue: Issue, body: Any) -> tuple[int, Any]:
        if self.frozen and not issue.is_open:
            return 400, {"errorMessages": ["The issue cannot be edited in its status."], "errors": {}}
        if problem := self._problem(body["fields"]):
            return 400, problem
        issue.fields.update(body["fields"])
        issue.properties.update({p["key"]: p["value"] for p in body.get("properties", ())})
        return 204, None

    def comment(self, issue: Issue, asked: Asked) -> tuple[int, Any]:
        if asked.method == "GET":
            assert asked.query["orderBy"] == "-created"
            bodies = [{"id": str(n), "body": body} for n, body in enumerate(issue.comments)]
            return 200, {"comments": bodies[::-1], "total": len(bodies), "startAt": 0, "maxResults": 50}
        body = asked.body["body"]
        if problem := self._problem({"description": body}):
            return 400, problem
        issue.comments.append(body)
        return 201, {"id": str(len(issue.comments)), "body": body}

    def attach(self, issue: Issue, body: Any) -> tuple[int, Any]:
        headers, form = body
        if headers.get("X-Atlassian-Token") != "no-check":
            return 403, {"errorMessages": ["XSRF check failed"]}
        # As the standard library reads a form, which is not what wrote it.
        whole = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + form
        for part in BytesParser(policy=HTTP).parsebytes(whole).iter_parts():
            assert part.get_param("name", header="content-disposition") == "file"
            issue.files.append((part.get_filename(), part.get_content_type(), part.get_payload(decode=True)))
        return 200, [{"filename": name} for name, _, _ in issue.files]

    def move(self, issue: Issue, asked: Asked) -> tuple[int, Any]:
        offered = [t for t in self.transitions if t["to"] is not issue.status]
        if asked.method == "GET":
            return 200, {"transitions": offered}
        chosen = next((t for t in offered if t["id"] == asked.body["transition"]["id"]), None)
        if chosen is None:
            return 400, {"errorMessages": ["It is not possible to make this transition."], "errors": {}}
        lacking = [k for k, f in chosen["fields"].items() if f["required"] and k not in asked.body.get("fields", {})]
        if lacking:
            return 400, {"errorMessages": [], "errors": dict.fromkeys(lacking, "is required")}
        issue.status = chosen["to"]
        return 204, None

    def link(self, body: Any) -> tuple[int, Any]:
        duplicate, original = self.issue(body["inwardIssue"]["key"]), self.issue(body["outwardIssue"]["key"])
        assert duplicate
        assert original
        duplicate.links.append((body["type"]["name"], duplicate.key, original.key))
        return 201, None

    def _problem(self, fields: Any) -> Any:
        """What Jira says of a text in another form than this version's, or of too long a one."""
        errors = {}
        text = fields.get("description", "" if self.version == 2 else {"type": "doc"})
        if not isinstance(text, str if self.version == 2 else dict):
            errors["description"] = "Operation value must be " + (
                "a string" if self.version == 2 else "an ADF document"
            )
        elif (
            len(text if isinstance(text, str) else json.dumps(text, ensure_ascii=False, separators=(",", ":"))) > LIMIT
        ):
            errors["description"] = "CONTENT_LIMIT_EXCEEDED"
        if len(fields.get("summary", "-")) > 255 or "\n" in fields.get("summary", "-"):
            errors["summary"] = "Summary must be one line of at most 255 characters."
        if "duedate" in fields and not self.has_due:
            errors["duedate"] = "Field 'duedate' cannot be set. It is not on the appropriate screen, or unknown."
        if any(" " in label for label in fields.get("labels", ())):
            errors["labels"] = "The label contains spaces which is invalid."
        return {"errorMessages": [], "errors": errors} if errors else None

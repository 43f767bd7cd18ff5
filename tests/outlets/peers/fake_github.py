"""As much of GitHub as an incident's issue meets: a repository's issues, and a list that comes behind."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from faults import Asked, Peer

LIMIT = 65_536
API = "https://api.github.example"


@dataclass
class Issue:
    number: int
    title: str
    body: str
    labels: list[str]
    visible_at: float
    is_open: bool = True
    state_reason: str | None = None
    locked: bool = False
    comments: list[str] = field(default_factory=list)
    repository: str = "example/ops"
    is_pull_request: bool = False


@dataclass
class FakeGithub(Peer):
    """
    Attributes:
        lag: Seconds until the list knows a new issue.
        pushes: Whether our user may set labels; otherwise they are dropped without a word.
        moved: Numbers of issues that were transferred, and where to.
    """

    lag: Callable[[], float] = lambda: 0.0
    pushes: bool = True
    issues: list[Issue] = field(default_factory=list)
    moved: dict[int, Issue] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)

    def obey(self, asked: Asked) -> tuple[int, Any]:
        found = re.fullmatch(r"/repos/([^/]+/[^/]+)/issues(?:/(\d+)(/comments)?)?", asked.path)
        assert found, asked.path
        repository, number, comments = found[1], int(found[2] or 0), found[3]
        if not number:
            return self.create(asked.body) if asked.method == "POST" else self.listed(asked)
        if number in self.moved and repository == "example/ops":
            other = self.moved[number]
            return 301, {"url": f"{API}/repos/{other.repository}/issues/{other.number}", "message": "Moved Permanently"}
        if number in self.deleted:
            return 410, {"message": "This issue was deleted"}
        issue = next(
            (i for i in (*self.issues, *self.moved.values()) if (i.number, i.repository) == (number, repository)), None
        )
        if issue is None:
            return 404, {"message": "Not Found"}
        if comments:
            return self.comment(issue, asked)
        if asked.method == "PATCH":
            if len(asked.body.get("body", "")) > LIMIT:
                return 422, {"message": "Validation Failed", "errors": [{"field": "body", "code": "too_long"}]}
            issue.title = asked.body.get("title", issue.title)
            issue.body = asked.body.get("body", issue.body)
            issue.is_open = asked.body.get("state", "open" if issue.is_open else "closed") == "open"
            issue.state_reason = asked.body.get("state_reason", issue.state_reason)
        return 200, shown(issue)

    def headers_of(self, document: Any) -> dict[str, str]:
        has_moved = isinstance(document, dict) and document.get("message") == "Moved Permanently"
        return {"location": document["url"]} if has_moved else {}

    def create(self, body: Any) -> tuple[int, Any]:
        if len(body["body"]) > LIMIT or len(body["title"]) > 256:
            return 422, {"message": "Validation Failed", "errors": [{"field": "body", "code": "too_long"}]}
        labels = list(body["labels"]) if self.pushes else []
        issue = Issue(len(self.issues) + 1, body["title"], body["body"], labels, self.now() + self.lag())
        self.issues.append(issue)
        return 201, shown(issue)

    def listed(self, asked: Asked) -> tuple[int, Any]:
        assert (asked.query["state"], asked.query["sort"], asked.query["direction"]) == ("all", "created", "desc")
        seen = [i for i in self.issues if asked.query["labels"] in i.labels and i.visible_at <= self.now()]
        return 200, [shown(issue) for issue in reversed(seen)][: int(asked.query["per_page"])]

    def comment(self, issue: Issue, asked: Asked) -> tuple[int, Any]:
        if asked.method == "GET":
            page, size = int(asked.query["page"]), int(asked.query["per_page"])
            return 200, [said(issue, text) for text in issue.comments[(page - 1) * size : page * size]]
        if issue.locked:
            return 403, {"message": "Unable to create comment because issue is locked."}
        if len(asked.body["body"]) > LIMIT:
            return 422, {"message": "Validation Failed", "errors": [{"field": "body", "code": "too_long"}]}
        issue.comments.append(asked.body["body"])
        return 201, said(issue, asked.body["body"])


def shown(issue: Issue) -> dict[str, Any]:
    root = f"{API}/repos/{issue.repository}"
    page = f"{root}/issues/{issue.number}"
    found = {
        "id": 1_000 + issue.number,
        "node_id": f"I_{issue.number}",
        "url": page,
        "repository_url": root,
        "labels_url": f"{page}/labels",
        "comments_url": f"{page}/comments",
        "events_url": f"{page}/events",
        "html_url": f"https://github.example/{issue.repository}/issues/{issue.number}",
        "number": issue.number,
        "state": "open" if issue.is_open else "closed",
        "state_reason": issue.state_reason,
        "title": issue.title,
        "body": issue.body,
        "user": None,
        "labels": [{"name": label} for label in issue.labels],
        "assignee": None,
        "milestone": None,
        "locked": issue.locked,
        "comments": len(issue.comments),
        "closed_at": None if issue.is_open else "2026-03-01T12:00:00Z",
        "created_at": "2026-03-01T12:00:00Z",
        "updated_at": "2026-03-01T12:00:00Z",
    }
    return found | ({"pull_request": {}} if issue.is_pull_request else {})


def said(issue: Issue, text: str) -> dict[str, Any]:
    page = f"{API}/repos/{issue.repository}/issues/{issue.number}"
    return {
        "id": 1,
        "node_id": "C_1",
        "url": f"{page}/comments/1",
        "html_url": "https://github.example/c",
        "issue_url": page,
        "body": text,
        "user": None,
        "created_at": "2026-03-01T12:00:00Z",
        "updated_at": "2026-03-01T12:00:00Z",
    }

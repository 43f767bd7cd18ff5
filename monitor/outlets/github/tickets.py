"""
Issues as tickets. The mark stands in the issue's own body, unseen, and so a write of the body is a write of the mark.
An incident's issues are found among the newest ones that have our label: GitHub's search is older than its lists.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from monitor.config import Github
from monitor.outlets.github.body import Body, comment
from monitor.outlets.markup import github as markup
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message
from monitor.outlets.rest import Stopped, Talk
from monitor.outlets.ticket import Mark, Ticket

LABEL: Final = "watchkeeper"
_LOOKED_THROUGH: Final = 50
"""Issues with our label, newest first. A ticket that is looked for was made minutes ago."""
_PAGE: Final = 100


class GithubTickets:
    def __init__(self, talk: Talk, github: Github) -> None:
        self.place = github.repository
        self._talk = talk
        self._github = github

    def create(self, message: Message, mark: Mark) -> Ticket:
        below = f"\n{markup.from_markdown(message.notes)}" if message.notes else ""
        body = Body(below=below).written(_markdown(message), mark)
        labels = [LABEL, *self._github.labels]
        issue = {"title": mark.title, "body": body, "labels": labels}
        made = self._talk.send("POST", f"/repos/{self.place}/issues", issue)
        ticket = _ticket(made)
        if any(label.get("name") == LABEL for label in made["labels"]):
            return ticket
        # GitHub says nothing when it drops them.
        lacks = f"without its labels, by which it is found again: give our user the triage role on {self.place}"
        return replace(ticket, lacks=lacks)

    def read(self, ticket: str) -> Ticket:
        return _ticket(self._issue(ticket))

    def find(self, incident: str) -> list[str]:
        found = self._talk.get(
            f"/repos/{self.place}/issues",
            labels=LABEL, state="all", sort="created", direction="desc", per_page=_LOOKED_THROUGH,
        )  # fmt: skip
        tickets = [_ticket(issue) for issue in found if "pull_request" not in issue]
        return [ticket.id for ticket in tickets if ticket.mark.incident == incident]

    def write(self, ticket: Ticket, message: Message, mark: Mark, *, is_title_ours: bool) -> str:
        found = Body.parse(ticket.body)
        body = found.written(_markdown(message), mark)
        fields = {"body": found.with_mark(mark) if body is None else body}
        self._talk.send("PATCH", _path(ticket.id), fields | ({"title": mark.title} if is_title_ours else {}))
        return "" if body is not None else "its description is full of people's text and stays as it is"

    def comment(self, ticket: Ticket, text: str, signature: str) -> None:
        try:
            self._talk.send("POST", f"{_path(ticket.id)}/comments", {"body": comment(text, signature)})
        except Stopped as stopped:
            if stopped.status != 403 or "locked" not in stopped.delivery.detail:
                raise
            # One conversation that a person ended is no reason to stop for all tickets.
            detail = f"{ticket.id} is locked: unlock it, or let our user write there"
            raise Stopped(Delivery(outcome=DeliveryOutcome.REFUSED, detail=detail), stopped.status) from None

    def has_comment(self, ticket: Ticket, signature: str) -> bool:
        # They come oldest first, so the newest are on the last page, or on it and the one before.
        last = max((int(self._issue(ticket.id)["comments"]) + _PAGE - 1) // _PAGE, 1)
        for page in range(last, max(last - 2, 0), -1):
            found = self._talk.get(f"{_path(ticket.id)}/comments", per_page=_PAGE, page=page)
            if any(signature in str(one.get("body")) for one in found):
                return True
        return False

    def close(self, ticket: Ticket) -> None:
        reason = "not_planned" if ticket.mark.merged else "completed"
        self._talk.send("PATCH", _path(ticket.id), {"state": "closed", "state_reason": reason})

    def reopen(self, ticket: Ticket) -> None:
        self._talk.send("PATCH", _path(ticket.id), {"state": "open"})

    def tie(self, duplicate: Ticket, to: Ticket, mark: Mark) -> None:  # noqa: ARG002 - the comment names it, which links it
        self._talk.send("PATCH", _path(duplicate.id), {"body": Body.parse(duplicate.body).with_mark(mark)})

    def _issue(self, ticket: str) -> Any:
        try:
            return self._talk.get(_path(ticket))
        except Stopped as stopped:
            # It was transferred to another repository. Within one host a redirect tells our token to nobody else.
            moved = urlsplit(stopped.headers.get("location", ""))
            if stopped.status != 301 or moved.hostname != self._talk.host:
                raise
            root = urlsplit(self._github.url).path.rstrip("/")
            return self._talk.get(moved.path.removeprefix(root))


def _ticket(issue: Any) -> Ticket:
    repository = str(issue["repository_url"]).partition("/repos/")[2]
    body = str(issue.get("body") or "")
    return Ticket(
        id=f"{repository}#{issue['number']}",
        url=str(issue["html_url"]),
        is_closed=issue["state"] == "closed",
        mark=Body.parse(body).mark,
        born=int(issue["id"]),
        place=repository,
        title=str(issue["title"]),
        body=body,
    )


def _path(ticket: str) -> str:
    repository, _, number = ticket.partition("#")
    return f"/repos/{repository}/issues/{number}"


def _markdown(message: Message) -> str:
    return f"> {message.degraded}\n\n{message.markdown}" if message.degraded else message.markdown

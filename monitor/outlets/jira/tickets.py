"""
The tickets of a Jira site. An incident's have a label, by which they are searched for, and an entity property, which
holds our mark: it goes along with the creation and with each edit, is read without an index, and people do not see it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, urlsplit

from monitor.config import Jira
from monitor.config.trackers import GATEWAY
from monitor.core.severity import Severity
from monitor.outlets.jira import workflow
from monitor.outlets.jira.dialect import Dialect
from monitor.outlets.jira.files import upload
from monitor.outlets.outlet import Attachment, Delivery, DeliveryOutcome, Message
from monitor.outlets.rest import Stopped, Talk
from monitor.outlets.ticket import Mark, Ticket

PROPERTY: Final = "watchkeeper"
_FIELDS: Final = "summary,status,project,description,attachment"


class JiraTickets:
    def __init__(self, talk: Talk, jira: Jira, dialect: Dialect) -> None:
        self.place = jira.project
        self._talk = talk
        self._jira = jira
        self._dialect = dialect

    def create(self, message: Message, mark: Mark) -> Ticket:
        notes = self._dialect.notes(message.notes) if message.notes else None
        description = self._dialect.description(_body(message), notes)
        fields = {
            "project": {"key": self._jira.project},
            "issuetype": {"name": self._jira.issue_type},
            "summary": mark.title,
            "description": description,
            "labels": ["watchkeeper", label(message.incident), *self._jira.labels],
            **self._priority(message),
        }
        made, lacks = self._made(fields, message.due, mark)
        key = str(made["key"])
        return Ticket(
            id=key, url=self._url(key), is_closed=False, mark=mark, born=int(made["id"]), place=self.place,
            title=mark.title, body=description, lacks=lacks,
        )  # fmt: skip

    def _made(self, fields: Mapping[str, Any], due: str, mark: Mark) -> tuple[Any, str]:
        """With the day by which it is to be done, where the project's screen has a place for that."""
        path, properties = f"{self._dialect.root}/issue", _property(mark)
        if not due:
            return self._talk.send("POST", path, {"fields": fields, "properties": properties}), ""
        with_due: dict[str, Any] = {**fields, "duedate": due}
        try:
            return self._talk.send("POST", path, {"fields": with_due, "properties": properties}), ""
        except Stopped as stopped:
            if stopped.delivery.outcome is not DeliveryOutcome.REFUSED or "duedate" not in stopped.delivery.detail:
                raise
        lacks = f"without its due date: put the field Due date on the screen for creating in {self.place}"
        return self._talk.send("POST", path, {"fields": fields, "properties": properties}), lacks

    def read(self, ticket: str) -> Ticket:
        found = self._talk.get(self._path(ticket), fields=_FIELDS, properties=PROPERTY)
        fields, key = found["fields"], str(found["key"])
        return Ticket(
            id=key,
            url=self._url(key),
            is_closed=workflow.is_closed(fields["status"]),
            mark=Mark.from_json((found.get("properties") or {}).get(PROPERTY)),
            born=int(found["id"]),
            place=str(fields["project"]["key"]),
            title=str(fields.get("summary") or ""),
            body=fields.get("description"),
            attached=frozenset(str(file["filename"]) for file in fields.get("attachment") or ()),
        )

    def find(self, incident: str) -> list[str]:
        # In any project: a person may have moved it.
        found = self._dialect.search(self._talk, f'labels = "{label(incident)}"')
        return [str(issue.get("key") or issue["id"]) for issue in found]

    def write(self, ticket: Ticket, message: Message, mark: Mark, *, is_title_ours: bool) -> str:
        fields: dict[str, Any] = {"summary": mark.title} if is_title_ours else {}
        if message.severity != ticket.mark.severity:
            fields |= self._priority(message)
        description = self._dialect.description(_body(message), ticket.body)
        if description is not None:
            fields["description"] = description
        try:
            self._send(ticket, "PUT", "", {"fields": fields, "properties": _property(mark)})
        except Stopped as stopped:
            # Many workflows let nobody edit what is closed. The comment is there, and that is all that can be.
            if not ticket.is_closed or stopped.delivery.outcome is not DeliveryOutcome.REFUSED:
                raise
            self._tolerated(ticket, "PUT", f"/properties/{PROPERTY}", mark.as_json())
            return f"its description stays as it is: {stopped.delivery.detail}"
        return "" if description is not None else "its description is full of people's text and stays as it is"

    def comment(self, ticket: Ticket, text: str, signature: str) -> None:
        self._send(ticket, "POST", "/comment", {"body": self._dialect.comment(text, signature)})

    def has_comment(self, ticket: Ticket, signature: str) -> bool:
        found = self._talk.get(f"{self._path(ticket.id)}/comment", orderBy="-created", maxResults=50)
        return any(self._dialect.holds(comment.get("body"), signature) for comment in found["comments"])

    def attach(self, ticket: Ticket, files: Sequence[Attachment]) -> None:
        self._talk.send("POST", f"{self._path(ticket.id)}/attachments", upload(files))

    def close(self, ticket: Ticket) -> None:
        self._move(ticket, closing=True, wanted=self._jira.close)

    def reopen(self, ticket: Ticket) -> None:
        self._move(ticket, closing=False, wanted=self._jira.reopen)

    def tie(self, duplicate: Ticket, to: Ticket, mark: Mark) -> None:
        link = {
            "type": {"name": "Duplicate"},
            "inwardIssue": {"key": duplicate.id},
            "outwardIssue": {"key": to.id},
        }
        try:
            self._talk.send("POST", f"{self._dialect.root}/issueLink", link)
        except Stopped as stopped:
            # Links are off there, or have other names; the comment names the other one.
            if stopped.delivery.outcome not in (DeliveryOutcome.REFUSED, DeliveryOutcome.UNAUTHORISED):
                raise
        self._tolerated(duplicate, "PUT", f"/properties/{PROPERTY}", mark.as_json())

    def _move(self, ticket: Ticket, *, closing: bool, wanted: str | None) -> None:
        offered = self._talk.get(f"{self._path(ticket.id)}/transitions", expand="transitions.fields")
        chosen = workflow.choose(offered["transitions"], closing=closing, wanted=wanted)
        if isinstance(chosen, str):
            raise Stopped(Delivery(outcome=DeliveryOutcome.REFUSED, detail=chosen))
        asked: dict[str, Any] = {"transition": {"id": chosen.id}}
        self._send(ticket, "POST", "/transitions", asked | ({"fields": chosen.fields} if chosen.fields else {}))

    def _send(self, ticket: Ticket, method: str, step: str, document: Mapping[str, Any]) -> None:
        try:
            self._talk.send(method, self._path(ticket.id) + step, document)
        except Stopped as stopped:
            if stopped.status != 403 or "DENIED" in stopped.headers.get("x-seraph-loginreason", ""):
                raise
            # A right that is missing in one place is no reason to stop for all tickets.
            detail = f"{stopped.delivery.detail}: give our user the right to it on {ticket.id}"
            refused = replace(stopped.delivery, outcome=DeliveryOutcome.REFUSED, detail=detail)
            raise Stopped(refused, stopped.status) from None

    def _tolerated(self, ticket: Ticket, method: str, step: str, document: Mapping[str, Any]) -> None:
        """As far as it is allowed."""
        try:
            self._send(ticket, method, step, document)
        except Stopped as stopped:
            if stopped.delivery.outcome is not DeliveryOutcome.REFUSED:
                raise

    def _priority(self, message: Message) -> dict[str, Any]:
        name = self._jira.priority.get(Severity[message.severity]) if message.severity in Severity.__members__ else None
        return {"priority": {"name": name}} if name else {}

    def _path(self, ticket: str) -> str:
        return f"{self._dialect.root}/issue/{quote(ticket, safe='')}"

    def _url(self, key: str) -> str:
        # Behind the gateway for OAuth 2 the site has another address, which nobody told us.
        is_gateway = urlsplit(self._jira.url).hostname == GATEWAY
        return "" if is_gateway else f"{self._jira.url.rstrip('/')}/browse/{key}"


def label(incident: str) -> str:
    return f"watchkeeper-{incident}"


def _property(mark: Mark) -> list[dict[str, Any]]:
    return [{"key": PROPERTY, "value": mark.as_json()}]


def _body(message: Message) -> str:
    return f"> {message.degraded}\n\n{message.markdown}" if message.degraded else message.markdown

"""An error answer: problem+json (RFC 9457), which says what was found and what would be right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field of a body: its name, what was found there, what is wanted."""

    field: str
    found: str
    wanted: str


class HttpProblem(Exception):
    """
    Raised while a request is read or answered; becomes the answer.

    Attributes:
        detail: One line a person can act on. Never holds what came in the body beyond a field's name.
    """

    def __init__(
        self, status: int, detail: str, *, errors: Sequence[FieldProblem] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def document(self) -> dict[str, object]:
        document: dict[str, object] = {
            "type": "about:blank",
            "title": title(self.status),
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = [{"field": e.field, "found": e.found, "wanted": e.wanted} for e in self.errors]
        return document


def title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"

"""Text that nobody may see: a password, a token."""

from __future__ import annotations


class Secret:
    """For a field of a plugged-in kind's question. It is shown as `***`, also in a text that it is put into."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

"""A program that is run, as data: what a check kind wants run, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from checks.exchange import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRequest:
    """
    Attributes:
        command: The program and its arguments. No shell reads them.
        environment: What the program finds besides the little that every program needs.
        timeout: Seconds until it is killed, with whatever it has started.
        max_output: Bytes of each of its two outputs that are kept; the rest is read and forgotten.
    """

    command: tuple[str, ...] = field(repr=False)
    directory: str
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # often a secret
    timeout: float = 10.0
    max_output: int = 1024 * 1024

    @property
    def url(self) -> str:
        return url_of(self.command)


@dataclass(slots=True, kw_only=True)
class ProcessAnswer(Answer):
    """
    `body` is what it wrote to its standard output.

    Attributes:
        errors: What it wrote to its standard error.
        status: What it ended with; None where it did not end by itself.
        signal: The signal that ended it.
    """

    errors: bytes = b""
    status: int | None = None
    signal: int | None = None


def url_of(command: tuple[str, ...]) -> str:
    """Without the arguments: they may hold a password."""
    return f"exec:{command[0]}"

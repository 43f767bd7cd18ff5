"""
A script against what a target says: what to do next, and why it failed. Decides; `stream.py` acts.

Lines end with LF, a CR before it is not part of them, and what stands behind the last LF is a line once the target has
closed. A line that does not match is passed over, as a target may greet, warn and chat before it answers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Final

from checks.exchange import TransportError
from checks.patterns import Searches, SearchTooLong
from checks.result import Reason
from checks.stream import MAX_HEARD, Step
from checks.urls import clip

MAX_LINE: Final = 4096
"""Characters of a line that are searched: the time that a careless expression takes grows with its length."""
_REFERENCE: Final = re.compile(rb"\$(\$|[1-9])")


def filled(text: bytes, groups: tuple[str, ...]) -> bytes:
    """What a step sends: *text* with the groups of what was expected last."""

    def referred(found: re.Match[bytes]) -> bytes:
        if found[1] == b"$":
            return b"$"
        number = int(found[1])
        return groups[number].encode() if number < len(groups) else b""

    return _REFERENCE.sub(referred, text)


class Next(Enum):
    SEND = "send"
    LISTEN = "listen"
    SECURE = "secure"
    OVER = "over"


@dataclass(slots=True)
class Dialogue:
    """
    Attributes:
        said: What the target has said, all of it.
        groups: Of the last line that was expected and came, the line itself first.
        failed: Why it cannot go on.
    """

    leaving: ClassVar[bool] = False

    script: tuple[Step, ...]
    said: bytes = b""
    groups: tuple[str, ...] = ()
    failed: TransportError | None = None
    _at: int = 0
    _heard: int = 0
    _closed: bool = False
    _passed: str = ""
    _searches: Searches = field(default_factory=Searches)

    def next(self) -> Next:
        """What the step that is due asks for. Steps that what has been said fulfils are done on the way."""
        while self.failed is None and self._at < len(self.script):
            step = self.script[self._at]
            if step.send is not None:
                return Next.SEND
            if step.starttls:
                return Next.SECURE
            if not self._fulfilled(step):
                return Next.OVER if self.failed else Next.LISTEN
            self._at += 1
        return Next.OVER

    def sending(self) -> bytes:
        """What the step that is due sends; it is done then."""
        text = self.script[self._at].send or b""
        self._at += 1
        return filled(text, self.groups)

    def secured(self) -> None:
        """The step that is due is done. What was said in the clear is not heard as if it had been said in private."""
        self._at += 1
        self._heard = len(self.said)

    @property
    def said_too_early(self) -> bool:
        """Whether the target has said more than was waited for: before a handshake somebody between may have."""
        return self._heard < len(self.said)

    def hear(self, data: bytes) -> None:
        self.said += data
        if len(self.said) > MAX_HEARD:
            self._fail(Reason.BODY, f"said more than {MAX_HEARD} bytes")

    def closed(self) -> None:
        """The target says nothing more."""
        self._closed = True

    @property
    def awaited(self) -> str:
        """What the step that is due waits for, in words that follow `waited for`."""
        step = self.script[self._at] if self._at < len(self.script) else Step()
        if step.expect_bytes is not None:
            return f"the bytes {step.expect_bytes!r}"
        if step.expect_sized:
            return "the rest of its answer" if self.said else "its answer"
        passed = f"; the last line was {self._passed!r}" if self._passed else ""
        return f"a line that matches {step.expect}{passed}"

    def _fulfilled(self, step: Step) -> bool:
        if step.expect_sized:
            return self._sized()
        return self._bytes(step.expect_bytes) if step.expect_bytes is not None else self._line(step)

    def _sized(self) -> bool:
        end = self._heard + 2 + int.from_bytes(self.said[self._heard : self._heard + 2], "big")
        if len(self.said) < self._heard + 2 or len(self.said) < end:
            if self._closed:
                self._hung_up()
            return False
        self._heard = end
        return True

    def _bytes(self, wanted: bytes) -> bool:
        came = self.said[self._heard : self._heard + len(wanted)]
        if came == wanted:
            self._heard += len(wanted)
            return True
        if not wanted.startswith(came):
            self._fail(Reason.BODY, f"said {came!r}, wanted {wanted!r}")
        elif self._closed:
            self._hung_up()
        return False

    def _line(self, step: Step) -> bool:
        while (line := self._take_line()) is not None:
            try:
                found = self._searches.find(step.expect or "", line)
                refused = not found and step.refuse is not None and self._searches.find(step.refuse, line)
            except SearchTooLong as error:
                self._fail(Reason.BODY, f"said {clip(line)!r}: {error}")
                return False
            if found:
                self.groups = (line, *(group or "" for group in found.groups()))
                return True
            if refused:
                self._fail(Reason.BODY, f"said {clip(line)!r}, wanted a line that matches {step.expect}")
                return False
            self._passed = clip(line)
        if self._closed:
            self._hung_up()
        return False

    def _take_line(self) -> str | None:
        end = self.said.find(b"\n", self._heard)
        if end < 0:
            if not self._closed or self._heard == len(self.said):
                return None
            end = len(self.said)
        line = self.said[self._heard : end].removesuffix(b"\r")
        self._heard = min(end + 1, len(self.said))
        return line.decode("utf-8", "replace")[:MAX_LINE]

    def _hung_up(self) -> None:
        if self.said:
            self._fail(Reason.BODY, f"closed the connection, where we waited for {self.awaited}", closed=True)
        else:
            self._fail(Reason.RESET, "closed the connection without a word", closed=True)

    def _fail(self, reason: Reason, what: str, closed: bool = False) -> None:
        self.failed = TransportError(reason=reason, detail=what, before_any_byte=not self.said, closed=closed)

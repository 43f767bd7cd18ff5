"""
Whoever runs a mitigation, as the monitor meets them: they ask for a yes, and tell what came of it. A unit of systemd
and a process of our own speak alike, and go on without us when we end.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from monitor.running.alive import born, is_alive
from monitor.running.meeting import HEARD, SOCKET, address

FIRST_WORD_WITHIN: Final = 30.0
"""Seconds for who connects to say something."""
MOST_AT_ONCE: Final = 64
"""Anybody of this machine may connect."""
LOOK_EVERY: Final = 1.0
"""Seconds. Of who was known to an earlier monitor nothing tells us that it is gone, but its process."""
_LINE: Final = 262_144
"""Bytes: the output of a program, each of its characters written as six."""

Word = Mapping[str, object]


@dataclass(slots=True)
class Asking:
    """Who would run `command`, and waits for a yes."""

    command: list[str]
    pid: int
    born: int
    writer: StreamWriter


@dataclass(slots=True)
class Expected:
    """
    Attributes:
        asks: That somebody would run it.
        end: What is told of its end, and to whom we say that it is heard; empty, and nobody, where whoever had our yes
            went without a word.
    """

    asks: asyncio.Future[Asking] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    end: asyncio.Future[tuple[Word, StreamWriter | None]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


def digest(approval: str) -> str:
    """What the ledger may keep of the word that lets its owner speak for a run."""
    return hashlib.sha256(approval.encode()).hexdigest()


class Runners:
    """
    Args:
        folder: Where we listen.
        open_to_all: Whether others than our own user may connect: units of systemd have users of their own.
    """

    def __init__(self, folder: Path, *, open_to_all: bool) -> None:
        self._folder = folder
        self._mode = 0o666 if open_to_all else 0o600
        self._server: asyncio.Server | None = None
        self._expected: dict[str, Expected] = {}
        self._meeting: dict[asyncio.Task[None], StreamWriter] = {}

    def expect(self, word: str) -> Expected:
        """From now on its owner is heard. To be called in the loop."""
        expected = self._expected[word] = Expected()
        return expected

    def forget(self, word: str) -> None:
        self._expected.pop(word, None)

    async def close(self) -> None:
        """Hangs up on everybody."""
        if self._server is not None:
            self._server.close()
        for writer in self._meeting.values():
            writer.close()
        await asyncio.gather(*self._meeting)

    async def listen(self) -> None:
        """After those are expected that may come at once. Raises OSError."""
        if self._server is not None:
            return
        (self._folder / SOCKET).unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        try:
            with address(self._folder) as path:
                listening.bind(path)
            (self._folder / SOCKET).chmod(self._mode)
            self._server = await asyncio.start_unix_server(self._meet, sock=listening, limit=_LINE)
        except BaseException:
            listening.close()
            raise

    async def _meet(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._meeting[task] = writer
        try:
            if len(self._meeting) <= MOST_AT_ONCE:
                with suppress(OSError):  # it went, and what it had not read is lost
                    await self._hear_out(reader, writer)
        finally:
            del self._meeting[task]
            writer.close()

    async def _hear_out(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            said = await asyncio.wait_for(hear(reader), FIRST_WORD_WITHIN)
        except TimeoutError:
            return
        expected = self._expected.get(digest(str(said.get("approval"))))
        if expected is None:
            if "ended" in said:
                writer.write(HEARD)  # by who was here before us, who could not say so any more
            return
        if "ended" not in said:
            if expected.asks.done():
                return
            pid = _peer(writer)
            expected.asks.set_result(Asking(_command(said), pid, born(pid), writer))
            said = await hear(reader)
        if not expected.end.done():
            ended = said.get("ended")
            expected.end.set_result((ended, writer) if isinstance(ended, dict) else ({}, None))
        while await reader.read(_LINE):
            """Until it goes: what it told is not heard before it is in the ledger."""


async def end_of(expected: Expected, within: float, pid: int = 0, born: int = 0) -> tuple[Word, StreamWriter | None]:
    """
    What is told of its end; empty where nobody will.

    Args:
        within: Seconds.
        pid: Of who was begun under an earlier monitor; 0 of who is connected with us.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while (left := until - loop.time()) > 0:
        gone = bool(pid) and not is_alive(pid, born)
        # One more turn after it is gone: it may go because it was heard, in the turn before.
        wait = min(left, LOOK_EVERY) if pid else left
        with suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(expected.end), wait)
        if gone:
            break
    return {}, None


async def hear(reader: StreamReader) -> Word:
    """One line of JSON; empty where there is none."""
    try:
        document = json.loads(await reader.readline())
    except (ValueError, RecursionError, OSError):
        return {}
    return document if isinstance(document, dict) else {}


def _command(said: Word) -> list[str]:
    command = said.get("command")
    return [str(part) for part in command] if isinstance(command, list) else []


def _peer(writer: StreamWriter) -> int:
    """Its process; 0 where the kernel does not say, as of one beyond our namespace."""
    connection = writer.get_extra_info("socket")
    pid, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(pid)

"""Who says yes to whom, and who is heard: the monitor's side of the socket, with others than honest runners on it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.daemon.runners import MOST_AT_ONCE, Runners, digest, end_of
from monitor.running.meeting import HEARD, SOCKET, YES

Story = Callable[[Runners, "Callable[..., Awaitable[Someone]]"], Awaitable[None]]


class Someone:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def says(self, **document: Any) -> None:
        self._writer.write(json.dumps(document).encode() + b"\n")

    def goes(self) -> None:
        self._writer.close()

    async def hears(self) -> bytes:
        """A word, or nothing where it is hung up on."""
        try:
            return await asyncio.wait_for(self._reader.readline(), 60)
        except ConnectionResetError:  # it was not even listened to
            return b""


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Story], None]:
    async def scene(story: Story) -> None:
        runners = Runners(tmp_path, open_to_all=False)
        await runners.listen()

        async def connect(**document: Any) -> Someone:
            someone = Someone(*await asyncio.open_unix_connection(tmp_path / SOCKET))
            if document:
                someone.says(**document)
            return someone

        try:
            await story(runners, connect)
        finally:
            await runners.close()

    return lambda story: asyncio.run(scene(story))


def test_it_is_for_our_own_user_alone(play: Any, tmp_path: Path) -> None:
    async def story(_runners: Runners, _connect: Any) -> None:
        assert (tmp_path / SOCKET).stat().st_mode & 0o777 == 0o600

    play(story)


def test_who_does_not_know_the_word_is_hung_up_on(play: Any) -> None:
    async def story(runners: Runners, connect: Any) -> None:
        expected = runners.expect(digest("word"))

        for said in ({"approval": "wrong", "command": ["x"]}, {"approval": digest("word")}, {"approval": ["word"]}):
            assert await (await connect(**said)).hears() == b""

        assert not expected.asks.done()

    play(story)


def test_one_asks_and_a_second_with_the_same_word_is_told_nothing(play: Any) -> None:
    async def story(runners: Runners, connect: Any) -> None:
        expected = runners.expect(digest("word"))
        first = await connect(approval="word", command=["a", "b"])
        asking = await asyncio.wait_for(expected.asks, 60)
        second = await connect(approval="word", command=["a", "b"])
        assert await second.hears() == b""

        asking.writer.write(YES)
        assert await first.hears() == YES
        assert (asking.command, asking.pid) == (["a", "b"], os.getpid())

        first.says(approval="word", ended={"code": 0})
        said, writer = await end_of(expected, 60.0)
        assert said == {"code": 0}
        writer.write(HEARD)
        assert await first.hears() == HEARD

    play(story)


def test_who_had_our_yes_and_goes_without_a_word_is_not_waited_for(play: Any) -> None:
    async def story(runners: Runners, connect: Any) -> None:
        expected = runners.expect(digest("word"))
        first = await connect(approval="word", command=["x"])
        await asyncio.wait_for(expected.asks, 60)

        first.goes()

        assert await end_of(expected, 3600.0) == ({}, None)

    play(story)


def test_of_an_earlier_monitors_who_is_there_is_heard_and_who_is_gone_is_not_waited_for(play: Any) -> None:
    async def story(runners: Runners, connect: Any) -> None:
        there, gone = runners.expect(digest("there")), runners.expect(digest("gone"))
        await connect(approval="there", ended={"code": 7})

        assert (await end_of(there, 3600.0, os.getpid()))[0] == {"code": 7}
        assert await end_of(gone, 3600.0, os.getpid(), born=1) == ({}, None)  # another process has its number
        assert await end_of(gone, 0.0, os.getpid()) == ({}, None)  # it is there, and its time is over

    play(story)


def test_what_an_earlier_monitor_has_written_down_already_is_heard_so_that_nobody_tries_on(play: Any) -> None:
    async def story(_runners: Runners, connect: Any) -> None:
        assert await (await connect(approval="word", ended={"code": 0})).hears() == HEARD

    play(story)


@pytest.mark.parametrize("ended", [7, None, [1], "x" * 300_000], ids=["number", "null", "list", "too long"])
def test_an_end_of_another_shape_is_none(play: Any, ended: object) -> None:
    async def story(runners: Runners, connect: Any) -> None:
        expected = runners.expect(digest("word"))
        first = await connect(approval="word", command=["x"])
        await asyncio.wait_for(expected.asks, 60)

        first.says(ended=ended)

        assert await end_of(expected, 3600.0) == ({}, None)

    play(story)


def test_more_than_there_is_room_for_are_hung_up_on_and_leave_room_again(play: Any) -> None:
    async def story(runners: Runners, connect: Any) -> None:
        runners.expect(digest("word"))
        silent = [await connect() for _ in range(MOST_AT_ONCE)]

        assert await (await connect(approval="word", command=["x"])).hears() == b""

        for someone in silent:
            someone.goes()
            await someone.hears()
        expected = runners.expect(digest("word"))
        await connect(approval="word", command=["x"])
        assert (await asyncio.wait_for(expected.asks, 60)).command == ["x"]

    play(story)

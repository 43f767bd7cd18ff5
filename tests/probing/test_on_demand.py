"""Probes that are asked for: many at once, one that hangs, a prober that dies, and what cannot be asked at all."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

import msgspec
import pytest

from checks.blackbox.modules import Dns, Http, Module, Tcp
from checks.check import Check, HttpQuestion
from checks.result import CheckResult
from monitor.clock import SteadyClock
from monitor.probing import on_demand
from monitor.probing.alarms import Alarms
from monitor.probing.engine import Engine
from monitor.probing.on_demand import MOST_AT_ONCE, OnDemand
from monitor.probing.resolver import Found
from monitor.probing.supervisor import Supervisor, Unasked
from monitor.probing.wire import Asked, Batch, demand

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
WEB = Module(prober="http", http=Http())
PATIENCE = 300.0


def values(asked: Asked) -> dict[str, float]:
    return {name: value for name, labels, value in asked.samples if not labels}


def play(story: Callable[[Supervisor, list[CheckResult]], Awaitable[None]], checks: tuple[Check, ...] = ()) -> None:
    async def whole() -> None:
        results: list[CheckResult] = []

        def take(batch: Batch) -> None:
            results.extend(batch.results)

        supervisor = Supervisor(SteadyClock.begin(), take, lambda _: None, hung_after=60.0)
        await supervisor.start()
        try:
            supervisor.configure(checks, [])
            await heard(supervisor)
            await story(supervisor, results)
        finally:
            await supervisor.stop()

    asyncio.run(whole())


async def heard(supervisor: Supervisor) -> None:
    """Until there is a prober that can be asked."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            await supervisor.ask(Module(prober="tcp", tcp=Tcp()), "127.0.0.1:1", PATIENCE)
            return
        except Unasked:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)


async def until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def test_what_is_asked_is_answered_with_what_blackbox_exporter_would_say(
    serve: Callable[..., Any], hell: ModuleType
) -> None:
    url = serve(hell.say(OK)).url

    async def story(supervisor: Supervisor, _: list[CheckResult]) -> None:
        asked = await supervisor.ask(WEB, url, PATIENCE)

        assert (asked.success, asked.error) == (True, "")
        assert values(asked)["probe_http_status_code"] == 200
        assert values(asked)["probe_ip_protocol"] == 4
        assert asked.log == ("127.0.0.1 is 127.0.0.1", f"{url} answered 200 OK")

    play(story)


def test_a_target_that_hangs_harms_neither_a_hundred_others_nor_the_checks(
    serve: Callable[..., Any], hell: ModuleType
) -> None:
    good, silent = serve(hell.say(OK)).url, serve(hell.say_and_hold()).url
    check = Check(service="shop", name="live", question=HttpQuestion(url=good), interval=0.5, timeout=0.4)

    async def story(supervisor: Supervisor, results: list[CheckResult]) -> None:
        hanging = asyncio.ensure_future(supervisor.ask(WEB, silent, PATIENCE))
        found = await asyncio.gather(*(supervisor.ask(WEB, good, PATIENCE) for _ in range(100)))

        assert {asked.success for asked in found} == {True}
        assert not hanging.done()
        seen = len(results)
        await until(lambda: len(results) > seen)
        hanging.cancel()

    play(story, (check,))


def test_a_hundred_names_are_looked_up_by_turns(serve: Callable[..., Any], hell: ModuleType) -> None:
    url = serve(hell.say(OK)).url.replace("127.0.0.1", "localhost")
    module = Module(prober="http", ip=4, http=Http())

    async def story(supervisor: Supervisor, _: list[CheckResult]) -> None:
        found = await asyncio.gather(*(supervisor.ask(module, url, PATIENCE) for _ in range(100)))

        assert {(asked.success, asked.log[0]) for asked in found} == {(True, "localhost is 127.0.0.1")}

    play(story)


def test_one_that_is_late_has_failed_by_itself(serve: Callable[..., Any], hell: ModuleType) -> None:
    silent = serve(hell.say_and_hold()).url

    async def story(supervisor: Supervisor, _: list[CheckResult]) -> None:
        asked = await supervisor.ask(WEB, silent, 0.3)

        assert (asked.success, asked.error) == (False, "")
        assert "no answer within" in asked.log[-1]

    play(story)


def test_a_body_without_end_is_read_until_the_time_is_over_and_kept_nowhere(
    serve: Callable[..., Any], hell: ModuleType
) -> None:
    start = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    endless, good = serve(hell.say_for_ever(start, b"x" * 65536)).url, serve(hell.say(OK)).url

    async def story(supervisor: Supervisor, _: list[CheckResult]) -> None:
        reading = asyncio.ensure_future(supervisor.ask(WEB, endless, 1.0))
        assert (await supervisor.ask(WEB, good, PATIENCE)).success
        asked = await reading

        assert (asked.success, values(asked)["probe_http_status_code"]) == (False, 200)
        assert values(asked)["probe_http_uncompressed_body_length"] >= 65536
        assert values(asked)["probe_http_content_length"] == -1

    play(story)


def test_there_is_an_end_to_how_many_are_made_at_once(serve: Callable[..., Any], hell: ModuleType) -> None:
    good, silent = serve(hell.say(OK)).url, serve(hell.say_and_hold()).url

    async def story(supervisor: Supervisor, _: list[CheckResult]) -> None:
        hanging = [asyncio.ensure_future(supervisor.ask(WEB, silent, PATIENCE)) for _ in range(MOST_AT_ONCE - 1)]
        await asyncio.sleep(0)
        assert (await supervisor.ask(WEB, good, PATIENCE)).success, "the last one that is taken"
        hanging.append(asyncio.ensure_future(supervisor.ask(WEB, silent, PATIENCE)))
        await asyncio.sleep(0)

        asked = await supervisor.ask(WEB, good, PATIENCE)

        assert asked.error == "150 probes are under way, and no more than that are made at once"
        assert not any(one.done() for one in hanging)
        for one in hanging:
            one.cancel()

    play(story)


def test_nobody_waits_for_a_prober_that_has_died(serve: Callable[..., Any], hell: ModuleType) -> None:
    good, silent = serve(hell.say(OK)).url, serve(hell.say_and_hold()).url

    async def story(supervisor: Supervisor, _: list[CheckResult]) -> None:
        hanging = asyncio.ensure_future(supervisor.ask(WEB, silent, PATIENCE))
        assert (await supervisor.ask(WEB, good, PATIENCE)).success
        pid = supervisor.status().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

        with pytest.raises(Unasked, match="the prober ended meanwhile; ask again"):
            await hanging
        await heard(supervisor)
        assert (await supervisor.ask(WEB, good, PATIENCE)).success, "the next one is asked as this one was"

    play(story)


def test_without_a_prober_nothing_is_asked() -> None:
    async def story() -> None:
        supervisor = Supervisor(SteadyClock.begin(), lambda _: None, lambda _: None)
        with pytest.raises(Unasked, match="is being started"):
            await supervisor.ask(WEB, "http://127.0.0.1/", 1.0)

    asyncio.run(story())


@pytest.fixture
def ask(engine: Engine) -> Callable[..., Asked]:
    """In this process, without a wire between."""
    alarms, clock, said = Alarms(), SteadyClock.begin(), list[Asked]()
    asker = OnDemand(engine, alarms, clock.seconds, said.append)

    def ask(module: object, target: str, timeout: float = PATIENCE) -> Asked:
        asker.begin(demand(len(said), target, module, timeout))
        wanted, deadline = 1, time.monotonic() + PATIENCE
        while len(said) < wanted:
            assert time.monotonic() < deadline
            engine.turn(0.05)
            alarms.ring(clock.seconds())
        return said.pop()

    return ask


@pytest.mark.parametrize(
    ("module", "target", "log"),
    [
        (WEB, "http://a:b:c/", "http://a:b:c/ is no URL"),
        (Module(prober="tcp", tcp=Tcp()), "db.example", "db.example has no port"),
        (WEB, "http://nobody.invalid/", "the name nobody.invalid could not be resolved"),
    ],
)
def test_what_names_no_target_has_failed_and_says_why(
    ask: Callable[..., Asked], module: Module, target: str, log: str
) -> None:
    asked = ask(module, target)

    assert (asked.success, asked.error) == (False, "")
    assert asked.log[0].startswith(log)


def test_a_lookup_that_hangs_ends_with_the_probe(ask: Callable[..., Asked], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_demand.Resolver, "ask", lambda *_: None)  # no resolver here can be made to hang

    asked = ask(Module(prober="dns", dns=Dns(name="example.com")), "ns.example", 0.05)

    assert not asked.success
    assert "the resolver gave no answer" in asked.log[0]
    assert values(asked)["probe_ip_protocol"] == values(asked)["probe_ip_addr_hash"] == 0


def test_a_bug_of_ours_is_no_answer_and_quotes_nothing(
    ask: Callable[..., Asked], monkeypatch: pytest.MonkeyPatch, serve: Callable[..., Any], hell: ModuleType
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setitem(on_demand._SAY, "http", broken)

    asked = ask(WEB, serve(hell.say(OK)).url)

    assert asked.error.startswith("an error of our own, RuntimeError at test_on_demand.py:")
    assert not asked.success


def test_a_module_that_is_none_is_our_own_error(ask: Callable[..., Asked]) -> None:
    assert ask({"prober": "carrier pigeon"}, "loft").error.startswith("an error of our own, KeyError at ")
    assert ask(7, "loft").error.startswith(f"an error of our own, {msgspec.ValidationError.__name__} at ")


@pytest.mark.parametrize(
    ("ip", "fallback", "chosen"),
    [(6, True, "2001:db8::1"), (4, True, "192.0.2.1"), (6, False, "2001:db8::1"), (4, False, "192.0.2.1")],
)
def test_of_both_families_the_one_that_is_preferred_is_asked(ip: int, fallback: bool, chosen: str) -> None:
    both = (socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"), (socket.AF_INET, "192.0.2.2")

    assert on_demand._chosen(Found(None, both), Module(prober="icmp", ip=ip, fallback=fallback)) == chosen


@pytest.mark.parametrize(("fallback", "chosen"), [(True, "192.0.2.1"), (False, None)])
def test_the_other_family_does_where_it_may(fallback: bool, chosen: str | None) -> None:
    found = Found(None, ((socket.AF_INET, "192.0.2.1"),))

    assert on_demand._chosen(found, Module(prober="icmp", ip=6, fallback=fallback)) == chosen

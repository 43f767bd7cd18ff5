"""Every check once, in this process: the order, the cap, the samples, the deadline, and what it may not import."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from checks.check import Check, HttpQuestion, Retry
from checks.result import Confirmation, Outcome, Reason
from monitor.clock import SteadyClock
from monitor.probing.once import AT_ONCE, run_once

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
BROKEN = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy"
FAR = "http://224.0.0.1/"  # the kernel has no route for it, so nothing is sent
SILENT = ("http://224.0.0.2/", "http://224.0.0.3/")


def check(name: str, url: str, **fields: Any) -> Check:
    return Check(service="shop", name=name, question=HttpQuestion(url=url), **fields)


@pytest.fixture
def clock() -> SteadyClock:
    return SteadyClock.begin()


def test_each_check_has_one_result_in_the_order_given(
    clock: SteadyClock, serve: Callable[..., Any], hell: ModuleType
) -> None:
    slow, quick, broken = serve(hell.drip(OK, 0.01)), serve(hell.say(OK)), serve(hell.say(BROKEN))

    results = run_once([check("slow", slow.url), check("broken", broken.url), check("quick", quick.url)], [], clock)

    assert [(r.check, r.outcome, r.confirmation) for r in results] == [
        ("slow", Outcome.OK, Confirmation.NONE),
        ("broken", Outcome.FAILED, Confirmation.CONFIRMED),
        ("quick", Outcome.OK, Confirmation.NONE),
    ]


def test_nothing_to_check_is_no_result(clock: SteadyClock) -> None:
    assert run_once([], [], clock) == []


def test_all_are_asked_at_the_same_time_up_to_a_cap(clock: SteadyClock, serve: Callable[..., Any]) -> None:
    busy, most, guard, full = 0, 0, threading.Lock(), threading.Event()

    def talk(peer: Any, server: Any) -> None:
        nonlocal busy, most
        server.read_request(peer)
        with guard:
            busy += 1
            most = max(most, busy)
            if busy == AT_ONCE:
                full.set()
        full.wait(60)
        with guard:
            busy -= 1
        peer.sendall(OK)

    url = serve(talk).url

    results = run_once([check(f"c{n}", url, timeout=60.0) for n in range(AT_ONCE + 16)], [], clock)

    assert {r.outcome for r in results} == {Outcome.OK}
    assert most == AT_ONCE


def test_samples_of_a_check_come_one_after_another_and_side_by_side_in_the_answer(
    clock: SteadyClock, serve: Callable[..., Any], hell: ModuleType
) -> None:
    urls = [serve(hell.say(OK, pause=0.02)).url for _ in range(3)]

    results = run_once([check(f"c{n}", url) for n, url in enumerate(urls)], [], clock, samples=5)

    assert [r.check for r in results] == ["c0"] * 5 + ["c1"] * 5 + ["c2"] * 5
    for first in (0, 5, 10):
        starts = [r.first.started_at for r in results[first : first + 5]]
        assert starts == sorted(starts)
        assert len({r.trace_id for r in results[first : first + 5]}) == 5


def test_what_has_no_result_at_the_deadline_is_unknown_and_says_so(
    clock: SteadyClock, serve: Callable[..., Any], hell: ModuleType, patiently: Callable[..., Any]
) -> None:
    mute, quick = serve(hell.say_and_hold()), serve(hell.say(OK))
    checks = [check("mute", mute.url, timeout=60.0), check("quick", quick.url)]

    (mute_result, quick_result), seconds = patiently(
        lambda seconds: (run_once(checks, [], clock, deadline=seconds), seconds),
        lambda told: told[0][1].outcome is Outcome.OK,
    )

    assert quick_result.outcome is Outcome.OK
    assert (mute_result.outcome, mute_result.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)
    assert mute_result.detail == f"no result within the {seconds:g} s that the whole run was given"


def test_a_failure_that_waits_for_its_retry_at_the_deadline_is_not_forgotten(
    clock: SteadyClock, serve: Callable[..., Any], hell: ModuleType, patiently: Callable[..., Any]
) -> None:
    broken = check("broken", serve(hell.say(BROKEN)).url, retry=Retry(times=2, within=60.0))

    (result,) = patiently(
        lambda seconds: run_once([broken], [], clock, deadline=seconds),
        lambda told: len(told[0].attempts) == 2,
    )

    assert (result.outcome, result.reason, len(result.attempts)) == (Outcome.FAILED, Reason.STATUS, 2)


def test_excuses_hold_here_as_in_the_daemon(clock: SteadyClock) -> None:
    (excused,) = run_once([check("far", FAR)], SILENT, clock)
    (judged,) = run_once([check("far", FAR)], (), clock)

    assert (excused.outcome, excused.reason) == (Outcome.UNKNOWN, Reason.BLIND)
    assert (judged.outcome, judged.confirmation) == (Outcome.FAILED, Confirmation.CONFIRMED)


HEAVY = (
    "asyncio", "pandas", "numpy", "requests", "starlette", "rich", "opentelemetry", "pydantic", "yaml", "loguru",
    "checks.conditions",  # for checks that have some
)  # fmt: skip


@pytest.mark.parametrize("module", ["monitor.probing.once", "monitor.probing.prober"])
def test_a_prober_imports_nothing_heavy(module: str) -> None:
    program = f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))"

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert loaded.stdout.split() == []

"""Many services, few threads, and a loop that only looks."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from monitor.sources.poller import TrafficPoller
from monitor.sources.prometheus import Prometheus
from monitor.sources.traffic import TrafficQueries, TrafficReader


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def poller():
    made = TrafficPoller(now, every=timedelta(seconds=0.2), workers=3)
    yield made
    made.stop()


def readers(peer, *names: str) -> list[TrafficReader]:
    client = Prometheus(peer.url, timeout=60)
    return [TrafficReader(name, TrafficQueries(requests=name), client) for name in names]


def test_every_service_is_read_again_and_again(peer, poller, until):
    peer.values |= {"a": 1, "b": 2, "c": 3}
    poller.watch(readers(peer, "a", "b", "c"))
    poller.start()

    first = until(lambda: len(s := poller.snapshot()) == 3 and s)
    assert {name: sample.requests for name, sample in first.items()} == {"a": 1.0, "b": 2.0, "c": 3.0}
    peer.values["b"] = 5
    until(lambda: poller.snapshot()["b"].requests == 5.0)


def test_before_the_first_reading_there_is_none(peer, poller):
    poller.watch(readers(peer, "a"))

    assert poller.snapshot() == {}


def test_a_prometheus_that_hangs_holds_no_more_than_its_threads_and_nobody_else(peer, poller, until):
    hang, at_once, most = threading.Event(), [0], [0]
    lock = threading.Lock()

    def answer(*_):
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        hang.wait(60)
        with lock:
            at_once[0] -= 1
        return 503, b""

    peer.answer = answer
    poller.watch(readers(peer, *"abcdefgh"))
    poller.start()
    until(lambda: most[0] == 3)

    for _ in range(1000):
        poller.snapshot()
    assert at_once[0] == 3, "all of them hang, and nobody was held up"
    hang.set()
    until(lambda: len(poller.snapshot()) == 8)
    assert most[0] == 3


def test_replaced_readers_are_read_at_once_and_the_old_ones_forgotten(peer, poller, until):
    peer.values |= {"a": 1, "b": 2}
    poller.watch(readers(peer, "a", "b"))
    poller.start()
    until(lambda: len(poller.snapshot()) == 2)

    poller.watch(readers(peer, "b", "c"))

    kept = poller.snapshot()
    assert "a" not in kept
    assert kept["b"].requests == 2.0
    until(lambda: set(poller.snapshot()) == {"b", "c"})


def test_our_own_bug_becomes_a_reading_and_the_others_go_on(peer, poller, until):
    class Broken(TrafficReader):
        def read(self, now):
            raise ZeroDivisionError

    peer.values["b"] = 2
    poller.watch([Broken("a", TrafficQueries(requests="a"), Prometheus(peer.url)), *readers(peer, "b")])
    poller.start()

    sample = until(lambda: (s := poller.snapshot().get("a")) and s.missed >= 3 and s)
    assert sample.away == "internal: ZeroDivisionError"
    assert sample.away_since < sample.at
    assert poller.snapshot()["b"].requests == 2.0


def test_stopping_ends_the_threads_at_once(peer, poller, until):
    poller.watch(readers(peer, "a"), every=timedelta(hours=1))
    poller.start()
    until(poller.snapshot)

    poller.stop(60)
    assert not [t for t in threading.enumerate() if t.name.startswith("traffic-")]

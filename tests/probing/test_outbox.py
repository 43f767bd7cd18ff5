"""What waits for a daemon that does not read: kept for ten seconds, then the oldest go, and are counted."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from checks.result import Attempt, CheckResult, Outcome, Reason
from monitor.probing.lag import Lag
from monitor.probing.outbox import BATCH_EVERY, BATCH_SIZE, KEPT_FOR, KEPT_MOST, Outbox
from monitor.probing.wire import Batch, Frames, Heartbeat, Message, Remark

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def result(name: str, detail: str = "") -> CheckResult:
    attempt = Attempt(started_at=T0, outcome=Outcome.FAILED, reason=Reason.STATUS, detail=detail)
    return CheckResult(service="shop", check=name, scheduled_at=T0, attempts=(attempt,))


class Pair:
    def __init__(self) -> None:
        self.daemon, self._prober = socket.socketpair()
        self._prober.setblocking(False)
        self.daemon.setblocking(False)
        self._prober.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
        self.outbox = Outbox(self._prober)
        self._frames = Frames()

    def flush(self, now: float, *, all_of_it: bool = False) -> None:
        self.outbox.flush(now, lambda _: Lag(), all_of_it=all_of_it)

    def read(self) -> list[Message]:
        try:
            return self._frames.feed(self.daemon.recv(1 << 20))
        except BlockingIOError:
            return []

    def read_all(self, now: float) -> list[Message]:
        messages: list[Message] = []
        while True:
            self.flush(now)
            more = self.read()
            messages += more
            if not more and not self.outbox.blocked:
                return messages

    def close(self) -> None:
        self.daemon.close()
        self._prober.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.close()


def names(messages: list[Message]) -> list[str]:
    return [r.check for message in messages if isinstance(message, Batch) for r in message.results]


def dropped(messages: list[Message]) -> int:
    return sum(message.dropped for message in messages if isinstance(message, Batch))


def test_a_result_waits_a_moment_for_others_to_share_its_frame(pair: Pair) -> None:
    pair.outbox.add(result("a"), 100.0)
    pair.outbox.add(result("b"), 100.05)
    assert pair.outbox.next_flush() == 100.0 + BATCH_EVERY

    pair.flush(100.0 + BATCH_EVERY - 0.001)
    assert pair.read() == []
    pair.flush(100.0 + BATCH_EVERY)

    assert [names([message]) for message in pair.read()] == [["a", "b"]]
    assert pair.outbox.empty
    assert pair.outbox.next_flush() is None


def test_enough_results_do_not_wait(pair: Pair) -> None:
    for n in range(BATCH_SIZE):
        pair.outbox.add(result(f"c{n}"), 100.0)

    assert names(pair.read_all(100.0)) == [f"c{n}" for n in range(BATCH_SIZE)]


def test_when_it_is_over_nothing_waits(pair: Pair) -> None:
    pair.outbox.add(result("a"), 100.0)
    pair.flush(100.0, all_of_it=True)
    assert names(pair.read()) == ["a"]


def test_a_daemon_that_reads_late_misses_what_is_older_than_ten_seconds_and_is_told_how_many(pair: Pair) -> None:
    for second in range(30):
        for n in range(BATCH_SIZE):
            pair.outbox.add(result(f"{second}-{n}"), 100.0 + second)
        pair.flush(100.0 + second)
    assert pair.outbox.blocked
    assert pair.outbox.next_flush() is None  # until the daemon reads

    messages = pair.read_all(129.0)

    arrived = names(messages)
    assert arrived == sorted(arrived, key=lambda name: [int(part) for part in name.split("-")])
    assert len(arrived) + dropped(messages) == 30 * BATCH_SIZE
    # The first batch was on its way when the socket was full; of the others the last ten seconds are left.
    kept = {int(name.split("-")[0]) for name in arrived}
    assert kept == {0, *range(29 - int(KEPT_FOR), 30)}


def test_a_pause_of_our_own_loses_nothing_while_the_daemon_reads(pair: Pair) -> None:
    pair.outbox.add(result("before the suspend"), 100.0)
    assert names(pair.read_all(100_000.0)) == ["before the suspend"]


def test_its_size_is_bounded_whatever_the_rate(pair: Pair) -> None:
    for n in range(KEPT_MOST + 5):
        pair.outbox.add(result(str(n)), 100.0)

    messages = pair.read_all(100.0 + BATCH_EVERY)

    assert (len(names(messages)), dropped(messages)) == (KEPT_MOST, 5)
    assert names(messages)[0] == "5"


def test_a_heartbeat_overtakes_results_and_only_the_newest_is_sent(pair: Pair) -> None:
    pair.outbox.add(result("a"), 100.0)
    for checks in (1, 2):
        pair.outbox.beat(Heartbeat(T0, checks, 0, 0, Lag()))
    pair.outbox.remark("INFO", "hello")

    beat, remark, batch = pair.read_all(101.0)

    assert isinstance(beat, Heartbeat)
    assert beat.checks == 2
    assert remark == Remark("INFO", "hello")
    assert names([batch]) == ["a"]


def test_one_result_that_cannot_cross_does_not_take_its_neighbours_with_it(pair: Pair) -> None:
    pair.outbox.add(result("a", "as it was"), 100.0)
    pair.outbox.add(result("cursed", "\udcff"), 100.0)
    pair.outbox.add(result("huge", "x" * 100_000), 100.0)
    pair.outbox.add(result("b"), 100.0)

    (batch,) = pair.read_all(101.0)

    assert isinstance(batch, Batch)
    assert [(r.check, r.outcome, r.reason) for r in batch.results] == [
        ("a", Outcome.FAILED, Reason.STATUS),
        ("cursed", Outcome.FAILED, Reason.STATUS),
        ("huge", Outcome.FAILED, Reason.STATUS),
        ("b", Outcome.FAILED, Reason.STATUS),
    ]
    assert batch.results[0].detail == "as it was"
    assert "could not be sent" in batch.results[1].detail


def test_a_daemon_that_is_gone_is_an_error_for_the_caller(pair: Pair) -> None:
    pair.daemon.close()
    pair.outbox.add(result("a"), 100.0)
    with pytest.raises(OSError, match="Broken pipe"):
        pair.flush(101.0)

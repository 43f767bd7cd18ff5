"""A thread reads and scores every series: what it knows at once, after a restart, and of a Prometheus that is away."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from math import cos, pi
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.unusual import SeriesWatch
from monitor.sources.series import MINUTE, Series
from monitor.sources.series_thread import SeriesReading, SeriesThread

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAYS = 4
BEGIN = NOON - timedelta(days=DAYS)
JUMP = NOON - 20 * MINUTE
ORDERS = Series("orders", "requests", "sum(rate(orders_total[5m]))")
QUEUE = Series("orders", "queue_depth", "sum(waiting)")
ZONE = ZoneInfo("UTC")


def rows() -> dict[datetime, float]:
    """Four days of traffic, and from `JUMP` on twice of it."""
    random = Random(1)
    found = {}
    for i in range(DAYS * 1440 + 60):
        at = BEGIN + i * MINUTE
        value = 100 + 80 * cos(2 * pi * i / 1440) + random.gauss(0, 2)
        found[at] = 2 * value if at >= JUMP else value
    return found


ROWS = rows()


def answer(_: str, parameters: dict[str, str]) -> tuple[int, Any]:
    since, until = (datetime.fromtimestamp(float(parameters[key]), UTC) for key in ("start", "end"))
    values = [[at.timestamp(), repr(value)] for at, value in ROWS.items() if since <= at <= until]
    result = [{"metric": {}, "values": values}] if values else []
    return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}


class House:
    """A wall clock that a test sets, and a store of states that outlives the threads."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.wall = NOON + timedelta(seconds=30)
        self.kept: dict[str, str] = {}
        self.threads: list[SeriesThread] = []

    def begin(self, *series: Series, zone: ZoneInfo = ZONE) -> SeriesThread:
        thread = SeriesThread(self.url, lambda: self.wall, zone, self._read, self._keep)
        self.threads.append(thread)
        thread.watch(series)
        return thread

    def _read(self, key: str) -> Any:
        return json.loads(self.kept[key]) if key in self.kept else None

    def _keep(self, states: Any) -> None:
        self.kept |= {key: json.dumps(state, allow_nan=False) for key, state in states.items()}


@pytest.fixture
def house(peer: Any) -> Iterator[House]:
    peer.answer = answer
    made = House(peer.url)
    yield made
    for thread in made.threads:
        thread.stop(5.0)


def eventually(fact: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 30
    while not (found := fact()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def reading(thread: SeriesThread, at: datetime, series: Series = ORDERS) -> SeriesReading:
    """Once the row at that instant was scored."""

    def there() -> SeriesReading | None:
        found = thread.readings().get(series.key)
        return found if found is not None and found.at == at else None

    found: SeriesReading = eventually(there)
    return found


def undisturbed(until: datetime) -> SeriesWatch:
    watch = SeriesWatch(ZONE)
    for at, value in ROWS.items():
        if at <= until:
            watch.take(at, value)
    return watch


def test_a_first_start_learns_the_past_and_knows_what_is_unusual_now(house: House) -> None:
    found = reading(house.begin(ORDERS), NOON)

    assert found.unusual is not None
    assert found.unusual.since == JUMP
    assert found.unusual == undisturbed(NOON).unusual
    assert (found.known_since, found.learning, found.trouble) == (BEGIN, False, "")


@pytest.mark.parametrize("minutes", [1, 19, 21, 59])
def test_killed_at_any_minute_it_goes_on_as_if_it_had_not_been(house: House, minutes: int) -> None:
    """The state that the next start finds may be old: what came since is read again."""
    house.wall = JUMP - 5 * MINUTE + timedelta(seconds=30)
    reading(house.begin(ORDERS), JUMP - 5 * MINUTE)
    first = copy.deepcopy(house.kept)
    assert list(first) == ["orders/requests"]
    assert json.loads(first["orders/requests"])["watch"]["at"] == (JUMP - 5 * MINUTE).isoformat()

    house.wall += minutes * MINUTE
    after = reading(house.begin(ORDERS), JUMP - 5 * MINUTE + minutes * MINUTE)

    expected = undisturbed(house.wall)
    assert (after.at, after.value, after.score, after.unusual) == (
        expected.at, expected.value, expected.score, expected.unusual,
    )  # fmt: skip
    assert after.known_since == BEGIN


def test_only_what_came_since_is_asked_after_a_restart(house: House, peer: Any) -> None:
    reading(house.begin(ORDERS), NOON)
    peer.asked.clear()
    house.wall += 7 * MINUTE

    reading(house.begin(ORDERS), NOON + 7 * MINUTE)

    asked = [(float(p["start"]), float(p["end"])) for _, p in peer.asked]
    assert asked == [((NOON + MINUTE).timestamp(), (NOON + 7 * MINUTE).timestamp())]


@pytest.mark.parametrize(
    "change",
    [{"query": "sum(other)"}, {"zone": "Europe/Berlin"}, {"watch": None}, {"watch": [1]}],
    ids=["another query", "another time zone", "gone", "damaged"],
)
def test_a_state_of_something_else_is_not_used(house: House, peer: Any, change: dict[str, Any]) -> None:
    reading(house.begin(ORDERS), NOON)
    state = json.loads(house.kept["orders/requests"])
    house.kept["orders/requests"] = json.dumps(state | change)
    peer.asked.clear()

    found = reading(house.begin(ORDERS), NOON)

    assert len(peer.asked) == 16, "all of the past is read again"
    assert found.known_since == BEGIN


def test_a_prometheus_that_is_away_leaves_what_was_known_and_says_why(house: House, peer: Any) -> None:
    reading(house.begin(ORDERS), NOON)
    peer.answer = lambda *_: (503, {"status": "error", "errorType": "unavailable", "error": "starting"})
    house.wall += 60 * MINUTE

    thread = house.begin(ORDERS)
    found = eventually(lambda: (one := thread.readings().get(ORDERS.key)) and one.trouble and one)

    assert found.trouble == "answered 503: starting"
    assert (found.at, found.unusual) == (NOON, undisturbed(NOON).unusual)


def test_what_is_replaced_goes_and_what_stays_is_not_learned_again(house: House, peer: Any) -> None:
    thread = house.begin(ORDERS, QUEUE)
    known = reading(thread, NOON)
    reading(thread, NOON, QUEUE)
    peer.asked.clear()
    other = Series("orders", "queue_depth", "max(waiting)")

    thread.watch([ORDERS, other])

    assert thread.readings()[ORDERS.key] is known
    assert reading(thread, NOON, QUEUE).series == other
    assert {parameters["query"] for _, parameters in peer.asked} == {other.query}
    thread.watch([ORDERS])
    assert set(thread.readings()) == {ORDERS.key}


def test_less_than_a_day_is_learning(house: House, peer: Any) -> None:
    def young(_: str, parameters: dict[str, str]) -> tuple[int, Any]:
        begin = max(float(parameters["start"]), (NOON - timedelta(hours=20)).timestamp())
        return answer(_, parameters | {"start": str(begin)})

    peer.answer = young

    found = reading(house.begin(ORDERS), NOON)

    assert (found.learning, found.unusual) == (True, None)
    assert found.known_since == NOON - timedelta(hours=20)

"""Who may begin while others hang: a share for each lane, the rest for whoever comes, and what is told of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.check import Check, CollectorQuestion, HttpQuestion, Question
from checks.grpc import Question as GrpcQuestion
from checks.websocket import Question as WebSocketQuestion
from monitor.probing.rooms import MOST, Crowd, Rooms, lane_of

LANES = ("http", "dns", "grpc")


def rooms_of(most: int = 100, **checks: int) -> Rooms:
    rooms = Rooms(most)
    rooms.replace(lane for lane, number in checks.items() for _ in range(number))
    return rooms


@pytest.mark.parametrize(
    ("question", "lane"),
    [
        (HttpQuestion(url="http://shop.example/"), "http"),
        (HttpQuestion(url="https://shop.example/"), "http over tls"),
        (CollectorQuestion(url="http://collector.example:13133/"), "collector"),
        (GrpcQuestion(url="https://shop.example:443"), "grpc over tls"),
        (WebSocketQuestion(url="ws://feed.example/"), "websocket"),
    ],
)
def test_a_kind_is_a_lane_and_over_tls_another(question: Question, lane: str) -> None:
    assert lane_of(Check(service="shop", name="ready", question=question)) == lane


class TestRoom:
    def test_a_lane_that_is_alone_may_use_everything(self) -> None:
        rooms = rooms_of(http=500)

        assert rooms.left("http") == 100
        rooms.take("http", 100)
        assert rooms.left("http") == 0
        rooms.take("http", -1)
        assert rooms.left("http") == 1

    def test_what_hangs_leaves_each_other_lane_its_share(self) -> None:
        rooms = rooms_of(http=500, dns=500, grpc=500)  # 25 for each, and 25 for whoever comes

        assert rooms.left("grpc") == 50
        rooms.take("grpc", 50)

        assert [rooms.left(lane) for lane in LANES] == [25, 25, 0]
        rooms.take("dns", 25)
        assert [rooms.left(lane) for lane in LANES] == [25, 0, 0]

    def test_a_lane_with_few_checks_keeps_no_more_free_than_these(self) -> None:
        rooms = rooms_of(http=500, dns=3)

        assert rooms.left("http") == 97
        rooms.take("http", 97)
        assert rooms.left("dns") == 3

    def test_what_is_under_way_at_a_change_of_the_checks_stays_counted(self) -> None:
        rooms = rooms_of(http=500)
        rooms.take("http", 80)

        rooms.replace(["dns"] * 500)

        # Its own share, which may be a little too many for a moment: what was begun before ends.
        assert rooms.left("dns") == 50
        rooms.take("http", -80)
        assert rooms.left("dns") == 100

    @given(
        checks=st.dictionaries(st.sampled_from(LANES), st.integers(1, 300), min_size=1),
        most=st.integers(1, 200),
        order=st.lists(st.tuples(st.sampled_from(LANES), st.booleans()), max_size=60),
    )
    def test_no_more_than_the_most_and_never_less_than_its_share(
        self, checks: dict[str, int], most: int, order: list[tuple[str, bool]]
    ) -> None:
        rooms, taken = rooms_of(most, **checks), dict.fromkeys(LANES, 0)
        part = most // (len(checks) + 1)
        for lane, begins in order:
            if lane not in checks:
                continue
            room = rooms.left(lane)
            assert room >= min(part, checks[lane]) - taken[lane]
            change = room if begins else -(taken[lane] // 2)
            taken[lane] += change
            rooms.take(lane, change)
            assert sum(taken.values()) <= most


class TestCrowd:
    def test_it_is_told_while_slots_are_missed_for_want_of_room_and_once_when_it_is_over(self) -> None:
        crowd, rooms = Crowd(), Rooms(MOST)

        assert crowd.look(0, [], rooms, 10) == ""
        assert crowd.look(7, [], rooms, 10) == "", "missed for another reason"
        assert crowd.look(7, ["dns"], rooms, 2000) == "", "late, and not missed yet"
        assert crowd.look(9, ["dns", "grpc"], rooms, 1998) == (
            "no room to begin what is due of dns, grpc: 1998 requests are under way, and 2 slots are missed; "
            "give those that do not answer a shorter timeout or a longer interval"
        )
        assert crowd.look(9, ["dns"], rooms, 1998) == ""
        assert "and 5 slots are missed" in crowd.look(12, ["dns"], rooms, 1998)
        assert crowd.look(13, [], rooms, 400) == "there is room for every probe again; 6 slots were missed"
        assert crowd.look(13, [], rooms, 400) == ""

    def test_where_descriptors_are_few_it_says_what_to_raise(self) -> None:
        said = Crowd().look(1, ["http"], Rooms(320), 320)

        assert said.endswith("; more descriptors would help: raise LimitNOFILE= in the unit, or ulimit -n")

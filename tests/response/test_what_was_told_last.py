"""The newest update: what a thread's next reply and a ticket's next comment say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from monitor.core.incident import Timing
from monitor.response.communicate import compose
from monitor.response.people import People


def test_whoever_said_it_is_named_and_all_of_one_instant_is_told(begin: Callable[..., Any]) -> None:
    evening = begin(Timing(stable_for=timedelta(minutes=2)))
    evening.play(payments="FFFFF")
    (case,) = evening.book.live()
    people = People(evening.book)

    evening.keep(people.acknowledge("1", "Grace", evening.now, evening.now)[1])
    assert compose(case, (), evening.now).update == "took it (Grace)"

    evening.now += timedelta(seconds=1)
    evening.keep(people.resolve("1", "Ada", "rolled back", evening.now, evening.now)[1])
    resolved, meeting = compose(case, (), evening.now).update.splitlines()
    assert resolved == "resolved by Ada: rolled back"
    assert meeting.startswith("postmortem due by ")
    updates = compose(case, (), evening.now).updates
    assert updates[-2:] == ("took it (Grace)", f"{resolved}\n{meeting}"), "and all before, oldest first"

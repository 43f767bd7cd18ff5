"""A way to ask that has a bug of ours in it keeps nobody else from asking."""

from __future__ import annotations

from collections.abc import Callable

from checks.datagram import DatagramRequest
from checks.exchange import HttpAnswer, HttpRequest
from monitor.probing.engine import Engine


class Broken:
    """A transport whose time is always up, and that cannot deal with it."""

    in_flight = 0
    due = 0.0

    def begin(self, *_: object) -> None:
        """It takes everything."""

    def expire(self, _now: float) -> None:
        raise ZeroDivisionError

    def forget_authorities(self) -> None:
        """It trusts nobody."""

    def close(self) -> None:
        """There is nothing to close."""


def test_the_others_are_answered_and_it_is_told(httpserver, turn_until: Callable[..., None]) -> None:
    httpserver.expect_request("/").respond_with_data("ok")
    bugs: list[BaseException] = []
    engine = Engine(bugs.append)
    engine._transports[DatagramRequest] = Broken()
    found: list[HttpAnswer] = []

    engine.submit(HttpRequest(url=httpserver.url_for("/"), timeout=30.0), found.append)
    turn_until(engine, lambda: bool(found))
    engine.close()

    assert found[0].status == 200
    assert {type(bug) for bug in bugs} == {ZeroDivisionError}

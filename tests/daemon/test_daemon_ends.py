"""SIGTERM ends the daemon in order, whatever the others do meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

WITHIN = 6.0


def test_sigterm_ends_the_daemon_and_its_prober_with_status_zero(
    target: Any,
    write_config: Callable[..., Any],
    start: Callable[..., Any],
    wait_until: Callable[..., Any],
    ended: Callable[[int], bool],
) -> None:
    daemon = start(write_config())
    wait_until(lambda: target.seen, "a probe")
    prober = daemon.prober()["pid"]
    status, seconds = daemon.terminate(30)
    assert status == 0, daemon.log()
    assert seconds < WITHIN, daemon.log()
    assert ended(prober)
    assert "Traceback" not in daemon.log()


@pytest.mark.parametrize("collector", ["answers", "hangs"])
def test_sigterm_ends_the_daemon_in_the_middle_of_an_incident(
    collector: str, target: Any, receiver: Any, write_config: Callable[..., Any], start: Callable[..., Any]
) -> None:
    receiver.behaviour.delay = 60.0 if collector == "hangs" else 0.0
    target.status = 503
    daemon = start(write_config(receiver.url))
    daemon.wait_for_line(r"orders-service: pending => open")
    status, seconds = daemon.terminate(30)
    assert status == 0, daemon.log()
    assert seconds < WITHIN, daemon.log()
    assert "Traceback" not in daemon.log()

"""A configuration without a file, and a past that is written as a line of letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checks.check import Check, HttpQuestion
from checks.result import Confirmation, Outcome
from monitor.backtest.replay import Probe
from monitor.config.config import Config, Monitor, Service, Slo, Tracker, Traffic
from monitor.core.severity import POLICIES

T0 = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
"""A Monday, midnight."""

LETTERS = {
    ".": (Outcome.OK, Confirmation.NONE),
    "F": (Outcome.FAILED, Confirmation.CONFIRMED),
    "f": (Outcome.FAILED, Confirmation.UNCONFIRMED),
    "u": (Outcome.FAILED, Confirmation.UNASKED),
    "?": (Outcome.UNKNOWN, Confirmation.NONE),
}
"""F: a failure that its re-probe confirms, f: that it does not confirm, u: nobody asked again. A space: no probe."""


def make_config(
    *services: str,
    interval: float = 60.0,
    checks: int = 1,
    objective: float = 0.999,
    traffic: bool = False,
    depends_on: dict[str, tuple[str, ...]] | None = None,
) -> Config:
    asked = Traffic(requests="requests", errors="errors") if traffic else None
    return Config(
        monitor=Monitor(state=Path("/nowhere")),
        services={
            name: Service(
                name=name,
                checks=tuple(
                    Check(
                        service=name,
                        name=f"check-{i}",
                        question=HttpQuestion(url=f"http://{name}/"),
                        interval=interval,
                        timeout=10,
                    )
                    for i in range(checks)
                ),
                slos=(Slo(sli="success", objective=objective),),
                traffic=asked,
                depends_on=(depends_on or {}).get(name, ()),
            )
            for name in services or ("orders",)
        },
        tracker=Tracker(),
        policy=dict(POLICIES),
        contacts={},
    )


def make_past(script: str, check: str = "orders/check-0", interval: float = 60.0, begin: float = T0) -> Iterator[Probe]:
    """One letter a slot."""
    for slot, letter in enumerate(script):
        if letter != " ":
            outcome, confirmation = LETTERS[letter]
            latency = 0.1 if outcome is Outcome.OK else None
            yield Probe(begin + slot * interval, check, outcome, confirmation, latency)


@pytest.fixture
def config_of() -> Callable[..., Config]:
    return make_config


@pytest.fixture
def past() -> Callable[..., Iterator[Probe]]:
    return make_past

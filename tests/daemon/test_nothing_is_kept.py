"""Hours of incidents in seconds: whatever the house keeps of one that is over, it would keep of every one."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.demo.otlp_receiver import OtlpReceiver
from monitor.ledger.records import Effect, EffectKind

_SPEC = importlib.util.spec_from_file_location(
    "injected", Path(__file__).parents[1].joinpath("bench", "injected.py")
)  # fmt: skip
assert _SPEC is not None
assert _SPEC.loader is not None
injected = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = injected
_SPEC.loader.exec_module(injected)

FILLED = timedelta(hours=5, minutes=20)
"""Two of ten checks' pasts are packed at each turn of the hour; until the fifth some more of them are known to be."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Any]:
    with OtlpReceiver() as receiver:
        playing = injected.InjectedHouse(tmp_path, checks=10, otlp=receiver.url)
        yield playing
        playing.close()


@pytest.mark.slow
def test_after_more_incidents_the_house_keeps_what_it_kept_before_them(house, wait_until):
    house.play(FILLED)
    house.settle()
    incidents, before = house.house.ledger.highest_number(), injected.kept(house.house)

    house.play(timedelta(hours=3, minutes=20))
    house.settle()

    assert house.house.ledger.highest_number() - incidents == 10
    assert house.house.casebook.live() == []
    # What telemetry is sending at this moment is gone soon; what is kept stays.
    wait_until(lambda: not injected.kept(house.house) - before, "nothing more is kept", 300)


def test_what_an_outlet_was_given_and_nobody_was_told_of_is_not_kept(house, wait_until):
    house.play(timedelta(minutes=10))
    (incident,) = house.house.ledger.incidents()
    house.settle()
    before = injected.kept(house.house)

    for order in range(100, 120):
        at, key = house.clock.now(), f"{incident.id}/folder/{order:04d}/update"
        house.house.compose(
            Effect(
                key=key, incident=incident.id, service=incident.service, outlet="folder", kind=EffectKind.UPDATE,
                order=order, created_at=at, next_at=at,
            )
        )  # fmt: skip

    # The last one may still be in the outlet's hands; what telemetry is sending at this moment is gone soon.
    wait_until(lambda: (injected.kept(house.house) - before).total() <= 2, "nothing more is kept", 300)

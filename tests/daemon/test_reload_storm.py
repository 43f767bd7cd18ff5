"""Random reloads of a daemon at work: nothing is lost of what they do not touch, nothing leaks, no incident is lost."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("reload_storm", Path(__file__).with_name("reload_storm.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
reload_storm = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = reload_storm
_SPEC.loader.exec_module(reload_storm)


@pytest.mark.slow
def test_reloads_lose_no_probe_leak_nothing_and_lose_no_incident(tmp_path: Path) -> None:
    storm = reload_storm.Storm(reloads=150, steady=8, volatile=4, warm_after=50)

    outcome = reload_storm.run(storm, tmp_path)

    print(f"\n{outcome}")
    assert outcome.expected > 0
    # What came too late on a busy machine is counted as missed; nothing else is missing.
    assert outcome.expected - outcome.came <= outcome.missed
    assert (outcome.dropped, outcome.restarts, outcome.went_on) == (0, 0, True)
    before, after = outcome.incidents
    assert len(after) == len(before)
    assert set(before) - outcome.merged <= set(after)
    assert outcome.opened == outcome.kept
    assert outcome.live == outcome.live_in_ledger
    assert outcome.events["config.refused"] > 10
    assert outcome.events["config.reloaded"] > 50
    warm, last = outcome.warm, outcome.last
    for name in ("daemon threads", "daemon files", "prober threads", "prober files"):
        assert last[name] <= warm[name] + 4, name
    assert last["daemon MB"] <= warm["daemon MB"] + 16
    assert last["prober MB"] <= warm["prober MB"] + 8

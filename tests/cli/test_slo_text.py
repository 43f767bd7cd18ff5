"""What `monitor slo` says beside the shares: counts for people who doubt them, in the unit they were counted in."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.cli.slo import rendered


def one(**given: Any) -> dict[str, Any]:
    return {
        "service": "shop",
        "name": "answers",
        "sli": "success",
        "source": "probes",
        "budgeting": "occurrences",
        "objective": 0.999,
        "over": "30d",
        "bad": 12,
        "allowed": 43.2,
        "missing": 0,
        "unknown": 0,
        "budget_spent": 12 / 43.2,
        "budget_remaining": 1 - 12 / 43.2,
        "state": "within",
        "burn_rates": {"5m": 0.0, "1h": None, "6h": 0.5, "3d": 1.0},
        "exhausts_in_seconds": None,
        "burning": "",
        "counted_since": None,
        "trouble": "",
        "members": {},
    } | given


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (one(), "12 of 43.2 allowed bad probes"),
        (one(missing=3, unknown=1), "12 of 43.2 allowed bad probes, 3 missing, 1 unknown"),
        (one(sli="ratio", source="prometheus", bad=41_000_000_000), "41000000000 of 43.2 allowed bad requests"),
        (one(sli="ratio", source="prometheus", budgeting="timeslices"), "12 of 43.2 allowed bad slices"),
        (
            one(sli="sloth", source="prometheus", bad=12_345, allowed=43_200.0, missing=5_000),
            "12.345 of 43.2 allowed bad minutes, 5 missing",
        ),
        (one(sli="sloth", source="prometheus", budgeting="timeslices"), "12 of 43.2 allowed bad slices"),
    ],
    ids=["probes", "unseen", "requests", "slices of requests", "thousandths of minutes", "slices of what was recorded"],
)
def test_the_detail_says_what_was_counted(document: dict[str, Any], said: str) -> None:
    heading, line = rendered([document], 1000, colour=False).splitlines()

    assert line[heading.index("DETAIL") :] == said

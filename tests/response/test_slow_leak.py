"""A budget that leaks slowly opens one incident, as severe as its burn is in the table; it is over when proven."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.core.severity import Severity
from monitor.response.observe import Surroundings

LEAK = "success burns its budget 5.1 times too fast over 3d and 8.3 times over 6h, limit 1; 49.1% of it is left"


@pytest.mark.parametrize(
    ("burn", "severity"), [(1.0, Severity.SEV4), (5.1, Severity.SEV4), (6.0, Severity.SEV3), (20.0, Severity.SEV3)]
)
def test_a_proven_burn_opens_an_incident_with_green_probes(begin, burn, severity):
    evening = begin()
    evening.play(payments="..")
    evening.around = replace(evening.around, budget_alarm=LEAK, burn=burn)

    assert evening.play(payments="....") == "ppOO"  # held for `open_after`

    (case,) = evening.book.live()
    assert case.incident.reason == LEAK
    assert case.incident.severity is severity


def test_once_it_is_answered_the_incident_ends_by_its_recovery_conditions(begin):
    evening = begin()
    evening.play(payments="..")
    evening.around = replace(evening.around, budget_alarm=LEAK, burn=5.1)
    evening.play(payments="....")
    evening.around = Surroundings(criticality=evening.around.criticality, burn=5.1)

    states = evening.play(payments="........")

    assert states.endswith("R")
    assert evening.names.count("incident.opened") == 1

"""Between its start and the first result the daemon knows nothing, and nothing is what it concludes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checks.check import Check, HttpQuestion
from checks.result import Attempt, CheckResult, Outcome
from monitor.core.incident import Incident, State
from monitor.core.sequential import FailureCusum
from monitor.core.sli import SliWindow
from monitor.response.observe import Surroundings, observe
from monitor.response.service_watch import ServiceWatch
from monitor.response.watch import CheckWatch

T0 = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def watch_begun_at(now: datetime) -> ServiceWatch:
    check = Check(service="orders-service", name="ready", question=HttpQuestion(url="http://127.0.0.1:8080/healthz"))
    fresh = CheckWatch(check=check, cusum=FailureCusum.for_budget(0.001), began_at=now, window=SliWindow())
    return ServiceWatch("orders-service", 0.999, {"ready": fresh})


def answer(at: datetime, outcome: Outcome) -> CheckResult:
    attempt = Attempt(started_at=at, outcome=outcome, reason=None, detail="", latency=0.01)
    return CheckResult(
        service="orders-service", check="ready", scheduled_at=at, attempts=(attempt,), trace_id="4bf9" * 8
    )  # fmt: skip


@pytest.mark.parametrize("state", [State.OPEN, State.RECOVERING])
def test_a_live_incident_neither_recovers_nor_settles_before_its_check_was_heard(state: State) -> None:
    watch = watch_begun_at(T0)
    incident = Incident(service="orders-service", id="01", number=1, state=state, since=T0 - timedelta(hours=1))
    before = observe(watch, Surroundings(), T0 + timedelta(seconds=1), incident=incident).assessment
    assert before is not None
    assert before.recovered is None
    assert [c.text for c in before.unmet] == ["no result since the start of orders-service/ready"]

    watch.checks["ready"].observe(answer(T0 + timedelta(seconds=1), Outcome.OK))
    after = observe(watch, Surroundings(), T0 + timedelta(seconds=2), incident=incident).assessment
    assert after is not None
    assert after.recovered is True

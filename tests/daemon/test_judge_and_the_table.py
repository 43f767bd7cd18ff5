"""The judge asks the severity table of the configuration: data loss, dependents, and another table after a reload."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from checks.result import Attempt, CheckResult, Outcome, Reason
from monitor.config import Config, load
from monitor.config.changes import changes
from monitor.core.severity import Severity
from monitor.daemon.judge import Judge
from monitor.daemon.wiring import rules_of
from monitor.response.casebook import Casebook
from monitor.response.observe import Surroundings

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=30)
SERVICES = """
services:
  web:
    criticality: low
    depends_on: [store]
    checks: {live: "http://web.test/"}
  store:
    criticality: low
    checks:
      live: http://store.test/
      backups: {http: "http://store.test/backups", data_loss: true}
"""
TABLE = """
severity:
  - {name: waited for, when: {dependents_failing: ">= 1"}, suggest: SEV2}
  - {name: failing, when: {failing_share: "> 0%"}, suggest: SEV4}
"""


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Config]:
    def config(text: str) -> Config:
        (tmp_path / "config.yaml").write_text(text)
        return load([tmp_path / "config.yaml"], {})

    return config


class Round:
    def __init__(self, config: Config) -> None:
        self.config, self.now = config, NOON
        ids, numbers = count(1), count(1)
        book = Casebook(rules_of(config), new_id=lambda: f"I{next(ids)}", new_number=lambda: next(numbers))
        self.judge = Judge(
            config, book, NOON, lambda _: Surroundings(), lambda _: None, lambda _: None, lambda *_: None
        )

    def reload(self, config: Config) -> None:
        self.judge.replace(config, changes(self.config, config), self.now, self.now)
        self.config = config

    def play(self, steps: int, *failing: str) -> None:
        for _ in range(steps):
            self.now += STEP
            results = [self.result(check.id, check.id in failing) for check in self.config.all_checks()]
            self.judge.take(results, self.now, self.now)
            self.judge.tick(self.now, self.now)

    def result(self, name: str, failed: bool) -> CheckResult:
        outcome = Outcome.FAILED if failed else Outcome.OK
        reason = Reason.STATUS if failed else None
        attempt = Attempt(started_at=self.now, outcome=outcome, reason=reason, latency=0.05)
        service, check = name.split("/")
        return CheckResult(
            service=service, check=check, scheduled_at=self.now, attempts=(attempt, attempt) if failed else (attempt,)
        )

    def incident(self, service: str) -> tuple[Severity | None, tuple[str, ...]]:
        case = self.judge.casebook.case_of(service)
        assert case is not None
        return case.incident.severity, case.why


def test_a_failing_check_that_guards_data_makes_a_sev1_of_a_low_service(read):
    watch = Round(read(SERVICES))
    watch.play(4, "store/backups")

    severity, why = watch.incident("store")
    assert severity is Severity.SEV1
    assert "data loss: declared (backups)" in why


def test_its_other_checks_do_not(read):
    watch = Round(read(SERVICES))
    watch.play(4, "store/live")

    assert watch.incident("store")[0] is Severity.SEV4


def test_a_table_of_one_s_own_knows_who_depends_on_the_service(read):
    alone, waited_for = Round(read(SERVICES + TABLE)), Round(read(SERVICES + TABLE))
    alone.play(6, "store/live")
    waited_for.play(6, "store/live", "web/live")

    assert alone.incident("store")[0] is Severity.SEV4
    severity, why = waited_for.incident("store")
    assert severity is Severity.SEV2
    assert "dependents: 1 failing (web)" in why


def test_a_reload_judges_what_is_open_by_the_new_table_two_evaluations_later(read):
    watch = Round(read(SERVICES))
    watch.play(4, "store/live")
    assert watch.incident("store")[0] is Severity.SEV4

    watch.reload(read(SERVICES + 'severity: [{name: any, when: {failing_share: ">= 50%"}, suggest: SEV1}]'))
    assert "severity" in changes(read(SERVICES), watch.config).keys
    watch.play(2, "store/live")

    severity, why = watch.incident("store")
    assert severity is Severity.SEV1
    assert why[0] == "SEV1: 50 % or more of the checks fail (any)"

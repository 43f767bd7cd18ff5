"""The daemon's objectives: alarms once each, through restarts, and what `monitor slo` shows of a running daemon."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.check import Check, HttpQuestion
from checks.result import Attempt, CheckResult, Outcome, Reason
from monitor.config import Config, Monitor, Service, Slo, Tracker
from monitor.core.counting import Slices
from monitor.daemon.budgets import Budgets
from monitor.daemon.objectives import EVERY, Objectives, counters_of
from monitor.ledger.history import History, MinuteRow
from monitor.ledger.records import BudgetCheckpoint, Commit
from monitor.ledger.store import Ledger
from monitor.response.objectives import ObjectiveReading
from monitor.response.service_watch import watch_of

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FAST = timedelta(milliseconds=300)


def config_of(*slos: Slo) -> Config:
    check = Check(
        service="shop", name="live", question=HttpQuestion(url="http://127.0.0.1/"), interval=60.0, timeout=5.0
    )
    service = Service(name="shop", checks=(check,), slos=slos)
    folder = Path("/nonexistent")
    return Config(
        monitor=Monitor(state=folder), services={"shop": service}, tracker=Tracker(folder=folder), contacts={}
    )


def result(at: datetime, failed: bool = False, latency: float = 0.05) -> CheckResult:
    outcome, reason = (Outcome.FAILED, Reason.STATUS) if failed else (Outcome.OK, None)
    first = Attempt(started_at=at, outcome=outcome, reason=reason, detail="x" if failed else "", latency=latency)
    return CheckResult(service="shop", check="live", scheduled_at=at, attempts=(first,), trace_id="cd" * 16)


class Life:
    """A daemon, as far as objectives are concerned: a result and a full round of readings every minute."""

    def __init__(self, config: Config, now: datetime = BEGIN) -> None:
        self.config = config
        self.now = now
        self.watches = {name: watch_of(service, now) for name, service in config.services.items()}
        self.commits: list[Commit] = []
        self.read: list[ObjectiveReading] = []
        self.objectives = Objectives(config, self.watches, now, self.commits.append, self.read.append)
        self.burning: list[str] = []

    def minute(self, failed: bool = False, latency: float = 0.05, troubled: frozenset[str] = frozenset()) -> None:
        self.now += MINUTE
        found = result(self.now, failed, latency)
        self.objectives.take([found])
        self.watches["shop"].checks["live"].observe(found)
        self.objectives.minute_over(self.now)
        for _ in range(EVERY):
            self.burning = self.objectives.tick(self.now, self.now, troubled)

    def events(self) -> list[str]:
        return [event.name for commit in self.commits for event in commit.events]


SUCCESS = Slo(name="success", sli="success", objective=0.999)


@pytest.fixture
def leaking() -> Life:
    """Three days with a failure every 200 minutes, fed at once, and then one round."""
    life = Life(config_of(SUCCESS))
    for minute in range(1, 22 * 200):
        life.watches["shop"].checks["live"].observe(result(BEGIN + minute * MINUTE, failed=minute % 200 == 0))
    life.now = BEGIN + (22 * 200 - 1) * MINUTE
    life.minute(failed=True)
    return life


def test_a_slow_leak_is_said_once_and_asks_to_be_judged(leaking: Life) -> None:
    assert leaking.events() == ["slo.burn_rate.exceeded"]
    assert leaking.burning == ["shop"]
    text, burn = leaking.objectives.alarm("shop")
    assert text.startswith("success burns its budget 5.")
    assert burn is not None
    assert burn > 5
    event = leaking.commits[0].events[0]
    assert event.attributes["objective"] == "success"
    assert (event.attributes["window"], event.attributes["limit"]) == ("ticket slow", pytest.approx(1.0))
    assert "check" not in event.attributes

    for _ in range(10):
        leaking.minute()

    assert leaking.events() == ["slo.burn_rate.exceeded"]
    assert leaking.burning == ["shop"], "until an incident is about it"


def test_an_incident_of_the_service_answers_it_and_its_end_is_no_new_alarm(leaking: Life) -> None:
    leaking.minute(troubled=frozenset({"shop"}))
    assert leaking.burning == []
    assert leaking.objectives.alarm("shop")[0] == ""
    assert leaking.objectives.alarm("shop")[1] is not None, "the evidence of its severity is still there"

    for _ in range(30):
        leaking.minute()

    assert leaking.burning == []


def test_what_stopped_burning_may_alarm_anew(leaking: Life) -> None:
    leaking.minute(troubled=frozenset({"shop"}))
    for _ in range(7 * 60):
        leaking.minute()
    assert leaking.objectives.alarm("shop") == ("", None)

    for _ in range(4):
        leaking.minute(failed=True)

    assert leaking.burning == ["shop"]
    assert leaking.events().count("slo.burn_rate.exceeded") == 2


def test_a_restart_neither_repeats_nor_forgets_an_alarm(leaking: Life) -> None:
    leaking.minute(troubled=frozenset({"shop"}))
    states = json.loads(json.dumps(leaking.objectives.states()))

    again = Life(leaking.config, leaking.now)
    again.watches["shop"].checks["live"].window = leaking.watches["shop"].checks["live"].window
    again.objectives.restore(states)
    again.minute()

    assert again.events() == []
    assert again.burning == []


def test_a_budget_that_is_nearly_gone_and_leaks_is_said_to_be_exhausting_once() -> None:
    life = Life(config_of(SUCCESS))
    check = life.watches["shop"].checks["live"]
    for minute in range(1, 20 * 1440):
        failed = minute <= 38 or (minute > 19 * 1440 and minute % 150 == 0)
        check.observe(result(BEGIN + minute * MINUTE, failed=failed))
    life.now = BEGIN + (20 * 1440 - 1) * MINUTE
    for _ in range(5):
        life.minute()

    assert life.events().count("slo.budget.exhausting") == 1
    event = next(e for commit in life.commits for e in commit.events if e.name == "slo.budget.exhausting")
    assert event.text == "the budget of success is spent", "47 of 43.2"


def test_what_is_counted_besides_the_checks_survives_a_restart_and_a_reload(tmp_path: Path) -> None:
    fast = Slo(name="fast", sli="latency", objective=0.9, under=FAST)
    steady = Slo(name="steady", sli="success", objective=0.9, slices=Slices(MINUTE))
    config = config_of(fast, steady)
    assert counters_of(config) == {
        "shop:*:under=0.3s",
        "shop:*:slice=60s,1",
        "shop:*:slice=60s,1:within",
        "shop:*:slice=60s,1:taken",
    }
    ledger, history = Ledger.open(tmp_path), History.open(tmp_path / "history.sqlite")
    life = Life(config)
    budgets = Budgets(ledger, history, life.now)
    for minute in range(1, 151):
        life.minute(failed=minute % 10 == 0, latency=0.4 if minute % 5 == 0 else 0.05)
    budgets.keep_all(life.objectives.counters(), life.now, life.now)  # type: ignore[arg-type]
    before = [(r.tally.good, r.tally.bad) for r in life.objectives.readings_of("shop", life.now)]
    assert before == [(120, 30), (135, 15)]
    states = life.objectives.states()
    ledger.close()
    ledger = Ledger.open(tmp_path)

    again = Life(config, life.now + 10 * MINUTE)
    Budgets(ledger, history, again.now).restore(again.objectives.counters(), again.now)  # type: ignore[arg-type]
    again.objectives.restore(states)
    again.objectives.minute_over(again.now)
    assert [(r.tally.good, r.tally.bad) for r in again.objectives.readings_of("shop", again.now)] == before

    month = fast.model_copy(update={"name": "fast-month", "over": "month", "objective": 0.95})
    again.objectives.replace(config_of(month), again.watches, again.now)
    (found,) = again.objectives.readings_of("shop", again.now)

    assert (found.tally.good, found.tally.bad) == (120, 30), "another objective finds the count as it was"
    history.close()
    ledger.close()


def slos_of(daemon: Any) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in daemon.ask("slo")["slos"]}


def test_a_running_daemon_counts_and_shows_each_kind_of_objective(
    write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Callable[..., Any], target: Any
) -> None:
    config = write_config()
    document = json.loads(config.read_text())
    document["services"]["orders-service"]["slos"] = [
        {"sli": "success", "objective": "99.9%"},
        {"sli": "latency", "under": "100ms", "objective": "99%", "over": "30d"},
        {"sli": "success", "objective": "99%", "over": "month", "budgeting": "timeslices"},
        {"name": "all", "composite": {"success": 2, "latency-100ms": 1}},
    ]
    config.write_text(json.dumps(document))
    daemon = start(config)
    wait_until(lambda: (slos_of(daemon)["success"]["good"] or 0) >= 3, "probes that were ok")
    assert slos_of(daemon)["success"]["bad"] == 0

    target.delay = 0.2
    slow = wait_until(lambda: (found := slos_of(daemon))["latency-100ms"]["bad"] >= 3 and found, "slow probes")

    success, latency, slices, whole = (slow[n] for n in ("success", "latency-100ms", "success-slices", "all"))
    assert success["state"] == "within"
    assert success["budget_remaining"] == 1.0, "slow is not failed"
    assert latency["allowed"] == pytest.approx(0.01 * 30 * 86400, rel=0.01)
    assert latency["budget_spent"] == pytest.approx(latency["bad"] / latency["allowed"])
    assert latency["burn_rates"]["5m"] > 1
    assert latency["exhausts_in_seconds"] is not None
    assert (slices["budgeting"], slices["over"], slices["slice_seconds"]) == ("timeslices", "month", 60.0)
    assert whole["budget_spent"] == pytest.approx(latency["budget_spent"] / 3)

    shown = daemon.cli("slo")
    assert shown.returncode == 0
    header, *rows = shown.stdout.splitlines()
    assert header.split()[:6] == ["SERVICE", "SLO", "OBJECTIVE", "OVER", "SPENT", "LEFT"]
    assert len(rows) == 4
    assert "success x2; latency-100ms x1" in shown.stdout
    assert daemon.cli("slo", "nobody").returncode == 3
    left = {service["name"]: service["budget_remaining"] for service in daemon.ask("status")["services"]}
    assert left["orders-service"] <= latency["budget_remaining"], "the tightest of its budgets"

    counted = slos_of(daemon)["latency-100ms"]
    target.delay = 0.0
    daemon.process.send_signal(signal.SIGTERM)
    daemon.process.wait(120)
    again = start(config)
    wait_until(lambda: slos_of(again)["latency-100ms"]["bad"] is not None, "an answer")

    assert slos_of(again)["latency-100ms"]["bad"] >= counted["bad"]


def test_without_a_daemon_it_says_how_to_start_one(tmp_path: Path, write_config: Callable[..., Path]) -> None:
    from click.testing import CliRunner

    from monitor.cli.main import monitor

    document = json.loads(write_config().read_text())
    document["monitor"]["listen"] = "127.0.0.1:1"
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(document))

    asked = CliRunner().invoke(monitor, ["slo", "-c", str(path)])

    assert asked.exit_code == 3
    assert "start it with: monitor run" in asked.output


def test_an_objective_that_left_the_configuration_and_comes_back_has_its_count_again(
    write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Callable[..., Any], target: Any
) -> None:
    target.delay = 0.2
    config = write_config()
    without = json.loads(config.read_text())
    slow = {"name": "slow", "sli": "latency", "under": "100ms", "objective": "99%"}
    service = {**without["services"]["orders-service"], "slos": [slow]}
    config.write_text(json.dumps({**without, "services": {"orders-service": service}}))
    daemon = start(config)
    counted = wait_until(lambda: (found := slos_of(daemon)["slow"]["bad"] or 0) >= 3 and found, "slow probes")

    config.write_text(json.dumps(without))
    daemon.wait_for_line(r"services\.orders-service\.slos")
    wait_until(lambda: slos_of(daemon) == {}, "no objective any more")
    target.delay = 0.0
    config.write_text(
        json.dumps({**without, "services": {"orders-service": {**service, "slos": [{**slow, "over": "week"}]}}})
    )

    back = wait_until(lambda: slos_of(daemon).get("slow"), "the objective, over another window")
    assert back["bad"] >= counted
    assert (back["over"], back["state"]) == ("week", "within")


def test_a_leak_of_three_days_opens_an_incident_with_green_probes(
    write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    config = write_config()
    document = json.loads(config.read_text())
    document["services"]["orders-service"]["slos"] = [{"sli": "success", "objective": "99.9%"}]
    config.write_text(json.dumps(document))
    state = Path(document["monitor"]["state"])
    this_minute = datetime.now(UTC).replace(second=0, microsecond=0)
    this_hour = this_minute.replace(minute=0)
    ledger = Ledger.open(state)
    hours = [this_hour - timedelta(hours=ago) for ago in range(1, 80)]
    kept = {"check": "orders-service/ready", "unknown": 0}
    ledger.write_checkpoints(
        [BudgetCheckpoint(**kept, hour=hour, expected=3600, good=3580, bad=20) for hour in hours]  # type: ignore[arg-type]
    ).result(5)
    ledger.close()
    history = History.open(state / "history.sqlite")
    history.write_minutes(
        [
            MinuteRow(
                **kept, minute=this_minute - ago * MINUTE, expected=60, good=60 - (ago % 3 == 0), bad=ago % 3 == 0,
                latency=None,
            )
            for ago in range(1, 360)
        ]  # type: ignore[arg-type]
    )  # fmt: skip
    history.close()

    daemon = start(config)

    (incident,) = wait_until(daemon.incidents, "the incident", within=300)
    assert "success burns its budget 5." in incident["reason"]
    assert incident["severity"] == "SEV4"
    daemon.wait_for_line(r"orders-service: slo burn rate exceeded: success burns")


def test_slices_that_maintenance_takes_whole_are_not_expected_and_those_in_part_are_judged_by_the_rest() -> None:
    steady = Slo(name="steady", sli="success", objective=0.9, slices=Slices(timedelta(minutes=5)))
    fast = Slo(name="fast", sli="latency", objective=0.9, under=FAST)
    life = Life(config_of(steady, fast))

    def minute(failed: bool, left_out: bool) -> None:
        life.now += MINUTE
        found = replace(result(life.now, failed), maintenance="planned" if left_out else "", left_out=left_out)
        life.objectives.take([found])
        life.watches["shop"].checks["live"].observe(found)
        life.objectives.minute_over(life.now)

    for number in range(1, 61):
        minute(failed=20 <= number <= 33, left_out=20 <= number <= 33)

    by_slices, by_latency = (one.counter for one in life.objectives.all)
    assert by_slices is not None
    assert by_latency is not None
    hour = timedelta(hours=1)
    # The slices that end at 25 and 30 are gone; that of 20 has four probes of its own, that of 35 two.
    assert (by_slices.window.tally(life.now, hour).good, by_slices.window.tally(life.now, hour).bad) == (10, 0)
    assert by_slices.expected(life.now - hour, life.now) == 10
    assert by_latency.window.tally(life.now, hour).total == 46
    assert by_latency.expected(life.now - hour, life.now) == 46

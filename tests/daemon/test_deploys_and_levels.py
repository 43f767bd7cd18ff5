"""The real daemon: a deploy is in the ticket of what it broke, over a restart too; an accepted level is fitted anew."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.ledger.history import History, MinuteRow


def test_a_deploy_is_in_the_ticket_of_what_it_broke_over_a_restart_too(
    target: Any, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Any
) -> None:
    config = write_config()
    daemon = start(config)
    wait_until(lambda: target.seen, "a probe")
    marked = daemon.cli("deploy", "orders-service", "1.4.2", "--by", "pipeline 7")
    assert marked.stdout.startswith("marked: orders-service 1.4.2 at ")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    refused = daemon.cli("deploy", "orders-service", "1.4.3", "--at", tomorrow)
    assert (refused.returncode, "is in the future" in refused.stderr) == (3, True)
    daemon.close()

    again = start(config)
    again.wait_for_line("watching 1 services")
    target.status = 503
    again.wait_for_line(r"orders-service: pending => open")
    (ticket,) = wait_until(lambda: list((again.state / "tickets").glob("*.md")), "the ticket")
    assert "**incident.deployed_before** orders-service 1.4.2 was deployed at" in ticket.read_text()
    assert again.cli("deploy", "orders-service", "1.4.1", "--by", "Grace").stdout.endswith(", shown in INC-0001\n")
    wait_until(lambda: "**deploy.marked** orders-service 1.4.1" in ticket.read_text(), "the deploy in the ticket")


def test_an_accepted_level_is_fitted_anew_from_what_came_after_it(
    write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Any, tmp_path: Any
) -> None:
    config = write_config()
    (tmp_path / "state").mkdir(mode=0o700)
    noon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=6)
    history = History.open(tmp_path / "state" / "history.sqlite")
    rows = [(noon + timedelta(minutes=m), 0.1 if m < 0 else 0.3) for m in range(-720, 300)]
    history.write_minutes(
        [
            MinuteRow(check="orders-service/ready", minute=at, expected=1, good=1, bad=0, unknown=0, latency=latency)
            for at, latency in rows
        ]
    )
    history.close()
    daemon = start(config)
    daemon.wait_for_line(r"baselines: \d+ fitted")

    said = daemon.cli(
        "baseline", "accept", "orders-service", "--since", noon.isoformat(), "--reason", "signs", "--by", "Ada"
    )

    assert said.returncode == 0, said.stderr
    fitted = r"baselines: \d+ fitted"
    wait_until(lambda: len(re.findall(fitted, daemon.log())) == 2, "the second fitting", within=300)
    from monitor.core.baseline import Signal
    from monitor.sources.fitting import BaselineStore

    baseline = BaselineStore(daemon.state / "baselines").get("orders-service", Signal.PROBE_LATENCY, "ready")
    assert baseline is not None
    assert baseline.since == noon
    assert baseline.sample(noon).median == 0.3
    assert "baseline accepted: orders-service: what is normal begins at" in daemon.log()

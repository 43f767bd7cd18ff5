"""The running daemon takes a changed configuration, and keeps the one it has while the new one is bad."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

Document = dict[str, Any]


def edit(config: Path, change: Callable[[Document], object]) -> None:
    """As editors do it: a new file is written beside and moved into place."""
    document = json.loads(config.read_text())
    change(document)
    beside = config.with_suffix(".new")
    beside.write_text(json.dumps(document))
    beside.rename(config)


def check(url: str) -> Document:
    return {"http": url, "interval": "1s", "timeout": "900ms"}


def services(daemon: Any) -> dict[str, Any]:
    return {service["name"]: service for service in daemon.ask("status")["services"]}


def test_a_file_that_was_replaced_is_read_by_itself_and_the_checks_that_stay_go_on(
    target: Any, write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Any
) -> None:
    config = write_config()
    daemon = start(config)
    wait_until(lambda: len(target.seen) >= 2, "probes")
    before = daemon.prober()

    def add(document: Document) -> None:
        document["services"]["payments"] = {"checks": {"live": check(f"{target.url}/payments")}}

    edit(config, add)

    daemon.wait_for_line(r"INFO.*watchkeeper: config reloaded: \+1 check, -0, ~0")
    wait_until(lambda: services(daemon)["payments"]["checks"][0]["outcome"] == "ok", "the new check's first result")
    after = daemon.prober()
    assert (after["pid"], after["restarts"]) == (before["pid"], 0)
    assert after["checks"] == 2
    assert daemon.ask("status")["ready"] is True


def test_sighup_reads_at_once_and_says_so_even_when_nothing_changed(
    write_config: Callable[..., Path], start: Callable[..., Any]
) -> None:
    daemon = start(write_config())
    daemon.wait_for_line("watching 1 services")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for_line("config: read again, nothing changed")


def test_a_bad_config_keeps_the_one_before_and_says_everything_that_is_wrong(
    target: Any, write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Any
) -> None:
    config = write_config()
    daemon = start(config)
    wait_until(lambda: target.seen, "a probe")
    good = config.read_text()

    def spoil(document: Document) -> None:
        document["services"]["orders-service"]["checks"]["ready"]["timeout"] = "3s"
        document["monitor"]["locaton"] = "here"

    edit(config, spoil)

    daemon.wait_for_line("ERROR.*the config has 2 problems; the one of .* stays")
    daemon.wait_for_line("services.orders-service.checks.ready.timeout: 3s is not shorter than interval 1s")
    daemon.wait_for_line("Did you mean location")
    status = daemon.ask("status")
    assert status["ready"] is True
    told = status["parts"]["config"]
    assert told["problem_since"]
    assert "monitor.locaton: unknown key" in told["problems"]
    asked = len(target.seen)
    wait_until(lambda: len(target.seen) > asked, "the checks of before are still asked")

    config.write_text(good)

    daemon.wait_for_line("nothing changed, and nothing is wrong any more")
    told = daemon.ask("status")["parts"]["config"]
    assert (told["problem_since"], told["problems"]) == (None, "")


def test_what_only_a_start_can_change_is_said_and_the_rest_is_applied(
    target: Any, write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Any, tmp_path: Path
) -> None:
    config = write_config()
    daemon = start(config)
    daemon.wait_for_line("watching 1 services")

    def move(document: Document) -> None:
        document["monitor"]["state"] = str(tmp_path / "elsewhere")
        document["contacts"] = {"incident_commander": {"primary": "Ada"}}

    edit(config, move)

    daemon.wait_for_line("WARNING.*monitor.state changed; it takes effect at the next start")
    daemon.wait_for_line("config reloaded: contacts")
    target.status = 503
    daemon.wait_for_line("orders-service: pending => open")
    wait_until(lambda: list((daemon.state / "tickets").glob("*.md")), "the ticket, where it would have been before")
    assert not (tmp_path / "elsewhere").exists()


def test_a_service_that_was_removed_leaves_its_incident_to_a_person_and_comes_back_to_it(
    target: Any, write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Any
) -> None:
    config = write_config()

    def watch_another(document: Document) -> None:
        document["services"]["payments"] = {"checks": {"live": check(f"{target.url}/payments")}}

    edit(config, watch_another)
    target.status = 503
    daemon = start(config)
    daemon.wait_for_line("orders-service: pending => open")
    daemon.wait_for_line("payments: pending => open")

    edit(config, lambda document: document["services"].pop("payments"))

    daemon.wait_for_line("payments: unwatched")
    target.status = 200
    daemon.wait_for_line("orders-service: recovering => resolved")
    assert list(services(daemon)) == ["orders-service"]
    (payments,) = [incident for incident in daemon.incidents() if incident["service"] == "payments"]
    assert payments["state"] in ("open", "recovering"), "nothing shows that it is over"
    resolved = daemon.cli("incident", "resolve", str(payments["number"]), "--why", "moved away", "--by", "Ada")
    assert resolved.returncode == 0, resolved.stderr


def test_a_secret_that_is_rotated_in_its_file_signs_and_is_masked_and_a_new_token_opens(
    target: Any, write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Any, tmp_path: Path
) -> None:
    config = write_config()
    (tmp_path / "hook").write_text("first-secret")
    (tmp_path / "token").write_text("first-token")

    def with_secrets(document: Document) -> None:
        document["monitor"]["token_file"] = "token"
        document["tracker"] = {"webhook": {"url": f"{target.url}/hook", "secret_file": "hook"}}

    edit(config, with_secrets)
    daemon = start(config)
    daemon.wait_for_line("watching 1 services")
    # In this order, as the line that is waited for tells of the last one.
    (tmp_path / "token").write_text("second-token")
    (tmp_path / "hook").write_text("second-secret")

    daemon.wait_for_line("config reloaded: .*tracker")

    answer = daemon.cli(
        "incident", "report", "--service", "orders-service", "--symptoms", "is second-secret", "--reporter", "Ada"
    )
    assert answer.returncode == 0, answer.stderr
    daemon.wait_for_line(r"SEV3.*reported: is \*\*\*")


def test_a_reload_that_changes_where_telemetry_goes_sends_it_there(
    receiver: Any, target: Any, write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Any
) -> None:
    config = write_config()
    daemon = start(config)
    wait_until(lambda: target.seen, "a probe")

    edit(config, lambda document: document.update(telemetry={"otlp": receiver.url}))

    daemon.wait_for_line("config reloaded: telemetry")
    wait_until(lambda: receiver.received.spans, "spans of the probes")

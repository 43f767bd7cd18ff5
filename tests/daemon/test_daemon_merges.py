"""Incidents whose shared cause is found late, in a daemon that runs, is killed in between, and begins again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Document = dict[str, Any]
Fleet = dict[str, Any]
"""Service -> the target that stands for it."""


@pytest.fixture
def fleet(target: Any) -> Iterator[Callable[..., Fleet]]:
    """`fleet("web", "app")`: a target of its own for each service."""
    made: Fleet = {}

    def build(*names: str) -> Fleet:
        made.update({name: type(target)() for name in names})
        return made

    yield build
    for one in made.values():
        one.close()


def configured(write_config: Callable[..., Path], fleet: Fleet, **depends_on: list[str]) -> Path:
    """Each service with one check; what fails stays pending for a second."""
    services = {
        name: {
            "criticality": "high",
            "depends_on": depends_on.get(name, []),
            "checks": {"ready": {"http": f"{one.url}/{name}", "interval": "1s", "timeout": "900ms"}},
        }
        for name, one in fleet.items()
    }
    config = write_config(incidents={"open_after": "1s", "stable_for": "4s", "reopen_within": "4s"})
    document = json.loads(config.read_text())
    document["services"] = services
    config.write_text(json.dumps(document))
    return config


def edit(config: Path, change: Callable[[Document], object]) -> None:
    document = json.loads(config.read_text())
    change(document)
    beside = config.with_suffix(".new")
    beside.write_text(json.dumps(document))
    beside.rename(config)


def live(daemon: Any) -> dict[int, str]:
    """Number -> service of each incident that is live."""
    return {one["number"]: one["service"] for one in daemon.incidents() if one["state"] in ("open", "recovering")}


def members(daemon: Any, number: int) -> set[str]:
    shown = daemon.ask("incident", "show", str(number))
    return {member["service"] for member in shown["members"] if member["left_at"] is None}


def names(daemon: Any, number: int) -> list[str]:
    return [event["name"] for event in daemon.ask("incident", "show", str(number))["events"]]


def closed_tickets(state: Path) -> list[str]:
    return sorted(path.name for path in (state / "tickets").glob("*.md") if "resolved" in path.read_text().lower())


def two_children(daemon: Any, fleet: Fleet) -> None:
    """web fails and opens, then app."""
    fleet["web"].status = 503
    daemon.wait_for_line("web: pending => open")
    fleet["app"].status = 503
    daemon.wait_for_line("app: pending => open")


@pytest.mark.parametrize("killed", ["never", "before the parent fails", "once they are merged"])
def test_a_parent_that_fails_after_its_children_is_one_incident_that_ends_once(
    killed: str,
    fleet: Callable[..., Fleet],
    write_config: Callable[..., Path],
    start: Callable[..., Any],
    wait_until: Callable[..., Any],
) -> None:
    targets = fleet("web", "app", "store")
    config = configured(write_config, targets, web=["store"], app=["store"])
    daemon = start(config)
    two_children(daemon, targets)
    assert live(daemon) == {1: "web", 2: "app"}
    if killed == "before the parent fails":
        daemon.kill()
        daemon = start(config)
        daemon.wait_for_line("watching 3 services")

    targets["store"].status = 503
    daemon.wait_for_line(r"merged into INC-0001 \(web\): store is failing, and app depends on it")
    if killed == "once they are merged":
        daemon.kill()
        daemon = start(config)
        daemon.wait_for_line("watching 3 services")

    wait_until(lambda: live(daemon) == {1: "web"} and members(daemon, 1) == set(targets), "one incident of all three")
    asked = {name: len(one.seen) for name, one in targets.items()}
    wait_until(lambda: all(len(one.seen) > asked[name] + 3 for name, one in targets.items()), "some rounds more")
    assert live(daemon) == {1: "web"}
    assert max(incident["number"] for incident in daemon.incidents()) == 2, "nobody opened a third one"
    assert names(daemon, 2)[-1] == "incident.merged"

    for one in targets.values():
        one.status = 200
    wait_until(lambda: live(daemon) == {}, "all is over")
    assert names(daemon, 1).count("incident.resolved") == 1
    assert "postmortem.scheduled" not in names(daemon, 2)
    wait_until(lambda: len(closed_tickets(daemon.state)) == 2, "both tickets are closed")
    assert len(list((daemon.state / "postmortems").glob("*.md"))) == 1


@pytest.mark.parametrize("killed", [False, True], ids=["in one life", "killed while it is two"])
def test_a_storm_that_is_seen_late_takes_in_what_had_opened(
    killed: bool,
    fleet: Callable[..., Fleet],
    write_config: Callable[..., Path],
    start: Callable[..., Any],
    wait_until: Callable[..., Any],
) -> None:
    all_of_them = [f"s{n}" for n in range(8)]
    targets = fleet(*all_of_them)
    config = configured(write_config, targets)
    daemon = start(config)
    for name in all_of_them[:2]:
        targets[name].status = 503
        daemon.wait_for_line(f"{name}: pending => open")
    assert live(daemon) == {1: "s0", 2: "s1"}
    if killed:
        daemon.kill()
        daemon = start(config)
        daemon.wait_for_line("watching 8 services")

    for name in all_of_them[2:]:
        targets[name].status = 503
    wait_until(lambda: live(daemon) == {1: "s0"} and members(daemon, 1) == set(all_of_them), "one incident of all")
    daemon.kill()
    daemon = start(config)
    daemon.wait_for_line("watching 8 services")
    asked = len(targets["s7"].seen)
    wait_until(lambda: len(targets["s7"].seen) > asked + 4, "some rounds more")
    assert live(daemon) == {1: "s0"}
    assert members(daemon, 1) == set(all_of_them)

    for one in targets.values():
        one.status = 200
    wait_until(lambda: live(daemon) == {}, "all is over")
    assert names(daemon, 1).count("incident.resolved") == 1


def test_a_host_that_leaves_the_configuration_and_returns_has_its_members_still(
    fleet: Callable[..., Fleet],
    write_config: Callable[..., Path],
    start: Callable[..., Any],
    wait_until: Callable[..., Any],
) -> None:
    targets = fleet("web", "store")
    config = configured(write_config, targets, web=["store"])
    whole = config.read_text()
    daemon = start(config)
    targets["store"].status = 503
    daemon.wait_for_line("store: pending => open")
    targets["web"].status = 503
    daemon.wait_for_line("web joined: store is failing")

    def without_store(document: Document) -> None:
        del document["services"]["store"]
        document["services"]["web"]["depends_on"] = []

    edit(config, without_store)
    daemon.wait_for_line("store: unwatched")
    asked = len(targets["web"].seen)
    wait_until(lambda: len(targets["web"].seen) > asked + 6, "some rounds without it")
    config.write_text(whole)
    daemon.wait_for_line(r"config reloaded: \+1 check")
    asked = len(targets["store"].seen)
    wait_until(lambda: len(targets["store"].seen) > asked + 3, "some rounds with it")

    assert [incident["number"] for incident in daemon.incidents()] == [1], daemon.log()
    assert members(daemon, 1) == {"web", "store"}
    for one in targets.values():
        one.status = 200
    wait_until(lambda: live(daemon) == {}, "all is over")

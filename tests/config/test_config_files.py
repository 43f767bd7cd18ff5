"""Several files, folders, and all problems at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.config import Config, ConfigError, load
from monitor.config.build import build
from monitor.config.document import read
from monitor.config.reading import Reading
from monitor.config.translate import shape_of

SHOP = "services:\n  shop:\n    checks:\n      live: http://localhost:8080/\n"
Complainer = Callable[..., str]


def refusal(*paths: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(paths, {})
    return str(caught.value)


def test_files_are_merged_key_by_key(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SHOP + "monitor: {location: fra1}\n")
    (tmp_path / "b.yaml").write_text(
        "services:\n  shop:\n    tags: [a]\n    checks:\n      ready: http://localhost:8080/ready\n"
        "  bank:\n    checks: {live: http://localhost:8081/}\nmonitor: {environment: test}\n"
    )

    found = load([tmp_path / "a.yaml", tmp_path / "b.yaml"], {})

    assert [check.id for check in found.all_checks()] == ["shop/live", "shop/ready", "bank/live"]
    assert found.services["shop"].tags == ("a",)
    assert (found.monitor.location, found.monitor.environment) == ("fra1", "test")


def test_a_folder_is_its_yaml_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("30-c.yml", "10-a.yaml", "20-b.yaml"):
        (tmp_path / name).write_text(f"services: {{s{name[:2]}: {{checks: {{live: 'http://h/'}}}}}}")
    (tmp_path / "notes.txt").write_text("not: [yaml")

    assert list(load([tmp_path], {}).services) == ["s10", "s20", "s30"]
    assert load([tmp_path], {}).monitor.state == tmp_path / "state"


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SHOP)

    assert len(load([tmp_path / "a.yaml", tmp_path], {}).services) == 1


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        ("monitor: {location: fra1}", "monitor: {location: fra1}", "monitor.location"),
        ("services: {shop: {tags: [a]}}", "services: {shop: {tags: [b]}}", "services.shop.tags"),
        ("monitor: fra1", "monitor: {location: fra1}", "monitor"),
    ],
    ids=["a value, even the same", "a list", "a group and a value"],
)
def test_what_cannot_be_merged_is_told_with_both_places(tmp_path: Path, first: str, second: str, path: str) -> None:
    (tmp_path / "shop.yaml").write_text(SHOP)
    (tmp_path / "a.yaml").write_text(f"\n{first}\n")
    (tmp_path / "b.yaml").write_text(f"\n\n{second}\n")

    said = refusal(tmp_path / "shop.yaml", tmp_path / "b.yaml", tmp_path / "a.yaml")

    assert said.replace(f"{tmp_path}/", "") == (
        "a.yaml has 1 problem; nothing was started.\n\n"
        f"a.yaml:2  {path}: is also set in b.yaml:3\n    Keep one of them."
    )


def test_a_merged_anchor_is_not_changed_in_its_other_places(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "services:\n  shop: &one\n    checks: {live: 'http://localhost:8080/'}\n  bank: *one\n"
    )
    (tmp_path / "b.yaml").write_text("services: {shop: {checks: {ready: 'http://localhost:8080/'}}}\n")

    found = load([tmp_path / "a.yaml", tmp_path / "b.yaml"], {})

    assert [check.id for check in found.all_checks()] == ["shop/live", "shop/ready", "bank/live"]


def test_relative_paths_are_relative_to_the_file_that_holds_them(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "a.yaml").write_text(SHOP)
    (tmp_path / "more" / "b.yaml").write_text("monitor: {state: here}\ntracker: {folder: /elsewhere/tickets}\n")

    found = load([tmp_path / "a.yaml", tmp_path / "more"], {})

    assert found.monitor.state == tmp_path / "more" / "here"
    assert found.tracker.folder == Path("/elsewhere/tickets")


def test_what_is_not_there_and_what_is_empty_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    said = refusal(tmp_path / "empty", tmp_path / "absent.yaml")

    assert "has 2 problems" in said
    assert f"{tmp_path}/empty  holds no *.yaml or *.yml file" in said
    assert f"{tmp_path}/absent.yaml  there is no such file" in said


def test_all_problems_are_told_in_one_run_whatever_their_kind(problems: Complainer) -> None:
    said = problems("""
services:
  orders-service:
    checks:
      ready:
        http: http://localhost:8080/healthz/ready
        interval: 10s
        timeout: 30s
        intervall: 10s
      live: localhost:8080
    slos:
      - {sli: success, objective: 99.9}
      - {sli: success, objective: 100%}
    depends_on: [orders-srvice]
  bank:
    checks: {live: http://localhost:8081/}
    checks: {live: http://localhost:8082/}
incidents: {open: maybe, stable_for: 30}
""")

    assert (
        said
        == """config.yaml has 9 problems; nothing was started.

config.yaml:8  services.orders-service.checks.ready.timeout: 30s is not shorter than interval 10s
    A probe must end before the next is due. Leave it out for the default, 8s.
config.yaml:9  services.orders-service.checks.ready.intervall: unknown key
    Did you mean interval?
config.yaml:10  services.orders-service.checks.live: has no http:// or https:// in front
    Write the whole address: http://HOST:PORT/PATH.
config.yaml:12  services.orders-service.slos[0].objective: 99.9 is not between 0 and 1
    Write 99.9%; as a share, 99.9% is 0.999.
config.yaml:13  services.orders-service.slos[1].objective: 100% leaves no error budget
    No service is always right. Write less, for example 99.9%.
config.yaml:14  services.orders-service.depends_on[0]: orders-srvice is not a service here
    Known here: bank.
config.yaml:17  services.bank.checks: is set twice; the first is on line 16
    Keep one of them.
config.yaml:18  incidents.open: maybe is not one of auto, suggest
    Known here: auto, suggest.
config.yaml:18  incidents.stable_for: 30 has no unit
    Write 30s for seconds or 30m for minutes."""
    )


def test_a_rule_is_silent_where_a_key_that_it_rests_on_is_wrong_itself(problems: Complainer) -> None:
    said = problems(SHOP.replace("http://localhost:8080/", "{http: 'http://h/', interval: 1minute, timeout: 45s}"))

    assert "has 1 problem;" in said
    assert "interval: 1minute is not a duration" in said


def test_a_service_with_a_fault_inside_is_still_a_service_to_depend_on(problems: Complainer) -> None:
    said = problems(SHOP + "    depends_on: [bank]\n  bank: http://localhost:8081/\n")

    assert "has 1 problem;" in said
    assert "services.bank: one value, where a group of keys is expected" in said


@pytest.mark.parametrize("key", ["state", "token_file"])
@pytest.mark.parametrize(
    "name", ["~no-such-user/x", "x" * 5000, '"a\\0b"', '"a\\nb"'], ids=["user", "long", "null", "line break"]
)
def test_a_name_that_no_file_can_have_is_a_problem_or_a_name_and_nothing_worse(
    config: Callable[..., Config], key: str, name: str
) -> None:
    try:
        found = config(SHOP + f"monitor: {{{key}: {name}}}\n", {"CREDENTIALS_DIRECTORY": "/run/credentials"})
    except ConfigError as error:
        assert [problem.path for problem in error.problems] == [f"monitor.{key}"]  # noqa: PT017  # one of two good ends
    else:
        assert found.monitor.state.parts[-2:] == ("~no-such-user", "x")


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 1_000_000,
        "{a: " * 100_000,
        "x-0: &a0 {k: v}\n" + "".join(f"x-{i}: &a{i} {{k: *a{i - 1}}}\n" for i in range(1, 2000)),
        "? " * 100_000,
        "- " * 100_000,
    ],
    ids=["brackets", "braces", "a chain of anchors", "question marks", "dashes"],
)
def test_no_file_can_nest_until_the_process_ends(problems: Complainer, text: str) -> None:
    assert "has 1 problem;" in problems(text)


def test_a_file_that_is_too_large_is_not_read(problems: Complainer) -> None:
    assert "config.yaml  is larger than 8 MB" in problems("#" * (8 * 1024 * 1024 + 1))


@pytest.mark.parametrize(
    ("file", "environ", "state"),
    [
        ("/etc/watchkeeper/config.yaml", {}, "/var/lib/watchkeeper"),
        ("/etc/watchkeeper/conf.d/config.yaml", {}, "/var/lib/watchkeeper"),
        ("/etc/watchkeepers/config.yaml", {}, "/etc/watchkeepers/state"),
        ("/srv/config.yaml", {}, "/srv/state"),
        ("/srv/config.yaml", {"STATE_DIRECTORY": ""}, "/srv/state"),
        ("/srv/config.yaml", {"STATE_DIRECTORY": "/var/lib/other"}, "/var/lib/other"),
        ("/srv/config.yaml", {"STATE_DIRECTORY": "/var/lib/other:/var/lib/second"}, "/var/lib/other"),
        ("/etc/watchkeeper/config.yaml", {"STATE_DIRECTORY": "/var/lib/other"}, "/var/lib/other"),
    ],
)
def test_without_a_state_folder_it_is_where_systemd_says_or_where_the_config_belongs(
    file: str, environ: dict[str, str], state: str
) -> None:
    tree, _ = read(file, b"services: {shop: {checks: {live: http://localhost:8080/}}}")
    assert tree is not None
    reading = Reading(tree, environ)

    found = build(shape_of(reading), reading, Path(file).parent)

    assert found.monitor.state == Path(state)
    assert found.tracker.folder == Path(state) / "tickets"


def test_a_state_folder_that_is_set_stays_whatever_systemd_says(config: Callable[..., Config], tmp_path: Path) -> None:
    found = config(SHOP + "monitor: {state: here}\n", {"STATE_DIRECTORY": "/var/lib/other"})

    assert found.monitor.state == tmp_path / "here"

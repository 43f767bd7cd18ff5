"""`monitor severity explain` with invented evidence: the playbook's table, and a team's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli.main import monitor

TEAM = """
services:
  orders:
    criticality: critical
    checks: {live: "http://localhost/", ready: "http://localhost/ready"}
severity:
  - {name: gone, when: {failing_share: ">= 50%"}, suggest: SEV1}
  - {name: wobbly, when: {failing_share: "> 0%"}, suggest: {critical: SEV2, high: SEV2, medium: SEV3, low: SEV3}}
"""


def explain(*arguments: str, config: Path | None = None) -> Result:
    before = [] if config is None else ["-c", str(config)]
    return CliRunner().invoke(monitor, [*before, "severity", "explain", *arguments])


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WATCHKEEPER_CONFIG", raising=False)


@pytest.fixture
def team(tmp_path: Path) -> Path:
    config = tmp_path / "team.yaml"
    config.write_text(TEAM)
    return config


def test_the_row_its_inputs_the_neighbours_and_the_table() -> None:
    asked = explain("--criticality", "high", "--checks", "3", "--failing", "3", "--traffic-errors", "1%",
                    "--within-baseline")  # fmt: skip

    assert asked.exit_code == 0, asked.output
    assert (
        asked.output
        == """\
SEV3: all checks fail and traffic is within its baseline (probe path)
  criticality: high
  checks: 3 of 3 confirmed failing (check 1, check 2, check 3)
  traffic: 1 % errors, as usual (supposed)
  One step higher: SEV2 if 50 % or more of the traffic fails (now 1 %)
  One step lower: SEV4 if no more than this: the burn rate is 1 or more, or there is a queue anomaly, \
or there was a restart, or we are blind

   ROW         CRITICAL  HIGH  MEDIUM  LOW   WHEN
   data loss   SEV1      SEV1  SEV1    SEV1  data loss is declared
   outage      SEV1      SEV2  SEV3    SEV4  all checks fail and 50 % or more of the traffic fails, \
or all checks fail and no traffic is seen
   traffic     SEV1      SEV2  SEV3    SEV4  50 % or more of the traffic fails and not all checks fail
>  probe path  SEV3      SEV3  SEV4    SEV4  all checks fail and traffic is within its baseline
+  degraded    SEV2      SEV3  SEV3    SEV4  some checks fail, or the short-window burn rate is 14.4 or more
   slower      SEV3      SEV3  SEV4    SEV4  a latency shift is confirmed, or the burn rate is 6 or more
   watch       SEV4      SEV4  SEV4    SEV4  the burn rate is 1 or more, or there is a queue anomaly, \
or there was a restart, or we are blind
"""
    )


def test_the_table_and_the_services_are_those_of_the_configuration(team: Path) -> None:
    one, both = (explain("--service", "orders", "--failing", n, "--json", config=team) for n in ("0", "1"))

    assert json.loads(one.output)["suggested"] is None
    document = json.loads(both.output)
    assert (document["criticality"], document["suggested"], document["row"]) == ("critical", "SEV1", "gone")
    assert document["inputs"][:2] == ["criticality: critical", "checks: 1 of 2 confirmed failing (check 1)"]
    assert document["lower"] == "SEV2 if no more than this: some checks fail"
    assert document["table"] == [
        {
            "name": "gone",
            "condition": "50 % or more of the checks fail",
            "severities": {"critical": "SEV1", "high": "SEV1", "medium": "SEV1", "low": "SEV1"},
            "holds": True,
            "decides": True,
        },
        {
            "name": "wobbly",
            "condition": "some checks fail",
            "severities": {"critical": "SEV2", "high": "SEV2", "medium": "SEV3", "low": "SEV3"},
            "holds": True,
            "decides": False,
        },
    ]


def test_what_is_said_of_a_service_wins_over_its_configuration(team: Path) -> None:
    asked = explain("--service", "orders", "--checks", "10", "--criticality", "low", "--failing", "1", "--json",
                    config=team)  # fmt: skip

    document = json.loads(asked.output)
    assert (document["criticality"], document["suggested"], document["row"]) == ("low", "SEV3", "wobbly")
    assert document["higher"] == "SEV1 if 50 % or more of the checks fail (now 10 %)"


@pytest.mark.parametrize(
    ("options", "row", "severity"),
    [
        (["--data-loss"], "data loss", "SEV1"),
        (["--failing", "1"], "outage", "SEV3"),
        (["--checks", "2", "--failing", "1"], "degraded", "SEV3"),
        (["--traffic-errors", "0.5"], "traffic", "SEV3"),
        (["--traffic-errors", "49.9%"], None, None),
        (["--failing", "1", "--traffic-errors", "2%", "--above-baseline"], "degraded", "SEV3"),
        (["--burn-short", "14.4"], "degraded", "SEV3"),
        (["--burn", "6"], "slower", "SEV4"),
        (["--burn", "5.9"], "watch", "SEV4"),
        (["--latency-shift", "--criticality", "critical"], "slower", "SEV3"),
        (["--queue-anomaly"], "watch", "SEV4"),
        (["--restart"], "watch", "SEV4"),
        (["--blind"], "watch", "SEV4"),
        (["--dependents-failing", "3"], None, None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_each_signal_may_be_supposed(options: list[str], row: str | None, severity: str | None) -> None:
    document = json.loads(explain(*options, "--json").output)

    assert (document["row"], document["suggested"]) == (row, severity)
    assert [one["name"] for one in document["table"] if one["decides"]] == ([row] if row else [])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name an incident, or say what is to be supposed, for example --checks 2 --failing 1"),
        (["INC-1", "--failing", "1"], "an incident has its own evidence; leave --failing out, or the incident"),
        (["--checks", "2", "--failing", "3"], "3 of 2 checks cannot fail; add --checks 3"),
        (["--within-baseline"], "--within-baseline is said of errors; add --traffic-errors, for example 1%"),
        (["--traffic-errors", "101%"], "'101%' is no share; write 50% or 0.5"),
        (["--traffic-errors", "nan"], "'nan' is no share; write 50% or 0.5"),
        (["--service", "orders"], "config.yaml"),
    ],
)
def test_what_cannot_be_supposed_is_said_with_its_remedy(arguments: list[str], said: str) -> None:
    asked = explain(*arguments)

    assert asked.exit_code == 3
    assert said in asked.output


def test_a_service_that_is_not_there_is_said_with_those_that_are(team: Path) -> None:
    asked = explain("--service", "order", "--failing", "1", config=team)

    assert (asked.exit_code, asked.output) == (3, "no service is called order; there are orders\n")

"""One mitigation, as its unit reads it: what stands beside it may be secret or wrong, and is not looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config import ConfigError
from monitor.config.alone import mitigation_alone
from monitor.core.mitigations import Mitigation, RunBy

BESIDE = """
monitor: {{token_file: /nowhere/that/may/be/read, nonsense: 1}}
services:
  shop:
    checks: {{live: "${{NOT_OURS}}"}}
    mitigations:
      other: {{run: 7}}
      {written}
"""


def alone(tmp_path: Path, written: str, name: str = "drain", service: str = "shop") -> Mitigation:
    (tmp_path / "config.yaml").write_text(BESIDE.format(written=written))
    return mitigation_alone([tmp_path / "config.yaml"], service, name)


def refusal(tmp_path: Path, written: str, name: str = "drain", service: str = "shop") -> str:
    with pytest.raises(ConfigError) as caught:
        alone(tmp_path, written, name, service)
    return str(caught.value)


def test_it_is_read_without_what_stands_beside_it(tmp_path: Path) -> None:
    assert alone(tmp_path, "drain: {run: [./drain.sh, now], run_by: unit, timeout: 10s}") == Mitigation(
        service="shop", name="drain", run=(str(tmp_path / "drain.sh"), "now"), run_by=RunBy.UNIT, timeout=10.0
    )


def test_it_may_stand_in_another_file_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("services: {shop: {checks: {live: 'http://localhost/'}}}")
    (tmp_path / "b.yaml").write_text("services: {shop: {mitigations: {drain: {run: [drain], run_by: unit}}}}")

    assert mitigation_alone([tmp_path], "shop", "drain").run == ("drain",)


@pytest.mark.parametrize(
    ("service", "name"), [("shop", "gone"), ("gone", "drain"), ("shop", ""), ("", ""), ("..", "drain")]
)
def test_what_is_not_there_is_refused(tmp_path: Path, service: str, name: str) -> None:
    said = refusal(tmp_path, "drain: {run: [drain]}", name, service)

    assert "there is no such mitigation" in said
    assert "It is called SERVICE:NAME, as in the configuration." in said


def test_what_is_wrong_with_it_is_told_and_nothing_else(tmp_path: Path) -> None:
    said = refusal(tmp_path, 'drain: {run: [drain, "${HUNTER}"], run_by: unit}')

    assert "services.shop.mitigations.drain.run" in said
    assert "nonsense" not in said


def test_without_a_command_there_is_nothing_to_run(tmp_path: Path) -> None:
    assert "services.shop.mitigations.drain.run: is missing" in refusal(tmp_path, "drain: {run_by: unit}")


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml"):
        mitigation_alone([tmp_path / "gone.yaml"], "shop", "drain")

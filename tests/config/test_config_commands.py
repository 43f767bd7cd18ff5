from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitor.cli.schema import schema
from monitor.cli.validate import validate

GOOD = "services:\n  shop:\n    checks:\n      live: http://localhost:8080/\n"


def test_a_good_config_is_one_line_and_exit_code_0(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(GOOD)

    done = CliRunner().invoke(validate, ["-c", str(tmp_path / "c.yaml")])

    assert (done.exit_code, done.stdout, done.stderr) == (
        0,
        f"{tmp_path}/c.yaml: 1 service, 1 check, 0 warnings.\n",
        "",
    )


def test_warnings_are_told_beside_it(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        GOOD.replace("http://localhost:8080/", "{http: 'http://localhost/', interval: 20m}")
    )

    done = CliRunner().invoke(validate, ["-c", str(tmp_path / "c.yaml")])

    assert (done.exit_code, done.stdout) == (0, f"{tmp_path}/c.yaml: 1 service, 1 check, 1 warning.\n")
    assert done.stderr.startswith(
        f"warning: {tmp_path}/c.yaml:4  services.shop.checks.live.interval: 20m leaves at most"
    )


def test_a_bad_config_is_exit_code_3_with_every_problem_on_stderr(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("servces: {}\nchat: {}\n")

    done = CliRunner().invoke(validate, ["-c", str(tmp_path / "c.yaml")])

    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith(f"{tmp_path}/c.yaml has 3 problems; nothing was started.\n\n")


def test_programs_get_the_same_as_json(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("\nservces: {}\n" + GOOD)
    (tmp_path / "good.yaml").write_text(GOOD)

    bad = CliRunner().invoke(validate, ["-c", str(tmp_path / "bad.yaml"), "--format", "json"])
    good = CliRunner().invoke(validate, ["-c", str(tmp_path / "good.yaml"), "--format", "json"])

    assert bad.exit_code == 3
    assert json.loads(bad.stdout) == {
        "ok": False,
        "problems": [
            {
                "file": f"{tmp_path}/bad.yaml",
                "line": 2,
                "path": "servces",
                "found": "unknown key",
                "fix": "Did you mean services?",
                "excerpt": [],
            }
        ],
        "warnings": [],
    }
    assert good.exit_code == 0
    assert json.loads(good.stdout) == {"ok": True, "problems": [], "warnings": []}


def test_several_paths_are_one_config(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.yaml").write_text(GOOD.replace("shop", "bank"))

    done = CliRunner().invoke(validate, ["-c", str(tmp_path / "a.yaml"), "-c", str(tmp_path / "more")])

    assert done.stdout == f"{tmp_path}/a.yaml, {tmp_path}/more: 2 services, 2 checks, 0 warnings.\n"


def test_without_a_path_config_yaml_here_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)

    assert CliRunner().invoke(validate, []).stdout == "config.yaml: 1 service, 1 check, 0 warnings.\n"


def test_the_schema_is_json() -> None:
    done = CliRunner().invoke(schema, [])

    assert done.exit_code == 0
    assert json.loads(done.stdout)["title"] == "Watchkeeper configuration"

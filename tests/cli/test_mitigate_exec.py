"""What monitor-mitigate@.service runs, before it asks anybody: by no configuration is it more than was allowed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def executed(tmp_path: Path, unit: str) -> subprocess.CompletedProcess[str]:
    run = ["touch", str(tmp_path / "ran")]
    mitigations = f"copied: {{run: {run}}}\n      drain: {{run: {run}, run_by: unit}}"
    (tmp_path / "config.yaml").write_text(f"services:\n  shop:\n    mitigations:\n      {mitigations}\n")
    command = [sys.executable, "-m", "monitor", "-c", str(tmp_path / "config.yaml"), "mitigate-exec", unit]
    return subprocess.run(
        [*command, "--folder", str(tmp_path)], input="word\n", capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("unit", "code", "said"),
    [
        ("shop:copied", 3, "services.shop.mitigations.copied.run_by is copy, not unit"),
        ("shop:gone", 3, "there is no such mitigation"),
        ("shop", 3, "there is no such mitigation"),
        ("shop:drain", 1, "the monitor does not listen there"),
    ],
)
def test_nothing_is_run_that_nobody_approved(tmp_path: Path, unit: str, code: int, said: str) -> None:
    done = executed(tmp_path, unit)

    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert not (tmp_path / "ran").exists()


def test_people_are_not_shown_it() -> None:
    shown = subprocess.run([sys.executable, "-m", "monitor", "--help"], capture_output=True, text=True, check=True)

    assert "incident" in shown.stdout
    assert "mitigate-exec" not in shown.stdout

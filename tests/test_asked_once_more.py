"""What failed in parallel is asked once more by `make test`: that alone, and tests of a group too."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

MAKEFILE = Path(__file__).resolve().parents[1] / "Makefile"

STORY = """
import pathlib, pytest

def fail_the_first_time(name):
    mark = pathlib.Path(name)
    was_there, _ = mark.exists(), mark.write_text("")
    assert was_there

@pytest.mark.xdist_group("a-group")
def test_grouped(): fail_the_first_time("grouped")

@pytest.mark.parametrize("one", ["someone@example.com"])
def test_alone(one): fail_the_first_time("alone")

def test_passes(): pathlib.Path("passed").open("a").write("once ")
"""


def test_what_failed_is_asked_once_more_and_nothing_else(tmp_path: Path) -> None:
    recipe = MAKEFILE.read_text().partition("\ntest: ")[2].partition("\n\n")[0]
    first, again = re.findall(r"\$\(BIN\)/pytest ([^|;]+)", recipe)
    (tmp_path / "test_story.py").write_text(STORY)
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    failed, mended = (run(tmp_path, options.replace("$(JOBS)", "1")) for options in (first, again))

    assert (failed.returncode, mended.returncode) == (1, 0), mended.stdout
    assert "2 failed, 1 passed" in failed.stdout
    assert "2 passed" in mended.stdout
    assert (tmp_path / "passed").read_text() == "once "


def run(folder: Path, options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", *options.split()]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

"""The lock that the image is made of, and what else must agree with pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from monitor import __version__

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
LOCKED = dict(re.findall(r"^([a-z0-9._-]+)==(\S+) \\$", LOCK, re.MULTILINE))
WANTED = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]


def release(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.match(r"\d+(?:\.\d+)*", version)[0].split(".")))  # type: ignore[index]


def within(version: str, ranges: str) -> bool:
    """For the two operators that pyproject.toml uses."""
    for operator, bound in (re.fullmatch(r"(>=|<)(\d[\d.]*)", part).groups() for part in ranges.split(",")):  # type: ignore[union-attr]
        width = max(len(release(version)), len(release(bound)))
        have, limit = (release(text) + (0,) * (width - len(release(text))) for text in (version, bound))
        if not (have >= limit if operator == ">=" else have < limit):
            return False
    return True


@pytest.mark.parametrize("requirement", WANTED)
def test_what_pyproject_asks_for_is_locked_within_its_range(requirement):
    name, ranges = re.fullmatch(r"([A-Za-z0-9._-]+?)([<>=].*)", requirement).groups()  # type: ignore[union-attr]

    version = LOCKED[name.lower().replace("_", "-")]

    assert within(version, ranges), f"{name} {version} is not {ranges}; run: make lock"


def test_each_locked_version_has_hashes_of_wheels_for_every_machine():
    """pip refuses what is not listed; of a compiled package more than one file is needed for x86_64 and aarch64."""
    entries = re.findall(r"^([a-z0-9._-]+)==\S+ \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", LOCK, re.MULTILINE)
    hashes = {name: text.count("--hash=") for name, text in entries}

    assert hashes.keys() == LOCKED.keys()
    assert min(hashes.values()) >= 1
    for compiled in ("pycurl", "numpy", "pandas", "pydantic-core", "msgspec", "pyyaml"):
        assert hashes[compiled] > 4, compiled


def test_a_range_has_two_edges():
    assert within("2.0", ">=2,<3")
    assert within("2.9.9", ">=2,<3")
    assert not within("3.0.0", ">=2,<3")
    assert not within("1.9.9", ">=2,<3")


def test_the_image_carries_the_version_of_the_package():
    [said] = re.findall(r'org\.opencontainers\.image\.version="([^"]+)"', (ROOT / "Dockerfile").read_text())

    assert said == PROJECT["project"]["version"] == __version__
    assert f"image: watchkeeper:{said}\n" in (ROOT / "compose.yaml").read_text()


def test_both_stages_of_the_image_have_the_same_base():
    assert len(set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))) == 1

"""
What the container image is made of: the ten largest parts of /opt/watchkeeper, which is all that stands on the base.

    python tests/bench/bench_image.py

No engine is needed: the commands of the Dockerfile's first stage are run as they stand there, in a folder of their own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
PLACE = "/opt/watchkeeper"
LARGEST = 10


def build(folder: Path) -> Path:
    """The first stage, with *folder* in the place of the root."""
    subprocess.run([sys.executable, "-m", "venv", folder / "base"], check=True)
    checkout = folder / "checkout"
    checkout.mkdir()
    for name in ("requirements.lock", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, checkout)
    for name in ("monitor", "checks"):
        shutil.copytree(PROJECT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    text = (PROJECT / "Dockerfile").read_text().replace("\\\n", " ").replace(PLACE, f"{folder}{PLACE}")
    stage = text.partition("AS builder")[2].partition("\nFROM ")[0]
    environ = {**os.environ, "PATH": f"{folder}/base/bin:{os.environ['PATH']}"}
    for command in re.findall(r"^RUN (.*)", stage, re.MULTILINE):
        subprocess.run(["sh", "-c", command], check=True, cwd=checkout, env=environ, stdout=subprocess.DEVNULL)
    return folder / PLACE.lstrip("/")


def part_of(path: Path) -> str:
    """`numpy` for all of numpy, numpy.libs and numpy-2.4.6.dist-info."""
    parts = path.parts
    if "site-packages" not in parts:
        return "the environment itself"
    return re.split(r"[-.]", parts[parts.index("site-packages") + 1])[0]


def main() -> None:
    sizes: Counter[str] = Counter()
    compiled = 0
    with tempfile.TemporaryDirectory() as folder:
        place = build(Path(folder))
        for path in place.rglob("*"):
            if path.is_file() and not path.is_symlink():
                size = path.stat().st_size
                sizes[part_of(path.relative_to(place))] += size
                compiled += size if path.suffix == ".pyc" else 0
    print(f"{sum(sizes.values()) / 1e6:.0f} MB in {PLACE}, {compiled / 1e6:.0f} MB of it compiled for a fast start")
    for name, size in sizes.most_common(LARGEST):
        print(f"{size / 1e6:7.1f} MB  {name}")


if __name__ == "__main__":
    main()

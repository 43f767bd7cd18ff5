"""A thousand reloads under five hundred checks a second: what is missed, how late probes are, what grows."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import rig

sys.path.insert(0, str(rig.ROOT / "tests" / "daemon"))

import reload_storm


def main() -> None:
    print(f"1,000 reloads under 500 checks a second {rig.machine()}")
    with tempfile.TemporaryDirectory(prefix="watchkeeper-bench-") as folder:
        storm = reload_storm.Storm(reloads=1000, steady=45, volatile=10, warm_after=300)
        print(reload_storm.run(storm, Path(folder)))


if __name__ == "__main__":
    main()

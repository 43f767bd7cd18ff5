"""`python -m monitor` and the command `monitor`."""

from __future__ import annotations

import sys


def main() -> None:
    try:
        from monitor.cli.main import monitor

        monitor(prog_name="monitor")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

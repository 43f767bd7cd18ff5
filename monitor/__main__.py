"""`python -m monitor` and the command `monitor`."""

from __future__ import annotations

import gc
import os
import signal
import sys

# Importing makes a million objects that stay: looking through them for garbage every 700 costs a fifth of each start.
gc.set_threshold(50_000, 20, 20)


def stand_in_for_closed_streams() -> None:
    """The next file that is opened gets the number of a closed one, and what is printed would go into the ledger."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number, which is this one
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))


def main() -> None:
    stand_in_for_closed_streams()
    if os.getpid() == 1:
        # The kernel spares the first process of a container what SIGTERM does to others. Until the daemon has its own
        # order of ending there is nothing to put in order; unheard, `docker stop` would wait 10 s and kill.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    try:
        from monitor.cli.main import monitor

        monitor(prog_name="monitor")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

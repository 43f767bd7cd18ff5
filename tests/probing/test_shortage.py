"""Why no socket could be made, with what to do about it."""

from __future__ import annotations

import errno
import resource
import subprocess
import sys

from monitor.probing.shortage import remedy, shortage

WITHOUT = """
import os, resource
from monitor.probing.shortage import shortage
free = os.open("/dev/null", os.O_RDONLY)
os.close(free)
resource.setrlimit(resource.RLIMIT_NOFILE, (free, free))
print(shortage())
"""


def test_with_room_for_a_socket_there_is_no_shortage_and_nothing_stays_open() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert [shortage() for _ in range(min(before, 2_000) + 1)].count(0) == min(before, 2_000) + 1


def test_without_room_it_is_named() -> None:
    said = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True).stdout
    assert int(said) == errno.EMFILE


def test_every_shortage_that_we_know_says_what_to_raise() -> None:
    assert remedy(errno.EMFILE) == "too many open files; raise LimitNOFILE= in the unit, or ulimit -n"
    assert remedy(errno.ENFILE) == "too many open files on this machine; raise fs.file-max"
    assert remedy(errno.EAGAIN).endswith("raise TasksMax= in the unit, or ulimit -u")
    assert remedy(errno.EADDRNOTAVAIL) == "cannot assign requested address"

"""What a new socket meets: libcurl and the resolver say only that something failed, and both need one first."""

from __future__ import annotations

import errno
import os
import socket
from typing import Final

_REMEDY: Final = {
    errno.EMFILE: "too many open files; raise LimitNOFILE= in the unit, or ulimit -n",
    errno.ENFILE: "too many open files on this machine; raise fs.file-max",
    errno.EAGAIN: "too many processes or threads; raise TasksMax= in the unit, or ulimit -u",
    errno.ENOMEM: "out of memory; raise MemoryMax= in the unit, or make room on this machine",
}
KNOWN: Final = _REMEDY.keys()


def shortage() -> int:
    """The errno that keeps us from making a socket now; 0 when one can be made."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC).close()
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def remedy(number: int | None) -> str:
    """In words, with what to do where that is known."""
    return _REMEDY.get(number or 0) or os.strerror(number or 0).lower()

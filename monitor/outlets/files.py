"""Files that people or programs read while we write them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, content: bytes, new_mode: int | None = None) -> None:
    """
    The old file or the new one, whole, also after a power cut; on a full disk nothing is left of the new one. The mode
    that people gave the old one stays. Raises OSError.

    Args:
        new_mode: Of a file that is not there yet; None for what the umask leaves.
    """
    temporary = path.with_name(f".{path.name}.new")
    mode = path.stat().st_mode & 0o777 if path.exists() else new_mode
    try:
        with temporary.open("wb") as file:
            file.write(content)
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    # The rename has happened. That it survives a power cut is all that is left; not every filesystem can promise it.
    with suppress(OSError):
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

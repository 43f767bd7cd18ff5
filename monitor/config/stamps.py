"""Which files a config is read from, and how each of them looks: what tells that one has changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from monitor.whereabouts import files_of

Stamp = tuple[int, int, int, int] | None
"""Inode, size, and the instants of the last change of content and of anything; None while it cannot be looked at."""

Stamps = Mapping[Path, Stamp]


def stamp(file: Path) -> Stamp:
    """Links are followed: a ConfigMap is changed by turning the link to its folder around."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def stamps(paths: Sequence[Path], others: Iterable[Path] = ()) -> dict[Path, Stamp]:
    """Of every file that *paths* mean now, folders searched anew, and of *others*."""
    files = [file for path in paths for file in files_of(path)]
    return {file: stamp(file) for file in (*files, *others)}

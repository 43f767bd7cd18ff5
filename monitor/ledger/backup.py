"""
A backup: one gzipped tar with the ledger, the history and the baselines as they were at one instant, and a list of it.

Made beside a running daemon or without one, and nothing is left in the state folder. What is in it was looked through,
and read back, before it gets its name.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from monitor import __version__
from monitor.ledger import rows
from monitor.ledger.database import (
    LedgerError,
    LedgerUnsound,
    open_for_reading,
    refuse_newer,
    schema_version,
    sync_folder,
    write_copy,
)
from monitor.ledger.schema import HISTORY_FILE, LEDGER_FILE, LEDGER_STEPS
from monitor.ledger.soundness import refuse_damaged, unreadable, verdict_of

BASELINES: Final = "baselines"
LIST: Final = "backup.json"
FORMAT: Final = 1
_LONGEST_LIST: Final = 16_000_000
_UNPACKING: Final = (tarfile.TarError, EOFError, zlib.error, OSError)


class BackupError(LedgerError):
    """Says in one line which file, what was found, and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """
    What a backup holds.

    Attributes:
        made_at: Wall clock, ISO 8601, UTC.
        version: Of the program that made it.
        schema: Of the ledger.
        counts: Of its rows: `events`, `incidents`, `live` ones of them, and `unsent`, effects that may not have been
            delivered.
        history: Whether the history is in it.
        left_out: Why something is not in it that should be; empty otherwise.
        digests: SHA-256 of each file by its name, in the order in which they lie in the archive.
    """

    made_at: str
    version: str
    schema: int
    counts: Mapping[str, int]
    history: bool
    baselines: int
    left_out: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        ledger = "{events} events, {incidents} incidents ({live} live), {unsent} effects not sent".format(**self.counts)
        history = "history" if self.history else "no history"
        return f"ledger of schema {self.schema} with {ledger}; {history}; {self.baselines} baselines"


def write_backup(
    state: Path, target: Path, made_at: datetime, *, with_history: bool = True, replace: bool = False
) -> Contents:
    """
    Args:
        replace: A file that is there already.

    Raises:
        LedgerError: Nothing was written, and why.
    """
    if target.is_dir():
        raise BackupError(f"{target} is a folder: name the file that the backup shall be")
    if target.exists() and not replace:
        raise BackupError(f"{target} is there already: name another file, or replace it with --force")
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise BackupError(f"{target} cannot be written ({error.strerror}): name a file in a folder of yours") from None
    try:
        contents = _gather(state, folder, made_at, with_history=with_history)
        archive = folder / "archive"
        _pack(archive, folder, contents)
        with _opened(archive) as tar:
            for _ in _parts(tar, contents, archive):
                pass
        archive.replace(target)
        sync_folder(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"{target} could not be written ({error}); nothing was left behind") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return contents


def read_contents(file: Path) -> Contents:
    """Raises BackupError when *file* is no backup of ours."""
    with _opened(file) as tar:
        return _contents(tar, file)


def unpack(file: Path, into: Path) -> Contents:
    """
    Every part of *file*, durable, in the folder *into*.

    Raises:
        BackupError: It is no backup of ours or is damaged; *into* may hold parts of it.
        OSError: They could not be written.
    """
    with _opened(file) as tar:
        contents = _contents(tar, file)
        for name, chunks in _parts(tar, contents, file):
            path = into / name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as written:
                for chunk in chunks:
                    written.write(chunk)
                written.flush()
                os.fsync(written.fileno())
    return contents


def count(ledger: Path) -> tuple[int, Mapping[str, int]]:
    """The schema of a ledger that nobody writes, and its `counts`."""
    with closing(open_for_reading(ledger)) as connection:
        counts = {name: int(connection.execute(sql).fetchone()[0]) for name, sql in rows.COUNTS.items()}
        return schema_version(connection), counts


def _gather(state: Path, folder: Path, made_at: datetime, *, with_history: bool) -> Contents:
    ledger = folder / LEDGER_FILE
    _copy(state / LEDGER_FILE, ledger)
    refuse_damaged(ledger, len(LEDGER_STEPS), "integrity_check", named=state / LEDGER_FILE)
    left_out = _copy_history(state / HISTORY_FILE, folder / HISTORY_FILE) if with_history else ""
    for path in sorted((state / BASELINES).rglob("*.json")):
        target = folder / path.relative_to(state)
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # the fitting process has just replaced it
            shutil.copyfile(path, target)
    schema, counts = count(ledger)
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    return Contents(
        made_at=made_at.isoformat(timespec="seconds"),
        version=__version__,
        schema=schema,
        counts=counts,
        history=HISTORY_FILE in names,
        baselines=sum(name.startswith(f"{BASELINES}/") and name.count("/") == 1 for name in names),
        left_out=left_out,
        digests={name: _digest(folder / name) for name in names},
    )


def _copy(source: Path, target: Path) -> None:
    with closing(open_for_reading(source)) as connection:
        try:
            refuse_newer(schema_version(connection), source, len(LEDGER_STEPS))
            write_copy(connection, target)
        except sqlite3.DatabaseError as error:
            raise unreadable(source, error) from error


def _copy_history(source: Path, target: Path) -> str:
    """Why there is none in the backup; it may be lost, and must not keep the ledger from being saved."""
    if not source.exists():
        return ""
    try:
        with closing(open_for_reading(source)) as connection:
            write_copy(connection, target)
        with closing(open_for_reading(target)) as connection:
            verdict = verdict_of(connection, "integrity_check")
    except (sqlite3.DatabaseError, LedgerUnsound) as error:
        verdict = str(error)
    if verdict == "ok":
        return ""
    target.unlink(missing_ok=True)
    return f"{source} is damaged and not in the backup ({verdict})"


def _pack(archive: Path, folder: Path, contents: Contents) -> None:
    descriptor = os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as tar:
            listed = json.dumps({"format": FORMAT, **asdict(contents)}, indent=1).encode()
            _add(tar, LIST, io.BytesIO(listed), len(listed), contents)
            for name in contents.digests:
                with (folder / name).open("rb") as part:
                    _add(tar, name, part, (folder / name).stat().st_size, contents)
        file.flush()
        os.fsync(file.fileno())


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int, contents: Contents) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    member.mtime = int(datetime.fromisoformat(contents.made_at).timestamp())
    tar.addfile(member, content)


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(file, "r|gz") as tar:
            yield tar
    except FileNotFoundError:
        raise BackupError(f"{file} does not exist: name a file that monitor backup made") from None
    except PermissionError:
        raise BackupError(f"{file} may not be read by uid {os.geteuid()}: ask as its owner") from None
    except (*_UNPACKING,) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BackupError(f"{file} is no whole backup ({error}): name another file that monitor backup made") from None


def _contents(tar: tarfile.TarFile, file: Path) -> Contents:
    first = tar.next()
    listed = tar.extractfile(first) if first is not None and first.name == LIST else None
    try:
        told: dict[str, Any] = json.loads(listed.read(_LONGEST_LIST)) if listed else {}
        if (number := told.pop("format", 0)) != FORMAT:
            raise ValueError(f"format {number}")
        contents = Contents(**told)
        datetime.fromisoformat(contents.made_at)
        if not all(isinstance(contents.counts.get(name), int) for name in rows.COUNTS):
            raise ValueError("no counts")
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BackupError(f"{file} is no backup that this version knows ({error}): name another one") from None
    if LEDGER_FILE not in contents.digests or not all(map(_is_ours, contents.digests)):
        raise BackupError(f"{file} is no backup of ours: its list names other files than a state folder has")
    return contents


def _is_ours(name: str) -> bool:
    """A name decides where something is written, so it must be one that we would have given."""
    parts = PurePosixPath(name).parts
    if name in (LEDGER_FILE, HISTORY_FILE):
        return True
    return parts[:1] == (BASELINES,) and 2 <= len(parts) <= 3 and ".." not in parts and name.endswith(".json")


def _parts(tar: tarfile.TarFile, contents: Contents, file: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Each part under its name, in pieces. What was damaged on the way is found out after its last piece."""
    missing = dict(contents.digests)
    for member in tar:
        if member.name == LIST:
            continue
        content = tar.extractfile(member) if member.isreg() else None
        wanted = missing.pop(member.name, None)
        if content is None or wanted is None:
            raise BackupError(f"{file} is no backup of ours: it holds {member.name!r}")
        seen = hashlib.sha256()
        chunks = _read(content, seen)
        yield member.name, chunks
        for _ in chunks:
            pass
        if seen.hexdigest() != wanted:
            raise BackupError(f"{file} is damaged: {member.name} is not what was saved; use another backup")
    if missing:
        raise BackupError(f"{file} is damaged: {next(iter(missing))} is missing; use another backup")


def _read(content: IO[bytes], seen: hashlib._Hash) -> Iterator[bytes]:
    while chunk := content.read(1 << 20):
        seen.update(chunk)
        yield chunk


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

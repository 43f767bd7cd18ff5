"""Files to Config, or every problem at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from monitor.config.build import build
from monitor.config.config import Config
from monitor.config.document import MAX_BYTES, Group, read
from monitor.config.problems import ConfigError, Problem
from monitor.config.reading import Reading, merge
from monitor.config.rules import enforce
from monitor.config.stamps import files_of, stamps
from monitor.config.translate import shape_of

SEARCHED = (Path("config.yaml"), Path("/etc/watchkeeper/config.yaml"))


def default_paths() -> tuple[Path, ...]:
    """Where the config is when nobody says: here, else in /etc. The first that exists, or the first of all."""
    return next(((path,) for path in SEARCHED if path.exists()), SEARCHED[:1])


def load(paths: Sequence[Path], environ: Mapping[str, str]) -> Config:
    """
    Args:
        paths: Files, or folders of `*.yaml` and `*.yml`. Without any, `default_paths()`.
        environ: For `${NAME}`, and for systemd's `CREDENTIALS_DIRECTORY`.

    Raises:
        ConfigError: with every problem there is.
    """
    given = tuple(paths) or default_paths()
    # Before they are read: what changes meanwhile looks different afterwards, and is read again.
    read_from = stamps(given)
    trees, problems = _read_all(given)
    if not trees:
        raise ConfigError(problems, read_from)
    root, conflicts = merge(trees)
    problems += conflicts
    reading = Reading(root, environ)
    shape = shape_of(reading)
    warnings = enforce(shape, reading)
    config = build(shape, reading, given[0] if given[0].is_dir() else given[0].parent)
    problems += reading.problems()
    read_from |= reading.looked_at
    if problems:
        raise ConfigError(sorted(problems, key=lambda problem: (problem.file, problem.line)), read_from)
    return config.model_copy(update={"warnings": tuple(warnings)}).with_sources(read_from)


def _read_all(paths: Sequence[Path]) -> tuple[list[Group], list[Problem]]:
    """The trees of all files; none when one of them cannot be read, for the rest would then seem incomplete."""
    trees: list[Group] = []
    problems: list[Problem] = []
    unreadable = False
    for file in _files(paths, problems):
        try:
            with file.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
        except OSError as error:
            problems.append(
                Problem(str(file), 0, "", f"cannot be read: {error.strerror}", "Grant the right to read it.")
            )
            continue
        tree, found = read(str(file), data)
        problems += found
        unreadable = unreadable or tree is None
        trees += [tree] if tree is not None else []
    return ([] if unreadable or any(not p.path for p in problems) else trees), problems


def _files(paths: Sequence[Path], problems: list[Problem]) -> list[Path]:
    """Each file once, those of a folder in the order of their names."""
    files: dict[Path, Path] = {}
    for path in paths:
        found = files_of(path)
        if not path.exists():
            fix = "Name a file or a folder with -c; without it config.yaml and /etc/watchkeeper/config.yaml are tried."
            problems.append(Problem(str(path), 0, "", "there is no such file", fix))
            continue
        if not found:
            problems.append(Problem(str(path), 0, "", "holds no *.yaml or *.yml file", "Put one there."))
        for file in found:
            files.setdefault(file.resolve(), file)
    return list(files.values())

"""Files to Config, or every problem at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from monitor.config.blackbox.modules import refusals
from monitor.config.build import build
from monitor.config.config import Config, Monitor
from monitor.config.document import MAX_BYTES, Document, Group, Node, read_documents, sole
from monitor.config.openslo.merging import add
from monitor.config.openslo.objects import is_openslo
from monitor.config.openslo.reading import read_objectives
from monitor.config.problems import ConfigError, Problem
from monitor.config.reading import Reading, merge
from monitor.config.rules import enforce
from monitor.config.stamps import stamps
from monitor.config.translate import shape_of
from monitor.whereabouts import base_of, default_paths, files_of


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
    trees, others, problems = read_all(given)
    if not trees and not others:
        raise ConfigError(problems, read_from)
    root, conflicts = merge(trees or [Group(others[0].file, 0)])
    problems += conflicts
    reading = Reading(root, environ)
    left_out = _add_objectives(others, reading, problems) if others else []
    shape = shape_of(reading)
    warnings = [*reading.warnings, *enforce(shape, reading), *left_out]
    config = build(shape, reading, base_of(given))
    problems += reading.problems()
    read_from |= reading.looked_at
    if problems:
        raise ConfigError(sorted(problems, key=lambda problem: (problem.file, problem.line)), read_from)
    warnings += refusals(config.monitor.probe_modules)
    return config.model_copy(update={"warnings": tuple(warnings)}).with_sources(read_from)


def _add_objectives(documents: Sequence[Node], reading: Reading, problems: list[Problem]) -> list[str]:
    """Puts the objectives of OpenSLO documents into the tree that is read; returns warnings of what is left out."""
    zone = reading.text(("monitor", "time_zone")) or Monitor.model_fields["time_zone"].default
    found = read_objectives(documents, zone)
    problems += found.findings.refused
    add(found.slos, reading.root)
    return [f"{left.place}  {left.path}: {left.found}. {left.fix}" for left in found.findings.left_out]


def read_openslo(paths: Sequence[Path]) -> tuple[list[Node], list[Problem]]:
    """The documents of files that hold nothing but OpenSLO; what keeps them from being read beside them."""
    problems: list[Problem] = []
    roots: list[Node] = []
    for file, data in _contents(paths, problems):
        documents, found = read_documents(file, data)
        problems += found
        roots += [document.root for document in documents or [] if not document.is_empty]
    return roots, problems


def read_foreign(paths: Sequence[Path]) -> tuple[list[Group], list[Problem]]:
    """The trees of files of another tool, one document each; what keeps them from being read."""
    problems: list[Problem] = []
    roots: list[Group] = []
    for file, data in _contents(paths, problems):
        documents, found = read_documents(file, data)
        tree, found = (None, found) if documents is None else _only(file, documents, found)
        problems += found
        roots += [tree] if tree is not None else []
    return roots, problems


def _only(file: str, documents: list[Document], found: list[Problem]) -> tuple[Group | None, list[Problem]]:
    if len(documents) != 1 or not isinstance(documents[0].root, Group):
        what = "holds several documents" if len(documents) > 1 else "does not begin with a key"
        return None, [Problem(file, 0, "", what, "Name a file as that tool reads it.")]
    return documents[0].root, found


def read_all(paths: Sequence[Path]) -> tuple[list[Group], list[Node], list[Problem]]:
    """
    The trees of all files, and the OpenSLO documents among them; none when one of them cannot be read, for the rest
    would then seem incomplete.
    """
    trees: list[Group] = []
    openslo: list[Node] = []
    problems: list[Problem] = []
    for file, data in _contents(paths, problems):
        documents, found = read_documents(file, data)
        others = [document.root for document in documents or [] if is_openslo(document.root)]
        openslo += others
        # Beside them, in a file of several documents, there may be one of ours.
        ours = [one for one in documents or [] if not (is_openslo(one.root) or (others and one.is_empty))]
        if documents is not None and (ours or not others):
            tree, found = sole(file, ours, found)
            trees += [tree] if tree is not None else []
        problems += found
    # What is not of one key is of a whole file.
    return *(([], []) if any(not problem.path for problem in problems) else (trees, openslo)), problems


def _contents(paths: Sequence[Path], problems: list[Problem]) -> Iterator[tuple[str, bytes]]:
    for file in _files(paths, problems):
        try:
            with file.open("rb") as stream:
                yield str(file), stream.read(MAX_BYTES + 1)
        except OSError as error:
            fix = "Grant the right to read it."
            problems.append(Problem(str(file), 0, "", f"cannot be read: {error.strerror}", fix))


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

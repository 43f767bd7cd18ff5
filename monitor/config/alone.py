"""
One mitigation of a configuration, read by who may read nothing else of it: no secret file, no variable of the monitor.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path as FilePath

from monitor.config.document import Entry, Group, Node
from monitor.config.load import read_all
from monitor.config.mitigations import mitigation_of, run_rules
from monitor.config.problems import ConfigError, Path, Problem, join
from monitor.config.reading import Reading, merge
from monitor.config.translate import shape_of
from monitor.core.mitigations import Mitigation
from monitor.whereabouts import default_paths


def mitigation_alone(paths: Sequence[FilePath], service: str, name: str) -> Mitigation:
    """Raises ConfigError with what is wrong with it; what is wrong beside it is not looked at."""
    given = tuple(paths) or default_paths()
    trees, _, problems = read_all(given)
    if not trees:
        raise ConfigError(problems, {})
    root, _ = merge(trees)
    path: Path = ("services", service, "mitigations", name)
    if (only := _only(root, [str(step) for step in path])) is None:
        fix = "It is called SERVICE:NAME, as in the configuration."
        raise ConfigError([Problem(root.file, 0, join(path), "there is no such mitigation", fix)], {})
    reading = Reading(only, {})
    written = ((shape_of(reading).services or {})[service].mitigations or {}).get(name)
    found = None
    if written is not None:
        run_rules(written, path, reading)
        found = mitigation_of(service, name, written, path, reading)
    if (wrong := reading.problems()) or found is None:
        raise ConfigError(wrong, {})
    return found


def _only(root: Group, path: Sequence[str]) -> Group | None:
    """The tree with that branch alone; None where there is none."""
    first, *rest = path
    entry = root.entries.get(first)
    if entry is None:
        return None
    below: Node | None = entry.value
    if rest:
        below = _only(entry.value, rest) if isinstance(entry.value, Group) else None
    if below is None:
        return None
    return Group(root.file, root.line, {first: Entry(entry.file, entry.line, below)})

"""The config while it is read: the merged tree, what is wrong with it so far, and which values came from where."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path as FilePath

from checks.check import Question
from monitor.config.document import Entry, Group, Listing, Node, Scalar
from monitor.config.problems import Path, Problem, join, pointed, quote
from monitor.config.stamps import Stamp, stamp

_DOLLAR = re.compile(r"\$(?:\$|\{([^}]*)\}?)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_SECRET_BYTES = 64 * 1024


def merge(file_trees: Sequence[Group]) -> tuple[Group, list[Problem]]:
    """One tree of several files. Groups are merged; anything else may be set in one file only."""
    merged = Group(file_trees[0].file, 0)
    problems: list[Problem] = []
    for tree in file_trees:
        _merge_into(merged, tree, (), problems)
    return merged, problems


def _merge_into(into: Group, tree: Group, path: Path, problems: list[Problem]) -> None:
    for key, entry in tree.entries.items():
        here = (*path, key)
        first = into.entries.get(key)
        if first is None:
            into.entries[key] = Entry(entry.file, entry.line, _copied(entry.value))
        elif isinstance(first.value, Group) and isinstance(entry.value, Group):
            _merge_into(first.value, entry.value, here, problems)
        else:
            found = f"is also set in {first.file}:{first.line}"
            problems.append(Problem(entry.file, entry.line, join(here), found, "Keep one of them."))


def _copied(node: Node) -> Node:
    """Groups are copied, because a repeated anchor stands in several places and only one of them is merged into."""
    if not isinstance(node, Group):
        return node
    entries = {key: Entry(e.file, e.line, _copied(e.value)) for key, e in node.entries.items()}
    return Group(node.file, node.line, entries)


class Reading:
    """
    Attributes:
        substituted: For each path the values that environment variables put there, by the variable's name.
        files: For each path the content that was read from the file it names.
        looked_at: Files that keys name, as they looked before they were read.
        plugged: For each check the questions that other packages plug in, by the key under which they stand.
        kinds: What this installation has plugged in; empty where nobody asked for it.
        warnings: Of what was read so far.
    """

    def __init__(self, root: Group, environ: Mapping[str, str]) -> None:
        self.root = root
        self.environ = environ
        self.substituted: dict[Path, dict[str, str]] = {}
        self.files: dict[Path, str] = {}
        self.looked_at: dict[FilePath, Stamp] = {}
        self.plugged: dict[Path, dict[str, Question]] = {}
        self.kinds: tuple[str, ...] = ()
        self.warnings: list[str] = []
        self._problems: dict[Path, list[Problem]] = {}
        self._elsewhere: list[Problem] = []
        self._holding: set[Path] = set()
        self._refused: set[Path] = set()

    def tell(self, path: Path, found: str, fix: str, at: tuple[int, int] | None = None) -> None:
        """
        A problem of the value at *path*, or of a key that should be there.

        Args:
            at: From where to where in the value the fault is, to point at it.
        """
        entry, shown = self._entry(path)
        excerpt = self._pointed(entry.value, at) if at is not None else ()
        problem = Problem(entry.file, entry.line, join(shown), found, fix, excerpt)
        told = self._problems.setdefault(path, [])
        if problem not in told:
            told.append(problem)
        self._holding.update(path[:depth] for depth in range(len(path) + 1))

    @staticmethod
    def _pointed(value: Node, at: tuple[int, int]) -> tuple[str, ...]:
        text = (value.text or "") if isinstance(value, Scalar) else ""
        # Where a variable stands in it, the places in what was read are not those in what is written.
        return (quote(text, 100),) if "$" in text else pointed(text, at)

    def refuse(self, path: Path, found: str, fix: str) -> None:
        """As `tell`, for a key that is not taken at all: what is wrong with it or inside it does not matter."""
        self._refused.add(path)
        self._problems.pop(path, None)
        self.tell(path, found, fix)

    def is_told(self, path: Path) -> bool:
        """Whether a problem of this very value is known."""
        return path in self._problems

    def is_wrong(self, path: Path) -> bool:
        """Whether a problem is known of the value at *path*, of anything in it, or of what holds it."""
        return path in self._holding or any(path[:depth] in self._problems for depth in range(len(path)))

    def problems(self) -> list[Problem]:
        """In the order of the files."""
        kept = [
            problem
            for path, problems in self._problems.items()
            if not any(path[:depth] in self._refused for depth in range(len(path)))
            for problem in problems
        ]
        return sorted([*kept, *self._elsewhere], key=lambda problem: (problem.file, problem.line))

    def written(self, path: Path) -> str:
        """The value at *path* as it stands in the file, before any variable is put in: what a message may show."""
        value = self._entry(path)[0].value
        return quote(value.text or "") if isinstance(value, Scalar) else "this"

    def kind(self, path: Path) -> str:
        """What stands at *path*, without showing it."""
        value = self._entry(path)[0].value
        return (
            "a group of keys" if isinstance(value, Group) else "a list" if isinstance(value, Listing) else "one value"
        )

    def keys(self, path: Path) -> list[str]:
        """The keys that stand at *path* in the files, whatever is wrong in them."""
        value = self._entry(path)[0].value
        return list(value.entries) if isinstance(value, Group) else []

    def where(self, path: Path) -> str:
        """`config.yaml:14  services.orders...`, for a warning."""
        entry, shown = self._entry(path)
        return f"{entry.file}:{entry.line}  {join(shown)}"

    def beside(self, name: str, path: Path) -> FilePath:
        """What *name*, the value at *path*, points to: a relative one is relative to the file that sets it."""
        named = FilePath(name)
        with suppress(RuntimeError):  # ~ of a user that there is not: then it is a name like any other
            named = named.expanduser()
        return (FilePath(self._entry(path)[0].file).parent / named).absolute()

    def text(self, path: Path) -> str | None:
        """The single value at *path*, with environment variables put in; None when none can be had."""
        value = self._entry(path)[0].value
        if len(self._entry(path)[1]) < len(path) or not isinstance(value, Scalar) or value.text is None:
            return None
        return self._interpolated(value.text, path) if "$" in value.text else value.text

    def data(self) -> dict[str, object]:
        """The tree as plain dicts, lists and text, with environment variables put in. Keys `x-...` are left out."""
        return {
            key: self._plain(entry.value, (key,))
            for key, entry in self.root.entries.items()
            if not key.startswith("x-")  # a place for anchors, as in compose files
        }

    def file_path(self, name: str, path: Path) -> FilePath:
        """
        Where a `*_file` key points: among systemd's credentials when it is there, else beside the config. The file
        `secrets/hook` of a folder that is loaded as the credential `secrets` is called `secrets_hook` there.
        """
        file = self._credential(name) or self.beside(name, path)
        self.looked_at.setdefault(file, stamp(file))
        return file

    def file_path_at(self, name: str, file: str) -> FilePath:
        """Where *name* points that stands in *file*, which the config names: beside that one."""
        found = (FilePath(file).parent / name).absolute()
        self.looked_at.setdefault(found, stamp(found))
        return found

    def tell_of(self, problems: Sequence[Problem]) -> None:
        """Problems in a file that the config names, with their places there."""
        self._elsewhere += problems

    def _credential(self, name: str) -> FilePath | None:
        credentials = self.environ.get("CREDENTIALS_DIRECTORY")
        if credentials and not FilePath(name).is_absolute():
            for known_as in (name, name.replace("/", "_")):
                credential = FilePath(credentials, known_as)
                with suppress(OSError):  # no right to look, or too long for a name: then it is not there
                    if credential.is_file():
                        return credential
        return None

    def file_content(self, name: str, path: Path) -> str:
        """The secret in the file that the value at *path* names, trimmed; empty when there is none, which is told."""
        # The name is not shown either: whoever takes `*_file` for the secret itself writes the secret here.
        file = self.file_path(name, path)
        try:
            with file.open("rb") as stream:
                content = stream.read(_MAX_SECRET_BYTES + 1).decode()
        except OSError as error:
            why = os.strerror(error.errno).lower() if error.errno else "it cannot be read"
            self.tell(
                path,
                f"the file cannot be read: {why}",
                "Correct the name; a relative one is looked for beside this file.",
            )
            return ""
        except UnicodeDecodeError:
            self.tell(path, "the file is not text", "Write the secret into it as UTF-8.")
            return ""
        if len(content) > _MAX_SECRET_BYTES or not content.strip():
            found = "is empty" if not content.strip() else "is too large for a secret"
            self.tell(path, f"the file {found}", "Write the secret alone into it.")
            return ""
        self.files[path] = content.strip()
        return content.strip()

    def _entry(self, path: Path) -> tuple[Entry, Path]:
        """The nearest there is to *path*, and the path to show: the one asked for when only its last key is absent."""
        entry = Entry(self.root.file, 0, self.root)
        for depth, step in enumerate(path):
            node = entry.value
            if isinstance(node, Group) and isinstance(step, str) and step in node.entries:
                entry = node.entries[step]
            elif isinstance(node, Listing) and isinstance(step, int) and step < len(node.items):
                entry = Entry(node.items[step].file, node.items[step].line, node.items[step])
            else:
                # A URL that stands for `http:` has no such key in the file, and is shown without it.
                return entry, path if isinstance(node, Group) else path[:depth]
        return entry, path

    def _plain(self, node: Node, path: Path) -> object:
        if isinstance(node, Group):
            return {key: self._plain(entry.value, (*path, key)) for key, entry in node.entries.items()}
        if isinstance(node, Listing):
            return [self._plain(item, (*path, index)) for index, item in enumerate(node.items)]
        if node.text is None:
            self.tell(path, "has no value", "Give it one, or remove the key.")
            return None
        return self._interpolated(node.text, path) if "$" in node.text else node.text

    def _interpolated(self, text: str, path: Path) -> str | None:
        """*text* with `${NAME}` replaced and `$$` made `$`. None when a variable is missing, which is told."""
        complete = True

        def replaced(match: re.Match[str]) -> str:
            nonlocal complete
            if match[0] == "$$":
                return "$"
            variable = match[1]
            # A malformed one is not quoted back: it may be a secret that holds a dollar sign.
            if not match[0].endswith("}") or not _VARIABLE.fullmatch(variable):
                self.tell(path, "holds ${ without the name of a variable", "Write ${NAME}; write $$ for a dollar sign.")
                complete = False
            elif not self.environ.get(variable):
                state = "is empty" if variable in self.environ else "is not set"
                self.tell(path, f"the environment variable {variable} {state}", f"Set {variable}, or write the value.")
                complete = False
            else:
                self.substituted.setdefault(path, {})[variable] = self.environ[variable]
                return _as_itself(self.environ[variable], path)
            return ""

        filled = _DOLLAR.sub(replaced, text)
        return filled if complete else None


_TEMPLATES = ("http", "headers", "body", "bearer")
"""Keys of a step of a journey in which two braces begin the name of a value."""


def _as_itself(value: str, path: Path) -> str:
    """What a variable holds is never read as the name of a value."""
    if path[4:5] != ("journey",) or not {*path[6:7]}.intersection(_TEMPLATES):
        return value
    from checks.templates import literal

    return literal(value)

"""
Where the config is, and where the daemon of a config is: what a command has to know to ask it.

Reading the whole config costs a command more time than the daemon's answer, and a config that somebody is in the middle
of editing would keep everybody from taking an incident. So the few lines that matter are looked for as text. That is
done where they are written in the plain way alone; everywhere else None is the answer, and the config is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SEARCHED = (Path("config.yaml"), Path("/etc/watchkeeper/config.yaml"))
SYSTEM_CONFIG = Path("/etc/watchkeeper")
SYSTEM_STATE = Path("/var/lib/watchkeeper")
"""The state of a configuration in /etc: nothing may be written there."""
LISTEN = ("127.0.0.1", 8700)
"""Where the daemon listens when nobody says."""

_KEYS = ("state", "listen", "token_file")
_MOST_BYTES = 8 * 1024 * 1024
_MOST_SECRET_BYTES = 64 * 1024
_TOP = re.compile(r"([A-Za-z_][\w-]*):(?: .*)?")
_KEY = re.compile(r"([a-z_]+):(?: +(.*?))? *")
_PLAIN = re.compile(r"[\w./](?:[\w./:~ -]*[\w./~-])?")
_QUOTED = re.compile(r"\"([\w./:\[\]~ -]+)\"|'([\w./:\[\]~ -]+)'")
_COMMENT = re.compile(r"(?:^|\s+)#.*")
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """
    Attributes:
        state: The state folder.
        host, port: Where the daemon listens; of port 0 only the daemon knows what became.
        token: As the file says that the config names; None when it is in the state folder.
    """

    state: Path
    host: str
    port: int
    token: str | None = None

    def __repr__(self) -> str:
        return f"Whereabouts(state={self.state!r}, host={self.host!r}, port={self.port})"


def default_paths() -> tuple[Path, ...]:
    """Where the config is when nobody says: here, else in /etc. The first that exists, or the first of all."""
    return next(((path,) for path in SEARCHED if path.exists()), SEARCHED[:1])


def files_of(path: Path) -> list[Path]:
    """What *path* means: itself, or the files of a folder in the order of their names."""
    return sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else [path]


def default_state(base: Path, environ: Mapping[str, str]) -> Path:
    """Where systemd's StateDirectory= says; a command that is run beside the daemon has to find the same."""
    if given := environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(given)
    base = base.absolute()
    return SYSTEM_STATE if base.is_relative_to(SYSTEM_CONFIG) else base / "state"


def base_of(paths: Sequence[Path]) -> Path:
    """The folder of the config, for defaults that no file sets."""
    return paths[0] if paths[0].is_dir() else paths[0].parent


def whereabouts(paths: Sequence[Path], environ: Mapping[str, str]) -> Whereabouts | None:
    """
    As `monitor.config.load` would find it; None where only that can tell.

    Args:
        paths, environ: As of `load`.
    """
    given = tuple(paths) or default_paths()
    found: dict[str, tuple[str, Path]] = {}
    try:
        for file in {file.resolve(): file for path in given for file in files_of(path)}.values():
            values = _values(_text(file, _MOST_BYTES))
            if values is None or found.keys() & values.keys():
                return None
            found |= {key: (value, file) for key, value in values.items()}
        return _built(found, base_of(given), environ)
    except (OSError, ValueError, RuntimeError):
        return None  # whatever it is, who reads the config says it better


def _text(file: Path, most: int) -> str:
    with file.open("rb") as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise ValueError(f"larger than {most} bytes")
    return data.decode()


def _values(text: str) -> dict[str, str] | None:
    """What stands under `monitor:` of the keys that matter; None when it is not plain enough to be seen at a glance."""
    lines = text.split("\n")
    top = [at for at, line in enumerate(lines) if line[:1] not in ("", " ", "#")]
    if top and lines[top[0]] == "---":
        del top[0]
    keys = [_TOP.fullmatch(lines[at].rstrip()) for at in top]
    if "\t" in text or "\r" in text or not all(keys):
        return None
    ours = [n for n, key in enumerate(keys) if key is not None and key[1] == "monitor"]
    if not ours:
        return {}
    begin, end = top[ours[0]], [*top, len(lines)][ours[0] + 1]
    return (
        None
        if len(ours) > 1 or _COMMENT.sub("", lines[begin]).rstrip() != "monitor:"
        else _of_block(lines[begin + 1 : end])
    )


def _of_block(lines: Sequence[str]) -> dict[str, str] | None:
    found: dict[str, str] = {}
    depth, deeper_is_ours = 0, False
    for line in lines:
        inside = line.lstrip(" ")
        if not inside or inside.startswith("#"):
            continue
        here = len(line) - len(inside)
        depth = depth or here
        if here > depth and not deeper_is_ours:
            continue
        key = _KEY.fullmatch(inside)
        if here != depth or key is None:
            return None
        if deeper_is_ours := key[1] in _KEYS:
            value = _plain(_COMMENT.sub("", key[2] or ""))
            if value is None or key[1] in found:
                return None
            found[key[1]] = value
    return found


def _plain(written: str) -> str | None:
    """A value in which neither YAML nor we read more than the text that it is."""
    if quoted := _QUOTED.fullmatch(written):
        return quoted[1] or quoted[2]
    odd = ": " in written or written.lower() == "null"
    return written if _PLAIN.fullmatch(written) and not odd else None


def _built(found: Mapping[str, tuple[str, Path]], base: Path, environ: Mapping[str, str]) -> Whereabouts | None:
    def beside(key: str) -> Path:
        name, file = found[key]
        return (file.parent / Path(name).expanduser()).absolute()

    host, port = LISTEN
    if "listen" in found:
        address = _ADDRESS.fullmatch(found["listen"][0].strip())
        if address is None or int(address[3]) > 65535:
            return None
        host, port = _host(address), int(address[3])
    state = beside("state") if "state" in found else default_state(base, environ)
    if "token_file" not in found:
        return Whereabouts(state, host, port)
    token = _text(beside("token_file"), _MOST_SECRET_BYTES).strip()
    # Among systemd's credentials there may be another of that name.
    return Whereabouts(state, host, port, token) if token and "CREDENTIALS_DIRECTORY" not in environ else None


def _host(address: re.Match[str]) -> str:
    if address[1] is None:
        return address[2]
    from ipaddress import ip_address

    ip_address(address[1])
    return address[1]

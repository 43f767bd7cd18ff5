"""
The token that whoever writes must show: the configured one, or one that is made once in the state folder.

The daemon makes it; the command line only reads it, as the same user.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

FILE_NAME = "token"


class TokenError(Exception):
    """There is no token to use. `str()` names the file and the remedy, never the token."""


def read_or_create_token(configured: str | None, state: Path) -> str:
    """
    For the daemon.

    Args:
        configured: What the configuration read from `monitor.token_file`; None makes `state/token`, for its owner only.
    """
    path = state / FILE_NAME
    if configured is None and not path.exists():
        _create(path)
    return read_token(configured, state)


def read_token(configured: str | None, state: Path) -> str:
    """For the command line: creates nothing. Raises TokenError."""
    if configured is not None:
        return configured
    path = state / FILE_NAME
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise TokenError(f"{path}: there is no token file; it is made when the daemon starts: monitor run") from None
    except OSError as error:
        raise TokenError(f"{path}: {error.strerror}; the token is for the user who runs the daemon") from None
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable() or " " in text:
        # An empty token would let everybody in.
        raise TokenError(f"{path}: does not hold a token; remove it and restart the daemon, which makes a new one")
    return text


def _create(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Written aside and linked into place: whoever finds the file finds the whole token, and of two daemons that
        # start at once one wins and both read the same.
        aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, secrets.token_urlsafe(32).encode() + b"\n")
            os.fsync(descriptor)
            os.link(aside, path)
        except FileExistsError:
            return
        finally:
            os.close(descriptor)
            aside.unlink()
    except OSError as error:
        raise TokenError(f"{path}: cannot be made: {error.strerror}; make the state folder writable") from None

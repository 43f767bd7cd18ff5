"""What whoever ran a mitigation tells of it, looked through: it may do what we may not, and is not trusted for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from monitor.daemon.runners import Word
from monitor.response.mitigation_runs import Outcome, Ran
from monitor.terminal import escaped

SHOWN: Final = 2048
"""Characters of its output, the last: a ticket is read at night."""

Hide = Callable[[str], str]
"""A text without the secrets that are in it."""


def outcome_of(said: Word, timeout: float, hide: Hide) -> Outcome:
    """
    Args:
        said: An `Ended` as a JSON object; empty where nobody told anything.
        timeout: That it had, in seconds.
    """
    if not said:
        words = "may have run, in part or to its end: whoever ran it went without a word"
        return Outcome(ran=Ran.UNKNOWN, words=words)
    if error := said.get("error"):
        return Outcome(ran=Ran.NO, words=f"was not run: {shown(str(error), hide)}")
    code, number, seconds = said.get("code"), said.get("killed_by"), said.get("seconds")
    if late := bool(said.get("late")):
        words = f"did not end within {timeout:g} s, and was ended"
    elif isinstance(code, int):
        words = f"ended with exit code {code}"
    else:
        words = f"was ended by signal {number if isinstance(number, int) else 'unknown'}"
    return Outcome(
        ran=Ran.YES,
        words=words,
        code=code if isinstance(code, int) and not late else None,
        took=float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < 1e6 else None,
        output=shown(str(said.get("output", "")), hide),
    )


def shown(output: str, hide: Hide) -> str:
    """No secret in it, no terminal obeys it, and no more than people read."""
    masked = hide(output)[-SHOWN:]
    return "\n".join(line for line in (escaped(part.rstrip()) for part in masked.splitlines()) if line)

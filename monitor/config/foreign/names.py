"""Names of ours from names that may be anything."""

from __future__ import annotations

import re
import unicodedata

from monitor.config.values import NAME

LONGEST = 63
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "å": "a", "ł": "l", "đ": "d"})


def cleaned(original: str, fallback: str) -> str:
    """*original* as a name that ids and metrics can carry; begins with *fallback* where it begins with no letter."""
    plain = unicodedata.normalize("NFKD", original.translate(_LETTERS)).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._")
    if not name[:1].isalpha():
        name = f"{fallback}-{name}" if name else fallback
    return name[:LONGEST].rstrip("-._")


class Names:
    """Names that were given so far; no two are alike in any case, as file systems may not tell them apart."""

    def __init__(self, *taken: str) -> None:
        self._taken = {name.casefold() for name in taken}

    def take(self, original: str, fallback: str) -> str:
        name = first = cleaned(original, fallback)
        number = 2
        while name.casefold() in self._taken:
            ending = f"-{number}"
            name = first[: LONGEST - len(ending)] + ending
            number += 1
        self._taken.add(name.casefold())
        return name


def is_name(text: str) -> bool:
    return re.fullmatch(NAME, text) is not None


def variable(*words: str) -> str:
    """The name of an environment variable, made of *words*."""
    name = re.sub(r"[^A-Z0-9]+", "_", "_".join(cleaned(word, "X") for word in words if word).upper()).strip("_")
    return name if name[:1].isalpha() else f"X_{name}"

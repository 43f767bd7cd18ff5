"""
Secrets in the files of other tools. None is printed: a variable of the environment is named in its place, and told.

A secret is known by what its key, header or parameter is called, also within a body that is JSON or a form.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import unquote

from monitor.config.foreign.names import variable
from monitor.config.foreign.place import Place, literal
from monitor.config.foreign.told import Word
from monitor.config.values import TELLING_NAME

_PARAMETER = re.compile(r"([?&])([^=&#]+)=([^&#]+)")
_MEMBER = re.compile(r'("([^"\\]{1,64})"\s*:\s*")((?:[^"\\]|\\.)+)(?=")')
_FIELD = re.compile(r"((?:^|(?<=&))([\w.-]{1,64})=)([^&\s]+)")
_USER = re.compile(r"^([a-z][a-z0-9+.-]*://)([^/?#@]*)@", re.IGNORECASE)


class Secrets:
    """Which variables stand for secrets. The same secret has the same variable wherever it stands."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}
        self._places: list[tuple[str, Place]] = []

    def tell(self, named: Collection[str]) -> None:
        """Tells the variables that are to be set: those of them that are *named* in what is printed."""
        for name, place in self._places:
            if name in named:
                fix = f"Set the environment variable {name} to it."
                place.tell(Word.TO_SET, "holds a secret, which is not printed", fix)

    def stand_in(self, place: Place, value: str, *words: str) -> str:
        """
        `${NAME}` for the secret *value* that stands at *place*; *value* itself when it is a variable already.

        Args:
            words: What its name is made of.
        """
        if re.search(r"\$\{\w+\}", value.replace("$$", "")):
            return value
        name = next((known for known, secret in self._secrets.items() if secret == value), None)
        if name is None:
            name = first = variable(*words)
            number = 2
            while name in self._secrets:
                name = f"{first}_{number}"
                number += 1
            self._secrets[name] = value
        self._places.append((name, place))
        return f"${{{name}}}"

    def header(self, place: Place, name: str, value: str, *words: str) -> str:
        return self.stand_in(place, value, *words, name) if TELLING_NAME.search(name) else value

    def of_body(self, place: Place, body: str, *words: str) -> str:
        """*body* without the secrets among the members of JSON, or the fields of a form."""

        def hidden(member: re.Match[str]) -> str:
            before, key, value = member.groups()
            return before + (self.stand_in(place, value, *words, key) if TELLING_NAME.search(key) else value)

        return _MEMBER.sub(hidden, body) if '"' in body else _FIELD.sub(hidden, body)

    def of_url(self, place: Place, url: str, *words: str) -> tuple[str, dict[str, str]]:
        """*url* without its secrets, and the `basic:` for the user that it named."""
        basic: dict[str, str] = {}
        if named := _USER.match(url):
            url = named[1] + url[named.end() :]
            user, _, password = named[2].partition(":")
            if password:
                secret = self.stand_in(place, _unquoted(password), *words, "password")
                basic = {"user": _unquoted(user), "password": secret}
            elif user:
                place.leave_out("its user has no password", "Write its Authorization header under headers:.")

        def hidden(parameter: re.Match[str]) -> str:
            mark, key, value = parameter.groups()
            return f"{mark}{key}={self.stand_in(place, value, *words, key) if TELLING_NAME.search(key) else value}"

        return _PARAMETER.sub(hidden, url), basic


def shown(address: str) -> str:
    """An address for people: without its user, and without what a parameter holds that tells of a secret."""
    bare = re.sub(r"^([a-zA-Z][a-zA-Z0-9+.-]*://)?[^/?#]*@", r"\1", address)
    return _PARAMETER.sub(
        lambda found: f"{found[1]}{found[2]}=***" if TELLING_NAME.search(found[2]) else found[0], bare
    )


def _unquoted(text: str) -> str:
    """Out of a URL's spelling; what comes out of it as a dollar sign begins no variable."""
    return re.sub(r"(?:%[0-9A-Fa-f]{2})+", lambda found: literal(unquote(found[0])), text)

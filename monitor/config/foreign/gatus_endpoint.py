"""An endpoint of gatus: what its URL names, how long it may take, and what its conditions say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from monitor.config.document import Scalar
from monitor.config.foreign import durations
from monitor.config.foreign.place import Place, Refused, scalar
from monitor.config.foreign.plan import Written
from monitor.config.foreign.secret import Secrets
from monitor.config.foreign.told import Word
from monitor.config.places import target
from monitor.config.problems import Wrong

Check = dict[str, Written]

_SIDES: Final = re.compile(r"^\s*(\[[A-Z_]+\]\S*)\s+(==|!=|<=|>=|<|>)\s+(.*?)\s*$", re.IGNORECASE)


@dataclass(slots=True)
class Endpoint:
    """
    Attributes:
        words: What the names of its variables are made of.
        timeout: The longest that an attempt may take, and what says so; None is the default, of gatus as of ours.
        notes: For a comment beside the check.
    """

    place: Place
    url: str
    secrets: Secrets
    words: tuple[str, ...]
    timeout: tuple[Place, float] | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def client(self) -> Place | None:
        return self.place.get("client")

    def at_most(self, place: Place, seconds: float) -> None:
        if self.timeout is None or seconds < self.timeout[1]:
            self.timeout = (place, seconds)

    def read_timeout(self) -> None:
        given = self.client.get("timeout") if self.client else None
        seconds = durations.go_seconds((given.text() or "").strip()) if given else None
        if given is not None and seconds is not None and seconds >= 0.001:
            self.at_most(given, seconds)
        elif given is not None:
            given.tell(Word.CHANGED, "is not a duration that can be read", "It has the default.")

    def host(self, port: int | None = None) -> str:
        """HOST:PORT of a URL like `tcp://HOST:PORT`."""
        rest = re.sub(r"^\w+://", "", self.url).rstrip("/")
        where = self.place.get("url") or self.place
        if "${" in rest:
            return rest
        try:
            host, given = target(rest)
        except Wrong as wrong:
            raise Refused(where, wrong.found.replace("{value}", "it"), wrong.fix) from None
        number = given or port
        if number is None:
            raise Refused(where, "has no port", "Write HOST:PORT behind the scheme.")
        return f"[{host}]:{number}" if ":" in host else f"{host}:{number}"

    def conditions(self) -> Iterator[tuple[Place, str, str, str, str]]:
        """Each condition: its place, its text, and its placeholder, operator and value, empty where it has none."""
        given = self.place.get("conditions")
        for place in given.items() if given else ():
            text = place.text()
            if text is None:
                continue
            sides = _SIDES.match(text)
            yield place, text, *((sides[1].upper(), sides[2], sides[3]) if sides else ("", "", ""))

    def judge_plainly(self, *held: tuple[str, str]) -> Iterator[tuple[Place, str, str, str]]:
        """
        The conditions of a kind that has none here, those excepted that it keeps by itself: that there is a
        connection, how long it may take, and *held*.
        """
        for place, _, asked, operator, value in self.conditions():
            if asked == "[CONNECTED]":
                if (operator, value) not in (("==", "true"), ("!=", "false")):
                    raise Refused(place, "wants that there is no connection", "Only http checks can, with expect:.")
            elif asked == "[RESPONSE_TIME]" and operator in ("<", "<=") and (longest := condition_seconds(value)):
                self.at_most(place, longest)
            elif (asked, f"{operator} {value}") not in held:
                yield place, asked, operator, value


def condition_seconds(value: str) -> float | None:
    """Of a duration in a condition, where a number alone is of milliseconds."""
    return float(value[:12]) / 1000 if re.fullmatch(r"\d+", value, re.ASCII) else durations.go_seconds(value)


def address_of(endpoint: Endpoint, port: int | None = None) -> Scalar:
    return scalar(endpoint.place.get("url") or endpoint.place, endpoint.host(port))

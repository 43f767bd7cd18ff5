"""
What the daemon and the prober say to each other: frames of a 4-byte big-endian length and one msgpack message.

Both ends come from the same installation, so there is no version in a frame; a frame that cannot be read means that
one side is broken, and the supervisor replaces the prober. Only a kind that is plugged in may be another one here or
not there any more, as its package is not ours: that concerns its own checks alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from checks.check import Check, Question, Retry
from checks.kinds import Kind, kind
from checks.result import CheckResult
from checks.unusable import Unusable, instead_of
from monitor import crossing
from monitor.probing.lag import Lag

MAX_FRAME = 16 * 1024 * 1024  # bytes; a length beyond it is garbage, and must not become an allocation
_HEADER = 4


class WireError(Exception):
    """The other side sent what is not a message. Nothing after it on this connection can be trusted."""


class WireCheck(msgspec.Struct, frozen=True, array_like=True):
    """A `Check` whose question says of which kind it is: msgspec cannot tell two dataclasses of a union apart."""

    service: str
    name: str
    kind: str
    question: msgspec.Raw
    interval: float
    timeout: float
    retry: Retry | None


class Configure(msgspec.Struct, frozen=True, tag="configure"):
    """
    To the prober: watch these checks, and no others.

    Attributes:
        references: URLs that tell whether we are online at all.
        origin: Of the daemon's steady timeline, see `SteadyClock`.
    """

    checks: tuple[WireCheck, ...]
    references: tuple[str, ...]
    origin: float
    boot_id: str


class Amend(msgspec.Struct, frozen=True, tag="amend"):
    """
    To the prober: what is changed of what it was configured with. What is not named goes on undisturbed.

    Attributes:
        put: New checks, and those that are different from now on.
        gone: Identities.
        references: All of them.
        since: From when on the daemon expects results of *put*, in seconds of the steady timeline.
    """

    put: tuple[WireCheck, ...]
    gone: tuple[str, ...]
    references: tuple[str, ...]
    since: float


class Faster(msgspec.Struct, frozen=True, tag="faster"):
    """To the prober: these services, and no others, get extra probes."""

    services: tuple[str, ...]


class Finish(msgspec.Struct, frozen=True, tag="finish"):
    """To the prober: send what you have and end."""


class Demand(msgspec.Struct, frozen=True, tag="demand"):
    """
    To the prober: probe this now, and answer by an `Asked`.

    Attributes:
        number: By which the answer is known.
        module: `checks.blackbox.modules.Module`, which only those need to know who are asked.
        timeout: Seconds.
    """

    number: int
    target: str
    module: msgspec.Raw
    timeout: float


class Asked(msgspec.Struct, frozen=True, tag="asked"):
    """
    To the daemon: what became of a `Demand`.

    Attributes:
        took: Seconds.
        samples: Name, labels, value.
        log: A line each.
        error: Why it was not probed, where that is our own trouble.
    """

    number: int
    success: bool
    took: float
    samples: tuple[tuple[str, tuple[tuple[str, str], ...], float], ...]
    log: tuple[str, ...]
    error: str = ""


class Batch(msgspec.Struct, frozen=True, tag="batch"):
    """
    To the daemon.

    Attributes:
        dropped: Results thrown away since the last batch because the daemon did not read. They are missing.
    """

    results: tuple[CheckResult, ...]
    dropped: int
    lag: Lag


class Heartbeat(msgspec.Struct, frozen=True, tag="heartbeat"):
    """
    To the daemon, each second.

    Attributes:
        missed: Slots that were never begun, since this prober started.
    """

    at: datetime
    checks: int
    in_flight: int
    missed: int
    lag: Lag


class Remark(msgspec.Struct, frozen=True, tag="remark"):
    """To the daemon: a line for its log. `level` is a name of loguru's."""

    level: str
    text: str


Message = Configure | Amend | Faster | Finish | Demand | Asked | Batch | Heartbeat | Remark

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def configure(checks: Iterable[Check], references: Iterable[str], origin: float, boot_id: str) -> Configure:
    return Configure(tuple(map(_to_wire, checks)), tuple(references), origin, boot_id)


def amend(put: Iterable[Check], gone: Iterable[str], references: Iterable[str], since: float) -> Amend:
    return Amend(tuple(map(_to_wire, put)), tuple(gone), tuple(references), since)


def demand(number: int, target: str, module: object, timeout: float) -> Demand:
    return Demand(number, target, msgspec.Raw(_encoder.encode(module)), timeout)


def checks_of(message: Configure | Amend) -> tuple[Check, ...]:
    """Raises WireError for a question of our own kinds that cannot be read; one of a plugged kind becomes unusable."""
    broken: dict[str, Unusable] = {}
    return tuple(
        _from_wire(wire, broken) for wire in (message.checks if isinstance(message, Configure) else message.put)
    )


def encode(message: Message) -> bytes:
    """Raises WireError for a message that the other side would refuse as too large."""
    payload = _encoder.encode(message)
    if len(payload) > MAX_FRAME:
        raise WireError(f"a message of {len(payload)} bytes; at most {MAX_FRAME} fit a frame")
    return len(payload).to_bytes(_HEADER, "big") + payload


class Frames:
    """Puts the bytes of a stream, however they were cut, together to messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that *data* completes. Raises WireError, after which this object is of no more use."""
        self._buffer += data
        messages: list[Message] = []
        start = 0
        while (end := self._end_of_frame(start)) is not None:
            # A copy, because a decoded question keeps a view of what it was read from.
            messages.append(_decode(bytes(self._buffer[start + _HEADER : end])))
            start = end
        del self._buffer[:start]
        return messages

    def _end_of_frame(self, start: int) -> int | None:
        if len(self._buffer) - start < _HEADER:
            return None
        length = int.from_bytes(self._buffer[start : start + _HEADER], "big")
        if not 0 < length <= MAX_FRAME:
            raise WireError(f"a frame of {length} bytes; it must have 1 to {MAX_FRAME}")
        end = start + _HEADER + length
        return end if len(self._buffer) >= end else None


def _decode(payload: bytes) -> Message:
    try:
        return _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"a frame of {len(payload)} bytes is not a message: {error}") from error


def _to_wire(check: Check) -> WireCheck:
    question = check.question
    return WireCheck(
        check.service,
        check.name,
        question.kind,
        msgspec.Raw(crossing.written(question)),
        check.interval,
        check.timeout,
        check.retry,
    )


def _from_wire(wire: WireCheck, broken: dict[str, Unusable]) -> Check:
    return Check(
        service=wire.service,
        name=wire.name,
        question=_question(wire, broken),
        interval=wire.interval,
        timeout=wire.timeout,
        retry=wire.retry,
    )


def _question(wire: WireCheck, broken: dict[str, Unusable]) -> Question:
    """*broken*: kinds that cannot be used, of this message: an import that fails may take its time each time."""
    try:
        if wire.kind in broken:
            raise broken[wire.kind]
        return _read(wire, kind(wire.kind))
    except KeyError:
        broken[wire.kind] = Unusable(f"the kind {wire.kind} is not plugged in any more")
    except Unusable as fault:
        broken[wire.kind] = fault
    return instead_of(wire.kind, broken[wire.kind])


def _read(wire: WireCheck, of: Kind) -> Question:
    try:
        return crossing.read(wire.question, of.question)
    except Exception as error:  # a dataclass that is not ours may raise anything
        if of.plugged:
            raise Unusable(f"the kind {wire.kind} does not understand its own question; restart the daemon") from None
        raise WireError(f"{wire.service}/{wire.name}: not a {wire.kind}: {error}") from error

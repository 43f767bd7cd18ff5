"""How a question crosses to the prober: as msgpack, read there with the dataclass of its kind."""

from __future__ import annotations

import msgspec

from checks.check import Question
from checks.secret import Secret


def written(question: Question) -> bytes:
    """Raises TypeError, or one of msgspec's, for what cannot cross."""
    return _encoder.encode(question)


def read(data: bytes | msgspec.Raw, of: type[Question]) -> Question:
    """Raises msgspec.DecodeError, and of a plugged-in kind whatever its dataclass raises."""
    return msgspec.msgpack.decode(data, type=of, dec_hook=secret_of)


def secret_of(wanted: type, value: object) -> Secret:
    """For msgspec: the one type of ours that it does not know."""
    if wanted is Secret and isinstance(value, str):
        return Secret(value)
    raise TypeError(f"a {wanted.__name__} cannot be read")


def _revealed(value: object) -> str:
    """It crosses as it is: the socket pair is nobody else's."""
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"a {type(value).__name__} cannot cross to the prober")


_encoder = msgspec.msgpack.Encoder(enc_hook=_revealed)

"""A conversation over a connection, as data: what a check kind wants said and heard, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from checks.exchange import Answer
from checks.family import Family

MAX_HEARD: Final = 65536
"""Bytes that a target may say in one conversation. It is asked for lines, and not for its contents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """
    One step of a script; exactly one of `send`, `expect`, `expect_bytes`, `expect_sized` and `starttls` is set.

    Attributes:
        send: Sent as it is, but for `$1` to `$9`, which stand for the groups of the last `expect`; `$$` is a `$`.
        expect: A regular expression that is searched in each line as it comes, until one matches.
        refuse: With `expect`: a line that matches this instead ends the conversation as failed, at once.
        expect_bytes: Exactly these bytes come next.
        expect_sized: Two bytes come next that tell how many follow, the greater first, and those that follow.
        starttls: From here on the connection is secured.
    """

    send: bytes | None = field(default=None, repr=False)  # may be a password
    expect: str | None = None
    refuse: str | None = None
    expect_bytes: bytes | None = None
    expect_sized: bool = False
    starttls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """
    How a connection is secured.

    Attributes:
        name: What the certificate must be for, and what is asked for (SNI). Empty: the host that was connected to.
        ca_file: Authorities to trust instead of the system's.
        certificate, key: PEM files of the certificate that we show, and of its key.
        version: `1.2` or `1.3`: the only one that is spoken. Empty: either.
    """

    name: str = ""
    verify: bool = True
    ca_file: str | None = None
    certificate: str | None = None
    key: str | None = None
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRequest:
    """
    Attributes:
        url: `tcp://HOST:PORT` or `unix:PATH`.
        security: How it is secured: from the beginning, or where the script says `starttls`. None: not at all.
        timeout: Seconds for the whole conversation, name lookup to last step.
        ip: The addresses of the name that are used. None: whichever connects first.
        source: Address of ours to ask from; empty: as the system chooses.
    """

    url: str
    script: tuple[Step, ...] = ()
    security: Security | None = None
    timeout: float = 10.0
    ip: Family | None = None
    source: str = ""

    @property
    def secures_itself(self) -> bool:
        """Whether the script begins in the clear."""
        return any(step.starttls for step in self.script)

    @property
    def listens(self) -> bool:
        """Whether anything must be said there."""
        return bool(self.script)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketRequest(StreamRequest):
    """
    Each `send` of the script is a text message, and each `expect` is searched in the messages that come.

    Attributes:
        resource: The `ws://` or `wss://` URL that `url` is the place of.
        headers: Sent with the opening handshake.
        subprotocols: Offered; the target must choose one of them.
    """

    resource: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # often a secret
    subprotocols: tuple[str, ...] = ()

    @property
    def listens(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """
    Attributes:
        subject, issuer: One line each, as `CN=example.com,O=Example`.
        begins_in, expires_in: Seconds from the handshake; negative for what is past.
        expires_at: Unix time.
        der: The whole of it.
    """

    subject: str
    issuer: str
    begins_in: float
    expires_in: float
    expires_at: float
    der: bytes = field(default=b"", repr=False)


@dataclass(slots=True, kw_only=True)
class StreamAnswer(Answer):
    """
    Attributes:
        groups: What the last `expect` captured; the whole line first.
        certificates: As the target sent them, its own first. Empty where nothing was secured.
        protocol: `TLSv1.3`, for example; empty where nothing was secured.
    """

    groups: tuple[str, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    protocol: str = ""

    @property
    def expires_at(self) -> float | None:
        """When the first certificate of the chain expires, Unix time."""
        return min((certificate.expires_at for certificate in self.certificates), default=None)

    @property
    def line(self) -> str:
        return self.groups[0] if self.groups else ""

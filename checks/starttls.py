"""How a protocol that begins in the clear is asked for TLS: RFC 3207, 2595, 4217, and PostgreSQL's SSLRequest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from checks.stream import Step

_SECURE: Final = Step(starttls=True)

SCRIPTS: Final[Mapping[str, tuple[Step, ...]]] = {
    "smtp": (
        Step(expect=r"^220( |$)", refuse=r"^[45]\d\d"),
        Step(send=b"EHLO watchkeeper\r\n"),
        Step(expect=r"^250( |$)", refuse=r"^[45]\d\d"),
        Step(send=b"STARTTLS\r\n"),
        Step(expect=r"^220( |$)", refuse=r"^[45]\d\d"),
        _SECURE,
    ),
    "imap": (
        Step(expect=r"^\* OK", refuse=r"^\* (BYE|NO|BAD)"),
        Step(send=b"w1 STARTTLS\r\n"),
        Step(expect=r"^w1 OK", refuse=r"^w1 (NO|BAD)"),
        _SECURE,
    ),
    "pop3": (
        Step(expect=r"^\+OK", refuse=r"^-ERR"),
        Step(send=b"STLS\r\n"),
        Step(expect=r"^\+OK", refuse=r"^-ERR"),
        _SECURE,
    ),
    "ftp": (
        Step(expect=r"^220( |$)", refuse=r"^[45]\d\d"),
        Step(send=b"AUTH TLS\r\n"),
        Step(expect=r"^234( |$)", refuse=r"^[45]\d\d"),
        _SECURE,
    ),
    # Eight bytes of length, then the code 80877103; the answer is one byte, S or N, before anything else may come.
    "postgres": (Step(send=b"\x00\x00\x00\x08\x04\xd2\x16\x2f"), Step(expect_bytes=b"S"), _SECURE),
}

PORTS: Final[Mapping[str, int]] = {"smtp": 25, "imap": 143, "pop3": 110, "ftp": 21, "postgres": 5432}

"""How an HTTP request travels, where that is not the usual way."""

from __future__ import annotations

from dataclasses import dataclass

from checks.family import Family


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """
    Attributes:
        version: `1.1`, `2` or `3`: what is spoken, and nothing else is tried. Empty: what both sides can.
        compressed: Whether a compressed answer is asked for. What is read of it is decompressed.
        proxy: URL of a proxy that is asked instead; empty for none.
        ip: The addresses of the name that are used. None: whichever connects first.
        connect_to: HOST or HOST:PORT that is connected to instead of the one that the URL names.
        certificate, key: PEM files of the certificate that we show, and of its key.
        cookies: Whether what one answer sets is sent along when a redirect is followed.
        groups: What keys may be exchanged by in a TLS handshake, in OpenSSL's form: names between colons, the favourite
            first. Empty: what OpenSSL offers by itself.
        tls_version: `1.2` or `1.3`: the only one that is spoken. Empty: either.
        resume: Seconds for which a TLS session is resumed after its full handshake; 0: every handshake is a full one.
    """

    version: str = ""
    compressed: bool = False
    proxy: str = ""
    ip: Family | None = None
    connect_to: str = ""
    certificate: str | None = None
    key: str | None = None
    cookies: bool = False
    groups: str = ""
    tls_version: str = ""
    resume: float = 0.0

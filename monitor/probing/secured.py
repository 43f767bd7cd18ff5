"""TLS on a connection of our own: what is trusted, what a broken handshake means, which certificates were shown."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from checks.exchange import TransportError
from checks.result import Reason
from checks.stream import Certificate, Security
from checks.urls import clip
from monitor.probing.failures import NO_CERTIFICATES, certificate_words, tls_words

_SHORT: Final = {
    "commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C",
}  # fmt: skip

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Unready(Exception):
    """Nothing to judge a certificate by, or none to show: our trouble, and not the target's."""


class Contexts:
    """
    One for each set of authorities and certificate of ours: reading the system's authorities takes longer than a
    hundred checks.
    """

    def __init__(self, bundle: str | None) -> None:
        self._bundle = bundle
        self._known: dict[Security, ssl.SSLContext] = {}

    def of(self, security: Security) -> ssl.SSLContext:
        """Raises Unready."""
        key = replace(security, name="") if security.name else security
        context = self._known.get(key)
        if context is None:
            context = self._known[key] = self._made(security)
        return context

    def forget(self) -> None:
        """Files of certificates may hold others by now."""
        self._known.clear()

    def _made(self, security: Security) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if security.version:
            context.minimum_version = context.maximum_version = _VERSIONS[security.version]
        if security.certificate is not None:
            try:
                # Without a password it would be asked for at a terminal.
                context.load_cert_chain(security.certificate, security.key, password="")
            except OSError as error:  # ssl.SSLError is one
                raise Unready(f"the certificate that we show cannot be used ({clip(str(error))})") from error
        if not security.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        file = security.ca_file or self._bundle
        try:
            if file is None:
                raise OSError("this machine has no bundle of them")
            context.load_verify_locations(cafile=file)
        except OSError as error:
            raise Unready(f"no CA certificates ({clip(str(error))}): {NO_CERTIFICATES}") from error
        return context


def handshake_failed(where: str, error: OSError, silent: bool) -> TransportError:
    """*silent*: the target had sent nothing until then."""
    if isinstance(error, ssl.SSLCertVerificationError):
        words = certificate_words(error.verify_code, error.verify_message)
        detail = f"certificate of {where} refused: {words}"
        return TransportError(reason=Reason.CERTIFICATE, detail=detail, before_any_byte=False)
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        words = tls_words((error.reason or str(error)).replace("_", " ").lower())
        detail = f"TLS handshake with {where} failed: {words}"
        return TransportError(reason=Reason.TLS, detail=detail, before_any_byte=False)
    return TransportError(
        reason=Reason.RESET, detail=f"{where} hung up during the TLS handshake", before_any_byte=silent
    )


def certificates_of(secured: ssl.SSLSocket) -> tuple[Certificate, ...]:
    """As the target sent them, its own first; whether they are trusted is another question."""
    now = time.time()
    return tuple(_certificate(shown, der, now) for shown, der in _shown(secured))


def _shown(secured: ssl.SSLSocket) -> list[tuple[dict[str, Any], bytes]]:
    # Python 3.13 has a method for it that gives DER, and nothing that reads DER. What it is built on has been the same
    # since 3.10, and reads it as well; without it there is the target's own certificate, if it was verified.
    chain = getattr(getattr(secured, "_sslobj", None), "get_unverified_chain", None)
    if chain is not None:
        return [(one.get_info(), ssl.PEM_cert_to_DER_cert(one.public_bytes())) for one in chain() or ()]
    own = secured.getpeercert()
    return [(own, secured.getpeercert(binary_form=True) or b"")] if own else []


def _certificate(shown: dict[str, Any], der: bytes, now: float) -> Certificate:
    expires_at = ssl.cert_time_to_seconds(shown["notAfter"])
    return Certificate(
        subject=_name(shown.get("subject", ())),
        issuer=_name(shown.get("issuer", ())),
        begins_in=ssl.cert_time_to_seconds(shown["notBefore"]) - now,
        expires_in=expires_at - now,
        expires_at=expires_at,
        der=der,
    )


def _name(parts: Iterable[Iterable[tuple[str, str]]]) -> str:
    return clip(",".join(f"{_SHORT.get(key, key)}={value}" for part in parts for key, value in part))

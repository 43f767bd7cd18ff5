"""libcurl's verdicts in our taxonomy: each code becomes one Reason and one line that a person can act on. Pure."""

from __future__ import annotations

import errno
import os
from typing import Final

from checks.exchange import TransportError
from checks.result import Reason, Timings
from monitor.probing.hops import Hop, clip, host_of, place, shown
from monitor.probing.transfer import MAX_HEADER_BYTES, HopEnd, Stopped

# The numbers are libcurl's ABI (curl/curl.h); several have no name in pycurl.
UNSUPPORTED_PROTOCOL: Final = 1
URL_MALFORMAT: Final = 3
COULDNT_RESOLVE_HOST: Final = 6
COULDNT_CONNECT: Final = 7
WEIRD_SERVER_REPLY: Final = 8
HTTP2: Final = 16
PARTIAL_FILE: Final = 18
WRITE_ERROR: Final = 23
TIMED_OUT: Final = 28
SSL_CONNECT_ERROR: Final = 35
GOT_NOTHING: Final = 52
SEND_ERROR: Final = 55
RECV_ERROR: Final = 56
SSL_CIPHER: Final = 59
PEER_FAILED_VERIFICATION: Final = 60
BAD_CONTENT_ENCODING: Final = 61
SSL_CACERT_BADFILE: Final = 77
SSL_SHUTDOWN_FAILED: Final = 80
CHUNK_FAILED: Final = 88
SSL_INVALIDCERTSTATUS: Final = 91
HTTP2_STREAM: Final = 92
HTTP3: Final = 95
QUIC_CONNECT_ERROR: Final = 96
TOO_LARGE: Final = 100

_PROTOCOL: Final = {
    UNSUPPORTED_PROTOCOL, WEIRD_SERVER_REPLY, HTTP2, BAD_CONTENT_ENCODING, CHUNK_FAILED, HTTP2_STREAM, HTTP3, TOO_LARGE,
}  # fmt: skip
_CONNECTION: Final = {COULDNT_CONNECT, SSL_CONNECT_ERROR, GOT_NOTHING, SEND_ERROR, RECV_ERROR, QUIC_CONNECT_ERROR}

_ERRNO: Final = {
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.EHOSTUNREACH: Reason.UNREACHABLE,
    errno.ENETUNREACH: Reason.UNREACHABLE,
    errno.EHOSTDOWN: Reason.UNREACHABLE,
    errno.ENETDOWN: Reason.UNREACHABLE,
    # A local firewall or routing rule: the way is closed, whoever closed it.
    errno.EACCES: Reason.UNREACHABLE,
    errno.EPERM: Reason.UNREACHABLE,
    errno.ETIMEDOUT: Reason.TIMEOUT,
    errno.ECONNRESET: Reason.RESET,
    errno.ECONNABORTED: Reason.RESET,
    errno.EPIPE: Reason.RESET,
    # Ours to mend: out of descriptors, ports or memory. Blaming the target would open its incident for our limit.
    errno.EMFILE: Reason.INTERNAL,
    errno.ENFILE: Reason.INTERNAL,
    errno.ENOBUFS: Reason.INTERNAL,
    errno.ENOMEM: Reason.INTERNAL,
    errno.EADDRNOTAVAIL: Reason.INTERNAL,
    errno.EAFNOSUPPORT: Reason.UNREACHABLE,
}

# OpenSSL's X509_V_ERR_* (x509_vfy.h) that a person meets, and what to do about each.
_CERTIFICATE: Final = {
    2: "the issuer's certificate is missing: the server does not send its chain, or its CA is unknown here",
    9: "the certificate is not valid yet: compare the clocks",
    10: "the certificate has expired",
    18: "the certificate is self-signed",
    19: "the chain ends in a self-signed certificate that is not trusted here: give its CA as ca_file",
    20: "issued by a CA that is not known here: give it as ca_file, or let the server send its whole chain",
    21: "the chain cannot be verified: let the server send its whole chain",
    23: "the certificate was revoked",
    24: "a certificate in the chain is no valid CA",
    26: "the certificate is not meant for a server",
    62: "the certificate is for another name",
    64: "the certificate is for another address",
}


def phases(marks: tuple[float, float, float, float, float], secure: bool, answered: bool) -> Timings:
    """
    The seconds of each phase; the one that was under way when the hop ended gets the rest.

    Args:
        answered: Whether a first byte came. libcurl sets its mark also when it gives up waiting for one.
    """
    name, connect, tls, first, total = marks
    if not name and not connect:
        return Timings(name_lookup=total)
    if not connect:
        return Timings(name_lookup=name, connect=max(0.0, total - name))
    ready = tls if secure else connect
    lasted = max(0.0, connect - name)
    if not ready:
        return Timings(name_lookup=name, connect=lasted, tls=max(0.0, total - connect))
    if not answered:
        first = total
    return Timings(
        name_lookup=name,
        connect=lasted,
        tls=max(0.0, ready - connect),
        first_byte=max(0.0, first - ready),
        transfer=max(0.0, total - first),
    )


def explain(hop: Hop, end: HopEnd, limit: float, hops_before: int) -> TransportError:
    """
    Args:
        limit: Seconds that the whole exchange was given.
        hops_before: Redirects followed before this hop. With any, the target has answered something.
    """
    silent = end.status is None and not end.headers and hops_before == 0
    if end.stopped is Stopped.HEADERS:
        return _error(
            Reason.PROTOCOL, f"{shown(hop.url)} sent more than {MAX_HEADER_BYTES // 1024} KB of headers", False
        )
    code = end.code
    where = place(hop.url)
    if code == TIMED_OUT:
        return _timeout(hop, end, limit, silent)
    if code == COULDNT_RESOLVE_HOST:
        return TransportError(
            reason=Reason.DNS,
            detail=f"the name {clip(host_of(hop.url))} could not be resolved",
            before_any_byte=silent,
            temporary=True,
        )
    if code in (PEER_FAILED_VERIFICATION, SSL_INVALIDCERTSTATUS):
        return _error(Reason.CERTIFICATE, f"certificate of {where} refused: {_certificate(end)}", silent)
    if code in _CONNECTION:
        return _connection(hop, end, silent)
    if code in (SSL_CIPHER, SSL_SHUTDOWN_FAILED):
        return _error(Reason.TLS, f"TLS with {where} failed: {clip(end.message)}", silent)
    if code == PARTIAL_FILE:
        return _error(Reason.PROTOCOL, f"{shown(hop.url)} ended its answer early: {clip(end.message)}", False)
    if code == URL_MALFORMAT and hops_before:
        return _error(Reason.PROTOCOL, f"redirected to {shown(hop.url)}, which is no URL: {clip(end.message)}", False)
    if code in _PROTOCOL:
        return _error(Reason.PROTOCOL, f"{where} does not speak HTTP as it should: {clip(end.message)}", False)
    if code == SSL_CACERT_BADFILE:
        return _error(Reason.INTERNAL, f"no CA certificates to judge {where} by: {clip(end.message)}", silent)
    return _error(Reason.INTERNAL, f"{shown(hop.url)} could not be asked: {clip(end.message)} (libcurl {code})", silent)


def _timeout(hop: Hop, end: HopEnd, limit: float, silent: bool) -> TransportError:
    name, connect, tls, _, _ = end.marks
    where = place(hop.url)
    if not name and not connect:
        waiting, missing = f"the name {clip(host_of(hop.url))} to be resolved", True
    elif not connect:
        waiting, missing = f"{where} to accept the connection", True
    elif hop.url[:6].lower() == "https:" and not tls:
        waiting, missing = f"the TLS handshake with {where}", True
    elif end.status is None:
        waiting, missing = f"the first byte from {where}, connected", True
    else:
        waiting, missing = f"the end of the answer of {shown(hop.url)} ({len(end.body)} bytes of body came)", False
    detail = f"no answer within {limit:g} s: waited for {waiting}"
    return _error(Reason.TIMEOUT, detail, silent and missing)


def _connection(hop: Hop, end: HopEnd, silent: bool) -> TransportError:
    where = place(hop.url)
    reason = _ERRNO.get(end.errno)
    if end.code == COULDNT_CONNECT:
        if reason is Reason.REFUSED:
            return _error(reason, f"connect to {where} refused: nothing listens there", silent)
        words = os.strerror(end.errno) if end.errno else clip(end.message)
        return _error(reason or Reason.UNREACHABLE, f"connect to {where} failed: {words}", silent)
    hung_up = reason is Reason.RESET or "reset by peer" in end.message or "Broken pipe" in end.message
    if end.code == SSL_CONNECT_ERROR and not hung_up:
        return _error(Reason.TLS, f"TLS handshake with {where} failed: {clip(end.message)}", silent)
    if end.code == GOT_NOTHING:
        return _error(Reason.RESET, f"{where} closed the connection without answering", silent)
    if hung_up:
        when = "during the TLS handshake" if end.code == SSL_CONNECT_ERROR else "before it answered"
        return _error(
            Reason.RESET, f"{where} reset the connection {when if silent else 'in the middle of its answer'}", silent
        )
    if reason is not None:
        return _error(reason, f"the connection to {where} broke: {os.strerror(end.errno)}", silent)
    # RECV_ERROR also stands for what libcurl could not parse: chunks, TLS records, a flood of headers.
    return _error(Reason.PROTOCOL, f"{where} answered what cannot be read: {clip(end.message)}", False)


def _certificate(end: HopEnd) -> str:
    if end.verify in _CERTIFICATE:
        return _CERTIFICATE[end.verify]
    if "subject name" in end.message or "does not match" in end.message:
        return f"it is for another name ({clip(end.message)})"
    return clip(end.message)


def _error(reason: Reason, detail: str, before_any_byte: bool) -> TransportError:
    return TransportError(reason=reason, detail=detail, before_any_byte=before_any_byte)

"""libcurl's verdicts in our taxonomy: each code becomes one Reason and one line that a person can act on. Pure."""

from __future__ import annotations

import errno
import os
import re
from typing import Final

from checks.exchange import TransportError
from checks.result import Reason, Timings
from checks.urls import clip, shown
from monitor.probing.hops import Hop, host_of, place
from monitor.probing.shortage import remedy
from monitor.probing.transfer import HopEnd, Stopped

NO_CERTIFICATES: Final = "install ca-certificates, point SSL_CERT_FILE to a bundle, or give the check a ca_file"

# The numbers are libcurl's ABI (curl/curl.h); several have no name in pycurl.
OK: Final = 0
COULDNT_RESOLVE_PROXY: Final = 5
PROXY: Final = 97
UNSUPPORTED_PROTOCOL: Final = 1
URL_MALFORMAT: Final = 3
COULDNT_RESOLVE_HOST: Final = 6
UNRESOLVED: Final = frozenset({COULDNT_RESOLVE_HOST, COULDNT_RESOLVE_PROXY})
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
    UNSUPPORTED_PROTOCOL, WEIRD_SERVER_REPLY, HTTP2, BAD_CONTENT_ENCODING, CHUNK_FAILED, HTTP2_STREAM, HTTP3,
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
    errno.EMSGSIZE: Reason.INTERNAL,
    errno.EAFNOSUPPORT: Reason.UNREACHABLE,
}

_TUNNEL: Final = re.compile(r"CONNECT tunnel failed, response (\d{3})")

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

_TLS: Final = {
    "wrong version number": "it speaks plain HTTP there, or not TLS at all",
    "http request": "it speaks plain HTTP there",
    "protocol version": "it and we have no TLS version in common",
    "handshake failure": "it and we have no cipher or curve in common, or it wants a client certificate",
    "certificate required": "it wants a client certificate",
    "unrecognized name": "it knows no site of this name",
}

# Only of these can it matter whether the target had sent anything yet: the others are about something that it sent.
_SILENCE: Final = {
    Reason.DNS, Reason.REFUSED, Reason.UNREACHABLE, Reason.TIMEOUT, Reason.RESET, Reason.INTERNAL,
}  # fmt: skip


def reason_of(number: int | None) -> Reason:
    """What an errno of the way to a target means."""
    return _ERRNO.get(number or 0, Reason.UNREACHABLE)


def phases(
    marks: tuple[float, float, float, float, float], secure: bool, answered: bool, kept: bool = False
) -> Timings:
    """
    The seconds of each phase; the one that was under way when the hop ended gets the rest.

    Args:
        answered: Whether a first byte came. libcurl sets its mark also when it gives up waiting for one.
        kept: Whether the connection was there already.
    """
    name, connect, tls, first, total = marks
    if kept:
        first = min(first, total) if answered else total
        return Timings(first_byte=first, transfer=total - first)
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
    reason, detail = _verdict(hop, end, limit, hops_before)
    # libcurl does not tell of a status line that broke off before its end: that passes for silence.
    silent = reason in _SILENCE and end.status is None and hops_before == 0
    return TransportError(reason=reason, detail=detail, before_any_byte=silent, temporary=reason is Reason.DNS)


def _verdict(hop: Hop, end: HopEnd, limit: float, hops_before: int) -> tuple[Reason, str]:
    code, words = end.code, clip(end.message)
    if end.proxy and (refused := _by_proxy(end)) is not None:
        return refused
    where, url = place(hop.url), shown(hop.url)
    if end.stopped is Stopped.HEADERS or code == TOO_LARGE:
        return Reason.PROTOCOL, f"{url} sent too many headers, or too long ones"
    if code == OK:
        return Reason.PROTOCOL, f"{url} ended its answer before its headers were over"
    if code == TIMED_OUT:
        return Reason.TIMEOUT, f"no answer within {limit:g} s: waited for {_awaited(hop, end)}"
    if code == COULDNT_RESOLVE_HOST:
        return Reason.DNS, f"the name {clip(host_of(hop.url))} could not be resolved"
    if code in (PEER_FAILED_VERIFICATION, SSL_INVALIDCERTSTATUS):
        return Reason.CERTIFICATE, f"certificate of {where} refused: {certificate_words(end.verify, end.message)}"
    if code in _CONNECTION:
        return _connection(hop, end)
    if code in (SSL_CIPHER, SSL_SHUTDOWN_FAILED):
        return Reason.TLS, f"TLS with {where} failed: {tls_words(end.message)}"
    if code == PARTIAL_FILE:
        return Reason.PROTOCOL, f"{url} ended its answer early: {words}"
    if code == URL_MALFORMAT and hops_before:
        return Reason.PROTOCOL, f"redirected to {url}, which is no URL: {words}"
    if code in _PROTOCOL:
        return Reason.PROTOCOL, f"{where} does not speak HTTP as it should: {words}"
    if code == SSL_CACERT_BADFILE:
        return Reason.INTERNAL, f"no CA certificates to judge {where} by ({words}): {NO_CERTIFICATES}"
    return Reason.INTERNAL, f"{url} could not be asked: {words} (libcurl {code})"


def _by_proxy(end: HopEnd) -> tuple[Reason, str] | None:
    """What failed on the way to the proxy, or was refused by it, is our way and says nothing of the target."""
    where = place(end.proxy)
    if (tunnel := _TUNNEL.search(end.message)) is not None:
        if tunnel[1] in ("502", "503", "504"):
            return Reason.UNREACHABLE, f"the proxy {where} does not reach it: {tunnel[1]}"
        return Reason.INTERNAL, f"the proxy {where} refuses to ask for us: {tunnel[1]}"
    if end.code in (COULDNT_RESOLVE_PROXY, COULDNT_CONNECT, PROXY):
        return Reason.INTERNAL, f"the proxy {where} cannot be reached: {clip(end.message)}"
    return None


def _awaited(hop: Hop, end: HopEnd) -> str:
    name, connect, tls, _, _ = end.marks
    where = place(hop.url)
    if not end.kept:
        if not name and not connect:
            return f"the name {clip(host_of(hop.url))} to be resolved"
        if not connect:
            return f"{where} to accept the connection"
        if hop.url[:6].lower() == "https:" and not tls:
            return f"the TLS handshake with {where}"
    if end.status is None:
        return f"the first byte from {where}, connected"
    return f"the end of the answer of {shown(hop.url)} ({len(end.body)} bytes of body came)"


def _connection(hop: Hop, end: HopEnd) -> tuple[Reason, str]:
    where = place(hop.url)
    reason = _ERRNO.get(end.errno)
    if end.quic and reason is None and end.status is None:
        return Reason.UNREACHABLE, f"no connection to {where} over QUIC: {clip(end.message)}"
    if end.code == COULDNT_CONNECT:
        if reason is Reason.REFUSED:
            return reason, f"connect to {where} refused: nothing listens there"
        if not end.errno:
            # Connecting was not even tried: that needs a socket, and we could not make one.
            return Reason.INTERNAL, f"no socket could be made to connect to {where}: no IPv6 here?"
        if reason is Reason.INTERNAL:
            return reason, f"no connection to {where} could be begun: {remedy(end.errno)}"
        return reason or Reason.UNREACHABLE, f"connect to {where} failed: {os.strerror(end.errno)}"
    told = os.strerror(end.errno) in end.message or f"errno {end.errno}" in end.message
    if reason is not Reason.RESET and not told:
        reason = None  # left over from another address, which was tried before the one that answered
    hung_up = reason is Reason.RESET or "reset by peer" in end.message or "Broken pipe" in end.message
    cut = "unexpected eof" in end.message  # OpenSSL's words for a connection that closed without a goodbye
    if end.code == SSL_CONNECT_ERROR:
        if hung_up or cut:
            return Reason.RESET, f"{where} hung up during the TLS handshake"
        return Reason.TLS, f"TLS handshake with {where} failed: {tls_words(end.message)}"
    if end.code == GOT_NOTHING or (cut and end.status is None):
        return Reason.RESET, f"{where} closed the connection without answering"
    if cut:
        return Reason.PROTOCOL, f"{shown(hop.url)} ended its answer early, after {len(end.body)} bytes of body"
    if hung_up:
        when = "before it answered" if end.status is None else "in the middle of its answer"
        return Reason.RESET, f"{where} reset the connection {when}"
    if reason is not None:
        return reason, f"the connection to {where} broke: {os.strerror(end.errno)}"
    if "SSL routines" in end.message:
        return Reason.TLS, f"TLS with {where} failed: {tls_words(end.message)}"
    # RECV_ERROR also stands for what libcurl could not parse: chunks, TLS records, a flood of headers.
    return Reason.PROTOCOL, f"{where} answered what cannot be read: {clip(end.message)}"


def tls_words(message: str) -> str:
    """OpenSSL's last words, without its error numbers, and what they usually mean."""
    words = clip(message.rpartition("::")[2].strip())
    meaning = next((meaning for sign, meaning in _TLS.items() if sign in words), None)
    return f"{words}: {meaning}" if meaning else words


def certificate_words(verdict: int, message: str) -> str:
    """
    Args:
        verdict: OpenSSL's, 0 when it had no complaint.
        message: What to say of a verdict that is not known here.
    """
    if verdict in _CERTIFICATE:
        return _CERTIFICATE[verdict]
    if "subject name" in message or "does not match" in message:
        return f"it is for another name ({clip(message)})"
    return clip(message)

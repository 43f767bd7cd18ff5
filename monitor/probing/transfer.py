"""One use of a libcurl handle: one hop, its options, and what arrives, within bounds."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from time import time

import pycurl

from checks.exchange import HttpRequest, Particulars
from checks.way import Way
from monitor.probing.certificates import earliest_expiry, own_expiry, whole_certificates
from monitor.probing.hops import REDIRECTS, Headers, Hop, headers_of
from monitor.probing.sessions import Session
from monitor.probing.shortage import shortage
from monitor.probing.travel import cookies_of, spoken, travel

MAX_HEADER_BYTES = 65_536

# libcurl's numbers for options that pycurl does not name.
_CURLOPT_CA_CACHE_TIMEOUT = 321
_CA_CACHE_SECONDS = 600  # the default, 24 hours, would not notice for a day that a CA file was replaced

# What follows the three digits is nobody's business: libcurl reads no further either.
_STATUS = re.compile(rb"HTTP/\S*[ \t]+([0-9]{3})")

_PROTOCOL = re.compile(rb"SSL connection using (TLSv[0-9.]+)")

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Stopped(StrEnum):
    """Why we hung up before the target had finished."""

    NO = "no"
    BODY = "body"  # enough of it was read
    HEADERS = "headers"  # more than MAX_HEADER_BYTES
    REDIRECT = "redirect"  # its headers say where to go: the rest does not matter


# Not frozen: built once per probe and read at once, and freezing would cost more than all its reading.
@dataclass(slots=True, kw_only=True)
class HopEnd:
    """
    What one hop came to, in libcurl's terms.

    Attributes:
        marks: Seconds from the hop's start at which name lookup, connect, TLS and first byte were done (0.0: not
            reached), and the total.
        verify: OpenSSL's verdict on the certificate chain, 0 when it had no complaint.
        version: `1.1`, `2` or `3`; empty where the request asked for none.
        cookies: In libcurl's form; empty where the request wants none.
        proxy: That was asked, if any.
        quic: Whether it went over UDP, where a refusal has no errno.
        kept: Whether the connection was there already: no name was looked up, nothing connected, no hands shaken.
        certificate_left: Seconds until the server's certificate expires, where the request asked for it.
        expires_at: When the first certificate of the chain expires, Unix time, as above.
        particulars: Where the request asked for them.
    """

    code: int
    message: str = ""
    errno: int = 0
    verify: int = 0
    marks: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    headers_ended: bool = True
    body: bytes = field(default=b"", repr=False)
    stopped: Stopped = Stopped.NO
    address: str | None = None
    version: str = ""
    cookies: tuple[str, ...] = ()
    proxy: str = ""
    quic: bool = False
    kept: bool = False
    certificate_left: float | None = None
    expires_at: float | None = None
    particulars: Particulars | None = None


def system_bundle() -> str | None:
    """The CA bundle of this machine. The path built into pycurl's wheel is that of one distribution only."""
    named = os.environ.get("SSL_CERT_FILE")
    if named:
        return named
    return next((path for path in _BUNDLES if Path(path).exists()), None)


class Transfer:
    """A pooled handle. Its callbacks are set once, because setting them anew costs more than the rest of a set-up."""

    __slots__ = (
        "_block_ended", "_body", "_bundle", "_certificate", "_follows", "_header_bytes", "_keep_alive", "_length",
        "_lines", "_max_body", "_particulars", "_plain", "_protocol", "_session", "_status", "_stopped", "_way", "curl",
    )  # fmt: skip

    def __init__(self, bundle: str | None) -> None:
        self.curl = pycurl.Curl()
        self._bundle = bundle
        self._defaults()
        self._clear()

    def begin(
        self,
        request: HttpRequest,
        hop: Hop,
        own: Headers,
        timeout: float,
        cookies: tuple[str, ...] = (),
        family: int = 0,
        session: Session | None = None,
    ) -> None:
        """
        Set the handle up. Raises ValueError, UnicodeError or pycurl.error for what libcurl would not send.

        Args:
            family: Of addresses, 4 or 6; 0 for either.
        """
        curl = self.curl
        self._expect(request, hop, session)
        curl.setopt(pycurl.URL, hop.url)
        lines = [line.encode() for line in headers_of(hop, request.headers, own)]
        if lines:
            curl.setopt(pycurl.HTTPHEADER, lines)
        else:
            # pycurl ignores an empty list, and the headers of the request before would go out once more.
            curl.unsetopt(pycurl.HTTPHEADER)
        # Zero would mean "wait for ever".
        curl.setopt(pycurl.TIMEOUT_MS, max(1, round(timeout * 1000)))
        if self._plain:
            return
        self._set_method(hop)
        self._set_trust(request)
        if request.way is not None:
            travel(curl, request.way, hop, cookies, family)
        if request.keep_alive:
            self._keep_connection(request.keep_alive)
        if session is not None:
            self._come_back(session)

    def _expect(self, request: HttpRequest, hop: Hop, session: Session | None) -> None:
        """What the callbacks and `end` have to know of the request."""
        self._max_body = request.max_body
        self._follows = request.max_redirects > 0
        self._certificate = request.certificate
        self._particulars = request.particulars
        self._keep_alive = request.keep_alive
        self._session = session
        self._way: Way | None = request.way
        self._plain = (
            hop.method == "GET"
            and hop.body is None
            and request.verify
            and request.ca_file is None
            and not (request.certificate or request.particulars or request.keep_alive)
            and request.way is None
        )

    def _set_method(self, hop: Hop) -> None:
        curl = self.curl
        if hop.method == "HEAD":
            curl.setopt(pycurl.NOBODY, 1)
            return
        if hop.body is not None:
            curl.setopt(pycurl.POSTFIELDSIZE_LARGE, len(hop.body))
            curl.setopt(pycurl.POSTFIELDS, hop.body)
        curl.setopt(pycurl.CUSTOMREQUEST, hop.method)

    def _set_trust(self, request: HttpRequest) -> None:
        """Which certificates are believed, and what is to be told of them."""
        curl = self.curl
        if not request.verify:
            curl.setopt(pycurl.SSL_VERIFYPEER, 0)
            curl.setopt(pycurl.SSL_VERIFYHOST, 0)
        if request.ca_file is not None:
            curl.setopt(pycurl.CAINFO, request.ca_file)
        if request.certificate or request.particulars:
            curl.setopt(pycurl.OPT_CERTINFO, 1)
        if request.particulars:
            # The only way to hear which version of TLS is spoken.
            curl.setopt(pycurl.DEBUGFUNCTION, self._on_remark)
            curl.setopt(pycurl.VERBOSE, 1)

    def _keep_connection(self, seconds: float) -> None:
        curl = self.curl
        curl.setopt(pycurl.FRESH_CONNECT, 0)
        curl.setopt(pycurl.FORBID_REUSE, 0)
        curl.setopt(pycurl.MAXAGE_CONN, max(1, round(seconds)))
        curl.setopt(pycurl.MAXLIFETIME_CONN, max(1, round(seconds)))

    def _come_back(self, session: Session) -> None:
        if session.is_new:
            session.is_new = False
            self.curl.setopt(pycurl.FRESH_CONNECT, 1)
        if session.share is not None:
            self.curl.setopt(pycurl.SHARE, session.share)
            self.curl.setopt(pycurl.SSL_SESSIONID_CACHE, 1)

    def end(self, code: int, message: str) -> HopEnd:
        end = end_of_connect(self.curl, code, message)
        end.verify = self.curl.getinfo(pycurl.SSL_VERIFYRESULT) if code else 0
        end.status = self._status or None
        end.headers = _parse(self._lines)
        end.headers_ended = self._block_ended
        end.body = bytes(self._body)
        end.stopped = self._stopped
        if self._way is not None:
            end.version = spoken(self.curl) if self._status else ""
            end.proxy, end.quic = self._way.proxy, self._way.version == "3"
            end.cookies = cookies_of(self.curl) if self._way.cookies else ()
        if self._keep_alive:
            end.kept = end.address is not None and not self.curl.getinfo(pycurl.NUM_CONNECTS)
        if self._certificate:
            self._tell_of_certificate(end)
        if self._session is not None and code and self._stopped is Stopped.NO:
            self._session.is_broken = True
        if self._particulars:
            end.particulars = Particulars(
                length=self._length,
                headers_ended=self._block_ended,
                protocol=self._protocol,
                chain=whole_certificates(self.curl.getinfo_raw(pycurl.INFO_CERTINFO)),
            )
        return end

    def _tell_of_certificate(self, end: HopEnd) -> None:
        chain = self.curl.getinfo_raw(pycurl.INFO_CERTINFO)
        if self._session is not None:
            self._session.see(chain)
            end.certificate_left, end.expires_at = self._session.certificate_left, self._session.expires_at
        elif (own := own_expiry(chain)) is not None:
            end.certificate_left, end.expires_at = own - time(), earliest_expiry(chain)

    def rest(self) -> bool:
        """
        Ready for the pool: nothing of this request may reach the next one. False for a handle that cannot be made so:
        libcurl forgets no cookies.
        """
        if self._way is not None and self._way.cookies:
            return False
        if self._session is not None and self._session.share is not None:
            self.curl.unsetopt(pycurl.SHARE)  # which a reset leaves
        if not self._plain:
            self.curl.reset()
            self._defaults()
        self._clear()
        return True

    def _clear(self) -> None:
        self._lines: list[bytes] = []
        self._body = bytearray()
        self._header_bytes = 0
        self._max_body = 0
        self._status = 0
        self._stopped = Stopped.NO
        self._block_ended = True
        self._follows = False
        self._certificate = False
        self._particulars = False
        self._protocol = ""
        self._length = 0
        self._keep_alive = 0.0
        self._plain = True
        self._session = None
        self._way = None

    def _defaults(self) -> None:
        curl = self.curl
        curl.setopt(pycurl.WRITEFUNCTION, self._on_body)
        curl.setopt(pycurl.HEADERFUNCTION, self._on_header)
        curl.setopt(pycurl.NOSIGNAL, 1)
        # A check asks whether a newcomer gets in, so each one resolves, connects and shakes hands anew.
        curl.setopt(pycurl.FRESH_CONNECT, 1)
        curl.setopt(pycurl.FORBID_REUSE, 1)
        curl.setopt(pycurl.DNS_CACHE_TIMEOUT, 0)
        curl.setopt(pycurl.SSL_SESSIONID_CACHE, 0)
        # Not None: the empty name is what keeps http_proxy and its kin from the environment out.
        curl.setopt(pycurl.PROXY, "")
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        # Redirects are followed in hops.py: libcurl would send configured headers to whatever host it is pointed to.
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(_CURLOPT_CA_CACHE_TIMEOUT, _CA_CACHE_SECONDS)
        if self._bundle is not None:
            curl.setopt(pycurl.CAINFO, self._bundle)

    def _on_header(self, line: bytes) -> int | None:
        self._header_bytes += len(line)
        if self._header_bytes > MAX_HEADER_BYTES:
            # Counted over all blocks: a target may send "100 Continue" for ever.
            self._stopped = Stopped.HEADERS
            return 0
        if self._block_ended and line.startswith(b"HTTP/"):
            self._lines = []
            self._block_ended = False
            self._status = _status_of(line)
        elif line in (b"\r\n", b"\n"):
            self._block_ended = True
            if self._follows and self._status in REDIRECTS and _has_location(self._lines):
                self._stopped = Stopped.REDIRECT
                return 0
        else:
            self._lines.append(line)
        return None

    def _on_body(self, chunk: bytes) -> int | None:
        self._length += len(chunk)
        room = self._max_body - len(self._body)
        if len(chunk) <= room:
            self._body += chunk
            return None
        self._body += chunk[:room]
        if self._particulars:
            return None
        self._stopped = Stopped.BODY
        return 0

    def _on_remark(self, kind: int, text: bytes) -> None:
        if kind == pycurl.INFOTYPE_TEXT and (found := _PROTOCOL.match(text)):
            self._protocol = found[1].decode()


def end_of_connect(curl: pycurl.Curl, code: int, message: str) -> HopEnd:
    """What *curl* knows of where it connected to, and of what broke."""
    info = curl.getinfo
    number = info(pycurl.OS_ERRNO) if code else 0
    if code == pycurl.E_COULDNT_CONNECT and not number:
        number = shortage()  # not even tried: libcurl keeps to itself why it could make no socket
    return HopEnd(
        code=code,
        message=message,
        errno=number,
        marks=(
            info(pycurl.NAMELOOKUP_TIME_T) / 1e6,
            info(pycurl.CONNECT_TIME_T) / 1e6,
            info(pycurl.APPCONNECT_TIME_T) / 1e6,
            info(pycurl.STARTTRANSFER_TIME_T) / 1e6,
            info(pycurl.TOTAL_TIME_T) / 1e6,
        ),
        address=info(pycurl.PRIMARY_IP) or None,
    )


def _status_of(line: bytes) -> int:
    found = _STATUS.match(line)
    return int(found[1]) if found else 0


def _has_location(lines: list[bytes]) -> bool:
    return any(line[:9].lower() == b"location:" for line in lines)


def _parse(lines: list[bytes]) -> tuple[tuple[str, str], ...]:
    split = [line.decode("latin-1").partition(":") for line in lines]
    return tuple([(name.strip(), value.strip()) for name, _, value in split])

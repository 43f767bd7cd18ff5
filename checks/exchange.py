"""One exchange, as data: what a check kind wants asked, and what came back. The engine makes one of the other."""

from __future__ import annotations

from dataclasses import dataclass, field

from checks.result import Reason, Timings
from checks.way import Way


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """
    Attributes:
        headers: As configured. They never follow a redirect to another host: they may hold credentials.
        timeout: Seconds for the whole exchange, name lookup to last byte, redirects included.
        max_redirects: 0 means that a redirect is the answer.
        max_body: Bytes of the body that are kept; reading stops there and the answer says `truncated`.
        certificate: Whether to find out how long the certificate is valid, which makes a handshake a tenth dearer.
        jar: Cookies to send along where they belong, in libcurl's form, if `way` keeps cookies at all. None for a
            request that is alike each time.
        particulars: Whether to find out all that there is to know of the answer. Then all of its body is read, and what
            is beyond `max_body` is counted only.
        keep_alive: Seconds for which a connection may be used again after it was made; 0 for a new one each time.
    """

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeout: float = 10.0
    max_redirects: int = 10
    verify: bool = True
    ca_file: str | None = None
    max_body: int = 65536
    certificate: bool = False
    keep_alive: float = 0.0
    way: Way | None = None
    jar: tuple[str, ...] | None = field(default=None, repr=False)
    particulars: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportError:
    """
    Why no usable answer came.

    Attributes:
        before_any_byte: True when the target sent nothing at all; only then can our own network be at fault.
        temporary: For DNS: True when the resolver could not say (EAI_AGAIN, SERVFAIL), False when it said that there is
            no such name or no address.
        closed: The target has closed the connection where something was waited for.
    """

    reason: Reason
    detail: str
    before_any_byte: bool = True
    temporary: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """
    What few ask of an HTTP answer.

    Attributes:
        length: Bytes of the body that came, as it is decoded; `Answer.body` may be the beginning of them.
        headers_ended: Whether all of its headers came.
        protocol: `TLSv1.3`, for example; empty where nothing was secured.
        chain: The certificates that were shown, the target's own first, in DER.
    """

    length: int = 0
    headers_ended: bool = True
    protocol: str = ""
    chain: tuple[bytes, ...] = ()


# Nobody writes to an answer. It is not frozen, because setting each field in the frozen way costs 3 % of a probe.
@dataclass(slots=True, kw_only=True)
class Answer:
    """
    What came back. With `error` set the other fields hold whatever had arrived until then.

    Attributes:
        body: What the target said, as far as it is kept.
        url: Where the answer came from.
    """

    body: bytes = b""
    timings: Timings | None = None
    address: str | None = None
    url: str = ""
    error: TransportError | None = None


@dataclass(slots=True, kw_only=True)
class HttpAnswer(Answer):
    """
    Attributes:
        status: None when no status line came.
        headers: In the order received, names as sent; those of the last response when redirects were followed.
        url: After redirects.
        version: `1.1`, `2` or `3`, where the request asked for one; else empty.
        decoded: Whether `body` is decompressed, if the target compressed it.
        certificate_left: Seconds until its certificate expires, where that was to be found out and there was one.
        expires_at: When the first certificate of the chain expires, Unix time, as above.
        jar: The cookies that are known now, in libcurl's form, where the request's `way` keeps them.
        particulars: Where the request asked for them.
    """

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    truncated: bool = False
    redirects: int = 0
    version: str = ""
    decoded: bool = False
    certificate_left: float | None = None
    expires_at: float | None = None
    jar: tuple[str, ...] = field(default=(), repr=False)
    particulars: Particulars | None = None

"""Where a redirect leads, and what may travel there. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from string import ascii_letters, digits
from typing import Final
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from checks.exchange import HttpRequest, TransportError
from checks.result import Reason
from checks.urls import clip, shown

REDIRECTS = frozenset({301, 302, 303, 307, 308})
Headers = tuple[tuple[str, str], ...]

_SCHEMES = {"http": 80, "https": 443}
# What a URL may hold unescaped (RFC 3986), and '%' because an escape must not be escaped again.
_URL_SAFE = ":/?#[]@!$&'()*+,;=-._~%"
_PLAIN_NETLOC = frozenset(ascii_letters + digits + "-._~:[]@%!$&'()*+,;=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """
    One request to one host on the way to the answer.

    Attributes:
        trusted: Whether this is still the host that was configured. Configured headers and the body go nowhere else.
    """

    url: str
    method: str
    body: bytes | None = field(default=None, repr=False)
    trusted: bool = True


def first_hop(request: HttpRequest) -> Hop:
    """Raises ValueError for what is no http or https URL."""
    # A step of a journey is another one each time: kept, its bodies would be memory that nobody reads again.
    make = _kept_hop if request.jar is None else _hop
    return make(request.url, request.method, request.body)


def _hop(configured: str, method: str, body: bytes | None) -> Hop:
    url = ascii_url(configured)
    if _origin(url)[0] not in _SCHEMES:
        raise ValueError("only http and https can be asked")
    return Hop(url=url, method=method, body=body)


MOST_KEPT: Final = 16_384
"""URLs. They come by turns, so a cache for fewer than there are would hold none of them when it is asked."""
_kept_hop = lru_cache(maxsize=MOST_KEPT)(_hop)
"""The same few thousand URLs for days, and parsing one costs a tenth of our share of a check."""


def follow(hop: Hop, status: int, location: str) -> Hop | TransportError:
    """The next hop, or why the redirect is not followed. *location* is what the target wrote: anything."""
    try:
        url = ascii_url(urljoin(hop.url, location.strip()))
        old, new = _origin(hop.url), _origin(url)
    except ValueError as error:
        return _refused(f"redirected to something that is no URL: {error}")
    if new[0] not in _SCHEMES:
        return _refused(f"redirected to {clip(new[0]) or 'nothing'}:, and only http and https are followed")
    # Once the way has left the configured host it stays untrusted: a foreign host could otherwise choose which path of
    # ours is asked with our credentials.
    trusted = hop.trusted and (new == old or (old, new) == (("http", old[1], 80), ("https", old[1], 443)))
    method, body = hop.method, hop.body
    # As browsers and curl do: 303 asks for a GET, and so do 301 and 302 after a POST.
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        method, body = "GET", None
    if body is not None and not trusted:
        return _refused(f"answered {status} to {shown(url)}: another host, and the request body is not sent to it")
    return Hop(url=url, method=method, body=body, trusted=trusted)


def headers_of(hop: Hop, configured: Headers, own: Headers) -> list[str]:
    """
    The header lines of this hop, in libcurl's form. Raises ValueError where one would smuggle in another.

    Args:
        own: Ours, sent on every hop; where a configured one of the same name is sent, that one wins.
    """
    if hop.body is None and not (configured and hop.trusted):
        return [f"{name}: {value}" for name, value in own]
    named: set[str] = set()
    pairs = own
    if configured and hop.trusted:
        named = {name.lower() for name, _ in configured}
        pairs = (*configured, *(pair for pair in own if pair[0].lower() not in named))
    lines = []
    for name, value in pairs:
        line = f"{name}: {value}" if value else f"{name};"  # libcurl's form of a header without a value
        if "\r" in line or "\n" in line or "\0" in line:
            raise ValueError(f"header {name!r} holds a line break")
        lines.append(line)
    if hop.body is not None:
        # libcurl would claim a form and wait a second for "100 Continue": neither was asked for.
        lines += ["Expect:"] if "content-type" in named else ["Expect:", "Content-Type:"]
    return lines


def ascii_url(url: str) -> str:
    """*url* as it goes over the wire: host in punycode, everything else percent-encoded."""
    if url.isascii() and url.isprintable() and " " not in url:
        return url
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna").decode("ascii")
    where = parts.netloc.rpartition("@")[2]
    netloc = (
        parts.netloc
        if where.isascii()
        else parts.netloc.replace(where, host + (f":{parts.port}" if parts.port else ""))
    )
    return quote(urlunsplit(parts._replace(netloc=netloc)), safe=_URL_SAFE)


def place(url: str) -> str:
    """host:port of *url*, for details about a connection."""
    try:
        _, host, port = _origin(url)
    except ValueError:
        return shown(url)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_of(url: str) -> str:
    try:
        return _origin(url)[1]
    except ValueError:
        return ""


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    # Two parsers look at a URL, this one to decide on trust and libcurl's to connect. Where they might read two hosts
    # out of one text, neither is asked.
    if parts.netloc.count("@") > 1 or not _PLAIN_NETLOC.issuperset(parts.netloc):
        raise ValueError("its host can be read in more than one way")
    scheme = parts.scheme.lower()
    port = parts.port
    return scheme, (parts.hostname or "").lower(), _SCHEMES.get(scheme, 0) if port is None else port


def _refused(detail: str) -> TransportError:
    return TransportError(reason=Reason.PROTOCOL, detail=detail, before_any_byte=False)

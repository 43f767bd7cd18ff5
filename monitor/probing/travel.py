"""A handle of libcurl's set up to travel in a way that is not the usual one."""

from __future__ import annotations

from typing import Final

import pycurl

from checks.way import Way
from monitor.probing.hops import Hop

_CURLOPT_SUPPRESS_CONNECT_HEADERS: Final = 265  # libcurl's number: pycurl has no name for it

# In the clear there is no handshake that could agree on HTTP/2, and QUIC is never in the clear: by http, https.
_SPOKEN: Final = {
    "1.1": (pycurl.CURL_HTTP_VERSION_1_1, pycurl.CURL_HTTP_VERSION_1_1),
    "2": (pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE, pycurl.CURL_HTTP_VERSION_2TLS),
    "3": (pycurl.CURL_HTTP_VERSION_3ONLY, pycurl.CURL_HTTP_VERSION_3ONLY),
}
# The oldest and the newest that may be spoken.
_TLS: Final = {
    "1.2": pycurl.SSLVERSION_TLSv1_2 | pycurl.SSLVERSION_MAX_TLSv1_2,
    "1.3": pycurl.SSLVERSION_TLSv1_3 | pycurl.SSLVERSION_MAX_TLSv1_3,
}
_VERSIONS: Final = {
    pycurl.CURL_HTTP_VERSION_1_0: "1.0",
    pycurl.CURL_HTTP_VERSION_1_1: "1.1",
    pycurl.CURL_HTTP_VERSION_2: "2",
    pycurl.CURL_HTTP_VERSION_3: "3",
}


def travel(curl: pycurl.Curl, way: Way, hop: Hop, cookies: tuple[str, ...], family: int) -> None:
    """
    Sets *curl* up to go that way. What is ours is shown to the configured host alone.

    Args:
        family: As in `resolve_only`.
    """
    if way.version:
        secure = hop.url[:6].lower() == "https:"
        curl.setopt(pycurl.HTTP_VERSION, _SPOKEN[way.version][secure])
    if way.compressed:
        curl.setopt(pycurl.ACCEPT_ENCODING, "")  # whatever libcurl can
    if way.proxy:
        curl.setopt(pycurl.PROXY, way.proxy)
        # What the proxy says of itself is no answer of the target.
        curl.setopt(_CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    resolve_only(curl, family)
    if way.connect_to and hop.trusted:
        has_port = ":" in way.connect_to.rpartition("]")[2]
        curl.setopt(pycurl.CONNECT_TO, [f"::{way.connect_to}" if has_port else f"::{way.connect_to}:"])
    if way.tls_version:
        curl.setopt(pycurl.SSLVERSION, _TLS[way.tls_version])
    if way.certificate is not None and hop.trusted:
        curl.setopt(pycurl.SSLCERT, way.certificate)
        curl.setopt(pycurl.SSLKEY, way.key or way.certificate)
    if way.groups:
        curl.setopt(pycurl.SSL_EC_CURVES, way.groups)
    if way.cookies:
        curl.setopt(pycurl.COOKIEFILE, "")
        for cookie in cookies:
            curl.setopt(pycurl.COOKIELIST, cookie.encode("latin-1"))


def resolve_only(curl: pycurl.Curl, family: int) -> None:
    """*family*: 4 or 6, the only addresses that libcurl asks for and uses; 0 for either."""
    if family:
        curl.setopt(pycurl.IPRESOLVE, pycurl.IPRESOLVE_V6 if family == 6 else pycurl.IPRESOLVE_V4)


def cookies_of(curl: pycurl.Curl) -> tuple[str, ...]:
    """All that it knows, in libcurl's form. A target may send any bytes, and pycurl would take them for UTF-8."""
    return tuple(cookie.decode("latin-1") for cookie in curl.getinfo_raw(pycurl.INFO_COOKIELIST))


def spoken(curl: pycurl.Curl) -> str:
    """The version of HTTP of its answer."""
    return _VERSIONS.get(curl.getinfo(pycurl.INFO_HTTP_VERSION), "")

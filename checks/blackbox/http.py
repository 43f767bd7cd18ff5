"""The http prober of blackbox_exporter: what it asks, and what it makes of the answer."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from checks.blackbox.modules import HeaderRule, Http, Module
from checks.blackbox.said import Said, Shown, put_shown
from checks.blackbox.targets import Target, bracketed
from checks.exchange import HttpAnswer, HttpRequest
from checks.http import status_text
from checks.oauth2 import AuthorizedRequest
from checks.patterns import Searches, SearchTooLong
from checks.urls import clip, shown
from checks.way import Way

MOST_REDIRECTS: Final = 10
MOST_SEARCHED: Final = 1024 * 1024
"""Bytes of a body in which regular expressions are searched, compressed or not: the prober keeps them in memory."""
SEARCH_SECONDS: Final = 0.1
"""Of CPU, for all expressions of a module in one answer: meanwhile no other probe is made."""
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_WITHOUT_BODY: Final = (204, 304)
T = TypeVar("T")
_WINDOWS: Final = {"gzip": 16 + zlib.MAX_WBITS, "deflate": -zlib.MAX_WBITS}


def request(module: Module, target: Target, ip: str, timeout: float) -> HttpRequest | AuthorizedRequest:
    """*ip*: Where *target* is; empty where nobody looked."""
    http, url = module.http or Http(), target.url
    assert url is not None  # as `target_of` reads it for this prober
    secure = url.scheme == "https"
    name = (http.tls.name or http.host.partition(":")[0] or target.host) if secure else target.host
    login, at, where = url.netloc.rpartition("@")
    netloc = f"{login}{at}{bracketed(name)}" + (f":{target.port}" if target.port is not None else "")
    host = http.host or (where if name != target.host else "")
    proxied = bool(http.proxy) and not secure
    if proxied:
        # It is told the name that the target is to hear; where it tunnels, the address.
        netloc, host = f"{login}{at}{http.host or where}", ""
    headers = (("Host", host), *http.headers) if host else http.headers
    if http.compression and not any(key.lower() == "accept-encoding" for key, _ in headers):
        headers = (*headers, ("Accept-Encoding", http.compression))
    asked = HttpRequest(
        url=url._replace(netloc=netloc, fragment="").geturl(),
        method=http.method,
        headers=headers,
        body=http.body.encode() if http.body else None,
        timeout=timeout,
        max_redirects=MOST_REDIRECTS if http.follow else 0,
        verify=http.tls.verify,
        ca_file=http.tls.ca_file,
        max_body=MOST_SEARCHED if http.compression or http.body_matches or http.body_not_matches else 0,
        way=Way(
            version="" if http.http2 else "1.1",
            proxy=http.proxy,
            connect_to="" if proxied else bracketed(ip),
            certificate=http.tls.certificate,
            key=http.tls.key,
            cookies=True,
            tls_version=http.tls.version,
        ),
        particulars=True,
    )
    return asked if http.oauth2 is None else AuthorizedRequest(request=asked, oauth2=http.oauth2)


def begin(said: Said) -> None:
    """What is said also of what was never asked."""
    for name in (
        "content_length", "redirects", "ssl", "status_code", "uncompressed_body_length", "version",
    ):  # fmt: skip
        said.put(f"probe_http_{name}", 0)
    said.put("probe_failed_due_to_regex", 0)


def say(module: Module, resolved: float, answer: HttpAnswer, said: Said) -> None:
    """*resolved*: Seconds; 0 where a proxy is left to look the name up."""
    http = module.http or Http()
    spent = answer.timings
    if resolved or answer.redirects:
        resolve = resolved + (spent.name_lookup if spent else 0)
        said.phases("probe_http_duration_seconds", resolve=resolve)
    said.phases(
        "probe_http_duration_seconds",
        connect=spent.connect if spent else 0,
        tls=spent.tls if spent else 0,
        processing=spent.first_byte if spent else 0,
        transfer=spent.transfer if spent else 0,
    )
    unfollowed = _leads_on(answer) and answer.redirects == (MOST_REDIRECTS if http.follow else 0)
    said.put("probe_http_redirects", answer.redirects + (1 if _leads_on(answer) else 0))
    if not _came(answer, unfollowed):
        said.fail(answer.error.detail if answer.error is not None else "no answer came")
        return
    said.success = True
    _say_answer(http, answer, unfollowed, said)


def _came(answer: HttpAnswer, unfollowed: bool) -> bool:
    """Whether there is an answer to judge, even if not all of its body came."""
    whole = answer.particulars is not None and answer.particulars.headers_ended
    return answer.status is not None and whole and (unfollowed or not _leads_on(answer))


def _leads_on(answer: HttpAnswer) -> bool:
    return answer.status in _REDIRECTS and _header(answer, "location") != ""


def _say_answer(http: Http, answer: HttpAnswer, unfollowed: bool, said: Said) -> None:
    status = answer.status or 0
    said.put("probe_http_status_code", status)
    said.put("probe_http_version", float(answer.version or 0))
    said.put("probe_http_content_length", _content_length(answer))
    if (modified := _instant(_header(answer, "last-modified"))) is not None:
        said.put("probe_http_last_modified_timestamp_seconds", modified)
    said.log.append(f"{shown(answer.url)} answered {status_text(status)}")
    if not (status in http.statuses if http.statuses else 200 <= status <= 299):
        wanted = " or ".join(map(str, http.statuses)) or "2xx"
        said.fail(f"wanted {wanted}")
    if said.success and (why := _told_if_endless(_header_complaint, http, answer)):
        said.put("probe_failed_due_to_regex", 1)
        said.fail(why)
    _say_body(http, answer, unfollowed, said)
    if http.versions and f"HTTP/{float(answer.version or 0)}" not in http.versions:
        said.fail(f"wanted {' or '.join(http.versions)}, and it was HTTP/{answer.version}")
    _say_security(http, answer, said)


def _say_security(http: Http, answer: HttpAnswer, said: Said) -> None:
    secure = answer.url[:6].lower() == "https:"
    said.put("probe_http_ssl", 1 if secure else 0)
    particulars = answer.particulars
    if secure and particulars is not None:
        put_shown(said, Shown(particulars.protocol, particulars.chain, http.tls.verify))
    if secure and http.fail_if_ssl:
        said.fail("TLS was spoken, and must not be (fail_if_ssl)")
    elif not secure and http.fail_if_not_ssl:
        said.fail("TLS was not spoken, and must be (fail_if_not_ssl)")


def _say_body(http: Http, answer: HttpAnswer, unfollowed: bool, said: Said) -> None:
    body, length, why = _body_of(http, answer, unfollowed)
    said.put("probe_http_uncompressed_body_length", length)
    searched = said.success and bool(http.body_matches or http.body_not_matches)
    if not why and searched:
        why = _told_if_endless(_body_complaint, http, body)
    if why:
        if searched:
            said.put("probe_failed_due_to_regex", 1)
        said.fail(why)


def _body_of(http: Http, answer: HttpAnswer, unfollowed: bool) -> tuple[bytes, int, str]:
    """The body as far as it is searched, how long it is, and why it could not be had whole."""
    if unfollowed:
        return b"", 0, "the body of a redirect is not read" if http.body_matches or http.body_not_matches else ""
    length = answer.particulars.length if answer.particulars is not None else 0
    body, why = answer.body, ""
    if answer.error is not None:
        why = answer.error.detail
    elif http.compression:
        if length > len(body):
            return b"", length, f"the compressed body is longer than {MOST_SEARCHED} bytes, which are all that is read"
        body, why = _uncompressed(http.compression, body)
        length = len(body)
    if http.body_limit and length > http.body_limit:
        return body, http.body_limit, f"the body is longer than {http.body_limit} bytes (body_size_limit)"
    if not why and (http.body_matches or http.body_not_matches) and length > MOST_SEARCHED:
        why = f"the body is longer than {MOST_SEARCHED} bytes, in which alone expressions are searched"
    return body, length, why


def _uncompressed(compression: str, body: bytes) -> tuple[bytes, str]:
    if compression not in _WINDOWS:  # identity
        return body, ""
    reader = zlib.decompressobj(_WINDOWS[compression])
    try:
        found = reader.decompress(body, MOST_SEARCHED)
    except zlib.error as error:
        return b"", f"the body is not compressed with {compression}: {error}"
    if not reader.eof:
        longer = bool(reader.unconsumed_tail)
        return found, f"the body is {'longer than is read' if longer else f'the beginning of {compression} alone'}"
    return found, ""


def _told_if_endless(complaint: Callable[[Http, T, Searches], str], http: Http, searched: T) -> str:
    try:
        return complaint(http, searched, Searches(SEARCH_SECONDS))
    except SearchTooLong as endless:
        return str(endless)


def _body_complaint(http: Http, body: bytes, searches: Searches) -> str:
    text = body.decode("utf-8", "replace")
    for pattern in http.body_matches:
        if searches.find(pattern, text):
            return f"the body matches {_told(pattern)} (fail_if_body_matches_regexp)"
    for pattern in http.body_not_matches:
        if not searches.find(pattern, text):
            return f"the body does not match {_told(pattern)} (fail_if_body_not_matches_regexp)"
    return ""


def _header_complaint(http: Http, answer: HttpAnswer, searches: Searches) -> str:
    for rule in http.header_matches:
        values = _values(rule, answer)
        if not values and not rule.missing:
            return f"there is no header {rule.header} (fail_if_header_matches)"
        if any(searches.find(rule.pattern, value) for value in values):
            return f"the header {rule.header} matches {_told(rule.pattern)} (fail_if_header_matches)"
    for rule in http.header_not_matches:
        values = _values(rule, answer)
        if not values and not rule.missing:
            return f"there is no header {rule.header} (fail_if_header_not_matches)"
        if values and not any(searches.find(rule.pattern, value) for value in values):
            return f"the header {rule.header} does not match {_told(rule.pattern)} (fail_if_header_not_matches)"
    return ""


def _told(pattern: str) -> str:
    return clip(pattern.removeprefix("(?a)"))


def _values(rule: HeaderRule, answer: HttpAnswer) -> list[str]:
    return [value for name, value in answer.headers if name.lower() == rule.header.lower()]


def _header(answer: HttpAnswer, name: str) -> str:
    return next((value for key, value in answer.headers if key.lower() == name), "")


def _content_length(answer: HttpAnswer) -> int:
    if answer.status in _WITHOUT_BODY:
        return 0
    given = _header(answer, "content-length")
    coded: Iterable[str] = (key.lower() for key, _ in answer.headers)
    known = given.isascii() and given.isdigit() and "transfer-encoding" not in coded
    return int(given[:18]) if known else -1


def _instant(written: str) -> float | None:
    try:
        return float(int(parsedate_to_datetime(written).timestamp())) if written else None
    except (ValueError, OverflowError):
        return None

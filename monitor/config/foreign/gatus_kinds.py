"""Each kind of gatus' endpoints, by the scheme of its URL, as the keys of a check of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from monitor.config.foreign import durations
from monitor.config.foreign.gatus_dns import dns_check
from monitor.config.foreign.gatus_endpoint import Check, Endpoint, address_of, condition_seconds
from monitor.config.foreign.oauth2 import oauth2
from monitor.config.foreign.place import Place, scalar
from monitor.config.foreign.plan import Written
from monitor.config.foreign.told import Word
from monitor.config.places import url
from monitor.config.problems import Wrong

_ANY_STATUS: Final = "100-599"
_OAUTH2: Final = {
    "token_url": "token-url",
    "client_id": "client-id",
    "client_secret": "client-secret",
    "scopes": "scopes",
}
_NO_CONDITION: Final = "This kind of check has no conditions here."


def _http(endpoint: Endpoint) -> Check:
    place, words = endpoint.place, endpoint.words
    where = place.get("url") or place
    address, basic = endpoint.secrets.of_url(where, endpoint.url, *words)
    check: Check = {"http": scalar(where, address)}
    method, body = place.string("method").upper(), _body(endpoint, address)
    if method and method != "GET":
        check["method"] = scalar(place.get("method") or place, method)
    headers = _headers(endpoint)
    if place.flag("graphql") and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    if headers:
        check["headers"] = headers
    if body:
        check["body"] = scalar(place.get("body") or place, body)
    if basic and not any(name.lower() == "authorization" for name in headers):  # which goes before it there
        check["basic"] = basic
    expect: list[Written] = []
    for at, text, asked, operator, value in endpoint.conditions():
        if (asked, operator, value) != ("[CONNECTED]", "==", "true"):  # what an http check is failed without anyway
            expect.append(scalar(at, text))
    if not any("[STATUS]" in text.upper() for _, text, *_ in endpoint.conditions()):
        check["status"] = _ANY_STATUS
        endpoint.notes.append("gatus takes any status here; remove status: to want a 2xx")
    if expect:
        check["expect"] = expect
    check |= _client(endpoint)
    return check


def _headers(endpoint: Endpoint) -> dict[str, Written]:
    headers: dict[str, Written] = {}
    given = endpoint.place.get("headers")
    for name in given.names() if given else ():
        header = given.get(name) if given else None
        text = header.text() if header else None
        if header is not None and text is not None:
            headers[name] = scalar(header, endpoint.secrets.header(header, name, text, *endpoint.words))
    return headers


def _body(endpoint: Endpoint, address: str) -> str:
    place = endpoint.place
    given = place.get("body")
    body = (given.text() or "") if given else ""
    for placeholder, value in (("NAME", place.string("name")), ("GROUP", place.string("group")), ("URL", address)):
        body = body.replace(f"[ENDPOINT_{placeholder}]", value)
    if given is not None and re.search(r"\[RANDOM_STRING_\d+\]", body):
        given.tell(Word.CHANGED, "holds [RANDOM_STRING_...]", "It is sent as it is written: there is no chance here.")
    if given is not None and not place.flag("graphql"):
        return endpoint.secrets.of_body(given, body, *endpoint.words)
    return json.dumps({"query": body}, ensure_ascii=False) if body else body


def _client(endpoint: Endpoint) -> Check:
    """What `client:` says of an http check."""
    endpoint.read_timeout()
    client, check = endpoint.client, Check()
    if client is None:
        return check
    if token := client.get("oauth2"):
        check["oauth2"] = oauth2(token, endpoint.secrets, _OAUTH2, *endpoint.words)
        token.tell_others(_OAUTH2.values())
    if client.flag("ignore-redirect"):
        check["redirects"] = "false"
    proxy = client.get("proxy-url")
    if proxy is not None and (address := proxy.text()):
        try:
            check["proxy"] = scalar(proxy, url(address))
        except Wrong as wrong:
            proxy.leave_out(wrong.found.replace("{value}", "it"), "Write proxy: http://HOST:PORT.")
    tls = client.get("tls")
    shown: dict[str, Written] = {}
    if tls is not None:
        for ours, theirs in (("certificate", "certificate-file"), ("key", "private-key-file")):
            if part := tls.get(theirs):
                shown[ours] = scalar(part, part.text() or "")
        tls.tell_others(("certificate-file", "private-key-file"))
    if client.flag("insecure"):
        shown["verify"] = "false"
    if shown:
        check["tls"] = shown
    return check


def _tcp(endpoint: Endpoint) -> Check:
    endpoint.read_timeout()
    if body := endpoint.place.get("body"):
        body.leave_out("is not sent", "Write a script: with send: and expect:.")
    for place, *_ in endpoint.judge_plainly():
        place.leave_out("is not carried over", f"{_NO_CONDITION} What is answered can be judged by a script:.")
    return {"tcp": address_of(endpoint)}


def _tls(endpoint: Endpoint) -> Check:
    endpoint.read_timeout()
    left: tuple[Place, float] | None = None
    for place, asked, operator, value in endpoint.judge_plainly():
        seconds = condition_seconds(value) if asked == "[CERTIFICATE_EXPIRATION]" and operator in (">", ">=") else None
        if seconds is None:
            place.leave_out("is not carried over", "Of a certificate only how long it is valid is judged here.")
        elif left is None or seconds > left[1]:
            left = (place, seconds)
    starttls = endpoint.url.lower().startswith("starttls://")
    secured: dict[str, Written] = {"verify": "false"} if endpoint.client and endpoint.client.flag("insecure") else {}
    if left is None and not starttls:
        return {"tcp": address_of(endpoint), "tls": secured or {"verify": "true"}}
    asked_of: dict[str, Written] = {"target": address_of(endpoint)}
    if starttls:
        asked_of["starttls"] = "smtp"
    at, seconds = left or (endpoint.place, 1.0)
    if left is None:
        endpoint.notes.append("gatus fails when the certificate has expired; fail: and warn: can be days before")
    asked_of["fail"] = scalar(at, durations.shown(seconds))
    if seconds > 21 * 86400:
        asked_of["warn"] = asked_of["fail"]  # our own default would be later than the failure
    return {"tls": {**asked_of, **secured}}


def _ssh(endpoint: Endpoint) -> Check:
    endpoint.read_timeout()
    login = endpoint.place.get("ssh")
    logs_in = login is not None and (login.string("username") or login.string("password"))
    if login is not None and logs_in:
        login.leave_out("nobody logs in", "Only the greeting is looked at; a program can log in: command:.")
        if body := endpoint.place.get("body"):
            body.leave_out("is not run", "A program can run it: command:.")
    for place, *_ in endpoint.judge_plainly(("[STATUS]", "== 0")):
        place.leave_out("is not carried over", _NO_CONDITION)
    return {"ssh": address_of(endpoint, 22)}


def _websocket(endpoint: Endpoint) -> Check:
    endpoint.read_timeout()
    where = endpoint.place.get("url") or endpoint.place
    address, basic = endpoint.secrets.of_url(where, endpoint.url, *endpoint.words)
    for place, *_ in endpoint.judge_plainly():
        place.leave_out("is not carried over", f"{_NO_CONDITION} What is answered can be judged by a script:.")
    check: Check = {"websocket": scalar(where, address)}
    if headers := _headers(endpoint):
        check["headers"] = headers
    if basic and not any(name.lower() == "authorization" for name in headers):
        check["basic"] = basic
    if body := endpoint.place.get("body"):
        body.leave_out("is not sent", "Write a script: with send: and expect:.")
    if endpoint.client and endpoint.client.flag("insecure") and endpoint.url.lower().startswith("wss"):
        check["tls"] = {"verify": "false"}
    return check


def _icmp(endpoint: Endpoint) -> Check:
    endpoint.read_timeout()
    for place, *_ in endpoint.judge_plainly():
        place.leave_out("is not carried over", _NO_CONDITION)
    where = endpoint.place.get("url") or endpoint.place
    check: Check = {"icmp": scalar(where, endpoint.url.partition("://")[2].strip("/"))}
    network = endpoint.client.string("network") if endpoint.client is not None else ""
    if network in ("ip4", "ip6"):  # of no other kind there
        check["ip"] = network[2:]
    return check


def _grpc(endpoint: Endpoint) -> Check:
    endpoint.read_timeout()
    for place, *_ in endpoint.judge_plainly(("[BODY].STATUS", "== SERVING"), ("[BODY]", "== SERVING")):
        place.leave_out("is not carried over", f"{_NO_CONDITION} The server must call itself healthy.")
    check: Check = {"grpc": address_of(endpoint)}
    if endpoint.url.lower().startswith("grpcs://"):
        check["tls"] = {"verify": "false" if endpoint.client and endpoint.client.flag("insecure") else "true"}
    if headers := _headers(endpoint):
        check["headers"] = headers
    return check


KINDS: Final[Mapping[str, Callable[[Endpoint], Check] | str]] = {
    "http": _http,
    "https": _http,
    "tcp": _tcp,
    "tls": _tls,
    "starttls": _tls,
    "ssh": _ssh,
    "grpc": _grpc,
    "grpcs": _grpc,
    "dns": dns_check,
    "icmp": _icmp,
    "udp": "Write udp: {target, send, expect}: without an answer nobody can tell whether a port is open.",
    "sctp": "There are no sctp checks.",
    "ws": _websocket,
    "wss": _websocket,
}
"""The kind, or what is said of one that there is not."""

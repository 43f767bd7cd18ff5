"""Each type of Uptime Kuma's monitors as the keys of a check of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from monitor.config.document import Scalar
from monitor.config.foreign import durations, regexes
from monitor.config.foreign.oauth2 import oauth2
from monitor.config.foreign.place import Place, Refused, literal, scalar
from monitor.config.foreign.plan import TOLD_ELSEWHERE, Written
from monitor.config.foreign.secret import Secrets
from monitor.config.foreign.told import Word
from monitor.config.problems import quote

Check = dict[str, Written]

_ENCODINGS: Final = {
    "": "application/json",
    "json": "application/json",
    "xml": "text/xml; charset=utf-8",
    "form": "application/x-www-form-urlencoded",
}
_OAUTH2: Final = {
    "token_url": "oauth_token_url",
    "client_id": "oauth_client_id",
    "client_secret": "oauth_client_secret",
    "scopes": "oauth_scopes",
}
_DEFAULT_REDIRECTS: Final = "10"
_WARNED_DAYS: Final = 21
"""When Uptime Kuma first tells that a certificate expires."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """
    Attributes:
        proxies: The list of the backup.
        words: What the names of its variables are made of.
    """

    place: Place
    proxies: Place | None
    secrets: Secrets
    words: tuple[str, ...]

    def need(self, key: str) -> tuple[Place, str]:
        place = self.place.get(key)
        text = place.plain() if place else ""
        if place is None or not text:
            raise Refused(self.place, f"has no {key}", "Uptime Kuma could not ask it.")
        return place, text

    def host_and_port(self) -> Scalar:
        place, host = self.need("hostname")
        _, port = self.need("port")
        return scalar(place, literal(f"[{host}]:{port}" if ":" in host else f"{host}:{port}"))


def _http(monitor: Monitor) -> Check:
    place, words = monitor.place, monitor.words
    where, url = monitor.need("url")
    address, basic = monitor.secrets.of_url(where, literal(url), *words)
    check: Check = {"http": scalar(where, address)}
    method = place.string("method").upper()
    if method and method != "GET":
        check["method"] = scalar(place.get("method") or place, method)
    headers = _headers(monitor)
    body = place.get("body")
    if body is not None and method in ("", "GET", "HEAD"):
        body.leave_out(f"a {method or 'GET'} request carries no body here", "Write another method:.")
    elif body is not None:
        check["body"] = scalar(body, monitor.secrets.of_body(body, body.text() or "", *words))
        if not any(name.lower() == "content-type" for name in headers):
            encoding = place.plain_of("httpBodyEncoding")
            headers["Content-Type"] = _ENCODINGS.get(encoding, _ENCODINGS["json"])
    _login(monitor, check, basic)
    if "basic" in check:  # which goes before such a header there
        headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
    if headers:
        check["headers"] = headers
    statuses = place.get("accepted_statuscodes")
    accepted = [(one, one.plain()) for one in statuses.items()] if statuses else []
    if accepted and [text for _, text in accepted] != ["200-299"]:
        check["status"] = [scalar(one, text) for one, text in accepted]
    redirects = place.get("maxredirects")
    if redirects is not None and (most := redirects.plain()) != _DEFAULT_REDIRECTS:
        check["redirects"] = scalar(redirects, "false" if most == "0" else most)
    if place.flag("ignoreTls"):
        check["tls"] = {"verify": "false"}
    elif place.flag("expiryNotification") and url.lower().startswith("https:"):
        check["warn"] = [f"[CERTIFICATE_EXPIRATION] > {_WARNED_DAYS}d"]
    _proxy(monitor, check)
    return check


def _headers(monitor: Monitor) -> dict[str, Written]:
    """Of a text that is JSON itself."""
    place = monitor.place.get("headers")
    if place is None:
        return {}
    try:
        given = json.loads(place.plain())
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        place.leave_out("is not an object of JSON", "Write headers: under the check.")
        return {}
    return {
        str(name): scalar(place, monitor.secrets.header(place, str(name), literal(str(value)), *monitor.words))
        for name, value in given.items()
    }


def _login(monitor: Monitor, check: Check, of_url: dict[str, str]) -> None:
    place = monitor.place
    method = place.get("authMethod")
    if method is not None and method.plain() == "oauth2-cc":
        token = oauth2(place, monitor.secrets, _OAUTH2, *monitor.words)
        posted = place.plain_of("oauth_auth_method") == "client_secret_post"
        check["oauth2"] = token | ({"auth": "post"} if posted else {})
        return
    if method is not None and method.plain() in ("ntlm", "mtls"):
        fix = {
            "ntlm": "There is no NTLM here.",
            "mtls": "Put certificate and key into files, and name them under tls: {certificate, key}.",
        }[method.plain()]
        method.leave_out(f"{method.plain()} is not carried over", fix)
        return
    user, password = place.get("basic_auth_user"), place.get("basic_auth_pass")
    if user is not None and password is not None:
        secret = monitor.secrets.stand_in(password, password.text() or "", *monitor.words, "password")
        check["basic"] = {"user": scalar(user, user.text() or ""), "password": secret}
    elif user is not None:
        user.leave_out("its user has no password", "Write its Authorization header under headers:.")
    elif of_url:
        check["basic"] = dict(of_url)


def _proxy(monitor: Monitor, check: Check) -> None:
    named = monitor.place.get("proxyId")
    if named is None:
        return
    listed = [one for one in monitor.proxies.items() if one.is_group] if monitor.proxies else []
    proxy = next((one for one in listed if one.plain_of("id") == named.plain()), None)
    if proxy is None:
        named.leave_out("there is no such proxy in this backup", "Write proxy: http://HOST:PORT.")
    elif proxy.plain_of("active") in ("0", "false"):
        return
    elif proxy.plain_of("protocol") not in ("http", "https") or proxy.flag("auth"):
        named.leave_out("its proxy is SOCKS or wants a login", "Write proxy: of one over HTTP without a login.")
    else:
        address = f"{proxy.plain_of('protocol')}://{proxy.plain_of('host')}:{proxy.plain_of('port')}"
        check["proxy"] = scalar(named, literal(address))


def _keyword(monitor: Monitor) -> Check:
    check = _http(monitor)
    place, word = monitor.need("keyword")
    if "*" in word:
        asked = regexes.function(re.escape(word))
    else:
        quoted = word.replace("\\", "\\\\").replace('"', '\\"')
        asked = f"pat(*{word}*)" if re.fullmatch(r"[\w.:/-]+", word, re.ASCII) else f'pat("*{quoted}*")'
    negation = "not " if monitor.place.flag("invertKeyword") else ""
    check["expect"] = [scalar(place, literal(f"{negation}[BODY] == {asked}"))]
    return check


def _json_query(monitor: Monitor) -> Check:
    check = _http(monitor)
    place, path = monitor.need("jsonPath")
    operator = monitor.place.plain_of("jsonPathOperator") or "=="
    expected = monitor.place.plain_of("expectedValue")
    steps = re.fullmatch(r"(?:\$\.?)?([A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[\d+\])*)?", path, re.ASCII)
    if steps is None or operator not in ("==", "!=", "<", ">", "<=", ">="):
        place.leave_out("is more than a path", "Write what it means as a condition: docs/conditions.md.")
        return check
    plain = re.fullmatch(r"-?\d+(?:\.\d+)?|true|false", expected)
    quoted = expected.replace("\\", "\\\\").replace('"', '\\"')
    value = expected if plain else f'"{quoted}"'
    asked = f"[BODY].{steps[1]}" if steps[1] else "[BODY]"
    check["expect"] = [scalar(place, literal(f"{asked} {operator} {value}"))]
    return check


def _port(monitor: Monitor) -> Check:
    return {"tcp": monitor.host_and_port()}


def _ping(monitor: Monitor) -> Check:
    place, host = monitor.need("hostname")
    return {"icmp": scalar(place, literal(host))}


def _dns(monitor: Monitor) -> Check:
    place, name = monitor.need("hostname")
    where, servers = monitor.need("dns_resolve_server")
    first, *others = [server.strip() for server in servers.split(",")]
    if others:
        where.tell(Word.CHANGED, f"names {len(others) + 1} servers", f"{quote(first)} is asked; one check asks one.")
    port = monitor.place.plain_of("port") or "53"
    address = f"[{first}]:{port}" if ":" in first else f"{first}:{port}"
    asked: Check = {"server": scalar(where, literal(address)), "name": scalar(place, literal(name))}
    if kind := monitor.place.get("dns_resolve_type"):
        asked["type"] = scalar(kind, kind.plain())
    return {"dns": asked}


def _push(monitor: Monitor) -> Check:
    every = monitor.place.plain_of("interval") or "60"
    seconds = float(every) if every.isdecimal() and every.isascii() and len(every) < 10 else 60.0
    monitor.place.tell(Word.CHANGED, "is told at another address", TOLD_ELSEWHERE)
    return {"push": {"every": durations.shown(max(seconds, 1.0))}}


_DATABASE: Final = (
    "There are no checks of databases; tcp: sees whether the port is open, a program can ask more: command:."
)

TYPES: Final[Mapping[str, Callable[[Monitor], Check] | str]] = {
    "http": _http,
    "keyword": _keyword,
    "json-query": _json_query,
    "port": _port,
    "ping": _ping,
    "dns": _dns,
    "push": _push,
    "grpc-keyword": "grpc: asks the health service of a server, and calls no other method.",
    "docker": "A program can ask it: command:.",
    "real-browser": "A program can ask it: command:.",
    "postgres": _DATABASE,
    "mysql": _DATABASE,
    "sqlserver": _DATABASE,
    "mongodb": _DATABASE,
    "redis": 'tcp: can ask it, with a script: [{send: "PING\\r\\n"}, {expect: PONG}].',
}
"""The type, or what is said of one that we do not have."""

"""Each kind of gatus' endpoints, by the scheme of its URL, as the keys of a check of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from checks.dns_message import RCODES
from monitor.config.document import Scalar
from monitor.config.foreign import durations
from monitor.config.foreign.place import Place
from monitor.config.foreign.plan import Written
from monitor.config.foreign.secret import Secrets
from monitor.config.foreign.told import Word
from monitor.config.places import target, url
from monitor.config.problems import Wrong

Check = dict[str, Written]

_ANY_STATUS: Final = "100-599"
_SIDES: Final = re.compile(r"^\s*(\[[A-Z_]+\]\S*)\s+(==|!=|<=|>=|<|>)\s+(.*?)\s*$", re.IGNORECASE)
_NO_CONDITION: Final = "This kind of check has no conditions here."


class Unanswered(Exception):
    """An endpoint that would mean something else here."""

    def __init__(self, place: Place, found: str, fix: str) -> None:
        super().__init__(found)
        self.place, self.found, self.fix = place, found, fix


@dataclass(slots=True)
class Endpoint:
    """
    Attributes:
        words: What the names of its variables are made of.
        timeout: The longest that an attempt may take, and what says so; None is the default, of gatus as of ours.
        notes: For a comment beside the check.
    """

    place: Place
    url: str
    secrets: Secrets
    words: tuple[str, ...]
    timeout: tuple[Place, float] | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def client(self) -> Place | None:
        return self.place.get("client")

    def at_most(self, place: Place, seconds: float) -> None:
        if self.timeout is None or seconds < self.timeout[1]:
            self.timeout = (place, seconds)

    def read_timeout(self) -> None:
        given = self.client.get("timeout") if self.client else None
        seconds = durations.go_seconds((given.text() or "").strip()) if given else None
        if given is not None and seconds is not None and seconds >= 0.001:
            self.at_most(given, seconds)
        elif given is not None:
            given.tell(Word.CHANGED, "is not a duration that can be read", "It has the default.")

    def host(self, port: int | None = None) -> str:
        """HOST:PORT of a URL like `tcp://HOST:PORT`."""
        rest = re.sub(r"^\w+://", "", self.url).rstrip("/")
        where = self.place.get("url") or self.place
        if "${" in rest:
            return rest
        try:
            host, given = target(rest)
        except Wrong as wrong:
            raise Unanswered(where, wrong.found.replace("{value}", "it"), wrong.fix) from None
        number = given or port
        if number is None:
            raise Unanswered(where, "has no port", "Write HOST:PORT behind the scheme.")
        return f"[{host}]:{number}" if ":" in host else f"{host}:{number}"

    def conditions(self) -> Iterator[tuple[Place, str, str, str, str]]:
        """Each condition: its place, its text, and its placeholder, operator and value, empty where it has none."""
        given = self.place.get("conditions")
        for place in given.items() if given else ():
            text = place.text()
            if text is None:
                continue
            sides = _SIDES.match(text)
            yield place, text, *((sides[1].upper(), sides[2], sides[3]) if sides else ("", "", ""))

    def judge_plainly(self, *held: tuple[str, str]) -> Iterator[tuple[Place, str, str, str]]:
        """
        The conditions of a kind that has none here, those excepted that it keeps by itself: that there is a
        connection, how long it may take, and *held*.
        """
        for place, _, asked, operator, value in self.conditions():
            if asked == "[CONNECTED]":
                if (operator, value) not in (("==", "true"), ("!=", "false")):
                    raise Unanswered(place, "wants that there is no connection", "Only http checks can, with expect:.")
            elif asked == "[RESPONSE_TIME]" and operator in ("<", "<=") and (longest := _milliseconds(value)):
                self.at_most(place, longest)
            elif (asked, f"{operator} {value}") not in held:
                yield place, asked, operator, value


def _milliseconds(value: str) -> float | None:
    return float(value[:12]) / 1000 if re.fullmatch(r"\d+", value, re.ASCII) else durations.go_seconds(value)


def _http(endpoint: Endpoint) -> Check:
    place, words = endpoint.place, endpoint.words
    where = place.get("url") or place
    address, basic = endpoint.secrets.of_url(where, endpoint.url, *words)
    check: Check = {"http": _node(where, address)}
    method, body = place.string("method").upper(), _body(endpoint, address)
    if method and method != "GET":
        check["method"] = _node(place.get("method") or place, method)
    headers = _headers(endpoint)
    if place.flag("graphql") and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    if headers:
        check["headers"] = headers
    if body:
        check["body"] = _node(place.get("body") or place, body)
    if basic and not any(name.lower() == "authorization" for name in headers):  # which goes before it there
        check["basic"] = basic
    expect: list[Written] = []
    for at, text, asked, operator, value in endpoint.conditions():
        if (asked, operator, value) != ("[CONNECTED]", "==", "true"):  # what an http check is failed without anyway
            expect.append(_node(at, text))
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
            headers[name] = _node(header, endpoint.secrets.header(header, name, text, *endpoint.words))
    return headers


def _body(endpoint: Endpoint, address: str) -> str:
    place = endpoint.place
    given = place.get("body")
    body = (given.text() or "") if given else ""
    for placeholder, value in (("NAME", place.string("name")), ("GROUP", place.string("group")), ("URL", address)):
        body = body.replace(f"[ENDPOINT_{placeholder}]", value)
    if given is not None and re.search(r"\[RANDOM_STRING_\d+\]", body):
        given.tell(Word.CHANGED, "holds [RANDOM_STRING_...]", "It is sent as it is written: there is no chance here.")
    return json.dumps({"query": body}, ensure_ascii=False) if body and place.flag("graphql") else body


def _client(endpoint: Endpoint) -> Check:
    """What `client:` says of an http check."""
    endpoint.read_timeout()
    client, check = endpoint.client, Check()
    if client is None:
        return check
    if client.flag("ignore-redirect"):
        check["redirects"] = "false"
    proxy = client.get("proxy-url")
    if proxy is not None and (address := proxy.text()):
        try:
            check["proxy"] = _node(proxy, url(address))
        except Wrong as wrong:
            proxy.leave_out(wrong.found.replace("{value}", "it"), "Write proxy: http://HOST:PORT.")
    network = client.string("network")
    if network in ("ip4", "ip6"):
        check["ip"] = network[2:]
    tls = client.get("tls")
    shown: dict[str, Written] = {}
    if tls is not None:
        for ours, theirs in (("certificate", "certificate-file"), ("key", "private-key-file")):
            if part := tls.get(theirs):
                shown[ours] = _node(part, part.text() or "")
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
    return {"tcp": _address(endpoint)}


def _tls(endpoint: Endpoint) -> Check:
    endpoint.read_timeout()
    left: tuple[Place, float] | None = None
    for place, asked, operator, value in endpoint.judge_plainly():
        seconds = _milliseconds(value) if asked == "[CERTIFICATE_EXPIRATION]" and operator in (">", ">=") else None
        if seconds is None:
            place.leave_out("is not carried over", "Of a certificate only how long it is valid is judged here.")
        elif left is None or seconds > left[1]:
            left = (place, seconds)
    starttls = endpoint.url.lower().startswith("starttls://")
    secured: dict[str, Written] = {"verify": "false"} if endpoint.client and endpoint.client.flag("insecure") else {}
    if left is None and not starttls:
        return {"tcp": _address(endpoint), "tls": secured or {"verify": "true"}}
    asked_of: dict[str, Written] = {"target": _address(endpoint)}
    if starttls:
        asked_of["starttls"] = "smtp"
    at, seconds = left or (endpoint.place, 1.0)
    if left is None:
        endpoint.notes.append("gatus fails when the certificate has expired; fail: and warn: can be days before")
    asked_of["fail"] = _node(at, durations.shown(seconds))
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
    return {"ssh": _address(endpoint, 22)}


def _grpc(endpoint: Endpoint) -> Check:
    endpoint.read_timeout()
    for place, *_ in endpoint.judge_plainly(("[BODY].STATUS", "== SERVING"), ("[BODY]", "== SERVING")):
        place.leave_out("is not carried over", f"{_NO_CONDITION} The server must call itself healthy.")
    check: Check = {"grpc": _address(endpoint)}
    if endpoint.url.lower().startswith("grpcs://"):
        check["tls"] = {"verify": "false" if endpoint.client and endpoint.client.flag("insecure") else "true"}
    if headers := _headers(endpoint):
        check["headers"] = headers
    return check


def _dns(endpoint: Endpoint) -> Check:
    place = endpoint.place
    asked = place.get("dns")
    assert asked is not None  # or it would be no dns endpoint
    name = asked.get("query-name")
    if name is None or not (text := (name.text() or "").strip()):
        raise Unanswered(asked, "has no query-name", "gatus would not start with it.")
    check: Check = {"server": _address(endpoint, 53), "name": _node(name, text)}
    rtype = asked.string("query-type").upper() or "A"
    check["type"] = _node(asked.get("query-type") or asked, rtype)
    patterns: list[Written] = []
    rcodes: list[Written] = ["NOERROR"]  # said, so that no record is demanded: gatus does not either
    for at, placeholder, operator, value in endpoint.judge_plainly():
        if placeholder == "[DNS_RCODE]" and (found := _rcodes(operator, value)):
            rcodes = [_node(at, rcode) for rcode in found]
        elif placeholder == "[BODY]" and operator == "==" and (pattern := _record(value, rtype)):
            patterns.append(_node(at, pattern))
        else:
            at.leave_out("is not carried over", "Write it under dns: {rcode, answer}, with regular expressions.")
    check["rcode"] = rcodes if len(rcodes) > 1 else rcodes[0]
    if patterns:
        check["answer"] = {"any": patterns}
    return {"dns": check}


def _rcodes(operator: str, value: str) -> list[str]:
    any_of = re.fullmatch(r"any\((.*)\)", value)
    named = [word.strip().upper() for word in (any_of[1].split(",") if any_of else [value])]
    return named if operator == "==" and all(word in RCODES for word in named) else []


def _record(value: str, rtype: str) -> str:
    """
    The data of a record as a regular expression over the lines of a zone file; empty where it is not clear.

    Of MX records gatus shows the name alone, and here the preference stands before it.
    """
    pattern = re.fullmatch(r"pat\((.*)\)", value)
    if not pattern and not re.fullmatch(r"[^()\s]+", value):
        return ""
    text = pattern[1] if pattern else value
    inner = ".*".join(re.escape(part) for part in text.removesuffix(".").split("*"))
    # A dollar sign is doubled: our reader takes it for the beginning of a variable.
    return rf"\t{re.escape(rtype)}\t{'[0-9]+ ' if rtype == 'MX' else ''}{inner}\.?$".replace("$", "$$")


def _address(endpoint: Endpoint, port: int | None = None) -> Scalar:
    return _node(endpoint.place.get("url") or endpoint.place, endpoint.host(port))


def _node(place: Place, text: str) -> Scalar:
    return Scalar(place.file, place.line, text)


KINDS: Final[Mapping[str, Callable[[Endpoint], Check] | str]] = {
    "http": _http,
    "https": _http,
    "tcp": _tcp,
    "tls": _tls,
    "starttls": _tls,
    "ssh": _ssh,
    "grpc": _grpc,
    "grpcs": _grpc,
    "dns": _dns,
    "icmp": "There are no icmp checks in this version; a program can be one: command: [ping, -c1, HOST].",
    "udp": "There are no udp checks in this version.",
    "sctp": "There are no sctp checks.",
    "ws": "There are no websocket checks in this version; tcp: sees whether the port is open.",
    "wss": "There are no websocket checks in this version; tcp: with tls: sees whether the port is open.",
}
"""The kind, or what is said of one that there is not."""

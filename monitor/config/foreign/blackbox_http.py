"""The http prober of blackbox_exporter."""

from __future__ import annotations

import re
from typing import Final

from monitor.config.foreign import regexes
from monitor.config.foreign.module import Check, Module, nodes
from monitor.config.foreign.oauth2 import oauth2
from monitor.config.foreign.place import Place, literal, scalar
from monitor.config.foreign.plan import Written
from monitor.config.foreign.secret import shown

_VERSIONS: Final = {"HTTP/1.1": "1.1", "HTTP/2.0": "2", "HTTP/2": "2", "HTTP/3.0": "3", "HTTP/3": "3"}
_MINE: Final = (
    "valid_status_codes", "valid_http_versions", "method", "headers", "no_follow_redirects", "follow_redirects",
    "fail_if_ssl", "fail_if_not_ssl", "fail_if_body_matches_regexp", "fail_if_body_not_matches_regexp",
    "fail_if_header_matches", "fail_if_header_not_matches", "tls_config", "basic_auth", "bearer_token",
    "bearer_token_file", "authorization", "oauth2", "proxy_url", "body", "compression", "enable_http2", "enable_http3",
    "skip_resolve_phase_with_proxy", "use_proxy_dns",
)  # fmt: skip
_OAUTH2: Final = {key: key for key in ("token_url", "client_id", "client_secret", "client_secret_file", "scopes")}
_WITHOUT: Final = {
    "body_size_limit": "How much is read is max_body:, and what is longer does not fail by itself.",
    "body_file": "Write it under body:.",
    "fail_if_body_json_matches_cel": "Write it as a condition: docs/conditions.md.",
    "fail_if_body_json_not_matches_cel": "Write it as a condition: docs/conditions.md.",
    "proxy_from_environment": "Write proxy:.",
    "proxy_connect_header": "There is none here.",
    "no_proxy": "Write proxy: where there is one.",
    "http_headers": "Write them under headers:.",
}


def http_check(module: Module) -> Check:
    words = (module.asked.service, re.sub(r"^\w+://", "", shown(module.asked.target)), module.asked.module)
    address = literal(module.asked.target)
    if "://" not in address:
        address = f"http://{address}"
    address, basic = module.secrets.of_url(module.asked.at, address, *words)
    check: Check = {"http": scalar(module.asked.at, address)}
    if method := module.get("method"):
        check["method"] = scalar(method, method.text() or "GET")
    if headers := _headers(module, words):
        check["headers"] = headers
    if body := module.get("body"):
        check["body"] = scalar(body, module.secrets.of_body(body, body.text() or "", *words[2:]))
    if codes := nodes(module.texts("valid_status_codes")):
        check["status"] = codes
    if module.flag("no_follow_redirects") or module.string("follow_redirects") == "false":
        check["redirects"] = "false"
    if version := _version(module):
        check["http_version"] = version
    if module.get("compression"):
        check["compression"] = "true"
    _login(module, check, basic, words)
    if token := module.get("oauth2"):
        check["oauth2"] = oauth2(token, module.secrets, _OAUTH2, *words[2:])
        token.tell_others(_OAUTH2.values())
    if proxy := module.get("proxy_url"):
        check["proxy"] = scalar(proxy, proxy.text() or "")
    if secured := module.tls():
        check["tls"] = secured
    if expect := _conditions(module):
        check["expect"] = expect
    for key, fix in _WITHOUT.items():
        if part := module.get(key):
            part.leave_out("is not carried over", fix)
    module.leave_out_others(*_MINE, *_WITHOUT)
    return check


def _headers(module: Module, words: tuple[str, ...]) -> dict[str, Written]:
    given, headers = module.get("headers"), dict[str, Written]()
    for name in given.names() if given else ():
        header = given.get(name) if given else None
        text = header.text() if header else None
        # With compression: the header that asks for it is our own.
        asks = name.lower() == "accept-encoding" and module.get("compression") is not None
        if header is not None and text is not None and not asks:
            headers[name] = scalar(header, module.secrets.header(header, name, text, *words[2:]))
    return headers


def _version(module: Module) -> Written | None:
    if given := list(module.texts("valid_http_versions")):
        known = {_VERSIONS[text] for _, text in given if text in _VERSIONS}
        if len(known) == 1:
            return scalar(given[0][0], known.pop())
        if not known >= {"1.1", "2"}:  # both of which is what a check takes by itself
            given[0][0].leave_out("is not carried over", "Write http_version: 1.1, 2 or 3.")
    if module.flag("enable_http3"):
        return "3"
    return "1.1" if module.string("enable_http2") == "false" else None


def _login(module: Module, check: Check, of_url: dict[str, str], words: tuple[str, ...]) -> None:
    if of_url:
        check["basic"] = dict(of_url)
    if (given := module.get("basic_auth")) is not None:
        basic: dict[str, Written] = {"user": given.string("username")}
        if password := given.get("password"):
            basic["password"] = scalar(
                password, module.secrets.stand_in(password, password.text() or "", *words[2:], "password")
            )
        elif file := given.get("password_file"):
            basic["password_file"] = scalar(file, file.text() or "")
        given.tell_others(("username", "password", "password_file"))
        check["basic"] = basic
    if authorization := module.get("authorization"):
        if authorization.string("type").lower() in ("", "bearer"):
            _bearer(module, check, authorization.get("credentials"), authorization.get("credentials_file"), words)
        else:
            authorization.leave_out("is not carried over", "Write the Authorization header under headers:.")
    _bearer(module, check, module.get("bearer_token"), module.get("bearer_token_file"), words)


def _bearer(module: Module, check: Check, token: Place | None, file: Place | None, words: tuple[str, ...]) -> None:
    if token is not None:
        check["bearer"] = scalar(token, module.secrets.stand_in(token, token.text() or "", *words[2:], "token"))
    elif file is not None:
        check["bearer_file"] = scalar(file, file.text() or "")


def _conditions(module: Module) -> list[Written]:
    expect: list[Written] = []
    for place, text in module.texts("fail_if_body_matches_regexp"):
        expect.append(scalar(place, f"not {regexes.matches('[BODY]', _plain(text))}"))
    for place, text in module.texts("fail_if_body_not_matches_regexp"):
        expect.append(scalar(place, regexes.matches("[BODY]", _plain(text))))
    for key, negation in (("fail_if_header_matches", "not "), ("fail_if_header_not_matches", "")):
        for place in module.items(key):
            header, pattern = place.string("header"), place.get("regexp")
            if not header or pattern is None:
                place.leave_out("has no header or no regexp", "blackbox_exporter would not start with it.")
                continue
            asked = f"[HEADERS].{header.lower()}"
            condition = negation + regexes.matches(asked, _plain(pattern.text() or ""))
            if place.flag("allow_missing"):
                condition = f"has({asked}) == false or {condition}"
            expect.append(scalar(place, condition))
    # There is no certificate, and nothing to expire, where there is no TLS.
    if ssl := (module.get("fail_if_ssl") if module.flag("fail_if_ssl") else None):
        expect.append(scalar(ssl, "[CERTIFICATE_EXPIRATION] == 0"))
    if ssl := (module.get("fail_if_not_ssl") if module.flag("fail_if_not_ssl") else None):
        expect.append(scalar(ssl, "[CERTIFICATE_EXPIRATION] != 0"))
    return expect


def _plain(text: str) -> str:
    """As that tool has it: dollar signs are doubled when the condition is whole."""
    return text.replace("$$", "$")

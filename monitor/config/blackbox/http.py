"""What a module of the http prober asks."""

from __future__ import annotations

from base64 import b64encode
from typing import Final

from checks.blackbox.modules import HeaderRule, Http
from checks.oauth2 import OAuth2
from monitor.config.blackbox.part import Part
from monitor.config.blackbox.tls import tls_of
from monitor.config.values import TELLING_NAME

_NOT_HERE: Final = {
    "proxy_from_environment": "Write proxy_url:.",
    "no_proxy": "Write proxy_url: in a module of its own.",
    "proxy_connect_header": "A login stands in proxy_url:.",
    "http_headers": "Write them under headers:.",
    "enable_http3": "Use a check with http_version: 3.",
    "fail_if_body_json_matches_cel": "Use a check with expect:, docs/conditions.md.",
    "fail_if_body_json_not_matches_cel": "Use a check with expect:, docs/conditions.md.",
    "source_ip_address": "Which address is ours is the system's to say.",
}
_COMPRESSIONS: Final = ("gzip", "deflate", "identity")


def http_of(part: Part) -> Http:
    for key, fix in _NOT_HERE.items():
        if part.has(key):
            part.refuse(key, "cannot be done here", fix)
    headers = part.pairs("headers")
    host = next((value for name, value in headers if name.lower() == "host"), "")
    return Http(
        statuses=part.numbers("valid_status_codes"),
        versions=part.texts("valid_http_versions"),
        method=part.text("method") or "GET",
        host=host,
        headers=_headers(part, tuple(pair for pair in headers if pair[0].lower() != "host")),
        body=_body(part),
        follow=part.flag("follow_redirects", True) and not part.flag("no_follow_redirects"),
        fail_if_ssl=part.flag("fail_if_ssl"),
        fail_if_not_ssl=part.flag("fail_if_not_ssl"),
        body_matches=part.regexes("fail_if_body_matches_regexp"),
        body_not_matches=part.regexes("fail_if_body_not_matches_regexp"),
        header_matches=_rules(part, "fail_if_header_matches"),
        header_not_matches=_rules(part, "fail_if_header_not_matches"),
        compression=_compression(part),
        body_limit=part.size("body_size_limit"),
        proxy=part.text("proxy_url"),
        resolve=not part.flag("skip_resolve_phase_with_proxy"),
        http2=part.flag("enable_http2", True),
        tls=tls_of(part),
        oauth2=_oauth2(part),
    )


def _headers(part: Part, given: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """With what logs us in."""
    for name, value in given:
        if TELLING_NAME.search(name):
            part.hide(value)
        if any(char in name + value for char in "\r\n\0") or not name.strip():
            part.tell("headers", "holds a header that cannot be sent", "Write each as one line.")
    login = [text for text in (_basic(part), _authorization(part), _bearer(part)) if text]
    if len(login) > 1:
        part.tell("", "logs in in more than one way", "Keep one of basic_auth, authorization and bearer_token.")
    return (*given, *(("Authorization", text) for text in login[:1]))


def _basic(part: Part) -> str:
    basic = part.part("basic_auth")
    user, password = basic.text("username"), basic.secret("password")
    basic.end()
    if not part.has("basic_auth"):
        return ""
    credentials = b64encode(f"{user}:{password}".encode()).decode()
    part.hide(credentials)
    return f"Basic {credentials}"


def _authorization(part: Part) -> str:
    given = part.part("authorization")
    scheme, credentials = given.text("type", "Bearer") or "Bearer", given.secret("credentials")
    given.end()
    return f"{scheme} {credentials}" if part.has("authorization") else ""


def _bearer(part: Part) -> str:
    token = part.secret("bearer_token")
    return f"Bearer {token}" if token else ""


def _body(part: Part) -> str | None:
    if not part.text("body_file"):
        return part.text("body") or None
    if part.text("body"):
        part.tell("body_file", "body is set as well", "Keep one of them.")
    return part.content("body_file") or None


def _rules(part: Part, key: str) -> tuple[HeaderRule, ...]:
    rules = []
    for one in part.parts(key):
        rule = HeaderRule(header=one.text("header"), pattern=one.regex("regexp"), missing=one.flag("allow_missing"))
        one.end()
        if not rule.header or not one.has("regexp"):
            one.tell("", "needs a header and a regexp", "Write {header: NAME, regexp: EXPRESSION}.")
        rules.append(rule)
    return tuple(rules)


def _compression(part: Part) -> str:
    given = part.text("compression")
    if given == "br":
        part.refuse("compression", "br cannot be read here", f"Write {', '.join(_COMPRESSIONS[:2])}.")
    elif given and given not in _COMPRESSIONS:
        part.tell("compression", "is not known", f"Known here: {', '.join(_COMPRESSIONS)}.")
    return given


def _oauth2(part: Part) -> OAuth2 | None:
    of = part.part("oauth2")
    for key in ("tls_config", "proxy_url"):
        if of.has(key):
            of.refuse(key, "cannot be done here", "The token is asked for as the target is, with its own.")
    made = OAuth2(
        token_url=of.text("token_url"),
        client_id=of.text("client_id"),
        client_secret=of.secret("client_secret"),
        scopes=of.texts("scopes"),
        parameters=of.pairs("endpoint_params"),
    )
    of.end()
    if not part.has("oauth2"):
        return None
    if not made.token_url or not made.client_id:
        of.tell("", "needs a token_url and a client_id", "Write both.")
    return made

"""Rules over the keys of one request over HTTP, be it a check of its own or a step."""

from __future__ import annotations

from monitor.config.conditions import enforce_http
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape.http import HttpShape, OAuth2

OF_TLS_CHECKS = ("target", "starttls", "warn", "fail")


def enforce_request(written: HttpShape, path: Path, reading: Reading) -> None:
    enforce_credentials(written, path, reading)
    enforce_way(written, path, reading)
    enforce_http(written.expect or (), (*path, "expect"), reading)
    enforce_http(written.warn or (), (*path, "warn"), reading)
    method = written.method or "GET"
    if written.body is not None and method in ("GET", "HEAD") and not reading.is_wrong((*path, "method")):
        reading.tell((*path, "body"), f"a {method} request carries no body", "Add method: POST, or remove the body.")


def enforce_way(written: HttpShape, path: Path, reading: Reading) -> None:
    if written.http_version == "3" and not (written.http or "").lower().startswith("https:"):
        reading.tell((*path, "http_version"), "3 is never in the clear", "Write http: https://..., or another version.")
    if written.http_version == "3" and written.proxy is not None:
        reading.tell((*path, "proxy"), "does not pass HTTP/3 on", "Remove it, or write another http_version.")


def enforce_credentials(written: HttpShape, path: Path, reading: Reading) -> None:
    named = [key for key in ("basic", "bearer", "bearer_file", "oauth2") if getattr(written, key) is not None]
    if any(name.lower() == "authorization" for name in written.headers or {}):
        named.insert(0, "the Authorization header")
    if len(named) > 1:
        reading.tell((*path, named[-1]), f"{named[0]} is set as well", "Keep one of them.")
    oauth2 = written.oauth2
    if oauth2 is not None and not reading.is_wrong((*path, "oauth2")):
        _one_secret(oauth2, (*path, "oauth2"), reading)
    basic = written.basic
    if basic is None or reading.is_wrong((*path, "basic")):
        return
    if basic.user is None:
        reading.tell((*path, "basic"), "has no user", "Add user: NAME.")
    elif (basic.password is None) == (basic.password_file is None):
        found = "has no password" if basic.password is None else "has two passwords"
        reading.tell((*path, "basic"), found, "Give it one of password: ${NAME} and password_file: FILE.")


def enforce_trust(written: HttpShape, path: Path, reading: Reading) -> None:
    """Who is trusted, and what we show of ourselves."""
    tls = written.tls
    if tls and tls.key and not tls.certificate:
        reading.tell((*path, "tls", "key"), "has no certificate beside it", "Add certificate: FILE.")
    if tls and tls.ca and tls.verify is False:
        reading.tell((*path, "tls", "ca"), "has no effect with verify: false", "Remove one of them.")


def refuse_keys_of_tls_checks(written: HttpShape, path: Path, reading: Reading) -> None:
    if written.tls is None:
        return
    for key in (key for key in OF_TLS_CHECKS if key in written.tls.model_fields_set):
        reading.tell((*path, "tls", key), "is for checks of a certificate only", "Remove it, or add target: HOST.")


def refuse_name(written: HttpShape, path: Path, reading: Reading) -> None:
    if written.tls is not None and written.tls.name is not None:
        reading.tell((*path, "tls", "name"), "is for tcp, dns, websocket and tls checks only", "Remove it.")


def _one_secret(written: OAuth2, path: Path, reading: Reading) -> None:
    if (written.client_secret is None) != (written.client_secret_file is None):
        return
    found = "has no client_secret" if written.client_secret is None else "has two secrets"
    reading.tell(path, found, "Give it one of client_secret: ${NAME} and client_secret_file: FILE.")

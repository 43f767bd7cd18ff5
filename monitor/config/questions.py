"""From what stands in a check to the question of its kind."""

from __future__ import annotations

import shutil
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from checks import command, grpc, icmp, promql, ssh, tcp, tls, udp, unix, websocket
from checks.check import CollectorQuestion, HttpQuestion, Question
from checks.family import family_of
from checks.oauth2 import OAuth2
from checks.starttls import PORTS
from checks.stream import Security, Step
from checks.way import Way
from monitor.config import dns, push
from monitor.config.conditions import judge_status
from monitor.config.places import Listen
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape.check import CheckShape, Grpc, Promql, ScriptStep
from monitor.config.shape.http import HttpShape, Tls
from monitor.config.shape.push import Push


def question_of(
    kind: str, written: CheckShape, path: Path, reading: Reading, prometheus: str | None, time_zone: str
) -> Question:
    """
    What is wrong with files that *written* names is told to *reading*.

    Args:
        kind: What it asks.
        prometheus: The one that is asked where a check names no other.
        time_zone: Of the monitor.
    """
    if kind == "push":
        return push.question_of(written.push or Push(), time_zone, (*path, "push"), reading)
    if kind == "promql":
        return _promql(written.promql or Promql(), prometheus or "")
    return _MADE[kind](written, path, reading)


def _promql(written: Promql, prometheus: str) -> Question:
    given = _set({"fail": written.fail, "warn": written.warn, "empty": written.empty})
    return promql.Question(url=written.prometheus or prometheus, query=written.query or "", **given)


def _http(written: HttpShape, path: Path, reading: Reading) -> HttpQuestion:
    given: dict[str, Any] = {
        "method": written.method,
        "headers": _headers(written, path, reading) or None,
        "body": written.body,
        "expected_status": written.status,
        "max_redirects": written.redirects,
        "max_body": written.max_body,
        "expect": written.expect,
        "way": _way(written, path, reading),
        "warn": written.warn,
        "oauth2": _oauth2(written, path, reading),
    }
    if written.status is None and written.expect is not None and judge_status(written.expect):
        given["expected_status"] = ()
    if written.tls is not None:
        given["verify"] = written.tls.verify
        given["ca_file"] = _pem(written.tls.ca, (*path, "tls", "ca"), reading)
    given = _set(given)
    question = HttpQuestion(url=written.http or "")
    return replace(question, **given) if given else question


def _http_check(written: CheckShape, path: Path, reading: Reading) -> Question:
    question = _http(written, path, reading)
    return replace(question, keep_alive=written.keep_alive.total_seconds()) if written.keep_alive else question


def _journey(written: CheckShape, path: Path, reading: Reading) -> Question:
    from monitor.config import journey  # as in the rules

    steps = enumerate(written.journey or ())
    return journey.question_of([(step, _http(step, (*path, "journey", place), reading)) for place, step in steps])


def _headers(written: HttpShape, path: Path, reading: Reading) -> tuple[tuple[str, str], ...]:
    """As written, and what logs us in. It is in no one's `repr`, and goes to the configured host alone."""
    token = written.bearer.get_secret_value() if written.bearer else ""
    if written.bearer_file is not None:
        token = reading.file_content(written.bearer_file, (*path, "bearer_file"))
    credentials = f"Bearer {token}" if token else ""
    if written.basic is not None:
        password = written.basic.password.get_secret_value() if written.basic.password else ""
        if written.basic.password_file is not None:
            password = reading.file_content(written.basic.password_file, (*path, "basic", "password_file"))
        credentials = "Basic " + b64encode(f"{written.basic.user}:{password}".encode()).decode()
    given = tuple((written.headers or {}).items())
    return (*given, ("Authorization", credentials)) if credentials else given


def _oauth2(written: HttpShape, path: Path, reading: Reading) -> OAuth2 | None:
    of = written.oauth2
    if of is None:
        return None
    secret = of.client_secret.get_secret_value() if of.client_secret else ""
    if of.client_secret_file is not None:
        secret = reading.file_content(of.client_secret_file, (*path, "oauth2", "client_secret_file"))
    return OAuth2(
        token_url=of.token_url,
        client_id=of.client_id,
        client_secret=secret,
        scopes=of.scopes or (),
        auth=of.auth or "basic",
        parameters=tuple((of.parameters or {}).items()),
    )


def _way(written: HttpShape, path: Path, reading: Reading) -> Way | None:
    """None where it is the usual one."""
    shown = written.tls or Tls()
    way = Way(
        version=written.http_version or "",
        compressed=bool(written.compression),
        proxy=written.proxy or "",
        ip=family_of(written.ip),
        connect_to=_place(written.connect_to),
        certificate=_pem(shown.certificate, (*path, "tls", "certificate"), reading),
        key=_pem(shown.key, (*path, "tls", "key"), reading),
        cookies=isinstance(written, CheckShape) and bool(written.cookies),
        groups=shown.groups or "",
        resume=shown.resume.total_seconds() if shown.resume else 0.0,
    )
    return None if way == Way() else way


def _place(target: tuple[str, int | None] | None) -> str:
    if target is None:
        return ""
    host = f"[{target[0]}]" if ":" in target[0] else target[0]
    return f"{host}:{target[1]}" if target[1] else host


def _grpc(written: CheckShape, path: Path, reading: Reading) -> Question:
    asked, secured = written.grpc or Grpc(), written.tls
    shown = secured or Tls()
    return grpc.Question(
        url=f"{'https' if secured else 'http'}://{asked.target or ''}",
        service=asked.service or "",
        metadata=tuple((written.headers or {}).items()),
        verify=shown.verify is not False,
        ca_file=_pem(shown.ca, (*path, "tls", "ca"), reading),
        way=replace(_way(written, path, reading) or Way(), version="2"),
    )


def _collector(written: CheckShape, _path: Path, _reading: Reading) -> Question:
    return CollectorQuestion(url=written.collector or "", metrics=written.metrics)


def _tcp(written: CheckShape, path: Path, reading: Reading) -> Question:
    script = _script(written)
    security = None
    if written.tls is not None or any(step.starttls for step in script):
        security = _security(written.tls or Tls(), path, reading)
    return tcp.Question(url=f"tcp://{written.tcp}", script=script, security=security, ip=family_of(written.ip))


def _websocket(written: CheckShape, path: Path, reading: Reading) -> Question:
    of = written.websocket
    assert of is not None
    return websocket.Question(
        url=of.url,
        headers=_headers(written, path, reading),
        subprotocols=of.subprotocols or (),
        script=_script(written),
        security=_security(written.tls or Tls(), path, reading),
        ip=family_of(written.ip),
    )


def _udp(written: CheckShape, _path: Path, _reading: Reading) -> Question:
    of = written.udp
    assert of is not None
    send = of.send.encode() if of.send is not None else of.send_hex or b""
    given = {"expect": of.expect, "begins": of.expect_hex, "ip": family_of(written.ip)}
    return udp.Question(url=f"udp://{of.target}", send=send, **_set(given))


def _unix(written: CheckShape, path: Path, reading: Reading) -> Question:
    return unix.Question(url=f"unix:{reading.beside(written.unix or '', (*path, 'unix'))}", script=_script(written))


def _ssh(written: CheckShape, _path: Path, _reading: Reading) -> Question:
    return ssh.Question(url=_url(written.ssh, 22), ip=family_of(written.ip))


def _dns(written: CheckShape, path: Path, reading: Reading) -> Question:
    security = _security(written.tls, path, reading) if written.tls else None
    return dns.question_of(written, security)


def _icmp(written: CheckShape, _path: Path, _reading: Reading) -> Question:
    host = written.icmp or ""
    url = f"icmp://[{host}]" if ":" in host else f"icmp://{host}"
    return icmp.Question(url=url, ip=family_of(written.ip))


def _tls(written: CheckShape, path: Path, reading: Reading) -> Question:
    of = written.tls or Tls()
    given = {
        "starttls": of.starttls,
        "warn": of.warn and of.warn.total_seconds(),
        "fail": of.fail and of.fail.total_seconds(),
    }
    url = _url(of.target, PORTS.get(of.starttls or "", 443))
    return tls.Question(url=url, security=_security(of, path, reading), ip=family_of(written.ip), **_set(given))


def _command(written: CheckShape, path: Path, reading: Reading) -> Question:
    line = written.command or ("",)
    named = "directory" if written.directory else "command"
    directory = reading.beside(written.directory or ".", (*path, named))
    if not directory.is_dir():
        reading.tell((*path, named), "is no folder", "Make it, or correct the name.")
    # As a shell does: a name is looked for in PATH, a path is one.
    program = str(directory / line[0]) if "/" in line[0] else line[0]
    if shutil.which(program) is None and not reading.is_wrong((*path, "directory")):
        found = "names no program that we may run"
        reading.tell((*path, "command"), found, "Correct the name, or make it executable: chmod +x.")
    return command.Question(
        command=(program, *line[1:]),
        directory=str(directory),
        environment=tuple((written.environment or {}).items()),
        output=written.output or "status",
    )


_MADE: Final[Mapping[str, Callable[[CheckShape, Path, Reading], Question]]] = {
    "http": _http_check,
    "collector": _collector,
    "tcp": _tcp,
    "udp": _udp,
    "unix": _unix,
    "ssh": _ssh,
    "dns": _dns,
    "icmp": _icmp,
    "tls": _tls,
    "command": _command,
    "grpc": _grpc,
    "websocket": _websocket,
    "journey": _journey,
}


def _script(written: CheckShape) -> tuple[Step, ...]:
    return tuple(map(_step, written.script or ()))


def _step(written: ScriptStep) -> Step:
    send = written.send.encode() if written.send is not None else None
    return Step(send=send, expect=written.expect, refuse=written.refuse, starttls=bool(written.starttls))


def _security(written: Tls, path: Path, reading: Reading) -> Security:
    return Security(
        name=written.name or "",
        verify=written.verify is not False,
        ca_file=_pem(written.ca, (*path, "tls", "ca"), reading),
        certificate=_pem(written.certificate, (*path, "tls", "certificate"), reading),
        key=_pem(written.key, (*path, "tls", "key"), reading),
    )


def _pem(name: str | None, path: Path, reading: Reading) -> str | None:
    """The file of that name, beside the config."""
    if name is None or reading.is_wrong(path):
        return None
    file = reading.file_path(name, path)
    try:
        if b"-----BEGIN" in file.read_bytes():
            return str(file)
        what = "key" if path[-1] == "key" else "certificate"
        reading.tell(path, f"holds no {what}", "Name a PEM file, with a line -----BEGIN ... in it.")
    except OSError:
        reading.tell(path, "cannot be read", "Make the file, or correct the name.")
    return None


def _url(target: tuple[str, int | None] | None, port: int) -> str:
    host, given = target or ("", None)
    return f"tcp://{Listen(host, given or port)}"


def _set(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is left out takes the default of its question."""
    return {key: value for key, value in given.items() if value is not None}

"""From what stands in a check to the question of its kind."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from checks import command, promql, ssh, tcp, tls, unix
from checks.check import CollectorQuestion, HttpQuestion, Question
from checks.starttls import PORTS
from checks.stream import Security, Step
from monitor.config.conditions import judge_status
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape.check import CheckShape, Promql, ScriptStep, Tls
from monitor.config.values import Listen


def question_of(kind: str, written: CheckShape, path: Path, reading: Reading, prometheus: str | None) -> Question:
    """
    What is wrong with files that *written* names is told to *reading*.

    Args:
        kind: What it asks.
        prometheus: The one that is asked where a check names no other.
    """
    if kind == "promql":
        return _promql(written.promql or Promql(), prometheus or "")
    return _MADE[kind](written, path, reading)


def _promql(written: Promql, prometheus: str) -> Question:
    given = _set({"fail": written.fail, "warn": written.warn, "empty": written.empty})
    return promql.Question(url=written.prometheus or prometheus, query=written.query or "", **given)


def _http(written: CheckShape, path: Path, reading: Reading) -> Question:
    given: dict[str, Any] = {
        "method": written.method,
        "headers": tuple(written.headers.items()) if written.headers else None,
        "body": written.body,
        "expected_status": written.status,
        "max_redirects": written.redirects,
        "max_body": written.max_body,
        "expect": written.expect,
    }
    if written.status is None and written.expect is not None and judge_status(written.expect):
        given["expected_status"] = ()
    if written.tls is not None:
        given["verify"] = written.tls.verify
        given["ca_file"] = _authorities(written.tls, path, reading)
    given = _set(given)
    question = HttpQuestion(url=written.http or "")
    return replace(question, **given) if given else question


def _collector(written: CheckShape, _path: Path, _reading: Reading) -> Question:
    return CollectorQuestion(url=written.collector or "", metrics=written.metrics)


def _tcp(written: CheckShape, path: Path, reading: Reading) -> Question:
    script = _script(written)
    security = None
    if written.tls is not None or any(step.starttls for step in script):
        security = _security(written.tls or Tls(), path, reading)
    return tcp.Question(url=f"tcp://{written.tcp}", script=script, security=security)


def _unix(written: CheckShape, path: Path, reading: Reading) -> Question:
    return unix.Question(url=f"unix:{reading.beside(written.unix or '', (*path, 'unix'))}", script=_script(written))


def _ssh(written: CheckShape, _path: Path, _reading: Reading) -> Question:
    return ssh.Question(url=_url(written.ssh, 22))


def _tls(written: CheckShape, path: Path, reading: Reading) -> Question:
    of = written.tls or Tls()
    given = {
        "starttls": of.starttls,
        "warn": of.warn and of.warn.total_seconds(),
        "fail": of.fail and of.fail.total_seconds(),
    }
    url = _url(of.target, PORTS.get(of.starttls or "", 443))
    return tls.Question(url=url, security=_security(of, path, reading), **_set(given))


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
    "http": _http,
    "collector": _collector,
    "tcp": _tcp,
    "unix": _unix,
    "ssh": _ssh,
    "tls": _tls,
    "command": _command,
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
        ca_file=_authorities(written, path, reading),
    )


def _authorities(written: Tls, check: Path, reading: Reading) -> str | None:
    path: Path = (*check, "tls", "ca")
    if written.ca is None or reading.is_wrong(path):
        return None
    file = reading.file_path(written.ca, path)
    try:
        if b"-----BEGIN" in file.read_bytes():
            return str(file)
        reading.tell(path, "holds no certificate", "Name a PEM file, with -----BEGIN CERTIFICATE----- in it.")
    except OSError:
        reading.tell(path, "cannot be read", "Make the file, or correct the name.")
    return None


def _url(target: tuple[str, int | None] | None, port: int) -> str:
    host, given = target or ("", None)
    return f"tcp://{Listen(host, given or port)}"


def _set(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is left out takes the default of its question."""
    return {key: value for key, value in given.items() if value is not None}

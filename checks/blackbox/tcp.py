"""The tcp prober of blackbox_exporter: a conversation in lines."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from checks.blackbox.modules import Module, Tcp
from checks.blackbox.said import Said, Shown, put_shown
from checks.blackbox.targets import Target, place
from checks.stream import Security, Step, StreamAnswer, StreamRequest

_GROUP: Final = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))?")


def request(module: Module, target: Target, ip: str, timeout: float) -> StreamRequest:
    tcp = module.tcp or Tcp()
    secured = tcp.secured or any(entry.starttls for entry in tcp.entries)
    return StreamRequest(
        url=f"tcp://{place(ip, target.port or 0)}",
        script=_script(tcp),
        security=security(tcp.tls, target) if secured else None,
        timeout=timeout,
        source=tcp.source,
    )


def security(tls: Security, target: Target) -> Security:
    """A certificate must be for what the target is called, and not for its address alone."""
    return tls if tls.name else replace(tls, name=target.host)


def begin(said: Said) -> None:
    said.put("probe_failed_due_to_regex", 0)


def say(module: Module, answer: StreamAnswer, said: Said) -> None:
    tcp = module.tcp or Tcp()
    if answer.protocol:
        chain = tuple(certificate.der for certificate in answer.certificates)
        put_shown(said, Shown(answer.protocol, chain, tcp.tls.verify))
    if answer.error is None:
        said.success = True
        said.log.append("all that was waited for came" if tcp.entries else "connected")
        return
    # Who hangs up has said all, and it did not match; who is late or resets may yet have.
    said.put("probe_failed_due_to_regex", 1 if answer.error.closed else 0)
    said.fail(answer.error.detail)


def _script(tcp: Tcp) -> tuple[Step, ...]:
    """One entry is up to three steps, in this order."""
    steps: list[Step] = []
    for entry in tcp.entries:
        if entry.expect:
            steps.append(Step(expect=entry.expect))
        if entry.send:
            text = _filled(entry.send) if entry.expect else entry.send.replace("$", "$$")
            steps.append(Step(send=f"{text}\n".encode()))
        if entry.starttls:
            steps.append(Step(starttls=True))
    return tuple(steps)


def _filled(text: str) -> str:
    """`${1}` of Go is `$1` in a step of ours; what names no group is nothing in both."""

    def group(found: re.Match[str]) -> str:
        number = found[1] or found[2]
        if number is None:
            return "$$"
        return f"${number}" if re.fullmatch("[1-9]", number) else ""

    return _GROUP.sub(group, text)

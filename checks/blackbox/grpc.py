"""The grpc prober of blackbox_exporter: `grpc.health.v1.Health/Check`, and what grpc-go calls what comes back."""

from __future__ import annotations

from typing import Final

from checks import grpc
from checks.blackbox.modules import Grpc, Module
from checks.blackbox.said import Said, Shown, put_certificate, put_expiry
from checks.blackbox.targets import Target, bracketed
from checks.exchange import HttpAnswer, HttpRequest
from checks.result import Reason
from checks.way import Way

_DEADLINE_EXCEEDED, _UNAVAILABLE, _UNKNOWN = 4, 14, 2
# https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
_OF_HTTP: Final = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}


def request(module: Module, target: Target, ip: str, timeout: float) -> HttpRequest:
    of = module.grpc or Grpc()
    name = (of.tls.name or target.host) if of.secured else target.host
    port = target.port or (443 if of.secured else 80)
    question = grpc.Question(
        url=f"{'https' if of.secured else 'http'}://{bracketed(name)}:{port}",
        service=of.service,
        verify=of.tls.verify,
        ca_file=of.tls.ca_file,
        way=Way(
            version="2",
            connect_to=bracketed(ip),
            certificate=of.tls.certificate,
            key=of.tls.key,
            tls_version=of.tls.version,
        ),
        particulars=True,
    )
    return grpc.requests(question, timeout)[0]


def begin(said: Said) -> None:
    said.put("probe_grpc_ssl", 0)
    said.put("probe_grpc_status_code", 0)
    said.put("probe_ssl_earliest_cert_expiry", 0)
    said.phases("probe_grpc_duration_seconds", resolve=0)


def say(module: Module, resolved: float, answer: HttpAnswer, said: Said) -> None:
    of = module.grpc or Grpc()
    spent = answer.timings
    said.phases("probe_grpc_duration_seconds", resolve=resolved, check=spent.total if spent else 0)
    for status in grpc.STATUS:
        said.put("probe_grpc_healthcheck_response", 0, serving_status=status)
    said.success = True
    code, health = _understood(answer, said)
    said.put("probe_grpc_status_code", code)
    if health is None:
        return
    if health < len(grpc.STATUS):
        said.put("probe_grpc_healthcheck_response", 1, serving_status=grpc.STATUS[health])
    if of.secured and answer.particulars is not None:
        said.put("probe_grpc_ssl", 1)
        shown = Shown(answer.particulars.protocol, answer.particulars.chain, of.tls.verify)
        put_expiry(said, shown)
        put_certificate(said, shown)


def _understood(answer: HttpAnswer, said: Said) -> tuple[int, int | None]:
    """The status of gRPC, and what the server says of its health if that is OK."""
    if answer.error is not None:
        said.fail(answer.error.detail)
        return (_DEADLINE_EXCEEDED if answer.error.reason is Reason.TIMEOUT else _UNAVAILABLE), None
    finding = grpc.judge(grpc.Question(url=answer.url), (answer,), {})
    if finding.reason is not None:
        said.fail(finding.detail)
    else:
        said.log.append("says SERVING")
    health = finding.facts.get("grpc_health")
    if "grpc_status" in finding.facts:
        return int(finding.facts["grpc_status"]), None if health is None else int(health)
    return _OF_HTTP.get(answer.status or 0, _UNKNOWN), None

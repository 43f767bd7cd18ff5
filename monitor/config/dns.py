"""From the `dns` key of a check to its question."""

from __future__ import annotations

from checks import dns
from checks.dns_message import Query
from checks.family import Family
from checks.stream import Security
from monitor.config.places import Listen
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape.check import CheckShape
from monitor.config.shape.dns import Dns, Records

PORT = 53
PORT_OF_TLS = 853


def enforce(check: CheckShape, path: Path, reading: Reading) -> None:
    if check.dns is not None and check.dns.transport == "udp" and check.tls is not None:
        reading.tell((*path, "dns", "transport"), "has no TLS", "Remove it, or remove tls: with it, tcp is spoken.")


def question_of(written: Dns, security: Security | None, ip: Family | None) -> dns.Question:
    host, port = written.server
    transport = "udp" if security is None and written.transport != "tcp" else "tcp"
    place = Listen(host, port or (PORT if security is None else PORT_OF_TLS))
    sections = (written.answer, written.authority, written.additional)
    return dns.Question(
        url=f"{transport}://{place}",
        query=Query(
            name=written.name,
            rtype=written.type or "A",
            rclass="CH" if written.chaos else "IN",
            recursion=written.recursion is not False,
        ),
        security=security,
        rcodes=written.rcode or ("NOERROR",),
        authoritative=bool(written.authoritative),
        answered=written.rcode is None and not any(sections),
        answer=_records(written.answer),
        authority=_records(written.authority),
        additional=_records(written.additional),
        ip=ip,
    )


def _records(written: Records | None) -> dns.Records:
    if written is None:
        return dns.Records()
    return dns.Records(some=written.any or (), every=written.all or (), none=written.none or ())

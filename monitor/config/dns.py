"""From the `dns` key of a check to its question."""

from __future__ import annotations

from checks import dns
from checks.dns_message import Query
from checks.family import family_of
from checks.stream import Security
from monitor.config.conditions import enforce_dns, judge_rcode
from monitor.config.places import Listen
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape.check import CheckShape
from monitor.config.shape.dns import Records

PORT = 53
PORT_OF_TLS = 853


def enforce(check: CheckShape, path: Path, reading: Reading) -> None:
    if check.dns is not None and check.dns.transport == "udp" and check.tls is not None:
        reading.tell((*path, "dns", "transport"), "has no TLS", "Remove it, or remove tls: with it, tcp is spoken.")
    if check.dns is not None:
        enforce_dns(check.expect or (), (*path, "expect"), reading)
        enforce_dns(check.warn or (), (*path, "warn"), reading)


def question_of(check: CheckShape, security: Security | None) -> dns.Question:
    written, expect = check.dns, check.expect or ()
    assert written is not None
    judged_apart = bool(expect) and written.rcode is None and judge_rcode(expect)
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
        rcodes=() if judged_apart else written.rcode or ("NOERROR",),
        authoritative=bool(written.authoritative),
        answered=written.rcode is None and not judged_apart and not any(sections),
        answer=_records(written.answer),
        authority=_records(written.authority),
        additional=_records(written.additional),
        ip=family_of(check.ip),
        expect=expect,
        warn=check.warn or (),
    )


def _records(written: Records | None) -> dns.Records:
    if written is None:
        return dns.Records()
    return dns.Records(some=written.any or (), every=written.all or (), none=written.none or ())

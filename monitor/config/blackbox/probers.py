"""What modules of the other probers ask."""

from __future__ import annotations

from ipaddress import ip_address

from checks.blackbox.modules import NOERROR, Dns, Entry, Grpc, Icmp, Rules, Tcp
from checks.dns_message import RCODES, labels_of
from checks.dns_records import CLASSES, TYPES
from monitor.config.blackbox.part import Part
from monitor.config.blackbox.tls import tls_of
from monitor.config.problems import quote

_MOST_PAYLOAD = 65_000
_PAYLOAD = 28
"""Bytes: the name of that tool."""


def tcp_of(part: Part) -> Tcp:
    entries = []
    for one in part.parts("query_response"):
        entries.append(Entry(expect=one.regex("expect"), send=one.text("send"), starttls=one.flag("starttls")))
        one.end()
    return Tcp(entries=tuple(entries), secured=part.flag("tls"), tls=tls_of(part), source=_source(part))


def dns_of(part: Part) -> Dns:
    name = part.text("query_name")
    if not name:
        part.tell("query_name", "is missing", "Add query_name: it has no default.")
    try:
        labels_of(name)
    except ValueError as error:
        part.tell("query_name", f"{quote(name)} {error}", "Write a domain name.")
    secured, transport = part.flag("dns_over_tls"), part.word("transport_protocol", "udp", "udp", "tcp")
    if secured and transport == "udp":
        part.tell("dns_over_tls", "goes over tcp alone", "Add transport_protocol: tcp.")
    return Dns(
        name=name,
        rtype=_known(part, "query_type", "ANY", TYPES),
        rclass=_known(part, "query_class", "IN", CLASSES),
        recursion=part.flag("recursion_desired", True),
        transport=transport,
        secured=secured,
        tls=tls_of(part),
        rcodes=_rcodes(part),
        answer=_rules(part.part("validate_answer_rrs")),
        authority=_rules(part.part("validate_authority_rrs")),
        additional=_rules(part.part("validate_additional_rrs")),
        source=_source(part),
    )


def icmp_of(part: Part) -> Icmp:
    return Icmp(
        payload=part.number("payload_size", 0, _MOST_PAYLOAD) or _PAYLOAD,
        ttl=part.number("ttl", 64, 255) or 64,
        dont_fragment=part.flag("dont_fragment"),
        source=_source(part),
    )


def grpc_of(part: Part) -> Grpc:
    return Grpc(service=part.text("service"), secured=part.flag("tls"), tls=tls_of(part))


def _rcodes(part: Part) -> tuple[str, ...]:
    given = part.texts("valid_rcodes")
    if unknown := [code for code in given if code not in RCODES]:
        part.refuse("valid_rcodes", f"{quote(unknown[0])} is not known here", f"Known here: {', '.join(RCODES)}.")
    return given or (NOERROR,)


def _rules(part: Part) -> Rules:
    if part.has("fail_if_all_match_regexp"):
        found = "does with blackbox_exporter the opposite of what its name says"
        part.refuse("fail_if_all_match_regexp", found, "Write fail_if_not_matches_regexp: for what it does.")
    made = Rules(
        none=part.regexes("fail_if_matches_regexp"),
        every=part.regexes("fail_if_not_matches_regexp"),
        some=part.regexes("fail_if_none_matches_regexp"),
    )
    part.end()
    return made


def _known(part: Part, key: str, default: str, known: dict[str, int]) -> str:
    given = part.text(key) or default
    if given not in known:
        part.refuse(key, f"{quote(given)} is not known here", f"Known here: {', '.join(known)}.")
        return default
    return given


def _source(part: Part) -> str:
    given = part.text("source_ip_address")
    try:
        return str(ip_address(given)) if given else ""
    except ValueError:
        part.tell("source_ip_address", f"{quote(given)} is no address", "Write an address of this machine.")
        return ""

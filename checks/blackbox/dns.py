"""The dns prober of blackbox_exporter."""

from __future__ import annotations

from collections.abc import Callable

from checks.blackbox.modules import Dns, Module, Rules
from checks.blackbox.said import Said
from checks.blackbox.targets import Target, place
from checks.blackbox.tcp import security
from checks.datagram import DnsAnswer, DnsRequest
from checks.dns_message import Message, Query
from checks.patterns import Searches, SearchTooLong
from checks.urls import clip

_MOST_SEARCHED = 4096
"""Letters of a record: the time that a careless expression takes grows with its length."""


def request(module: Module, target: Target, ip: str, timeout: float) -> DnsRequest:
    dns = _of(module)
    port = target.port or (853 if dns.secured else 53)
    return DnsRequest(
        url=f"{dns.transport}://{place(ip, port)}",
        query=Query(dns.name, dns.rtype, dns.rclass, dns.recursion),
        security=security(dns.tls, target) if dns.secured else None,
        timeout=timeout,
        source=dns.source,
    )


def begin(said: Said) -> None:
    for name in ("answer_rrs", "authority_rrs", "additional_rrs", "query_succeeded"):
        said.put(f"probe_dns_{name}", 0)
    said.phases("probe_dns_duration_seconds", resolve=0, connect=0, request=0)


def say(module: Module, resolved: float, answer: DnsAnswer, said: Said) -> None:
    dns, spent, message = _of(module), answer.timings, answer.message
    said.phases(
        "probe_dns_duration_seconds",
        resolve=resolved,
        connect=spent.connect + spent.tls if spent else 0,
        request=spent.first_byte + spent.transfer if spent else 0,
    )
    if message is None or answer.error is not None:
        said.fail(answer.error.detail if answer.error is not None else "no answer came")
        return
    said.put("probe_dns_query_succeeded", 1)
    said.put("probe_dns_answer_rrs", len(message.answer))
    said.put("probe_dns_authority_rrs", len(message.authority))
    said.put("probe_dns_additional_rrs", len(message.additional))
    if dns.rtype == "SOA":
        said.put("probe_dns_serial", _serial(message))
    said.log.append(f"answered {message.rcode}")
    said.success = True
    if message.rcode not in dns.rcodes:
        said.fail(f"wanted {' or '.join(dns.rcodes)}")
        return
    searches = Searches()
    for section in ("answer", "authority", "additional"):
        lines = [record.text[:_MOST_SEARCHED] for record in getattr(message, section)]
        said.log += [f"{section}: {clip(line)}" for line in lines]
        if why := _complaint(getattr(dns, section), lines, searches):
            said.fail(f"validate_{section}_rrs: {why}")
            return


def _of(module: Module) -> Dns:
    assert module.dns is not None  # a name to ask for has no default
    return module.dns


def _serial(message: Message) -> float:
    found = [float(record.rdata.split(" ")[2]) for record in message.answer if record.rtype == "SOA"]
    return found[-1] if found else 0.0


def _complaint(rules: Rules, lines: list[str], searches: Searches) -> str:
    try:
        return _unwanted(rules, lines, searches.find)
    except SearchTooLong as endless:
        return str(endless)


def _unwanted(rules: Rules, lines: list[str], find: Callable[[str, str], object]) -> str:
    if not lines and (rules.every or rules.some):
        return "there is no record, and one must match"
    for pattern in rules.none:
        if any(find(pattern, line) for line in lines):
            return f"a record matches {_told(pattern)}"
    for pattern in rules.every:
        if not all(find(pattern, line) for line in lines):
            return f"a record does not match {_told(pattern)}"
    if rules.some and not any(find(pattern, line) for pattern in rules.some for line in lines):
        return f"no record matches {' or '.join(map(_told, rules.some))}"
    return ""


def _told(pattern: str) -> str:
    return clip(pattern.removeprefix("(?a)"))

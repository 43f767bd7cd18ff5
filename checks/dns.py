"""Does a name server answer one question as it should?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from checks.check import Finding
from checks.datagram import DnsAnswer, DnsRequest
from checks.dns_message import Message, Query
from checks.dns_records import Record
from checks.family import Family
from checks.http import Complaint, failed_transport, told
from checks.patterns import Searches, SearchTooLong
from checks.result import Outcome, Reason
from checks.stream import Security
from checks.urls import clip

_MAX_SEARCHED: Final = 4096
"""Letters of a record that are searched: the time that a careless expression takes grows with its length."""
_SECTIONS: Final = ("answer", "authority", "additional")


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """
    What the records of one section must look like: regular expressions, searched in each as a line of a zone file.

    Attributes:
        some: Each matches a record at least.
        every: Each matches all records, of which there is one at least.
        none: None matches any record.
    """

    some: tuple[str, ...] = ()
    every: tuple[str, ...] = ()
    none: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    Attributes:
        url: Of the name server: `udp://HOST:PORT`, or `tcp://HOST:PORT`.
        security: With `tcp://`: how the connection is secured, as DNS over TLS (RFC 7858).
        authoritative: Whether the server must answer of its own knowledge.
        rcodes: Those that are wanted; empty where conditions judge it alone.
        answered: Whether an answer without a record fails.
        expect, warn: Conditions that must hold, and those that should, as of `HttpQuestion`.
    """

    kind: ClassVar[str] = "dns"

    url: str
    query: Query
    security: Security | None = None
    rcodes: tuple[str, ...] = ("NOERROR",)
    authoritative: bool = False
    answered: bool = False
    answer: Records = field(default_factory=Records)
    authority: Records = field(default_factory=Records)
    additional: Records = field(default_factory=Records)
    ip: Family | None = None
    expect: tuple[str, ...] = ()
    warn: tuple[str, ...] = ()


def requests(question: Question, timeout: float) -> tuple[DnsRequest, ...]:
    return (
        DnsRequest(url=question.url, query=question.query, security=question.security, timeout=timeout, ip=question.ip),
    )


def judge(question: Question, answers: tuple[DnsAnswer, ...], previous: Mapping[str, float]) -> Finding:  # noqa: ARG001 - the same three parameters for every kind
    answer = answers[0]
    message = answer.message
    if message is None or answer.error is not None:
        return failed_transport(answer)
    facts = _facts(message)
    complaints: list[Complaint] = []
    if (complaint := _complaint(question, message)) is not None:
        reason, words = complaint
        complaints.append((reason, f"{question.url.partition('//')[2]} answered {question.query} {words}"))
    complaints += _unmet(question.expect, answer)
    if not complaints:
        warnings = tuple([text for _, text in _unmet(question.warn, answer)])
        return Finding(outcome=Outcome.OK, facts=facts, warnings=warnings, answer=answer)
    reason = min((reason for reason, _ in complaints), key=list(Reason).index)
    shown = replace(answer, body=_text(message).encode())
    return Finding(outcome=Outcome.FAILED, reason=reason, detail=told(complaints), facts=facts, answer=shown)


def _unmet(conditions: tuple[str, ...], answer: DnsAnswer) -> list[Complaint]:
    if not conditions:
        return []
    from checks.conditions import Facts
    from checks.expectations import unmet

    seconds = answer.timings.total if answer.timings is not None else None
    rcode = answer.message.rcode if answer.message is not None else None
    return unmet(conditions, Facts(dns_rcode=rcode, response_time=seconds, ip=answer.address))


def _complaint(question: Question, message: Message) -> Complaint | None:
    if question.rcodes and message.rcode not in question.rcodes:
        return Reason.STATUS, f"with {message.rcode}, wanted {' or '.join(question.rcodes)}"
    if question.authoritative and not message.authoritative:
        return Reason.HEADER, "without authority, wanted it to answer of its own knowledge (AA)"
    if question.answered and not message.answer:
        return Reason.BODY, "without any record"
    searches = Searches()
    for section in _SECTIONS:
        try:
            words = _of_records(section, getattr(question, section), getattr(message, section), searches)
        except SearchTooLong as error:
            return Reason.BODY, f"with records in its {section} that are hard to search: {error}"
        if words is not None:
            return Reason.BODY, words
    return None


def _of_records(section: str, wanted: Records, found: tuple[Record, ...], searches: Searches) -> str | None:
    """Raises SearchTooLong."""
    if not (wanted.some or wanted.every or wanted.none):
        return None
    lines = [record.text[:_MAX_SEARCHED] for record in found]
    for pattern in wanted.some:
        if not any(searches.find(pattern, line) for line in lines):
            what = f"with {_shown(lines)} as its {section}" if lines else f"with nothing as its {section}"
            return f"{what}, wanted a record that matches {pattern}"
    for pattern in wanted.every:
        if not lines:
            return f"with nothing as its {section}, wanted records that match {pattern}"
        for line in lines:
            if not searches.find(pattern, line):
                return f"with {_shown([line])} in its {section}, wanted only records that match {pattern}"
    for pattern in wanted.none:
        for line in lines:
            if searches.find(pattern, line):
                return f"with {_shown([line])} in its {section}, wanted none that matches {pattern}"
    return None


def _facts(message: Message) -> dict[str, float]:
    facts = {
        "answer_rrs": float(len(message.answer)),
        "authority_rrs": float(len(message.authority)),
        "additional_rrs": float(len(message.additional)),
    }
    soa = next((record for record in message.answer if record.rtype == "SOA"), None)
    if soa is not None:
        facts["serial"] = float(soa.rdata.split(" ")[2])
    return facts


def _shown(lines: list[str]) -> str:
    return clip("; ".join(line.replace("\t", " ") for line in lines))


def _text(message: Message) -> str:
    """As evidence."""
    parts = [f";; {message.rcode}{' (authoritative)' if message.authoritative else ''}\n"]
    for section in _SECTIONS:
        records = getattr(message, section)
        parts += [f";; {section}\n", *(f"{record.text}\n" for record in records)] if records else []
    return "".join(parts)

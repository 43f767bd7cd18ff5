"""What a name server's answer means: its rcode, its authority, and records that must, may or may not be there."""

from __future__ import annotations

import pytest

from checks.check import Finding
from checks.datagram import DnsAnswer
from checks.dns import Question, Records, judge, requests
from checks.dns_message import RCODES, Message, Query
from checks.dns_records import Record
from checks.exchange import TransportError
from checks.kinds import kind, kind_of
from checks.result import Outcome, Reason, Timings
from checks.stream import Security

WWW = Query("www.example.com")


def a(address: str, ttl: int = 300) -> Record:
    return Record("www.example.com.", ttl, "IN", "A", address)


NS = Record("example.com.", 3600, "IN", "NS", "ns1.example.net.")
SOA = Record("example.com.", 3600, "IN", "SOA", "ns.example.com. hostmaster.example.com. 2026112401 7200 600 86400 300")


def said(
    *answer: Record, rcode: str = "NOERROR", aa: bool = False, authority: tuple[Record, ...] = ()
) -> Message:  # fmt: skip
    return Message(0x8180 | 0x0400 * aa | RCODES.index(rcode), answer, authority)


def judged(message: Message, **wanted: object) -> Finding:
    question = Question(url="udp://ns.example:53", query=WWW, **wanted)  # type: ignore[arg-type]
    return judge(question, (DnsAnswer(message=message),), {})


class TestRcode:
    @pytest.mark.parametrize(
        ("rcode", "wanted", "ok"),
        [
            ("NOERROR", ("NOERROR",), True),
            ("NXDOMAIN", ("NOERROR",), False),
            ("NXDOMAIN", ("NXDOMAIN",), True),
            ("NOERROR", ("NXDOMAIN",), False),
            ("SERVFAIL", ("SERVFAIL", "NXDOMAIN"), True),
        ],
    )
    def test_it_is_one_of_those_that_are_wanted(self, rcode: str, wanted: tuple[str, ...], ok: bool) -> None:
        finding = judged(said(rcode=rcode), rcodes=wanted)

        assert (finding.outcome is Outcome.OK) is ok
        assert (finding.reason is None) is ok

    def test_what_the_server_answered_is_judged_and_never_excused(self) -> None:
        finding = judged(said(rcode="SERVFAIL", authority=(SOA,)), rcodes=("NOERROR", "NXDOMAIN"))

        assert (finding.reason, finding.excusable) == (Reason.STATUS, False)
        assert finding.detail == (
            "ns.example:53 answered www.example.com A with SERVFAIL, wanted NOERROR or NXDOMAIN"
        )  # fmt: skip
        assert finding.answer is not None
        assert finding.answer.body.decode() == f";; SERVFAIL\n;; authority\n{SOA.text}\n"


class TestAuthority:
    def test_it_is_asked_for_only_where_it_is_wanted(self) -> None:
        assert judged(said(a("192.0.2.1"))).outcome is Outcome.OK
        assert judged(said(a("192.0.2.1"), aa=True), authoritative=True).outcome is Outcome.OK

        finding = judged(said(a("192.0.2.1")), authoritative=True)

        assert finding.reason is Reason.HEADER
        assert finding.detail.endswith("without authority, wanted it to answer of its own knowledge (AA)")


class TestRecords:
    def test_an_answer_without_any_record_is_none_where_nothing_else_was_wanted(self) -> None:
        assert judged(said(a("192.0.2.1")), answered=True).outcome is Outcome.OK

        finding = judged(said(authority=(NS,)), answered=True)

        assert finding.reason is Reason.BODY
        assert finding.detail == "ns.example:53 answered www.example.com A without any record"

    @pytest.mark.parametrize(
        ("records", "wanted", "words"),
        [
            ([], Records(), None),
            (["192.0.2.1"], Records(some=(r"\t192\.0\.2\.1$",)), None),
            (["192.0.2.9", "192.0.2.1"], Records(some=(r"\.1$", r"\.9$")), None),
            (
                ["192.0.2.9"],
                Records(some=(r"\.9$", r"\.1$")),
                r"with www.example.com. 300 IN A 192.0.2.9 as its answer, wanted a record that matches \.1$",
            ),
            ([], Records(some=("x",)), "with nothing as its answer, wanted a record that matches x"),
            (["192.0.2.1", "192.0.2.2"], Records(every=(r"192\.0\.2\.", "IN\tA")), None),
            (
                ["192.0.2.1", "203.0.113.1"],
                Records(every=(r"192\.0\.2\.",)),
                r"with www.example.com. 300 IN A 203.0.113.1 in its answer, wanted only records that match 192\.0\.2\.",
            ),
            ([], Records(every=("x",)), "with nothing as its answer, wanted records that match x"),
            (["192.0.2.1"], Records(none=("7200", r"203\.")), None),
            ([], Records(none=("x",)), None),
            (
                ["192.0.2.1", "203.0.113.1"],
                Records(none=("7200", r"203\.")),
                r"with www.example.com. 300 IN A 203.0.113.1 in its answer, wanted none that matches 203\.",
            ),
        ],
        ids=[
            "no rule", "some: the data", "some: each by another", "some: one by none", "some: of nothing",
            "every: all", "every: but one", "every: of nothing", "none: no one", "none: of nothing", "none: but one",
        ],
    )  # fmt: skip
    def test_rules_over_records(self, records: list[str], wanted: Records, words: str | None) -> None:
        finding = judged(said(*map(a, records)), answer=wanted)

        if words is None:
            assert finding.outcome is Outcome.OK
        else:
            assert (finding.outcome, finding.reason) == (Outcome.FAILED, Reason.BODY)
            assert finding.detail == f"ns.example:53 answered www.example.com A {words}"

    def test_each_section_has_its_own(self) -> None:
        message = Message(0x8180, (a("192.0.2.1"),), (NS,), (a("192.0.2.53"),))
        wanted = {
            "answer": Records(some=(r"\.1$",)),
            "authority": Records(every=("ns1",)),
            "additional": Records(some=(r"\.53$",)),
        }

        assert judged(message, **wanted).outcome is Outcome.OK
        for section in wanted:
            detail = judged(message, **wanted | {section: Records(none=("example",))}).detail
            assert f"in its {section}, wanted none" in detail

    def test_the_ttl_and_the_name_can_be_asked_for(self) -> None:
        assert judged(said(a("192.0.2.1", ttl=7200)), answer=Records(none=("7200",))).outcome is Outcome.FAILED
        assert judged(said(a("192.0.2.1")), answer=Records(every=("^www",))).outcome is Outcome.OK

    def test_a_long_answer_is_told_in_one_line(self) -> None:
        finding = judged(said(*(a(f"192.0.2.{n}") for n in range(100))), answer=Records(some=("nothing",)))

        assert len(finding.detail) < 350
        assert finding.detail.isprintable()


def test_the_serial_of_a_zone_is_a_fact_of_every_answer_that_tells_it() -> None:
    assert judged(said(SOA)).facts["serial"] == 2026112401.0
    assert judged(said(SOA), answer=Records(none=("SOA",))).facts["serial"] == 2026112401.0
    assert "serial" not in judged(said(authority=(SOA,))).facts


def test_how_many_records_each_section_has_is_a_fact_of_every_answer() -> None:
    message = Message(0x8180, (a("192.0.2.1"), a("192.0.2.2")), (NS,), ())
    counted = {"answer_rrs": 2.0, "authority_rrs": 1.0, "additional_rrs": 0.0}

    assert judged(message).facts == counted
    assert judged(message, answer=Records(none=("A",))).facts == counted


@pytest.mark.parametrize(
    ("reason", "silent", "outcome", "excusable"),
    [
        (Reason.REFUSED, True, Outcome.FAILED, False),
        (Reason.TIMEOUT, True, Outcome.FAILED, True),
        (Reason.TIMEOUT, False, Outcome.FAILED, False),
        (Reason.PROTOCOL, False, Outcome.FAILED, False),
        (Reason.INTERNAL, True, Outcome.UNKNOWN, False),
    ],
)
def test_no_answer_means_what_it_means_to_every_kind(
    reason: Reason, silent: bool, outcome: Outcome, excusable: bool
) -> None:
    error = TransportError(reason=reason, detail="why", before_any_byte=silent)

    finding = judge(Question(url="udp://x:53", query=WWW), (DnsAnswer(error=error),), {})

    assert (finding.outcome, finding.reason, finding.detail) == (outcome, reason, "why")
    assert finding.excusable is excusable


def test_the_kind_is_found_by_its_name_and_by_its_question() -> None:
    question = Question(url="udp://192.0.2.53:53", query=WWW)

    assert kind("dns") is kind_of(question)


def test_it_asks_one_question() -> None:
    security = Security(name="ns.example")
    question = Question(url="tcp://192.0.2.53:853", query=WWW, security=security)

    (request,) = requests(question, 3.0)

    assert (request.url, request.query, request.security, request.timeout) == (question.url, WWW, security, 3.0)


@pytest.mark.parametrize("wanted", [{"some": ("(a+)+$",)}, {"every": ("(a+)+$",)}, {"none": ("(a+)+$",)}])
def test_a_search_without_end_fails_the_check_whose_expression_it_is(wanted: dict[str, tuple[str, ...]]) -> None:
    long = Record("www.example.com.", 300, "IN", "TXT", f'"{"a" * 60}!"')

    finding = judged(said(long), answer=Records(**wanted))

    assert (finding.outcome, finding.reason) == (Outcome.FAILED, Reason.BODY)
    assert finding.detail == (
        "ns.example:53 answered www.example.com A with records in its answer that are hard to search: "
        "the search for (a+)+$ took more than 50 ms of CPU"
    )


class TestConditions:
    @pytest.mark.parametrize(
        ("rcode", "condition", "detail"),
        [
            ("NOERROR", "[DNS_RCODE] == NOERROR", None),
            ("NXDOMAIN", "[DNS_RCODE] == any(NOERROR, NXDOMAIN)", None),
            ("SERVFAIL", "[DNS_RCODE] != SERVFAIL", "[DNS_RCODE] (SERVFAIL) != SERVFAIL"),
            ("NXDOMAIN", "[DNS_RCODE] == NOERROR", "[DNS_RCODE] (NXDOMAIN) == NOERROR"),
            ("NOERROR", "[DNS_RCODE] == noerror", "[DNS_RCODE] (NOERROR) == noerror"),
            ("NOERROR", "has([DNS_RCODE]) == true and len([DNS_RCODE]) == 7", None),
            ("NOERROR", "[dns_rcode] == pat(NO*)", None),
        ],
    )
    def test_the_rcode_can_be_judged_by_conditions_alone(self, rcode: str, condition: str, detail: str | None) -> None:
        finding = judged(said(rcode=rcode), rcodes=(), expect=(condition,))

        assert (finding.outcome is Outcome.OK) is (detail is None)
        assert finding.reason is (None if detail is None else Reason.STATUS)
        assert finding.detail == (detail or "")

    def test_its_time_and_its_address_can_be_asked_for(self) -> None:
        question = Question(
            url="udp://ns.example:53", query=WWW, expect=("[IP] == 192.0.2.53",), warn=("[RESPONSE_TIME] < 50",)
        )
        answer = DnsAnswer(message=said(a("192.0.2.1")), timings=Timings(first_byte=0.0735), address="192.0.2.53")

        finding = judge(question, (answer,), {})

        assert finding.outcome is Outcome.OK
        assert finding.warnings == ("[RESPONSE_TIME] (73.5) < 50",)

    def test_all_that_is_wrong_is_told_and_the_first_that_an_answer_meets_is_the_reason(self) -> None:
        finding = judged(said(rcode="NXDOMAIN"), expect=("[IP] == 192.0.2.1",))

        assert finding.reason is Reason.STATUS
        assert finding.detail == (
            "ns.example:53 answered www.example.com A with NXDOMAIN, wanted NOERROR; "
            "[IP] (INVALID) == 192.0.2.1: no address answered"
        )

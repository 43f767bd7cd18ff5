"""What is made of an answer where no two programs can be compared: bounds, broken answers, and what was never asked."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from checks.blackbox import dns, http, icmp, tcp
from checks.blackbox.modules import Dns, Entry, Http, Icmp, Module, Rules, Tcp
from checks.blackbox.said import NO_CHAIN, Said, Shown, address_hash, put_shown
from checks.blackbox.targets import NoTarget, Target, place, target_of
from checks.datagram import DnsAnswer, EchoAnswer
from checks.dns_message import Message
from checks.dns_records import Record
from checks.exchange import HttpAnswer, HttpRequest, Particulars, TransportError
from checks.oauth2 import AuthorizedRequest, OAuth2
from checks.result import Reason, Timings
from checks.stream import Security, Step, StreamAnswer

SPENT = Timings(connect=0.002, first_byte=0.008)
URL = "http://shop.example/"


def of_http(answer: HttpAnswer, **settings: Any) -> tuple[bool, dict[str, float], list[str]]:
    said = Said()
    http.begin(said)
    http.say(Module(prober="http", http=Http(**settings)), 0.001, answer, said)
    return said.success, {name: value for name, labels, value in said.samples if not labels}, said.log


def answered(body: bytes = b"", length: int | None = None, **more: Any) -> HttpAnswer:
    particulars = Particulars(length=len(body) if length is None else length, **more.pop("particulars", {}))
    given = {"status": 200, "version": "1.1", "url": URL, "timings": SPENT, "body": body, "particulars": particulars}
    return HttpAnswer(**{**given, **more})


class TestHttp:
    @pytest.mark.parametrize(("beyond", "success"), [(0, True), (1, False)])
    def test_a_body_is_searched_up_to_a_bound(self, beyond: int, success: bool) -> None:
        answer = answered(b"fine", length=http.MOST_SEARCHED + beyond)

        found, said, log = of_http(answer, body_not_matches=("fine",))

        assert found is success
        assert said["probe_failed_due_to_regex"] == beyond
        assert said["probe_http_uncompressed_body_length"] == http.MOST_SEARCHED + beyond
        assert ("in which alone expressions are searched" in log[-1]) is not success

    def test_a_body_of_any_size_is_counted_where_nothing_is_searched(self) -> None:
        assert of_http(answered(b"", length=10**9))[:2] == (True, of_http(answered(b"", length=10**9))[1])
        assert of_http(answered(b"", length=10**9))[1]["probe_http_uncompressed_body_length"] == 10**9

    def test_a_bomb_is_not_unpacked(self) -> None:
        bomb = gzip.compress(b"\0" * (http.MOST_SEARCHED + 1))

        found, said, log = of_http(answered(bomb), compression="gzip")

        assert not found
        assert said["probe_http_uncompressed_body_length"] == http.MOST_SEARCHED
        assert log[-1] == "the body is longer than is read"

    def test_a_search_without_end_is_given_up_and_is_no_success(self) -> None:
        found, said, log = of_http(answered(b"x" * 40), body_not_matches=("(x+x+)+y",))

        assert (found, said["probe_failed_due_to_regex"]) == (False, 1)
        assert log[-1] == "the search for (x+x+)+y took more than 100 ms of CPU"

    def test_headers_that_broke_off_are_no_answer(self) -> None:
        late = TransportError(reason=Reason.TIMEOUT, detail="no answer within 5 s")
        answer = answered(error=late, particulars={"headers_ended": False})

        found, said, log = of_http(answer)

        assert (found, said["probe_http_status_code"], log) == (False, 0, ["no answer within 5 s"])

    def test_of_what_was_never_answered_all_is_zero(self) -> None:
        refused = HttpAnswer(url=URL, error=TransportError(reason=Reason.REFUSED, detail="refused"))

        found, said, _ = of_http(refused)

        assert not found
        assert set(said.values()) == {0.0}
        assert len(said) == 7

    @pytest.mark.parametrize(
        ("headers", "status", "length"),
        [
            ((("Content-Length", "17"),), 200, 17),
            ((), 200, -1),
            ((), 204, 0),
            ((("content-length", "17"), ("Transfer-Encoding", "chunked")), 200, -1),
            ((("Content-Length", "many"),), 200, -1),
        ],
    )
    def test_content_length_is_what_is_told_of_it(self, headers: Any, status: int, length: int) -> None:
        said = of_http(answered(headers=headers, status=status))[1]

        assert said["probe_http_content_length"] == length

    @pytest.mark.parametrize(
        ("written", "at"),
        [
            ("Wed, 21 Oct 2015 07:28:00 GMT", 1445412480.0),
            ("yesterday", None),
            ("Wed, 99 Oct 2015 07:28:00 GMT", None),
            ("", None),
        ],
    )
    def test_last_modified_is_told_where_it_is_a_date(self, written: str, at: float | None) -> None:
        said = of_http(answered(headers=(("Last-Modified", written),)))[1]

        assert said.get("probe_http_last_modified_timestamp_seconds") == at

    def test_what_is_asked_goes_to_the_address_that_was_found_in_the_name_that_was_given(self) -> None:
        module = Module(prober="http", http=Http(host="shop.example", tls=Security(ca_file="/ca.pem")))
        target = target_of(module, "https://user:pass@192.0.2.7:8443/a?b#c")

        request = http.request(module, target, "192.0.2.7", 5.0)

        assert isinstance(request, HttpRequest)
        assert request.url == "https://user:pass@shop.example:8443/a?b"
        assert request.headers == (("Host", "shop.example"),)
        assert request.way is not None
        assert (request.way.connect_to, request.ca_file, request.max_redirects) == ("192.0.2.7", "/ca.pem", 10)

    def test_a_name_of_a_certificate_is_none_of_the_host_header(self) -> None:
        module = Module(prober="http", http=Http(tls=Security(name="other.example")))

        request = http.request(module, target_of(module, "https://shop.example"), "2001:db8::7", 5.0)

        assert isinstance(request, HttpRequest)
        assert (request.url, request.headers) == ("https://other.example", (("Host", "shop.example"),))
        assert request.way is not None
        assert request.way.connect_to == "[2001:db8::7]"

    def test_a_token_is_fetched_first(self) -> None:
        oauth2 = OAuth2(token_url="https://login.example/token", client_id="we", client_secret="hunter2")
        module = Module(prober="http", http=Http(oauth2=oauth2))

        request = http.request(module, target_of(module, URL), "192.0.2.7", 5.0)

        assert isinstance(request, AuthorizedRequest)
        assert (request.oauth2, request.request.way is not None) == (oauth2, True)


def test_a_search_without_end_of_a_record_is_no_success() -> None:
    record = Record("www.example.", 60, "IN", "TXT", "x" * 40)
    module = Module(prober="dns", dns=Dns(name="www.example", answer=Rules(none=("(x+x+)+y",))))
    said = Said()
    dns.begin(said)

    dns.say(module, 0.001, DnsAnswer(message=Message(0, (record,))), said)

    assert not said.success
    assert said.log[-1] == "validate_answer_rrs: the search for (x+x+)+y took more than 50 ms of CPU"


class TestTcp:
    def of(self, answer: StreamAnswer) -> tuple[bool, dict[str, float]]:
        said = Said()
        tcp.begin(said)
        tcp.say(Module(prober="tcp", tcp=Tcp()), answer, said)
        return said.success, {name: value for name, labels, value in said.samples if not labels}

    @pytest.mark.parametrize(("closed", "regex"), [(True, 1), (False, 0)])
    def test_who_hangs_up_has_said_all_and_who_is_late_may_yet(self, closed: bool, regex: int) -> None:
        error = TransportError(reason=Reason.BODY, detail="closed", closed=closed)

        assert self.of(StreamAnswer(error=error)) == (False, {"probe_failed_due_to_regex": regex})

    def test_groups_are_those_of_the_same_entry_and_dollars_else_are_dollars(self) -> None:
        entries = (
            Entry(expect="(a)", send="x ${1} $2 $$ $name ${12}"),
            Entry(send="5$ ${1}"),
            Entry(starttls=True),
        )
        module = Module(prober="tcp", tcp=Tcp(entries=entries))

        request = tcp.request(module, Target("mx.example", 25), "192.0.2.7", 5.0)

        assert request.script == (
            Step(expect="(a)"),
            Step(send=b"x $1 $2 $$  \n"),
            Step(send=b"5$$ $${1}\n"),
            Step(starttls=True),
        )
        assert request.security == Security(name="mx.example")
        assert request.url == "tcp://192.0.2.7:25"


class TestTargets:
    @pytest.mark.parametrize(
        ("prober", "text", "host", "port"),
        [
            ("http", "shop.example", "shop.example", None),
            ("http", "https://[2001:db8::1]:8443/x", "2001:db8::1", 8443),
            ("tcp", "db.example:5432", "db.example", 5432),
            ("tcp", "[::1]:22", "::1", 22),
            ("dns", "192.0.2.53", "192.0.2.53", None),
            ("dns", "2001:db8::53", "2001:db8::53", None),
            ("icmp", "router.example", "router.example", None),
        ],
    )
    def test_a_target_is_read_as_its_prober_does(self, prober: str, text: str, host: str, port: int | None) -> None:
        target = target_of(Module(prober=prober), text)

        assert (target.host, target.port) == (host, port)

    @pytest.mark.parametrize(
        ("prober", "text"),
        [
            ("tcp", "db.example"),
            ("tcp", "db.example:0"),
            ("tcp", "db.example:65536"),
            ("tcp", "db.example:http"),
            ("http", "http://"),
            ("http", "http://a:b:c/"),
            ("http", "http://[::1/"),
        ],
    )
    def test_what_is_none_is_refused(self, prober: str, text: str) -> None:
        with pytest.raises(NoTarget):
            target_of(Module(prober=prober), text)

    def test_a_login_in_a_url_is_not_told(self) -> None:
        with pytest.raises(NoTarget) as refused:
            target_of(Module(prober="http"), "http://user:hunter2@:x/")

        assert "hunter2" not in str(refused.value)

    def test_places_are_written_as_urls_have_them(self) -> None:
        assert (place("::1", 53), place("192.0.2.1", 53)) == ("[::1]:53", "192.0.2.1:53")


def test_the_hash_of_an_address_is_that_of_its_bytes() -> None:
    assert address_hash("127.0.0.1") == 3668918509, "as blackbox_exporter 0.23 says"
    assert address_hash("fe80::1%eth0") == address_hash("fe80::1")


@pytest.mark.parametrize("chain", [(), (b"garbage",)])
def test_of_certificates_that_nobody_can_read_the_version_alone_is_told(chain: tuple[bytes, ...]) -> None:
    said = Said()

    put_shown(said, Shown("TLSv1.3", chain, verified=False))

    assert said.samples == (
        ("probe_ssl_last_chain_expiry_timestamp_seconds", (), NO_CHAIN),
        ("probe_tls_version_info", (("version", "TLS 1.3"),), 1.0),
    )


def test_an_echo_that_did_not_come_took_no_time() -> None:
    said = Said()
    icmp.begin(said)

    late = EchoAnswer(timings=SPENT, error=TransportError(reason=Reason.TIMEOUT, detail="no answer within 5 s"))
    icmp.say(0.5, late, said)

    assert not said.success
    assert [(dict(labels)["phase"], value) for _, labels, value in said.samples] == [
        ("resolve", 0.5), ("rtt", 0.0), ("setup", 0.0),
    ]  # fmt: skip


def test_an_echo_is_asked_for_as_the_module_says() -> None:
    module = Module(prober="icmp", icmp=Icmp(payload=100, ttl=3, dont_fragment=True))

    request = icmp.request(module, Target("router.example", None), "2001:db8::1", 5.0)

    assert (request.url, request.payload, request.hop_limit, request.fragment) == (
        "icmp://[2001:db8::1]",
        100,
        3,
        False,
    )

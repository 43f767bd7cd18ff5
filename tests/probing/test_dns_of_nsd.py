"""A real authoritative server answers every type that it has, in datagrams, over connections and secured."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from checks.datagram import DnsAnswer
from checks.dns import Question, Records, judge, requests
from checks.dns_message import Query
from checks.result import Outcome, Reason
from checks.stream import Security
from monitor.probing.engine import Engine

pytestmark = pytest.mark.real

ZONE = """
$ORIGIN example.test.
$TTL 3600
@ SOA ns hostmaster 2026112401 7200 600 86400 300
@ NS ns
@ MX 10 mail
@ CAA 0 issue "ca.example; account=1"
@ DNSKEY 257 3 13 AAECAwQF
ns A 192.0.2.53
www 60 A 192.0.2.1
www AAAA 2001:db8::1
alias CNAME www
a\\.b TXT "v=spf1 -all" "a \\"quoted\\" one" "\\252"
_sip._tcp SRV 1 2 5060 www
_443._tcp TLSA 3 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
sub DS 12345 8 2 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F
sub NS ns
* NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example.test!" .
"""
CONFIG = """
server:
  ip-address: 127.0.0.1@{port}
  ip-address: 127.0.0.1@{secured}
  tls-port: {secured}
  tls-service-key: "{folder}/key.pem"
  tls-service-pem: "{folder}/chain.pem"
  username: ""
  chroot: ""
  database: ""
  server-count: 1
  version: "NSD for tests"
  zonesdir: "{folder}"
  xfrdir: "{folder}"
  pidfile: "{folder}/pid"
  xfrdfile: "{folder}/xfrd"
  zonelistfile: "{folder}/zones"
  logfile: "{folder}/log"
remote-control:
  control-enable: no
zone:
  name: example.test
  zonefile: zone
"""


class Nsd:
    def __init__(self, folder: Path) -> None:
        ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.port, self.secured = (port.getsockname()[1] for port in ports)
        for port in ports:
            port.close()
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        leaf = authority.issue_cert("ns.example.test")
        leaf.private_key_pem.write_to_path(folder / "key.pem")
        (folder / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        (folder / "zone").write_text(ZONE + "".join(f"many A 10.0.0.{n}\n" for n in range(100)))
        (folder / "nsd.conf").write_text(CONFIG.format(folder=folder, port=self.port, secured=self.secured))
        self.ca = str(folder / "ca.pem")


@pytest.fixture(scope="module")
def nsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nsd]:
    if shutil.which("nsd") is None:
        pytest.skip("nsd is not installed (Debian: apt install nsd)")
    folder = tmp_path_factory.mktemp("nsd")
    made = Nsd(folder)
    with subprocess.Popen(["nsd", "-d", "-c", str(folder / "nsd.conf")]) as process:
        try:
            _wait_for(made.port, process, folder / "log")
            yield made
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as knock:
            knock.settimeout(1)
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, log.read_text() if log.exists() else "nsd ended"
        time.sleep(0.05)
    raise AssertionError(f"nsd does not listen: {log.read_text()}")


@pytest.fixture
def ask(nsd: Nsd, engine: Engine, turn_until: Callable[..., None]) -> Callable[..., DnsAnswer]:
    def ask(query: Query, url: str = "", **fields: Any) -> DnsAnswer:
        question = Question(url=url or f"udp://127.0.0.1:{nsd.port}", query=query, **fields)
        answers: list[DnsAnswer] = []
        for request in requests(question, 30.0):
            engine.submit(request, answers.append)
        turn_until(engine, lambda: bool(answers))
        return answers[0]

    return ask


@pytest.mark.parametrize(
    ("name", "rtype", "data"),
    [
        ("example.test", "SOA", "ns.example.test. hostmaster.example.test. 2026112401 7200 600 86400 300"),
        ("example.test", "NS", "ns.example.test."),
        ("example.test", "MX", "10 mail.example.test."),
        ("example.test", "CAA", '0 issue "ca.example; account=1"'),
        ("example.test", "DNSKEY", "257 3 13 AAECAwQF"),
        ("www.example.test", "A", "192.0.2.1"),
        ("www.example.test", "AAAA", "2001:db8::1"),
        ("alias.example.test", "CNAME", "www.example.test."),
        ("_sip._tcp.example.test", "SRV", "1 2 5060 www.example.test."),
        ("_443._tcp.example.test", "TLSA", "3 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
        ("sub.example.test", "DS", "12345 8 2 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"),
        ("any.example.test", "NAPTR", '100 10 "u" "E2U+sip" "!^.*$!sip:info@example.test!" .'),
    ],
)
def test_records_are_shown_as_its_zone_file_has_them(
    ask: Callable[..., DnsAnswer], name: str, rtype: str, data: str
) -> None:
    message = ask(Query(name, rtype)).message

    assert message is not None
    assert (message.rcode, message.authoritative) == ("NOERROR", True)
    assert [(record.name, record.rtype, record.rdata) for record in message.answer] == [(f"{name}.", rtype, data)]


def test_a_check_of_its_zone_is_ok_and_knows_the_serial(nsd: Nsd, ask: Callable[..., DnsAnswer]) -> None:
    question = Question(
        url=f"udp://127.0.0.1:{nsd.port}",
        query=Query("example.test", "SOA", recursion=False),
        authoritative=True,
        answer=Records(every=(r"^example\.test\.\t3600\tIN\tSOA\t",)),
        authority=Records(some=(r"NS\tns\.",)),
        additional=Records(some=(r"192\.0\.2\.53$",), none=("AAAA",)),
    )

    finding = judge(question, (ask(question.query),), {})

    assert finding.outcome is Outcome.OK, finding.detail
    assert finding.facts == {"serial": 2026112401.0, "answer_rrs": 1.0, "authority_rrs": 1.0, "additional_rrs": 1.0}


@pytest.mark.parametrize(
    ("name", "rcode"), [("nobody.sub.example.test", "NOERROR"), ("www.elsewhere.test", "REFUSED")]
)  # fmt: skip
def test_what_it_does_not_answer_is_without_a_record(ask: Callable[..., DnsAnswer], name: str, rcode: str) -> None:
    question = Question(url="udp://ns:53", query=Query(name), answered=True)

    finding = judge(question, (ask(question.query),), {})

    assert finding.outcome is Outcome.FAILED
    assert finding.reason is (Reason.BODY if rcode == "NOERROR" else Reason.STATUS)


def test_it_tells_of_itself_in_class_chaos(ask: Callable[..., DnsAnswer]) -> None:
    message = ask(Query("version.server", "TXT", "CH")).message

    assert message is not None
    assert [record.text for record in message.answer] == ['version.server.\t0\tCH\tTXT\t"NSD for tests"']


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_what_does_not_fit_a_datagram_comes_over_tcp(
    nsd: Nsd, ask: Callable[..., DnsAnswer], transport: str
) -> None:  # fmt: skip
    answer = ask(Query("many.example.test"), f"{transport}://localhost:{nsd.port}")

    assert answer.message is not None
    assert {record.rdata for record in answer.message.answer} == {f"10.0.0.{n}" for n in range(100)}
    assert answer.timings is not None
    assert answer.timings.connect > 0


def test_and_secured(nsd: Nsd, ask: Callable[..., DnsAnswer]) -> None:
    url = f"tcp://127.0.0.1:{nsd.secured}"

    good = ask(Query("www.example.test"), url, security=Security(name="ns.example.test", ca_file=nsd.ca))
    bad = ask(Query("www.example.test"), url, security=Security(ca_file=nsd.ca))

    assert good.message is not None
    assert good.message.answer[0].rdata == "192.0.2.1"
    assert bad.error is not None
    assert bad.error.reason is Reason.CERTIFICATE

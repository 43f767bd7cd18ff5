"""Pings of the loopback, with the right to it that Linux gives to groups, with CAP_NET_RAW, and with neither."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks.datagram import EchoAnswer, EchoRequest
from checks.exchange import TransportError
from checks.icmp import Question, judge, requests
from checks.kinds import kind, kind_of
from checks.result import Outcome, Reason
from monitor.probing.echo import EchoTalk, checksum
from monitor.probing.engine import Engine

HERE = Path(__file__).parent
APART = ["unshare", "--map-root-user", "--net"]
WITHOUT_RAW = ["setpriv", "--bounding-set", "-net_raw"]
NOBODY, ROOT = "-", "0 0"


def pings(before: list[str], *arguments: str) -> dict[str, Any]:
    if missing := [tool for tool in ("unshare", "setpriv", "ip") if not shutil.which(tool)]:
        pytest.skip(f"{' and '.join(missing)} (util-linux, iproute2) are not installed")
    if before and subprocess.run([*before, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"{' '.join(before)} is not allowed on this machine")
    run = subprocess.run(
        [*before, sys.executable, str(HERE / "pings.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=HERE.parents[1],
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert (found["bugs"], found["in flight"]) == ([], 0)
    return dict(found["said"])


@pytest.mark.parametrize(
    ("before", "groups"),
    [([*APART, *WITHOUT_RAW], ROOT), (APART, NOBODY)],
    ids=["as one of the groups that may", "with CAP_NET_RAW"],
)
def test_a_machine_that_sends_back_what_it_is_sent_is_heard(before: list[str], groups: str) -> None:
    said = pings(before, groups, "127.0.0.1", "192.0.2.1", "10.9.0.1")

    for host in ("127.0.0.1", "192.0.2.1"):
        assert said[host]["error"] is None
        assert (said[host]["address"], said[host]["hop_limit"]) == (host, 64)
        assert said[host]["timings"]["first_byte"] > 0
    assert said["10.9.0.1"]["error"]["reason"] == "unreachable"
    assert said["10.9.0.1"]["error"]["detail"] == "10.9.0.1 could not be reached: no route to host"


def test_with_neither_it_says_what_to_do_about_it() -> None:
    said = pings([*APART, *WITHOUT_RAW], NOBODY, "127.0.0.1", "localhost")

    for host, answer in said.items():
        assert answer["error"]["reason"] == "internal"
        assert answer["error"]["detail"] == (
            f"{host} could not be asked: we may not send pings; sysctl -w "
            "net.ipv4.ping_group_range='0 2147483647' allows it, or AmbientCapabilities=CAP_NET_RAW in the unit "
            "(docs/operations.md)"
        )


@pytest.fixture
def may_ping(engine: Engine, turn_until: Callable[..., None]) -> None:
    if ping(engine, turn_until, "127.0.0.1").error is not None:
        pytest.skip("pings are not allowed on this machine")


def ping(engine: Engine, turn_until: Callable[..., None], host: str) -> EchoAnswer:
    answers: list[EchoAnswer] = []
    engine.submit(EchoRequest(url=f"icmp://{host}", timeout=30.0), answers.append)
    turn_until(engine, lambda: bool(answers))
    return answers[0]


def test_many_pings_of_one_machine_at_once_each_get_their_own_echo(
    engine: Engine, turn_until: Callable[..., None], may_ping: None
) -> None:
    answers: list[EchoAnswer] = []
    for _ in range(100):
        engine.submit(EchoRequest(url="icmp://127.0.0.1", timeout=60.0), answers.append)

    turn_until(engine, lambda: len(answers) == 100)

    assert [answer.error for answer in answers if answer.error] == []


def test_ipv6_too(engine: Engine, turn_until: Callable[..., None], may_ping: None) -> None:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as made:
            made.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 on this machine's loopback")

    answer = ping(engine, turn_until, "[::1]")

    assert answer.error is None
    assert (answer.address, answer.hop_limit) == ("::1", 64)


class TestWhoseEcho:
    """A raw socket hears everybody's; which is ours is told by what stands in it."""

    @pytest.fixture
    def ends(self) -> Any:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.setblocking(False)
        yield ours, theirs
        ours.close()
        theirs.close()

    @pytest.mark.parametrize(
        ("change", "heard"),
        [
            (lambda echo: echo, True),
            (lambda echo: b"\x08" + echo[1:], False),
            (lambda echo: echo[:1] + b"\1" + echo[2:], False),
            (lambda echo: echo[:6] + b"\0\2" + echo[8:], False),
            (lambda echo: echo[:-1] + bytes((echo[-1] ^ 1,)), False),
            (lambda echo: echo[:-1], False),
            (lambda echo: echo[:7], False),
            (lambda echo: b"", False),
        ],
        ids=["ours", "a request", "a code", "another number", "other bytes", "fewer bytes", "no header", "nothing"],
    )
    def test_only_what_was_sent_is_its_echo(
        self, ends: Any, change: Callable[[bytes], bytes], heard: bool
    ) -> None:  # fmt: skip
        talk = EchoTalk(EchoRequest(url="icmp://x"))
        ours, theirs = ends
        theirs.send(change(b"\0" + talk.datagram()[1:]))

        assert talk.hear(ours) is heard

    def test_no_two_pings_are_alike(self) -> None:
        sent = {EchoTalk(EchoRequest(url="icmp://x")).datagram() for _ in range(10)}

        assert len(sent) == 10
        assert {(message[0], len(message)) for message in sent} == {(8, 64)}


def test_the_checksum_is_that_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D  # the example of its section 3, complemented
    for message in (EchoTalk(EchoRequest(url="icmp://x")).datagram() for _ in range(50)):
        assert checksum(message) == 0  # what holds its own checksum sums up to nothing


class TestJudgement:
    def test_an_echo_is_ok_and_its_hop_limit_a_fact(self) -> None:
        finding = judge(Question(url="icmp://x"), (EchoAnswer(hop_limit=57),), {})

        assert (finding.outcome, finding.facts) == (Outcome.OK, {"hop_limit": 57.0})
        assert judge(Question(url="icmp://x"), (EchoAnswer(),), {}).facts == {}

    def test_where_we_may_not_ask_it_is_unknown(self) -> None:
        said = pings([*APART, *WITHOUT_RAW], NOBODY, "127.0.0.1")["127.0.0.1"]["error"]
        error = TransportError(**said | {"reason": Reason(said["reason"])})

        finding = judge(Question(url="icmp://127.0.0.1"), (EchoAnswer(error=error),), {})

        assert (finding.outcome, finding.excusable) == (Outcome.UNKNOWN, False)

    def test_the_kind_is_found_by_its_name_and_by_its_question(self) -> None:
        question = Question(url="icmp://x")

        assert kind("icmp") is kind_of(question)
        (request,) = requests(question, 3.0)
        assert (request.url, request.timeout) == ("icmp://x", 3.0)


@pytest.mark.parametrize(
    ("family", "hop_limit", "discover"),
    [
        (socket.AF_INET, (socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IP, 10)),
        (socket.AF_INET6, (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS), (socket.IPPROTO_IPV6, 23)),
    ],
)
def test_what_is_sent_goes_as_far_and_as_whole_as_it_is_asked_to(
    family: socket.AddressFamily, hop_limit: tuple[int, int], discover: tuple[int, int]
) -> None:
    talk = EchoTalk(EchoRequest(url="icmp://router.example", payload=100, hop_limit=5, fragment=False))
    try:
        made = talk.open(family)
    except OSError as error:
        pytest.skip(f"we may not send pings here: {error}")
    with made:
        assert (made.getsockopt(*hop_limit), made.getsockopt(*discover)) == (5, 2)
        assert len(talk.datagram()) == 8 + 100

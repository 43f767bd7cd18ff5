"""Of a check's last result: blackbox_exporter's names and labels, what is known and nothing else, and how much."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import command, dns, grpc, icmp, journey, promql, ssh, tcp, tls, udp, unix, websocket
from checks.check import Check, CollectorQuestion, HttpQuestion, Question
from checks.dns_message import Query
from checks.kinds import _MODULES
from checks.result import EXPIRES_AT, Attempt, CheckResult, Outcome, Reason, Timings
from checks.steps import Step
from monitor.config.journey import MOST_STEPS
from monitor.core.sequential import FailureCusum
from monitor.core.sli import SliWindow
from monitor.daemon.exposing import known_result
from monitor.response.watch import CheckWatch
from monitor.telemetry.blackbox import FAMILIES, MOST_SERIES, pieces, probed
from monitor.telemetry.exposition import PIECE, Dialect

DOCS = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
T0 = datetime(2026, 3, 1, tzinfo=UTC)
ALL_PHASES = Timings(name_lookup=0.001, connect=0.002, tls=0.004, first_byte=0.008, transfer=0.016)
RECORDS = {"answer_rrs": 2.0, "authority_rrs": 1.0, "additional_rrs": 0.0}

HTTP = HttpQuestion(url="https://shop.example/healthz")
DNS = dns.Question(url="udp://ns.example:53", query=Query("shop.example", "SOA"))
GRPC = grpc.Question(url="http://orders.example:50051")
TCP = tcp.Question(url="tcp://db.example:5432")
JOURNEY = journey.Question(steps=tuple(Step(name=f"step{number}", question=HTTP) for number in range(MOST_STEPS)))


@pytest.fixture
def said(build: Any) -> Any:
    """`said(question, ...)`: every sample, by what stands before its value, without the check's own labels."""

    def said(question: Question, facts: Mapping[str, float] | None = None, **attempt: Any) -> dict[str, float]:
        check = Check(service="shop", name="live", question=question, timeout=5.0)
        reason = attempt.get("reason")
        first = Attempt(
            **{
                "started_at": build.t0,
                "outcome": Outcome.FAILED if reason else Outcome.OK,
                "latency": ALL_PHASES.total if not reason else None,
                "timings": ALL_PHASES,
                "status": 200 if question.url.startswith("http") else None,
                "address": "192.0.2.7",
            }
            | attempt
        )
        result = CheckResult(
            service="shop", check="live", scheduled_at=build.t0, attempts=(first,), facts=dict(facts or {})
        )
        text = "".join(pieces([probed(check, result)], Dialect.TEXT))
        found = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        whose = 'service="shop",check="live"'
        assert all(whose in name for name, _, _ in found)
        return {name.replace(f"{{{whose}}}", "").replace(f"{whose},", ""): float(value) for name, _, value in found}

    return said


def test_an_http_check_that_was_answered(said: Any) -> None:
    assert said(HTTP, {EXPIRES_AT: 1_800_000_000.0}) == pytest.approx(
        {
            "probe_success": 1,
            "probe_duration_seconds": 0.031,
            "probe_dns_lookup_time_seconds": 0.001,
            "probe_ip_protocol": 4,
            "probe_http_status_code": 200,
            'probe_http_duration_seconds{phase="resolve"}': 0.001,
            'probe_http_duration_seconds{phase="connect"}': 0.002,
            'probe_http_duration_seconds{phase="tls"}': 0.004,
            'probe_http_duration_seconds{phase="processing"}': 0.008,
            'probe_http_duration_seconds{phase="transfer"}': 0.016,
            "probe_http_redirects": 0,
            "probe_http_ssl": 1,
            "probe_ssl_earliest_cert_expiry": 1_800_000_000,
        }
    )


def test_an_answer_that_was_not_wanted_is_no_success_and_all_the_rest_of_it_is_known(said: Any) -> None:
    found = said(HTTP, reason=Reason.STATUS, status=503, latency=0.031)

    assert (found["probe_success"], found["probe_http_status_code"]) == (0, 503)
    assert len(found) == 12


def test_of_a_phase_that_an_answered_request_did_without_it_is_known_that_it_took_no_time(said: Any) -> None:
    plain = HttpQuestion(url="http://192.0.2.7/")

    found = said(plain, timings=Timings(connect=0.002, first_byte=0.008))

    assert found['probe_http_duration_seconds{phase="tls"}'] == 0
    assert found['probe_http_duration_seconds{phase="resolve"}'] == 0
    assert found["probe_http_ssl"] == 0
    assert "probe_dns_lookup_time_seconds" not in found, "nothing was looked up"


def test_of_a_request_that_was_refused_nothing_is_made_up(said: Any) -> None:
    spent = Timings(name_lookup=0.001, connect=0.002)

    found = said(HTTP, reason=Reason.REFUSED, status=None, timings=spent, address="2001:db8::1")

    assert found == pytest.approx(
        {
            "probe_success": 0,
            "probe_duration_seconds": 0.003,
            "probe_dns_lookup_time_seconds": 0.001,
            "probe_ip_protocol": 6,
            'probe_http_duration_seconds{phase="resolve"}': 0.001,
            'probe_http_duration_seconds{phase="connect"}': 0.002,
        }
    )


def test_a_timeout_took_the_timeout_and_an_end_that_nobody_measured_is_absent(said: Any) -> None:
    nothing = {"status": None, "timings": None, "address": None}

    assert said(HTTP, reason=Reason.TIMEOUT, **nothing) == {"probe_success": 0, "probe_duration_seconds": 5}
    assert said(HTTP, reason=Reason.DNS, **nothing) == {"probe_success": 0}


def test_after_a_redirect_nobody_knows_whether_the_last_address_spoke_tls(said: Any) -> None:
    found = said(HTTP, redirects=2)

    assert found["probe_http_redirects"] == 2
    assert "probe_http_ssl" not in found


def test_a_name_server(said: Any) -> None:
    found = said(DNS, {**RECORDS, "serial": 2026112401.0})

    assert {name: value for name, value in found.items() if name.startswith("probe_dns")} == pytest.approx(
        {
            "probe_dns_lookup_time_seconds": 0.001,
            'probe_dns_duration_seconds{phase="resolve"}': 0.001,
            'probe_dns_duration_seconds{phase="connect"}': 0.006,
            'probe_dns_duration_seconds{phase="request"}': 0.024,
            "probe_dns_query_succeeded": 1,
            "probe_dns_answer_rrs": 2,
            "probe_dns_authority_rrs": 1,
            "probe_dns_additional_rrs": 0,
            "probe_dns_serial": 2026112401,
        }
    )


@pytest.mark.parametrize(
    ("facts", "attempt", "succeeded"),
    [
        (RECORDS, {"reason": Reason.STATUS, "latency": 0.03}, 1),
        ({}, {"reason": Reason.TIMEOUT}, 0),
        ({}, {"reason": Reason.BODY, "latency": 0.03}, None),
        ({}, {}, 1),
    ],
    ids=["refused by rcode", "silent", "its facts were dropped", "ok, its facts were dropped"],
)
def test_a_query_succeeded_when_an_answer_came(said: Any, facts: Any, attempt: Any, succeeded: float | None) -> None:
    assert said(DNS, facts, **attempt).get("probe_dns_query_succeeded") == succeeded


def test_a_grpc_server(said: Any) -> None:
    found = said(GRPC, {"grpc_status": 0.0, "grpc_health": 2.0}, reason=Reason.BODY, latency=0.031)

    assert {name: value for name, value in found.items() if name.startswith("probe_grpc")} == pytest.approx(
        {
            "probe_grpc_status_code": 0,
            'probe_grpc_duration_seconds{phase="resolve"}': 0.001,
            'probe_grpc_duration_seconds{phase="check"}': 0.030,
            "probe_grpc_ssl": 0,
            'probe_grpc_healthcheck_response{serving_status="UNKNOWN"}': 0,
            'probe_grpc_healthcheck_response{serving_status="SERVING"}': 0,
            'probe_grpc_healthcheck_response{serving_status="NOT_SERVING"}': 1,
            'probe_grpc_healthcheck_response{serving_status="SERVICE_UNKNOWN"}': 0,
        }
    )
    assert "probe_grpc_healthcheck_response" not in str(said(GRPC, {"grpc_status": 5.0}))


def test_an_echo_and_its_absence(said: Any) -> None:
    machine = icmp.Question(url="icmp://db.example")
    spent = Timings(name_lookup=0.001, first_byte=0.0005)

    found = said(machine, {"hop_limit": 63.0}, timings=spent, latency=spent.total)

    assert {name: value for name, value in found.items() if name.startswith("probe_icmp")} == pytest.approx(
        {
            'probe_icmp_duration_seconds{phase="resolve"}': 0.001,
            'probe_icmp_duration_seconds{phase="rtt"}': 0.0005,
            "probe_icmp_reply_hop_limit": 63,
        }
    )
    assert "icmp" not in str(said(machine, timings=Timings(first_byte=5.0), reason=Reason.TIMEOUT))


def test_of_a_journey_each_step_that_was_answered(said: Any) -> None:
    found = said(JOURNEY, {"step0_seconds": 0.25, "step7_seconds": 1.5, "other_seconds": 9.0}, address=None)

    assert {name: value for name, value in found.items() if "step" in name} == {
        'probe_journey_step_duration_seconds{step="step0"}': 0.25,
        'probe_journey_step_duration_seconds{step="step7"}': 1.5,
    }
    assert not any("http" in name for name in found)


MOST: dict[str, tuple[Question, dict[str, float], int]] = {
    "http": (HTTP, {EXPIRES_AT: 1.0}, 13),
    "collector": (CollectorQuestion(url="http://c.example:13133"), {EXPIRES_AT: 1.0, "uptime": 3.0}, 13),
    "promql": (promql.Question(url="http://p.example:9090", query="up"), {EXPIRES_AT: 1.0, "value": 2.0}, 13),
    "dns": (DNS, {**RECORDS, "serial": 1.0}, 12),
    "grpc": (GRPC, {"grpc_status": 0.0, "grpc_health": 1.0}, 12),
    "tcp": (TCP, {EXPIRES_AT: 1.0}, 5),
    "tls": (tls.Question(url="tcp://x.example:443"), {EXPIRES_AT: 1.0}, 5),
    "websocket": (websocket.Question(url="wss://x.example/"), {EXPIRES_AT: 1.0}, 5),
    "icmp": (icmp.Question(url="icmp://x.example"), {"hop_limit": 64.0}, 7),
    "journey": (JOURNEY, {EXPIRES_AT: 1.0, **{f"step{number}_seconds": 0.5 for number in range(20)}}, 25),
    "udp": (udp.Question(url="udp://x.example:1812"), {}, 4),
    "ssh": (ssh.Question(url="tcp://x.example:22"), {}, 4),
    "unix": (unix.Question(url="unix:/run/x"), {}, 4),
    "command": (command.Question(command=("/bin/x",), directory="/"), {f"metric-{n}": 1.0 for n in range(50)}, 4),
}
"""A question of each kind, with all that its results may ever tell, and how many series that is at most."""


@pytest.mark.parametrize("kind", MOST)
def test_the_series_of_a_check_are_bounded_and_documented(said: Any, kind: str) -> None:
    question, facts, most = MOST[kind]
    assert question.kind == kind

    assert len(said(question, facts)) == most <= MOST_SERIES


def test_every_kind_has_its_bound_and_the_documentation_the_highest() -> None:
    others = {kind: most for kind, (_, _, most) in MOST.items()} | dict.fromkeys(_MODULES.keys() - MOST.keys(), 4)

    assert max(others.values()) == MOST_SERIES
    assert f"At most **{MOST_SERIES}** of a check" in DOCS.read_text()
    # A family for a kind that this table does not know would escape the bound.
    assert {kind for family in FAMILIES for kind in family.kinds} <= MOST.keys()


def test_the_documentation_has_every_name_with_its_kinds() -> None:
    rows = re.findall(r"^\| `(probe_[a-z_]+)` \| ([^|]+) \| (\d+) \|", DOCS.read_text(), re.MULTILINE)

    told = {name: (set(re.findall(r"`(\w+)`", kinds)), int(count)) for name, kinds, count in rows}

    assert {name: kinds for name, (kinds, _) in told.items()} == {f.name: set(f.kinds) for f in FAMILIES}
    for kind, (_, _, most) in MOST.items():
        documented = sum(count for kinds, count in told.values() if not kinds or kind in kinds)
        assert documented == most, kind


def test_what_is_measured_of_many_checks_comes_in_pieces_under_one_head(build: Any) -> None:
    checks = [Check(service=f"s{n}", name="live", question=TCP if n % 2 else HTTP) for n in range(2 * PIECE + 6)]
    known = [probed(check, build.result(check=check)) for check in checks]

    parts = list(pieces(known, Dialect.TEXT))

    text = "".join(parts)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert text.count("# TYPE probe_success gauge\n") == 1
    assert text.count("probe_success{") == len(checks)
    assert text.count("probe_http_status_code{") == len(checks) // 2
    assert len(set(lines)) == len(lines), "no sample twice"
    assert max(part.count("probe_success{") for part in parts) == PIECE
    # All lines of a metric stand together, as the format wants it.
    families = [re.split("[ {]", line)[0] for line in lines]
    assert [f for n, f in enumerate(families) if n == 0 or families[n - 1] != f] == list(dict.fromkeys(families))


@given(service=st.text(min_size=1), name=st.text(min_size=1))
def test_whatever_a_check_is_called_its_samples_are_one_line_each(service: str, name: str) -> None:
    check = Check(service=service, name=name, question=TCP)
    whose = probed(check, None).whose  # type: ignore[arg-type]  # the labels ask for nothing of the result

    found = re.fullmatch(r'\{service="((?:[^"\\\n]|\\.)*)",check="((?:[^"\\\n]|\\.)*)"', whose)

    assert found is not None
    read = [re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], part) for part in found.groups()]
    assert read == [service, name]


def watch_of(check: Check, last: CheckResult | None) -> CheckWatch:
    watch = CheckWatch(check=check, cusum=FailureCusum.for_budget(0.001), began_at=T0, window=SliWindow())
    watch.last = last
    return watch


@pytest.mark.parametrize(
    ("interval", "age", "known"),
    [(30.0, 120.0, True), (30.0, 120.001, False), (300.0, 600.0, True), (300.0, 600.001, False)],
)
def test_a_result_says_something_of_now_for_two_intervals_and_two_minutes_at_least(
    build: Any, interval: float, age: float, known: bool
) -> None:
    check = Check(service="shop", name="live", question=HTTP, interval=interval)
    result = build.result(check=check)

    found = known_result(watch_of(check, result), result.scheduled_at + timedelta(seconds=age))

    assert found is (result if known else None)


def test_no_result_and_an_unknown_one_say_nothing(build: Any) -> None:
    unknown = build.result(build.attempt(reason=Reason.BLIND, unknown=True))

    assert known_result(watch_of(build.check, unknown), unknown.scheduled_at) is None
    assert known_result(watch_of(build.check, None), T0) is None


@pytest.mark.parametrize(("after", "known"), [(-0.001, False), (0.0, True)])
def test_what_the_former_target_answered_says_nothing_of_the_new_one(build: Any, after: float, known: bool) -> None:
    check = Check(service="shop", name="live", question=HTTP)
    result = build.result(check=check)
    watch = watch_of(check, result)
    watch.replace(
        Check(service="shop", name="live", question=TCP), watch.cusum, result.scheduled_at - timedelta(seconds=after)
    )

    assert (known_result(watch, result.scheduled_at + timedelta(seconds=1)) is result) is known


BLACKBOX = "prometheus-blackbox-exporter"
COMPARED = ("http", "tcp", "dns", "grpc", "icmp")


@pytest.fixture(scope="module")
def blackbox(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[str]:
    """Where a blackbox_exporter answers that has a module of each of its probers' names."""
    if shutil.which(BLACKBOX) is None:
        pytest.skip("blackbox_exporter is not installed (Debian: apt install prometheus-blackbox-exporter)")
    folder, port = tmp_path_factory.mktemp("blackbox"), free_port()
    modules: dict[str, dict[str, Any]] = {prober: {"prober": prober} for prober in COMPARED}
    modules["dns"]["dns"] = {"query_name": "shop.example"}
    modules["grpc"]["grpc"] = {"preferred_ip_protocol": "ip4"}
    (folder / "blackbox.yml").write_text(json.dumps({"modules": modules}))
    command = [BLACKBOX, f"--config.file={folder / 'blackbox.yml'}", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/-/healthy", timeout=30).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.real
@pytest.mark.parametrize("kind", COMPARED)
def test_what_we_say_blackbox_exporter_says_under_the_same_names_and_labels(
    said: Any, blackbox: str, kind: str
) -> None:
    """Of its own page; that is no name server and speaks no gRPC, which takes nothing of what blackbox calls things."""
    target = "127.0.0.1" if kind == "icmp" else blackbox.removeprefix("http://")
    with urllib.request.urlopen(f"{blackbox}/probe?module={kind}&target={target}", timeout=60) as answer:
        theirs = {line.rpartition(" ")[0] for line in answer.read().decode().splitlines() if line[0] != "#"}
    question, facts, _ = MOST[kind]

    ours = said(question, facts).keys()

    # Only of TLS, of a zone, and of who may send an echo.
    assert ours - theirs <= {"probe_ssl_earliest_cert_expiry", "probe_dns_serial", "probe_icmp_reply_hop_limit"}


@pytest.mark.real
def test_the_names_are_blackbox_exporters_own() -> None:
    found = shutil.which(BLACKBOX)
    if found is None:
        pytest.skip("blackbox_exporter is not installed (Debian: apt install prometheus-blackbox-exporter)")
    program = Path(found).read_bytes()

    # It knows no steps.
    strange = [family.name for family in FAMILIES if family.name.encode() not in program]
    assert strange == ["probe_journey_step_duration_seconds"]

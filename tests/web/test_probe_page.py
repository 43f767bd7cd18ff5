"""/probe: what is asked of the prober, how long it may take, and how its answers and errors are told."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from checks.blackbox.modules import Http, Icmp, Module, Tcp
from checks.blackbox.said import MEANINGS
from checks.stream import Security
from monitor.config.blackbox.modules import Known, ProbeModules
from monitor.probing.supervisor import Unasked
from monitor.probing.wire import Asked

WEB = Module(prober="http", timeout=5.0, http=Http())
MODULES = {
    "http_2xx": Known(WEB, (), "prober: http\nhttp:\n  bearer_token: <secret>\n"),
    "hosted": Known(Module(prober="http", http=Http(host="shop.example")), (), ""),
    "tcp": Known(Module(prober="tcp", tcp=Tcp()), (), ""),
    "named": Known(Module(prober="tcp", tcp=Tcp(tls=Security(name="mx.example"))), (), ""),
    "icmp": Known(Module(prober="icmp", icmp=Icmp(payload=28)), (), ""),
    "bound": Known(None, ("blackbox.yml:7 modules.bound.tcp.source_ip_address: cannot be done here. Leave it.",), ""),
}
OURS = ("probe_success", "probe_duration_seconds")
"""What is said of any probe."""
SAID = Asked(
    7,
    True,
    0.25,
    (
        ("probe_http_status_code", (), 200.0),
        ("probe_http_duration_seconds", (("phase", "tls"),), 0.0),
        ("probe_http_duration_seconds", (("phase", "connect"),), 0.0015),
        ("probe_ssl_last_chain_info", (("issuer", 'O="A\\B"\n'), ("subject", "\ud800")), 1.0),
        ("probe_ssl_last_chain_expiry_timestamp_seconds", (), -62135596800.0),
    ),
    ("shop.example is 192.0.2.7", "answered 200 OK"),
)


@pytest.fixture
def desk(web: Any) -> Any:
    web.desk.modules = ProbeModules(Path("blackbox.yml"), MODULES)
    web.desk.says = SAID
    return web.desk


def test_it_is_off_unless_there_is_a_modules_file(web: Any) -> None:
    answer = web.get("/probe?target=shop.example", token=None)

    assert answer.status == 404
    assert answer.body == b"Nothing is probed here: monitor.probe_modules names no modules file\n"
    assert web.desk.asked == []


def test_whoever_may_look_may_ask_and_gets_prometheus_text(web: Any, desk: Any) -> None:
    answer = web.get("/probe?target=shop.example&module=http_2xx", token=None)

    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    lines = answer.body.decode().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "probe_duration_seconds 0.25",
        'probe_http_duration_seconds{phase="connect"} 0.0015',
        'probe_http_duration_seconds{phase="tls"} 0',
        "probe_http_status_code 200",
        "probe_ssl_last_chain_expiry_timestamp_seconds -62135596800",
        r'probe_ssl_last_chain_info{issuer="O=\"A\\B\"\n",subject="?"} 1',
        "probe_success 1",
    ]
    assert desk.asked == [(WEB, "shop.example", 5.0)]


def test_without_a_module_it_is_http_2xx(web: Any, desk: Any) -> None:
    web.get("/probe?target=a")
    web.get("/probe?target=b&module=")

    assert [(module, target) for module, target, _ in desk.asked] == [(WEB, "a"), (WEB, "b")]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("module=nobody&target=a", 'Unknown module "nobody"'),
        ("module=nobody", 'Unknown module "nobody"'),
        ("module=http_2xx", "Target parameter is missing"),
        ("target=", "Target parameter is missing"),
        ("module=%00%0ax&target=a", 'Unknown module "??x"'),
        (
            "module=bound&target=a",
            'Module "bound" cannot be used here: blackbox.yml:7 modules.bound.tcp.source_ip_address: '
            "cannot be done here. Leave it.",
        ),
        (
            "module=hosted&target=a&hostname=other.example",
            "host header defined both in module configuration (shop.example) and with URL-parameter "
            "'hostname' (other.example)",
        ),
        ("module=tcp&target=a&hostname=a%0d%0ab", "The parameter hostname holds what no name can"),
    ],
)
def test_what_cannot_be_asked_is_400_in_words(web: Any, desk: Any, query: str, said: str) -> None:
    answer = web.get(f"/probe?{query}")

    assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert answer.body.decode() == f"{said}\n"
    assert desk.asked == []


@pytest.mark.parametrize(
    ("header", "module", "timeout"),
    [
        (None, "http_2xx", 5.0),
        (None, "icmp", 119.5),
        ("10", "http_2xx", 5.0),
        ("5.5", "http_2xx", 5.0),
        ("5.4", "http_2xx", 4.9),
        ("10", "icmp", 9.5),
        ("0", "icmp", 119.5),
        ("0.5", "icmp", 0.5),
        ("0.3", "http_2xx", 5.0),
        ("0.3", "icmp", 0.3),
        ("-1", "icmp", 0.001),
        ("601", "icmp", 599.5),
        ("1e300", "icmp", 599.5),
    ],
)
def test_a_probe_ends_half_a_second_before_its_scrape(
    web: Any, desk: Any, header: str | None, module: str, timeout: float
) -> None:
    headers = {} if header is None else {"X-Prometheus-Scrape-Timeout-Seconds": header}

    assert web.get(f"/probe?module={module}&target=a", headers=headers).status == 200
    assert desk.asked[0][2] == pytest.approx(timeout)


@pytest.mark.parametrize("header", ["soon", "nan", "inf", "1s"])
def test_a_timeout_that_is_no_number_is_refused(web: Any, desk: Any, header: str) -> None:
    answer = web.get("/probe?target=a", headers={"X-Prometheus-Scrape-Timeout-Seconds": header})

    assert (answer.status, desk.asked) == (400, [])
    assert answer.body.decode() == f'X-Prometheus-Scrape-Timeout-Seconds is no number: "{header}"\n'


@pytest.mark.parametrize(
    ("module", "hostname", "asked"),
    [
        ("http_2xx", "shop.example", Module(prober="http", timeout=5.0, http=Http(host="shop.example"))),
        ("hosted", "shop.example", Module(prober="http", http=Http(host="shop.example"))),
        ("tcp", "mx.example", Module(prober="tcp", tcp=Tcp(tls=Security(name="mx.example")))),
        ("named", "other.example", Module(prober="tcp", tcp=Tcp(tls=Security(name="mx.example")))),
        ("icmp", "other.example", Module(prober="icmp", icmp=Icmp(payload=28))),
    ],
)
def test_hostname_is_the_host_header_or_the_name_of_the_certificate(
    web: Any, desk: Any, module: str, hostname: str, asked: Module
) -> None:
    assert web.get(f"/probe?module={module}&target=a&hostname={hostname}").status == 200
    assert desk.asked[0][0] == asked


def test_the_page_for_a_person_has_the_log_the_metrics_and_the_module_without_its_secrets(web: Any, desk: Any) -> None:
    answer = web.get("/probe?target=shop.example&debug=true")

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    log, metrics, module = answer.body.decode().split("\n\n\n\n")
    assert log.splitlines() == [
        "Logs for the probe:",
        "module http_2xx, target shop.example, at most 5 s",
        "shop.example is 192.0.2.7",
        "answered 200 OK",
        "succeeded after 0.250 s",
    ]
    assert metrics.startswith("Metrics that would have been returned:\n# HELP probe_duration_seconds ")
    assert module == "Module configuration:\nprober: http\nhttp:\n  bearer_token: <secret>\n"


def test_of_two_parameters_of_a_name_the_first_counts(web: Any, desk: Any) -> None:
    web.get("/probe?target=a&target=b&module=icmp&module=nobody")

    assert [(module.prober, target) for module, target, _ in desk.asked] == [("icmp", "a")]


def test_any_other_word_for_debug_is_a_scrape(web: Any, desk: Any) -> None:
    assert web.get("/probe?target=a&debug=1").body.startswith(b"# HELP probe_duration_seconds")


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (Unasked("the prober ended meanwhile; ask again"), "Not probed: the prober ended meanwhile; ask again"),
        (Asked(1, False, 0.1, (), (), "150 probes are under way"), "Not probed: 150 probes are under way"),
    ],
)
def test_what_was_not_asked_is_a_failed_scrape_and_not_a_failed_target(
    web: Any, desk: Any, says: Any, told: str
) -> None:
    desk.says = says

    answer = web.get("/probe?target=a")

    assert (answer.status, answer.body.decode()) == (503, f"{told}\n")


def test_it_is_refused_as_any_page_to_those_who_come_by_a_foreign_name_or_to_write(web: Any, desk: Any) -> None:
    assert web.get("/probe?target=a", headers={"Host": "evil.example"}).status == 421
    assert web.post("/probe?target=a", {}).status == 405
    assert desk.asked == []


@pytest.mark.real
def test_promtool_has_nothing_to_say_of_any_metric(web: Any, desk: Any) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    desk.says = Asked(1, True, 0.1, tuple((name, (), 1.5) for name in MEANINGS if name not in OURS), ())

    text = web.get("/probe?target=a").body
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    assert text.count(b"# TYPE ") == len(MEANINGS)

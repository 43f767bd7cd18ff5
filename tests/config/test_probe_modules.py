"""A modules file of blackbox_exporter: what is read of it, what cannot be used, what is hidden, and what is watched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from checks.blackbox.modules import Dns, Entry, Grpc, HeaderRule, Http, Icmp, Module, Rules, Tcp
from checks.oauth2 import OAuth2
from checks.stream import Security
from monitor.config import Config, changes
from monitor.config.blackbox.modules import Known

DEBIAN = Path("/etc/prometheus/blackbox.yml")
Read = Callable[[str], Config]


@pytest.fixture
def read(config: Callable[..., Config], tmp_path: Path) -> Read:
    def read(text: str) -> Config:
        (tmp_path / "modules.yml").write_text(text)
        return config("monitor: {probe_modules: modules.yml}")

    return read


@pytest.fixture
def known(read: Read) -> Callable[[str], Known]:
    """The one module, from what stands under its name."""

    def known(text: str) -> Known:
        found = read(f"modules:\n  it:\n{text}").monitor.probe_modules
        assert found is not None
        return found.modules["it"]

    return known


def module_of(text: str, known: Callable[[str], Known]) -> Module:
    found = known(text)
    assert found.module is not None, found.refused
    return found.module


def test_it_is_a_whole_configuration_and_services_may_be_absent(read: Read, tmp_path: Path) -> None:
    found = read("modules: {web: {prober: http}}")

    assert found.services == {}
    assert found.monitor.probe_modules is not None
    assert found.monitor.probe_modules.modules["web"].module == Module(prober="http", http=Http())
    assert tmp_path / "modules.yml" in found.read_from()


def test_without_it_there_must_be_services(problems: Callable[[str], str]) -> None:
    assert "there is no service to watch" in problems("monitor: {environment: test}")


def test_an_empty_file_of_modules_knows_none(read: Read) -> None:
    found = read("modules:\n").monitor.probe_modules
    assert found is not None
    assert found.modules == {}


def test_an_http_module(known: Any) -> None:
    text = """
    prober: http
    timeout: 1m30s
    http:
      valid_status_codes: [200, 0301]
      valid_http_versions: ["HTTP/1.1", "HTTP/2.0"]
      method: POST
      headers: {Host: shop.example, X-Probe: "a$b"}
      body: "price: 5$"
      no_follow_redirects: true
      fail_if_ssl: yes
      fail_if_not_ssl: false
      fail_if_body_matches_regexp: ["^+OK$"]
      fail_if_header_not_matches: [{header: X-Mode, regexp: live, allow_missing: true}]
      compression: gzip
      body_size_limit: 2KB
      proxy_url: http://proxy.example:3128
      skip_resolve_phase_with_proxy: true
      enable_http2: false
      preferred_ip_protocol: ip4
      ip_protocol_fallback: false
      tls_config: {server_name: other.example, insecure_skip_verify: true, min_version: TLS13}
      authorization: {type: Token, credentials: hunter2}
      tcp: {}
    tcp: {anything: goes}
""".replace("      tcp: {}\n", "")

    assert module_of(text, known) == Module(
        prober="http",
        timeout=90.0,
        ip=4,
        fallback=False,
        http=Http(
            statuses=(200, 301),
            versions=("HTTP/1.1", "HTTP/2.0"),
            method="POST",
            host="shop.example",
            headers=(("X-Probe", "a$b"), ("Authorization", "Token hunter2")),
            body="price: 5$",
            follow=False,
            fail_if_ssl=True,
            body_matches=(r"(?a)(?:^)+OK\Z",),
            header_not_matches=(HeaderRule(header="X-Mode", pattern="(?a)live", missing=True),),
            compression="gzip",
            body_limit=2048,
            proxy="http://proxy.example:3128",
            resolve=False,
            http2=False,
            tls=Security(name="other.example", verify=False, version="1.3"),
        ),
    )


def test_modules_of_the_other_probers(known: Any) -> None:
    script = "{query_response: [{expect: '^220'}, {send: QUIT, starttls: true}], tls: true}"
    dns = """
    prober: dns
    dns:
      query_name: example.com
      query_type: MX
      transport_protocol: tcp
      dns_over_tls: true
      recursion_desired: false
      valid_rcodes: [NOERROR, NXDOMAIN]
      validate_answer_rrs: {fail_if_matches_regexp: [a], fail_if_not_matches_regexp: [b]}
      validate_additional_rrs: {fail_if_none_matches_regexp: [c]}
"""

    assert module_of(f"    prober: tcp\n    tcp: {script}", known).tcp == Tcp(
        entries=(Entry(expect="(?a)^220"), Entry(send="QUIT", starttls=True)), secured=True
    )
    assert module_of(dns, known).dns == Dns(
        name="example.com",
        rtype="MX",
        transport="tcp",
        secured=True,
        recursion=False,
        rcodes=("NOERROR", "NXDOMAIN"),
        answer=Rules(none=("(?a)a",), every=("(?a)b",)),
        additional=Rules(some=("(?a)c",)),
    )
    assert module_of("    prober: icmp", known).icmp == Icmp(payload=28)
    assert module_of(
        "    prober: icmp\n    icmp: {payload_size: 1400, ttl: 5, dont_fragment: true}", known
    ).icmp == Icmp(payload=1400, ttl=5, dont_fragment=True)
    assert module_of("    prober: grpc\n    grpc: {service: orders, tls: true}", known).grpc == Grpc(
        service="orders", secured=True
    )


def test_files_are_named_beside_the_modules_file_and_read(known: Any, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "token").write_text("s3cr3t-token\n")
    (tmp_path / "body").write_text("hello\n")
    text = """
    prober: http
    http: {bearer_token_file: token, body_file: body, tls_config: {ca_file: ca.pem}}
"""

    http = module_of(text, known).http

    assert http is not None
    assert (http.headers, http.body) == ((("Authorization", "Bearer s3cr3t-token"),), "hello")
    assert http.tls.ca_file == str(tmp_path / "ca.pem")


def test_oauth2(known: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2")
    text = """
    prober: http
    http:
      oauth2:
        {token_url: "https://login/", client_id: us, client_secret_file: secret, scopes: [a], endpoint_params: {b: c}}
"""

    http = module_of(text, known).http

    assert http is not None
    assert http.oauth2 == OAuth2(
        token_url="https://login/", client_id="us", client_secret="hunter2", scopes=("a",), parameters=(("b", "c"),)
    )


@pytest.mark.parametrize(
    ("settings", "path", "words"),
    [
        ("http: {source_ip_address: 192.0.2.1}", "http.source_ip_address", "cannot be done here"),
        ("http: {compression: br}", "http.compression", "br cannot be read here"),
        ("http: {proxy_from_environment: true}", "http.proxy_from_environment", "cannot be done here"),
        ("http: {tls_config: {min_version: TLS10}}", "http.tls_config.min_version", "TLS10 is not spoken here"),
        (r"http: {fail_if_body_matches_regexp: [a, '\pL']}", "http.fail_if_body_matches_regexp[1]", r"\pL has \p"),
        ("dns: {query_name: a, query_type: LOC}", "dns.query_type", "LOC is not known here"),
        ("dns: {query_name: a, valid_rcodes: [BADVERS]}", "dns.valid_rcodes", "BADVERS is not known here"),
        (
            "dns: {query_name: a, validate_answer_rrs: {fail_if_all_match_regexp: [x]}}",
            "dns.validate_answer_rrs.fail_if_all_match_regexp",
            "does with blackbox_exporter the opposite",
        ),
    ],
)
def test_what_cannot_be_done_here_takes_its_module_and_no_other(
    read: Read, settings: str, path: str, words: str
) -> None:
    prober = settings.partition(":")[0]

    found = read(f"modules:\n  other: {{prober: icmp}}\n  it:\n    prober: {prober}\n    {settings}\n")

    assert found.monitor.probe_modules is not None
    one = found.monitor.probe_modules.modules["it"]
    (refused,) = one.refused
    assert one.module is None
    assert f"modules.yml:5 modules.it.{path}: " in refused
    assert words in refused
    assert found.warnings == (refused,), "validate and the log say so"
    assert found.monitor.probe_modules.modules["other"].module == Module(prober="icmp", icmp=Icmp(payload=28))


def test_a_prober_of_another_version_takes_its_module_alone(known: Any) -> None:
    found = known("    prober: unix\n    unix: {path: /run/x}")

    assert found.module is None
    assert "prober: is not known here" in found.refused[0]


def test_no_secret_is_shown(read: Read) -> None:
    text = """
modules:
  it:
    prober: http
    http:
      headers: {X-Api-Key: s3cr3t-key, X-Plain: shown}
      body: s3cr3t-body
      proxy_url: http://us:s3cr3t-proxy@proxy/
      basic_auth: {username: us, password: s3cr3t-password}
      oauth2:
        {token_url: "https://login/", client_id: us, client_secret: s3cr3t-client, endpoint_params: {passwd: s3cr3t-x}}
  talk:
    prober: tcp
    tcp: {query_response: [{send: "PASS s3cr3t-line"}, {expect: ready}]}
"""

    found = read(text)
    held = found.monitor.probe_modules
    assert held is not None
    shown = "".join(one.shown for one in held.modules.values())

    assert "s3cr3t" not in shown + repr(held)
    assert shown.count("<secret>") == 7
    for plain in ("X-Plain: shown", "username: us", "expect: ready", "token_url: https://login/"):
        assert plain in shown
    assert {"s3cr3t-key", "s3cr3t-password", "s3cr3t-client"} <= found.secrets()


def test_a_change_of_the_file_is_a_change_of_the_key_and_of_an_authority_another(read: Read, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    text = "modules: {web: {prober: http, http: {tls_config: {ca_file: ca.pem}}}}"
    before = read(text)

    assert not changes(before, read(text))
    assert changes(before, read(text.replace("web", "site"))).keys == ("monitor.probe_modules",)
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    assert changes(before, read(text)).authorities


@pytest.mark.skipif(not DEBIAN.exists(), reason="prometheus-blackbox-exporter is not installed")
def test_the_file_that_debian_ships_is_taken_whole(read: Read) -> None:
    found = read(DEBIAN.read_text())

    assert found.monitor.probe_modules is not None
    assert [name for name, one in found.monitor.probe_modules.modules.items() if one.refused] == []
    assert found.warnings == ()

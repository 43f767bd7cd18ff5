"""What is asked of both: one module each, and the target that it is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

IP4 = {"preferred_ip_protocol": "ip4"}


@dataclass(frozen=True)
class Case:
    """
    Attributes:
        target: Places in braces, as `targets.py` calls them.
        more: Further parameters of the request.
    """

    name: str
    prober: str
    settings: dict[str, Any]
    target: str
    timeout: str = "30s"
    more: dict[str, str] = field(default_factory=dict)

    def module(self, folder: str, places: dict[str, str]) -> dict[str, Any]:
        return {"prober": self.prober, "timeout": self.timeout, self.prober: _filled(self.settings, folder, places)}


def _filled(value: Any, folder: str, places: dict[str, str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _filled(one, folder, places, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, folder, places) for one in value]
    if key.endswith("_url"):
        return value.format(**places)
    return value.replace("FOLDER", folder) if isinstance(value, str) else value


SHORT = {
    "bad": "fail_if_body_matches_regexp",
    "wants": "fail_if_body_not_matches_regexp",
    "bad_header": "fail_if_header_matches",
    "header": "fail_if_header_not_matches",
    "answer": "validate_answer_rrs",
    "authority": "validate_authority_rrs",
    "additional": "validate_additional_rrs",
}


def _spelled(settings: dict[str, Any]) -> dict[str, Any]:
    return {SHORT.get(key, key): value for key, value in settings.items()}


def _http(name: str, path: str, *, at: str = "http://{http}", **settings: Any) -> Case:
    timeout, more = settings.pop("timeout", "30s"), settings.pop("more", {})
    return Case(name, "http", {**IP4, **_spelled(settings)}, f"{at}{path}", timeout, more)


def _tls(name: str, at: str, path: str = "/ok/", **settings: Any) -> Case:
    secured = {"ca_file": "FOLDER/ca.pem", **settings.pop("tls_config", {})}
    return _http(name, path, at=f"https://{at}", tls_config=secured, **settings)


def _tcp(name: str, *entries: dict[str, Any], at: str = "{tcp}", timeout: str = "30s", **settings: Any) -> Case:
    talk = {"query_response": list(entries)} if entries else {}
    return Case(name, "tcp", {**IP4, **talk, **settings}, at, timeout)


def _dns(name: str, query: str, rtype: str = "A", *, at: str = "{nsd}", timeout: str = "30s", **settings: Any) -> Case:
    over = {"transport_protocol": "tcp"} if settings.pop("tcp", False) else {}
    asked = {"query_name": query, "query_type": rtype, **over, **_spelled(settings)}
    return Case(name, "dns", {**IP4, **asked}, at, timeout)


def _grpc(name: str, at: str, timeout: str = "30s", **settings: Any) -> Case:
    return Case(name, "grpc", {**IP4, **settings}, at, timeout)


GREETING = "^220 (\\S+) ready$"
OAUTH2 = {"token_url": "http://{http}/token/", "client_id": "us", "client_secret": "hunter2"}
CA = {"tls_config": {"ca_file": "FOLDER/ca.pem"}}

HTTP = [
    _http("plain", "/ok/"),
    _http("without_scheme", "/ok/", at="{http}"),
    _http("by_name", "/ok/", at="http://localhost:{http_port}"),
    _http("not_found", "/status/404"),
    _http("wanted_404", "/status/404", valid_status_codes=[404]),
    _http("several_statuses", "/status/503", valid_status_codes=[200, 503]),
    _http("not_of_several", "/status/201", valid_status_codes=[200, 503]),
    _http("no_content", "/status/204"),
    _http("server_error", "/status/500"),
    _http("post", "/echo/", method="POST", body="price: 5$", wants=["^POST .* body=price: 5\\$$"]),
    _http("put", "/echo/", method="PUT", body="x", wants=["^PUT"]),
    _http("head", "/ok/", method="HEAD"),
    _http("header_sent", "/echo/", headers={"X-Probe": "a$b"}, wants=['"X-Probe": "a\\$b"']),
    _http("host_sent", "/echo/", headers={"Host": "shop.example"}, wants=['"Host": "shop.example"']),
    _http("hostname", "/echo/", more={"hostname": "shop.example"}, wants=['"Host": "shop.example"']),
    _http("follows", "/redirect/302/ok/"),
    _http("follows_301", "/redirect/301/ok/"),
    _http("follows_308", "/redirect/308/ok/"),
    _http("posts_on_307", "/redirect/307/echo/", method="POST", body="b", wants=["^POST .*body=b$"]),
    _http("gets_on_303", "/redirect/303/echo/", method="POST", body="b", wants=["^GET"]),
    _http("stays", "/redirect/302/ok/", follow_redirects=False, valid_status_codes=[302]),
    _http("stays_and_wants_2xx", "/redirect/302/ok/", follow_redirects=False),
    _http("stays_and_is_searched", "/redirect/302/ok/", follow_redirects=False, valid_status_codes=[302],
          wants=["moved"]),
    _http("posts_away", "/redirect/307/away/", method="POST", body="b"),
    _http("three_hops", "/hops/3"),
    _http("ten_hops", "/hops/10"),
    _http("eleven_hops", "/hops/11"),
    _http("redirected_to_a_wanted_status", "/loop/", valid_status_codes=[302]),
    _http("to_another_host", "/away/"),
    _http("to_nobody", "/nowhere/"),
    _http("to_no_http", "/mail/"),
    _http("login_leaves_the_host", "/away/", basic_auth={"username": "u", "password": "p"},
          bad=["Basic"]),
    _http("headers_leave_the_host", "/away/", headers={"X-Probe": "here"}, bad=["here"]),
    _http("who_asks", "/agent/", wants=["^Blackbox Exporter/0\\.23\\.0$"]),
    _http("who_asks_as_told", "/agent/", headers={"User-Agent": "us"}, wants=["^us$"]),
    _http("body_leaves_the_host", "/redirect/307/away307/", method="POST", body="b"),
    _http("by_proxy", "/ok/", proxy_url="http://{proxy}", wants=["^http://127.0.0.1:[0-9]+/ok/ for 127.0.0.1:"]),
    _http("by_proxy_and_name", "/a", at="http://localhost:8080", proxy_url="http://{proxy}",
          wants=["^http://localhost:8080/a for localhost:8080$"]),
    _http("host_by_proxy", "/a", proxy_url="http://{proxy}", headers={"Host": "shop.example"},
          wants=["^http://shop.example/a for shop.example$"]),
    _http("named_by_the_proxy", "/a", at="http://nobody.invalid", proxy_url="http://{proxy}",
          skip_resolve_phase_with_proxy=True, wants=["^http://nobody\\.invalid/a for nobody\\.invalid$"]),
    _http("proxy_away", "/ok/", proxy_url="http://127.0.0.1:1"),
    _http("token", "/guarded/", oauth2=OAUTH2),
    _http("no_token", "/guarded/", oauth2={**OAUTH2, "client_secret": "wrong"}),
    _http("cookies", "/cookie/"),
    _http("body_matches", "/ok/", bad=["(?i)STATUS: f"]),
    _http("body_is_clean", "/ok/", bad=["broken", "^version"]),
    _http("body_wanted", "/ok/", wants=["(?m)^version [[:digit:].]+$"]),
    _http("body_wanted_and_not_there", "/ok/", wants=["fine", "gone"]),
    _http("end_of_text_is_its_end", "/ok/", wants=["1\\.4\\.2$"]),
    _http("dot_ends_at_lines", "/ok/", wants=["fine.*version"]),
    _http("dot_takes_lines", "/ok/", wants=["(?s)fine.*version"]),
    _http("header_matches", "/ok/", bad_header=[{"header": "x-mode", "regexp": "de(bug|v)"}]),
    _http("header_is_clean", "/ok/", bad_header=[{"header": "X-Mode", "regexp": "^prod"}]),
    _http("header_away", "/ok/", bad_header=[{"header": "X-Absent", "regexp": "a"}]),
    _http("header_may_be_away", "/ok/", bad_header=[{"header": "X-Absent", "regexp": "a", "allow_missing": True}]),
    _http("header_wanted", "/ok/", header=[{"header": "X-Mode", "regexp": "debug"}]),
    _http("header_wanted_and_away", "/ok/", header=[{"header": "X-Absent", "regexp": "a"}]),
    _http("one_of_two_headers", "/several/", header=[{"header": "X-Several", "regexp": "two"}]),
    _http("one_of_two_headers_bad", "/several/", bad_header=[{"header": "X-Several", "regexp": "one"}]),
    _http("status_before_regex", "/status/404", bad=["fine"]),
    _http("login", "/echo/", basic_auth={"username": "u", "password": "p w"}, wants=["Basic dTpwIHc="]),
    _http("bearer", "/echo/", bearer_token="a.b", wants=["Bearer a\\.b"]),
    _http("authorization", "/echo/", authorization={"type": "Token", "credentials": "t1"},
          wants=["Token t1"]),
    _http("in_the_clear", "/ok/", fail_if_ssl=True),
    _http("must_be_secure", "/ok/", fail_if_not_ssl=True),
    _http("not_secure_and_not_found", "/status/404", fail_if_not_ssl=True),
    _http("gzip", "/gzip/", compression="gzip", wants=["fine"]),
    _http("deflate", "/deflate/", compression="deflate", wants=["fine"]),
    _http("identity", "/ok/", compression="identity"),
    _http("not_compressed", "/ok/", compression="gzip"),
    _http("cut_while_compressed", "/cutgzip/", compression="gzip"),
    _http("compressed_and_taken_as_it_is", "/gzip/"),
    _http("asks_for_gzip", "/echo/", headers={"Accept-Encoding": "gzip"}, wants=['"gzip"']),
    _http("within_the_limit", "/big/1600", body_size_limit="2KB"),
    _http("at_the_limit", "/big/2048", body_size_limit="2KB"),
    _http("beyond_the_limit", "/big/2064", body_size_limit="2KB"),
    _http("beyond_the_limit_and_searched", "/big/2064", body_size_limit="2KB", wants=["0123"]),
    _http("big", "/big/800000", bad=["nothing of it"]),
    _http("chunked", "/chunked/"),
    _http("untold_length", "/untold/"),
    _http("cut_off", "/cut/"),
    _http("cut_off_and_searched", "/cut/", wants=["fine"]),
    _http("reset", "/reset/"),
    _http("hangs", "/hang/", timeout="700ms"),
    _http("dribbles", "/dribble/", timeout="700ms"),
    _http("wants_1_1", "/ok/", valid_http_versions=["HTTP/1.1"]),
    _http("wants_2", "/ok/", valid_http_versions=["HTTP/2.0"]),
    _http("refused", "/", at="http://127.0.0.1:1"),
    _http("no_such_name", "/", at="http://nobody.invalid"),
    _http("only_ip6", "/ok/", preferred_ip_protocol="ip6", ip_protocol_fallback=False),
    _http("not_http", "/", at="http://{tcp}"),
    _http("ip6", "/ok/", at="http://{http6}", preferred_ip_protocol="ip6"),
    _http("ip6_where_ip4_is_preferred", "/ok/", at="http://{http6}"),
    _http("ip6_where_ip4_is_wanted", "/ok/", at="http://{http6}", ip_protocol_fallback=False),
    _http("prefers_ip6", "/ok/", preferred_ip_protocol="ip6"),
]  # fmt: skip

TLS = [
    _tls("secure", "{good}"),
    _tls("secure_by_name", "localhost:{good_port}"),
    _tls("must_be_secure_and_is", "{good}", fail_if_not_ssl=True),
    _tls("must_not_be_secure", "{good}", fail_if_ssl=True),
    _tls("secure_redirect", "{good}", "/redirect/302/ok/"),
    _tls("secure_and_not_found", "{good}", "/status/404"),
    _tls("wrong_name", "{wrong}"),
    _tls("wrong_name_skipped", "{wrong}", tls_config={"insecure_skip_verify": True}),
    _tls("named_otherwise", "{wrong}", tls_config={"server_name": "other.example"}),
    _tls("named_by_host", "{wrong}", headers={"Host": "other.example"}),
    _tls("named_by_parameter", "{wrong}", more={"hostname": "other.example"}),
    _tls("expired", "{expired}"),
    _tls("expired_skipped", "{expired}", tls_config={"insecure_skip_verify": True}),
    _tls("expires_soon", "{soon}"),
    _tls("stranger", "{stranger}"),
    _http("without_authority", "/ok/", at="https://{good}"),
    _tls("asks_for_a_certificate", "{client}"),
    _tls(
        "shows_a_certificate",
        "{client}",
        tls_config={"cert_file": "FOLDER/client.cert", "key_file": "FOLDER/client.key"},
    ),
    _tls("speaks_1_2", "{tls12}"),
    _tls("wants_1_3_of_1_2", "{tls12}", tls_config={"min_version": "TLS13"}),
    _tls("speaks_1_3", "{good}", tls_config={"min_version": "TLS13"}),
    _tls("in_the_clear_there", "{http}"),
    _tls("secure_by_proxy", "{good}", proxy_url="http://{proxy}"),
    _tls("http2", "{h2}", "/"),
    _tls("http2_wanted", "{h2}", "/", valid_http_versions=["HTTP/2.0"]),
    _tls("http2_off", "{h2}", "/", enable_http2=False),
    _tls("http2_unwanted", "{h2}", "/", valid_http_versions=["HTTP/1.1"]),
]

WHO = {"expect": GREETING}, {"send": "WHO"}, {"expect": "^250 127\\.0\\.0\\.2$"}
TCP = [
    _tcp("connects"),
    _tcp("connects_by_name", at="localhost:{tcp_port}"),
    _tcp("connects_by_ip6", at="{http6}"),
    _tcp("no_port", at="127.0.0.1"),
    _tcp("nobody_listens", at="127.0.0.1:1"),
    _tcp("tcp_no_such_name", at="nobody.invalid:25"),
    _tcp("greeted", {"expect": GREETING}, {"send": "EHLO me"}, {"expect": "^250 STARTTLS$"}),
    _tcp("groups", {"expect": GREETING, "send": "EHLO ${1}"}, {"expect": "^250-mx1$"}),
    _tcp("named_group_at_its_end", {"expect": GREETING, "send": "EHLO $1"}, {"expect": "^250-mx1$"}),
    _tcp("dollars", {"expect": GREETING, "send": "EHLO $$ 5$"}, {"expect": "^250-\\$ 5\\$$"}),
    _tcp("unfilled", {"expect": GREETING}, {"send": "EHLO ${1} $$"}, {"expect": "^250-\\$\\{1} \\$\\$$"}),
    _tcp("other_words", {"expect": GREETING}, {"send": "QUIT"}, {"expect": "^250"}),
    _tcp("never_said", {"expect": "^SSH-2.0"}, timeout="700ms"),
    _tcp("reset_in_between", {"expect": GREETING, "send": "RESET"}, {"expect": "^250"}),
    _tcp("hangs_in_between", {"expect": GREETING, "send": "HANG"}, {"expect": "^250"}, timeout="700ms"),
    _tcp("silent", {"expect": "."}, at="{silent}", timeout="700ms"),
    _tcp("tls", {"expect": GREETING}, at="{tcptls}", tls=True, **CA),
    _tcp("tls_1_3", at="{tcptls}", tls=True, tls_config={"ca_file": "FOLDER/ca.pem", "min_version": "TLS13"}),
    _tcp("tls_by_name", at="localhost:{tcptls_port}", tls=True, **CA),
    _tcp("tls_wrong_name", at="{tcptls}", tls=True, tls_config={"ca_file": "FOLDER/ca.pem", "server_name": "a.b"}),
    _tcp("tls_skipped", at="{tcptls}", tls=True, tls_config={"insecure_skip_verify": True}),
    _tcp("tls_without_authority", at="{tcptls}", tls=True),
    _tcp("tls_and_other_words", {"expect": GREETING, "send": "QUIT"}, {"expect": "^50"}, at="{tcptls}", tls=True, **CA),
    _tcp("starttls", {"expect": GREETING}, {"send": "STARTTLS"}, {"expect": "^220"}, {"starttls": True},
         {"send": "EHLO again"}, {"expect": "^250-again$"}, **CA),
    _tcp("starttls_unknown", {"expect": GREETING}, {"send": "STARTTLS"}, {"expect": "^220"}, {"starttls": True}),
    _tcp("from_an_address", *WHO, source_ip_address="127.0.0.2"),
    _tcp("from_any_address", *WHO, timeout="700ms"),
    _tcp("from_no_address_of_ours", source_ip_address="192.0.2.1"),
    _tcp("from_another_family", source_ip_address="::1"),
    Case("tcp_hostname", "tcp", {**IP4, "tls": True, **CA}, "{wrong}", more={"hostname": "other.example"}),
]  # fmt: skip

EVERY, SOME, NONE = (f"fail_if_{of}_regexp" for of in ("not_matches", "none_matches", "matches"))
DNS = [
    _dns("a", "www.example.test"),
    _dns("any_class_case", "WWW.example.test"),
    _dns("soa", "example.test", "SOA"),
    _dns("mx", "example.test", "MX"),
    _dns("soa_of_no_zone_apex", "www.example.test", "SOA"),
    _dns("nxdomain", "www.sub.example.test", valid_rcodes=["NOERROR"]),
    _dns("nobody", "x.nobody.example.test", "TXT"),
    _dns("refused_zone", "example.org"),
    _dns("refused_and_wanted", "example.org", valid_rcodes=["REFUSED", "NOERROR"]),
    _dns("answer_matches", "www.example.test", answer={NONE: ["192\\.0\\.2\\.1$"]}),
    _dns("answer_is_clean", "www.example.test", answer={NONE: ["127\\."]}),
    _dns("answer_wanted", "www.example.test", answer={EVERY: ["^www\\.example\\.test\\.\t60\tIN\tA\t192"]}),
    _dns("answer_not_all", "many.example.test", answer={EVERY: ["10\\.0\\.0\\.1"]}, tcp=True),
    _dns("answer_one", "many.example.test", answer={SOME: ["10\\.0\\.0\\.77$"]}, tcp=True),
    _dns("answer_none", "many.example.test", answer={SOME: ["10\\.1\\."]}, tcp=True),
    _dns("answer_empty", "ns.example.test", "MX", answer={EVERY: ["x"]}),
    _dns("authority", "www.example.test", authority={EVERY: ["NS\tns\\.example\\.test\\.$"]}),
    _dns("authority_bad", "www.example.test", authority={NONE: ["ns\\.example"]}),
    _dns("additional", "example.test", "NS", additional={SOME: ["192\\.0\\.2\\.53"]}),
    _dns("additional_bad", "www.example.test", additional={SOME: ["10\\."]}),
    _dns("over_tcp", "www.example.test", tcp=True),
    _dns("without_recursion", "www.example.test", recursion_desired=False),
    _dns("chaos", "version.server", "TXT", query_class="CH"),
    _dns("over_tls", "www.example.test", at="{nsdtls}", tcp=True, dns_over_tls=True,
         tls_config={"ca_file": "FOLDER/ca.pem", "server_name": "ns.example.test"}),
    _dns("over_tls_wrong_name", "www.example.test", at="{nsdtls}", tcp=True, dns_over_tls=True,
         tls_config={"ca_file": "FOLDER/ca.pem", "server_name": "x.example"}),
    _dns("texts", "a\\.b.example.test", "TXT", answer={EVERY: ['"v=spf1 -all" "a \\\\"quoted']}),
    _dns("silent_server", "www.example.test", at="{deaf}", timeout="700ms"),
    _dns("silent_over_tcp", "www.example.test", at="{silent}", timeout="700ms", tcp=True),
    _dns("nobody_there", "www.example.test", at="127.0.0.1:1"),
    _dns("no_dns_over_tcp", "www.example.test", at="{tcp}", tcp=True, timeout="700ms"),
    _dns("asked_from_an_address", "www.example.test", source_ip_address="127.0.0.2"),
    _dns("asked_from_an_address_over_tcp", "www.example.test", tcp=True, source_ip_address="127.0.0.2"),
    _dns("asked_from_no_address_of_ours", "www.example.test", source_ip_address="192.0.2.1"),
    _dns("truncated", "many.example.test"),
    _dns("dns_no_such_name", "www.example.test", at="nobody.invalid"),
]  # fmt: skip

GRPC = [
    _grpc("serving", "{grpc}"),
    _grpc("serving_by_name", "localhost:{grpc_port}"),
    _grpc("sick", "{grpc}", service="sick"),
    _grpc("unsure", "{grpc}", service="unsure"),
    _grpc("unknown_service", "{grpc}", service="nobody"),
    _grpc("no_health", "{nohealth}"),
    _grpc("grpc_refused", "127.0.0.1:1"),
    _grpc("grpc_tls", "{grpctls}", tls=True, **CA),
    _grpc("grpc_tls_skipped", "{grpctls}", tls=True, tls_config={"insecure_skip_verify": True}),
    _grpc("grpc_tls_without_authority", "{grpctls}", tls=True),
    _grpc("grpc_silent", "{silent}", timeout="700ms"),
    _grpc("grpc_of_http", "{h1}"),
    _grpc("grpc_no_such_name", "nobody.invalid:1"),
]

ICMP = [
    Case("echo", "icmp", dict(IP4), "127.0.0.1"),
    Case("echo_by_name", "icmp", dict(IP4), "localhost"),
    Case("echo_of_ip6", "icmp", {"preferred_ip_protocol": "ip6"}, "::1"),
    Case("echo_large", "icmp", {**IP4, "payload_size": 1400}, "127.0.0.1"),
    Case("echo_whole", "icmp", {**IP4, "dont_fragment": True}, "127.0.0.1"),
    Case("echo_from_an_address", "icmp", {**IP4, "source_ip_address": "127.0.0.2"}, "127.0.0.1"),
    Case("echo_from_no_address_of_ours", "icmp", {**IP4, "source_ip_address": "192.0.2.1"}, "127.0.0.1"),
    Case("echo_ttl", "icmp", {**IP4, "ttl": 5}, "127.0.0.1"),
    Case("echo_no_such_name", "icmp", dict(IP4), "nobody.invalid"),
]

CASES = [*HTTP, *TLS, *TCP, *DNS, *GRPC, *ICMP]

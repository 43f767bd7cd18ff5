from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pydantic
import pytest

from checks import dns, grpc, icmp, push, udp, websocket
from checks.check import Check, CollectorQuestion, HttpQuestion, Retry
from checks.dns_message import Query
from checks.exchange import HttpRequest
from checks.family import Family
from checks.oauth2 import OAuth2
from checks.stream import Security, Step
from checks.way import Way
from monitor.config import Composite, Config, ConfigError, Listen, Slo, default_paths, load
from monitor.core.counting import Slices
from monitor.core.indicator import Indicator
from monitor.core.period import Calendar, Rolling
from monitor.core.severity import POLICIES, Criticality, Severity
from monitor.daemon.wiring import outlets_of
from monitor.probing.asking import requests_of

Reader = Callable[..., Config]
SHOP = "services:\n  shop:\n    checks:\n      live: http://localhost:8080/healthz\n"


def test_a_url_alone_is_a_check_with_every_default(config: Reader, tmp_path: Path) -> None:
    found = config(SHOP)

    assert found.all_checks() == (
        Check(service="shop", name="live", question=HttpQuestion(url="http://localhost:8080/healthz")),
    )
    assert found.all_checks()[0].interval == 30.0
    assert found.all_checks()[0].timeout == 10.0
    assert found.services["shop"].criticality is Criticality.MEDIUM
    assert found.monitor.listen == Listen("127.0.0.1", 8700)
    assert found.monitor.state == tmp_path / "state"
    assert found.tracker.folder == tmp_path / "state" / "tickets"
    assert found.tracker.webhook is None
    assert found.policy == POLICIES
    assert found.warnings == ()


def test_every_key_of_an_http_check_reaches_the_question(config: Reader, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    found = config("""
services:
  shop:
    checks:
      order:
        http: https://localhost:8443/orders
        method: post
        headers: {Content-Type: application/json, X-Number: 3}
        body: '{"probe": true}'
        status: [201, 2xx, 300-302]
        redirects: false
        tls: {verify: true, ca: ca.pem}
        max_body: 1MB
        interval: 1m30s
        timeout: 2.5s
        retry: {times: 2, within: 1500ms}
""")

    assert found.all_checks() == (
        Check(
            service="shop",
            name="order",
            interval=90.0,
            timeout=2.5,
            retry=Retry(times=2, within=1.5),
            question=HttpQuestion(
                url="https://localhost:8443/orders",
                method="POST",
                headers=(("Content-Type", "application/json"), ("X-Number", "3")),
                body='{"probe": true}',
                expected_status=((201, 201), (200, 299), (300, 302)),
                max_redirects=0,
                ca_file=str(tmp_path / "ca.pem"),
                max_body=1024 * 1024,
            ),
        ),
    )


@pytest.mark.parametrize(
    ("written", "expect", "accepted"),
    [
        ("expect: '[BODY].status == ok'", ("[BODY].status == ok",), ((200, 299),)),
        (
            "expect: ['[BODY].a == 1', 'not [status] == 500']",
            ("[BODY].a == 1", "not [status] == 500"),
            (),  # the conditions say themselves which status is wanted
        ),
        ("expect: ['[STATUS] < 400']\n        status: 2xx", ("[STATUS] < 400",), ((200, 299),)),
        (
            "expect: ['[BODY].v == ${V}', '[BODY].p == $$5']",
            ("[BODY].v == 1.25", "[BODY].p == $5"),
            ((200, 299),),
        ),
    ],
)
def test_conditions_reach_the_question_as_text(
    config: Reader, written: str, expect: tuple[str, ...], accepted: tuple[tuple[int, int], ...]
) -> None:
    found = config(
        f"services:\n  shop:\n    checks:\n      live:\n        http: http://h/\n        {written}\n",
        {"V": "1.25"},
    )

    assert found.all_checks()[0].question == HttpQuestion(url="http://h/", expect=expect, expected_status=accepted)


def test_conditions_that_warn_leave_the_status_as_it_is(config: Reader) -> None:
    found = config("services: {shop: {checks: {live: {http: 'http://h/', warn: '[STATUS] == 204'}}}}")

    assert found.all_checks()[0].question == HttpQuestion(url="http://h/", warn=("[STATUS] == 204",))


def test_how_hands_are_shaken_is_part_of_the_way_of_http_and_grpc(config: Reader) -> None:
    found = config("""
services:
  shop:
    checks:
      live: {http: "https://shop.example/", tls: {groups: "X25519:P-256", resume: 5m}, keep_alive: 10m}
      health: {grpc: "shop.example:50051", tls: {groups: X25519MLKEM768, resume: 1h}}
""")

    http, health = (check.question for check in found.all_checks())
    assert http == HttpQuestion(
        url="https://shop.example/", way=Way(groups="X25519:P-256", resume=300.0), keep_alive=600.0
    )
    assert health == grpc.Question(
        url="https://shop.example:50051", way=Way(version="2", groups="X25519MLKEM768", resume=3600.0)
    )


def test_a_collector_check_asks_for_health_and_metrics(config: Reader) -> None:
    found = config(
        "services: {otel: {checks: {health: {collector: 'http://h:13133', metrics: 'http://h:8888/metrics'}}}}"
    )

    assert found.all_checks()[0].question == CollectorQuestion(url="http://h:13133", metrics="http://h:8888/metrics")


def test_a_question_to_a_name_server_has_its_defaults(config: Reader) -> None:
    found = config("services: {zone: {checks: {www: {dns: {server: ns.example, name: www.example.com}}}}}")

    assert found.all_checks()[0].question == dns.Question(
        url="udp://ns.example:53",
        query=Query("www.example.com", "A", "IN", recursion=True),
        rcodes=("NOERROR",),
        answered=True,
    )


@pytest.mark.parametrize(
    ("keys", "more", "url"),
    [
        ("server: '[2001:db8::53]:5353'", "", "udp://[2001:db8::53]:5353"),
        ("server: ns.example, transport: tcp", "", "tcp://ns.example:53"),
        ("server: ns.example", "tls: {}", "tcp://ns.example:853"),
        ("server: 'ns.example:8530', transport: tcp", "tls: {name: other.example}", "tcp://ns.example:8530"),
    ],
)
def test_where_and_how_a_name_server_is_asked(config: Reader, keys: str, more: str, url: str) -> None:
    found = config(f"services: {{zone: {{checks: {{www: {{dns: {{{keys}, name: a.example}}, {more}}}}}}}}}")

    question = found.all_checks()[0].question
    assert isinstance(question, dns.Question)
    assert question.url == url
    assert (question.security is not None) is bool(more)


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ('send: "stats\\r\\n"', {"send": b"stats\r\n"}),
        ("send_hex: 1b 00FF, expect_hex: 1c", {"send": b"\x1b\0\xff", "begins": b"\x1c"}),
        ("send: x, expect: ^OK", {"send": b"x", "expect": "^OK"}),
    ],
)
def test_what_a_datagram_holds(config: Reader, keys: str, wanted: dict[str, Any]) -> None:
    found = config(f"services: {{net: {{checks: {{cache: {{udp: {{target: 'cache.example:11211', {keys}}}}}}}}}}}")

    assert found.all_checks()[0].question == udp.Question(url="udp://cache.example:11211", **wanted)


def test_a_websocket_has_its_defaults(config: Reader) -> None:
    found = config("services: {shop: {checks: {feed: {websocket: 'WSS://shop.example/feed?x=1'}}}}")

    assert found.all_checks()[0].question == websocket.Question(url="WSS://shop.example/feed?x=1")


def test_all_that_a_websocket_can_be_asked(config: Reader) -> None:
    found = config(r"""
services:
  shop:
    checks:
      feed:
        websocket: {url: "wss://shop.example/feed", subprotocols: mqtt}
        headers: {Origin: "https://shop.example"}
        bearer: hunter2
        script: [{send: hello}, {expect: world, refuse: error}]
        tls: {verify: false, name: feed.example}
""")

    question = found.all_checks()[0].question
    assert question == websocket.Question(
        url="wss://shop.example/feed",
        headers=(("Origin", "https://shop.example"), ("Authorization", "Bearer hunter2")),
        subprotocols=("mqtt",),
        script=(Step(send=b"hello"), Step(expect="world", refuse="error")),
        security=Security(verify=False, name="feed.example"),
    )
    assert "hunter2" not in repr(question)


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("router.example", "icmp://router.example"),
        ("192.0.2.1", "icmp://192.0.2.1"),
        ("'2001:db8::1'", "icmp://[2001:db8::1]"),
        ("'[2001:db8::1]'", "icmp://[2001:db8::1]"),
    ],
)
def test_who_is_pinged(config: Reader, written: str, url: str) -> None:
    found = config(f"services: {{net: {{checks: {{router: {{icmp: {written}}}}}}}}}")

    assert found.all_checks()[0].question == icmp.Question(url=url)


def test_all_that_can_be_wanted_of_a_name_server(config: Reader) -> None:
    found = config(r"""
services:
  zone:
    checks:
      all:
        dns:
          server: ns.example
          name: version.bind
          type: TXT
          chaos: true
          recursion: false
          rcode: [NOERROR, REFUSED]
          authoritative: true
          answer: {any: [a, b], all: c, none: ['\.$']}
          authority: d
""")

    assert found.all_checks()[0].question == dns.Question(
        url="udp://ns.example:53",
        query=Query("version.bind", "TXT", "CH", recursion=False),
        rcodes=("NOERROR", "REFUSED"),
        authoritative=True,
        answer=dns.Records(some=("a", "b"), every=("c",), none=(r"\.$",)),
        authority=dns.Records(some=("d",)),
    )


@pytest.mark.parametrize(
    ("keys", "answered"),
    [("type: A", True), ("authoritative: true", True), ("rcode: NOERROR", False), ("authority: x", False)],
)
def test_an_answer_must_hold_a_record_where_nothing_else_is_wanted_of_it(
    config: Reader, keys: str, answered: bool
) -> None:
    found = config(f"services: {{zone: {{checks: {{a: {{dns: {{server: n, name: a, {keys}}}}}}}}}}}")

    assert getattr(found.all_checks()[0].question, "answered") is answered  # noqa: B009 - of one kind alone


@pytest.mark.parametrize(
    ("interval", "timeout"), [("1s", 0.8), ("10s", 8.0), ("12500ms", 10.0), ("12501ms", 10.0), ("1h", 10.0)]
)
def test_the_default_timeout_is_80_percent_of_the_interval_and_10_seconds_at_most(
    config: Reader, interval: str, timeout: float
) -> None:
    found = config(f"services: {{shop: {{checks: {{live: {{http: 'http://h/', interval: {interval}}}}}}}}}")

    assert found.all_checks()[0].timeout == pytest.approx(timeout)


def test_everything_else_of_this_version_is_read(config: Reader, tmp_path: Path) -> None:
    found = config("""
monitor:
  environment: test
  location: 10
  time_zone: Europe/Berlin
  state: run/state
  listen: "[::1]:0"
  online: [https://one.example/, https://two.example/]
  retention: {minutes: 24h}
telemetry: {otlp: "http://localhost:4318"}
sources: {prometheus: "http://localhost:9090"}
services:
  shop:
    criticality: low
    tags: [checkout, 2026]
    depends_on: [bank]
    checks: {live: "http://localhost:8080/"}
    slos: [{sli: success, objective: 0.999}, {sli: success, objective: 99.5%, over: 28d}]
    traffic:
      requests: sum(rate(r{code=~"2..$"}[5m]))
  bank:
    checks: {live: "http://localhost:8080/"}
incidents: {open: suggest, open_after: 0s, stable_for: 1h}
contacts: {scribe: {primary: Ann}}
playbook: {reviewed: 2026-11-01, review_every: 30d}
""")

    assert (found.monitor.environment, found.monitor.location, found.monitor.time_zone) == (
        "test",
        "10",
        "Europe/Berlin",
    )
    assert found.monitor.state == tmp_path / "run" / "state"
    assert found.monitor.listen == Listen("::1", 0)
    assert found.monitor.online == ("https://one.example/", "https://two.example/")
    assert found.monitor.retention.minutes == timedelta(hours=24)
    assert found.monitor.retention.hours == timedelta(days=400)
    assert found.telemetry.otlp == "http://localhost:4318"
    assert found.sources.prometheus == "http://localhost:9090"
    shop = found.services["shop"]
    assert (shop.name, shop.criticality, shop.tags, shop.depends_on) == ("shop", "low", ("checkout", "2026"), ("bank",))
    assert shop.slos == (
        Slo(name="success-30d", sli="success", objective=0.999, over=timedelta(days=30)),
        Slo(name="success-28d", sli="success", objective=0.995, over=timedelta(days=28)),
    )
    assert shop.traffic is not None
    assert (shop.traffic.requests, shop.traffic.errors) == ('sum(rate(r{code=~"2..$"}[5m]))', None)
    assert (found.incidents.open, found.incidents.open_after) == ("suggest", timedelta(0))
    assert found.incidents.stable_for == timedelta(hours=1)
    assert (found.contacts["scribe"].primary, found.contacts["scribe"].backup) == ("Ann", None)
    assert (found.playbook.reviewed, found.playbook.review_every) == (date(2026, 11, 1), timedelta(days=30))


def test_update_every_moves_the_grid_of_severities_that_have_one_and_policy_wins_over_it(config: Reader) -> None:
    found = config(
        SHOP + "incidents: {update_every: 20m}\npolicy: {SEV2: {update_every: 15m}, SEV3: {update_every: on change}}\n"
    )

    assert found.policy[Severity.SEV1].update_every == timedelta(minutes=20)
    assert found.policy[Severity.SEV2].update_every == timedelta(minutes=15)
    assert found.policy[Severity.SEV3].update_every is None
    assert found.policy[Severity.SEV4].update_every is None
    assert found.policy[Severity.SEV1].page is True


def test_a_webhook_alone_takes_the_place_of_the_folder(config: Reader) -> None:
    found = config(SHOP + "tracker: {webhook: {url: 'http://localhost:9000/', secret: s3cr3t-value}}\n")

    assert found.tracker.folder is None
    assert found.tracker.webhook is not None


JIRA = "tracker: {jira: {url: 'https://ops.atlassian.net/', project: OPS, user: bot@example.org, token: t0k3n}}\n"


def test_a_jira_alone_takes_the_place_of_the_folder_and_is_cloud_by_its_address(config: Reader) -> None:
    found = config(SHOP + JIRA).tracker

    assert found.folder is None
    assert found.jira is not None
    assert (found.jira.url, found.jira.api, found.jira.issue_type) == ("https://ops.atlassian.net", "cloud", "Task")
    assert found.jira.token.get_secret_value() == "t0k3n"


def test_a_jira_of_your_own_takes_a_token_without_a_user(config: Reader) -> None:
    jira = "{url: 'https://jira.example', project: OPS, token: t0k3n, priority: {SEV1: Highest}, labels: [oncall]}"
    found = config(SHOP + f"tracker: {{folder: tickets, jira: {jira}}}\n").tracker

    assert found.folder is not None
    assert found.jira is not None
    assert (found.jira.api, found.jira.user) == ("data center", None)
    assert found.jira.priority == {Severity.SEV1: "Highest"}
    assert found.jira.labels == ("oncall",)


def test_a_repository_alone_takes_the_place_of_the_folder(config: Reader) -> None:
    found = config(SHOP + "tracker: {github: {repository: example/ops, token: t0k3n, labels: [on call]}}\n").tracker

    assert found.folder is None
    assert found.github is not None
    assert (found.github.repository, found.github.url) == ("example/ops", "https://api.github.com")
    assert found.github.labels == ("on call",)


@pytest.mark.parametrize(
    "written",
    [
        "1e3f5a7b9c0d41e2839415263748596a",
        "1E3F5A7B-9C0D-41E2-8394-15263748596A",
        "https://www.notion.so/acme/Incidents-1e3f5a7b9c0d41e2839415263748596a?v=0123456789abcdef0123456789abcdef",
    ],
)
def test_a_data_source_in_notion_may_be_given_by_its_id_or_by_a_link(config: Reader, written: str) -> None:
    more = "properties: {severity: Severity}, closed: Solved, url: https://notion.example/"
    found = config(SHOP + f'tracker: {{notion: {{data_source: "{written}", token: t0k3n, {more}}}}}\n').tracker

    assert found.folder is None
    assert found.notion is not None
    assert found.notion.data_source == "1e3f5a7b-9c0d-41e2-8394-15263748596a"
    assert (found.notion.mark, found.notion.status, found.notion.severity) == ("Watchkeeper", "Status", "Severity")
    assert (found.notion.open, found.notion.closed, found.notion.url) == (None, "Solved", "https://notion.example")


def test_drafts_of_postmortems_go_to_trackers_that_are_named(config: Reader) -> None:
    jira = "jira: {url: https://jira.example, project: OPS, token: t0k3n}"
    github = "github: {repository: example/ops, token: t0k3n}"
    found = config(SHOP + f"tracker: {{{jira}, {github}, postmortems: [github, jira, github]}}\n")

    assert found.tracker.postmortems == ("github", "jira")
    assert list(outlets_of(found)) == ["postmortems", "jira", "github", "github.postmortems", "jira.postmortems"]


def test_values_mean_what_they_say_and_not_what_yaml_1_1_makes_of_them(config: Reader) -> None:
    found = config(SHOP + "monitor: {environment: no, location: 0x10}\ncontacts: {on: {primary: 1e3, backup: 012}}\n")

    assert (found.monitor.environment, found.monitor.location) == ("no", "0x10")
    assert (found.contacts["on"].primary, found.contacts["on"].backup) == ("1e3", "012")


def test_anchors_and_merge_keys_save_repetition(config: Reader) -> None:
    found = config("""
x-often: &often
  interval: 10s
  timeout: 3s
services:
  shop:
    checks:
      live: {<<: *often, http: "http://localhost:8080/a"}
      ready: {<<: *often, http: "http://localhost:8080/b", timeout: 4s}
""")

    assert [(check.interval, check.timeout) for check in found.all_checks()] == [(10.0, 3.0), (10.0, 4.0)]


def test_the_same_url_twice_is_fine(config: Reader) -> None:
    assert len(config("services: {a: {checks: {x: 'http://h/', y: 'http://h/'}}}").all_checks()) == 2


def test_a_config_cannot_be_changed(config: Reader) -> None:
    found = config(SHOP)

    with pytest.raises(pydantic.ValidationError):
        found.monitor.location = "elsewhere"
    with pytest.raises(TypeError):
        found.services["other"] = found.services["shop"]  # type: ignore[index]  # as above


def test_what_works_and_is_probably_not_meant_is_a_warning_with_its_place(config: Reader, tmp_path: Path) -> None:
    found = config("""services:
  shop:
    checks:
      live: {http: "https://localhost/", interval: 20m, tls: {verify: false}}
    slos: [{sli: success, objective: 99.9%}]
""")

    assert [warning.replace(f"{tmp_path}/", "") for warning in found.warnings] == [
        "config.yaml:4  services.shop.checks.live.interval: 20m leaves at most one probe to prove a recovery within "
        "stable_for 30m.",
        "config.yaml:4  services.shop.checks.live.tls.verify: any certificate is taken, an attacker's too.",
        "config.yaml:5  services.shop.slos[0].objective: one failed probe of the 3 in an hour already burns more than "
        "14.4 times the budget; probe more often. A total outage is found after 1h20m, and the whole budget is spent "
        "after 43m12s.",
    ]


@pytest.mark.parametrize(
    ("slo", "interval", "warned"),
    [
        ("{sli: success, objective: 99.9%}", "30s", ""),
        ("{sli: success, objective: 99.9%, over: month}", "30s", ""),
        (
            "{sli: success, objective: 99.99%, over: 7d}",
            "30s",
            "one failed probe of the 120 in an hour already burns more than 3.36 times the budget; probe more often. "
            "A total outage is found after 2m, and the whole budget is spent after 1m0.48s.",
        ),
        (
            "{sli: success, objective: 99.9%, over: 1d}",
            "10s",
            "one failed probe of the 360 in an hour already burns more than 1 times the budget; probe more often. "
            "A total outage is found after 1m10s.",
        ),
        ("{sli: latency, under: 1s, objective: 99%}", "30s", ""),
        (
            "{sli: latency, under: 1s, objective: 99.99%}",
            "1m",
            "one failed probe of the 60 in an hour already burns more than 14.4 times the budget; probe more often. "
            "A service that is always too slow is found after 2m.",
        ),
        (
            "{sli: success, objective: 99.9%, budgeting: timeslices, slice_target: 95%}",
            "5s",
            "one bad slice of the 60 in an hour already burns more than 14.4 times the budget; probe more often. "
            "A total outage is found after 1m5s.",
        ),
        ("{sli: success, objective: 99%, budgeting: timeslices, slice_target: 95%}", "5s", ""),
    ],
)
def test_what_one_failure_would_fire_and_what_is_found_too_late_is_told_with_the_time_it_takes(
    config: Reader, tmp_path: Path, slo: str, interval: str, warned: str
) -> None:
    found = config(f"""services:
  shop:
    checks: {{live: {{http: "https://localhost/", interval: {interval}}}}}
    slos: [{slo}]
""")

    place = f"{tmp_path}/config.yaml:4  services.shop.slos[0].objective: "
    assert [warning.removeprefix(place) for warning in found.warnings] == ([warned] if warned else [])


def test_each_kind_of_objective_is_read_and_named(config: Reader) -> None:
    found = config("""services:
  shop:
    checks: {live: http://localhost/, ready: http://localhost/ready}
    slos:
      - {sli: success, objective: 99.9%}
      - {sli: latency, under: 300ms, objective: 99%}
      - {sli: latency, under: 300ms, objective: 99%, over: month, check: live}
      - {sli: success, objective: 99%, budgeting: timeslices}
      - {sli: success, objective: 99%, budgeting: timeslices, slice: 5m, slice_target: 100%, check: ready, name: steady}
      - {sli: latency, under: 2s, objective: 95%, over: week}
      - {sli: latency, under: 2s, objective: 95%, over: 7d}
      - {name: checkout, composite: {success: 2, latency-300ms: 0.5}}
""").services["shop"]

    fast, minute = timedelta(milliseconds=300), timedelta(minutes=1)
    assert found.slos == (
        Slo(name="success", sli="success", objective=0.999),
        Slo(name="latency-300ms", sli="latency", objective=0.99, under=fast),
        Slo(name="live-latency-300ms", sli="latency", objective=0.99, under=fast, over="month", check="live"),
        Slo(name="success-slices", sli="success", objective=0.99, slices=Slices(minute)),
        Slo(name="steady", sli="success", objective=0.99, slices=Slices(5 * minute, 1.0), check="ready"),
        Slo(name="latency-2s-week", sli="latency", objective=0.95, under=timedelta(seconds=2), over="week"),
        Slo(name="latency-2s-7d", sli="latency", objective=0.95, under=timedelta(seconds=2), over=timedelta(days=7)),
    )
    assert found.composites == (Composite(name="checkout", members={"success": 2.0, "latency-300ms": 0.5}),)
    assert found.slos[2].period("Europe/Berlin") == Calendar("month", "Europe/Berlin")
    assert found.slos[0].period("Europe/Berlin") == Rolling(timedelta(days=30))


def test_what_prometheus_counts_is_read_with_its_slices_and_what_sloth_recorded(config: Reader) -> None:
    found = config("""sources: {prometheus: http://localhost:9090}
services:
  shop:
    checks: {live: http://localhost/}
    slos:
      - {sli: ratio, objective: 99%, total: "t[$window]", bad: "b[$window]"}
      - {sli: ratio, objective: 99%, total: "t[$window]", bad: "b[$window]", budgeting: timeslices}
      - {sli: latency, histogram: h, under: 1s, objective: 98%, budgeting: timeslices, slice: 1m, slice_target: 0.9}
      - {sli: sloth, objective: 99%, recorded: ' {sloth_service="shop", sloth_slo=~"avail.*{2}",} '}
      - {name: recorded, sli: sloth, objective: 99%, recorded: '{sloth_id="shop-x"}', budgeting: timeslices, slice: 30m}
""").services["shop"]

    second, five, half = timedelta(seconds=1), timedelta(minutes=5), timedelta(minutes=30)
    slices = [slo.slices for slo in found.slos]
    assert [slo.name for slo in found.slos] == ["ratio", "ratio-slices", "latency-1s-slices", "sloth", "recorded"]
    assert slices == [None, Slices(five), Slices(timedelta(minutes=1), 0.9), None, Slices(half)]
    assert [slo.indicator for slo in found.slos] == [
        Indicator(service="shop", total="t[$window]", bad="b[$window]", window=five),
        Indicator(service="shop", total="t[$window]", bad="b[$window]", window=five, slices=slices[1]),
        Indicator(service="shop", histogram="h", under=second, window=timedelta(minutes=1), slices=slices[2]),
        Indicator(service="shop", recorded='{sloth_service="shop", sloth_slo=~"avail.*{2}",}'),
        Indicator(service="shop", recorded='{sloth_id="shop-x"}', window=half, slices=slices[4]),
    ]


@pytest.mark.parametrize(
    ("objective", "over", "fires"),
    [
        ("93.05%", "30d", False),
        ("93.06%", "30d", True),
        ("80%", "7d", True),
        ("97%", "90d", False),
        ("97.8%", "90d", True),
    ],
)
def test_an_objective_is_refused_exactly_where_a_total_outage_would_not_fire(
    config: Reader, objective: str, over: str, fires: bool
) -> None:
    text = SHOP + f"    slos: [{{sli: success, objective: {objective}, over: {over}}}]"

    if fires:
        assert config(text).services["shop"].slos
    else:
        with pytest.raises(ConfigError, match="can never fire"):
            config(text)


def test_without_a_path_the_config_is_looked_for_here_and_then_in_etc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="there is no such file"):
        load([tmp_path / "config.yaml"], {})

    (tmp_path / "config.yaml").write_text(SHOP)

    assert default_paths() == (Path("config.yaml"),)
    assert len(load([], {}).services) == 1


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        ("basic: {user: watch, password: hunter2}", "Basic d2F0Y2g6aHVudGVyMg=="),
        ("basic: {user: watch, password_file: secret}", "Basic d2F0Y2g6aHVudGVyMg=="),
        ('bearer: "${TOKEN}"', "Bearer hunter2"),
        ("bearer_file: secret", "Bearer hunter2"),
    ],
)
def test_credentials_become_a_header_that_is_shown_nowhere(tmp_path: Path, credentials: str, header: str) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    (tmp_path / "config.yaml").write_text(
        f"services: {{shop: {{checks: {{live: {{http: 'https://shop.example/', {credentials}}}}}}}}}\n"
    )

    found = load([tmp_path / "config.yaml"], {"TOKEN": "hunter2"})

    (check,) = found.all_checks()
    assert isinstance(check.question, HttpQuestion)
    assert check.question.headers == (("Authorization", header),)
    assert "hunter2" in found.secrets()
    assert "hunter2" not in repr(found) + repr(check)
    assert header.split()[1] not in repr(found) + repr(check)


@pytest.mark.parametrize("secret", ['client_secret: "${TOKEN}"', "client_secret_file: secret"])
def test_a_client_secret_is_shown_nowhere(tmp_path: Path, secret: str) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    (tmp_path / "config.yaml").write_text(f"""
services:
  shop:
    checks:
      live:
        http: https://shop.example/
        oauth2:
          token_url: https://login.example/token
          client_id: watch
          {secret}
          scopes: read
          auth: post
          parameters: {{audience: https://shop.example, api_key: hunter3}}
""")

    found = load([tmp_path / "config.yaml"], {"TOKEN": "hunter2"})

    (check,) = found.all_checks()
    assert isinstance(check.question, HttpQuestion)
    assert check.question.oauth2 == OAuth2(
        token_url="https://login.example/token",
        client_id="watch",
        client_secret="hunter2",
        scopes=("read",),
        auth="post",
        parameters=(("audience", "https://shop.example"), ("api_key", "hunter3")),
    )
    assert found.secrets() >= {"hunter2", "hunter3"}
    assert "https://shop.example" not in found.secrets()
    assert "hunter" not in repr(found) + repr(check)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("1h", {"every": 3600.0, "grace": 300.0}),
        ("{every: 1m30s, grace: 10s}", {"every": 90.0, "grace": 10.0}),
        ('{cron: " 15  3 * * *"}', {"cron": "15 3 * * *", "time_zone": "Asia/Tokyo", "grace": 300.0}),
        (
            "{cron: '@daily', time_zone: Europe/Berlin, grace: 20m, token: 0123456789abcdef}",
            {"cron": "@daily", "time_zone": "Europe/Berlin", "grace": 1200.0, "token": "0123456789abcdef"},
        ),
    ],
)
def test_a_push_is_read_as_its_keys_say(config: Reader, written: str, wanted: dict[str, Any]) -> None:
    found = config(
        f"{{monitor: {{time_zone: Asia/Tokyo}}, services: {{shop: {{checks: {{backup: {{push: {written}}}}}}}}}}}"
    )

    assert found.all_checks()[0].question == push.Question(**wanted)
    assert found.asked_checks() == ()


def test_the_token_of_a_push_is_a_secret_wherever_it_was_written(config: Reader, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of-a-file-0123456789\n")
    found = config(
        "services: {shop: {checks: {"
        "a: {push: {every: 1h, token: in-the-file-0123456}},"
        "b: {push: {every: 1h, token: '${PUSH}'}},"
        "c: {push: {every: 1h, token_file: token}}}}}",
        {"PUSH": "of-the-environment-1"},
    )

    tokens = ["in-the-file-0123456", "of-the-environment-1", "of-a-file-0123456789"]
    assert [check.question.token for check in found.all_checks()] == tokens  # type: ignore[attr-defined]
    assert set(tokens) <= found.secrets()
    assert not [token for token in tokens if token in repr(found.all_checks())]


@pytest.mark.parametrize(
    ("written", "ip"),
    [
        ("4", Family(version=4)),
        ("6", Family(version=6)),
        ("prefer 4", Family(version=4, only=False)),
        ("prefer 6", Family(version=6, only=False)),
    ],
)
@pytest.mark.parametrize(
    "asks",
    [
        "http: http://x/",
        "grpc: x:1",
        "tcp: x:1",
        "tls: x:1",
        "ssh: x",
        "websocket: ws://x/",
        "udp: {target: x:1, send: a}",
        "dns: {server: x, name: example.com}",
        "icmp: x",
    ],
)
def test_every_kind_that_asks_a_name_over_the_network_takes_the_family_of_its_addresses(
    config: Reader, asks: str, written: str, ip: Family
) -> None:
    (check,) = config(
        f"services:\n  shop:\n    checks:\n      live:\n        {asks}\n        ip: {written}\n"
    ).all_checks()

    asked: Any = requests_of(check, 5.0)[0]

    assert (asked.way.ip if isinstance(asked, HttpRequest) else asked.ip) == ip


def test_a_condition_on_the_rcode_takes_the_place_of_the_default(config: Reader) -> None:
    found = config("""
services:
  shop:
    checks:
      by-itself: {dns: {server: ns, name: a.example}, expect: "[RESPONSE_TIME] < 50"}
      judged: {dns: {server: ns, name: a.example}, expect: "[DNS_RCODE] == any(NOERROR, NXDOMAIN)"}
      both: {dns: {server: ns, name: a.example, rcode: NXDOMAIN}, expect: "[DNS_RCODE] != SERVFAIL"}
      warned: {dns: {server: ns, name: a.example}, warn: "[DNS_RCODE] != SERVFAIL"}
""")

    asked: dict[str, Any] = {check.name: check.question for check in found.all_checks()}

    assert {name: (question.rcodes, question.answered) for name, question in asked.items()} == {
        "by-itself": (("NOERROR",), True),
        "judged": ((), False),
        "both": (("NXDOMAIN",), False),
        "warned": (("NOERROR",), True),
    }
    assert asked["judged"].expect == ("[DNS_RCODE] == any(NOERROR, NXDOMAIN)",)
    assert asked["warned"].warn == ("[DNS_RCODE] != SERVFAIL",)

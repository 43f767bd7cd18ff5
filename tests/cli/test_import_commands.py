"""`monitor import gatus` and its kin: what is carried over is a configuration, and what is not is told."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.cli.main import monitor
from monitor.config import Config, load

HERE = Path(__file__).parent
EXAMPLES = {
    "gatus": ("import", "gatus", "foreign/gatus.yaml"),
    "prometheus_rules": ("import", "prometheus-rules", "foreign/rules.yml"),
    "uptime_kuma": ("import", "uptime-kuma", "foreign/uptime_kuma.json"),
    "blackbox": (
        "import", "blackbox", "foreign/blackbox.yml", "--prometheus", "foreign/prometheus.yml",
        "--target", "http_token=https://token.example.com/", "--target", "icmp=192.0.2.1",
        "--target", "icmp=192.0.2.2", "--target", "pop3s_banner=mx1.example.com:995",
        "--target", "grpc_orders=orders:443", "--target", "tcp_connect=192.0.2.1:22",
    ),
}  # fmt: skip


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(monitor, arguments)


def imported(folder: Path, tool: str, text: str, *more: str) -> Result:
    (folder / "theirs").write_text(text)
    return invoke("import", tool, str(folder / "theirs"), *more)


def loaded(folder: Path, text: str) -> Config:
    """What our reader makes of *text*, every variable that it says it needs being set."""
    (folder / "ours.yaml").write_text(text)
    named = re.match(r"# To be set in the environment: (.*)\n", text)
    return load([folder / "ours.yaml"], dict.fromkeys(named[1].split(", ") if named else (), "http"))


def check_of(folder: Path, done: Result) -> dict[str, Any]:
    """The only check of what was printed, as it is written; that it is valid is seen on the way."""
    loaded(folder, done.stdout)
    (service,) = yaml.load(done.stdout, yaml.BaseLoader)["services"].values()
    (check,) = service["checks"].values()
    return dict(check)


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_carried_over_and_what_is_not(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(HERE)

    done = invoke(*EXAMPLES[name])

    told = f"{done.stdout}--- told\n{done.stderr}--- exit code {done.exit_code}\n"
    assert told == (HERE / "golden" / f"import_{name}.txt").read_text()
    assert "hidden" not in told
    assert loaded(tmp_path, done.stdout).services


@pytest.mark.parametrize("target", ["http_2xx", "=a", "http_2xx="])
def test_a_target_without_its_module_is_bad_usage(tmp_path: Path, target: str) -> None:
    done = imported(tmp_path, "blackbox", "modules: {http_2xx: {prober: http}}", "--target", target)

    assert (done.exit_code, done.stdout) == (3, "")
    assert "is not MODULE=TARGET" in done.stderr


@pytest.mark.skipif(not Path("/etc/prometheus/blackbox.yml").exists(), reason="blackbox_exporter is not installed")
def test_the_modules_that_blackbox_exporter_comes_with(tmp_path: Path) -> None:
    text = Path("/etc/prometheus/blackbox.yml").read_text()
    names = list(yaml.safe_load(text)["modules"])

    done = imported(tmp_path, "blackbox", text, *(part for name in names for part in ("--target", f"{name}=a:1")))

    # A ping knows no ports, and "^+OK" is an expression for Go alone.
    assert {*names} - {check.name for check in loaded(tmp_path, done.stdout).services["a-1"].checks} == {
        "icmp", "icmp_ttl5", "pop3s_banner",
    }  # fmt: skip
    assert "(script[0].expect): ^+OK is no regular expression" in done.stderr


@pytest.mark.parametrize(
    ("settings", "ip"),
    [
        ("{}", None),
        ("{ip_protocol_fallback: true}", None),
        ("{preferred_ip_protocol: ip4}", "prefer 4"),
        ("{preferred_ip_protocol: ip6, ip_protocol_fallback: true}", "prefer 6"),
        ("{preferred_ip_protocol: ip4, ip_protocol_fallback: false}", "4"),
        ("{ip_protocol_fallback: false}", "6"),
    ],
)
@pytest.mark.parametrize("prober", ["http", "tcp", "icmp", "grpc", "dns"])
def test_the_preferred_addresses_of_blackbox_exporter(
    tmp_path: Path, prober: str, settings: str, ip: str | None
) -> None:
    settings = settings.replace("{", "{query_name: example.com, ").replace(", }", "}") if prober == "dns" else settings
    target = "shop.example" if prober == "icmp" else "shop.example:1"

    done = imported(
        tmp_path, "blackbox", f"modules: {{m: {{prober: {prober}, {prober}: {settings}}}}}", "--target", f"m={target}"
    )

    assert check_of(tmp_path, done).get("ip") == ip, done.output


def test_the_network_of_gatus_is_that_of_its_pings_alone(tmp_path: Path) -> None:
    endpoint = "{{name: a, url: '{}', client: {{network: ip6}}, conditions: ['[CONNECTED] == true']}}"

    for url, ip in (("icmp://shop.example", "6"), ("https://shop.example/", None)):
        done = imported(tmp_path, "gatus", f"endpoints: [{endpoint.format(url)}]")
        assert check_of(tmp_path, done).get("ip") == ip, done.output


def monitors(*of_kuma: dict[str, object]) -> str:
    return json.dumps({"version": "1.23.13", "monitorList": [{"id": 1, "name": "a", **one} for one in of_kuma]})


@pytest.mark.parametrize(
    ("of_kuma", "ours"),
    [
        ({"type": "http", "accepted_statuscodes": ["200-299"], "maxretries": 0}, {}),
        ({"type": "http", "maxretries": 3}, {"retry": {"times": "3"}}),
        ({"type": "http", "maxredirects": 10}, {}),
        ({"type": "http", "maxredirects": 0}, {"redirects": "false"}),
        ({"type": "http", "maxredirects": 3}, {"redirects": "3"}),
        ({"type": "http", "expiryNotification": True}, {"warn": ["[CERTIFICATE_EXPIRATION] > 21d"]}),
        ({"type": "http", "expiryNotification": True, "ignoreTls": True}, {"tls": {"verify": "false"}}),
        (
            {"type": "http", "body": "{}", "method": "PUT", "httpBodyEncoding": "xml"},
            {"method": "PUT", "body": "{}", "headers": {"Content-Type": "text/xml; charset=utf-8"}},
        ),
        ({"type": "keyword", "keyword": "ok"}, {"expect": ["[BODY] == pat(*ok*)"]}),
        ({"type": "keyword", "keyword": 'say "a and b"'}, {"expect": [r'[BODY] == pat("*say \"a and b\"*")']}),
        ({"type": "keyword", "keyword": "a*"}, {"expect": [r"[BODY] == regex(a\*)"]}),
        ({"type": "keyword", "keyword": "ok", "invertKeyword": 1}, {"expect": ["not [BODY] == pat(*ok*)"]}),
        ({"type": "json-query", "jsonPath": "a.b[2]", "expectedValue": "5"}, {"expect": ["[BODY].a.b[2] == 5"]}),
        ({"type": "json-query", "jsonPath": "$.a", "expectedValue": "x y"}, {"expect": ['[BODY].a == "x y"']}),
    ],
    ids=str,
)
def test_a_monitor_is_a_check(tmp_path: Path, of_kuma: dict[str, object], ours: dict[str, Any]) -> None:
    done = imported(tmp_path, "uptime-kuma", monitors({"url": "https://a.example/", **of_kuma}))

    assert (done.exit_code, done.stderr) == (0, "")
    assert check_of(tmp_path, done) == {"http": "https://a.example/", **ours, "interval": "1m"}


def test_credentials_of_oauth2_are_ours_too(tmp_path: Path) -> None:
    """A secret that looks like a variable of ours is none there."""
    of_kuma = {"type": "http", "url": "https://a.example/", "authMethod": "oauth2-cc", "oauth_client_id": "u"}
    of_kuma |= {"oauth_token_url": "https://id.example/t", "oauth_client_secret": "${S}", "oauth_scopes": "a b"}

    done = imported(tmp_path, "uptime-kuma", monitors({**of_kuma, "oauth_auth_method": "client_secret_post"}))

    assert check_of(tmp_path, done)["oauth2"] == {
        "token_url": "https://id.example/t",
        "client_id": "u",
        "client_secret": "${A_CLIENT_SECRET}",
        "scopes": ["a", "b"],
        "auth": "post",
    }
    assert (done.exit_code, "{S}" in done.output) == (1, False)


def test_a_login_goes_before_a_header_that_says_another(tmp_path: Path) -> None:
    login = {"basic_auth_user": "u", "basic_auth_pass": "p", "headers": '{"authorization": "Bearer x", "A": "b"}'}

    done = imported(tmp_path, "uptime-kuma", monitors({"type": "http", "url": "https://a.example/", **login}))

    assert check_of(tmp_path, done) == {
        "http": "https://a.example/",
        "basic": {"user": "u", "password": "${A_PASSWORD}"},
        "headers": {"A": "b"},
        "interval": "1m",
    }
    assert "AUTHORIZATION" not in done.output


def test_no_check_is_made_of_a_file_that_is_no_backup(tmp_path: Path) -> None:
    done = imported(tmp_path, "uptime-kuma", '{"monitors": []}')

    assert (done.exit_code, done.stdout) == (3, "")
    assert "holds no monitorList" in done.stderr


HELD = """groups:
  - name: a
    interval: 30s
    rules: [{alert: Down, expr: 'up{job=~"a$"} == 0', for: 5m}, {alert: Gone, expr: 'up < 1'}]
"""


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_a_check_fails_when_the_alert_would_fire(tmp_path: Path) -> None:
    """Down from 2m30s to 17m30s, asked between two evaluations, on both sides of each edge."""
    (tmp_path / "rules.yml").write_text(HELD)
    done = imported(tmp_path, "prometheus-rules", HELD)
    down, gone = (check.question for check in loaded(tmp_path, done.stdout).services["a"].checks)
    firing = [("2m15s", False, False), ("2m45s", False, True), ("6m45s", False, True), ("7m45s", True, True),
        ("17m15s", True, True), ("18m15s", False, False)]  # fmt: skip
    asked = [f"({check.query}) {check.fail[0]} {check.fail[1]:f}" for check in (down, gone)]

    (tmp_path / "test.yml").write_text(
        yaml.safe_dump(
            {
                "rule_files": ["rules.yml"],
                "evaluation_interval": "30s",
                "tests": [
                    {
                        "interval": "30s",
                        "input_series": [{"series": 'up{job="a"}', "values": "1x4 0x30 1x10"}],
                        "alert_rule_test": [
                            {"eval_time": at, "alertname": name, "exp_alerts": [{"exp_labels": {"job": "a"}}] * fires}
                            for at, *both in firing
                            for name, fires in zip(("Down", "Gone"), both, strict=True)
                        ],
                        "promql_expr_test": [
                            {
                                "expr": f"count({expr})",
                                "eval_time": at,
                                "exp_samples": [{"labels": "{}", "value": 1}] * fires,
                            }
                            for at, *both in firing
                            for expr, fires in zip(asked, both, strict=True)
                        ],
                    }
                ],
            }
        )
    )
    judged = subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True)

    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert (down.empty, gone.empty) == ("ok", "ok")


def test_the_rules_of_kubernetes_are_rules_too(tmp_path: Path) -> None:
    done = imported(
        tmp_path, "prometheus-rules", yaml.safe_dump({"kind": "PrometheusRule", "spec": yaml.safe_load(HELD)})
    )

    assert [check.name for check in loaded(tmp_path, done.stdout).services["a"].checks] == ["Down", "Gone"]


def test_who_is_asked_of_rules(tmp_path: Path) -> None:
    done = imported(tmp_path, "prometheus-rules", HELD, "--prometheus", "https://p.example/x")
    wrong = imported(tmp_path, "prometheus-rules", HELD, "--prometheus", "p.example")

    assert str(loaded(tmp_path, done.stdout).sources.prometheus) == "https://p.example/x"
    assert (wrong.exit_code, wrong.stdout) == (3, "")
    assert wrong.stderr.startswith("--prometheus has no http:// or https:// in front; Write the whole address")


def test_what_was_imported_is_written_once(tmp_path: Path) -> None:
    there = tmp_path / "ours.yaml"

    done = invoke("import", "gatus", str(HERE / "foreign" / "gatus.yaml"), "-o", str(there))
    again = invoke("import", "gatus", str(HERE / "foreign" / "gatus.yaml"), "-o", str(there))

    assert (done.exit_code, done.stdout) == (1, "")
    assert loaded(tmp_path, there.read_text()).services
    assert (again.exit_code, again.stderr) == (3, f"{there}: is there already; name another file, or remove it\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not begin with a key"),
        ("- a\n", "does not begin with a key"),
        ("a: 1\n---\nb: 2\n", "holds several documents"),
        ("endpoints: [\n", ":2  a bracket or brace is not closed"),
        ("endpoints: []\n", "no check was carried over"),
        ("endpoints: x\n", ":1  endpoints: is not a list"),
        ("endpoints: [x, {}]\n", "endpoints[0]: is not a group of keys"),
    ],
    ids=["empty", "a list", "two documents", "no YAML", "no endpoint", "a word", "no groups"],
)
def test_where_nothing_is_carried_over_it_is_3_and_why(tmp_path: Path, text: str, said: str) -> None:
    done = imported(tmp_path, "gatus", text)

    assert (done.exit_code, done.stdout) == (3, "")
    assert said in done.stderr


def endpoint(url: str, *conditions: str, **more: object) -> str:
    return yaml.safe_dump({"endpoints": [{"name": "a", "url": url, "conditions": list(conditions), **more}]})


def test_an_endpoint_that_says_all_that_we_can_is_0_and_says_nothing(tmp_path: Path) -> None:
    done = imported(tmp_path, "gatus", endpoint("https://a.example/", "[STATUS] < 400", interval="15s"))

    assert (done.exit_code, done.stderr) == (0, "")
    assert check_of(tmp_path, done) == {"http": "https://a.example/", "expect": ["[STATUS] < 400"], "interval": "15s"}


@pytest.mark.parametrize(
    ("of_gatus", "ours"),
    [
        ("tcp://db:5432", {"tcp": "db:5432"}),
        ("tcp://[::1]:5432", {"tcp": "[::1]:5432"}),
        ("tls://db:636", {"tcp": "db:636", "tls": {"verify": "true"}}),
        ("starttls://mx:25", {"tls": {"target": "mx:25", "starttls": "smtp", "fail": "1s"}}),
        ("ssh://bastion", {"ssh": "bastion:22"}),
        ("wss://a.example/feed", {"websocket": "wss://a.example/feed"}),
        ("icmp://192.0.2.1", {"icmp": "192.0.2.1"}),
        ("grpc://orders:50051", {"grpc": "orders:50051"}),
        ("https://a.example/", {"http": "https://a.example/", "status": "100-599"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_connection_is_what_the_kind_asks_for_by_itself(tmp_path: Path, of_gatus: str, ours: dict[str, Any]) -> None:
    done = imported(tmp_path, "gatus", endpoint(of_gatus, "[CONNECTED] == true"))

    assert (done.exit_code, done.stderr) == (0, "")
    assert check_of(tmp_path, done) == {**ours, "interval": "1m"}


@pytest.mark.parametrize(
    ("condition", "ours"),
    [
        ("[BODY] == 192.0.2.1", r"\tA\t192\.0\.2\.1\.?$$"),
        ("[BODY] == pat(192.0.*)", r"\tA\t192\.0\..*\.?$$"),
    ],
)
def test_the_data_of_a_record_is_a_regular_expression(tmp_path: Path, condition: str, ours: str) -> None:
    asked = endpoint("192.0.2.53", condition, dns={"query-name": "a.example", "query-type": "A"})

    done = imported(tmp_path, "gatus", asked)

    assert check_of(tmp_path, done)["dns"] == {
        "server": "192.0.2.53:53", "name": "a.example", "type": "A", "rcode": "NOERROR", "answer": {"any": [ours]},
    }  # fmt: skip


def test_dollar_signs_mean_what_they_mean_there(tmp_path: Path) -> None:
    done = imported(
        tmp_path,
        "gatus",
        endpoint(
            "https://a.example/$PLACE/${ID}", "[STATUS] == 200", method="POST", body="$$5 or 5$ or $NAME or ${NAME}s"
        ),
    )

    assert done.stdout.startswith("# To be set in the environment: PLACE, ID, NAME\n")
    assert check_of(tmp_path, done)["body"] == "$$5 or 5$$ or ${NAME} or ${NAME}s"


def test_an_address_that_is_a_variable_is_taken_for_http(tmp_path: Path) -> None:
    done = imported(tmp_path, "gatus", endpoint("$SHOP", "[STATUS] == 200"))

    assert (done.exit_code, done.stdout.splitlines()[0]) == (1, "# To be set in the environment: SHOP")
    assert "        http: ${SHOP}\n" in done.stdout
    assert "begins with a variable, and is taken for an http check" in done.stderr


def test_a_secret_is_nowhere_and_the_same_one_has_one_variable(tmp_path: Path) -> None:
    address = "https://u:hidden-1@a.example/?token=hidden-2"
    more = {"headers": {"X-Key": "hidden-1"}, "method": "POST", "body": "[ENDPOINT_URL]"}
    first = endpoint(address, "[STATUS] == 200", **more)

    done = imported(tmp_path, "gatus", first)

    assert "hidden" not in done.output
    assert done.stdout.startswith("# To be set in the environment: A_TOKEN, A_PASSWORD\n")
    assert check_of(tmp_path, done) == {
        "http": "https://a.example/?token=${A_TOKEN}",
        "method": "POST",
        "headers": {"X-Key": "${A_PASSWORD}"},
        "body": "https://a.example/?token=${A_TOKEN}",
        "basic": {"user": "u", "password": "${A_PASSWORD}"},
        "expect": ["[STATUS] == 200"],
        "interval": "1m",
    }
    assert done.exit_code == 1


@pytest.mark.parametrize(
    ("body", "ours"),
    [
        (r'{"user": "u", "Password" : "hid\"den", "n": 1}', '{"user": "u", "Password" : "${A_PASSWORD}", "n": 1}'),
        ("user=u&pass_word=hidden&token=", "user=u&pass_word=${A_PASS_WORD}&token="),
        ('{"token": "${TOKEN}"}', '{"token": "${TOKEN}"}'),
        ("key of it all", "key of it all"),
    ],
    ids=["JSON", "a form", "a variable", "text"],
)
def test_a_secret_within_a_body_is_not_printed(tmp_path: Path, body: str, ours: str) -> None:
    done = imported(tmp_path, "gatus", endpoint("https://a.example/", "[STATUS] == 200", method="POST", body=body))

    assert check_of(tmp_path, done)["body"] == ours
    assert "hid" not in done.output


def test_names_that_would_be_alike_are_told_apart(tmp_path: Path) -> None:
    names = ["a b", "a-b", "A_b", "A-B", "7", "", "x" * 80, "x" * 81, "watchkeeper"]
    text = yaml.safe_dump({"endpoints": [{"name": name, "url": "tcp://a:1"} for name in names]})

    done = imported(tmp_path, "gatus", text)

    assert list(loaded(tmp_path, done.stdout).services) == [
        "a-b", "a-b-2", "A_b", "A-B-3", "service-7", "x" * 63, "x" * 61 + "-2", "watchkeeper-2",
    ]  # fmt: skip
    assert "renamed" in done.stderr
    assert "the service 7 is called service-7" in done.stderr


def test_a_client_certificate_that_is_there_is_carried_over(tmp_path: Path) -> None:
    (tmp_path / "client.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    client = {"tls": {"certificate-file": "client.pem", "private-key-file": "client.pem"}}
    text = endpoint("https://a.example/", "[STATUS] == 200", client=client)

    there = imported(tmp_path, "gatus", text, "-o", str(tmp_path / "beside.yaml"))
    elsewhere = imported(tmp_path, "gatus", text)

    assert there.exit_code == 0
    assert "certificate: client.pem" in (tmp_path / "beside.yaml").read_text()
    assert elsewhere.exit_code == 1
    assert "tls" not in check_of(tmp_path, elsewhere)
    assert "left out" in elsewhere.stderr
    assert "(tls.certificate): cannot be read" in elsewhere.stderr


def suite(*endpoints: dict[str, object], **more: object) -> str:
    return yaml.safe_dump({"suites": [{"name": "shop", "endpoints": list(endpoints), **more}]})


LOGIN = {"name": "log in", "url": "https://a/login", "conditions": ["[STATUS] == 200"], "store": {"id": "[BODY].id"}}


def step_of(tmp_path: Path, done: Result, place: int) -> dict[str, Any]:
    return dict(check_of(tmp_path, done)["journey"][place])


def test_a_suite_is_a_journey(tmp_path: Path) -> None:
    seen = {"name": "seen", "url": "https://a/[CONTEXT].id?x={{y}}", "conditions": ["[STATUS] == [context].id"]}

    done = imported(
        tmp_path, "gatus", suite(LOGIN, {**seen, "conditions": ["[STATUS] < 300", "[BODY] == [CONTEXT].id"]})
    )

    assert (done.exit_code, done.stderr) == (0, "")
    assert check_of(tmp_path, done) == {
        "journey": [
            {"name": "log-in", "http": "https://a/login", "expect": ["[STATUS] == 200"], "take": {"id": "[BODY].id"}},
            {
                "name": "seen",
                "http": "https://a/{{log-in.id}}?x={{{{y}}",
                "expect": ["[STATUS] < 300", "[BODY] == {{log-in.id}}"],
            },
        ],
        "interval": "1m",
        "timeout": "20s",
    }


def test_no_secret_of_a_suite_is_printed(tmp_path: Path) -> None:
    headers = {"Authorization": "Bearer [CONTEXT].plain", "X-Api-Key": "[CONTEXT].api_key"}
    body, conditions = '{"n": "[CONTEXT].api_key"}', ["[STATUS] == 200", "[BODY] != [CONTEXT].odd"]
    step = {**LOGIN, "headers": headers, "method": "POST", "body": body, "conditions": conditions}
    context = {"plain": "hunter2", "api_key": "hunter3", "odd": 'a$$b "c"'}

    done = imported(tmp_path, "gatus", suite(step, context=context))

    assert "hunter" not in done.output
    found = step_of(tmp_path, done, 0)
    assert found["headers"]["Authorization"].startswith("${")
    assert found["headers"]["X-Api-Key"] == "${SHOP_API_KEY}"
    assert '"n": "${SHOP_API_KEY}"' in found["body"]
    assert found["expect"][1] == '[BODY] != "a$$b \\"c\\""'


@pytest.mark.parametrize(
    ("endpoints", "told"),
    [
        ([{**LOGIN, "url": "https://a/[CONTEXT].id"}], "names id, which nothing has stored before"),
        ([LOGIN, {**LOGIN, "name": "b", "body": "[CONTEXT].id.x"}], "names id.x, which nothing has stored before"),
        ([LOGIN, {**LOGIN, "name": "b", "url": "icmp://a"}], "is of the kind icmp"),
        ([{**LOGIN, "store": {"a.b": "[BODY]"}}], "has a name that no value can have"),
        ([{**LOGIN, "store": {"a": "len([BODY])"}}], "is stored from what no step can take"),
        ([{**LOGIN, "store": {"a": "[BODY]..x"}}], "a name is missing in the path"),
        ([{**LOGIN, "url": ""}], "has no url"),
        ([LOGIN, {**LOGIN, "name": "b", "conditions": ["[BODY] == pat([CONTEXT].id)"]}], "does not stand alone"),
    ],
)
def test_a_suite_is_carried_over_as_a_whole_or_not_at_all(
    tmp_path: Path, endpoints: list[dict[str, object]], told: str
) -> None:
    done = imported(tmp_path, "gatus", suite(*endpoints))

    assert done.exit_code == 3
    assert told in done.stderr
    assert "not carried over" in done.stderr
    assert "journey" not in done.stdout


@pytest.mark.parametrize(
    ("of_gatus", "of_step", "timeout", "of_client"),
    [
        ({"interval": "30s"}, "7s", "17s", "7s"),
        ({"interval": "10s"}, "7s", "8s", "7s"),
        ({"interval": "10s"}, "9s", "8s", None),
        ({"interval": "60s", "timeout": "20s"}, "25s", "20s", None),
        ({"interval": "60s", "timeout": "10m"}, "1s", "11s", "1s"),
    ],
)
def test_the_time_that_a_suite_may_take(
    tmp_path: Path, of_gatus: dict[str, object], of_step: str, timeout: str, of_client: str | None
) -> None:
    slow = {**LOGIN, "name": "slow", "client": {"timeout": of_step}}

    done = imported(tmp_path, "gatus", suite(LOGIN, slow, **of_gatus))

    assert check_of(tmp_path, done)["timeout"] == timeout
    assert step_of(tmp_path, done, 1).get("timeout") == of_client


WORDS = {
    "gatus": ["name", "url", "endpoints", "external-endpoints", "suites", "group", "enabled", "interval", "conditions",
        "store", "context", "always-run",
        "method", "headers", "body", "graphql", "dns", "query-name", "query-type", "ssh", "client", "timeout", "tls",
        "insecure", "proxy-url", "alerts", "certificate-file", "private-key-file", "username", "password",
        "maintenance", "maintenance-windows", "start", "duration", "timezone", "every", "heartbeat"],
    "uptime-kuma": ["monitorList", "proxyList", "type", "id", "name", "url", "method", "body", "headers", "hostname",
        "port", "maxretries", "active", "interval", "keyword", "jsonPath", "jsonPathOperator", "expectedValue",
        "upsideDown", "maxredirects", "accepted_statuscodes", "dns_resolve_server", "dns_resolve_type", "proxyId",
        "tags", "value", "parent", "description", "timeout", "basic_auth_user", "basic_auth_pass",
        "authMethod", "protocol", "host", "maintenanceList"],
    "prometheus-rules": ["groups", "spec", "name", "interval", "rules", "alert", "record", "expr", "for", "labels",
        "annotations", "severity", "summary", "sloth_slo"],
    "blackbox": ["prober", "timeout", "http", "tcp", "dns", "icmp", "grpc", "valid_status_codes", "headers", "body",
        "fail_if_body_matches_regexp", "fail_if_header_matches", "header", "regexp", "allow_missing", "tls_config",
        "basic_auth", "username", "password", "bearer_token", "proxy_url", "query_response", "expect", "send",
        "starttls", "query_name", "query_type", "valid_rcodes", "validate_answer_rrs", "fail_if_matches_regexp",
        "service", "tls"],
}  # fmt: skip
VALUES = [
    "https://a.example/", "https://u:p@a.example/?key=x", "tcp://a:1", "tls://a:443", "starttls://a:25", "ssh://a",
    "${A}://b/", "8.8.8.8", "[STATUS] == 200", "[BODY] == pat(*)", "[BODY]", "[CERTIFICATE_EXPIRATION] > 48h",
    "30s", "1h", "10", "true", "false", "null", "POST", "A", "{{ x }}", "\u202e", "a\nb", "$$", "${", "<<", "ü", "0",
]  # fmt: skip


def trees(tool: str) -> st.SearchStrategy[Any]:
    leaves = st.one_of(st.sampled_from(VALUES), st.text(max_size=12), st.none(), st.integers(), st.booleans())
    words = st.one_of(st.sampled_from(WORDS[tool]), st.text(max_size=5))
    groups = st.dictionaries(words, leaves, max_size=6)
    inner = st.recursive(
        st.one_of(leaves, groups),
        lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(words, below, max_size=6)),
        max_leaves=20,
    )
    return st.dictionaries(words, inner, max_size=6)


GATUS_ENDPOINT = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b b", "ü"]), "url": st.sampled_from(VALUES)},
    optional={word: st.one_of(st.sampled_from(VALUES), trees("gatus")) for word in WORDS["gatus"][5:]}
    | {"conditions": st.lists(st.sampled_from(VALUES), max_size=4)},
)


@settings(max_examples=60, deadline=None)
@given(tree=st.one_of(trees("gatus"), st.lists(GATUS_ENDPOINT, max_size=4).map(lambda found: {"endpoints": found})))
def test_whatever_stands_in_a_file_of_gatus(tree: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    survives("gatus", yaml.safe_dump(tree, allow_unicode=True), tmp_path_factory.mktemp("any"))


MONITOR = st.fixed_dictionaries(
    {"type": st.sampled_from(["http", "keyword", "json-query", "port", "ping", "dns", "group", "push", "x"])},
    optional={word: st.one_of(st.sampled_from(VALUES), trees("uptime-kuma")) for word in WORDS["uptime-kuma"][5:]}
    | {"id": st.integers(1, 3), "parent": st.integers(1, 3), "url": st.sampled_from(VALUES), "name": st.just("a")}
    | {"hostname": st.sampled_from(["a", "::1", "8.8.8.8"]), "port": st.integers(-1, 70000)},
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(tree=st.one_of(trees("uptime-kuma"), st.fixed_dictionaries({"monitorList": st.lists(MONITOR, max_size=4)})))
def test_whatever_stands_in_a_backup_of_uptime_kuma(tree: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    survives("uptime-kuma", json.dumps(tree, ensure_ascii=False, indent=4), tmp_path_factory.mktemp("any"))


RULE = st.fixed_dictionaries(
    {},
    optional={word: st.one_of(st.sampled_from([*VALUES, "up == 0", "5m", "# x"]), trees("prometheus-rules"))
        for word in WORDS["prometheus-rules"][5:]},
)  # fmt: skip
GROUPS = st.lists(
    st.fixed_dictionaries(
        {"rules": st.lists(RULE, max_size=3)},
        optional={"name": st.sampled_from(VALUES), "interval": st.sampled_from([*VALUES, "0s", "1ms", "2d"])},
    ),
    max_size=2,
)


@settings(max_examples=60, deadline=None)
@given(tree=st.one_of(trees("prometheus-rules"), st.fixed_dictionaries({"groups": GROUPS})))
def test_whatever_stands_in_a_file_of_rules(tree: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    survives("prometheus-rules", yaml.safe_dump(tree, allow_unicode=True), tmp_path_factory.mktemp("any"))


MODULE = st.fixed_dictionaries(
    {"prober": st.sampled_from(["http", "tcp", "dns", "icmp", "grpc", "unix"])},
    optional={prober: trees("blackbox") for prober in ("http", "tcp", "dns", "icmp", "grpc")}
    | {"timeout": st.sampled_from(VALUES)},
)
JOB = st.fixed_dictionaries(
    {"metrics_path": st.just("/probe"), "params": st.just({"module": ["m"]})},
    optional={
        "job_name": st.sampled_from(VALUES),
        "scrape_interval": st.sampled_from(VALUES),
        "static_configs": st.lists(st.fixed_dictionaries({"targets": st.lists(st.sampled_from(VALUES))}), max_size=2),
    },
)


@settings(max_examples=60, deadline=None)
@given(
    tree=st.one_of(trees("blackbox"), st.fixed_dictionaries({"modules": st.fixed_dictionaries({"m": MODULE})})),
    jobs=st.one_of(trees("blackbox"), st.fixed_dictionaries({"scrape_configs": st.lists(JOB, max_size=3)})),
)
def test_whatever_stands_in_files_of_blackbox_exporter(
    tree: Any, jobs: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "jobs").write_text(yaml.safe_dump(jobs, allow_unicode=True))

    text = yaml.safe_dump(tree, allow_unicode=True)
    survives("blackbox", text, folder, "--prometheus", str(folder / "jobs"), "--target", "m=https://a.example/")


def survives(tool: str, text: str, folder: Path, *more: str) -> None:
    """It ends with one of the exit codes, and what it prints is a configuration."""
    done = imported(folder, tool, text, *more)

    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    assert done.exit_code in (0, 1, 3)
    assert done.exit_code != 3 or done.stderr
    if done.stdout:
        loaded(folder, done.stdout)


GATUS = """
endpoints:
  - {name: a, url: "https://a.example/", conditions: ["[STATUS] == 200"], maintenance-windows: [WINDOW]}
"""


@pytest.mark.parametrize(
    ("window", "wanted"),
    [
        ('{start: "23:00", duration: 1h}', ["0 23 * * * for 1h UTC"]),
        ('{start: "02:30", duration: 24h, timezone: Europe/Berlin}', ["30 2 * * * for 1d Europe/Berlin"]),
        ('{start: "02:30", duration: 90m, every: [Sunday, Friday]}', ["30 2 * * sun,fri for 1h30m UTC"]),
        ('{start: "02:30", duration: 20s}', ["30 2 * * * for 1m UTC"]),
        ('{start: "02:30", duration: 25h}', []),
        ('{start: "2:30", duration: 1h}', []),
        ('{start: "24:00", duration: 1h}', []),
        ('{start: "02:30"}', []),
        ('{start: "02:30", duration: 1h, every: Sunday}', []),
        ('{start: "02:30", duration: 1h, every: [Sun]}', []),
        ('{start: "02:30", duration: 1h, timezone: Europe/Berlinn}', []),
        ('{start: "02:30", duration: 1h, enabled: false}', []),
    ],
)
def test_a_window_of_gatus_is_one_of_ours_or_is_told(window: str, wanted: list[str], tmp_path: Path) -> None:
    done = imported(tmp_path, "gatus", GATUS.replace("WINDOW", window))

    (service,) = loaded(tmp_path, done.stdout).services.values()
    assert [str(found) for found in service.maintenance] == wanted
    assert ("maintenance-windows" in done.stderr) == (not wanted and "enabled" not in window)


def test_maintenance_of_all_of_gatus_is_of_every_service(tmp_path: Path) -> None:
    text = GATUS.replace(", maintenance-windows: [WINDOW]", "") + 'maintenance: {start: "23:00", duration: 1h}\n'

    (service,) = loaded(tmp_path, imported(tmp_path, "gatus", text).stdout).services.values()

    assert [str(window) for window in service.maintenance] == ["0 23 * * * for 1h UTC"]


def test_a_monitor_that_is_pushed_is_a_push_check_and_maintenance_without_monitors_is_told(tmp_path: Path) -> None:
    backup = {
        "monitorList": [
            {"id": 1, "name": "nightly", "type": "push", "interval": 90000, "maxretries": 3, "timeout": 48}
        ],
        "maintenanceList": {"1": {"title": "x", "strategy": "cron", "cron": "0 2 * * 0"}},
    }

    done = imported(tmp_path, "uptime-kuma", json.dumps(backup))

    assert check_of(tmp_path, done) == {"push": {"every": "1d1h"}}
    assert "is told at another address" in done.stderr
    assert "maintenanceList: does not say of which monitors it is" in done.stderr

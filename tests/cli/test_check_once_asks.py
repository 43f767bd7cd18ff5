"""check-once against real servers: what it finds, how it ends, and what it leaves behind."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from werkzeug import Request, Response

from monitor.cli.main import monitor
from monitor.core.baseline import Baseline, Quality, Signal
from monitor.sources.fitting import file_name

NOBODY = "http://127.0.0.1:9/"


def check_once(*arguments: str) -> Result:
    return CliRunner().invoke(monitor, ["check-once", *arguments])


def write_config(folder: Path, more: str = "", **urls: str) -> Path:
    """Services named as the keywords, each with a check `live`."""
    services = "".join(f'  {name}:\n    checks: {{live: "{url}"}}\n' for name, url in urls.items())
    config = folder / "config.yaml"
    config.write_text(f"monitor: {{state: {folder / 'state'}}}\n{more}services:\n{services}")
    return config


class Script:
    """Answers with the statuses of a script, one after the other, and the last one from then on."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.asked = 0

    def __call__(self, request: Request) -> Response:
        status = self.statuses[min(self.asked, len(self.statuses) - 1)]
        self.asked += 1
        return Response("{}", status)


def test_a_url_needs_no_configuration(httpserver, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    httpserver.expect_request("/healthz").respond_with_data("fine")

    ended = check_once(httpserver.url_for("/healthz"))

    assert ended.exit_code == 0, ended.output
    assert ended.stdout.splitlines()[-1] == "1 check: 1 ok"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("status", "code"), [(200, 0), (204, 0), (404, 2), (500, 2)])
def test_the_exit_code_tells(httpserver, status, code):
    httpserver.expect_request("/").respond_with_data("", status=status)

    assert check_once(httpserver.url_for("/")).exit_code == code


def test_a_refused_connection_is_failed_and_says_so(tmp_path):
    ended = check_once(NOBODY)

    assert ended.exit_code == 2
    assert "refused" in ended.stdout


def test_the_configurations_checks_are_asked_all_or_by_name(httpserver, tmp_path):
    httpserver.expect_request("/").respond_with_data("fine")
    config = str(write_config(tmp_path, orders=httpserver.url_for("/"), payments=NOBODY))

    everything = check_once("-c", config)
    orders = check_once("-c", config, "orders/live")
    mistyped = check_once("-c", config, "ordes")

    assert (everything.exit_code, everything.stdout.splitlines()[-1]) == (2, "2 checks: 1 failed, 1 ok")
    assert (orders.exit_code, orders.stdout.splitlines()[-1]) == (0, "1 check: 1 ok")
    assert (mistyped.exit_code, mistyped.stderr.strip()) == (
        3,
        "ordes: no such service or check. Did you mean orders?",
    )
    assert not (tmp_path / "state").exists()


def test_names_and_urls_may_stand_together(httpserver, tmp_path):
    httpserver.expect_request("/").respond_with_data("fine")
    config = str(write_config(tmp_path, orders=httpserver.url_for("/"), payments=NOBODY))

    ended = check_once("-c", config, "orders", httpserver.url_for("/"), "--format", "json")

    assert [check["status"] for check in json.loads(ended.stdout)["checks"]] == ["ok", "ok"]


def test_a_failure_that_a_second_attempt_did_not_confirm_is_ok_with_its_own_mark(httpserver):
    httpserver.expect_request("/").respond_with_handler(Script(503, 200))

    ended = check_once(httpserver.url_for("/"))

    assert ended.exit_code == 0
    assert "ok after 2 attempts" in ended.stdout
    assert "503" in ended.stdout


def test_waiting_ends_when_the_deployment_has_come_up(httpserver):
    script = Script(503, 503, 200)  # the first round is a probe and its re-probe
    httpserver.expect_request("/").respond_with_handler(script)

    ended = check_once("--wait", "300s", httpserver.url_for("/"))

    assert (ended.exit_code, script.asked) == (0, 3)
    assert "after" not in ended.stdout


def test_waiting_ends_with_its_time(httpserver):
    httpserver.expect_request("/").respond_with_data("", status=503)

    ended = check_once("--wait", "1500ms", httpserver.url_for("/"))

    assert ended.exit_code == 2


@pytest.mark.parametrize("style", ["table", "json", "junit", "github", "nagios"])
def test_every_format_ends_alike_and_keeps_its_output_free_of_anything_else(httpserver, style):
    httpserver.expect_request("/").respond_with_data("", status=503)

    ended = check_once("--format", style, httpserver.url_for("/"))

    assert (ended.exit_code, ended.stderr) == (2, "")
    if style == "junit":
        assert ElementTree.fromstring(ended.stdout).find(".//failure") is not None
    if style == "nagios":
        assert ended.stdout.count("\n") == 1


def keep_baseline(state: Path, service: str, *, seconds: float) -> None:
    """Every hour of the week has taken *seconds*, give or take 2 %."""
    now = datetime.now(UTC)
    values = tuple(seconds * (0.98 + 0.002 * n) for n in range(21))
    baseline = Baseline(
        service=service,
        check="live",
        signal=Signal.PROBE_LATENCY,
        time_zone="UTC",
        fitted_at=now,
        since=now - timedelta(days=30),
        quality=Quality.FITTED,
        slots=dict.fromkeys(range(168), values),
    )
    folder = state / "baselines"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file_name(service, Signal.PROBE_LATENCY, "live")).write_text(json.dumps(baseline.to_json()))


def test_slower_than_usual_is_a_warning_and_no_baseline_is_a_note(httpserver, tmp_path):
    def slow(request: Request) -> Response:
        time.sleep(0.05)
        return Response("fine")

    httpserver.expect_request("/slow").respond_with_handler(slow)
    httpserver.expect_request("/").respond_with_data("fine")
    config = write_config(
        tmp_path, slow=httpserver.url_for("/slow"), usual=httpserver.url_for("/"), new=httpserver.url_for("/")
    )
    keep_baseline(tmp_path / "state", "slow", seconds=0.010)
    keep_baseline(tmp_path / "state", "usual", seconds=60.0)

    ended = check_once("-c", str(config), "--against-baseline", "--format", "json")
    checks = {check["service"]: check for check in json.loads(ended.stdout)["checks"]}

    assert ended.exit_code == 1
    assert checks["slow"]["warnings"][0].startswith("slow: median of 5 ")
    assert (checks["usual"]["status"], checks["new"]["status"]) == ("ok", "ok")
    assert checks["new"]["notes"] == ["no baseline yet; the daemon fits one from its own history"]


def test_spans_are_exported_when_the_configuration_names_a_collector(httpserver, tmp_path):
    httpserver.expect_request("/").respond_with_data("fine")
    httpserver.expect_request("/v1/traces", method="POST").respond_with_data(b"")
    httpserver.expect_request("/v1/metrics", method="POST").respond_with_data(b"")
    config = write_config(
        tmp_path, f'telemetry: {{otlp: "{httpserver.url_for("").rstrip("/")}"}}\n', orders=httpserver.url_for("/")
    )

    ended = check_once("-c", str(config))

    assert ended.exit_code == 0, ended.output
    for _ in range(5):  # what a busy machine does not take within two seconds is given up
        if "/v1/traces" in [request.path for request, _ in httpserver.log]:
            break
        check_once("-c", str(config))
    assert "/v1/traces" in [request.path for request, _ in httpserver.log]


def test_an_absent_collector_does_not_change_the_exit_code(httpserver, tmp_path):
    httpserver.expect_request("/").respond_with_data("fine")
    config = write_config(tmp_path, 'telemetry: {otlp: "http://127.0.0.1:9"}\n', orders=httpserver.url_for("/"))

    ended = check_once("-c", str(config))

    assert ended.exit_code == 0


def test_without_a_daemon_there_is_no_report_and_the_exit_code_stays(tmp_path):
    config = write_config(tmp_path, orders=NOBODY)

    ended = check_once("-c", str(config), "--report")

    assert ended.exit_code == 2
    assert ended.stderr.startswith("not reported: ")


def test_a_url_alone_pays_only_for_what_it_needs(httpserver, tmp_path):
    httpserver.expect_request("/").respond_with_data("fine")
    asked = (
        "import sys\nfrom monitor.cli.main import monitor\n"
        f"try: monitor(['check-once', '--format', 'json', '{httpserver.url_for('/')}'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print([m for m in sys.argv[1:] if m in sys.modules], file=sys.stderr)"
    )
    heavy = ["pydantic", "yaml", "loguru", "starlette", "uvicorn", "requests", "opentelemetry", "pandas", "numpy",
             "rich", "msgspec", "http.client", "asyncio", "sqlite3", "checks.conditions"]  # fmt: skip

    ended = subprocess.run(
        [sys.executable, "-c", asked, *heavy], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True
    )

    assert ended.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("watchkeeper.example", "no address of the form https://host:port"),
        ("ftp://watchkeeper.example/", "no address of the form https://host:port"),
        ("https://watchkeeper.example:99999/", "Port out of range"),
        ("https://:hunter2@watchkeeper.example/", "the token goes into WATCHKEEPER_TOKEN"),
    ],
)
def test_where_to_report_is_looked_at_before_anything_is_asked(url, says):
    ended = check_once("http://127.0.0.1:9/", "--report-to", url)

    assert ended.exit_code == 3
    assert says in ended.stderr
    assert "hunter2" not in ended.stderr
    assert ended.stdout == ""


def test_a_junit_file_that_cannot_be_written_is_3(tmp_path):
    ended = check_once("http://127.0.0.1:9/", "--junit", str(tmp_path / "nowhere" / "checks.xml"))

    assert ended.exit_code == 3
    assert ended.stderr.strip().endswith("checks.xml: cannot be written: No such file or directory")


def test_maintenance_stands_beside_the_result_and_changes_no_exit_code(httpserver, tmp_path):
    httpserver.expect_request("/").respond_with_data("fine")
    windows = (
        'maintenance:\n  - {weekly: "00:00-24:00", services: [orders, payments]}\n'
        "  - {from: 2020-01-01 00:00, until: 2020-01-02 00:00, services: [search]}\n"
    )
    urls = {"orders": httpserver.url_for("/"), "payments": NOBODY, "search": httpserver.url_for("/")}
    config = str(write_config(tmp_path, windows, **urls))

    ended = check_once("-c", config, "--format", "json")

    checks = {check["service"]: check for check in json.loads(ended.stdout)["checks"]}
    assert ended.exit_code == 2
    assert {name: check["status"] for name, check in checks.items()} == {
        "orders": "ok",
        "payments": "failed",
        "search": "ok",
    }
    for name in ("orders", "payments"):
        (note,) = checks[name]["notes"]
        assert note.startswith("in maintenance 00:00-24:00 UTC until ")
    assert checks["search"]["notes"] == []
    assert "in maintenance 00:00-24:00 UTC" in check_once("-c", config, "orders").stdout

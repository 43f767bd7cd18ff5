"""What docs/pipeline.md gives to copy, run by bash as a pipeline would, against a real service and a real daemon."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "docs" / "examples"
TOKEN = "a-token-of-the-pipeline"


def github() -> str:
    steps = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())["jobs"]["verify"]["steps"]
    [step] = [step for step in steps if step.get("name") == "Check"]
    return str(step["run"])


def gitlab() -> str:
    return "\n".join(yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text())["verify"]["script"])


SCRIPTS = {"github": github(), "gitlab": gitlab()}
RUN = {"github": {"GITHUB_RUN_ID": "42", "GITHUB_RUN_ATTEMPT": "1"}, "gitlab": {"CI_PIPELINE_ID": "42"}}


@pytest.fixture(params=SCRIPTS)
def pipeline(request, bash, tmp_path):
    """`pipeline(checks, daemon)`: the example's own commands; only the time to wait is another than a person's."""

    def pipeline(checks: dict[str, Any], daemon: Any = None, config: str = "", wait: str = "2s") -> Any:
        document = {"services": {"orders": {"checks": checks}}}
        (tmp_path / "work" / "watchkeeper.yaml").write_text(config or json.dumps(document))
        where = {"WATCHKEEPER_URL": daemon.url, "WATCHKEEPER_TOKEN": TOKEN} if daemon else {}
        script = SCRIPTS[request.param]
        assert script.count("--wait 60s") == 1
        return bash(script.replace("--wait 60s", f"--wait {wait}"), **where, **RUN[request.param])

    pipeline.name = request.param
    return pipeline


def junit(tmp_path: Path) -> ElementTree.Element:
    [suite] = ElementTree.parse(tmp_path / "work" / "checks.xml").getroot()
    cases = suite.findall("testcase")
    # What GitLab, Jenkins and GitHub's reporters count on.
    assert suite.tag == "testsuite"
    assert int(suite.attrib["tests"]) == len(cases)
    assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))
    assert int(suite.attrib["errors"]) == len(suite.findall("testcase/error"))
    assert all(case.attrib["classname"] and case.attrib["name"] and float(case.attrib["time"]) >= 0 for case in cases)
    return suite


def test_all_ok_is_0_and_a_file_of_passed_tests(pipeline, httpserver, tmp_path):
    httpserver.expect_request("/healthz").respond_with_data("ok")

    ended = pipeline({"live": httpserver.url_for("/healthz")})

    assert ended.returncode == 0, ended.stderr
    assert [list(case) for case in junit(tmp_path)] == [[]]


def test_it_waits_for_a_deployment_that_takes_a_moment(pipeline, httpserver):
    httpserver.expect_ordered_request("/healthz").respond_with_data("starting", status=503)
    httpserver.expect_ordered_request("/healthz").respond_with_data("starting", status=503)
    httpserver.expect_ordered_request("/healthz").respond_with_data("ok")

    live = {"http": httpserver.url_for("/healthz"), "retry": {"times": 1, "within": "1s"}}
    ended = pipeline({"live": live}, wait="250s")

    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_failed_check_is_2_a_failure_in_the_file_and_an_incident_of_the_daemon_once(
    pipeline, httpserver, daemon, tmp_path
):
    httpserver.expect_request("/healthz").respond_with_data("no", status=503)
    checks = {"live": httpserver.url_for("/healthz")}

    first, again = pipeline(checks, daemon), pipeline(checks, daemon)

    assert (first.returncode, again.returncode) == (2, 2)
    assert "reported orders: INC-0001" in first.stderr
    [incident] = daemon.incidents()
    assert incident["service"] == "orders"
    assert incident["declared_by"].startswith(f"check-once, {'GitHub' if pipeline.name == 'github' else 'GitLab'}")
    [failure] = junit(tmp_path).findall("testcase/failure")
    assert "503" in failure.attrib["message"]
    assert ("::error title=orders/live failed::" in first.stdout) is (pipeline.name == "github")
    assert TOKEN not in first.stdout + first.stderr


def test_a_daemon_that_is_away_or_refuses_changes_nothing_but_one_line(pipeline, httpserver, daemon):
    httpserver.expect_request("/healthz").respond_with_data("no", status=503)
    checks = {"live": httpserver.url_for("/healthz")}

    held = socket.socket()
    held.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else gets the port meanwhile

    class Away:
        url = f"http://127.0.0.1:{held.getsockname()[1]}"

    class Refusing:
        url = f"{daemon.url}/no/such/path"

    with held:
        away, refusing = pipeline(checks, Away), pipeline(checks, Refusing)

    assert (away.returncode, refusing.returncode) == (2, 2)
    assert "not reported: no daemon answers at 127.0.0.1:" in away.stderr
    assert "not reported: there is nothing at this path" in refusing.stderr
    assert daemon.incidents() == []


def test_a_wrong_configuration_is_3_and_writes_no_file(pipeline, tmp_path):
    ended = pipeline({}, config="services: {orders: {chekcs: {}}}")

    assert ended.returncode == 3
    assert "Did you mean checks?" in ended.stderr
    assert not (tmp_path / "work" / "checks.xml").exists()


@pytest.mark.parametrize(
    ("code", "github_ends", "gitlab_ends"), [(0, 0, 0), (1, 0, 1), (2, 2, 2), (3, 3, 3)], ids=lambda code: str(code)
)
def test_a_warning_alone_may_fail(bash, tmp_path, code, github_ends, gitlab_ends):
    """GitLab is told so by `allow_failure`, GitHub has nothing of the kind."""
    (tmp_path / "bin" / "monitor").write_text(f"#!/bin/sh\nexit {code}\n")

    assert bash(SCRIPTS["github"]).returncode == github_ends
    assert bash(SCRIPTS["gitlab"]).returncode == gitlab_ends
    assert yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text())["verify"]["allow_failure"] == {"exit_codes": [1]}


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_what_the_page_shows_is_in_the_file(name):
    page, file = (ROOT / "docs" / "pipeline.md").read_text(), (EXAMPLES / name).read_text()
    shown = page.partition(f"(examples/{name})")[2].partition("```yaml\n")[2].partition("```")[0]

    assert shown
    assert shown in file

"""check-once and the daemon with conditions: read from a config, asked over real sockets, shown with their values."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from click.testing import CliRunner, Result
from pytest_httpserver import HTTPServer

from monitor.cli.main import monitor


@pytest.fixture
def once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """check-once of one check `orders/ready` with these keys."""
    monkeypatch.setenv("API_TOKEN", "hunter2-hunter2")
    monkeypatch.setenv("VERSION", "1.25")

    def run(style: str = "json", **keys: Any) -> Result:
        document = {
            "monitor": {"state": str(tmp_path / "state")},
            "services": {"orders": {"checks": {"ready": keys}}},
        }
        (tmp_path / "config.yaml").write_text(json.dumps(document))
        return CliRunner().invoke(monitor, ["check-once", "-c", str(tmp_path / "config.yaml"), "--format", style])

    return run


def the_check(result: Result) -> dict[str, Any]:
    (found,) = json.loads(result.stdout)["checks"]
    assert isinstance(found, dict)
    return found


def test_what_is_expected_and_answered_is_ok(once: Callable[..., Result], httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_json({"status": "ok", "version": "1.25", "items": [1, 2]})

    ended = once(
        http=httpserver.url_for("/"),
        expect=[
            "[STATUS] == 200 and [RESPONSE_TIME] < 10s",
            "[BODY].status == ok and len([BODY].items) == 2",
            "[BODY].version == ${VERSION}",
            "[HEADERS].content-type == pat(application/json*)",
            "[IP] == any(127.0.0.1, '::1')",
            "not has([BODY].errors) == true",
        ],
    )

    assert (ended.exit_code, the_check(ended)["status"]) == (0, "ok"), ended.stdout


def test_what_is_not_as_expected_is_shown_with_its_value_in_the_table(
    once: Callable[..., Result], httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/").respond_with_json({"status": "DOWN"})

    ended = once("table", http=httpserver.url_for("/"), expect="[BODY].status == UP")

    assert ended.exit_code == 2
    assert "body: [BODY].status (DOWN) == UP" in " ".join(ended.stdout.split())


def test_a_condition_on_the_status_takes_the_place_of_its_default(
    once: Callable[..., Result], httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/").respond_with_json({"status": "ok"}, status=503)
    url = httpserver.url_for("/")

    assert once(http=url, expect=["[STATUS] == 503"]).exit_code == 0
    assert once(http=url, expect=["[BODY].status == ok"]).exit_code == 2
    assert once(http=url, expect=["[BODY].status == ok"], status=503).exit_code == 0
    assert once(http=url, expect=["[STATUS] == 503"], status=200).exit_code == 2


def test_a_secret_that_is_expected_or_answered_is_not_shown(
    once: Callable[..., Result], httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/").respond_with_json({"token": "hunter2-hunter2", "seen": "Bearer hunter2-hunter2"})
    url = httpserver.url_for("/")

    right = once(http=url, expect=["[BODY].token == ${API_TOKEN}"])
    wrong = once(http=url, expect=["[BODY].seen == ${API_TOKEN}"])

    assert right.exit_code == 0
    assert the_check(wrong)["detail"] == "[BODY].seen (Bearer ***) == ***"
    assert "hunter2" not in wrong.stdout


def test_a_port_that_must_be_closed_is_ok_while_it_is(once: Callable[..., Result], httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("here")

    closed = once(http="http://127.0.0.1:9/", expect=["[CONNECTED] == false"])
    opened = once(http=httpserver.url_for("/"), expect=["[CONNECTED] == false"])

    assert (closed.exit_code, opened.exit_code) == (0, 2)
    assert the_check(closed)["notes"] == [
        "not connected, as expected: refused: connect to 127.0.0.1:9 refused: nothing listens there"
    ]
    assert the_check(opened)["detail"] == "[CONNECTED] (true) == false"


def test_a_body_beyond_max_body_fails_what_asks_for_it_and_says_how_much_was_read(
    once: Callable[..., Result], httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/").respond_with_data("x" * 2000)

    ended = once(http=httpserver.url_for("/"), expect=["[BODY] == pat(x*)"], max_body="1KB")

    assert the_check(ended)["detail"] == "[BODY] (INVALID) == pat(x*): the body is longer than max_body, 1024 bytes"


class TestOverTls:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @pytest.fixture
    def secure(self, authority: trustme.CA, tmp_path: Path) -> Iterator[HTTPServer]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        with HTTPServer(host="127.0.0.1", ssl_context=context) as server:
            yield server

    def test_the_certificates_days_are_counted(self, once: Callable[..., Result], secure: HTTPServer) -> None:
        secure.expect_request("/").respond_with_data("fine")
        url, tls = secure.url_for("/"), {"ca": "ca.pem"}

        enough = once(http=url, tls=tls, expect=["[CERTIFICATE_EXPIRATION] > 1d"])
        never = once(http=url, tls=tls, expect=["[CERTIFICATE_EXPIRATION] > 500000d"])

        soon = once(http=url, tls=tls, warn=["[CERTIFICATE_EXPIRATION] > 500000d"])

        assert enough.exit_code == 0, enough.stdout
        assert (soon.exit_code, the_check(soon)["status"]) == (1, "warning")
        assert the_check(never)["reason"] == "certificate"
        shown = r"\[CERTIFICATE_EXPIRATION\] \(\d+h(\d+m)?(\d+s)?\) > 500000d"
        assert re.fullmatch(shown, the_check(never)["detail"])
        assert re.fullmatch(shown, the_check(soon)["warnings"][0])


def test_an_answer_without_tls_has_no_certificate(once: Callable[..., Result], httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("fine")

    ended = once(http=httpserver.url_for("/"), expect=["[CERTIFICATE_EXPIRATION] > 1d"])

    assert the_check(ended)["detail"] == "[CERTIFICATE_EXPIRATION] (INVALID) > 1d: there was no certificate"

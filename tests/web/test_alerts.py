"""Webhooks of Alertmanager and Grafana: who may send them, what is read of them, and what is refused with its place."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import time
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.core.alerts import Notification
from monitor.web.alerts import READERS, alertmanager
from monitor.web.hooks import HookKey, check_signature
from monitor.web.problems import HttpProblem

SECRET = "the secret of a hook, é"
ALERTMANAGER = "/api/v1/alerts/alertmanager"
GRAFANA = "/api/v1/alerts/grafana"
BEARER = {"Authorization": f"Bearer {SECRET}".encode().decode("latin-1")}

# As Alertmanager's documentation and source have it, with what its newer releases added.
FROM_ALERTMANAGER: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="OrdersFail"}',
    "truncatedAlerts": 2,
    "status": "firing",
    "receiver": "watchkeeper",
    "groupLabels": {"alertname": "OrdersFail"},
    "commonLabels": {"alertname": "OrdersFail", "service": "orders", "severity": "critical"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager.example:9093",
    "notification_reason": "first notification",
    "routeLabels": {},
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "OrdersFail", "service": "orders", "severity": "critical"},
            "annotations": {"summary": "a tenth of all orders fail"},
            "startsAt": "2026-03-01T12:00:00.123456789+01:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example/graph?g0.expr=up",
            "fingerprint": "f1d2d2f924e986ac",
        },
        {
            "status": "resolved",
            "labels": {"alertname": "OrdersFail", "service": "payments"},
            "annotations": {},
            "startsAt": "2026-03-01T11:00:00Z",
            "endsAt": "2026-03-01T11:09:00Z",
            "generatorURL": "javascript:alert(1)",
            "fingerprint": "0a0a",
        },
    ],
}

# As Grafana's documentation has it.
FROM_GRAFANA: dict[str, Any] = {
    "receiver": "My Super Webhook",
    "status": "firing",
    "orgId": 1,
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "High memory usage", "service": "orders", "team": "blue", "zone": "us-1"},
            "annotations": {
                "description": "The system has high memory usage",
                "runbook_url": "https://myrunbook.com/runbook/1234",
                "summary": "This alert was triggered for zone us-1",
            },
            "startsAt": "2026-03-01T09:51:03.157076+02:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://play.grafana.org/alerting/1afz29v7z/edit",
            "fingerprint": "c6eadffa33fcdf37",
            "silenceURL": "https://play.grafana.org/alerting/silence/new?alertmanager=grafana",
            "dashboardURL": "https://play.grafana.org/d/abc",
            "panelURL": "https://play.grafana.org/d/abc?viewPanel=4",
            "values": {"B": 44.23943737541908, "C": 1},
            "valueString": "[ metric='' labels={} value=44.23943737541908 ]",
        }
    ],
    "groupLabels": {},
    "commonLabels": {"team": "blue"},
    "commonAnnotations": {},
    "externalURL": "https://play.grafana.org/",
    "version": "1",
    "groupKey": "{}:{}",
    "truncatedAlerts": 0,
    "title": "[FIRING:2]  (blue)",
    "state": "alerting",
    "message": "**Firing**\n\nLabels:\n - alertname = T2\n",
    "appVersion": "13.0.0",
}


@pytest.fixture
def hooks(web, asker_app):
    asker_app.state.hooks = {
        "alertmanager": HookKey(secret=SECRET),
        "grafana": HookKey(secret=SECRET, takes_signature=True),
    }
    yield web
    asker_app.state.hooks = {}


def post(web, path: str, body: Any, headers: dict[str, str] | None = None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return web.ask("POST", path, raw, token=None, headers=BEARER if headers is None else headers)


def changed(body: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {**deepcopy(body), **values}


def with_alert(body: dict[str, Any], **values: Any) -> dict[str, Any]:
    copied = deepcopy(body)
    copied["alerts"][0].update(values)
    return {**copied, "alerts": [{k: v for k, v in alert.items() if v is not ...} for alert in copied["alerts"]]}


# -- what is read ----------------------------------------------------------------------------------------------


def test_all_that_alertmanager_tells_is_read(hooks):
    answer = post(hooks, ALERTMANAGER, FROM_ALERTMANAGER)

    assert answer.status == 200
    assert answer.document == {"counts": {"firing": 2, "unmatched": 0}, "incidents": ["INC-0001"]}
    (told,) = hooks.desk.notifications
    assert (told.source, told.left_out) == ("alertmanager", 2)
    fires, over = told.alerts
    assert fires.firing
    assert fires.starts_at == datetime(2026, 3, 1, 11, 0, 0, 123456, UTC)
    assert fires.ends_at is None
    assert fires.key == "alertmanager:f1d2d2f924e986ac"
    assert fires.labels == {"alertname": "OrdersFail", "service": "orders", "severity": "critical"}
    assert fires.summary == "OrdersFail: a tenth of all orders fail"
    assert fires.links == {"generator": "http://prometheus.example/graph?g0.expr=up"}
    assert (over.firing, over.ends_at) == (False, datetime(2026, 3, 1, 11, 9, tzinfo=UTC))
    assert over.links == {}, "an address that runs a script is none"


def test_all_that_grafana_tells_is_read(hooks):
    answer = post(hooks, GRAFANA, FROM_GRAFANA)

    assert answer.status == 200
    (told,) = hooks.desk.notifications
    (alert,) = told.alerts
    assert alert.key == "grafana:c6eadffa33fcdf37"
    assert alert.starts_at == datetime(2026, 3, 1, 7, 51, 3, 157076, UTC)
    assert alert.annotations["values"] == "[ metric='' labels={} value=44.23943737541908 ]"
    assert alert.links == {
        "generator": "https://play.grafana.org/alerting/1afz29v7z/edit",
        "dashboard": "https://play.grafana.org/d/abc",
        "panel": "https://play.grafana.org/d/abc?viewPanel=4",
        "silence": "https://play.grafana.org/alerting/silence/new?alertmanager=grafana",
    }
    assert web_put(hooks).status == 200, "Grafana may be told to PUT"


def web_put(hooks):
    return hooks.ask("PUT", GRAFANA, FROM_GRAFANA, token=None, headers=BEARER)


def test_alerts_of_nobody_here_are_answered_with_a_success_that_says_so(hooks):
    answer = post(
        hooks, ALERTMANAGER, with_alert(FROM_ALERTMANAGER, labels={"alertname": "TestAlert"}) | {"alerts": []}
    )
    assert (answer.status, answer.document["incidents"]) == (200, [])

    body = changed(FROM_ALERTMANAGER, alerts=[{**FROM_ALERTMANAGER["alerts"][0], "labels": {"alertname": "TestAlert"}}])
    answer = post(hooks, ALERTMANAGER, body)
    assert answer.status == 202
    assert answer.document == {"counts": {"firing": 0, "unmatched": 1}, "incidents": []}


def test_while_the_ledger_is_held_the_sender_is_told_to_come_again(hooks):
    hooks.desk.ledger_is_held = True

    answer = post(hooks, ALERTMANAGER, FROM_ALERTMANAGER)

    assert answer.status == 503
    assert answer.headers["content-type"] == "application/problem+json"


def test_odd_characters_and_long_texts_do_not_cost_an_alert():
    labels = {"alertname": "Odd\x1b[31m\u2028", "long": "x" * 500}
    body = with_alert(FROM_ALERTMANAGER, labels=labels, annotations={"summary": "two\nlines \ud800"})

    (alert, _) = alertmanager(body).alerts

    assert alert.labels["alertname"] == "Odd\ufffd[31m\ufffd"
    assert alert.labels["long"] == "x" * 199 + "…"
    assert alert.annotations["summary"] == "two\nlines \ufffd"
    assert alert.summary == "Odd\ufffd[31m\ufffd: two lines \ufffd"


@pytest.mark.parametrize(
    "address", ["ftp://x/", "https://x/" + "y" * 2000, "https://x/ y", "https://x/\n", 'http://x/"><b>', 7, None]
)
def test_an_address_that_is_none_is_left_out(address):
    (alert, _) = alertmanager(with_alert(FROM_ALERTMANAGER, generatorURL=address)).alerts

    assert alert.links == {}


# -- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["3", "5", 4, None, ["4"]])
def test_a_version_that_is_not_known_is_refused(hooks, version):
    answer = post(hooks, ALERTMANAGER, changed(FROM_ALERTMANAGER, version=version))

    assert answer.status == 400
    assert answer.document["detail"].startswith('version is not "4"')
    assert hooks.desk.notifications == []
    assert hooks.desk.refused == ["alertmanager"]


FINGERPRINT = "text of 1 to 200 characters"
INSTANT = "an instant with its zone, like 2026-03-01T12:00:00Z"


@pytest.mark.parametrize(
    ("body", "field", "found", "wanted"),
    [
        (changed(FROM_ALERTMANAGER, alerts=None), "alerts", "nothing", "a list of alerts"),
        (changed(FROM_ALERTMANAGER, alerts={}), "alerts", "an object", "a list of alerts"),
        (changed(FROM_ALERTMANAGER, alerts=["x"]), "alerts[0]", "a text", "an object"),
        (changed(FROM_ALERTMANAGER, status="ok"), "status", "a text", "firing or resolved"),
        (changed(FROM_ALERTMANAGER, truncatedAlerts=-1), "truncatedAlerts", "a number", "a number of alerts"),
        (changed(FROM_ALERTMANAGER, truncatedAlerts=True), "truncatedAlerts", "true or false", "a number of alerts"),
        (changed(FROM_ALERTMANAGER, groupLabels=[]), "groupLabels", "a list", "an object of texts"),
        (with_alert(FROM_ALERTMANAGER, status="on"), "alerts[0].status", "a text", "firing or resolved"),
        (with_alert(FROM_ALERTMANAGER, labels={"a": 1}), "alerts[0].labels", "an object", "an object of texts"),
        (with_alert(FROM_ALERTMANAGER, labels=...), "alerts[0].labels", "nothing", "an object of texts"),
        (with_alert(FROM_ALERTMANAGER, annotations="x"), "alerts[0].annotations", "a text", "an object of texts"),
        (with_alert(FROM_ALERTMANAGER, startsAt=...), "alerts[0].startsAt", "nothing", INSTANT),
        (with_alert(FROM_ALERTMANAGER, startsAt="noon"), "alerts[0].startsAt", "a text", INSTANT),
        (with_alert(FROM_ALERTMANAGER, startsAt="2026-03-01T12:00:00"), "alerts[0].startsAt", "a text", INSTANT),
        (with_alert(FROM_ALERTMANAGER, startsAt="0001-01-01T00:00:00Z"), "alerts[0].startsAt", "a text", INSTANT),
        (with_alert(FROM_ALERTMANAGER, startsAt="0001-01-01T00:00:00+09:00"), "alerts[0].startsAt", "a text", INSTANT),
        (with_alert(FROM_ALERTMANAGER, endsAt=12), "alerts[0].endsAt", "a number", INSTANT),
        (with_alert(FROM_ALERTMANAGER, fingerprint=""), "alerts[0].fingerprint", "a text", FINGERPRINT),
        (with_alert(FROM_ALERTMANAGER, fingerprint=...), "alerts[0].fingerprint", "nothing", FINGERPRINT),
        (with_alert(FROM_ALERTMANAGER, fingerprint="a\nb"), "alerts[0].fingerprint", "a text", FINGERPRINT),
    ],
)  # fmt: skip
def test_a_wrong_shape_is_refused_with_its_place_and_nothing_is_taken(hooks, body, field, found, wanted):
    answer = post(hooks, ALERTMANAGER, body)

    assert answer.status == 422
    assert answer.document["errors"] == [{"field": field, "found": found, "wanted": wanted}]
    assert hooks.desk.notifications == []


def test_every_problem_is_counted_and_the_first_ones_are_named(hooks):
    bad = {**FROM_ALERTMANAGER["alerts"][0], "startsAt": "noon"}

    answer = post(hooks, ALERTMANAGER, changed(FROM_ALERTMANAGER, alerts=[bad] * 30))

    assert len(answer.document["errors"]) == 10
    assert answer.document["detail"].startswith("30 problems in the body: alerts[0].startsAt, ")
    assert answer.document["detail"].endswith(" and 20 more")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"[]", 400),
        (b'{"a":' * 9 + b"1" + b"}" * 9, 400),
        (b"[" * 100_000, 400),
        (b'{"version": "4", "version": "4"}', 400),
        (b"\xff", 400),
    ],
    ids=["empty", "text", "list", "deep", "very deep", "twice", "no UTF-8"],
)
def test_what_is_no_object_of_json_is_refused(hooks, body, status):
    answer = post(hooks, ALERTMANAGER, body)

    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert hooks.desk.notifications == []


def test_what_is_too_large_is_refused_by_its_length_alone(hooks):
    sent = f"POST {ALERTMANAGER} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {BEARER['Authorization']}\r\n"
    sent += "Content-Type: application/json\r\nContent-Length: 1000001\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", hooks.port), timeout=60) as connection:
        connection.sendall(sent.encode("latin-1"))
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert hooks.desk.refused == ["alertmanager"]


def test_another_content_type_is_refused(hooks):
    answer = post(hooks, ALERTMANAGER, FROM_ALERTMANAGER, {**BEARER, "Content-Type": "text/plain"})

    assert answer.status == 415


def is_read_or_refused(source: str, body: dict[str, Any]) -> bool:
    try:
        return isinstance(READERS[source](body), Notification)
    except HttpProblem as problem:
        return problem.status in (400, 422)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(key=st.sampled_from(["status", "alerts", "truncatedAlerts", "groupLabels"]), value=json_values)
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_stands_in_a_field_it_is_read_or_refused(key, value):
    for source, body in (("alertmanager", FROM_ALERTMANAGER), ("grafana", FROM_GRAFANA)):
        assert is_read_or_refused(source, changed(body, **{key: value}))


@given(key=st.sampled_from(sorted(FROM_GRAFANA["alerts"][0])), value=json_values)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_stands_in_an_alert_it_is_read_or_refused(key, value):
    for source, body in (("alertmanager", FROM_ALERTMANAGER), ("grafana", FROM_GRAFANA)):
        assert is_read_or_refused(source, with_alert(body, **{key: value}))


# -- who may send ----------------------------------------------------------------------------------------------


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize("headers", [BEARER, basic(f"watchkeeper:{SECRET}"), basic(f":{SECRET}")])
@pytest.mark.parametrize(("path", "body"), [(ALERTMANAGER, FROM_ALERTMANAGER), (GRAFANA, FROM_GRAFANA)])
def test_the_secret_is_shown_as_a_token_or_as_a_password(hooks, path, body, headers):
    assert post(hooks, path, body, headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer a-token-of-the-tests"},
        {"Authorization": "Digest x"},
        {"Authorization": "Basic"},
        {"Authorization": "Basic %%%"},
        {"Authorization": "Basic /w=="},
        basic(SECRET),
        basic(f"{SECRET}:"),
        {"X-Grafana-Alerting-Signature": "0" * 64},
    ],
)
@pytest.mark.parametrize("path", [ALERTMANAGER, GRAFANA])
def test_nobody_else_sends_alerts(hooks, path, headers):
    answer = post(hooks, path, FROM_ALERTMANAGER, headers)

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert SECRET not in answer.document["detail"]
    assert hooks.desk.notifications == []
    assert hooks.desk.refused == [path.rpartition("/")[2]]


def signature(body: bytes, secret: str = SECRET, stamp: str = "") -> str:
    signed = f"{stamp}:".encode() + body if stamp else body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def test_grafana_signs_the_body(hooks):
    body = json.dumps(FROM_GRAFANA).encode()
    signed = {"X-Grafana-Alerting-Signature": signature(body)}

    assert post(hooks, GRAFANA, body, signed).status == 200
    assert post(hooks, GRAFANA, body + b" ", signed).status == 401
    assert post(hooks, GRAFANA, body, {"X-Grafana-Alerting-Signature": signature(body, "another")}).status == 401
    assert post(hooks, ALERTMANAGER, body, signed).status == 401, "Alertmanager cannot sign"


def test_grafana_signs_a_timestamp_too(hooks, asker_app):
    name = "X-Grafana-Alerting-Timestamp"
    asker_app.state.hooks["grafana"] = HookKey(secret=SECRET, takes_signature=True, timestamp_header=name)
    body, stamp = json.dumps(FROM_GRAFANA).encode(), str(int(time.time()))
    signed = {"X-Grafana-Alerting-Signature": signature(body, stamp=stamp), name: stamp}

    assert post(hooks, GRAFANA, body, signed).status == 200
    assert post(hooks, GRAFANA, body, {**signed, name: str(int(stamp) - 1)}).status == 401, (
        "not the one that was signed"
    )
    assert post(hooks, GRAFANA, body, {"X-Grafana-Alerting-Signature": signature(body)}).status == 401, "no timestamp"


@pytest.mark.parametrize(("seconds", "taken"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_a_signature_of_another_time_is_refused(seconds, taken):
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    key = HookKey(secret=SECRET, takes_signature=True, timestamp_header="X-Stamp")
    stamp = str(int(now.timestamp()) + seconds)
    headers = {"x-grafana-alerting-signature": signature(b"{}", stamp=stamp), "x-stamp": stamp}

    if taken:
        check_signature(headers, b"{}", key, now)
    else:
        with pytest.raises(HttpProblem, match="a signature that is more than 300 s from now"):
            check_signature(headers, b"{}", key, now)


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "1e3", "٣", "1" * 20])
def test_a_timestamp_that_is_none_is_refused(stamp):
    key = HookKey(secret=SECRET, takes_signature=True, timestamp_header="X-Stamp")
    headers = {"x-grafana-alerting-signature": signature(b"{}", stamp=stamp), "x-stamp": stamp}

    with pytest.raises(HttpProblem, match="no timestamp in X-Stamp"):
        check_signature(headers, b"{}", key, datetime(2026, 3, 1, tzinfo=UTC))


def test_a_hook_that_is_not_configured_says_so_and_an_unknown_one_names_those_there_are(web):
    answer = web.post(ALERTMANAGER, FROM_ALERTMANAGER)
    assert answer.status == 404
    assert "intake.alertmanager is not in the configuration" in answer.document["detail"]

    answer = web.post("/api/v1/alerts/nagios", {})
    assert answer.status == 404
    assert "/api/v1/alerts/alertmanager and /api/v1/alerts/grafana" in answer.document["detail"]


def test_a_key_does_not_show_its_secret():
    assert SECRET not in repr(HookKey(secret=SECRET))

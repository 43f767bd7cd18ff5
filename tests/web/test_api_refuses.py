"""What the API refuses: strangers, foreign names, and bodies that are not what was asked for."""

from __future__ import annotations

import http.client
import json
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

REPORT = {"reporter": "Ada", "symptoms": "slow", "service": "orders"}
WRITES = {
    "/api/v1/incidents": REPORT,
    "/api/v1/incidents/1/ack": {"by": "Ada"},
    "/api/v1/incidents/1/note": {"by": "Ada", "text": "x"},
    "/api/v1/incidents/1/resolve": {"by": "Ada", "why": "x"},
    "/api/v1/incidents/1/mitigated": {"by": "Ada"},
    "/api/v1/incidents/1/mitigations": {"by": "Ada", "mitigation": "rollback"},
    "/api/v1/incidents/1/postmortem/held": {"by": "Ada"},
    "/api/v1/incidents/1/actions": {"by": "Ada", "what": "x", "owner": "Ada", "due": "2026-03-10"},
    "/api/v1/incidents/1/actions/1/done": {"by": "Ada"},
    "/api/v1/incidents/1/role": {"by": "Ada", "role": "scribe", "holder": "Lin"},
    "/api/v1/services/orders/confirm": {"by": "Ada"},
    "/api/v1/services/orders/baseline/accept": {"by": "Ada", "since": "2026-03-01T00:00:00Z", "reason": "x"},
    "/api/v1/deploys": {"service": "orders", "version": "1.4.2", "by": "Ada"},
    "/api/v1/silences": {"subject": "orders", "comment": "x", "by": "Ada", "for": "1h"},
    "/api/v1/silences/1/expire": {"by": "Ada"},
}


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic a-token-of-the-tests", "Bearer a-token-of-the-test",
     "Bearer a-token-of-the-testsx", "a-token-of-the-tests", "Bearer tok\u00e9n"],
)  # fmt: skip
def test_nobody_writes_without_the_token(web, path, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}

    answer = web.post(path, WRITES[path], token=None, headers=headers)

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer TOKEN" in answer.document["detail"]
    assert "monitor.token_file" in answer.document["detail"]
    assert web.desk.notebook == []


def test_the_scheme_is_known_in_any_case_as_http_has_it(web):
    answer = web.post("/api/v1/incidents", REPORT, token=None, headers={"Authorization": "bEARER a-token-of-the-tests"})

    assert answer.status == 201


def test_reading_needs_no_token(web):
    assert web.get("/api/v1/status", token=None).status == 200
    assert web.get("/api/v1/incidents", token=None).status == 200


def test_a_page_of_another_origin_is_never_invited(web):
    asked = web.ask("OPTIONS", "/api/v1/incidents", headers={"Origin": "https://evil.example"}, token=None)
    answer = web.get("/api/v1/status", headers={"Origin": "https://evil.example"})

    assert asked.status == 405
    assert not [name for name in {**asked.headers, **answer.headers} if name.startswith("access-control")]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8700", "127.0.0.1.evil.example", "10.0.0.7", "", "localhost.evil", "a b"]
)
def test_a_name_that_is_not_ours_is_refused_before_anything_else(web, host):
    answer = web.get("/api/v1/status", headers={"Host": host})

    assert answer.status == 421
    assert "monitor.listen" in answer.document["detail"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8700", "127.0.0.1:1", "[::1]:8700", "127.8.9.10"])
def test_loopback_names_are_ours(web, host):
    assert web.get("/api/v1/status", headers={"Host": host}).status == 200


def test_two_host_headers_are_one_too_many(web):
    request = b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as connection:
        connection.sendall(request)
        answer = connection.recv(4096)

    assert answer.split(b" ")[1] in (b"400", b"421")


def test_every_wrong_field_is_named_with_what_was_found_and_wanted(web):
    answer = web.post("/api/v1/incidents", {"reporter": 7, "symptons": "slow", "service": "  ", "severity": "SEV9"})

    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.document["detail"] == "5 problems in the body: symptons, reporter, symptoms, service, severity"
    assert answer.document["errors"] == [
        {"field": "symptons", "found": "an unknown field", "wanted": "did you mean symptoms?"},
        {"field": "reporter", "found": "a number", "wanted": "text of 1 to 200 characters"},
        {"field": "symptoms", "found": "nothing", "wanted": "text of 1 to 4000 characters"},
        {"field": "service", "found": "an empty text", "wanted": "text of 1 to 200 characters"},
        {"field": "severity", "found": "'SEV9'", "wanted": "SEV1 or SEV2 or SEV3 or SEV4"},
    ]


@pytest.mark.parametrize(
    ("found", "by"),
    [
        ("true or false", True),
        ("a list", ["Ada"]),
        ("an object", {"name": "Ada"}),
        ("a text of 201 characters", "x" * 201),
        ("the character U+000A", "Ada\nadmin: yes"),
        ("the character U+001B", "Ada\x1b[2J"),
        ("the character U+0000", "\x00Ada"),
        ("the character U+D800", "Ada\ud800"),
        ("the character U+0085", "Ada\u0085 and"),
    ],
)
def test_a_name_is_one_line_of_text(web, found, by):
    answer = web.post("/api/v1/incidents/1/ack", {"by": by})

    assert answer.status == 422
    assert answer.document["errors"][0]["found"] == found


def test_a_name_of_exactly_200_characters_is_taken(web):
    assert web.post("/api/v1/incidents", REPORT | {"reporter": "x" * 200}).status == 201


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"{", "is not JSON"),
        (b"reporter=Ada", "is not JSON"),
        (b"[]", "is a list"),
        (b'"Ada"', "is a text"),
        (b"null", "is null"),
        (b"\xff\xfe{}", "not UTF-8 at byte 0"),
        (b'{"by": NaN}', "NaN is not a JSON number"),
        (b'{"by": "a", "by": "b"}', "twice"),
        (b'{"by": ' + b"9" * 5000 + b"}", "is not JSON"),
        (b"[" * 200_000, "nested more than 8 deep"),
        (b'{"by": ' + b"[" * 8 + b"]" * 8 + b"}", "nested more than 8 deep"),
    ],
)
def test_a_body_that_is_not_a_json_object_is_refused(web, body, said):
    answer = web.post("/api/v1/incidents/1/ack", body)

    assert answer.status == 400
    assert said in answer.document["detail"]


def test_a_body_must_call_itself_json(web):
    answer = web.post("/api/v1/incidents", REPORT, headers={"Content-Type": "text/plain"})

    assert answer.status == 415
    assert (
        web.post("/api/v1/incidents", REPORT, headers={"Content-Type": "Application/JSON; charset=utf-8"}).status == 201
    )


def test_a_body_of_more_than_a_megabyte_is_refused_by_its_length_alone(web):
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as connection:
        head = (
            f"POST /api/v1/incidents HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {'a-token-of-the-tests'}\r\n"
            "Content-Type: application/json\r\nContent-Length: 1000001\r\n\r\n"
        )
        connection.sendall(head.encode())
        answer = connection.recv(4096)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_without_a_length_is_counted_while_it_comes(web):
    def endless():
        for _ in range(200):
            yield b'"' + b"x" * 9_999

    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)
    connection.putrequest("POST", "/api/v1/incidents")
    for name, value in {
        "Authorization": "Bearer a-token-of-the-tests",
        "Content-Type": "application/json",
        "Transfer-Encoding": "chunked",
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    try:
        for chunk in endless():
            connection.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
    except OSError:
        pass  # it stopped listening, as it should
    try:
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        status = 413  # the answer was lost with the connection that we kept filling
    connection.close()

    assert status == 413
    assert web.desk.notebook == []


def test_a_body_of_exactly_a_megabyte_is_read(web):
    frame = len(json.dumps(REPORT | {"symptoms": ""}))
    answer = web.post("/api/v1/incidents", REPORT | {"symptoms": "x" * (1_000_000 - frame)})

    assert answer.status == 422
    assert "a text of 999" in answer.document["errors"][0]["found"]


@pytest.mark.parametrize("key", ["", "x" * 201, "caf\u00e9"])
def test_an_idempotency_key_is_short_and_plain(web, key):
    assert web.post("/api/v1/incidents", REPORT, headers={"Idempotency-Key": key}).status == 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)
named = st.dictionaries(
    st.sampled_from([*REPORT, "severity", "by", "text", "why"]) | st.text(), json_values, max_size=5
)
bodies = (
    st.binary(max_size=200)
    | json_values.map(lambda v: json.dumps(v).encode())
    | named.map(lambda v: json.dumps(v).encode())
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(sorted(WRITES)), body=bodies)
def test_no_body_whatsoever_is_our_fault(web, path, body):
    answer = web.post(path, body)

    assert answer.status < 500, answer.body


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=300))
def test_no_noise_on_the_wire_ends_the_server(web, raw):
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(4096)

    assert not answer.startswith(b"HTTP/1.1 5")
    assert web.get("/healthz").status == 200

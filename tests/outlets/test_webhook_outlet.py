from __future__ import annotations

import hashlib
import hmac
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from monitor.ledger.records import Effect, EffectKind
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message
from monitor.outlets.webhook import WebhookOutlet

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECRET = "s3cr3t-of-the-hook"
EFFECT = Effect(
    key="01JNQ/webhook/0001/create",
    incident="01JNQ",
    service="orders",
    outlet="webhook",
    kind=EffectKind.CREATE,
    order=1,
    created_at=T0,
    next_at=T0,
)
MESSAGE = Message(
    incident="01JNQ",
    number=1,
    service="orders",
    title="orders does not answer",
    severity="SEV2",
    status="open",
    markdown="",
    update="",
    document={"number": 1, "title": "größer", "event": "is ours to say"},
)


def outlet_to(url: str, secret: str = SECRET) -> WebhookOutlet:
    return WebhookOutlet(url, SecretStr(secret), wall=lambda: 1_772_366_400.9)


def test_a_post_is_signed_keyed_and_says_what_happened(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook", method="POST").respond_with_json({"id": 42, "url": "https://t.example/42"})

    sent = outlet_to(httpserver.url_for("/hook")).deliver(EFFECT, MESSAGE, "41")

    request, _ = httpserver.log[0]
    body = request.get_data()
    expected = hmac.new(SECRET.encode(), b"1772366400." + body, hashlib.sha256).hexdigest()
    assert sent == Delivery(
        outcome=DeliveryOutcome.CONFIRMED,
        detail="localhost answered 200",
        external_id="42",
        url="https://t.example/42",
    )
    assert json.loads(body) == {
        "number": 1,
        "title": "größer",
        "event": "create",
        "key": EFFECT.key,
        "external_id": "41",
    }
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Idempotency-Key"] == EFFECT.key
    assert request.headers["X-Watchkeeper-Timestamp"] == "1772366400"
    assert request.headers["X-Watchkeeper-Signature"] == f"v1={expected}"


def test_without_a_secret_nothing_pretends_to_be_signed(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("")

    outlet_to(httpserver.url_for("/hook"), secret="").deliver(EFFECT, MESSAGE, "")

    assert not any(name.startswith("X-Watchkeeper") for name, _ in httpserver.log[0][0].headers)


def test_what_goes_out_unrecorded_says_so(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("")

    outlet_to(httpserver.url_for("/hook")).deliver(EFFECT, replace(MESSAGE, degraded="Ledger unavailable."), "")

    assert httpserver.log[0][0].get_json()["degraded"] == "Ledger unavailable."


@pytest.mark.parametrize(
    ("outcome", "statuses"),
    [
        (DeliveryOutcome.CONFIRMED, (200, 201, 202, 204)),
        (DeliveryOutcome.REFUSED, (400, 404, 405, 410, 413, 415, 422)),
        (DeliveryOutcome.UNAUTHORISED, (401, 403)),
        (DeliveryOutcome.RETRY, (301, 302, 307, 308, 408, 409, 425, 429)),
        (DeliveryOutcome.AMBIGUOUS, (500, 502, 503, 504)),
    ],
)
def test_each_status_has_its_outcome(
    httpserver: HTTPServer, outcome: DeliveryOutcome, statuses: tuple[int, ...]
) -> None:
    for status in statuses:
        httpserver.expect_request(f"/{status}").respond_with_data("", status=status)

        answer = outlet_to(httpserver.url_for(f"/{status}")).deliver(EFFECT, MESSAGE, "")

        assert (status, answer.outcome) == (status, outcome)
        assert str(status) in answer.detail


def test_a_redirect_is_not_followed_and_the_detail_says_what_to_do(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/old").respond_with_data("", status=308, headers={"Location": "/new"})
    httpserver.expect_request("/new").respond_with_data("")

    answer = outlet_to(httpserver.url_for("/old")).deliver(EFFECT, MESSAGE, "")

    assert answer.detail == "localhost answered 308, a redirect, which is not followed: configure the new address"
    assert [request.path for request, _ in httpserver.log] == ["/old"]


def test_the_wait_that_is_asked_for_is_passed_on(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("", status=429, headers={"Retry-After": "17"})

    assert outlet_to(httpserver.url_for("/hook")).deliver(EFFECT, MESSAGE, "").retry_after == 17.0


@pytest.mark.parametrize(
    "body", ["", "thanks!", "[1, 2]", '{"id": true, "url": 3}', '{"url": "javascript:alert(1)"}', "[" * 50_000]
)
def test_any_answer_body_confirms_but_gives_no_id(httpserver: HTTPServer, body: str) -> None:
    httpserver.expect_request("/hook").respond_with_data(body)

    answer = outlet_to(httpserver.url_for("/hook")).deliver(EFFECT, MESSAGE, "")

    assert (answer.outcome, answer.external_id, answer.url) == (DeliveryOutcome.CONFIRMED, "", "")


def test_of_an_endless_answer_only_the_beginning_is_read(httpserver: HTTPServer) -> None:
    sent = []

    def endless(_: Request) -> Response:
        def chunks() -> Iterator[bytes]:
            for _ in range(4_000):
                sent.append(1)
                yield b"x" * 16_384

        return Response(chunks(), 200)

    httpserver.expect_request("/hook").respond_with_handler(endless)

    assert outlet_to(httpserver.url_for("/hook")).deliver(EFFECT, MESSAGE, "").outcome is DeliveryOutcome.CONFIRMED
    assert len(sent) < 4_000


def test_proxies_of_the_environment_are_ignored(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    httpserver.expect_request("/hook").respond_with_data("")

    assert outlet_to(httpserver.url_for("/hook")).deliver(EFFECT, MESSAGE, "").outcome is DeliveryOutcome.CONFIRMED


def serve_once(behave: Callable[[socket.socket], None]) -> str:
    """A listener that takes one request and then does as told."""
    server = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with server:
            connection, _ = server.accept()
            with connection:
                # All of it: what is left unread when we close would reset the answer on its way.
                request = b""
                while not request.endswith(b"}") and (more := connection.recv(65_536)):
                    request += more
                behave(connection)

    threading.Thread(target=run, daemon=True).start()
    return f"http://127.0.0.1:{server.getsockname()[1]}/hook/with-a-token"


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_connection_that_breaks_after_the_request_leaves_the_outcome_unknown() -> None:
    for behave in (reset, lambda connection: connection.close(), lambda connection: connection.sendall(b"HTTP/1.1 2")):
        answer = outlet_to(serve_once(behave)).deliver(EFFECT, MESSAGE, "")

        assert answer.outcome is DeliveryOutcome.AMBIGUOUS
        assert answer.detail.startswith("127.0.0.1: ")


def test_an_answer_torn_in_its_body_has_confirmed_all_the_same() -> None:
    torn = b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id": "4'

    answer = outlet_to(serve_once(lambda connection: connection.sendall(torn))).deliver(EFFECT, MESSAGE, "")

    assert (answer.outcome, answer.external_id) == (DeliveryOutcome.CONFIRMED, "")


def test_a_refused_connection_was_surely_not_taken() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else gets the port meanwhile
        port = held.getsockname()[1]
        answer = outlet_to(f"http://127.0.0.1:{port}/hook/with-a-token").deliver(EFFECT, MESSAGE, "")

    assert answer == Delivery(outcome=DeliveryOutcome.RETRY, detail="127.0.0.1: NewConnectionError")


def test_a_plain_webhook_cannot_be_asked(httpserver: HTTPServer) -> None:
    answer = outlet_to(httpserver.url_for("/hook")).reconcile(EFFECT, "")

    assert answer is not None
    assert answer.outcome is DeliveryOutcome.AMBIGUOUS
    assert httpserver.log == []


def test_neither_secret_nor_path_is_ever_shown(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("", status=500)
    outlet = outlet_to(httpserver.url_for("/hook") + "?token=t0k3n")
    broken = outlet_to(serve_once(reset))

    shown = [repr(outlet), outlet.deliver(EFFECT, MESSAGE, "").detail, broken.deliver(EFFECT, MESSAGE, "").detail]

    assert not any(word in text for text in shown for word in (SECRET, "t0k3n", "with-a-token"))

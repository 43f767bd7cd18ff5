"""Pages through apprise, which cannot be asked: nothing is lost, or silently sent twice, and no address is shown."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from pydantic import SecretStr

from monitor.config import Apprise
from monitor.ledger.records import Effect, EffectKind
from monitor.outlets.apprise import sender
from monitor.outlets.apprise.outlet import AppriseOutlet
from monitor.outlets.apprise.send import Heard
from monitor.outlets.apprise.sender import Result, Sent
from monitor.outlets.apprise.text import AGAIN, LONGEST_BODY, LONGEST_TITLE, body_of, title_of
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ULID = "01JNQ0000000000000000000ZZ"
MAIL, PHONE = "mailto://on-call:s3cr3t@mail.example", "ntfy://s3cr3t-topic"
CREATE, UPDATE, CLOSE = EffectKind.CREATE, EffectKind.UPDATE, EffectKind.CLOSE
YES, NO, NEVER, PERHAPS = (Result(sent) for sent in Sent)

MESSAGE = Message(
    incident=ULID, number=1, service="orders", title="INC-0001 SEV2 orders: HTTP 503", severity="SEV2", status="open",
    markdown="# INC-0001\n", update="orders does not answer",
    document={"status": "open, SEV2, for 1 min 30 s", "symptoms": ["live: answered 503"]},
)  # fmt: skip


def effect(order: int = 1, kind: EffectKind = CREATE, attempts: int = 1, incident: str = ULID) -> Effect:
    return Effect(
        key=f"{incident}/apprise/{order:04d}/{kind}", incident=incident, service="orders", outlet="apprise", kind=kind,
        order=order, created_at=T0, next_at=T0, attempts=attempts,
    )  # fmt: skip


class Post:
    """Takes what is sent, and answers what it was told to."""

    def __init__(self, *answers: Sequence[Result]) -> None:
        self.answers = list(answers)
        self.sent: list[tuple[tuple[str, ...], bool]] = []

    def send(self, urls: Sequence[str], _title: str, body: str) -> list[Result]:
        self.sent.append((tuple(urls), body.startswith(AGAIN)))
        return list(self.answers.pop(0)) if self.answers else [YES] * len(urls)

    def outlet(self) -> AppriseOutlet:
        return AppriseOutlet(Apprise(urls=(SecretStr(MAIL), SecretStr(PHONE))), self.send)


def deliver(outlet: AppriseOutlet, *effects: Effect) -> list[DeliveryOutcome]:
    return [outlet.deliver(one, MESSAGE, "").outcome for one in effects]


OK, RETRY, AMBIGUOUS, REFUSED = (
    DeliveryOutcome.CONFIRMED, DeliveryOutcome.RETRY, DeliveryOutcome.AMBIGUOUS, DeliveryOutcome.REFUSED
)  # fmt: skip


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        ((YES, YES), OK),
        ((YES, NO), RETRY),
        ((NO, PERHAPS), AMBIGUOUS),
        ((YES, PERHAPS), AMBIGUOUS),
        ((NEVER, NO), RETRY),
        ((NEVER, YES), REFUSED),
        ((NEVER, NEVER), REFUSED),
    ],
)
def test_what_became_of_the_whole(results: tuple[Result, Result], outcome: DeliveryOutcome) -> None:
    assert deliver(Post(results).outlet(), effect()) == [outcome]


def test_only_who_does_not_have_it_is_sent_it_again_and_is_told_where_it_may_be_a_repetition() -> None:
    post = Post((YES, PERHAPS), (NO,), (YES,))
    outcomes = deliver(post.outlet(), effect(), effect(attempts=2), effect(attempts=3))

    assert outcomes == [AMBIGUOUS, RETRY, OK]
    assert post.sent == [((MAIL, PHONE), False), ((PHONE,), True), ((PHONE,), False)]


def test_who_surely_does_not_have_it_and_who_may_are_told_apart() -> None:
    post = Post((NO, PERHAPS))
    assert deliver(post.outlet(), effect(), effect(attempts=2)) == [AMBIGUOUS, OK]
    assert post.sent[1:] == [((MAIL,), False), ((PHONE,), True)]


def test_another_incident_in_between_makes_nothing_forgotten() -> None:
    post = Post((YES, NO))
    other = effect(incident="01JNQ0000000000000000000AA")
    assert deliver(post.outlet(), effect(), other, effect(attempts=2)) == [RETRY, OK, OK]
    assert post.sent[2] == ((PHONE,), False)


def test_what_a_newer_one_has_taken_the_place_of_is_forgotten() -> None:
    outlet = Post((YES, PERHAPS)).outlet()
    assert deliver(outlet, effect(1), effect(2, UPDATE)) == [AMBIGUOUS, OK]
    assert outlet._begun == {}


def test_after_a_restart_everybody_may_have_it() -> None:
    post = Post()
    assert deliver(post.outlet(), effect(attempts=2)) == [OK]
    assert post.sent == [((MAIL, PHONE), True)]
    asked = post.outlet().reconcile(effect(), "")
    assert asked is not None
    assert asked.outcome is AMBIGUOUS


def test_nothing_that_is_said_holds_an_address() -> None:
    outlet = Post((Result(Sent.PERHAPS, "it took too long"), Result(Sent.NEVER, "answered 404"))).outlet()
    found: Delivery = outlet.deliver(effect(), MESSAGE, "")
    assert found.detail == "mailto: sent or not, it took too long; ntfy: refused, answered 404"
    assert repr(outlet) == "AppriseOutlet(mailto, ntfy)"


# -- what people read -------------------------------------------------------------------------------------------


def test_a_page_as_it_is_read() -> None:
    assert title_of(CREATE, MESSAGE) == "INC-0001 SEV2 orders: HTTP 503"
    assert title_of(CLOSE, MESSAGE) == "Over: INC-0001 SEV2 orders: HTTP 503"
    assert body_of(MESSAGE, again=True) == (
        "Sent again: it is not known whether this arrived before.\n"
        "status: open, SEV2, for 1 min 30 s\n"
        "symptom: live: answered 503\n"
        "newest: orders does not answer"
    )


def test_a_megabyte_of_hostile_words_calls_nobody_and_is_cut() -> None:
    hostile = "@channel <!here> <@U123> @everyone \x00\x1b[31m \ud800" * 30_000
    document: dict[str, object] = {"status": hostile, "symptoms": [hostile] * 300}
    message = replace(MESSAGE, title=hostile, update=hostile, degraded=hostile, document=document)
    title, body = title_of(CLOSE, message), body_of(message, again=True)

    assert (len(title) <= LONGEST_TITLE, len(body) <= LONGEST_BODY) == (True, True)
    for called in ("@channel", "@everyone", "<!here", "<@U", "\x1b", "\ud800"):
        assert called not in title + body


# -- the process that sends -------------------------------------------------------------------------------------


@pytest.fixture
def answering() -> Iterator[tuple[str, list[Any]]]:
    """A server whose path is the status that it answers, and what it was sent."""
    taken: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if self.path == "/drop":
                self.connection.close()
                return
            self.send_response(int(self.path[1:]))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}", taken
    server.shutdown()
    server.server_close()


def test_what_the_other_side_answered_is_what_is_known(
    answering: tuple[str, list[Any]], free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    host, taken = answering
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    urls = [f"json://{host}/{path}" for path in ("200", "404", "401", "429", "503", "drop")]
    nobody = f"127.0.0.1:{free_port()}"
    away = [f"json://{nobody}", f"mailto://{nobody}?from=watchkeeper@shop.example&to=on-call@shop.example"]
    found = sender.send([*urls, *away, "nonesuch://there"], "INC-0001 SEV2", "status: open\nüber <b>")

    assert [(one.sent, one.why) for one in found] == [
        (Sent.YES, ""),
        (Sent.NEVER, "answered 404"),
        (Sent.NO, "answered 401"),
        (Sent.NO, "answered 429"),
        (Sent.PERHAPS, "answered 503"),
        (Sent.PERHAPS, "failed"),
        (Sent.NO, "no connection"),
        (Sent.NO, "no connection"),
        (Sent.NEVER, "apprise does not know such an address"),
    ]
    assert {(one["title"], one["message"]) for one in taken} == {("INC-0001 SEV2", "status: open\nüber <b>")}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (["Failed to send JSON POST notification: Too many, error=429."], "429"),
        (["Sent JSON notification.", "Failed to send JSON POST notification: Too many, error=429."], ""),
        (["Socket Exception: [Errno 111] Connection refused"], "no connection"),
        (["Sent Email to ada@shop.example", "Socket Exception: [Errno 111] Connection refused"], ""),
        (["Socket Exception: [Errno 111] Connection refused", "Socket Exception: Read timed out."], ""),
        (["Socket Exception: Read timed out.", "Failed, error=404."], ""),
        (["JSON Payload: was sent", "Failed, error=503."], "503"),
        ([], ""),
    ],
)
def test_of_several_receivers_nobody_surely_lacks_it_once_one_may_have_it(said: list[str], why: str) -> None:
    heard = Heard()
    for line in said:
        level = logging.INFO if "Sent" in line else logging.DEBUG
        heard.handle(logging.makeLogRecord({"msg": line, "levelno": level}))
    assert heard.why == why


def test_an_e_mail(free_port: Callable[[], int]) -> None:
    class Mailbox:
        def __init__(self) -> None:
            self.mails: list[bytes] = []

        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
            self.mails.append(envelope.content)
            return "250 OK"

    mailbox, port = Mailbox(), free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        url = f"mailto://127.0.0.1:{port}?from=watchkeeper@shop.example&to=on-call@shop.example"
        assert sender.send([url], title_of(CREATE, MESSAGE), body_of(MESSAGE, again=False)) == [YES]
    finally:
        controller.stop()
    (mail,) = map(message_from_bytes, mailbox.mails)
    assert (mail["Subject"], mail["To"]) == ("INC-0001 SEV2 orders: HTTP 503", "on-call@shop.example")
    assert "symptom: live: answered 503" in mailbox.mails[0].decode()


def test_a_process_that_does_not_end_is_ended_and_what_it_has_sent_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    program = 'import sys, time; print(\'["sent", ""]\', flush=True); time.sleep(600)'
    monkeypatch.setattr(sender, "_COMMAND", (sys.executable, "-c", program))
    monkeypatch.setattr(sender, "PATIENCE", 6.0)
    monkeypatch.setattr(sender, "PATIENCE_EACH", 0.0)
    assert sender.send([MAIL, PHONE], "title", "body") == [YES, Result(Sent.PERHAPS, "it took too long")]


@pytest.mark.parametrize(
    ("program", "why"),
    [("raise SystemExit(7)", "its process ended with 7"), ("print('hello')", "it said nothing that can be read")],
)
def test_a_process_that_breaks_leaves_it_open(program: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_COMMAND", (sys.executable, "-c", program))
    assert sender.send([MAIL], "title", "body") == [Result(Sent.PERHAPS, why)]


def test_a_program_that_is_not_there_has_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_COMMAND", ("/nonexistent/python",))
    assert sender.send([MAIL], "title", "body") == [Result(Sent.NO, "could not be begun: No such file or directory")]


def test_the_daemon_loads_neither_apprise_nor_calendars() -> None:
    names = {"apprise", "icalendar", "recurring_ical_events"}
    code = f"import sys, monitor.daemon.daemon; assert not {names} & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ, timeout=120)

"""What stands in a channel of Slack, and what becomes of what it refuses: a server that keeps state, over loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fake_slack import CHANNEL, LONGEST_BLOCKS, FakeSlack, Posted, words_of
from faults import Asked, Clock, Fault
from pydantic import SecretStr

from monitor.config import Slack
from monitor.ledger.records import Effect, EffectKind
from monitor.outlets.http import NoAnswer, RequestsConnection
from monitor.outlets.outlet import DeliveryOutcome, Message
from monitor.outlets.slack.blocks import escaped, parent, reply
from monitor.outlets.slack.news import AT_ONCE
from monitor.outlets.slack.site import PATIENCE, SlackSite
from monitor.outlets.tickets import TicketOutlet

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
INCIDENT = "01JNQ0000000000000000000ZZ"
TOKEN = "xoxb-hunter2"
CREATE, UPDATE, CLOSE, REOPEN = EffectKind.CREATE, EffectKind.UPDATE, EffectKind.CLOSE, EffectKind.REOPEN
ATTACK = "<!channel> @channel *bold* <https://evil.example|orders> `x` & ```"


class Wire(BaseHTTPRequestHandler):
    """The fake behind a real socket; what it does without an answer is a connection that ends."""

    slack: FakeSlack
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length) if length else None
        try:
            answer = self.slack.exchange(self.command, self.path, dict(self.headers), body)
        except NoAnswer:
            self.close_connection = True
            return
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.body or b"")))
        if answer.retry_after is not None:
            self.send_header("Retry-After", f"{answer.retry_after:.0f}")
        self.end_headers()
        self.wfile.write(answer.body or b"")

    do_POST = do_GET  # noqa: N815 - as the server calls it

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slack(clock: Clock) -> FakeSlack:
    return FakeSlack(now=clock)


@pytest.fixture
def address(slack: FakeSlack) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Wire,), {"slack": slack}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def outlet(address: str, clock: Clock) -> TicketOutlet:
    return made(address, clock)


def made(address: str, clock: Clock, channel: str = "#incidents") -> TicketOutlet:
    settings = Slack(channel=channel, token=SecretStr(TOKEN), url=address)
    return TicketOutlet(
        "slack",
        SlackSite(settings, connect=lambda: RequestsConnection(1_000_000), now=clock),
        now=clock,
        patience=PATIENCE,
    )


def effect(order: int, kind: EffectKind, attempts: int = 1) -> Effect:
    return Effect(
        key=f"{INCIDENT}/slack/{order:04d}/{kind}", incident=INCIDENT, service="orders", outlet="slack", kind=kind,
        order=order, created_at=T0, next_at=T0, attempts=attempts,
    )  # fmt: skip


def message(
    update: str, *, severity: str = "SEV2", status: str = "open", updates: tuple[str, ...] = (), **more: object
) -> Message:
    document: dict[str, object] = {
        "status": f"{status}, {severity}", "services": ["orders"], "roles": ["Incident Commander: Ada"],
        "symptoms": ["orders/live: HTTP 503"], "why": ["all checks fail"], **more,
    }  # fmt: skip
    return Message(
        incident=INCIDENT, number=7, service="orders", title=f"INC-0007 {severity} orders: HTTP 503",
        severity=severity, status=status, markdown="", update=update, document=document,
        updates=updates,
    )  # fmt: skip


def only(slack: FakeSlack) -> Posted:
    (found,) = slack.parents()
    return found


def failing_once(method: str, fault: Fault) -> object:
    left = [fault]

    def plan(asked: Asked) -> Fault | None:
        return left.pop() if left and asked.path.endswith(method) else None

    return plan


def test_one_thread_lives_from_its_opening_to_a_relapse(outlet: TicketOutlet, slack: FakeSlack) -> None:
    opened = outlet.deliver(effect(1, CREATE), message("orders is down"), "")

    assert opened.outcome is DeliveryOutcome.CONFIRMED
    first = only(slack)
    assert opened.external_id == f"{CHANNEL}:{first.ts}"
    assert opened.url == f"https://example.slack.example/archives/{CHANNEL}/p{first.ts.replace('.', '')}"
    assert (
        "INC-0007 SEV2 orders: HTTP 503\nStatus: open, SEV2\nService: orders\nWho: Incident Commander: Ada"
        in first.words
    )
    assert slack.thread(first) == []

    told = [(UPDATE, message("Ada took it")), (UPDATE, message("now SEV1", severity="SEV1")),
            (CLOSE, message("resolved: 180 probes in 30 min", status="resolved")),
            (REOPEN, message("failing again"))]  # fmt: skip
    states = []
    for order, (kind, said) in enumerate(told, 2):
        assert outlet.deliver(effect(order, kind), said, opened.external_id).outcome is DeliveryOutcome.CONFIRMED
        states.append((only(slack).words.partition("\nService")[0], only(slack).metadata["event_payload"]["closed"]))

    assert [one.words.strip() for one in slack.thread(only(slack))] == [
        "Ada took it", "now SEV1", "resolved: 180 probes in 30 min", "failing again",
    ]  # fmt: skip
    assert states == [
        ("INC-0007 SEV2 orders: HTTP 503\nStatus: open, SEV2", False),
        ("INC-0007 SEV1 orders: HTTP 503\nStatus: open, SEV1", False),
        ("INC-0007 SEV2 orders: HTTP 503\nStatus: resolved, SEV2", True),
        ("INC-0007 SEV2 orders: HTTP 503\nStatus: open, SEV2", False),
    ]


def test_the_same_words_are_not_said_twice(outlet: TicketOutlet, slack: FakeSlack) -> None:
    opened = outlet.deliver(effect(1, CREATE), message("orders is down"), "")
    outlet.deliver(effect(2, UPDATE), message("orders is down"), opened.external_id)

    assert slack.thread(only(slack)) == []
    assert only(slack).edits == 1


def test_updates_that_became_one_effect_are_all_told(outlet: TicketOutlet, slack: FakeSlack) -> None:
    updates = ("orders is down", "took it (Ada)", "the pool is full (Grace)", "rolled back (Ada)")
    opened = outlet.deliver(effect(1, CREATE), message(updates[0], updates=updates[:1]), "")
    outlet.deliver(effect(3, UPDATE), message(updates[2], updates=updates[:3]), opened.external_id)
    outlet.deliver(effect(4, UPDATE), message(updates[3], updates=updates), opened.external_id)

    said = [one.words.strip() for one in slack.thread(only(slack))]
    assert said == ["took it (Ada)\nthe pool is full (Grace)", "rolled back (Ada)"]


@pytest.mark.parametrize("is_same_process", [True, False])
def test_an_update_that_was_posted_and_outdated_before_that_was_known_is_not_told_again(
    outlet: TicketOutlet, slack: FakeSlack, address: str, clock: Clock, is_same_process: bool
) -> None:
    updates = ("orders is down", "took it (Ada)", "rolled back (Ada)")
    opened = outlet.deliver(effect(1, CREATE), message(updates[0], updates=updates[:1]), "")
    slack.plan = failing_once("chat.update", Fault.REFUSED)  # the reply is posted, the first message is not edited
    slack.lag = lambda: 10.0 if is_same_process else 0.0  # then only who posted it knows it
    second = outlet.deliver(effect(2, UPDATE), message(updates[1], updates=updates[:2]), opened.external_id)
    assert second.outcome is not DeliveryOutcome.CONFIRMED
    teller = outlet if is_same_process else made(address, clock)
    teller.deliver(effect(3, UPDATE), message(updates[2], updates=updates), opened.external_id)

    assert [one.words.strip() for one in slack.thread(only(slack))] == list(updates[1:])


def test_of_very_many_updates_the_newest_are_told(outlet: TicketOutlet, slack: FakeSlack) -> None:
    updates = ("orders is down", *(f"note {number}" for number in range(AT_ONCE + 2)))
    opened = outlet.deliver(effect(1, CREATE), message(updates[0], updates=updates[:1]), "")
    outlet.deliver(effect(9, UPDATE), message(updates[-1], updates=updates), opened.external_id)

    (said,) = [one.words.strip().splitlines() for one in slack.thread(only(slack))]
    assert said == ["(and 2 before, in the timeline)", *updates[3:]]


@pytest.mark.parametrize("updates", [(), ("something else",), ("orders is down", "something else")])
def test_where_the_updates_are_not_known_the_newest_is_told(
    outlet: TicketOutlet, slack: FakeSlack, updates: tuple[str, ...]
) -> None:
    opened = outlet.deliver(effect(1, CREATE), message("orders is down"), "")
    outlet.deliver(effect(2, UPDATE), message("took it (Ada)", updates=updates), opened.external_id)

    assert [one.words.strip() for one in slack.thread(only(slack))] == ["took it (Ada)"]


def test_a_post_whose_connection_was_dropped_is_found_by_its_key(
    outlet: TicketOutlet, slack: FakeSlack, clock: Clock
) -> None:
    slack.plan = failing_once("chat.postMessage", Fault.DROPPED)
    slack.lag = lambda: 10.0
    first = effect(1, CREATE)

    assert outlet.deliver(first, message("down"), "").outcome is DeliveryOutcome.AMBIGUOUS
    found = outlet.reconcile(first, "")
    assert found is not None
    assert found.outcome is DeliveryOutcome.RETRY, "history does not know it yet, so it is not posted again"
    clock.seconds += 10.0
    found = outlet.reconcile(first, "")
    assert found is not None
    assert (found.outcome, found.external_id) == (DeliveryOutcome.CONFIRMED, f"{CHANNEL}:{only(slack).ts}")


def test_a_post_that_was_lost_is_sent_again_after_thirty_seconds_and_not_before(
    outlet: TicketOutlet, slack: FakeSlack, clock: Clock
) -> None:
    slack.plan = failing_once("chat.postMessage", Fault.TIMEOUT)
    first = effect(1, CREATE)
    outlet.deliver(first, message("down"), "")

    assert outlet.reconcile(first, "") is not None
    clock.seconds += PATIENCE - 0.1
    assert outlet.reconcile(first, "") is not None
    clock.seconds += 0.1
    assert outlet.reconcile(first, "") is None
    assert outlet.deliver(replace(first, attempts=2), message("down"), "").outcome is DeliveryOutcome.CONFIRMED
    assert len(slack.parents()) == 1


def test_a_reply_that_is_there_is_not_posted_again_by_a_process_that_knows_nothing_of_it(
    outlet: TicketOutlet, slack: FakeSlack, address: str, clock: Clock
) -> None:
    opened = outlet.deliver(effect(1, CREATE), message("down"), "")
    for order in range(2, 7):  # more than a page of replies
        outlet.deliver(effect(order, UPDATE), message(f"update {order}"), opened.external_id)
    slack.plan = failing_once("chat.update", Fault.REFUSED)  # the reply is posted, the first message is not edited
    last = effect(7, UPDATE)
    outlet.deliver(last, message("the last"), opened.external_id)
    born = made(address, clock)
    clock.seconds += 60.0
    assert born.deliver(replace(last, attempts=2), message("the last"), opened.external_id).outcome is (
        DeliveryOutcome.CONFIRMED
    )

    said = [one.words.strip() for one in slack.thread(only(slack))]
    assert said.count("the last") == 1
    assert len(said) == 6


@pytest.mark.parametrize(
    ("error", "outcome", "words"),
    [
        ("invalid_auth", DeliveryOutcome.UNAUTHORISED, "give its bot token"),
        ("missing_scope", DeliveryOutcome.UNAUTHORISED, "(channels:history): add the scopes of docs/chat.md"),
        ("not_in_channel", DeliveryOutcome.UNAUTHORISED, "/invite @NAME"),
        ("channel_not_found", DeliveryOutcome.UNAUTHORISED, "see that chat.slack.channel is right"),
        ("ratelimited", DeliveryOutcome.RETRY, "ratelimited"),
        ("internal_error", DeliveryOutcome.AMBIGUOUS, "internal_error"),
        ("invalid_blocks", DeliveryOutcome.REFUSED, "refused chat.postMessage: invalid_blocks"),
        ("<!channel>\n" * 99, DeliveryOutcome.REFUSED, "in a word that is none of Slack's"),
    ],
)
def test_a_refusal_says_what_follows_and_what_helps(
    outlet: TicketOutlet, slack: FakeSlack, error: str, outcome: DeliveryOutcome, words: str
) -> None:
    slack.refuses["chat.postMessage"] = error
    delivery = outlet.deliver(effect(1, CREATE), message("down"), "")

    assert delivery.outcome is outcome
    assert words in delivery.detail
    assert "\n" not in delivery.detail


def test_as_long_as_slack_asks_for_nothing_is_sent(outlet: TicketOutlet, slack: FakeSlack, clock: Clock) -> None:
    slack.plan = failing_once("chat.postMessage", Fault.LIMITED)

    assert outlet.deliver(effect(1, CREATE), message("down"), "").retry_after == 5.0
    asked = len(slack.log)
    clock.seconds += 4.9
    assert outlet.deliver(effect(1, CREATE, 2), message("down"), "").outcome is DeliveryOutcome.RETRY
    assert len(slack.log) == asked
    clock.seconds += 0.2
    assert outlet.deliver(effect(1, CREATE, 3), message("down"), "").outcome is DeliveryOutcome.CONFIRMED


def test_a_channel_that_the_app_is_not_in_is_told_before_anything_is_sent(
    address: str, slack: FakeSlack, clock: Clock
) -> None:
    delivery = made(address, clock, "#orders").deliver(effect(1, CREATE), message("down"), "")

    assert delivery.outcome is DeliveryOutcome.UNAUTHORISED
    assert "in no channel called #orders: invite it there" in delivery.detail
    assert slack.posted == []


def test_by_its_id_a_channel_is_not_looked_for(address: str, slack: FakeSlack, clock: Clock) -> None:
    slack.refuses["users.conversations"] = "missing_scope"

    assert made(address, clock, CHANNEL).deliver(effect(1, CREATE), message("x"), "").outcome is (
        DeliveryOutcome.CONFIRMED
    )


def test_where_nothing_may_be_edited_any_more_the_thread_goes_on(
    outlet: TicketOutlet, slack: FakeSlack, clock: Clock
) -> None:
    opened = outlet.deliver(effect(1, CREATE), message("down"), "")
    slack.edited_within = 300.0
    clock.seconds += 301.0
    delivery = outlet.deliver(effect(2, UPDATE), message("still down"), opened.external_id)

    assert delivery.outcome is DeliveryOutcome.CONFIRMED
    assert "its first message stays as it is" in delivery.detail
    assert [one.words.strip() for one in slack.thread(only(slack))] == ["still down"]


def test_a_thread_that_a_person_deleted_is_not_begun_again(outlet: TicketOutlet, slack: FakeSlack) -> None:
    opened = outlet.deliver(effect(1, CREATE), message("down"), "")
    slack.deleted.add(only(slack).ts)
    delivery = outlet.deliver(effect(2, UPDATE), message("still down"), opened.external_id)

    assert delivery.outcome is DeliveryOutcome.REFUSED
    assert "was deleted" in delivery.detail
    assert slack.parents() == []


def test_the_token_is_shown_to_slack_and_to_nobody_else(outlet: TicketOutlet, slack: FakeSlack) -> None:
    slack.refuses["chat.postMessage"] = f"no_{TOKEN}"
    delivery = outlet.deliver(effect(1, CREATE), message("down"), "")

    assert {sent["Authorization"] for sent in slack.headers} == {f"Bearer {TOKEN}"}
    assert TOKEN not in f"{delivery} {outlet!r}"


def test_hostile_text_is_the_plain_text_of_a_block_and_escaped_beside_it() -> None:
    said = message(ATTACK, symptoms=[ATTACK])
    content = parent(replace(said, title=ATTACK))

    assert ATTACK in words_of(content["blocks"])
    assert {part["type"] for part in content["blocks"][0]["elements"]} == {"rich_text_section", "rich_text_list"}
    for line in (content["text"], reply(ATTACK)["text"]):
        assert "<" not in line
        assert "@channel" not in line
        assert "*bold*" not in line
        assert "://" not in line
    assert escaped("a & b <c>") == "a &amp; b &lt;c&gt;"


@pytest.mark.parametrize("letter", ["x", "é", "\U0001f525", "<", "\x00", "\ud800"])
def test_a_megabyte_of_symptoms_is_cut_and_says_so(outlet: TicketOutlet, slack: FakeSlack, letter: str) -> None:
    huge = letter * 1_000_000
    said = message(huge, symptoms=[huge] * 50, why=["x"] * 50, reporter=huge)
    opened = outlet.deliver(effect(1, CREATE), replace(said, title=huge), "")
    told = outlet.deliver(effect(2, UPDATE), replace(said, title=huge), opened.external_id)

    assert (opened.outcome, told.outcome) == (DeliveryOutcome.CONFIRMED, DeliveryOutcome.CONFIRMED), opened.detail
    for one in (only(slack), *slack.thread(only(slack))):
        assert "Cut here: there is no room for more. The whole is shown by: monitor incident show" in one.words
        assert len(json.dumps(one.blocks, ensure_ascii=False)) < LONGEST_BLOCKS

"""An address in a span may be read by many: credentials, signatures and configured secrets never stand in it."""

from __future__ import annotations

import pytest

from checks.check import Check, HttpQuestion
from monitor.ledger.records import LedgerEvent
from monitor.telemetry.redact import masker, shown_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h/p", "http://h/p"),
        ("http://user:pass@h:1/p", "http://REDACTED:REDACTED@h:1/p"),
        ("http://token@h/p", "http://REDACTED@h/p"),
        ("http://a:b@c@h/", "http://REDACTED:REDACTED@h/"),
        ("http://h/?sig=abc&x=1", "http://h/?sig=REDACTED&x=1"),
        ("http://h/?X-Goog-Signature=abc&AWSAccessKeyId=b&Signature=c",
         "http://h/?X-Goog-Signature=REDACTED&AWSAccessKeyId=REDACTED&Signature=REDACTED"),
        ("http://h/?sig&sign=1", "http://h/?sig&sign=1"),
        ("http://h/?k=t0p%2Fsecret", "http://h/?k=REDACTED"),
        ("http://h/t0p/secret/x", "http://h/REDACTED/x"),
        ("http://[broken", "REDACTED"),
    ],
)  # fmt: skip
def test_an_address_as_it_is_shown(url, shown):
    assert shown_url(url, masker(["t0p/secret"])) == shown


def test_the_longer_secret_goes_first_or_its_end_would_stay():
    assert shown_url("http://h/abcdef", masker(["abc", "abcdef", ""])) == "http://h/REDACTED"


def test_a_secret_reaches_no_collector(receiver, telemetry_to, build):
    telemetry = telemetry_to(receiver.url, secrets=["hunter2"])
    check = Check(service="s", name="c", question=HttpQuestion(url="http://me:hunter2@127.0.0.1/?token=hunter2"))
    telemetry.probe(check, build.result(check=check))
    telemetry.event(
        LedgerEvent(
            name="incident.opened", at=build.t0, wall=build.t0, text="token hunter2 was refused",
            attributes={"why": "hunter2", "list": ["hunter2"], "deep": {"a": "hunter2"}},
        )
    )  # fmt: skip
    assert telemetry.close(60)
    assert len(receiver.received.bodies) >= 3
    assert not [path for path, body in receiver.received.bodies if b"hunter2" in body]


def test_a_secret_that_was_changed_is_hidden_from_then_on_also_of_checks_that_were_seen_before(
    receiver, telemetry_to, build
):
    telemetry = telemetry_to(receiver.url, secrets=["hunter2"])
    check = Check(service="s", name="c", question=HttpQuestion(url="http://127.0.0.1/?code=swordfish"))
    telemetry.hide(["swordfish", "hunter2"])
    telemetry.probe(check, build.result(check=check))
    telemetry.hide(["swordfish"])
    telemetry.probe(check, build.result(check=check))
    telemetry.event(LedgerEvent(name="incident.noted", at=build.t0, wall=build.t0, text="swordfish it was"))
    assert telemetry.close(60)
    assert len(receiver.received.bodies) >= 2
    assert not [path for path, body in receiver.received.bodies if b"swordfish" in body]

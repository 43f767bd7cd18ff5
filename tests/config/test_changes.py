"""What a new configuration changes of the one before, told key by key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.config import Config, applicable, changes, load

Reader = Callable[..., Config]

BEFORE = """
monitor: {{location: here, listen: "127.0.0.1:8700", state: {state}}}
services:
  shop:
    checks:
      live: http://localhost:8080/live
      ready: {{http: "http://localhost:8080/ready", interval: 10s}}
    slos: [{{sli: success, objective: 99.9%}}]
  bank:
    checks:
      live: http://localhost:8081/live
"""


@pytest.fixture
def before() -> str:
    return BEFORE.format(state="state")


def test_the_same_text_read_twice_changes_nothing(config: Reader, before: str) -> None:
    found = changes(config(before), config(before))

    assert not found
    assert found.text == "nothing changed"


@pytest.mark.parametrize(
    ("old", "new", "text", "asked_anew"),
    [
        ("interval: 10s", "interval: 20s", "+0 checks, -0, ~1", set()),
        ("interval: 10s", "interval: 10s, timeout: 1s", "+0 checks, -0, ~1", set()),
        ("8080/ready", "8080/other", "+0 checks, -0, ~1", {"shop/ready"}),
        ("interval: 10s", "interval: 10s, headers: {A: b}", "+0 checks, -0, ~1", {"shop/ready"}),
        ("      ready:", "      steady:", "+1 check, -1, ~0", set()),
        ("  bank:", "  banks:", "+1 check, -1, ~0", set()),
        ("99.9%", "99%", "services.shop.slos", set()),
        (
            "99.9%}]",
            "99.9%}]\n    maintenance: [{weekly: Sun 02:00-04:00}]",
            "services.shop.maintenance",
            set(),
        ),
        ("location: here", "location: there", "monitor.location", set()),
        ("services:", "contacts: {scribe: {primary: Ada}}\nservices:", "contacts", set()),
        ("services:", "incidents: {open_after: 1s}\nservices:", "incidents", set()),
        ("services:", "telemetry: {otlp: 'http://localhost:4318'}\nservices:", "telemetry", set()),
        ("services:", "tracker: {folder: elsewhere}\nservices:", "tracker", set()),
        ("  bank:", "  bank:\n    depends_on: [shop]", "services.bank.depends_on", set()),
    ],
)
def test_each_difference_is_told_by_its_key(
    config: Reader, before: str, old: str, new: str, text: str, asked_anew: set[str]
) -> None:
    assert before.count(old) == 1

    found = changes(config(before), config(before.replace(old, new)))

    assert found
    assert found.text == text
    assert found.asked_anew == asked_anew
    assert found.at_next_start == ()


def test_services_that_come_and_go_are_named_and_what_is_watched_in_another_way(config: Reader, before: str) -> None:
    after = before.replace("  bank:", "  banks:").replace("99.9%", "99%")

    found = changes(config(before), config(after))

    assert (found.services_added, found.services_removed) == ({"banks"}, {"bank"})
    assert found.touched == {"bank", "banks", "shop"}
    assert changes(config(before), config(before.replace("here", "there"))).touched == set()


def test_a_query_that_is_new_or_other_is_a_change_of_its_service(config: Reader) -> None:
    shop = "sources: {prometheus: http://localhost:9090}\nservices:\n  shop:\n    checks: {live: http://localhost/}\n"
    lost, other = (f"    queries: {{lost: {{promql: {query}, data_loss: true}}}}\n" for query in ("lost", "other"))

    assert changes(config(shop), config(shop + lost)).text == "services.shop.queries"
    assert changes(config(shop + lost), config(shop + other)).text == "services.shop.queries"
    assert not changes(config(shop + lost), config(shop + lost))


def test_what_only_a_start_can_change_stays_with_what_rests_on_it(config: Reader, before: str, tmp_path: Path) -> None:
    old = config(before)
    new = config(BEFORE.format(state="elsewhere").replace("8700", "8701").replace("here,", "there,"))

    found, applied = changes(old, new), applicable(old, new)

    assert found.at_next_start == ("monitor.state", "monitor.listen")
    assert found.text == "monitor.location"
    assert (applied.monitor.state, applied.monitor.listen) == (tmp_path / "state", old.monitor.listen)
    assert applied.tracker.folder == tmp_path / "state" / "tickets", "the default lies in the state folder"
    assert applied.monitor.location == "there"


def test_a_secret_that_changes_in_its_file_is_a_change_of_what_uses_it(
    config: Reader, before: str, tmp_path: Path
) -> None:
    hook = "tracker: {webhook: {url: 'http://localhost:9000/', secret_file: hook}}\n"
    (tmp_path / "hook").write_text("one")
    old = config(before + hook)
    (tmp_path / "hook").write_text("two")

    found = changes(old, config(before + hook))

    assert found.touches("tracker")
    assert "two" not in found.text


def test_authorities_that_changed_in_their_file_are_a_change_though_no_key_differs(
    config: Reader, before: str, tmp_path: Path
) -> None:
    pem = (Path(__file__).parent / "authorities.pem").read_bytes()
    (tmp_path / "ca.pem").write_bytes(pem)
    text = before.replace("interval: 10s", "interval: 10s, tls: {ca: ca.pem}").replace("8080/ready", "8443/ready")
    text = text.replace("http://localhost:8443", "https://localhost:8443")
    old = config(text)
    (tmp_path / "ca.pem").write_bytes(pem + b"\n")

    found = changes(old, config(text))

    assert found.authorities
    assert found.text == "certificate authorities"
    assert not changes(config(text), config(text))


def test_every_file_is_known_with_how_it_looked_also_of_a_bad_config(config: Reader, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    read = config(BEFORE.format(state="state").replace("location: here", "token_file: token"))

    assert set(read.read_from()) == {tmp_path / "config.yaml", tmp_path / "token"}
    assert all(read.read_from().values())
    assert load([tmp_path], {}).read_from() == read.read_from()

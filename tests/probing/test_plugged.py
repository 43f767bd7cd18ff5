"""Code that another package plugs in: what it raises, returns or never ends costs its own check alone."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from checks import kinds
from checks.bounded import Overrun, bounded
from checks.check import Check, Finding, HttpQuestion
from checks.datagram import DatagramRequest, EchoRequest
from checks.exchange import Answer, HttpRequest
from checks.kinds import Kind, Request
from checks.oauth2 import AuthorizedRequest, OAuth2
from checks.process import ProcessRequest
from checks.result import Outcome, Reason
from checks.secret import Secret
from checks.steps import JourneyRequest
from checks.stream import Step, StreamRequest
from checks.unusable import Question as UnusableQuestion
from checks.unusable import Unusable
from monitor.clock import SteadyClock
from monitor.probing import plugged
from monitor.probing.asking import judged, requests_of
from monitor.probing.once import run_once
from monitor.probing.wire import Configure, Frames, WireError, checks_of, configure, encode

PlugIn = Callable[..., Path]
FINE = Finding(outcome=Outcome.OK)


@dataclass(frozen=True, kw_only=True)
class Question:
    kind: ClassVar[str] = "odd"

    url: str = "udp://127.0.0.1:9"
    password: Secret | None = None


ASKED = (DatagramRequest(url="udp://127.0.0.1:9", send=b"x", timeout=1.0),)
CHECK = Check(service="shop", name="odd", question=Question(), timeout=5.0)
Put = Callable[..., None]


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Put:
    """`put(requests=..., judge=...)`: the kind as a package has it."""

    def put(requests: Any = lambda *_: ASKED, judge: Any = lambda *_: FINE) -> None:
        odd = Kind("odd", Question, requests, judge, plugged=True)
        monkeypatch.setattr(kinds, "_by_name", {"odd": odd})
        monkeypatch.setattr(kinds, "_by_question", {Question: odd})
        monkeypatch.setattr(plugged, "_resting", {})

    return put


def test_what_it_asks_for_has_the_time_of_the_attempt_at_most(put: Put) -> None:
    authorized = AuthorizedRequest(
        request=HttpRequest(url="https://x/", timeout=60.0),
        oauth2=OAuth2(token_url="https://t/", client_id="c", client_secret="s"),
    )
    put(requests=lambda *_: (replace(ASKED[0], timeout=60.0), replace(ASKED[0], timeout=0.5), authorized))

    asked: Any = requests_of(CHECK, 5.0)

    assert [asked[0].timeout, asked[1].timeout, asked[2].request.timeout] == [5.0, 0.5, 5.0]


def raising(*_: object) -> Any:
    raise KeyError("hunter2")


def leaving(*_: object) -> Any:
    raise SystemExit(3)


def stream(**given: Any) -> tuple[Request, ...]:
    return (StreamRequest(**{"url": "tcp://x:1", **given}),)


NONSENSE: list[tuple[Any, str]] = [
    (None, "requests returned no tuple of 1 to 10 requests"),
    ((), "requests returned no tuple of 1 to 10 requests"),
    ([ASKED[0]], "requests returned no tuple of 1 to 10 requests"),
    (ASKED * 11, "requests returned no tuple of 1 to 10 requests"),
    (("tcp://x:1",), "requests[0] is a str, and none of our requests"),
    ((ASKED[0], Question()), "requests[1] is a Question, and none of our requests"),
    ((replace(ASKED[0], send="text"),), "requests[0].send is a str, wanted bytes"),
    ((replace(ASKED[0], timeout=0.0),), "requests[0] has no time"),
    ((replace(ASKED[0], timeout=float("nan")),), "requests[0] has no time"),
    ((replace(ASKED[0], url="udp://x"),), "requests[0] has an address that cannot be asked"),
    ((replace(ASKED[0], url="unix:/x"),), "requests[0] has an address that cannot be asked"),
    ((replace(ASKED[0], url="udp://[::1:9"),), "requests[0] has an address that cannot be asked"),
    ((replace(ASKED[0], url="udp://x:99999"),), "requests[0] has an address that cannot be asked"),
    ((HttpRequest(url="file:///etc/passwd"),), "requests[0] has an address that cannot be asked"),
    ((HttpRequest(url="http://"),), "requests[0] has an address that cannot be asked"),
    ((EchoRequest(url="icmp://"),), "requests[0] has an address that cannot be asked"),
    ((ProcessRequest(command=(), directory="/"),), "requests[0] names no program"),
    ((JourneyRequest(steps=(), timeout=1.0),), "requests[0] has no step"),
    (stream(script=(Step(),)), "requests[0].script[0] does not do exactly one thing"),
    (stream(script=(Step(send=b"", expect="x"),)), "requests[0].script[0] does not do exactly one thing"),
    (stream(script=(Step(send=b"x"), Step(expect="("))), "requests[0].script[1] has what is no regular expression"),
]


@pytest.mark.parametrize(("returned", "why"), NONSENSE, ids=[f"{n} {why}" for n, (_, why) in enumerate(NONSENSE)])
def test_nonsense_to_ask_is_unknown_and_says_what_is_wrong(put: Put, returned: Any, why: str) -> None:
    put(requests=lambda *_: returned)

    (result,) = run_once([CHECK], [], SteadyClock.begin())

    assert (result.outcome, result.reason, result.detail) == (Outcome.UNKNOWN, Reason.INTERNAL, f"the kind odd: {why}")


@pytest.mark.parametrize(
    ("raises", "what"), [(raising, "KeyError"), (leaving, "SystemExit")], ids=["raises", "ends the process"]
)
def test_what_it_raises_is_unknown_says_where_and_quotes_nothing(put: Put, raises: Any, what: str) -> None:
    put(requests=raises)
    (asking,) = run_once([CHECK], [], SteadyClock.begin())
    put(judge=raises)
    (judging,) = run_once([CHECK], [], SteadyClock.begin())

    for result, task in ((asking, "requests"), (judging, "judge")):
        assert (result.outcome, result.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)
        assert result.detail.startswith(f"{task} of the kind odd raised {what} at test_plugged.py:")


FINDINGS: list[tuple[Any, str]] = [
    (None, "the finding is a NoneType, wanted Finding"),
    (True, "the finding is a bool, wanted Finding"),
    (Finding(outcome="ok"), "the finding.outcome is a str, wanted Outcome"),  # type: ignore[arg-type]
    (Finding(outcome=Outcome.OK, reason=Reason.BODY), "the finding is ok with a reason"),
    (Finding(outcome=Outcome.FAILED), "the finding is failed with no reason"),
    (Finding(outcome=Outcome.OK, facts={"a": float("inf")}), "the finding has more than 32 facts, or one that is no"),
    (Finding(outcome=Outcome.OK, facts=dict.fromkeys(map(str, range(33)), 1.0)), "the finding has more than 32 facts"),
    (Finding(outcome=Outcome.OK, notes=("x",) * 9), "the finding has more than 8 warnings or notes"),
    (Finding(outcome=Outcome.OK, answer="x"), "the finding.answer is a str, wanted Answer"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("finding", "why"), FINDINGS, ids=[why for _, why in FINDINGS])
def test_a_finding_that_is_none_is_unknown(put: Put, finding: Any, why: str) -> None:
    put(judge=lambda *_: finding)

    found = judged(Question(), (Answer(),), {})

    assert (found.outcome, found.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)
    assert found.detail.startswith(f"the kind odd: {why}")


def test_what_it_says_is_one_line_of_bounded_length(put: Put) -> None:
    put(judge=lambda *_: Finding(outcome=Outcome.OK, detail="a\nb\x1b" + "x" * 5000, warnings=("y\n",), notes=("z\r",)))

    found = judged(Question(), (Answer(),), {})

    assert (found.detail[:5], len(found.detail), found.warnings, found.notes) == ("a b x", 1000, ("y ",), ("z ",))


def test_what_never_ends_is_ended_and_then_left_alone(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def endless(*_: object) -> Any:
        calls.append(1)
        while True:
            try:
                [].remove(1)  # type: ignore[arg-type]
            except Exception:
                continue

    monkeypatch.setattr(plugged, "LONGEST", 0.5)
    put(judge=endless)
    live = Check(service="shop", name="live", question=HttpQuestion(url="http://127.0.0.1:9/"), timeout=5.0)

    first, other = run_once([CHECK, live], [], SteadyClock.begin())
    (second,) = run_once([CHECK], [], SteadyClock.begin())

    assert first.detail == "judge of the kind odd took more than 0.5 s"
    assert second.detail == "the kind odd took more than 0.5 s and is left alone for 60 s"
    assert (first.outcome, second.outcome) == (Outcome.UNKNOWN, Outcome.UNKNOWN)
    assert other.reason is Reason.REFUSED
    assert len(calls) == 1


def test_a_bound_is_over_with_its_block_and_has_no_power_in_other_threads() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(Overrun), bounded(0.01):
        threading.Event().wait(60)
    with bounded(60):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before

    def elsewhere() -> None:
        with bounded(0.001):
            threading.Event().wait(0.01)
        ended.append(True)

    ended: list[bool] = []
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert ended == [True]


def crossed(*checks: Check) -> tuple[Check, ...]:
    (message,) = Frames().feed(encode(configure(checks, [], 0.0, "")))
    assert isinstance(message, Configure)
    return checks_of(message)


def test_a_secret_crosses_to_the_prober_and_is_hidden_there(put: Put) -> None:
    put()
    check = replace(CHECK, question=Question(password=Secret("hunter2")))

    (there,) = crossed(check)

    assert there == check
    assert "hunter2" not in repr(there)
    assert "hunter2" not in f"{there.question.password}"  # type: ignore[attr-defined]


def test_a_kind_that_is_gone_or_changed_there_costs_its_own_checks_alone(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put()
    live = Check(service="shop", name="live", question=HttpQuestion(url="http://127.0.0.1:9/"))
    message = encode(configure([CHECK, live], [], 0.0, ""))

    @dataclass(frozen=True, kw_only=True)
    class Newer:
        kind: ClassVar[str] = "odd"
        url: str
        needed: int

    def there() -> tuple[Check, ...]:
        (received,) = Frames().feed(message)
        assert isinstance(received, Configure)
        return checks_of(received)

    monkeypatch.setattr(kinds, "_by_name", {"odd": Kind("odd", Newer, raising, raising, plugged=True)})
    changed = there()
    monkeypatch.setattr(kinds, "_by_name", {})
    gone = there()

    assert changed[1] == gone[1] == live
    for checks, why in (
        (changed, "does not understand its own question; restart the daemon"),
        (gone, "is not plugged in"),
    ):
        assert isinstance(checks[0].question, UnusableQuestion)
        assert why in checks[0].question.why
        assert checks[0].id == CHECK.id
    (result,) = run_once(gone[:1], [], SteadyClock.begin())
    assert (result.outcome, result.detail) == (Outcome.UNKNOWN, "the kind odd is not plugged in any more")


def test_a_question_of_our_own_kind_that_cannot_be_read_is_a_broken_daemon(put: Put) -> None:
    (message,) = Frames().feed(encode(configure([replace(CHECK, question=HttpQuestion(url="http://x/"))], [], 0.0, "")))
    assert isinstance(message, Configure)
    wire = msgspec.structs.replace(message.checks[0], question=msgspec.Raw(b"\x80"))

    with pytest.raises(WireError, match="shop/odd: not a http"):
        checks_of(msgspec.structs.replace(message, checks=(wire,)))


def test_an_import_that_never_ends_is_ended(plug_in: PlugIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plug_in("slowly", "import time\nwhile True: time.sleep(1)\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr("checks.plugged.LONGEST_IMPORT", 0.05)

    with pytest.raises(Unusable, match=r"its import took more than 0.05 s"):
        kinds.kind("slowly")
    with pytest.raises(KeyError):
        kinds.kind("nowhere")

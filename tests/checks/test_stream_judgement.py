"""What conversations mean: a certificate that runs out, the greeting of another protocol, our own lack of something."""

from __future__ import annotations

import pytest

from checks import ssh, tcp, tls, unix, websocket
from checks.exchange import TransportError
from checks.kinds import kind, kind_of
from checks.result import Outcome, Reason
from checks.stream import Certificate, Security, Step, StreamAnswer

DAY = 86400.0
NOW = 1_772_000_000.0
MAIL = tls.Question(url="tcp://mail.example:25", starttls="smtp")


def chain(*days: float) -> StreamAnswer:
    return StreamAnswer(
        certificates=tuple(
            Certificate(
                subject=f"CN=c{n}", issuer="CN=ca", begins_in=-DAY, expires_in=left * DAY, expires_at=NOW + left * DAY
            )
            for n, left in enumerate(days)
        )
    )


class TestTls:
    @pytest.mark.parametrize(
        ("days", "outcome", "words"),
        [
            (90, Outcome.OK, ""),
            (21, Outcome.OK, ""),
            (20.99, Outcome.OK, "the certificate expires in 20 days"),
            (7, Outcome.OK, "the certificate expires in 7 days"),
            (6.99, Outcome.FAILED, "the certificate expires in 6 days, wanted 7 days at least"),
            (1.99, Outcome.FAILED, "the certificate expires in 47 h, wanted 7 days at least"),
            (0.01, Outcome.FAILED, "the certificate expires in 14 min, wanted 7 days at least"),
            (-3, Outcome.FAILED, "the certificate expired 3 days ago, wanted 7 days at least"),
        ],
    )
    def test_it_warns_three_weeks_before_and_fails_a_week_before(
        self, days: float, outcome: Outcome, words: str
    ) -> None:
        finding = tls.judge(MAIL, (chain(days),), {})

        assert finding.outcome is outcome
        assert (finding.detail or "; ".join(finding.warnings)) == words
        assert finding.reason is (Reason.CERTIFICATE if outcome is Outcome.FAILED else None)
        assert finding.facts == {"certificate_expires_at": NOW + days * DAY}

    def test_the_first_of_the_chain_to_expire_counts(self) -> None:
        finding = tls.judge(MAIL, (chain(90, 12, 400),), {})

        assert finding.warnings == ("a certificate of the chain (CN=c1) expires in 12 days",)
        assert finding.facts == {"certificate_expires_at": NOW + 12 * DAY}

    def test_the_bounds_are_the_configs(self) -> None:
        question = tls.Question(url="tcp://x:443", warn=30 * DAY, fail=0.0)

        assert tls.judge(question, (chain(29),), {}).warnings == ("the certificate expires in 29 days",)
        assert tls.judge(question, (chain(0.5),), {}).outcome is Outcome.OK

    def test_without_a_certificate_to_read_nothing_is_the_targets_fault(self) -> None:
        assert tls.judge(MAIL, (StreamAnswer(),), {}).outcome is Outcome.UNKNOWN

    def test_it_asks_for_tls_in_the_protocols_own_words(self) -> None:
        (request,) = tls.requests(MAIL, 5.0)

        assert request.secures_itself
        assert request.security == Security()
        (plain,) = tls.requests(tls.Question(url="tcp://x:443"), 5.0)
        assert plain.script == ()


def test_a_conversation_over_tls_knows_when_the_first_of_the_chain_expires() -> None:
    for module, question in ((tcp, tcp.Question(url="tcp://x:443")), (websocket, websocket.Question(url="wss://x/"))):
        assert module.judge(question, (chain(90, 12),), {}).facts == {"certificate_expires_at": NOW + 12 * DAY}
        assert module.judge(question, (StreamAnswer(),), {}).facts == {}


class TestSsh:
    @pytest.mark.parametrize(("version", "ok"), [("2.0", True), ("1.99", True), ("1.5", False), ("3.0", False)])
    def test_a_server_that_speaks_2_0_is_ok(self, version: str, ok: bool) -> None:
        answer = StreamAnswer(groups=(f"SSH-{version}-OpenSSH_9.2", version, "OpenSSH_9.2"))

        finding = ssh.judge(ssh.Question(url="tcp://b:22"), (answer,), {})

        assert (finding.outcome is Outcome.OK) is ok
        if not ok:
            assert finding.reason is Reason.PROTOCOL
            assert finding.detail == f"tcp://b:22 greets as SSH-{version}-OpenSSH_9.2, wanted SSH 2.0"


@pytest.mark.parametrize("module", [tcp, unix, tls, ssh])
@pytest.mark.parametrize(
    ("reason", "silent", "outcome", "excusable"),
    [
        (Reason.REFUSED, True, Outcome.FAILED, False),
        (Reason.TIMEOUT, True, Outcome.FAILED, True),
        (Reason.TIMEOUT, False, Outcome.FAILED, False),
        (Reason.BODY, False, Outcome.FAILED, False),
        (Reason.INTERNAL, True, Outcome.UNKNOWN, False),
    ],
)
def test_a_broken_conversation_means_what_a_broken_request_means(
    module: object, reason: Reason, silent: bool, outcome: Outcome, excusable: bool
) -> None:
    answer = StreamAnswer(error=TransportError(reason=reason, detail="why", before_any_byte=silent))

    finding = module.judge(None, (answer,), {})  # type: ignore[attr-defined]

    assert (finding.outcome, finding.reason, finding.detail) == (outcome, reason, "why")
    assert finding.excusable is excusable


@pytest.mark.parametrize("name", ["http", "collector", "tcp", "unix", "tls", "ssh"])
def test_a_kind_is_found_by_its_name_and_by_its_question(name: str) -> None:
    found = kind(name)

    assert found.question.kind == name
    question = found.question(url="tcp://x:1")
    assert kind_of(question) is found
    assert found.requests(question, 5.0)


def test_what_is_sent_is_shown_nowhere() -> None:
    assert "hunter2" not in repr(tcp.Question(url="tcp://x:1", script=(Step(send=b"AUTH hunter2\r\n"),)))

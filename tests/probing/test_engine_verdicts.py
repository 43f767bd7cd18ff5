"""libcurl's verdicts that no server here can provoke, and the phases in which they came."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.result import Reason, Timings
from monitor.probing import failures
from monitor.probing.failures import explain, phases
from monitor.probing.hops import Hop
from monitor.probing.transfer import HopEnd, Stopped

HOP = Hop(url="https://user:hunter2@shop.example/pay?key=hunter2", method="GET")
CODES = {name: code for name, code in vars(failures).items() if name.isupper() and isinstance(code, int)}


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, Reason.REFUSED),
        (errno.EHOSTUNREACH, Reason.UNREACHABLE),
        (errno.ENETUNREACH, Reason.UNREACHABLE),
        (errno.EACCES, Reason.UNREACHABLE),
        (errno.EPERM, Reason.UNREACHABLE),
        (errno.ETIMEDOUT, Reason.TIMEOUT),
        (errno.ECONNRESET, Reason.RESET),
        (errno.EMFILE, Reason.INTERNAL),
        (errno.EADDRNOTAVAIL, Reason.INTERNAL),
        (errno.ENOMEM, Reason.INTERNAL),
        (errno.EDOM, Reason.UNREACHABLE),
        (0, Reason.INTERNAL),
    ],
)
def test_what_the_system_said_of_a_connect(number: int, reason: Reason) -> None:
    error = explain(HOP, HopEnd(code=failures.COULDNT_CONNECT, errno=number, marks=(0.1, 0, 0, 0, 0.2)), 5.0, 0)

    assert (error.reason, error.before_any_byte) == (reason, True)
    assert "shop.example:443" in error.detail


@pytest.mark.parametrize(
    ("number", "message", "reason"),
    [
        (errno.EHOSTUNREACH, "Recv failure: No route to host", Reason.UNREACHABLE),
        (errno.ETIMEDOUT, "SSL_read: SSL_ERROR_SYSCALL, errno 110", Reason.TIMEOUT),
        (errno.ECONNREFUSED, "chunk hex-length char not a hex digit: 0x7a", Reason.PROTOCOL),
        (errno.ENETUNREACH, "chunk hex-length char not a hex digit: 0x7a", Reason.PROTOCOL),
    ],
)
def test_what_an_address_tried_before_said_is_not_what_ended_a_connection(
    number: int, message: str, reason: Reason
) -> None:
    end = HopEnd(code=failures.RECV_ERROR, errno=number, message=message, status=200)

    assert explain(HOP, end, 5.0, 0).reason is reason


@pytest.mark.parametrize(
    ("verify", "words"),
    [
        (9, "not valid yet: compare the clocks"),
        (10, "has expired"),
        (19, "give its CA as ca_file"),
        (20, "give it as ca_file"),
        (23, "was revoked"),
        (9999, "what libcurl said"),
    ],
)
def test_what_openssl_said_of_a_certificate(verify: int, words: str) -> None:
    end = HopEnd(code=failures.PEER_FAILED_VERIFICATION, message="what libcurl said", verify=verify)

    error = explain(HOP, end, 5.0, 0)

    assert error.reason is Reason.CERTIFICATE
    assert words in error.detail


def test_a_verdict_that_nobody_foresaw_is_our_own_trouble_and_carries_its_number() -> None:
    error = explain(HOP, HopEnd(code=27, message="Out of memory"), 5.0, 0)

    assert error.reason is Reason.INTERNAL
    assert error.detail == "https://shop.example/pay?... could not be asked: Out of memory (libcurl 27)"


@pytest.mark.parametrize("code", sorted(CODES.values()))
def test_after_a_redirect_nothing_came_before_any_byte(code: int) -> None:
    assert not explain(HOP, HopEnd(code=code), 5.0, 1).before_any_byte


@given(
    code=st.integers(0, 120),
    message=st.text(),
    number=st.integers(0, 200),
    verify=st.integers(0, 100),
    marks=st.tuples(*[st.floats(0, 100)] * 5),
    status=st.none() | st.integers(0, 999),
    stopped=st.sampled_from(Stopped),
    hops=st.integers(0, 2),
)
def test_every_verdict_has_a_reason_and_one_line_without_a_secret(
    code: int,
    message: str,
    number: int,
    verify: int,
    marks: tuple[float, float, float, float, float],
    status: int | None,
    stopped: Stopped,
    hops: int,
) -> None:
    end = HopEnd(code=code, message=message, errno=number, verify=verify, marks=marks, status=status, stopped=stopped)

    error = explain(HOP, end, 5.0, hops)

    assert error.reason not in (Reason.STATUS, Reason.BLIND, Reason.SLOW)
    assert error.detail
    assert error.detail.isprintable()
    assert "hunter2" not in error.detail.replace(message, "")
    assert not (error.before_any_byte and (status is not None or hops))
    assert error.temporary == (error.reason is Reason.DNS)


@pytest.mark.parametrize(
    ("marks", "secure", "answered", "expected"),
    [
        ((0, 0, 0, 0, 5), False, False, Timings(name_lookup=5)),
        ((1, 0, 0, 0, 5), False, False, Timings(name_lookup=1, connect=4)),
        ((1, 2, 0, 0, 5), True, False, Timings(name_lookup=1, connect=1, tls=3)),
        ((1, 2, 0, 0, 5), False, False, Timings(name_lookup=1, connect=1, first_byte=3)),
        ((1, 2, 3, 5, 5), True, False, Timings(name_lookup=1, connect=1, tls=1, first_byte=2)),
        ((1, 2, 3, 4, 5), True, True, Timings(name_lookup=1, connect=1, tls=1, first_byte=1, transfer=1)),
        ((0, 2, 0, 4, 5), False, True, Timings(connect=2, first_byte=2, transfer=1)),
    ],
    ids=[
        "in the lookup",
        "in connecting",
        "in TLS",
        "before the first byte",
        "silent after TLS",
        "to the end",
        "no name",
    ],
)
def test_the_phase_under_way_gets_the_rest_of_the_time(
    marks: tuple[float, float, float, float, float], secure: bool, answered: bool, expected: Timings
) -> None:
    assert phases(marks, secure, answered) == expected
    assert phases(marks, secure, answered).total == marks[-1]


@pytest.mark.parametrize("secure", [False, True])
def test_over_a_connection_that_was_kept_nothing_but_the_answer_took_time(secure: bool) -> None:
    assert phases((0, 0, 0, 3, 5), secure, answered=True, kept=True) == Timings(first_byte=3, transfer=2)
    assert phases((0, 0, 0, 0, 5), secure, answered=False, kept=True) == Timings(first_byte=5)

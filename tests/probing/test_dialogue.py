"""A script against what a target says, however its bytes are cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.result import Reason
from checks.starttls import SCRIPTS
from checks.stream import MAX_HEARD, Step
from monitor.probing.dialogue import Dialogue, Next

SMTP = SCRIPTS["smtp"]
GREETING = (Step(expect=r"^220 (\S+)", refuse=r"^[45]"), Step(send=b"HELO $1\r\n"), Step(expect="^250"))


def test_a_conversation_goes_step_by_step_and_names_what_it_waits_for() -> None:
    dialogue = Dialogue(GREETING)

    assert dialogue.next() is Next.LISTEN
    assert dialogue.awaited == r"a line that matches ^220 (\S+)"
    dialogue.hear(b"220-welcome\r\n220 mail.example rea")
    assert dialogue.next() is Next.LISTEN
    assert dialogue.awaited == r"a line that matches ^220 (\S+); the last line was '220-welcome'"
    dialogue.hear(b"dy\r\n")
    assert dialogue.next() is Next.SEND
    assert dialogue.sending() == b"HELO mail.example\r\n"
    assert dialogue.next() is Next.LISTEN
    dialogue.hear(b"250 pleased to meet you\n")

    assert dialogue.next() is Next.OVER
    assert dialogue.failed is None
    assert dialogue.groups == ("250 pleased to meet you",)


@given(cuts=st.lists(st.integers(0, 40), max_size=5))
def test_where_the_bytes_are_cut_makes_no_difference(cuts: list[int]) -> None:
    said = b"220 mail.example ready\r\n250 hello\r\n"
    dialogue = Dialogue(GREETING)
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(said)], strict=True):
        dialogue.hear(said[begin:end])
        while dialogue.next() is Next.SEND:
            assert dialogue.sending() == b"HELO mail.example\r\n"

    assert dialogue.next() is Next.OVER
    assert dialogue.failed is None


@given(cuts=st.lists(st.integers(0, 7), max_size=4))
def test_what_tells_its_size_is_whole_when_so_much_has_come(cuts: list[int]) -> None:
    said = b"\0\4data\0\0"
    dialogue = Dialogue((Step(expect_sized=True), Step(expect_sized=True)))
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), 7], strict=True):
        dialogue.hear(said[begin:end])
        assert dialogue.next() is Next.LISTEN

    dialogue.hear(said[7:])

    assert dialogue.next() is Next.OVER
    assert dialogue.failed is None


def test_what_ends_before_its_size_is_cut_off() -> None:
    dialogue = Dialogue((Step(expect_sized=True),))
    assert dialogue.next() is Next.LISTEN
    assert dialogue.awaited == "its answer"
    dialogue.hear(b"\0\4dat")
    assert dialogue.next() is Next.LISTEN
    assert dialogue.awaited == "the rest of its answer"

    dialogue.closed()

    assert dialogue.next() is Next.OVER
    assert dialogue.failed is not None
    assert dialogue.failed.detail == "closed the connection, where we waited for the rest of its answer"


def test_a_line_that_refuses_ends_it_at_once() -> None:
    dialogue = Dialogue(GREETING)
    dialogue.hear(b"554 no service for you\r\n220 too late\r\n")

    assert dialogue.next() is Next.OVER
    assert dialogue.failed is not None
    assert dialogue.failed.reason is Reason.BODY
    assert dialogue.failed.detail == r"said '554 no service for you', wanted a line that matches ^220 (\S+)"


@pytest.mark.parametrize(
    ("said", "reason", "words"),
    [
        (b"", Reason.RESET, "closed the connection without a word"),
        (b"welcome\n", Reason.BODY, "closed the connection, where we waited for a line that matches ^220"),
    ],
)
def test_one_that_hangs_up_before_its_line_has_failed(said: bytes, reason: Reason, words: str) -> None:
    dialogue = Dialogue((Step(expect="^220"),))
    dialogue.hear(said)
    dialogue.closed()

    assert dialogue.next() is Next.OVER
    assert dialogue.failed is not None
    assert dialogue.failed.reason is reason
    assert dialogue.failed.detail.startswith(words)
    assert dialogue.failed.before_any_byte is (not said)


def test_what_stands_behind_the_last_line_end_is_a_line_once_the_target_has_closed() -> None:
    dialogue = Dialogue((Step(expect="^done$"),))
    dialogue.hear(b"done")
    assert dialogue.next() is Next.LISTEN
    dialogue.closed()
    assert dialogue.next() is Next.OVER
    assert dialogue.failed is None


@pytest.mark.parametrize(("said", "fails"), [(b"S", False), (b"SX", False), (b"N", True), (b"E", True)])
def test_bytes_are_wanted_exactly(said: bytes, fails: bool) -> None:
    dialogue = Dialogue((Step(expect_bytes=b"S"),))
    assert dialogue.next() is Next.LISTEN
    dialogue.hear(said)
    assert dialogue.next() is Next.OVER
    assert (dialogue.failed is not None) is fails
    if fails:
        assert dialogue.failed is not None
        assert dialogue.failed.detail == f"said {said!r}, wanted b'S'"


def test_bytes_that_came_in_part_are_waited_for() -> None:
    dialogue = Dialogue((Step(expect_bytes=b"OK"),))
    dialogue.hear(b"O")
    assert dialogue.next() is Next.LISTEN
    dialogue.hear(b"K")
    assert dialogue.next() is Next.OVER
    assert dialogue.failed is None


def test_groups_that_matched_nothing_are_empty_and_a_dollar_is_doubled() -> None:
    dialogue = Dialogue((Step(expect="^(a)|(b)$"), Step(send=b"$1|$2|$9|$$1|$x")))
    dialogue.hear(b"b\n")
    assert dialogue.next() is Next.SEND
    assert dialogue.sending() == b"|b||$1|$x"


def test_more_than_the_bound_is_a_failure_and_one_byte_less_is_not() -> None:
    dialogue = Dialogue((Step(expect="never"),))
    dialogue.hear(b"x" * MAX_HEARD)
    assert dialogue.next() is Next.LISTEN
    dialogue.hear(b"x")
    assert dialogue.next() is Next.OVER
    assert dialogue.failed is not None
    assert dialogue.failed.detail == "said more than 65536 bytes"


@given(said=st.lists(st.binary(max_size=40), max_size=6), ends=st.booleans())
def test_nothing_that_is_said_raises(said: list[bytes], ends: bool) -> None:
    for script in (*SCRIPTS.values(), GREETING):
        dialogue = Dialogue(script)
        for piece in said:
            dialogue.hear(piece)
            for _ in range(20):
                due = dialogue.next()
                if due is Next.SEND:
                    dialogue.sending()
                elif due is Next.SECURE:
                    dialogue.secured()
                else:
                    break
        if ends:
            dialogue.closed()
            assert dialogue.next() is not Next.LISTEN


class TestStartTls:
    def test_smtp_waits_for_the_last_line_of_each_answer(self) -> None:
        dialogue = Dialogue(SMTP)
        dialogue.hear(b"220-mail.example\r\n220 ready\r\n")
        assert (dialogue.next(), dialogue.sending()) == (Next.SEND, b"EHLO watchkeeper\r\n")
        dialogue.hear(b"250-mail.example\r\n250-SIZE\r\n")
        assert dialogue.next() is Next.LISTEN
        dialogue.hear(b"250 STARTTLS\r\n")
        assert (dialogue.next(), dialogue.sending()) == (Next.SEND, b"STARTTLS\r\n")
        dialogue.hear(b"220 go ahead\r\n")
        assert dialogue.next() is Next.SECURE
        assert not dialogue.said_too_early

    def test_what_was_said_before_the_handshake_and_not_asked_for_is_seen(self) -> None:
        """Somebody between us and the target could have put it there."""
        dialogue = Dialogue((Step(expect="^220"), Step(starttls=True), Step(expect="^250")))
        dialogue.hear(b"220 go ahead\r\n250 smuggled\r\n")
        assert dialogue.next() is Next.SECURE
        assert dialogue.said_too_early
        dialogue.secured()
        assert dialogue.next() is Next.LISTEN, "and it is not heard as if it had been said in private"

    def test_one_that_does_not_offer_it_is_refused_in_its_own_words(self) -> None:
        dialogue = Dialogue(SMTP)
        dialogue.hear(b"220 ready\r\n")
        dialogue.next()
        dialogue.sending()
        dialogue.hear(b"250 ok\r\n")
        dialogue.next()
        dialogue.sending()
        dialogue.hear(b"502 command not implemented\r\n")
        assert dialogue.next() is Next.OVER
        assert dialogue.failed is not None
        assert "said '502 command not implemented'" in dialogue.failed.detail

    def test_the_request_of_postgresql_is_its_eight_bytes(self) -> None:
        dialogue = Dialogue(SCRIPTS["postgres"])
        assert (dialogue.next(), dialogue.sending()) == (Next.SEND, bytes.fromhex("0000000804d2162f"))


def test_a_search_without_end_fails_the_check_whose_expression_it_is() -> None:
    dialogue = Dialogue((Step(expect="(a+)+$"),))
    dialogue.hear(b"a" * 4000 + b"!\n")

    assert dialogue.next() is Next.OVER
    assert dialogue.failed is not None
    assert dialogue.failed.reason is Reason.BODY
    assert dialogue.failed.detail.endswith(": the search for (a+)+$ took more than 50 ms of CPU")


def test_lines_that_take_a_little_each_are_bounded_together() -> None:
    """Each of these takes some milliseconds, and a thousand would hold everybody else for seconds."""
    dialogue = Dialogue((Step(expect="never", refuse="(a+)+$"),))
    dialogue.hear((b"a" * 14 + b"!\n") * 4000)

    assert dialogue.next() is Next.OVER
    assert dialogue.failed is not None
    told = r"said 'aaaaaaaaaaaaaa!': \d+ searches before and the search for \S+ took more than 50 ms of CPU"
    assert re.fullmatch(told, dialogue.failed.detail)

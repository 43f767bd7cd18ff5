"""What a server's bytes mean, however they are cut, and what no server may send."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame
from websockets.frames import Opcode as Theirs

from monitor.probing.frames import MOST_FRAMES, Message, Opcode, Reader, Violation, closing, frame, masked

TEXTS = st.text(max_size=300)
CONTROLS = st.builds(Message, st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=125))


def sent(opcode: int, payload: bytes, final: bool = True) -> bytes:
    """As a server sends it, by a library that is not ours."""
    return Frame(Theirs(opcode), payload, final).serialize(mask=False)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[Message], bytes]:
    """Messages in any number of fragments, with control frames between these, and their bytes."""
    expected, data = [], b""
    for text in draw(st.lists(TEXTS, max_size=5)):
        whole = text.encode()
        cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=3)))
        ends = [*cuts, len(whole)]
        for number, (begin, end) in enumerate(zip([0, *cuts], ends, strict=True)):
            opcode = Opcode.CONTINUATION if number else Opcode.TEXT
            data += sent(opcode, whole[begin:end], final=number == len(ends) - 1)
            if number < len(ends) - 1 and draw(st.booleans()):
                control = draw(CONTROLS)
                expected.append(control)
                data += sent(control.opcode, control.payload)
        expected.append(Message(Opcode.TEXT, whole))
    return expected, data


@given(conversations(), st.lists(st.integers(0, 2000), max_size=6))
def test_where_the_bytes_are_cut_makes_no_difference(found: tuple[list[Message], bytes], cuts: list[int]) -> None:
    expected, data = found
    reader = Reader(10_000)
    heard: list[Message] = []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
        heard += reader.feed(data[begin:end])

    assert heard == expected


@given(st.binary(max_size=3000))
def test_whatever_comes_is_messages_or_a_violation(data: bytes) -> None:
    reader = Reader(1000)
    heard: list[Message] = []
    with suppress(Violation):
        heard.extend(reader.feed(data))

    assert all(message.opcode is not Opcode.CONTINUATION and len(message.payload) <= 1000 for message in heard)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_what_we_send_is_masked_and_read_by_the_other_side(size: int) -> None:
    payload, mask = bytes(range(256)) * (size // 256 + 1), b"\x01\x02\x03\x04"
    payload = payload[:size]

    made = frame(Opcode.TEXT, payload, mask)

    # The library lets a client's frames be made by hand: its own masking is random.
    head = Frame(Theirs.TEXT, payload).serialize(mask=False)
    assert made[0] == head[0]
    assert made[1] == head[1] | 0x80
    assert made[2 : len(head) - size] == head[2 : len(head) - size]
    assert made[len(head) - size :][:4] == mask
    assert masked(made[len(head) - size + 4 :], mask) == payload
    assert size < 4 or payload not in made


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xc1\x00", "used an extension that was not agreed on"),
        (b"\x83\x00", "sent a frame of the unknown kind 3"),
        (b"\x81\x80\0\0\0\0", "masked a frame, which only clients may"),
        (b"\x09\x00", "sent a ping that is fragmented or too long"),
        (b"\x8a\x7e\x00\x7e", "sent a pong that is fragmented or too long"),
        (b"\x80\x00", "went on with no message"),
        (sent(1, b"a", final=False) + sent(1, b"b"), "began a message before the last one had ended"),
        (sent(1, b"\xff"), "sent a text message that is not UTF-8"),
        (sent(2, b"x" * 1001), "sent a message of more than 1000 bytes"),
        (sent(2, b"x" * 600, final=False) + sent(0, b"x" * 401), "sent a message of more than 1000 bytes"),
        (b"\x82\x7f" + (2**62).to_bytes(8, "big"), "sent a message of more than 1000 bytes"),
    ],
)
def test_what_no_server_may_send_is_told_in_words(data: bytes, words: str) -> None:
    with pytest.raises(Violation) as caught:
        list(Reader(1000).feed(data))

    assert str(caught.value) == words


def test_a_message_may_be_as_long_as_it_may_be_and_binary_need_be_no_text() -> None:
    assert list(Reader(1000).feed(sent(2, b"\xff" * 1000))) == [Message(Opcode.BINARY, b"\xff" * 1000)]


def test_what_came_before_a_violation_was_said() -> None:
    messages = Reader(1000).feed(sent(1, b"well") + b"\x83\x00")

    assert next(messages) == Message(Opcode.TEXT, b"well")
    with pytest.raises(Violation):
        next(messages)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "no reason"),
        (b"\x03\xe8", "1000 (normal closure)"),
        (b"\x03\xf3no database", "1011 (internal error): 'no database'"),
        (b"\x0f\xa0", "4000"),
        (b"\x0f\xa0bye\r\n", "4000: 'bye??'"),
    ],
)
def test_a_code_of_closing_is_told_in_words(payload: bytes, words: str) -> None:
    assert closing(payload) == words


@pytest.mark.parametrize("payload", [b"\x03", b"\x03\xe7", b"\x03\xed", b"\x03\xee", b"\x0b\xb7", b"\x13\x88"])
def test_codes_that_stand_for_none_are_none(payload: bytes) -> None:
    with pytest.raises(Violation, match="which is no code to close with"):
        closing(payload)


def test_frames_are_counted_however_short_they_are() -> None:
    reader = Reader(1_000_000)
    assert list(reader.feed(b"\x01\0" + b"\0\0" * (MOST_FRAMES - 1))) == []

    with pytest.raises(Violation, match="sent more than 20000 frames"):
        list(reader.feed(b"\x80\0"))

"""DNS messages: a question goes out as RFC 1035 has it, and whatever comes back is read, or refused with one error."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.dns_message import MAX_RECORDS, Query, answers, decode, encode, is_truncated, labels_of
from checks.dns_records import CLASSES, TYPES, Malformed

ASKED = encode(Query("www.example.com"), 0x1234)
QUESTION = ASKED[12:]
TO_IT = b"\xc0\x0c"  # the name in the question

LABELS = st.lists(st.binary(min_size=1, max_size=63), max_size=6).filter(lambda labels: sum(map(len, labels)) < 240)


def message(*sections: list[bytes], flags: int = 0x8180, number: int = 0x1234, question: bytes = QUESTION) -> bytes:
    answer, authority, additional = (*sections, [], [], [])[:3]
    counts = (bool(question), len(answer), len(authority), len(additional))
    return struct.pack("!6H", number, flags, *counts) + question + b"".join([*answer, *authority, *additional])


def record(kind: int, data: bytes, name: bytes = TO_IT, rclass: int = 1, ttl: int = 300) -> bytes:
    return name + struct.pack("!HHIH", kind, rclass, ttl, len(data)) + data


def name(*labels: bytes) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


class TestQuery:
    def test_it_goes_out_to_the_letter(self) -> None:
        assert encode(Query("www.example.com", "MX"), 7) == (
            b"\0\7\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\x0f\0\1"
        )  # fmt: skip
        assert encode(Query("version.bind.", "TXT", "CH", recursion=False), 65535) == (
            b"\xff\xff\0\0\0\1\0\0\0\0\0\0\7version\4bind\0\0\x10\0\3"
        )

    def test_the_root_and_names_of_other_alphabets_are_names_too(self) -> None:
        assert labels_of(".") == labels_of("") == ()
        assert labels_of("bücher.example") == (b"xn--bcher-kva", b"example")

    def test_a_backslash_takes_away_what_a_character_means(self) -> None:
        assert labels_of(r"a\.b.example.") == (b"a.b", b"example")
        assert labels_of(r"\097\255.\\") == (b"a\xff", b"\\")

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            (r"\256.example", "has a number after a backslash that is more than 255"),
            (r"example\.", "ends with a backslash"),
            (r"a\.b..example", "has a part that is empty or longer than 63 letters"),
            ("l" * 64 + ".example", "has a part that is empty or longer than 63 letters"),
            ("www..example", "has a part that is empty or longer than 63 letters"),
            (".".join(["l" * 63] * 4), "is longer than 253 letters"),
            ("ü" * 63, "has a part that no domain name can hold"),
        ],
    )
    def test_what_is_no_name_is_refused(self, wrong: str, words: str) -> None:
        with pytest.raises(ValueError, match=words):
            labels_of(wrong)

    def test_253_letters_are_the_longest_name(self) -> None:
        longest = ".".join(["l" * 63, "l" * 63, "l" * 63, "l" * 61])

        assert len(longest) == 253
        assert len(encode(Query(longest), 1)) == 12 + 255 + 4
        with pytest.raises(ValueError, match="longer than 253"):
            labels_of(longest + "l")

    def test_it_is_shown_as_it_is_asked(self) -> None:
        assert str(Query("www.example.com", "MX")) == "www.example.com MX"
        assert str(Query("version.bind", "TXT", "CH")) == "version.bind CH TXT"


class TestWhoseAnswerItIs:
    def test_the_id_and_the_question_are_those_that_were_asked(self) -> None:
        assert answers(message(), ASKED)
        assert answers(message(question=QUESTION.replace(b"www", b"WwW")), ASKED)

    @pytest.mark.parametrize(
        "other",
        [
            message(number=0x1235),
            message(question=QUESTION.replace(b"www", b"ftp")),
            message(question=QUESTION[:-4] + b"\0\x1c\0\1"),
            message(question=QUESTION[:-4] + b"\0\1\0\3"),
            message(flags=0x0180),
            message(question=b""),
            message()[:11],
            message()[:20],
            b"\x12\x34\x81\x80\0\2\0\0\0\0\0\0" + QUESTION * 2,
            b"",
        ],
        ids=[
            "id", "name", "type", "class", "a question itself", "no question, no error", "no header",
            "half a question", "two questions", "nothing",
        ],
    )  # fmt: skip
    def test_anything_else_is_somebody_elses(self, other: bytes) -> None:
        assert not answers(other, ASKED)

    @pytest.mark.parametrize("rcode", [1, 2, 4, 5])
    def test_a_server_that_gives_up_may_leave_the_question_out(self, rcode: int) -> None:
        assert answers(message(flags=0x8180 | rcode, question=b""), ASKED)

    def test_one_that_was_cut_says_so_even_in_the_middle_of_a_record(self) -> None:
        cut = message([record(1, b"\1\2\3\4")], flags=0x8380)[:-6]

        assert answers(cut, ASKED)
        assert is_truncated(cut)
        assert not is_truncated(message())
        with pytest.raises(Malformed):
            decode(cut)


class TestRecords:
    @pytest.mark.parametrize(
        ("kind", "data", "text"),
        [
            ("A", b"\xc0\0\2\1", "192.0.2.1"),
            ("AAAA", bytes.fromhex("20010db8000000000000000000000001"), "2001:db8::1"),
            ("NS", name(b"ns", b"example"), "ns.example."),
            ("CNAME", TO_IT, "www.example.com."),
            ("MX", b"\0\x0a\4mail" + b"\xc0\x10", "10 mail.example.com."),
            (
                "SOA",
                name(b"ns") + name(b"a.b", b"c") + struct.pack("!5I", 2026112401, 2, 3, 4, 4294967295),
                r"ns. a\.b.c. 2026112401 2 3 4 4294967295",
            ),
            ("TXT", b'\5a "b"\0\1\xfc', r'"a \"b\"" "" "\252"'),
            ("SRV", struct.pack("!3H", 1, 2, 5060) + name(b"sip"), "1 2 5060 sip."),
            ("CAA", b"\0\5issueca.example; x", '0 issue "ca.example; x"'),
            ("DS", b"\x30\x39\x08\x02\xab\xcd", "12345 8 2 ABCD"),
            ("DNSKEY", b"\1\1\3\x08\0\1\2", "257 3 8 AAEC"),
            ("TLSA", b"\3\1\1\xab\xcd", "3 1 1 abcd"),
            ("SSHFP", b"\4\2\xab", "4 2 AB"),
            ("NAPTR", b"\0\1\0\2\1u\3E2U\4!.*!" + name(), '1 2 "u" "E2U" "!.*!" .'),
            ("HTTPS", b"\0\1\0", r"\# 3 000100"),
        ],
    )  # fmt: skip
    def test_each_type_is_shown_as_a_zone_file_has_it(self, kind: str, data: bytes, text: str) -> None:
        (found,) = decode(message([record(TYPES[kind], data)])).answer

        assert found.text == f"www.example.com.\t300\tIN\t{kind}\t{text}"

    def test_unknown_types_and_classes_have_their_number(self) -> None:
        (found,) = decode(message([record(65280, b"\xab", rclass=254)])).answer

        assert found.text == "www.example.com.\t300\tCLASS254\tTYPE65280\t\\# 1 AB"

    def test_an_address_of_the_class_chaos_is_none(self) -> None:
        (found,) = decode(message([record(1, name(b"x") + b"\0\1", rclass=3)])).answer

        assert (found.rclass, found.rdata) == ("CH", r"\# 5 0178000001")

    def test_what_tells_of_the_message_is_no_record(self) -> None:
        options = record(41, b"\0\x0a\0\0", name=b"\0", rclass=1232)

        found = decode(message([], [], [options, record(1, b"\1\2\3\4"), options]))

        assert [each.rtype for each in found.additional] == ["A"]

    @pytest.mark.parametrize(
        ("kind", "data"),
        [
            ("A", b"\1\2\3"), ("A", b"\1\2\3\4\5"), ("A", b""), ("AAAA", b"\0" * 15), ("MX", b"\0"),
            ("MX", b"\0\1\2a"), ("NS", name(b"a") + b"\0"), ("SOA", name() + name() + b"\0" * 19), ("TXT", b"\5abc"),
            ("CAA", b"\0\x09issue"), ("SRV", b"\0\1\0\2\0"), ("DS", b"\0"),
        ],
    )  # fmt: skip
    def test_data_of_another_form_is_malformed(self, kind: str, data: bytes) -> None:
        # With more behind it, so that reading too far would find something.
        with pytest.raises(Malformed, match=f"type {kind} whose data has another form|name"):
            decode(message([record(TYPES[kind], data), record(1, b"\1\2\3\4")]))

    def test_the_sections_are_told_apart(self) -> None:
        found = decode(
            message([record(1, b"\1\2\3\4")] * 2, [record(2, name(b"ns"))], [record(1, b"\1\2\3\5")], flags=0x8585)
        )

        assert [len(found.answer), len(found.authority), len(found.additional)] == [2, 1, 1]
        assert (found.rcode, found.authoritative) == ("REFUSED", True)
        assert decode(message(flags=0x818C)).rcode == "RCODE12"


class TestHostile:
    @pytest.mark.parametrize(
        "reference",
        [b"\xc0\x21", b"\xc0\x22", b"\xc0\xff", b"\xff\xff"],
        ids=["itself", "forward", "past the end", "far past the end"],
    )
    def test_a_reference_goes_backwards_or_nowhere(self, reference: bytes) -> None:
        data = message([record(1, b"\1\2\3\4", name=reference)])
        assert data[33:35] == reference

        with pytest.raises(Malformed, match="refers to itself"):
            decode(data)

    def test_two_that_refer_to_each_other_come_to_an_end(self) -> None:
        here = 33 + 12  # where the data of the first record begins
        second = record(1, b"\1\2\3\4", name=b"\1a" + struct.pack("!H", 0xC000 | here + 2))

        with pytest.raises(Malformed, match="refers to itself"):
            decode(message([record(65280, b"\1b" + struct.pack("!H", 0xC000 | here + 4)), second]))

    def test_a_name_grows_no_longer_than_names_may_be(self) -> None:
        # Each record ends in a label of 63 letters, and a reference to the record before.
        parts, names = list[bytes](), [0xC00C]
        for _ in range(4):
            names.append(0xC000 | len(message(parts)) + 12)
            parts.append(record(65280, b"\x3f" + b"l" * 63 + struct.pack("!H", names[-2])))

        three, four = (record(2, struct.pack("!H", names[count])) for count in (3, 4))

        assert len(decode(message([*parts, three])).answer[-1].rdata) == 3 * 64 + len("www.example.com.")
        with pytest.raises(Malformed, match="too long"):
            decode(message([*parts, four]))

    @pytest.mark.parametrize("size", [64, 128, 191])
    def test_a_label_of_no_known_kind_is_malformed(self, size: int) -> None:
        with pytest.raises(Malformed, match="neither letters nor a reference"):
            decode(message([record(1, b"\1\2\3\4", name=bytes((size, 0)))]))

    def test_so_many_records_that_reading_them_would_hold_the_loop_are_refused(self) -> None:
        assert len(decode(message([record(1, b"\1\2\3\4")] * MAX_RECORDS)).answer) == MAX_RECORDS
        with pytest.raises(Malformed, match="has 501 records, more than the 500"):
            decode(message([record(1, b"\1\2\3\4")] * (MAX_RECORDS + 1)))

    def test_every_cut_of_an_answer_is_malformed(self) -> None:
        whole = message([record(1, b"\1\2\3\4")], [record(6, name(b"ns") + TO_IT + b"\0" * 20)])
        decode(whole)

        for end in range(len(whole)):
            with pytest.raises(Malformed):
                decode(whole[:end])

    @given(st.binary(max_size=600))
    def test_any_bytes_are_read_or_malformed(self, data: bytes) -> None:
        read(data)

    @given(st.binary(max_size=300), st.integers(0, 3), st.sampled_from([0x8180, 0x8583]))
    def test_any_bytes_behind_a_good_question_too(self, data: bytes, count: int, flags: int) -> None:
        read(struct.pack("!6H", 0x1234, flags, 1, count, count, count) + QUESTION + data)

    @given(st.sampled_from(sorted(TYPES)), st.binary(max_size=100), st.sampled_from([1, 3, 254]))
    def test_any_data_of_any_type_too(self, kind: str, data: bytes, rclass: int) -> None:
        read(message([record(TYPES[kind], data, rclass=rclass)]))

    @given(st.randoms(use_true_random=False))
    def test_a_good_answer_with_bits_that_toppled_too(self, chance: random.Random) -> None:
        good = bytearray(
            message([record(1, b"\1\2\3\4")], [record(6, name(b"ns") + TO_IT + b"\0" * 20)], [record(16, b"\3abc")])
        )
        for _ in range(chance.randint(1, 4)):
            good[chance.randrange(len(good))] ^= 1 << chance.randrange(8)

        read(bytes(good))


def read(data: bytes) -> None:
    answers(data, ASKED)
    try:
        found = decode(data)
    except Malformed:
        return
    for section in (found.answer, found.authority, found.additional):
        for each in section:
            assert each.text.isascii()
            assert each.text.replace("\t", " ").isprintable()


@given(LABELS, st.sampled_from(sorted(TYPES)), st.sampled_from(sorted(CLASSES)), st.integers(0, 65535), st.booleans())
def test_a_question_comes_back_as_it_went_out(
    labels: list[bytes], rtype: str, rclass: str, number: int, recursion: bool
) -> None:
    plain = ".".join(label.hex()[:60] for label in labels)
    asked = encode(Query(plain, rtype, rclass, recursion), number)
    back = bytearray(asked)
    back[2] |= 0x80

    assert answers(bytes(back), asked)
    assert decode(bytes(back)).answer == ()


@given(LABELS)
def test_a_name_is_shown_so_that_its_labels_can_be_told_apart(labels: list[bytes]) -> None:
    (found,) = decode(message([record(1, b"\1\2\3\4", name=name(*labels))])).answer

    assert unwritten(found.name) == labels


def unwritten(text: str) -> list[bytes]:
    labels, at, label = [], 0, bytearray()
    while at < len(text):
        if text[at] == "\\":
            digits = text[at + 1 : at + 4]
            label += bytes((int(digits),)) if digits[:1].isdigit() else digits[0].encode()
            at += 4 if digits[:1].isdigit() else 2
        elif text[at] == ".":
            labels.append(bytes(label))
            label.clear()
            at += 1
        else:
            label += text[at].encode()
            at += 1
    return [label for label in labels if label]

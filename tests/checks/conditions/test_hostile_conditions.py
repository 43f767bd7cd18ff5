"""Conditions on the edge of the language: what each means of a given answer, or why it is refused."""

from __future__ import annotations

import pytest

from checks.conditions import ConditionError, Facts, parse


def answer(body: str) -> Facts:
    return Facts(
        body=body.encode(),
        status=200,
        response_time=0.25,
        connected=True,
        ip="127.0.0.1",
        headers=(("Content-Length", "7"),),
    )


@pytest.mark.parametrize(
    ("condition", "body", "verdict"),
    [
        # JSON on its own edges.
        ("[BODY].a == 2", '{"a": 1, "a": 2}', True),
        ("[BODY].a == True", '{"a": true}', False),
        ("[BODY].a == true", '{"a": "true"}', True),
        ("[BODY].a == null", '{"a": "null"}', True),
        ("[BODY].a == [BODY]", '{"a": 1}', False),
        ("[BODY].a == []", '{"a": []}', True),
        ("[BODY].a == {}", '{"a": {}}', True),
        ("has([BODY].a) == true", '{"a": []}', True),
        ("has([BODY].a) == true", '{"a": false}', True),
        ("has([BODY][0]) == true", "[]", False),
        ("has([BODY]) == true", "", False),
        ("[BODY].a[00] == 1", '{"a": [1]}', True),
        ("[BODY].ä == ö", '{"ä": "ö"}', True),
        # Numbers in every dress.
        ("[BODY].a == +5", '{"a": 5}', True),
        ("[BODY].a == .5", '{"a": 0.5}', True),
        ("[BODY].a == 5.", '{"a": 5}', True),
        ("[BODY].a == 1_000", '{"a": 1000}', True),
        ("[BODY].a == -0", '{"a": 0}', True),
        ("[BODY].a == 0X1f", '{"a": 31}', True),
        ("[BODY].a == 0x", '{"a": "0x"}', True),
        ("[BODY].a == 9223372036854775808", '{"a": 9223372036854775808}', True),
        ("[BODY].a == 9223372036854775807", '{"a": 9223372036854775808}', False),
        ("[BODY].a == inf", '{"a": 1}', False),
        ("[BODY].a == 1", '{"a": "\u0661"}', False),
        ("[BODY].a == \u0661", '{"a": 1}', False),
        ("[BODY].a == 1", '{"a": " 1 "}', False),
        ("[BODY].a == 01", '{"a": "1"}', True),
        ("[BODY].a < 200", '{"a": "1e2"}', True),
        ("[BODY].a > -1h", '{"a": "-30m"}', True),
        ("[BODY].a < 1h", '{"a": "59m"}', True),
        ("[BODY].a < 1MB", '{"a": "1000KB"}', True),
        ("[RESPONSE_TIME] < 500us", "", False),
        ("[RESPONSE_TIME] < 1m30s", "", True),
        # Either side may be either.
        ("200 == [STATUS]", "", True),
        ("500 > [STATUS]", "", True),
        ("1s > [RESPONSE_TIME]", "", True),
        ("[STATUS] == [STATUS]", "", True),
        ("len([BODY].a) == [BODY].n", '{"a": [1, 2], "n": 2}', True),
        ("len([BODY].a) == len([BODY].b)", '{"a": [1, 2], "b": "ab"}', True),
        ("has([BODY].a) == [CONNECTED]", '{"a": 3}', True),
        ("[HEADERS].content-length > 5", "", True),
        # Patterns that are nothing, or anything.
        ("[STATUS] == pat()", "", False),
        ("[BODY] == pat()", "", True),
        ("[STATUS] == pat(*)", "", True),
        ("[STATUS] == regex()", "", True),
        ("[STATUS] == any('200')", "", True),
        ("[IP] == any(::1, 127.0.0.1)", "", True),
        # White space of any kind separates, and is not of a text.
        ("[BODY].a\t==\t1", '{"a": 1}', True),
        ("[BODY].a\u00a0== 1", '{"a": 1}', True),
        ("[BODY].a == 5 6", '{"a": "5 6"}', True),
        ("[BODY].a == \u200b", '{"a": ""}', False),
    ],
)
def test_what_it_says_it_means(condition: str, body: str, verdict: bool) -> None:
    assert parse(condition).evaluate(answer(body)) is verdict


@pytest.mark.parametrize(
    ("condition", "body", "why"),
    [
        ("[BODY].a == null", "{}", "the body has no a"),
        ("[BODY].a == <nil>", '{"a": null}', "[BODY].a is null"),
        ("[BODY].a != ''", '{"a": null}', "[BODY].a is null"),
        ("[BODY].a < 2", '{"a": " 1 "}', "[BODY].a is no number"),
        ("2 > [BODY].a", '{"a": {}}', "[BODY].a is no number"),
        ("[BODY].a.length == 2", '{"a": [1, 2]}', "a is a list, not an object"),
        ("[BODY].a < [BODY].b", '{"a": "x"}', "[BODY].a is no number; the body has no b"),
        ("[BODY].a != [BODY].a", "[]", "the body is a list, not an object"),
        ("len([BODY].a) == len([BODY].b)", '{"a": 1}', "the body has no b"),
        ("[HEADERS].etag != x", "", "there is no header etag"),
        ("[CERTIFICATE_EXPIRATION] >= 0", "", "there was no certificate"),
        ("[CERTIFICATE_EXPIRATION] == '0'", "", "there was no certificate"),
        ("[DOMAIN_EXPIRATION] > 0", "", "the registry was not asked"),
        ("[DNS_RCODE] != NXDOMAIN", "", "no DNS answer came"),
    ],
)
def test_a_side_that_cannot_be_told_fails_and_says_why(condition: str, body: str, why: str) -> None:
    parsed, facts = parse(condition), answer(body)

    assert parsed.evaluate(facts) is None
    assert parsed.why(facts) == why


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("[BODY].a < 1H", "not a number, a duration or a size"),
        ("[BODY].a < 1Mb", "not a number, a duration or a size"),
        ("[BODY].[0] == 1", "a name is missing in the path"),
        ("[BODY].a. == 1", "a name is missing in the path"),
        ("[BODY]..a == 1", "a name is missing in the path"),
        ("[BODY] .a == 1", "a name is missing in the path"),
        ("[BODY].a[+0] == 1", "neither a position nor a name in quotes"),
        ("[BODY].a[*].b == 1", "neither a position nor a name in quotes"),
        ("[STATUS] == not 200", "not a status"),
        ("[STATUS] == 200)", "not a status"),
        ("([STATUS] == 200", "a bracket is opened here and not closed"),
        ("() == 1", "a comparison is missing here"),
        ("not", "a comparison is missing here"),
        ("and", "a comparison is missing before this"),
        ("[STATUS] == 200 and", "a comparison is missing here"),
        ("[STATUS] === 200", "an operator needs a space on both sides"),
        ("[STATUS] <> 200", "an operator needs a space on both sides"),
        ("[STATUS] =< 200", "no operator of conditions"),
        ("[STATUS] == 200 AND [STATUS] == 200", "a second operator in one comparison"),
        ("[STATUS] == 200 && [STATUS] == 200", "a second operator in one comparison"),
        ("[CONNECTED] == TRUE", "neither true nor false"),
        ("[HEADERS] == x", "the name of a header is missing"),
        ("[BODY].a == 'it''s'", "text goes on after its closing quote"),
        ("[BODY].a == 'x' y", "text goes on after its closing quote"),
        ("[BODY].a == \u00a0", "the right side is missing"),
        ("len(len([BODY])) == 1", "there is no placeholder in it"),
        ("has(has([BODY])) == true", "there is no placeholder in it"),
        ("pat(*) == pat(*)", "a pattern is compared with a pattern"),
    ],
)
def test_what_it_cannot_mean_is_refused(condition: str, found: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(condition)

    assert caught.value.found == found


SUBJECT = "livingroom_123"


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        *((p, True) for p in ("*", "**", "living*", "*living*", "*123", "*_*", "living*_*3", "living*room_*3")),
        *((p, True) for p in ("*vin*om*2*", SUBJECT, f"*{SUBJECT}*")),
        *((p, False) for p in ("livingroom", "livingroom123", "what", "*what*", "*.*", "room*123")),
    ],
)
def test_a_star_stands_for_anything_as_in_gatus(pattern: str, matches: bool) -> None:
    assert parse(f"[BODY] == pat({pattern})").evaluate(Facts(body=SUBJECT.encode())) is matches


def test_a_backslash_is_a_letter_like_any_other_in_what_a_star_stands_for() -> None:
    assert parse("[BODY] == pat(*test*)").evaluate(Facts(body=b"\\test")) is True

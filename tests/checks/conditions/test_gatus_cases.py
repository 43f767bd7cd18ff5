"""
gatus' own cases of its condition language: condition, what was answered, verdict, and what is shown of it.

From TwiN/gatus (Apache-2.0), `config/endpoint/condition_test.go`, as facts. Where we differ on purpose stands here too,
with gatus' verdict beside ours; docs/conditions.md gives the reasons.
"""

from __future__ import annotations

from typing import Any

import pytest

from checks.conditions import ConditionError, Facts, parse

PAGE = (
    '<!DOCTYPE html><html lang="en"><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8" /></head>'
    '<body><div id="user">{}</div></body></html>'
)
ARTICLE = '{\n  "article": {\n    "id": 123,\n    "title": "Hello, world!",\n    "tags": ["hello", "world"]\n  }\n}'
DAY = 86_400.0
SAME = ""  # what is shown is the condition

PASS, FAIL = True, False


def facts(body: str | None = None, **known: Any) -> Facts:
    return Facts(body=None if body is None else body.encode(), **known)


CASES: list[tuple[str, str, Facts, bool, str]] = [
    ("ip", "[IP] == 127.0.0.1", facts(ip="127.0.0.1"), PASS, SAME),
    ("status", "[STATUS] == 200", facts(status=200), PASS, SAME),
    ("status fails", "[STATUS] == 200", facts(status=500), FAIL, "[STATUS] (500) == 200"),
    ("status less", "[STATUS] < 300", facts(status=201), PASS, SAME),
    ("status less fails", "[STATUS] < 300", facts(status=404), FAIL, "[STATUS] (404) < 300"),
    ("time less", "[RESPONSE_TIME] < 500", facts(response_time=0.05), PASS, SAME),
    ("time less than duration", "[RESPONSE_TIME] < 1s", facts(response_time=0.05), PASS, SAME),
    ("time greater", "[RESPONSE_TIME] > 500", facts(response_time=0.75), PASS, SAME),
    ("time greater than duration", "[RESPONSE_TIME] > 1s", facts(response_time=2.0), PASS, SAME),
    ("time at least, equal", "[RESPONSE_TIME] >= 500", facts(response_time=0.5), PASS, SAME),
    ("time at least fails", "[RESPONSE_TIME] >= 500", facts(response_time=0.499), FAIL, "[RESPONSE_TIME] (499) >= 500"),
    ("time at most, equal", "[RESPONSE_TIME] <= 500", facts(response_time=0.5), PASS, SAME),
    ("time at most, less", "[RESPONSE_TIME] <= 500", facts(response_time=0.025), PASS, SAME),
    ("time at most fails", "[RESPONSE_TIME] <= 500", facts(response_time=0.75), FAIL, "[RESPONSE_TIME] (750) <= 500"),
    ("body", "[BODY] == test", facts("test"), PASS, SAME),
    ("body number equal", "[BODY] == 123", facts("123"), PASS, SAME),
    ("body number less", "[BODY] < 124", facts("123"), PASS, SAME),
    ("body number greater", "[BODY] > 122", facts("123"), PASS, SAME),
    ("body number greater fails", "[BODY] > 123", facts("100"), FAIL, "[BODY] (100) > 123"),
    ("path", "[BODY].status == UP", facts('{"status":"UP"}'), PASS, SAME),
    ("deeper path", "[BODY].data.name == john", facts('{"data": {"id": 1, "name": "john"}}'), PASS, SAME),
    (
        "path that leads nowhere",
        "[BODY].data.name == john",
        facts('{"data": {"id": 1}}'),
        FAIL,
        "[BODY].data.name (INVALID) == john",
    ),
    (
        "length of what is not there",
        "len([BODY].data.name) == john",
        facts('{"data": {"id": 1}}'),
        FAIL,
        "len([BODY].data.name) (INVALID) == john",
    ),
    (
        "two paths",
        "[BODY].user.firstName != [BODY].user.lastName",
        facts('{"user": {"firstName": "john", "lastName": "doe"}}'),
        PASS,
        SAME,
    ),
    (
        "two paths fail",
        "[BODY].user.firstName == [BODY].user.lastName",
        facts('{"user": {"firstName": "john", "lastName": "doe"}}'),
        FAIL,
        "[BODY].user.firstName (john) == [BODY].user.lastName (doe)",
    ),
    ("list at the root", "[BODY][0].id == 1", facts('[{"id": 1}, {"id": 2}]'), PASS, SAME),
    ("null, broken JSON", "[BODY].data == OK", facts('{"data": null}"'), FAIL, "[BODY].data (INVALID) == OK"),
    (
        "null in a list, broken JSON",
        "[BODY].items[0] == OK",
        facts('{"items": [null, null]}"'),
        FAIL,
        "[BODY].items[0] (INVALID) == OK",
    ),
    ("body is null", "[BODY].data == OK", facts("null"), FAIL, "[BODY].data (INVALID) == OK"),
    (
        "no list at the root",
        "[BODY][0].name == test",
        facts('{"statusCode": 500, "message": "Internal Server Error"}'),
        FAIL,
        "[BODY][0].name (INVALID) == test",
    ),
    ("number", "[BODY].data.id == 1", facts('{"data": {"id": 1}}'), PASS, SAME),
    ("number in a list", "[BODY].data[1].id == 2", facts('{"data": [{"id": 1}, {"id": 2}, {"id": 3}]}'), PASS, SAME),
    ("number greater", "[BODY].data.id > 0", facts('{"data": {"id": 1}}'), PASS, SAME),
    ("hexadecimal greater", "[BODY].data > 0", facts('{"data": "0x1"}'), PASS, SAME),
    ("hexadecimal equals 1", "[BODY].data == 1", facts('{"data": "0x1"}'), PASS, SAME),
    ("hexadecimal equals itself", "[BODY].data == 0x1", facts('{"data": "0x1"}'), PASS, SAME),
    ("hexadecimal equals 2", "[BODY].data == 2", facts('{"data": "0x2"}'), PASS, SAME),
    ("hexadecimal equals 15", "[BODY].data == 15", facts('{"data": "0xF"}'), PASS, SAME),
    ("hexadecimal of both cases", "[BODY].data == 12648243", facts('{"data": "0xC0ff33"}'), PASS, SAME),
    ("length of hexadecimal", "len([BODY].data) == 3", facts('{"data": "0x1"}'), PASS, SAME),
    ("hexadecimal at least", "[BODY].data >= 1", facts('{"data": "0x01"}'), PASS, SAME),
    ("length of longer hexadecimal", "len([BODY].data) == 4", facts('{"data": "0x01"}'), PASS, SAME),
    ("octal greater", "[BODY].data > 0", facts('{"data": "0o1"}'), PASS, SAME),
    ("octal equals 2", "[BODY].data == 2", facts('{"data": "0o2"}'), PASS, SAME),
    ("octal equals itself", "[BODY].data == 0o2", facts('{"data": "0o2"}'), PASS, SAME),
    ("binary greater", "[BODY].data > 0", facts('{"data": "0b1"}'), PASS, SAME),
    ("binary equals 2", "[BODY].data == 2", facts('{"data": "0b0010"}'), PASS, SAME),
    ("binary equals binary", "[BODY].data == 0b10", facts('{"data": "0b0010"}'), PASS, SAME),
    ("number greater fails", "[BODY].data.id > 5", facts('{"data": {"id": 1}}'), FAIL, "[BODY].data.id (1) > 5"),
    ("decimal greater", "[BODY].balance > 100", facts('{"balance": "123.40000000000005"}'), PASS, SAME),
    ("number less", "[BODY].data.id < 5", facts('{"data": {"id": 2}}'), PASS, SAME),
    ("number less fails", "[BODY].data.id < 5", facts('{"data": {"id": 10}}'), FAIL, "[BODY].data.id (10) < 5"),
    ("connected", "[CONNECTED] == true", facts(connected=True), PASS, SAME),
    ("connected fails", "[CONNECTED] == true", facts(connected=False), FAIL, "[CONNECTED] (false) == true"),
    ("no certificate", "[CERTIFICATE_EXPIRATION] == 0", facts(), PASS, SAME),
    (
        "certificate greater",
        "[CERTIFICATE_EXPIRATION] > 2419200000",
        facts(certificate_expiration=60 * DAY),
        PASS,
        SAME,
    ),
    (
        "certificate greater fails",
        "[CERTIFICATE_EXPIRATION] > 2419200000",
        facts(certificate_expiration=14 * DAY),
        FAIL,
        "[CERTIFICATE_EXPIRATION] (336h) > 2419200000",
    ),
    ("certificate duration", "[CERTIFICATE_EXPIRATION] > 12h", facts(certificate_expiration=DAY), PASS, SAME),
    (
        "certificate duration fails",
        "[CERTIFICATE_EXPIRATION] > 48h",
        facts(certificate_expiration=DAY),
        FAIL,
        "[CERTIFICATE_EXPIRATION] (24h) > 48h",
    ),
    ("no placeholder", "1 == 2", facts(), FAIL, "1 == 2"),
    ("len path", "len([BODY].data.name) == 4", facts('{"data": {"name": "john"}}'), PASS, SAME),
    ("len list", "len([BODY]) == 3", facts('[{"id": 1}, {"id": 2}, {"id": 3}]'), PASS, SAME),
    ("len list of a key", "len([BODY].data) == 3", facts('{"data": [{"id": 1}, {"id": 2}, {"id": 3}]}'), PASS, SAME),
    ("len missing", "len([BODY].data) == 8", facts('{"name": "john.doe"}'), FAIL, "len([BODY].data) (INVALID) == 8"),
    ("len text", "len([BODY]) == 8", facts("john.doe"), PASS, SAME),
    ("len text of a key", "len([BODY].name) == 8", facts('{"name": "john.doe"}'), PASS, SAME),
    ("len number", "len([BODY].age) == 2", facts('{"age":18}'), PASS, SAME),
    ("len switch", "len([BODY].adult) == 4", facts('{"adult":true}'), PASS, SAME),
    ("len object in list", "len([BODY][0]) == 23", facts('[{"age":18,"adult":true}]'), PASS, SAME),
    ("len number in list", "len([BODY][0].age) == 2", facts('[{"age":18,"adult":true}]'), PASS, SAME),
    ("len switch in list", "len([BODY][0].adult) == 4", facts('[{"age":18,"adult":true}]'), PASS, SAME),
    ("len object", "len([BODY]) == 20", facts('{"name": "john.doe"}'), PASS, SAME),
    ("pat body", "[BODY] == pat(*john*)", facts('{"name": "john.doe"}'), PASS, SAME),
    ("pat path", "[BODY].name == pat(john*)", facts('{"name": "john.doe"}'), PASS, SAME),
    (
        "pat path fails",
        "[BODY].name == pat(bob*)",
        facts('{"name": "john.doe"}'),
        FAIL,
        "[BODY].name (john.doe) == pat(bob*)",
    ),
    ("pat page", '[BODY] == pat(*<div id="user">john.doe</div>*)', facts(PAGE.format("john.doe")), PASS, SAME),
    (
        "pat page fails",
        '[BODY] == pat(*<div id="user">john.doe</div>*)',
        facts(PAGE.format("jane.doe")),
        FAIL,
        '[BODY] (<!DOCTYPE html><html lang...(truncated)) == pat(*<div id="user">john.doe</div>*)',
    ),
    (
        "pat on the left fails",
        'pat(*<div id="user">john.doe</div>*) == [BODY]',
        facts(PAGE.format("jane.doe")),
        FAIL,
        'pat(*<div id="user">john.doe</div>*) == [BODY] (<!DOCTYPE html><html lang...(truncated))',
    ),
    ("pat list", "[BODY].data == pat(*Whatever*)", facts('{"data": ["hello", "world", "Whatever"]}'), PASS, SAME),
    ("pat ip", "[IP] == pat(10.*)", facts(ip="10.0.0.0"), PASS, SAME),
    ("pat ip fails", "[IP] == pat(10.*)", facts(ip="255.255.255.255"), FAIL, "[IP] (255.255.255.255) == pat(10.*)"),
    ("pat status", "[STATUS] == pat(4*)", facts(status=404), PASS, SAME),
    ("pat status fails", "[STATUS] == pat(4*)", facts(status=200), FAIL, "[STATUS] (200) == pat(4*)"),
    ("any first", "[BODY].name == any(john.doe, jane.doe)", facts('{"name": "john.doe"}'), PASS, SAME),
    ("any second", "[BODY].name == any(john.doe, jane.doe)", facts('{"name": "jane.doe"}'), PASS, SAME),
    (
        "any fails",
        "[BODY].name == any(john.doe, jane.doe)",
        facts('{"name": "bob"}'),
        FAIL,
        "[BODY].name (bob) == any(john.doe, jane.doe)",
    ),
    ("any status first", "[STATUS] == any(200, 429)", facts(status=200), PASS, SAME),
    ("any status second", "[STATUS] == any(200, 429)", facts(status=429), PASS, SAME),
    ("any on the left", "any(200, 429) == [STATUS]", facts(status=429), PASS, SAME),
    ("any status fails", "[STATUS] == any(200, 429)", facts(status=404), FAIL, "[STATUS] (404) == any(200, 429)"),
    ("has not", "has([BODY].errors) == false", facts("{}"), PASS, SAME),
    ("has object", "has([BODY].article) == true", facts(ARTICLE), PASS, SAME),
    (
        "has fails",
        "has([BODY].errors) == false",
        facts('{"errors": ["1"]}'),
        FAIL,
        "has([BODY].errors) (true) == false",
    ),
]


@pytest.mark.parametrize(("condition", "given", "passes", "shown"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_condition_of_gatus_has_its_verdict_and_its_words(
    condition: str, given: Facts, passes: bool, shown: str
) -> None:
    parsed = parse(condition)

    assert (parsed.evaluate(given) is True) == passes
    assert (str(parsed) if passes else parsed.explained(given)) == (shown or condition)


def test_what_holds_can_be_shown_with_its_values_too() -> None:
    assert parse("[BODY].status == UP").explained(facts('{"status":"UP"}')) == "[BODY].status (UP) == UP"


@pytest.mark.parametrize(
    "condition",
    [
        *("[STATUS] == 200", "[STATUS] != 200", "[STATUS] <= 200", "[STATUS] >= 200", "[STATUS] < 200"),
        *("[STATUS] > 200", "[STATUS] == any(200, 201, 202, 203)", "[STATUS] == [BODY].status", "[CONNECTED] == true"),
        *("[RESPONSE_TIME] < 500", "[IP] == 127.0.0.1", "[BODY] == 1", "[BODY].test == wat", "[BODY].test.wat == wat"),
        *("[BODY].age == [BODY].id", "[BODY].users[0].id == 1", "len([BODY].users) == 100", "len([BODY].data) < 5"),
        *("has([BODY].errors) == false", "has([BODY].users[0].name) == true", "[BODY].name == pat(john*)"),
        *("[CERTIFICATE_EXPIRATION] > 48h", "[DOMAIN_EXPIRATION] > 720h", "raw == raw"),
    ],
)
def test_what_gatus_takes_is_taken(condition: str) -> None:
    assert str(parse(condition)) == condition


@pytest.mark.parametrize(
    "condition",
    [
        *("[STATUS] ? 201", "[STATUS]==201", "[STATUS] = = 201", "[STATUS] ==", "[STATUS]"),
        # gatus takes these, and they never do what they say.
        *("len([BODY].users == 100", "[RESPONSE_TIME] < potato"),
    ],
)
def test_what_is_no_condition_is_refused(condition: str) -> None:
    with pytest.raises(ConditionError):
        parse(condition)

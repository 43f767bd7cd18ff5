"""What the language has beyond gatus' own cases: values, paths, and/or/not, quotes, units, headers, patterns."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from checks.conditions import Facts, parse
from checks.conditions.paths import parse_path, walk
from checks.conditions.texts import length_of, text_of
from checks.conditions.unresolved import Unresolved

DAY = 86_400.0
ANSWER = Facts(
    status=200,
    ip="127.0.0.1",
    response_time=0.25,
    dns_rcode="NOERROR",
    connected=True,
    certificate_expiration=30 * DAY,
    domain_expiration=365 * DAY,
    headers=(("Content-Type", "text/html"), ("X-Cache", "HIT"), ("x-cache", "MISS"), ("X-Empty", "")),
    body=b'{"status":"success","items":[1,2,3],"user":{"name":"john","id":123}}',
)


def holds(condition: str, body: str | None = None, **known: Any) -> bool | None:
    return parse(condition).evaluate(ANSWER if body is None else Facts(body=body.encode(), status=200, **known))


@pytest.mark.parametrize(
    ("placeholder", "value"),
    [
        ("[STATUS]", "200"),
        ("[status]", "200"),
        ("[IP]", "127.0.0.1"),
        ("[Ip]", "127.0.0.1"),
        ("[RESPONSE_TIME]", "250"),
        ("[DNS_RCODE]", "NOERROR"),
        ("[CONNECTED]", "true"),
        ("[CERTIFICATE_EXPIRATION]", "2592000000"),
        ("[DOMAIN_EXPIRATION]", "31536000000"),
        ("len([STATUS])", "3"),
        ("len([IP])", "9"),
        ("has([STATUS])", "true"),
        ("[BODY].status", "success"),
        ("[BODY].user.name", "john"),
        ("[BODY].user.id", "123"),
        ("len([BODY].items)", "3"),
        ("[BODY].items[0]", "1"),
        ("has([BODY].status)", "true"),
        ("has([BODY].missing)", "false"),
        ("len( [BODY].items )", "3"),
        ("[HEADERS].content-type", "text/html"),
        ("[headers].CONTENT-TYPE", "text/html"),
        ("[HEADERS].X-Cache", "HIT, MISS"),
        ("len([HEADERS].X-Cache)", "9"),
        ("has([HEADERS].X-Empty)", "true"),
        ("has([HEADERS].X-None)", "false"),
    ],
)
def test_a_placeholder_is_its_value(placeholder: str, value: str) -> None:
    assert holds(f"{placeholder} == {value}") is True
    assert holds(f"{placeholder} != {value}") is False


def test_the_whole_body_is_its_text() -> None:
    assert parse("[BODY] == x").explained(Facts(body=b"\n y  \n")) == "[BODY] (y) == x"
    assert holds("[BODY] == y", "\n y \n") is True


@pytest.mark.parametrize(
    ("path", "data", "text", "length"),
    [
        (".key", {"key": "value"}, "value", 5),
        (".long.simple.walk", {"long": {"simple": {"walk": "value"}}}, "value", 5),
        (".ids[1].id", {"ids": [{"id": 1}, {"id": 2}]}, "2", 1),
        (".ids[0]", {"ids": [1, 2]}, "1", 1),
        ("", [1, 2], "[1 2]", 2),
        ("[1]", [1, 2], "2", 1),
        ("[0]", [{"id": 1}, {"id": 2}], '{"id":1}', 8),
        ("[0].id", [{"id": 1}, {"id": 2}], "1", 1),
        (".data.ids[0].id", {"data": {"ids": [{"id": 1}, {"id": 2}]}}, "1", 1),
        ("[3][2]", [[1, 2], [3, 4], [], [5, 6, 7]], "7", 1),
        (".data[1][1]", {"data": [["a", "b", "c"], ["d", "eeeee", "f"]]}, "eeeee", 5),
        (".data[0].apps[1].name", {"data": [{"apps": [{"name": "app1"}, {"name": "app2"}]}]}, "app2", 4),
        (".balance", {"balance": "123.40000000000005"}, "123.40000000000005", 18),
        (".balance", {"balance": 123.40000000000005}, "123.40000000000005", 18),
        ('["a.b"]', {"a.b": 1}, "1", 1),
        ("['it\\'s'].x y", {"it's": {"x y": True}}, "true", 4),
        ('[""]', {"": 0.0}, "0", 1),
        (".n", {"n": 1e6}, "1000000", 7),
        (".n", {"n": 1.5e300}, "1.5e+300", 8),
        (".o", {"o": {"b": [1.0, None], "a": "ü<"}}, '{"a":"ü<","b":[1,null]}', 24),
        (".l", {"l": [None, True, {"b": 1, "a": [2.0]}, ["x y"]]}, "[<nil> true map[a:[2] b:1] [x y]]", 4),
    ],
)
def test_a_path_leads_to_a_value_with_a_text_and_a_length(path: str, data: object, text: str, length: int) -> None:
    value = walk(data, parse_path(path, 0))

    assert (text_of(value), length_of(value)) == (text, length)


@pytest.mark.parametrize(
    ("path", "data", "why"),
    [
        (".key", {}, "the body has no key"),
        ("[5].id", [{"id": 1}], "the body has 1 element, and no [5]"),
        (".data[0].apps[1].name", {"data": [{"apps": []}]}, "data[0].apps has 0 elements, and no [1]"),
        (".data.name.invalid", {"data": {"name": "john"}}, "data.name is text, not an object"),
        (".data[0]", [1, 2], "the body is a list, not an object"),
        (".data[0]", "str", "the body is text, not an object"),
        (".data[0]", 5, "the body is a number, not an object"),
        (".data[0]", True, "the body is true or false, not an object"),
        (".data[0]", None, "the body is null"),
        (".a.b", {"a": None}, "a is null"),
        ("[0]", {"0": 1}, "the body is an object, not a list"),
        (".items.name", {"items": [{"name": 1}]}, "items is a list, not an object"),
        (".n.x", {"n": 5}, "n is a number, not an object"),
    ],
)
def test_a_path_that_leads_nowhere_says_where_it_ends(path: str, data: object, why: str) -> None:
    found = walk(data, parse_path(path, 0))

    assert isinstance(found, Unresolved)
    assert found.why == why


@pytest.mark.parametrize(
    ("condition", "body", "verdict"),
    [
        # As numbers, where one of them is one.
        ("[BODY].n == 1", '{"n": 1.0}', True),
        ("[BODY].n == 1.0", '{"n": 1}', True),
        ("[BODY].n == 1000000", '{"n": 1000000}', True),
        ("[BODY].n == 1e6", '{"n": 1000000}', True),
        ("[BODY].n == 9007199254740993", '{"n": 9007199254740993}', True),
        ("[BODY].n == 9007199254740992", '{"n": 9007199254740993}', False),
        ("[BODY].n == 123", '{"n": 123.9}', False),
        ("[BODY].n < 123.5", '{"n": 123.9}', False),
        ("[BODY].n > 123.5", '{"n": 123.9}', True),
        ("[BODY].n == 0x10", '{"n": 16}', True),
        ("[BODY].n == 010", '{"n": 8}', True),
        ("[BODY].a == [BODY].b", '{"a": 1, "b": "1.0"}', True),
        ("[BODY].bytes == 64KB", '{"bytes": 65536}', True),
        ("[BODY].ms == 1s", '{"ms": 1000}', True),
        ("[BODY].n == any(1.0, 2)", '{"n": 1}', True),
        # As texts otherwise: a version is no number.
        ("[BODY].version == 1.1", '{"version": "1.10"}', False),
        ("[BODY].version == 1.10", '{"version": "1.10"}', True),
        ("[BODY].t == 1s", '{"t": "1000ms"}', False),
        ("[BODY].ok == true", '{"ok": true}', True),
        ("[BODY].ok == 1", '{"ok": true}', False),
        ("[BODY].s == OK", '{"s": "ok"}', False),
        # Quoted text is text.
        ('[BODY].n == "1.0"', '{"n": 1}', False),
        ('[BODY].n == "1"', '{"n": 1.0}', True),
        ('[BODY].n == "1"', '{"n": "0x1"}', False),
        ("[BODY].s == 'a and b == \"c\"'", '{"s": "a and b == \\"c\\""}', True),
        ('[BODY].s == ""', '{"s": ""}', True),
        ('[BODY] == ""', "", True),
        ("[BODY].s == hello big world", '{"s": "hello big world"}', True),
        ("[BODY].s == f(x)", '{"s": "f(x)"}', True),
        ("([BODY].s == f(x))", '{"s": "f(x)"}', True),
        ("[BODY].tags == [a b]", '{"tags": ["a", "b"]}', True),
        # By size: durations become milliseconds, sizes bytes, in the answer too.
        ("[BODY].uptime >= 1h", '{"uptime": "1h0m1s"}', True),
        ("[BODY].uptime >= 1d", '{"uptime": "23h59m59s"}', False),
        ("[BODY].heap < 1.5GB", '{"heap": "1500MB"}', True),
        ("[BODY].heap > 1KiB", '{"heap": 1025}', True),
        ("len([BODY].s) <= 4B", '{"s": "\u00fc\u00fc"}', True),
        ("[BODY].n > -5", '{"n": -4.5}', True),
        ("[BODY].n >= 0", '{"n": "08"}', True),
        # null is nothing, and equal to null.
        ("[BODY].e == null", '{"e": null}', True),
        ("[BODY].e != null", '{"e": null}', False),
        ("[BODY].e != null", '{"e": 0}', True),
        ("[BODY].e == any(null, OK)", '{"e": null}', True),
        ("[BODY].a == [BODY].b", '{"a": null, "b": null}', True),
        ("has([BODY].e) == false", '{"e": null}', True),
        ("has([BODY].e) == true", '{"e": ""}', True),
        ("has([BODY].e) == false", "<html>", True),
        # Patterns are for the text as a whole, over lines too; only the star is special.
        ("[BODY] == pat(a*c)", "a\nb\nc", True),
        ("[BODY] == pat(a*)", "ba", False),
        ("[BODY] == pat(a[1]?*)", "a[1]?!", True),
        ("[BODY] == pat(a[1]?*)", "a1?!", False),
        ("[BODY] == pat(*aa*aa*)", "aaa", False),
        ("[BODY] == pat(*a/b*)", "xa/by", True),
        ("[BODY] == pat(*a/b*)", "xaby", False),
        ('[BODY] == pat("*a) or b*")', "xa) or by", True),
        ("[BODY] != pat(*error*)", "fine", True),
        ("[BODY] == pat(*)", "", True),
        # Regular expressions are looked for anywhere.
        ("[BODY] == regex(^v1\\.[0-9]+$)", "v1.25", True),
        ("[BODY] == regex(^v1\\.[0-9]+$)", "v1x25", False),
        ("[BODY] == regex(or(der)?s)", "my orders", True),
        ("regex((?i)ERROR|fatal) != [BODY]", "all well", True),
        ('[BODY].v == regex("^a\\\\)")', '{"v": "a)"}', True),
        ("len([BODY]) == 9", "john.doe\n", True),
        ("len([BODY]) == 2", " [1, 2]\n", True),
        ("len([BODY].o) == 7", '{"o": {"a": 1.0}}', True),
    ],
)
def test_values_are_compared_as_what_they_are(condition: str, body: str, verdict: bool) -> None:
    assert holds(condition, body) is verdict


@pytest.mark.parametrize(
    ("condition", "body", "why"),
    [
        ("[BODY].errors < 5", "{}", "the body has no errors"),
        ("[BODY].errors == 0", "{}", "the body has no errors"),
        ("[BODY].errors != 0", "{}", "the body has no errors"),
        ("not [BODY].errors == 0", "{}", "the body has no errors"),
        ("[BODY].a != [BODY].b", "{}", "the body has no a; the body has no b"),
        ("[BODY].status != DOWN", '{"status": null}', "[BODY].status is null"),
        ("len([BODY].x) >= 0", '{"x": null}', "len([BODY].x) is null"),
        ("[BODY].n < 5", '{"n": "many"}', "[BODY].n is no number"),
        ("[BODY].n < 5", '{"n": true}', "[BODY].n is no number"),
        ("[BODY].n < 5", '{"n": []}', "[BODY].n is no number"),
        ("[BODY].n < 5", '{"n": 1e999}', "[BODY].n is no number"),
        ("[BODY].n != 5", '{"n": NaN}', "the body is not JSON"),
        ("[BODY].n != 5", "<html>", "the body is not JSON"),
        ("[BODY].n != 5", "", "the body is empty"),
        ("[BODY].n != 5", "[" * 100_000, "the body is nested too deeply"),
        ("[BODY].x != pat(*error*)", "{}", "the body has no x"),
        ("[BODY].x != any(1, 2)", "{}", "the body has no x"),
        ("[BODY].x != regex(error)", '{"x": null}', "[BODY].x is null"),
        ("[BODY] != regex((a+)+$)", "a" * 40 + "b", "the search took more than 50 ms"),
        (
            "[BODY] != regex(^x)",
            "y" * 65_537,
            "regex() searches 65536 characters at most, and it has 65537: use pat()",
        ),
        ("[HEADERS].etag != x", "", "no answer came"),
        ("[CERTIFICATE_EXPIRATION] < 48h", "", "there was no certificate"),
        ("[CERTIFICATE_EXPIRATION] != 48h", "", "there was no certificate"),
        ("[IP] != 10.0.0.1", "", "no address answered"),
        ("[RESPONSE_TIME] < 1h", "", "no answer came"),
        ("[DNS_RCODE] != NXDOMAIN", "", "no DNS answer came"),
    ],
)
def test_what_cannot_be_told_never_passes_and_says_why(condition: str, body: str, why: str) -> None:
    facts = Facts(body=body.encode(), status=200)
    parsed = parse(condition)

    assert parsed.evaluate(facts) is None
    assert parsed.why(facts) == why


def test_a_body_that_was_cut_off_or_is_packed_is_not_judged() -> None:
    facts = Facts(body=b'{"a": 1', unreadable="is longer than max_body")

    for condition in ("[BODY].a == 1", "has([BODY].errors) == false", "[BODY] == pat(*a*)", "len([BODY]) < 9"):
        assert parse(condition).evaluate(facts) is None
        assert parse(condition).why(facts) == "the body is longer than max_body"


def test_a_search_that_was_given_up_leaves_the_next_one_its_time() -> None:
    slow, quick = parse("[BODY] == regex((a+)+$)"), parse("[BODY] == regex(b$)")
    facts = Facts(body=b"a" * 40 + b"b")

    assert [slow.evaluate(facts), quick.evaluate(facts), quick.evaluate(Facts(body=b"b" * 65_536))] == [
        None,
        True,
        True,
    ]


def test_in_another_thread_a_search_is_done_as_well() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(parse("[BODY] == regex(^v1)").evaluate, Facts(body=b"v1.2")).result() is True


def test_no_certificate_is_what_gatus_calls_0_and_nothing_else() -> None:
    none, some = Facts(), Facts(certificate_expiration=0.5)

    assert [parse("[CERTIFICATE_EXPIRATION] == 0").evaluate(facts) for facts in (none, some)] == [True, False]
    assert [parse("[CERTIFICATE_EXPIRATION] != 0").evaluate(facts) for facts in (none, some)] == [False, True]
    assert [parse("[CERTIFICATE_EXPIRATION] <= 0").evaluate(facts) for facts in (none, some)] == [None, False]
    assert parse("[STATUS] == 0").evaluate(none) is None


T, F, U = "[STATUS] == 200", "[STATUS] == 500", "[BODY].missing == 1"


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        (f"{T} and {T}", True),
        (f"{T} and {F}", False),
        (f"{U} and {T}", None),
        (f"{U} and {F}", False),
        (f"{F} or {T}", True),
        (f"{U} or {T}", True),
        (f"{U} or {F}", None),
        (f"{F} or {F}", False),
        (f"not {F}", True),
        (f"not {U}", None),
        (f"not not {T}", True),
        (f"{T} or {T} and {F}", True),
        (f"({T} or {T}) and {F}", False),
        (f"not {F} and {F}", False),
        (f"not ({F} and {F})", True),
        (f"not({F} or {F})", True),
    ],
)
def test_not_binds_before_and_before_or(condition: str, verdict: bool | None) -> None:
    assert parse(condition).evaluate(ANSWER) is verdict


def test_what_is_shown_of_several_comparisons_has_every_value() -> None:
    condition = parse("[STATUS] == 500 or not ([BODY].user.id >= 100 and has([BODY].items) == true)")

    assert condition.explained(ANSWER) == (
        "[STATUS] (200) == 500 or not ([BODY].user.id (123) >= 100 and has([BODY].items) (true) == true)"
    )


def test_only_white_space_and_needless_brackets_are_lost_in_writing_a_condition_down() -> None:
    written = "(([STATUS]   ==\n200)) and   (not  [BODY].a == a  b or [STATUS] < 300)"

    assert str(parse(written)) == "[STATUS] == 200 and (not [BODY].a == a  b or [STATUS] < 300)"
    assert parse(str(parse(written))) == parse(written)


def test_a_long_value_is_cut_and_stays_on_one_line() -> None:
    facts = Facts(body=b"line\nbell\a" + b"x" * 200)

    assert parse("[BODY] == ok").explained(facts) == f"[BODY] (line bell?{'x' * 90}...(truncated)) == ok"
    assert parse("[BODY] == regex(ok)").explained(facts) == f"[BODY] (line bell?{'x' * 15}...(truncated)) == regex(ok)"


def test_a_cookie_is_not_shown() -> None:
    facts = Facts(headers=(("Set-Cookie", "session=hunter2"),))

    assert parse("[HEADERS].set-cookie == pat(x*)").explained(facts) == "[HEADERS].set-cookie (***) == pat(x*)"
    assert parse("len([HEADERS].set-cookie) == 3").explained(facts) == "len([HEADERS].set-cookie) (15) == 3"


def test_a_byte_order_mark_is_not_of_the_body() -> None:
    assert parse("[BODY].a == 1").evaluate(Facts(body=b'\xef\xbb\xbf{"a":1}')) is True


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert parse("[BODY].a == pat(x*y)").evaluate(Facts(body=b'{"a":"x\xff\xfey"}')) is True


def test_half_a_surrogate_pair_is_a_character_like_any_other() -> None:
    facts = Facts(body=b'{"a":"\\ud800"}')

    assert parse("len([BODY].a) == 3").evaluate(facts) is True
    assert parse("[BODY].a == x").explained(facts) == "[BODY].a (?) == x"


def test_the_body_is_parsed_once_however_many_conditions_ask() -> None:
    facts = Facts(body=b'{"a": {"b": 1}}')

    first = facts.document()

    assert parse("[BODY].a.b == 1 and has([BODY].a) == true").evaluate(facts) is True
    assert facts.document() is first


def test_a_condition_can_be_sent_elsewhere() -> None:
    condition = parse("not [BODY].x == regex(^a) or len([BODY].y) < 1KB and [IP] == any(a, 'b')")

    assert pickle.loads(pickle.dumps(condition)) == condition

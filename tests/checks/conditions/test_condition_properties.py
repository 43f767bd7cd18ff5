"""What holds of every condition and every answer: no exception, the laws of logic, and what is written can be read."""

from __future__ import annotations

import json
import pickle
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from checks.conditions import Condition, ConditionError, Facts, parse

texts = st.text(st.characters(codec=None), max_size=8)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | texts
    | st.sampled_from(["0x1", "08", "1h", "64KB", "", "1e999"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc") | texts, inner, max_size=3),
    max_leaves=8,
)
bodies = st.one_of(
    json_values.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=40),
    st.sampled_from(
        [b"", b"null", b" [1, 2]\n", b'{"a": {"b": [null, {"c": 1}]}}', b'{"a": "b"}', b"[" * 5000, b"1" * 5000]
    ),
)
facts_of_answers = st.builds(
    Facts,
    body=st.none() | bodies,
    unreadable=st.sampled_from(["", "", "", "is cut off"]),
    status=st.none() | st.integers(100, 599),
    headers=st.none() | st.lists(st.tuples(st.sampled_from(["a", "X-A"]), texts), max_size=2).map(tuple),
    response_time=st.none() | st.floats(0, 100),
    connected=st.none() | st.booleans(),
    certificate_expiration=st.none() | st.floats(-1e9, 1e9),
    dns_rcode=st.none() | st.sampled_from(["NOERROR", ""]),
    ip=st.none() | st.sampled_from(["127.0.0.1", ""]),
)

steps = st.sampled_from(
    [".a", ".b", ".c", ".data", "[0]", "[1]", "[999999999]", '["a"]', "['a.b c']", '[""]', ".x y", ".0"]
)
paths = st.lists(steps, max_size=3).map("".join)
values = st.one_of(
    paths.map("[BODY]{}".format),
    st.sampled_from(["[STATUS]", "[status]", "[HEADERS].a", "[RESPONSE_TIME]", "[CONNECTED]", "[IP]", "[DNS_RCODE]",
                     "[CERTIFICATE_EXPIRATION]", "[DOMAIN_EXPIRATION]"]),
)  # fmt: skip
readings = values | values.map("len({})".format) | values.map("has({})".format)
literals = st.sampled_from(
    ["0", "200", "-1.5", "1e3", "0x1F", "010", "1h30m", "64KB", "true", "false", "null", "ok", "some words", "f(x)",
     "[1 2]", '"200"', "'a and b'", '"\\""', '""', "map[a:1]", "<nil>", '{"a":1}']
)  # fmt: skip
patterns = st.sampled_from(
    ["pat(*)", "pat(a*b)", 'pat("a) or b*")', "regex(^a.b$)", "regex((a|b)+)", "regex('\\\\)')",
     "any(1, ok)", "any('a, b', null, 0)"]
)  # fmt: skip
sides = readings | literals | patterns
comparisons = st.tuples(sides, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), sides).map(" ".join)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        inner.map("not {}".format),
        inner.map("({})".format),
        st.tuples(inner, st.sampled_from([" and ", " or ", "  or\n"]), inner).map("".join),
    ),
    max_leaves=4,
)


def parsed(text: str) -> Condition | None:
    """None for what the parser refuses, which is most of what makes no sense."""
    with suppress(ConditionError):
        return parse(text)
    return None


sound = conditions.map(parsed).filter(lambda condition: condition is not None)


@given(sound, facts_of_answers)
@settings(max_examples=250)
def test_no_answer_makes_a_condition_raise_and_what_is_shown_is_a_bounded_line(
    condition: Condition, facts: Facts
) -> None:
    verdict = condition.evaluate(facts)
    shown, why = condition.explained(facts), condition.why(facts)

    assert verdict in (True, False, None)
    assert bool(why) == (verdict is None)
    assert len(shown) <= len(str(condition)) + 150 * len(list(condition.readings()))


@given(paths, json_values)
@settings(max_examples=200)
def test_every_json_value_meets_every_path(path: str, value: object) -> None:
    facts = Facts(body=json.dumps(value).encode())

    for text in (f"[BODY]{path} == ok", f"len([BODY]{path}) < 5", f"[BODY]{path} >= 1.5", f"[BODY]{path} != regex(^$)"):
        condition = parse(text)
        assert condition.evaluate(facts) in (True, False, None)
        condition.explained(facts)
        condition.why(facts)
    assert parse(f"has([BODY]{path}) == true").evaluate(facts) in (True, False)


@given(st.text(max_size=60) | conditions | st.text("[]()'\".*\\ andorpat=<>!STAUBODY01,", max_size=40))
@settings(max_examples=200)
def test_any_text_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    fault = None
    try:
        condition = parse(text)
    except ConditionError as error:
        fault = error

    if fault is None:
        assert parse(str(condition)) == condition
    else:
        assert 0 <= fault.start < fault.end <= len(text) + 1


@given(sound)
def test_what_is_written_down_or_sent_is_the_same_condition(condition: Condition) -> None:
    assert parse(str(condition)) == condition
    assert str(parse(str(condition))) == str(condition)
    assert pickle.loads(pickle.dumps(condition)) == condition


@given(comparisons, facts_of_answers)
@settings(max_examples=200)
def test_what_cannot_be_told_passes_in_no_form(comparison: str, facts: Facts) -> None:
    condition = parsed(comparison)
    if condition is None or condition.evaluate(facts) is not None:
        return

    opposite = comparison.replace(" == ", " != ") if " == " in comparison else comparison.replace(" != ", " == ")
    assert parse(f"not {comparison}").evaluate(facts) is None
    assert parse(opposite).evaluate(facts) is None
    assert parse(f"{comparison} and 1 == 1").evaluate(facts) is None
    assert parse(f"{comparison} or 1 == 2").evaluate(facts) is None


@given(sound, sound, sound, facts_of_answers)
@settings(max_examples=100)
def test_the_laws_of_logic(a: Condition, b: Condition, c: Condition, facts: Facts) -> None:
    def value(text: str) -> bool | None:
        return parse(text).evaluate(facts)

    assert value(f"({a}) and ({b})") is value(f"({b}) and ({a})")
    assert value(f"({a}) or ({b})") is value(f"({b}) or ({a})")
    assert value(f"not not ({a})") is value(str(a))
    assert value(f"not (({a}) and ({b}))") is value(f"not ({a}) or not ({b})")
    assert value(f"not (({a}) or ({b}))") is value(f"not ({a}) and not ({b})")
    assert value(f"({a}) and (({b}) or ({c}))") is value(f"({a}) and ({b}) or ({a}) and ({c})")


@given(sides, sides, facts_of_answers)
@settings(max_examples=100)
def test_equality_has_no_direction_and_unlike_is_its_opposite(left: str, right: str, facts: Facts) -> None:
    there, back, unlike = (parsed(text) for text in (f"{left} == {right}", f"{right} == {left}", f"{left} != {right}"))
    if there is None or back is None or unlike is None:
        return

    verdict = there.evaluate(facts)
    assert back.evaluate(facts) is verdict
    assert unlike.evaluate(facts) is (None if verdict is None else not verdict)


OF_EACH_TYPE = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e300,
    10**400,
    "",
    "ok",
    "5",
    [],
    [1],
    [[{"a": 1}]],
    {},
    {"a": {"b": [0]}},
)
PATHS = ("", ".a", ".a.b", "[0]", "[0][0]", "[0].a", ".a[0]", '["a"]', ".a['b'][0]", "[7]", ".missing.too", '[""]')
FORMS = (
    *("[BODY]{} == ok", "[BODY]{} != 5", "[BODY]{} < 5", "5 >= [BODY]{}", "[BODY]{0} == [BODY]{0}", "[BODY]{} == null"),
    *("[BODY]{} == pat(*a*)", "[BODY]{} != regex(^$)", "[BODY]{} == any(1, ok, null)", "[BODY]{} < 64KB"),
    *("len([BODY]{}) > 0", "len([BODY]{0}) == [BODY]{0}", "has([BODY]{}) == true", "not [BODY]{} == 1h"),
)


def test_every_json_type_meets_every_form_of_path_in_every_form_of_condition() -> None:
    for value in OF_EACH_TYPE:
        for shape in (value, [value], {"a": value}, {"a": {"b": [value]}}):
            facts = Facts(body=json.dumps(shape).encode())
            for path in PATHS:
                for form in FORMS:
                    condition = parse(form.format(path))
                    verdict = condition.evaluate(facts)
                    assert verdict in (True, False, None)
                    assert bool(condition.why(facts)) is (verdict is None), (str(condition), shape)
                    assert condition.explained(facts).isprintable()

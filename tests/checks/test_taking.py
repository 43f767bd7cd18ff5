"""What a step takes out of an answer, and what is told when it is not there."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.conditions import ConditionError, Facts
from checks.patterns import Searches
from checks.result import Reason
from checks.steps import Take
from checks.taking import NotThere, hidden, source_of, taken

BODY = {
    "token": "eyJhbGciOi",
    "order": {"id": 42, "price": 1.5, "paid": False, "lines": [{"sku": "a-1"}]},
    "none": None,
    "empty": "",
    "half": "\ud800",
}
FACTS = Facts(
    status=201,
    body=json.dumps(BODY).encode(),
    headers=(("Location", "https://shop/orders/42"), ("X-Empty", ""), ("Link", "a"), ("link", "b")),
)
JAR = (
    "shop\tFALSE\t/\tFALSE\t0\tsession\told",
    "#HttpOnly_shop\tFALSE\t/\tTRUE\t0\tsession\ts3cret",
    "shop\tFALSE\t/\tFALSE\t0\tempty\t",
)


def take(of: str, regex: str | None = None) -> object:
    return taken(Take(name="value", of=of, regex=regex), FACTS, JAR, Searches())


@pytest.mark.parametrize(
    ("of", "regex", "value"),
    [
        ("[BODY].token", None, "eyJhbGciOi"),
        ("[BODY].order.id", None, 42),
        ("[BODY].order.price", None, 1.5),
        ("[BODY].order.paid", None, False),
        ('[BODY].order["lines"][0].sku', None, "a-1"),
        ("[HEADERS].location", None, "https://shop/orders/42"),
        ("[headers].LOCATION", r"/orders/([^/]+)$", "42"),
        ("[HEADERS].link", None, "a, b"),
        ("[STATUS]", None, 201),
        ("[BODY]", r'"sku": "(?P<sku>[^"]*)"', "a-1"),
        ("[BODY].order.id", r"\d", "4"),
        ("[COOKIES].session", None, "s3cret"),
        ("[cookies].session", r"s(\d)", "3"),
    ],
)
def test_it_is_what_stands_there(of: str, regex: str | None, value: object) -> None:
    found = take(of, regex)

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("of", "regex", "reason", "why"),
    [
        ("[BODY].access_token", None, Reason.BODY, "the body has no access_token"),
        ("[BODY].order.lines[1]", None, Reason.BODY, "order.lines has 1 element, and no [1]"),
        ("[BODY].none", None, Reason.BODY, "[BODY].none is null"),
        ("[BODY].none", "x", Reason.BODY, "[BODY].none is null"),
        ("[BODY].empty", None, Reason.BODY, "[BODY].empty is empty"),
        ("[BODY].half", None, Reason.BODY, "[BODY].half holds half of a character, which cannot be sent"),
        ("[BODY].order", None, Reason.BODY, "[BODY].order is an object"),
        ("[BODY].order.lines", None, Reason.BODY, "[BODY].order.lines is a list"),
        ("[HEADERS].x-token", None, Reason.HEADER, "there is no header x-token"),
        ("[HEADERS].x-empty", None, Reason.HEADER, "[HEADERS].x-empty is empty"),
        ("[COOKIES].csrf", None, Reason.HEADER, "there is no cookie csrf"),
        ("[COOKIES].empty", None, Reason.HEADER, "[COOKIES].empty is empty"),
        ("[BODY]", "csrf=(.)", Reason.BODY, "its regular expression is not found in [BODY]"),
        ("[BODY].token", "(x?)eyJ", Reason.BODY, "its regular expression found nothing in [BODY].token"),
        ("[BODY].token", "(x)?eyJ", Reason.BODY, "its regular expression found nothing in [BODY].token"),
    ],
)
def test_what_is_not_there_is_told(of: str, regex: str | None, reason: Reason, why: str) -> None:
    with pytest.raises(NotThere) as told:
        take(of, regex)

    assert (str(told.value), told.value.reason) == (f"no value to take: {why}", reason)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>", "the body is not JSON"),
        (b"", "the body is empty"),
        (b'{"n": 1e999}', "[BODY].n is too large a number"),
        (b"[" * 100_000, "the body is nested too deeply"),
    ],
)
def test_whatever_the_body_is(body: bytes, why: str) -> None:
    with pytest.raises(NotThere, match=rf"^no value to take: {why.replace('[', '.').replace(']', '.')}$"):
        taken(Take(name="value", of="[BODY].n"), Facts(status=200, body=body), (), Searches())


def test_searches_are_bounded() -> None:
    greedy, searches = Facts(status=200, body=b"a" * 60), Searches()

    with pytest.raises(NotThere, match=r"at most 65536 characters are searched, and \[BODY\] has 65537"):
        taken(Take(name="value", of="[BODY]", regex="a"), Facts(status=200, body=b"a" * 65_537), (), Searches())
    with pytest.raises(NotThere, match="took more than 50 ms of CPU"):
        taken(Take(name="value", of="[BODY]", regex="(a+)+b"), greedy, (), searches)
    # All of one answer together: what is left is too little for another one like it.
    with pytest.raises(NotThere, match="took more than 50 ms of CPU"):
        taken(Take(name="other", of="[BODY]", regex="a"), greedy, (), searches)


@pytest.mark.parametrize(
    ("of", "found", "at"),
    [
        ("access_token", "not a place in an answer", (0, 12)),
        ("len([BODY].a)", "not a place in an answer", (0, 13)),
        ("[COOKIES]", "the name of a cookie is missing", (0, 9)),
        ("[RESPONSE_TIME]", "nothing can be taken from here", (0, 15)),
        ("[BDY].a", "there is no such placeholder", (0, 5)),
        ("[BODY]..a", "a name is missing in the path", (6, 7)),
        ("[HEADERS]", "the name of a header is missing", (9, 10)),
    ],
)
def test_a_place_that_cannot_be_is_told(of: str, found: str, at: tuple[int, int]) -> None:
    with pytest.raises(ConditionError, match=found) as told:
        source_of(of)

    assert (told.value.start, told.value.end) == at


@given(st.text(st.characters(exclude_characters="*"), min_size=4), st.text("ab*x", max_size=50), st.text(max_size=50))
def test_no_secret_is_left_of_what_is_told(secret: str, before: str, after: str) -> None:
    assert secret not in hidden(before + secret + after, [secret])


@pytest.mark.parametrize(
    ("text", "secret", "told"),
    [
        ("http://h/orders/s3cr%2Fet answered 404", "s3cr/et", "http://h/orders/*** answered 404"),
        ('{"a": "say \\"so\\""}', 'say "so"', '{"a": "***"}'),
        ("[BODY].a (0123456789abcdef0123...(truncated))", "0123456789abcdef0123456789", "[BODY].a (***...(truncated))"),
        ("a 0123456789abcde b", "0123456789abcdef0123456789", "a 0123456789abcde b"),
        ("abc", "abc", "abc"),
        ("one-line-of-it here", "first line\none-line-of-it\n", "*** here"),
        ("s3cret s3cret", "s3cret", "*** ***"),
    ],
    ids=[
        "quoted for a URL",
        "escaped in JSON",
        "cut off",
        "cut off too soon to be known",
        "too short",
        "a line",
        "twice",
    ],
)
def test_what_is_hidden(text: str, secret: str, told: str) -> None:
    assert hidden(text, [secret]) == told

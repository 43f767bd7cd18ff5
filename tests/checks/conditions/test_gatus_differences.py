"""
Where we differ from gatus on purpose: what gatus makes of a condition, and what we make of it. Its
verdicts are read from its source.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checks.conditions import ConditionError, Facts, parse

DOCS = (Path(__file__).parents[3] / "docs" / "conditions.md").read_text()


@pytest.mark.parametrize(
    ("condition", "facts", "gatus", "ours"),
    [
        # What is not there is not 0, and not different from everything either.
        ("[BODY].errors < 5", Facts(body=b"{}"), True, None),
        ("[BODY].status != DOWN", Facts(body=b"{}"), True, None),
        ("[BODY].status != DOWN", Facts(body=b'{"status": null}'), True, None),
        ("[CERTIFICATE_EXPIRATION] < 48h", Facts(), True, None),
        ("[STATUS] != 500", Facts(connected=False), True, None),
        ("[IP] != 10.0.0.1", Facts(), True, None),
        ("has([STATUS]) == true", Facts(), True, False),
        ("has([CERTIFICATE_EXPIRATION]) == true", Facts(), True, False),
        ("[BODY].n < 5", Facts(body=b'{"n": "many"}'), True, None),
        ("[BODY].n < 5", Facts(body=b'{"n": true}'), True, None),
        ("[BODY].n < 5", Facts(body=b'{"n": []}'), True, None),
        ("[BODY].bytes < 64KB", Facts(body=b'{"bytes": 1}'), False, True),
        ("[BODY].n == 08", Facts(body=b'{"n": 8}'), False, True),
        # Numbers are decimals, and large ones stay what they are.
        ("[BODY].load <= 1", Facts(body=b'{"load": 1.9}'), True, False),
        ("[BODY].load == 1.50", Facts(body=b'{"load": 1.5}'), False, True),
        ("[BODY].id == 1000000", Facts(body=b'{"id": 1000000}'), False, True),
        ("[RESPONSE_TIME] <= 500", Facts(response_time=0.5004), True, False),
        ("[RESPONSE_TIME] == 1s", Facts(response_time=1.0), False, True),
        ("[CERTIFICATE_EXPIRATION] > 14d", Facts(certificate_expiration=3600), True, False),
        ("[STATUS] == any(0xC8, 204)", Facts(status=200), False, True),
        # A path goes where it says.
        ("[BODY].name == 5", Facts(body=b"5"), True, None),
        ("[BODY].a.b == 5", Facts(body=b'{"a": 5}'), True, None),
        ("has([BODY].name) == true", Facts(body=b"[1]"), True, False),
        ("len([BODY]) == 2", Facts(body=b"[1, 2]\n"), False, True),
        # Only the star is special in a pattern, and a slash is a slash.
        ("[BODY] == pat(a?)", Facts(body=b"ab"), True, False),
        ("[BODY] == pat(*[ok]*)", Facts(body=b"o"), True, False),
        ("[BODY] == pat(a/b)", Facts(body=b"ab"), True, False),
        # What holds an operator or a quote.
        ("[BODY] == pat(*a == b*)", Facts(body=b"a == b"), False, True),
        ('[BODY] == "ok"', Facts(body=b"ok"), False, True),
        ('[BODY] == "ok"', Facts(body=b'"ok"'), True, False),
        # A list in a list, and an object in it.
        ('[BODY].o == {"a":"<"}', Facts(body=b'{"o": {"a": "<"}}'), False, True),
    ],
)
def test_we_differ_where_gatus_would_pass_or_fail_for_no_good_reason(
    condition: str, facts: Facts, gatus: bool, ours: bool | None
) -> None:
    assert parse(condition).evaluate(facts) is ours
    assert (ours is True) != gatus
    assert f"`{condition}`" in DOCS, "each difference is listed"


@pytest.mark.parametrize(
    "condition",
    [
        "[RESPONSE_TIME] < potato",
        "[BODY].n < 1e400",
        "[IP] > 1",
        "[CONNECTED] > 0",
        "has([BODY].x) > 0",
        "[STATUS] < pat(4*)",
        "[STATUS] == any()",
        "[STATUS] == any(200,)",
        "[STATUS] == 2xx",
        "[CONNECTED] == yes",
        "has([BODY].x) == 1",
        "[UNKNOWN] == 1",
        "[CONTEXT].user == 1",
        "has() == false",
        "len(x) == 1",
        "LEN([BODY]) == 1",
        "len([BODY].users == 100",
        "[BODY].a[-1] == 1",
        "[BODY].a[x] == 1",
        "[BODY].a == b == c",
        "[BODY].a == this and that",
        "[BODY].a == ",
        "any(1, 2) == any(2, 3)",
    ],
)
def test_what_gatus_takes_and_never_means_anything_is_refused(condition: str) -> None:
    with pytest.raises(ConditionError):
        parse(condition)
    assert f"`{condition}`" in DOCS, "each difference is listed"


def test_the_conditions_that_the_documentation_shows_can_be_read() -> None:
    before = DOCS.partition("## Where this differs")[0]
    yaml = re.findall(r'^ +- "(.+)"$', before, re.MULTILINE)
    lines = re.findall(r"^    (\[STATUS\].+|not .+)$", before, re.MULTILINE)
    inline = [text for text in re.findall(r"`([^`]+)`", before) if " == " in text or " < " in text]

    for condition in (*yaml, *lines, *(text.strip("'").replace("\n", " ") for text in inline)):
        parse(condition)
    assert (len(yaml), len(lines)) == (4, 2)
    assert len(inline) > 5

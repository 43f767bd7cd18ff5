"""What is said of a condition that cannot be read, and to which place it points."""

from __future__ import annotations

import pytest

from checks.conditions import ConditionError, parse

EXAMPLE = "Write it as [STATUS] == 200, with one of == != < <= > >= and a space on both sides of it."


@pytest.mark.parametrize(
    ("text", "caret", "found", "fix"),
    [
        ("[STATUS]==200",
         "        ^^   ", "an operator needs a space on both sides", EXAMPLE),
        ("[STATUS] = 200",
         "         ^    ", "no operator of conditions",
         "Write ==; a regular expression is [BODY] == regex(PATTERN)."),
        ("[STATUS]",
         "^^^^^^^^", "a comparison is missing here", EXAMPLE),
        ("[STATUS] ? 200",
         "^^^^^^^^^^^^^^", "a comparison is missing here", EXAMPLE),
        ("[STATUS] ==",
         "         ^^", "the right side is missing",
         "Write what it is compared with; nothing is \"\", and text that begins with 'and' or 'or' is in quotes."),
        (" == 200",
         " ^^    ", "the left side is missing",
         'Write what is compared in front of it; nothing is written "".'),
        ("[STATUS] == 200 and",
         "                   ^", "a comparison is missing here",
         f"{EXAMPLE} Text that holds 'and' or 'or' is put in quotes."),
        ("[BODY].x == this or that",
         "                    ^^^^", "a comparison is missing here",
         f"{EXAMPLE} Text that holds 'and' or 'or' is put in quotes."),
        (" or [STATUS] == 200",
         " ^^                ", "a comparison is missing before this", EXAMPLE),
        ("[BODY].x == a == b",
         "              ^^  ", "a second operator in one comparison",
         "Join two comparisons with 'and' or 'or'; put text that holds an operator in quotes."),
        ("([STATUS] == 200",
         "^               ", "a bracket is opened here and not closed", "Close it with )."),
        ("([BODY].x == 1) [BODY].y == 2",
         "                ^            ", "'and' or 'or' is missing here", "Join comparisons with one of them."),
        ("([BODY].x == 1))",
         "               ^", "a bracket is closed here and was not opened", "Remove it."),
        ("len([BODY].users == 100",
         "   ^                   ", "a bracket is opened here and not closed", "Close it with )."),
        ("[BODY].x == 'a' b",
         "               ^^", "text goes on after its closing quote",
         "Put all of it in quotes, and a backslash before a quote within."),
        ('[BODY].x == "a',
         "            ^ ", "a quote is opened here and not closed", "Close it."),
        ("[BODDY].x == 1",
         "^^^^^^^       ", "there is no such placeholder",
         "Known here: [STATUS], [BODY], [HEADERS], [RESPONSE_TIME], [CONNECTED], [CERTIFICATE_EXPIRATION], "
         "[DOMAIN_EXPIRATION], [DNS_RCODE], [IP]. Put text that looks so in quotes."),
        ("x [STATUS] == 200",
         "  ^^^^^^^^       ", "a placeholder in the middle of text",
         "Let it stand alone on its side; put text that looks so in quotes."),
        ("[STATUS].code == 200",
         "        ^^^^^       ", "nothing follows this placeholder",
         "Compare it as it is; only [BODY] and [HEADERS] have something inside."),
        ("[HEADERS] == x",
         "         ^    ", "the name of a header is missing",
         "Write [HEADERS].NAME, for example [HEADERS].content-type."),
        ("[BODY]..a == 1",
         "      ^       ", "a name is missing in the path",
         'Write a name after each dot; a name that is empty or holds a dot or bracket is written ["a.b"].'),
        ("[BODY].a[-1] == 1",
         "        ^^^^     ", "a negative position in a list", "Count from 0: [0] is the first."),
        ("[BODY].a[b] == 1",
         "        ^^^     ", "neither a position nor a name in quotes",
         'Write a position, counted from 0, or a name in quotes: [0] or ["a.b"].'),
        ("[BODY].a[1 == 1",
         "        ^^     ", "a bracket is opened here and not closed", "Close it with ]."),
        ("len(x) == 1",
         "^^^^^^     ", "there is no placeholder in it", "Write what it is of: len([BODY].items)."),
        ("Len([BODY]) == 1",
         "^^^^^^^^^^^     ", "a function in capital letters",
         "Write the function in lower case, or put the text in quotes."),
        ("[STATUS] == any(200, pat(4*))",
         "                     ^^^^^^^ ", "any() takes fixed values only",
         "Join comparisons with or; put text that looks so in quotes."),
        ("[STATUS] == any(200, , 204)",
         "                     ^     ", "an option of any() is empty",
         'Write what is between the commas; nothing is "".'),
        ("[BODY] == any('a' b, c)",
         "              ^^^^^    ", "text goes on after its closing quote", "Put all of it in quotes."),
        ("[BODY] == regex(a[b)",
         "                 ^  ", "not a regular expression: unterminated character set",
         "Put a backslash before a character that is meant as itself."),
        ('[BODY] == regex("a[b")',
         "                ^^^^^ ", "not a regular expression: unterminated character set",
         "Put a backslash before a character that is meant as itself."),
        ("pat(a*) == regex(b)",
         "           ^^^^^^^^", "a pattern is compared with a pattern",
         "Let one side be a value, for example [BODY]."),
        ("[BODY] < pat(a*)",
         "       ^        ", "a pattern is neither smaller nor larger", "Compare it with == or !=."),
        ("[BODY] < 10.0.0.1",
         "         ^^^^^^^^", "not a number, a duration or a size", "Write for example 500, 0.5, 500ms, 48h or 64KB."),
        ("[IP] < 10",
         "     ^   ", "this is neither smaller nor larger", "Compare it with == or !=."),
        ("has([BODY].x) > 0",
         "              ^  ", "this is neither smaller nor larger", "Compare it with == or !=."),
        ('[RESPONSE_TIME] < "500"',
         "                  ^^^^^", "not a number, a duration or a size",
         "Write for example 500, 0.5, 500ms, 48h or 64KB."),
        ("[RESPONSE_TIME] < potato",
         "                  ^^^^^^", "not a number, a duration or a size",
         "Write for example 500, 0.5, 500ms, 48h or 64KB."),
        ("[RESPONSE_TIME] < 64KB",
         "                  ^^^^", "not a time", "Write milliseconds or a duration: 500, 500ms, 1s, 48h."),
        ("[STATUS] == 2xx",
         "            ^^^", "not a status", "Write a number; for all of a class write pat(2*)."),
        ("[CONNECTED] == yes",
         "               ^^^", "neither true nor false", "Write true or false."),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_place_and_its_remedy(text: str, caret: str, found: str, fix: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(text)

    fault = caught.value
    assert (" " * fault.start + "^" * (fault.end - fault.start)).rstrip() == caret.rstrip()
    assert (fault.found, fault.fix) == (found, fix)


def test_an_empty_condition_is_refused() -> None:
    with pytest.raises(ConditionError, match="it is empty"):
        parse("  ")


def test_a_condition_that_is_endless_or_nested_without_end_is_refused() -> None:
    with pytest.raises(ConditionError, match="longer than 2000 characters"):
        parse("[BODY] == " + "x" * 2000)
    with pytest.raises(ConditionError, match="nested more than 32 deep"):
        parse("(" * 900 + "[STATUS] == 200" + ")" * 900)
    with pytest.raises(ConditionError, match="nested more than 32 deep"):
        parse("not " * 400 + "[STATUS] == 200")
    assert parse("(" * 32 + "[STATUS] == 200" + ")" * 32) == parse("[STATUS] == 200")


def test_a_pattern_that_python_cannot_build_is_refused() -> None:
    with pytest.raises(ConditionError, match="a regular expression that is too large"):
        parse("[BODY] == regex(a{99999999999})")


def test_what_is_said_never_quotes_the_condition() -> None:
    for text in (
        "hunter2",
        "hunter2 == ",
        "[BODY] == regex([z-hunter2a])",
        "[hunter] == 1",
        "[RESPONSE_TIME] < hunter2",
    ):
        with pytest.raises(ConditionError) as caught:
            parse(text)
        assert "hunter" not in f"{caught.value.found} {caught.value.fix} {caught.value}"

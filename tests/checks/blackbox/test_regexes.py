"""Expressions of Go mean here what they mean there, or are refused."""

from __future__ import annotations

import pytest

from checks.blackbox.regexes import Unsayable, Untranslatable, translated
from checks.patterns import compiled


@pytest.mark.parametrize(
    ("go", "matches", "does_not"),
    [
        ("^+OK", ["OK", "OK then"], ["not OK"]),
        ("ready$", ["is ready"], ["is ready\n", "ready or not"]),
        ("(?m)^a$", ["b\na\nc", "a\n"], ["ab\n"]),
        ("x(?m:^a$)", [], ["xa"]),
        (r"end\z", ["the end"], ["the end\n"]),
        ("(?i)get|put", ["GET", "pUT"], ["gex"]),
        ("a(?i)b|c", ["aB", "C"], ["AB"]),
        ("((?i)a)b", ["Ab"], ["AB"]),
        ("(?s)a.b", ["a\nb"], ["ab"]),
        ("a.b", ["a-b"], ["a\nb"]),
        ("(?i)a(?-i)b", ["Ab"], ["aB"]),
        (r"[[:alpha:]_]+1", ["ab_1"], ["é1", "1"]),
        (r"[^]a]$", ["b"], ["]", "a"]),
        (r"[\]\d]", ["]", "7"], ["x"]),
        (r"[a[b]", ["[", "a"], ["]"]),
        (r"\Qa.b\E+", ["a.bb"], ["axb"]),
        (r"\Qa.b", ["a.b"], ["axb"]),
        (r"\d", ["7"], ["٣"]),
        (r"\x{1F600}", ["\U0001f600"], ["x"]),
        ("(?P<name>a)b", ["ab"], ["b"]),
        ("5\\$$", ["5$"], ["5$\n", "5"]),
        ("", ["", "x"], []),
    ],
)
def test_it_matches_what_it_matches_in_go(go: str, matches: list[str], does_not: list[str]) -> None:
    pattern = compiled(translated(go))

    assert [text for text in matches if not pattern.search(text)] == []
    assert [text for text in does_not if pattern.search(text)] == []


@pytest.mark.parametrize(
    ("go", "words"),
    [
        (r"\pL", r"has \p,"),
        (r"\PN", r"has \P,"),
        ("(?U)a*", "has the flag U"),
        ("[[:^alpha:]]", "has the class [:^alpha:]"),
        ("[[:nonsense:]]", "has the class [:nonsense:]"),
    ],
)
def test_what_cannot_be_said_here_is_an_expression_all_the_same(go: str, words: str) -> None:
    with pytest.raises(Unsayable) as refused:
        translated(go)

    assert str(refused.value).startswith(words)


@pytest.mark.parametrize("go", ["(a", "a)", "[a", "*a", "a**", r"\x{110000}", "a\\"])
def test_what_is_no_expression_is_told_from_what_only_we_cannot(go: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        translated(go)

    assert not isinstance(refused.value, Unsayable)

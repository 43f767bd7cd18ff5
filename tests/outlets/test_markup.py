"""Our Markdown as Jira's two languages: whole, and harmless whatever a target said."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vendors import Adf

from monitor.outlets.markup import adf, wiki
from monitor.outlets.markup.text import clean, fitted, one_line

TICKET = """\
# INC-0001 SEV2 orders: HTTP 503

| | |
|---|---|
| Status | open, for 3m \\| late |
| Service | orders |

## Symptoms

- orders/live: *http_status* `503`, see [the runbook](https://runbooks.example/orders)
  1. first
  2. second

## Timeline (UTC)

- 12:00:00 **incident.opened** orders does not answer (ann) `trace 4bf9`
  and so on\x20\x20
  and on

> the ledger is unavailable

```
{"status": "down"}
```
"""

WIKI = """\
h1. INC-0001 SEV2 orders: HTTP 503

| Status | open, for 3m \\| late |
| Service | orders |

h2. Symptoms

* orders/live: {_}http_status{_} {{503}}, see [the runbook|https://runbooks.example/orders]
*# first
*# second

h2. Timeline (UTC)

* 12:00:00 {*}incident.opened{*} orders does not answer (ann) {{trace 4bf9}} and so on \\\\ and on

{quote}
the ledger is unavailable
{quote}

{noformat}
{"status": "down"}
{noformat}"""


def text(node: dict) -> str:
    return adf.text_of(node)


def test_a_ticket_in_wiki_markup() -> None:
    assert wiki.from_markdown(TICKET) == WIKI


def test_a_ticket_as_a_document(adf: Adf) -> None:
    from monitor.outlets.markup.adf import document, from_markdown

    blocks = from_markdown(TICKET)

    adf.check(document(blocks))
    assert [block["type"] for block in blocks] == [
        "heading", "table", "heading", "bulletList", "heading", "bulletList", "blockquote", "codeBlock",
    ]  # fmt: skip
    assert [text(row) for row in blocks[1]["content"]] == ["Statusopen, for 3m | late", "Serviceorders"]
    line = blocks[5]["content"][0]["content"][0]["content"]
    assert line[1] == {"type": "text", "text": "incident.opened", "marks": [{"type": "strong"}]}
    assert line[3] == {"type": "text", "text": "trace 4bf9", "marks": [{"type": "code"}]}
    assert {"type": "hardBreak"} in line
    see = blocks[3]["content"][0]["content"][0]["content"][-1]
    assert see["marks"] == [{"type": "link", "attrs": {"href": "https://runbooks.example/orders"}}]


HOSTILE = [
    "[~admin] {code} {html}<script>alert(1)</script>{html} !http://evil.example/p.png! [x|http://evil.example]",
    "h1. big\nbq. quoted\n---- \n|| head ||\n# one\n* two",
    "{noformat}{code}\\\\ \\{ :) (x) (/) *b* _i_ -s- +u+ ^sup^ ~sub~ ??cite?? {color:red}",
    "![pixel](https://evil.example/pixel.png) [js](javascript:alert(1)) [data](data:text/html,x) <b>bold</b>",
    "# " * 50 + "> " * 50 + "- " * 50 + "deep",
    "a\x00b\x1b[31m\ud800c\u202e",
    "```\nnever ended",
    "- ",
    "1. - > # x\n\n|a|\n|-|\n|b|",
    '*a `b* c` **d _e** f_ [g](http://h "`i`") `` ` ``',
    "",
]


@pytest.mark.parametrize("markdown", HOSTILE, ids=range(len(HOSTILE)))
def test_what_a_target_said_is_a_document_all_the_same(adf: Adf, markdown: str) -> None:
    from monitor.outlets.markup.adf import document, from_lines, from_markdown

    adf.check(document(from_markdown(markdown)))
    adf.check(document(from_lines(markdown)))


@given(st.text(alphabet="ab #*_`-+>|![]()<>{}\\\n~&;:/1.0\t", max_size=200))
def test_any_markdown_is_a_document(adf: Adf, markdown: str) -> None:
    from monitor.outlets.markup.adf import document, from_lines, from_markdown

    adf.check(document(from_markdown(markdown)))
    adf.check(document(from_lines(markdown)))


def test_only_addresses_that_lead_somewhere_become_links_and_pictures_are_not_loaded() -> None:
    markdown = "[a](https://a.example) [b](javascript:alert(1)) ![c](http://c.example/p.png) [d](mailto:d@e.example)"

    assert wiki.from_markdown(markdown) == (
        "[a|https://a.example] \\[b\\](javascript:alert(1)) [c|http://c.example/p.png] [d|mailto:d@e.example]"
    )
    assert re.findall(r'"href": "([^"]+)"', json.dumps(adf.from_markdown(markdown))) == [
        "https://a.example",
        "http://c.example/p.png",
        "mailto:d@e.example",
    ]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("[~admin] and [x|http://e.example]", "\\[\\~admin\\] and \\[x\\|http://e.example\\]"),
        ("{html}x{html}", "\\{html\\}x\\{html\\}"),
        ("!p.png!", "\\!p.png\\!"),
        ("*b* and -s- and _i_", "\\*b\\* and \\-s\\- and \\_i\\_"),
        ("orders_service at 2026-03-01", "orders_service at 2026-03-01"),
        (":) (x) (on) (UTC)", "\\:) \\(x) \\(on) (UTC)"),
        ("a\\\\b", "a&#92;&#92;b"),
        ("h1. big", "h1&#46; big"),
        (" bq. big", " bq&#46; big"),
        ("chapter h1. stays", "chapter h1. stays"),
        ("# one", "\\# one"),
    ],
)
def test_in_wiki_markup_every_sign_is_what_it_looks_like(said: str, shown: str) -> None:
    assert wiki.escaped(said) == shown


def test_code_cannot_end_the_block_it_stands_in() -> None:
    assert wiki.from_markdown("```\n{noformat}h1. out\n```") == ("{noformat}\n{\u200bnoformat}h1. out\n{noformat}")


def test_lines_of_plain_text_stay_lines_and_nothing_in_them_is_markdown() -> None:
    update = "who: **ann**\nwhat: [x](http://e.example)"

    assert adf.from_lines(update) == [
        {
            "type": "paragraph",
            "content": [
                {"type": "text", "text": "who: **ann**"},
                {"type": "hardBreak"},
                {"type": "text", "text": "what: [x](http://e.example)"},
            ],
        }
    ]
    assert wiki.from_lines(update) == "who: \\*\\*ann\\*\\*\nwhat: \\[x\\](http://e.example)"


@pytest.mark.parametrize(
    "markdown",
    [
        "x" * 1_000_000,
        "- a line of a timeline\n" * 50_000,
        "> " * 500_000,
        "*a_`[" * 200_000,
        "| a | b |\n|---|---|\n" + "| c | d |\n" * 50_000,
    ],
    ids=["a word", "a timeline", "quotations", "signs", "a table"],
)
def test_a_megabyte_is_cut_to_the_limit_and_what_is_left_is_whole(adf: Adf, markdown: str) -> None:
    from monitor.outlets.markup.adf import document, from_markdown, size

    cut = fitted(markdown, lambda text: document(from_markdown(text)), size, 2_000)

    assert cut.was_cut
    assert size(cut.value) <= 2_000
    adf.check(cut.value)
    words = fitted(markdown, wiki.from_markdown, len, 2_000)
    assert words.was_cut
    assert len(words.value) <= 2_000


def test_a_cut_uses_the_room_there_is_and_one_that_fits_is_not_cut() -> None:
    fits = "- a line\n" * 100

    assert fitted(fits, wiki.from_markdown, len, 1_000).was_cut is False
    assert len(fitted(fits * 100, wiki.from_markdown, len, 1_000).value) > 900


def test_a_title_is_one_line_within_its_limit() -> None:
    assert one_line("a\nb\t c\x00", 255) == "a b c\ufffd"
    assert one_line("x" * 255, 255) == "x" * 255
    assert one_line("x" * 256, 255) == "x" * 254 + "…"
    assert one_line(" \n", 255) == "-"


def test_what_no_receiver_takes_is_replaced() -> None:
    assert clean("a\x00\x1b\ud800b\r\nc\td") == "a\ufffd\ufffd?b\nc\td"

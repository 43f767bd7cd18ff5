"""What a target wrote stays the one segment, header or string that it was put into."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from checks.templates import (
    Reference,
    TemplateError,
    Unfit,
    in_address,
    in_body,
    in_header,
    is_json,
    literal,
    parse,
    syntax_of,
)

# JSON may hold half of a surrogate pair; such a value is refused as it is taken.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
SCALAR = TEXT | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
HOSTILE = '"},{"admin":true,"x":"\\\r\n\0\u2028</a>&../?#%2e{{order.id}}${HOME}'


class TestWhatIsWritten:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("as it is", ["as it is"]),
            ("{{login.token}}", ["login.token"]),
            ("Bearer {{login.token}}!", ["Bearer ", "login.token", "!"]),
            ("{{a.b}}{{c-d.e_f}}", ["a.b", "c-d.e_f"]),
            ("{{{{a.b}}", ["{{", "a.b}}"]),
            ('{"a":{"b":{{order.n}}}}', ['{"a":{"b":', "order.n", "}}"]),
            ("}}", ["}}"]),
        ],
    )
    def test_names_stand_in_two_braces(self, text: str, parts: list[str]) -> None:
        assert [part.name if isinstance(part, Reference) else part for part in parse(text)] == parts

    @pytest.mark.parametrize(
        ("text", "at"),
        [
            ("id={{order}}", (3, 5)),
            ("{{ order.id }}", (0, 2)),
            ("{{order.id}", (0, 2)),
            ("{{1.id}}", (0, 2)),
            ("{{a.b}}{{", (7, 9)),
            ("{{{a.b}}}", (0, 2)),
        ],
    )
    def test_anything_else_in_two_braces_is_told_with_its_place(self, text: str, at: tuple[int, int]) -> None:
        with pytest.raises(TemplateError, match="without the name of a value") as told:
            parse(text)

        assert told.value.at == at

    @given(st.text(st.sampled_from("{}a.")))
    def test_a_text_that_is_meant_as_itself_comes_out_as_itself(self, text: str) -> None:
        assert in_header(literal(text), {}) == text


class TestInAnAddress:
    @given(SCALAR)
    @example(HOSTILE)
    def test_it_stays_within_its_segment_and_its_parameter(self, value: str) -> None:
        try:
            url = in_address("https://shop:8443/orders/{{a.b}}/lines?of={{a.b}}&all=1#top", {"a.b": value})
        except Unfit:
            assert str(value) in (".", "..")
            return

        parts = urlsplit(url)
        assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "shop:8443", "top")
        before, orders, segment, lines = parts.path.split("/")
        assert (before, orders, lines) == ("", "orders", "lines")
        assert url.isascii()
        assert url.isprintable()
        query = parse_qs(parts.query, strict_parsing=True)
        assert {*query} == {"of", "all"}
        if isinstance(value, str):
            assert (unquote(segment), query["of"]) == (value, [value])

    @pytest.mark.parametrize(
        ("template", "value"),
        [
            ("http://h/a/{{a.b}}/c", ".."),
            ("http://h/a/{{a.b}}", "."),
            ("http://h/a/.{{a.b}}?q", "."),
            ("http://h/a/%2E{{a.b}}#x", "."),
            ("http://h/a/{{a.b}}{{a.b}}", "."),
        ],
    )
    def test_it_leads_nowhere_else(self, template: str, value: str) -> None:
        with pytest.raises(Unfit, match=r"^\{\{a\.b\}\} is a dot or two, which no segment of an address can be$"):
            in_address(template, {"a.b": value})

    def test_dots_are_a_value_like_others_beside_other_characters(self) -> None:
        assert in_address("http://h/v{{a.b}}/../x?{{a.b}}", {"a.b": ".."}) == "http://h/v../../x?.."

    def test_what_no_server_would_read_is_not_sent(self) -> None:
        assert len(in_address("http://h/{{a.b}}", {"a.b": "x" * 65_536})) == 9 + 65_536
        with pytest.raises(Unfit, match=r"^\{\{a\.b\}\} has 65537 characters, which is too long for an address or a"):
            in_address("http://h/{{a.b}}", {"a.b": "x" * 65_537})


class TestInAHeader:
    @given(SCALAR)
    @example(HOSTILE)
    @example("a\nb")
    @example("a\rb")
    @example("a\0b")
    @example("a\tb")
    def test_it_is_one_line_or_not_sent(self, value: str) -> None:
        if any((ord(char) < 32 and char != "\t") or ord(char) == 127 for char in str(value)):
            with pytest.raises(
                Unfit, match=r"^\{\{a\.b\}\} holds a line break or another control character, which no "
            ):
                in_header("Bearer {{a.b}}", {"a.b": value})
            return

        header = in_header("Bearer {{a.b}}", {"a.b": value})

        assert not any(char in header for char in "\r\n\0")
        if isinstance(value, str):
            assert header == f"Bearer {value}"


class TestInABody:
    @given(SCALAR, SCALAR)
    @example(HOSTILE, HOSTILE)
    def test_in_json_it_is_one_value(self, one: str, other: str) -> None:
        body = '{"user": {"name": "x-{{a.b}}\\n", "n": {{c.d}}}, "list": [{{a.b}}, "\\\\{{c.d}}"]}'
        assert syntax_of("", body) == "json"

        said = json.loads(in_body(body, {"a.b": one, "c.d": other}, "json"))

        assert {*said} == {"user", "list"}
        assert {*said["user"]} == {"name", "n"}
        assert (said["user"]["n"], said["list"][0]) == (other, one)
        assert said["user"]["name"].startswith("x-")
        assert said["user"]["name"].endswith("\n")
        if isinstance(one, str) and isinstance(other, str):
            assert said["user"]["name"] == f"x-{one}\n"
            assert said["list"][1] == f"\\{other}"

    @given(TEXT)
    @example(HOSTILE)
    def test_in_a_form_it_is_one_field(self, value: str) -> None:
        body = in_body("csrf={{a.b}}&user=probe", {"a.b": value}, "form")

        assert parse_qs(body, keep_blank_values=True, strict_parsing=True) == {"csrf": [value], "user": ["probe"]}

    @given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc", "Cn"]), min_size=1))
    @example("</a><b x='1'>&amp;\"")
    def test_in_xml_it_is_one_text(self, value: str) -> None:
        root = ElementTree.fromstring(in_body('<a x="{{a.b}}"><c>{{a.b}}</c></a>', {"a.b": value}, "xml"))

        assert (root.attrib, root[0].text, len(root), len(root[0])) == ({"x": value}, value, 1, 0)

    def test_in_any_other_text_it_is_as_it_is(self) -> None:
        assert in_body("PUT {{a.b}}\n{{{{x}}", {"a.b": HOSTILE}, "text") == f"PUT {HOSTILE}\n{{{{x}}}}"

    @pytest.mark.parametrize(
        ("content_type", "body", "syntax"),
        [
            ("application/json", "{}", "json"),
            ("Application/JSON; charset=utf-8", "{}", "json"),
            ("application/vnd.api+json", "{}", "json"),
            ("application/x-www-form-urlencoded", "{}", "form"),
            ("text/xml; charset=utf-8", "<a/>", "xml"),
            ("application/soap+xml", "<a/>", "xml"),
            ("text/plain", "{}", "text"),
            ("", '{"a": {{b.c}}}', "json"),
            ("", '"{{b.c}}"', "json"),
            ("", "a={{b.c}}", "text"),
            ("application/jsonp", "{}", "text"),
        ],
    )
    def test_what_the_request_says_decides_or_else_how_it_looks(
        self, content_type: str, body: str, syntax: str
    ) -> None:
        assert syntax_of(content_type, body) == syntax

    @pytest.mark.parametrize(
        "body", ['{"a": -{{b.c}}}', '{"a": 1{{b.c}}}', '{"a": "\\{{b.c}}"}', '{"a": "\\u00{{b.c}}"}', "{"]
    )
    def test_what_would_be_json_with_some_values_only_is_none(self, body: str) -> None:
        assert not is_json(body)

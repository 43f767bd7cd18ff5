from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import asked, figures, places, values
from monitor.config.problems import Problem, Wrong, join
from monitor.config.values import show

PARSERS: tuple[Callable[[object], object], ...] = (
    values.text,
    values.line,
    values.name,
    values.choice("auto", "suggest"),
    values.switch,
    values.count(1, 5),
    values.duration(),
    values.size(1, 1024),
    figures.objective,
    places.url,
    places.listen,
    values.time_zone,
    values.day,
    asked.method,
    asked.statuses,
    asked.redirects,
    asked.header_name,
    asked.header_value,
)
anything = st.one_of(
    st.none(),
    st.text(),
    st.text(alphabet="0123456789.%:/-smhdw xX[]@htp"),
    st.lists(st.text()),
    st.dictionaries(st.text(), st.text()),
)


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: str(parse.__qualname__))
@given(value=anything)
def test_a_parser_returns_a_value_or_says_what_is_wrong_and_nothing_else_happens(
    parse: Callable[[object], object], value: object
) -> None:
    with suppress(Wrong):
        parse(value)


@given(st.integers(min_value=1, max_value=3650 * 86400 * 1000 - 1))
def test_a_duration_that_is_shown_is_read_back_as_the_same(milliseconds: int) -> None:
    length = timedelta(milliseconds=milliseconds)

    assert abs(values.duration()(show(length)) - length) < timedelta(microseconds=500)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("15m", 900),
        ("1h30m", 5400),
        ("48h", 172800),
        ("35d", 3024000),
        ("2w", 1209600),
        ("250ms", 0.25),
        ("1.5h", 5400),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert values.duration()(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["30", "0", "30 s", "30S", "s", "-30s", "1m1m", "1s1m", "1e3s", "٣s", "30s\n"])
def test_not_durations(text: str) -> None:
    with pytest.raises(Wrong):
        values.duration()(text)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(seconds=8), "8s"),
        (timedelta(seconds=2.5), "2.5s"),
        (timedelta(milliseconds=250), "250ms"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(days=30), "30d"),
        (timedelta(seconds=61), "1m1s"),
        (timedelta(0), "0s"),
    ],
)
def test_a_duration_is_shown_as_one_would_write_it(length: timedelta, text: str) -> None:
    assert show(length) == text


@pytest.mark.parametrize(("text", "share"), [("99.9%", 0.999), ("0.999", 0.999), ("99.95 %", 0.9995), ("50%", 0.5)])
def test_an_objective_is_exact(text: str, share: float) -> None:
    assert figures.objective(text) == share


@pytest.mark.parametrize("text", ["0", "0%", "1", "100%", "99.9", "100.1%", "-1%", "1e-3", "nan", "%"])
def test_not_objectives(text: str) -> None:
    with pytest.raises(Wrong):
        figures.objective(text)


@pytest.mark.parametrize(
    ("text", "pair"), [("200", (200, 200)), ("2xx", (200, 299)), ("5XX", (500, 599)), ("200-204", (200, 204))]
)
def test_statuses(text: str, pair: tuple[int, int]) -> None:
    assert asked.statuses(text) == pair


@pytest.mark.parametrize("text", ["099", "600", "20", "2000", "200-", "204-200", "xxx", "6xx", "200,204"])
def test_not_statuses(text: str) -> None:
    with pytest.raises(Wrong):
        asked.statuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://h",
        "HTTPS://h/",
        "http://[::1]:8080/",
        "http://10.0.0.1:1/",
        "https://bücher.example/?q=a%20b#c",
        "http://h:65535",
    ],
)
def test_urls(text: str) -> None:
    assert places.url(text) == text


@pytest.mark.parametrize(
    "text",
    ["h", "//h/", "file:///etc/passwd", "http://", "http:///p", "http://h:0/", "http://h:65536/", "http://[::1", "http://u@h/",
     "http://h/\r\nX: y", "http://h\\@other/", "javascript:alert(1)", "http://?a"],
)  # fmt: skip
def test_not_urls(text: str) -> None:
    with pytest.raises(Wrong):
        places.url(text)


@pytest.mark.parametrize("text", ["127.0.0.1", ":8700", "127.0.0.1:65536", "[::1:8700", "[zz]:1", "::1:8700", "h:port"])
def test_not_listen_addresses(text: str) -> None:
    with pytest.raises(Wrong):
        places.listen(text)


def test_a_problem_says_place_finding_and_remedy_on_two_lines() -> None:
    problem = Problem(
        "config.yaml", 14, "services.a.checks.b.timeout", "30s is not shorter than interval 10s", "Use less."
    )

    assert str(problem) == (
        "config.yaml:14  services.a.checks.b.timeout: 30s is not shorter than interval 10s\n    Use less."
    )


def test_a_path_shows_positions_and_keeps_to_one_line() -> None:
    assert join(("services", "a", "slos", 0, "objective")) == "services.a.slos[0].objective"
    assert join(("services", "a\nb", "x" * 200)) == "services.'a\\nb'." + "x" * 77 + "..."

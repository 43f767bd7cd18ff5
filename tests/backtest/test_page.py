"""The page of a backtest is well formed whatever a target said, and needs nothing but itself."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from monitor.backtest.page import COLOURS, CURVE, page

DOCUMENT = {
    "since": "2026-03-02T00:00:00+00:00",
    "until": "2026-03-03T00:00:00+00:00",
    "checks": [{"check": "orders/ready"}],
    "notes": ["2026-03-02 00:00 to 2026-03-03 00:00 UTC: rows of 5 min"],
    "without_history": ["mail/ready"],
    "incidents": [
        {
            "service": "orders",
            "severity": "SEV2",
            "opened_at": "2026-03-02T06:00:00+00:00",
            "resolved_at": "2026-03-02T12:00:00+00:00",
            "delay_seconds": 180.0,
            "reason": "<script>alert('x')</script> & more",
        },
        {
            "service": "stock",
            "severity": "SEV4",
            "opened_at": "2026-03-02T18:00:00+00:00",
            "resolved_at": None,
            "delay_seconds": None,
            "reason": "slow",
        },
    ],
    "budgets": [
        {
            "service": "orders",
            "remaining": -1.0,
            "curve": [["2026-03-02T00:00:00+00:00", 1.0], ["2026-03-03T00:00:00+00:00", -1.0]],
        }
    ],
}


def pictures(text: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(part.split("</svg>")[0] + "</svg>") for part in _from(text, "<svg")]


def _from(text: str, begin: str) -> list[str]:
    return [begin + part for part in text.split(begin)[1:]]


def test_an_incident_is_a_bar_from_its_opening_to_its_end() -> None:
    timeline, _ = pictures(page([("the configuration", DOCUMENT)]))

    bars = [(float(bar.attrib["x"]), float(bar.attrib["width"]), bar.attrib["fill"]) for bar in timeline.iter("rect")]
    # A day is 960 wide; what is not resolved lasts until the end.
    assert bars == [(240.0, 240.0, COLOURS["SEV2"]), (720.0, 240.0, COLOURS["SEV4"])]


def test_a_budget_that_is_overspent_crosses_its_line() -> None:
    _, curve = pictures(page([("the configuration", DOCUMENT)]))

    [line] = curve.iter("line")
    [points] = curve.iter("polyline")
    assert float(line.attrib["y1"]) == CURVE / 2
    assert points.attrib["points"] == f"0.0,0.0 960.0,{CURVE:.1f}"


@pytest.mark.parametrize("names", [["one"], ["<b>one", "two & more"]])
def test_nothing_that_was_recorded_becomes_markup_and_nothing_is_loaded(names: list[str]) -> None:
    class Tags(HTMLParser):
        found: list[tuple[str, dict[str, str | None]]]

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found.append((tag, dict(attrs)))

    parser = Tags()
    parser.found = []
    parser.feed(page([(name, DOCUMENT) for name in names]))

    assert {"script", "b", "link", "img"} & {tag for tag, _ in parser.found} == set()
    assert [attributes for _, attributes in parser.found if {"src", "href"} & attributes.keys()] == []
    assert sum(tag == "h2" for tag, _ in parser.found) == len(names)


def test_nothing_found_is_said() -> None:
    empty = {**DOCUMENT, "incidents": [], "budgets": [], "without_history": []}

    assert "No incident would have opened." in page([("the configuration", empty)])

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
            "objective": "success",
            "target": 0.999,
            "over": "30d",
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


@pytest.mark.parametrize(
    ("until", "labels"),
    [
        ("2026-03-02T06:00:00+00:00", ["03-02", "01:00", "02:00", "03:00", "04:00", "05:00"]),
        ("2026-03-03T00:00:00+00:00", ["03-02", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00"]),
        ("2026-03-11T00:00:00+00:00", [f"03-{day:02}" for day in range(2, 11)]),
        (
            "2027-03-02T00:00:00+00:00",
            ["2026-03-02", "2026-05-01", "2026-06-30", "2026-08-29", "2026-10-28", "2026-12-27"],
        ),
    ],
)
def test_the_axis_has_whole_hours_or_days_and_room_for_each(until: str, labels: list[str]) -> None:
    timeline, _ = pictures(page([("the configuration", {**DOCUMENT, "until": until})]))

    assert [text.text for text in timeline.iter("text")] == ["orders", "stock", *labels]


def test_a_budget_that_is_overspent_crosses_its_line() -> None:
    _, curve = pictures(page([("the configuration", DOCUMENT)]))

    [line] = [line for line in curve.iter("line") if line.attrib["class"] == "none"]
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

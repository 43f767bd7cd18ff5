"""A picture of what was measured: as SVG that a browser takes, as PNG that is read back, both with the same in them."""

from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

from monitor.response.picture.chart import MARK, MEASURED, USUAL, Strip, chart, described
from monitor.response.picture.drawing import Area, Drawing, Line, Words, svg
from monitor.response.picture.glyphs import columns_of
from monitor.response.picture.png import png

T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
RED = (255, 0, 0)


def pixels(content: bytes) -> tuple[int, int, list[list[tuple[int, ...]]]]:
    """Width, height and colours of a PNG with a palette; every checksum is looked at."""
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kind, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        assert struct.unpack(">I", content[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + length
    width, height, depth, colours, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colours) == (8, 3)
    palette = [tuple(chunks[b"PLTE"][i : i + 3]) for i in range(0, len(chunks[b"PLTE"]), 3)]
    raw = zlib.decompress(chunks[b"IDAT"])
    rows = [raw[row * (width + 1) + 1 : (row + 1) * (width + 1)] for row in range(height)]
    return width, height, [[palette[index] for index in row] for row in rows]


def strip(points: dict[float, float], usual: tuple[float, float] | None = (1.0, 2.0)) -> Strip:
    median, most = usual or (None, None)
    return Strip(title="latency", points=points, median=median, most=most, shown=lambda value: f"{value:.3g} s")


def every(seconds: float, *values: float) -> dict[float, float]:
    return {T0.timestamp() + seconds * place: value for place, value in enumerate(values)}


def test_an_area_a_line_and_a_letter_are_where_they_should_be() -> None:
    drawn = Drawing(
        20, 10, (Area(0, 0, 5, 5, RED), Line(((10, 2), (10, 8)), (0, 0, 255)), Words(12, 9, "-", (0, 128, 0))), "a test"
    )

    width, height, rows = pixels(png(drawn))

    assert (width, height) == (40, 20)
    assert (rows[0][0], rows[9][9], rows[10][9], rows[9][10]) == (RED, RED, (255, 255, 255), (255, 255, 255))
    assert [y for y in range(20) if rows[y][20] == (0, 0, 255)] == list(range(3, 17))
    green = {(x, y) for y in range(20) for x in range(40) if rows[y][x] == (0, 128, 0)}
    assert {y for _, y in green} == {6, 7, 8}, "the middle one of its seven rows, three pixels high"
    assert b"a test" in png(drawn)


def test_what_lies_outside_is_left_out() -> None:
    drawn = Drawing(4, 4, (Area(-5, -5, 99, 1, RED), Line(((-9, 3), (99, 3)), RED), Words(-3, 3, "W", RED)), "")

    _, _, rows = pixels(png(drawn))

    assert rows[0] == [RED] * 8


def test_every_sign_has_a_letter_and_what_has_none_a_question_mark() -> None:
    assert len({columns_of(chr(code)) for code in range(32, 127)}) == 95
    assert columns_of("ö") == columns_of("?")
    assert columns_of("\x1f") == columns_of("?")


def test_the_svg_is_well_formed_whatever_stands_in_it() -> None:
    hostile = "</text><script>alert(1)</script> \x00 \x1b \ud800 ]]> &"
    drawn = chart(hostile, (strip(every(30, 1, 2)),), T0, T0 + timedelta(hours=1), T0)

    root = ET.fromstring(svg(drawn).decode())

    assert [element for element in root.iter() if element.tag.endswith("script")] == []
    assert "<script>alert(1)</script>" in "".join(root.itertext())
    png(drawn)


def test_a_strip_is_described_by_its_newest_value_and_what_is_usual() -> None:
    assert described(strip(every(30, 1, 7))) == "latency 7 s, usually 1 s and in 99 of 100 cases below 2 s"
    assert described(strip(every(30, 1), usual=None)) == "latency 1 s, without a baseline"
    assert described(strip({})) == "latency not known, usually 1 s and in 99 of 100 cases below 2 s"


def test_no_line_is_drawn_over_a_time_of_which_nothing_is_known() -> None:
    whole = every(30, *([1.0] * 20))
    holed = {at: value for place, (at, value) in enumerate(whole.items()) if place not in (8, 9, 10, 11)}

    drawn = chart("", (strip(holed),), T0, T0 + timedelta(minutes=10), None)

    runs = [shape.points for shape in drawn.shapes if isinstance(shape, Line) and shape.colour == MEASURED]
    assert [len(run) for run in runs] == [8, 8]


def test_the_first_failure_is_marked_and_what_is_usual_lies_behind() -> None:
    end = T0 + timedelta(hours=1)
    drawn = chart("", (strip(every(30, 1, 7)),), T0, end, T0 + timedelta(minutes=30))

    (mark,) = (shape for shape in drawn.shapes if isinstance(shape, Line) and shape.colour == MARK)
    (usual,) = (shape for shape in drawn.shapes if isinstance(shape, Area) and shape.colour == USUAL)
    assert mark.points[0][0] == (usual.left + usual.right) / 2, "half way"
    later = chart("", (strip(every(30, 1, 7)),), T0, end, end + timedelta(seconds=1))
    assert all(not isinstance(shape, Line) or shape.colour != MARK for shape in later.shapes)


def test_nothing_but_zeros_is_a_picture_too() -> None:
    drawn = chart("", (strip(every(30, 0, 0), usual=(0.0, 0.0)), strip({}, usual=None)), T0, T0, T0)

    assert pixels(png(drawn))[:2] == (1600, 2 * drawn.height)

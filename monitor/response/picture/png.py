"""
A drawing as PNG: 256 colours at most, one byte a pixel, no smoothing.

Of ours, because a picture of lines and words needs no library: one would be megabytes in the daemon, for half a
second once in an incident. The areas and level lines are slices of bytes, so most of it happens outside of Python.
"""

from __future__ import annotations

import struct
import zlib
from itertools import pairwise
from typing import Final

from monitor.response.picture.drawing import Area, Colour, Drawing, Line, Words
from monitor.response.picture.glyphs import COLUMNS, HEIGHT, columns_of

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_DASH: Final = 4
FINE: Final = 2
"""Pixels in each direction for one of the drawing: of a glyph's seven rows 21 are made then, all alike, and words are
as large as in the SVG."""
SCALE: Final = 3


def png(drawing: Drawing) -> bytes:
    canvas = _Canvas(drawing.width * FINE, drawing.height * FINE)
    for shape in drawing.shapes:
        match shape:
            case Area():
                canvas.area(shape)
            case Line():
                canvas.line(shape)
            case Words():
                canvas.words(shape)
    return canvas.encoded(drawing.told)


class _Canvas:
    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._palette: dict[Colour, int] = {(255, 255, 255): 0}
        self._rows = [bytearray(width) for _ in range(height)]

    def area(self, area: Area) -> None:
        left, top, right, bottom = (round(at * FINE) for at in (area.left, area.top, area.right, area.bottom))
        self._fill(left, top, right, bottom, self._index(area.colour))

    def line(self, line: Line) -> None:
        index, thick = self._index(line.colour), line.width * FINE
        points = [(round(x * FINE) - thick // 2, round(y * FINE) - thick // 2) for x, y in line.points]
        for (x0, y0), (x1, y1) in pairwise(points):
            if y0 == y1 and not line.dashed:
                self._fill(min(x0, x1), y0, max(x0, x1) + thick, y0 + thick, index)
                continue
            steps = max(abs(x1 - x0), abs(y1 - y0), 1)
            for step in range(steps + 1):
                if line.dashed and step // (_DASH * FINE) % 2:
                    continue
                x, y = x0 + round((x1 - x0) * step / steps), y0 + round((y1 - y0) * step / steps)
                self._fill(x, y, x + thick, y + thick, index)

    def words(self, words: Words) -> None:
        index, advance = self._index(words.colour), (COLUMNS + 1) * SCALE
        left = round(words.x * FINE) - (len(words.text) * advance if words.at_end else 0)
        top = round(words.y * FINE) - HEIGHT * SCALE
        for place, sign in enumerate(words.text):
            for column, bits in enumerate(columns_of(sign)):
                x = left + place * advance + column * SCALE
                for row in range(HEIGHT):
                    if bits >> row & 1:
                        y = top + row * SCALE
                        self._fill(x, y, x + SCALE, y + SCALE, index)

    def encoded(self, told: str) -> bytes:
        rows = b"".join(b"\x00" + row for row in self._rows)
        palette = b"".join(bytes(colour) for colour in self._palette)
        header = struct.pack(">IIBBBBB", self._width, self._height, 8, 3, 0, 0, 0)
        chunks = [
            (b"IHDR", header),
            (b"PLTE", palette),
            (b"iTXt", b"Description\x00\x00\x00\x00\x00" + told.encode("utf-8", "replace")),
            (b"IDAT", zlib.compress(rows, 6)),
            (b"IEND", b""),
        ]
        return _SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks)

    def _index(self, colour: Colour) -> int:
        return self._palette.setdefault(colour, len(self._palette))

    def _fill(self, left: int, top: int, right: int, bottom: int, index: int) -> None:
        left, right = max(left, 0), min(right, self._width)
        if right <= left:
            return
        run = bytes([index]) * (right - left)
        for row in self._rows[max(top, 0) : max(bottom, 0)]:
            row[left:right] = run


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

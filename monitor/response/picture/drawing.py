"""What pictures are made of: areas, lines and words in pixels, y downwards. Written as SVG here, as PNG in `png.py`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

Colour = tuple[int, int, int]

SIZE: Final = 14
"""Of words, in pixels."""
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]|[\ud800-\udfff]")
"""What no XML may hold, escaped or not."""


@dataclass(frozen=True, slots=True)
class Area:
    left: float
    top: float
    right: float
    bottom: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class Line:
    """Through all its points. `dashed`: a mark, and nothing that was measured."""

    points: tuple[tuple[float, float], ...]
    colour: Colour
    width: int = 1
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """`at_end`: x is where they end, and not where they begin. y is their base line."""

    x: float
    y: float
    text: str
    colour: Colour
    at_end: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """`told`: the picture in words, for those who do not see it."""

    width: int
    height: int
    shapes: tuple[Area | Line | Words, ...]
    told: str


def svg(drawing: Drawing) -> bytes:
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawing.width} {drawing.height}" '
        f'width="{drawing.width}" height="{drawing.height}" role="img" '
        f'font-family="ui-monospace, monospace" font-size="{SIZE}">',
        f"<title>{_text(drawing.told)}</title>",
        f'<rect width="{drawing.width}" height="{drawing.height}" fill="#ffffff"/>',
        *_written(drawing.shapes),
        "</svg>",
    ]
    return "\n".join([*lines, ""]).encode()


def _written(shapes: Iterable[Area | Line | Words]) -> Iterator[str]:
    for shape in shapes:
        colour = "#" + "".join(f"{part:02x}" for part in shape.colour)
        match shape:
            case Area():
                width, height = shape.right - shape.left, shape.bottom - shape.top
                yield (
                    f'<rect x="{shape.left:.1f}" y="{shape.top:.1f}" width="{width:.1f}" height="{height:.1f}" '
                    f'fill="{colour}"/>'
                )
            case Line():
                points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
                dashes = ' stroke-dasharray="4 4"' if shape.dashed else ""
                yield (
                    f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{shape.width}"{dashes}/>'
                )
            case Words():
                anchor = ' text-anchor="end"' if shape.at_end else ""
                yield f'<text x="{shape.x:.1f}" y="{shape.y:.1f}" fill="{colour}"{anchor}>{_text(shape.text)}</text>'


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("\ufffd", text))

"""What a static picture is made of: text, boxes, and the lines and marks of a trace."""

from __future__ import annotations

import copy
import html
import math
import re
from collections.abc import Mapping
from typing import Any

INK = "#222832"
DASHES = {"dot": "2 4", "dash": "8 5", "dashdot": "8 4 2 4", "longdash": "14 6"}
_SIDES = {"circle": 0, "square": 4, "diamond": 4, "triangle-up": 3, "triangle-down": 3}
_TURNS = {
    "square": math.pi / 4,
    "diamond": 0.0,
    "triangle-up": -math.pi / 2,
    "triangle-down": math.pi / 2,
}
"""Angle of a mark's first corner; y points downwards."""
Json = Mapping[str, Any]


def text(x: float, y: float, words: str, anchor: str = "start", extra: str = "") -> str:
    """Text in one or more lines; of plotly's tags only line breaks count."""
    lines = [html.unescape(re.sub(r"<[^>]+>", "", line)) for line in re.split("<br ?/?>", words)]
    spans = "".join(
        f'<tspan x="{x:.1f}" dy="{1.25 * bool(k)}em">{html.escape(line)}</tspan>'
        for k, line in enumerate(lines)
    )
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{spans}</text>'


def box(x: float, y: float, width: float, height: float, colour: str) -> str:
    """A filled rectangle."""
    size = f'width="{width:.1f}" height="{height:.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{colour}"/>'


def wrapped(words: str, most: float) -> list[str]:
    """Words in lines of at most so many letters, if no word is longer."""
    lines: list[str] = []
    for word in words.replace("<br>", " ").split():
        if lines and len(lines[-1]) + len(word) < most:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


class Appearance:
    """Colour, line and mark of a trace."""

    def __init__(self, trace: Json, scale: float = 1.0) -> None:
        line, marker = trace.get("line") or {}, trace.get("marker") or {}
        colour = marker.get("color") or line.get("color") or INK
        self.colour = colour if isinstance(colour, str) else INK
        self.mode = trace.get("mode") or "lines"
        self.stroke = line.get("color") or self.colour
        self.wide, self.dash = (
            scale * float(line.get("width", 2)),
            DASHES.get(line.get("dash", ""), ""),
        )
        self.symbol = str(marker.get("symbol") or "circle")

    def painted(self, colour: str) -> Appearance:
        """The same look in another colour, if one is given."""
        other = copy.copy(self)
        other.colour = colour or self.colour
        return other

    def line(self, path: str, fill: str = "none") -> str:
        """A path with the width, colour and dashes of the trace's line."""
        dash = f' stroke-dasharray="{self.dash}"' if self.dash else ""
        paint = f'fill="{fill}" stroke="{self.stroke}" stroke-width="{self.wide:g}"{dash}'
        return f'<path d="{path}" {paint}/>'

    def mark(
        self, x: float, y: float, size: float, before: tuple[float, float] | None = None
    ) -> str:
        """A mark with the trace's shape and colour; an arrow points away from `before`."""
        kind, r = self.symbol.removesuffix("-open"), size / 2
        fill = "#fff" if self.symbol.endswith("-open") else self.colour
        paint = f'fill="{fill}" stroke="{self.colour}" stroke-width="1.5"'
        if kind in ("x", "cross"):
            arm = f"M{x - r:.1f} {y - r:.1f}l{size:.1f} {size:.1f}"
            arm += f"m0 {-size:.1f}l{-size:.1f} {size:.1f}"
            return f'<path d="{arm}" stroke="{self.colour}" stroke-width="2.5" fill="none"/>'
        if kind.startswith("arrow"):
            turn = math.degrees(math.atan2(y - before[1], x - before[0])) if before else 0.0
            place = f"translate({x:.1f} {y:.1f}) rotate({turn:.0f})"
            head = f"M0 0L{-size:.1f} {-0.5 * size:.1f}V{0.5 * size:.1f}Z"
            return f'<path transform="{place}" d="{head}" fill="{self.colour}"/>'
        sides = _SIDES.get(kind, 0)
        if not sides:
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" {paint}/>'
        corners = [_TURNS[kind] + 2 * math.pi * k / sides for k in range(sides)]
        points = " ".join(
            f"{x + 1.2 * r * math.cos(a):.1f},{y + 1.2 * r * math.sin(a):.1f}" for a in corners
        )
        return f'<polygon points="{points}" {paint}/>'

"""A plotly figure as an SVG of its own: for slides, and for pages where no script runs.

It draws what the figures of this package consist of: lines, marks, filled ranges, bars, matrices,
error bars, straight shapes and annotations without arrows, in one panel or several, and a legend.
Of a figure with a slider it draws the view that is shown first. The colours are those of a light
page.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from planrl.figures.pixels import png, rgba, shade
from planrl.figures.style import RISING
from planrl.figures.svg_axes import axis_of, categories, listed, values
from planrl.figures.svg_marks import DASHES, INK, Appearance, box, text, wrapped

GRID = "#dde1e6"
Json = Mapping[str, Any]


def figure_svg(
    figure: go.Figure | Json, *, size: tuple[int, int] = (760, 420), font: int = 13
) -> str:
    """The figure as an <svg> of this size in pixels, its title above, its legend below."""
    plain: Json = figure.to_plotly_json() if isinstance(figure, go.Figure) else figure
    layout, traces = plain.get("layout", {}), list(plain.get("data", ()))
    canvas = _Canvas(size, font)
    parts = canvas.heading(layout)
    canvas.make_room(traces, layout)
    legend = canvas.legend(traces, layout)
    for x_name in _panels(traces):
        parts += _Panel(canvas, layout, traces, x_name).drawn()
    parts += canvas.notes(layout)
    alt = html.escape(str((layout.get("meta") or {}).get("alt", "")))
    width, height = size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{alt}" font-family="system-ui, sans-serif" font-size="{font}" fill="{INK}">'
        f'<rect width="{width}" height="{height}" fill="#fff"/>{"".join(parts + legend)}</svg>'
    )


def _panels(traces: Sequence[Json]) -> list[str]:
    """The x-axes in use, as traces name them."""
    return list(dict.fromkeys(trace.get("xaxis") or "x" for trace in traces))


class _Canvas:
    """The sizes of a picture, and what stands around its panels."""

    def __init__(self, size: tuple[int, int], font: int) -> None:
        self.width, self.height, self.font = *size, font
        self.left, self.right = 4.6 * font, self.width - 1.5 * font
        self.top, self.bottom = 2.2 * font, self.height - 3.6 * font

    def heading(self, layout: Json) -> list[str]:
        """Title and subtitle, wrapped."""
        title = layout.get("title") or {}
        found, y = [], 0.5 * self.font
        for words, scale, extra in (
            (title.get("text"), 1.25, 'font-weight="600"'),
            ((title.get("subtitle") or {}).get("text"), 1.0, 'fill="#555c66"'),
        ):
            for line in wrapped(
                words or "", (self.width - 2 * self.font) / (0.6 * scale * self.font)
            ):
                y += 1.3 * scale * self.font
                size = f'font-size="{scale * self.font:.0f}" {extra}'
                found.append(text(self.font, y, line, extra=size))
        self.top = y + 1.9 * self.font
        return found

    def make_room(self, traces: Sequence[Json], layout: Json) -> None:
        """Margins for the labels at the left and the notes above."""
        longest = 0
        for name in {trace.get("yaxis") or "y" for trace in traces}:
            given = layout.get(f"yaxis{name[1:]}") or {}
            words = given.get("ticktext") or categories(given, traces, "y")
            if given.get("visible") is not False and given.get("showticklabels") is not False:
                longest = max([longest, *(len(line) for w in words for line in w.split("<br>"))])
        self.left = max(self.left, (0.58 * longest + 2.6) * self.font)
        for name in _panels(traces):
            given = layout.get(f"xaxis{name[1:]}") or {}
            names = categories(given, [t for t in traces if (t.get("xaxis") or "x") == name], "x")
            most = self.letters(given, len(names))
            lines = max((_folded(n, most).count("<br>") for n in names), default=0)
            lines += _folded(_title(given), self.letters(given, 1)).count("<br>")
            low = self.height - (3.6 + 1.3 * lines) * self.font
            self.bottom = min(self.bottom, low)
        above = [n for n in layout.get("annotations") or () if _is_note(n) and n.get("y", 1) >= 1]
        lines = max((1 + note["text"].count("<br>") for note in above), default=0)
        self.top += 1.25 * self.font * max(0, lines - 1)

    def letters(self, given: Json, number: int) -> float:
        """How many letters fit under each of so many categories of an x-axis."""
        left, right = given.get("domain") or (0, 1)
        return (right - left) * (self.right - self.left) / max(1, number) / (0.56 * self.font)

    def legend(self, traces: Sequence[Json], layout: Json) -> list[str]:
        """A line or mark and a name for each trace that has them, below the panels."""
        shown = [t for t in traces if t.get("name") and t.get("showlegend") is not False]
        shown = [t for t in shown if t.get("type") != "heatmap"]
        if layout.get("showlegend") is False or len(shown) < 2:
            return []
        rows: list[list[Json]] = [[]]
        x = self.left
        for trace in shown:
            wide = (3.4 + 0.58 * len(trace["name"])) * self.font
            if rows[-1] and x + wide > self.right:
                rows.append([])
                x = self.left
            rows[-1].append(trace)
            x += wide
        self.bottom -= (1.5 * len(rows) + 0.5) * self.font
        return [part for k, row in enumerate(rows) for part in self._legend_row(row, k, len(rows))]

    def _legend_row(self, row: Sequence[Json], number: int, rows: int) -> Iterator[str]:
        y = self.height - (1.5 * (rows - number) - 0.7) * self.font
        x = self.left
        for trace in row:
            look = Appearance(trace, self.font / 13)
            middle = y - 0.35 * self.font
            side = 0.8 * self.font
            if trace.get("type") == "bar":
                yield box(x + self.font, y - side, side, side, look.colour)
            else:
                if "lines" in look.mode:
                    yield look.line(f"M{x:.1f} {middle:.1f}h{2 * self.font}")
                if "markers" in look.mode:
                    yield look.mark(x + self.font, middle, 0.7 * self.font)
            yield text(x + 2.5 * self.font, y, trace["name"])
            x += (3.4 + 0.58 * len(trace["name"])) * self.font

    def notes(self, layout: Json) -> list[str]:
        """Annotations that hold to the picture, such as the names of panels."""
        found = []
        for note in layout.get("annotations") or ():
            if _is_note(note):
                x = self.left + note.get("x", 0.5) * (self.right - self.left)
                y = self.bottom - note.get("y", 1) * (self.bottom - self.top) - 0.4 * self.font
                anchor = {"left": "start", "right": "end"}.get(note.get("xanchor", ""), "middle")
                y -= 1.25 * self.font * note["text"].count("<br>")
                found.append(text(x, y, note["text"], anchor))
        return found


def _title(given: Json) -> str:
    """The name of an axis."""
    return str((given.get("title") or {}).get("text") or "")


def _folded(words: str, most: float) -> str:
    """Words in lines of at most so many letters, if they are longer."""
    return "<br>".join(wrapped(words, most)) if len(words) > most else words


def _is_note(note: Json) -> bool:
    """Whether an annotation holds to the picture."""
    return bool(note.get("xref") == note.get("yref") == "paper" and note.get("text"))


class _Panel:
    """One pair of axes with the traces that belong to it."""

    def __init__(self, canvas: _Canvas, layout: Json, traces: Sequence[Json], x_name: str) -> None:
        self.canvas = canvas
        self.traces = [t for t in traces if (t.get("xaxis") or "x") == x_name]
        y_name = self.traces[0].get("yaxis") or "y"
        self.refs = x_name, y_name
        self.given = tuple(layout.get(f"{n[0]}axis{n[1:]}") or {} for n in self.refs)
        self.layout = layout
        self.bars = [t for t in self.traces if t.get("type") == "bar"]
        self.beside = 1 if layout.get("barmode") == "overlay" else max(1, len(self.bars))
        xs, ys = ([v for t in self.traces for v in values(t, of)] for of in "xy")
        (left, right), (low, high) = (g.get("domain") or (0, 1) for g in self.given)
        across = canvas.right - canvas.left
        down = canvas.bottom - canvas.top
        room = 0.0 if any(t.get("type") == "heatmap" for t in self.traces) else 0.05
        pixels = canvas.left + left * across, canvas.left + right * across
        self.x = axis_of(self.given[0], xs, pixels, room)
        self.y = axis_of(
            self.given[1], ys, (canvas.bottom - low * down, canvas.bottom - high * down), room
        )

    def drawn(self) -> list[str]:
        """Axes, then shapes, then traces."""
        parts = [] if self.given[0].get("visible") is False else self._axes()
        for shape in self.layout.get("shapes") or ():
            parts += self._shape(shape)
        for trace in self.traces:
            kind = trace.get("type") or "scatter"
            draw = {"bar": self._bar, "heatmap": self._heatmap}.get(kind, self._scatter)
            parts += draw(trace)
        return parts

    def _axes(self) -> list[str]:
        font, x, y = self.canvas.font, self.x, self.y
        names = [_title(given) for given in self.given]
        found = []
        if self.given[1].get("showticklabels") is not False:
            for at, words in y.ticks(self.given[1]):
                found.append(f'<path d="M{x.start:.1f} {at:.1f}H{x.end:.1f}" stroke="{GRID}"/>')
                raised = at + (0.35 - 0.62 * words.count("<br>")) * font
                found.append(text(x.start - 0.5 * font, raised, words, "end"))
        ticks = x.ticks(self.given[0])
        fits = self.canvas.letters(self.given[0], len(ticks)) if x.names else 99.0
        labels = [(at, _folded(words, fits)) for at, words in ticks]
        for at, words in labels:
            found.append(text(at, y.start + 1.3 * font, words, "middle"))
        found.append(f'<path d="M{x.start:.1f} {y.start:.1f}H{x.end:.1f}" stroke="#9aa1ab"/>')
        below = 1 + max((words.count("<br>") for _, words in labels), default=0)
        middle = (x.start + x.end) / 2, (y.start + y.end) / 2
        words = _folded(names[0], self.canvas.letters(self.given[0], 1))
        found.append(text(middle[0], y.start + (1.5 + 1.3 * below) * font, words, "middle"))
        side = self.canvas.font if x.start < 0.4 * self.canvas.width else x.start - 3.5 * font
        turned = f'transform="rotate(-90 {side:.1f} {middle[1]:.1f})"'
        fits = (y.start - y.end) / (0.56 * font * max(1, len(names[1])))
        turned += f' font-size="{font * min(1.0, fits):.1f}"'
        return [*found, text(side, middle[1], names[1], "middle", turned)]

    def _scatter(self, trace: Json) -> list[str]:
        scale = self.canvas.font / 13
        look, found = Appearance(trace, scale), []
        points = [
            None if None in (x, y) else (self.x.at(x), self.y.at(y))
            for x, y in zip(listed(trace, "x"), listed(trace, "y"), strict=False)
        ]
        if "lines" in look.mode or trace.get("fill") == "toself":
            path, pen = "", "M"
            for point in points:
                path += f"{pen}{point[0]:.1f} {point[1]:.1f}" if point else ""
                pen = "L" if point else "M"
            fill = trace.get("fillcolor", "none") if trace.get("fill") == "toself" else "none"
            found.append(look.line(path, fill))
        marker = trace.get("marker") or {}
        sizes, colours = marker.get("size", 7), marker.get("color")
        for k, point in enumerate(points):
            if point and "markers" in look.mode:
                size = sizes[k] if isinstance(sizes, list | tuple) else sizes
                own = colours[k] if isinstance(colours, list | tuple) else ""
                if size:
                    before = points[k - 1] if k else None
                    found.append(look.painted(own).mark(*point, scale * size, before))
            words = trace.get("text")
            if point and "text" in look.mode and words:
                said = words if isinstance(words, str) else words[k]
                found.append(self._beside(point, said or "", trace))
        return found + self._errors(trace)

    def _beside(self, point: tuple[float, float], words: str, trace: Json) -> str:
        """Words at a point, on the side that the trace wants."""
        up, _, aside = str(trace.get("textposition") or "middle center").partition(" ")
        font = self.canvas.font
        anchor = {"left": "end", "right": "start"}.get(aside, "middle")
        y = point[1] + {"top": -0.6, "bottom": 1.2}.get(up, 0.35) * font
        given = trace.get("textfont") or {}
        colour = given.get("color")
        paint = f'fill="{colour}"' if isinstance(colour, str) else ""
        return text(point[0], y, words, anchor, paint)

    def _errors(self, trace: Json, shift: float = 0.0) -> list[str]:
        """Error bars in either direction, cut where the axis ends."""
        found = []
        for of, axis in (("y", self.y), ("x", self.x)):
            bars = trace.get(f"error_{of}") or {}
            up = bars.get("array") or ()
            down, colour = bars.get("arrayminus") or up, bars.get("color") or INK
            spots = zip(listed(trace, "x"), listed(trace, "y"), up, down, strict=False)
            for x, y, more, fewer in spots:
                value = y if of == "y" else x
                low, high = (axis.within(v) for v in (value - fewer, value + more))
                at = (self.x.at(x) + shift) if of == "y" else self.y.at(y)
                path = (
                    f"M{at:.1f} {low:.1f}V{high:.1f}"
                    if of == "y"
                    else f"M{low:.1f} {at:.1f}H{high:.1f}"
                )
                found.append(f'<path d="{path}" stroke="{colour}" stroke-width="1.5"/>')
        return found

    def _bar(self, trace: Json) -> list[str]:
        flat = trace.get("orientation") == "h"
        across, along = (self.y, self.x) if flat else (self.x, self.y)
        names, sizes = (listed(trace, of) for of in ("yx" if flat else "xy"))
        bases = trace.get("base") or [0.0] * len(names)
        unit = abs(across.end - across.start) / max(1, len(across.names))
        thick = unit * (trace.get("width") or 0.8 / self.beside)
        number = self.bars.index(trace) if self.beside > 1 else 0
        shift = (number - (self.beside - 1) / 2) * thick * (not flat)
        found, colour = [], Appearance(trace).colour
        for k, (name, size, base) in enumerate(zip(names, sizes, bases, strict=True)):
            middle = across.at(name) + shift
            ends = sorted((along.at(float(base)), along.at(float(base + size))))
            x, y, w, h = ends[0], middle - thick / 2, ends[1] - ends[0], thick
            found.append(box(x, y, w, h, colour) if flat else box(y, x, h, w, colour))
            if trace.get("text") and not flat:
                found.append(
                    text(middle, ends[0] - 0.3 * self.canvas.font, str(trace["text"][k]), "middle")
                )
        return found + self._errors(trace, shift)

    def _heatmap(self, trace: Json) -> list[str]:
        rows = [[math.nan if v is None else float(v) for v in row] for row in trace["z"]]
        finite = [v for row in rows for v in row if math.isfinite(v)]
        low, high = min(finite, default=0.0), max(finite, default=1.0)
        low = low if trace.get("zmin") is None else float(trace["zmin"])
        high = high if trace.get("zmax") is None else float(trace["zmax"])
        scale: Any = trace.get("colorscale") or RISING
        stops = [(at, rgba(colour)) for at, colour in scale]
        spread = (high - low) or 1.0
        pixels = [[shade((v - low) / spread, stops) for v in row] for row in rows]
        if self.y.low < self.y.high:
            pixels.reverse()
        x, y = sorted((self.x.start, self.x.end)), sorted((self.y.start, self.y.end))
        data = base64.b64encode(png(pixels)).decode()
        return [
            f'<image x="{x[0]:.1f}" y="{y[0]:.1f}" width="{x[1] - x[0]:.1f}" '
            f'height="{y[1] - y[0]:.1f}" preserveAspectRatio="none" '
            f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
        ]

    def _shape(self, shape: Json) -> Iterator[str]:
        """A straight line, as `add_hline` and `add_vline` make it."""
        if shape.get("type") != "line" or shape.get("name") == "guess":
            return
        spots = []
        for axis, of, ref in ((self.x, "x", self.refs[0]), (self.y, "y", self.refs[1])):
            given = shape.get(f"{of}ref", of)
            if given not in (ref, f"{ref} domain", "paper"):
                return
            whole = given != ref
            for end in (shape[f"{of}0"], shape[f"{of}1"]):
                spots.append(axis.start + end * (axis.end - axis.start) if whole else axis.at(end))
        line = shape.get("line") or {}
        dash = f' stroke-dasharray="{DASHES[line["dash"]]}"' if line.get("dash") in DASHES else ""
        yield (
            f'<path d="M{spots[0]:.1f} {spots[2]:.1f}L{spots[1]:.1f} {spots[3]:.1f}" '
            f'stroke="{line.get("color", INK)}"{dash}/>'
        )

"""A graph as a picture without scripts: what web/graph-view.js draws of one frame, as SVG.

It is for paper, for notebooks, and for a page before its scripts run. Colours are those of a light
page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

LINE, QUIET, ERROR, INK = "#0072B2", "#8a8f98", "#b3261e", "#222832"
RADIUS = 9.0
Spot = tuple[float, float]


def graph_svg(
    graph: Mapping[str, Any],
    probs: Sequence[Sequence[float]] = (),
    *,
    colour: str = LINE,
    size: tuple[int, int] = (330, 150),
    label: str = "",
) -> str:
    """The graph as an <svg>; `probs` are (i, j, p), and an edge is the wider, the larger its p is.

    `graph` has nodes (name, x, y in [0, 1]), edges, source and target. A pair in `probs` that is no
    edge is an illegal step: a dashed line.
    """
    (width, height), colour = size, escape(colour)
    room = RADIUS + 6
    where = [
        (room + n["x"] * (width - 2 * room), room + n["y"] * (height - 2 * room))
        for n in graph["nodes"]
    ]
    edges = [(i, j) for i, j in graph["edges"]]
    passed = {(int(i), int(j)): p for i, j, p in probs}
    parts = [_arrow(where[i], where[j], 1.0, QUIET, 0.4) for i, j in edges]
    for (i, j), p in sorted(passed.items()):
        shade, dash = (colour, "") if (i, j) in edges else (ERROR, "4 3")
        wide = 1 + 0.62 * RADIUS * math.sqrt(p)
        parts.append(_arrow(where[i], where[j], wide, shade, 0.35 + 0.65 * min(1, 2 * p), dash))
    reached = [sum(p for (_, j), p in passed.items() if j == v) for v in range(len(where))]
    for v, node in enumerate(graph["nodes"]):
        alive = 1.0 if not passed else 0.35 + 0.65 * math.sqrt(min(1.0, reached[v]))
        end = {graph["source"]: "source", graph["target"]: "target"}.get(v, "")
        parts.append(_node(where[v], node["name"], end, 1.0 if end else alive))
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def _arrow(a: Spot, b: Spot, wide: float, colour: str, opacity: float, dash: str = "") -> str:
    """A straight edge from node to node, with its head at the border of the second."""
    length = math.dist(a, b) or 1.0
    dx, dy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
    head = 4 + 1.1 * wide

    def at(along: float, aside: float = 0.0) -> str:
        return f"{a[0] + along * dx - aside * dy:.1f} {a[1] + along * dy + aside * dx:.1f}"

    tip = length - RADIUS - 1
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    wings = f"{at(tip - head, 0.55 * head)}L{at(tip - head, -0.55 * head)}"
    return (
        f'<g opacity="{opacity:.2f}" stroke="{colour}" fill="{colour}">'
        f'<path d="M{at(RADIUS)}L{at(tip - 0.8 * head)}" stroke-width="{wide:.1f}"{dashed}/>'
        f'<path d="M{at(tip)}L{wings}Z" stroke="none"/></g>'
    )


def _node(at: Spot, name: str, end: str, opacity: float) -> str:
    """A node with its name: a square for the source, a star for the target, else a circle."""
    (x, y), r = at, RADIUS
    if end == "source":
        shape = f'<rect x="{x - r:.1f}" y="{y - r:.1f}" width="{2 * r}" height="{2 * r}"/>'
    elif end == "target":
        spikes = [(1.35 * r * (0.62 if k % 2 else 1.0), math.pi * (k - 2.5) / 5) for k in range(10)]
        points = " ".join(
            f"{x + s * math.cos(turn):.1f},{y + s * math.sin(turn):.1f}" for s, turn in spikes
        )
        shape = f'<polygon points="{points}"/>'
    else:
        shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}"/>'
    fill, text = (INK, "#fff") if end else ("#fff", INK)
    return (
        f'<g fill="{fill}" stroke="{INK if end else QUIET}" stroke-width="1.4">'
        f'<g fill="#fff" stroke="none">{shape if not end else ""}</g>'
        f'<g opacity="{opacity:.2f}">{shape}<text x="{x:.1f}" y="{y + 3.6:.1f}" font-size="10" '
        f'text-anchor="middle" fill="{text}" stroke="none">{escape(name)}</text></g></g>'
    )

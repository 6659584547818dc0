"""Points in a plane: clouds, trajectories and marked points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from planrl.figures.style import (
    STYLES,
    faded,
    finish,
    style_of,
)

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


def trajectories(
    groups: Mapping[str, tuple[Float[Tensor, " X"], Float[Tensor, " X"]]],
    *,
    title: str,
    alt: str,
    x: str,
    y: str,
    y_range: tuple[float, float] | None = None,
    height: int = 460,
) -> go.Figure:
    """Lines through the plane in the order of their points; the last point is marked and named.

    Where all start, or nearly, is named.
    """
    figure = go.Figure()
    if groups and (start := _common_start(groups)):
        figure.add_annotation(**start, text="start", ax=28, ay=28, arrowhead=2)
    for position, (name, (xs, ys)) in enumerate(groups.items()):
        colour, dash, symbol = style_of(name, position)
        sizes = [5] * (len(xs) - 1) + [13]
        figure.add_scatter(
            x=[round(v, 4) for v in xs.tolist()],
            y=[round(v, 4) for v in ys.tolist()],
            mode="lines+markers",
            name=name,
            line={"color": colour, "dash": dash},
            marker={"color": colour, "symbol": symbol, "size": sizes, "opacity": 1},
            legendgroup=name,
        )
    figure.update_xaxes(title=x, rangemode="tozero")
    figure.update_yaxes(title=y, range=y_range and list(y_range), rangemode="tozero")
    figure.update_layout(legend={"orientation": "h", "y": -0.2})
    return finish(figure, title, alt, height)


def _common_start(
    groups: Mapping[str, tuple[Float[Tensor, " X"], Float[Tensor, " X"]]],
) -> dict[str, float] | None:
    """Where all lines start, if their starts are nearly the same."""
    axes = list(zip(*groups.values(), strict=True))
    starts = [[float(along[0]) for along in axis] for axis in axes]
    spans = [float(max(map(max, axis)) - min(map(min, axis))) for axis in axes]
    if any(max(s) - min(s) > 0.03 * span for s, span in zip(starts, spans, strict=True)):
        return None
    return {name: sum(s) / len(s) for name, s in zip("xy", starts, strict=True)}


def ends(
    groups: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    labels: Mapping[str, tuple[str, str]],
    *,
    title: str,
    alt: str,
    x: str,
    y: str,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    height: int = 460,
) -> go.Figure:
    """The end of each name in the plane: its seeds as faint marks, their mean labelled.

    `labels` maps a name to the label of its mean and its position, such as "top center".
    """
    figure = go.Figure()
    for position, (name, (xs, ys)) in enumerate(groups.items()):
        colour, _, symbol = style_of(name, position)
        words, where = labels[name]
        mean = [sum(xs) / len(xs)], [sum(ys) / len(ys)]
        for points, size, opacity in (((xs, ys), 7, 0.45), (mean, 13, 1.0)):
            strong = size > 7
            figure.add_scatter(
                x=[round(v, 4) for v in points[0]],
                y=[round(v, 4) for v in points[1]],
                mode="markers+text" if strong else "markers",
                text=[words] if strong else None,
                textposition=where,
                cliponaxis=False,
                name=name if strong else f"{name}, each seed",
                legendgroup=name,
                showlegend=False,
                marker={"color": colour, "symbol": symbol, "size": size, "opacity": opacity},
            )
    figure.update_xaxes(title=x, range=list(x_range))
    figure.update_yaxes(title=y, range=list(y_range))
    return finish(figure, title, alt, height)


def dots(
    rows: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    title: str,
    alt: str,
    x: str,
) -> go.Figure:
    """A line for each row, in it each name's seeds as faint marks, their mean as a strong one.

    Names without a style of their own differ in their marks, too.
    """
    figure = go.Figure()
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    for position, name in enumerate(names):
        colour, _, symbol = style_of(name, position)
        if name not in STYLES and position % 2:
            symbol = "square-open"
        seeds = [(v, row) for row, found in rows.items() for v in found.get(name, ())]
        means = [(sum(f[name]) / len(f[name]), row) for row, f in rows.items() if f.get(name)]
        for points, size, opacity in ((seeds, 7, 0.35), (means, 13, 1.0)):
            figure.add_scatter(
                x=[round(value, 4) for value, _ in points],
                y=[row for _, row in points],
                mode="markers",
                name=name if size > 7 else f"{name}, each seed",
                showlegend=size > 7,
                legendgroup=name,
                marker={"color": colour, "symbol": symbol, "size": size, "opacity": opacity},
            )
    figure.update_xaxes(title=x)
    figure.update_yaxes(autorange="reversed", type="category", automargin=True)
    figure.update_layout(legend={"orientation": "h", "y": -0.2})
    return finish(figure, title, alt, 190 + 38 * len(rows))


def scatter(
    groups: Mapping[str, tuple[Tensor, Tensor]],
    *,
    title: str,
    alt: str,
    x: str,
    y: str,
    diagonal: bool = False,
    height: int = 400,
    most: int = 1500,
) -> go.Figure:
    """Clouds of points; at most `most` of each are drawn, evenly taken. `diagonal`: also y = x."""
    figure = go.Figure()
    low = high = 0.0
    for position, (name, (xs, ys)) in enumerate(groups.items()):
        low = min(low, float(xs.min()), float(ys.min()))
        high = max(high, float(xs.max()), float(ys.max()))
        colour, _, symbol = style_of(name, position)
        every = max(1, -(-len(xs) // most))
        figure.add_scatter(
            x=[round(v, 4) for v in xs[::every].tolist()],
            y=[round(v, 4) for v in ys[::every].tolist()],
            mode="markers",
            name=name,
            marker={"color": faded(colour, 0.55), "symbol": symbol, "size": 5},
        )
    if diagonal:
        figure.add_scatter(
            x=[low, high],
            y=[low, high],
            mode="lines",
            name="equal",
            line={"color": STYLES["truth"][0], "dash": "dash", "width": 1},
        )
    figure.update_xaxes(title=x)
    figure.update_yaxes(title=y)
    figure.update_layout(legend={"orientation": "h", "y": -0.22, "itemsizing": "constant"})
    return finish(figure, title, alt, height)

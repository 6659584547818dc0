"""Records and tensors to plotly figures, in one style for the whole book.

Every figure says in `layout.meta.alt` what it shows, for readers who cannot see it. A figure is
returned, never shown. In a notebook plotly draws it; the book's pages draw the same figure and
turn its controls (planrl.figures.sliders) into controls of the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots

from planrl.errors import InputError
from planrl.figures.style import (
    DIVERGING,
    RISING,
    faded,
    finish,
    plain_text,
    square_panels,
    style_of,
)
from planrl.train import Step

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


def track(records: Iterable[Step], key: str) -> tuple[list[int], list[float]]:
    """The steps at which `key` was measured (or "loss", "reward"), and its values."""
    if key in ("loss", "reward"):
        rows = [(r.step, float(getattr(r, key))) for r in records]
    else:
        rows = [
            (r.step, float(value))
            for r in records
            if (value := (r.measured or {}).get(key)) is not None  # saved: what was no number
        ]
    if not rows:
        raise InputError(
            f"no record holds {key!r}: wrap the run in probe(run, measure) before collecting it"
        )
    return [step for step, _ in rows], [value for _, value in rows]


def learning_curves(
    runs: Mapping[str, Sequence[Step] | Sequence[Sequence[Step]]],
    key: str = "reward",
    *,
    title: str = "",
    y: str = "",
    alt: str = "",
    y_range: tuple[float, float] | None = None,
    height: int = 380,
) -> go.Figure:
    """One line a name: a run's `key` over its updates; for several runs of a name, mean and range.

    `runs` maps a name to the records of one run, or to a list of such runs (one per seed).
    """
    groups = {}
    for name, given in runs.items():
        seeds: Any = [given] if given and isinstance(given[0], Step) else given
        tracks = [track(records, key) for records in seeds]
        groups[name] = (tracks[0][0], torch.tensor([values for _, values in tracks]))
    told = alt or f"{y or key} over updates for {', '.join(runs)}"
    return range_figure(
        groups,
        title=title or key,
        alt=told,
        x="updates",
        y=y or key,
        y_range=y_range,
        height=height,
    )


def range_figure(
    groups: Mapping[str, tuple[Sequence[float], Float[Tensor, "S X"]]],
    *,
    title: str,
    alt: str,
    x: str,
    y: str,
    y_range: tuple[float, float] | None = None,
    height: int = 380,
    singles: bool = False,
) -> go.Figure:
    """For each name, positions on the x-axis and one row of values per seed: their mean and range.

    `singles` draws every seed's own line, too, thin.
    """
    figure = go.Figure()
    for position, (name, (xs, values)) in enumerate(groups.items()):
        add_range(figure, name, xs, values, position=position, singles=singles)
    figure.update_xaxes(title=x)
    figure.update_yaxes(title=y, range=y_range and list(y_range))
    figure.update_layout(
        hovermode="x unified", legend={"orientation": "h", "y": -0.25}, showlegend=len(groups) > 1
    )
    return finish(figure, title, alt, height)


def add_range(
    figure: go.Figure,
    name: str,
    x: Sequence[float],
    values: Float[Tensor, "S X"],
    *,
    position: int,
    singles: bool = False,
) -> None:
    """Add the line of the mean over seeds, and the range from the smallest to the largest."""
    colour, dash, _ = style_of(name, position)
    quiet = {"hoverinfo": "skip", "showlegend": False, "legendgroup": name}
    if len(values) > 1:
        figure.add_scatter(
            x=[*x, *reversed(x)],
            y=[*values.amax(0).tolist(), *values.amin(0).flip(0).tolist()],
            mode="lines",
            fill="toself",
            fillcolor=faded(colour, 0.18),
            line={"width": 0},
            name=f"{name}, all seeds",
            **quiet,
        )
    if singles:
        figure.add_scatter(
            x=[*x, None] * len(values),
            y=[v for row in values.tolist() for v in (*row, None)],
            mode="lines",
            line={"color": faded(colour, 0.45), "width": 0.8},
            name=f"{name}, each seed",
            **quiet,
        )
    figure.add_scatter(
        x=list(x),
        y=[round(v, 6) for v in values.mean(0).tolist()],
        mode="lines",
        name=name,
        line={"color": colour, "dash": dash, "width": 2.5},
        legendgroup=name,
    )


def heatmaps(
    panels: Mapping[str, Float[Tensor, "H W"]],
    *,
    title: str,
    alt: str,
    x: str = "next node",
    y: str = "current node",
    labels: Sequence[str] | None = None,
    diverging: bool = False,
    height: int = 430,
    columns: int = 2,
    colours: str = "",
) -> go.Figure:
    """Matrices as colours, side by side, their first rows on top; the names are above.

    `colours` says what they mean: the name of the scale of one matrix, a sentence for several.
    Diverging ones share a scale; others have each their own, from its least to its greatest value.
    """
    columns = min(columns, len(panels))
    names = [name for name in panels if name] or None
    gaps = {"vertical_spacing": 0.16, "horizontal_spacing": 0.08}
    figure = make_subplots(-(-len(panels) // columns), columns, subplot_titles=names, **gaps)
    ticks = [plain_text(label) for label in labels] if labels else None
    scale = _colour_scale(panels, diverging, colours)
    for position, (name, given) in enumerate(panels.items()):
        figure.add_heatmap(
            z=[[round(v, 4) for v in row] for row in given.float().tolist()],
            x=ticks,
            y=ticks,
            name=name,
            hovertemplate=f"{y} %{{y}}, {x} %{{x}}: %{{z:.3g}}<extra>{name}</extra>",
            row=position // columns + 1,
            col=position % columns + 1,
            **scale,
        )
    _matrix_axes(figure, len(panels), columns, x, y)
    finish(figure, title, alt, height)
    if colours and len(panels) > 1:
        figure.update_layout(title_subtitle={"text": colours}, margin_t=90)
    return figure


def _colour_scale(
    panels: Mapping[str, Float[Tensor, "H W"]], diverging: bool, title: str
) -> dict[str, Any]:
    """How values become colours: diverging ones around 0. A single matrix has a colour bar."""
    bound = max(float(m[m.isfinite()].float().abs().max()) for m in panels.values())
    alone = len(panels) == 1
    return {
        "colorscale": DIVERGING if diverging else RISING,
        "zmin": -bound if diverging else None,
        "zmax": bound if diverging else None,
        "showscale": alone,
        "colorbar": {"title": {"text": title, "side": "right"}} if alone else None,
    }


def _matrix_axes(figure: go.Figure, panels: int, columns: int, x: str, y: str) -> None:
    """Axes of matrices whose first rows are on top, named at the left and at the bottom."""
    figure.update_annotations(font_size=13)
    figure.update_yaxes(autorange="reversed", constrain="domain", showgrid=False, zeroline=False)
    figure.update_xaxes(constrain="domain", showgrid=False, zeroline=False)
    rows = -(-panels // columns)
    for position in range(panels):
        where = {"row": position // columns + 1, "col": position % columns + 1}
        figure.update_xaxes(title=x, **where) if where["row"] == rows else None
        figure.update_yaxes(title=y, **where) if where["col"] == 1 else None
    if rows == 1:
        square_panels(figure, panels)


def bars(
    groups: Mapping[str, Mapping[str, float]],
    *,
    title: str,
    alt: str,
    x: str,
    y: str,
    y_range: tuple[float, float] = (0.0, 1.0),
    height: int = 380,
    text: str = ".2f",
    spans: Mapping[str, Mapping[str, tuple[float, float]]] | None = None,
    stacked: bool = False,
) -> go.Figure:
    """Grouped bars: for each name a bar for each category, its value written above.

    `spans` draws an interval over each bar instead of its value. `stacked` bars stand on one
    another, without their values.
    """
    figure = go.Figure()
    feet = dict.fromkeys((category for values in groups.values() for category in values), 0.0)
    for position, (name, values) in enumerate(groups.items()):
        colour, _, _ = style_of(name, position)
        figure.add_bar(
            x=list(values),
            y=list(values.values()),
            base=[feet[category] for category in values] if stacked else None,
            name=name,
            marker={"color": colour, "pattern": {"shape": ["", "/", "x", "."][position % 4]}},
            text=None if spans or stacked else [format(value, text) for value in values.values()],
            textposition="outside",
            cliponaxis=False,
        )
        if spans:
            figure.data[-1].error_y = _whiskers(values, spans[name])
        for category, value in values.items():
            feet[category] += value
    figure.update_xaxes(title=x, type="category")
    figure.update_yaxes(title=y, range=list(y_range))
    mode = "overlay" if stacked else "group"  # plotly stacks no bars that have a base
    figure.update_layout(barmode=mode, legend={"orientation": "h", "y": -0.25})
    return finish(figure, title, alt, height)


def seed_bars(
    values: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    title: str,
    about: str,
    x: str,
    y: str,
    y_range: tuple[float, float] = (0.0, 1.08),
    digits: int = 2,
) -> go.Figure:
    """Grouped bars of means over seeds; whiskers from the smallest to the largest value.

    `values` has one number per seed for each name and category. The description of the figure is
    what it is `about`, and then the means.
    """
    means = {
        name: {words: fmean(of_seeds) for words, of_seeds in some.items()}
        for name, some in values.items()
    }
    told = "; ".join(
        f"{name}: " + ", ".join(f"{words} {value:.{digits}f}" for words, value in some.items())
        for name, some in means.items()
    )
    spans = {
        name: {words: (min(of_seeds), max(of_seeds)) for words, of_seeds in some.items()}
        for name, some in values.items()
    }
    return bars(
        means,
        title=title,
        alt=f"{about}. {told}",
        x=x,
        y=y,
        y_range=y_range,
        height=420,
        spans=spans,
    )


def _whiskers(
    values: Mapping[str, float], spans: Mapping[str, tuple[float, float]]
) -> dict[str, Any]:
    """Intervals over bars, as plotly wants them: their lengths up and down."""
    return {
        "type": "data",
        "symmetric": False,
        "thickness": 1.5,
        "width": 3,
        "array": [spans[key][1] - value for key, value in values.items()],
        "arrayminus": [value - spans[key][0] for key, value in values.items()],
    }

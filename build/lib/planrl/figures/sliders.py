"""Controls in a figure: a slider over many figures, and a guess made before the result."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from planrl.errors import InputError
from planrl.figures import charts
from planrl.figures.style import STYLES

if TYPE_CHECKING:
    from torch import Tensor


def with_slider(
    frames: Mapping[str, go.Figure], *, name: str, start: str | None = None
) -> go.Figure:
    """One figure out of several similar ones, chosen by a slider; `start` is shown first.

    The figures must have the same traces in the same order; of their layouts axes and annotations
    may differ. Only figures whose labels are numbers can be played one after the other: the order
    of words means nothing.
    """
    labels = list(frames)
    if not labels:
        raise InputError("with_slider needs at least one figure")
    first = start if start is not None else labels[-1]
    if first not in frames:
        raise InputError(f"start={first!r} is no frame; there are: {', '.join(labels)}")
    figure = go.Figure(frames[first])
    layouts = _changing([frame.layout.to_plotly_json() for frame in frames.values()])
    figure.frames = [
        go.Frame(name=label, data=list(frame.data), layout=layout)
        for (label, frame), layout in zip(frames.items(), layouts, strict=True)
    ]
    at_once = {"frame": {"duration": 0, "redraw": True}, "mode": "immediate"}
    steps = [{"label": n, "method": "animate", "args": [[n], at_once]} for n in labels]
    figure.update_layout(
        sliders=[
            {
                "active": labels.index(first),
                "currentvalue": {"prefix": f"{name}: "},
                "steps": steps,
                "pad": {"t": 40},
            }
        ],
    )
    if have_order(labels):
        figure.update_layout(updatemenus=[_play_button()])
    return figure


def _play_button() -> dict[str, Any]:
    """The button that shows one figure after the other."""
    each = {"frame": {"duration": 500, "redraw": True}}
    return {
        "type": "buttons",
        "showactive": False,
        "x": 1,
        "xanchor": "right",
        "y": 1.15,
        "buttons": [{"label": "Play", "method": "animate", "args": [None, each]}],
    }


def _changing(layouts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each layout the axes and annotations that are not the same in all."""
    names = {key for layout in layouts for key in layout}
    kept = [
        key
        for key in sorted(names)
        if (key == "annotations" or key[1:].startswith("axis"))
        and any(layout.get(key) != layouts[0].get(key) for layout in layouts)
    ]
    return [{key: layout[key] for key in kept if key in layout} for layout in layouts]


def have_order(labels: Sequence[str]) -> bool:
    """Whether frames with these labels can be played in order: they can if all are numbers."""
    try:
        return all(math.isfinite(float(label)) for label in labels)
    except ValueError:
        return False


def sliding(
    frames: Mapping[str, Mapping[str, tuple[list[int], Tensor]]],
    *,
    title: str,
    about: str,
    y: str,
) -> go.Figure:
    """A slider over figures of the same learners: {label: {learner: (updates, [S, X])}}."""
    every = [values for groups in frames.values() for _, values in groups.values()]
    low, high = min(float(v.min()) for v in every), max(float(v.max()) for v in every)
    room = 0.05 * (high - low)
    told = "; ".join(
        f"{label}: "
        + ", ".join(f"{name} ends at {float(v[:, -1].mean()):.3g}" for name, (_, v) in g.items())
        for label, g in frames.items()
    )
    drawn = {
        label: charts.range_figure(
            groups,
            title=title,
            alt=f"{about}, mean, range and each seed, one of {len(frames)} choices. {told}.",
            x="updates",
            y=y,
            y_range=(low - room, high + room),
            singles=True,
        )
        for label, groups in frames.items()
    }
    return with_slider(drawn, name="show", start=next(iter(drawn)))


def ask(
    figure: go.Figure,
    question: str,
    *,
    guess: float,
    low: float,
    high: float,
    step: float,
    hidden: Sequence[str],
    answer: str,
    unit: str = "",
    axis: str = "y",
) -> go.Figure:
    """The same figure with the reader's `guess` drawn in, as a dashed line on the y-axis `axis`.

    In the book's pages the traces named in `hidden` are covered until the reader has guessed there.
    """
    if not low <= guess <= high:
        raise InputError(f"guess={guess} lies outside {low} .. {high} ({unit or 'no unit'})")
    names = [trace.legendgroup or trace.name for trace in figure.data]
    traces = [position for position, name in enumerate(names) if name in hidden]
    if not traces:
        raise InputError(f"none of {list(hidden)} is a trace of this figure; it has {names}")
    _draw_guess(figure, guess, axis)
    predict = {
        "question": question,
        "min": low,
        "max": high,
        "step": step,
        "start": guess,
        "unit": unit,
        "traces": traces,
        "axis_id": axis,
        "answer": answer,
    }
    figure.layout.meta = {**figure.layout.meta, "predict": predict}
    return figure


def _draw_guess(figure: go.Figure, guess: float, axis: str) -> None:
    """Add the guess as a dashed line with its name."""
    x_axis = f"x{axis.removeprefix('y')} domain"
    figure.add_shape(
        type="line",
        x0=0,
        x1=1,
        xref=x_axis,
        y0=guess,
        y1=guess,
        yref=axis,
        line={"dash": "dash", "width": 1.5, "color": STYLES["prediction"][0]},
        name="guess",
    )
    figure.add_annotation(
        x=0.01,
        xref=x_axis,
        y=guess,
        yref=axis,
        text="your guess",
        showarrow=False,
        xanchor="left",
        yanchor="bottom",
        name="guess",
    )

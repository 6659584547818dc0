"""A lab's figure, and its bindings: what a host puts into which trace.

A binding is plain data: a kind, the traces it fills, and where what it shows comes from.
web/lab-figure.js fills them in, in a page and in a notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from planrl.figures.style import DIVERGING, faded, finish, style_of

Binding = Mapping[str, Any]
Arguments = ParamSpec("Arguments")


class Metric(NamedTuple):
    """A number that a lab measures: its name in a table, its name in a legend, its line's dash."""

    label: str
    legend: str
    dash: str


METRICS = {
    "train_sampled": Metric("training pairs, sampled", "training, sampled", "solid"),
    "train_greedy": Metric("training pairs, greedy", "training, greedy", "dashdot"),
    "test_sampled": Metric("held-out pairs, sampled", "held out, sampled", "dash"),
    "test_greedy": Metric("held-out pairs, greedy", "held out, greedy", "dot"),
    "diversity": Metric("distinct correct paths among 16", "correct paths of 16", "longdashdot"),
    "entropy": Metric("entropy of a step (nats)", "entropy (nats)", "solid"),
    "solved": Metric("accuracy, exact", "accuracy", "solid"),
    "limit_solved": Metric("accuracy, predicted end", "predicted", "dot"),
    "left": Metric("correct paths left (effective number)", "correct paths left", "solid"),
    "limit_left": Metric("correct paths left, predicted end", "predicted", "dot"),
}
COUNTS = {"diversity", "entropy", "left", "limit_left"}
"""Metrics that are no shares."""
PREDICTIONS = {"limit_solved", "limit_left"}
"""Metrics that say where training leads; nan where that is not known."""
COLOURS = ("#0072B2", "#D55E00", "#009E73")  # of blocks
STRIP = {"row": 5, "pitch": 1.3, "drop": 1.6, "block": 0.36}  # how a plan of blocks is laid out
EMPTY: Mapping[str, Any] = {"x": [None], "y": [None]}


def _when_asked(
    draw: Callable[Concatenate[Picture, Arguments], None],
) -> Callable[Concatenate[Picture, Arguments], None]:
    """The method, which draws when the figure is asked for: to train a lab nobody needs it."""

    @wraps(draw)
    def noted(self: Picture, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        self._drawings.append(partial(draw, self, *args, **kwargs))

    return noted


class Picture:
    """A figure of panels side by side, with the bindings of its traces.

    A page draws each panel by itself. Each method draws into one panel, numbered from 0, what
    belongs to one learner, the first one unless told otherwise.
    """

    def __init__(self, *titles: str, height: int = 420) -> None:
        self.titles = titles
        self._height = height
        self._figure: Any = None
        self._bindings: list[Binding] = []
        self._drawings: list[Callable[[], None]] = []

    @property
    def figure(self) -> Any:
        """The figure, whose traces hold no data yet."""
        self._draw()
        return self._figure

    @property
    def bindings(self) -> list[Binding]:
        """What a host puts into which trace of the figure."""
        self._draw()
        return self._bindings

    @_when_asked
    def curves(
        self, panel: int, *metrics: str, name: str, number: int = 0, own: bool = False
    ) -> None:
        """A line over updates for each metric, above the range of the recorded runs.

        The learner's `name` chooses the colour. With `own` its name stands in the legend, and its
        line has its own dash: several learners share the panel. A prediction has a thin dotted
        line, and no range.
        """
        colour, own_dash, _ = style_of(name, number)
        for metric in metrics:
            ahead = metric in PREDICTIONS
            said = name if own else METRICS[metric].legend
            said = f"{said}, predicted" if ahead else said
            shared = {**EMPTY, "legendgroup": said, "name": said, "mode": "lines"}
            shade = "#7F7F7F" if metric == "entropy" else colour
            dash = own_dash if own and not ahead else METRICS[metric].dash
            line = {"color": shade, "dash": dash, "width": 1.75 if ahead else 2.5}
            filled = {"fill": "toself", "fillcolor": faded(colour, 0.13), "line": {"width": 0}}
            hidden = {"showlegend": False}
            legend = {"showlegend": panel == 0 or not own}
            where = {"learner": number, "metric": metric}
            for kind, style in (
                ("band", {**filled, **hidden, "hoverinfo": "skip"}),
                ("recorded", {"line": line, **hidden, "opacity": 0.8}),
                ("curve", {"line": line, **legend}),
            )[int(ahead) :]:
                trace = self._add(panel, go.Scatter(**shared, **style))
                self._bindings.append({"kind": kind, "trace": trace, **where})
        self._axes(panel, x={"title": "updates", "rangemode": "tozero"})
        shares = not COUNTS & set(metrics)
        self._axes(panel, y={"range": [0, 1.03]} if shares else {"rangemode": "tozero"})

    @_when_asked
    def matrix(self, panel: int, matrix: str, learner: int = 0) -> None:
        """A heat map [current, next] of values about 0."""
        heat = go.Heatmap(
            z=[[None]],
            colorscale=DIVERGING,
            zmid=0,
            zmin=-1.5,
            zmax=1.5,
            showscale=panel == 1,
            colorbar={"thickness": 10, "x": 1.01, "len": 0.9},
            hovertemplate="current %{y}, next %{x}: %{z:.2f}<extra></extra>",
        )
        self._bind("matrix", self._add(panel, heat), learner, matrix)
        near = {"text": "current", "standoff": 2}  # clear of the panel to its left
        self._axes(panel, x={"title": "next"}, y={"title": near, "autorange": "reversed"})

    @_when_asked
    def bars(self, panel: int, names: Mapping[str, str], learner: int = 0) -> None:
        """Bars over next nodes, one group for each vector."""
        for (vector, said), colour in zip(names.items(), ("#7F7F7F", "#0072B2"), strict=True):
            bar = go.Bar(**EMPTY, name=said, marker={"color": colour})
            self._bind("bars", self._add(panel, bar), learner, vector)
        self._axes(panel, x={"title": "next node"}, y={"range": [0, 1.03]})
        self._figure.update_layout(barmode="group")

    @_when_asked
    def first_step(self, panel: int, name: str, learner: int) -> None:
        """A learner's probabilities of the first step as bars, and predicted ones as outlines."""
        colour = style_of(name, learner)[0]
        outline = {"color": faded(colour, 0.12), "line": {"color": colour, "width": 1.5}}
        for vector, said, marker in (
            ("cell", name, {"color": colour}),
            ("limit", f"{name}, predicted", outline),
        ):
            bar = go.Bar(**EMPTY, name=said, marker=marker, showlegend=False)
            self._bind("bars", self._add(panel, bar), learner, vector)
        self._axes(panel, x={"title": "next node"}, y={"range": [0, 1.03]})
        self._figure.update_layout(barmode="group")

    @_when_asked
    def plan(self, panel: int, learner: int = 0) -> None:
        """The states of the model's plan as stacks of blocks, with each move's name, and the goal.

        States stand in rows of `row`, `pitch` apart; rows are `drop` apart, blocks `block` wide.
        """
        quiet: Any = {**EMPTY, "showlegend": False, "hoverinfo": "skip"}
        line = {"color": "#fff", "width": 1}
        blocks = [
            go.Scatter(**quiet, mode="lines", fill="toself", fillcolor=colour, line=line)
            for colour in COLOURS
        ]
        ground = go.Scatter(**quiet, mode="lines", line={"color": "#7F7F7F", "width": 1.5})
        letters = go.Scatter(**quiet, mode="text", textfont={"color": "#fff", "size": 10})
        words = go.Scatter(**quiet, mode="text", textfont={"size": 10})
        wrong = go.Scatter(**quiet, mode="text", textfont={"size": 10, "color": "#D55E00"})
        traces = [self._add(panel, one) for one in (*blocks, ground, letters, words, wrong)]
        shown = {"learner": learner, "matrix": "plan"}
        self._bindings.append({"kind": "plan", "traces": traces, **STRIP, **shown})
        width = (STRIP["row"] + 0.5) * STRIP["pitch"]
        self._axes(panel, x={"visible": False, "range": [-0.7, width]})
        tall = {"visible": False, "range": [-STRIP["drop"] - 0.5, 1.1]}
        self._axes(panel, y={**tall, "scaleanchor": f"x{panel + 1 if panel else ''}"})

    def _draw(self) -> None:
        """Draw what was asked for since."""
        if self._figure is None:
            shape = {"subplot_titles": self.titles, "horizontal_spacing": 0.08}
            self._figure = make_subplots(1, len(self.titles), **shape)
            finish(self._figure, "", "", self._height)
            self._figure.update_layout(
                title=None,
                margin={"l": 50, "r": 20, "t": 40, "b": 90},
                legend={"orientation": "h", "y": -0.2},
            )
        while self._drawings:
            self._drawings.pop(0)()

    def _add(self, panel: int, trace: Any) -> int:
        self._figure.add_trace(trace, row=1, col=panel + 1)
        return len(self._figure.data) - 1

    def _bind(self, kind: str, trace: int, learner: int, matrix: str, **more: Any) -> None:
        shown = {"learner": learner, "matrix": matrix}
        self._bindings.append({"kind": kind, "trace": trace, **shown, **more})

    def _axes(self, panel: int, **changes: Mapping[str, Any]) -> None:
        """Change a panel's axes, `x` and `y`."""
        where = {"row": 1, "col": panel + 1}
        self._figure.update_xaxes(**changes.get("x", {}), **where)
        self._figure.update_yaxes(**changes.get("y", {}), **where)

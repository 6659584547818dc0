"""The parts of a lab's figure, and what a host puts into them.

A binding is plain data: a kind, the traces it fills, and where what it shows comes from. A kernel
fills them in by `planrl.labs.notebook.render.fill`; a page has its own way, in web/lab-figure.js.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from planrl.figures.style import DIVERGING, faded, finish

Binding = Mapping[str, Any]
Panel = tuple[int, int]

DASHES = {"train_sampled": "solid", "train_greedy": "dashdot", "test_sampled": "dash",
          "test_greedy": "dot", "ways": "longdashdot", "entropy": "solid"}  # fmt: skip
SAID = {"train_sampled": "training, sampled", "train_greedy": "training, greedy",
        "test_sampled": "held out, sampled", "test_greedy": "held out, greedy",
        "ways": "right answers of 16", "entropy": "entropy (nats)"}  # fmt: skip
WIDTHS = (1.0, 1.8, 3.0, 5.0, 7.0)
LIKELY = (0.0, 0.05, 0.2, 0.4, 0.7, 1.01)
COLOURS = ("#0072B2", "#D55E00", "#009E73")  # of blocks


def panels(*titles: str, height: int = 420) -> tuple[go.Figure, dict[str, Any], list[Panel]]:
    """An empty figure of panels side by side; its layout where there is no room for that."""
    figure = make_subplots(1, len(titles), subplot_titles=titles, horizontal_spacing=0.08)
    finish(figure, "", "", height)
    figure.update_layout(
        title=None,
        margin={"l": 50, "r": 20, "t": 40, "b": 90},
        legend={"orientation": "h", "y": -0.2},
    )
    narrow: dict[str, Any] = {"height": 300 * len(titles) + 60}
    share, gap = 1 / len(titles), 60 / (300 * len(titles) - 100)  # 60 pixels for an axis' words
    notes = [note.to_plotly_json() for note in figure.layout.annotations]
    for index, note in enumerate(notes):
        top = 1 - index * share
        end = "" if index == 0 else str(index + 1)
        narrow[f"xaxis{end}"] = {"domain": [0, 1]}
        narrow[f"yaxis{end}"] = {"domain": [top - share + gap, top - 0.03]}
        note |= {"x": 0.5, "y": top - 0.03}
    narrow["annotations"] = notes
    return figure, narrow, [(1, column) for column in range(1, len(titles) + 1)]


def _added(figure: go.Figure, panel: Panel, trace: Any) -> int:
    figure.add_trace(trace, row=panel[0], col=panel[1])
    return len(figure.data) - 1


def curves(
    figure: go.Figure,
    panel: Panel,
    learner: int,
    metrics: Sequence[str],
    colour: str,
    *,
    name: str = "",
    dash: str = "",
) -> list[Binding]:
    """A line over updates for each metric, above the band of the recorded runs."""  # fmt: skip
    bound: list[Binding] = []
    for metric in metrics:
        said = name or SAID[metric]
        shared = {"x": [None], "y": [None], "legendgroup": said, "name": said}
        interval = go.Scatter(
            **shared, fill="toself", fillcolor=faded(colour, 0.13), line={"width": 0},
            showlegend=False, hoverinfo="skip", mode="lines",
        )  # fmt: skip
        shade = "#7F7F7F" if metric == "entropy" else colour
        line = {"color": shade, "dash": dash or DASHES[metric], "width": 2.5}
        where = {"learner": learner, "metric": metric}
        bound.append({"kind": "band", "trace": _added(figure, panel, interval), **where})
        mean = go.Scatter(**shared, mode="lines", line=line, opacity=0.8, showlegend=False)
        bound.append({"kind": "recorded", "trace": _added(figure, panel, mean), **where})
        first = name == "" or panel[1] == 1
        live = go.Scatter(**shared, mode="lines", line=line, showlegend=first)
        bound.append({"kind": "curve", "trace": _added(figure, panel, live), **where})
    figure.update_xaxes(title="updates", rangemode="tozero", row=panel[0], col=panel[1])
    if not {"ways", "entropy"} & set(metrics):
        figure.update_yaxes(range=[0, 1.03], row=panel[0], col=panel[1])
    else:
        figure.update_yaxes(rangemode="tozero", row=panel[0], col=panel[1])
    return bound


def edges(figure: go.Figure, panel: Panel, learner: int, name: str, colour: str) -> list[Binding]:
    """The graph, its edges the thicker the likelier they are taken, and its nodes."""
    traces = [
        _added(
            figure, panel,
            go.Scatter(
                x=[None], y=[None], mode="lines", hoverinfo="skip", showlegend=False,
                line={"width": width, "color": faded(colour, 0.4 + 0.6 * index / 4)},
                cliponaxis=False,
            ),
        )
        for index, width in enumerate(WIDTHS)
    ]  # fmt: skip
    nodes = _added(
        figure, panel,
        go.Scatter(
            x=[None], y=[None], mode="markers+text", textfont={"size": 10, "color": "#000"},
            marker={"size": 17, "color": "#fff", "line": {"width": 1.5, "color": "#7F7F7F"}},
            showlegend=False, hoverinfo="text", cliponaxis=False,
        ),
    )  # fmt: skip
    hidden = {"visible": False, "row": panel[0], "col": panel[1]}
    figure.update_xaxes(**hidden).update_yaxes(**hidden)
    return [
        {"kind": "edges", "traces": traces, "at": list(LIKELY), "learner": learner, "matrix": name},
        {"kind": "nodes", "trace": nodes, "plain": "circle", "source": "square", "target": "star"},
    ]


def matrix(figure: go.Figure, panel: Panel, learner: int, name: str) -> list[Binding]:
    """A heat map [here, next] of values about 0."""
    trace = _added(
        figure, panel,
        go.Heatmap(
            z=[[None]], colorscale=DIVERGING, zmid=0, zmin=-1.5, zmax=1.5, showscale=panel[1] == 2,
            colorbar={"thickness": 10, "x": 1.01, "len": 0.9},
            hovertemplate="here %{y}, next %{x}: %{z:.2f}<extra></extra>",
        ),
    )  # fmt: skip
    figure.update_xaxes(title="next", row=panel[0], col=panel[1])
    near = {"text": "here", "standoff": 2}  # clear of the panel to its left
    figure.update_yaxes(title=near, autorange="reversed", row=panel[0], col=panel[1])
    return [{"kind": "matrix", "trace": trace, "learner": learner, "matrix": name}]


def bars(figure: go.Figure, panel: Panel, learner: int, names: Mapping[str, str]) -> list[Binding]:
    """Bars over next nodes, one group for each vector."""
    bound: list[Binding] = []
    for (name, said), colour in zip(names.items(), ("#7F7F7F", "#0072B2"), strict=True):
        trace = _added(
            figure, panel, go.Bar(x=[None], y=[None], name=said, marker={"color": colour})
        )
        bound.append({"kind": "bars", "trace": trace, "learner": learner, "matrix": name})
    figure.update_xaxes(title="next node", row=panel[0], col=panel[1])
    figure.update_yaxes(range=[0, 1.03], row=panel[0], col=panel[1])
    return bound


def plan(figure: go.Figure, panel: Panel, learner: int) -> list[Binding]:
    """The states of the model's plan, left to right, each as stacks of blocks."""
    trace = _added(
        figure, panel,
        go.Scatter(
            x=[None], y=[None], mode="markers+text", showlegend=False, hoverinfo="skip",
            textfont={"color": "#fff", "size": 11},
            marker={"symbol": "square", "size": 15, "color": COLOURS[0]},
        ),
    )  # fmt: skip
    axes = {"row": panel[0], "col": panel[1]}
    figure.update_xaxes(
        showgrid=False, zeroline=False, range=[-0.6, 8.6], title="step", dtick=1, **axes
    )
    figure.update_yaxes(visible=False, range=[-0.8, 4], **axes)
    return [{"kind": "plan", "trace": trace, "learner": learner, "matrix": "plan",
             "colours": list(COLOURS)}]  # fmt: skip

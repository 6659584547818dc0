"""Graphs as pictures: nodes, arrows, a highlighted path, a policy as the widths of edges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import torch

from planrl.figures.style import STYLES, finish, plain_text
from planrl.graphs import Graph

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


UNUSED = 0.01  # edges with a smaller weight are drawn as unused


def positions(graph: Graph) -> Float[Tensor, "N 2"]:
    """Where to draw each node: by longest path from the start on a DAG, on a circle otherwise."""
    if graph.order is None:
        angle = torch.arange(graph.n) * (2 * torch.pi / graph.n)
        return torch.stack([angle.cos(), angle.sin()], 1)
    depth = torch.zeros(graph.n)
    for j in graph.order.tolist():
        target = graph.adjacency[j]
        depth[target] = torch.maximum(depth[target], depth[j] + 1)
    height = torch.zeros(graph.n)
    for level in depth.unique():
        rows = (depth == level).nonzero().squeeze(1)
        shift = 0.18 * (-1) ** int(level)  # so that edges across a level do not overlap
        height[rows] = torch.arange(len(rows)) - (len(rows) - 1) / 2 + shift
    return torch.stack([depth, -height], 1)


def _edge_lines(graph: Graph, where: Tensor, edges: Iterable[tuple[int, int]]) -> tuple[Any, Any]:
    xs: list[float | None] = []
    ys: list[float | None] = []
    for a, b in edges:
        xs += [float(where[a, 0]), float(where[b, 0]), None]
        ys += [float(where[a, 1]), float(where[b, 1]), None]
    return xs, ys


def _arrows(
    where: Tensor, edges: Sequence[tuple[int, int]], colours: Sequence[str]
) -> dict[str, Any]:
    """Arrow heads along the edges, turned as the edges are: `previous` is an edge's tail."""
    heads = [(a, where[a] * 0.3 + where[b] * 0.7) for a, b in edges]
    xs, ys = (
        [at for a, head in heads for at in (float(where[a, k]), float(head[k]), None)]
        for k in (0, 1)
    )
    return {
        "x": xs,
        "y": ys,
        "mode": "markers",
        "marker": {
            "symbol": "arrow-wide",
            "angleref": "previous",
            "size": [0, 16, 0] * len(heads),
            "line": {"width": 0},
            "color": [colour for colour in colours for _ in range(3)],
        },
        "hoverinfo": "skip",
        "showlegend": False,
    }


def graph_view(
    graph: Graph,
    path: Sequence[int] = (),
    *,
    title: str = "",
    alt: str = "",
    height: int = 380,
    weights: Float[Tensor, "N N"] | None = None,
) -> go.Figure:
    """The graph, left to right; `path` is highlighted; `weights[j, k]` sets the edges' widths."""
    figure = go.Figure(_graph_traces(graph, path, weights))
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    told = alt or (
        f"A directed graph of {graph.n} nodes and {len(graph.edges)} edges"
        + (
            f"; the path {' to '.join(graph.labels[v] for v in path)} is highlighted"
            if path
            else ""
        )
    )
    return finish(figure, title, told, height)


def _graph_traces(
    graph: Graph, path: Sequence[int], weights: Tensor | None = None
) -> list[go.Scatter]:
    where = positions(graph)
    steps = list(pairwise(path))
    xs, ys = _edge_lines(graph, where, graph.edges)
    faint, strong = "rgba(127,127,127,0.45)", STYLES["policy gradient"][0]
    hover, off = {"hoverinfo": "skip"}, {"showlegend": False}
    traces = []
    if weights is None:
        traces.append(go.Scatter(x=xs, y=ys, mode="lines", line={"color": faint}, **hover, **off))
        traces.append(go.Scatter(**_arrows(where, graph.edges, [faint] * len(graph.edges))))
    else:
        colours = [strong if weights[edge] > UNUSED else faint for edge in graph.edges]
        for edge, colour in zip(graph.edges, colours, strict=True):
            xs, ys = _edge_lines(graph, where, [edge])
            line = {"color": colour, "width": 1.2 + 6 * float(weights[edge])}
            traces.append(go.Scatter(x=xs, y=ys, mode="lines", line=line, **hover, **off))
        traces.append(go.Scatter(**_arrows(where, graph.edges, colours)))
    xs, ys = _edge_lines(graph, where, steps)
    line = {"color": strong, "width": 4}
    traces.append(go.Scatter(x=xs, y=ys, mode="lines", line=line, **hover, **off))
    traces.append(go.Scatter(**_arrows(where, steps, [strong] * len(steps))))
    names = [plain_text(label) for label in graph.labels]
    nodes = go.Scatter(
        x=where[:, 0].tolist(),
        y=where[:, 1].tolist(),
        mode="markers+text",
        text=names,
        textfont={"color": "white", "size": 13},
        marker={"size": 26, "color": "#4A6076", "opacity": 1},
        hovertext=[
            f"{name}: to " + (", ".join(names[k] for k in row.nonzero()) or "nowhere")
            for name, row in zip(names, graph.adjacency, strict=True)
        ],
        hoverinfo="text",
        **off,
    )
    return [*traces, nodes]  # on top, so that no edge hides a name

"""Where to draw a graph's nodes: in layers from left to right, with few crossings of edges.

A layer holds the nodes that are equally far from the start, by the longest path on a DAG and by the
shortest one on a graph with cycles. An edge that skips layers has a stand-in in each of them, so
that it finds room between the nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import torch

from planrl.errors import InputError, whole
from planrl.graphs import Graph

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

SWEEPS = 12  # over all layers, forwards and backwards in turn
GAPS = (1.0, 0.5, 0.15)  # between two nodes, a node and a stand-in, two stand-ins
Rows = list[list[int]]
"""The nodes of each layer and the stand-ins of edges in it, from top to bottom."""


def layered_positions(graph: Graph, start: int = 0) -> Float[Tensor, "N 2"]:
    """A position for each node: x in [0, 1] by layer, y in [0, 1] from the top.

    The nodes of a layer are ordered so that few edges cross. On a graph with cycles the layers
    count from the node `start`. The same graph always gets the same positions.
    """
    if not 0 <= whole(start, "start") < graph.n:
        raise InputError(f"start is a node of the graph, 0 .. {graph.n - 1}, not {start}")
    rows, links = _with_stand_ins(graph, _layers(graph, start))
    rows = _ordered(rows, links)
    heights = [_heights(row, graph.n) for row in rows]
    room = max(max(row[-1] for row in heights), 1.0)
    where = torch.zeros(graph.n, 2)
    for index, (row, height) in enumerate(zip(rows, heights, strict=True)):
        x = index / (len(rows) - 1) if rows[1:] else 0.5
        for node, y in zip(row, height, strict=True):
            if node < graph.n:
                where[node] = torch.tensor([x, 0.5 + (y - height[-1] / 2) / room])
    return where


def _heights(row: Sequence[int], n: int) -> list[float]:
    """Where the nodes of a row stand, from 0: 1 between two nodes, less beside stand-ins."""
    height = [0.0]
    for above, below in pairwise(row):
        height.append(height[-1] + GAPS[(above >= n) + (below >= n)])
    return height


def graph_data(graph: Graph, source: int, target: int) -> dict[str, Any]:
    """The graph with its layout as web/graph-view.js and `graph_svg` read it.

    Nodes (id, name, x, y), edges, source and target, as plain data. On a graph with cycles the
    layers count from the source.
    """
    where = layered_positions(graph, source).mul(1000).round().div(1000).tolist()
    nodes = [{"id": v, "name": graph.labels[v], "x": x, "y": y} for v, (x, y) in enumerate(where)]
    edges = [list(edge) for edge in graph.edges]
    return {"nodes": nodes, "edges": edges, "source": source, "target": target}


def _layers(graph: Graph, start: int) -> list[int]:
    """The layer of each node."""
    layer = torch.zeros(graph.n, dtype=torch.int64)
    if graph.order is not None:
        for node in graph.order.tolist():
            after = graph.adjacency[node]
            layer[after] = torch.maximum(layer[after], layer[node] + 1)
        return list(layer.tolist())
    distance, unseen = graph.distances(), torch.ones(graph.n, dtype=torch.bool)
    while True:  # from `start`, then from the first node that was not reached
        found = unseen & (distance[:, start] >= 0)
        layer[found] = distance[found, start]
        unseen &= ~found
        if not unseen.any():
            return list(layer.tolist())
        start = int(unseen.nonzero()[0])


def _with_stand_ins(graph: Graph, layer: Sequence[int]) -> tuple[Rows, list[list[int]]]:
    """The rows in the order of the nodes, and the neighbours of each node and stand-in."""
    rows: Rows = [[] for _ in range(max(layer) + 1)]
    links: list[list[int]] = [[] for _ in range(graph.n)]
    for node, index in enumerate(layer):
        rows[index].append(node)
    for edge in graph.edges:
        start, end = sorted(edge, key=lambda node: layer[node])
        chain = [start]
        for index in range(layer[start] + 1, layer[end]):
            chain.append(len(links))
            rows[index].append(len(links))
            links.append([])
        for one, other in pairwise([*chain, end]):
            links[one].append(other)
            links[other].append(one)
    return rows, links


def _ordered(rows: Rows, links: Sequence[Sequence[int]]) -> Rows:
    """The rows with the fewest crossings that sweeps found: by the mean rank of the neighbours."""
    best, least = rows, _crossed(rows, links)
    for sweep in range(SWEEPS):
        rows = [list(row) for row in rows]
        forwards = sweep % 2 == 0
        order = range(1, len(rows)) if forwards else range(len(rows) - 2, -1, -1)
        for index in order:
            fixed = rows[index - 1 if forwards else index + 1]
            rank = {node: position for position, node in enumerate(fixed)}
            rows[index] = _by_mean(rows[index], rank, links)
        found = _crossed(rows, links)
        if found < least:
            best, least = rows, found
    return best


def _by_mean(row: Sequence[int], rank: dict[int, int], links: Sequence[Sequence[int]]) -> list[int]:
    """A row ordered by the mean rank of its neighbours in `rank`; without any, a node stays."""
    size = max(len(rank) - 1, 1)
    key = {}
    for position, node in enumerate(row):
        near = [rank[other] / size for other in links[node] if other in rank]
        stays = position / max(len(row) - 1, 1)
        key[node] = sum(near) / len(near) if near else stays
    return sorted(row, key=lambda node: key[node])


def _crossed(rows: Rows, links: Sequence[Sequence[int]]) -> int:
    """The crossings between neighbouring rows."""
    count = 0
    for row, after in pairwise(rows):
        rank = {node: position for position, node in enumerate(after)}
        ends = [[rank[other] for other in links[node] if other in rank] for node in row]
        for above, below in combinations(ends, 2):
            count += sum(high > low for high in above for low in below)
    return count

"""The graphs that labs run on: four of ours, or a reader's own, made from a list of edges.

web/lab-state.js makes a graph of a list of edges that a reader writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from planrl.domains import Space, space
from planrl.domains.assistant import office
from planrl.errors import InputError, shown
from planrl.figures.layout import layered_positions
from planrl.graphs import Graph, random_dag, random_digraph, seeded
from planrl.labs.engine.models import NODES, TOKENS
from planrl.tasks import PROMPT

SHARE = 0.3  # of the pairs are training pairs
MOST_EDGES = 120  # of a reader's own graph


@dataclass(frozen=True)
class LabGraph:
    """A graph of at most NODES nodes, the pair that is shown, and pictures of its states."""

    graph: Graph
    pair: tuple[int, int]
    pictures: Sequence[Sequence[tuple[float, float, str]]] = ()

    def to_json(self) -> dict[str, Any]:
        """The graph as a page reads it."""
        page: dict[str, Any] = {
            "n": self.graph.n,
            "labels": list(self.graph.labels),
            "layers": _layers(self.graph, self.pair[0]),
            "edges": [list(edge) for edge in self.graph.edges],
            "question": list(self.pair),
        }
        if self.pictures:
            page["pictures"] = [[list(block) for block in state] for state in self.pictures]
        return page


def _layers(graph: Graph, source: int) -> list[list[float]]:
    """A position for each node, in layers from left to right that use the whole height."""
    where = layered_positions(graph, source)
    low, high = where[:, 1].min(), where[:, 1].max()
    if high > low:
        where[:, 1] = (where[:, 1] - low) / (high - low)
    found: list[list[float]] = where.mul(1000).round().div(1000).tolist()
    return found


def _longest_choice(graph: Graph) -> tuple[int, int]:
    """The pair with the most correct paths that a lab's rows can hold."""
    paths = graph.adjacency.float()
    total, step = paths.clone(), paths
    for _ in range(TOKENS - PROMPT - 2):
        step = step @ paths
        total += step
    total.fill_diagonal_(0)
    return divmod(int(total.argmax()), graph.n)


@cache
def lab_graphs() -> dict[str, LabGraph]:
    """The labs' graphs by name."""
    dag = random_dag(NODES, 0.45, seeded(0, "graph"))
    cyclic = random_digraph(NODES, 0.1, seeded(0, "graph"))
    blocks = space(3)
    tower, other = _towers(blocks)
    tools = office()
    return {
        "dag": LabGraph(dag, _longest_choice(dag)),
        "cyclic": LabGraph(cyclic, _farthest(cyclic)),
        "blocks": LabGraph(
            _short(blocks.graph),
            (tower, other),
            [_picture(blocks, v) for v in range(blocks.graph.n)],
        ),
        "tools": LabGraph(tools, (tools.index("list_inbox"), tools.index("send_mail"))),
    }


def _farthest(graph: Graph) -> tuple[int, int]:
    """A pair whose shortest path is as long as any, up to four edges."""
    distance = graph.distances().T.clone()  # [from, to]
    distance[distance > 4] = -1
    return divmod(int(distance.argmax()), graph.n)


def _short(graph: Graph) -> Graph:
    """The same graph with numbered states, because their names are too long for a picture."""
    return Graph(graph.n, graph.edges)


def _towers(blocks: Space) -> tuple[int, int]:
    """A tower, and the tower that is farthest from it."""
    towers = [v for v in range(blocks.graph.n) if int(blocks.graph.adjacency[v].sum()) == 1]
    distance = blocks.graph.distances()
    start = towers[0]
    return start, max(towers, key=lambda v: int(distance[v, start]))


def _picture(blocks: Space, node: int) -> list[tuple[float, float, str]]:
    """Each block of a state: the number of its stack, its height, and its name."""
    stacks = blocks.states[node].stacks
    return [(s, h, name) for s, stack in enumerate(stacks) for h, name in enumerate(stack)]


def own_graph(edges: Sequence[tuple[str, str]]) -> LabGraph:
    """A reader's graph; nodes are numbered in the order in which they first appear.

    The shown pair is the first node and the last node that is another one, if there is a path.
    """
    if len(edges) > MOST_EDGES:
        raise InputError(f"{len(edges)} edges were given: a lab takes at most {MOST_EDGES}")
    number: dict[str, int] = {}
    for edge in edges:
        for label in edge:
            number.setdefault(label, len(number))
    if len(number) > NODES:
        raise InputError(f"the graph has {len(number)} nodes: a lab takes at most {NODES}")
    if len(number) < 2:
        raise InputError("a graph to plan on needs at least one edge between two nodes")
    pairs = [(number[a], number[b]) for a, b in edges]
    last = next(b for pair in reversed(pairs) for b in reversed(pair) if b)
    return LabGraph(Graph(len(number), pairs, list(number)), (0, last))


def shown_pair(graph: Graph, names: Sequence[str]) -> tuple[int, int] | None:
    """The nodes of a link's pair, or None without names.

    Raises InputError for a name that no node has, and for a pair without a path.
    """
    if not names:
        return None
    for name in names:
        if name not in graph.labels:
            raise InputError(f"pair: no node is called {shown(name)}")
    source, target = (list(graph.labels).index(name) for name in names)
    if source == target or not graph.reachability[target, source]:
        raise InputError(f"pair: no path leads from {shown(names[0])} to {shown(names[1])}")
    return source, target

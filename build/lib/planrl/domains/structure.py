"""The structure of a graph, and what follows from it for values learnt from a process reward.

Without a discount the fixed point of Q-learning is f(i, j, k) = A[j, k] + R[i, k] - 1 (Theorem 5.2
of arXiv 2509.22613). It tells which steps can still lead to the target i. Whether that is enough to
arrive depends on the cycles of the graph: R[i, k] is the same for all nodes k of a strongly
connected component, so inside of one the values do not say which step comes nearer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from planrl.graphs import MOST_SQUARE, Graph, check_size

EXACT = "no cycles: the values A + R - 1 of Theorem 5.2 are exact, and their greedy paths arrive"
BLIND = (
    "strongly connected: the values A + R - 1 of Theorem 5.2 are A for every target, so they do "
    "not tell targets apart: a discount below 1 or soft Q-learning is needed"
)
BETWEEN = (
    "cycles, but not strongly connected: the values A + R - 1 of Theorem 5.2 tell components "
    "apart and are the same for all targets inside of one: take a discount below 1 or soft "
    "Q-learning"
)


@dataclass(frozen=True)
class Structure:
    """Exact facts about a graph.

    `components` counts strongly connected components, and `largest` the nodes of the largest one.
    `dead_ends` are nodes without a next node. `pairs` counts source-target pairs with a path, and
    `longest` is the largest distance of such a pair, in edges. `ruled_out` and `circling` are
    shares, from 0 to 1, of all (target, current, next) where the target can be reached from the
    current node, which is another one, and current -> next is an edge: of those after which the
    target cannot be reached any more (R = 0), and of those that stay in the current component.
    """

    graph: Graph
    components: int
    largest: int
    dead_ends: int
    pairs: int
    longest: int
    ruled_out: float
    circling: float

    @property
    def is_dag(self) -> bool:
        """Whether no directed cycle exists."""
        return self.largest == 1

    @property
    def reachable(self) -> float:
        """The share of source-target pairs that have a path."""
        return self.pairs / max(self.graph.n * (self.graph.n - 1), 1)

    def plain(self) -> dict[str, int | float | str]:
        """All of it as plain values."""
        rest = {name: value for name, value in vars(self).items() if name != "graph"}
        sizes = {"nodes": self.graph.n, "edges": len(self.graph.edges)}
        return {**sizes, **rest, "reachable": self.reachable, "theorem": self.theorem}

    @property
    def theorem(self) -> str:
        """What Theorem 5.2 says of values learnt on this graph: EXACT, BLIND or BETWEEN."""
        if self.is_dag:
            return EXACT
        return BLIND if self.components == 1 else BETWEEN


def structure(graph: Graph) -> Structure:
    """The structure of a graph of at most 10,000 nodes."""
    check_size(graph.n, MOST_SQUARE, "the structure of a graph")
    reach, longest = _reach(graph)
    count = [bits.bit_count() for bits in reach]  # of the targets from a node, itself among them
    sizes = Counter(reach)  # nodes that reach the same ones are one component
    steps = ruled_out = circling = 0
    for current, after in graph.edges:
        inside = reach[current] == reach[after]
        steps += count[current] - 1
        ruled_out += count[current] - count[after] - (not inside)
        circling += (count[current] - 1) * inside
    return Structure(
        graph=graph,
        components=len(sizes),
        largest=max(sizes.values()),
        dead_ends=graph.n - len({current for current, _ in graph.edges}),
        pairs=sum(count) - graph.n,
        longest=longest,
        ruled_out=ruled_out / max(steps, 1),
        circling=circling / max(steps, 1),
    )


def _reach(graph: Graph) -> tuple[list[int], int]:
    """Which nodes each node reaches, as bits, and the largest distance between two."""
    into: list[list[int]] = [[] for _ in range(graph.n)]
    for current, after in graph.edges:
        into[after].append(current)
    reach = [1 << v for v in range(graph.n)]
    fresh = dict(enumerate(reach))  # node -> what it has been found to reach in the last round
    rounds = 0
    while fresh:
        found: dict[int, int] = {}
        for after, bits in fresh.items():
            for current in into[after]:
                found[current] = found.get(current, 0) | bits
        fresh = {v: new for v, bits in found.items() if (new := bits & ~reach[v])}
        for v, bits in fresh.items():
            reach[v] |= bits
        rounds += bool(fresh)
    return reach, rounds

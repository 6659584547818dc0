"""Directed graphs, and exact facts about them.

A planning problem is a fixed directed graph. Two matrices describe it:

    adjacency     A[j, k] = 1  iff  there is an edge j -> k                        [N, N]
    reachability  R[i, k] = 1  iff  k can reach i; the target comes first          [N, N]

Every node reaches itself (R[i, i] = 1). C(i, j) = {k : A[j, k] = 1 and R[i, k] = 1} is the set of
correct next nodes when the target is i and the current node is j.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray

from planrl.errors import InputError, number, shown, sorted_pairs, whole

if TYPE_CHECKING:
    from jaxtyping import Bool, Int
    from torch import Tensor


MOST_NODES = 50_000  # of a graph: names and edges only
MOST_EDGES = 1_000_000  # of a graph that is read or drawn at random
MOST_SQUARE = 10_000  # nodes where each pair has a cell: adjacency, reachability
MOST_CUBE = 800  # nodes where each (target, current, next) has a cell: `correct`, LogitTable


def check_size(n: int, most: int, what: str) -> None:
    """Raise InputError where so many nodes would need more memory than usual machines have."""
    if n > most:
        raise InputError(
            f"{what} is for graphs of at most {most:,} nodes, this one has {n:,}: "
            "take a smaller graph"
        )


def seeded(seed: int, purpose: str) -> torch.Generator:
    """A random number generator for one purpose, so that no use of random numbers disturbs another.

    `purpose` is any text. Raises InputError for a seed beyond 64 bits and for other purposes.
    """
    if not isinstance(purpose, str):
        kind = type(purpose).__name__
        raise InputError(f'purpose is text, such as "weights"; something of type {kind} was given')
    text = f"{purpose}:{whole(seed, 'seed', least=-(2**63), most=2**63 - 1)}"
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


@dataclass(frozen=True)
class Graph:
    """A directed graph on the nodes 0 .. n - 1, without self-loops; edges count once.

    `edges` are pairs (from, to), or a tensor or array [E, 2] with a pair in each row. PyTorch
    Geometric's `edge_index` has shape [2, E]: give `edge_index.T`. Raises InputError for another
    shape; of shape [2, 2] the rows are the edges.

    >>> Graph(3, [(0, 1), (1, 2)]).reachability.int().tolist()  # [target, from]
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """

    n: int
    edges: tuple[tuple[int, int], ...]
    labels: tuple[str, ...]

    def __init__(
        self,
        n: int,
        edges: Iterable[Sequence[int]] | Tensor | NDArray[Any],
        labels: Sequence[str] = (),
    ) -> None:
        whole(n, "n", least=1, most=MOST_NODES)
        if isinstance(labels, str):
            raise InputError(f"labels is the text {shown(labels)}: expected a list of names")
        try:
            pairs = sorted_pairs(n, edges)
            names = tuple(str(label) for label in labels) or tuple(str(v) for v in range(n))
        except (TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"edges are pairs of whole numbers (from, to), labels a list of names: {error}"
            ) from None
        if len(names) != n:
            raise InputError(f"{len(names)} labels were given for {n} nodes: give one a node")
        if len(set(names)) != n:
            twice, _ = Counter(names).most_common(1)[0]
            raise InputError(f"two nodes share the label {shown(twice)}: labels must differ")
        for name, value in (("n", n), ("edges", tuple(pairs)), ("labels", names)):
            object.__setattr__(self, name, value)

    @cached_property
    def adjacency(self) -> Bool[Tensor, "N N"]:
        """A[j, k]: is there an edge j -> k?"""
        check_size(self.n, MOST_SQUARE, "the adjacency matrix")
        adjacency = torch.zeros(self.n, self.n, dtype=torch.bool)
        if self.edges:
            current, next_node = torch.tensor(self.edges).T
            adjacency[current, next_node] = True
        return adjacency

    @cached_property
    def legal(self) -> Bool[Tensor, "V V"]:
        """The adjacency with a row and a column more, for END: no edge leads from or to it."""
        legal = torch.zeros(self.n + 1, self.n + 1, dtype=torch.bool)
        legal[:-1, :-1] = self.adjacency
        return legal

    @cached_property
    def reachability(self) -> Bool[Tensor, "N N"]:
        """R[i, k]: can k reach i? Target first; every node reaches itself."""
        reach = self.adjacency.float()
        reach.fill_diagonal_(1.0)
        while True:  # each squaring doubles the length of the paths that are covered
            further = (reach @ reach).clamp_(max=1.0)
            if torch.equal(further, reach):
                return reach.T.bool().contiguous()
            reach = further

    @cached_property
    def correct(self) -> Bool[Tensor, "N N N"]:
        """C[i, j, k]: is k a correct next node at j on a path to i? A[j, k] and R[i, k]."""
        check_size(self.n, MOST_CUBE, "the table of correct next nodes")
        return self.adjacency[None] & self.reachability[:, None]

    @cached_property
    def order(self) -> Int[Tensor, " N"] | None:
        """A topological order of the nodes, or None if the graph has a directed cycle."""
        sizes = self.reachability.sum(0)
        return sizes.argsort(descending=True, stable=True) if self.is_dag else None

    @cached_property
    def is_dag(self) -> bool:
        """Whether no directed cycle exists."""
        return int((self.reachability & self.reachability.T).sum()) == self.n

    def distances(self) -> Int[Tensor, "N N"]:
        """D[i, k]: edges on a shortest path from k to i; -1 where there is none."""
        distance = torch.full((self.n, self.n), -1)  # [from, target]
        frontier = torch.eye(self.n, dtype=torch.bool)
        steps, adjacency = 0, self.adjacency.float().to_sparse()
        while frontier.any():
            distance[frontier] = steps
            frontier = (adjacency @ frontier.float()).bool() & (distance < 0)
            steps += 1
        return distance.T.contiguous()

    def count_paths(self) -> Int[Tensor, "N N"]:
        """P[i, k]: how many different paths lead from k to i, exactly; on a DAG only.

        Raises InputError on a graph with a cycle, and where a count passes 2**63 - 1.
        """
        if self.order is None:
            raise InputError(
                "count_paths needs a graph without directed cycles, and this one has one: "
                "count simple paths with networkx.all_simple_paths instead"
            )
        counts = torch.zeros(self.n, self.n, dtype=torch.int64)
        rough = torch.zeros(self.n, self.n, dtype=torch.float64)
        for k in self.order.flip(0).tolist():
            next_node = self.adjacency[k]
            counts[:, k] = counts[:, next_node].sum(1)
            rough[:, k] = rough[:, next_node].sum(1)
            counts[k, k] = rough[k, k] = 1
        if rough.max() >= 2.0**63:
            raise InputError(
                f"some pair of this graph has about {rough.max():.1e} paths, more than a 64-bit "
                "count holds: use a sparser or smaller graph"
            )
        return counts

    def index(self, label: str) -> int:
        """The node with this label."""
        if label not in self.labels:
            known = ", ".join(self.labels[:8]) + (", ..." if self.n > 8 else "")
            raise InputError(f"no node is called {shown(label)}; there are: {known[:200]}")
        return self.labels.index(label)

    def to_networkx(self) -> Any:
        """The same graph as a networkx.DiGraph on 0 .. n - 1, labels as node attribute `label`."""
        import networkx as nx

        graph = nx.DiGraph()
        graph.add_nodes_from((v, {"label": self.labels[v]}) for v in range(self.n))
        graph.add_edges_from(self.edges)
        return graph


def _drawn(n: int, p: float, rng: torch.Generator) -> Bool[Tensor, "N N"]:
    """Which of all pairs of nodes are drawn, each with probability p."""
    n, p = whole(n, "n", least=1, most=MOST_SQUARE), number(p, "p", least=0.0, most=1.0)
    return torch.rand(n, n, generator=rng) < p


def _of_matrix(there: Bool[Tensor, "N N"]) -> Graph:
    if (edges := int(there.count_nonzero())) > MOST_EDGES:
        raise InputError(
            f"these are {edges:,} edges, and a graph has at most {MOST_EDGES:,}: take "
            "fewer nodes or a smaller p"
        )
    return Graph(len(there), there.nonzero().tolist())


def random_dag(n: int, p: float, rng: torch.Generator) -> Graph:
    """An Erdos-Renyi DAG: each edge i -> j with i < j is there with probability p."""
    return _of_matrix(_drawn(n, p, rng).triu(1))


def random_digraph(n: int, p: float, rng: torch.Generator) -> Graph:
    """An Erdos-Renyi digraph: each edge i -> j with i != j is there with probability p."""
    return _of_matrix(_drawn(n, p, rng).fill_diagonal_(False))


def chain(n: int) -> Graph:
    """0 -> 1 -> ... -> n - 1: one path for every reachable pair."""
    return Graph(n, [(v, v + 1) for v in range(whole(n, "n", most=MOST_NODES) - 1)])


def fork(width: int = 2) -> Graph:
    """0 -> 1, 0 -> 2, ..., 0 -> width: only one branch is right for each target."""
    width = whole(width, "width", least=1, most=MOST_NODES - 1)
    return Graph(width + 1, [(0, v) for v in range(1, width + 1)])


def diamond(width: int = 2) -> Graph:
    """0 -> each of 1 .. width -> width + 1: `width` equally good paths for the outer pair."""
    middle = range(1, whole(width, "width", least=1, most=MOST_NODES - 2) + 1)
    return Graph(width + 2, [(0, v) for v in middle] + [(v, width + 1) for v in middle])


def layered(widths: Sequence[int], p: float, rng: torch.Generator) -> Graph:
    """Layers of the given widths; each edge from one to the next is there with probability p."""
    try:
        sizes = [whole(width, "width") for width in widths]
    except TypeError:
        raise InputError(f"widths is a list of sizes, such as [2, 3]; not {widths!r}") from None
    if not sizes or min(sizes) < 1:
        raise InputError(f"widths are the layers' sizes, each at least 1; {shown(sizes)} was given")
    check_size(sum(sizes), MOST_SQUARE, "layered")
    layer = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    return _of_matrix(_drawn(len(layer), p, rng) & (layer[None, :] == layer[:, None] + 1))

"""What exact policies reach on a graph: how often, and in how many steps, they arrive.

The policies are where learners go that learn all there is to learn: SFT on random paths (uniform
over the correct next nodes), Q-learning with process reward, and soft Q-learning. A policy is a
table [target, edge]: the probability of each edge of the graph where its current node is met; what
is missing to 1 are illegal steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError, number, whole
from planrl.graphs import Graph, check_size

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

MOST = 1_000  # nodes
STEPS = 30
"""Steps in which a path has to arrive, unless others are asked for."""


@dataclass(frozen=True)
class Arrivals:
    """Means over all source-target pairs that have a path.

    `share` is the probability to arrive in the allowed steps over edges alone, and `steps` the mean
    number of steps of the paths that do; nan if none does.
    """

    share: float
    steps: float


def _ends(graph: Graph) -> tuple[Tensor, Tensor]:
    """The current and the next node of each edge."""
    check_size(graph.n, MOST, "an exact policy")
    current, following = torch.tensor(graph.edges, dtype=torch.long).view(-1, 2).T
    return current, following


def _shared(graph: Graph, weights: Float[Tensor, "N E"]) -> Float[Tensor, "N E"]:
    """Weights of edges, divided by their sum at each current node; 0 where that is 0."""
    current, _ = _ends(graph)
    total = torch.zeros(graph.n, graph.n).index_add_(1, current, weights)
    return weights / total[:, current].clamp(min=1e-30)


def uniform_policy(graph: Graph) -> Float[Tensor, "N E"]:
    """Uniform over the correct next nodes, where SFT on random paths goes; 0 where none is."""
    _, following = _ends(graph)
    return _shared(graph, graph.reachability[:, following].float())


def discounted_optimum(graph: Graph, discount: float = 0.9) -> Float[Tensor, "N N N"]:
    """The values A[j, k] + discount^d(k, i) - 1 of Q-learning with process reward.

    As [target, current, next]; d(k, i) is the distance from k to the target, and the power is 0
    where there is no path. With a discount of 1 it is Theorem 5.2's A + R - 1. Our derivation: the
    best path from k earns 1 in its d-th step, and a jump straight to the target earns 1 - 1.
    """
    return graph.adjacency.float()[None] + _worth(graph, discount)[:, None] - 1.0


def _worth(graph: Graph, discount: float) -> Float[Tensor, "N N"]:
    """discount^d(k, i) as [target, from]; 0 without a path."""
    number(discount, "discount", least=0.0, most=1.0)
    check_size(graph.n, MOST, "exact values")
    distance = graph.distances()
    return torch.where(distance >= 0, float(discount) ** distance.clamp(min=0).float(), 0.0)


def greedy_policy(graph: Graph, discount: float) -> Float[Tensor, "N E"]:
    """The edge of the highest value `discounted_optimum`, the first one where several have it.

    Where the target can be reached, the best step is an edge, whose value is above 0.
    """
    current, following = _ends(graph)
    worth = _worth(graph, discount)[:, following]
    where = current.expand_as(worth)
    best = torch.zeros(graph.n, graph.n).scatter_reduce(1, where, worth, "amax")
    tied = (worth >= best[:, current] - 1e-6) & (worth > 0)
    before = tied.cumsum(1) - tied.int()  # edges are sorted by their current node
    start = torch.full((graph.n, graph.n), len(current))
    first = start.scatter_reduce(1, where, before, "amin")
    return (tied & (before == first[:, current])).float()


def sampled_policy(graph: Graph, discount: float, scale: float = 10.0) -> Float[Tensor, "N E"]:
    """softmax(scale * `discounted_optimum`) over all nodes: Q-learning's, at temperature 1."""
    current, following = _ends(graph)
    worth = _worth(graph, discount)
    legal = (number(scale, "scale", least=0.0) * worth[:, following]).exp()
    total = (scale * (worth - 1)).exp().sum(1, keepdim=True).expand(-1, graph.n).clone()
    total.index_add_(1, current, legal * (1 - torch.exp(torch.tensor(-float(scale)))))
    return legal / total[:, current]


def soft_policy(graph: Graph, weight: float = 0.1) -> Float[Tensor, "N E"]:
    """The exact policy of soft Q-learning where each step costs log(1 / weight) temperatures.

    q(k | j, i) = weight Z_i(k) / Z_i(j) along edges, where Z_i(j) sums weight^steps over all paths
    from j to the target i. Raises InputError where these sums are infinite: the weight times the
    largest eigenvalue of A must be below 1. Source: linearly solvable decision processes.
    """
    _, following = _ends(graph)
    number(weight, "weight", least=1e-6)
    adjacency = graph.adjacency.double()
    largest = float(torch.linalg.eigvals(adjacency).abs().max())
    if weight * largest >= 1:
        raise InputError(
            f"weight={weight:g} was given: on this graph it must be below {1 / largest:.3g}"
        )
    paths = torch.linalg.inv(torch.eye(graph.n, dtype=torch.float64) - weight * adjacency)
    total = (paths / paths.diagonal()).T.clamp(min=0.0)  # [target, from], up to the first arrival
    total = torch.where(graph.reachability, total, 0.0)
    return _shared(graph, (total / total.amax(1, keepdim=True))[:, following].float())


def arrivals(graph: Graph, policy: Float[Tensor, "N E"], steps: int = STEPS) -> Arrivals:
    """How often a policy arrives in at most so many steps, exactly."""
    whole(steps, "steps", least=1)
    current, following = _ends(graph)
    n = graph.n
    target = torch.arange(n)
    going = policy * (current[None] != target[:, None])  # a path ends at the target
    now = torch.eye(n)  # [target, from]: the probability to be at the target after so many steps
    asked = graph.reachability & ~torch.eye(n, dtype=torch.bool)
    share, length = torch.zeros(n, n), torch.zeros(n, n)
    for step in range(1, steps + 1):
        now = torch.zeros(n, n).index_add_(1, current, going * now[:, following])
        share += now
        length += step * now
    arrived = float(share[asked].sum())
    return Arrivals(
        arrived / max(int(asked.sum()), 1),
        float(length[asked].sum()) / arrived if arrived else float("nan"),
    )

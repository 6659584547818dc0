"""Soft values: what soft Q-learning, path consistency and trajectory balance lead to, exactly.

A step from j to k costs `cost`, and `penalty` more if it is no edge. With W[j, k] = exp(-(cost +
penalty * 1[no edge]) / temperature) let Z_i(k) be the sum, over all paths from k to the target i,
of the product of their W. Then

    Z_i = (I - W_i)^-1 e_i,  W_i = W with row i set to 0        (i absorbs)
    q(k | j, i) = W[j, k] Z_i(k) / Z_i(j)                       the optimal soft policy
    f*(i, j)[k] = log W[j, k] + log Z_i(k)                      its logits, and temperature * f* = Q

so a path has a probability proportional to exp(-(its cost) / temperature). The sums exist if and
only if the spectral radius of each W_i, on the nodes that reach i, is below 1: on a graph with
cycles a step must cost enough. f* is a term of (j, k) plus a term of (i, k), so the linear
Transformer holds it exactly, as Theorem 5.3 says of A + R - 1.

Sources: linearly solvable Markov decision problems (Todorov 2007); randomised shortest paths.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError, number
from planrl.graphs import Graph, check_size
from planrl.models import LinearTransformer
from planrl.objectives.path_measures import MOST_TARGETS, check_dag
from planrl.tasks import Vocab

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@dataclass(frozen=True)
class SoftOptimum:
    """The soft policy of every target; temperature * log_z are its values without the reward.

    `log_w[j, k]` is log W, -inf where a step is not allowed; `log_z[i, k]` is log Z_i(k), 0 at the
    target and -inf where no path leads to it.
    """

    log_w: Float[Tensor, "N N"]
    log_z: Float[Tensor, "N N"]
    temperature: float

    @property
    def logits(self) -> Float[Tensor, "N N N"]:
        """f*, [target, current, next]; nan where the current node is the target or can't reach it.

        A reward R at the target adds R / temperature to all of them, which changes no probability.
        """
        found = self.log_w[None] + self.log_z[:, None]
        nowhere = (self.log_z == -torch.inf) | torch.eye(len(found), dtype=torch.bool)
        return found.masked_fill(nowhere[..., None], torch.nan)

    @property
    def policy(self) -> Float[Tensor, "N N N"]:
        """q, probabilities [target, current, next]; nan as in `logits`."""
        return self.logits.softmax(-1)

    def in_linear_transformer(self, reward: float = 0.0) -> LinearTransformer:
        """The weights that hold f* exactly: W^M = log W, W^V = log Z + reward / temperature.

        What is impossible has a logit of -inf. END has 0: sample with Sampler(may_stop=False).
        """
        n = len(self.log_w)
        model = LinearTransformer(Vocab(n)).double()
        with torch.no_grad():
            model.current[:, :n] = self.log_w
            model.target[:, :n] = self.log_z + reward / self.temperature
        return model


def soft_optimum(
    graph: Graph, *, temperature: float = 1.0, cost: float = 1.0, penalty: float = math.inf
) -> SoftOptimum:
    """The optimal soft policy of every target, from one linear system for each.

    Costs and `temperature` are in units of the reward. With an infinite `penalty` only edges are
    taken; with a finite one, as sampled rewards have it, an illegal step keeps a probability.
    Raises InputError where the sums over paths have no end, and tells the spectral radius.
    """
    check_size(graph.n, MOST_TARGETS, "soft_optimum")
    number(temperature, "temperature", least=1e-9)
    number(cost, "cost")
    if math.isnan(penalty) or penalty < 0:
        raise InputError(f"penalty={penalty} was given: expected a number of at least 0, or inf")
    log_w = torch.full((graph.n, graph.n), -cost / temperature, dtype=torch.float64)
    log_w = torch.where(graph.adjacency, log_w, log_w - penalty / temperature)
    able = graph.reachability if math.isinf(penalty) else torch.ones_like(graph.reachability)
    log_z = [_log_z(log_w.exp(), target, able[target], graph) for target in range(graph.n)]
    return SoftOptimum(log_w, torch.stack(log_z), temperature)


def _log_z(w: Tensor, target: int, able: Tensor, graph: Graph) -> Tensor:
    """log Z_i of one target.

    I - W_i has an inverse without negative entries, the sum of the powers of W_i, if and only if
    it takes some positive vector to 1, 1, ...: a second right-hand side tells.
    """
    inner = w * able * able[:, None]
    inner[target] = 0.0
    right = torch.ones(len(w), 2, dtype=torch.float64)
    right[:, 0] = 0.0
    right[target, 0] = 1.0
    system = torch.eye(len(w), dtype=torch.float64) - inner
    solved, singular = torch.linalg.solve_ex(system, right)
    z, positive = solved.T
    if int(singular) or not (positive > 0).all() or not positive.isfinite().all():
        radius = float(torch.linalg.eigvals(inner).abs().max())
        raise InputError(
            f"the sum over paths to {graph.labels[target]} has no end: the spectral radius of "
            f"exp(-cost / temperature) on steps towards it is {radius:.4g}, and it must be below "
            "1. Take a larger cost or a lower temperature, and a penalty that is not too small"
        )
    if (z[able] <= 0).any():
        raise InputError(
            "a path's weight exp(-cost / temperature) is too small for a 64-bit number: take a "
            "smaller cost or a higher temperature"
        )
    return torch.where(able, z, 0.0).log()


def uniform_over_paths(graph: Graph) -> Float[Tensor, "N N N"]:
    """On a DAG: every correct path of a pair equally likely, as policies [target, current, next].

    q(k | j, i) = P_i(k) / P_i(j), with P_i the number of paths to i: `soft_optimum` with cost 0.
    Its path entropy, the log of the number of paths, is the largest there is. nan without a path.
    """
    check_dag(graph, "uniform_over_paths")
    check_size(graph.n, MOST_TARGETS, "uniform_over_paths")
    counts = graph.count_paths().double()
    counted = graph.adjacency.double()[None] * counts[:, None]
    counted.diagonal(dim1=0, dim2=1).zero_()
    return counted / counted.sum(-1, keepdim=True)

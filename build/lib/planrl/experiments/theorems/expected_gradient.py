"""Policy gradient with a KL penalty in expectation: every path is counted by its probability.

For one question (source, target) and a table of policies q[current, next]: how often each node is
visited, how likely a choice there leads to a correct path, and where gradient steps then go.
Theorem 4.4 speaks of where they stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError
from planrl.graphs import Graph

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@dataclass(frozen=True)
class Pair:
    """A source, a target and how many tokens may be chosen."""

    graph: Graph
    source: int
    target: int
    choices: int = 16


def success(
    pair: Pair, policy: Float[Tensor, "N V"]
) -> tuple[Float[Tensor, " N"], Float[Tensor, "N V"], float]:
    """Visits of each node, p[current, next], and the probability that a path is correct.

    p is the probability that a path is correct given that it chooses next at current. A path that
    has made an illegal step goes on, and can't be correct any more: its visits count in p. END
    before the target is wrong. p is nan where no path comes by.
    """
    graph, n, target = pair.graph, pair.graph.n, pair.target
    adjacency = graph.adjacency.double()
    step = policy[:, :n].double()
    legal, illegal = step * adjacency, step * (1 - adjacency)
    legal[target] = illegal[target] = 0.0  # a path ends there
    ahead = [torch.zeros(n, dtype=torch.float64)]  # chance to be right, with so many choices left
    ahead[0][target] = 1.0
    for _ in range(pair.choices):
        next_node = legal @ ahead[-1]
        next_node[target] = 1.0
        ahead.append(next_node)
    clean, tainted = torch.zeros(2, n, dtype=torch.float64)
    clean[pair.source] = 1.0
    visits, right = torch.zeros(n, dtype=torch.float64), torch.zeros(n, n, dtype=torch.float64)
    for left in range(pair.choices, 0, -1):
        current = clean.clone()
        current[target] = 0.0
        visits += current + tainted.masked_fill(torch.arange(n) == target, 0.0)
        right += current[:, None] * adjacency * ahead[left - 1]
        clean, tainted = clean @ legal, tainted @ (legal + illegal) + clean @ illegal
    probability = torch.zeros(n, n + 1, dtype=torch.float64)
    probability[:, :n] = right
    return visits, probability / visits[:, None], float(ahead[-1][pair.source])


def settle(
    pair: Pair,
    start: Float[Tensor, "N V"],
    base: Float[Tensor, "N V"],
    *,
    kl: float,
    lr: float = 0.5,
    steps: int = 2_000,
) -> Float[Tensor, "N V"]:
    """The policy that expected *natural* gradient steps from `start` end at, drawn to `base`.

    What `start` never chooses is never chosen. Raises InputError where `start` may choose what
    `base` never does: the penalty is infinite.

    The plain gradient at a node is visits * sum_k q_k (p_k - lambda log(q_k / base_k)) (e_k - q).
    It stops where the natural one, p - lambda log(q / base), is the same for all k; the plain one
    takes exp(1 / lambda) times as many steps to get there, since it hardly moves what q has left.
    """
    logits, anchor = start.double().log(), base.double().log()
    able = logits > -torch.inf
    if (able & (anchor == -torch.inf)).any():
        raise InputError(
            "start may choose what base never does, at an infinite penalty: let base "
            "choose it too, or start not"
        )
    for _ in range(steps):
        policy = logits.softmax(-1)
        probability = success(pair, policy)[1].nan_to_num(0.0)
        update = probability - kl * torch.where(able, logits.log_softmax(-1) - anchor, 0.0)
        update = torch.where(able, update - (policy * update).sum(-1, keepdim=True), 0.0)
        logits = logits + lr * update
        if float(update.abs().max()) < 1e-9:
            break
    return logits.softmax(-1)


def predicted(
    probability: Float[Tensor, "N V"], base: Float[Tensor, "N V"], kl: float
) -> Float[Tensor, "N V"]:
    """Theorem 4.4: q proportional to base * exp(p / lambda)."""
    return (base.double().log() + probability / kl).softmax(-1)

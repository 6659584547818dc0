"""What ALPINE measures: what paths show of a graph, which pairs are hard, what weights hold.

ALPINE (arXiv 2405.09220) is the paper on supervised fine-tuning that this one builds on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from planrl.evaluate import auc
from planrl.graphs import Graph
from planrl.models import PathModel, check_device
from planrl.tasks import PROMPT, Task, Vocab

if TYPE_CHECKING:
    from jaxtyping import Bool, Int
    from torch import Tensor


@dataclass(frozen=True)
class Observed:
    """What a set of paths shows of the graph (ALPINE's A^obs and R^obs)."""

    adjacency: Bool[Tensor, "N N"]
    reachability: Bool[Tensor, "N N"]


def observed(vocab: Vocab, tokens: Int[Tensor, "B L"]) -> Observed:
    """A^obs[j, k]: some path steps j -> k. R^obs[i, k]: some path to i visits k later."""
    vocab.check(tokens)
    n = vocab.n_nodes
    adjacency, reachability = torch.zeros(2, n + 1, n + 1, dtype=torch.bool)
    adjacency[tokens[:, PROMPT - 1 : -1], tokens[:, PROMPT:]] = True
    reachability[tokens[:, 1:2].expand_as(tokens[:, PROMPT:]), tokens[:, PROMPT:]] = True
    return Observed(adjacency[:n, :n].clone(), reachability[:n, :n].clone())


def degrees(task: Task, seen: Observed) -> Int[Tensor, " M"]:
    """ALPINE's degree of each pair (s, t): how many edges lie between s and a node seen for t.

    0 if s itself was seen on a path to t, 1 if a next node of s was, 2 if a next node of one of
    those was, and 3 for every pair beyond.
    """
    adjacency = task.graph.adjacency.float()
    near = seen.reachability  # [N target, N]
    degree = torch.full_like(near, 3, dtype=torch.int64)
    for d in range(3):
        degree[near & (degree == 3)] = d
        near = (near.float() @ adjacency.T).bool()
    source, target = task.pairs.T
    return degree[target, source]


@dataclass(frozen=True)
class Recovery:
    """How well the weights' read-outs separate true from false entries of A and R.

    `gap` is the mean read-out over true entries minus that over false ones (ALPINE's weight gap).
    Both are nan where all entries are true or all are false: everything reaches everything, say.
    """

    adjacency_auc: float
    adjacency_gap: float
    reachability_auc: float
    reachability_gap: float


def recovery(model: PathModel, graph: Graph) -> Recovery:
    """Compare W^M' with the adjacency and W^V' with the reachability, the diagonal left out."""
    check_device(model)
    readout = model.readout()
    off = ~torch.eye(graph.n, dtype=torch.bool)

    def compare(score: Tensor, truth: Tensor) -> tuple[float, float]:
        score, truth = score[off], truth[off]
        if truth.all() or not truth.any():
            return torch.nan, torch.nan
        return auc(score, truth), float(score[truth].mean() - score[~truth].mean())

    return Recovery(
        *compare(readout.adjacency, graph.adjacency),
        *compare(readout.reachability, graph.reachability),
    )

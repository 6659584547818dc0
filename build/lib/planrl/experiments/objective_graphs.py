"""Which objective? Two parts on graphs of their own: path lengths, and fixed points on a DAG."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from planrl.graphs import Graph, random_dag, seeded
from planrl.models import LogitTable
from planrl.objectives import Objective, advantages, dr_grpo, grpo
from planrl.objectives.fixed_points import on_graph
from planrl.objectives.penalties import Kl
from planrl.streams import on_policy
from planrl.tasks import Task
from planrl.train import TrainConfig, train

if TYPE_CHECKING:
    from torch import Tensor

Numbers = dict[str, float]
KL_WEIGHT = 0.3
SAMPLES = 256  # paths of one pair in a batch, all of them one group
PLACED = {
    "k1_token": ("k1", "token", False),
    "k2_loss": ("k2", "loss", False),
    "k3_corrected": ("k3", "loss", True),
    "k1_path": ("k1", "path", False),
    "k3_loss": ("k3", "loss", False),
    "k1_loss": ("k1", "loss", False),
    "k3_token": ("k3", "token", False),
    "k2_token": ("k2", "token", False),
}


LONG = Graph(8, [(0, 1), (0, 2), (0, 3), (1, 7), (3, 4), (4, 5), (5, 6)])
"""From 0 a correct path of two steps to 7, a wrong one of one step and END, one of four and END."""


def lengths(seed: int, steps: int) -> Numbers:
    """The share of the long wrong path among wrong ones at accuracy 0.9, from 0.5 at the start."""
    task, found = Task(LONG, torch.tensor([[0, 7]])), {}
    base = torch.tensor([0.2, 0.4, 0.4])
    for name, loss in (("path", grpo), ("constant", dr_grpo)):
        shares = []
        for copy in range(8):
            model = LogitTable(task.vocab)
            with torch.no_grad():
                model.table[7] = -torch.inf
                model.table[7, 0, 1:4] = base.log()
                for node, only in ((1, 7), (2, 8), (3, 4), (4, 5), (5, 6), (6, 8), (7, 8)):
                    model.table[7, node, only] = 0.0
            rng = seeded(seed * 8 + copy, "walks")
            drawn = on_policy(model, task, rng=rng, size=64, group=64)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
            config = TrainConfig(steps=4 * steps, clip=None)
            for _ in train(model, drawn, loss, config, optimizer=optimizer):
                policy = model.table.detach()[7, 0, 1:4].softmax(-1)
                if policy[0] >= 0.9:
                    break
            shares.append(float(policy[2] / policy[1:].sum()))
        found[f"long_{name}"] = sum(shares) / len(shares)
    return found


def on_a_dag(seed: int, steps: int) -> Numbers:
    """On a random DAG of ten nodes: distance to the predicted policy, mean over visits.

    The distance at a node is the total variation; `_moved` is that of the base, for comparison.
    """
    graph = random_dag(10, 0.5, seeded(seed, "graph"))
    paths = graph.count_paths()
    target, source = divmod(int((paths * (paths < 40)).argmax()), graph.n)
    task = Task(graph, torch.tensor([[source, target]]))
    able = torch.cat([graph.adjacency, torch.ones(graph.n, 1, dtype=torch.bool)], 1)
    draw = torch.randn(able.shape, generator=seeded(seed, "base"), dtype=torch.float64)
    base = draw.masked_fill(~able, -torch.inf).softmax(-1)
    found: Numbers = {"paths": float(paths[target, source])}
    for name in ("k2_loss", "k3_loss", "k1_path"):
        estimator, placement, _ = PLACED[name]
        kl = Kl(weight=KL_WEIGHT, estimator=estimator, placement=placement)
        objective = Objective(advantage=advantages.leave_one_out, kl=kl)
        told = on_graph(objective, graph, target, base)
        model, frozen = LogitTable(task.vocab), LogitTable(task.vocab)
        with torch.no_grad():
            for table in (model.table, frozen.table):
                table[target] = base.log().float()
                table[target, target] = -torch.inf
                table[target, target, -1] = 0.0
        rng = seeded(seed, "walks")
        drawn = on_policy(model, task, rng=rng, size=SAMPLES, group=SAMPLES)
        for lr in (1.0, 0.2):
            optimizer = torch.optim.SGD(model.parameters(), lr=lr)
            config = TrainConfig(steps=steps, clip=None, refresh=0)
            for _ in train(model, drawn, objective, config, optimizer=optimizer, frozen=frozen):
                pass
        policy = model.table.detach()[target].double().softmax(-1)
        visits = _visits(graph, source, target, told)
        for which, one in (("gap", policy), ("moved", base)):
            off = (one - told).abs().sum(-1).nan_to_num(0.0) / 2
            found[f"{name}_{which}"] = float((visits * off).sum() / visits.sum())
    return found


def _visits(graph: Graph, source: int, target: int, policy: Tensor) -> Tensor:
    """How often each node is visited under a policy of edges, the target left out."""
    visits = torch.zeros(graph.n, dtype=torch.float64)
    visits[source] = 1.0
    for _ in range(graph.n):
        ahead = visits @ policy.nan_to_num(0.0)[:, : graph.n]
        ahead[source] = 1.0
        visits = ahead
    visits[target] = 0.0
    return visits

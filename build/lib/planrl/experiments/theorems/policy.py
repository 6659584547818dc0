"""Theorems 3.1 and 4.1 to 4.4 as numbers: imitation, and policy gradient without and with KL.

Each part takes a task, a seed, a number of updates and a number of blocks.
"""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import TYPE_CHECKING

import torch

from planrl.evaluate import evaluate
from planrl.experiments.theorems.expected_gradient import Pair, predicted, settle, success
from planrl.graphs import Graph, chain, diamond, seeded
from planrl.losses import policy_gradient, sft
from planrl.models import LogitTable, PathModel
from planrl.objectives.theory import collapse_times, kl_drift, kl_to_uniform, sft_optimum
from planrl.sampling import rollout
from planrl.streams import demonstrations, on_policy, sample_paths
from planrl.tasks import PROMPT, Batch, Task, all_pairs, is_path
from planrl.train import TrainConfig, train
from planrl.transformer import Transformer, TransformerConfig

if TYPE_CHECKING:
    from torch import Tensor

Numbers = dict[str, float]


def imitated(task: Task, seed: int, steps: int) -> tuple[LogitTable, Tensor]:
    """A table after SFT on four paths for each question, and these paths."""
    paths = sample_paths(task, 4, seeded(seed, "paths"))
    model = LogitTable(task.vocab)
    shown = demonstrations(task, paths, rng=seeded(seed, "shown"), size=None)
    for _ in train(model, shown, sft, TrainConfig(steps=max(steps // 3, 200), lr=0.1)):
        pass
    return model, paths


def stable_point(task: Task, seed: int, steps: int, blocks: int) -> Numbers:
    """Theorem 3.1: the largest gap between softmax and demonstrated frequency."""
    model, paths = imitated(task, seed, steps)
    told = sft_optimum(task, paths)
    gap = (model.table.detach().softmax(-1) - told)[~told.isnan()].abs()
    return {"largest_gap": float(gap.max()), "cells": float((~told.isnan()).any(-1).sum())}


def identity(task: Task, seed: int, steps: int, blocks: int) -> Numbers:
    """Theorem 4.1: policy gradient's loss and gradient are SFT's on the batch's correct paths.

    The largest relative gap, on a table and on a Transformer, in double precision.
    """
    table, _ = imitated(task, seed, steps)
    config = TransformerConfig(width=24, heads=2)
    made: dict[str, PathModel] = {
        "table": table.double(),
        "transformer": Transformer(task.vocab, config, seeded(seed, "weights")).double(),
    }
    paths = rollout(table, task.pairs, rng=seeded(seed, "walks"))
    right = is_path(task.graph, paths)
    batch, wins = task.batch(paths), task.batch(paths[right])
    share = float(wins.chosen.sum()) / len(paths)  # sft is a mean over choices, ours over paths
    found: Numbers = {"correct_paths": float(right.float().mean())}
    for name, model in made.items():
        reward = policy_gradient(model(paths[:, :-1]), _double(batch))
        copied = share * sft(model(paths[right][:, :-1]), wins)
        gradients = [
            torch.autograd.grad(loss, list(model.parameters())) for loss in (reward, copied)
        ]
        size = max(float(g.abs().max()) for g in gradients[1])
        gap = max(float((a - b).abs().max()) for a, b in zip(*gradients, strict=True))
        found[f"loss_{name}"] = abs(reward.item() / copied.item() - 1)
        found[f"gradient_{name}"] = gap / size
    return found


def _double(batch: Batch) -> Batch:
    return Batch(batch.chosen, batch.reward.double(), batch.tokens)


class _WrongLogits:
    """A policy-gradient loss that counts what each batch does to the logits of wrong choices."""

    def __init__(self, task: Task, model: LogitTable) -> None:
        n = task.graph.n
        self.task, self.model = task, model
        self.wrong = torch.cat([~task.graph.correct, torch.ones(n, n, 1, dtype=torch.bool)], 2)
        self.wrong[torch.eye(n, dtype=torch.bool)] = False  # at the target only END is asked for
        self.least, self.pushed, self.all = 0.0, 0, 0

    def __call__(self, logits: Tensor, batch: Batch) -> Tensor:
        """The loss of the batch."""
        copy = LogitTable(self.task.vocab)
        copy.table = torch.nn.Parameter(self.model.table.detach().clone().requires_grad_())
        policy_gradient(copy(batch.tokens[:, :-1]), batch).backward()
        gradient = copy.table.grad
        assert gradient is not None
        self.least = min(self.least, float(gradient[self.wrong].min()))
        some = self.wrong & self._visited(batch)[..., None]
        self.pushed += int((gradient[some] > 0).sum())
        self.all += int(some.sum())
        return policy_gradient(logits, batch)

    def _visited(self, batch: Batch) -> Tensor:
        """Which contexts [target, current] the correct paths of a batch visit."""
        n = self.task.graph.n
        right = batch.tokens[is_path(self.task.graph, batch.tokens)]
        target = right[:, 1:2].expand(-1, right.shape[1] - PROMPT)
        visited = torch.zeros(n, n, dtype=torch.bool)
        current = right[:, PROMPT - 1 : -1]
        live = current != self.task.vocab.end
        visited[target[live], current[live]] = True
        return visited


def wrong_actions(task: Task, seed: int, steps: int, blocks: int) -> Numbers:
    """Theorem 4.2: no gradient lifts a wrong choice, and training accuracy goes to 1.

    `least_gradient` is the smallest derivative of the loss by a wrong choice's logit, over all
    batches. `pushed_down` is the share of positive ones among the wrong logits of the contexts that
    a correct path visited.
    """
    model, _ = imitated(task, seed, steps)
    paths = on_policy(model, task, rng=seeded(seed, "walks"), size=256)
    watched = _WrongLogits(task, model)
    for loss, updates in ((watched, 20), (policy_gradient, steps)):
        for _ in train(model, paths, loss, TrainConfig(steps=updates, lr=0.1)):
            pass
    scores = evaluate(model, task, rng=seeded(seed, "look"), samples=100)
    return {
        "least_gradient": watched.least,
        "pushed_down": watched.pushed / max(watched.all, 1),
        "train_accuracy": float(scores.accuracy.mean()),
        "distinct": float(scores.diversity.mean()),
    }


def _all_right(seed: int, choices: int) -> tuple[Graph, LogitTable, Tensor]:
    """A diamond whose table chooses among right nodes only, with random chances."""
    graph = diamond(choices)
    model = LogitTable(all_pairs(graph).vocab).double()
    target = choices + 1
    free = torch.randn(choices, generator=seeded(seed, "policy"), dtype=torch.float64)
    with torch.no_grad():
        model.table.fill_(-1e3)
        model.table[target, 0, 1:target] = free
        model.table[target, 1:target, target] = 1e3
        model.table[target, target, -1] = 1e3  # END
    return graph, model, free.softmax(0)


def collapse(task: Task, seed: int, steps: int, blocks: int) -> Numbers:
    """Theorem 4.3: what one update does to KL(U_C || q) in expectation, every outcome counted.

    On a diamond of five right choices, with the library's loss and plain gradient descent.
    """
    choices, lr = 5, 0.05
    drifts, ratios = [], []
    for draw in range(20):
        graph, model, policy = _all_right(seed * 100 + draw, choices)
        start = model.table.detach().clone()
        target = choices + 1

        def kl(graph: Graph = graph, model: LogitTable = model, target: int = target) -> float:
            return float(kl_to_uniform(graph, model.table.detach())[target, 0])

        before, after = kl(), 0.0
        for k in range(choices):
            path = torch.tensor([[0, target, 0, k + 1, target, target + 1]])
            _one_step(graph, model, path, lr)
            after += float(policy[k]) * kl()
            with torch.no_grad():
                model.table.copy_(start)
        drifts.append(after - before)
        ratios.append((after - before) / kl_drift(policy, lr))
    times = {b: collapse_times(choices, lr=1.0, batch=b, rng=seeded(seed, "t")) for b in (1, 8)}
    slow = collapse_times(choices, lr=0.5, rng=seeded(seed, "slow"))
    return {
        "least_drift": min(drifts),
        "drift_ratio": sum(ratios) / len(ratios),
        "drift_with_baseline": _moved_with_baseline(seed, choices),
        "updates_to_collapse": float(times[1].median()),
        "times_lr_squared": float(slow.median()) * 0.25,
        "batch_of_8_takes": float(times[8].median() / times[1].median()),
    }


def _one_step(graph: Graph, model: LogitTable, paths: Tensor, lr: float) -> None:
    batch = _double(all_pairs(graph).batch(paths))
    loss = policy_gradient(model(paths[:, :-1]), batch)
    (gradient,) = torch.autograd.grad(loss, [model.table])
    with torch.no_grad():
        model.table.sub_(lr * gradient)


def _moved_with_baseline(seed: int, choices: int) -> float:
    """The largest change of a logit in one update with a baseline, all paths being correct."""
    graph, model, _ = _all_right(seed, choices)
    paths = rollout(model, torch.tensor([[0, choices + 1]] * 64), rng=seeded(seed, "baseline"))
    batch = _double(all_pairs(graph).batch(paths))
    loss = policy_gradient(model(paths[:, :-1]), batch, baseline=True)
    (gradient,) = torch.autograd.grad(loss, [model.table])
    return float(gradient.abs().max())


def kl_point(task: Task, seed: int, steps: int, blocks: int) -> Numbers:
    """Theorem 4.4: where policy gradient with a KL penalty stops, and its two branches.

    `formula_gap` is the largest gap to q_base exp(p / lambda) where expected steps stop, for
    lambda 0.1, 0.3 and 1; `loss_gradient` the library's expected gradient there, all paths
    enumerated. The branches: a chain of four decisions, each 0.01 likely in the base, lambda 0.1,
    from the base and from a policy that is right 0.99 times of 100.
    """
    pairs = task.pairs[torch.randperm(len(task.pairs), generator=seeded(seed, "pair"))]
    source, target = pairs[0].tolist()
    pair = Pair(task.graph, source, target)
    n = task.graph.n
    base = torch.rand(n, n + 1, generator=seeded(seed, "base"), dtype=torch.float64) + 0.05
    base = base / base.sum(-1, keepdim=True)
    gaps = []
    for kl in (0.1, 0.3, 1.0):
        policy = settle(pair, base, base, kl=kl)
        visits, probability, _ = success(pair, policy)
        told = predicted(probability.nan_to_num(0.0), base, kl)
        gaps.append(float((policy - told)[visits > 1e-9].abs().max()))
    line = Pair(chain(5), 0, 4)
    ends = {}
    for name, good in (("stuck", 0.01), ("solved", 0.99)):
        policy = settle(line, _forward(line.graph, good), _forward(line.graph, 0.01), kl=0.1)
        ends[f"{name}_step"] = float(policy.diagonal(1)[:4].min())
        ends[f"{name}_accuracy"] = success(line, policy)[2]
    return {"formula_gap": max(gaps), "loss_gradient": _expected_gradient(seed), **ends}


def _forward(graph: Graph, probability: float) -> Tensor:
    """A policy that takes a chain's next node with this chance, any other token with the rest."""
    policy = torch.full((graph.n, graph.n + 1), (1 - probability) / graph.n, dtype=torch.float64)
    for node in range(graph.n - 1):
        policy[node, node + 1] = probability
    return policy


def _expected_gradient(seed: int, kl: float = 0.3) -> float:
    """The library's gradient at the formula's point, over every path of at most 3 choices."""
    graph, target, choices = diamond(2), 3, 3
    task = all_pairs(graph)
    base = torch.rand(4, 5, generator=seeded(seed, "law"), dtype=torch.float64) + 0.1
    base = base / base.sum(-1, keepdim=True)
    policy = settle(Pair(graph, 0, target, choices), base, base, kl=kl)
    paths: dict[tuple[int, ...], float] = {}
    for picked in product(range(5), repeat=choices):
        row, current, probability = [0, target, 0], 0, 1.0
        for token in picked:
            probability *= float(policy[current, token])
            row.append(token)
            current = token
            if token in (target, 4):
                break
        row += [4] * (PROMPT + choices + 1 - len(row))
        paths.setdefault(tuple(row), probability)
    model = LogitTable(task.vocab).double()
    anchor = torch.zeros_like(model.table)
    with torch.no_grad():
        model.table[target] = policy.log()
        anchor[target] = base.log()
        model.table[target, target] = anchor[target, target] = 0.0
    loss = partial(policy_gradient, kl=kl)
    total = torch.zeros_like(model.table)
    frozen = LogitTable(task.vocab).double()
    frozen.load_state_dict({"table": anchor})
    for path, probability in paths.items():
        tokens = torch.tensor([path])
        batch = _double(task.batch(tokens))
        if path[-2] != 4:  # cut off by its length: the END that fills the row was not chosen
            batch.chosen[:, -1] = False
        reference = frozen(tokens[:, :-1]).detach()
        whole = Batch(batch.chosen, batch.reward, tokens, reference)
        (gradient,) = torch.autograd.grad(loss(model(tokens[:, :-1]), whole), [model.table])
        total += probability * gradient
    total[target, target] = 0.0  # the step from the target into END is written, not chosen
    return float(total.abs().max())


PARTS = (stable_point, identity, wrong_actions, collapse, kl_point)

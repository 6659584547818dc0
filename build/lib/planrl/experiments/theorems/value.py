"""Theorems 5.1 to 5.3 as numbers: Q-learning with outcome and with process reward.

Each part takes a task, a seed, a number of updates and a number of blocks.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import torch

from planrl.domains import blocksworld
from planrl.evaluate import evaluate
from planrl.experiments.theorems.policy import Numbers, imitated
from planrl.graphs import Graph, random_digraph, seeded
from planrl.losses import q_learning
from planrl.models import LinearTransformer, LogitTable, PathModel
from planrl.objectives.theory import optimal_q, process_optimum
from planrl.sampling import Sampler
from planrl.streams import on_policy
from planrl.tasks import Reward, Task, all_pairs, outcome_reward, process_reward
from planrl.train import TrainConfig, train

if TYPE_CHECKING:
    from torch import Tensor

SCALE = 10.0  # of the rewards, so that softmax at temperature 1 follows the values


def _starts(n: int, seed: int) -> dict[str, float | Tensor]:
    noise = 3.0 * torch.randn(n, n, n + 1, generator=seeded(seed, "start"))
    return {"zero": 0.0, "above": 3.0, "below": -3.0, "noise": noise}


def _trained(model: PathModel, task: Task, seed: int, steps: int, **how: float) -> None:
    """Q-learning on the model's own rollouts, with exploration, the learning rate falling once."""
    sampler = Sampler(epsilon=how.get("epsilon", 0.1), may_stop=False)
    rollouts = on_policy(model, task, rng=seeded(seed, "walks"), sampler=sampler, size=128)
    loss = partial(q_learning, value_bounds=(-float("inf"), SCALE))
    for lr in (0.1, 0.01):
        config = TrainConfig(steps=max(steps // 2, 1), lr=lr, clip=None)
        for _ in train(model, rollouts, loss, config):
            pass


def outcome(task: Task, seed: int, steps: int, blocks: int) -> Numbers:
    """Theorem 5.1: outcome reward alone makes every value of a target the same.

    `spread_*` is the largest difference among f(i, j)[k], j and k other than i, at the fixed point
    reached from zero, 3, noise and the logits of SFT; `target_above` by how much a step into the
    target is ever worth more than that. Accuracies are of tables trained from zero, noise and SFT.
    """
    n = task.graph.n
    off = ~torch.eye(n, dtype=torch.bool)
    found: Numbers = {}
    above = -torch.inf
    asked = task.pairs[:, 1].unique()
    imitation, _ = imitated(task, seed, steps)
    noise = _starts(n, seed)["noise"]
    logits = imitation.table.detach().clone()
    for name, start in (("zero", 0.0), ("three", 3.0), ("noise", noise), ("sft", logits)):
        table = optimal_q(replace(task, reward=outcome_reward), start=start)[..., :n]
        spread = 0.0
        for i in asked.tolist():
            values = table[i][off[i]][:, off[i]]
            spread = max(spread, float(values.max() - values.min()))
            above = max(above, float((table[i, off[i], i] - values.max()).max()))
        found[f"spread_from_{name}"] = spread
    found["target_above"] = above
    rewarded = replace(task, reward=partial(outcome_reward, scale=SCALE))
    noisy = LogitTable(task.vocab)
    noisy.load_state_dict({"table": noise})
    for name, model in (("zero", LogitTable(task.vocab)), ("noise", noisy), ("sft", imitation)):
        _trained(model, rewarded, seed, 2 * steps)
        found[f"accuracy_from_{name}"] = _accuracy(model, task, seed)
    return found


def _accuracy(model: PathModel, task: Task, seed: int, max_tokens: int = 20) -> float:
    sampler = Sampler(may_stop=False, max_tokens=max_tokens)
    scores = evaluate(model, task, rng=seeded(seed, "look"), samples=20, sampler=sampler)
    return float(scores.accuracy.mean())


def process(task: Task, seed: int, steps: int, blocks: int) -> Numbers:
    """Theorem 5.2 on a DAG: the values are A + R - 1, from any start, and learning finds them.

    `exact_gap` is the largest over four starts, at the fixed point; `learned_gap` that of a table
    trained on rollouts that choose at random, per unit of reward.
    """
    graph, n = task.graph, task.graph.n
    rewarded = replace(task, reward=process_reward)
    told = process_optimum(graph)
    gaps = []
    for start in _starts(n, seed).values():
        reached = optimal_q(rewarded, start=start)[..., :n]
        gaps.append(float((reached - told)[~reached.isnan()].abs().max()))
    model = LogitTable(task.vocab)
    scaled = replace(task, reward=partial(process_reward, scale=SCALE))
    _trained(model, scaled, seed, 2 * steps, epsilon=1.0)
    asked = task.pairs[:, 1].unique()
    known = torch.zeros(n, n, dtype=torch.bool)
    known[asked] = True
    known &= ~torch.eye(n, dtype=torch.bool)
    difference = model.table.detach()[..., :n] / SCALE - told
    return {
        "exact_gap": max(gaps),
        "learned_gap": float(difference[known].abs().max()),
        "learned_accuracy": _accuracy(model, task, seed),
    }


def cycles(task: Task, seed: int, steps: int, blocks: int) -> Numbers:
    """Theorem 5.2 where the graph has cycles: which of it is left, and what a discount mends.

    `stuck_from_3` is the largest error on a random digraph when the values start at 3. On
    Blocksworld, where everything reaches everything, `goal_information` is the largest difference
    between the values of two targets, `hits` the accuracy of rollouts that draw among legal moves
    (30 steps), and `discounted_greedy` the greedy accuracy of the values discounted by 0.9.
    """
    digraph = random_digraph(task.graph.n, 0.2, seeded(seed, "digraph"))
    found: Numbers = {}
    for name, start in (("zero", 0.0), ("3", 3.0)):
        found[f"stuck_from_{name}"] = _gap(digraph, start)
    whole_task = all_pairs(blocksworld(blocks), process_reward)
    n = whole_task.graph.n
    table = optimal_q(whole_task)
    off = ~torch.eye(n, dtype=torch.bool)
    same = table[..., :n].clone()
    same[~off] = torch.nan
    span = [same[off[:, j], j] for j in range(n)]  # all targets' values at one state
    found["goal_information"] = max(
        float((values.amax(0) - values.amin(0))[torch.arange(n) != j].max())
        for j, values in enumerate(span)
    )
    found["hits"] = _accuracy(_table(whole_task, 100 * table), whole_task, seed, max_tokens=34)
    ends = []
    for start in (0.0, 3.0):
        discounted = optimal_q(whole_task, discount=0.9, start=start)
        model = _table(whole_task, 100 * discounted)
        greedy = evaluate(
            model,
            whole_task,
            rng=seeded(seed, "look"),
            samples=1,
            sampler=Sampler(greedy=True, may_stop=False, max_tokens=34),
        )
        ends.append(float(greedy.greedy.mean()))
    found["discounted_greedy"] = min(ends)
    return found


def _gap(graph: Graph, start: float) -> float:
    reached = optimal_q(all_pairs(graph, process_reward), start=start)[..., : graph.n]
    return float((reached - process_optimum(graph))[~reached.isnan()].abs().max())


def _table(task: Task, logits: Tensor) -> LogitTable:
    model = LogitTable(task.vocab)
    model.load_state_dict({"table": logits.nan_to_num(0.0)})
    return model


def linear(task: Task, seed: int, steps: int, blocks: int) -> Numbers:
    """Theorem 5.3: in the linear Transformer W^M is A - 1 and W^V is R, up to one number a column.

    The largest gap of each, its column means taken off, per unit of reward; and of their sum.
    """
    graph, n = task.graph, task.graph.n
    model = LinearTransformer(task.vocab)
    reward: Reward = partial(process_reward, scale=SCALE)
    _trained(model, replace(task, reward=reward), seed, 2 * steps, epsilon=1.0)
    readout = model.readout()
    asked = torch.zeros(n, dtype=torch.bool)
    asked[task.pairs[:, 1].unique()] = True
    adjacency, reachability = graph.adjacency.float(), graph.reachability.float()
    total = readout.adjacency[None] + readout.reachability[:, None]
    known = asked[:, None] & ~torch.eye(n, dtype=torch.bool)
    gap = (total / SCALE - process_optimum(graph))[known]
    return {
        "adjacency_gap": _gauged(readout.adjacency / SCALE, adjacency, torch.ones(n).bool()),
        "reachability_gap": _gauged(readout.reachability / SCALE, reachability, asked),
        "sum_gap": float(gap.abs().max()),
    }


def _gauged(found: Tensor, told: Tensor, rows: Tensor) -> float:
    """The largest gap between two matrices whose columns may each be shifted by a number."""
    difference = (found - told)[rows]
    return float((difference - difference.mean(0)).abs().max())


PARTS = (outcome, process, cycles, linear)

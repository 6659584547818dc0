"""Exercises on imitation: the law SFT ends at, and what it must be shown."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from planrl.evaluate import evaluate
from planrl.exercises.asking import Verdict, ask
from planrl.graphs import chain, random_dag, seeded
from planrl.models import LogitTable
from planrl.objectives import sft
from planrl.paths import sample_paths
from planrl.rollouts import demonstrations
from planrl.tasks import Task, all_pairs
from planrl.theory import sft_optimum
from planrl.train import TrainConfig, train


def frequencies(function: Callable[[Tensor, int, int, int], Any]) -> Verdict:
    """Try function(rows, target, here, vocabulary size) -> the law SFT ends at (Theorem 3.1)."""
    task = all_pairs(random_dag(9, 0.45, seeded(1, "graph")))
    rows = sample_paths(task, 3, seeded(0, "paths"))
    truth, size = sft_optimum(task, rows), task.vocab.size
    for target, here in (~truth[..., 0].isnan()).nonzero().tolist():
        answer, wrong = ask(function, rows.clone(), target, here, size)
        if wrong:
            return wrong
        law = torch.as_tensor(answer).float()
        if law.shape != (size,):
            return Verdict(False, f"Expected {size} probabilities, got shape {list(law.shape)}.")
        if torch.allclose(law, truth[target, here], atol=1e-4):
            continue
        hint = "compare your counts with the rows themselves, printed by task.vocab.show(rows)."
        if abs(float(law.sum()) - 1) > 1e-3:
            hint = "the numbers do not sum to 1: divide the counts by their sum."
        elif (law > 0).sum() > (truth[target, here] > 0).sum():
            hint = "you count too much: only rows with this target, only steps after the prompt."
        return Verdict(False, f"For target {target} at node {here}: {hint}")
    return Verdict(True, "For every target and node the law is the one SFT ends at.")


def teach(rows: Any) -> Verdict:
    """Train a table on 0 -> 1 -> 2 with the reader's walks added; can it now go from 0 to 2?"""
    graph = chain(3)
    if rows is Ellipsis or not rows:
        return Verdict(False, "No walk was given: add one, as a list of nodes such as [0, 1].")
    walks = [[0, 1], [1, 2], *[list(map(int, row)) for row in rows]]
    for walk in walks:
        steps = list(pairwise(walk))
        if len(walk) < 2 or not set(steps) <= set(graph.edges):
            return Verdict(False, f"{walk} is no walk on 0 -> 1 -> 2.")
    filled = [[w[0], w[-1], *w, *[3] * (4 - len(w))] for w in walks]
    task = all_pairs(graph)
    shown = demonstrations(task, torch.tensor(filled), rng=seeded(0, "batches"), size=None)
    model = LogitTable(task.vocab)
    for _ in train(model, shown, sft, TrainConfig(steps=300, lr=0.1)):
        pass
    asked = Task(graph, torch.tensor([[0, 2]]))
    accuracy = float(evaluate(model, asked, rng=seeded(0, "probe"), samples=200).accuracy)
    if accuracy > 0.9:
        return Verdict(True, f"Asked for 0 to 2, it is now right {accuracy:.0%} of the time: what "
                             "was missing is not an edge but a row with this target.")  # fmt: skip
    return Verdict(False, f"Asked for 0 to 2 it is right {accuracy:.0%} of the time: rows about "
                          "other targets teach it nothing of this one.")  # fmt: skip

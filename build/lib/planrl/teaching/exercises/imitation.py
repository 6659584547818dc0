"""Exercises on imitation: the distribution SFT ends at, and the data it needs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from planrl.evaluate import evaluate
from planrl.graphs import chain, random_dag, seeded
from planrl.losses import sft
from planrl.models import LogitTable
from planrl.objectives.theory import sft_optimum
from planrl.streams import demonstrations, sample_paths
from planrl.tasks import Task, all_pairs, split
from planrl.teaching.exercises.checks import Feedback, ask
from planrl.train import TrainConfig, train


def frequencies(function: Callable[[Tensor, int, int, int], Any]) -> Feedback:
    """Try function(rows, target, current, vocabulary size) -> SFT's optimum (Theorem 3.1)."""
    task = all_pairs(random_dag(9, 0.45, seeded(1, "graph")))
    rows = sample_paths(task, 3, seeded(0, "paths"))
    truth, size = sft_optimum(task, rows), task.vocab.size
    for target, current in (~truth[..., 0].isnan()).nonzero().tolist():
        answer, wrong = ask(function, rows.clone(), target, current, size)
        if wrong:
            return wrong
        probs = torch.as_tensor(answer).float()
        if probs.shape != (size,):
            return Feedback(False, f"Expected {size} probabilities, got shape {list(probs.shape)}.")
        if torch.allclose(probs, truth[target, current], atol=1e-4):
            continue
        hint = "compare your counts with the rows themselves, printed by task.vocab.show(rows)."
        if abs(float(probs.sum()) - 1) > 1e-3:
            hint = "the numbers do not sum to 1: divide the counts by their sum."
        elif (probs > 0).sum() > (truth[target, current] > 0).sum():
            hint = "you count too much: only rows with this target, only steps after the prompt."
        return Feedback(False, f"For target {target} at node {current}: {hint}")
    return Feedback(True, "For every target and node your distribution is the one SFT ends at.")


def teach(rows: Any) -> Feedback:
    """Train a table on 0 -> 1 -> 2 with the reader's paths added; can it now go from 0 to 2?"""
    graph = chain(3)
    if rows is Ellipsis or not rows:
        return Feedback(False, "No path was given: add one, as a list of nodes such as [0, 1].")
    rollouts = [[0, 1], [1, 2], *[list(map(int, row)) for row in rows]]
    for path in rollouts:
        steps = list(pairwise(path))
        if len(path) < 2 or not set(steps) <= set(graph.edges):
            return Feedback(False, f"{path} is no path in 0 -> 1 -> 2.")
    filled = [[w[0], w[-1], *w, *[3] * (4 - len(w))] for w in rollouts]
    task = all_pairs(graph)
    shown = demonstrations(task, torch.tensor(filled), rng=seeded(0, "batches"), size=None)
    model = LogitTable(task.vocab)
    for _ in train(model, shown, sft, TrainConfig(steps=300, lr=0.1)):
        pass
    asked = Task(graph, torch.tensor([[0, 2]]))
    accuracy = float(evaluate(model, asked, rng=seeded(0, "probe"), samples=200).accuracy)
    if accuracy > 0.9:
        return Feedback(
            True,
            f"From 0 to 2, {accuracy:.0%} of sampled paths are now correct. All edges had been "
            "shown before; a row with this target was missing.",
        )
    return Feedback(
        False,
        f"From 0 to 2, {accuracy:.0%} of sampled paths are correct: rows with "
        "other targets teach the table nothing about this target.",
    )


def pieces(function: Callable[[list[int]], Any]) -> Feedback:
    """Try function(path) -> every piece of it of two nodes or more; train a table on them, too."""
    path = [4, 7, 9, 2]
    wanted = {tuple(path[a:b]) for a in range(4) for b in range(a + 2, 5)}
    given, wrong = ask(_cut_by(function), [path])
    if wrong:
        return wrong
    if given != wanted:
        return Feedback(False, f"Of the path {path}: {_piece_mistake(path, given, wanted)}")
    graph = random_dag(20, 0.25, seeded(0, "graph"))
    train_task, test_task = split(all_pairs(graph), 0.3, seeded(0, "split"))
    rollouts = _shown_paths(sample_paths(train_task, 4, seeded(0, "paths")), graph.n)
    accuracy = []
    for cut in (lambda one_path: [one_path], function):
        found, wrong = ask(_cut_by(cut), rollouts)
        if wrong:
            return wrong
        model = _taught(train_task, sorted(found))
        scores = evaluate(model, test_task, rng=seeded(0, "probe"), samples=20)
        accuracy.append(float(scores.accuracy.mean()))
    whole, yours = accuracy
    return Feedback(
        True,
        f"{yours:.0%} of sampled paths are correct on held-out questions, against "
        f"{whole:.0%} with whole paths alone. The pieces contain no new step, only "
        "new targets.",
    )


def _cut_by(function: Callable[[list[int]], Any]) -> Callable[[list[list[int]]], Any]:
    """A function from paths to the set of their pieces, or None if the reader returns none."""

    def cut(paths: list[list[int]]) -> Any:
        found: set[tuple[int, ...]] = set()
        for path in paths:
            answer = function(list(path))
            if answer is None or answer is Ellipsis:
                return None
            found |= {tuple(int(v) for v in piece) for piece in answer}
        return found

    return cut


def _taught(task: Task, rollouts: list[tuple[int, ...]]) -> LogitTable:
    """A table trained by SFT on these paths, each for the pair of its first and last node."""
    longest = max(map(len, rollouts)) + 1
    rows = [[w[0], w[-1], *w, *[task.vocab.end] * (longest - len(w))] for w in rollouts]
    shown = demonstrations(task, torch.tensor(rows), rng=seeded(0, "batches"), size=None)
    model = LogitTable(task.vocab)
    for _ in train(model, shown, sft, TrainConfig(steps=60, lr=0.3)):
        pass
    return model


def _shown_paths(rows: Tensor, end: int) -> list[list[int]]:
    """The paths in these rows, as lists of nodes."""
    return [[v for v in row if v != end] for row in rows[:, 2:].tolist()]


def _piece_mistake(path: list[int], given: set[tuple[int, ...]], wanted: set[Any]) -> str:
    """What is wrong with these pieces of a path."""
    if any(len(piece) < 2 for piece in given):
        return "a piece of one node has no source and target: take two nodes or more."
    if given - wanted:
        odd = list(min(given - wanted))
        return f"{odd} is no piece: a piece is consecutive nodes of the path, in their order."
    if all(piece[-1] == path[-1] for piece in given):
        return "all your pieces end at the old target. Cut at the end, too, to add new targets."
    if all(piece[0] == path[0] for piece in given):
        return "all your pieces begin at the old source. Cut at the beginning, too."
    return f"{list(min(wanted - given))} is missing, and {len(wanted - given) - 1} more."

"""Exercises on policy gradient: its loss from SFT's, its stream, the gradient in one context."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from planrl.graphs import seeded
from planrl.losses import Loss, policy_gradient, sft
from planrl.models import LogitTable
from planrl.streams import on_policy
from planrl.tasks import Batch, Task
from planrl.teaching.exercises.checks import (
    Feedback,
    ask,
    compare,
    gradient,
    numbers,
    sampled_batch,
    tried,
)
from planrl.train import TrainConfig, train

Stream = Callable[[Iterator[Batch]], Iterator[Batch]]


def own_successes(loss: Loss) -> Feedback:
    """Try the reader's policy gradient made of SFT: minus the log-probability of correct paths."""
    _, model, batch = sampled_batch()
    answer, wrong = tried(loss, model, batch)
    if wrong:
        return wrong
    right = batch.reward.sum(1) > 0
    won = Batch(batch.chosen[right], batch.reward[right], batch.tokens[right])

    def last_step(logits: Tensor, given: Batch) -> Tensor:
        logp = logits.log_softmax(-1).gather(-1, given.tokens[:, 1:, None]).squeeze(-1)
        return -(logp * given.reward * given.chosen).sum() / len(logp)

    return compare(
        answer,
        gradient(policy_gradient, model, batch),
        f"The gradient equals that of pr.policy_gradient: it is SFT on the {int(right.sum())} "
        f"correct paths among {len(right)}.",
        {
            "That is SFT on all paths. Leave out the paths with return 0.": gradient(
                sft, model, batch
            ),
            "You use the correct paths, but you divide by their number of steps. Divide by the "
            "number of paths.": gradient(sft, model, won),
            "Only the rewarded step has a weight so far. Weight every step of a path by the "
            "path's return, batch.reward.sum(1).": gradient(last_step, model, batch),
        },
        "Weight -log q of each chosen step by the return of its path, batch.reward.sum(1).",
    )


def correct_paths(stream: Stream) -> Feedback:
    """Train with SFT on the reader's stream, which keeps correct paths only."""
    task, model, _ = sampled_batch()
    paths = list(islice(on_policy(model, task, rng=seeded(1, "walks"), size=32), 8))
    lost = [
        _only(batch, batch.reward.sum(1) == 0) for batch in paths[:1]
    ]  # a batch without a correct path
    served, wrong = ask(lambda: list(stream(iter([*lost, *paths]))))
    if wrong:
        return wrong
    if not served or not all(isinstance(batch, Batch) for batch in served):
        return Feedback(
            False, "Your stream yielded no batch: yield a pr.Batch for each batch it receives."
        )
    if any(len(batch.tokens) == 0 for batch in served):
        return Feedback(
            False,
            "One batch had no correct path, and you yielded it empty. The mean over an empty "
            "batch is nan, so skip such a batch.",
        )
    if any(len(b.chosen) != len(b.tokens) or len(b.reward) != len(b.tokens) for b in served):
        return Feedback(False, "chosen, reward and tokens must keep the same rows.")
    share = sum(float(batch.reward.sum()) for batch in served) / sum(len(b.tokens) for b in served)
    if share < 1:
        return Feedback(
            False,
            f"Only {share:.0%} of the paths that you yield are correct: keep the rows "
            "whose return is above 0.",
        )
    kept = sum(len(batch.tokens) for batch in served)
    there = sum(int((batch.reward.sum(1) > 0).sum()) for batch in paths)
    if kept < there:
        return Feedback(
            False,
            f"You yield {kept} of the {there} correct paths: keep all correct paths of each batch.",
        )
    return _trained_on(stream, task, model)


def _trained_on(stream: Stream, task: Task, model: LogitTable) -> Feedback:
    """What SFT on the reader's stream achieves."""
    before = _mean_return(task, model)
    batches = stream(on_policy(model, task, rng=seeded(2, "walks")))
    for _ in train(model, batches, sft, TrainConfig(steps=150, lr=0.1)):
        pass
    return Feedback(
        True,
        f"pr.sft on your stream raises the mean return from {before:.2f} to "
        f"{_mean_return(task, model):.2f}, as policy gradient does. The loss is still that of "
        "SFT; only the stream changed.",
    )


def _only(batch: Batch, rows: Tensor) -> Batch:
    return Batch(batch.chosen[rows], batch.reward[rows], batch.tokens[rows])


def _mean_return(task: Task, model: LogitTable) -> float:
    paths = next(on_policy(model, task, rng=seeded(0, "probe"), size=1000))
    return float(paths.reward.sum(1).mean())


def cell_gradient(function: Callable[[Tensor, Tensor, int], Any]) -> Feedback:
    """Try function(counts [V], q [V], paths) -> the gradient [V] of one context's logits."""
    for seed in range(3):
        rng = seeded(seed, "cell")
        counts = torch.randint(0, 5, (6,), generator=rng).float()
        counts[0] = 0.0
        q, paths = torch.rand(6, generator=rng).softmax(0), 16
        found, wrong = numbers(function, counts.clone(), q.clone(), paths)
        if wrong:
            return wrong
        if found.shape != (6,):
            return Feedback(False, f"Expected 6 numbers, got shape {list(found.shape)}.")
        truth = counts.sum() * q - counts
        for text, other in {
            "": truth / paths,
            "The sign is reversed: a step that was taken more often than expected has a "
            "negative gradient, so that its logit rises.": -truth / paths,
            "Only the division by the number of paths is missing.": truth,
            "You subtract from q itself: multiply q by the number of visits, counts.sum().": (
                q - counts
            )
            / paths,
            "Logits of chosen steps rise, but no logit falls: the term with q is missing.": -counts
            / paths,
        }.items():
            if torch.allclose(found, other.double(), atol=1e-5):
                if text:
                    return Feedback(False, text)
                break
        else:
            return Feedback(False, "Expected (counts.sum() * q - counts) / paths for these counts.")
    return Feedback(
        True,
        "The gradient sums to 0 over the choices. A choice that no correct path took has a "
        "positive gradient, so its logit falls.",
    )


def baseline(loss: Loss) -> Feedback:
    """Try the reader's policy gradient with the batch's mean return as baseline."""
    _, model, batch = sampled_batch()
    answer, wrong = tried(loss, model, batch)
    if wrong:
        return wrong
    wanted = gradient(lambda logits, g: policy_gradient(logits, g, baseline=True), model, batch)
    plain = gradient(policy_gradient, model, batch)
    return compare(
        answer,
        wanted,
        "The gradient equals that of policy_gradient(..., baseline=True).",
        {"That is the plain policy gradient: nothing is subtracted yet.": plain},
        "Subtract the mean *return* of the batch. The return of a path is the sum of its rewards.",
    )

"""Exercises on policy gradient: a baseline, a bonus for entropy."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from planrl.evaluate import evaluate
from planrl.exercises.asking import Verdict, ask
from planrl.graphs import random_dag, seeded
from planrl.models import LogitTable
from planrl.objectives import Loss, policy_gradient
from planrl.rollouts import on_policy
from planrl.tasks import Task, all_pairs
from planrl.train import TrainConfig, train


def _walked() -> tuple[Task, LogitTable, Any]:
    task = all_pairs(random_dag(10, 0.4, seeded(0, "graph")))
    model = LogitTable(task.vocab)
    with torch.no_grad():
        model.table[:, :, :10] += 2.0 * task.graph.correct
    return task, model, next(on_policy(model, task, rng=seeded(0, "walks"), size=256))


def baseline(loss: Loss) -> Verdict:
    """Try the reader's policy gradient with the batch's mean return as baseline."""
    _, model, batch = _walked()

    def gradient(given: Loss) -> Tensor:
        (slope,) = torch.autograd.grad(given(model(batch.tokens[:, :-1]), batch), model.table)
        return slope

    answer, wrong = ask(lambda: gradient(loss))
    if wrong:
        return wrong
    plain = gradient(policy_gradient)
    wanted = gradient(lambda logits, given: policy_gradient(logits, given, baseline=True))
    if torch.allclose(answer, wanted, atol=1e-6):
        return Verdict(True, "Same gradient as policy_gradient(..., baseline=True).")
    if torch.allclose(answer, plain, atol=1e-6):
        return Verdict(False, "That is the plain policy gradient: nothing is subtracted yet.")
    if torch.allclose(answer, -wanted, atol=1e-6):
        return Verdict(False, "The sign is turned round: a loss is made smaller.")
    ratio = float((answer * wanted).sum() / wanted.square().sum())
    if torch.allclose(answer, ratio * wanted, atol=1e-6):
        return Verdict(False, f"Right direction, but {ratio:.3g} times too large: divide by the "
                              "number of walks.")  # fmt: skip
    return Verdict(False, "Subtract the mean over walks of the *return*, a walk's summed rewards.")


def keeps_diversity(loss: Loss, *, steps: int = 400) -> Verdict:
    """Train with the reader's loss and with the plain one; are there more ways, and as right?"""
    task, scores = _walked()[0], []
    for given in (policy_gradient, loss):
        model = LogitTable(task.vocab)
        walks = on_policy(model, task, rng=seeded(0, "walks"))
        run = train(model, walks, given, TrainConfig(steps=steps, lr=0.1))
        _, wrong = ask(lambda run=run: [record.step for record in run])
        if wrong:
            return wrong
        scores.append(evaluate(model, task, rng=seeded(0, "probe"), samples=50))
    plain, yours = (float(score.diversity.mean()) for score in scores)
    accuracy = float(scores[1].accuracy.mean())
    told = (f"With your loss {yours:.2f} different right paths a question (plain: {plain:.2f}), "
            f"accuracy {accuracy:.2f}.")  # fmt: skip
    if accuracy < 0.85:
        return Verdict(False, f"{told} The bonus drowns the reward: make it smaller.")
    if yours < 1.2 * plain:
        return Verdict(False, f"{told} That is hardly more: does your bonus *reward* entropy?")
    return Verdict(True, told)

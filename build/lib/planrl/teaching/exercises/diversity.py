"""Exercises on diversity: its drift, early stopping, KL penalty and entropy bonus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from planrl.evaluate import evaluate
from planrl.graphs import seeded
from planrl.losses import Loss, policy_gradient
from planrl.models import LogitTable
from planrl.objectives.theory import kl_drift
from planrl.streams import on_policy
from planrl.tasks import Batch
from planrl.teaching.exercises.checks import (
    Feedback,
    ask,
    compare,
    gradient,
    numbers,
    sampled_batch,
    tried,
)
from planrl.train import TrainConfig, probe, train, until


def _distance(f: Tensor) -> Tensor:
    """KL(U_C || q) in a context whose choices are all correct."""
    return f.logsumexp(0) - f.mean() - torch.tensor(float(len(f))).log()


def drift(function: Callable[[Tensor, float], Any]) -> Feedback:
    """Try function(logits [C], lr) -> the expected change of KL(U_C || q) in one update."""
    for seed, lr in enumerate((0.5, 0.2, 1.0)):
        f = torch.randn(4, generator=seeded(seed, "cell"), dtype=torch.float64)
        q, one = f.softmax(0), torch.eye(4, dtype=torch.float64)
        after = torch.stack([_distance(f + lr * (one[k] - q)) for k in range(4)])
        found, wrong = numbers(function, f.clone(), lr)
        if wrong:
            return wrong
        if found.numel() != 1:
            return Feedback(False, f"Expected one number, got shape {list(found.shape)}.")
        value, truth = float(found), float((q * after).sum() - _distance(f))
        mistakes = {
            "That is the distance after the update: subtract the distance before.": truth
            + float(_distance(f)),
            "Your mean weights all choices equally: choice k has probability q[k].": float(
                after.mean() - _distance(f)
            ),
            "That is the approximation for small lr: sum over the choices instead.": kl_drift(
                q, lr
            ),
            "The sign is reversed: subtract before from after.": -truth,
            "Your update has the wrong sign: add lr * (one_hot - q) to the logits.": sum(
                float(q[k] * _distance(f - lr * (one[k] - q))) for k in range(4)
            )
            - float(_distance(f)),
        }
        if abs(value - truth) < 1e-5:
            continue
        for text, other in mistakes.items():
            if abs(value - other) < 1e-6:
                return Feedback(False, text)
        return Feedback(
            False,
            f"Got {value:.4g}, expected {truth:.4g}: sum over k of q[k] times "
            "the distance after drawing k, minus the distance before.",
        )
    return Feedback(True, "The change is never below 0, for any policy: that is Theorem 4.3.")


def stop_in_time(stop: Callable[[Any], Any], *, steps: int = 400) -> Feedback:
    """Train by policy gradient, evaluated every 10 updates, until the reader's function stops it.

    `stop` gets a record whose `measured` holds accuracy and diversity on the trained questions.
    """
    task, model, _ = sampled_batch(3.0)
    rollouts = on_policy(model, task, rng=seeded(0, "train"), size=64)

    def measure() -> Mapping[str, float]:
        return evaluate(model, task, rng=seeded(0, "probe"), samples=30).summary()

    before, last = measure(), None

    def says_stop(record: Any) -> bool:
        return record.measured is not None and bool(stop(record))

    def go() -> Any:
        nonlocal last
        run = train(model, rollouts, policy_gradient, TrainConfig(steps=steps, lr=0.1))
        for record in until(probe(run, measure, every=10), says_stop):
            last = record
        return last

    _, wrong = ask(go)
    if wrong:
        return wrong
    assert last is not None
    end = measure()
    told = (
        f"Stopped after {last.step} updates: accuracy {end['accuracy']:.3f} (at first "
        f"{before['accuracy']:.2f}), {end['diversity']:.2f} distinct correct paths (at first "
        f"{before['diversity']:.2f}), both sampled."
    )
    if last.step == steps:
        return Feedback(
            False, f"{told} That was the last update: your function never returned True."
        )
    if end["accuracy"] < 0.95:
        return Feedback(False, f"{told} Too early: wait until the accuracy is 0.95.")
    if end["diversity"] < 2.0:
        return Feedback(False, f"{told} Too late: fewer than 2 paths are left.")
    return Feedback(True, f"{told} The accuracy has risen, and at least two paths are left.")


def kl_penalty(loss: Loss, *, kl: float = 0.3) -> Feedback:
    """Try the reader's policy gradient with a KL penalty of weight 0.3."""
    task, model, batch = sampled_batch()
    base = LogitTable(task.vocab)
    with torch.no_grad():
        base.table.copy_(torch.randn(base.table.shape, generator=seeded(0, "base")))
    frozen = base(batch.tokens[:, :-1]).detach()
    given = Batch(batch.chosen, batch.reward, batch.tokens, frozen)
    answer, wrong = tried(loss, model, given)
    if wrong:
        return wrong

    def penalised(logits: Tensor, b: Batch, weight: float = kl, cut: bool = True) -> Tensor:
        assert b.frozen is not None
        taken = b.tokens[:, 1:, None]
        logp = logits.log_softmax(-1).gather(-1, taken).squeeze(-1)
        ratio = logp - b.frozen.log_softmax(-1).gather(-1, taken).squeeze(-1)
        value = b.reward.sum(1, keepdim=True) - weight * (ratio.detach() if cut else ratio)
        return -(logp * value * b.chosen).sum() / len(logp)

    of, whole = partial(gradient, model=model, batch=given), partial(_with_whole_kl, weight=kl)
    return compare(
        answer,
        of(penalised),
        f"The gradient equals that of policy_gradient(..., kl={kl}).",
        {
            "That is the plain policy gradient, without the penalty.": of(policy_gradient),
            "The penalty has the wrong sign: it rewards moving away from the base.": of(
                partial(penalised, weight=-kl)
            ),
            "Your log-ratio carries a gradient: it is part of the return, so detach() it.": of(
                partial(penalised, cut=False)
            ),
            "That is the KL divergence summed over all tokens, which has the same mean and less "
            "noise. This exercise asks for the log-ratio of the chosen token only.": of(whole),
        },
        f"From each path's return subtract {kl} times log q - log q_base at the chosen token, "
        "without gradient.",
    )


def _with_whole_kl(logits: Tensor, batch: Batch, weight: float) -> Tensor:
    """Policy gradient with the KL divergence summed over all tokens."""
    assert batch.frozen is not None
    logp = logits.log_softmax(-1)
    full = (logp.exp() * (logp - batch.frozen.log_softmax(-1))).sum(-1)
    return policy_gradient(logits, batch) + weight * (full * batch.chosen).sum() / len(full)


def stable_point(function: Callable[[Tensor, Tensor, float], Any]) -> Feedback:
    """Try function(base [K], p [K], kl) -> the policy where training with a KL penalty ends."""
    for seed, kl in enumerate((0.3, 1.0, 0.1)):
        rng = seeded(seed, "cell")
        base = torch.rand(5, generator=rng).softmax(0)
        p = torch.tensor([1.0, 1.0, 0.4, 0.0, 0.0])
        found, wrong = numbers(function, base.clone(), p.clone(), kl)
        if wrong:
            return wrong
        if found.shape != (5,):
            return Feedback(False, f"Expected 5 probabilities, got shape {list(found.shape)}.")
        truth = (base.log() + p / kl).softmax(0)
        mistakes = {
            "The base is missing: training with an *entropy bonus* stops there.": (p / kl).softmax(
                0
            ),
            "You multiply by lambda: divide p by it.": (base.log() + p * kl).softmax(0),
            "Your numbers do not sum to 1: divide by their sum.": base * (p / kl).exp(),
            "p is a probability, not its logarithm: use it in the exponent.": base
            * p
            / (base * p).sum(),
        }
        if torch.allclose(found, truth.double(), atol=1e-4):
            continue
        for text, other in mistakes.items():
            if torch.allclose(found, other.double(), atol=1e-4, rtol=1e-3):
                return Feedback(False, text)
        return Feedback(False, "Expected base * exp(p / lambda), divided by its sum.")
    return Feedback(
        True, "Right for three cases. Two choices with the same p keep their ratio in the base."
    )


def keeps_diversity(loss: Loss, *, steps: int = 400) -> Feedback:
    """Does the reader's loss keep more diversity than plain policy gradient, with high accuracy?"""
    task, first, batch = sampled_batch()
    _, wrong = tried(loss, first, batch)
    if wrong:
        return wrong
    scores = []
    for given in (policy_gradient, loss):
        model = LogitTable(task.vocab)
        rollouts = on_policy(model, task, rng=seeded(0, "walks"))
        run = train(model, rollouts, given, TrainConfig(steps=steps, lr=0.1))
        _, wrong = ask(lambda run=run: [record.step for record in run])
        if wrong:
            return wrong
        scores.append(evaluate(model, task, rng=seeded(0, "probe"), samples=50))
    plain, yours = (float(score.diversity.mean()) for score in scores)
    accuracy = float(scores[1].accuracy.mean())
    told = (
        f"With your loss {yours:.2f} distinct correct paths per question (without the bonus "
        f"{plain:.2f}) among 50 samples, accuracy {accuracy:.2f}."
    )
    if accuracy < 0.85:
        return Feedback(
            False, f"{told} The bonus is too large compared with the reward: make it smaller."
        )
    if yours < 1.2 * plain:
        return Feedback(
            False, f"{told} That is hardly more: check that your bonus *rewards* entropy."
        )
    return Feedback(True, told)

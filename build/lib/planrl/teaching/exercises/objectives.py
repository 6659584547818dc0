"""Exercises on objectives: RLOO, the KL placement that collapses, a loss that leaves the line."""

from __future__ import annotations

import torch
from torch import Tensor

from planrl.errors import InputError
from planrl.experiments import objectives as toy
from planrl.graphs import seeded
from planrl.losses import Loss, policy_gradient
from planrl.objectives import Objective, advantages, dr_grpo
from planrl.objectives import rloo as of_library
from planrl.objectives.clock import curve
from planrl.objectives.contexts import answers_left, followed, kl_update, reward_update
from planrl.objectives.penalties import Kl
from planrl.streams import on_policy
from planrl.teaching.exercises.checks import (
    Feedback,
    ask,
    compare,
    gradient,
    sampled_batch,
    tried,
)
from planrl.train import TrainConfig, train

GOOD, ABOVE = 0.9, 0.2  # the accuracy to be reached, and how far above the line


def rloo(loss: Loss) -> Feedback:
    """Try the reader's RLOO: each return minus the mean return of the others of its group."""
    _, model, batch = sampled_batch()
    answer, wrong = tried(loss, model, batch)
    if wrong:
        return wrong
    others = Objective(advantage=_others_of_the_batch)
    return compare(
        answer,
        gradient(of_library, model, batch),
        "The gradient equals that of planrl.objectives.rloo. It is 0 for a group whose paths all "
        "earned the same.",
        {
            "That is the plain policy gradient: nothing is subtracted yet.": gradient(
                policy_gradient, model, batch
            ),
            "Your mean includes the path itself: that is Dr. GRPO. Take the mean of the others, "
            "which divides by the size of the group minus 1.": gradient(dr_grpo, model, batch),
            "You take the others of the whole batch: take those with the same source and "
            "target.": gradient(others, model, batch),
        },
        "Subtract from each path's return the mean return of the *other* paths with the same first "
        "two tokens. A path without others has advantage 0.",
    )


def _others_of_the_batch(group: advantages.Group) -> Tensor:
    returns = group.returns
    return returns - (returns.sum() - returns) / (len(returns) - 1)


def collapsing(estimator: str, placement: str, *, updates: int = 4000) -> Feedback:
    """Follow the expected updates with this KL penalty, and without one; compare what is left."""
    base, value = toy.a_base(0), toy.VALUE
    try:
        kl = Kl(weight=0.3, estimator=estimator, placement=placement)
    except (InputError, TypeError) as error:
        return Feedback(False, f"{error}.")
    with_kl = followed(
        lambda q: reward_update(q, value) + kl_update(kl, q, base), base, updates=updates
    )
    without = followed(lambda q: reward_update(q, value), base, updates=updates)
    left, alone = (float(answers_left(q, toy.CORRECT)) for q in (with_kl, without))
    p = float(with_kl[toy.CORRECT].sum())
    told = (
        f"{estimator}, {placement}: accuracy {p:.3f}, {left:.2f} effective answers; without a "
        f"penalty {alone:.2f}, the base {float(answers_left(base, toy.CORRECT)):.2f}."
    )
    if abs(left - alone) < 1e-6:
        return Feedback(
            False,
            f"{told} The expected gradient of this penalty is 0, so it changes nothing but the "
            "noise. Other placements leave fewer answers, even in expectation.",
        )
    if left > alone:
        return Feedback(False, f"{told} This penalty keeps answers.")
    return Feedback(
        True, f"{told} The penalty pulls away from the base: it leaves fewer answers than none."
    )


def leaves_line(loss: Loss, *, steps: int = 300) -> Feedback:
    """Train the toy's table with the reader's loss; compare the answers left with the curve."""
    base, model = toy.a_base(0), toy.a_table(toy.a_base(0))
    drawn = on_policy(model, toy.TASK, rng=seeded(0, "walks"), size=128, group=8)
    config = TrainConfig(steps=steps, clip=None, refresh=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2 * toy.COPIES)

    def run() -> bool:
        for _ in train(model, drawn, loss, config, optimizer=optimizer, frozen=toy.a_table(base)):
            pass
        return True

    _, wrong = ask(run)
    if wrong:
        return wrong
    policy = toy.choices(model)
    p = float(policy[:, toy.CORRECT].sum(-1).mean())
    left = float(answers_left(policy, toy.CORRECT).mean())
    told = f"After {steps} updates accuracy is {p:.3f}, with {left:.2f} effective answers"
    if p < GOOD:
        return Feedback(False, f"{told}. That accuracy is too low: at least {GOOD} is asked for.")
    line = curve(base, toy.CORRECT, [min(p, 1 - 1e-9)], pieces=100).policy
    on_line = float(answers_left(line, toy.CORRECT)[0])
    told = f"{told}; the line has {on_line:.2f} at this accuracy."
    if left < on_line - ABOVE:
        return Feedback(False, f"{told} You left the line downwards.")
    if left < on_line + ABOVE:
        return Feedback(
            False,
            f"{told} You are on the line. An advantage made of verdicts alone can't leave it: let "
            "the loss depend on how probable a path is.",
        )
    return Feedback(True, f"{told} Your loss leaves the line upwards.")

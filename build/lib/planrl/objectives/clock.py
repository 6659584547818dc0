"""One curve, many clocks: what the expected gradient of a group method is.

An advantage that depends only on a path's own verdict and on how many paths of its group are
correct has the expected gradient

    weight(p) * grad p        p the probability that a path is correct

so all such methods move the policy along one curve, at different speeds. With c successes among the
G - 1 others, weight(p) is the mean over c of A(correct, c) - A(wrong, c): exactly, a binomial sum.

    REINFORCE, RLOO 1 · Dr. GRPO (G - 1) / G · pass@k k (1 - p)^(k - 1) · RFT (1 - (1 - p)^G) / p ·
    GRPO about 1 / sqrt(p (1 - p))

On the curve, at one context with q the policy, r = q / p among the correct choices and w the same
among the wrong ones: d log(r_a / r_b) / dp = (r_a - r_b) / (p (1 - p) (|r|^2 + |w|^2)). Correct
choices drift apart, the rich getting richer, without any noise (arXiv 2603.06248, 2605.00365).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError, number, whole
from planrl.objectives.advantages import Advantage, Group, own_return

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor

MOST_GROUP = 512


def weight(
    advantage: Advantage, accuracy: float | Float[Tensor, " S"], group: int = 8
) -> Float[Tensor, " S"]:
    """The factor of grad p in the expected gradient, at each probability `accuracy` (p).

    Returns are 0 and 1. The advantage may depend on the returns of the group only.
    """
    size = whole(group, "group", least=1, most=MOST_GROUP)
    return weight_of(gaps(advantage, size), torch.as_tensor(accuracy, dtype=torch.float64))


def weight_of(found: Float[Tensor, " G"], p: Float[Tensor, " S"]) -> Float[Tensor, " S"]:
    """The same from the `gaps` of an advantage: their mean over the successes of the others."""
    return (_binomial(p.double(), len(found) - 1) * found).sum(-1)


def gaps(advantage: Advantage, group: int) -> Float[Tensor, " G"]:
    """A(correct, c) - A(wrong, c) for c = 0 .. G - 1 successes among the others."""
    found = []
    for others in range(group):
        values = []
        for own in (1.0, 0.0):
            returns = torch.zeros(group, dtype=torch.float64)
            returns[: others + 1] = 1.0
            returns[0] = own
            same = torch.ones(group, group, dtype=torch.float64)
            some = Group(returns, same, returns, torch.zeros_like(returns))
            values.append(advantage(some)[0])
        found.append(values[0] - values[1])
    return torch.stack(found)


def _binomial(p: Tensor, draws: int) -> Tensor:
    """The probabilities of 0 .. draws successes.  # [S] -> [S, draws + 1]"""
    c = torch.arange(draws + 1, dtype=torch.float64)
    orders = math.lgamma(draws + 1) - torch.lgamma(c + 1) - torch.lgamma(draws - c + 1)
    p = p[..., None]
    found: Tensor = orders + torch.xlogy(c, p) + torch.special.xlog1py(draws - c, -p)
    return found.exp()


def equal_groups(accuracy: float | Float[Tensor, " S"], group: int = 8) -> Float[Tensor, " S"]:
    """The probability that all verdicts of a group are equal: p^G + (1 - p)^G.

    Such groups have no advantage. Leaving them out (DAPO's dynamic sampling) divides the expected
    gradient by 1 minus this: the same direction. Leaving out their KL term, too, multiplies lambda
    by 1 minus this, which goes to 0 as p goes to 1.
    """
    p = torch.as_tensor(accuracy, dtype=torch.float64)
    return p**group + (1 - p) ** group


def gradient_of_success(
    policy: Float[Tensor, " K"], correct: Bool[Tensor, " K"]
) -> Float[Tensor, " K"]:
    """The gradient of p = q(correct) by the logits at one context: q_k (1[k correct] - p)."""
    found: Tensor = policy * (correct.to(policy) - policy[correct].sum())
    return found


def polarisation(policy: Float[Tensor, " K"], correct: Bool[Tensor, " K"]) -> Float[Tensor, "C C"]:
    """d log(r_a / r_b) / dp for every two correct choices a, b, on the curve of all group methods.

    It is positive where a is the more probable one: the curve itself polarises.
    """
    p = policy[correct].sum()
    r, w = policy[correct] / p, policy[~correct] / (1 - p)
    speed = p * (1 - p) * (r.square().sum() + w.square().sum())
    return (r[:, None] - r) / speed


@dataclass(frozen=True)
class Curve:
    """Policies at given accuracies, and the time (sum of learning rates) until each is reached."""

    policy: Float[Tensor, "S K"]
    time: Float[Tensor, " S"]


def curve(
    policy: Float[Tensor, " K"],
    correct: Bool[Tensor, " K"],
    accuracies: Sequence[float],
    *,
    advantage: Advantage = own_return,
    group: int = 8,
    pieces: int = 200,
) -> Curve:
    """Exact gradient ascent at one context, from a policy through these accuracies.

    The policies do not depend on the advantage, the time does. Integrated in logit p by
    Runge-Kutta, `pieces` steps from one accuracy to the next. Accuracies ascend from that of the
    policy. Raises InputError if they don't, or if the policy has no wrong or no correct choice.
    """
    state = policy.double().log()
    reached = float(policy.double()[correct].sum())
    if not 0 < reached < 1 or list(accuracies) != sorted(accuracies) or accuracies[0] < reached:
        raise InputError(f"accuracies ascend from that of the policy, {reached:.6f}, to below 1")
    factors = gaps(advantage, group)
    logit = math.log(reached / (1 - reached))
    time = torch.zeros((), dtype=torch.float64)
    policies, times = [], []
    for accuracy in accuracies:
        number(accuracy, "accuracy", least=0.0, most=1 - 1e-15)
        step = (math.log(accuracy / (1 - accuracy)) - logit) / pieces
        for _ in range(pieces):
            state, time = _runge_kutta(state, time, step, correct, factors)
        logit = math.log(accuracy / (1 - accuracy))
        policies.append(state.softmax(-1))
        times.append(time)
    return Curve(torch.stack(policies), torch.stack(times))


def _runge_kutta(
    state: Tensor, time: Tensor, step: float, correct: Tensor, factors: Tensor
) -> tuple[Tensor, Tensor]:
    """One step of the classical fourth-order rule, for the logits and the time."""

    def slope(at: Tensor) -> tuple[Tensor, Tensor]:
        p = at.softmax(-1)[correct].sum()
        rise = gradient_of_success(at.softmax(-1), correct)
        size = rise.square().sum()
        speed = weight_of(factors, p)
        return rise * p * (1 - p) / size, p * (1 - p) / (size * speed)

    a, ta = slope(state)
    b, tb = slope(state + step / 2 * a)
    c, tc = slope(state + step / 2 * b)
    d, td = slope(state + step * c)
    return (
        state + step / 6 * (a + 2 * b + 2 * c + d),
        time + step / 6 * (ta + 2 * tb + 2 * tc + td),
    )

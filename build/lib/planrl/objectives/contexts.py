"""Expected updates at one context: the reward's part, and the pull of each KL placement.

One context is a choice among K tokens: q the policy, b the base, `value` (Q) the probability that a
path is correct once k is chosen; at a last step that is 0 or 1. Everything is an exact sum over the
K choices. What the KL term of each estimator and placement does there, in expectation:

    k1 in the token's reward, k2 in the loss,
    and any unbiased estimator in the loss, corrected   minus the gradient of KL(q || b)
    k3 in the loss                                      minus the gradient of KL(b || q), b - q
    k1 in the loss                                      nothing: noise alone
    k3 in the token's reward                            KL(q || b)'s minus KL(b || q)'s: no pull
    k2 in the token's reward                            no pull, to first order
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from planrl.errors import number, whole
from planrl.objectives.penalties import ENTROPIES, ESTIMATORS, Entropy, Kl

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor


def kl_update(
    kl: Kl, policy: Float[Tensor, " K"], base: Float[Tensor, " K"]
) -> Float[Tensor, " K"]:
    """The expected update of the logits by the KL term alone: minus its expected gradient."""
    logits = policy.double().log().requires_grad_()
    log_q = logits.log_softmax(-1)
    estimate = ESTIMATORS[kl.estimator](log_q - base.double().log())
    drawn = log_q.detach().exp()
    if kl.placement != "loss":
        penalty = (drawn * estimate.detach() * log_q).sum()
    elif kl.corrected:
        penalty = (log_q.exp() * estimate).sum()
    else:
        penalty = (drawn * estimate).sum()
    (gradient,) = torch.autograd.grad(penalty, logits)
    return -kl.weight * gradient


def entropy_update(entropy: Entropy, policy: Float[Tensor, " K"]) -> Float[Tensor, " K"]:
    """The expected update of the logits by the entropy bonus: `weight` times the gradient of H.

    It is the same in the loss and in the reward. (Over a path of several steps it is not: summed
    over the path, a step is also credited with the entropy of what follows.)
    """
    logits = policy.double().log().requires_grad_()
    log_q = logits.log_softmax(-1)
    drawn = log_q.detach().exp()
    if entropy.placement == "loss":
        negative = ENTROPIES["loss"](logits, log_q)
    else:
        negative = (drawn * log_q.detach() * log_q).sum()
    (gradient,) = torch.autograd.grad(negative, logits)
    return -entropy.weight * gradient


def reward_update(
    policy: Float[Tensor, " K"], value: Float[Tensor, " K"], weight: float = 1.0
) -> Float[Tensor, " K"]:
    """The expected update by the reward: weight * q_k (Q_k - V), with V the mean of Q under q."""
    policy, value = policy.double(), value.double()
    return weight * policy * (value - (policy * value).sum())


def inverse_probability_update(
    policy: Float[Tensor, " K"], value: Float[Tensor, " K"]
) -> Float[Tensor, " K"]:
    """The expected update by returns over their probability: Q_k - q_k sum(Q).

    With 0/1 values it is 1[k correct] - |C| q_k, and stops where q is uniform on C.
    """
    return value.double() - policy.double() * value.double().sum()


def followed(
    update: Callable[[Tensor], Tensor],
    start: Float[Tensor, " K"],
    *,
    lr: float = 0.5,
    updates: int = 3000,
) -> Float[Tensor, " K"]:
    """The policy that so many expected updates lead to: logits + lr * update(policy) each time.

    `update` is a sum of the functions above, as in `lambda q: reward_update(q, value) +
    kl_update(kl, q, base)`. Nothing is sampled, so what noise does is not in there.
    """
    number(lr, "lr", least=0.0)
    logits = start.double().log()
    for _ in range(whole(updates, "updates", least=0)):
        logits = (logits + lr * update(logits.softmax(-1))).log_softmax(-1)
    return logits.softmax(-1)


def answers_left(
    policy: Float[Tensor, "*B K"], correct: Bool[Tensor, " K"]
) -> Float[Tensor, " *B"]:
    """The effective number of correct choices: exp of the entropy among the correct ones.

    It is the number of correct choices where they are equally likely, and 1 where one is left. How
    likely wrong choices are has no effect.
    """
    share = policy[..., correct] / policy[..., correct].sum(-1, keepdim=True)
    return (-torch.xlogy(share, share).sum(-1)).exp()

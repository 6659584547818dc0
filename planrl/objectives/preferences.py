"""Losses on pairs of paths, and on the distribution of paths: DPO and trajectory balance."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import logsigmoid

from planrl.errors import InputError, number
from planrl.losses import checked, chosen_log_probs, departs, differentiable, drawn_steps
from planrl.objectives.advantages import same_pair
from planrl.tasks import Batch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


def _of_paths(logits: Tensor, batch: Batch) -> Tensor:
    """The log-probability of each path: the sum over its drawn steps.  # [B]"""
    logp = chosen_log_probs(differentiable(logits, batch), batch)
    return torch.where(drawn_steps(batch), logp, 0.0).sum(1)


def _of_base(batch: Batch, loss: str) -> Tensor:
    if batch.frozen is None:
        raise InputError(f"{loss} needs the frozen base: use TrainConfig(refresh=0)")
    return _of_paths(batch.frozen, batch)


@checked(kl=partial(number, least=0.0))
def dpo(logits: Float[Tensor, "B T V"], batch: Batch, *, kl: float = 0.1) -> Float[Tensor, ""]:
    """DPO with a correct path preferred to a wrong one of the same pair, every two of a group.

    Each pair of paths adds - log sigmoid(kl * (log(q/b) of the correct - log(q/b) of the wrong)).
    `kl` is DPO's beta. Two correct paths are never compared, so nothing is said of their ratio.
    0 if no group has both. Source: arXiv 2305.18290. TRL: DPOConfig(beta).
    """
    margin = _of_paths(logits, batch) - _of_base(batch, "dpo")
    return preferred(kl * margin, batch.reward.sum(1), same_pair(batch))


def preferred(
    margin: Float[Tensor, " B"], earned: Float[Tensor, " B"], same: Float[Tensor, "B B"]
) -> Float[Tensor, ""]:
    """The mean of - log sigmoid(margin of a correct path - that of a wrong one of its group)."""
    correct = earned > 0
    better = (same > 0) & correct[:, None] & ~correct  # [B, B]
    said = -logsigmoid(margin[:, None] - margin)
    return torch.where(better, said, 0.0).sum() / better.sum().clamp(min=1)


@checked(temperature=partial(number, least=1e-9), kl=partial(number, least=0.0), cost=number)
def trajectory_balance(
    logits: Float[Tensor, "B T V"],
    batch: Batch,
    *,
    temperature: float = 0.1,
    kl: float = 0.0,
    cost: float = 0.0,
) -> Float[Tensor, ""]:
    """The variance, within each group, of log q(path) - log w(path); w is what q is to become.

    w(path) = exp((return - cost * steps) / temperature), times the base's probability of the path
    to the power `kl`. Without a base this is where soft Q-learning ends (`soft_values`).
    The partition function of a pair is estimated by its group. On-policy the expected gradient is
    twice that of KL(q || w / Z), where the ratio is the distribution of paths; off-policy batches
    have the same zero. Groups of one path count 0. Source: trajectory balance, arXiv 2201.13259, in
    its log-variance form; FlowRL (arXiv 2509.15207) is this with a base and lengths.
    """
    if missing := departs(logits, batch)[1]:
        raise InputError(f"trajectory_balance can't learn from a batch without {missing}")
    wanted = (batch.reward.sum(1) - cost * drawn_steps(batch).sum(1)) / temperature
    if kl:
        wanted = wanted + kl * _of_base(batch, "trajectory_balance with a base")
    return spread(_of_paths(logits, batch) - wanted, same_pair(batch))


def spread(off: Float[Tensor, " B"], same: Float[Tensor, "B B"]) -> Float[Tensor, ""]:
    """The variance of a number of each path within its group, the mean over paths."""
    size = same.sum(1)
    square = (off - same @ off / size).square() / (size - 1).clamp(min=1)
    return torch.where(size > 1, square * size, 0.0).sum() / len(off)

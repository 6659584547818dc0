"""Importance ratios, the clipped surrogate of PPO, and what a loss divides by.

The ratio rho of a step is q / mu, with mu the policy that drew the batch (TRL's and verl's *old*
policy). On-policy it is exactly 1, but it has the gradient of log q. A batch is known to be
on-policy, or it brings the log-probabilities it was drawn with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError
from planrl.losses import departs, drawn_steps
from planrl.tasks import Batch

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor

Level = Callable[["Tensor", "Tensor"], "Tensor"]
"""(log rho of each step [B, T], which steps count [B, T]) -> rho, [B, T] or [B, 1]."""
Length = Callable[["Tensor", "Tensor"], "Tensor"]
"""(a loss for each step [B, T] or [B, 1], which steps count [B, T]) -> a scalar."""


def log_ratio(
    logits: Float[Tensor, "B T V"], logp: Float[Tensor, "B T"], batch: Batch
) -> Float[Tensor, "B T"]:
    """log(q / mu) of each step, 0 where nothing was drawn.

    Raises InputError for a batch that is known to be off-policy and does not say with which
    probabilities it was drawn, and for one that leaves out paths of the policy.
    """
    why, missing = departs(logits, batch)
    if missing and why:
        raise InputError(
            f"this loss is not possible with this batch: of the policy's paths {missing} can't be "
            "in it. Draw the paths otherwise"
        )
    if batch.log_probs is None:
        if why:
            raise InputError(
                f"this loss needs an on-policy batch, but {why}. Let the stream record the "
                "probabilities: on_policy(..., record_probs=True)"
            )
        return logp - logp.detach()
    old = torch.where(drawn_steps(batch), batch.log_probs, logp.detach())
    return logp - old


def of_token(log_rho: Float[Tensor, "B T"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    """The ratio of each step. TRL: importance_sampling_level="token"."""
    return log_rho.exp()


def of_sequence(log_rho: Float[Tensor, "B T"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B 1"]:
    """The geometric mean of the ratios of a path. TRL: importance_sampling_level="sequence".

    Source: GSPO, arXiv 2507.18071.
    """
    return (torch.where(mask, log_rho, 0.0).sum(1) / _count(mask)).exp()[:, None]


def surrogate(
    rho: Float[Tensor, "B T"], advantage: Float[Tensor, "B T"], clip: tuple[float, float]
) -> Float[Tensor, "B T"]:
    """min(rho A, rho' A), with rho' the ratio kept between 1 - low and 1 + high; to be maximised.

    Source: PPO, arXiv 1707.06347; another `high` than `low` is DAPO's clip-higher, arXiv
    2503.14476. TRL: epsilon, epsilon_high; verl: clip_ratio_low, clip_ratio_high.
    """
    low, high = clip
    return torch.minimum(rho * advantage, rho.clamp(1 - low, 1 + high) * advantage)


def per_path(loss: Tensor, mask: Bool[Tensor, "B T"]) -> Float[Tensor, ""]:
    """The mean over the steps of each path, then over paths.

    TRL: loss_type="grpo"; verl: loss_agg_mode="seq-mean-token-mean". A step of a long path counts
    less, so a long wrong path is punished less per step.
    """
    steps = torch.where(mask, loss, 0.0).sum(1)
    return (steps / _count(mask)).sum() / _paths(mask)


def per_token(loss: Tensor, mask: Bool[Tensor, "B T"]) -> Float[Tensor, ""]:
    """The mean over all steps of the batch. TRL: loss_type="dapo"; verl: "token-mean"."""
    return torch.where(mask, loss, 0.0).sum() / mask.sum().clamp(min=1)


def summed(loss: Tensor, mask: Bool[Tensor, "B T"], *, length: float = 1.0) -> Float[Tensor, ""]:
    """The sum over the steps of each path, over a constant, then the mean over paths.

    With length=1 this is the sum of REINFORCE and verl's "seq-mean-token-sum". TRL:
    loss_type="dr_grpo", whose constant is max_completion_length; verl: "seq-mean-token-sum-norm".
    """
    return torch.where(mask, loss, 0.0).sum() / (_paths(mask) * length)


def _count(mask: Tensor) -> Tensor:
    return mask.sum(1).clamp(min=1)


def _paths(mask: Tensor) -> Tensor:
    """How many paths have steps that count."""
    return mask.any(1).sum().clamp(min=1)

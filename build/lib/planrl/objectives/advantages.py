"""Advantages: how far the return of a path counts, given the returns of its group.

A group is the paths of a batch for one source-target pair. Every function here takes a `Group` and
returns one number a path, without gradient. Those above the line in this file depend only on a
path's own return and on the returns of its group. In expectation they differ by one factor, a
function of the probability p that a path is correct: see `planrl.objectives.clock`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError
from planrl.losses import Number
from planrl.tasks import Batch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

EPS = 1e-4
"""What TRL adds to a standard deviation; verl adds 1e-6."""


@dataclass(frozen=True)
class Group:
    """The returns of the paths of a batch, and who is in the group of whom.

    `same[a, b]` is 1 where paths a and b are for the same pair, else 0. `returns` holds penalties
    that are placed in the return of a path, `earned` does not. `log_prob` is the log-probability of
    each whole path under the policy that is trained.
    """

    returns: Float[Tensor, " B"]
    same: Float[Tensor, "B B"]
    earned: Float[Tensor, " B"]
    log_prob: Float[Tensor, " B"]

    @property
    def size(self) -> Float[Tensor, " B"]:
        """How many paths the group of each path has."""
        return self.same.sum(1)

    def mean(self, value: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
        """The mean of a value over the group of each path."""
        return self.same @ value / self.size

    @property
    def differs(self) -> Float[Tensor, " B"]:
        """Whether the paths of the group of each path did not all earn the same."""
        return ((self.earned[:, None] != self.earned) & (self.same > 0)).any(1)

    @property
    def correct(self) -> Float[Tensor, " B"]:
        """1 for a path that earned something, else 0."""
        return (self.earned > 0).to(self.returns)


Advantage = Callable[[Group], "Tensor"]
"""Group -> the advantage of each path [B]."""


def bare(advantage: Advantage) -> Advantage:
    """The function of a `functools.partial`."""
    return getattr(advantage, "func", advantage)


def same_pair(batch: Batch) -> Float[Tensor, "B B"]:
    """1 where two rows have the same source and target, else 0."""
    source, target = batch.tokens[:, 0], batch.tokens[:, 1]
    same = (source[:, None] == source) & (target[:, None] == target)
    return same.to(batch.reward.dtype)


def own_return(group: Group) -> Float[Tensor, " B"]:
    """The return itself, as in REINFORCE."""
    return group.returns


def minus_batch_mean(group: Group, *, share: Number = 1.0) -> Float[Tensor, " B"]:
    """The return minus (a share of) the mean return of the whole batch."""
    return group.returns - share * group.returns.mean()


def minus_constant(group: Group, *, baseline: Number = 0.5) -> Float[Tensor, " B"]:
    """The return minus a number that stays the same."""
    return group.returns - baseline


def leave_one_out(group: Group) -> Float[Tensor, " B"]:
    """The return minus the mean return of the others of its group; 0 for a path without others.

    Source: RLOO, arXiv 2402.14740. TRL: RLOOTrainer; verl: adv_estimator=rloo.
    """
    others = group.size - 1
    advantage = group.returns - (group.same @ group.returns - group.returns) / others.clamp(min=1)
    return torch.where(others > 0, advantage, 0.0)


def centred(group: Group) -> Float[Tensor, " B"]:
    """The return minus the mean return of its group, itself included.

    Source: Dr. GRPO, arXiv 2503.20783. It is (G - 1) / G times `leave_one_out`.
    TRL: scale_rewards="none"; verl: norm_adv_by_std_in_grpo=False.
    """
    return group.returns - group.mean(group.returns)


def standardised(group: Group, *, eps: Number = EPS) -> Float[Tensor, " B"]:
    """The `centred` return over the standard deviation (with Bessel's correction) of its group.

    Source: GRPO, DeepSeekMath, arXiv 2402.03300. TRL: scale_rewards="group"; verl:
    norm_adv_by_std_in_grpo=True.
    """
    mean = group.mean(group.returns)
    square = group.same * (group.returns - mean[:, None]).square()
    deviation = (square.sum(1) / (group.size - 1).clamp(min=1)).sqrt()
    return (group.returns - mean) / (deviation + eps)


def pass_at_k(group: Group, *, k: int = 8) -> Float[Tensor, " B"]:
    """k times the probability that k - 1 others of the group, drawn at random, are all wrong.

    0 for a wrong path. The expected gradient is that of the probability that at least one of k
    paths is correct, 1 - (1 - p)^k, if the group has at least k paths; where no group has so many
    it raises InputError. Source: pass@k policy optimisation, arXiv 2505.15201, with its
    leave-one-out baseline.
    """
    others = group.size - 1
    if (others < k - 1).all():
        raise InputError(
            f"pass@{k} needs groups of at least {k} paths of a pair, the largest here has "
            f"{int(others.max()) + 1}: sample larger groups (group={k}), or take a smaller k"
        )
    wrong = others - (group.same @ group.correct - group.correct)
    draws = torch.arange(k - 1).to(wrong)
    left = (wrong[:, None] - draws).clamp(min=0) / (others[:, None] - draws).clamp(min=1)
    return k * group.correct * left.prod(1)


def share_of_successes(group: Group) -> Float[Tensor, " B"]:
    """What a path earned over the mean of its group: every group with a success counts the same.

    This is rejection fine-tuning (RFT) on fresh samples: SFT on the correct paths, pair by pair.
    """
    mean = group.mean(group.earned)
    return torch.where(mean > 0, group.earned / mean.clamp(min=1e-12), 0.0)


# ------------------------------------------------------------------------------------------------
# Those below also depend on how probable the path is.


def inverse_probability(group: Group, *, most: Number = 1e4) -> Float[Tensor, " B"]:
    """What a path earned over its probability, at most `most` times what it earned.

    Each correct path then counts equally often in expectation, however rarely it is drawn.
    Source: IPS-GRPO, arXiv 2601.21669, with the path as outcome and without a baseline.
    """
    return group.earned * (-group.log_prob).exp().clamp(max=most)


def uniform_correct(group: Group, *, weight: Number = 1.0) -> Float[Tensor, " B"]:
    """`leave_one_out`, and for correct paths minus `weight` times their surplus of log-probability.

    The surplus is the log-probability minus its mean over the correct paths of the group. It pulls
    towards the uniform distribution over correct paths. Source: the idea of UCPO (arXiv
    2605.00365), a penalty on the policy's distribution over correct answers; the form is ours.
    """
    correct = group.correct
    count = (group.same @ correct).clamp(min=1)
    log_prob = torch.where(correct > 0, group.log_prob, 0.0)
    surplus = correct * (log_prob - group.same @ log_prob / count)
    return leave_one_out(group) - weight * surplus


OF_EARNED: tuple[Advantage, ...] = (pass_at_k, share_of_successes, inverse_probability)
"""Advantages of what a path earned: a penalty in the return of a path has no effect on them."""

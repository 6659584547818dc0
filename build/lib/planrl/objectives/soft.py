"""Soft losses: logits are soft Q-values over a temperature, and softmax of the logits the policy.

Write f for the logits of nodes, V = log sum exp f, and m for a step of a path. The error of a step
is

    delta_m = (r_m - cost) / temperature + V_{m+1} - f_m[k_m],  V = 0 after the target

and three losses make it small, each with the fixed point of `soft_values`:

    soft Q-learning      mean delta_m^2, where the next value has no gradient
    path consistency     mean (delta_m + ... + delta_{m+length-1})^2, with all gradients
    trajectory balance   the same over the whole path, which telescopes to
                         (return - cost) / temperature - log q(path) - V(source)

END is no node: sample with Sampler(may_stop=False). The batch may be on- or off-policy.
`trajectory_balance` of `preferences` estimates V(source) by the mean over a group of paths instead.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import torch

from planrl.errors import number, whole
from planrl.losses import check_bounds, checked
from planrl.tasks import Batch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

WHOLE = 10_000  # steps: longer than any path
TEMPERATURE = partial(number, least=1e-9)


def _valid(logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """The steps that count, and which of all steps end their path.  # [B, T] twice"""
    target, end = batch.tokens[:, 1:2], logits.shape[-1] - 1
    current, next_node = batch.tokens[:, :-1], batch.tokens[:, 1:]
    last = (next_node == target) | (next_node == end)
    step = batch.chosen & (current != target)
    step[:, -1] &= last[:, -1]  # a path cut off by its length: its next value is not known
    return step, last


def _values(logits: Tensor, batch: Batch) -> Tensor:
    """log sum exp over the nodes at each position before the target; else 0.  # [B, T]"""
    going = batch.chosen & (batch.tokens[:, :-1] != batch.tokens[:, 1:2])
    chosen = torch.where(going[..., None], logits[..., :-1], 0.0)  # rows of -inf make gradients nan
    return torch.where(going, chosen.logsumexp(-1), 0.0)


def _errors(
    logits: Tensor, batch: Batch, values: Tensor, temperature: float, cost: float
) -> tuple[Tensor, Tensor]:
    """delta of each step, 0 where none counts, and which steps count.  # [B, T] twice"""
    step, last = _valid(logits, batch)
    after = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], 1)
    after = torch.where(last, 0.0, after)
    taken = logits.gather(-1, batch.tokens[:, 1:, None]).squeeze(-1)
    delta = (batch.reward - cost) / temperature + after - taken
    return torch.where(step, delta, 0.0), step


@checked(temperature=TEMPERATURE, cost=number, value_bounds=check_bounds)
def soft_q_learning(
    logits: Float[Tensor, "B T V"],
    batch: Batch,
    *,
    temperature: float = 1.0,
    cost: float = 0.0,
    value_bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Float[Tensor, ""]:
    """Mean squared error of temperature * logits as soft Q-values: log-sum-exp in max's stead.

    `cost` is what every step costs; it must be high enough for the sums over paths to have an end
    (see `soft_values`), and an illegal step must cost more than the longest shortest path. Both are
    in units of the reward. `value_bounds` (low, high), in the same units, clips the next soft
    value. The next logits come from the frozen copy if there is one (a target network).
    Source: soft Q-learning, arXiv 1702.08165.
    """
    read = logits if batch.frozen is None else batch.frozen
    low, high = (bound / temperature for bound in value_bounds)
    values = _values(read.detach(), batch).clamp(low, high)
    delta, step = _errors(logits, batch, values, temperature, cost)
    return delta.square().sum() / step.sum().clamp(min=1)


@checked(temperature=TEMPERATURE, cost=number, length=partial(whole, least=1))
def path_consistency(
    logits: Float[Tensor, "B T V"],
    batch: Batch,
    *,
    temperature: float = 1.0,
    cost: float = 0.0,
    length: int = WHOLE,
) -> Float[Tensor, ""]:
    """Mean squared inconsistency of all stretches of `length` steps, or of what is left of a path.

    A stretch is consistent if its reward minus its cost, over the temperature, is the
    log-probability of its steps plus the fall of the value on it. The default takes each path from
    each of its nodes to its end; from the source, that is trajectory balance with the model's own
    partition function.
    Source: path consistency learning, arXiv 1702.08892 (unified: one table holds policy and value).
    """
    delta, step = _errors(logits, batch, _values(logits, batch), temperature, cost)
    steps = delta.shape[1]
    before = torch.cat([torch.zeros_like(delta[:, :1]), delta.cumsum(1)], 1)
    until = (torch.arange(steps) + length).clamp(max=steps)
    inconsistency = torch.where(step, before[:, until] - before[:, :-1], 0.0)
    return inconsistency.square().sum() / step.sum().clamp(min=1)

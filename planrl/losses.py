"""Losses: pure functions of the model's logits and a batch. Gradient descent makes them smaller.

Write i for the target, j for where a walk stands, k for the next node, q = softmax(logits) and
f = logits. The sums run over chosen steps m.

    SFT               - mean log q_m[k_m]
    policy gradient   - (1/B) sum_m log q_m[k_m] * sg( G - lambda * log(q_m[k_m] / q_m^base[k_m]) )
    Q-learning        mean ( f_m[k_m] - r_m - gamma * sg( max_k f_{m+1}[k] ) )^2

G is the walk's return (the sum of its rewards), sg stops the gradient. The KL part is a *penalty*:
it pulls the policy towards the base (Theorem 4.4; the sign printed in the sources would push it
away). Q-learning reads the raw logits as Q-values and does not look beyond the target.

A model may forbid tokens by logits of -inf. Steps that are not chosen are left out by indexing or
`torch.where`, never by a product with 0: 0 times infinity is no number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Union

import torch

from planrl.errors import InputError, number
from planrl.tasks import Batch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

Loss = Callable[["Tensor", Batch], "Tensor"]
"""(logits [B, T, V], batch) -> a scalar to be made smaller."""

Number = Union[float, int, "Tensor"]
"""An option of a loss: plain, and checked; or a tensor of one number, and not checked."""


def _is_tensor(value: Number, name: str) -> bool:
    """Whether an option is a tensor; it must be one number then."""
    if not isinstance(value, torch.Tensor):
        return False
    if value.numel() != 1:
        raise InputError(f"{name} is one number, not a tensor of shape {list(value.shape)}")
    return True


def _of_next(values: Tensor, batch: Batch) -> Tensor:
    """values[b, m, next token of step m].  # [B, T, V] -> [B, T]"""
    return values.gather(-1, batch.tokens[:, 1:, None]).squeeze(-1)


def _log_probs(logits: Tensor, batch: Batch) -> Tensor:
    """log q of each chosen token, 0 where none was chosen.  # [B, T, V] -> [B, T]"""
    return torch.where(batch.chosen, _of_next(logits.log_softmax(-1), batch), 0.0)


def _followed(logits: Tensor, batch: Batch) -> Tensor:
    """Logits through which a gradient can pass: where nothing is chosen all may be -inf."""
    return torch.where(batch.chosen[..., None], logits, 0.0)


def _weights(logits: Tensor, logp: Tensor, batch: Batch, correction: str | None) -> Tensor | None:
    """The importance weight of each step, or of each path; None where all are 1.

    Raises InputError if the batch is off-policy and no correction is asked for, or the one that is
    asked for can't be made.  # [B, T] or [B, 1]
    """
    if correction not in (None, "none", "token", "sequence"):
        raise InputError(
            f'correction={correction!r} was given: choose "token" or "sequence" for importance '
            'weights, "none" to do without, or leave it out if the batch is on-policy'
        )
    source = batch.source
    if correction == "none" or (source is None and correction is None):
        return None
    drawn = batch.chosen
    if source is None or source.stop_at_target:  # END behind the target is written, not drawn
        drawn = drawn & (batch.tokens[:, :-1] != batch.tokens[:, 1:2])
    if source is not None:
        stops = not source.may_stop and bool((logits[..., -1] > -math.inf)[drawn].any())
        why, missing = source.off_policy(stops), source.leaves_out(stops)
        if correction is None and why:
            raise InputError(
                f"this loss needs an on-policy batch, but {why}. Ask for importance weights by "
                'correction="token" or "sequence", or accept the bias by correction="none"'
            )
        if correction is None or (not why and source.learner is source.policy):
            return None
        if missing:
            raise InputError(
                f"correction={correction!r} is not possible: of the policy's paths {missing} can't "
                'be in this batch. Draw the paths otherwise, or accept the bias: correction="none"'
            )
    if batch.log_probs is None:
        raise InputError(
            f"correction={correction!r} needs the log-probabilities that the tokens were drawn "
            "with: on_policy(..., record_probs=True), or Batch(..., log_probs=...)"
        )
    ratio = torch.where(drawn, logp.detach() - batch.log_probs, 0.0)
    return (ratio if correction == "token" else ratio.sum(1, keepdim=True)).exp()


def _reinforce(logp: Tensor, value: Tensor, batch: Batch, weights: Tensor | None) -> Tensor:
    """- (1/B) sum_m logp * value, over the chosen steps that are worth anything."""
    if weights is not None:
        value = torch.where(weights == 0.0, 0.0, weights * value)
    counted = batch.chosen & (value != 0.0)
    return -(torch.where(counted, logp, 0.0) * value).sum() / len(logp)


def sft(logits: Float[Tensor, "B T V"], batch: Batch) -> Float[Tensor, ""]:
    """Mean surprise, in nats, at the demonstrated choices: -log q[next | target, here]."""
    logq = logits[batch.chosen].log_softmax(-1)  # [M, V]
    return -logq.gather(-1, batch.tokens[:, 1:][batch.chosen][:, None]).squeeze(-1).mean()


def policy_gradient(
    logits: Float[Tensor, "B T V"],
    batch: Batch,
    *,
    baseline: Number = False,
    kl: Number = 0.0,
    correction: str | None = None,
) -> Float[Tensor, ""]:
    """REINFORCE with whole-walk returns, and `kl` (lambda) times a pull towards the frozen base.

    The batch must be on-policy; one that is known not to be (another policy or sampler drew its
    paths, or this one with older parameters) is refused unless `correction` is given. Of a batch
    made by hand nothing is known, so it is taken. With mu for the probabilities the tokens were
    drawn with and rho = q / mu, the expected gradient is

        "sequence"  the on-policy one, exactly: each path is weighted by the product of its rho
        "token"     each step is weighted by its own rho. So each node counts as often as mu visits
                    it, and what follows a step as what mu earns there: exact for paths of one step
        "none"      not weighted: steps, too, count as often as mu takes them

    The weights of a path grow and shrink exponentially with its length, those of a step do not.
    `baseline` subtracts the batch's mean return (or that share of it); off-policy it is the mean of
    mu's returns, which matters only to END behind a target: that is written and not drawn.
    The KL estimate is the single-sample one at the chosen token; with kl > 0 the batch needs the
    base model's logits: train(..., TrainConfig(refresh=0)). Source: the paper's policy gradient
    loss, Theorems 4.1-4.4.
    """
    plain = not _is_tensor(kl, "kl")
    if plain and not number(kl, "kl") >= 0.0:
        raise InputError(f"kl is the penalty's weight lambda, at least 0, but kl={kl} was given")
    if not _is_tensor(baseline, "baseline") and not isinstance(baseline, bool):
        number(baseline, "baseline")
    logp = _log_probs(_followed(logits, batch), batch)  # [B, T]
    weights = _weights(logits, logp, batch, correction)
    value = batch.reward.sum(1, keepdim=True)  # [B, 1]
    if baseline is not False:
        value = value - baseline * value.mean()
    if not plain or kl > 0.0:
        if batch.frozen is None:
            raise InputError(
                f"policy_gradient with kl={kl} needs the frozen base: use TrainConfig(refresh=0)"
            )
        value = value - kl * (logp.detach() - _log_probs(batch.frozen, batch))
    return _reinforce(logp, value, batch, weights)


def group_relative(
    logits: Float[Tensor, "B T V"], batch: Batch, *, correction: str | None = None
) -> Float[Tensor, ""]:
    """REINFORCE with each return less the mean return of the batch's walks of the same question.

    GRPO's advantage (DeepSeekMath, arXiv 2402.03300) without its clipping, its division by the
    standard deviation and its KL term. The batch must be on-policy, or `correction` given, as in
    `policy_gradient`. A question whose walks are all right, or all wrong, or that was drawn once,
    moves nothing.
    """
    logp = _log_probs(_followed(logits, batch), batch)  # [B, T]
    weights = _weights(logits, logp, batch, correction)
    pair = batch.tokens[:, 0] * logits.shape[-1] + batch.tokens[:, 1]
    same = (pair[:, None] == pair).to(batch.reward.dtype)  # [B, B]
    value = batch.reward.sum(1)
    advantage = value - same @ value / same.sum(1)  # [B]
    return _reinforce(logp, advantage[:, None], batch, weights)


def q_learning(
    logits: Float[Tensor, "B T V"],
    batch: Batch,
    *,
    discount: Number = 1.0,
    cap: Number = math.inf,
    floor: Number = -math.inf,
) -> Float[Tensor, ""]:
    """Mean squared temporal-difference error of the logits, read as Q-values.

    The TD target is reward + discount * max over the next position's logits of the nodes, without
    gradient, and the reward alone at a step into the target or into END. The logits come from the
    frozen copy if there is one (a target network: TrainConfig(refresh=n)), else from the model.
    `cap` and `floor` are the largest and the smallest value a place can have under the best policy,
    if they are known: with our rewards the reward at the target, and 0, since a step straight to
    the target pays its own fine. Nothing beyond them is bootstrapped, so that errors cannot feed on
    themselves. Any walks will do, on- or off-policy, but let the
    walker choose among nodes only (Sampler(may_stop=False)): END ends all further fines, and a
    model that may say it learns to give up. Source: the paper's Q-learning loss, Theorems 5.1-5.3.
    """
    if not _is_tensor(discount, "discount") and not 0.0 <= number(discount, "discount") <= 1.0:
        raise InputError(f"discount is between 0 and 1, but discount={discount} was given")
    plain = not (_is_tensor(cap, "cap") or _is_tensor(floor, "floor"))
    if plain and not float(floor) <= float(cap):  # nan is not
        raise InputError(f"floor is at most cap, but floor={floor} and cap={cap} were given")
    target, end = batch.tokens[:, 1:2], logits.shape[-1] - 1
    current, next_node = batch.tokens[:, :-1], batch.tokens[:, 1:]
    terminal = (next_node == target) | (next_node == end)
    step = batch.chosen & (current != target)
    step[:, -1] &= terminal[:, -1]  # a walk cut off by its length: what follows is not known
    best = (logits if batch.frozen is None else batch.frozen).detach()[..., :-1].amax(-1)
    best = torch.where(best == -math.inf, 0.0, best)  # no node is allowed: nothing more is earned
    best = best.maximum(torch.as_tensor(floor)).minimum(torch.as_tensor(cap))
    after = torch.cat([best[:, 1:], torch.zeros_like(best[:, :1])], 1)
    after = torch.where(terminal, 0.0, after)
    error = torch.where(step, _of_next(logits, batch) - batch.reward - discount * after, 0.0)
    return error.square().sum() / step.sum().clamp(min=1)

"""Losses: pure functions of a model's logits and a batch. Training makes them smaller.

Write i for the target, j for the current node, k for the next node, f for the logits and
q = softmax(f) for the policy. The sums run over the chosen steps m of B paths.

    SFT               - mean log q_m[k_m]
    policy gradient   - (1/B) sum_m log q_m[k_m] * sg( G - lambda * log(q_m[k_m] / q_m^base[k_m]) )
    Q-learning        mean ( f_m[k_m] - r_m - gamma * sg( max_k f_{m+1}[k] ) )^2

G is the return of the path (the sum of its rewards), and sg stops the gradient. The KL term is a
*penalty*: it pulls the policy towards the base model (Theorem 4.4; with the sign printed in the
sources it would push the policy away). Q-learning reads the raw logits as Q-values.

A model may forbid tokens by logits of -inf. Steps that are not chosen are left out by indexing or
`torch.where`, never by a product with 0, because 0 times infinity is not a number.

The losses do not check the ranges of their options, which may also be tensors with one element:
`train` calls `check_options` once, before the first update, and settings do where they are made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, Union

import torch

from planrl.errors import InputError, number, shown
from planrl.tasks import Batch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

Loss = Callable[["Tensor", Batch], "Tensor"]
"""(logits [B, T, V], batch) -> a scalar to be made smaller."""

Number = Union[float, int, "Tensor"]
"""An option of a loss: a number, or a tensor with one element."""

CORRECTIONS = (None, "none", "token", "sequence")


Rule = Callable[[Any, str], object]
"""(value of an option, its name) -> raises InputError if the option can't have this value."""
Made = TypeVar("Made", bound=Callable[..., Any])


def checked(**rules: Rule) -> Callable[[Made], Made]:
    """Give a loss a rule for each of its options, by which `check_options` checks them."""

    def with_rules(loss: Made) -> Made:
        loss.rules = {**getattr(loss, "rules", {}), **rules}  # type: ignore[attr-defined]
        return loss

    return with_rules


def check_options(loss: Loss) -> None:
    """Raise InputError for options, given by `functools.partial`, that a loss can't have.

    The rules are those that the loss was given by `checked`; one of another module may have none.
    """
    given = loss.keywords if isinstance(loss, partial) else {}
    for name, rule in getattr(getattr(loss, "func", loss), "rules", {}).items():
        if isinstance(given.get(name), torch.Tensor):
            _check_one(given[name], name)
        elif name in given:
            rule(given[name], name)


def check_bounds(given: Sequence[Number], name: str) -> None:
    """Raise InputError unless value bounds are two numbers (low, high) with low < high."""
    if len(given) != 2 or not float(given[0]) < float(given[1]):  # nan is not smaller
        raise InputError(f"{name} is (low, high) with low < high, not {shown(given)}")


def _check_one(given: Number, name: str) -> None:
    if isinstance(given, torch.Tensor) and given.numel() != 1:
        raise InputError(
            f"{name} is one number, or a tensor with one element: one of shape "
            f"{list(given.shape)} was given"
        )


def _check_baseline(given: Any, name: str) -> None:
    if not isinstance(given, bool):
        number(given, name)


def _check_correction(given: Any, name: str) -> None:
    if given not in CORRECTIONS:
        raise InputError(
            f'{name}={given!r} was given: choose "token" or "sequence" for importance '
            'weights, "none" to do without, or leave it out if the batch is on-policy'
        )


def _of_next(values: Tensor, batch: Batch) -> Tensor:
    """values[b, m, next token of step m].  # [B, T, V] -> [B, T]"""
    return values.gather(-1, batch.tokens[:, 1:, None]).squeeze(-1)


def chosen_log_probs(logits: Tensor, batch: Batch) -> Tensor:
    """log q of each chosen token, 0 where none was chosen.  # [B, T, V] -> [B, T]"""
    return torch.where(batch.chosen, _of_next(logits.log_softmax(-1), batch), 0.0)


def differentiable(logits: Tensor, batch: Batch) -> Tensor:
    """The logits, but 0 where nothing is chosen: a row of -inf there would make gradients nan."""
    return torch.where(batch.chosen[..., None], logits, 0.0)


def drawn_steps(batch: Batch) -> Tensor:
    """Which steps were drawn: the chosen ones but END after the target, where it is written.

    Of a batch made by hand it is assumed that END is written there.  # [B, T]
    """
    if batch.source is not None and not batch.source.stop_at_target:
        return batch.chosen
    return batch.chosen & (batch.tokens[:, :-1] != batch.tokens[:, 1:2])


def departs(logits: Tensor, batch: Batch) -> tuple[str, str]:
    """Why a batch is off-policy, and which of the policy's paths can't be in it; "" for nothing."""
    source = batch.source
    if source is None:
        return "", ""
    stops = not source.may_stop and bool((logits[..., -1] > -math.inf)[drawn_steps(batch)].any())
    return source.off_policy(stops), source.leaves_out(stops)


def _weights(logits: Tensor, logp: Tensor, batch: Batch, correction: str | None) -> Tensor | None:
    """The importance weight of each step, or of each path; None where all are 1.

    Raises InputError if the batch is off-policy and no correction is asked for, or if the
    correction that is asked for can't be computed.  # [B, T] or [B, 1]
    """
    _check_correction(correction, "correction")
    source = batch.source
    if correction == "none" or (source is None and correction is None):
        return None
    if source is not None:
        why, missing = departs(logits, batch)
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
    ratio = torch.where(drawn_steps(batch), logp.detach() - batch.log_probs, 0.0)
    return (ratio if correction == "token" else ratio.sum(1, keepdim=True)).exp()


def _reinforce(logp: Tensor, value: Tensor, batch: Batch, weights: Tensor | None) -> Tensor:
    """- (1/B) sum_m logp * value, over the chosen steps whose value is not 0."""
    if weights is not None:
        value = torch.where(weights == 0.0, 0.0, weights * value)
    counted = batch.chosen & (value != 0.0)
    return -(torch.where(counted, logp, 0.0) * value).sum() / len(logp)


def sft(logits: Float[Tensor, "B T V"], batch: Batch) -> Float[Tensor, ""]:
    """Mean negative log-likelihood of the demonstrated steps, in nats."""
    logq = logits[batch.chosen].log_softmax(-1)  # [M, V]
    return -logq.gather(-1, batch.tokens[:, 1:][batch.chosen][:, None]).squeeze(-1).mean()


@checked(kl=partial(number, least=0.0), baseline=_check_baseline, correction=_check_correction)
def policy_gradient(
    logits: Float[Tensor, "B T V"],
    batch: Batch,
    *,
    baseline: Number = False,
    kl: Number = 0.0,
    correction: str | None = None,
) -> Float[Tensor, ""]:
    """REINFORCE with the return of the whole path, and a KL penalty of weight `kl` (lambda).

    The batch must be on-policy. A batch that is known to be off-policy (another policy or sampler
    drew its paths, or this policy with older parameters) is refused unless `correction` is given;
    of a batch made by hand nothing is known, so it is accepted. With mu for the probabilities that
    the tokens were drawn with and rho = q / mu, the expected gradient is

        "sequence"  exactly the on-policy one: each path is weighted by the product of its rho
        "token"     each step is weighted by its own rho. So each node counts as often as mu visits
                    it, and the return is that of mu's continuations: exact for paths of one step
        "none"      not weighted: steps, too, count as often as mu takes them

    The weight of a path grows or shrinks exponentially with its length, the weight of a step does
    not. `baseline` subtracts the batch's mean return (or that share of it). The KL penalty is
    estimated from the chosen token alone, and needs the base model's logits in the batch:
    train(..., TrainConfig(refresh=0)). Its expected gradient is that of KL(q || base) at each node
    with the visits of nodes held fixed, not that of the KL between distributions of paths. So it is
    `planrl.objectives.reinforce` with the estimator k2 in the loss, or k1 in the token's reward.
    Source: the paper's policy gradient loss, Theorems 4.1-4.4.
    """
    _check_one(kl, "kl")
    logp = chosen_log_probs(differentiable(logits, batch), batch)  # [B, T]
    weights = _weights(logits, logp, batch, correction)
    value = batch.reward.sum(1, keepdim=True)  # [B, 1]
    if baseline is not False:
        value = value - baseline * value.mean()
    if batch.frozen is not None:
        value = value - kl * (logp.detach() - chosen_log_probs(batch.frozen, batch))
    elif kl:
        raise InputError(
            f"policy_gradient with kl={kl} needs the frozen base: use TrainConfig(refresh=0)"
        )
    return _reinforce(logp, value, batch, weights)


@checked(discount=partial(number, least=0.0, most=1.0), value_bounds=check_bounds)
def q_learning(
    logits: Float[Tensor, "B T V"],
    batch: Batch,
    *,
    discount: Number = 1.0,
    value_bounds: tuple[Number, Number] = (-math.inf, math.inf),
) -> Float[Tensor, ""]:
    """Mean squared temporal-difference (TD) error of the logits, read as Q-values.

    The TD target is reward + discount * (the largest logit of a node at the next position), without
    gradient. At a step into the target, or into END, it is the reward alone. The next logits come
    from the frozen copy if there is one (a target network: TrainConfig(refresh=n)), else from the
    model. `value_bounds` (low, high) clips the next value to what the best policy can earn, if that
    is known, so that errors cannot feed on themselves. With planrl's rewards that is between 0 and
    the reward at the target: an illegal step straight to the target earns that reward and pays the
    penalty for an illegal step.

    The batch may be on- or off-policy. Its paths should be sampled by Sampler(may_stop=False): if
    the model may emit END, it learns to emit END at once, because ending the path also ends the
    penalties for illegal steps. Source: the paper's Q-learning loss, Theorems 5.1-5.3.
    """
    _check_one(discount, "discount")
    low, high = value_bounds
    target, end = batch.tokens[:, 1:2], logits.shape[-1] - 1
    current, next_node = batch.tokens[:, :-1], batch.tokens[:, 1:]
    terminal = (next_node == target) | (next_node == end)
    step = batch.chosen & (current != target)
    step[:, -1] &= terminal[:, -1]  # a path cut off by its length: its next value is not known
    best = (logits if batch.frozen is None else batch.frozen).detach()[..., :-1].amax(-1)
    best = torch.where(best == -math.inf, 0.0, best)  # no node is allowed: nothing more is earned
    best = best.maximum(torch.as_tensor(low)).minimum(torch.as_tensor(high))
    after = torch.cat([best[:, 1:], torch.zeros_like(best[:, :1])], 1)
    after = torch.where(terminal, 0.0, after)
    error = torch.where(step, _of_next(logits, batch) - batch.reward - discount * after, 0.0)
    return error.square().sum() / step.sum().clamp(min=1)

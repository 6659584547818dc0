"""The objectives of `planrl.objectives` as one loss, whose terms have weights that are inputs.

A program has a fixed form, so a reader's choice among objectives can't select code. Each term of
each objective is computed and multiplied by an input: 1 where the choice has the term, 0 where it
has not. tests/labs/test_two_objectives.py compares the sum with the objectives themselves.

`ALGORITHM` trains it on one question.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from planrl.labs.engine.algorithms import (
    ADAM,
    BASE,
    ROWS,
    Algorithm,
    Carried,
    Stream,
    outcome,
)
from planrl.labs.engine.models import TOKENS, VOCAB, FunctionalModel
from planrl.labs.engine.rng import uniform
from planrl.labs.engine.sampling import Values, drawn_by, ended
from planrl.losses import chosen_log_probs, differentiable, drawn_steps
from planrl.objectives import advantages, clipping
from planrl.objectives.advantages import Group
from planrl.objectives.penalties import ENTROPIES, Terms, in_loss, in_path, in_token, k1, k2, k3
from planrl.objectives.preferences import preferred, spread
from planrl.tasks import PROMPT, Batch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

NO_CLIP = 1e6
ADVANTAGE: Mapping[str, float] = {
    "own_return": 1,
    "leave_one_out": 0,
    "centred": 0,
    "standardised": 0,
    "pass_at_k": 0,
    "share_of_successes": 0,
    "inverse_probability": 0,
    "uniform_correct": 0,
}
OF_PAIRS: Mapping[str, float] = {"preferred": 0, "balanced": 0}
LENGTH: Mapping[str, float] = {"summed": 1, "per_path": 0, "per_token": 0}
CLIPPING: Mapping[str, float] = {"clip_low": NO_CLIP, "clip_high": NO_CLIP, "filtered": 0}
KL: Mapping[str, float] = {
    **{"kl": 0, "k1": 0, "k2": 0, "k3": 0, "corrected": 0},
    **{"kl_loss": 0, "kl_token": 0, "kl_path": 0},
}
ENTROPY: Mapping[str, float] = {"entropy": 0, "entropy_loss": 0, "entropy_path": 0}
LATER: Mapping[str, float] = {"of_sequence": 0, "k": 2}
OBJECTIVE: Mapping[str, float] = {
    **{**ADVANTAGE, **OF_PAIRS, **LENGTH, **CLIPPING, **KL, **ENTROPY},
    **LATER,
}
"""The options of `objective_loss` with the values that make it REINFORCE: weights of terms, on (1)
or off (0), the weights of the penalty and the bonus, how far a ratio may leave 1, and the k of
pass@k. `of_sequence` takes one ratio for each path in place of one for each step. `preferred` and
`balanced` are DPO and trajectory balance, whose beta and temperature is the penalty's weight."""
MOST_K = 8
LEAST_BETA = 0.01  # of DPO, and the least temperature of trajectory balance
UNIFORMITY = 0.3  # of UCPO's pull to equal shares


def groups(rows: int, size: Float[Tensor, ""]) -> Float[Tensor, "B B"]:
    """1 where two rows are in the same group: each `size` rows in order are one."""
    number = (torch.arange(rows, device=size.device) / size).floor()
    return (number[:, None] == number).float()


def objective_loss(logits: Tensor, batch: Batch, given: Values) -> Float[Tensor, ""]:
    """The loss of the objective that the options in `given` describe, see `planrl.objectives`.

    `group` is the number of rollouts in a group.
    """
    logits = differentiable(logits, batch)
    logp, drawn = chosen_log_probs(logits, batch), drawn_steps(batch)
    rho = _ratio(clipping.log_ratio(logits, logp, batch), batch, given)
    terms = _penalty(logp, batch, rho, given) + _bonus(logits, logp, drawn, given)
    earned = batch.reward.sum(1)
    log_prob = torch.where(drawn, logp.detach(), 0.0).sum(1)
    group = Group(earned + terms.path, groups(len(logp), given["group"]), earned, log_prob)
    advantage = _advantage(group, given)[:, None] + terms.token
    clip: Any = given["clip_low"], given["clip_high"]  # taken like numbers
    step = terms.loss - clipping.surrogate(rho, advantage, clip)
    counted = batch.chosen & (group.differs | (given["filtered"] < 0.5))[:, None]
    return (
        given["summed"] * clipping.summed(step, counted)
        + given["per_path"] * clipping.per_path(step, counted)
        + given["per_token"] * clipping.per_token(step, counted)
        + _of_pairs(torch.where(drawn, logp, 0.0).sum(1), group, batch, given)
    )


def _of_pairs(log_prob: Tensor, group: Group, batch: Batch, given: Values) -> Tensor:
    """DPO, and trajectory balance with the base: losses that compare the paths of a group."""
    assert batch.frozen is not None
    of_base = torch.where(drawn_steps(batch), chosen_log_probs(batch.frozen, batch), 0.0).sum(1)
    beta = given["kl"].clamp(min=LEAST_BETA)
    moved = log_prob - of_base
    return given["preferred"] * preferred(beta * moved, group.earned, group.same) + given[
        "balanced"
    ] * spread(moved - group.earned / beta, group.same)


def _ratio(log_rho: Tensor, batch: Batch, given: Values) -> Tensor:
    """The importance ratio of each step, or at each step that of its path, [B, T]."""
    of_token = clipping.of_token(log_rho, batch.chosen)
    of_sequence = clipping.of_sequence(log_rho, batch.chosen)
    return of_token + given["of_sequence"] * (of_sequence - of_token)


def _advantage(group: Group, given: Values) -> Tensor:
    """The advantage of each path, [B]."""
    return (
        given["own_return"] * advantages.own_return(group)
        + given["leave_one_out"] * advantages.leave_one_out(group)
        + given["centred"] * advantages.centred(group)
        + given["standardised"] * advantages.standardised(group)
        + given["pass_at_k"] * _pass_at_k(group, given["k"])
        + given["share_of_successes"] * advantages.share_of_successes(group)
        + given["inverse_probability"] * advantages.inverse_probability(group)
        + given["uniform_correct"] * advantages.uniform_correct(group, weight=UNIFORMITY)
    )


def _pass_at_k(group: Group, k: Tensor) -> Tensor:
    """`advantages.pass_at_k` for a `k` that is an input; where a group is smaller, its size."""
    k = k.minimum(group.size)
    others = group.size - 1
    wrong = others - (group.same @ group.correct - group.correct)
    draws = torch.arange(MOST_K - 1, device=k.device, dtype=torch.float32)
    left = (wrong[:, None] - draws).clamp(min=0.0) / (others[:, None] - draws).clamp(min=1.0)
    return k * group.correct * torch.where(draws < k[:, None] - 1.0, left, 1.0).prod(1)


def _penalty(logp: Tensor, batch: Batch, rho: Tensor, given: Values) -> Terms:
    """The KL penalty at the drawn steps: its estimator, and where it is placed."""
    assert batch.frozen is not None
    drawn = drawn_steps(batch)
    x = torch.where(drawn, logp - chosen_log_probs(batch.frozen, batch), 0.0)
    estimate = given["k1"] * k1(x) + given["k2"] * k2(x) + given["k3"] * k3(x)
    estimate = estimate * (1.0 + given["corrected"] * (rho - 1.0))
    penalty = torch.where(drawn, given["kl"] * estimate, 0.0)
    return (
        in_loss(given["kl_loss"] * penalty)
        + in_token(given["kl_token"] * penalty)
        + in_path(given["kl_path"] * penalty)
    )


def _bonus(logits: Tensor, logp: Tensor, drawn: Tensor, given: Values) -> Terms:
    """Minus the entropy bonus at the drawn steps: exact in the loss, -log q in the return."""
    exact, of_drawn = (
        torch.where(drawn, given["entropy"] * ENTROPIES[where](logits, logp), 0.0)
        for where in ("loss", "path")
    )
    return in_loss(given["entropy_loss"] * exact) + in_path(given["entropy_path"] * of_drawn)


def one_question(model: FunctionalModel, given: Values) -> Tensor:
    """Paths for the shown pair, sampled from the policy of the first of `epochs` updates.

    All of these updates read the same rows.
    """
    first = given["epochs"] * (given["t"] / given["epochs"]).floor()
    number = uniform(given["seed"], first, 2, ROWS, TOKENS - PROMPT)
    settings = {**given, "may_stop": 1.0 + 0.0 * given["lr"], "epsilon": 0.0 * given["lr"]}
    prompt = VOCAB.prompt(given["question"].long()[None].expand(ROWS, 2))
    return ended(model.rollout(given["behaviour"], prompt, drawn_by(number, settings)))


def followed(given: Values) -> Values:
    """The policy that draws the next rows: after `epochs` updates the newest, else as before."""
    done = given["t"] + 1.0
    fresh = done - given["epochs"] * (done / given["epochs"]).floor() < 0.5
    return {"behaviour": torch.where(fresh, given["params"], given["behaviour"])}


ALGORITHM = Algorithm(
    stream=Stream(
        rows=one_question,
        reads=("question",),
        options={"temperature": 1, "epochs": 1},
        behaviour="behaviour",
    ),
    reward=outcome,
    loss=lambda given: partial(objective_loss, given=given),
    loss_options={**OBJECTIVE, "group": 8},
    frozen="base",
    carries={**ADAM, **BASE, "behaviour": Carried()},
    follow=followed,
)
"""It trains the shown pair alone, each batch for `epochs` updates."""

"""Where an objective stops, or what it conserves where it does not stop at one policy.

At a context with base b and values Q (see `contexts`), with lambda' = lambda / weight and beta' =
beta / weight the penalty and the bonus relative to the reward's weight (see `clock`; weight may
depend on p, then the point is solved for together with p):

    pull of KL(q || b)      q proportional to b exp(Q / lambda')           Theorem 4.4
    pull of KL(b || q)      q = lambda' b / (lambda' + V - Q)              accuracy is limited
    entropy bonus           q proportional to exp(Q / beta')
    IPS                     q proportional to Q: uniform over correct choices
    k1 summed over a path   the base's distribution of paths times exp(R / lambda), see `on_graph`

An objective without such a pull has no fixed policy: `Limit.policy` is None, and `Limit.says` tells
what is conserved, or where noise leads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError
from planrl.graphs import Graph
from planrl.objectives import advantages, clipping
from planrl.objectives.advantages import Advantage, bare
from planrl.objectives.clock import gaps, weight_of
from planrl.objectives.policy import Objective

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

Balance = Callable[["Tensor", "Tensor", "Tensor", "Tensor"], tuple["Tensor", "Tensor"]]
"""(base, values [K], lambda' and the accuracies V that are tried [S]) -> the policy for each V
[S, K], and by how much each V is too low [S]."""
TRIED = 64  # accuracies at once
ROUNDING = 1e-12  # of an accuracy
MOST_LOGIT = 34.0  # of an accuracy: beyond it, 1 - p is rounded to 0


@dataclass(frozen=True)
class Limit:
    """Where an objective leads at one context; `policy` is None if not to one policy."""

    policy: Float[Tensor, " K"] | None
    says: str


def tilted(base: Tensor, value: Tensor, strength: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Base times exp(Q / lambda'), normalised: where the pull of KL(q || b) balances the reward."""
    policy = (base.log() + value / strength[:, None]).softmax(-1)
    return policy, (policy * value).sum(-1) - v


def uniform_tilted(
    base: Tensor, value: Tensor, strength: Tensor, v: Tensor
) -> tuple[Tensor, Tensor]:
    """exp(Q / beta'), normalised over what the base can choose: an entropy bonus against it."""
    return tilted((base > 0).to(base), value, strength, v)


def forward_balanced(
    base: Tensor, value: Tensor, strength: Tensor, v: Tensor
) -> tuple[Tensor, Tensor]:
    """lambda' b / (lambda' + V - Q), with the V for which it sums to 1: the pull of KL(b || q)."""
    below = strength[:, None] + v[:, None] - value
    policy = torch.where(below > 0, strength[:, None] * base / below, torch.inf)
    policy = torch.where(base > 0, policy, 0.0)
    return policy, policy.sum(-1) - 1


NO_PULL = {
    ("k1", "loss"): "k1 in the loss has expected gradient 0: its noise alone moves the policy, and "
    "KL(U || q) drifts up by (lr lambda)^2 / 2 ||diag(q) - q q^T||^2 an update",
    ("k3", "token"): "k3 in the reward has the gradients of KL(q || b) and of KL(b || q) with "
    "opposite signs: no pull near the base, and from further away on to a single choice",
    (
        "k2",
        "token",
    ): "k2 in the reward is even in log(q / b), so it has no pull near the base: choices "
    "that the reward has raised keep the base's ratios, those that it has lowered fall for ever",
    ("k3", "path"): "k3 in the reward of the path has no pull near the base",
    ("k2", "path"): "k2 in the reward of the path has no pull to first order",
}
PULLS: dict[tuple[str, str], Balance] = {
    ("k1", "token"): tilted,
    ("k1", "path"): tilted,
    ("k2", "loss"): tilted,
    ("k3", "loss"): forward_balanced,
}
CORRECTED: dict[str, Balance] = {"k1": tilted, "k3": tilted}
"""Pulls of estimators in the loss that are multiplied by the importance ratio."""
LINEAR: tuple[Advantage, ...] = (
    advantages.own_return,
    advantages.minus_constant,
    advantages.leave_one_out,
    advantages.centred,
)
"""Advantages that are linear in the returns: weight does not depend on p."""
BY_VERDICT: tuple[Advantage, ...] = (
    *LINEAR,
    advantages.minus_batch_mean,
    advantages.standardised,
    advantages.pass_at_k,
    advantages.share_of_successes,
)
"""Advantages for which the reward's part of the expected update is weight(p) grad p."""
NOISE = (
    "no fixed policy: once all paths are correct the logits are a martingale, and KL(U || q) rises "
    "by (lr^2 / 2B) ||diag(q) - q q^T||^2 an update until one path is left"
)
CONTINUUM = (
    "no update once all paths are correct, so every distribution over correct paths stays. Before, "
    "the policy follows one curve, on which log-ratios of correct paths grow with logit p"
)
CONSERVED: dict[Advantage, str] = {
    advantages.own_return: NOISE,
    advantages.share_of_successes: NOISE,
    advantages.minus_constant: f"{NOISE}, times (1 - baseline)^2",
}


def fixed_point(
    objective: Objective,
    base: Float[Tensor, " K"],
    value: Float[Tensor, " K"],
    *,
    group: int = 8,
) -> Limit:
    """Where expected updates of an objective at one context lead, starting from the base.

    `value` is Q of each choice: 0 or 1 at a last step. Raises InputError for what is not known: an
    advantage that is not of this library, groups left out together with a penalty, two penalties.
    """
    base, value = base.double(), value.double()
    advantage = bare(objective.advantage)
    if objective.kl is None and objective.entropy is None:
        if advantage is advantages.inverse_probability and not value.any():
            return Limit(base, "nothing is earned here, so no update moves the policy")
        if advantage is advantages.inverse_probability:
            return Limit(value / value.sum(), "uniform over correct choices, from anywhere")
        _known(advantage, BY_VERDICT)
        return Limit(None, _conserved(objective.advantage))
    solver, strength, says = _penalty(objective)
    if solver is None:
        return Limit(None, says)
    if _placement(objective) == "path":
        _known(advantage, LINEAR)
        return Limit(_balanced(solver, base, value, partial(_constant, strength)), says)
    _known(advantage, BY_VERDICT)
    return Limit(_with_weight(objective, solver, strength, base, value, group), says)


def on_graph(
    objective: Objective,
    graph: Graph,
    target: int,
    base: Float[Tensor, "N V"],
    *,
    group: int = 8,
) -> Float[Tensor, "N V"]:
    """Where expected updates lead on a DAG for one target: the policy of each node.

    Solved from the target backwards, since Q(j, k) depends only on what comes after k. `base` may
    choose edges and END alone, and a step counts the same wherever it stands in a path
    (`clipping.summed`). A penalty summed over the path makes the distribution of paths base times
    exp(R / lambda): the base conditioned on success as lambda goes to 0. Rows that no path needs
    (the target's) are nan. Raises InputError where no one policy is known.
    """
    advantage = bare(objective.advantage)
    _known(advantage, LINEAR)
    solver, strength, says = _penalty(objective)
    if solver is None or not graph.is_dag:
        raise InputError(says if graph.is_dag else "this graph has cycles: take a DAG")
    able = torch.cat([graph.adjacency, torch.ones(graph.n, 1, dtype=torch.bool)], 1)
    if (base[~able] > 0).any():
        raise InputError("the base takes steps that are no edges: take one that does not")
    base = base.double()
    if _placement(objective) == "path":
        start = base if objective.kl is not None else (base > 0).double()
        return _of_paths(graph, target, start, strength)
    scale = float(weight_of(gaps(objective.advantage, group), torch.tensor(0.5)))
    given = partial(_constant, strength / scale)
    return _backwards(graph, target, base, lambda b, q: _balanced(solver, b, q, given))


def _backwards(
    graph: Graph, target: int, base: Tensor, solve: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """The policy of each node from its values, from the target backwards."""
    policy = torch.full_like(base, torch.nan)
    ahead = torch.zeros(graph.n + 1, dtype=torch.float64)
    ahead[target] = 1.0
    for node in reversed(_order(graph)):
        if node != target:
            policy[node] = solve(base[node], ahead)
            ahead[node] = (policy[node] * ahead).sum()
    return policy


def _of_paths(graph: Graph, target: int, base: Tensor, strength: float) -> Tensor:
    """The policy whose distribution of paths is base(path) exp(R / lambda), normalised.

    h(j) sums that over all paths from j: h(target) = exp(1 / lambda), h(END) = 1.
    """
    policy = torch.full_like(base, torch.nan)
    log_h = torch.zeros(graph.n + 1, dtype=torch.float64)
    log_h[target] = 1 / strength
    for node in reversed(_order(graph)):
        if node != target:
            of_steps = base[node].log() + log_h
            log_h[node] = of_steps.logsumexp(-1)
            policy[node] = of_steps.softmax(-1)
    return policy


def _order(graph: Graph) -> list[int]:
    """The nodes in topological order."""
    assert graph.order is not None
    return [int(node) for node in graph.order.tolist()]


def _with_weight(
    objective: Objective, solver: Balance, strength: float, base: Tensor, value: Tensor, group: int
) -> Tensor:
    """The policy for which the weight of the reward is that of its own accuracy."""
    if bare(objective.advantage) is advantages.minus_batch_mean:
        found = torch.ones(1, dtype=torch.float64)  # that of a large batch
    else:
        found = gaps(objective.advantage, group)
    return _balanced(solver, base, value, lambda p: strength / weight_of(found, p).clamp(min=1e-12))


def _balanced(
    solver: Balance, base: Tensor, value: Tensor, strength: Callable[[Tensor], Tensor]
) -> Tensor:
    """The policy whose accuracy V is the one that it was computed with.

    Of several, the one that updates from the base reach first: upwards in accuracy, or downwards
    where the policy at the base's accuracy has less. V is bracketed in its logit.
    """
    start = (base / base.sum() * value).sum().clamp(1e-15, 1 - 1e-15)
    _, first = solver(base, value, strength(start[None]), start[None])
    up = -1.0 if float(first) < -ROUNDING else 1.0
    low, high, policy = float(start.logit()), up * MOST_LOGIT, base[None]
    for _ in range(12):
        logits = torch.linspace(low, high, TRIED, dtype=torch.float64)
        v = logits.sigmoid()
        policy, too_low = solver(base, value, strength(v), v)
        at = int((up * too_low > 0).long().cumprod(0).sum())  # how many are on the near side
        low, high = float(logits[max(at - 1, 0)]), float(logits[min(at, TRIED - 1)])
        policy = policy[max(at - 1, 0)]
        if up * (high - low) <= 0:
            break
    return policy / policy.sum()


def _penalty(objective: Objective) -> tuple[Balance | None, float, str]:
    """How the penalty balances the reward, its weight, and what that is in words."""
    kl, entropy = objective.kl, objective.entropy
    if objective.filtered:
        raise InputError("no fixed point is known with a penalty and groups left out")
    if entropy is not None and kl is not None:
        raise InputError(
            "a fixed point is known for a KL penalty or an entropy bonus, not for both"
        )
    if entropy is not None:
        return uniform_tilted, float(entropy.weight), "proportional to exp(Q / beta')"
    if kl is None:
        return None, 0.0, _conserved(objective.advantage)
    if kl.corrected and objective.level is clipping.of_sequence:
        raise InputError(
            "a ratio of the whole answer on the KL estimate of each token: no end is known"
        )
    name = kl.estimator, kl.placement
    solver = CORRECTED.get(kl.estimator) if kl.corrected else PULLS.get(name)
    unknown = f"{kl.estimator} corrected is no unbiased estimate: no fixed point is known"
    return solver, float(kl.weight), SAYS[solver] if solver else NO_PULL.get(name, unknown)


def _conserved(advantage: Advantage) -> str:
    """What becomes of the policy where nothing pulls, in words."""
    share = getattr(advantage, "keywords", {}).get("share", 1.0)
    if bare(advantage) is advantages.minus_batch_mean and share != 1.0:
        return f"{NOISE}, times (1 - share)^2"
    return CONSERVED.get(bare(advantage), CONTINUUM)


SAYS: dict[Balance, str] = {
    tilted: "proportional to base times exp(Q / lambda'): the base's ratios among equals",
    forward_balanced: "lambda' b / (lambda' + V - Q): the base's ratios among equals, at the price "
    "of accuracy",
}


def _constant(strength: float, v: Tensor) -> Tensor:
    return torch.full_like(v, strength)


def _placement(objective: Objective) -> str:
    one = objective.kl or objective.entropy
    return one.placement if one is not None else ""


def _known(advantage: Advantage, known: tuple[Advantage, ...]) -> None:
    if advantage not in known:
        name = getattr(advantage, "__name__", repr(advantage))
        raise InputError(f"no fixed point is known for the advantage {name} with this penalty")

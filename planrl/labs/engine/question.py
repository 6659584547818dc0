"""What a lab measures of one question, exactly, and where theory says that training leads.

A path is correct if it reaches the target by edges alone within a row. Its probability is a product
over steps, so sums over all paths are products of matrices: nothing is sampled. The prediction is
that of `planrl.objectives.fixed_points` for a table, worked out node by node from the target
backwards. It takes a step that is no edge for the end of a path, and counts all steps alike. In
GRPO's mean over the steps of each path those of long paths count less: there it is near, not exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from planrl.labs.engine.measure import first_logits
from planrl.labs.engine.models import NODES, TOKENS, FunctionalModel
from planrl.labs.engine.objective import LEAST_BETA, OBJECTIVE
from planrl.labs.engine.sampling import SCALE, Values
from planrl.tasks import PROMPT

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    Policy = Float[Tensor, "N V"]
    """Probabilities [current, next] of steps to one target, END last."""

MOST_STEPS = TOKENS - PROMPT - 1  # of a path: the last token of a row is END
SWEEPS = 12  # of the prediction: more than steps, since a weight may depend on the accuracy
QUESTION_OPTIONS = {**OBJECTIVE, "group": 8.0}
LEAST = 1e-4  # of a penalty's weight in the prediction
MOST_PATHS = 1e4  # with more of them IPS cuts its weights, and there are detours
JUDGES = ("own_return", "leave_one_out", "centred", "standardised", "share_of_successes")
"""Advantages with which a penalty leads to the balance that theory knows."""


def question(model: FunctionalModel, given: Values) -> Values:
    """Accuracy and effective number of correct paths of the shown pair, now and as predicted.

    The prediction is nan where the objective leads to no one policy. `cell` and `limit` are the
    probabilities of the first step, measured and predicted; `policy` and `logits` are those of
    paths to the target, [current, next].
    """
    source, target = given["question"].long().unbind(0)
    base, logits = (first_logits(model, given[name], target) for name in ("base", "params"))
    policy = logits.softmax(-1)
    edges, arrived = given["adjacency"], (torch.arange(NODES) == target).float()
    start = (torch.arange(NODES, device=edges.device) == source).float()
    shares, count = uniform(base.softmax(-1), edges, start, arrived)
    levelled = given["inverse_probability"] + given["uniform_correct"] > 0.5
    limit = predicted(base.log_softmax(-1), edges, start, arrived, given)
    limit = torch.where(levelled, shares, limit)
    plain = (given["kl"] <= 0.0) & (given["entropy"] <= 0.0)
    told = (_has_limit(given) > 0.5) | (levelled & plain & (count <= MOST_PATHS))
    solved, left = paths(policy, edges, start, arrived)
    ends = [torch.where(told, one, torch.nan) for one in paths(limit, edges, start, arrived)]
    return {
        "solved": solved,
        "left": left,
        "limit_solved": ends[0],
        "limit_left": ends[1],
        "policy": policy,
        "logits": logits[:, :NODES] / SCALE,
        "cell": start @ policy,
        "limit": torch.where(told, start @ limit, torch.nan),
    }


def paths(
    policy: Policy,
    edges: Float[Tensor, "N N"],
    start: Float[Tensor, " N"],
    arrived: Float[Tensor, " N"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The probability of a correct path, and the effective number of correct paths.

    The latter is the exponential of the entropy of the paths that are correct; 1 if one is left.
    `start` and `arrived` are one-hot: the source and the target.
    """
    step = policy[:, :NODES] * edges
    surprise = step * policy[:, :NODES].clamp(min=1e-30).log()
    mass, log_mass = start, 0.0 * start  # of paths under way: sum of p, and of p log p
    solved = total = (start * 0.0).sum()
    for _ in range(MOST_STEPS):
        mass, log_mass = mass @ step, log_mass @ step + mass @ surprise
        solved, total = solved + (mass * arrived).sum(), total + (log_mass * arrived).sum()
        mass, log_mass = mass * (1.0 - arrived), log_mass * (1.0 - arrived)
    solved = solved.clamp(min=1e-20)
    return solved, (solved.log() - total / solved).exp().clamp(min=1.0)


def uniform(
    base: Policy, edges: Tensor, start: Tensor, arrived: Tensor
) -> tuple[Policy, Float[Tensor, ""]]:
    """The policy under which all correct paths are equally likely, and how many these are.

    A step's probability is its share among the uses of its node in all correct paths. Rows that no
    correct path needs are those of the base.
    """
    onward = edges * (1.0 - arrived)[:, None]  # a path ends where it first arrives
    within = [torch.zeros_like(start)]  # paths to the target in at most so many steps
    exact = arrived
    for _ in range(MOST_STEPS):
        within.append(within[-1] + exact)
        exact = onward @ exact
    mass, uses = start, torch.zeros_like(edges)
    for done in range(MOST_STEPS):
        uses = uses + mass[:, None] * onward * within[MOST_STEPS - done]
        mass = mass @ onward
    of_node = uses.sum(-1, keepdim=True)
    share = torch.nn.functional.pad(uses / of_node.clamp(min=1.0), (0, 1))
    return torch.where(of_node > 0.0, share, base), (start @ uses).sum()


def predicted(base: Policy, edges: Tensor, start: Tensor, arrived: Tensor, given: Values) -> Policy:
    """Where expected updates lead, from the logarithm of the `base`: a policy [current, next].

    One of four balances, see `fixed_points`: base times exp(Q / lambda'), lambda' b / (lambda' + V
    - Q), exp(Q / beta'), or for a penalty that is summed over the path base(path) exp(R / lambda).
    """
    value, log_h = arrived, torch.zeros_like(arrived)
    policy, x = base.exp(), torch.full_like(arrived, LEAST)
    balanced = given["balanced"] > 0.5
    forward = given["k3"] * given["kl_loss"] * (1.0 - given["corrected"]) > 0.5
    entropy, of_path = given["entropy"] > 0.0, (given["kl_path"] > 0.5) | balanced
    temperature = given["kl"].clamp(min=LEAST).maximum(LEAST_BETA * given["balanced"])
    for _ in range(SWEEPS):
        q = torch.nn.functional.pad(edges * value, (0, 1))  # END earns nothing
        weight = reward_weight((start * value).sum(), given)
        strength = (given["kl"] / weight).clamp(min=LEAST)
        x = _newton(x, base.exp(), q, strength)
        log_h = arrived / temperature + (1.0 - arrived) * log_h
        onward = torch.nn.functional.pad(edges * log_h, (0, 1))
        log_h = (base + onward).logsumexp(-1)
        tilted = (base + q / strength).softmax(-1)
        bonus = (q / (given["entropy"] / weight).clamp(min=LEAST)).softmax(-1)
        below = x[:, None] + q.amax(-1, keepdim=True) - q
        policy = torch.where(forward, strength * base.exp() / below, tilted)
        policy = torch.where(entropy & ~balanced, bonus, policy)
        policy = torch.where(of_path, (base + onward).softmax(-1), policy)
        value = arrived + (1.0 - arrived) * (policy * q).sum(-1)
    return policy / policy.sum(-1, keepdim=True)


def _has_limit(given: Values) -> Tensor:
    """1 where one penalty pulls to a policy that theory knows, or trajectory balance, else 0.

    With ratios of whole paths it knows none where they multiply a penalty of single steps. For
    pass@k nothing is told: its weight falls so fast with the accuracy that SWEEPS are too few.
    """
    in_loss = given["kl_loss"] * (given["k2"] + given["k3"])
    pulls = in_loss + given["k1"] * (given["kl_token"] + given["kl_path"])
    pulls = pulls - given["of_sequence"] * (given["corrected"] + given["kl_token"])
    kl, entropy = given["kl"] > 0.0, given["entropy"] > 0.0
    known = (kl & ~entropy & (pulls > 0.5)) | (entropy & ~kl & (given["entropy_loss"] > 0.5))
    judged = torch.stack([given[name] for name in JUDGES]).sum()
    read = judged - given["share_of_successes"] * given["kl_path"]
    known = known & (given["filtered"] < 0.5) & (read > 0.5)
    return (known | (given["balanced"] > 0.5)).float()


def _newton(x: Tensor, base: Tensor, q: Tensor, strength: Tensor) -> Tensor:
    """Two of Newton's steps towards lambda' + V - max Q, for which the policy sums to 1."""
    gap = q.amax(-1, keepdim=True) - q
    least = strength * torch.where(gap <= 0.0, base, 0.0).sum(-1)
    x = x.maximum(least)
    for _ in range(2):
        part = strength * base / (x[:, None] + gap)
        total, slope = part.sum(-1), (part / (x[:, None] + gap)).sum(-1)
        x = (x + total * (total - 1.0) / slope).maximum(least)
    return x


def reward_weight(p: Tensor, given: Values) -> Tensor:
    """The factor of grad p in the expected update, see `planrl.objectives.clock`."""
    size = given["group"]
    plain = given["own_return"] + given["leave_one_out"]
    shared = given["centred"] * (size - 1.0) / size
    of_share = (1.0 - (1.0 - p).pow(size)) / p.clamp(min=1e-6)
    earned = given["share_of_successes"] * of_share
    return plain + shared + earned + given["standardised"] * _standardised(p, size)


def _standardised(p: Tensor, size: Tensor) -> Tensor:
    """The weight of advantages that are divided by the standard deviation of their group."""
    p = p.clamp(1e-6, 1.0 - 1e-6)
    k = torch.arange(33, device=p.device, dtype=torch.float32)
    log_factorial = k.clamp(min=1.0).log().cumsum(0)
    wrong = (size - k).clamp(min=0.0)
    log_count = (
        (log_factorial * (k == size).float()).sum() - log_factorial - log_factorial[wrong.long()]
    )
    share = (log_count + k * p.log() + wrong * (1.0 - p).log()).exp() * (k <= size).float()
    spread = (k * wrong * size * (size - 1.0)).sqrt() / size.square()
    return (share * spread).sum() / (p * (1.0 - p))

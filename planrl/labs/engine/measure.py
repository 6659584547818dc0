"""What a lab measures of a model: one look, a pure function of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from planrl.labs.engine.models import NODES, TOKENS, VOCAB, Body
from planrl.labs.engine.rng import uniform
from planrl.labs.engine.sampling import (
    SCALE,
    SHOWN,
    Values,
    closure,
    drawn_by,
    ended,
    graph_of,
    greedy,
)
from planrl.tasks import PROMPT, judged

if TYPE_CHECKING:
    from torch import Tensor

PAIRS, SAMPLES, TEST_SAMPLES = 32, 16, 4  # of a look, and walks for each
EVALUATION_KNOBS: dict[str, float] = {
    "temperature": 1, "may_stop": 1, "target": 1, "edge": 1, "cost": 0, "discount": 1,
}  # fmt: skip
"""What a look reads of a learner's settings, and its value unless told otherwise."""


def evaluation(body: Body, given: Values) -> Values:
    """What we measure of a model: shares of right walks, ways, entropy; and matrices to be shown.

    Training questions get SAMPLES walks each, held-out ones TEST_SAMPLES, at the same chance in
    every look. `ways` counts the different right answers among a question's SAMPLES. The matrices
    are of the shown question's target: `policy` and `logits` [here, next], and `exact`, the fixed
    point of Q-learning for the rewards given.
    """
    graph, params = graph_of(given["adjacency"]), given["params"]
    seed, zero = given["seed"], torch.zeros_like(given["t"])
    device = params.device
    every = torch.arange(PAIRS, device=device)
    train = given["train_count"].long().clamp(min=1)
    rest = given["pair_count"] - given["train_count"]
    pairs = given["pairs"].long()
    train_pairs = pairs[every % train]
    test_pairs = pairs[train + every % rest.long().clamp(min=1)]
    one = torch.ones_like(given["temperature"])
    options = {**given, "epsilon": 0.0 * one}

    def rollouts(some: Tensor, samples: int, use: int) -> Tensor:
        prompt = VOCAB.prompt(some.repeat_interleave(samples, 0))
        number = uniform(seed, zero, use, len(some) * samples, TOKENS - PROMPT)
        return ended(body.rollout(params, prompt, drawn_by(number, options)))

    sampled = rollouts(train_pairs, SAMPLES, 3)
    right = judged(graph, sampled)[0].view(PAIRS, SAMPLES)
    rows = sampled.view(PAIRS, SAMPLES, TOKENS)
    same = (rows[:, :, None] == rows[:, None]).all(-1)  # [Q, S, S]
    earlier = same & torch.ones(SAMPLES, SAMPLES, device=device, dtype=torch.bool).tril(-1)
    diversity = (right & ~(earlier & right[:, None]).any(-1)).float().sum(1)
    test = judged(graph, rollouts(test_pairs, TEST_SAMPLES, 4))[0]
    likeliest = ended(
        body.rollout(params, VOCAB.prompt(torch.cat([train_pairs, test_pairs])), greedy(options))
    )
    best = judged(graph, likeliest)[0].float()
    arrived = torch.maximum(right.float().mean(), best[:PAIRS].mean())
    pair = given["question"].long()
    logits = _rows(body, params, pair[1])
    end = torch.arange(VOCAB.size, device=device) == VOCAB.end
    banned = end & (given["may_stop"] < 0.5)
    policy = torch.where(banned, -torch.inf, logits / given["temperature"]).softmax(-1)
    values, exact = logits[:, :NODES] / SCALE, _exact(pair[1], given)
    prompt = VOCAB.prompt(pair[None])
    plan = ended(body.rollout(params, prompt, greedy(options)))
    shown = given["rows"].long()
    valid = torch.arange(SHOWN, device=device)[:, None] < given["row_count"]
    asked = valid & (shown[:, 1:2] == pair[1]) & (shown[:, :-1] == pair[0])
    asked = asked & VOCAB.chosen(shown)
    steps = (shown[:, 1:, None] == torch.arange(VOCAB.size, device=device)) & asked[..., None]
    return {
        "train_sampled": right.float().mean(), "train_greedy": best[:PAIRS].mean(),
        "test_sampled": test.float().mean(), "test_greedy": best[PAIRS:].mean(),
        "ways": diversity.mean(), "entropy": _entropy(body, params, sampled, options),
        "policy": policy, "cell": policy.index_select(0, pair[:1]).squeeze(0),
        "shown": steps.float().sum((0, 1)) / steps.float().sum().clamp(min=1.0),
        "logits": values, "exact": exact,
        "failure": failure(values, pair[1], given, arrived), "plan": plan[0].float(),
    }  # fmt: skip


def _rows(body: Body, params: Tensor, target: Tensor) -> Tensor:
    """Logits [here, next] of the first step of walks to one target."""
    current = torch.arange(NODES, device=params.device)
    return body.logits(params, torch.stack([current, target + 0 * current, current], 1))[
        :, PROMPT - 1
    ]


def _entropy(body: Body, params: Tensor, tokens: Tensor, given: Values) -> Tensor:
    """Mean entropy, in nats, of the choices along these walks, the step to END at a target not."""
    some = tokens[:: SAMPLES // 4]
    chosen = VOCAB.chosen(some) & (some[:, :-1] != some[:, 1:2])
    logp = (body.logits(params, some[:, :-1]) / given["temperature"]).log_softmax(-1)
    entropy = -torch.where(logp == -torch.inf, 0.0, logp.exp() * logp).sum(-1)
    return torch.where(chosen, entropy, 0.0).sum() / chosen.float().sum().clamp(min=1.0)


def _exact(target: Tensor, given: Values) -> Tensor:
    """Q-learning's fixed point [here, next] for one target, by iteration from 0."""
    node = torch.arange(NODES, device=given["adjacency"].device)
    arrives = (node == target).float()
    earned = given["target"] * arrives - given["edge"] * (1.0 - given["adjacency"]) - given["cost"]
    value = torch.zeros_like(arrives)
    for _ in range(2 * NODES):
        value = (earned + given["discount"] * value * (1.0 - arrives)).amax(-1)
    return earned + given["discount"] * value * (1.0 - arrives)


FAILURES = ("none", "diverging", "constant", "wrong sign", "dead end", "not learnt")


def failure(
    values: Tensor, target: Tensor, given: Values, accuracy: Tensor | None = None
) -> Tensor:
    """Which of FAILURES the learnt values [here, next] of one target show, as its place there.

    Looked at where the target can be reached. Diverging: some value lies far outside what any
    return can be. Constant: the next nodes other than the target differ by less than a tenth of
    the reward. Wrong sign: right next nodes are worth less than wrong ones. Dead end: an edge that
    leads away from the target is worth as much as a right one. Not learnt: the values show none of
    these failures, but `accuracy`, the share of correct paths, is below one half. Without
    `accuracy` the values alone are judged.
    """
    node = torch.arange(NODES, device=values.device)
    reach = closure(given["adjacency"])
    able = reach.index_select(1, target[None]).squeeze(1)
    other = (node != target)[None].expand(NODES, NODES)
    asked = (able & (node != target))[:, None].expand(NODES, NODES)
    legal = given["adjacency"] > 0.5
    right, dead = asked & legal & able, asked & legal & ~able
    unit = given["target"].abs().clamp(min=0.1)

    def mean(where: Tensor) -> Tensor:
        return torch.where(where, values, 0.0).sum() / where.float().sum().clamp(min=1.0)

    most = given["target"].abs() + given["edge"].abs() + given["cost"].abs() * TOKENS
    diverging = torch.where(asked, values.abs(), 0.0).flatten().amax(0) > 2.0 * most + 1.0
    middle = mean(asked & other)
    square = torch.where(asked & other, (values - middle).square(), 0.0)
    spread = (square.sum() / (asked & other).float().sum().clamp(min=1.0)).sqrt()
    constant = spread < 0.1 * unit
    wrong_sign = mean(right) <= mean(asked & ~right)
    dead_end = dead.any() & (mean(dead) > mean(right) - 0.1 * unit)
    zero = torch.zeros_like(middle)
    code = zero if accuracy is None else torch.where(accuracy < 0.5, zero + 5.0, zero)
    code = torch.where(dead_end, zero + 4.0, code)
    code = torch.where(wrong_sign, zero + 3.0, code)
    code = torch.where(constant, zero + 2.0, code)
    return torch.where(diverging, zero + 1.0, code)

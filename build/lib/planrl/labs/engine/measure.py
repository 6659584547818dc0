"""What a lab measures of a model: one evaluation, as a pure function of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from planrl.labs.engine.models import NODES, TOKENS, VOCAB, FunctionalModel
from planrl.labs.engine.rng import uniform
from planrl.labs.engine.sampling import (
    SCALE,
    SHOWN,
    TracedGraph,
    Values,
    closure,
    drawn_by,
    ended,
    graph_of,
    greedy,
    sampling_temperature,
    soft_maximum,
)
from planrl.tasks import PROMPT, judged

if TYPE_CHECKING:
    from torch import Tensor

PAIRS, SAMPLES, TEST_SAMPLES = 32, 16, 4  # pairs of an evaluation, and paths for each
EVALUATION_OPTIONS: dict[str, float] = {
    **{"temperature": 1, "may_stop": 1},
    **{"target": 1, "edge": 1, "cost": 0, "discount": 1},
    **{"soft": 0, "checked": 1, "false_alarm": 0, "miss": 0},
}
"""What an evaluation reads of a learner's settings, with default values."""


def evaluate(model: FunctionalModel, given: Values) -> Values:
    """Accuracies, diversity and entropy of a model, and the matrices that a figure shows.

    For each training pair SAMPLES paths are sampled, for each held-out pair TEST_SAMPLES, with the
    same random numbers in every evaluation. `diversity` is the number of distinct correct
    paths among the SAMPLES of a pair. The matrices are those of the shown pair's target: `policy`
    and `logits` [current, next], and `exact`, the fixed point of Q-learning for the given rewards,
    checks and temperature of soft values; it is nan where these values do not settle.
    """
    graph, params = graph_of(given["adjacency"]), given["params"]
    given = {**given, "t": torch.zeros_like(given["t"])}  # so that all draw the same numbers
    given["temperature"] = sampling_temperature(given)
    train_pairs, test_pairs = _pairs(given)
    options = {**given, "epsilon": 0.0 * torch.ones_like(given["temperature"])}
    sampled = _sampled(model, train_pairs, SAMPLES, 3, options)
    correct, diversity = _diversity(graph, sampled)
    test = judged(graph, _sampled(model, test_pairs, TEST_SAMPLES, 4, options))[0]
    prompt = VOCAB.prompt(torch.cat([train_pairs, test_pairs]))
    best = judged(graph, ended(model.rollout(params, prompt, greedy(options))))[0].float()
    arrived = torch.maximum(correct.float().mean(), best[:PAIRS].mean())
    pair = given["question"].long()
    logits = first_logits(model, params, pair[1])
    policy = _policy(logits, given)
    values, (exact, settled) = logits[:, :NODES] / SCALE, _exact(pair[1], given)
    shows = failure(values, pair[1], given, arrived)
    plan = ended(model.rollout(params, VOCAB.prompt(pair[None]), greedy(options)))
    steps = _demonstrated(given, pair)
    return {
        "train_sampled": correct.float().mean(),
        "train_greedy": best[:PAIRS].mean(),
        "test_sampled": test.float().mean(),
        "test_greedy": best[PAIRS:].mean(),
        "diversity": diversity.mean(),
        "entropy": _entropy(model, params, sampled, options),
        "policy": policy,
        "cell": policy.index_select(0, pair[:1]).squeeze(0),
        "shown": steps.float().sum((0, 1)) / steps.float().sum().clamp(min=1.0),
        "logits": values,
        "exact": torch.where(settled, exact, torch.nan),
        "failure": torch.where(settled, shows, float(FAILURES.index("not settled"))),
        "plan": plan[0].float(),
    }


def _pairs(given: Values) -> tuple[Tensor, Tensor]:
    """The training pairs and the held-out pairs of an evaluation, [QUESTIONS, 2] each."""
    every = torch.arange(PAIRS, device=given["params"].device)
    train = given["train_count"].long().clamp(min=1)
    rest = given["pair_count"] - given["train_count"]
    pairs = given["pairs"].long()
    return pairs[every % train], pairs[train + every % rest.long().clamp(min=1)]


def _sampled(
    model: FunctionalModel, pairs: Tensor, samples: int, use: int, options: Values
) -> Tensor:
    """So many sampled paths for each pair, [pairs * samples, TOKENS]."""
    prompt = VOCAB.prompt(pairs.repeat_interleave(samples, 0))
    size = len(pairs) * samples, TOKENS - PROMPT
    number = uniform(options["seed"], options["t"], use, *size)
    return ended(model.rollout(options["params"], prompt, drawn_by(number, options)))


def _diversity(graph: TracedGraph, sampled: Tensor) -> tuple[Tensor, Tensor]:
    """Which paths are correct [Q, S], and how many distinct correct ones each pair has [Q]."""
    correct = judged(graph, sampled)[0].view(PAIRS, SAMPLES)
    rows = sampled.view(PAIRS, SAMPLES, TOKENS)
    same = (rows[:, :, None] == rows[:, None]).all(-1)  # [Q, S, S]
    lower = torch.ones(SAMPLES, SAMPLES, device=sampled.device, dtype=torch.bool).tril(-1)
    earlier = same & lower
    return correct, (correct & ~(earlier & correct[:, None]).any(-1)).float().sum(1)


def first_logits(model: FunctionalModel, params: Tensor, target: Tensor) -> Tensor:
    """Logits [current, next] of the first step of paths to one target."""
    current = torch.arange(NODES, device=params.device)
    prompt = torch.stack([current, target + 0 * current, current], 1)
    return model.logits(params, prompt)[:, PROMPT - 1]


def _policy(logits: Tensor, given: Values) -> Tensor:
    """The probabilities that a path is sampled with, [current, next]."""
    end = torch.arange(VOCAB.size, device=logits.device) == VOCAB.end
    banned = end & (given["may_stop"] < 0.5)
    return torch.where(banned, -torch.inf, logits / given["temperature"]).softmax(-1)


def _demonstrated(given: Values, pair: Tensor) -> Tensor:
    """Which demonstrated steps leave the shown pair's source on the way to its target, one-hot."""
    shown, device = given["rows"].long(), given["params"].device
    valid = torch.arange(SHOWN, device=device)[:, None] < given["row_count"]
    asked = valid & (shown[:, 1:2] == pair[1]) & (shown[:, :-1] == pair[0])
    asked = asked & VOCAB.chosen(shown)
    return (shown[:, 1:, None] == torch.arange(VOCAB.size, device=device)) & asked[..., None]


def _entropy(model: FunctionalModel, params: Tensor, tokens: Tensor, given: Values) -> Tensor:
    """Mean entropy, in nats, of the choices along these paths; the step to END is left out."""
    some = tokens[:: SAMPLES // 4]
    chosen = VOCAB.chosen(some) & (some[:, :-1] != some[:, 1:2])
    logp = (model.logits(params, some[:, :-1]) / given["temperature"]).log_softmax(-1)
    entropy = -torch.where(logp == -torch.inf, 0.0, logp.exp() * logp).sum(-1)
    return torch.where(chosen, entropy, 0.0).sum() / chosen.float().sum().clamp(min=1.0)


SETTLED = 2e-3  # what soft values may still change by in the last round, in rewards


def _exact(target: Tensor, given: Values) -> tuple[Tensor, Tensor]:
    """Q-learning's fixed point [current, next] for one target, by iteration from 0.

    Checks count with what they charge on average. Soft values have no fixed point where the sum
    over paths has no end; so it is also said whether they have settled.
    """
    node = torch.arange(NODES, device=given["adjacency"].device)
    arrives = (node == target).float()
    alarm, pays = given["false_alarm"], 1.0 - given["false_alarm"] - given["miss"]
    charged = given["edge"] * (given["checked"] * (alarm + pays * (1.0 - given["adjacency"])))
    earned = given["target"] * arrives - charged - given["cost"]
    value = before = torch.zeros_like(arrives)
    for _ in range(2 * NODES):
        before = value
        value = soft_maximum(earned + given["discount"] * value * (1.0 - arrives), given["soft"])
    settled = ((value - before).abs().amax(0) < SETTLED) | (given["soft"] <= 0.0)
    return earned + given["discount"] * value * (1.0 - arrives), settled


FAILURES = ("none", "diverging", "constant", "wrong sign", "dead end", "not learnt", "not settled")


def failure(
    values: Tensor, target: Tensor, given: Values, accuracy: Tensor | None = None
) -> Tensor:
    """Which of FAILURES the learnt values [current, next] of one target show, as an index.

    Values are judged where the target can be reached. Diverging: some value lies far outside the
    range of possible returns. Constant: the next nodes other than the target differ by less than a
    tenth of the reward, or of that share of it by which the checks tell illegal steps apart. Wrong
    sign: the mean of correct next nodes is at most the mean of incorrect ones. Dead end: edges from
    which the target cannot be reached are worth as much as correct ones, by the same measure.
    Not learnt: the values show none of these failures, but `accuracy`, the share of correct paths,
    is below one half. Without `accuracy` the values alone are judged.
    """
    node = torch.arange(NODES, device=values.device)
    reach = closure(given["adjacency"])
    able = reach.index_select(1, target[None]).squeeze(1)
    other = (node != target)[None].expand(NODES, NODES)
    asked = (able & (node != target))[:, None].expand(NODES, NODES)
    legal = given["adjacency"] > 0.5
    right, dead = asked & legal & able, asked & legal & ~able
    told = given["checked"] * (1.0 - given["false_alarm"] - given["miss"])
    unit = given["target"].abs().clamp(min=0.1) * torch.where(told > 0.0, told, 1.0)

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

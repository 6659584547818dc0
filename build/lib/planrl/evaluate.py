"""Scores of a model: accuracy, diversity, entropy, and what it holds of the graph.

Accuracy is always given twice: *sampled* (paths drawn at temperature 1 unless a sampler is given)
and *greedy* (the most likely token at each step). Diversity is the number of distinct correct paths
among S sampled paths of one pair; coverage divides it by the number of correct paths there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError
from planrl.graphs import MOST_CUBE, Graph, check_size
from planrl.models import PathModel, check_device
from planrl.sampling import Counted, Sampler, rollout, sample_distinct
from planrl.tasks import PROMPT, Task, Vocab, is_path, judged

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

ERRORS = ("no edge", "gave up", "too long")


@dataclass(frozen=True)
class Strict:
    """Accuracies that need the model to emit END right after the target, for each of M pairs."""

    accuracy: Float[Tensor, " M"]
    greedy: Float[Tensor, " M"]


@dataclass(frozen=True)
class Scores:
    """For each of M pairs: accuracy of S samples, greedy accuracy, diversity and coverage.

    `coverage` is nan where the graph has cycles: with them a pair has endlessly many paths, and no
    fast way to count those without a repeated node is known (#P-complete). `errors` counts
    the S * M sampled walks by what went wrong first, as shares; `entropy` is the mean entropy, in
    nats, of the model's choices along its own sampled walks.

    `strict_accuracy` and `strict_greedy`, if asked for, count a correct path by the probability
    that the model emits END right after the target, as the sampler would draw it there.
    """

    accuracy: Float[Tensor, " M"]
    greedy: Float[Tensor, " M"]
    diversity: Float[Tensor, " M"]
    coverage: Float[Tensor, " M"]
    errors: dict[str, float]
    entropy: float
    samples: int
    strict: Strict | None = None

    @property
    def strict_accuracy(self) -> Float[Tensor, " M"] | None:
        """Accuracy of the samples where END must follow, if `evaluate` was called with `strict`."""
        return None if self.strict is None else self.strict.accuracy

    @property
    def strict_greedy(self) -> Float[Tensor, " M"] | None:
        """Greedy accuracy where END must follow, if `evaluate` was called with `strict`."""
        return None if self.strict is None else self.strict.greedy

    def summary(self, prefix: str = "") -> dict[str, float]:
        """The means, by name, as a record can hold them."""
        names = ["accuracy", "greedy", "diversity", "coverage"]
        names += ["strict_accuracy", "strict_greedy"] * (self.strict is not None)
        means = {prefix + name: float(getattr(self, name).mean()) for name in names}
        return {**means, prefix + "entropy": self.entropy}

    def by(self, group: Int[Tensor, " M"]) -> dict[int, dict[str, float | int]]:
        """Pairs, mean accuracy and mean greedy accuracy for each value of `group`."""
        table: dict[int, dict[str, float | int]] = {}
        for value in group.unique().tolist():
            rows, names = group == value, ("accuracy", "greedy", "diversity")
            means = {name: float(getattr(self, name)[rows].mean()) for name in names}
            table[value] = {"pairs": int(rows.sum()), **means}
        return table


def first_error(graph: Graph, tokens: Int[Tensor, "B L"]) -> Int[Tensor, " B"]:
    """What went wrong in each row: 0 an illegal step, 1 END too early, 2 too long; -1 nothing."""
    vocab = Vocab(graph.n)
    vocab.check(tokens)
    into_end = tokens[:, 1:] == vocab.end
    illegal = vocab.chosen(tokens) & ~into_end & ~graph.legal[tokens[:, :-1], tokens[:, 1:]]
    error = torch.full((len(tokens),), 2)
    error[into_end.any(1)] = 1
    error[illegal.any(1)] = 0
    error[is_path(graph, tokens)] = -1
    return error


def evaluate(
    model: PathModel,
    task: Task,
    *,
    rng: torch.Generator,
    sampler: Sampler | None = None,
    samples: int = 32,
    strict: bool = False,
) -> Scores:
    """Scores on every pair of the task, from `samples` sampled paths and one greedy path.

    A path is ended at its target, so a model that would run on counts as correct. `strict` adds the
    accuracies that need the model to emit END there itself, for the same paths. Raises InputError
    if the sampler never draws END, or ends no path at its target (`stop_at_target=False`): then
    `accuracy` is the strict one already.
    """
    graph, sampler, (source, target) = task.graph, sampler or Sampler(), task.pairs.T
    if strict:
        _check_draws_end(sampler)
    rollouts = sample_distinct(model, task.pairs, samples, rng=rng, sampler=sampler)
    error = first_error(graph, rollouts.tokens)
    right = (error < 0).float()
    diversity = _per_pair(task, rollouts, right)
    greedy_sampler = replace(sampler, greedy=True, temperature=1.0, epsilon=0.0)
    best = rollout(model, task.pairs, rng=rng, sampler=greedy_sampler)
    scores = Scores(
        accuracy=_per_pair(task, rollouts, right * rollouts.count) / samples,
        greedy=is_path(graph, best).float(),
        diversity=diversity,
        coverage=diversity / (graph.count_paths()[target, source] if graph.is_dag else torch.nan),
        errors={
            name: float(rollouts.count[error == e].sum() / rollouts.count.sum())
            for e, name in enumerate(ERRORS)
        },
        entropy=_choice_entropy(model, rollouts),
        samples=samples,
    )
    if not strict:
        return scores
    ended = rollouts.count * _says_end(model, graph, rollouts.tokens, sampler)
    accuracy = _per_pair(task, rollouts, ended) / samples
    greedy = _says_end(model, graph, best, greedy_sampler)
    return replace(scores, strict=Strict(accuracy, greedy))


def _check_draws_end(sampler: Sampler) -> None:
    if not (sampler.may_stop and sampler.stop_at_target):
        raise InputError(
            "strict=True asks how often the model says END at the target. It goes with neither "
            "may_stop=False (END is never drawn) nor stop_at_target=False (accuracy is strict then)"
        )


def _per_pair(task: Task, rollouts: Counted, value: Tensor) -> Tensor:
    """The sum, for each pair, of a value of each distinct path."""
    return value.new_zeros(len(task.pairs)).index_add(0, rollouts.pair, value)


def _says_end(model: PathModel, graph: Graph, tokens: Tensor, sampler: Sampler) -> Tensor:
    """The probability that the model emits END after the target of each correct path; else 0."""
    found = torch.zeros(len(tokens), device=tokens.device)
    with torch.inference_mode():
        for first in range(0, len(tokens), 512):
            rows = tokens[first : first + 512]
            right, arrived = judged(graph, rows)
            if right.any():
                at_target = model(rows[right, :-1])[arrived[right]]
                found[first : first + 512][right] = sampler.probs(at_target)[:, -1]
    return found


def _choice_entropy(model: PathModel, rollouts: Counted) -> float:
    """Over at most 4,096 distinct paths, spread evenly over the pairs."""
    stride = -(-len(rollouts.count) // 4096)
    total, steps = 0.0, 0
    with torch.inference_mode():
        for rows, count in zip(
            rollouts.tokens[::stride].split(512), rollouts.count[::stride].split(512), strict=True
        ):
            chosen = model.vocab.chosen(rows) & (rows[:, :-1] != rows[:, 1:2])
            logp = model(rows[:, :-1])[chosen].log_softmax(-1)
            times = count[:, None].expand_as(chosen)[chosen]
            plogp = (logp.exp() * logp).masked_fill(logp == -torch.inf, 0.0)
            total -= float(plogp.sum(1) @ times.to(logp.dtype))
            steps += int(times.sum())
    return total / steps  # a path has at least one step: source and target differ


def next_logits(model: PathModel) -> Float[Tensor, "N N V"]:
    """Logits [target, current, next] of the first step of a path that starts at `current`."""
    check_device(model)
    n = model.vocab.n_nodes
    check_size(n, MOST_CUBE, "next_logits")
    target, current = torch.cartesian_prod(torch.arange(n), torch.arange(n)).T
    tokens = torch.stack([current, target, current], 1)
    with torch.no_grad():
        last = torch.cat([model(rows)[:, PROMPT - 1] for rows in tokens.split(1024)])
    return last.view(n, n, -1)


def auc(score: Float[Tensor, " N"], truth: Bool[Tensor, " N"]) -> float:
    """The probability that a true entry scores above a false one (ties count half)."""
    positive, negative = int(truth.sum()), int((~truth).sum())
    if not positive or not negative:
        raise InputError(f"AUC needs true and false entries; {positive} true, {negative} false")
    _, position, count = score.unique(return_inverse=True, return_counts=True)
    rank = count.cumsum(0) - (count.double() - 1) / 2  # mean rank of tied scores
    return float(
        (rank[position][truth].sum() - positive * (positive + 1) / 2) / positive / negative
    )


def watch(
    model: PathModel,
    tasks: Mapping[str, Task],
    *,
    rng: torch.Generator,
    samples: int = 32,
    sampler: Sampler | None = None,
) -> Callable[[], dict[str, float]]:
    """A measure for `probe`: the summary on each named task, under `name_accuracy` and so on.

    Every evaluation draws the same random numbers, those that follow the present state of `rng`, so
    that two of them differ by what was learned. `rng` itself is left as it is.
    """
    state = rng.get_state()

    def measure() -> dict[str, float]:
        summary: dict[str, float] = {}
        for name, task in tasks.items():
            same = torch.Generator().set_state(state)
            scores = evaluate(model, task, rng=same, sampler=sampler, samples=samples)
            summary |= scores.summary(f"{name}_")
        return summary

    return measure

"""Rewards and streams of batches that only experiments need: what a condition changes, by name.

A stream here is called with (dataset, model, base, rng) and yields batches of 128 paths.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import torch

from planrl.experiments.datasets import Dataset
from planrl.graphs import Graph
from planrl.models import PathModel
from planrl.sampling import Sampler
from planrl.streams import on_policy
from planrl.tasks import Batch, Reward, judged, outcome_reward, process_reward

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

SIZE = 128
SCALE = 10.0


def rows(tokens: Int[Tensor, "B L"]) -> list[bytes]:
    """Each row up to its first END, as bytes: equal paths give equal bytes whatever the padding."""
    if not len(tokens):
        return []
    end = int(tokens.max())  # a complete path ends with END, the largest token
    lengths = (tokens != end).sum(1).tolist()
    table = tokens.numpy().astype("<i2")
    return [row[:length].tobytes() for row, length in zip(table, lengths, strict=True)]


def demonstrated_reward(known: Collection[bytes]) -> Reward:
    """The outcome reward, paid only for the correct paths that are among the `known` rows."""
    paid = frozenset(known)

    def reward(graph: Graph, tokens: Tensor) -> Tensor:
        earned: Tensor = outcome_reward(graph, tokens)
        right = judged(graph, tokens)[0].nonzero().squeeze(1)
        fresh = [row not in paid for row in rows(tokens[right])]
        earned[right[torch.tensor(fresh, dtype=torch.bool)]] = 0.0
        return earned

    return reward


def noisy_process_reward(
    graph: Graph, share: float, rng: torch.Generator, *, fresh: bool, scale: float = SCALE
) -> Reward:
    """The process reward with edge checks that are wrong with probability `share`.

    With `fresh` noise every check is wrong independently of all others. Otherwise the noise is
    fixed: for each ordered pair of nodes it is decided once whether its check is wrong. Where an
    edge is judged to be none its step earns -scale; where a non-edge passes its step earns 0.
    """
    n = graph.n
    wrong = torch.rand(n + 1, n + 1, generator=rng) < share
    wrong[n, :] = wrong[:, n] = False  # END is no node: giving up is always noticed

    def reward(known: Graph, tokens: Tensor) -> Float[Tensor, "B T"]:
        earned: Tensor = process_reward(known, tokens, scale=scale)
        current, next_node = tokens[:, :-1], tokens[:, 1:]
        if fresh:
            flipped = torch.rand(current.shape, generator=rng) < share
            flipped &= (current != n) & (next_node != n)
        else:
            flipped = wrong[current, next_node]
        flipped &= known_steps(tokens, n)
        legal = known.legal[current, next_node]
        return torch.where(flipped, earned + torch.where(legal, -scale, scale), earned)

    return reward


def known_steps(tokens: Int[Tensor, "B L"], end: int) -> Tensor:
    """The chosen steps of these rows, but for the prompt and all from END on."""
    steps = (tokens[:, :-1] == end).cumsum(1) == 0
    steps[:, :2] = False
    return steps


def on_training_pairs(
    dataset: Dataset,
    model: PathModel,
    base: PathModel,
    rng: torch.Generator,
    sampler: Sampler | None = None,
) -> Iterator[Batch]:
    """On-policy rollouts on all training pairs of the dataset."""
    sampler = sampler or Sampler(max_tokens=dataset.max_tokens)
    return on_policy(model, dataset.train, rng=rng, sampler=sampler, size=SIZE)


def rollouts_of_base(
    sampler: Sampler, dataset: Dataset, model: PathModel, base: PathModel, rng: torch.Generator
) -> Iterator[Batch]:
    """The frozen base's rollouts, drawn as the sampler says, with process rewards."""
    task = replace(dataset.train, reward=partial(process_reward, scale=SCALE))
    how = replace(sampler, max_tokens=dataset.max_tokens)
    return on_policy(base, task, rng=rng, sampler=how, size=SIZE)


def rollouts_of_a_copy(
    renewed: int, dataset: Dataset, model: PathModel, base: PathModel, rng: torch.Generator
) -> Iterator[Batch]:
    """Rollouts of a copy of the learner that is renewed every `renewed` updates."""
    behaviour = copy.deepcopy(model)
    task = replace(dataset.train, reward=partial(process_reward, scale=SCALE))
    sampler = Sampler(epsilon=0.1, may_stop=False, max_tokens=dataset.max_tokens)
    batches = on_policy(behaviour, task, rng=rng, sampler=sampler, size=SIZE)
    for count, batch in enumerate(batches, 1):
        yield batch
        if count % renewed == 0:
            behaviour.load_state_dict(model.state_dict())

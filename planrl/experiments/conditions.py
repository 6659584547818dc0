"""When do the claims break? Policy gradient that hardly explores, checks that err, stale walks.

Each learner starts from the base of its seed on the random DAG, beside a plain one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from planrl.errors import InputError, check_fields
from planrl.experiments import study
from planrl.experiments.datasets import Dataset
from planrl.experiments.runs import Algorithm
from planrl.experiments.study import Learner, run_learners
from planrl.graphs import Graph, seeded
from planrl.models import PathModel
from planrl.sampling import Sampler
from planrl.streams import on_policy
from planrl.tasks import Batch, process_reward
from planrl.train import TrainConfig

NAME = "conditions"
SCALE = 10.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One seed. `cold` is the temperature that keeps policy gradient from exploring, `tiny` its
    smallest batch; `noise` the shares of wrong entries among a checker's edges; `stale` how many
    updates old the walker may get.
    """  # fmt: skip

    seed: int = 0
    nodes: int = 100
    base_steps: int = 700
    steps: int = 800
    cold: float = 0.1
    tiny: int = 2
    noise: tuple[float, ...] = (0.05, 0.2)
    stale: int = 200

    def __post_init__(self) -> None:
        check_fields(self)
        if not all(0.0 <= share < 1.0 for share in self.noise):
            raise InputError(f"noise is a share of the edges, from 0 to below 1: {self.noise}")

    def study(self) -> study.Settings:
        """The settings shared with the figures."""
        evaluations = tuple(sorted({max(self.steps // 4, 1), max(self.steps // 2, 1), self.steps}))
        small = self.nodes < 100
        return study.Settings(
            seed=self.seed,
            nodes=self.nodes,
            base_steps=self.base_steps,
            steps=self.steps,
            samples=20 if small else 100,
            eval_steps=evaluations,
        )


def grid(tier: str) -> dict[str, Settings]:
    """Three seeds; none are quick."""
    return {} if tier == "quick" else {f"seed{seed}": Settings(seed=seed) for seed in range(3)}


def mistaken(graph: Graph, share: float, rng: torch.Generator) -> Graph:
    """The graph as a checker knows it that errs: so many of its edges gone, as many others added.

    Added are pairs in the order of the nodes, so that no cycle appears.
    """
    count = round(share * len(graph.edges))
    edge = graph.adjacency
    absent = (~edge).triu(1)
    known = edge.clone()
    for there, now in ((edge, False), (absent, True)):
        positions = there.nonzero()
        some = positions[torch.randperm(len(positions), generator=rng)[:count]]
        known[some[:, 0], some[:, 1]] = now
    return Graph(graph.n, known.nonzero().tolist())


def _rollouts(
    sampler: Sampler, dataset: Dataset, model: PathModel, base: PathModel, rng: torch.Generator
) -> Iterator[Batch]:
    return on_policy(model, dataset.train, rng=rng, sampler=sampler, size=128)


def _checked(
    share: float,
    seed: int,
    dataset: Dataset,
    model: PathModel,
    base: PathModel,
    rng: torch.Generator,
) -> Iterator[Batch]:
    """Walks of Q-learning whose reward comes from a checker that errs."""
    known = mistaken(dataset.graph, share, seeded(seed, f"mistakes {share}"))

    def reward(graph: Graph, tokens: torch.Tensor) -> torch.Tensor:
        return process_reward(known, tokens, scale=SCALE)

    task = replace(dataset.train, reward=reward)
    sampler = Sampler(epsilon=0.1, may_stop=False, max_tokens=dataset.max_tokens)
    return on_policy(model, task, rng=rng, sampler=sampler, size=128)


def _aged(
    stale: int, dataset: Dataset, model: PathModel, base: PathModel, rng: torch.Generator
) -> Iterator[Batch]:
    """Walks of a copy of the learner that is renewed every `stale` updates."""
    behaviour = copy.deepcopy(model)
    reward = partial(process_reward, scale=SCALE)
    task = replace(dataset.train, reward=reward)
    sampler = Sampler(epsilon=0.1, may_stop=False, max_tokens=dataset.max_tokens)
    batches = on_policy(behaviour, task, rng=rng, sampler=sampler, size=128)
    for count, batch in enumerate(batches, 1):
        yield batch
        if count % stale == 0:
            behaviour.load_state_dict(model.state_dict())


def learners(settings: Settings) -> dict[str, Learner]:
    """The plain learners, and each condition changed by itself."""
    training = TrainConfig(steps=settings.steps, lr=3e-4)
    supervised = replace(training, lr=5e-4, weight_decay=0.1)
    gradient = Learner(algorithm=Algorithm(name="pg"), training=training)
    process = Algorithm(name="q", reward="process", reward_scale=SCALE, epsilon=0.1)
    valued = Learner(algorithm=process, training=training)
    aside = replace(process, off_policy=True, epsilon=0.0)
    found = {
        "continual SFT": Learner(algorithm=Algorithm(name="sft"), training=supervised),
        "policy gradient": gradient,
        "policy gradient, cold": replace(
            gradient,
            stream=partial(_rollouts, Sampler(temperature=settings.cold)),
            correction="none",
        ),
        "policy gradient, tiny batch": replace(gradient, batch=settings.tiny),
        "policy gradient, lambda 1": replace(gradient, algorithm=Algorithm(name="pg", kl=1.0)),
        "Q-learning": valued,
        "Q-learning, off-policy without exploration": replace(valued, algorithm=aside),
        "Q-learning, stale walker": replace(valued, stream=partial(_aged, settings.stale)),
    }
    for share in settings.noise:
        found[f"Q-learning, {share:.0%} of the checks wrong"] = replace(
            valued, stream=partial(_checked, share, settings.seed)
        )
    return found


def recipe(settings: Settings) -> dict[str, Any]:
    """How each learner is trained, as plain values."""
    return study.recipe(learners(settings), base_steps=settings.base_steps)


def run(settings: Settings) -> dict[str, Any]:
    """All learners of one seed."""
    result = run_learners(settings.study(), learners(settings))
    return {**result, "matrices": {}}

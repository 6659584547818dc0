"""Questions that SFT never saw: reinforcement learning trains on twice the questions of its base.

The base imitates answers to half of the training questions, the *old* ones; the learners are
rewarded on all of them. Does a strong KL penalty block the *new* ones? Are the old ones forgotten?
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import torch

from planrl.errors import check_fields
from planrl.evaluate import evaluate
from planrl.experiments import study
from planrl.experiments.datasets import Dataset, DatasetSettings, make_dataset
from planrl.experiments.runs import Algorithm
from planrl.experiments.study import Learner, Observer, base_model
from planrl.graphs import seeded
from planrl.models import PathModel
from planrl.streams import on_policy
from planrl.tasks import Task
from planrl.train import TrainConfig

NAME = "beyond"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One seed; `lambdas` are the penalty's weights."""

    seed: int = 0
    nodes: int = 100
    base_steps: int = 700
    steps: int = 1000
    lambdas: tuple[float, ...] = (0.0, 0.01, 0.1, 1.0)
    eval_steps: tuple[int, ...] = (200, 500, 1000)

    def __post_init__(self) -> None:
        check_fields(self)


def grid(tier: str) -> dict[str, Settings]:
    """Three seeds; none are quick."""
    return {} if tier == "quick" else {f"seed{seed}": Settings(seed=seed) for seed in range(3)}


def halved(dataset: Dataset) -> tuple[Dataset, Task, Task]:
    """The world with demonstrations of the old questions only; the old and the new questions."""
    pairs = dataset.train.pairs
    old = torch.arange(len(pairs)) % 2 == 0
    asked = torch.zeros(dataset.graph.n, dataset.graph.n, dtype=torch.bool)
    asked[pairs[old, 0], pairs[old, 1]] = True
    paths = dataset.paths[asked[dataset.paths[:, 0], dataset.paths[:, 1]]]
    tasks = [replace(dataset.train, pairs=pairs[some]) for some in (old, ~old)]
    return replace(dataset, train=tasks[0], paths=paths), tasks[0], tasks[1]


class _ThreeTasks(Observer):
    """Looks at old, new and held-out questions."""

    def __init__(self, dataset: Dataset, settings: study.Settings, tasks: dict[str, Task]) -> None:
        super().__init__(dataset, settings)
        self.asked = {**tasks, "test": self.tasks["test"]}

    def evaluate(self, model: PathModel, sampler: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, task in self.asked.items():
            rng = seeded(self.settings.seed, "look")
            scores = evaluate(model, task, rng=rng, samples=20, sampler=sampler)
            found |= scores.summary(f"{name}_")
        return found


def learners(settings: Settings) -> dict[str, Learner]:
    """Policy gradient for each lambda, by its name."""
    training = TrainConfig(steps=settings.steps, lr=3e-4)
    return {
        f"{kl:g}": Learner(algorithm=Algorithm(name="pg", kl=kl), training=training)
        for kl in settings.lambdas
    }


def recipe(settings: Settings) -> dict[str, Any]:
    """How each learner is trained, as plain values."""
    return study.recipe(learners(settings), base_steps=settings.base_steps)


def run(settings: Settings) -> dict[str, Any]:
    """{lambda: looks in columns}, for policy gradient from a base that knows half the questions."""
    torch.set_num_threads(1)
    began = time.process_time()
    dataset = make_dataset(DatasetSettings(nodes=settings.nodes, seed=settings.seed))
    everything = dataset.train
    half, old, new = halved(dataset)
    about = study.Settings(
        seed=settings.seed,
        nodes=settings.nodes,
        base_steps=settings.base_steps,
        steps=settings.steps,
        eval_steps=settings.eval_steps,
    )
    base = base_model(half, about)
    observer = _ThreeTasks(half, about, {"old": old, "new": new})

    def all_questions(
        dataset: Dataset, model: PathModel, base: PathModel, rng: torch.Generator
    ) -> Any:
        return on_policy(model, everything, rng=rng, size=128)

    table = {}
    for name, learner in learners(settings).items():
        asking = replace(learner, stream=all_questions)
        table[name], _ = study.follow(f"lambda {name}", asking, base, observer)
    facts = {"old_pairs": len(old.pairs), "new_pairs": len(new.pairs)}
    return {
        "lambdas": table,
        "facts": {**facts, "cpu_seconds": {"all": time.process_time() - began}},
    }

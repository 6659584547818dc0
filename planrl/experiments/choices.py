"""What our own choices change: each setting the paper does not state, undone by itself.

Each learner starts from the base of its seed on the random DAG, beside a plain one.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from planrl.errors import check_fields
from planrl.experiments import study
from planrl.experiments.datasets import Dataset
from planrl.experiments.runs import Algorithm
from planrl.experiments.study import Learner
from planrl.sampling import Sampler
from planrl.train import TrainConfig

NAME = "choices"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One seed: `steps` and `base_steps` are updates, `eval_steps` those after which we measure."""

    seed: int = 0
    nodes: int = 100
    base_steps: int = 700
    steps: int = 800
    samples: int = 100
    eval_steps: tuple[int, ...] = (200, 400, 800)

    def __post_init__(self) -> None:
        check_fields(self)


def grid(tier: str) -> dict[str, Settings]:
    """Two seeds; none are quick."""
    return {} if tier == "quick" else {f"seed{seed}": Settings(seed=seed) for seed in range(2)}


@dataclass(frozen=True, kw_only=True)
class MayGiveUp(Algorithm):
    """Q-learning whose walker may say END before its target."""

    def sampler(self, dataset: Dataset, epsilon: float = 0.0) -> Sampler:
        """Walks among nodes and END."""
        return Sampler(epsilon=epsilon, max_tokens=dataset.max_tokens)


def learners(settings: Settings) -> dict[str, Learner]:
    """Policy gradient and Q-learning as in the figures, and with one choice of ours undone."""
    training = TrainConfig(steps=settings.steps, lr=3e-4)
    process = Algorithm(name="q", reward="process", reward_scale=10.0, epsilon=0.1)
    algorithms = {
        "policy gradient": Algorithm(name="pg"),
        "policy gradient, with a baseline": Algorithm(name="pg", baseline=True),
        "Q-learning": process,
        "Q-learning, no cap on values": replace(process, value_bounds=(0.0, math.inf)),
        "Q-learning, no floor under values": replace(process, value_bounds=(-math.inf, 1.0)),
        "Q-learning, may give up": MayGiveUp(**asdict(process)),
        "Q-learning, rewards times 1": replace(process, reward_scale=1.0),
        "Q-learning, no exploration": replace(process, epsilon=0.0),
    }
    found = {name: Learner(algorithm=a, training=training) for name, a in algorithms.items()}
    for name in ("policy gradient", "Q-learning"):
        found[f"{name}, learning rate times 3"] = replace(
            found[name], training=replace(training, lr=9e-4)
        )
    return found


def recipe(settings: Settings) -> dict[str, Any]:
    """How each learner is trained, as plain values."""
    return study.recipe(learners(settings), base_steps=settings.base_steps)


def run(settings: Settings) -> dict[str, Any]:
    """{"learners": {name: looks in columns}, "facts": ...}."""
    torch.set_num_threads(1)
    about = study.Settings(
        seed=settings.seed,
        nodes=settings.nodes,
        base_steps=settings.base_steps,
        steps=settings.steps,
        samples=settings.samples,
        eval_steps=settings.eval_steps,
        pairs=200,
    )
    result = study.run_learners(about, learners(settings))
    return {**result, "matrices": {}}

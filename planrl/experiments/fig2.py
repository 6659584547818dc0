"""Fig. 2: continual SFT against policy gradient, with more and less of a KL penalty."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from planrl.experiments import study
from planrl.experiments.runs import Algorithm
from planrl.experiments.study import Learner, Settings, grid, run_learners
from planrl.train import TrainConfig

NAME = "fig2"
LAMBDAS = {  # the paper's are 0, 0.001, 0.01 and a sweep up to 0.1
    "policy gradient": 0.0,
    "policy gradient + KL 0.0001": 1e-4,
    "policy gradient + KL 0.001": 1e-3,
    "policy gradient + KL 0.01": 1e-2,
    "policy gradient + KL": 1e-1,
}


__all__ = ["NAME", "Settings", "grid", "learners", "recipe", "run"]


def learners(settings: Settings) -> dict[str, Learner]:
    """SFT that goes on, and policy gradient for each lambda."""
    reinforced = TrainConfig(steps=settings.steps, lr=3e-4)
    supervised = replace(reinforced, lr=5e-4, weight_decay=0.1)
    return {
        "continual SFT": Learner(algorithm=Algorithm(name="sft"), training=supervised),
        **{
            name: Learner(algorithm=Algorithm(name="pg", kl=kl), training=reinforced)
            for name, kl in LAMBDAS.items()
        },
    }


def recipe(settings: Settings) -> dict[str, Any]:
    """How each learner is trained, as plain values."""
    return study.recipe(learners(settings), base_steps=settings.base_steps)


def run(settings: Settings) -> dict[str, Any]:
    """All learners of one seed on one graph."""
    return run_learners(settings, learners(settings))

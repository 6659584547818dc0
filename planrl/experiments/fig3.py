"""Fig. 3: Q-learning with process and with outcome reward, on its own walks and on others'."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from planrl.experiments import study
from planrl.experiments.runs import Algorithm
from planrl.experiments.study import Learner, run_learners
from planrl.train import TrainConfig

NAME = "fig3"
DISCOUNTED = 0.9


@dataclass(frozen=True, kw_only=True)
class Settings(study.Settings):
    """As in Fig. 2, and which values Q-learning believes: none outside these, times the reward."""

    value_bounds: tuple[float, float] = (0.0, 1.0)


def grid(tier: str) -> dict[str, Settings]:
    """The same worlds, seeds and looks as in Fig. 2."""
    return {
        label: Settings(**{**asdict(settings), "eval_steps": settings.eval_steps})
        for label, settings in study.grid(tier).items()
    }


def learners(settings: Settings) -> dict[str, Learner]:
    """Q-learning: process reward on- and off-policy, outcome reward; discounted, on Blocksworld.

    On a graph in which every node reaches every other, values without a discount hold no goal.
    """
    training = TrainConfig(steps=settings.steps, lr=3e-4)
    process = Algorithm(
        name="q",
        reward="process",
        reward_scale=10.0,
        epsilon=0.1,
        value_bounds=settings.value_bounds,
    )
    found = {
        "Q-learning, process reward": process,
        "Q-learning, process reward, off-policy": replace(process, off_policy=True),
    }
    plain = training
    discounted = {}
    if settings.blocks:
        plain = replace(training, steps=max(settings.steps // 2, 1))  # long walks, soon settled
        discounted = {f"{name}, discount 0.9": replace(algorithm, discount=DISCOUNTED)
                      for name, algorithm in found.items()}  # fmt: skip
    ruined = replace(training, steps=max(settings.steps // 5, 1))
    return {
        **{name: Learner(algorithm=a, training=plain) for name, a in found.items()},
        **{name: Learner(algorithm=a, training=training) for name, a in discounted.items()},
        "Q-learning, outcome reward": Learner(
            algorithm=replace(process, reward="outcome"), training=ruined
        ),
    }


def recipe(settings: Settings) -> dict[str, Any]:
    """How each learner is trained, as plain values."""
    return study.recipe(learners(settings), base_steps=settings.base_steps)


def run(settings: Settings) -> dict[str, Any]:
    """All learners of one seed on one graph."""
    return run_learners(settings, learners(settings))

"""Where we differ from the paper: does one of the settings nobody states explain it?

One setting at a time is changed, and three learners are trained from the base that results: SFT
that goes on, policy gradient, and Q-learning with process reward.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from planrl.errors import check_fields
from planrl.experiments import fig3, study
from planrl.experiments.datasets import DatasetSettings, make_dataset
from planrl.experiments.fig2 import learners as fig2_learners
from planrl.experiments.study import Learner, Observer, base_model, follow

NAME = "falsify"
LEARNERS = ("continual SFT", "policy gradient", "Q-learning, process reward")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A world that differs from the figures' in one thing, or a base trained shorter or longer."""

    seed: int = 0
    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    base_steps: int = 700
    steps: int = 800
    eval_steps: tuple[int, ...] = (200, 400, 800)

    def __post_init__(self) -> None:
        check_fields(self)


def grid(tier: str) -> dict[str, Settings]:
    """Two seeds of each change; none are quick."""
    if tier == "quick":
        return {}
    found: dict[str, Settings] = {}
    for seed in range(2):
        plain = Settings(seed=seed, dataset=DatasetSettings(seed=seed))
        changed = {
            "plain": plain,
            "half-train": replace(plain, dataset=replace(plain.dataset, train_share=0.5)),
            "edges-train": replace(plain, dataset=replace(plain.dataset, force_edges=True)),
            "one-path": replace(plain, dataset=replace(plain.dataset, paths_per_pair=1)),
            "early-base": replace(plain, base_steps=350),
            "late-base": replace(plain, base_steps=5000),
            "digraph": replace(
                plain, dataset=replace(plain.dataset, cycles=True, nodes=50, edge_probability=0.06)
            ),
        }
        found |= {f"{name}-seed{seed}": settings for name, settings in changed.items()}
    return found


def _figure(settings: Settings) -> fig3.Settings:
    """The settings shared with the figures."""
    return fig3.Settings(
        seed=settings.seed,
        base_steps=settings.base_steps,
        steps=settings.steps,
        eval_steps=settings.eval_steps,
        pairs=200,
    )


def learners(settings: Settings) -> dict[str, Learner]:
    """Three of the figures' learners."""
    about = _figure(settings)
    both = {**fig2_learners(about), **fig3.learners(about)}
    return {name: both[name] for name in LEARNERS}


def recipe(settings: Settings) -> dict[str, Any]:
    """How each learner is trained, as plain values."""
    return study.recipe(learners(settings), base_steps=settings.base_steps)


def run(settings: Settings) -> dict[str, Any]:
    """{"learners": {name: looks in columns}, "facts": ...}."""
    torch.set_num_threads(1)
    began = time.process_time()
    about = _figure(settings)
    dataset = make_dataset(settings.dataset)
    base, observer = base_model(dataset, about), Observer(dataset, about)
    table = {
        name: follow(name, learner, base, observer)[0]
        for name, learner in learners(settings).items()
    }
    facts = {**observer.facts(), "cpu_seconds": {"all": time.process_time() - began}}
    return {"learners": table, "facts": facts}

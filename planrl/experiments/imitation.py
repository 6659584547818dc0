"""What SFT makes of a Transformer: Theorem 3.1, Assumption 3.1, and what it never learns.

One model a file: its size, its seed, trained by SFT alone, looked at on its way.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from planrl.errors import check_fields
from planrl.evaluate import evaluate
from planrl.experiments import study
from planrl.experiments.datasets import Dataset, DatasetSettings, make_dataset
from planrl.experiments.probes import explained, memorised, weights
from planrl.experiments.study import base_learner
from planrl.graphs import seeded
from planrl.tasks import Task, degrees, observed
from planrl.train import train
from planrl.transformer import Transformer, TransformerConfig

if TYPE_CHECKING:
    pass

NAME = "imitation"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A model's layers and heads; SFT for `steps` updates, looked at after each of `eval_steps`."""

    seed: int = 0
    layers: int = 1
    heads: int = 1
    nodes: int = 100
    width: int = 120
    steps: int = 3000
    eval_steps: tuple[int, ...] = (700, 3000)

    def __post_init__(self) -> None:
        check_fields(self)


def grid(tier: str) -> dict[str, Settings]:
    """The paper's model with ten seeds; deeper ones and one of four heads with three, shorter."""
    if tier == "quick":
        return {"quick-1x1": Settings(nodes=30, width=48, steps=200, eval_steps=(100, 200))}
    paper = {f"1x1-seed{seed}": Settings(seed=seed) for seed in range(10)}
    short = Settings(steps=700, eval_steps=(700,))
    sizes = ((1, 4), (2, 1), (4, 1), (4, 4))
    return paper | {
        f"{layers}x{heads}-seed{seed}": replace(short, seed=seed, layers=layers, heads=heads)
        for layers, heads in sizes
        for seed in range(3)
    }


def recipe(settings: Settings) -> dict[str, Any]:
    """How the model is trained, as plain values."""
    return study.recipe({"SFT": base_learner(settings.steps)})


def run(settings: Settings) -> dict[str, Any]:
    """{"looks": one dict for each look, "facts": sizes and seconds}."""
    torch.set_num_threads(1)
    began = time.process_time()
    dataset = make_dataset(DatasetSettings(nodes=settings.nodes, seed=settings.seed))
    config = TransformerConfig(layers=settings.layers, heads=settings.heads, width=settings.width)
    model = Transformer(dataset.train.vocab, config, seeded(settings.seed, "weights"))
    how = base_learner(settings.steps)
    rng = seeded(settings.seed, "base batches")
    batches = how.algorithm.stream(dataset, model, model, rng, how.batch)
    evaluations = []
    for record in train(model, batches, how.algorithm.loss(), how.training):
        if record.step in settings.eval_steps:
            evaluations.append({"step": record.step, **measure(model, dataset, settings.seed)})
    facts = {"edges": len(dataset.graph.edges), "train_pairs": len(dataset.train.pairs)}
    return {
        "evaluations": evaluations,
        "facts": {**facts, "cpu_seconds": {"all": time.process_time() - began}},
    }


def measure(model: Transformer, dataset: Dataset, seed: int) -> dict[str, Any]:
    """All we measure of a model trained by imitation, as plain values."""
    pairs = dataset.test.pairs[
        torch.randperm(len(dataset.test.pairs), generator=seeded(seed, "look"))
    ]
    task = Task(dataset.graph, pairs[:1000])
    scores = evaluate(model, task, rng=seeded(seed, "walks"), samples=20)
    seen = observed(dataset.test.vocab, dataset.paths)
    found: dict[str, Any] = {
        **scores.summary("test_"),
        "test_by_degree": scores.by(degrees(task, seen)),
        **memorised(model, dataset),
        **explained(model, dataset, seed),
    }
    if model.config.layers == 1:
        found |= weights(model, dataset)
    return found

"""Five learners from one base, on the paper's graph: who is right, and in how many ways?

SFT trains a base model on demonstrated paths of 20 % of the questions. From there: SFT goes on
(continual SFT), policy gradient without and with a KL penalty, Q-learning with process and with
outcome reward. Each is looked at on its way, on training questions and on held-out ones, sampled at
temperature 1 and greedily.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from planrl.evaluate import evaluate, recovery
from planrl.experiments.runs import Algorithm
from planrl.experiments.worlds import World, WorldSettings, make_world
from planrl.graphs import seeded
from planrl.models import PathModel
from planrl.rollouts import Sampler
from planrl.tasks import degrees, observed
from planrl.train import TrainConfig, train
from planrl.transformer import Transformer, TransformerConfig

NAME = "learners"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One seed of it; `steps` and `base_steps` are updates, `looks` those we measure after."""

    seed: int = 0
    nodes: int = 100
    base_steps: int = 700
    steps: int = 2000
    outcome_steps: int = 200
    samples: int = 100
    test_samples: int = 10
    looks: tuple[int, ...] = (100, 200, 400, 800, 1400, 2000)


def grid(tier: str) -> dict[str, Settings]:
    """Three seeds; none are quick."""
    return {} if tier == "quick" else {f"seed{s}": Settings(seed=s) for s in range(3)}


def learners(settings: Settings) -> dict[str, tuple[Algorithm, TrainConfig, int]]:
    """Each learner's algorithm, training and batch size."""
    supervised = TrainConfig(steps=settings.steps, lr=5e-4, weight_decay=0.1)
    reinforced = TrainConfig(steps=settings.steps, lr=3e-4)
    valued = reinforced
    process = Algorithm(name="q", reward="process", reward_scale=10.0, epsilon=0.1)
    outcome = replace(process, reward="outcome")
    return {
        "continual SFT": (Algorithm(name="sft"), supervised, 128),
        "policy gradient": (Algorithm(name="pg"), reinforced, 128),
        "policy gradient + KL": (Algorithm(name="pg", kl=0.1), replace(reinforced, refresh=0), 128),
        "Q-learning, process reward": (process, valued, 128),
        "Q-learning, outcome reward": (outcome, replace(valued, steps=settings.outcome_steps), 128),
    }


def base_model(world: World, settings: Settings) -> Transformer:
    """The SFT model every learner starts from."""
    vocab, seed = world.train.vocab, settings.seed
    model = Transformer(vocab, TransformerConfig(), seeded(seed, "weights"))
    config = TrainConfig(steps=settings.base_steps, lr=5e-4, weight_decay=0.1)
    algorithm = Algorithm(name="sft")
    batches = algorithm.stream(world, model, model, seeded(seed, "base batches"), 256)
    for _ in train(model, batches, algorithm.loss(), config):
        pass
    return model


def look(model: PathModel, world: World, settings: Settings, sampler: Sampler) -> dict[str, Any]:
    """All we measure of a model, as plain values."""
    on_train, on_test = (
        evaluate(model, task, rng=seeded(settings.seed, "look"), samples=samples, sampler=sampler)
        for task, samples in (
            (world.train, settings.samples),
            (world.test, settings.test_samples),
        )
    )
    seen = observed(world.test.vocab, world.paths)
    return {
        **on_train.summary("train_"),
        **on_test.summary("test_"),
        "test_by_degree": on_test.by(degrees(world.test, seen)),
        "test_errors": on_test.errors,
        **asdict(recovery(model, world.graph)),
    }


def run(settings: Settings) -> dict[str, Any]:
    """Train every learner of one seed; {learner: {"step": [...], "train_accuracy": [...], ...}}."""
    torch.set_num_threads(1)
    began = time.process_time()
    world = make_world(WorldSettings(nodes=settings.nodes, seed=settings.seed))
    base = base_model(world, settings)
    table: dict[str, Any] = {}
    for name, (algorithm, config, size) in learners(settings).items():
        model = copy.deepcopy(base)
        rng = seeded(settings.seed, f"walks of {name}")
        batches = algorithm.stream(world, model, base, rng, size)
        sampler = algorithm.sampler(world)
        looks = [{"step": 0, **look(base, world, settings, sampler)}]
        for record in train(model, batches, algorithm.loss(), config):
            if record.step in settings.looks:
                looks.append({"step": record.step, **look(model, world, settings, sampler)})
        table[name] = {key: [row[key] for row in looks] for key in looks[0]}
    facts: Mapping[str, Any] = {
        "edges": len(world.graph.edges),
        "train_pairs": len(world.train.pairs),
        "test_pairs": len(world.test.pairs),
        "cpu_seconds": time.process_time() - began,
    }
    return {"facts": facts, "learners": table}

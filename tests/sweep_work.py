"""What the tests' sweeps run; a module of its own, so that other processes find it."""

import hashlib
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch

import planrl as pr


@dataclass(frozen=True, kw_only=True)
class Settings:
    seed: int = 0
    lr: float = 0.1
    model: str = "table"
    nap: float = 0.0
    notes: str = ""


def square(settings):
    time.sleep(settings.nap)
    if settings.notes:
        with Path(settings.notes).open("a") as file:
            file.write(f"{settings.seed}\n")
    return {"square": settings.seed**2, "process": os.getpid(), "threads": torch.get_num_threads()}


class OddError(Exception):
    def __init__(self, seed, more):
        super().__init__(f"{seed} is odd")


def even_only(settings):
    time.sleep(settings.nap)
    if settings.seed % 2:
        raise OddError(settings.seed, "which its pickle does not keep")
    return settings.seed


def ill(settings):
    return 1 / (settings.seed - 1)


def values(settings):
    return {"pair": (1, 2.5), 3: math.nan}


def tensor(settings):
    return {"weights": torch.zeros(2)}


def die(settings):
    os._exit(3)


def train(settings):
    """A real, small run: its losses in full, its weights as a digest."""
    graph = pr.random_dag(12, 0.35, pr.seeded(3, "graph"))
    task = pr.all_pairs(graph)
    rng = pr.seeded(settings.seed, "batches")
    if settings.model == "table":
        model = pr.LogitTable(task.vocab)
        batches, loss = pr.on_policy(model, task, rng=rng), pr.policy_gradient
    else:
        config = pr.TransformerConfig(width=24, heads=2)
        model = pr.Transformer(task.vocab, config, pr.seeded(settings.seed, "weights"))
        paths = pr.sample_paths(task, 4, pr.seeded(settings.seed, "paths"))
        batches, loss = pr.demonstrations(task, paths, rng=rng), pr.sft
    steps = list(pr.train(model, batches, loss, pr.TrainConfig(steps=30, lr=settings.lr)))
    digest = hashlib.sha256()
    for name, weight in model.state_dict().items():
        digest.update(name.encode() + weight.numpy().tobytes())
    losses = [step.loss for step in steps]
    return {
        "loss": losses,
        "reward": [step.reward for step in steps],
        "weights": digest.hexdigest(),
    }


def files(store):
    """The names of a store's files."""
    return sorted(path.name for path in store.iterdir())

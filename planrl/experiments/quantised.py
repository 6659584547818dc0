"""May the walker be coarser than the learner? Walks from rounded weights, for two learners.

Roll-outs are cheaper with weights of few bits, but then the policy that walks is not the one that
learns. Q-learning may use anybody's walks; the policy gradient may not, strictly. Here the walker
is the learner itself, copied before every batch with its matrices rounded to `bits` bits. What is
measured is whether accuracy survives; the arithmetic stays in 32 bits, so nothing is said of speed.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from planrl.errors import InputError, check_fields
from planrl.evaluate import evaluate
from planrl.experiments import study
from planrl.experiments.datasets import Dataset, DatasetSettings, make_dataset
from planrl.experiments.runs import Algorithm
from planrl.experiments.study import Learner
from planrl.graphs import seeded
from planrl.models import PathModel
from planrl.sampling import Sampler, rollout
from planrl.streams import on_policy
from planrl.tasks import Batch, Task
from planrl.train import TrainConfig, train

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

NAME = "quantised"
FULL = 32


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One seed: both learners, each with walkers of these widths in bits (32: not rounded)."""

    seed: int = 0
    nodes: int = 100
    base_steps: int = 700
    steps: int = 800
    size: int = 128
    bits: tuple[int, ...] = (FULL, 8, 4, 3, 2)
    samples: int = 20

    def __post_init__(self) -> None:
        check_fields(self)


def grid(tier: str) -> dict[str, Settings]:
    """Two seeds; none are quick."""
    return {} if tier == "quick" else {f"seed{s}": Settings(seed=s) for s in range(2)}


def rounded(weight: Float[Tensor, "O I"], bits: int) -> Float[Tensor, "O I"]:
    """Each row rounded to 2**bits - 1 evenly spaced values, symmetric about 0 (bits=32: as is)."""
    if bits == FULL:
        return weight
    if not 2 <= bits <= 16:
        raise InputError(f"bits is 2 .. 16, or {FULL} for no rounding; {bits} was given")
    most = 2 ** (bits - 1) - 1
    step = weight.abs().amax(-1, keepdim=True).clamp(min=1e-12) / most
    scaled: Tensor = torch.round(weight / step)
    return scaled.mul(step)


def quantised_rollouts(
    model: PathModel, task: Task, bits: int, *, rng: torch.Generator, sampler: Sampler, size: int
) -> Iterator[Batch]:
    """`on_policy`, but for the walker's weight matrices: the model's of that moment, rounded."""
    behaviour = copy.deepcopy(model)
    rollouts = on_policy(behaviour, task, rng=rng, sampler=sampler, size=size)
    while True:
        _copy_rounded(model, behaviour, bits)
        yield next(rollouts)


def _copy_rounded(model: PathModel, behaviour: PathModel, bits: int) -> None:
    state = model.state_dict()
    behaviour.load_state_dict({k: rounded(v, bits) if v.ndim == 2 else v for k, v in state.items()})


def mismatch(model: PathModel, task: Task, bits: int, rng: torch.Generator) -> float:
    """Mean total variation between the laws of walker and learner, along the former's walks."""
    behaviour = copy.deepcopy(model)
    _copy_rounded(model, behaviour, bits)
    tokens = rollout(behaviour, task.pairs, rng=rng)
    chosen = task.vocab.chosen(tokens) & (tokens[:, :-1] != tokens[:, 1:2])
    with torch.no_grad():
        one, two = (m(tokens[:, :-1])[chosen].softmax(-1) for m in (model, behaviour))
    return float((one - two).abs().sum(-1).mean() / 2)


def learners(settings: Settings) -> dict[str, Learner]:
    """Both learners; who walks for them is what the experiment changes."""
    both = {
        "Q-learning": Algorithm(name="q", reward="process", reward_scale=10.0, epsilon=0.1),
        "policy gradient": Algorithm(name="pg"),
    }
    training = TrainConfig(steps=settings.steps, lr=3e-4)
    return {
        name: Learner(algorithm=algorithm, training=training, batch=settings.size)
        for name, algorithm in both.items()
    }


def recipe(settings: Settings) -> dict[str, Any]:
    """How each learner is trained, as plain values."""
    return study.recipe(learners(settings), base_steps=settings.base_steps)


def run(settings: Settings) -> dict[str, Any]:
    """{learner: {bits: scores at the end}}, and the base's scores; all from the same base."""
    torch.set_num_threads(1)
    began = time.process_time()
    dataset = make_dataset(DatasetSettings(nodes=settings.nodes, seed=settings.seed))
    start = study.Settings(seed=settings.seed, base_steps=settings.base_steps)
    base = study.base_model(dataset, start)
    table: dict[str, Any] = {}
    for name, learner in learners(settings).items():
        table[name], algorithm = {}, learner.algorithm
        task = algorithm.task(dataset)
        for bits in settings.bits:
            model = copy.deepcopy(base)
            batches = quantised_rollouts(
                model, task, bits, rng=seeded(settings.seed, f"walks of {name}"),
                sampler=algorithm.sampler(dataset, algorithm.epsilon), size=learner.batch,
            )  # fmt: skip
            loss = algorithm.loss("none" if algorithm.name == "pg" else None)  # others' paths
            for _ in train(model, batches, loss, learner.training):
                pass
            table[name][str(bits)] = _scores(
                model, dataset, settings, bits, algorithm.sampler(dataset)
            )
    facts: Mapping[str, Any] = {"cpu_seconds": time.process_time() - began}
    at_first = _scores(base, dataset, settings, FULL, Sampler())
    return {"facts": facts, "base": at_first, "learners": table}


def _scores(
    model: PathModel, dataset: Dataset, settings: Settings, bits: int, sampler: Sampler
) -> dict[str, float]:
    """Of the learner, walking with its own weights; and how far its walker's laws are from its."""
    scores: dict[str, float] = {}
    for name, task in (("train", dataset.train), ("test", dataset.test)):
        rng = seeded(settings.seed, "look")
        found = evaluate(model, task, rng=rng, samples=settings.samples, sampler=sampler)
        scores |= found.summary(f"{name}_")
    return {
        **scores,
        "mismatch": mismatch(model, dataset.train, bits, seeded(settings.seed, "gap")),
    }

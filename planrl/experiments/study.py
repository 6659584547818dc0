"""What the paper's figures share: one base model, learners that start from it, looks on their way.

SFT trains a base model on demonstrated paths of 20 % of the questions. Learners start from copies
of it; each is looked at on its way, on training questions and on held-out ones, sampled at
temperature 1 and greedily. A figure is a set of learners.

A `recipe` says how learners are trained, as plain values: it is saved beside a result's settings.
Settings say how large and how long; learning rates, batch sizes, exploration and the scale of
rewards stand in an experiment's code. A result made with others is a stale one.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from planrl.errors import InputError, check_fields
from planrl.evaluate import auc, evaluate, next_logits, recovery
from planrl.experiments.datasets import Dataset, DatasetSettings, make_dataset
from planrl.experiments.probes import edge_scores, packed
from planrl.experiments.runs import Algorithm
from planrl.graphs import seeded
from planrl.io.files import to_json
from planrl.models import PathModel
from planrl.sampling import Sampler
from planrl.tasks import Batch, Task, degrees, observed
from planrl.theory import kl_to_uniform
from planrl.train import TrainConfig, train
from planrl.transformer import Transformer, TransformerConfig

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

SEEDS = tuple(range(10))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One seed on one graph: a random DAG of `nodes` nodes, or Blocksworld with `blocks` blocks.

    `steps` and `base_steps` are updates, `eval_steps` those after which we measure: up to `pairs`
    training questions with `samples` walks each, twice as many held-out ones with a fifth of that.
    """

    seed: int = 0
    blocks: int = 0
    nodes: int = 100
    base_steps: int = 700
    steps: int = 2000
    samples: int = 100
    pairs: int = 400
    eval_steps: tuple[int, ...] = (100, 200, 300, 400, 600, 800, 1000, 1200, 1400, 1600, 1800, 2000)

    def __post_init__(self) -> None:
        check_fields(self)
        for name, words in (
            ("base_steps", "SFT updates of the base"),
            ("steps", "updates of each learner"),
            ("pairs", "training questions to look at"),
        ):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)}: take at least 1, the {words}")
        if not self.blocks and self.nodes < 3:
            raise InputError(f"nodes={self.nodes}: a random DAG with questions has at least 3")
        if self.blocks and not 2 <= self.blocks <= 5:
            raise InputError(
                f"blocks={self.blocks}: take 2 to 5 (5 have 501 states), or 0 for a random DAG"
            )
        if list(self.eval_steps) != sorted(set(self.eval_steps)) or not self.eval_steps:
            raise InputError(f"looks are numbers of updates in ascending order: {self.eval_steps}")
        if not 1 <= self.eval_steps[0] <= self.eval_steps[-1] <= self.steps:
            raise InputError(
                f"looks={self.eval_steps}: each is after 1 to steps={self.steps} updates; "
                "the base is looked at anyway"
            )
        if self.samples < 5:
            raise InputError(f"samples={self.samples}: take at least 5 walks for each question")

    def dataset(self) -> Dataset:
        """The graph, its questions and the demonstrations."""
        if self.blocks:
            return make_dataset(DatasetSettings(blocks=self.blocks, seed=self.seed))
        return make_dataset(DatasetSettings(nodes=self.nodes, seed=self.seed))


@dataclass(frozen=True, kw_only=True)
class Learner:
    """How a copy of the base goes on: algorithm, training, batch size.

    `stream` gives it other batches than the algorithm's own: (world, model, base, rng) -> batches.
    `correction` is what policy gradient then does about paths that are not the learner's own.
    """

    algorithm: Algorithm
    training: TrainConfig
    batch: int = 128
    stream: Callable[[Dataset, PathModel, PathModel, torch.Generator], Iterator[Batch]] | None = (
        None
    )
    correction: str | None = None

    def __post_init__(self) -> None:
        if self.stream is not None and self.batch != 128:
            raise InputError(f"batch={self.batch} does nothing beside a stream of your own, which "
                             "makes the batches: leave it out")  # fmt: skip


def base_learner(steps: int) -> Learner:
    """How the base is trained."""
    training = TrainConfig(steps=steps, lr=5e-4, weight_decay=0.1)
    return Learner(algorithm=Algorithm(name="sft"), training=training, batch=256)


def base_model(
    dataset: Dataset, settings: Settings, config: TransformerConfig | None = None
) -> Transformer:
    """The SFT model every learner starts from."""
    vocab, seed = dataset.train.vocab, settings.seed
    config = config or TransformerConfig(positions=32 * -(-dataset.max_tokens // 32))
    model = Transformer(vocab, config, seeded(seed, "weights"))
    how = base_learner(settings.base_steps)
    rng = seeded(seed, "base batches")
    batches = how.algorithm.stream(dataset, model, model, rng, how.batch)
    for _ in train(model, batches, how.algorithm.loss(), how.training):
        pass
    return model


class Observer:
    """Looks at models of one world, always at the same questions and with the same chance."""

    def __init__(self, dataset: Dataset, settings: Settings) -> None:
        self.dataset, self.settings = dataset, settings
        seen = observed(dataset.test.vocab, dataset.paths)
        self.tasks, self.degrees = {}, {}
        for name, task, most in (
            ("train", dataset.train, settings.pairs),
            ("test", dataset.test, 2 * settings.pairs),
        ):
            some = torch.randperm(len(task.pairs), generator=seeded(settings.seed, f"look {name}"))
            self.tasks[name] = Task(task.graph, task.pairs[some[:most]], task.reward)
            self.degrees[name] = degrees(self.tasks[name], seen)
        correct = dataset.graph.correct.sum(-1)
        cells = (correct > 2).nonzero()  # [target, here] with a real choice: three to be shown
        self.choosing = cells[:: max(len(cells) // 3, 1)][: 3 if settings.seed == 0 else 0]

    def facts(self) -> dict[str, Any]:
        """How large the world is, and which cells' logits are shown."""
        return {
            "edges": len(self.dataset.graph.edges),
            "train_pairs": len(self.dataset.train.pairs),
            "test_pairs": len(self.dataset.test.pairs),
            "cells": self.choosing.tolist(),
        }

    def evaluate(self, model: PathModel, sampler: Sampler) -> dict[str, Any]:
        """All we measure of a model, as plain values."""
        found: dict[str, Any] = {}
        samples = {"train": self.settings.samples, "test": self.settings.samples // 5}
        for name, task in self.tasks.items():
            rng = seeded(self.settings.seed, "look")
            scores = evaluate(model, task, rng=rng, samples=samples[name], sampler=sampler)
            found |= scores.summary(f"{name}_")
            found[f"{name}_by_degree"] = scores.by(self.degrees[name])
            found[f"{name}_errors"] = scores.errors
        table = next_logits(model)
        return {**found, **asdict(recovery(model, self.dataset.graph)), **self.of_logits(table)}

    def of_logits(self, table: Float[Tensor, "N N V"]) -> dict[str, Any]:
        """Of the logits [target, here, next] of every first step that has a right answer.

        `spread_of_right` is the standard deviation among the right next nodes of one
        (target, here), averaged over those with several. `logits` gives mean and standard deviation
        of the next nodes that are right (an edge, and the target can be reached), half right (one
        of the two) and wrong (neither).
        """
        graph = self.dataset.graph
        n = graph.n
        kl = kl_to_uniform(graph, table)
        can = graph.correct.any(-1) & ~torch.eye(n, dtype=torch.bool)
        value = graph.adjacency.int()[None] + graph.reachability.int()[:, None]  # [N, N, N]
        nodes = table[..., :n]
        other = ~torch.eye(n, dtype=torch.bool)[None].expand_as(nodes)  # here is no candidate
        classes: dict[str, Any] = {}
        for name, worth in (("right", 2), ("half", 1), ("wrong", 0)):
            some = nodes[(value == worth) & can[..., None] & other]
            classes[name] = [float(some.mean()), float(some.std())] if len(some) > 1 else None
        several = can & (graph.correct.sum(-1) > 1)
        right = graph.correct[several].float()  # [M, N]
        chosen = torch.where(graph.correct[several], nodes[several], 0.0)
        mean = chosen.sum(-1) / right.sum(-1)
        spread = (chosen.square().sum(-1) / right.sum(-1) - mean.square()).clamp(min=0).sqrt()
        return {
            "logits": classes,
            "spread_of_right": float(spread.mean()),
            "kl_to_uniform": float(kl[several].mean()),
            "adjacency_auc_logits": auc(edge_scores(table, can)[~torch.eye(n).bool()],
                                        graph.adjacency[~torch.eye(n).bool()]),
            "cells": [table[i, j].tolist() for i, j in self.choosing.tolist()],
        }  # fmt: skip


def grid(tier: str) -> dict[str, Settings]:
    """The settings of each result: both graphs, ten seeds (`full`), or one small seed (`quick`)."""
    if tier == "quick":
        evaluations: tuple[int, ...] = (50, 150)
        small = Settings(
            nodes=30, base_steps=150, steps=150, samples=20, pairs=60, eval_steps=evaluations
        )
        return {"quick-dag": small, "quick-blocksworld": replace(small, blocks=3)}
    moves = Settings(  # walks there are long and differ much, so a look costs five times as much
        blocks=4, steps=1000, pairs=200, eval_steps=(50, 100, 200, 400, 600, 800, 1000)
    )
    return {
        **{f"dag-seed{seed}": Settings(seed=seed) for seed in SEEDS},
        **{f"blocksworld-seed{seed}": replace(moves, seed=seed) for seed in SEEDS},
    }


def follow(
    name: str, learner: Learner, base: Transformer, observer: Observer
) -> tuple[dict[str, list[Any]], Transformer]:
    """Train a copy of the base as the learner does: its looks, in columns, and the model."""
    dataset, settings, model = observer.dataset, observer.settings, copy.deepcopy(base)
    algorithm, training = learner.algorithm, learner.training
    if algorithm.kl:
        training = replace(training, refresh=0)
    rng = seeded(settings.seed, f"walks of {name}")
    if learner.stream is not None:
        batches = learner.stream(dataset, model, base, rng)
    else:
        batches = algorithm.stream(dataset, model, base, rng, learner.batch)
    sampler = algorithm.sampler(dataset)
    evaluations = [{"step": 0, **observer.evaluate(base, sampler)}]
    for record in train(model, batches, algorithm.loss(learner.correction), training):
        if record.step in settings.eval_steps:
            evaluations.append({"step": record.step, **observer.evaluate(model, sampler)})
    return {key: [row[key] for row in evaluations] for key in evaluations[0]}, model


def run_learners(settings: Settings, learners: Mapping[str, Learner]) -> dict[str, Any]:
    """Train every learner; {learner: {"step": [...], "train_accuracy": [...], ...}} and more.

    For seed 0 the last model's matrices are kept: `weights`, the read-out W^M', and `logits`.
    """
    torch.set_num_threads(1)
    began = time.process_time()
    dataset = settings.dataset()
    base, observer = base_model(dataset, settings), Observer(dataset, settings)
    table: dict[str, Any] = {}
    matrices: dict[str, Any] = {"SFT": _matrices(base, observer)}
    seconds = {"SFT": time.process_time() - began}
    for name, learner in learners.items():
        started = time.process_time()
        table[name], model = follow(name, learner, base, observer)
        matrices[name] = _matrices(model, observer)
        seconds[name] = time.process_time() - started
    return {
        "facts": {**observer.facts(), "cpu_seconds": seconds},
        "learners": table,
        "matrices": matrices if settings.seed == 0 else {},
    }


def _matrices(model: Transformer, observer: Observer) -> dict[str, Any]:
    graph = observer.dataset.graph
    can = graph.correct.any(-1) & ~torch.eye(graph.n, dtype=torch.bool)
    return {
        "weights": packed(model.readout().adjacency),
        "logits": packed(edge_scores(next_logits(model), can)),
    }


def recipe(learners: Mapping[str, Learner], *, base_steps: int = 0) -> dict[str, Any]:
    """Algorithm, training and batch of each learner, and of the base they start from, if any.

    As JSON gives it back: lists for tuples, null for what is not finite.
    """
    whole = {"SFT base": base_learner(base_steps), **learners} if base_steps else learners
    page = {name: _of(learner) for name, learner in whole.items()}
    plain: dict[str, Any] = json.loads(to_json(page))
    return plain


def _of(learner: Learner) -> dict[str, Any]:
    found = {
        "algorithm": {"kind": type(learner.algorithm).__name__, **asdict(learner.algorithm)},
        "training": asdict(learner.training),
        "batch": learner.batch,
    }
    if learner.correction not in (None, "none"):  # neither changes a number
        found["correction"] = learner.correction
    return found if learner.stream is None else {**found, "stream": _named(learner.stream)}


def _named(stream: Any) -> dict[str, Any]:
    """A stream's function and what it was given ahead."""
    if not isinstance(stream, partial):
        return {"name": stream.__name__, "given": []}
    given = [_sampling(one) if isinstance(one, Sampler) else one for one in stream.args]
    return {"name": stream.func.__name__, "given": given}


def _sampling(sampler: Sampler) -> dict[str, Any]:
    """A sampler's options; one younger than saved results is left out where it is not used."""
    page = asdict(sampler)
    if page["stop_at_target"]:
        del page["stop_at_target"]
    return page

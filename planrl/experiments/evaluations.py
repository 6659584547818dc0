"""What studies measure of models: classes that an `Evaluation` names by dotted path.

An object measures one learner on one dataset, always on the same pairs and with the same random
numbers, so that learners and updates can be compared.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from planrl.evaluate import auc, evaluate, next_logits
from planrl.experiments.algorithms import Algorithm
from planrl.experiments.alpine import degrees, observed, recovery
from planrl.experiments.datasets import Dataset
from planrl.experiments.probes import (
    TEMPERATURES,
    WARM,
    context_spread,
    decoding_curve,
    edge_scores,
    edges_read,
    explained,
    imitation_distance,
    memorised,
    packed,
    weights,
)
from planrl.experiments.streams import FULL, copy_rounded, halved, rows
from planrl.experiments.study import Evaluation
from planrl.graphs import seeded
from planrl.models import PathModel
from planrl.objectives.theory import kl_to_uniform
from planrl.sampling import Sampler, log_probs, rollout
from planrl.tasks import Batch, Task, judged
from planrl.transformer import Transformer

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

Row = dict[str, Any]


class Measurements:
    """What the classes share. `at_start` evaluates the base once for each learner, sampled as the
    learner is; `base_alone` once by itself."""

    at_start = True
    base_alone = False

    def __init__(
        self, dataset: Dataset, evaluation: Evaluation, seed: int, algorithm: Algorithm
    ) -> None:
        self.dataset, self.evaluation, self.seed = dataset, evaluation, seed
        self.algorithm, self.sampler = algorithm, algorithm.sampler(dataset)
        off = ~torch.eye(dataset.graph.n, dtype=torch.bool)
        self.can = dataset.graph.correct.any(-1) & off  # [target, current] with a next node

    def facts(self) -> Row:
        """How large the dataset is."""
        return {
            "edges": len(self.dataset.graph.edges),
            "train_pairs": len(self.dataset.train.pairs),
            "test_pairs": len(self.dataset.test.pairs),
        }

    def start(self, base: Transformer) -> None:
        """Nothing needs the base."""

    def watch(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches as they are."""
        return batches

    def evaluate(self, model: PathModel) -> Row:
        """Nothing."""
        return {}

    def end(self, model: Transformer) -> Row:
        """Nothing."""
        return {}

    def matrices(self, model: Transformer) -> Row:
        """The read-out W^M' and the mean logits of each step, as text."""
        return {
            "weights": packed(model.readout().adjacency),
            "logits": packed(edge_scores(next_logits(model), self.can)),
        }

    def scores(self, model: PathModel, tasks: dict[str, Task], samples: int) -> Row:
        """Accuracy, sampled and greedy, and diversity on some tasks."""
        found: Row = {}
        for name, task in tasks.items():
            rng = seeded(self.seed, "look")
            scores = evaluate(model, task, rng=rng, samples=samples, sampler=self.sampler)
            found |= scores.summary(f"{name}_")
        return found

    def some(self, name: str, task: Task, most: int) -> Task:
        """At most so many pairs of a task, always the same ones."""
        order = torch.randperm(len(task.pairs), generator=seeded(self.seed, f"look {name}"))
        return Task(task.graph, task.pairs[order[:most]], task.reward)


class Figures(Measurements):
    """The measurements of the paper's figures: accuracy, diversity, degrees, logits, read-outs.

    Twice as many held-out pairs are evaluated as training pairs, with a fifth of the samples each.
    """

    def __init__(
        self, dataset: Dataset, evaluation: Evaluation, seed: int, algorithm: Algorithm
    ) -> None:
        super().__init__(dataset, evaluation, seed, algorithm)
        seen = observed(dataset.test.vocab, dataset.paths)
        self.tasks = {
            "train": self.some("train", dataset.train, evaluation.pairs),
            "test": self.some("test", dataset.test, 2 * evaluation.pairs),
        }
        self.degrees = {name: degrees(task, seen) for name, task in self.tasks.items()}
        contexts = (dataset.graph.correct.sum(-1) > 2).nonzero()  # a real choice: three are shown
        self.choosing = contexts[:: max(len(contexts) // 3, 1)][: 3 if seed == 0 else 0]

    def facts(self) -> Row:
        """How large the dataset is, and the contexts (target, current) whose logits are kept."""
        return {**super().facts(), "cells": self.choosing.tolist()}

    def evaluate(self, model: PathModel) -> Row:
        """All that is measured of a model, as plain values."""
        found: Row = {}
        samples = {"train": self.evaluation.samples, "test": self.evaluation.samples // 5}
        for name, task in self.tasks.items():
            rng = seeded(self.seed, "look")
            scores = evaluate(model, task, rng=rng, samples=samples[name], sampler=self.sampler)
            found |= scores.summary(f"{name}_")
            found[f"{name}_by_degree"] = scores.by(self.degrees[name])
            found[f"{name}_errors"] = scores.errors
        table = next_logits(model)
        return {**found, **asdict(recovery(model, self.dataset.graph)), **self.of_logits(table)}

    def of_logits(self, table: Float[Tensor, "N N V"]) -> Row:
        """Of the logits [target, current, next] of every first step that has a correct next node.

        `spread_of_right` is the standard deviation among the correct next nodes of a context, in
        mean over the contexts with several. `logits` gives mean and standard deviation of the next
        nodes that are right (an edge, and the target can be reached), half right (one of the two)
        and wrong (neither).
        """
        graph, can = self.dataset.graph, self.can
        several = can & (graph.correct.sum(-1) > 1)
        off = ~torch.eye(graph.n, dtype=torch.bool)
        edges = edge_scores(table, can)
        return {
            "logits": self._classes(table[..., : graph.n]),
            "spread_of_right": self._spread(table[..., : graph.n], several),
            "kl_to_uniform": float(kl_to_uniform(graph, table)[several].mean()),
            "adjacency_auc_logits": auc(edges[off], graph.adjacency[off]),
            "cells": [table[i, j].tolist() for i, j in self.choosing.tolist()],
        }

    def _classes(self, nodes: Float[Tensor, "N N N"]) -> Row:
        graph = self.dataset.graph
        value = graph.adjacency.int()[None] + graph.reachability.int()[:, None]
        other = ~torch.eye(graph.n, dtype=torch.bool)[None].expand_as(nodes)  # a step moves on
        found: Row = {}
        for name, worth in (("right", 2), ("half", 1), ("wrong", 0)):
            some = nodes[(value == worth) & self.can[..., None] & other]
            found[name] = [float(some.mean()), float(some.std())] if len(some) > 1 else None
        return found

    def _spread(self, nodes: Float[Tensor, "N N N"], several: Tensor) -> float:
        correct = self.dataset.graph.correct[several]
        right = correct.float()  # [M, N]
        chosen = torch.where(correct, nodes[several], 0.0)
        mean = chosen.sum(-1) / right.sum(-1)
        spread = (chosen.square().sum(-1) / right.sum(-1) - mean.square()).clamp(min=0).sqrt()
        return float(spread.mean())


class NewPairs(Measurements):
    """Accuracy on the old pairs, which the base was shown, on the new and on the held-out ones."""

    def __init__(
        self, dataset: Dataset, evaluation: Evaluation, seed: int, algorithm: Algorithm
    ) -> None:
        super().__init__(dataset, evaluation, seed, algorithm)
        _, old, new = halved(dataset)
        test = self.some("test", dataset.test, 2 * evaluation.pairs)
        self.tasks = {"old": old, "new": new, "test": test}

    def facts(self) -> Row:
        """How many pairs are old and new."""
        return {f"{name}_pairs": len(self.tasks[name].pairs) for name in ("old", "new")}

    def evaluate(self, model: PathModel) -> Row:
        """Accuracy, sampled and greedy, and diversity on each kind of pairs."""
        return self.scores(model, self.tasks, self.evaluation.samples)


class Rounded(Measurements):
    """Scores of a learner with its own weights, and how far its rounded policy is from it."""

    at_start = False
    base_alone = True

    def evaluate(self, model: PathModel) -> Row:
        """Scores on all pairs, and the mismatch."""
        tasks = {"train": self.dataset.train, "test": self.dataset.test}
        bits = self.algorithm.option("bits") or FULL
        gap = mismatch(model, self.dataset.train, bits, seeded(self.seed, "gap"))
        return {**self.scores(model, tasks, self.evaluation.samples), "mismatch": gap}


class Imitated(Measurements):
    """What imitation makes of a Transformer: frequencies, contexts, read-outs, degrees."""

    at_start = False

    def facts(self) -> Row:
        """How large the dataset is."""
        found = super().facts()
        return {name: found[name] for name in ("edges", "train_pairs")}

    def evaluate(self, model: Transformer) -> Row:  # type: ignore[override]
        """All that is measured of a model trained by imitation, as plain values."""
        dataset, seed = self.dataset, self.seed
        order = torch.randperm(len(dataset.test.pairs), generator=seeded(seed, "look"))
        task = Task(dataset.graph, dataset.test.pairs[order][:1000])
        scores = evaluate(model, task, rng=seeded(seed, "walks"), samples=self.evaluation.samples)
        seen = observed(dataset.test.vocab, dataset.paths)
        found: Row = {
            **scores.summary("test_"),
            "test_by_degree": scores.by(degrees(task, seen)),
            **memorised(model, dataset),
            **explained(model, dataset, seed),
        }
        return found | (weights(model, dataset) if model.config.layers == 1 else {})


def mismatch(model: PathModel, task: Task, bits: int, rng: torch.Generator) -> float:
    """Mean total variation between a model and its rounded copy, along the copy's rollouts."""
    policy = copy.deepcopy(model)
    copy_rounded(model, policy, bits)
    tokens = rollout(policy, task.pairs, rng=rng)
    chosen = task.vocab.chosen(tokens) & (tokens[:, :-1] != tokens[:, 1:2])
    with torch.no_grad():
        one, two = (m(tokens[:, :-1])[chosen].softmax(-1) for m in (model, policy))
    return float((one - two).abs().sum(-1).mean() / 2)


class Regime(Measurements):
    """The measurements of the regimes: also decoding curves, new paths, and edges never shown."""

    base_alone = True
    temperatures: tuple[float, ...] = TEMPERATURES

    def __init__(
        self, dataset: Dataset, evaluation: Evaluation, seed: int, algorithm: Algorithm
    ) -> None:
        super().__init__(dataset, evaluation, seed, algorithm)
        self.shown, named = self.known()
        self.tasks = {
            name: self.some(name, task, evaluation.pairs * (2 if name == "test" else 1))
            for name, task in named.items()
        }
        self.seen = observed(self.shown.train.vocab, self.shown.paths)
        self.degrees = {name: degrees(task, self.seen) for name, task in self.tasks.items()}
        self.demonstrated = frozenset(rows(self.shown.paths))
        self.visited = torch.ones(dataset.graph.n, dataset.graph.n, dtype=torch.bool)
        self.new: set[bytes] = set()
        self.solved: dict[str, Tensor] = {}

    def start(self, base: Transformer) -> None:
        """Which pairs the base solves greedily: those that a learner can forget."""
        for name, task in self.tasks.items():
            usual = Sampler(max_tokens=self.dataset.max_tokens)
            scores = evaluate(base, task, rng=seeded(self.seed, "look"), samples=1, sampler=usual)
            self.solved[name] = scores.greedy > 0

    def known(self) -> tuple[Dataset, dict[str, Task]]:
        """The dataset as the base was shown it, and the tasks to evaluate on."""
        return self.dataset, {"train": self.dataset.train, "test": self.dataset.test}

    def facts(self) -> Row:
        """How large the dataset is, and how many edges the demonstrations show."""
        return {**super().facts(), "shown_edges": int(self.seen.adjacency.sum())}

    def watch(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches; the contexts they visit and their new correct paths are recorded."""
        self.visited = torch.zeros_like(self.visited)  # [target, current]
        for batch in batches:
            current, target = batch.tokens[:, :-1], batch.tokens[:, 1:2].expand_as(batch.chosen)
            self.visited[target[batch.chosen], current[batch.chosen]] = True
            right = judged(self.dataset.graph, batch.tokens)[0]
            self.new.update(set(rows(batch.tokens[right])) - self.demonstrated)
            yield batch

    def evaluate(self, model: PathModel) -> Row:
        """Accuracy, diversity and errors on each task, and what the logits and weights hold."""
        found: Row = {"new_paths": len(self.new)}
        for name, task in self.tasks.items():
            rng, samples = seeded(self.seed, "look"), self.evaluation.samples
            scores = evaluate(model, task, rng=rng, samples=samples, sampler=self.sampler)
            found |= scores.summary(f"{name}_")
            found[f"{name}_by_degree"] = scores.by(self.degrees[name])
            found[f"{name}_errors"] = scores.errors
            before = self.solved[name]
            lost = (before & (scores.greedy == 0)).sum() / before.sum().clamp(min=1)
            found[f"{name}_forgotten"] = float(lost)
        paths = self.shown.paths[:: -(-len(self.shown.paths) // 1000)]
        found["demonstrated_nll"] = -float(log_probs(model, paths).sum(1).mean())
        return found | self._of_logits(model)

    def _of_logits(self, model: PathModel) -> Row:
        graph, table = self.dataset.graph, next_logits(model)
        several = (graph.correct.sum(-1) > 1) & ~torch.eye(graph.n, dtype=torch.bool)
        nodes = table[..., : graph.n]
        own = nodes - nodes.mean(-1, keepdim=True)  # a policy's logits are free by a constant
        scores = {
            "weights": model.readout().adjacency,
            "logits": edge_scores(table, self.can),
            "diagonal": own.diagonal(dim1=0, dim2=2),
            "diagonal_raw": nodes.diagonal(dim1=0, dim2=2),
        }
        shown = self.seen.adjacency
        return {
            "kl_to_uniform": float(kl_to_uniform(graph, table)[several].mean()),
            "edges": {name: edges_read(one, graph, shown) for name, one in scores.items()},
        }

    def end(self, model: Transformer) -> Row:
        """What is measured once, of the base and of each trained model."""
        table = next_logits(model)
        curves = {
            name: decoding_curve(
                model,
                task,
                self.sampler,
                seed=self.seed,
                samples=self.evaluation.samples,
                degree=self.degrees[name],
                temperatures=self.temperatures,
            )
            for name, task in self.tasks.items()
        }
        spread = context_spread(self.dataset.graph, table, self.visited)
        imitation = imitation_distance(self.shown, table)
        return {"end": {"curves": curves, "spread": spread, "imitation": imitation}}


class WarmRegime(Regime):
    """The same with decoding curves that begin above temperature 1."""

    temperatures = (*WARM, *TEMPERATURES)


class HalfRegime(Regime):
    """The same for a base that was shown demonstrations of the old pairs only."""

    def known(self) -> tuple[Dataset, dict[str, Task]]:
        """The half of the dataset that the base was shown, and its tasks with the new pairs."""
        half, old, new = halved(self.dataset)
        return half, {"train": old, "new": new, "test": self.dataset.test}

"""What is measured of the models of a regime, and what their streams of batches have shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from planrl.evaluate import evaluate, next_logits
from planrl.experiments.datasets import Dataset
from planrl.experiments.probes import (
    context_spread,
    decoding_curve,
    edge_scores,
    edges_read,
    imitation_distance,
    packed,
)
from planrl.experiments.streams import rows
from planrl.graphs import seeded
from planrl.models import PathModel
from planrl.sampling import Sampler, log_probs
from planrl.tasks import Batch, Task, degrees, judged, observed
from planrl.theory import kl_to_uniform
from planrl.transformer import Transformer

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Observer:
    """Measures models of one dataset, always on the same pairs and with the same random numbers."""

    dataset: Dataset
    seed: int
    samples: int
    tasks: Mapping[str, Task]
    shown: Tensor = field(repr=False)
    demonstrated: frozenset[bytes] = field(repr=False)
    solved: dict[str, Tensor] = field(repr=False, default_factory=dict)

    @staticmethod
    def of(
        dataset: Dataset, named: Mapping[str, Task], *, seed: int, samples: int, pairs: int
    ) -> Observer:
        """At most `pairs` pairs of each task, of a task called "test" twice as many."""
        tasks = {}
        for name, task in named.items():
            most = pairs * (2 if name == "test" else 1)
            order = torch.randperm(len(task.pairs), generator=seeded(seed, f"look {name}"))
            tasks[name] = Task(task.graph, task.pairs[order[:most]], task.reward)
        seen = observed(dataset.train.vocab, dataset.paths)
        known = frozenset(rows(dataset.paths))
        return Observer(
            dataset=dataset,
            seed=seed,
            samples=samples,
            tasks=tasks,
            shown=seen.adjacency,
            demonstrated=known,
        )

    def evaluate(self, model: PathModel, sampler: Sampler) -> dict[str, Any]:
        """Accuracy, diversity and errors on each task, and what the logits and weights hold."""
        found: dict[str, Any] = {}
        seen = observed(self.dataset.train.vocab, self.dataset.paths)
        for name, task in self.tasks.items():
            rng = seeded(self.seed, "look")
            scores = evaluate(model, task, rng=rng, samples=self.samples, sampler=sampler)
            found |= scores.summary(f"{name}_")
            found[f"{name}_by_degree"] = scores.by(degrees(task, seen))
            found[f"{name}_errors"] = scores.errors
            before = self.solved.setdefault(name, scores.greedy > 0)  # by the base, asked first
            lost = (before & (scores.greedy == 0)).sum() / before.sum().clamp(min=1)
            found[f"{name}_forgotten"] = float(lost)
        paths = self.dataset.paths[:: -(-len(self.dataset.paths) // 1000)]
        found["demonstrated_nll"] = -float(log_probs(model, paths).sum(1).mean())
        return found | self._of_logits(model)

    def _of_logits(self, model: PathModel) -> dict[str, Any]:
        graph, table = self.dataset.graph, next_logits(model)
        several = (graph.correct.sum(-1) > 1) & ~torch.eye(graph.n, dtype=torch.bool)
        can = graph.correct.any(-1) & ~torch.eye(graph.n, dtype=torch.bool)
        nodes = table[..., : graph.n]
        own = nodes - nodes.mean(-1, keepdim=True)  # a policy's logits are free by a constant
        scores = {
            "weights": model.readout().adjacency,
            "logits": edge_scores(table, can),
            "diagonal": own.diagonal(dim1=0, dim2=2),
            "diagonal_raw": nodes.diagonal(dim1=0, dim2=2),
        }
        return {
            "kl_to_uniform": float(kl_to_uniform(graph, table)[several].mean()),
            "edges": {name: edges_read(one, graph, self.shown) for name, one in scores.items()},
        }

    def at_the_end(self, model: Transformer, sampler: Sampler, visited: Tensor) -> dict[str, Any]:
        """What is measured once, of the base and of each trained model."""
        seen = observed(self.dataset.train.vocab, self.dataset.paths)
        curves = {
            name: decoding_curve(
                model,
                task,
                sampler,
                seed=self.seed,
                samples=self.samples,
                degree=degrees(task, seen),
            )
            for name, task in self.tasks.items()
        }
        table = next_logits(model)
        return {
            "curves": curves,
            "spread": context_spread(self.dataset.graph, table, visited),
            "imitation": imitation_distance(self.dataset, table),
            **self._matrices(model, table),
        }

    def _matrices(self, model: Transformer, table: Tensor) -> dict[str, Any]:
        """The read-outs as matrices, for the first seed only."""
        if self.seed:
            return {}
        graph = self.dataset.graph
        can = graph.correct.any(-1) & ~torch.eye(graph.n, dtype=torch.bool)
        return {
            "matrices": {
                "weights": packed(model.readout().adjacency),
                "logits": packed(edge_scores(table, can)),
            }
        }


class Record:
    """What a stream has shown so far: contexts visited, and correct paths not demonstrated."""

    def __init__(self, dataset: Dataset, demonstrated: frozenset[bytes]) -> None:
        n = dataset.graph.n
        self.graph, self.demonstrated = dataset.graph, demonstrated
        self.visited = torch.zeros(n, n, dtype=torch.bool)  # [target, current]
        self.new: set[bytes] = set()

    def of(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches, recorded."""
        for batch in batches:
            current, target = batch.tokens[:, :-1], batch.tokens[:, 1:2].expand_as(batch.chosen)
            self.visited[target[batch.chosen], current[batch.chosen]] = True
            right = judged(self.graph, batch.tokens)[0]
            self.new.update(set(rows(batch.tokens[right])) - self.demonstrated)
            yield batch

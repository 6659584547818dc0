"""What a model does, whoever trained it: accuracy, diversity, and the edges in its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from planrl.evaluate import Scores, evaluate, next_logits
from planrl.experiments.alpine import degrees, observed
from planrl.experiments.datasets import Dataset
from planrl.experiments.probes import columns_centred, edge_scores, edges_read
from planrl.graphs import seeded
from planrl.io.prompts import Prompted
from planrl.models import PathModel
from planrl.sampling import Sampler
from planrl.transformer import Transformer

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

WEIGHTS = "the read-out W^M'"
LOGITS = "the mean logits"  # of models whose weights have no read-out
MOST_READ = 2_000  # nodes of a graph whose edges are looked for in the weights
MOST_DEEP = 300  # and in the logits of all contexts, [N, N, V]


@dataclass(frozen=True)
class EdgesRead:
    """How much a model speaks for each step, [current, next], its columns centred.

    `name` is what the numbers are; `seen` says which edges the training paths take; `quality` is
    that of `planrl.experiments.probes.edges_read`, with nan where there is nothing to compare.
    """

    name: str
    scores: Float[Tensor, "N N"]
    edges: Bool[Tensor, "N N"]
    seen: Bool[Tensor, "N N"]
    quality: dict[str, float]


@dataclass(frozen=True)
class Report:
    """Scores on training and on held-out pairs, ALPINE's degree of the latter, and the edges.

    `edges` is None for a graph that is too large for it or that has no edge or every one. The
    scores are of paths drawn with `sampler`.
    """

    train: Scores
    test: Scores
    degree: Int[Tensor, " M"]
    edges: EdgesRead | None
    sampler: Sampler


def measure_model(
    model: PathModel,
    dataset: Dataset,
    *,
    sampler: Sampler | None = None,
    samples: int = 100,
    seed: int = 0,
    strict: bool = False,
) -> Report:
    """The report on a model, from `samples` sampled paths and one greedy path for each pair.

    See `planrl.evaluate.evaluate` for `strict`, `planrl.figures.report` for figures of it.
    """
    sampler = sampler or Sampler(max_tokens=dataset.max_tokens)
    train, test = (
        evaluate(
            model,
            task,
            rng=seeded(seed, f"evaluate {name}"),
            sampler=sampler,
            samples=samples,
            strict=strict,
        )
        for name, task in (("train", dataset.train), ("test", dataset.test))
    )
    degree = degrees(dataset.test, observed(dataset.test.vocab, dataset.paths))
    return Report(train, test, degree, read_edges(model, dataset), sampler)


def is_deep(model: PathModel) -> bool:
    """Whether a model has several layers, for which no read-out of its weights is defined."""
    inner = model.model if isinstance(model, Prompted) else model
    return isinstance(inner, Transformer) and inner.config.layers > 1


def read_edges(model: PathModel, dataset: Dataset) -> EdgesRead | None:
    """The edges that can be read from a model: from its weights, or from its mean logits."""
    graph = dataset.graph
    off = ~torch.eye(graph.n, dtype=torch.bool)
    deep = is_deep(model)
    some = bool(graph.adjacency.any()) and bool((~graph.adjacency & off).any())
    if not some or graph.n > (MOST_DEEP if deep else MOST_READ):
        return None
    if deep:
        can = graph.reachability & off
        name, scores = LOGITS, edge_scores(next_logits(model), can)
    else:
        name, scores = WEIGHTS, model.readout().adjacency
    seen = observed(dataset.train.vocab, dataset.paths).adjacency & graph.adjacency
    quality = edges_read(scores, graph, seen)
    return EdgesRead(name, columns_centred(scores), graph.adjacency, seen, quality)

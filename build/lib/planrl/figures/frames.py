"""Frames of a picture in which paths travel: what a model does with one question at one moment.

A frame is plain data, as web/graph-view.js reads it: the probability with which a path passes each
step, a few sampled paths, and two numbers about all that were sampled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from planrl.errors import InputError, whole
from planrl.figures.passing import passing_probs
from planrl.graphs import Graph
from planrl.models import PathModel
from planrl.sampling import Sampler, rollout
from planrl.tasks import PROMPT, is_path

LEAST = 0.005  # a step less likely than this is not drawn
Frame = Mapping[str, Any]


@dataclass(frozen=True)
class SampledPaths:
    """Paths sampled for one question: their nodes in order, and which paths are correct."""

    nodes: list[list[int]]
    correct: list[bool]

    @property
    def accuracy(self) -> float:
        """The share of correct paths."""
        return sum(self.correct) / len(self.correct)

    @property
    def distinct(self) -> int:
        """The number of distinct correct paths."""
        paths = zip(self.nodes, self.correct, strict=True)
        return len({tuple(nodes) for nodes, correct in paths if correct})


def sampled_paths(
    model: PathModel,
    graph: Graph,
    pair: tuple[int, int],
    *,
    rng: torch.Generator,
    samples: int = 100,
    sampler: Sampler | None = None,
) -> SampledPaths:
    """Paths from a source to a target; the model may know more nodes than the graph has.

    A path with a step out of the graph ends before it and is wrong.
    """
    if graph.n > model.vocab.end:
        raise InputError(f"the graph has {graph.n} nodes, but the model knows {model.vocab.end}")
    asked = torch.tensor([pair]).expand(whole(samples, "samples", least=1), 2)
    tokens = rollout(model, asked, rng=rng, sampler=sampler or Sampler())
    correct = is_path(Graph(model.vocab.end, graph.edges), tokens)
    nodes = []
    for row in tokens.tolist():
        outside = [at for at, token in enumerate(row) if token >= graph.n]
        nodes.append(row[PROMPT - 1 : outside[0] if outside else None])
    return SampledPaths(nodes, correct.tolist())


def path_frame(
    model: PathModel,
    graph: Graph,
    pair: tuple[int, int],
    *,
    update: int,
    rng: torch.Generator,
    samples: int = 100,
    shown: int = 8,
    sampler: Sampler | None = None,
) -> Frame:
    """The frame of a question, a (source, target), after so many updates.

    Steps have exact probabilities. Of the sampled paths the first `shown` can be watched; accuracy
    and the number of distinct correct paths are of all. Raises InputError if the model knows fewer
    nodes than the graph has.
    """
    found = sampled_paths(model, graph, pair, rng=rng, samples=samples, sampler=sampler)
    passed = passing_probs(model, *pair, sampler=sampler)[: graph.n, : graph.n]
    probs = [[i, j, round(float(passed[i, j]), 3)] for i, j in (passed >= LEAST).nonzero().tolist()]
    paths = [{"nodes": n, "correct": c} for n, c in zip(found.nodes, found.correct, strict=True)]
    return {
        "update": update,
        "probs": probs,
        "paths": paths[:shown],
        "accuracy": found.accuracy,
        "distinct": found.distinct,
    }


def widest_path(frame: Frame, pair: tuple[int, int]) -> list[int]:
    """The nodes that one meets on following the likeliest step of a frame from node to node.

    It ends at the target, at a node that no drawn step leaves, or before a node it has been at.
    """
    nodes = [pair[0]]
    while nodes[-1] != pair[1]:
        leaving = {j: p for i, j, p in frame["probs"] if i == nodes[-1] and j not in nodes}
        if not leaving:
            break
        nodes.append(max(leaving, key=lambda j: leaving[j]))
    return nodes

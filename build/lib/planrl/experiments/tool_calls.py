"""What is measured of models that learn chains of calls: frequencies, rare edges, new chains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from planrl.evaluate import next_logits
from planrl.experiments.algorithms import Algorithm
from planrl.experiments.datasets import Dataset
from planrl.experiments.evaluations import Measurements
from planrl.experiments.probes import edge_scores, edges_read
from planrl.experiments.study import Evaluation
from planrl.models import PathModel
from planrl.objectives.theory import step_counts
from planrl.tasks import Batch, Task, all_pairs, judged
from planrl.transformer import Transformer

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

Row = dict[str, Any]
SHOWN_OFTEN = 5  # times: a (target, current) whose frequencies are worth a comparison
GROUPS = {"once": (1, 1), "some": (2, 9), "often": (10, 10**9), "never": (0, 0)}
"""Group of edges -> how often the demonstrations use each of them: at least, at most."""
KEPT = 10  # new chains that a result keeps


class Calls(Measurements):
    """Chains of calls: how a model repeats their frequencies, and what it knows beyond them.

    `asked` are held-out pairs that the data ask for, and `unasked` pairs that can be solved and
    that no chain of the data joins.
    """

    base_alone = True

    def __init__(
        self, dataset: Dataset, evaluation: Evaluation, seed: int, algorithm: Algorithm
    ) -> None:
        super().__init__(dataset, evaluation, seed, algorithm)
        counts = step_counts(dataset.train.vocab, dataset.paths)[..., : dataset.graph.n]
        self.counts = counts  # [target, current, next]
        self.uses = counts.sum(0)  # [current, next]
        named = {"train": dataset.train, "asked": dataset.test, "unasked": unasked(dataset)}
        self.tasks = {name: self.some(name, task, evaluation.pairs) for name, task in named.items()}
        self.demonstrated = {chain for chain, _ in _chains(dataset, dataset.paths)}
        self.new: Counter[tuple[int, ...]] = Counter()

    def groups(self) -> dict[str, Tensor]:
        """The edges of each group, as [current, next]."""
        edge = self.dataset.graph.adjacency
        return {
            name: edge & (self.uses >= low) & (self.uses <= high)
            for name, (low, high) in GROUPS.items()
        }

    def facts(self) -> Row:
        """How large the dataset is, and how many edges each group has."""
        groups = {f"edges_{name}": int(some.sum()) for name, some in self.groups().items()}
        return {**super().facts(), **groups, "chains": len(self.dataset.paths)}

    def watch(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches; their correct chains that nobody demonstrated are counted."""
        for batch in batches:
            right = judged(self.dataset.graph, batch.tokens)[0]
            for chain, count in _chains(self.dataset, batch.tokens[right]):
                if chain not in self.demonstrated:
                    self.new[chain] += count
            yield batch

    def evaluate(self, model: PathModel) -> Row:
        """Accuracy and diversity by kind of pairs, frequencies, rare edges, edges read."""
        table = next_logits(model)
        return {
            **self.scores(model, self.tasks, self.evaluation.samples),
            **self.frequencies(table),
            **self.of_edges(table),
            "new_chains": len(self.new),
        }

    def frequencies(self, table: Float[Tensor, "N N V"]) -> Row:
        """How far choices are from the demonstrated frequencies (Theorem 3.1), in total variation.

        Of (target, current) shown at least 5 times with two next tools or more: the model's
        distribution, and the uniform one on the correct next tools, which knows no frequency.
        """
        graph = self.dataset.graph
        shown = (self.counts.sum(-1) >= SHOWN_OFTEN) & ((self.counts > 0).sum(-1) > 1)
        share = self.counts[shown] / self.counts[shown].sum(-1, keepdim=True)
        correct = graph.correct[shown].float()
        policies = {
            "model": table[shown].softmax(-1)[:, : graph.n],
            "uniform": correct / correct.sum(-1, keepdim=True).clamp(min=1.0),
        }
        found: Row = {"contexts": int(shown.sum())}
        for name, policy in policies.items():
            away = (policy - share).abs().sum(-1) / 2
            found[f"variation_{name}"] = float(away.mean()) if len(away) else None
        return found

    def of_edges(self, table: Float[Tensor, "N N V"]) -> Row:
        """By group of edges: the probability that demonstrated steps get, and how edges are read.

        `kept_GROUP` is the model's mean probability of the demonstrated steps (target, current,
        next) over such edges, divided by the mean of their demonstrated shares. `auc_GROUP` is how
        well the logits f[next, current, next], whose fixed point under process reward is A[current,
        next], tell these edges from non-edges; `auc_mean_GROUP` the same by the mean over targets.
        """
        n, found = self.dataset.graph.n, Row()
        share = self.counts / self.counts.sum(-1, keepdim=True).clamp(min=1.0)
        policy, nodes = table.softmax(-1)[..., :n], table[..., :n]
        own = (nodes - nodes.mean(-1, keepdim=True)).diagonal(dim1=0, dim2=2)  # [current, next]
        mean = edge_scores(table, self.can)
        for name, some in self.groups().items():
            steps = (self.counts > 0) & some[None]
            kept = policy[steps].mean() / share[steps].mean() if steps.any() else None
            found[f"kept_{name}"] = None if kept is None else float(kept)
            for by, scores in (("auc", own), ("auc_mean", mean)):
                read = edges_read(scores, self.dataset.graph, some)["auc_shown"]
                found[f"{by}_{name}"] = read if some.any() else None
        return found

    def end(self, model: Transformer) -> Row:
        """The new chains that were found most often, as numbers of tools, with their counts."""
        return {"found": [[list(chain), count] for chain, count in self.new.most_common(KEPT)]}


def unasked(dataset: Dataset) -> Task:
    """The pairs that have a path and that no chain of the data joins."""
    task = all_pairs(dataset.graph)
    asked = torch.zeros(dataset.graph.n, dataset.graph.n, dtype=torch.bool)
    for pairs in (dataset.train.pairs, dataset.test.pairs):
        asked[pairs[:, 0], pairs[:, 1]] = True
    return Task(dataset.graph, task.pairs[~asked[task.pairs[:, 0], task.pairs[:, 1]]])


def _chains(dataset: Dataset, tokens: Tensor) -> Iterator[tuple[tuple[int, ...], int]]:
    """The different chains among correct rows, without prompt and padding, and their counts."""
    end = dataset.graph.n
    if len(tokens):
        rows, counts = tokens[:, 2:].unique(dim=0, return_counts=True)
        for row, count in zip(rows.tolist(), counts.tolist(), strict=True):
            yield tuple(row[: row.index(end)]), count

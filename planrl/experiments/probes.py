"""What a trained model holds of its graph, read from its logits, weights and attention."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from planrl.evaluate import auc, next_logits
from planrl.experiments.datasets import Dataset
from planrl.graphs import seeded
from planrl.sampling import rollout
from planrl.tasks import observed
from planrl.theory import step_counts
from planrl.transformer import Transformer
from planrl.transformer.reference import plain

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


def memorised(model: Transformer, dataset: Dataset) -> dict[str, float]:
    """Theorem 3.1: how near the model's choices are to the demonstrated frequencies.

    Over (target, here) shown at least 10 times: the correlation of softmax with N_ijk / N_ij, that
    of logits with log N_ijk where it is not 0 (each cell's mean taken off), and the mean total
    variation between the two laws.
    """
    counts = step_counts(dataset.train.vocab, dataset.paths)
    shown = counts.sum(-1) >= 10
    shown &= ~torch.eye(dataset.graph.n, dtype=torch.bool)
    ratio = counts[shown] / counts[shown].sum(-1, keepdim=True)
    logits = next_logits(model)[shown]
    policy = logits.softmax(-1)
    there = counts[shown] > 0
    return {
        "ratio_correlation": correlation(policy.flatten(), ratio.flatten()),
        "log_count_correlation": correlation(
            centred(logits, there)[there], centred(counts[shown].log(), there)[there]
        ),
        "total_variation": float((policy - ratio).abs().sum(-1).mean() / 2),
    }


def centred(values: Tensor, where: Tensor) -> Tensor:
    """The values less the mean of those of their row that count."""
    kept = values.masked_fill(~where, 0.0)
    return values - kept.sum(-1, keepdim=True) / where.sum(-1, keepdim=True).clamp(min=1)


def correlation(a: Tensor, b: Tensor) -> float:
    """Pearson's."""
    return float(torch.corrcoef(torch.stack([a.double(), b.double()]))[0, 1])


def weights(model: Transformer, dataset: Dataset) -> dict[str, float]:
    """What the weights' read-outs hold: edges, spurious edges, and reachability by what was shown.

    A spurious edge is a pair (from, to) in the order of the graph that is no edge, and that W^M'
    rates above the median true edge; given as a share of the non-edges. `rare_edges` is the
    correlation of an edge's rating with the log of how often it was shown.
    """
    graph, n = dataset.graph, dataset.graph.n
    seen = observed(dataset.train.vocab, dataset.paths)
    readout = model.readout()
    later = torch.ones(n, n, dtype=torch.bool).triu(1)
    edge = graph.adjacency
    score = readout.adjacency
    shown = step_counts(dataset.train.vocab, dataset.paths)[..., :n].sum(0)
    known = edge & (shown > 0)
    reach = readout.reachability  # [target, from]
    off = ~torch.eye(n, dtype=torch.bool)
    groups = {
        "observed": seen.reachability & off,
        "unobserved": graph.reachability & ~seen.reachability & off,
        "unreachable": ~graph.reachability & later.T,
    }
    return {
        "adjacency_auc": auc(score[off], edge[off]),
        "adjacency_gap": float(score[edge].mean() - score[later & ~edge].mean()),
        "spurious_edges": float((score[later & ~edge] > score[edge].median()).float().mean()),
        "rare_edges": correlation(score[known], shown[known].log()),
        **{f"reachability_{name}": float(reach[some].mean()) for name, some in groups.items()},
    }


def explained(model: Transformer, dataset: Dataset, seed: int) -> dict[str, float]:
    """Assumption 3.1: the share of the logits' variance that (target, here) explains, and more.

    Over the model's own walks: every beginning of a walk is a context. Those that share target and
    last node but not their history form a group; the share is 1 - within groups / in all, of the
    logits less their own mean. `explained` has it with every sum divided by its length, which a
    group of two contexts flatters: its own mean takes half of its variance away.
    `explained_adjusted` divides by n - 1 in each group and in all, so that groups without any
    effect would explain nothing. `explained_additive` is what target and last node explain each by
    itself. `attention_on_target` is that of the last layer, averaged over heads and contexts.
    """
    rows = rollout(model, dataset.train.pairs.repeat(4, 1), rng=seeded(seed, "contexts"))
    beginnings, positions = _beginnings(rows, model.vocab.chosen(rows))
    logits, attention = [], []
    with torch.no_grad():
        for part, position in zip(beginnings.split(1024), positions.split(1024), strict=True):
            values, share = plain(model, part)
            number = torch.arange(len(part))
            logits.append(values[number, position][:, : dataset.graph.n])
            attention.append(share[-1].mean(1)[number, position, 1])
    current = beginnings[torch.arange(len(positions)), positions]
    going = current != beginnings[:, 1]  # at the target only END is left to say
    row, at, to = torch.cat(logits)[going], current[going], beginnings[going, 1]
    row = row - row.mean(-1, keepdim=True)
    cell, number = (to * dataset.graph.n + at).unique(return_inverse=True)
    size = torch.bincount(number, minlength=len(cell))
    several = (size > 1)[number]
    row, number = row[several], number[several].unique(return_inverse=True)[1]
    total = float((row - row.mean(0)).square().sum())
    rest = row - _group_means(row, number)
    alone = row - row.mean(0)
    for _ in range(20):  # alternating means: the least-squares fit of f(target) + g(here)
        for group in (to[several], at[several]):
            alone = alone - _group_means(alone, group)
    return {
        "explained": 1 - float(rest.square().sum()) / total,
        "explained_adjusted": adjusted(row, number),
        "explained_additive": 1 - float(alone.square().sum()) / total,
        "contexts": float(len(row)),
        "attention_on_target": float(torch.cat(attention)[going].mean()),
    }


def adjusted(rows: Tensor, group: Tensor) -> float:
    """The share of the rows' variance that their groups explain, whatever the groups' sizes.

    1 - within / in all; within is the mean over rows of their group's variance, which is the sum of
    squares over n - 1. Every group has at least two rows.
    """
    count = torch.bincount(group)[group].to(rows.dtype)
    inside = (rows - _group_means(rows, group)).square().sum(-1) * count / (count - 1)
    overall = (rows - rows.mean(0)).square().sum() / (len(rows) - 1)
    return 1 - float(inside.mean() / overall)


def _beginnings(rows: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Every different beginning of these rows at which something is chosen, and where it ends.

    What follows it is filled with its last token, which no causal model sees.
    """
    row, position = chosen.nonzero().T
    columns = torch.arange(rows.shape[1])
    kept = rows[row].where(columns <= position[:, None], rows[row, position][:, None])
    found = torch.cat([position[:, None], kept], 1).unique(dim=0)
    return found[:, 1:], found[:, 0]


def _group_means(rows: Tensor, group: Tensor) -> Tensor:
    """For each row the mean over its group."""
    number = int(group.max()) + 1
    total = rows.new_zeros(number, rows.shape[1]).index_add_(0, group, rows)
    count = torch.bincount(group, minlength=number).clamp(min=1)
    return (total / count[:, None])[group]


def edge_scores(table: Float[Tensor, "N N V"], can: Tensor) -> Float[Tensor, "N N"]:
    """How much a model's logits speak for each step [here, next]: their mean over targets.

    Only targets that `here` can reach count; each row of logits has its own mean taken off first.
    Where no target can be reached, 0.
    """
    n = len(table)
    centred = table[..., :n] - table[..., :n].mean(-1, keepdim=True)
    weight = can.float()
    return torch.einsum("ij,ijk->jk", weight, centred) / weight.sum(0).clamp(min=1)[:, None]


def packed(matrix: Tensor) -> dict[str, Any]:
    """A matrix as text: half-precision numbers in base64."""
    raw = matrix.numpy().astype("<f2").tobytes()
    return {"shape": list(matrix.shape), "float16": base64.b64encode(raw).decode()}


def unpacked(page: Mapping[str, Any]) -> Tensor:
    """The matrix that `packed` wrote."""
    raw = np.frombuffer(base64.b64decode(page["float16"]), dtype="<f2")
    return torch.from_numpy(raw.astype("float32")).view(*page["shape"])

"""What a trained model holds of its graph, read from its logits, weights and attention."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from planrl.evaluate import auc, next_logits
from planrl.experiments.alpine import observed
from planrl.experiments.datasets import Dataset
from planrl.graphs import Graph, seeded
from planrl.models import PathModel
from planrl.objectives.theory import step_counts
from planrl.sampling import Sampler, rollout, sample_distinct
from planrl.tasks import PROMPT, Task, is_path
from planrl.transformer import Transformer
from planrl.transformer.reference import plain

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor


def memorised(model: Transformer, dataset: Dataset) -> dict[str, float]:
    """Theorem 3.1: how near the model's choices are to the demonstrated frequencies.

    Over (target, current) shown at least 10 times: the correlation of softmax with N_ijk / N_ij,
    that of logits with log N_ijk where it is not 0 (each context's mean taken off), and the mean
    total variation between the two distributions.
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
    """The values minus the mean of those of their row that count."""
    kept = values.masked_fill(~where, 0.0)
    return values - kept.sum(-1, keepdim=True) / where.sum(-1, keepdim=True).clamp(min=1)


def correlation(a: Tensor, b: Tensor) -> float:
    """Pearson's; nan of fewer than two values."""
    if len(a) < 2:
        return math.nan
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
    """Assumption 3.1: the share of the logits' variance that (target, current) explains, and more.

    Over the model's own rollouts: every beginning of a path is a context. Those that share target
    and last node, but not the nodes before, are a group; the share is 1 - within groups / in all,
    of the logits minus their own mean. `explained` has it with every sum divided by its length,
    which a group of two contexts flatters: its own mean takes half of its variance away.
    `explained_adjusted` divides by n - 1 in each group and in all, so that groups without any
    effect would explain nothing. `explained_with_position` is the same for groups that share the
    number of nodes passed, too, and `explained_without_position` for the same rows without it.
    `explained_additive` is what target and last node explain each by itself. `attention_on_target`
    is that of the last layer, averaged over heads and contexts.
    """
    rows = rollout(model, dataset.train.pairs.repeat(4, 1), rng=seeded(seed, "contexts"))
    beginnings, positions = _beginnings(rows, model.vocab.chosen(rows))
    logits, attention = _last_position(model, beginnings, positions)
    current = beginnings[torch.arange(len(positions)), positions]
    going = current != beginnings[:, 1]  # at the target only END is left to say
    row, at, to = logits[going, : dataset.graph.n], current[going], beginnings[going, 1]
    row = row - row.mean(-1, keepdim=True)
    cell, passed = to * dataset.graph.n + at, positions[going]
    several = _shared(cell)
    row, number = row[several], cell[several].unique(return_inverse=True)[1]
    total = float((row - row.mean(0)).square().sum())
    rest = row - _group_means(row, number)
    alone = row - row.mean(0)
    for _ in range(20):  # alternating means: the least-squares fit of f(target) + g(here)
        for group in (to[several], at[several]):
            alone = alone - _group_means(alone, group)
    return {
        "explained": 1 - float(rest.square().sum()) / total,
        "explained_adjusted": adjusted(row, number),
        **_with_position(row, number, passed[several]),
        "explained_additive": 1 - float(alone.square().sum()) / total,
        "contexts": float(len(row)),
        "attention_on_target": float(attention[going].mean()),
    }


@torch.no_grad()
def _last_position(model: Transformer, rows: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
    """The logits at one position of each row, and the attention that rests on the target there."""
    logits, attention = [], []
    for part, position in zip(rows.split(1024), positions.split(1024), strict=True):
        values, share = plain(model, part)
        number = torch.arange(len(part))
        logits.append(values[number, position])
        attention.append(share[-1].mean(1)[number, position, 1])
    return torch.cat(logits), torch.cat(attention)


def _shared(group: Tensor) -> Tensor:
    """Which rows share their group with another one."""
    number = group.unique(return_inverse=True)[1]
    return (torch.bincount(number) > 1)[number]


def _with_position(rows: Tensor, cell: Tensor, position: Tensor) -> dict[str, float]:
    """`adjusted` of the groups that share cell and position, and on the same rows of the cells.

    Only rows that share both with another one count; nan where none do.
    """
    group = cell * (int(position.max()) + 1) + position
    several = _shared(group)
    names = ("explained_with_position", "explained_without_position")
    if not several.any():
        return dict.fromkeys(names, math.nan)
    numbers = [one[several].unique(return_inverse=True)[1] for one in (group, cell)]
    return {k: adjusted(rows[several], one) for k, one in zip(names, numbers, strict=True)}


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
    """How much a model's logits speak for each step [current, next]: their mean over targets.

    Only targets that `current` can reach count; from each row of logits its own mean is subtracted.
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


TEMPERATURES = (1.0, 0.7, 0.5, 0.3, 0.1)
WARM = (2.0, 1.4)
"""Beside these, where learners with large gaps between logits are compared: they are cold at 1."""


def decoding_curve(
    model: PathModel,
    task: Task,
    sampler: Sampler,
    *,
    seed: int,
    samples: int,
    degree: Int[Tensor, " M"],
    temperatures: Sequence[float] = TEMPERATURES,
) -> dict[str, list[Any]]:
    """How accuracy and diversity trade as the temperature falls, the same pairs at each.

    For each temperature: the accuracy of `samples` paths per pair, the distinct correct paths
    among them (`diversity`), those of them that visit no node twice (`simple`), and the accuracy by
    degree.
    """
    found: dict[str, list[Any]] = {"temperature": list(temperatures)}
    for temperature in temperatures:
        drawn = sample_distinct(
            model,
            task.pairs,
            samples,
            rng=seeded(seed, "decoding"),
            sampler=replace(sampler, temperature=temperature),
        )
        right = is_path(task.graph, drawn.tokens)
        once = right & ~_revisits(drawn.tokens, task.graph.n)
        hits = torch.zeros(len(task.pairs)).index_add(0, drawn.pair, (drawn.count * right).float())
        accuracy = hits / samples
        row = {
            "accuracy": float(accuracy.mean()),
            "diversity": float(right.sum() / len(task.pairs)),
            "simple": float(once.sum() / len(task.pairs)),
            "by_degree": {int(d): float(accuracy[degree == d].mean()) for d in degree.unique()},
        }
        for name, value in row.items():
            found.setdefault(name, []).append(value)
    return found


def _revisits(tokens: Int[Tensor, "B L"], end: int) -> Bool[Tensor, " B"]:
    """Whether a path visits some node twice."""
    nodes = tokens[:, 2:].sort(1).values  # behind the prompt's source and target
    return ((nodes[:, 1:] == nodes[:, :-1]) & (nodes[:, 1:] != end)).any(1)


def columns_centred(scores: Float[Tensor, "N N"]) -> Float[Tensor, "N N"]:
    """Scores [current, next], each column minus its mean over the other current nodes."""
    n = len(scores)
    off = ~torch.eye(n, dtype=torch.bool)
    return scores - scores.masked_fill(~off, 0.0).sum(0) / (n - 1)


def edges_read(
    scores: Float[Tensor, "N N"], graph: Graph, shown: Bool[Tensor, "N N"]
) -> dict[str, float]:
    """How well scores [current, next] separate edges from non-edges, and edges never shown.

    Each column is centred first, since Theorem 5.3 leaves the mean over current nodes of a next
    node's column free. `auc` is of all edges, `auc_unseen` of the edges that no demonstration
    takes, `auc_shown` of the others, each against all non-edges; `precision` is the share of edges
    among the |E| highest scores; `auc_raw` is that of all edges without centring.
    """
    off = ~torch.eye(graph.n, dtype=torch.bool)
    centred, edge = columns_centred(scores), graph.adjacency

    def against_non_edges(some: Tensor) -> float:
        counted = off & (some | ~edge)
        both = bool(some.any()) and bool((counted & ~edge).any())
        return auc(centred[counted], edge[counted]) if both else torch.nan

    highest = centred[off].topk(int(edge.sum())).indices
    return {
        "auc": against_non_edges(edge),
        "auc_shown": against_non_edges(edge & shown),
        "auc_unseen": against_non_edges(edge & ~shown),
        "auc_raw": auc(scores[off], edge[off]),
        "precision": float(edge[off][highest].float().mean()),
    }


def context_spread(
    graph: Graph, table: Float[Tensor, "N N V"], visited: Bool[Tensor, "N N"]
) -> dict[str, float]:
    """The standard deviation among the logits of a context's correct next nodes, in mean.

    Over all contexts (target, current) with several correct next nodes, and over those of them that
    the training paths visited: Theorem 5.2 speaks of these only.
    """
    correct = graph.correct
    several = (correct.sum(-1) > 1) & ~torch.eye(graph.n, dtype=torch.bool)
    nodes = torch.where(correct, table[..., : graph.n], 0.0)
    count = correct.sum(-1).clamp(min=1)
    mean = nodes.sum(-1) / count
    spread = (nodes.square().sum(-1) / count - mean.square()).clamp(min=0).sqrt()
    return {
        name: float(spread[some].mean()) if some.any() else torch.nan
        for name, some in (("all", several), ("visited", several & visited))
    }


def imitation_distance(dataset: Dataset, table: Float[Tensor, "N N V"]) -> dict[str, float]:
    """Theorem 3.1 against a planner who knows no frequency: whose distribution is the model's?

    Over contexts that are shown at least 10 times: the mean total variation of the model's softmax
    to the demonstrated shares N_ijk / N_ij (`to_shares`) and to the uniform distribution on the
    correct next nodes (`to_uniform`), and of that uniform distribution to the shares
    (`uniform_to_shares`). `beyond_uniform` is the correlation, over contexts and the next nodes
    shown there, of softmax minus uniform with shares minus uniform.
    """
    graph, n = dataset.graph, dataset.graph.n
    counts = step_counts(dataset.train.vocab, dataset.paths)
    often = (counts.sum(-1) >= 10) & ~torch.eye(n, dtype=torch.bool)
    if not often.any():
        return {}
    shares = (counts[often] / counts[often].sum(-1, keepdim=True))[:, :n]
    policy = table[often].softmax(-1)[:, :n]
    correct = graph.correct[often].float()
    uniform = correct / correct.sum(-1, keepdim=True)
    choice = (correct.sum(-1) > 1)[:, None] & (correct > 0)

    def distance(a: Tensor, b: Tensor) -> float:
        return float((a - b).abs().sum(-1).mean() / 2)

    return {
        "to_shares": distance(policy, shares),
        "to_uniform": distance(policy, uniform),
        "uniform_to_shares": distance(uniform, shares),
        "beyond_uniform": correlation((policy - uniform)[choice], (shares - uniform)[choice]),
    }


def attention_by_position(model: Transformer, tokens: Int[Tensor, "B L"]) -> dict[str, float]:
    """Mean attention of the last layer at the steps before the target, by what is attended to.

    `target` and `source` are the two positions of the pair, `current` is the current node, and
    `between` all positions of the path before it. They sum to 1; `even` is what each position would
    get if all got the same. Heads are averaged.
    """
    with torch.no_grad():
        share = plain(model, tokens)[1][-1].mean(1)  # [B, L, L]
    going = (tokens != model.vocab.end) & (tokens != tokens[:, 1:2])
    going[:, : PROMPT - 1] = False
    row, position = going.nonzero().T
    attended = share[row, position]  # [M, L]
    current = attended.gather(1, position[:, None]).squeeze(1)
    found = {"target": attended[:, 1], "source": attended[:, 0], "current": current}
    found["between"] = 1 - attended[:, 0] - attended[:, 1] - current
    found["even"] = 1 / (position + 1.0)
    return {name: float(values.mean()) for name, values in found.items()}

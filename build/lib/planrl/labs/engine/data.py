"""What a lab makes of a graph: its source-target pairs and demonstrations, from tensors alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from planrl.labs.engine.models import NODES, TOKENS, VOCAB
from planrl.labs.engine.rng import uniform
from planrl.labs.engine.sampling import SHOWN, Values, closure, ended
from planrl.tasks import PROMPT

if TYPE_CHECKING:
    from torch import Tensor

DATA = ("adjacency", "pairs", "train_count", "pair_count", "rows", "row_count")
"""What updates and evaluations read of a graph: all but the adjacency is made by `prepare`."""


def prepare(given: Values) -> Values:
    """The pairs of a graph in random order, training pairs first, and demonstrations of these.

    Every target has a training pair, and `share` of all pairs are training pairs. `question` [2] is
    the first of them if it has a path: this pair is shown. A demonstration steps to a random
    correct next node that it has not visited; those that do not arrive within TOKENS are left out.
    `table` holds the logits of a logit table that imitates: a tenth of a demonstration is added to
    each count.
    """
    adjacency, seed = given["adjacency"], given["seed"]
    zero = torch.zeros_like(given["share"])
    legal, reach = adjacency > 0.5, closure(adjacency)
    useful = reach & ~torch.eye(NODES, dtype=torch.bool, device=adjacency.device)
    key = uniform(seed, zero, 5, NODES, NODES) + 9.0 * (~useful).float()
    first = (key == key.amin(0)) & useful  # of each target [source, target]
    asked = torch.arange(NODES, device=adjacency.device) == given["question"][:, None]
    shown = (asked[0][:, None] & asked[1] & useful).float()
    order = torch.argsort((key - 9.0 * first.float() - 99.0 * shown).flatten())
    pairs = torch.stack([order // NODES, order % NODES], 1)
    count, least = useful.float().sum(), first.float().sum()
    train = (given["share"] * count).round().maximum(least).clamp(min=1.0)
    pair = torch.arange(SHOWN, device=adjacency.device) % train.long()
    rows = _demonstrated(pairs[pair], legal, reach.T, seed, zero)
    arrived = (rows == VOCAB.end).any(1)
    rows = rows[torch.argsort((~arrived).float() * SHOWN + torch.arange(SHOWN).float() * 0.5)]
    rows_count = arrived.float().sum()
    return {
        "pairs": pairs.int(),
        "question": pairs[0].int(),
        "train_count": train.int(),
        "pair_count": count.int(),
        "rows": rows.int(),
        "row_count": rows_count.int(),
        "table": _imitated(rows, rows_count),
    }


def _demonstrated(
    pairs: Tensor, legal: Tensor, reach: Tensor, seed: Tensor, zero: Tensor
) -> Tensor:
    """Rows of tokens [SHOWN, TOKENS], END after the target; `reach` is [target, from]."""
    target = pairs[:, 1]
    columns = list(VOCAB.prompt(pairs).unbind(1))
    visited = pairs[:, :1] == torch.arange(NODES, device=pairs.device)
    number = uniform(seed, zero, 6, SHOWN, TOKENS - PROMPT)
    for drawn in range(TOKENS - PROMPT):
        correct = (legal[columns[-1]] & reach[target] & ~visited).float()
        total = correct.cumsum(1)
        next_node = (total <= number[:, drawn, None] * total[:, -1:]).long().sum(1)
        next_node = next_node.clamp(max=NODES - 1)
        stuck = total[:, -1] < 0.5
        next_node = torch.where(stuck, columns[-1], next_node)
        visited = visited | (next_node[:, None] == torch.arange(NODES, device=pairs.device))
        columns.append(next_node)
    return ended(torch.stack(columns, 1))


def _imitated(rows: Tensor, count: Tensor) -> Tensor:
    """log (10 N_ijk + 1), N_ijk counted in the first `count` rows, as [target, current, next]."""
    chosen = VOCAB.chosen(rows) & (torch.arange(SHOWN, device=rows.device)[:, None] < count)
    context = (rows[:, 1:2] * NODES + rows[:, :-1].clamp(max=NODES - 1)) * VOCAB.size
    index = context + rows[:, 1:]
    counts = torch.zeros(
        NODES * NODES * VOCAB.size, device=rows.device, dtype=torch.float32
    ).index_put((index.flatten(),), chosen.float().flatten(), accumulate=True)
    return (10.0 * counts + 1.0).log()

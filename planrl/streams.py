"""Random right answers: the paths that a model is shown.

Every next node is drawn uniformly from the correct ones, C(i, j). On a DAG these stand in one flat
table, made once; walks go through it a block at a time, so that what a block needs stays in the
processor's cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from planrl.checked import whole
from planrl.errors import InputError
from planrl.graphs import Graph
from planrl.tasks import PROMPT, Task

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor

MOST_PATHS = 10_000_000
BLOCK = 16_384  # walks that go together


def sample_paths(task: Task, per_pair: int, rng: torch.Generator) -> Int[Tensor, "M L"]:
    """`per_pair` random right answers for each pair, row by row in the pairs' order.

    Every next node is drawn uniformly from the correct ones (C(i, j)); on a graph with cycles from
    those not yet visited, and a walk that gets stuck begins anew.
    """
    if whole(per_pair, "per_pair", most=1_000_000) < 1:
        raise InputError(f"per_pair is how many paths each pair gets, at least 1: {per_pair}")
    if len(task.pairs) * per_pair > MOST_PATHS:
        raise InputError(f"{per_pair:,} paths for each of {len(task.pairs):,} pairs are more than "
                         f"{MOST_PATHS:,}: take fewer")  # fmt: skip
    source, target = task.pairs.repeat_interleave(per_pair, 0).T
    walk = _walk_dag if task.graph.is_dag else _walk_simple
    walked = walk(task.graph, target, source, rng)  # one list of columns for each block of rows
    longest = max(len(columns) for columns in walked)
    tokens: Tensor = target.new_full((len(target), PROMPT + longest + 1), task.vocab.end)
    tokens[:, 0] = tokens[:, 2] = source
    tokens[:, 1] = target
    first = 0
    for columns in walked:
        block = torch.stack(columns, 1)
        rows = slice(first, first + len(block))
        tokens[rows, PROMPT : PROMPT + len(columns)] = block
        first = rows.stop
    return tokens


def _walk_dag(
    graph: Graph, target: Tensor, source: Tensor, rng: torch.Generator
) -> list[list[Tensor]]:
    """Columns of next nodes, from one flat table of the correct ones of every (target, here)."""
    start, following = torch.tensor(graph.edges).T  # edges are sorted by their start
    useful = graph.reachability[:, following]  # [N target, E]
    which, edge = useful.nonzero().T
    cell = which * graph.n + start[edge]  # ascending, so each cell's choices lie side by side
    count = torch.bincount(cell, minlength=graph.n**2)
    first = count.cumsum(0) - count
    choice = following[edge]
    walked = []
    for goal, here in zip(target.split(BLOCK), source.split(BLOCK), strict=True):
        columns, rows = [], torch.arange(len(goal))
        goals, base = goal, goal * graph.n
        while len(rows):
            at = base + here
            draw = torch.rand(len(rows), generator=rng, dtype=torch.float64)
            step = draw.mul_(count.index_select(0, at)).long().add_(first.index_select(0, at))
            here = choice.index_select(0, step)
            columns.append(torch.full_like(goal, graph.n).index_copy_(0, rows, here))
            going = (here != goals).nonzero().squeeze(1)
            rows, here, goals, base = (x.index_select(0, going) for x in (rows, here, goals, base))
        walked.append(columns)
    return walked


def _walk_simple(
    graph: Graph, target: Tensor, source: Tensor, rng: torch.Generator
) -> list[list[Tensor]]:
    """Columns of next nodes of walks that visit no node twice; stuck ones are walked again."""
    tokens = torch.full((len(target), graph.n), graph.n)
    todo = torch.arange(len(target))
    while len(todo):
        rows, here = todo, source[todo]
        visited = torch.zeros(len(target), graph.n, dtype=torch.bool)
        failed = []
        tokens[todo] = graph.n
        for column in range(graph.n):
            visited[rows, here] = True
            free = graph.adjacency[here] & graph.reachability[target[rows]] & ~visited[rows]
            stuck = ~free.any(1)
            failed.append(rows[stuck])
            rows, free = rows[~stuck], free[~stuck]
            if not len(rows):
                break
            here = torch.multinomial(free.float(), 1, generator=rng).squeeze(1)
            tokens[rows, column] = here
            going = here != target[rows]
            rows, here = rows[going], here[going]
        todo = torch.cat(failed)
    longest = int((tokens != graph.n).sum(1).max())
    return [list(tokens[:, :longest].T)]

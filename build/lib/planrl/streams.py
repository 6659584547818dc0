"""Streams of batches, one half of an algorithm (a loss is the other), and demonstrated paths.

On a DAG `sample_paths` reads the correct next nodes from one flat table, for a block of paths at a
time, so that what a block needs stays in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError, whole
from planrl.graphs import Graph
from planrl.models import PathModel
from planrl.sampling import MOST_ROWS, Sampler, log_probs, rollout
from planrl.tasks import PROMPT, Batch, Source, Task, parameter_state

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor

MOST_PATHS = 10_000_000
BLOCK = 16_384  # paths that are drawn together


def sample_paths(task: Task, per_pair: int, rng: torch.Generator) -> Int[Tensor, "M L"]:
    """`per_pair` random correct paths for each pair, row by row in the order of the pairs.

    Every next node is drawn uniformly from the correct ones (C(i, j)). On a graph with cycles it is
    drawn from those not yet visited, and a path that gets stuck starts again.
    """
    whole(per_pair, "per_pair", least=1, most=1_000_000)
    if len(task.pairs) * per_pair > MOST_PATHS:
        raise InputError(
            f"{per_pair:,} paths for each of {len(task.pairs):,} pairs are more than "
            f"{MOST_PATHS:,}: take fewer"
        )
    source, target = task.pairs.repeat_interleave(per_pair, 0).T
    draw = _dag_paths if task.graph.is_dag else _simple_paths
    blocks = draw(task.graph, target, source, rng)  # one list of columns for each block of rows
    longest = max(len(columns) for columns in blocks)
    tokens: Tensor = target.new_full((len(target), PROMPT + longest + 1), task.vocab.end)
    tokens[:, :PROMPT] = torch.stack([source, target, source], 1)
    for rows, columns in zip(
        tokens.split(BLOCK) if task.graph.is_dag else [tokens], blocks, strict=True
    ):
        rows[:, PROMPT : PROMPT + len(columns)] = torch.stack(columns, 1)
    return tokens


def _dag_paths(
    graph: Graph, target: Tensor, source: Tensor, rng: torch.Generator
) -> list[list[Tensor]]:
    """Columns of next nodes, from one flat table of the correct ones of every (target, current)."""
    start, next_node = torch.tensor(graph.edges).T  # edges are sorted by their start
    useful = graph.reachability[:, next_node]  # [N target, E]
    which, edge = useful.nonzero().T
    cell = which * graph.n + start[edge]  # ascending, so each cell's choices lie side by side
    count = torch.bincount(cell, minlength=graph.n**2)
    first = count.cumsum(0) - count
    choice = next_node[edge]
    blocks = []
    for goal, current in zip(target.split(BLOCK), source.split(BLOCK), strict=True):
        columns, rows = [], torch.arange(len(goal))
        goals, base = goal, goal * graph.n
        while len(rows):
            at = base + current
            draw = torch.rand(len(rows), generator=rng, dtype=torch.float64)
            step = draw.mul_(count.index_select(0, at)).long().add_(first.index_select(0, at))
            current = choice.index_select(0, step)
            columns.append(torch.full_like(goal, graph.n).index_copy_(0, rows, current))
            going = (current != goals).nonzero().squeeze(1)
            rows, current, goals, base = (
                x.index_select(0, going) for x in (rows, current, goals, base)
            )
        blocks.append(columns)
    return blocks


def _simple_paths(
    graph: Graph, target: Tensor, source: Tensor, rng: torch.Generator
) -> list[list[Tensor]]:
    """Columns of next nodes of paths that visit no node twice; stuck ones are drawn again."""
    tokens = torch.full((len(target), graph.n), graph.n)
    todo = torch.arange(len(target))
    while len(todo):
        rows, current = todo, source[todo]
        visited = torch.zeros(len(target), graph.n, dtype=torch.bool)
        failed = []
        tokens[todo] = graph.n
        for column in range(graph.n):
            visited[rows, current] = True
            free = graph.adjacency[current] & graph.reachability[target[rows]] & ~visited[rows]
            stuck = ~free.any(1)
            failed.append(rows[stuck])
            rows, free = rows[~stuck], free[~stuck]
            if not len(rows):
                break
            current = torch.multinomial(free.float(), 1, generator=rng).squeeze(1)
            tokens[rows, column] = current
            going = current != target[rows]
            rows, current = rows[going], current[going]
        todo = torch.cat(failed)
    longest = int((tokens != graph.n).sum(1).max())
    return [list(tokens[:, :longest].T)]


def _source(model: PathModel, sampler: Sampler) -> Source:
    """What a batch tells of the model that is about to draw its paths."""
    given = {name: getattr(sampler, name) for name in ("temperature", "epsilon", "greedy")}
    departs = [f"{name}={x}" for name, x in given.items() if x != getattr(Sampler, name)]
    return Source(
        model,
        parameter_state(model),
        sampling=", ".join(departs),
        covers=not sampler.greedy or sampler.epsilon > 0.0,
        may_stop=sampler.may_stop,
        stop_at_target=sampler.stop_at_target,
    )


def demonstrations(
    task: Task, tokens: Int[Tensor, "M L"], *, rng: torch.Generator, size: int | None = 64
) -> Iterator[Batch]:
    """Batches of `size` given rows, drawn with replacement; `size=None`: all rows, every time."""
    task.vocab.check(tokens)
    if len(tokens) == 0:
        raise InputError("demonstrations needs at least one row of tokens, none was given")
    if size is not None:
        whole(size, "size", least=1, most=MOST_ROWS)
    source = Source(None)
    everything = replace(task.batch(tokens), source=source)
    while size is None:
        yield everything
    lengths = (tokens != task.vocab.end).sum(1)
    while True:
        rows = torch.randint(len(tokens), (size,), generator=rng)
        longest = int(lengths[rows].max())
        yield Batch(
            everything.chosen[rows, :longest],
            everything.reward[rows, :longest],
            tokens[rows, : longest + 1],
            source=source,
        )


def on_policy(
    model: PathModel,
    task: Task,
    *,
    rng: torch.Generator,
    sampler: Sampler | None = None,
    size: int = 64,
    group: int = 0,
    record_probs: bool = False,
) -> Iterator[Batch]:
    """Batches of `size` rollouts of the model as it is now, for pairs drawn with replacement.

    With a `group` of G the batch has G rollouts for each of size / G different pairs, side by side,
    as losses need them that compare the paths of one pair (`planrl.objectives`).

    Off-policy data is this stream with another model, `on_policy(base, task, ...)`, or with a
    sampler that does not draw from softmax(logits). A batch knows which model drew it. For
    importance weights `record_probs` adds the `log_probs`, which costs one more forward pass.
    """
    whole(size, "size", least=1, most=MOST_ROWS)
    pairs = len(task.pairs)
    if whole(group, "group", least=0) and (size % group or size // group > pairs):
        raise InputError(
            f"group={group} rollouts for each of size / group = {size}/{group} different pairs: "
            f"take a size that is a multiple of {group}, at most {group * pairs} for {pairs} pairs"
        )
    sampler = sampler or Sampler()
    while True:
        if group:
            rows = torch.randperm(pairs, generator=rng)[: size // group].repeat_interleave(group)
        else:
            rows = torch.randint(pairs, (size,), generator=rng)
        source = _source(model, sampler)
        batch = task.batch(rollout(model, task.pairs[rows], rng=rng, sampler=sampler))
        probs = log_probs(model, batch.tokens, sampler) if record_probs else None
        yield replace(batch, source=source, log_probs=probs)


def replay(
    batches: Iterator[Batch], *, rng: torch.Generator, capacity: int = 100
) -> Iterator[Batch]:
    """Each time one new batch is stored and a random one of the last `capacity` is served."""
    whole(capacity, "capacity", least=1)
    kept: list[Batch] = []
    for count, batch in enumerate(batches):
        if len(kept) < capacity:
            kept.append(batch)
        else:
            kept[count % capacity] = batch
        yield kept[int(torch.randint(len(kept), (), generator=rng))]


def repeat(batches: Iterator[Batch], epochs: int) -> Iterator[Batch]:
    """Each batch `epochs` times in a row: the inner epochs of PPO.

    After the first time a batch is off-policy: its losses need on_policy(record_probs=True).
    """
    whole(epochs, "epochs", least=1)
    for batch in batches:
        for _ in range(epochs):
            yield batch

"""What needs no model: paths to learn from, reachability, the check of answers, the import."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from functools import cache

import peers_graph
import torch
from harness import Row, Work
from setting import PATHS_PER_PAIR, Dataset, distance, expected_distance, task_of

import planrl as pr


def again(task: pr.Task) -> pr.Task:
    """The same task on a graph that has not worked anything out yet."""
    return pr.all_pairs(pr.Graph(task.graph.n, task.graph.edges))


def lengths(rows: torch.Tensor, end: int) -> torch.Tensor:
    """Nodes of each row's path."""
    return (rows != end).sum(1).double() - 2


def exact_probs(task: pr.Task, draws: int) -> tuple[bool, str]:
    """Whether the paths of one pair come as often as their exact chances say."""
    ones = torch.eye(task.graph.n, dtype=torch.float64)
    paths = torch.linalg.solve_triangular(ones - task.graph.adjacency.double(), ones, upper=True)
    counts = paths[task.pairs[:, 0], task.pairs[:, 1]]  # roughly: some are beyond 64 bits
    pair = task.pairs[((counts >= 150) & (counts <= 600)).nonzero()[0]]
    source, target = pair[0].tolist()
    net = peers_graph.graph_of(task.graph)
    probs = peers_graph.probs(net, peers_graph.reaching(net)[target], source, target)
    number = {path: k for k, path in enumerate(probs)}
    rows = pr.sample_paths(pr.Task(task.graph, pair), draws, pr.seeded(0, "one pair's paths"))
    kinds, count = rows.unique(dim=0, return_counts=True)
    seen = torch.zeros(len(probs))
    for row, often in zip(kinds.tolist(), count.tolist(), strict=True):
        seen[number[tuple(row[2 : row.index(task.graph.n)])]] = often
    probabilities = torch.tensor(list(probs.values()), dtype=torch.float64)
    gap, due = distance(seen, probabilities), expected_distance(probabilities, draws)
    return gap <= 1.5 * due, (
        f"the {len(probs)} paths of one pair, drawn {draws:,} times, are {gap:.4f} (total variation) "
        f"from their exact law, {due:.4f} expected of true draws"
    )


def paths_row(dataset: Dataset, n: int, *, prepared_sets: bool) -> Row:
    """Ten paths for every pair, next to a loop that has sets of useful nodes or asks each time."""
    task = cache(lambda: task_of(n))
    net = cache(lambda: peers_graph.graph_of(task().graph))
    prepared: list[float] = []

    @cache
    def useful() -> list[set[int]]:
        began = time.process_time()
        sets = peers_graph.reaching(net())
        prepared.append(time.process_time() - began)
        return sets

    rng, coin, each = pr.seeded(0, "our paths"), random.Random(0), PATHS_PER_PAIR

    @cache
    def asked() -> list[list[int]]:
        pairs = task().pairs.tolist()
        few = dataset.size.peer_pairs if prepared_sets else 40
        return (
            pairs
            if (n <= 100 and prepared_sets) or few >= len(pairs)
            else random.Random(0).sample(pairs, few)
        )

    def ours() -> Work:
        fresh = again(task())
        return Work(len(pr.sample_paths(fresh, each, rng)))

    def peer() -> Work:
        return Work(len(loop(asked(), coin)))

    def loop(pairs: list[list[int]], coin: random.Random) -> list[list[int]]:
        if prepared_sets:
            return peers_graph.rollouts(net(), useful(), pairs, each, coin)
        return peers_graph.rollouts_that_ask(net(), pairs, each, coin)

    def check() -> tuple[bool, str]:
        graph = task().graph
        some = pr.Task(graph, torch.tensor(asked()))
        mine = pr.sample_paths(some, each, pr.seeded(0, "paths to compare"))
        theirs = loop(asked(), random.Random(1))
        right = int(pr.is_path(graph, mine).sum())
        other = torch.tensor([len(path) for path in theirs], dtype=torch.float64)
        ahead = (lengths(mine, graph.n) - other).view(-1, each).mean(1)  # one number a pair
        errors = float(ahead.mean() / (ahead.std() / len(ahead) ** 0.5))
        lawful, how = exact_probs(task(), dataset.size.draws)
        return right == len(mine) and abs(errors) <= 4 and lawful, (
            f"{right:,} of {len(mine):,} paths are right; mean lengths differ by {abs(errors):.1f} "
            f"standard errors; {how}"
        )

    def note() -> str:
        part = len(asked()) / len(task().pairs)
        sample = "" if part == 1 else f", timed on {len(asked()):,} pairs and counted per path"
        sets = (
            f"; the peer's sets are made before the timing starts, in {prepared[0] * 1e3:.0f} CPU-ms"
            if prepared_sets
            else ""
        )
        return (
            f"ours builds graph, reachability and tables in every call ({len(task().pairs):,} "
            f"pairs){sets}{sample}"
        )

    return Row(
        name=f"10 paths per pair n={n} vs {'networkx' if prepared_sets else 'asking networkx'}",
        ours=ours,
        peer=peer,
        check=check,
        peer_name=f"networkx loop, {'sets prepared' if prepared_sets else 'has_path at each step'}",
        unit="paths/s",
        goal=100.0 if prepared_sets else None,
        note=note,
    )


def reachability_row(n: int, *, by_descendants: bool) -> Row:
    """Who reaches whom."""
    edges = cache(lambda: task_of(n).graph.edges)
    net = cache(lambda: peers_graph.graph_of(pr.Graph(n, edges())))
    found = {}

    def ours() -> None:
        found["ours"] = pr.Graph(n, edges()).reachability

    def peer() -> None:
        found["peer"] = peers_graph.closure(net(), by_descendants=by_descendants)

    def check() -> tuple[bool, str]:
        unlike = int((found["ours"] != found["peer"]).sum())
        return unlike == 0, f"{unlike} of {n * n:,} entries differ"

    how = "descendants of each node" if by_descendants else "transitive_closure_dag"
    return Row(
        name=f"reachability n={n} vs {'descendants' if by_descendants else 'closure'}",
        ours=ours,
        peer=peer,
        check=check,
        peer_name=f"networkx {how}",
        note="ours builds the Graph from its edges too; the peer has its DiGraph",
    )


def check_row(dataset: Dataset) -> Row:
    """Are these answers right?"""
    graph = cache(lambda: dataset.task.graph)
    rows = cache(lambda: dataset.walks(dataset.size.checked))
    texts = cache(lambda: dataset.task.vocab.show(rows()))
    net = cache(lambda: peers_graph.graph_of(graph()))
    found, times = {}, 10

    def ours() -> Work:
        for _ in range(times):
            found["ours"] = pr.is_path(graph(), rows())
        return Work(times)

    def peer() -> None:
        found["peer"] = torch.tensor([peers_graph.verdict(net(), text) for text in texts()])

    def check() -> tuple[bool, str]:
        alike = int((found["ours"] == found["peer"]).sum())
        right = int(found["ours"].sum())
        return alike == len(rows()), f"{alike:,} of {len(rows()):,} verdicts agree, {right:,} right"

    return Row(
        name=f"path check of {dataset.size.checked} rows",
        ours=ours,
        peer=peer,
        check=check,
        peer_name="Python loop over strings, has_edge",
        goal=10.0,
    )


def import_row() -> Row:
    """What `import planrl` costs beyond `import torch`."""

    def of(module: str) -> Work:
        before = os.times()
        command = [sys.executable, "-c", f"import {module}"]
        subprocess.run(command, check=True)
        after = os.times()
        spent = after.children_user + after.children_system
        return Work(1, spent - before.children_user - before.children_system)

    def check() -> tuple[bool, str]:
        code = "import sys, planrl; print('torch' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        return done.stdout == "True\n", f"importing planrl imports torch: {done.stdout.strip()}"

    return Row(
        name="import planrl, in terms of import torch",
        ours=lambda: of("planrl"),
        peer=lambda: of("torch"),
        check=check,
        peer_name="import torch",
        goal=1.2,
        at_most=True,
        note="ratio = ours / torch; CPU seconds of a new Python each time",
    )


def data_rows(dataset: Dataset) -> list[Row]:
    """The rows of this module."""
    big = dataset.size.big_graph
    return [
        *(
            paths_row(dataset, n, prepared_sets=prepared)
            for prepared in (True, False)
            for n in (100, big)
        ),
        *(reachability_row(n, by_descendants=way) for n in (100, big) for way in (False, True)),
        check_row(dataset),
        import_row(),
    ]

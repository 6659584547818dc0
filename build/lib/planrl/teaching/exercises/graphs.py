"""Exercises on graphs: reachability, numbers of paths, correct next nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from planrl.graphs import Graph, chain, diamond, random_dag, seeded
from planrl.tasks import all_pairs
from planrl.teaching.exercises.checks import Feedback, ask


def reachability(function: Callable[[Tensor], Any]) -> Feedback:
    """Try function(adjacency [N, N]) -> reachability [N, N], target first."""
    graphs = [chain(4), diamond(2), random_dag(15, 0.2, seeded(0, "graph"))]
    for graph in [*graphs, Graph(3, [(0, 1), (1, 0), (1, 2)])]:
        answer, wrong = ask(function, graph.adjacency.clone())
        if wrong:
            return wrong
        table, n = torch.as_tensor(answer).bool(), graph.n
        told = f"On the graph with edges {list(graph.edges)[:4]}"
        if table.shape != (n, n):
            return Feedback(False, f"{told}: expected a table {n} x {n}, got {list(table.shape)}.")
        if torch.equal(table, graph.reachability):
            continue
        if torch.equal(table, graph.reachability.T):
            hint = "your table has the source first; R[target, from] has the target first."
        elif torch.equal(table | torch.eye(n, dtype=torch.bool), graph.reachability):
            hint = "every node reaches itself: the diagonal is true."
        elif not (table & ~graph.reachability).any():
            hint = "some longer paths are missing: repeat until nothing changes."
        else:
            hint = "some nodes are marked as reachable although no path leads to them."
        return Feedback(False, f"{told}: {hint}")
    return Feedback(
        True, "For four graphs, one with a cycle, your table equals graph.reachability."
    )


def path_count(function: Callable[[Tensor, int, int], Any]) -> Feedback:
    """Try function(adjacency, source, target) -> number of paths."""
    for graph in (chain(4), diamond(3), random_dag(10, 0.4, seeded(0, "graph"))):
        truth = graph.count_paths()
        for source, target in all_pairs(graph).pairs.tolist():
            answer, wrong = ask(function, graph.adjacency.clone(), source, target)
            if wrong:
                return wrong
            wanted = int(truth[target, source])
            if int(answer) != wanted:
                hint = ""
                if int(answer) == 1:
                    hint = " Sum over all next nodes; do not stop at the first that has a path."
                elif int(answer) == 0:
                    hint = " At the target itself there is one path: the empty one."
                told = f"From {source} to {target} on edges {list(graph.edges)[:5]}"
                return Feedback(False, f"{told}: expected {wanted}, got {int(answer)}.{hint}")
    return Feedback(True, "For every pair of three graphs your counts equal graph.count_paths().")


def correct_steps(function: Callable[[Tensor, Tensor, int, int], Any]) -> Feedback:
    """Try function(adjacency, reachability, target, current) -> the correct next nodes."""
    for graph in (chain(4), diamond(3), random_dag(12, 0.3, seeded(0, "graph"))):
        tables = graph.adjacency, graph.reachability
        for source, target in all_pairs(graph).pairs.tolist():
            answer, wrong = ask(function, *(table.clone() for table in tables), target, source)
            if wrong:
                return wrong
            found, wrong = ask(lambda answer=answer: {int(node) for node in answer})
            if wrong:
                return Feedback(False, "Return the nodes themselves, as a list of whole numbers.")
            edges = set(graph.adjacency[source].nonzero().flatten().tolist())
            reach = set(graph.reachability[target].nonzero().flatten().tolist())
            if found == edges & reach:
                continue
            told = (
                f"At node {source} with target {target}: expected {sorted(edges & reach)}, got "
                f"{sorted(found)}."
            )
            if found == edges:
                hint = "Those are all edges: leave out next nodes that cannot reach the target."
            elif found == reach:
                hint = "Those are all nodes that reach the target: a step must also be an edge."
            elif found == edges & set(graph.reachability[:, target].nonzero().flatten().tolist()):
                hint = "The target comes first in R: R[target, k] says that k reaches it."
            elif found == edges & reach - {target}:
                hint = "The target reaches itself: the last step into it is correct."
            else:
                hint = "A node is correct if A[current, k] and R[target, k] are both true."
            return Feedback(False, f"{told} {hint}")
    return Feedback(
        True, "For every question of three graphs the nodes equal those of graph.correct."
    )

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
            hint = "some longer paths are missing: go on until nothing new is reached."
        else:
            hint = "it says that some nodes are reached that no path leads to."
        return Feedback(False, f"{told}: {hint}")
    return Feedback(True, "Four graphs, one with a cycle, all agree with graph.reachability.")


def path_count(function: Callable[[Tensor, int, int], Any]) -> Feedback:
    """Try function(adjacency, source, target) -> number of different paths."""
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
                    hint = " Sum over all next nodes, do not stop at the first that leads there."
                elif int(answer) == 0:
                    hint = " At the target itself there is one path: the empty one."
                told = f"From {source} to {target} on edges {list(graph.edges)[:5]}"
                return Feedback(False, f"{told}: expected {wanted}, got {int(answer)}.{hint}")
    return Feedback(True, "Three graphs, every pair: the counts agree with graph.count_paths().")


def correct_steps(function: Callable[[Tensor, Tensor, int, int], Any]) -> Feedback:
    """Try function(adjacency, reachability, target, here) -> the nodes of C(target, here)."""
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
                f"At {source} on the way to {target}: expected {sorted(edges & reach)}, got "
                f"{sorted(found)}."
            )
            if found == edges:
                hint = "Those are all edges: leave out steps from which the target is out of reach."
            elif found == reach:
                hint = "Those are all nodes that reach the target: one can only step along an edge."
            elif found == edges & set(graph.reachability[:, target].nonzero().flatten().tolist()):
                hint = "The target comes first in R: R[target, k] says that k reaches it."
            elif found == edges & reach - {target}:
                hint = "The target reaches itself: the last step into it is right."
            else:
                hint = "A node is correct if A[here, k] and R[target, k] are both true."
            return Feedback(False, f"{told} {hint}")
    return Feedback(True, "Three graphs, every question: the nodes agree with graph.correct.")

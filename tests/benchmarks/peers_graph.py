"""NetworkX and plain Python as a peer: reachability, random right answers, and their check."""

from __future__ import annotations

import random
from typing import Any

import networkx as nx
import torch

import planrl as pr


def graph_of(graph: pr.Graph) -> Any:
    """The same graph as a DiGraph."""
    net = nx.DiGraph()
    net.add_nodes_from(range(graph.n))
    net.add_edges_from(graph.edges)
    return net


def reaching(net: Any) -> list[set[int]]:
    """For each target the nodes from which it is reached, itself among them."""
    return [nx.ancestors(net, target) | {target} for target in range(len(net))]


def closure(net: Any, *, by_descendants: bool) -> torch.Tensor:
    """R[target, from], every node reaching itself."""
    matrix = torch.eye(len(net), dtype=torch.bool)
    if by_descendants:
        for node in net:
            matrix[list(nx.descendants(net, node)), node] = True
    else:
        start, next_node = torch.tensor(list(nx.transitive_closure_dag(net).edges)).T
        matrix[next_node, start] = True
    return matrix


def rollouts(
    net: Any, useful: list[set[int]], pairs: list[list[int]], each: int, rng: random.Random
) -> list[list[int]]:
    """`each` paths for every pair, the next node uniform among those that lead to the target."""
    rows = []
    for source, target in pairs:
        leads = useful[target]
        for _ in range(each):
            path = [source]
            while path[-1] != target:
                path.append(rng.choice([v for v in net.successors(path[-1]) if v in leads]))
            rows.append(path)
    return rows


def rollouts_that_ask(
    net: Any, pairs: list[list[int]], each: int, rng: random.Random
) -> list[list[int]]:
    """The same walks as one writes them first: at every step each successor is asked for a path."""
    rows = []
    for source, target in pairs:
        for _ in range(each):
            path = [source]
            while path[-1] != target:
                path.append(
                    rng.choice([v for v in net.successors(path[-1]) if nx.has_path(net, v, target)])
                )
            rows.append(path)
    return rows


def probs(net: Any, useful: set[int], source: int, target: int) -> dict[tuple[int, ...], float]:
    """Every path from source to target with the probability that such a rollout takes it."""
    found, open_paths = {}, [((source,), 1.0)]
    while open_paths:
        path, probability = open_paths.pop()
        if path[-1] == target:
            found[path] = probability
            continue
        next_node = [v for v in net.successors(path[-1]) if v in useful]
        open_paths += [((*path, v), probability / len(next_node)) for v in next_node]
    return found


def verdict(net: Any, text: str) -> bool:
    """Whether a row, as text without filling, is a right answer."""
    words = text.split()
    if words[-1] != "END" or words[0] != words[2]:
        return False
    path = [int(word) for word in words[2:-1]]
    if not path or path[-1] != int(words[1]):
        return False
    return all(net.has_edge(a, b) for a, b in zip(path, path[1:]))  # noqa: B905, RUF007

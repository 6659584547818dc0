"""Exact measures of a table of policies: where its paths arrive, how long and how diverse they are.

A table of policies is a tensor [target, current, next] of probabilities over nodes. Rows that are
nan, and the row of the target itself, are never used. Each target is one linear system, or one
recursion over path lengths; nothing is sampled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError, whole
from planrl.graphs import Graph, check_size

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

MOST_TARGETS = 300  # nodes of a graph: each target costs a linear system
GONE = 1e-9  # a path that is never ended: what it may lose


def steps_of(policy: Float[Tensor, "N N N"]) -> Iterator[tuple[int, Float[Tensor, "N N"]]]:
    """Each target with its transition probabilities [current, next], the target absorbing."""
    check_size(len(policy), MOST_TARGETS, "an exact measure of paths")
    for target in range(len(policy)):
        steps = policy[target].double().nan_to_num(0.0)
        steps[target] = 0.0
        yield target, steps


def arrival(
    policy: Float[Tensor, "N N N"], graph: Graph, *, steps: int | None = None
) -> Float[Tensor, "N N"]:
    """The probability that a path is correct, [target, source]: it arrives by edges only.

    With `steps` it has to arrive within so many steps. 1 where the source is the target.
    """
    adjacency = graph.adjacency.double()
    longest = None if steps is None else whole(steps, "steps", least=0)
    found = torch.zeros(graph.n, graph.n, dtype=torch.float64)
    for target, taken in steps_of(policy):
        legal = taken * adjacency
        ahead = torch.zeros(graph.n, dtype=torch.float64)
        ahead[target] = 1.0
        if longest is None:
            found[target] = _ever(legal, ahead, graph.reachability[target])
        else:
            for _ in range(longest):
                ahead = legal @ ahead
                ahead[target] = 1.0
            found[target] = ahead
    return found


def _ever(legal: Tensor, arrived: Tensor, able: Tensor) -> Tensor:
    """The least solution of h = legal h + arrived: nodes from which no path arrives have h = 0."""
    possible = able & _leads(legal, arrived > 0)
    inner = (legal * possible).mul(possible[:, None])
    h = torch.linalg.solve(torch.eye(len(legal), dtype=torch.float64) - inner, arrived * possible)
    return torch.where(possible, h.clamp(0.0, 1.0), 0.0)


def _leads(steps: Tensor, goal: Tensor) -> Tensor:
    """From which nodes steps of positive probability lead to a goal."""
    there = goal
    while True:
        wider = there | ((steps > 0) & there).any(1)
        if torch.equal(wider, there):
            return there
        there = wider


def expected_length(policy: Float[Tensor, "N N N"]) -> Float[Tensor, "N N"]:
    """The mean number of steps until the target, illegal ones included, [target, source].

    inf where a path may never arrive, nan where no policy is given.
    """
    return _summed(policy, torch.ones_like(policy[..., 0], dtype=torch.float64))


def path_entropy(policy: Float[Tensor, "N N N"]) -> Float[Tensor, "N N"]:
    """The entropy of the distribution of paths, in nats, [target, source].

    It is the expected sum of the entropies of the choices along a path. inf where a path may never
    arrive, nan where no policy is given.
    """
    return _summed(policy, torch.special.entr(policy.double()).sum(-1))


def _summed(policy: Tensor, each: Tensor) -> Tensor:
    """The expected sum of `each` [target, current] over the nodes of a path before its target."""
    n = len(policy)
    found = torch.full((n, n), torch.nan, dtype=torch.float64)
    for target, taken in steps_of(policy):
        goal = torch.zeros(n, dtype=torch.bool)
        goal[target] = True
        lost = ~goal & ((taken.sum(1) - 1).abs() > GONE)  # no policy there
        stuck = ~_leads(taken, goal) | lost
        bad = _leads(taken, stuck)
        inner = taken * ~bad[:, None]
        given = torch.where(bad | goal, 0.0, each[target].nan_to_num(0.0))
        total = torch.linalg.solve(torch.eye(n, dtype=torch.float64) - inner, given)
        total = torch.where(bad, torch.inf, total)
        found[target] = total.masked_fill(policy[target].isnan().any(-1) & ~goal, torch.nan)
    return found


def uniform_steps(graph: Graph) -> Float[Tensor, "N N N"]:
    """U_C: uniform on the correct next nodes, [target, current, next]; nan where there is none.

    On a graph with cycles its paths come back to nodes; Theorem 4.3 measures against it.
    """
    correct = graph.correct.double()
    correct.diagonal(dim1=0, dim2=1).zero_()  # [next, target = current]
    return correct / correct.sum(-1, keepdim=True)


def greedy(values: Float[Tensor, "N N N"], *, within: float = 1e-9) -> Float[Tensor, "N N N"]:
    """The policy of the largest value, [target, current, next]; ties are split evenly.

    Values that differ by at most `within` tie. nan where any value is nan.
    """
    if within < 0:
        raise InputError(f"within={within} was given: a difference of values is at least 0")
    best = values.nan_to_num(-torch.inf).amax(-1, keepdim=True)
    tied = (values >= best - within).double()
    policy = tied / tied.sum(-1, keepdim=True)
    return torch.where(values.isnan().any(-1, keepdim=True), torch.nan, policy)


def check_dag(graph: Graph, what: str) -> None:
    """Raise InputError unless the graph is a DAG."""
    if not graph.is_dag:
        raise InputError(f"{what} needs a graph without directed cycles, and this one has one")
